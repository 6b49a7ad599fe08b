"""The coming changes of lights, exactly as they will happen unless a person or the photocell interferes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edge.core.lighting import Ladder
from edge.core.schedule import HORIZON_NIGHTS, Calendar, Change

DAY_S = 86400.0


@dataclass(frozen=True, slots=True)
class Coming:
    """From Unix time `at` on, `device` wants `level` (percent) and burns these circuits for it.

    `program` and `step` say whose step it is, such as "sunset - 10m"; `rule` is the calendar's rule of that night, ""
    for none; the photocell may move it by `within_s` seconds. The step that ends an override is the one that then
    stands.
    """

    at: float
    device: str
    level: int
    circuits: tuple[str, ...]
    program: str
    step: str
    rule: str = ""
    within_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Now:
    """What a light wants now: `level`, its circuits taken in `order`, until Unix time `until` whatever its program
    says (None: its program rules)."""

    level: int
    order: Sequence[int]
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """One light as its plan needs it: `circuits` are the ids in the order of the configuration."""

    device: str
    ladder: Ladder
    circuits: Sequence[str]
    rotates: bool
    program: str

    def changes(self, calendar: Calendar, start: float, end: float, now: Now | None = None) -> Iterator[Coming]:
        """Its changes after `start` and up to `end` (Unix s), in order of time. `now`: what it wants at `start`, which
        is else what its program has made of it."""
        if now is None:
            now = self._reached(calendar, start)
        level, order, begin = now.level, now.order, start
        if now.until is not None:
            begin = now.until
            if begin > end:
                return
            change = self._stands(calendar, begin)
            if change is not None and self.ladder.nearest(change.level) != level:
                level, order = self._next(calendar, level, order, change, begin)
                yield self._coming(calendar, begin, level, order, change)
        for change in calendar.changes(self.program, begin, end):
            if self.ladder.nearest(change.level) != level:
                level, order = self._next(calendar, level, order, change, change.at)
                yield self._coming(calendar, change.at, level, order, change)

    def _reached(self, calendar: Calendar, start: float) -> Now:
        """What the program has made of the light by `start`: circuits keep their turn while only some of them burn."""
        level, order = 0, self._order(calendar.night_of(start))
        for change in calendar.changes(self.program, start - HORIZON_NIGHTS * DAY_S, start):
            if self.ladder.nearest(change.level) != level:
                level, order = self._next(calendar, level, order, change, change.at)
        return Now(level, order)

    def _next(
        self, calendar: Calendar, level: int, order: Sequence[int], change: Change, at: float
    ) -> tuple[int, Sequence[int]]:
        if level in (0, self.ladder.levels[-1]):
            order = self._order(calendar.night_of(at))
        return self.ladder.nearest(change.level), order

    def _order(self, night: dt.date) -> Sequence[int]:
        return self.ladder.order(night if self.rotates else None)

    def _stands(self, calendar: Calendar, at: float) -> Change | None:
        return max(calendar.changes(self.program, at - HORIZON_NIGHTS * DAY_S, at), key=lambda c: c.at, default=None)

    def _coming(self, calendar: Calendar, at: float, level: int, order: Sequence[int], change: Change) -> Coming:
        burning = sorted(order[: self.ladder.burning(level)])
        circuits = tuple(self.circuits[i] for i in burning)
        within_s = calendar.within_s(self.program) if change.movable and at == change.at else 0.0
        return Coming(at, self.device, level, circuits, self.program, change.rule, change.why, within_s)
