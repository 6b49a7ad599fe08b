"""A relay board as the village has it: coils that keep their state for as long as the board has power."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from drivers.model import TimedOn

SOON_S = 1e-6  # less than this is rounding


class RelayBoard:
    """`coils` relays at a Modbus address (1 to 247), all off at first; `changed(coil, on)` is called after a change.

    With `timed` a relay can be closed for a time; `mono` is then the board's clock (s), and `follow` is to be called
    when that time is over. `timers_changed` is called when that moved.
    """

    def __init__(
        self, address: int, coils: int, changed: Callable[[int, bool], None], timed: TimedOn | None = None,
        mono: Callable[[], float] = lambda: 0.0,
    ) -> None:  # fmt: skip
        self.address = address
        self.powered = True
        self.timers_changed: Callable[[], None] = lambda: None
        self._on = [False] * coils
        self._changed = changed
        self._timed = timed
        self._mono = mono
        self._falls: dict[int, float] = {}

    def coils(self, first: int, count: int) -> list[bool] | None:
        """Which of the `count` coils from `first` are on; None where it has not all of them."""
        self.follow()
        return self._on[first : first + count] if self._has(first, count) else None

    def write(self, first: int, values: Sequence[bool]) -> bool:
        """Set the coils from `first`, for good; false, and nothing is set, where it has not all of them."""
        if not self._has(first, len(values)):
            return False
        self.follow()
        for coil, on in enumerate(values, first):
            self._falls.pop(coil, None)
            self._put(coil, on and self.powered)
        return True

    def times(self, address: int) -> bool:
        """Whether a coil is closed for a time by writing to this address."""
        return self._timed is not None and self._has(address - self._timed.address, 1)

    def write_timed(self, address: int, units: int) -> bool:
        """Close the coil behind `address` for so many units of time from now on, whatever it did before; false, and
        nothing is done, for a time that the board does not know. An OFF, or an ON, ends the timing."""
        assert self._timed is not None
        if not 1 <= units <= self._timed.most:
            return False
        self.follow()
        if self.powered:
            coil = address - self._timed.address
            self._falls[coil] = self._mono() + units * self._timed.unit_s
            self._put(coil, True)
            self.timers_changed()
        return True

    def follow(self) -> float:
        """Open every relay whose time is over; when the next one's is, or infinity."""
        if not self._falls:
            return math.inf
        now = self._mono() + SOON_S
        for coil in [coil for coil, at in self._falls.items() if at <= now]:
            del self._falls[coil]
            self._put(coil, False)
        return min(self._falls.values(), default=math.inf)

    def restart(self) -> None:
        """It loses its power and has it again: every relay falls."""
        self.write(0, [False] * len(self._on))

    def supply(self, powered: bool) -> None:
        """It has power from now on, or none: then every relay falls, and it does nothing."""
        if powered != self.powered:
            self.powered = powered
            self.restart()

    def _put(self, coil: int, on: bool) -> None:
        if self._on[coil] is not on:
            self._on[coil] = on
            self._changed(coil, on)

    def _has(self, first: int, count: int) -> bool:
        return first >= 0 and count >= 1 and first + count <= len(self._on)
