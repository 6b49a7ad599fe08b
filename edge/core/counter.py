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
COARSE_KWH = 1.0  # the coarsest step of a counter behind transformers, whose ratio multiplies the model's


class Counter:
    """The energy counter of one meter, and the life it is in.

    `step` is the least it moves by, `wraps_at` what it shows 0 in place of (kWh). `energy_kwh`: where it last stood.
    """

    def __init__(
        self, rated_kw: float | None, life: int = 1, energy_kwh: float | None = None, step: float = 0.01,
        wraps_at: float | None = None, used: int = 0,
    ) -> None:
        """`used`: no life up to it is begun anew."""
        self._rated_kw = rated_kw
        self._step = step
        self._wraps_at = float("inf") if wraps_at is None else wraps_at
        self.life = life
        self._used = used
        self._last: Reading | None = None
        if energy_kwh is not None:
            # The time between is unknown after a restart: only that it must not have fallen can be asked.
            self._last = Reading("", {COUNTER: energy_kwh}, float("-inf"))
        self._moved_at = float("-inf")  # of the last reading before it came to where it stands
        self._doubted: Reading | None = None

    def judge(self, reading: Reading) -> Reading | None:
        """The reading with its life, or None while its counter is in doubt; without a counter that cannot be."""
        energy = reading.quantities.get(COUNTER)
        if energy is not None and not 0 <= energy < self._wraps_at:
            rest = {name: value for name, value in reading.quantities.items() if name != COUNTER}
            return replace(reading, quantities=rest, life=self.life)
        if energy is None:
            return replace(reading, life=self.life)
        if self._last is not None and not self._follows(self._last, reading, self._moved_at):
            if self._doubted is None or not self._follows(self._doubted, reading, self._doubted.at):
                self._doubted = reading
                return None
            self.life = max(self.life, self._used) + 1
        if self._last is not None and energy != self._last.quantities[COUNTER]:
            self._moved_at = self._last.at
        self._last, self._doubted = reading, None
        return replace(reading, life=self.life)

    def _follows(self, before: Reading, after: Reading, moved_at: float) -> bool:
        """Whether `after` can come of `before`, whose figure the counter did not show yet at `moved_at`.

        A counter of coarse steps shows at once what flowed since its last one.
        """
        energy = after.quantities[COUNTER]
        grown = energy - before.quantities[COUNTER]
        if grown < 0:
            return False
        if self._rated_kw is None or after.at < before.at:
            return True
        most_kw = self._rated_kw * MARGIN
        step = resolution(energy, self._step)
        held_back = min(max(COARSE_KWH, step), most_kw * (after.at - moved_at) / 3600)
        return grown <= most_kw * (after.at - before.at + LATE_S) / 3600 + max(step, held_back)
