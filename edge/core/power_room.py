"""Whether the village's contract leaves room for one more pump or fan: what is on, by its rated power."""

from __future__ import annotations

from collections.abc import Callable

ROUNDING_W = 1e-6


class PowerRoom:
    """What draws power, each as a callable that says how much (W) it is rated at while it is on, 0 while it is off."""

    def __init__(self, contracted_kw: float | None) -> None:
        """`contracted_kw` None: no contract bounds it."""
        self._most_w = None if contracted_kw is None else contracted_kw * 1000
        self._loads: list[Callable[[], float]] = []

    def add(self, load: Callable[[], float]) -> None:
        """One more that draws power."""
        self._loads.append(load)

    def why_not(self, watts: float) -> str | None:
        """Why `watts` more have no room now; None: they have."""
        if self._most_w is None:
            return None
        drawn = sum(load() for load in self._loads)
        if drawn + watts <= self._most_w + ROUNDING_W:
            return None
        return f"{drawn:.0f} W of the contracted {self._most_w:.0f} W are in use; {watts:.0f} W more have no room"
