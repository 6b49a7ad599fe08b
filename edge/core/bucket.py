"""A bound on how much goes in a second. Pure."""

from __future__ import annotations

import math


class Bucket:
    """So many a second, and never more at once than `at_once` or what comes in a fifth of a second. `rate` 0: no bound.

    What is taken beyond that is owed: the next must wait the longer.
    """

    def __init__(self, rate: float, at_once: int) -> None:
        self._rate = rate
        self._most = max(at_once, rate / 5)
        self._left = 0.0
        self._at = -math.inf

    def open_at(self, mono: float) -> float:
        """When some may be taken: `mono`, or later."""
        if not self._rate:
            return mono
        self._left, self._at = min(self._most, self._left + self._rate * (mono - self._at)), mono
        return mono if self._left > 0 else mono + (1e-6 - self._left) / self._rate

    def take(self, count: int) -> None:
        """They are on their way."""
        self._left -= count
