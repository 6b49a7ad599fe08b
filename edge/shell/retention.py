"""How rows leave the history: when they are older than it keeps them, or when the file has grown too large."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from edge.core.values import Moment
from edge.shell.history_table import HistoryTable

BATCH = 500
MOST_BY_AGE = 20_000  # in an hour: a clock that is wrong and trusted costs a few of the oldest days, not all
PAGES = 64  # given back to the card at once
HOUR_S = 3600.0
AT_S = 420.0  # after the full hour, when the hour's roll-ups are done


def hourly(wall: float) -> float:
    """`Job.next` of the retention."""
    return ((wall - AT_S) // HOUR_S + 1) * HOUR_S + AT_S


class Retention:
    """Drops the oldest rows, each counted for every consumer that had it not.

    Pages that are freed are used again, so the file grows no more; where `history.max_mb` was made smaller they are
    given back to the card.
    """

    def __init__(self, path: Path, keep_s: float, max_bytes: float) -> None:
        self._path = path
        self._keep_s = keep_s
        self._max_bytes = max_bytes
        self._from = 0
        self._dropped = 0

    def run(self, table: HistoryTable, moment: Moment) -> bool:
        """Drop some rows, within a transaction; whether there are more to drop. By age only while the time is known."""
        if self._used(table.db) > self._max_bytes:
            first = "SELECT sequence FROM rows ORDER BY sequence LIMIT ?"
            oldest = [row[0] for row in table.db.execute(first, (BATCH,))]
            table.drop(oldest)
            return bool(oldest)
        if moment.trusted and self._by_age(table, moment.wall - self._keep_s):
            return True
        self._from = self._dropped = 0
        return self._shrink(table.db)

    def _by_age(self, table: HistoryTable, before: float) -> bool:
        """Rows stand nearly in the order of their times: what is young among old ones is passed over."""
        known = "sequence > ? AND sequence NOT IN (SELECT sequence FROM held)"
        window = f"SELECT sequence, at FROM rows WHERE {known} ORDER BY sequence LIMIT ?"  # noqa: S608 - constant
        found = table.db.execute(window, (self._from, BATCH)).fetchall()
        old = [sequence for sequence, at in found if at < before * 1000]
        table.drop(old)
        self._dropped += len(old)
        if not old or self._dropped >= MOST_BY_AGE:
            return False
        self._from = found[-1][0]
        return True

    def _used(self, db: sqlite3.Connection) -> int:
        pages, free, size = _pages(db)
        try:
            ahead = Path(f"{self._path}-wal").stat().st_size
        except OSError:
            ahead = 0
        return int((pages - free) * size + ahead)

    def _shrink(self, db: sqlite3.Connection) -> bool:
        pages, free, size = _pages(db)
        if pages * size <= self._max_bytes or not free:
            return False
        db.execute(f"PRAGMA incremental_vacuum({PAGES})").fetchall()
        return bool(db.execute("PRAGMA freelist_count").fetchone()[0] < free)


def _pages(db: sqlite3.Connection) -> tuple[int, int, int]:
    """How many there are, how many of them are free, and how large one is (bytes)."""
    names = "page_count", "freelist_count", "page_size"
    pages, free, size = (int(db.execute(f"PRAGMA {name}").fetchone()[0]) for name in names)
    return pages, free, size
