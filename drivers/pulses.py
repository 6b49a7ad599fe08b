"""What a bouncing contact's edges come to: pulses, each counted once."""

from __future__ import annotations

import math


class PulseFilter:
    """Counts how often a contact becomes active and stays so for `debounce_s` at least.

    Two pulses are two when the contact was at rest between them for as long; whatever is shorter is bouncing or noise.
    With a `debounce_s` of 0 every edge is true. Edges are told with two times (s): `ticks`, when the line changed by
    the clock of whatever saw it, and `mono`, when we heard, on our own. It has no lock.
    """

    def __init__(self, debounce_s: float, active: bool) -> None:
        """`active`: whether the contact is so already; that pulse began before us and is not counted."""
        self.count = 0
        self.last_at: float | None = None  # when the last pulse began (monotonic s)
        self._debounce_s = debounce_s
        self._believed = self._seen = active
        self._seen_ticks = self._seen_at = -math.inf

    def edge(self, active: bool, ticks: float, mono: float) -> None:
        """The contact closed or opened, or it bounces."""
        if active is self._seen:
            return
        if ticks - self._seen_ticks >= self._debounce_s:
            self._believe()
        self._seen, self._seen_ticks, self._seen_at = active, ticks, mono

    def settle(self, mono: float) -> None:
        """Nothing more was heard up to `mono`: what was seen last counts if that was long enough ago."""
        if mono - self._seen_at >= self._debounce_s:
            self._believe()

    def _believe(self) -> None:
        if self._seen is not self._believed:
            self._believed = self._seen
            if self._seen:
                self.count += 1
                self.last_at = self._seen_at
