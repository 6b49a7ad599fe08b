"""Copies into a new history what can be read of one that was damaged: small pieces, beside what goes on.

Beside the history lies what is needed for that: its first page (see damaged.py), and copies of the two tables without
which the others say nothing (`Aid`).
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.core.packing import unpack
from edge.shell.damaged import PAGE, Value, carry_over, keep_head, opened, readable, rows_of, tables
from edge.shell.files import replace_file
from edge.shell.history_table import Consumer

log = logging.getLogger(__name__)
AT_ONCE = ("set_aside", "held")  # with layouts and consumers, which are looked at more closely
TOGETHER = ("marks", "marked", "stale")  # which rows were worked up: true only as a whole
PAGES = 16  # a piece: some 1,000 rows
LATEST_MS = 4102444800000  # 2100: no row was read later


@dataclass(frozen=True, slots=True)
class Aid:
    """What helps to read a history that is damaged."""

    layouts: list[list[Any]]
    consumers: list[list[Any]]

    @staticmethod
    def of(path: Path) -> Path:
        """The file beside the history at `path`."""
        return path.with_name(f"{path.name}.aid")

    @classmethod
    def read(cls, path: Path) -> Aid | None:
        """The one beside the history at `path`; None if there is none that can be read."""
        try:
            found = json.loads(cls.of(path).read_bytes())
            return cls(list(found["layouts"]), list(found["consumers"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @classmethod
    def keep(cls, path: Path, db: sqlite3.Connection) -> None:
        """Write it, as things stand now. Raises sqlite3.Error and OSError."""
        keep_head(path, db)
        layouts = db.execute("SELECT id, device, names FROM layouts").fetchall()
        consumers = db.execute("SELECT id, acknowledged, dropped, set_aside FROM consumers").fetchall()
        new = {"layouts": layouts, "consumers": consumers}
        replace_file(cls.of(path), json.dumps(new).encode())


def _parsed(listed: object) -> list[Any] | None:
    """A list in JSON, or None for what is none."""
    try:
        found = json.loads(listed) if isinstance(listed, str) else None
    except ValueError:
        return None
    return found if isinstance(found, list) else None


def asides(path: Path) -> list[Path]:
    """The files that were moved aside and not yet read to their end, the newest first."""
    found = [p for p in path.parent.glob(f"{path.name}.corrupt-*") if p.name.rpartition("-")[2].isdigit()]
    return sorted(found, key=lambda p: int(p.name.rpartition("-")[2]), reverse=True)


class Salvage:
    """Of one file that was moved aside. May be begun again at any time: nothing is copied twice."""

    def __init__(self, path: Path, aside: Path) -> None:
        """`path` is the new history's."""
        self._path = path
        self._aside = aside
        self._aid = Aid.read(path)
        self._old = opened(aside, path)
        self._found = tables(self._old) if self._old else set()
        self._layouts: dict[int, int] = {}  # how many names each has
        self._highest = 0
        self._pieces: Iterator[None] | None = None
        self.rows = 0

    def begin(self, db: sqlite3.Connection) -> None:
        """Copy what those need who go on with the new file; within a transaction."""
        layouts, consumers = (self._aid.layouts, self._aid.consumers) if self._aid else ([], [])
        for i, device, names in [*layouts, *self._old_rows("layouts")]:
            if _parsed(names) is not None:
                db.execute("INSERT OR IGNORE INTO layouts VALUES (?, ?, ?)", (i, device, names))
        self._consumers(db, [*consumers, *self._old_rows("consumers")])
        for table in AT_ONCE:
            for _ in self._carry_over(db, table):
                pass

    def _consumers(self, db: sqlite3.Connection, rows: list[Any]) -> None:
        """All that any of the copies says that a consumer has, it has."""
        found: dict[str, Consumer] = {}
        for name, has, dropped, aside in rows:
            if (listed := _parsed(has)) is not None:
                consumer = found.setdefault(name, Consumer())
                with suppress(TypeError, ValueError):
                    for first, last in listed:
                        consumer.has.add(first, last)
                    consumer.dropped = max(consumer.dropped, dropped)
                    consumer.set_aside = max(consumer.set_aside, aside)
        for name, consumer in found.items():
            row = name, json.dumps(list(consumer.has)), consumer.dropped, consumer.set_aside
            db.execute("INSERT OR REPLACE INTO consumers VALUES (?, ?, ?, ?)", row)

    def _old_rows(self, table: str) -> list[tuple[Value, ...]]:
        if self._old is None or table not in self._found:
            return []
        columns = {"layouts": "id, device, names", "consumers": "id, acknowledged, dropped, set_aside"}[table]
        return [row for row in readable(self._old, table, columns) if row is not None]

    def piece(self, db: sqlite3.Connection, highest: int) -> bool:
        """Copy some more, rows up to the sequence `highest`; whether there is more. Within a transaction; after one
        that failed begin anew."""
        if self._pieces is None:
            self._highest = highest
            self._pieces = self._all(db)
        return next(self._pieces, self) is not self

    def end(self) -> None:
        """All was copied, and stands on the disk. The file is kept, until the next one."""
        if self._old is not None:
            self._old.close()
        n = self._aside.name.rpartition("-")[2]
        kept = self._path.with_name(f"{self._path.name}.salvaged-{n}")
        for old in self._path.parent.glob(f"{self._path.name}.salvaged-*"):
            old.unlink(missing_ok=True)
        self._aside.rename(kept)
        for suffix in ("-wal", "-shm"):
            Path(f"{self._aside}{suffix}").unlink(missing_ok=True)
        log.warning("%d rows were read from %s, which is kept as %s", self.rows, self._aside.name, kept.name)

    def _all(self, db: sqlite3.Connection) -> Iterator[None]:
        self._layouts = {i: len(json.loads(names)) for i, names in db.execute("SELECT id, names FROM layouts")}
        yield from self._rows(db)
        there = self._found & tables(db)
        others = sorted(there - {*AT_ONCE, *TOGETHER, "layouts", "consumers", "rows", "sqlite_sequence"})
        for table in others:
            yield from self._carry_over(db, table)
        yield from self._together(db, there)

    def _together(self, db: sqlite3.Connection, there: set[str]) -> Iterator[None]:
        """All of these tables, or none."""
        if self._old is None or not there >= set(TOGETHER):
            return
        for table in TOGETHER:
            if any(row is None for row in readable(self._old, table, "*")):
                return
        for table in TOGETHER:
            yield from self._carry_over(db, table)

    def _carry_over(self, db: sqlite3.Connection, table: str) -> Iterator[None]:
        if self._old is not None and table in self._found:
            yield from carry_over(self._old, db, table)

    def _rows(self, db: sqlite3.Connection) -> Iterator[None]:
        """Straight off the pages, whatever has become of the way to them. Freed pages hold nothing: SQLite clears them
        where it is built with secure_delete, and PRAGMA secure_delete is set."""
        with self._aside.open("rb") as file:
            while chunk := file.read(PAGES * PAGE):
                found = []
                for at in range(0, len(chunk), PAGE):
                    found += [(s, *v[1:]) for s, v in rows_of(chunk[at : at + PAGE]) if self._is_row(s, v)]
                done = db.executemany("INSERT OR IGNORE INTO rows VALUES (?, ?, ?, ?, ?, ?)", found)
                self.rows += done.rowcount
                yield

    def _is_row(self, sequence: int, values: list[Value]) -> bool:
        if len(values) != 6 or values[0] is not None or not 1 <= sequence <= self._highest:
            return False
        _, at, layout, quality, life, body = values
        if not (isinstance(at, int) and isinstance(layout, int) and isinstance(life, int) and isinstance(body, bytes)):
            return False
        if quality not in (0, 1) or not 0 <= at < LATEST_MS or life < 1 or layout not in self._layouts:
            return False
        try:
            unpack(body, self._layouts[layout])
        except ValueError:
            return False
        return True
