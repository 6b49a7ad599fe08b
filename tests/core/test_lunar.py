"""Lunar dates against published ones, and against the rules worked out from another library's moon and sun."""

from __future__ import annotations

import datetime as dt
import math
from bisect import bisect_right
from itertools import pairwise

import ephem
import pytest

from edge.core.lunar import LunarDate, lunar_date

# The first day of the lunar year, and the month that is repeated in it, if any: Hồ Ngọc Đức, "Âm lịch Việt Nam", tables
# of the years 2000-2099 (www.informatik.uni-leipzig.de/~duc/amlich).
PUBLISHED = {
    "2020-01-25": 4, "2021-02-12": None, "2022-02-01": None, "2023-01-22": 2, "2024-02-10": None, "2025-01-29": 6,
    "2026-02-17": None, "2027-02-06": None, "2028-01-26": 5, "2029-02-13": None, "2030-02-02": None, "2031-01-23": 3,
    "2032-02-11": None, "2033-01-31": 11, "2034-02-19": None, "2035-02-08": None,
}  # fmt: skip


@pytest.mark.parametrize(("tet", "leap"), PUBLISHED.items())
def test_tet_and_leap_months_are_as_published(tet: str, leap: int | None) -> None:
    first = dt.date.fromisoformat(tet)
    assert lunar_date(first) == LunarDate(1, 1, False)
    eve = lunar_date(first - dt.timedelta(days=1))
    assert eve is not None
    assert (eve.month, eve.day in (29, 30), eve.leap) == (12, True, False)
    year = [found for n in range(350) if (found := lunar_date(first + dt.timedelta(days=n)))]
    assert {found.month for found in year if found.leap} == ({leap} if leap else set())


# The rules: days by the clock of UTC+7; a month begins on the day of new moon; month 11 has the winter solstice; if
# there are 13 months from one month 11 to the next, the first without a principal term (sun at a multiple of 30°)
# repeats the number of the one before it.
NOON_1899 = dt.date(1899, 12, 31).toordinal()  # ephem counts days from this noon, UTC


def local_day(moment: float) -> int:
    return NOON_1899 + math.floor(moment + 0.5 + 7 / 24)


def sector(day: int) -> int:
    """Which twelfth of its way the sun is in when the local day begins; 9 begins with the winter solstice."""
    midnight = day - NOON_1899 - 0.5 - 7 / 24
    sun = ephem.Sun(midnight, epoch=midnight)
    return int(math.degrees(ephem.Ecliptic(sun, epoch=midnight).lon) // 30) % 12


def by_the_rules(first_year: int, last_year: int) -> dict[int, tuple[int, bool]]:
    """The first day of each month, with its number and whether it is a leap month."""
    moon, starts = ephem.Date(f"{first_year - 1}/9/1"), list[int]()
    while moon < ephem.Date(f"{last_year + 2}/3/1"):
        moon = ephem.next_new_moon(moon)
        starts.append(local_day(float(moon)))
    at = [sector(day) for day in starts]
    eleventh = [i for i, (now, then) in enumerate(pairwise(at)) if now <= 8 < then]
    found: dict[int, tuple[int, bool]] = {}
    for begin, end in pairwise(eleventh):
        leap = next((i for i in range(begin, end) if at[i] == at[i + 1]), None) if end - begin == 13 else None
        number = 10
        for i in range(begin, end):
            number += i != leap
            found[starts[i]] = (number - 1) % 12 + 1, i == leap
    return found


def test_every_day_of_fifty_years_follows_from_moon_and_sun() -> None:
    months = by_the_rules(2020, 2070)
    starts = sorted(months)
    leaps = set()
    for day in range(dt.date(2020, 1, 1).toordinal(), dt.date(2070, 12, 31).toordinal() + 1):
        start = starts[bisect_right(starts, day) - 1]
        month, leap = months[start]
        assert lunar_date(dt.date.fromordinal(day)) == (month, day - start + 1, leap), dt.date.fromordinal(day)
        leaps |= {start} if leap else set()
    assert len(leaps) == 19  # 7 in 19 years


def test_outside_of_its_years_there_is_none() -> None:
    assert lunar_date(dt.date(1899, 12, 31)) is None
    assert lunar_date(dt.date(1900, 1, 1)) == LunarDate(12, 1, False)
    assert lunar_date(dt.date(2100, 12, 31)) == LunarDate(12, 1, False)
    assert lunar_date(dt.date(2101, 1, 1)) is None
    assert lunar_date(dt.date(1, 1, 1)) is None
    assert lunar_date(dt.date(9999, 12, 31)) is None
