"""What a journal out of a backup must not say unchanged: numbers have been given out since that it does not know of,
and fields have been watered.

A sequence, a program's rev and a meter's life each name one thing for ever. After a restore the next of each is taken
so far beyond all that the backup and the journal in its place know that none comes a second time, also if the same
backup is restored again on a card that knows of nothing since: they follow the time, faster than they are used up.

No watering that was begun is gone on with, and none that was due until now is begun: the fact "restored" of the field
is the time (Unix s) up to which every occurrence counts as decided. What was used of budgets, and what safety blocked,
is taken from the journal in its place as well, where that can be read.
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


RESTORED = "restored"  # why a run ended, and the name of the fact
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
        now = max(moment.wall, made_at, *(_known_wall(path) for path in (journal, replaced)))
        db.execute("BEGIN IMMEDIATE")
        leap = {name: _beyond(name, [journal, replaced], now) for name in LEAPS}
        db.executemany("INSERT OR REPLACE INTO sequences (id, reserved) VALUES (?, ?)", leap.items())
        # What was told of pulses since is not known: each begins a new life at its next start.
        db.execute("UPDATE pulses SET clean = 0, life = ?", (leap["lives"],))
        # What an output was last told is true of another card's boot.
        db.execute("DELETE FROM outputs")
        db.execute("DELETE FROM overrides WHERE until_wall <= ?", (now,))
        db.execute("DELETE FROM commands WHERE until_wall <= ?", (now,))
        _end_watering(db, now)
        if replaced is not None:
            _take_limits(db, replaced)
        details = json.dumps({"request": "restore", "made_at": made_at})
        db.execute("INSERT INTO audit (at, outcome, details) VALUES (?, 'accepted', ?)", (moment.wall, details))
        db.execute("COMMIT")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return list(_standing(db))


def _end_watering(db: sqlite3.Connection, now: float) -> None:
    """End what was being watered; nothing that was due until `now` (Unix s) is to be watered any more."""
    for table, watered in (
        ("runs", "EXISTS (SELECT 1 FROM zones WHERE run = runs.id AND done_s > 0)"), ("zones", "done_s > 0")
    ):  # fmt: skip
        outcome = f"CASE WHEN {watered} THEN 'cut_short' ELSE 'missed' END"
        over = f"UPDATE {table} SET ended = ?, why = ?, outcome = {outcome} WHERE ended IS NULL"  # noqa: S608 - constant
        db.execute(over, (now, RESTORED))
    db.execute("INSERT OR REPLACE INTO field (id, value, wall) VALUES (?, ?, ?)", (RESTORED, now, now))


def _take_limits(db: sqlite3.Connection, replaced: Path) -> None:
    """What the journal that is replaced knows of budgets, if it is the newer, and of blocks."""
    with suppress(sqlite3.Error), closing(connect_readonly(replaced)) as old:
        blocks = old.execute("SELECT id, kind, at, data FROM blocks").fetchall()
        budgets = old.execute("SELECT id, charges, boot, on_mono, off_mono, off_wall FROM budgets").fetchall()
        operated = old.execute("SELECT max(seconds) FROM operated").fetchone()[0]
        db.executemany("INSERT OR IGNORE INTO blocks (id, kind, at, data) VALUES (?, ?, ?, ?)", blocks)
        if (operated or 0.0) > (db.execute("SELECT max(seconds) FROM operated").fetchone()[0] or 0.0):
            db.executemany(
                "INSERT OR REPLACE INTO budgets (id, charges, boot, on_mono, off_mono, off_wall)"
                " VALUES (?, ?, ?, ?, ?, ?)", budgets
            )
            db.execute("INSERT OR REPLACE INTO operated (id, seconds) VALUES ('', ?)", (operated,))


def _known_wall(journal: Path | None) -> float:
    """The last time (Unix s) that a journal knows of; 0 where it cannot be read."""
    if journal is not None:
        with suppress(sqlite3.Error), closing(connect_readonly(journal)) as db:
            return float(db.execute("SELECT max(wall) FROM clock").fetchone()[0] or 0.0)
    return 0.0


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
    for target, kind in db.execute("SELECT id, kind FROM blocks ORDER BY id"):
        yield f"{target} is blocked ({kind}), as it was then: look at it, then send it `auto`"
