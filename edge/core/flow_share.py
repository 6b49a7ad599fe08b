"""Whose litres they are: the pulses of one flow input shared among the valves that were open when they came."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

MOST_CHANGES = 256  # between two looks; of more the oldest are forgotten


class Shares:
    """Sums up what each valve let through, in pulses.

    Pulses of one look are spread evenly over the time since the look before, so far as any valve was open in it.
    """

    def __init__(self) -> None:
        self._pulses: dict[str, float] = {}
        self._changes: deque[tuple[float, dict[str, float]]] = deque(maxlen=MOST_CHANGES)  # since, weight by valve

    def see(self, weights: Mapping[str, float], mono: float) -> None:
        """From now on these valves are open; each takes its part by its weight."""
        self._changes.append((mono, dict(weights)))

    def give(self, pulses: int, since: float, until: float) -> None:
        """So many came after `since` and up to `until` (monotonic s)."""
        if pulses == 1:
            since = until
        parts = [(s, w) for s, w in self._parts(since, until) if w]
        whole = sum(seconds for seconds, _ in parts)
        for seconds, weights in parts:
            part = pulses * (seconds / whole if whole else 1 / len(parts)) / sum(weights.values())
            for valve, weight in weights.items():
                self._pulses[valve] = self._pulses.get(valve, 0.0) + part * weight
        while len(self._changes) > 1 and self._changes[1][0] <= until:
            self._changes.popleft()

    def of(self, valve: str) -> float:
        """The pulses of `valve/<id>` since this process began."""
        return self._pulses.get(valve, 0.0)

    def _parts(self, since: float, until: float) -> list[tuple[float, dict[str, float]]]:
        """For how long (s) which weights held between the two."""
        found: list[tuple[float, dict[str, float]]] = []
        end = until
        for begun, weights in reversed(self._changes):
            if begun <= end:
                found.append((end - max(begun, since), weights))
                end = begun
            if begun <= since:
                break
        return found
