"""What a meter says of the circuits behind it: whether one burns can be seen in the power."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

Power = tuple[float, float]  # W, and when it was read (monotonic s)
SHARE = 0.5  # of a circuit's rated power: more is burning, less is not


@dataclass(slots=True)
class Evidence:
    """One meter and the circuits behind it. `power` is its last reading (None: no meter, or it is silent)."""

    power: Callable[[], Power | None] = lambda: None
    watts: dict[str, float] = field(default_factory=dict)
    shows: dict[str, Callable[[], bool | None]] = field(default_factory=dict)

    def add(self, output: str, watts: float, shows: Callable[[], bool | None]) -> None:
        """A circuit of that rated power (W) stands behind the meter; `shows` says what is observed of it."""
        self.watts[output] = watts
        self.shows[output] = shows

    def burns(self, output: str, since: float) -> bool | None:
        """Whether the power shows that the circuit burns; None where no reading since then (monotonic s) can tell."""
        reading = self.power()
        if reading is None or reading[1] < since:
            return None
        others = [name for name in self.watts if name != output]
        if any(self.shows[name]() is None for name in others):
            return None
        rest = sum(self.watts[name] for name in others if self.shows[name]())
        return reading[0] - rest >= SHARE * self.watts[output]


