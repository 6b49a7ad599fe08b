"""The example village's field in virtual time, its lines driven by hand: water, pulses, power, floats and soil agree."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from villages import when

from edge.shell.app import catalogue
from edge.shell.site_file import load
from simulator.fast import Fast
from simulator.fault_fast import FastStage
from simulator.faults import Faults, read
from simulator.hydraulics import Account

CONFIG = Path(__file__).parents[2] / "config" / "nguyen-ly.yaml"
SPRING = when("2026-02-15T12:00:00+07:00")
HAND = 77  # the process that drives the lines
LINES = {"pump-1": 24, "plot-1": 25, "plot-2": 12, "plot-3": 4, "plot-4": 18}


class Farm:
    """The example village and a hand on its lines."""

    def __init__(self) -> None:
        self.fast = Fast(unwatered(load(CONFIG, catalogue())), catalogue(), SPRING, 1, poll_s=3600)
        self.faults = Faults(FastStage(self.fast))

    def put(self, name: str, on: bool) -> None:
        board, pin = self.fast.village.board, LINES[name]
        board.claim(pin, int(not on), board.holder(pin) or HAND)

    def water(self, seconds: float, *valves: str) -> None:
        """As a controller does: valve first, pump after, and back."""
        for valve in valves:
            self.put(valve, True)
        self.fast.advance(5)
        self.put("pump-1", True)
        self.fast.advance(seconds)
        self.put("pump-1", False)
        self.fast.advance(3)
        for valve in valves:
            self.put(valve, False)

    def litres(self, valve: str = "plot-1") -> float:
        return self.fast.village.hydraulics.delivered_l(valve, self.fast.time.mono())

    def account(self) -> Account:
        return self.fast.village.hydraulics.account("pump-1", self.fast.time.mono())

    def pulses(self) -> int:
        return self.fast.village.pulsing.counted("input/main-flow", self.fast.time.mono())[0]

    def power(self) -> float:
        return self.fast.village.world.quantities("pump-house", self.fast.time.mono())["power_w"]

    def line(self, pin: int) -> int:
        return self.fast.village.board.level(pin)

    def fault(self, name: str, **fields: Any) -> str:
        return str(self.faults.inject(read({"fault": name, **fields})))


def unwatered(site: Any) -> Any:
    """The village whose programs move nothing but lights."""
    return site.model_copy(update={"programs": {n: p for n, p in site.programs.items() if p.kind == "light"}})


@pytest.fixture
def farm() -> Iterator[Farm]:
    made = Farm()
    yield made
    made.fast.close()


def test_a_run_by_hand_is_litres_pulses_power_and_moisture(farm: Farm) -> None:
    village = farm.fast.village
    before = {plot: village.moisture_pct(plot) for plot in ("plot-1", "plot-2")}
    farm.put("plot-1", True)
    farm.fast.advance(5)
    assert (farm.power(), farm.pulses()) == (0, 0)
    farm.put("pump-1", True)
    farm.fast.advance(1200)
    assert farm.power() == 750
    farm.put("pump-1", False)
    farm.fast.advance(3)
    farm.put("plot-1", False)
    assert farm.litres() == pytest.approx(240, abs=2)
    assert farm.pulses() == pytest.approx(240 * 7.5, abs=15)
    assert (farm.power(), farm.account().shut_s) == (0, 0)
    assert village.moisture_pct("plot-1") - before["plot-1"] == pytest.approx(10 / 3, abs=0.3)
    assert village.moisture_pct("plot-2") <= before["plot-2"]
    farm.fast.advance(7200)
    shown = village.soil.probe_pct("soil-1", farm.fast.time.wall())
    assert shown == pytest.approx(village.moisture_pct("plot-1"), abs=0.2)


def test_a_pump_that_runs_alone_is_counted_to_the_second(farm: Farm) -> None:
    farm.put("pump-1", True)
    farm.fast.advance(7)
    farm.put("plot-1", True)
    farm.fast.advance(60)
    assert farm.account().shut_s == 7
    assert farm.account().on_s == 67


def test_without_mains_valves_close_and_the_pump_stands(farm: Farm) -> None:
    farm.put("plot-1", True)
    farm.put("pump-1", True)
    farm.fast.advance(60)
    key = farm.fault("mains-cut")
    before = farm.litres()
    farm.fast.advance(60)
    assert (farm.litres(), farm.fast.village.hydraulics.opens("plot-1")) == (before, False)
    farm.faults.clear(key)
    farm.fast.advance(60)
    assert farm.litres() > before + 9


def test_the_floats_and_the_rain_are_on_their_lines(farm: Farm) -> None:
    assert farm.line(21) == 1  # not empty
    dry = farm.fault("well-dry", on="pump/pump-1")
    assert farm.line(21) == 0
    hangs = farm.fault("float-stuck", on="input/tank", full=True)
    assert farm.line(21) == 1
    farm.water(60, "plot-1")
    assert (farm.litres(), farm.pulses()) == (0, 0)
    assert farm.account().dry_s == 60
    farm.faults.clear(dry)
    farm.faults.clear(hangs)
    assert farm.line(21) == 1


def test_the_rain_gauges_line_follows_the_showers_unless_it_is_stuck(farm: Farm) -> None:
    rain, start = farm.fast.village.surroundings.rain, farm.fast.time.mono()
    for falling in (False, True):
        stuck = farm.fault("rain-stuck", on="input/rain", falling=falling)
        assert farm.line(20) == (not falling)
        farm.faults.clear(stuck)
    assert farm.line(20) == (rain.falling(farm.fast.time.wall()) is None)
    farm.fast.advance(4 * 86400)
    moved = [c for c in farm.fast.changes if c.pin == 20 and c.at > start]
    edges, end = [SPRING + start], farm.fast.time.wall()
    while (at := rain.next_change(edges[-1])) < end:
        edges.append(at)
    assert len(moved) >= 2
    told = [SPRING + c.at for c in moved]
    turns = [at for at in edges[1:] if (rain.falling(at) is None) != (rain.falling(at - 1) is None)]
    assert told == pytest.approx(turns, abs=0.01)
    assert [c.level for c in moved] == [int(rain.falling(at) is None) for at in turns]


@pytest.mark.parametrize(
    ("name", "fields", "litres", "pulses"),
    [
        ("burst", {"on": "valve/plot-1"}, 36, 360),
        ("dripper-blocked", {"on": "valve/plot-1"}, 48, 48),
        ("valve-stuck", {"on": "valve/plot-1", "open": False}, 0, 0),
        ("relay-open", {"on": "valve/plot-1"}, 0, 0),
        ("relay-open", {"on": "pump/pump-1"}, 0, 0),
        ("flow-meter-dead", {"on": "input/main-flow"}, 120, 0),
        ("leak", {"on": "input/main-flow", "l_min": 3}, 120, 150),
        ("breaker", {"on": "meter/pump-house"}, 0, 0),
    ],
)
def test_what_a_fault_does_to_ten_minutes_of_water(
    farm: Farm, name: str, fields: dict[str, Any], litres: float, pulses: float
) -> None:
    farm.fault(name, **fields)
    farm.water(600, "plot-1")
    assert farm.litres() == pytest.approx(litres, rel=0.06)
    assert farm.pulses() == pytest.approx(pulses * 7.5, rel=0.06, abs=2)


def test_a_pump_that_is_stuck_and_a_valve_that_is_stuck_open_run_by_themselves(farm: Farm) -> None:
    farm.fault("pump-stuck", on="pump/pump-1")
    farm.fast.advance(60)
    assert (farm.power(), farm.account().shut_s) == (600, 60)
    farm.fault("valve-stuck", on="valve/plot-3", open=True)
    farm.fast.advance(60)
    assert farm.power() == 750
    assert farm.litres("plot-3") > 6


def test_a_stale_probe_stands_still_and_a_dead_one_is_silent(farm: Farm) -> None:
    village, wall = farm.fast.village, farm.fast.time.wall
    key = farm.fault("probe-stale", on="sensor/soil-1")
    shown = village.soil.probe_pct("soil-1", wall())
    farm.water(1800, "plot-1")
    farm.fast.advance(7200)
    assert village.soil.probe_pct("soil-1", wall()) == shown
    farm.faults.clear(key)
    assert village.soil.probe_pct("soil-1", wall()) > shown + 2


def test_days_of_watering_twice_are_the_same_to_the_last_bit() -> None:
    def days() -> list[float]:
        farm = Farm()
        for _ in range(6):
            farm.water(1200, "plot-1", "plot-3")
            farm.fast.advance(6 * 3600)
        found = [farm.litres("plot-3"), farm.pulses(), *map(farm.fast.village.moisture_pct, ("plot-1", "plot-3"))]
        farm.fast.close()
        return found

    assert days() == days()
