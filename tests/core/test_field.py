"""What the field says: rain and how long ago, a person who puts watering off, floats, and the soil."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from villages import village

from edge.core.events import Effect, InputChanged, Persist
from edge.core.field import KEEP_S, Field
from edge.core.run_words import WHY, words
from edge.core.site import IrrigationProgram, Site
from edge.core.values import Moment, Row

A, B, PUMP = "valve/a", "valve/b", "pump/well"
BOTH = [A, B]
HOUR = 3600.0


def site(**pump: Any) -> Site:
    bounds = {"max_on": "2h", "daily_max": "6h"}
    sensors = {
        name: {"name": name, "model": "soil", "port": "bus", "address": 21 + i, "poll": "60s", "record": "10m"}
        for i, name in enumerate(("east", "west"))
    }
    valves = {
        name: {"name": name, "output": {"gpio": 5 + i}, "pump": "well", "soil": probe, "default": "20m", **bounds}
        for i, (name, probe) in enumerate((("a", "east"), ("b", "west"), ("bare", None)))
        for probe in [probe]
    }
    inputs = {
        "rain": {"gpio": 20, "role": "rain"}, "roof": {"gpio": 22, "role": "rain"},
        "tank": {"gpio": 21, "role": "level", "low_is": "empty"}, "pond": {"gpio": 23, "role": "level", "low_is": "full"},
    }
    well = {"name": "Bơm", "output": {"gpio": 24}, "stop_when": {"tank": "empty"}, **bounds, **pump}
    return village(lights={}, inputs=inputs, valves=valves, sensors=sensors, pumps={"well": well})


def program(**more: Any) -> IrrigationProgram:
    """One that waters both zones."""
    plain = {"kind": "irrigation", "start": "05:00", "zones": [{"a": "20m"}, {"b": "20m"}], **more}
    return IrrigationProgram.model_validate(plain)


class Garden:
    """A field, its probes, its journal, and clocks to move."""

    def __init__(self, kept: dict[str, Row] | None = None, trusted: bool = True, **more: Any) -> None:
        self.site = site(**more.pop("pump", {}))
        self.now = Moment(1_795_000_000.0, 1000.0, "b", trusted)
        self.kept: dict[str, Row] = dict(kept or {})
        self.writes = 0
        self.programs: dict[str, IrrigationProgram] = {"p": program(**more)}
        self.probes: dict[str, float | None] = {"sensor/east": 20.0, "sensor/west": 20.0}
        self.begin()

    def begin(self) -> None:
        self.field = Field(self.site, self.programs, dict(self.kept), self._shows)
        self.step()

    def _shows(self, device: str, quantity: str, _moment: Moment) -> float | None:
        assert quantity == "moisture_pct"
        return self.probes[device]

    def do(self, effects: list[Effect]) -> None:
        for effect in effects:
            assert isinstance(effect, Persist)
            assert effect.key[0] == "field"
            self.writes += 1
            if effect.row is None:
                self.kept.pop(effect.key[1], None)
            else:
                self.kept[effect.key[1]] = effect.row

    def step(self) -> None:
        self.do(self.field.step(self.now))

    def says(self, name: str, on: bool | None, error: str | None = None) -> None:
        self.do(self.field.feel(InputChanged(f"input/{name}", on, error), self.now))

    def wait(self, seconds: float, by_wall: float | None = None) -> None:
        """Let time pass as the field asks for it; the wall clock goes another way if told."""
        end = self.now.mono + seconds
        while self.now.mono < end:
            passed = min(max(self.field.wake - self.now.mono, 1.0), end - self.now.mono)
            self.now = replace(self.now, wall=self.now.wall + passed, mono=self.now.mono + passed)
            self.step()
        if by_wall is not None:
            self.now = replace(self.now, wall=self.now.wall - seconds + by_wall)

    def clock(self, by: float = 0.0, trusted: bool = True) -> None:
        self.now = replace(self.now, wall=self.now.wall + by, trusted=trusted)

    def reboot(self, after_s: float, trusted: bool = True) -> None:
        self.now = Moment(self.now.wall + after_s, 50.0, f"{self.now.boot}+", trusted)
        self.begin()

    def skip(self) -> str | None:
        return self.field.skip(self.programs["p"], BOTH, self.now)

    def failing(self) -> dict[str, object]:
        return {device: data["why"] for kind, device, holds, data in self.field.conditions() if holds and kind == "input-failing"}


WET: dict[str, Any] = {"skip_when": {"rain": True, "rain_delay": "6h"}}


# --- rain ---


def test_a_run_is_skipped_while_it_rains_and_for_the_delay_after_the_last_drop() -> None:
    g = Garden(**WET)
    assert g.skip() is None
    g.says("rain", True)
    assert g.skip() == "rain"
    g.wait(HOUR)
    g.says("rain", False)
    assert g.skip() == "rain-delay"
    g.wait(6 * HOUR - 1)
    assert g.skip() == "rain-delay"
    g.wait(1)
    assert g.skip() is None


def test_rain_is_nothing_to_a_program_that_does_not_ask() -> None:
    g = Garden()
    g.says("rain", True)
    assert g.skip() is None


def test_any_of_several_rain_inputs_is_enough() -> None:
    g = Garden(**WET)
    g.says("rain", False)
    g.says("roof", True)
    assert (g.skip(), g.field.raining()) == ("rain", True)


def test_rain_that_is_not_known_is_none_and_is_told() -> None:
    g = Garden(**WET)
    assert g.failing() == {}
    g.says("rain", None, "line 20 is busy")
    assert (g.skip(), g.failing()) == (None, {"input/rain": "line 20 is busy"})
    g.says("rain", False)
    assert g.failing() == {}


def test_the_wall_clock_does_not_change_how_long_ago_it_rained() -> None:
    g = Garden(**WET)
    g.says("rain", True)
    g.says("rain", False)
    g.wait(HOUR, by_wall=-86400.0)
    assert g.skip() == "rain-delay"
    g.wait(4 * HOUR, by_wall=30 * 86400.0)
    assert g.skip() == "rain-delay"
    g.wait(HOUR)
    assert g.skip() is None


def test_the_last_rain_outlasts_a_reboot() -> None:
    g = Garden(**WET)
    g.says("rain", True)
    g.says("rain", False)
    g.reboot(5 * HOUR)
    assert g.skip() == "rain-delay"
    g.wait(HOUR + 1)
    assert g.skip() is None


def test_after_a_reboot_rain_counts_once_the_clock_is_confirmed() -> None:
    g = Garden(**WET)
    g.says("rain", True)
    g.says("rain", False)
    g.reboot(-400 * 86400.0, trusted=False)
    assert g.skip() is None
    g.clock(400 * 86400.0 + HOUR)
    assert g.skip() == "rain-delay"


def test_rain_of_a_time_yet_to_come_has_not_fallen() -> None:
    g = Garden(**WET)
    g.says("rain", True)
    g.says("rain", False)
    g.reboot(-HOUR)
    assert g.skip() is None


def test_rain_under_a_clock_that_nobody_confirms_is_kept_when_it_is_confirmed() -> None:
    g = Garden(trusted=False, **WET)
    g.says("rain", True)
    g.says("rain", False)
    g.wait(HOUR)
    assert (g.kept, g.skip()) == ({}, "rain-delay")
    g.clock(1e8)
    g.step()
    assert g.kept["rain"]["value"] == pytest.approx(g.now.wall - HOUR)


def test_while_it_rains_the_journal_is_told_every_ten_minutes() -> None:
    g = Garden(**WET)
    g.says("rain", True)
    assert g.writes == 1
    g.wait(HOUR + 60)
    assert g.writes == 7
    assert g.now.wall - float(g.kept["rain"]["value"] or 0) <= KEEP_S


def test_a_gauge_that_flutters_writes_no_more() -> None:
    g = Garden(**WET)
    for i in range(600):
        g.says("rain", i % 2 == 0)
        g.wait(1)
    assert g.writes == 1


# --- a person ---


def test_a_person_puts_watering_off_until_then_or_takes_it_back() -> None:
    g = Garden()
    g.do(g.field.put_off(g.now.wall + HOUR, "head", g.now))
    assert g.skip() == "put-off"
    assert g.field.put_off_until(g.now) == (g.now.wall + HOUR, "head")
    g.reboot(60)
    assert g.skip() == "put-off"
    g.do(g.field.put_off(None, "head", g.now))
    assert (g.skip(), g.kept) == (None, {})


def test_what_was_put_off_goes_on_by_itself() -> None:
    g = Garden()
    g.do(g.field.put_off(g.now.wall + HOUR, "head", g.now))
    g.wait(HOUR + 10)
    assert (g.skip(), g.field.put_off_until(g.now), g.kept) == (None, None, {})


def test_a_putting_off_without_a_confirmed_clock_is_measured_from_then_on() -> None:
    g = Garden(trusted=False)
    g.do(g.field.put_off(g.now.wall + HOUR, "head", g.now))
    g.clock(1e8)
    g.step()
    assert g.skip() == "put-off"
    g.reboot(HOUR - 60)
    assert g.skip() == "put-off"
    g.wait(61)
    assert g.skip() is None


# --- floats ---


def test_a_pump_may_run_once_its_tank_is_known_not_to_be_empty() -> None:
    g = Garden()
    assert g.field.level_stop(PUMP) == "tank-unknown"
    g.says("tank", False)
    assert g.field.level_stop(PUMP) is None
    g.says("tank", True)
    assert g.field.level_stop(PUMP) == "tank-empty"
    g.says("tank", None, "busy")
    assert (g.field.level_stop(PUMP), g.failing()) == ("tank-unknown", {"input/tank": "busy"})


def test_after_empty_the_float_must_say_otherwise_for_a_minute() -> None:
    g = Garden()
    g.says("tank", True)
    g.wait(100)
    g.says("tank", False)
    assert g.field.level_stop(PUMP) == "tank-settling"
    g.wait(50)
    g.says("tank", True)
    g.says("tank", False)
    g.wait(59)
    assert g.field.level_stop(PUMP) == "tank-settling"
    assert g.field.wake <= g.now.mono + 1
    g.wait(1)
    assert g.field.level_stop(PUMP) is None


def test_a_pump_that_fills_stops_when_the_pond_is_full_and_knows_a_low_line_for_it() -> None:
    g = Garden(pump={"stop_when": {"tank": "empty", "pond": "full"}})
    g.says("tank", False)
    assert g.field.level_stop(PUMP) == "tank-unknown"
    g.says("pond", False)
    assert g.field.level_stop(PUMP) is None
    g.says("pond", True)
    assert g.field.level_stop(PUMP) == "tank-full"


def test_a_pump_without_a_float_and_one_that_is_not_there_are_never_stopped() -> None:
    g = Garden(pump={"stop_when": {}})
    assert (g.field.level_stop(PUMP), g.field.level_stop("pump/other")) == (None, None)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from([True, False, None]), st.floats(0, 90)), max_size=30))
def test_no_pump_runs_on_an_empty_or_unknown_tank_nor_within_a_minute_of_an_empty_one(said: list[tuple[bool | None, float]]) -> None:
    g = Garden()
    empty_at = None
    for low, seconds in said:
        g.says("tank", low)
        g.wait(seconds)
        if low:
            empty_at = g.now.mono
        calm = empty_at is None or g.now.mono >= empty_at + 60
        assert (g.field.level_stop(PUMP) is None) is (low is False and calm)


# --- soil ---


def test_a_run_is_skipped_when_all_its_zones_are_wet_and_a_wet_zone_is_left_out() -> None:
    g = Garden(skip_when={"soil_above": 35, "soil_below": 30})
    g.probes = {"sensor/east": 35.0, "sensor/west": 34.9}
    assert (g.skip(), g.field.skip_zone(g.programs["p"], A, g.now)) == (None, "soil-wet")
    assert g.field.skip_zone(g.programs["p"], B, g.now) is None
    g.probes["sensor/west"] = 36.0
    assert g.skip() == "soil-wet"
    assert g.field.skip(g.programs["p"], [A, B, "valve/bare"], g.now) is None
    assert g.field.skip(g.programs["p"], [], g.now) is None


def test_a_silent_probe_skips_nothing() -> None:
    g = Garden(skip_when={"soil_above": 35})
    g.probes = {"sensor/east": 50.0, "sensor/west": None}
    assert (g.skip(), g.field.soil(A, g.now), g.field.soil(B, g.now)) == (None, 50.0, None)
    assert g.field.soil("valve/bare", g.now) is None


def test_wet_soil_is_wet_until_it_is_below_the_lower_threshold_also_when_nobody_asks() -> None:
    g = Garden(skip_when={"soil_above": 35, "soil_below": 30})
    for east, wet in ((33.0, False), (35.0, True), (30.0, True), (29.9, False), (34.0, False)):
        g.probes["sensor/east"] = east
        g.wait(10)
        assert (g.field.skip_zone(g.programs["p"], A, g.now) == "soil-wet") is wet
    for east in (36.0, 29.0, 33.0):
        g.probes["sensor/east"] = east
        g.wait(10)
    assert g.field.skip_zone(g.programs["p"], A, g.now) is None


@settings(max_examples=50)
@given(st.lists(st.sampled_from([None, 10.0, 19.9, 20.0, 25.0, 32.0, 32.1, 40.0]), max_size=30))
def test_soil_is_dry_from_below_one_threshold_until_above_the_other_and_never_while_silent(said: list[float | None]) -> None:
    g = Garden(window="04:00..08:00", start=None, start_when={"soil_below": 20, "soil_above": 32})
    when = g.programs["p"].start_when
    assert when is not None
    dry = False
    for value in said:
        g.probes["sensor/east"] = value
        g.wait(10)
        if value is not None:
            dry = value < 20 or (dry and value <= 32)
        assert g.field.dry(when, A, g.now) is (dry and value is not None)


def test_dry_soil_asks_for_water_until_it_has_had_enough() -> None:
    start = {"soil_below": 20, "soil_above": 32}
    g = Garden(window="06:00..09:00", start=None, start_when=start)
    when = g.programs["p"].start_when
    assert when is not None
    for east, dry, wet in ((20.0, False, False), (19.9, True, False), (32.0, True, False), (32.1, False, True), (25.0, False, False)):
        g.probes["sensor/east"] = east
        assert (g.field.dry(when, A, g.now), g.field.wet(when, A, g.now)) == (dry, wet)
    g.probes["sensor/east"] = None
    assert (g.field.dry(when, A, g.now), g.field.wet(when, A, g.now)) == (False, False)
    assert (g.field.dry(when, "valve/bare", g.now), g.field.wet(when, "valve/bare", g.now)) == (False, False)


def test_thresholds_that_a_changed_program_has_no_more_are_forgotten() -> None:
    g = Garden(skip_when={"soil_above": 35, "soil_below": 30})
    old = g.programs["p"]
    g.probes["sensor/east"] = 40.0
    g.wait(10)
    g.programs["p"] = program(skip_when={"soil_above": 38, "soil_below": 30})
    g.wait(10)
    g.probes["sensor/east"] = 33.0
    g.wait(10)
    assert g.field.skip_zone(g.programs["p"], A, g.now) == "soil-wet"
    assert g.field.skip_zone(old, A, g.now) is None


# --- words ---


def test_every_reason_is_said_in_both_languages() -> None:
    assert all(vi and en and vi != en for vi, en in WHY.values())
    assert words("rain") == {"why": "it rains", "why_vi": "trời đang mưa"}


def test_the_contacts_are_named() -> None:
    assert Garden().field.names == ["input/rain", "input/roof", "input/tank", "input/pond"]
