"""What can still be read of a damaged database: table by table through SQLite, and rows straight off its pages."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from edge.shell.database import BUSY_S
from edge.shell.files import replace_file

PAGE = 4096  # bytes; SQLite's own since 2016
LEAF, INTERIOR = 0x0D, 0x05  # the first byte of a page with rows of a table, and of one that says where these are
HEADER = 100  # bytes of the first page before it is a page like others
NUMBER = struct.Struct(">I")
BATCH = 500
SCHEMA = slice(40, 44)  # of the header: how often the schema was changed
LARGEST_CELL = PAGE - 35  # a row of more bytes goes on elsewhere
MAGIC = b"SQLite format 3\0"
_SIZE = slice(28, 32)  # of the header: how many pages there are; 0: as many as the file has
_NUMBERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}  # a serial type's bytes
Value = int | float | str | bytes | None


def head(path: Path) -> bytes:
    """The first page, without which nothing in the file can be found, and behind it, each after its number, the pages
    that the tables' names go on on where they are too many for one. Raises OSError."""
    with path.open("rb") as file:
        first = file.read(PAGE)
        found = first
        for number in _names_go_on(first):
            file.seek((number - 1) * PAGE)
            found += NUMBER.pack(number) + file.read(PAGE)
    if len(found) % (NUMBER.size + PAGE) != PAGE:
        raise OSError(f"{path} ends before all of its tables' names")
    return found


def _names_go_on(first: bytes) -> list[int]:
    if len(first) != PAGE or first[HEADER] != INTERIOR:
        return []
    count = int.from_bytes(first[HEADER + 3 : HEADER + 5], "big")
    cells = [int.from_bytes(first[at : at + 2], "big") for at in range(HEADER + 12, HEADER + 12 + 2 * count, 2)]
    return [NUMBER.unpack_from(first, at)[0] for at in (HEADER + 8, *cells) if at + NUMBER.size <= PAGE]


def opened(path: Path, of: Path) -> sqlite3.Connection | None:
    """A connection to the damaged file at `path`, which was `of`, that finds its tables, with all that was written
    ahead put into the file; or None.

    The file's own first page is mended in place: that of a file that was cut off says how long it was, and one that is
    gone, or does not lead to the tables' names, is replaced by what `keep_head` kept.
    """
    for kept in (_read(path, PAGE), _read(kept_head(of))):
        if len(kept) < PAGE or not kept.startswith(MAGIC):
            continue
        first, rest = kept[:PAGE], kept[PAGE:]
        try:
            with path.open("r+b") as file:
                file.write(first[: _SIZE.start] + bytes(4) + first[_SIZE.stop :])
                for at in range(0, len(rest), NUMBER.size + PAGE):
                    file.seek((NUMBER.unpack_from(rest, at)[0] - 1) * PAGE)
                    file.write(rest[at + NUMBER.size : at + NUMBER.size + PAGE])
            db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY_S)
        except (OSError, sqlite3.Error):
            continue
        try:
            if db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
                with suppress(sqlite3.Error):
                    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                return db
        except sqlite3.Error:
            pass
        db.close()
    return None


