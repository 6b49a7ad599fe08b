"""Housekeeping of the history: marks of where rows lie, and what the rows of each hour, day and month come to.

Everything is worked out anew from the rows of the hour that is touched, so it does not matter in which order rows come,
how often, or where a power cut falls between two pieces. Where rows have left the history, what was worked
out while they were there stays.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from zoneinfo import ZoneInfo

from edge.core.counter import COUNTER
from edge.core.energy import Terms
from edge.core.metering import terms_of
from edge.core.periods import day_start, first_day, hour_end, hour_start, next_day
from edge.core.questions import Period
from edge.core.ranges import Range
from edge.core.rollup import joined, packed, summed, unpacked
from edge.core.site import Site
from edge.core.values import ModelInfo, Moment
from edge.shell import energy_rows
from edge.shell.history_rows import Layout, Raw, layouts, marked, rows_of_hour, rows_within, unmarked
from edge.shell.housekeeping import Job, calendar

HOUR, DAY, MONTH = 1, 2, 3
_KINDS: dict[int, Period] = {DAY: "day", MONTH: "month"}
MARKED_AT_ONCE = 2_000  # rows; some 10 ms, and 40 on a Pi
FOLDED_AT_ONCE = 400  # rows, or as good as: likewise
AS_GOOD_AS = 20  # rows: what it costs to begin with an hour of a device
MINUTE = 2  # of every hour: by then the last rows of the hour before are on the card


def jobs(site: Site, catalogue: Mapping[str, ModelInfo]) -> list[Job]:
    """What keeps the roll-ups of the history right."""
    rollups = Rollups(ZoneInfo(site.site.timezone), terms_of(site, catalogue))
    return [Job("roll-ups", calendar(site.site.timezone, hour="*", minute=str(MINUTE)), rollups.run)]


class Rollups:
    """Works out what is missing or no longer right, the oldest first: marks, hours, days, months."""

    def __init__(self, zone: ZoneInfo, terms: Mapping[str, Terms]) -> None:
        """`terms`: what is known of the counters, by `meter/<id>`."""
        self._zone = zone
        self._terms = terms

    def run(self, db: sqlite3.Connection, moment: Moment) -> bool:
        """Do one piece, within a transaction of the caller's; whether there is more to do. Raises sqlite3.Error."""
        missing = unmarked(db)
        if missing and self._mark(db, missing):
            return True
        for span, work in ((HOUR, self._fold), (DAY, self._combine), (MONTH, self._combine)):
            if due := self._due(db, span, moment.wall):
                work(db, span, due)
                return True
        return False

    def _mark(self, db: sqlite3.Connection, missing: list[Range]) -> bool:
        """Give marks to the first rows that have none; whether there were such rows."""
        found: list[Raw] = []
        for stretch in missing:
            if len(found) < MARKED_AT_ONCE:
                found += rows_within(db, stretch, limit=MARKED_AT_ONCE - len(found))
        if found:
            self._note(db, found)
            known = marked(db)
            for raw in found:
                known.add(raw.sequence, raw.sequence)
            db.execute("INSERT OR REPLACE INTO marked (id, sequences) VALUES (1, ?)", (json.dumps(list(known)),))
        return bool(found)

    def _note(self, db: sqlite3.Connection, rows: Iterable[Raw]) -> None:
        runs: list[list[int]] = []
        stale: set[tuple[int, int, int]] = set()
        start = end = 0.0
        for raw in rows:
            at = raw.at / 1000
            if not start <= at < end:
                start, end = hour_start(at, self._zone), hour_end(at, self._zone)
            if runs and runs[-1][0] == int(start):
                runs[-1][2] = raw.sequence
            else:
                runs.append([int(start), raw.sequence, raw.sequence])
            stale.add((HOUR, int(start), raw.layout))
        db.executemany("INSERT OR REPLACE INTO marks (hour, first, last) VALUES (?, ?, ?)", runs)
        db.executemany("INSERT OR IGNORE INTO stale (span, start, layout) VALUES (?, ?, ?)", sorted(stale))

    def _due(self, db: sqlite3.Connection, span: int, now: float) -> list[tuple[int, int]]:
        """The oldest stretches of that span that are over and stale: when they began, and of which layout."""
        most = FOLDED_AT_ONCE // AS_GOOD_AS
        query = "SELECT start, layout FROM stale WHERE span = ? AND start < ? ORDER BY start, layout LIMIT ?"
        found: list[tuple[int, int]] = db.execute(query, (span, now, most)).fetchall()
        return [(start, layout) for start, layout in found if self.end_of(span, start) <= now]

    def end_of(self, span: int, start: float) -> float:
        """When the hour, day or month that began at `start` is over (Unix s)."""
        if span == HOUR:
            return hour_end(start, self._zone)
        kind = _KINDS[span]
        return day_start(next_day(kind, first_day(kind, start, self._zone)), self._zone)

    def start_of(self, span: int, at: float) -> int:
        """When the hour, day or month that holds `at` began (Unix s)."""
        if span == HOUR:
            return int(hour_start(at, self._zone))
        return int(day_start(first_day(_KINDS[span], at, self._zone), self._zone))

    def _fold(self, db: sqlite3.Connection, span: int, due: list[tuple[int, int]]) -> None:
        every = layouts(db)
        room = FOLDED_AT_ONCE
        for start, number in due:
            if room <= 0:
                break
            layout = every.get(number)
            if layout is None:  # it was lost with a damaged file, and nobody knows what its rows say
                db.execute("DELETE FROM stale WHERE layout = ?", (number,))
                continue
            rows = self._sound(db, start, {number: layout})
            kept = db.execute(
                "SELECT readings FROM rollups WHERE layout = ? AND span = ? AND start = ?", (number, span, start)
            ).fetchone()
            if rows and (kept is None or len(rows) >= kept[0]):
                columns = zip(*(raw.values(layout) for raw in rows), strict=True)
                _keep(db, number, span, start, len(rows), packed([summed(column) for column in columns]))
            if COUNTER in layout.names:
                self._count(db, layout.device, start, every)
            self._done(db, span, start, number)
            room -= len(rows) + AS_GOOD_AS

    def _count(self, db: sqlite3.Connection, device: str, start: int, every: Mapping[int, Layout]) -> None:
        """Work out anew what the meter counted in that hour."""
        theirs = {i: layout for i, layout in every.items() if layout.device == device}
        rows = self._sound(db, start, theirs)
        found = energy_rows.worked_out(db, device, start, rows, theirs, self._terms.get(device, Terms()))
        energy_rows.keep(db, device, start, found)

    def _sound(self, db: sqlite3.Connection, start: int, of: Mapping[int, Layout]) -> list[Raw]:
        """The rows of an hour without those that are damaged: one of these must not stop the upkeep for good."""
        rows = rows_of_hour(db, start, start, self.end_of(HOUR, start), of)
        return [raw for raw in rows if raw.is_sound(of[raw.layout])]

    def _combine(self, db: sqlite3.Connection, span: int, due: list[tuple[int, int]]) -> None:
        """Days of their hours, months of their days."""
        every = layouts(db)
        for start, number in due[: FOLDED_AT_ONCE // (AS_GOOD_AS * 4)]:
            parts = [] if number not in every else db.execute(
                "SELECT readings, body FROM rollups WHERE layout = ? AND span = ? AND start >= ? AND start < ?",
                (number, span - 1, start, self.end_of(span, start)),
            ).fetchall()
            if parts:
                count = len(every[number].names)
                columns = zip(*(unpacked(body, count) for _, body in parts), strict=True)
                body = packed([joined(column) for column in columns])
                _keep(db, number, span, start, sum(readings for readings, _ in parts), body)
            self._done(db, span, start, number)

    def _done(self, db: sqlite3.Connection, span: int, start: int, layout: int) -> None:
        """It is right now; what it is a part of is not."""
        db.execute("DELETE FROM stale WHERE span = ? AND start = ? AND layout = ?", (span, start, layout))
        if span != MONTH:
            above = span + 1, self.start_of(span + 1, start), layout
            db.execute("INSERT OR IGNORE INTO stale (span, start, layout) VALUES (?, ?, ?)", above)


def _keep(db: sqlite3.Connection, layout: int, span: int, start: int, readings: int, body: bytes) -> None:
    db.execute(
        "INSERT OR REPLACE INTO rollups (layout, span, start, readings, body) VALUES (?, ?, ?, ?, ?)",
        (layout, span, start, readings, body),
    )
