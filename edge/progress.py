"""A bar on the terminal that says how far a long piece of work is."""

from __future__ import annotations

import sys

WIDE = 30


class Bar:
    """Shown on the standard error, and only where that is a terminal; drawn anew for each percent."""

    def __init__(self, whole: float) -> None:
        """`whole`: how much there is to do, above 0, in any unit."""
        self._shown = sys.stderr.isatty()
        self._whole = whole
        self._part = -1

    def show(self, done: float) -> None:
        """So much of it is done."""
        part = int(done / self._whole * 100)
        if self._shown and part != self._part:
            self._part = part
            full = part * WIDE // 100
            print(f"\r[{'#' * full}{'.' * (WIDE - full)}] {part:3} %", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Take it away."""
        if self._shown and self._part >= 0:
            print(f"\r{' ' * (WIDE + 9)}\r", end="", file=sys.stderr, flush=True)
