"""Where the rows of a time are in history.db: found by the marks of the hours. An index would cost a page a row.

Rows that are held, because nobody knows their time yet, are never among them.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from edge.core.packing import unpack
from edge.core.ranges import Range, Ranges

LONGEST_HOUR_S = 3600
_COLUMNS = "sequence, at, layout, quality, life, body"
_TOLD = "sequence NOT IN (SELECT sequence FROM held)"


class Layout(NamedTuple):
    """Whose rows they are, and which values they hold."""

    device: str
    names: tuple[str, ...]

    def place(self, name: str) -> int | None:
        """Where the value `name` stands; None where it is not among them."""
        return self.names.index(name) if name in self.names else None


class Raw(NamedTuple):
    """A row as it is kept; `at` is Unix ms."""

    sequence: int
    at: int
    layout: int
    quality: int
    life: int
    body: bytes

    def values(self, layout: Layout) -> list[float | None]:
        """What was read, in the order of the layout's names. Raises ValueError for a damaged row."""
        return unpack(self.body, len(layout.names))

    def is_sound(self, layout: Layout) -> bool:
        """Whether what was read can be told."""
        try:
            self.values(layout)
        except ValueError:
            return False
        return True


@contextmanager
def still(db: sqlite3.Connection) -> Iterator[None]:
    """Within it all that is read is of one moment, whatever is written meanwhile."""
    if db.in_transaction:
        yield
        return
    db.execute("BEGIN")
    try:
        yield
    finally:
        db.execute("ROLLBACK")


def layouts(db: sqlite3.Connection, device: str | None = None) -> dict[int, Layout]:
    """What rows of `device`, or of all, hold, by the number of their layout."""
    which, given = ("", ()) if device is None else (" WHERE device = ?", (device,))
    found = db.execute(f"SELECT id, device, names FROM layouts{which} ORDER BY id", given)  # noqa: S608 - a constant
    return {i: Layout(whose, tuple(json.loads(names))) for i, whose, names in found}


def marked(db: sqlite3.Connection) -> Ranges:
    """The sequences of the rows that were given marks."""
    row = db.execute("SELECT sequences FROM marked").fetchone()
    return Ranges() if row is None else Ranges(map(tuple, json.loads(row[0])))


def unmarked(db: sqlite3.Connection) -> list[Range]:
    """The stretches of sequences in which rows without marks may lie, in order. Rows that were read from a damaged file
    come into gaps and below others."""
    newest = db.execute("SELECT max(sequence) FROM rows").fetchone()[0]
    return [] if newest is None else list(marked(db).missing(1, newest))


def rows_within(
    db: sqlite3.Connection, stretch: Range, of: Collection[int] | None = None, limit: int = -1,
    read: tuple[float, float] | None = None,
) -> Iterator[Raw]:
    """The rows whose sequences lie in `stretch`, both ends included, in their order: of these layouts, or of all; at
    most `limit` of them, if that is not negative; `read`: only those read in that time (Unix s)."""
    when = "" if read is None else f" AND at BETWEEN {round(read[0] * 1000)} AND {round(read[1] * 1000)}"
    query = (
        f"SELECT {_COLUMNS} FROM rows WHERE sequence BETWEEN ? AND ? AND {_TOLD}{_which(of)}{when} "  # noqa: S608 - numbers
        "ORDER BY sequence LIMIT ?"
    )
    return map(Raw._make, db.execute(query, (*stretch, limit)))


def rows_there(db: sqlite3.Connection, stretch: Range, most: int) -> int:
    """How many rows have their sequences in `stretch`; `most` if there are more."""
    some = "SELECT 1 FROM rows WHERE sequence BETWEEN ? AND ? LIMIT ?"
    return int(db.execute(f"SELECT count(*) FROM ({some})", (*stretch, most)).fetchone()[0])  # noqa: S608 - constant


def rows_of_hour(
    db: sqlite3.Connection, hour: float, start: float, end: float, of: Collection[int] | None = None
) -> list[Raw]:
    """The rows with the mark of `hour` that were read from `start` up to before `end` (Unix s)."""
    query = (
        f"SELECT {_COLUMNS} FROM marks JOIN rows ON sequence BETWEEN first AND last WHERE hour = ? AND at >= ? "  # noqa: S608 - numbers
        f"AND at < ? AND {_TOLD}{_which(of)} ORDER BY sequence"
    )
    found = db.execute(query, (hour, round(start * 1000), round(end * 1000)))
    return list({raw.sequence: raw for raw in map(Raw._make, found)}.values())


def rows_between(
    db: sqlite3.Connection, start: float, end: float, of: Collection[int] | None = None
) -> Iterator[Raw]:
    """Every row that was read from `start` up to before `end` (Unix s), of these layouts or of all, in the order of
    time. To be used within `still`."""
    low, high = round(start * 1000), round(end * 1000)
    late = [raw for stretch in unmarked(db) for raw in rows_within(db, stretch, of, read=(start, end))]
    late = [raw for raw in late if low <= raw.at < high]
    late.sort(key=_in_time, reverse=True)
    hours = db.execute(
        "SELECT DISTINCT hour FROM marks WHERE hour > ? AND hour < ? ORDER BY hour", (start - LONGEST_HOUR_S, end)
    ).fetchall()
    for (hour,) in hours:
        upto = hour + LONGEST_HOUR_S
        here = {raw.sequence: raw for raw in rows_of_hour(db, hour, max(start, hour), min(end, upto), of)}
        while late and late[-1].at < upto * 1000:
            raw = late.pop()
            here[raw.sequence] = raw
        yield from sorted(here.values(), key=_in_time)
    yield from reversed(late)


def _in_time(raw: Raw) -> tuple[int, int]:
    return raw.at, raw.sequence


def _which(of: Collection[int] | None) -> str:
    return "" if of is None else f" AND layout IN ({', '.join(str(int(i)) for i in of)})"
