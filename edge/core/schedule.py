"""Light programs: what level stands at a time, and what comes next. Pure functions of local time.

A night is one day: it runs from noon to noon and has the date of its first noon. Before its first step a night keeps
the last step of the night before. The first calendar rule that matches the night's date gives its steps; if none does,
the program's own. Steps are ordered by their times, whatever their order in the list; of steps that fall together the
one listed later counts, and that of the later night.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

from edge.core.lunar import lunar_date
from edge.core.program_words import spoken, which_nights
from edge.core.site import LightProgram, Place, Rule
from edge.core.site_terms import At
from edge.core.sun import sun_time

NOON = dt.time(12)
HORIZON_NIGHTS = 8  # a program repeats by the week: what does not come within it never comes
CACHED_NIGHTS = 512
TWILIGHT_S = 7200.0  # so far from sunset and sunrise weather may make it dark or light; beyond, the sun alone


@dataclass(frozen=True, slots=True)
class Change:
    """One step of one night: from `at` (Unix s) on the program asks for `level` (percent).

    `rule` is the step's time as the configuration has it, such as "sunset - 10m"; `why` the calendar rule that gave it,
    such as "lunar 1-1..1-3", empty for the program's own steps. `event` is the sunset or sunrise (Unix s) that the step
    is reckoned from, None by the clock.
    """

    at: float
    level: int
    rule: str
    why: str
    anchor: Literal["clock", "sunset", "sunrise"]
    event: float | None

    @property
    def movable(self) -> bool:
        """Whether a photocell has a say in it: further from sunset or sunrise it is dark or light in any weather."""
        return self.event is not None and abs(self.at - self.event) <= TWILIGHT_S


@dataclass(frozen=True, slots=True)
class Standing:
    """The level that stands, since when, and the next step (whether or not it changes the level)."""

    level: int
    since: float
    next_step: float | None


class Calendar:
    """The programs of one place. Remembers the nights it has worked out; only `replace` changes what it says."""

    def __init__(self, place: Place, programs: dict[str, LightProgram]) -> None:
        self._place = place
        self._programs = dict(programs)
        self._zone = ZoneInfo(place.timezone)
        self._nights: dict[tuple[str, dt.date], list[Change]] = {}
        self._spans: dict[tuple[str, dt.date, int], list[Change]] = {}
        self._suns: dict[tuple[str, dt.date], float] = {}

    def replace(self, program: str, new: LightProgram) -> None:
        """From now on `program` is `new`."""
        self._programs[program] = new
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
        yield from (s for s in _in_order(s for n in nights for s in self._steps(program, n)) if start < s.at <= end)

    def steps_about(self, program: str, wall: float) -> list[Change]:
        """The steps of the night that `wall` falls into and of the two before and after it, in order of time."""
        return self._span(program, self.night_of(wall), 2)

    def rule_of(self, program: str, night: dt.date) -> Rule | None:
        """The calendar rule that gives the steps of `night`; None if the program's own stand."""
        return next((rule for rule in self._programs[program].calendar if _matches(rule, night)), None)

    def within_s(self, program: str) -> float:
        """How far (s) the photocell may move the steps of `program` that are near the sun's events; 0: not at all."""
        photocell = self._programs[program].photocell
        return 0.0 if photocell is None else photocell.within

    def ever_lights(self, program: str) -> bool:
        """Whether any step of `program` asks for light at all."""
        wanted = self._programs[program]
        steps = [*wanted.steps, *(step for rule in wanted.calendar for step in rule.steps)]
        return any(step.level > 0 for step in steps)

    def dark(self, wall: float, margin_s: float) -> tuple[bool, float]:
        """Whether `wall` lies between sunset and sunrise widened by `margin_s` on both sides (narrowed, if negative);
        and when that changes."""
        tonight = self.night_of(wall)
        nights = [tonight + dt.timedelta(days=n) for n in range(-1, 3)]
        until = wall
        for night in nights:
            dusk, dawn = self._sun("sunset", night) - margin_s, self._sun("sunrise", night) + margin_s
            if dusk >= dawn or dawn <= until:
                continue  # too short a night for the margin, or one that is over
            if dusk > until:
                return (True, until) if until > wall else (False, dusk)
            until = dawn  # it is this night, or the margins join it to the one before
        return (True, until) if until > wall else (False, self._sun("sunset", nights[-1]))

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
            self._spans[key] = _in_order(step for one in nights for step in self._steps(program, one))
        return self._spans[key]

    def _steps(self, program: str, night: dt.date) -> list[Change]:
        key = program, night
        if key not in self._nights:
            if len(self._nights) >= CACHED_NIGHTS:
                self._nights.clear()
            rule = self.rule_of(program, night)
            why = "" if rule is None else which_nights(rule)
            steps = (self._programs[program] if rule is None else rule).steps
            self._nights[key] = _in_order(self._change(s.at, s.level, why, night) for s in steps)
        return self._nights[key]

    def _change(self, at: At, level: int, why: str, night: dt.date) -> Change:
        if at.anchor == "clock":
            return Change(self._clock(at.offset_s, night), level, spoken(at), why, at.anchor, None)
        event = self._sun(at.anchor, night)
        moment = event + at.offset_s
        if at.not_before_s is not None:
            moment = max(moment, self._clock(at.not_before_s, night))
        if at.not_after_s is not None:
            moment = min(moment, self._clock(at.not_after_s, night))
        return Change(moment, level, spoken(at), why, at.anchor, event)

    def _clock(self, clock_s: float, night: dt.date) -> float:
        hours, seconds = divmod(int(clock_s), 3600)
        trigger = CronTrigger(hour=hours, minute=seconds // 60, second=seconds % 60, timezone=self._zone)
        noon = dt.datetime.combine(night, NOON, self._zone)
        found: dt.datetime = trigger.get_next_fire_time(None, noon)
        return found.timestamp()

    def _sun(self, event: Literal["sunset", "sunrise"], night: dt.date) -> float:
        """A night's sunset is that of its own date, its sunrise that of the next morning."""
        key = event, night
        if key not in self._suns:
            if len(self._suns) >= CACHED_NIGHTS:
                self._suns.clear()
            day = night if event == "sunset" else night + dt.timedelta(days=1)
            place = self._place
            self._suns[key] = sun_time(event, place.latitude, place.longitude, day, place.timezone)
        return self._suns[key]


def _in_order(steps: Iterable[Change]) -> list[Change]:
    """By time; of steps at one time only the last given."""
    return sorted({step.at: step for step in steps}.values(), key=lambda change: change.at)


def _matches(rule: Rule, night: dt.date) -> bool:
    if rule.days is not None:
        return night.weekday() in rule.days
    if rule.date is not None:
        return rule.date.holds(night)
    lunar = lunar_date(night)
    if lunar is None:
        return False
    if rule.lunar is not None:
        return not lunar.leap and rule.lunar.holds(lunar.month, lunar.day)
    return lunar.day == rule.lunar_day
