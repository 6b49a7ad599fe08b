"""What a photocell sees, against the risings and settings that the library finds in its own way."""

from __future__ import annotations

import datetime as dt
import math
import random
from typing import Any

import ephem
import pytest
from villages import NGUYEN_LY, village, when

from edge.shell.clock import ManualClock
from simulator.cabinet import Cabinet
from simulator.daylight import Daylight

CELL = {"cell": {"gpio": 26, "role": "photocell"}}
OPEN, CLOSED = 1, 0


def place(latitude: float, longitude: float) -> ephem.Observer:
    observer = ephem.Observer()
    observer.lat, observer.lon, observer.pressure, observer.horizon = str(latitude), str(longitude), 0, "-2"
    return observer


def unix(date: Any) -> float:
    return date.datetime().replace(tzinfo=dt.UTC).timestamp()


@pytest.mark.parametrize("latitude", [19.87, -45.0, 55.0])
def test_dusk_and_dawn_are_where_the_sun_passes_two_degrees_below(latitude: float) -> None:
    observer, light = place(latitude, 105.68), Daylight(latitude, 105.68)
    draw = random.Random(4)
    for _ in range(20):
        start = when("2026-01-01T00:00:00+07:00") + draw.uniform(0, 366 * 86400)
        observer.date = dt.datetime.fromtimestamp(start, dt.UTC)
        sun = ephem.Sun()
        dawn, dusk = (unix(find(sun, use_center=True)) for find in (observer.next_rising, observer.next_setting))
        assert light.dark(start) == (dawn < dusk)
        assert light.dawn_or_dusk(start) == pytest.approx(min(dawn, dusk), abs=0.5)


def test_in_white_nights_it_is_day_for_weeks_and_then_night_comes() -> None:
    light = Daylight(65.7, 25.0)
    midsummer = when("2026-06-21T12:00:00+00:00")
    assert not any(light.dark(midsummer + hour * 3600) for hour in range(24))
    dusk = light.dawn_or_dusk(midsummer)
    assert 5 < (dusk - midsummer) / 86400 < 40
    assert (light.dark(dusk - 60), light.dark(dusk + 60)) == (False, True)


def test_a_photocell_turns_at_the_second_and_says_when_it_will_again() -> None:
    clock = ManualClock(when("2026-11-21T12:00:00+07:00"))
    cabinet, told = Cabinet(village(inputs=CELL), clock), list[tuple[float, int, int]]()
    cabinet.put = lambda pin, level: told.append((clock.now().wall, pin, level))
    assert cabinet.levels() == {26: OPEN}
    for _ in range(4):
        clock.advance(cabinet.follow_sun())
    cabinet.follow_sun()
    observer, expected = place(NGUYEN_LY["latitude"], NGUYEN_LY["longitude"]), list[float]()
    observer.date = dt.datetime.fromtimestamp(when("2026-11-21T12:00:00+07:00"), dt.UTC)
    for find in (observer.next_setting, observer.next_rising) * 2:
        observer.date = find(ephem.Sun(), use_center=True)
        expected.append(unix(observer.date))
    assert [at for at, _, _ in told] == pytest.approx(expected, abs=0.5)
    assert [(pin, level) for _, pin, level in told] == [(26, CLOSED), (26, OPEN)] * 2


def test_a_clock_that_is_set_is_followed_both_ways() -> None:
    clock = ManualClock(when("2026-11-21T12:00:00+07:00"))
    cabinet = Cabinet(village(inputs=CELL), clock)
    for text, level in (("2026-11-21T20:00:00", CLOSED), ("2026-11-20T12:00:00", OPEN), ("2026-11-20T03:00:00", CLOSED)):
        clock.set_wall(when(f"{text}+07:00"))
        cabinet.follow_sun()
        assert cabinet.levels() == {26: level}


def test_a_cabinet_without_a_photocell_asks_for_nothing() -> None:
    assert Cabinet(village(), ManualClock(0.0)).follow_sun() == math.inf
