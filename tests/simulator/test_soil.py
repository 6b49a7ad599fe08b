"""The soil's water: rain and valves in, plants and depth out; asking changes nothing."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from villages import when

from simulator.soil import FIELD_PCT, LAG_S, SATURATED_PCT, WILTED_PCT, Soil
from simulator.surroundings import Surroundings

SPRING = when("2026-02-15T12:00:00+07:00")
HOUR_S, DAY_S = 3600.0, 86400.0


def soil(seed: int = 1, start: float = SPRING) -> Soil:
    return Soil({"a": 12.0, "b": 6.0}, {"probe": "a", "lone": None}, Surroundings(19.87, 105.68, seed), seed, start)


def dry_day(around: Surroundings, start: float = SPRING) -> float:
    """The first midnight that a day without rain follows, and another one."""
    at = start
    while around.rain.depth_mm(at - 6 * HOUR_S, at + 2 * DAY_S):
        at += HOUR_S
    return at


def test_a_valve_of_twelve_litres_a_minute_has_a_plot_of_24_square_metres() -> None:
    assert soil().areas_m2 == {"a": 24.0, "b": 12.0}


def test_what_is_watered_is_in_the_soil_and_the_probe_feels_it_an_hour_later() -> None:
    at = dry_day(Surroundings(19.87, 105.68, 1))
    watered, dry = soil(start=at), soil(start=at)
    watered.water("a", 0.2, 0.0, at)
    watered.water("a", 0.0, 0.0, at + 1200)  # 240 l, 10 mm of 300
    for after, more in ((1200, 10 / 3), (4 * HOUR_S, 10 / 3)):
        assert watered.plot_pct("a", at + after) - dry.plot_pct("a", at + after) == pytest.approx(more, abs=0.1)
    assert watered.plot_pct("b", at + 4 * HOUR_S) == dry.plot_pct("b", at + 4 * HOUR_S)
    fresh = soil(start=at)
    fresh.water("a", 0.2, 0.0, at)
    assert fresh.probe_pct("probe", at + 1200) == pytest.approx(dry.plot_pct("a", at + 1200 - LAG_S))
    assert fresh.probe_pct("probe", at + 1200 + LAG_S) == fresh.plot_pct("a", at + 1200)


def test_what_seeps_in_at_once_counts_like_the_rest() -> None:
    at = dry_day(Surroundings(19.87, 105.68, 1))
    poured, dry = soil(start=at), soil(start=at)
    poured.water("a", 0.0, 72.0, at + 60)
    assert poured.plot_pct("a", at + 60) - dry.plot_pct("a", at + 60) == pytest.approx(1.0)


def test_rain_wets_and_what_is_above_field_capacity_drains_within_days() -> None:
    start = when("2026-09-01T00:00:00+07:00")
    ground = soil(start=start)
    days = [ground.plot_pct("a", start + h * HOUR_S) for h in range(30 * 24)]
    assert max(days) > FIELD_PCT
    assert max(days) <= SATURATED_PCT
    around = Surroundings(19.87, 105.68, 1)
    for hour, percent in enumerate(days[:-48]):
        if percent > FIELD_PCT + 1 and not around.rain.depth_mm(start + hour * HOUR_S, start + (hour + 48) * HOUR_S):
            assert days[hour + 48] < FIELD_PCT + (percent - FIELD_PCT) / 3
            break
    else:
        pytest.fail("no dry days after rain")


def test_who_is_not_watered_in_a_dry_spring_thirsts_but_never_below_what_plants_can_reach() -> None:
    ground = soil()
    percents = [ground.plot_pct("a", SPRING + d * DAY_S) for d in range(120)]
    assert min(percents) < 22
    assert min(percents) > WILTED_PCT
    assert percents[0] - percents[7] < 10


@given(asks=st.lists(st.floats(0, 5 * DAY_S), max_size=20), seed=st.integers(0, 3))
def test_asking_changes_nothing(asks: list[float], seed: int) -> None:
    asked, unasked = soil(seed), soil(seed)
    feeds = [(0.5 * DAY_S, 0.2), (0.52 * DAY_S, 0.0), (3 * DAY_S, 0.1), (3.1 * DAY_S, 0.0)]
    for at, kind, l_s in sorted([*((a, 1, 0.0) for a in asks), *((at, 0, l_s) for at, l_s in feeds)]):
        if kind:
            asked.plot_pct("a", SPRING + at)
            asked.probe_pct("probe", SPRING + at)
        else:
            asked.water("a", l_s, 0.0, SPRING + at)
            unasked.water("a", l_s, 0.0, SPRING + at)
    end = SPRING + 5 * DAY_S
    assert asked.plot_pct("a", end) == unasked.plot_pct("a", end)
    assert asked.probe_pct("lone", end) == unasked.probe_pct("lone", end)


def test_a_frozen_probe_shows_the_same_until_it_is_freed() -> None:
    ground = soil()
    before = ground.probe_pct("probe", SPRING)
    ground.freeze(["probe"], SPRING)
    ground.freeze(["probe", "lone"], SPRING + DAY_S)
    assert ground.probe_pct("probe", SPRING + 3 * DAY_S) == before
    ground.freeze([], SPRING + 3 * DAY_S)
    assert ground.probe_pct("probe", SPRING + 3 * DAY_S) < before


def test_a_season_of_it_is_quick() -> None:
    ground, began = soil(), time.process_time()
    for minute in range(0, 120 * 1440, 10):
        ground.probe_pct("probe", SPRING + minute * 60)
    assert time.process_time() - began < 2
