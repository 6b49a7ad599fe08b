"""Histories as files for tests: made from the schema that ships, without the worker that writes them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path

from edge.core.packing import pack

NOON_MS = 1_795_258_000_000


class HistoryFile:
    """A history.db that a test writes to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        steps = resources.files("edge.shell.migrations.history")
        for step in sorted(f.name for f in steps.iterdir() if f.name.endswith(".sql")):
            self._db.executescript((steps / step).read_text("utf-8"))
        self._layouts: dict[tuple[str, str], int] = {}
        self.newest = 0

    def write(
        self, rows: Iterable[tuple[str, Mapping[str, float | None]]], *, at_ms: int = NOON_MS, every_ms: int = 0,
        held: bool = False,
    ) -> list[int]:
        """Commit a reading of each device; their sequences. The first was read at `at_ms`."""
        written: list[int] = []
        self._db.execute("BEGIN")
        for n, (device, values) in enumerate(rows):
            self.newest += 1
            body = pack(list(values.values()))
            row = self.newest, at_ms + n * every_ms, self._layout(device, tuple(values)), 0, 1, body
            self._db.execute("INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?)", row)
            if held:
                self._db.execute("INSERT INTO held VALUES (?, 'boot', 1.0)", (self.newest,))
            written.append(self.newest)
        self._db.execute("COMMIT")
        return written

    def do(self, sql: str, *values: object) -> None:
        """Something else."""
        self._db.execute(sql, values)

    def close(self) -> None:
        """Let go of it."""
        self._db.close()

    def _layout(self, device: str, names: tuple[str, ...]) -> int:
        key = device, json.dumps(names)
        if key not in self._layouts:
            made = self._db.execute("INSERT INTO layouts (device, names) VALUES (?, ?)", key).lastrowid
            assert made is not None
            self._layouts[key] = made
        return self._layouts[key]
