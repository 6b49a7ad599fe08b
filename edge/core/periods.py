"""Hours, days, months and billing periods of a village, by its own clock: 23 and 25 hours where its clock is moved."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from edge.core.questions import Period

HOUR_S = 3600.0
_TO_THE_SECOND = 1.0


def hour_start(at: float, zone: ZoneInfo) -> float:
    """When the local hour that holds `at` began (Unix s)."""
    offset = _offset(at, zone)
    start = at - (at + offset) % HOUR_S
    return start if _offset(start, zone) == offset else _moved(start, at, zone)


def hour_end(at: float, zone: ZoneInfo) -> float:
    """When the local hour that holds `at` is over (Unix s)."""
    offset = _offset(at, zone)
    end = at - (at + offset) % HOUR_S + HOUR_S
    if _offset(end - _TO_THE_SECOND, zone) == offset:
        return end
    return _moved(at, end, zone)


def day_start(day: dt.date, zone: ZoneInfo) -> float:
    """When the local `day` begins (Unix s), also where its first hour is left out or comes twice."""
    return dt.datetime.combine(day, dt.time(), zone).timestamp()


def day_of(at: float, zone: ZoneInfo) -> dt.date:
    """The local date at `at` (Unix s)."""
    return dt.datetime.fromtimestamp(at, zone).date()


def first_day(kind: Period, at: float, zone: ZoneInfo, billing_day: int = 1) -> dt.date:
    """The first day of the month or billing period that holds `at`; of a day or an hour, its day."""
    day = day_of(at, zone)
    if kind in ("hour", "day"):
        return day
    begins = billing_day if kind == "billing" else 1
    return day.replace(day=begins) if day.day >= begins else _month_before(day).replace(day=begins)


def next_day(kind: Period, day: dt.date) -> dt.date:
    """The first day of the period after the one that begins on `day`: of the same day next month, or tomorrow."""
    if kind in ("hour", "day"):
        return day + dt.timedelta(days=1)
    return day.replace(year=day.year + day.month // 12, month=day.month % 12 + 1)


def periods_of(
    kind: Period, start: float, end: float, zone: ZoneInfo, billing_day: int = 1
) -> list[tuple[float, float]]:
    """Every whole period that touches the time from `start` up to before `end` (Unix s): when it begins and ends.

    `billing_day` (1 to 28): on which day of the month a billing period begins. Raises OverflowError beyond the
    calendar's years.
    """
    walk = _hours(start, zone) if kind == "hour" else _days(kind, start, zone, billing_day)
    found = []
    for begins, ends in walk:
        if begins >= end or start >= end:
            break
        if ends > begins:  # a date that a zone skipped has no time
            found.append((begins, ends))
    return found


def _hours(start: float, zone: ZoneInfo) -> Iterator[tuple[float, float]]:
    begins = hour_start(start, zone)
    while True:
        ends = hour_end(begins, zone)
        yield begins, ends
        begins = ends


def _days(kind: Period, start: float, zone: ZoneInfo, billing_day: int) -> Iterator[tuple[float, float]]:
    day = first_day(kind, start, zone, billing_day)
    begins = day_start(day, zone)
    while True:
        day = next_day(kind, day)
        ends = day_start(day, zone)
        yield begins, ends
        begins = ends


def _month_before(day: dt.date) -> dt.date:
    return day.replace(day=1) - dt.timedelta(days=1)


def _offset(at: float, zone: ZoneInfo) -> float:
    found = dt.datetime.fromtimestamp(at, zone).utcoffset()
    assert found is not None
    return found.total_seconds()


def _moved(low: float, high: float, zone: ZoneInfo) -> float:
    """The second between `low` and `high` from which on the zone has the offset that it has at `high`."""
    before, after = int(low), int(high)
    there = _offset(after, zone)
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(middle, zone) == there:
            after = middle
        else:
            before = middle
    return float(after)
