"""Whether a meter's counter can be believed: a wrong reading is worse than none.

A counter only grows, and no faster than the rated power allows. One that does not may be a failed read, or a meter
that was reset, rolled over or replaced: the reading is withheld until the next one agrees with it, and then a new life
begins.
"""

from __future__ import annotations

from dataclasses import replace

from edge.core.values import Quality, Reading

COUNTER = "energy_kwh"
MARGIN = 1.5  # rated power is a nameplate figure
RESOLUTION_KWH = 0.1  # the coarsest step a counter makes
REMEMBER_EVERY_S = 900.0


class Counter:
    """The energy counter of one meter, and the life it is in."""

    def __init__(self, rated_kw: float | None, life: int = 1, energy_kwh: float | None = None) -> None:
        self._rated_kw = rated_kw
        self.life = life
        self._last: Reading | None = None
        if energy_kwh is not None:
            # The time between is unknown after a restart: only that it must not have fallen can be asked.
            self._last = Reading("", {COUNTER: energy_kwh}, float("-inf"))
        self._doubted: Reading | None = None

    def judge(self, reading: Reading) -> Reading | None:
        """The reading with its life and quality, or None while its counter is in doubt."""
        if COUNTER not in reading.quantities:
            return replace(reading, life=self.life, quality=self._quality(reading))
        if self._last is not None and not self._follows(self._last, reading):
            if self._doubted is None or not self._follows(self._doubted, reading):
                self._doubted = reading
                return None
            self.life += 1
        self._last, self._doubted = reading, None
        return replace(reading, life=self.life, quality=self._quality(reading))

    def _follows(self, before: Reading, after: Reading) -> bool:
        grown = after.quantities[COUNTER] - before.quantities[COUNTER]
        hours = (after.at - before.at) / 3600
        if grown < 0:
            return False
        if self._rated_kw is None or hours < 0:
            return True
        return grown <= self._rated_kw * MARGIN * hours + RESOLUTION_KWH

    def _quality(self, reading: Reading) -> Quality:
        power = reading.quantities.get("power_w", 0.0)
        beyond = self._rated_kw is not None and abs(power) > self._rated_kw * 1000 * MARGIN
        return "suspect" if beyond else "good"
