"""The last word before an output is switched on. OFF passes always and at once."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

APART_S = 10.0  # between two circuits on one meter: inrush, and each step in power is its own measurement


class Hold(NamedTuple):
    """An output may be switched on from `at` (monotonic s) on; why not before, and whether for switching too often."""

    at: float
    why: str
    capped: bool = False


class Switching:
    """Remembers what was switched when (monotonic s of this boot) and says how long an ON has to wait.

    `burst` switchings of one output are allowed within `per_s` seconds; 0 means no such limit.
    """

    def __init__(self, burst: int, per_s: float) -> None:
        self._burst = burst
        self._per_s = per_s
        self._recent: dict[str, deque[float]] = {}
        self._last_off: dict[str, float] = {}
        self._last_on: dict[str, dict[str, float]] = {}

    def on_allowed_at(self, output: str, group: str, restrike_s: float) -> Hold:
        """What holds `output` longest: `restrike_s` after its last OFF, APART_S after the last ON of another output of
        `group` (those on one meter), and its share of switchings."""
        cooled = self._last_off.get(output, float("-inf")) + restrike_s
        holds = [Hold(cooled, f"restrike: lamps cool for {restrike_s:g} s")]
        others = [at for other, at in self._last_on.get(group, {}).items() if other != output]
        if others:
            holds.append(Hold(max(others) + APART_S, f"circuits on one meter are switched on {APART_S:g} s apart"))
        recent = self._recent.get(output)
        if recent is not None and len(recent) == self._burst:
            why = f"at most {self._burst} switchings in {self._per_s:g} s"
            holds.append(Hold(recent[0] + self._per_s, why, capped=True))
        return max(holds)

    def switched(self, output: str, group: str, on: bool, mono: float) -> None:
        """Take note that `output` was switched at `mono`."""
        if self._burst:
            self._recent.setdefault(output, deque(maxlen=self._burst)).append(mono)
        if on:
            self._last_on.setdefault(group, {})[output] = mono
        else:
            self._last_off[output] = mono

    def last(self, output: str, group: str) -> tuple[float | None, float | None]:
        """When `output` was last switched on, and when off (monotonic s of this boot; None: not in this boot)."""
        return self._last_on.get(group, {}).get(output), self._last_off.get(output)
