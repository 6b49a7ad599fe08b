"""The steps in which a quantity is told over time: of a round length, and beginning where a person would expect it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from edge.core.periods import HOUR_S, day_of, day_start, first_day, hour_end, hour_start, next_day
from edge.core.questions import Period

DAY_S = 24 * HOUR_S
WEEK_S = 7 * DAY_S
MONTH_S = 30 * DAY_S
STEPS_S = (
    1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, HOUR_S, 2 * HOUR_S, 3 * HOUR_S, 4 * HOUR_S, 6 * HOUR_S,
    12 * HOUR_S, DAY_S, WEEK_S, MONTH_S,
)  # fmt: skip
_MUCH_TOO_MANY = 1.2


def cells(start: float, end: float, asked_s: float, most: int, zone: ZoneInfo) -> tuple[float, list[float]]:
    """The step in use, and the borders of the steps that hold the time from `start` up to before `end` (Unix s): the
    narrowest that is not below `asked_s` and comes to at most `most` of them; months, if none does.

    Steps below a day begin with the local hours of which they are a part or a multiple, days at midnight, weeks on
    Monday, months on the first.
    """
    fit = [step for step in STEPS_S if step >= asked_s and (end - start) / step <= most * _MUCH_TOO_MANY]
    for step in fit or [STEPS_S[-1]]:
        borders = list(_borders(start, end, step, zone))
        if len(borders) - 1 <= most:
            break
    return step, borders


def _borders(start: float, end: float, step: float, zone: ZoneInfo) -> Iterator[float]:
    """From the last border that is not after `start` to the first that is not before `end`."""
    walk = _parts(start, step, zone) if step < HOUR_S else _hours(start, step, zone)
    if step >= DAY_S:
        walk = _days(start, step, zone)
    before = next(walk)
    for border in walk:
        if border > start:
            yield before
        if before >= end:
            return
        before = border


def _parts(start: float, step: float, zone: ZoneInfo) -> Iterator[float]:
    hour = hour_start(start, zone)
    while True:
        over = hour_end(hour, zone)
        at = hour
        while at < over:
            yield at
            at += step
        hour = over


def _hours(start: float, step: float, zone: ZoneInfo) -> Iterator[float]:
    every = round(step / HOUR_S)
    hour = day_start(day_of(start, zone), zone)
    while True:
        if datetime.fromtimestamp(hour, zone).hour % every == 0:
            yield hour
        hour = hour_end(hour, zone)


def _days(start: float, step: float, zone: ZoneInfo) -> Iterator[float]:
    kind: Period = "month" if step >= MONTH_S else "day"
    day = first_day(kind, start, zone)
    if step == WEEK_S:
        day -= timedelta(days=day.weekday())
    while True:
        if step != WEEK_S or day.weekday() == 0:
            yield day_start(day, zone)
        day = next_day(kind, day)
