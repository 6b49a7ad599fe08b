"""Whether a meter's counter can be believed: a wrong reading is worse than none.

A counter only grows, and no faster than the rated power allows. One that does not may be a failed read, or a meter
that was reset, rolled over or replaced: the reading is withheld until the next one agrees with it, and then a new life
begins. A rollover is no exception: a single 0 near the counter's end looks the same.
"""

from __future__ import annotations

from dataclasses import replace

from edge.core.plausible import MARGIN, resolution
from edge.core.values import Reading

COUNTER = "energy_kwh"
LATE_S = 60.0  # a meter's figure may be as old as that when it is asked, by its own updates and the line's retries


class Counter:
    """The energy counter of one meter, and the life it is in.

    `step` is the least it moves by, `wraps_at` what it shows 0 in place of (kWh). `energy_kwh`: where it last stood.
    """

    def __init__(
        self, rated_kw: float | None, life: int = 1, energy_kwh: float | None = None, step: float = 0.01,
        wraps_at: float | None = None,
    ) -> None:
        self._rated_kw = rated_kw
        self._step = step
        self._wraps_at = float("inf") if wraps_at is None else wraps_at
        self.life = life
        self._last: Reading | None = None
        if energy_kwh is not None:
            # The time between is unknown after a restart: only that it must not have fallen can be asked.
            self._last = Reading("", {COUNTER: energy_kwh}, float("-inf"))
        self._doubted: Reading | None = None

    def judge(self, reading: Reading) -> Reading | None:
        """The reading with its life, or None while its counter is in doubt; without a counter that cannot be."""
        energy = reading.quantities.get(COUNTER)
        if energy is not None and not 0 <= energy < self._wraps_at:
            rest = {name: value for name, value in reading.quantities.items() if name != COUNTER}
            return replace(reading, quantities=rest, life=self.life)
        if energy is None:
            return replace(reading, life=self.life)
        if self._last is not None and not self._follows(self._last, reading):
            if self._doubted is None or not self._follows(self._doubted, reading):
                self._doubted = reading
                return None
            self.life += 1
        self._last, self._doubted = reading, None
        return replace(reading, life=self.life)

    def _follows(self, before: Reading, after: Reading) -> bool:
        grown = after.quantities[COUNTER] - before.quantities[COUNTER]
        hours = (after.at - before.at + LATE_S) / 3600
        if grown < 0:
            return False
        if self._rated_kw is None or after.at < before.at:
            return True
        return grown <= self._rated_kw * MARGIN * hours + resolution(after.quantities[COUNTER], self._step)
