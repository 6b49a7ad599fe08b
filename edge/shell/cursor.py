"""Where a consumer stands in the history: what it is to be sent next. Reads history.db by a connection of its own."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Container
from contextlib import closing
from pathlib import Path
from typing import Literal

from edge.core.packing import unpack
from edge.core.ranges import Ranges
from edge.core.values import StoredRow
from edge.shell.history_file import ReadOnly, connect_readonly, dropped

BLOCK = 1_200  # rows read at once: a window of messages
MOST_LIVE = 20_000  # rows that may have been read in the last minute
HIGHEST = 1 << 62
# No held row: nobody knows yet when it was read.
ROWS = (
    "SELECT sequence, at, layout, quality, life, body FROM rows WHERE sequence BETWEEN ? AND ? "
    "AND NOT EXISTS (SELECT 1 FROM held WHERE held.sequence = rows.sequence) ORDER BY sequence LIMIT ?"
)
COUNT = (
    "SELECT count(*), max(sequence) FROM rows WHERE sequence BETWEEN ? AND ? "
    "AND NOT EXISTS (SELECT 1 FROM held WHERE held.sequence = rows.sequence)"
)
NEWEST = "SELECT sequence, at FROM rows ORDER BY sequence DESC LIMIT ?"
Lane = Literal["live", "backlog"]


def stretch(path: Path, first: int, last: int) -> tuple[int, int]:
    """How many rows there are from sequence `first` to `last`, without those that are held, and the last one's sequence
    (0: there is none). Raises sqlite3.Error."""
    with closing(connect_readonly(path)) as db:
        rows, newest = db.execute(COUNT, (first, last)).fetchone()
        return int(rows), newest or 0


class Cursor:
    """Rows of the history in order of sequence: never one that the consumer has, was set aside for it, or is held.

    They go in two lanes: `live` from the sequence `live_from` on, `backlog` below it. Belongs to one thread.
    """

    def __init__(self, path: Path, consumer: str, acknowledged: Ranges, set_aside: Container[int]) -> None:
        """`acknowledged` and `set_aside` are the consumer's own, which it adds to; the file need not be there yet."""
        self.live_from = 1
        self._file = ReadOnly(path)
        self._consumer = consumer
        self._acknowledged = acknowledged
        self._set_aside = set_aside
        self._seen: sqlite3.Connection | None = None
        self._layouts: dict[int, tuple[str, tuple[str, ...]]] = {}
        self._ahead_of: dict[str, tuple[list[StoredRow], int]] = {}  # by lane; the next row last; where it goes on

    def pending(self, lane: Lane, limit: int, beyond: int = 0) -> list[StoredRow]:
        """At most `limit` rows of the lane, those with the lowest sequences above `beyond`; none: there are no more.
        Raises sqlite3.Error."""
        low, high = (self.live_from, HIGHEST) if lane == "live" else (1, self.live_from - 1)
        return self._ahead(lane, max(low, beyond + 1), high, limit, self._missing)

    def between(self, first: int, last: int, limit: int) -> list[StoredRow]:
        """At most `limit` rows from sequence `first` to `last`, whoever has them. Raises sqlite3.Error."""
        return self._ahead("between", first, last, limit, self._read)

    def forget_ahead(self) -> None:
        """Have read again what was read ahead: rows that were sent are to be sent once more."""
        self._ahead_of.clear()

    def go_live(self, since_ms: int) -> None:
        """Begin the live lane with the oldest of the newest rows that were read at Unix ms `since_ms` or later, or with
        the newest row. Raises sqlite3.Error."""
        self.forget_ahead()
        found = None
        for sequence, at in self._open().execute(NEWEST, (MOST_LIVE,)):
            if found is None or at >= since_ms:
                found = sequence
            if at < since_ms:
                break
        self.live_from = found or 1

    def dropped(self) -> int:
        """How many rows left the history before the consumer had them, since the beginning. Raises sqlite3.Error."""
        return dropped(self._open(), self._consumer)

    def close(self) -> None:
        """Let go of the file; it is opened again when something is asked. From the thread that asks, or once that has
        ended."""
        self._file.close()
        self._seen = None

    def _ahead(
        self, lane: str, first: int, last: int, limit: int, read: Callable[[int, int], list[StoredRow]]
    ) -> list[StoredRow]:
        """The next rows of a block that was read before, if the caller goes on where it ended, else of a new one."""
        self._open()
        block, at = self._ahead_of.get(lane, ([], -1))
        if not block or at != first:
            block = read(first, last)
            block.reverse()
        found: list[StoredRow] = []
        while block and len(found) < limit and block[-1].sequence <= last:
            found.append(block.pop())
        self._ahead_of[lane] = block, found[-1].sequence + 1 if found else first
        return found

    def _missing(self, first: int, last: int) -> list[StoredRow]:
        found: list[StoredRow] = []
        for low, high in self._acknowledged.missing(first, last):
            at = low
            while at <= high and len(found) < BLOCK and (rows := self._read(at, high)):
                found += [row for row in rows if row.sequence not in self._set_aside]
                at = rows[-1].sequence + 1
            if len(found) >= BLOCK:
                break
        return found

    def _read(self, first: int, last: int) -> list[StoredRow]:
        return [self._row(*found) for found in self._open().execute(ROWS, (first, last, BLOCK))]

    def _row(self, sequence: int, at: int, layout: int, quality: int, life: int, body: bytes) -> StoredRow:
        device, names = self._layouts.get(layout) or self._layout(layout)
        values = dict(zip(names, unpack(body, len(names)), strict=True))
        if None in values.values():
            values = {name: value for name, value in values.items() if value is not None}
        return StoredRow(sequence, at, device, values, quality, life)  # type: ignore[arg-type] # None is out

    def _layout(self, layout: int) -> tuple[str, tuple[str, ...]]:
        device, names = self._open().execute("SELECT device, names FROM layouts WHERE id = ?", (layout,)).fetchone()
        self._layouts[layout] = device, tuple(json.loads(names))
        return self._layouts[layout]

    def _open(self) -> sqlite3.Connection:
        db = self._file.db()
        if db is not self._seen:
            self._layouts.clear()
            self.forget_ahead()
            self._seen = db
        return db
