"""Hours, days, months and billing periods by the village's clock, also where that clock is moved."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.periods import day_start, first_day, hour_end, hour_start, periods_of
from edge.core.questions import Period
from edge.core.steps import STEPS_S, cells

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
ZONES = [HANOI, *map(ZoneInfo, (
    "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Havana", "Asia/Beirut", "Pacific/Apia",
    "America/St_Johns", "Africa/Casablanca", "UTC",
))]  # fmt: skip


def wall(zone: ZoneInfo, *parts: int) -> float:
    return dt.datetime(*parts, tzinfo=zone).timestamp()  # type: ignore[misc, arg-type]


def told(kind: Period, zone: ZoneInfo, start: float, end: float, billing_day: int = 1) -> list[str]:
    return [
        f"{dt.datetime.fromtimestamp(a, zone):%m-%d %H:%M}..{dt.datetime.fromtimestamp(b, zone):%m-%d %H:%M} {(b - a) / 3600:g}h"
        for a, b in periods_of(kind, start, end, zone, billing_day)
    ]


def test_every_period_that_is_touched_is_whole() -> None:
    start, end = wall(HANOI, 2026, 11, 14, 9, 30), wall(HANOI, 2026, 11, 15, 0, 0) + 1
    assert told("day", HANOI, start, end) == ["11-14 00:00..11-15 00:00 24h", "11-15 00:00..11-16 00:00 24h"]
    assert told("month", HANOI, start, end) == ["11-01 00:00..12-01 00:00 720h"]
    assert told("billing", HANOI, start, end, 15) == ["10-15 00:00..11-15 00:00 744h", "11-15 00:00..12-15 00:00 720h"]
    assert told("hour", HANOI, start, start + 1800) == ["11-14 09:00..11-14 10:00 1h"]
    assert told("day", HANOI, start, start) == []


def test_billing_periods_cross_the_year() -> None:
    at = wall(HANOI, 2027, 1, 3)
    assert first_day("billing", at, HANOI, 28) == dt.date(2026, 12, 28)
    assert told("billing", HANOI, at, at + 1, 28) == ["12-28 00:00..01-28 00:00 744h"]


def test_days_of_23_and_25_hours() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    spring, autumn = wall(berlin, 2026, 3, 29), wall(berlin, 2026, 10, 25)
    assert told("day", berlin, spring, spring + 1) == ["03-29 00:00..03-30 00:00 23h"]
    assert told("day", berlin, autumn, autumn + 1) == ["10-25 00:00..10-26 00:00 25h"]
    assert len(periods_of("hour", spring, spring + 23 * 3600, berlin)) == 23
    assert len(periods_of("hour", autumn, autumn + 25 * 3600, berlin)) == 25


def test_days_that_begin_at_one_or_are_left_out() -> None:
    beirut, apia = ZoneInfo("Asia/Beirut"), ZoneInfo("Pacific/Apia")
    first = day_start(dt.date(2026, 3, 29), beirut)
    assert f"{dt.datetime.fromtimestamp(first, beirut):%H:%M}" == "01:00"
    assert told("day", apia, wall(apia, 2011, 12, 29), wall(apia, 2011, 12, 31, 1)) == [
        "12-29 00:00..12-31 00:00 24h", "12-31 00:00..01-01 00:00 24h",
    ]  # fmt: skip


@given(st.sampled_from(ZONES), st.integers(1_577_836_800, 1_830_000_000), st.sampled_from(["hour", "day", "month", "billing"]), st.integers(1, 28))
def test_periods_follow_each_other_and_each_hour_lies_in_one_day(zone: ZoneInfo, start: int, kind: Period, billing_day: int) -> None:
    length = 3 * 86400 if kind == "hour" else 100 * 86400
    found = periods_of(kind, start, start + length, zone, billing_day)
    assert found[0][0] <= start < found[0][1]
    assert found[-1][0] < start + length <= found[-1][1]
    assert all(a[1] == b[0] for a, b in pairwise(found))
    if kind == "hour":
        assert all(0 < b - a <= 3600 and hour_start(a, zone) == a == hour_start(b - 1, zone) and hour_end(a, zone) == b for a, b in found)
    else:
        hours = {a for a, _ in periods_of("hour", found[0][0], found[0][1] + 7200, zone)}
        assert {found[0][0], found[0][1]} <= hours


@given(st.sampled_from(ZONES), st.integers(1_577_836_800, 1_830_000_000), st.integers(1, 4_000_000), st.integers(1, 3_000_000))
def test_steps_hold_the_time_and_are_never_too_many(zone: ZoneInfo, start: int, length: int, asked: int) -> None:
    step, borders = cells(start, start + length, asked, 50, zone)
    assert borders[0] <= start < borders[1]
    assert borders[-2] < start + length <= borders[-1]
    assert all(a < b for a, b in pairwise(borders))
    assert step in STEPS_S
    if length < 40 * STEPS_S[-1]:
        assert len(borders) - 1 <= 50
    assert step >= min(asked, STEPS_S[-1])
    if step < 3600:
        assert max(b - a for a, b in pairwise(borders)) <= step


@pytest.mark.parametrize(("asked", "step"), [(1, 60), (61, 120), (3600, 3600), (5000, 7200)])
def test_a_step_is_round_and_not_below_what_was_asked(asked: float, step: float) -> None:
    start = wall(HANOI, 2026, 11, 14)
    assert cells(start, start + 60_000, asked, 1000, HANOI)[0] == step


def test_weeks_begin_on_monday_and_months_on_the_first() -> None:
    start, end = wall(HANOI, 2026, 11, 14, 9), wall(HANOI, 2026, 12, 2)
    week = cells(start, end, 6 * 86400, 1000, HANOI)[1]
    assert [f"{dt.datetime.fromtimestamp(at, HANOI):%a %m-%d}" for at in week] == ["Mon 11-09", "Mon 11-16", "Mon 11-23", "Mon 11-30", "Mon 12-07"]
    assert [f"{dt.datetime.fromtimestamp(at, HANOI):%m-%d}" for at in cells(start, end, 8 * 86400, 1000, HANOI)[1]] == ["11-01", "12-01", "01-01"]
