"""The store worker: the only one who touches journal.db. What is not on the disk yet waits in memory."""

from __future__ import annotations

import logging
import math
import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from edge.core.events import JournalChanged, Persist, Stored
from edge.core.memory import Memory, WaterMemory
from edge.core.values import Deadline, Moment, Override, Row
from edge.shell.damaged import carry_over, keep_head, opened
from edge.shell.database import connect, is_corrupt, is_read_only, move_aside, prepare
from edge.shell.runner import Inbox

log = logging.getLogger(__name__)
AUDIT_ROWS = 100_000  # some 20 MB: months of a village's commands
PRUNE_EVERY = 1_000
WAITING_AUDIT = 10_000  # rows held while the disk refuses them
RETRY_S = 5.0
MIGRATIONS = "edge.shell.migrations"
COLUMNS = {
    "overrides": ("level", "until_wall", "until_mono", "until_boot", "user", "command", "at"),
    "outputs": ("on", "boot", "on_mono", "off_mono", "wall"),
    "commands": ("until_wall", "until_mono", "until_boot"),
    "meters": ("life", "energy_kwh", "wall"),
    "pulses": ("life", "count", "per_unit", "clean", "wall"),
    "alarms": ("kind", "device", "at", "data", "cleared_at", "acknowledged_by"),
    "clock": ("wall",),
    "lockouts": ("circuits", "user", "note", "at"),
    "hours": ("on_s", "wall"),
    "inputs": ("on", "at"),
    "programs": ("rev", "body", "user", "at"),
    "sequences": ("reserved",),
    "seen": ("count",),
    "bills": ("kwh", "amount", "user", "at"),
    "runs": (
        "program", "user", "cause", "slot", "started", "ended", "outcome", "why", "paused", "latest_wall",
        "latest_mono", "latest_boot", "at",
    ),
    "zones": (
        "run", "valve", "planned_s", "planned_l", "done_s", "litres", "started", "ended", "outcome", "why",
    ),
    "budgets": ("charges", "boot", "on_mono", "off_mono", "off_wall"),
    "operated": ("seconds",),
    "blocks": ("kind", "at", "data"),
    "flows": ("l_min", "runs", "wall"),
    "field": ("value", "user", "wall"),
    "audit": ("at", "user", "device", "command", "outcome", "details"),
}
# What is noted now and then, and means the same if it is some seconds older: these rows wait for others.
UNHURRIED = frozenset({"meters", "pulses", "hours", "operated"})
UNHURRIED_S = 30.0
# What is written again and again changes in its place: a new row in the old one's would touch every index's page, too.
# Others go to the end, as they came. A zone's run and valve are in its id.
IN_PLACE = frozenset({"outputs", "meters", "pulses", "clock", "hours", "sequences", "zones", "budgets", "operated"})
FIXED = frozenset({"run", "valve"})
Key = tuple[str, str]


class _Kept(NamedTuple):
    rows: tuple[Persist, ...]
    tell: frozenset[Key]


