"""The history's file as its one writer has it: opened again after a failure, begun anew after damage, and salvaged."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

from edge.shell.database import is_corrupt, is_passing, move_aside
from edge.shell.history_file import open_history
from edge.shell.history_table import HistoryTable
from edge.shell.salvage import Aid, Salvage, asides

log = logging.getLogger(__name__)


class HistoryDisk:
    """Raises sqlite3.Error from everything but `failed` and `close`."""

    def __init__(self, path: Path, before_commit: Callable[[], None]) -> None:
        """`before_commit` as for HistoryWorker."""
        self._path = path
        self._before_commit = before_commit
        self._salvage: Salvage | None = None
        self.table: HistoryTable | None = None

    def open(self) -> HistoryTable:
        """The table of the open file: a new one, and the old one kept aside, where that is damaged. What a new one must
        have from the old one, so that consumers go on where they were, is in it from the start."""
        try:
            self.table = self._opened()
        except sqlite3.Error as error:
            if not is_corrupt(error):
                raise
            move_aside(self._path, error)
            self.table = self._opened()
        return self.table

    def ready(self) -> None:
        """Called before each commit."""
        self._before_commit()

    def look(self) -> None:
        """Raises sqlite3.Error if the card is one that cannot be written, to know it before a commit is due."""
        self._before_commit()
        if os.statvfs(self._path.parent).f_flag & os.ST_RDONLY:
            raise sqlite3.OperationalError("the card is mounted read-only")

    def check(self) -> None:
        """Read all of the file, because somebody met damage there."""
        assert self.table is not None
        found = self.table.db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise damaged(found)

    def failed(self, error: sqlite3.Error) -> sqlite3.Error:
        """Something raised `error`: let go of the file unless it is sound, and move it aside if it is damaged. What is
        to be told, which is another error if that fails too."""
        if self.salvaging or not is_passing(error):  # a salvage begins anew with the file
            self.close()
        if is_corrupt(error):
            try:
                move_aside(self._path, error)
            except sqlite3.OperationalError as why:
                return why
        return error

    def close(self) -> None:
        """Let go of the file."""
        self._salvage = None
        if self.table is not None:
            self.table.db.close()
            self.table = None

    @property
    def salvaging(self) -> bool:
        """Whether there is more to be read of a damaged file."""
        return self._salvage is not None

    def salvage(self, highest: int) -> None:
        """Copy some more of it, rows up to the sequence `highest`."""
        assert self._salvage is not None
        assert self.table is not None
        self.ready()
        with self.table.transaction():
            more = self._salvage.piece(self.table.db, highest)
        if not more:
            try:
                self._salvage.end()
            except OSError as error:
                raise sqlite3.OperationalError(str(error)) from error
            self._salvage = self._unread()
            self.table.salvaging = self._salvage is not None

    def help_salvage(self) -> None:
        """Keep beside the file what would help to read it if it were damaged."""
        try:
            if self.table is not None:
                Aid.keep(self._path, self.table.db)
        except OSError as error:
            log.warning("%s cannot be written: %s", Aid.of(self._path), error)

    def _opened(self) -> HistoryTable:
        if self._path.exists() and self._path.stat().st_size == 0 and Aid.read(self._path) is not None:
            raise damaged("nothing is left of the file")
        db = open_history(self._path)
        try:
            self._salvage = self._unread()
            if self._salvage is not None:
                self._begin_salvage(db, self._salvage)
            return HistoryTable(db, salvaging=self._salvage is not None)
        except (ValueError, TypeError) as error:
            db.close()
            raise damaged(str(error)) from error
        except sqlite3.Error:
            db.close()
            raise

    def _begin_salvage(self, db: sqlite3.Connection, salvage: Salvage) -> None:
        db.execute("BEGIN IMMEDIATE")
        try:
            salvage.begin(db)
        except BaseException:
            db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")

    def _unread(self) -> Salvage | None:
        waiting = asides(self._path)
        return Salvage(self._path, waiting[0]) if waiting else None


def damaged(what: str) -> sqlite3.DatabaseError:
    """The error of a file that is not what it should be."""
    error = sqlite3.DatabaseError(what)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error
