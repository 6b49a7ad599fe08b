"""The pulses that come at counting contacts: computed, so that a month of them costs no more than a second."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

LONGEST_S = 0.05
ROUNDING = 1e-6  # of a pulse


def _nobody() -> None:
    """Nobody plays them."""


@dataclass
class _Stream:
    """Pulses at `per_s` from the time `since` on; `turned` is how many there were by then, with what is left over."""

    since: float
    turned: float = 0.0
    per_s: float = 0.0
    last_at: float | None = None

    def count(self, mono: float) -> int:
        return math.floor(self.turned + self.per_s * (mono - self.since) + ROUNDING)

    def begins(self, number: int) -> float | None:
        return self.since + (number - self.turned) / self.per_s if self.per_s else None

    def last(self, mono: float) -> float | None:
        count = self.count(mono)
        return self.begins(count) if count > math.floor(self.turned + ROUNDING) else self.last_at


class Pulsing:
    """Counting contacts by name (`input/main-flow`), all at rest at `start` (village's monotonic s).

    `changed` is called when pulses begin to come at another rate.
    """

    def __init__(self, names: Iterable[str], start: float) -> None:
        self._streams = {name: _Stream(start) for name in names}
        self.changed: Callable[[], None] = _nobody

    @property
    def names(self) -> list[str]:
        """The contacts."""
        return list(self._streams)

    def flow(self, rates: Mapping[str, float], mono: float) -> None:
        """From `mono` on pulses come at these rates (a second, above 0), and none elsewhere. Raises KeyError."""
        if not rates.keys() <= self._streams.keys():
            raise KeyError(min(rates.keys() - self._streams.keys()))
        before = dict(self._streams)
        for name, stream in before.items():
            if rates.get(name, 0.0) != stream.per_s:
                turned = stream.turned + stream.per_s * (mono - stream.since)
                self._streams[name] = _Stream(mono, turned, rates.get(name, 0.0), stream.last(mono))
        if self._streams != before:
            self.changed()

    def counted(self, name: str, mono: float) -> tuple[int, float | None]:
        """How many began by `mono`, not before the last change; and when the last one did (s). Raises KeyError."""
        stream = self._streams[name]
        return stream.count(mono), stream.last(mono)

    def begins(self, name: str, number: int) -> float | None:
        """When the pulse of this number (from 1) begins if nothing changes; None: never. Raises KeyError."""
        return self._streams[name].begins(number)

    def lasts(self, name: str) -> float:
        """For how long the contact is closed in each pulse (s). Raises KeyError."""
        per_s = self._streams[name].per_s
        return min(LONGEST_S, 0.5 / per_s) if per_s else LONGEST_S
