"""The words of a configuration that pick nights: weekdays, dates of the calendar, dates of the lunar calendar."""

from __future__ import annotations

import calendar
import datetime as dt
from dataclasses import dataclass
from typing import Annotated

from edge.core.site_terms import Term, Wrong, matched, pattern, shown

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_WEEKDAY = rf"({'|'.join(WEEKDAYS)})"
_LUNAR = r"(\d{1,2})-(\d{1,2})"
_DATE = r"(?:(\d{4})-)?(\d{2})-(\d{2})"
_LEAP_YEAR = 2000  # a date without a year may be 29 February


@dataclass(frozen=True, slots=True)
class LunarRange:
    """Days of the lunar year as (month, day), both ends included; a range may run over the new year."""

    first: tuple[int, int]
    last: tuple[int, int]

    def holds(self, month: int, day: int) -> bool:
        """Whether the day lies in the range, by the order of months and days."""
        return _between(self.first, (month, day), self.last)

    def __str__(self) -> str:
        ends = [f"{month}-{day}" for month, day in (self.first, self.last)]
        return "..".join(dict.fromkeys(ends))


@dataclass(frozen=True, slots=True)
class DateRange:
    """Dates as (year, month, day), or of every year as (month, day), both ends included; without years it may run over
    the new year."""

    first: tuple[int, ...]
    last: tuple[int, ...]

    def holds(self, date: dt.date) -> bool:
        """Whether `date` lies in the range."""
        return _between(self.first, (date.year, date.month, date.day)[-len(self.first) :], self.last)

    def __str__(self) -> str:
        ends = ["-".join(f"{part:02}" for part in end) for end in (self.first, self.last)]
        return "..".join(dict.fromkeys(ends))


def _between(first: tuple[int, ...], day: tuple[int, ...], last: tuple[int, ...]) -> bool:
    return first <= day <= last if first <= last else day >= first or day <= last


def _read_days(value: object) -> frozenset[int]:
    remedy = f"write weekdays with commas between, of {', '.join(WEEKDAYS)}"
    if not isinstance(value, str):
        raise Wrong(f"{shown(value)} cannot be read; {remedy}")
    words = [word.strip() for word in value.split(",")]
    for word in words:
        if word not in WEEKDAYS:
            raise Wrong(f"{shown(word)} is no weekday; {remedy}")
        if words.count(word) > 1:
            raise Wrong(f"{word} stands twice; name each weekday once")
    return frozenset(WEEKDAYS.index(word) for word in words)


def _read_lunar(value: object) -> LunarRange:
    remedy = 'write lunar month-day, or a range of them, such as "1-1" or "1-1..1-3"'
    found = matched(value, rf"{_LUNAR}(?:\.\.{_LUNAR})?", remedy)
    month, day, last_month, last_day = (int(part or 0) for part in found.groups())
    first, last = (month, day), (last_month, last_day) if found[3] else (month, day)
    for lunar_month, lunar_day in (first, last):
        if not (1 <= lunar_month <= 12 and 1 <= lunar_day <= 30):
            raise Wrong(f"{lunar_month}-{lunar_day} is no lunar date; {remedy}, months 1 to 12, days 1 to 30")
    return LunarRange(first, last)


def _read_date(value: object) -> DateRange:
    remedy = "write a date such as 2026-11-28, 09-02 for every year, or a range such as 2026-12-24..2027-01-02"
    found = matched(value, rf"{_DATE}(?:\.\.{_DATE})?", remedy)
    if found[5] and (found[1] is None) is not (found[4] is None):
        raise Wrong(f"{shown(value)} has a year at one end only; write it at both ends, or at neither")
    first = _day(found[1], found[2], found[3], remedy)
    last = _day(found[4], found[5], found[6], remedy) if found[5] else first
    if found[1] and last < first:
        raise Wrong(f"{shown(value)} ends before it begins; write the earlier date first")
    return DateRange(first, last)


def _day(year: str | None, month: str, day: str, remedy: str) -> tuple[int, ...]:
    parts = int(year or _LEAP_YEAR), int(month), int(day)
    try:
        dt.date(*parts)
    except ValueError:
        written = f"{year}-{month}-{day}" if year else f"{month}-{day}"
        if 1 <= parts[1] <= 12 and parts[0]:
            most = calendar.monthrange(parts[0], parts[1])[1]
            raise Wrong(f"there is no {written}; write a day from 01 to {most:02}") from None
        raise Wrong(f"there is no {written}; {remedy}") from None
    return parts if year else parts[1:]


def _read_month_days(value: object) -> frozenset[int]:
    remedy = 'write days of the month with commas between, such as "1,15"'
    words = [word.strip() for word in value.split(",")] if isinstance(value, str) else []
    if not words or not all(word.isascii() and word.isdigit() and 1 <= int(word) <= 31 for word in words):
        raise Wrong(f"{shown(value)} cannot be read; {remedy}, 1 to 31")
    if len(set(map(int, words))) < len(words):
        raise Wrong(f"{shown(value)} names a day twice; {remedy}")
    return frozenset(map(int, words))


MonthDaysTerm = Annotated[
    frozenset[int],
    Term(_read_month_days, pattern(r"^\s*\d{1,2}(\s*,\s*\d{1,2})*\s*$", "Days of the month, such as 1,15.")),
]
DaysTerm = Annotated[
    frozenset[int],
    Term(
        _read_days,
        pattern(rf"^\s*{_WEEKDAY}(\s*,\s*{_WEEKDAY})*\s*$", "Weekdays with commas between, such as sat,sun."),
    ),
]
LunarTerm = Annotated[
    LunarRange,
    Term(_read_lunar, pattern(rf"^\s*{_LUNAR}(\.\.{_LUNAR})?\s*$", "Lunar month-day or a range, such as 1-1..1-3.")),
]
DateTerm = Annotated[
    DateRange,
    Term(
        _read_date,
        pattern(
            rf"^\s*({_DATE}|\d{{4}}-\d{{2}}-\d{{2}}\.\.\d{{4}}-\d{{2}}-\d{{2}}|\d{{2}}-\d{{2}}\.\.\d{{2}}-\d{{2}})\s*$",
            "A date such as 2026-11-28, 09-02 for every year, or a range such as 12-24..01-02.",
        ),
    ),
]
