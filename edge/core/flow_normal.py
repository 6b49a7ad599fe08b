"""The normal flow of each valve behind one flow input: what the file says of it, or what was learned.

Learned is the mean of RUNS zones in a row that agree within AGREE of each other. Then it stands: a pipe that leaks a
little more, or a dripper that lets through a little less, week by week, never becomes the normal. Where a field has
been rebuilt, `normal_l_min` in the file says so.

Valves that are only ever open together cannot be told apart. They are learned together, as one: `valve/a+valve/b`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from edge.core.events import Effect, Persist
from edge.core.values import Moment, Row

TABLE = "flows"
RUNS = 3
AGREE = 0.15
TOGETHER = "+"
UNKNOWN_L_MIN = 10.0  # a share for a valve of which, and of whose neighbours, nothing is known


class Normals:
    """By `valve/<id>`, in l/min."""

    def __init__(self, said: Mapping[str, float | None], kept: Mapping[str, Row]) -> None:
        """`said`: by the file. `kept`: the journal's table `flows`."""
        self._said = said
        self._learned = {
            name: (float(row["l_min"] or 0), int(row["runs"] or 0))
            for name, row in kept.items()
            if said.keys() >= set(name.split(TOGETHER))
        }

    def of(self, valve: str) -> float | None:
        """None: not known, or not yet."""
        said = self._said.get(valve)
        return said if said is not None else self._known(valve)

    def sum(self, valves: Collection[str]) -> float | None:
        """Of all of them together; None: it is not known, nor that of each."""
        known = [found for valve in valves if (found := self.of(valve)) is not None]
        return sum(known) if len(known) == len(valves) else self._known(TOGETHER.join(sorted(valves)))

    def weights(self, valves: Collection[str]) -> dict[str, float]:
        """By what they share water that flows through all of them."""
        known = [found for valve in valves if (found := self.of(valve)) is not None]
        rest = sum(known) / len(known) if known else UNKNOWN_L_MIN
        return {valve: self.of(valve) or rest for valve in valves}

    def learn(self, valves: Collection[str], l_min: float, moment: Moment) -> list[Effect]:
        """A zone of these valves let through so much, undisturbed. It teaches one of which alone the flow is not known,
        and which makes up at least half of it: what the others' flow may differ by is not to be taken for it. Else it
        teaches what all of them let through together."""
        unknown = [valve for valve in valves if self.of(valve) is None]
        others = self.sum([valve for valve in valves if valve not in unknown]) or 0.0
        name, found = TOGETHER.join(sorted(valves)), l_min
        if len(unknown) == 1 and l_min - others >= others:
            name, found = unknown[0], l_min - others
        if not unknown or found <= 0:
            return []
        mean, runs = self._learned.get(name, (0.0, 0))
        if runs and abs(found - mean) <= AGREE * mean:
            mean, runs = (mean * runs + found) / (runs + 1), runs + 1
        else:
            mean, runs = found, 1
        self._learned[name] = mean, runs
        return [Persist((TABLE, name), {"l_min": round(mean, 3), "runs": runs, "wall": moment.wall})]

    def _known(self, name: str) -> float | None:
        l_min, runs = self._learned.get(name, (0.0, 0))
        return l_min if runs >= RUNS else None
