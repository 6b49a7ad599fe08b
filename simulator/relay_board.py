"""A relay board as the village has it: coils that keep their state for as long as the board has power."""

from __future__ import annotations

from collections.abc import Callable, Sequence


class RelayBoard:
    """`coils` relays at a Modbus address (1 to 247), all off at first; `changed(coil, on)` is called after a change."""

    def __init__(self, address: int, coils: int, changed: Callable[[int, bool], None]) -> None:
        self.address = address
        self._on = [False] * coils
        self._changed = changed

    def coils(self, first: int, count: int) -> list[bool] | None:
        """Which of the `count` coils from `first` are on; None where it has not all of them."""
        return self._on[first : first + count] if self._has(first, count) else None

    def write(self, first: int, values: Sequence[bool]) -> bool:
        """Set the coils from `first`; false, and nothing is set, where it has not all of them."""
        if not self._has(first, len(values)):
            return False
        for coil, on in enumerate(values, first):
            if self._on[coil] is not on:
                self._on[coil] = on
                self._changed(coil, on)
        return True

    def restart(self) -> None:
        """It loses its power and has it again: every relay falls."""
        self.write(0, [False] * len(self._on))

    def _has(self, first: int, count: int) -> bool:
        return first >= 0 and count >= 1 and first + count <= len(self._on)
