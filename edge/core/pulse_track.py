"""The pulses of one flow input as times: what came when, what of it is to be believed, and how fast it flows.

Between two pulses exactly as many litres flowed as pulses came, whatever their number to the litre: rates are taken
from pulse to pulse, not by the clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from edge.core.events import PulsesCounted

SILENT_S, SILENT_LOOKS = 15.0, 3.0  # a contact that is read is told of every 5 s
MOST_PER_S = 1000.0  # no water meter gives more pulses
KEEP_S = 900.0
SHORT_S = 0.5  # the least time that a look's pulses are taken to have come in
SPIKE = 4.0  # times what all valves together let through: seen in one look alone it is no water


@dataclass(frozen=True, slots=True)
class Mark:
    """So many pulses came up to `at` (monotonic s), the last of them then."""

    at: float
    new: int


class Track:
    """What a contact counted. What comes before `clean_since` (monotonic s) is no evidence: the counter had jumped,
    begun anew, or was not heard."""

    def __init__(self, pulses_per_l: float, look_every_s: float = 1.0) -> None:
        self.per_l = pulses_per_l
        self._silent_s = max(SILENT_S, SILENT_LOOKS * look_every_s)
        self.clean_since = float("-inf")
        self.looked_at: float | None = None  # monotonic, of the last look
        self.last_at: float | None = None  # monotonic, of the last pulse that was believed
        self._count: int | None = None
        self._per_s = 0.0  # of the last look
        self._marks: deque[Mark] = deque()

    def take(self, event: PulsesCounted, most_l_min: float) -> tuple[int, float, float] | None:
        """Take note of a look: how many pulses are new, after when and up to when (monotonic s) they came.

        None: none, or none that water can have made. `most_l_min`: what all valves together let through.
        """
        before, self._count = self._count, event.count
        since, self.looked_at = self.looked_at, event.at
        if before is None or since is None:
            self.clean_since = event.at
            return None
        took = max(event.at - since, 0.0)
        new = event.count - before if event.count >= before else event.count
        if event.count < before or took > self._silent_s:
            self.clean_since = event.at
        if self._is_spike(new, max(took, SHORT_S), most_l_min):
            self.clean_since = event.at
            return None
        if not new:
            return None
        last = event.at if event.last_at is None else min(max(event.last_at, since), event.at)
        self.last_at = last
        self._marks.append(Mark(last, new))
        while self._marks[0].at < last - KEEP_S:
            self._marks.popleft()
        return new, since, last

    def _is_spike(self, new: int, took: float, most_l_min: float) -> bool:
        """Whether one look has more than pipes let through, and the look before had nothing like it; or more than any
        meter gives."""
        most = 2 + SPIKE * most_l_min / 60 * self.per_l * took
        before, self._per_s = self._per_s, new / took
        return new > MOST_PER_S * took or (new > most and before < self._per_s / 2)

    def heard(self, mono: float) -> bool:
        """Whether the contact is being read."""
        return self.looked_at is not None and mono < self.looked_at + self._silent_s

    def pulses(self, after: float, until: float = float("inf")) -> int:
        """How many came later than `after` and up to `until`."""
        return sum(mark.new for mark in self._between(after, until))

    def steady(self, after: float, until: float = float("inf")) -> int:
        """As `pulses`, but the look that brought most counts as the next smaller one: one alone proves nothing."""
        found = sorted((mark.new for mark in self._between(after, until)), reverse=True)
        return sum(found[1:]) + found[1] if len(found) > 1 else 0

    def span(self, after: float) -> float:
        """Seconds between the first and the last of the looks after `after` that had pulses."""
        found = [mark.at for mark in self._between(after, float("inf"))]
        return found[0] - found[-1] if found else 0.0

    def back(self, seconds: float, not_before: float) -> float | None:
        """The last pulse known that lies `seconds` or more before the newest, and not before that time."""
        if self.last_at is None:
            return None
        for mark in reversed(self._marks):
            if mark.at < not_before:
                return None
            if mark.at <= self.last_at - seconds:
                return mark.at
        return None

    def l_min(self, pulses: float, seconds: float) -> float:
        """The flow that so many pulses in that time are."""
        return pulses / self.per_l / seconds * 60

    def _between(self, after: float, until: float) -> Iterator[Mark]:
        for mark in reversed(self._marks):
            if mark.at <= after:
                return
            if mark.at <= until:
                yield mark
