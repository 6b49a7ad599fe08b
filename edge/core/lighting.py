"""What a light should do now, and why: levels over circuits, the program, and the override above it. Pure functions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from edge.core.cells import Cells
from edge.core.schedule import Calendar
from edge.core.trust import KnownTime
from edge.core.values import Deadline, Desired, Moment, Override

DOUBT_S = 3600.0  # how far beyond sunset and sunrise a street is lit while the clock is not confirmed


@dataclass(frozen=True, slots=True)
class Ladder:
    """The levels (percent of rated power) that a light can take, 0 first, and the power of its circuits in the order
    of the configuration: level n burns n circuits, with the power of the first n."""

    levels: tuple[int, ...]
    watts: tuple[float, ...]

    def nearest(self, asked: float) -> int:
        """The level nearest to `asked` (percent), the higher when equal; from above 0 never 0."""
        if asked <= 0:
            return 0
        return min(self.levels[1:], key=lambda level: (abs(level - asked), -level))

    def burning(self, level: int) -> int:
        """How many circuits burn at `level`, one of `levels`."""
        return self.levels.index(level)

    def order(self, night: dt.date | None) -> tuple[int, ...]:
        """In which order the levels of that night take the circuits; None: in that of the configuration.

        Circuits of equal power take turns, each night the next one first, so that they age evenly.
        """
        order = list(range(len(self.watts)))
        if night is None:
            return tuple(order)
        for watts in set(self.watts):
            equal = [i for i, w in enumerate(self.watts) if w == watts]
            turn = night.toordinal() % len(equal)
            for place, i in zip(equal, equal[turn:] + equal[:turn], strict=True):
                order[place] = i
        return tuple(order)

    def observed(self, on: Sequence[bool]) -> int:
        """The level at which the circuits that are on burn together, whichever they are."""
        together = sum(w for w, burns in zip(self.watts, on, strict=True) if burns)
        return self.nearest(100 * together / sum(self.watts))


def ladder(watts: Sequence[float]) -> Ladder:
    """The ladder of circuits of `watts` each. Three equal ones: 0, 33, 67, 100."""
    levels, total, count = [0], sum(watts), len(watts)
    for n in range(1, count + 1):
        share = round(100 * sum(watts[:n]) / total)
        levels.append(min(max(share, levels[-1] + 1), 100 - (count - n)))
    return Ladder(tuple(levels), tuple(watts))


@dataclass(frozen=True, slots=True)
class Forecast:
    """The next change of level as it will happen if nobody interferes. `at` is Unix time."""

    at: float
    level: int
    reason: str


class Wish:
    """What one light is asked for by its program and by people: a function of the time and the override kept."""

    def __init__(
        self, scale: Ladder, calendar: Calendar, program: str | None, known: KnownTime, cells: Cells
    ) -> None:
        self._known = known
        self._cells = cells
        self._ladder = scale
        self._calendar = calendar
        self.program = program

    def desired(self, override: Override | None, moment: Moment) -> Desired:
        """The level that should be now. An override that has ended counts no more."""
        if override is not None and not ended(override, moment):
            until = None if override.until is None else override.until.on_wall(moment)
            return Desired(override.level, "override", override.at, until)
        return self._by_cell(moment) if moment.trusted else self._in_doubt(moment)

    def _by_cell(self, moment: Moment) -> Desired:
        """What the program asks for, with the photocell's say in it."""
        cell = self._cells.of(self.program, moment)
        if cell is None:
            return self._by_program(moment.wall)
        standing, moved = cell.standing(moment)
        level = self._ladder.nearest(standing.level)
        return Desired(level, "photocell" if moved else "program", standing.since, standing.next_step)

    def _in_doubt(self, moment: Moment) -> Desired:
        """While nobody vouches for the clock, if the program ever lights this light: as its photocell says; without one
        lit whenever it may be dark."""
        standing = self._by_program(moment.wall)
        if self.program is None or not self._calendar.ever_lights(self.program):
            return standing
        cell = self._cells.of(self.program, moment)
        if cell is not None and (night := cell.says(moment)) is not None:
            return Desired(self._ladder.levels[-1] if night else 0, "photocell")
        if (known := self._known.catches_up_at(moment)) is not None:
            return Desired(self._ladder.levels[-1], "default", None, known)
        dark, until = self._calendar.dark(moment.wall, DOUBT_S)
        if dark:
            return Desired(self._ladder.levels[-1], "default", None, until)
        return replace(standing, until=until if standing.until is None else min(until, standing.until))

    def wakeup(self, desired: Desired, moment: Moment) -> float:
        """When (monotonic s) time alone may change what `desired` was the answer to."""
        cell = self._cells.of(self.program, moment)
        until = float("inf") if desired.until is None else moment.mono_at(desired.until)
        return until if cell is None else min(until, cell.wakeup(moment))

    def night(self, moment: Moment) -> dt.date:
        """The date of the present night."""
        return self._calendar.night_of(moment.wall)

    def override_end(self, moment: Moment) -> Deadline | None:
        """When an override without a bound of its own ends: at the program's next step, whether or not that changes
        the level; without a program, never."""
        standing = self._calendar.standing(self.program, moment.wall) if self.program else None
        return None if standing is None or standing.next_step is None else Deadline(standing.next_step)

    def forecast(self, override: Override | None, moment: Moment) -> Forecast | None:
        """The next change of level; None when none is in sight (an override without an end, no program, no clock)."""
        if not moment.trusted:
            return None
        now = self.desired(override, moment)
        start = moment.wall
        if now.reason == "override":
            if now.until is None:
                return None
            after = self._by_program(now.until)
            if after.level != now.level:
                return Forecast(now.until, after.level, after.reason)
            start = now.until
        return self._next_other(now.level, start)

    def _next_other(self, level: int, start: float) -> Forecast | None:
        standing = self._by_program(start)
        while standing.until is not None and standing.until < start + 8 * 86400:
            at = standing.until
            standing = self._by_program(at)
            if standing.level != level:
                return Forecast(at, standing.level, standing.reason)
        return None

    def _by_program(self, wall: float) -> Desired:
        standing = self._calendar.standing(self.program, wall) if self.program else None
        if standing is None:
            return Desired(0, "default")
        return Desired(self._ladder.nearest(standing.level), "program", standing.since, standing.next_step)


def ended(override: Override, moment: Moment) -> bool:
    """Whether the override's time is over."""
    return override.until is not None and override.until.passed(moment)
