"""The normal flow of each valve behind one flow input: what the file says of it, or what was learned.

Learned is the mean of RUNS zones in a row that agree within AGREE of each other. Then it stands: a pipe that leaks a
little more, or a dripper that lets through a little less, week by week, never becomes the normal. Where a field has
been rebuilt, `normal_l_min` in the file says so.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from edge.core.events import Effect, Persist
from edge.core.values import Moment, Row

TABLE = "flows"
RUNS = 3
AGREE = 0.15
UNKNOWN_L_MIN = 10.0  # a share for a valve of which, and of whose neighbours, nothing is known


class Normals:
    """By `valve/<id>`, in l/min."""

    def __init__(self, said: Mapping[str, float | None], kept: Mapping[str, Row]) -> None:
        """`said`: by the file. `kept`: the journal's table `flows`."""
        self._said = said
        self._learned = {
            valve: (float(row["l_min"] or 0), int(row["runs"] or 0)) for valve, row in kept.items() if valve in said
        }

    def of(self, valve: str) -> float | None:
        """None: not known, or not yet."""
        said = self._said.get(valve)
        if said is not None:
            return said
        l_min, runs = self._learned.get(valve, (0.0, 0))
        return l_min if runs >= RUNS else None

    def sum(self, valves: Collection[str]) -> float | None:
        """Of all of them together; None: one is not known."""
        known = [found for valve in valves if (found := self.of(valve)) is not None]
        return sum(known) if len(known) == len(valves) else None

    def weights(self, valves: Collection[str]) -> dict[str, float]:
        """By what they share water that flows through all of them."""
        known = [found for valve in valves if (found := self.of(valve)) is not None]
        rest = sum(known) / len(known) if known else UNKNOWN_L_MIN
        return {valve: self.of(valve) or rest for valve in valves}

    def learn(self, valves: Collection[str], l_min: float, moment: Moment) -> list[Effect]:
        """A zone of these valves let through so much, undisturbed. It teaches where one alone is not known, and makes
        up at least half of it: what the others' flow may differ by is not to be taken for it."""
        unknown = [valve for valve in valves if self.of(valve) is None]
        others = self.sum([valve for valve in valves if valve not in unknown]) or 0.0
        if len(unknown) != 1 or l_min - others < others or l_min <= others:
            return []
        valve, found = unknown[0], l_min - others
        mean, runs = self._learned.get(valve, (0.0, 0))
        if runs and abs(found - mean) <= AGREE * mean:
            mean, runs = (mean * runs + found) / (runs + 1), runs + 1
        else:
            mean, runs = found, 1
        self._learned[valve] = mean, runs
        return [Persist((TABLE, valve), {"l_min": round(mean, 3), "runs": runs, "wall": moment.wall})]
