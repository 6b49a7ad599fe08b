"""What a journal out of a backup must not say unchanged: numbers have been given out since that it does not know of.

A sequence, a program's rev and a meter's life each name one thing for ever. After a restore the next of each is taken
so far beyond all that the backup and the journal in its place know that none comes a second time, also if the same
backup is restored again on a card that knows of nothing since: they follow the time, faster than they are used up.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

from edge.core.values import Moment
from edge.shell.clock import NOT_BEFORE
from edge.shell.history_file import connect_readonly
from edge.shell.store import StoreWorker


class Leap(NamedTuple):
    """How far the next number of a kind is taken beyond the highest that is known, at least; and how many a second
    since 2026 may have been given out."""

    least: int
    per_s: float


LEAPS = {
    "history": Leap(1_000_000_000, 1000.0),  # rows: more than any village's devices give
    "revs": Leap(1_000, 1 / 60),  # programs: changed by people
    "lives": Leap(100, 1 / 3600),  # meters: replaced, reset, or their pulses uncertain
}
HIGHEST = {
    "history": ("SELECT max(reserved) FROM sequences WHERE id = 'history'",),
    "revs": ("SELECT max(rev) FROM programs", "SELECT max(reserved) FROM sequences WHERE id = 'revs'"),
    "lives": (
        "SELECT max(life) FROM meters", "SELECT max(life) FROM pulses",
        "SELECT max(reserved) FROM sequences WHERE id = 'lives'",
    ),
}


def renew(journal: Path, made_at: float, moment: Moment, replaced: Path | None) -> list[str]:
    """Change a journal out of a backup, which nobody has open, so that it can be gone on with; what a person should
    know of it. `made_at`: when the backup was made (Unix s). `replaced`: the journal whose place it takes.

    Raises sqlite3.Error.
    """
    StoreWorker(journal, lambda _: None).close(moment)  # brings it to the newest schema
    with closing(sqlite3.connect(journal, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous = FULL")
        known = db.execute("SELECT max(wall) FROM clock").fetchone()[0] or 0.0
        now = max(moment.wall, made_at, known)
        db.execute("BEGIN IMMEDIATE")
        leap = {name: _beyond(name, [journal, replaced], now) for name in LEAPS}
        db.executemany("INSERT OR REPLACE INTO sequences (id, reserved) VALUES (?, ?)", leap.items())
        # What was told of pulses since is not known: each begins a new life at its next start.
        db.execute("UPDATE pulses SET clean = 0, life = ?", (leap["lives"],))
        # What an output was last told is true of another card's boot.
        db.execute("DELETE FROM outputs")
        db.execute("DELETE FROM overrides WHERE until_wall <= ?", (now,))
        db.execute("DELETE FROM commands WHERE until_wall <= ?", (now,))
        details = json.dumps({"request": "restore", "made_at": made_at})
        db.execute("INSERT INTO audit (at, outcome, details) VALUES (?, 'accepted', ?)", (moment.wall, details))
        db.execute("COMMIT")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return list(_standing(db))


def _beyond(name: str, journals: list[Path | None], now: float) -> int:
    """The number up to which none is given out anew."""
    highest = max(_highest(name, path) for path in journals)
    least, per_s = LEAPS[name]
    return max(highest + least, int((now - NOT_BEFORE) * per_s))


def _highest(name: str, journal: Path | None) -> int:
    """The highest number that a journal knows of; 0 where it cannot be read."""
    found = [0]
    if journal is not None:
        for query in HIGHEST[name]:
            with suppress(sqlite3.Error), closing(connect_readonly(journal)) as db:
                found.append(int(db.execute(query).fetchone()[0] or 0))
    return max(found)


def _standing(db: sqlite3.Connection) -> Iterator[str]:
    """What people asked for that is in force again."""
    for target, user in db.execute("SELECT id, user FROM lockouts ORDER BY id"):
        yield f"{target} is locked by {user}, as it was then; locks that were set since are not known: set them again"
    for target, level, user in db.execute("SELECT id, level, user FROM overrides ORDER BY id"):
        yield f"{target} has level {level} by {user}, as it was then: send it `auto` if that is over"
