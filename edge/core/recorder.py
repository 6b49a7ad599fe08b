"""When a reading of one device is due in the history: now and then, and whenever it tells something new."""

from __future__ import annotations

from edge.core.events import Effect, Record
from edge.core.values import Moment, Reading

POWER = "power_w"
EARLY_S = 0.5  # a poll that is as much too early is not put off to the next one
JUST_READ_S = 10.0  # by the wall clock a reading is no older when it arrives, or the clock was set since


class Recorder:
    """Records every `every_s` seconds (> 0), on a new life, when a quantity begins or ceases to be in doubt, and when
    the power has moved by more than `dead_band_w` (W) since it was recorded.

    Where a new life begins, the last reading of the old one is recorded too: what was consumed up to it counts.
    """

    def __init__(self, every_s: float, dead_band_w: float | None = None) -> None:
        self._every_s = every_s
        self._dead_band_w = dead_band_w
        self._due_at = float("-inf")
        self._last: tuple[Reading, Moment] | None = None
        self._kept: Reading | None = None  # the last one that was recorded

    def take(self, reading: Reading, moment: Moment) -> list[Effect]:
        """A reading that is believed, or told as suspect: what of it the history is to have."""
        before, self._last = self._last, (reading, moment)
        kept, late_s = self._kept, moment.mono - self._due_at
        if kept is not None and late_s < -EARLY_S and not self._new(kept, reading):
            return []
        found: list[Effect] = []
        if before is not None and before[0] is not kept and before[0].life != reading.life:
            found.append(_record(*before))
        self._kept = reading
        on_time = -EARLY_S <= late_s < self._every_s / 2  # then what comes a little late puts nothing off
        self._due_at = (self._due_at if on_time else moment.mono) + self._every_s
        return [*found, _record(reading, moment)]

    def _new(self, kept: Reading, reading: Reading) -> bool:
        if reading.life != kept.life or reading.doubted != kept.doubted or reading.quality != kept.quality:
            return True
        if self._dead_band_w is None:
            return False
        was, now = kept.quantities.get(POWER), reading.quantities.get(POWER)
        return was is not None and now is not None and abs(now - was) > self._dead_band_w


def _record(reading: Reading, moment: Moment) -> Record:
    """With the monotonic time at which it was read: it is known by the wall clock, and was a moment ago."""
    ago_s = moment.wall - reading.at
    mono = moment.mono - ago_s if 0 <= ago_s <= JUST_READ_S else moment.mono
    return Record(reading, mono, moment.boot, moment.trusted)
