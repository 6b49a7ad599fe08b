"""Readings on their way to the card: the only place where they are bounded in number, and counted when one is lost."""

from __future__ import annotations

import threading
from collections import deque
from itertools import islice

from edge.core.events import Record


class Waiting:
    """Rows wait here until they are on the disk. Beyond `most` of them the oldest is lost. From any thread."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._rows: deque[Record] = deque()
        self._lock = threading.Lock()
        self._gone = 0  # how many have left at the front
        self.lost = 0

    def add(self, record: Record) -> int:
        """Take one in; how many wait now."""
        with self._lock:
            if len(self._rows) >= self._most:
                self._rows.popleft()
                self._gone += 1
                self.lost += 1
            self._rows.append(record)
            return len(self._rows)

    def first(self, count: int) -> tuple[int, list[Record]]:
        """The oldest `count` rows, which stay, and what `done` is to be told of them."""
        with self._lock:
            return self._gone, list(islice(self._rows, count))

    def done(self, mark: int, count: int, unkept: int = 0) -> None:
        """So many of those that `first` gave with `mark` are on the disk, or will never be (`unkept` of them): what was
        given up meanwhile was not lost then."""
        with self._lock:
            meanwhile = min(self._gone - mark, count)
            self.lost += unkept - meanwhile
            for _ in range(count - meanwhile):
                self._rows.popleft()
                self._gone += 1

    def __len__(self) -> int:
        return len(self._rows)
