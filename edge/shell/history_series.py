"""One quantity of one device by steps, from the rows themselves or from the roll-ups of hours, days and months."""

from __future__ import annotations

import sqlite3
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from itertools import pairwise

from edge.core.rollup import Figures, joined, picked, summed
from edge.core.steps import DAY_S, MONTH_S
from edge.shell.history_rows import Layout, Raw, rows_between, rows_of_hour, rows_there, rows_within, unmarked
from edge.shell.rollups import DAY, HOUR, MONTH, Rollups

MUCH = 100_000  # rows: a week or two of a village
FAR_S = 2 * DAY_S


class Fresh:
    """The hours of one device that no roll-up answers for: rows of theirs have come that were not rolled up yet."""

    def __init__(
        self, db: sqlite3.Connection, of: Mapping[int, Layout], rollups: Rollups,
        near: tuple[float, float] | None = None,
    ) -> None:
        """`of`: the layouts of the device. `near`: the time of interest (Unix s), if not all is; where much was not
        rolled up yet, as after a salvage, rows far from it stay on the card."""
        self._db = db
        self._of = of
        self._rollups = rollups
        self._late: dict[int, list[Raw]] = {}
        which = ", ".join(str(i) for i in of) or "NULL"
        stale = db.execute(f"SELECT span, start FROM stale WHERE layout IN ({which})").fetchall()  # noqa: S608 - numbers
        missing = unmarked(db) if of else []
        read = None
        if near is not None and sum(rows_there(db, stretch, MUCH) for stretch in missing) >= MUCH:
            read = near[0] - FAR_S, near[1] + FAR_S
        for stretch in missing:
            for raw in rows_within(db, stretch, of, read=read):
                self._late.setdefault(rollups.start_of(HOUR, raw.at / 1000), []).append(raw)
        self.hours = sorted({start for span, start in stale if span == HOUR} | self._late.keys())
        days = {start for span, start in stale if span == DAY} | {rollups.start_of(DAY, at) for at in self.hours}
        months = {start for span, start in stale if span == MONTH} | {rollups.start_of(MONTH, at) for at in days}
        self.days, self.months = days, months

    def rows(self, hour: int) -> list[Raw]:
        """All that the hour will be worked out from."""
        rows = rows_of_hour(self._db, hour, hour, self._rollups.end_of(HOUR, hour), self._of)
        return list({raw.sequence: raw for raw in (*rows, *self._late.get(hour, ()))}.values())


class Look:
    """A look at `quantity`, which all the layouts `of` the device have."""

    def __init__(
        self, db: sqlite3.Connection, of: Mapping[int, Layout], quantity: str, rollups: Rollups,
        near: tuple[float, float],
    ) -> None:
        """`near` as of Fresh."""
        self._db = db
        self._of = of
        self._index = {i: layout.names.index(quantity) for i, layout in of.items()}
        self._rollups = rollups
        self._fresh = Fresh(db, of, rollups, near)

    def bounds(self) -> tuple[float, float] | None:
        """From when to when there can be figures (Unix s); None: there are none."""
        ends: list[float] = list(self._fresh.hours)
        for i in self._of:
            query = "SELECT min(start), max(start) FROM rollups WHERE layout = ? AND span = ?"
            ends += [at for at in self._db.execute(query, (i, HOUR)).fetchone() if at is not None]
        return (min(ends), max(ends) + 3600.0) if ends else None

    def only_rolled_up(self, start: float) -> bool:
        """Whether rows from `start` on have left the history, and only what they came to is there."""
        there = "SELECT hour FROM marks WHERE last >= (SELECT min(sequence) FROM rows) ORDER BY hour LIMIT 1"
        hours = [hour for (hour,) in self._db.execute(there)] + self._fresh.hours[:1]
        bounds = self.bounds()
        return bounds is not None and (not hours or max(start, bounds[0]) < min(hours))

    def raw(self, borders: list[float]) -> Iterator[Figures | None]:
        """What the rows between each border and the next come to."""
        values: list[list[float | None]] = [[] for _ in borders[1:]]
        for raw in rows_between(self._db, borders[0], borders[-1], self._of):
            cell = bisect_right(borders, raw.at / 1000) - 1
            values[cell].append(raw.values(self._of[raw.layout])[self._index[raw.layout]])
        return map(summed, values)

    def rolled(self, borders: list[float], step: float) -> Iterator[Figures | None]:
        """What the roll-ups between each border and the next come to; `step` (s) says of which these are made."""
        span = MONTH if step >= MONTH_S else DAY if step >= DAY_S else HOUR
        found = self._span(span, borders[0], borders[-1])
        starts = sorted(found)
        for low, high in pairwise(borders):
            yield joined(found[at] for at in starts[bisect_left(starts, low) : bisect_left(starts, high)])

    def _span(self, span: int, start: float, end: float) -> dict[int, Figures | None]:
        """Every hour, day or month that begins from `start` up to before `end`, by when it begins."""
        found: dict[int, Figures | None] = {}
        for i, index in self._index.items():
            query = "SELECT start, body FROM rollups WHERE layout = ? AND span = ? AND start >= ? AND start < ?"
            for at, body in self._db.execute(query, (i, span, start, end)):
                found[at] = joined((found.get(at), picked(body, index)))
        if span == HOUR:
            return found | {at: self._renewed(at, found.get(at)) for at in self._fresh.hours if start <= at < end}
        changed = self._fresh.days if span == DAY else self._fresh.months
        for at in changed:
            if start <= at < end:
                parts = self._span(span - 1, at, self._rollups.end_of(span, at))
                found[at] = joined(parts.values())
        return found

    def _renewed(self, hour: int, kept: Figures | None) -> Figures | None:
        rows = self._fresh.rows(hour)
        new = summed(raw.values(self._of[raw.layout])[self._index[raw.layout]] for raw in rows)
        return kept if kept is not None and (new is None or new.n < kept.n) else new
