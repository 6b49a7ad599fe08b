"""When the irrigation programs' runs are due: pure functions of local time, of the sun and of the programs in force.

An occurrence belongs to one local date, which is in its id: the date of the clock's time that the program names, or of
the sunrise or sunset that its time is reckoned from; that date picks the weekday, the day of the month and the month of
the season. A program has at most one occurrence a date. A time that a change of the clocks skips is as much later as
the clocks go forward, one that they repeat is the first of the two; a date that a zone left out has no occurrence.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

from edge.core.run_length import LONGEST_S, Share, run_length_s, shares_of
from edge.core.site import At, DateRange, IrrigationProgram, Place, Site, Window
from edge.core.sun import sun_time

__all__ = ["QUEUE_S", "START_LATE_S", "Occurrence", "Share", "WaterCalendar", "waters_on"]

START_LATE_S = 60.0  # by so much a run may begin late without `resume`
QUEUE_S = 2 * 3600.0  # what waiting for others may cost a run without `resume`
DAY_S = 86400.0
YEAR_DAYS = 366
CACHED = 4096
_BACK = 4  # days: a window of one, `resume` within one, and the sun's event up to 6 h from the time named
_AHEAD = 1 + int(LONGEST_S // DAY_S)  # days: a run that is to finish then may be due so much before


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One nominal due of a program; times in Unix s.

    It may start from `due` to `until`, both included, once ever: `id` is "<program>:<local date>:<slot>". After
    `latest_end` nothing of it is watered any more. `by_soil`: it starts when a zone's soil is dry, if ever.
    """

    id: str
    program: str
    due: float
    until: float
    latest_end: float
    shares: tuple[Share, ...]
    by_soil: bool = False


