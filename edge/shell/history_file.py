"""history.db: how it is opened, by the one who writes it and by those who read; and what it says of its consumers."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from edge.core.ranges import Ranges
from edge.shell.database import BUSY_S, connect, prepare

MIGRATIONS = "edge.shell.migrations.history"


def open_history(path: Path) -> sqlite3.Connection:
    """The file, to be written, in the newest schema; made if it is not there. Only HistoryWorker may.

    Raises sqlite3.Error.
    """
    db = connect(path)
    try:
        db.execute("PRAGMA auto_vacuum = INCREMENTAL")  # of effect only in a file that is being made
        db.execute("PRAGMA secure_delete = ON")  # so that a salvage finds no row that had left
        prepare(db, MIGRATIONS)
    except sqlite3.Error:
        db.close()
        raise
    return db


def connect_readonly(path: Path) -> sqlite3.Connection:
    """A connection of one's own that can only read; its rows stand still within a transaction.

    For one thread, and for who closes it when that has ended. Raises sqlite3.OperationalError while there is no such
    file.
    """
    where = f"file:{quote(str(path))}?mode=ro"
    return sqlite3.connect(where, uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_S)


class ReadOnly:
    """A file of the card for one thread that reads it again and again: one that was moved aside and begun anew is
    opened anew."""

    def __init__(self, path: Path) -> None:
        """Opens nothing yet."""
        self._path = path
        self._db: sqlite3.Connection | None = None
        self._is: tuple[int, int] | None = None

    def db(self) -> sqlite3.Connection:
        """A connection to the file that is there now. Raises sqlite3.OperationalError if none is, or if it would have
        to be opened on a card that is read-only."""
        try:
            found = self._path.stat()
        except OSError as error:
            self.close()
            raise sqlite3.OperationalError(f"{self._path}: {error.strerror}") from None
        if self._db is None or (found.st_dev, found.st_ino) != self._is:
            self.close()
            if os.statvfs(self._path.parent).f_flag & os.ST_RDONLY:
                # What is opened now would keep all of this process from writing when the card can be written again.
                raise sqlite3.OperationalError("the card is mounted read-only")
            self._db = connect_readonly(self._path)
            self._is = found.st_dev, found.st_ino
        return self._db

    def close(self) -> None:
        """Let go of the file; a later `db` opens it again."""
        if self._db is not None:
            self._db.close()
            self._db = None


def acknowledged(db: sqlite3.Connection, consumer: str) -> Ranges:
    """The sequences that a consumer has, as far as that is on the disk; what left the history counts as had."""
    row = db.execute("SELECT acknowledged FROM consumers WHERE id = ?", (consumer,)).fetchone()
    return Ranges() if row is None else Ranges(map(tuple, json.loads(row[0])))


def dropped(db: sqlite3.Connection, consumer: str) -> int:
    """How many rows left the history before the consumer had them, since the beginning."""
    row = db.execute("SELECT dropped FROM consumers WHERE id = ?", (consumer,)).fetchone()
    return 0 if row is None else int(row[0])


def set_aside(db: sqlite3.Connection, consumer: str) -> set[int]:
    """The sequences of the rows that a consumer would not take."""
    return {row[0] for row in db.execute("SELECT sequence FROM set_aside WHERE consumer = ?", (consumer,))}


def standing(path: Path, consumer: str) -> tuple[Ranges, set[int]]:
    """What a consumer has, and what it would not take. Raises sqlite3.Error."""
    with closing(connect_readonly(path)) as db:
        return acknowledged(db, consumer), set_aside(db, consumer)
