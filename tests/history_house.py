"""A history on a file for the suites: its worker on a manual clock, with a journal that only reserves sequences."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from edge.core.events import HistoryChanged, Persist, Record, SinkChanged
from edge.core.packing import unpack
from edge.core.values import Moment, Reading
from edge.shell.history import HistoryWorker
from edge.shell.history_file import connect_readonly

NOW = Moment(1_795_000_800.0, 1000.0, "b1", True)


class Book:
    """A journal that has what it is given on the disk at once, unless `slow`."""

    def __init__(self, reserved: int | None = 0) -> None:
        self.known = reserved
        self.slow = False
        self.asked: list[int] = []

    def put(self, *rows: Persist, tell: object = ()) -> None:
        for row in rows:
            assert row.key == ("sequences", "history")
            assert row.row is not None
            self.asked.append(int(row.row["reserved"] or 0))
            if not self.slow:
                self.known = self.asked[-1]

    def reserved(self, name: str) -> int | None:
        assert name == "history"
        return self.known


class House:
    """A history on a file, with a moment that the tests move."""

    def __init__(self, folder: Path, book: Book | None = None, **more: Any) -> None:
        self.path = folder / "history.db"
        self.book = book or Book()
        self.now = NOW
        self.told: list[HistoryChanged | SinkChanged] = []
        self.card: Callable[[], None] = lambda: None
        self.more = more
        self.start()

    def start(self) -> None:
        self.worker = HistoryWorker(self.path, self.book, self.told.append, before_commit=self._card, **self.more)
        self.worker.on_wake(lambda: setattr(self, "woken", True))

    def _card(self) -> None:
        self.card()

    def later(self, seconds: float, **changed: object) -> float | None:
        n = self.now
        self.now = replace(n, wall=n.wall + seconds, mono=n.mono + seconds, **changed)
        return self.worker.step(self.now)

    def read(self, *values: float, device: str = "meter/m", at: float | None = None, quality: str = "good", life: int = 1) -> None:
        quantities = dict(zip(("power_w", "energy_kwh", "current_a"), values, strict=False))
        reading = Reading(device, quantities, self.now.wall if at is None else at, quality, life)  # type: ignore[arg-type]
        self.woken = False
        self.worker.record(Record(reading, self.now.mono, self.now.boot, self.now.trusted))
        if self.woken:
            self.later(0)

    def rows(self) -> list[tuple[int, int, str, tuple[float | None, ...], int, int]]:
        db = connect_readonly(self.path)
        found = db.execute(
            "SELECT sequence, at, device, names, body, quality, life FROM rows JOIN layouts ON layout = id ORDER BY sequence"
        ).fetchall()
        db.close()
        return [(s, at, d, tuple(unpack(body, len(json.loads(names)))), q, life) for s, at, d, names, body, q, life in found]

    def held(self) -> list[int]:
        db = connect_readonly(self.path)
        found = [row[0] for row in db.execute("SELECT sequence FROM held ORDER BY sequence")]
        db.close()
        return found

    def sequences(self) -> list[int]:
        return [row[0] for row in self.rows()]