class WaterCalendar:
    """The occurrences of the irrigation programs of one place.

    `programs` is shared: whoever puts another program into it changes what is told from then on, also of a date whose
    occurrence was told before.
    """

    def __init__(self, place: Place, programs: Mapping[str, IrrigationProgram], site: Site) -> None:
        self._place = place
        self._zone = ZoneInfo(place.timezone)
        self._programs = programs
        self._site = site
        self._known: list[tuple[str, IrrigationProgram]] = []  # those that all below was worked out for
        self._found: dict[tuple[str, dt.date], Occurrence | None] = {}
        self._suns: dict[tuple[str, dt.date], float] = {}
        self._day: tuple[float, float, list[Occurrence]] = (0.0, 0.0, [])
        self._next: tuple[float, float, float] = (0.0, 0.0, 0.0)  # from, until before when it holds, the next due

    def around(self, wall: float) -> list[Occurrence]:
        """The occurrences that may start at `wall` (Unix s), by `due`, then in the order of the programs."""
        self._look_again()
        begin, end, today = self._day
        if not begin <= wall < end:
            day = self._date(wall)
            begin, end = (self._clock(0.0, day + dt.timedelta(days=n)) for n in (0, 1))
            today = [found for found in self._of_days(day, _BACK, _AHEAD) if found.due < end and found.until >= begin]
            today.sort(key=_by_due)
            self._day = begin, end, today
        return [found for found in today if found.due <= wall <= found.until]

    def next_due(self, wall: float) -> float:
        """When (Unix s) the next occurrence after `wall` is due; infinite if none is within a year."""
        self._look_again()
        since, holds, due = self._next
        if not since <= wall < holds:
            due = self._soonest(wall)
            self._next = wall, min(due, wall + DAY_S), due
        return due

    def coming(self, start: float, end: float) -> list[Occurrence]:
        """The occurrences that are due after `start` and up to `end` (Unix s), ordered as by `around`."""
        self._look_again()
        first, last = self._date(start), self._date(end)
        found = self._of_days(first, _BACK, (last - first).days + _AHEAD)
        return sorted((one for one in found if start < one.due <= end), key=_by_due)

    def length_s(self, program: IrrigationProgram, shares: Sequence[Share]) -> float:
        """How long (s) a run of `shares` takes if nothing else wants water: see run_length_s."""
        return run_length_s(self._site, program, shares)

    def _look_again(self) -> None:
        """Forget what was worked out if another program is in force since."""
        if (now := list(self._programs.items())) != self._known:
            self._known = now
            self._found.clear()
            self._day, self._next = (0.0, 0.0, []), (0.0, 0.0, 0.0)

    def _soonest(self, wall: float) -> float:
        today, soonest = self._date(wall), math.inf
        for n in range(-_BACK, YEAR_DAYS + _AHEAD):
            day = today + dt.timedelta(days=n)
            if soonest < math.inf and self._clock(0.0, day) - LONGEST_S - DAY_S > soonest:
                break
            soonest = min([soonest, *(found.due for found in self._of_days(day, 0, 0) if found.due > wall)])
        return soonest if soonest <= wall + YEAR_DAYS * DAY_S else math.inf

    def _of_days(self, day: dt.date, back: int, ahead: int) -> Iterator[Occurrence]:
        """Those of the days from so many before `day` to so many after it, program by program."""
        for name, program in self._known:
            for n in range(-back, ahead + 1):
                if (found := self._of_day(name, program, day + dt.timedelta(days=n))) is not None:
                    yield found

    def _of_day(self, name: str, program: IrrigationProgram, day: dt.date) -> Occurrence | None:
        if not waters_on(program, day):
            return None
        key = name, day
        if key not in self._found:
            if len(self._found) >= CACHED:
                self._found.clear()
            self._found[key] = self._occurrence(name, program, day)
        return self._found[key]

    def _occurrence(self, name: str, program: IrrigationProgram, day: dt.date) -> Occurrence | None:
        shares = shares_of(program, day.month)
        length_s = run_length_s(self._site, program, shares)
        if program.window is not None:
            span = self._window(program.window, day)
        elif program.finish_before is not None:
            span = self._at(program.finish_before, day, -length_s)
        else:
            span = None if program.start is None else self._at(program.start, day, 0.0)
        if span is None or not shares:
            return None
        due, until = span
        if program.window is None:
            until = due + max(program.resume, START_LATE_S)
        last = (until if program.window is not None else due) + length_s + (program.resume or QUEUE_S)
        return Occurrence(f"{name}:{day}:0", name, due, until, last, shares, program.window is not None)

    def _window(self, window: Window, day: dt.date) -> tuple[float, float] | None:
        """A window belongs to the date on which it begins; one that a change of the clocks swallows is as long as it
        is by the clock."""
        lasts_s = (window.end_s - window.start_s) % DAY_S
        if not self._exists(window.start_s, day):
            return None
        begin = self._clock(window.start_s, day)
        end = self._clock(window.end_s, day + dt.timedelta(days=int(window.end_s <= window.start_s)))
        return begin, end if end > begin else begin + lasts_s

    def _at(self, at: At, day: dt.date, after_s: float) -> tuple[float, float] | None:
        """So long (s) after the time that is named, as a span without length; None if the date lacks it."""
        if at.anchor != "clock":
            time = self._sun(at.anchor, day) + at.offset_s + after_s
        elif self._exists(at.offset_s, day):
            time = self._clock(at.offset_s, day) + after_s
        else:
            return None
        return time, time

    def _exists(self, clock_s: float, day: dt.date) -> bool:
        """False on a date that the zone left out: crossing the date line costs a whole day."""
        return self._date(self._clock(clock_s, day)) == day

    def _clock(self, clock_s: float, day: dt.date) -> float:
        minutes = int(clock_s) // 60
        return dt.datetime.combine(day, dt.time(minutes // 60, minutes % 60), self._zone).timestamp()

    def _date(self, wall: float) -> dt.date:
        return dt.datetime.fromtimestamp(wall, self._zone).date()

    def _sun(self, event: Literal["sunset", "sunrise"], day: dt.date) -> float:
        key = event, day
        if key not in self._suns:
            if len(self._suns) >= CACHED:
                self._suns.clear()
            place = self._place
            self._suns[key] = sun_time(event, place.latitude, place.longitude, day, place.timezone)
        return self._suns[key]


def waters_on(program: IrrigationProgram, day: dt.date) -> bool:
    """Whether `program` has an occurrence on the date, whatever the month's share."""
    if program.dates and not any(dates.holds(day) for dates in program.dates):
        return False
    if program.days is not None:
        return day.weekday() in program.days
    if program.month_days is not None:
        return day.day in program.month_days
    if program.every is not None and program.starting is not None:
        since = (day - _only(program.starting)).days
        return since >= 0 and since % round(program.every / DAY_S) == 0
    return True


def _only(dates: DateRange) -> dt.date:
    year, month, day = dates.first
    return dt.date(year, month, day)


def _by_due(found: Occurrence) -> float:
    return found.due