class StoreWorker:
    """Commits all that has queued in one transaction (`synchronous=FULL`) and answers Stored to whoever waits for it.

    Each commit wears the card, so rows of UNHURRIED tables that nobody waits for are committed UNHURRIED_S late, or
    with what comes before that.

    A disk that is full, gone or read-only stops nothing: rows wait in memory (one a key; the audit's up to a limit) and
    are tried again. A file that is damaged is moved aside, and what can be read of it carried over.
    """

    name = "store"

    def __init__(
        self, path: Path | None, answer: Callable[[Stored | JournalChanged], None],
        before_commit: Callable[[], None] = lambda: None,
    ) -> None:
        """`path` None: in memory, for virtual time. Raises nothing for a bad file; see `memory`.

        `before_commit` may block or raise sqlite3.Error, as a card does that is slow, full or read-only.
        """
        self._path = path
        self._answer = answer
        self._before_commit = before_commit
        self._inbox: Inbox[_Kept] = Inbox()
        self._rows: dict[Key, Row | None] = {}
        self._audit: list[Row] = []
        self._tell: list[Key] = []
        self._retry_at = float("-inf")
        self._hurry, self._due_at = False, math.inf
        self._since_prune = 0
        self._reserved: dict[str, int] | None = None
        self._db: sqlite3.Connection | None = None
        self.failing: str | None = None
        try:
            self._db = self._open()
        except sqlite3.Error as error:
            self._fail(error)

    def put(self, *rows: Persist, tell: Collection[Key] = ()) -> None:
        """Keep these rows, all or none of them; for the keys in `tell`, answer Stored once they are on the disk."""
        self._inbox.put(_Kept(rows, frozenset(tell)))

    def on_wake(self, wake: Callable[[], None]) -> None:
        """Have `wake` called when there is something to store."""
        self._inbox.wake = wake

    def memory(self) -> Memory:
        """What the journal kept over the restart; empty where it cannot be read."""
        if self._db is None:
            return Memory()
        overrides = {
            i: Override(i, level, _deadline(wall, mono, boot), user, command, at)
            for i, level, wall, mono, boot, user, command, at in self._select("overrides")
        }
        commands = {i: Deadline(wall, mono, boot) for i, wall, mono, boot in self._select("commands")}
        rows = {
            table: {row[0]: dict(zip(COLUMNS[table], row[1:], strict=True)) for row in self._select(table)}
            for table in ("outputs", "meters", "alarms", "clock", "lockouts", "hours", "programs", "inputs", "pulses",
                          "seen", "bills", "budgets", "operated", "blocks", "flows", "field")
        }
        walls = [row["wall"] for table in ("outputs", "meters", "pulses", "clock") for row in rows[table].values()]
        return Memory(
            overrides, rows["outputs"], rows["meters"], commands, rows["alarms"], max(walls, default=0.0),
            rows["lockouts"], rows["hours"], rows["programs"], rows["inputs"], rows["pulses"],
            {i: int(row["count"] or 0) for i, row in rows["seen"].items()}, rows["bills"], dict(self._reserved or {}),
            self._water(rows),
        )

    def _water(self, rows: Mapping[str, Mapping[str, Row]]) -> WaterMemory:
        """What is known of irrigation: of runs, those that are not over with their zones, and the ids of all."""
        assert self._db is not None
        runs = {row[0]: dict(zip(COLUMNS["runs"], row[1:], strict=True))
                for row in self._select("runs", "WHERE ended IS NULL")}
        zones = {row[0]: dict(zip(COLUMNS["zones"], row[1:], strict=True))
                 for row in self._select("zones", "WHERE run IN (SELECT id FROM runs WHERE ended IS NULL)")}
        decided = frozenset(row[0] for row in self._select("runs", "WHERE program IS NOT NULL"))
        operated = rows["operated"].get("", {}).get("seconds")
        return WaterMemory(
            runs, zones, decided, rows["budgets"], float(operated or 0), rows["blocks"], rows["flows"], rows["field"],
        )

    def reserved(self, name: str) -> int | None:
        """Up to where the file has the sequence `name` reserved, 0 for not at all; None while it was never read. From
        any thread."""
        known = self._reserved
        return None if known is None else known.get(name, 0)

    def step(self, moment: Moment) -> float | None:
        """Commit what has come. After a failure, try again in a few seconds; keep what came meanwhile."""
        while (kept := self._inbox.take()) is not None:
            self._gather(kept)
        if not (self._rows or self._audit):
            return None
        if not self._hurry:
            self._due_at = min(self._due_at, moment.mono + UNHURRIED_S)
            if moment.mono < self._due_at:
                return self._due_at
        if moment.mono < self._retry_at:
            return self._retry_at
        try:
            if self._db is None:
                self._db = self._open()
            self._before_commit()
            self._commit(self._db)
        except sqlite3.Error as error:
            self._fail(error)
            if self._db is not None and (is_read_only(error) or is_corrupt(error)):
                self._db.close()
                self._db = None
                if self._path is not None and is_corrupt(error):
                    with suppress(sqlite3.Error):
                        self._begin_anew(self._path, error)
            self._retry_at = moment.mono + RETRY_S
            return self._retry_at
        if self.failing is not None:
            log.warning("the journal is written again")
            self.failing = None
            self._answer(JournalChanged(None))
        self._hurry, self._due_at = False, math.inf
        told, self._tell = self._tell, []
        for key in told:
            self._answer(Stored(key))
        return None

    def close(self, moment: Moment) -> None:
        """Commit what waits, and close the file. Only after the worker's thread has ended."""
        self._retry_at, self._hurry = float("-inf"), True
        self.step(moment)
        if self._db is not None:
            self._db.close()
            self._db = None

    def _gather(self, kept: _Kept) -> None:
        self._hurry = self._hurry or bool(kept.tell) or any(row.key[0] not in UNHURRIED for row in kept.rows)
        for row in kept.rows:
            if row.key[0] != "audit":
                self._rows.pop(row.key, None)
                self._rows[row.key] = row.row
            elif row.row is not None and len(self._audit) < WAITING_AUDIT:
                self._audit.append(row.row)
            if row.key in kept.tell:
                self._tell.append(row.key)

    def _commit(self, db: sqlite3.Connection) -> None:
        with db:
            db.execute("BEGIN IMMEDIATE")
            for (table, i), row in self._rows.items():
                if row is None:
                    db.execute(f"DELETE FROM {table} WHERE id = ?", (i,))  # noqa: S608 - a name from COLUMNS
                else:
                    db.execute(INSERT[table], (i, *(row[c] for c in COLUMNS[table])))
            db.executemany(INSERT["audit"], [[row[c] for c in COLUMNS["audit"]] for row in self._audit])
            self._since_prune += len(self._audit)
            if self._since_prune >= PRUNE_EVERY:
                newest = "SELECT max(sequence) FROM audit"
                db.execute(f"DELETE FROM audit WHERE sequence <= ({newest}) - ?", (AUDIT_ROWS,))  # noqa: S608 - constant
                self._since_prune = 0
        new = {i: int(row["reserved"] or 0) for (table, i), row in self._rows.items() if table == "sequences" and row}
        if new:
            self._reserved = {**(self._reserved or {}), **new}
        self._rows.clear()
        self._audit.clear()

    def _open(self) -> sqlite3.Connection:
        db = connect(self._path)
        try:
            prepare(db, MIGRATIONS)
            kept = db.execute("SELECT id, reserved FROM sequences").fetchall()
        except sqlite3.Error as error:
            db.close()
            if self._path is None or not is_corrupt(error):
                raise
            self._begin_anew(self._path, error)
            return self._open()
        self._reserved = dict(kept)
        if self._path is not None:
            with suppress(OSError, sqlite3.Error):  # of a card that cannot be written more is heard soon
                keep_head(self._path, db)
        return db

    def _begin_anew(self, path: Path, error: sqlite3.Error) -> None:
        """Move the file aside, and carry over what can be read of it: what people have decided above all."""
        aside = move_aside(path, error)
        old = opened(aside, path)
        if old is None:
            return
        new = connect(path)
        try:
            prepare(new, MIGRATIONS)
            with new:
                new.execute("BEGIN IMMEDIATE")
                for table in (*(t for t in COLUMNS if t != "audit"), "audit"):
                    for _ in carry_over(old, new, table):
                        pass
        finally:
            new.close()
            old.close()

    def _fail(self, error: sqlite3.Error) -> None:
        if self.failing is None:
            log.error("the journal %s cannot be written: %s; it is tried again every %g s", self._path, error, RETRY_S)
            self._answer(JournalChanged(str(error)))
        self.failing = str(error)

    def _select(self, table: str, which: str = "") -> Iterable[tuple[Any, ...]]:
        assert self._db is not None
        columns = ", ".join(f'"{c}"' for c in COLUMNS[table])
        try:
            return self._db.execute(f"SELECT id, {columns} FROM {table} {which} ORDER BY rowid").fetchall()  # noqa: S608 - constant
        except sqlite3.Error as error:
            log.error("the journal's %s cannot be read: %s", table, error)
            return []


def _insert(table: str) -> str:
    columns = COLUMNS[table] if table == "audit" else ("id", *COLUMNS[table])
    names = ", ".join(f'"{c}"' for c in columns)
    values = f"({names}) VALUES ({', '.join('?' * len(columns))})"
    if table not in IN_PLACE:
        return f"INSERT OR REPLACE INTO {table} {values}"
    changed = ", ".join(f'"{c}" = excluded."{c}"' for c in COLUMNS[table] if c not in FIXED)
    return f"INSERT INTO {table} {values} ON CONFLICT (id) DO UPDATE SET {changed}"


INSERT = {table: _insert(table) for table in COLUMNS}


def _deadline(wall: float | None, mono: float | None, boot: str | None) -> Deadline | None:
    return None if wall is None else Deadline(wall, mono, boot)
