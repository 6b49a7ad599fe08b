"""The card of a simulated village: what it refuses or delays, in SQLite's own words."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

FILE = "card"
LONGEST_S = 600.0
_REFUSES = {
    "full": ("database or disk is full", sqlite3.SQLITE_FULL),
    "read-only": ("attempt to write a readonly database", sqlite3.SQLITE_READONLY),
}


class SimulatedCard:
    """Called before each commit of the journal; does to it what village-sim wrote into DIR/card.

    That is `full`, `read-only`, or `slow` and how long a commit takes (s, at most 600); without the file, nothing.
    """

    def __init__(self, sim: Path) -> None:
        """`sim` is village-sim's run directory."""
        self._file = sim / FILE

    def __call__(self) -> None:
        """Raises sqlite3.OperationalError as such a card would have it."""
        try:
            word, _, seconds = self._file.read_text("ascii").strip().partition(" ")
        except OSError:
            return
        if word == "slow":
            threading.Event().wait(min(float(seconds), LONGEST_S))
        elif word in _REFUSES:
            text, code = _REFUSES[word]
            error = sqlite3.OperationalError(text)
            error.sqlite_errorcode = code
            raise error
