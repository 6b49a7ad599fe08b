"""A year's rain: near the climate of northern Vietnam for every seed, the same for the same one."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.weather import HARDEST_MM_H, MEAN_MM, Rain

ZONE = dt.timezone(dt.timedelta(hours=7))
DAY_S = 86400.0


def begins(year: int, month: int) -> float:
    return dt.datetime(year + (month - 1) // 12, (month - 1) % 12 + 1, 1, tzinfo=ZONE).timestamp()


def months(seed: int, year: int = 2026) -> list[float]:
    rain = Rain(105.68, seed)
    return [rain.depth_mm(begins(year, m), begins(year, m + 1)) for m in range(1, 13)]


@pytest.mark.parametrize("seed", range(5))
def test_each_month_is_near_its_mean_and_the_year_nearer(seed: int) -> None:
    for mm, mean in zip(months(seed), MEAN_MM, strict=True):
        assert 0.5 * mean <= mm <= 1.55 * mean
    assert 0.75 * sum(MEAN_MM) < sum(months(seed)) < 1.25 * sum(MEAN_MM)


def test_over_many_years_it_is_the_climate() -> None:
    drawn = [months(seed) for seed in range(60)]
    for month, mean in enumerate(MEAN_MM):
        assert sum(year[month] for year in drawn) / 60 == pytest.approx(mean, rel=0.15)


def test_february_drizzles_often_and_september_pours() -> None:
    rain = Rain(105.68, 1)
    showers = {m: rain._draw(2026, m) for m in (2, 9)}
    mean_mm_h = {m: sum(s.mm for s in found) / sum(s.end - s.start for s in found) * 3600 for m, found in showers.items()}
    assert mean_mm_h[2] < 1 < 3 < mean_mm_h[9]
    assert len({s.start // DAY_S for s in showers[2]}) >= 9


@given(seed=st.integers(0, 50), month=st.integers(1, 12))
def test_showers_are_apart_inside_their_month_and_not_harder_than_it_can_rain(seed: int, month: int) -> None:
    rain = Rain(105.68, seed)
    last = begins(2026, month)
    for shower in rain._draw(2026, month):
        assert last <= shower.start < shower.end <= begins(2026, month + 1)
        assert 0 < shower.mm_s * 3600 <= HARDEST_MM_H * 1.5
        last = shower.end


@given(seed=st.integers(0, 5), wall=st.floats(begins(2026, 1), begins(2027, 1)))
def test_between_two_changes_it_rains_or_does_not(seed: int, wall: float) -> None:
    rain = Rain(105.68, seed)
    change = rain.next_change(wall)
    assert change > wall
    now, middle = rain.falling(wall), rain.falling((wall + change) / 2)
    assert now == middle
    assert rain.cover(wall) == 1.0 or now is None
    assert Rain(105.68, seed).falling(wall) == now
