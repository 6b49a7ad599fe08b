"""What the history's worker has the core know: whether it can write, that it was damaged, and how consumers fare."""

from __future__ import annotations

import logging
import math
import sqlite3
from collections.abc import Callable, Sequence

from edge.core.events import HistoryChanged, SinkChanged
from edge.core.values import Moment
from edge.shell.history_table import HistoryTable

log = logging.getLogger(__name__)
DAMAGED = "it was damaged and is begun anew; what can be read is carried over"
TOLD_S = 60.0  # a damage is told for so long, however soon it is mended


class HistoryNews:
    """Tells each thing once. `wake` is the monotonic time at which `writes` has something to tell."""

    def __init__(self, put: Callable[[HistoryChanged | SinkChanged], None]) -> None:
        self._put = put
        self._damaged_until = -math.inf
        self._told: tuple[str | None, int] = (None, 0)
        self._counts: dict[str, tuple[int, int]] = {}
        self.failing: str | None = None
        self.wake = math.inf

    def fails(self, error: sqlite3.Error, lost: int) -> None:
        """Nothing could be written; so many rows were lost since the beginning."""
        if self.failing is None:
            log.error("the history cannot be written: %s; it is tried again every few seconds", error)
        self.failing = self.failing or str(error)
        self._tell(self.failing, lost)

    def writes(self, moment: Moment, lost: int, *, damaged: bool) -> None:
        """Nothing is in the way of writing. `damaged`: what can be read of a damaged file is being copied."""
        if self.failing is not None:
            log.warning("the history is written again")
            self.failing = None
        if damaged:
            self._damaged_until = moment.mono + TOLD_S
        told = moment.mono < self._damaged_until
        self.wake = self._damaged_until if told else math.inf
        self._tell(DAMAGED if told else None, lost)

    def counts(self, consumers: Sequence[str], table: HistoryTable) -> None:
        """How many rows each would not take, and how many left before it had them."""
        for name in consumers:
            consumer = table.consumers[name]
            counts = consumer.set_aside, consumer.dropped
            if counts != self._counts.get(name, (0, 0)):
                self._counts[name] = counts
                self._put(SinkChanged(name, None, *counts, table.why_aside(name)))

    def _tell(self, failing: str | None, lost: int) -> None:
        if (failing, lost) != self._told:
            self._told = failing, lost
            self._put(HistoryChanged(failing, lost))