def _read(path: Path, size: int = -1) -> bytes:
    """So many bytes from the beginning, or all; none where they cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(size)
    except OSError:
        return b""


def tables(db: sqlite3.Connection) -> set[str]:
    """The names of the tables that can be found."""
    try:
        return {row[0] for row in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    except sqlite3.Error:
        return set()


def readable(db: sqlite3.Connection, table: str, columns: str) -> Iterator[tuple[Value, ...] | None]:
    """The rows of a table, from its beginning and from its end up to where they cannot be read; None where they cannot.

    `columns` are to be selected. A row may come twice.
    """
    keys = ["rowid"]
    with suppress(sqlite3.Error):
        primary = [(n, name) for _, name, _, _, _, n in db.execute(f"PRAGMA table_info({table})") if n]
        with suppress(sqlite3.Error):
            db.execute(f"SELECT rowid FROM {table} LIMIT 0")  # noqa: S608 - a name from the schema
            primary = []
        keys = [name for _, name in sorted(primary)] or keys
    whole = False
    for way in ("ASC", "DESC"):
        order = ", ".join(f"{key} {way}" for key in keys)
        with suppress(sqlite3.Error):
            yield from db.execute(f"SELECT {columns} FROM {table} ORDER BY {order}")  # noqa: S608 - likewise
            whole = True
        if whole:
            return
        yield None


def columns_of(db: sqlite3.Connection, table: str) -> list[str]:
    """The names of a table's columns, as far as they can be found."""
    try:
        return [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
    except sqlite3.Error:
        return []


def carry_over(old: sqlite3.Connection, new: sqlite3.Connection, table: str) -> Iterator[None]:
    """Copy what can be read of a table into the same table of a file in the newest schema, BATCH rows at each step."""
    had = columns_of(old, table)
    names = [name for name in columns_of(new, table) if name in had]
    if not names:
        return
    columns = ", ".join(f'"{name}"' for name in names)
    insert = f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608 - schema
    batch: list[tuple[Value, ...]] = []
    for row in readable(old, table, columns):
        if row is not None:
            batch.append(row)
        if len(batch) >= BATCH:
            new.executemany(insert, batch)
            batch = []
            yield
    new.executemany(insert, batch)
    yield


def keep_head(path: Path, db: sqlite3.Connection) -> None:
    """Have a copy of the head of the database at `path` beside it, as long as its tables stand where they do.

    Raises OSError and sqlite3.Error.
    """
    if _read(kept_head(path))[SCHEMA] != schema_of(db):
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        now = head(path)
        if now[SCHEMA] == schema_of(db):  # else somebody reads, and keeps it from being put into the file: another time
            replace_file(kept_head(path), now)


def kept_head(path: Path) -> Path:
    """Where that copy is."""
    return path.with_name(f"{path.name}.head")


def schema_of(db: sqlite3.Connection) -> bytes:
    """The header's count of changes of the schema."""
    return int(db.execute("PRAGMA schema_version").fetchone()[0]).to_bytes(4, "big")


def rows_of(page: bytes) -> Iterator[tuple[int, list[Value]]]:
    """The rows on a page of a table, each with its rowid; of a page that is none, or of a row that is damaged, nothing.

    See "B-tree Pages" and "Record Format" in https://sqlite.org/fileformat2.html. The key of a row, where the table has
    it in a column of its own, is None there.
    """
    if len(page) != PAGE or page[0] != LEAF:
        return
    count = int.from_bytes(page[3:5], "big")
    for n in range(min(count, (PAGE - 8) // 2)):
        at = int.from_bytes(page[8 + 2 * n : 10 + 2 * n], "big")
        try:
            yield _row(page, at)
        except (IndexError, ValueError, struct.error):
            continue


def _row(page: bytes, at: int) -> tuple[int, list[Value]]:
    size, at = _varint(page, at)
    rowid, at = _varint(page, at)
    if size > LARGEST_CELL or at + size > PAGE:
        raise ValueError("no row")
    length, types_at = _varint(page, at)
    body, end = at + length, at + size
    values: list[Value] = []
    while types_at < at + length:
        kind, types_at = _varint(page, types_at)
        value, body = _value(page, body, kind)
        values.append(value)
    if types_at != at + length or body != end:
        raise ValueError("no row")
    return rowid, values


def _value(page: bytes, at: int, kind: int) -> tuple[Value, int]:
    if kind == 0:
        return None, at
    if kind == 7:
        return struct.unpack_from(">d", page, at)[0], at + 8
    if kind in (8, 9):
        return kind - 8, at
    if kind in _NUMBERS:
        end = at + _NUMBERS[kind]
        return int.from_bytes(page[at:end], "big", signed=True), end
    if kind < 12 or (end := at + (kind - 12) // 2) > len(page):
        raise ValueError("no value")
    return (page[at:end].decode() if kind % 2 else page[at:end]), end


def _varint(page: bytes, at: int) -> tuple[int, int]:
    number = 0
    for n in range(8):
        byte = page[at + n]
        number = number << 7 | byte & 0x7F
        if byte < 0x80:
            return number, at + n + 1
    raise ValueError("a number beyond all that is counted here")
