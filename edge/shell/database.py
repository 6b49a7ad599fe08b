"""What the two files on the card have in common: how one is opened and brought up to date, and what can befall it."""

from __future__ import annotations

import logging
import sqlite3
from importlib import resources
from pathlib import Path

log = logging.getLogger(__name__)
BUSY_S = 1.0  # how long a write waits for another process that looks into the file


def connect(path: Path | None) -> sqlite3.Connection:
    """The database at `path`, made if it is not there; None: one in memory. Nothing is read yet.

    Transactions are begun and ended by who uses it. Raises sqlite3.Error.
    """
    where = ":memory:" if path is None else str(path)
    return sqlite3.connect(where, isolation_level=None, check_same_thread=False, timeout=BUSY_S)


def prepare(db: sqlite3.Connection, migrations: str) -> None:
    """Bring the file to the newest schema of the package `migrations`, a numbered step after the other.

    FULL in write-ahead mode lost no committed row in power cuts; NORMAL did. Raises sqlite3.Error.
    """
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    version = db.execute("PRAGMA user_version").fetchone()[0]
    steps = sorted(f for f in resources.files(migrations).iterdir() if f.name.endswith(".sql"))  # type: ignore[type-var]
    for step in steps:
        number = int(step.name.removesuffix(".sql"))
        if number > version:
            db.executescript(f"BEGIN; {step.read_text('utf-8')} PRAGMA user_version = {number}; COMMIT;")


def move_aside(path: Path, error: sqlite3.Error) -> Path:
    """Keep a file that cannot be read, and what was written ahead of it, under another name: that name.

    Raises sqlite3.OperationalError where the card refuses it.
    """
    n = 1
    while (aside := path.with_name(f"{path.name}.corrupt-{n}")).exists():
        n += 1
    log.error("%s cannot be read (%s): it is kept as %s and a new one is begun", path, error, aside.name)
    try:
        path.rename(aside)
        ahead = Path(f"{path}-wal")
        if ahead.exists():
            ahead.rename(f"{aside}-wal")
        Path(f"{path}-shm").unlink(missing_ok=True)
    except OSError as why:
        raise sqlite3.OperationalError(str(why)) from why
    return aside


def is_corrupt(error: sqlite3.Error) -> bool:
    """Whether the file itself is what is wrong, so that trying again helps nobody."""
    return _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def is_read_only(error: sqlite3.Error) -> bool:
    """Whether it was opened on a read-only card: such a connection stays so when the card can be written again."""
    return _code(error) == sqlite3.SQLITE_READONLY


def is_passing(error: sqlite3.Error) -> bool:
    """Whether the connection is sound and only this write could not be: the card is full, or the file looked at."""
    return _code(error) in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY)


def of_the_disk(error: sqlite3.Error) -> bool:
    """Whether the card or the file is to blame, not what was asked of it."""
    return _code(error) in _OF_THE_DISK


_OF_THE_DISK = {
    sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB,
}


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
