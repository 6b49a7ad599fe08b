"""A history on the card for tests of what is worked out from it: real rows in a real file, without the worker."""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from edge.core.energy import Terms
from edge.core.events import Record
from edge.core.values import Moment, Reading
from edge.shell.history_file import connect_readonly, open_history
from edge.shell.history_table import HistoryTable
from edge.shell.rollups import Rollups

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")


def moment(wall: float) -> Moment:
    """A look at clocks that are right."""
    return Moment(wall, wall, "boot", True)


@functools.cache
def _empty() -> bytes:
    """A new file: made once, because each step of its making waits for the disk."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "history.db"
        open_history(path).close()
        return path.read_bytes()


class _CutOffError(Exception):
    """The power went."""


class Card:
    """history.db in `folder`, written as the worker writes it. `terms`: of the meters, by `meter/<id>`."""

    def __init__(self, folder: Path, terms: dict[str, Terms] | None = None, zone: ZoneInfo = HANOI) -> None:
        self.path = folder / "history.db"
        if not self.path.exists():
            self.path.write_bytes(_empty())
        self._db = open_history(self.path)
        self._db.execute("PRAGMA synchronous = OFF")  # no power cut is tested by it, and it need not wear the disk
        self.table = HistoryTable(self._db)
        self.rollups = Rollups(zone, terms or {})
        self._out: dict[int, tuple[object, ...]] = {}
        self._next = (self.table.newest or 0) + 1

    def write(self, readings: Iterable[Reading], *, trusted: bool = True) -> None:
        """Rows of these readings, in one group."""
        records = [Record(reading, reading.at, "boot", trusted) for reading in readings]
        with self.table.transaction():
            self.table.insert(self._next, records, None)
        self._next += len(records)

    def roll(self, now: float, pieces: int | None = None) -> int:
        """The roll-ups' upkeep, to the end or for so many pieces; how many there were."""
        done = 0
        while pieces is None or done < pieces:
            with self.table.transaction():
                more = self.rollups.run(self._db, moment(now))
            if not more:
                break
            done += 1
        return done

    def cut_off(self, now: float) -> None:
        """A piece of upkeep, and a power cut before it is committed."""
        with suppress(_CutOffError), self.table.transaction():
            self.rollups.run(self._db, moment(now))
            raise _CutOffError

    def release(self) -> None:
        """The time of held rows was right."""
        with self.table.transaction():
            self.table.release("boot", {"boot": 0.0}, 1_000_000)

    def damage(self, *statements: str) -> None:
        """Write what nobody would have written."""
        with self.table.transaction():
            for statement in statements:
                self._db.execute(statement)

    def put_back(self, sequences: Iterable[int]) -> None:
        """Rows that were moved out of the file by `take_out` are there again, as after a salvage."""
        with self.table.transaction():
            self._db.executemany("INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?)", [self._out.pop(n) for n in sequences])

    def take_out(self, sequences: Iterable[int]) -> None:
        """These rows are missing from the file."""
        with self.table.transaction():
            for n in sequences:
                self._out[n] = self._db.execute("SELECT * FROM rows WHERE sequence = ?", (n,)).fetchone()
                self._db.execute("DELETE FROM rows WHERE sequence = ?", (n,))

    def drop_before(self, at: float) -> None:
        """Retention: rows that were read before `at` (Unix s) go."""
        gone = [row[0] for row in self._db.execute("SELECT sequence FROM rows WHERE at < ? ORDER BY 1", (at * 1000,))]
        with self.table.transaction():
            self.table.drop(gone)

    def dump(self, *tables: str) -> dict[str, list[tuple[object, ...]]]:
        """All rows of these tables, in order."""
        return {t: sorted(self._db.execute(f"SELECT * FROM {t}").fetchall()) for t in tables}

    def reader(self) -> sqlite3.Connection:
        """A connection that can only read."""
        return connect_readonly(self.path)

    def close(self) -> None:
        self._db.close()
