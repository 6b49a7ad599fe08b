"""Light programs: what level stands at a time, and what comes next. Pure functions of local time.

A night is one day: it runs from noon to noon and has the date of its first noon. Before its first step a night keeps
the last step of the night before. The first calendar rule that matches the night's date gives its steps; if none does,
the program's own.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

from edge.core.site import LightProgram, Place, Rule
from edge.core.site_terms import At, span
from edge.core.sun import sun_time

NOON = dt.time(12)
HORIZON_NIGHTS = 8  # a program repeats by the week: what does not come within it never comes
CACHED_NIGHTS = 512


@dataclass(frozen=True, slots=True)
class Change:
    """One step of one night: from `at` (Unix s) on the program asks for `level` (percent); `rule` is the step's time
    as the configuration has it, such as "sunset - 10m"."""

    at: float
    level: int
    rule: str


@dataclass(frozen=True, slots=True)
class Standing:
    """The level that stands, since when, and the next step (whether or not it changes the level)."""

    level: int
    since: float
    next_step: float | None


class Calendar:
    """The programs of one place. Remembers the nights it has worked out; nothing else about it changes."""

    def __init__(self, place: Place, programs: dict[str, LightProgram]) -> None:
        self._place = place
        self._programs = programs
        self._zone = ZoneInfo(place.timezone)
        self._nights: dict[tuple[str, dt.date], list[Change]] = {}
        self._spans: dict[tuple[str, dt.date, int], list[Change]] = {}

    def replace(self, name: str, program: LightProgram) -> None:
        """Put `program` in the place of the one called `name`, or beside the others."""
        self._programs = {**self._programs, name: program}
        self._nights.clear()
        self._spans.clear()

    def night_of(self, wall: float) -> dt.date:
        """The date of the night that `wall` (Unix s) falls into: today's from noon on, yesterday's before."""
        local = dt.datetime.fromtimestamp(wall, self._zone)
        return local.date() if local.time() >= NOON else local.date() - dt.timedelta(days=1)

    def standing(self, program: str, wall: float) -> Standing | None:
        """What `program` asks for at `wall`; None if no night of the last week has a step."""
        around = self._around(program, wall)
        i = bisect_right(around, wall, key=lambda change: change.at)
        if i == 0:
            return None
        later = around[i].at if i < len(around) else None
        return Standing(around[i - 1].level, around[i - 1].at, later)

    def changes(self, program: str, start: float, end: float) -> Iterator[Change]:
        """The steps of `program` after `start` and up to `end` (Unix s), in order of time."""
        first, last = self.night_of(start), self.night_of(end)
        nights = [first + dt.timedelta(days=n) for n in range(-1, (last - first).days + 2)]
        steps = sorted((s for night in nights for s in self._steps(program, night)), key=lambda change: change.at)
        yield from (s for s in steps if start < s.at <= end)

    def ever_lights(self, program: str) -> bool:
        """Whether any step of `program` asks for light at all."""
        wanted = self._programs[program]
        steps = [*wanted.steps, *(step for rule in wanted.calendar for step in rule.steps)]
        return any(step.level > 0 for step in steps)

    def dark(self, wall: float, margin_s: float) -> tuple[bool, float]:
        """Whether `wall` lies between sunset and sunrise widened by `margin_s` on both sides; and when that changes."""
        tonight, day = self.night_of(wall), dt.timedelta(days=1)
        nights = [tonight - day, tonight, tonight + day]
        edges = [
            edge
            for night in nights
            for edge in (
                self._instant(At("sunset", -margin_s), night), self._instant(At("sunrise", margin_s), night)
            )
        ]
        passed = bisect_right(edges, wall)
        return passed % 2 == 1, edges[passed]

    def _around(self, program: str, wall: float) -> list[Change]:
        """The steps about `wall`: at least one before it and one after it, if the week has any."""
        tonight = self.night_of(wall)
        steps = self._span(program, tonight, 1)
        if not steps or not steps[0].at <= wall < steps[-1].at:
            steps = self._span(program, tonight, HORIZON_NIGHTS)
        return steps

    def _span(self, program: str, night: dt.date, reach: int) -> list[Change]:
        """The steps of the nights up to `reach` before and after `night`."""
        key = program, night, reach
        if key not in self._spans:
            if len(self._spans) >= CACHED_NIGHTS:
                self._spans.clear()
            nights = [night + dt.timedelta(days=n) for n in range(-reach, reach + 1)]
            steps = [step for one in nights for step in self._steps(program, one)]
            self._spans[key] = sorted(steps, key=lambda change: change.at)
        return self._spans[key]

    def _steps(self, program: str, night: dt.date) -> list[Change]:
        key = program, night
        if key not in self._nights:
            if len(self._nights) >= CACHED_NIGHTS:
                self._nights.clear()
            wanted = self._programs[program]
            rule = next((r for r in wanted.calendar if _matches(r, night)), None)
            steps = [Change(self._instant(s.at, night), s.level, spoken(s.at)) for s in (rule or wanted).steps]
            self._nights[key] = sorted(steps, key=lambda change: change.at)
        return self._nights[key]

    def _instant(self, at: At, night: dt.date) -> float:
        if at.anchor == "clock":
            hours, seconds = divmod(int(at.offset_s), 3600)
            trigger = CronTrigger(hour=hours, minute=seconds // 60, second=seconds % 60, timezone=self._zone)
            noon = dt.datetime.combine(night, NOON, self._zone)
            found: dt.datetime = trigger.get_next_fire_time(None, noon)
            return found.timestamp()
        # A night's sunset is that of its own date, its sunrise that of the next morning.
        day = night if at.anchor == "sunset" else night + dt.timedelta(days=1)
        place = self._place
        return sun_time(at.anchor, place.latitude, place.longitude, day, place.timezone) + at.offset_s


def _matches(rule: Rule, night: dt.date) -> bool:
    return rule.days is not None and night.weekday() in rule.days


def spoken(at: At) -> str:
    """A time of day in the words of the configuration: "22:30", "sunset - 10m"."""
    if at.anchor == "clock":
        return f"{int(at.offset_s) // 3600:02}:{int(at.offset_s) % 3600 // 60:02}"
    if not at.offset_s:
        return at.anchor
    return f"{at.anchor} {'+' if at.offset_s > 0 else '-'} {span(abs(at.offset_s))}"
