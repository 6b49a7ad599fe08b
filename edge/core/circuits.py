"""The circuits of one light: which of them burn at a level, what each was told and says, how long it has burnt.

A level burns so many circuits; which ones is another matter. They take turns night by night, so that lamps age evenly;
one that is locked or does not close gives its place to an equal one, where there is one that rests.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from edge.core.evidence import Evidence
from edge.core.lighting import Ladder
from edge.core.values import Moment, Row

JUDGE_S = 15.0  # so long a meter is waited for before a contact that disagrees is believed without it
FOLLOWS_S = 3.0  # what a contactor and its contact may take
KEEP_HOURS_EVERY_S = 900.0


@dataclass(slots=True)
class Circuit:
    """One output of a light: what it was last told (None: nothing yet), what its `line` says, and, if it has a
    `feedback` input, whether its contactor is `closed`; `was_on` before the start.

    Monotonic times: `told_at`, also when told the same again; `changed_at`, when told something new. `frozen`: it is
    locked, and stays so (None: it is not). `avoided`: it did not close, and rests if another can burn for it.
    """

    id: str
    output: str
    watts: float
    feedback: bool = False
    on: bool | None = None
    line: bool | None = None
    closed: bool | None = None
    error: str | None = None
    unanswered: bool = False
    was_on: bool = False
    told_at: float = 0.0
    changed_at: float = 0.0
    frozen: bool | None = None
    avoided: bool = False
    disagrees_since: float | None = None
    on_s: float = 0.0
    counted_at: float = 0.0
    kept_at: float = 0.0
    kept_on_s: float = field(default=0.0)

    @property
    def observed(self) -> bool | None:
        """What it shows: its contactor where that has a feedback, else its own line. None: it cannot be known."""
        return self.closed if self.feedback else self.line

    @property
    def deaf(self) -> bool:
        """Whether its line shows something else than it was told."""
        return not self.unanswered and self.line is not self.on

    @property
    def held_closed(self) -> bool:
        """Whether its contactor is closed although its line, too, says that it should not be."""
        return self.feedback and self.closed is True and self.on is False and self.line is False

    @property
    def flaw(self) -> str:
        """Why it does not show what was asked, in words."""
        if self.deaf:
            return self.error or "the line does not follow"
        return "its feedback cannot be read" if self.observed is None else "its feedback does not follow"

    def count(self, moment: Moment) -> None:
        """Burning time up to now."""
        if self.on:
            self.on_s += moment.mono - self.counted_at
        self.counted_at = moment.mono

    def hours_due(self, moment: Moment) -> float | None:
        """When (monotonic s) its hours are to be kept next; None: nothing new."""
        if self.on_s == self.kept_on_s and not self.on:
            return None
        return moment.mono if not self.on else self.kept_at + KEEP_HOURS_EVERY_S

    def hours_row(self, moment: Moment) -> Row:
        """Its hours as the journal keeps them; they count as kept from now on."""
        self.kept_at, self.kept_on_s = moment.mono, self.on_s
        return {"on_s": round(self.on_s, 3), "wall": moment.wall}

    def verdict(self, moment: Moment, mains: bool | None, evidence: Evidence) -> str | None:
        """Which alarm tells what is wrong with it; None: nothing, or nothing that can be said yet.

        A line that does not follow speaks for itself. Where only the feedback disagrees, the meter says who is right.
        """
        if self.unanswered or self.on is None or self.observed is None or self.observed is self.on or mains is False:
            self.disagrees_since = None
            return None
        if self.disagrees_since is None or self.disagrees_since < self.changed_at:
            self.disagrees_since = moment.mono
        stuck = "stuck-off" if self.on else "stuck-on"
        if not self.feedback or self.line is not self.on:
            return stuck if moment.mono >= self.disagrees_since + FOLLOWS_S else None
        burns = evidence.burns(self.output, self.disagrees_since + FOLLOWS_S)
        if burns is None:
            return stuck if moment.mono >= self.disagrees_since + JUDGE_S else None
        return "feedback-disagrees" if burns is self.on else stuck

    def verdict_due(self) -> list[float]:
        """When (monotonic s) time alone may change the verdict."""
        since = self.disagrees_since
        return [] if since is None else [since + FOLLOWS_S, since + JUDGE_S]


class Bank:
    """The circuits of a light and the order in which its levels take them."""

    def __init__(self, circuits: Sequence[Circuit], ladder: Ladder, rotates: bool) -> None:
        self.circuits = circuits
        self.ladder = ladder
        self.rotates = rotates
        self._night: dt.date | None = None
        self._order = list(range(len(circuits)))

    @property
    def order(self) -> list[int]:
        """In which order levels take the circuits, by their place in the configuration."""
        return list(self._order)

    def recall(self, hours: Mapping[str, Row], moment: Moment) -> None:
        """Take up the hours that the journal kept."""
        for c in self.circuits:
            row = hours.get(c.output)
            c.on_s = c.kept_on_s = float(row["on_s"] or 0) if row else 0.0
            c.counted_at = c.kept_at = moment.mono

    def begin(self, level: int, night: dt.date) -> None:
        """A start: circuits that burnt before it, and are what `level` wants or their equals, burn on."""
        self.turn(0, night)
        lit = [i for i in self._order if self.circuits[i].was_on]
        if len(lit) == self.ladder.burning(level) and self._fits(lit):
            equals = {c.watts: [i for i in self._order if self.circuits[i].watts == c.watts] for c in self.circuits}
            first = {watts: iter(sorted(equal, key=lambda i: i not in lit)) for watts, equal in equals.items()}
            self._order = [next(first[self.circuits[i].watts]) for i in self._order]

    def turn(self, level: int, night: dt.date) -> None:
        """It is the night of that date, and `level` stands: the order changes while all or none burn."""
        if night != self._night and level in (0, self.ladder.levels[-1]):
            self._night = night
            self._order = list(self.ladder.order(night if self.rotates else None))
            for c in self.circuits:
                c.avoided = False

    def wanted(self, level: int) -> list[bool]:
        """Which circuits burn at `level`, one of the ladder's."""
        places = self.ladder.burning(level)
        chosen, resting = self._order[:places], self._order[places:]
        for place, i in enumerate(chosen):
            if self._out(i) and (spare := self._spare(i, resting)) is not None:
                chosen[place] = spare
                resting.remove(spare)
                resting.append(i)
        for i in resting:
            if self.circuits[i].frozen:
                chosen = self._instead(i, chosen)
        return [c.frozen if c.frozen is not None else i in chosen for i, c in enumerate(self.circuits)]

    def _instead(self, burning: int, chosen: list[int]) -> list[int]:
        """A locked circuit burns in any case: an equal one that was to burn may rest."""
        for i in reversed(chosen):
            if self.circuits[i].frozen is None and self._equal(i, burning):
                return [burning if j == i else j for j in chosen]
        return chosen

    def _out(self, i: int) -> bool:
        return self.circuits[i].avoided or self.circuits[i].frozen is False

    def _spare(self, i: int, resting: Sequence[int]) -> int | None:
        """Who burns in place of `i`; in that of a locked one rather one that did not close than none."""
        equal = [j for j in resting if self._equal(i, j)]
        whole = [j for j in equal if not self._out(j)]
        free = [j for j in equal if self.circuits[j].frozen is None] if self.circuits[i].frozen is False else []
        return next(iter([*whole, *free]), None)

    def _equal(self, i: int, j: int) -> bool:
        return self.circuits[i].watts == self.circuits[j].watts

    def _fits(self, lit: list[int]) -> bool:
        """Whether these circuits are what a level would burn: as many of each size as its places have."""
        places = self._order[: len(lit)]
        return sorted(self.circuits[i].watts for i in lit) == sorted(self.circuits[i].watts for i in places)
