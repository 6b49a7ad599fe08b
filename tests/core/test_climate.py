"""What a climate program asks for: hysteresis, several conditions, the window of the day, silent sensors, the clock."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.climate import Asked, Climate, Latch, together, within
from edge.core.site import ClimateProgram, When, Window
from edge.core.values import Moment

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
HEAT = {"sensor": "air", "quantity": "temperature_c", "on_above": 33, "off_below": 30}
DRY = {"sensor": "damp", "quantity": "humidity_pct", "on_below": 60, "off_above": 75}


def at(text: str, mono: float = 0.0, trusted: bool = True) -> Moment:
    wall = dt.datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp()
    return Moment(wall, mono, "boot-1", trusted)


def program(*when: Mapping[str, object], **more: object) -> ClimateProgram:
    return ClimateProgram.model_validate({"kind": "climate", "target": "fan", "when": list(when), **more})


class House:
    """Sensors and a program that looks at them."""

    def __init__(self, *when: Mapping[str, object], **more: object) -> None:
        self.programs = {"cool": program(*when, **more)}
        self.values: dict[str, float | None] = {}
        self.climate = Climate(
            "cool", self.programs, "Asia/Ho_Chi_Minh", lambda sensor, _quantity, _moment: self.values.get(sensor),
            {"air": 600.0, "damp": 1800.0},
        )  # fmt: skip

    def asks(self, moment: Moment, **values: float | None) -> Asked:
        self.values.update({f"sensor/{name}": value for name, value in values.items()})
        return self.climate.asks(moment)


@pytest.mark.parametrize(
    ("when", "values", "expected"),
    [
        (HEAT, [20, 32.9, 33, 32, 30, 29.9, 32.9, 40], [0, 0, 1, 1, 1, 0, 0, 1]),
        (DRY, [80, 60, 59.9, 74, 75, 75.1, 60], [0, 0, 1, 1, 1, 0, 0]),
    ],
)
def test_a_condition_holds_from_one_threshold_to_the_other(
    when: dict[str, object], values: list[float], expected: list[int]
) -> None:
    latch = Latch(When.model_validate(when))
    assert [latch.feel(value) for value in values] == [bool(e) for e in expected]


@given(st.booleans(), st.lists(st.floats(30, 33, exclude_max=True), max_size=30))
def test_between_the_thresholds_nothing_moves(hot: bool, between: list[float]) -> None:
    house = House(HEAT)
    moment = at("2026-11-21T12:00")
    house.asks(moment, air=40.0 if hot else 20.0)
    assert {house.asks(moment, air=value).on for value in between} <= {hot}


@given(st.sampled_from(["on", "off"]), st.booleans(), st.lists(st.floats(30, 33, exclude_max=True), max_size=9))
def test_a_sensor_that_is_back_between_the_thresholds_moves_nothing(stale: str, hot: bool, after: list[float]) -> None:
    house = House(HEAT, if_stale=stale)
    moment = at("2026-11-21T12:00")
    house.asks(moment, air=40.0 if hot else 20.0)
    during = house.asks(moment, air=None).on
    assert during is (stale == "on")
    assert {house.asks(moment, air=value).on for value in after} <= {during}


@pytest.mark.parametrize(
    ("match", "said", "verdict"),
    [
        ("all", [True, True], True), ("all", [True, False], False), ("all", [None, False], False),
        ("all", [None, True], None), ("any", [False, False], False), ("any", [None, True], True),
        ("any", [None, False], None), ("any", [None, None], None),
    ],
)  # fmt: skip
def test_a_silent_sensor_counts_only_where_the_answer_hangs_on_it(
    match: str, said: list[bool | None], verdict: bool | None
) -> None:
    assert together("all" if match == "all" else "any", said) is verdict


def test_if_stale_stands_for_the_silent_one_and_is_told() -> None:
    house = House(HEAT, DRY, match="any", if_stale="on")
    moment = at("2026-11-21T12:00")
    assert not house.asks(moment, air=25.0, damp=80.0).on
    asked = house.asks(moment, air=None)
    assert (asked.on, asked.reason, asked.detail) == (True, "sensor", "air: silent, on by if_stale")
    house = House(HEAT, DRY, match="all", if_stale="on")
    house.asks(moment, air=40.0, damp=80.0)
    assert not house.asks(moment, air=None).on, "too damp whatever the air's temperature is"


def test_a_sensor_is_given_its_time_to_speak_before_if_stale_stands_for_it() -> None:
    house = House(HEAT, if_stale="on")
    asked = house.asks(at("2026-11-21T12:00", 1000.0))
    assert (asked.on, asked.detail) == (False, "air: not heard since the start")
    assert house.climate.wakeup(asked, at("2026-11-21T12:09:50", 1590.0)) == 1600.0
    assert not house.asks(at("2026-11-21T12:09:59", 1599.0)).on
    assert house.asks(at("2026-11-21T12:10", 1600.0)).on


@pytest.mark.parametrize(
    ("clock", "start", "end", "inside", "edge"),
    [
        ("07:59:59", 8, 18, False, "2026-11-21T08:00"), ("08:00", 8, 18, True, "2026-11-21T18:00"),
        ("17:59:59", 8, 18, True, "2026-11-21T18:00"), ("18:00", 8, 18, False, "2026-11-22T08:00"),
        ("23:00", 22, 5, True, "2026-11-22T05:00"), ("00:00", 22, 5, True, "2026-11-21T05:00"),
        ("04:59:59", 22, 5, True, "2026-11-21T05:00"), ("05:00", 22, 5, False, "2026-11-21T22:00"),
    ],
)  # fmt: skip
def test_a_window_may_run_past_midnight(clock: str, start: int, end: int, inside: bool, edge: str) -> None:
    wall = at(f"2026-11-21T{clock}").wall
    assert within(Window(start * 3600.0, end * 3600.0), wall, ZONE) == (inside, at(edge).wall)


@given(
    st.integers(0, 1439), st.integers(0, 1439), st.integers(1_767_200_000, 1_830_000_000),
    st.sampled_from(["Asia/Ho_Chi_Minh", "Europe/Berlin", "Australia/Lord_Howe"]),
)  # fmt: skip
def test_a_window_changes_when_it_says_and_not_before(start: int, end: int, wall: int, zone: str) -> None:
    if start == end:
        return
    window, place = Window(start * 60.0, end * 60.0), ZoneInfo(zone)
    inside, edge = within(window, wall, place)
    assert wall < edge <= wall + 25 * 3600 + 1
    assert within(window, (wall + edge) / 2, place) == (inside, edge)
    after, later = within(window, edge, place)
    assert later > edge
    if "Asia" in zone:  # where clocks are put back and forward two edges may fall together
        assert after is not inside


def test_outside_its_window_a_program_asks_for_off_until_it_opens() -> None:
    house = House(HEAT, window="08:00..18:00")
    night = house.asks(at("2026-11-21T19:00"), air=40.0)
    assert (night.on, night.reason, night.until) == (False, "program", at("2026-11-22T08:00").wall)
    day = house.asks(at("2026-11-22T08:00"))
    assert (day.on, day.reason, day.until) == (True, "sensor", at("2026-11-22T18:00").wall)
    assert day.detail == "air temperature_c from 33 until below 30"


@pytest.mark.parametrize(("window", "starts"), [("08:00..18:00", False), (None, True)])
def test_by_an_unconfirmed_clock_a_window_opens_nothing(window: str | None, starts: bool) -> None:
    house = House(HEAT, **({} if window is None else {"window": window}))
    asked = house.asks(at("2026-11-21T12:00", trusted=False), air=40.0)
    assert (asked.on, asked.starts) == (True, starts)
    assert ("not confirmed" in asked.detail) is not starts


def test_a_changed_program_is_followed_at_once_and_unchanged_conditions_remember() -> None:
    house = House(HEAT)
    moment = at("2026-11-21T12:00")
    assert house.asks(moment, air=34.0).on
    house.programs["cool"] = program(HEAT, window="08:00..18:00")
    assert house.asks(moment, air=31.0).on, "the same condition still holds"
    house.programs["cool"] = program({**HEAT, "on_above": 35, "off_below": 32})
    assert not house.asks(moment, air=34.0).on, "a new one has not held yet"
    del house.programs["cool"]
    assert house.asks(moment) == Asked(False, "default")
