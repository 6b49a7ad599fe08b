"""Rows that go to a server by requests, one at a time: how many, which, and what each answer means for them.

A request is answered for all of its rows at once. Where the answer is that some row is wrong it is halved down to the
one, which is set aside once it was refused alone three times while others were taken: a server that takes nothing at
all says something of itself, and not of the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Generic, Literal, Protocol, TypeVar

MOST_ROWS = 1000
FIRST_ROWS = 100
FEWEST_ROWS = 10  # a link that does not carry so few in the time of an answer counts as none
TRIES = 3
AGAIN_S = 10.0
HELD_UP_S = 60.0
MOST_DOUBTFUL = 100

Verdict = Literal["taken", "later", "refused", "rows"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said to a request: its HTTP `status`, or 0 where none came, and its own words.

    `wait_s`: how long it asks to be left alone. `distrusted`: nothing was sent to it, as it is not shown to be who it
    says. `slow`: it was there, and no answer came in time.
    """

    status: int
    words: str = ""
    wait_s: float = 0.0
    distrusted: bool = False
    slow: bool = False


def judged(answer: Answer) -> Verdict:
    """What becomes of the rows: they are there; they can be sent again later; nothing can be until somebody mends what
    is wrong; or some of them are wrong.

    Only 204 is a row that was kept: 200 is what the login page of a foreign network says to everything. 422 is
    InfluxDB's for rows older than the bucket keeps.
    """
    if answer.status == 204:
        return "taken"
    if answer.status in (400, 413, 422):
        return "rows"
    if answer.status in (0, 408, 425, 429) or answer.status >= 500:
        return "refused" if answer.distrusted else "later"
    return "refused"


class Numbered(Protocol):
    """A row of the history."""

    @property
    def sequence(self) -> int:
        """Its number, from 1."""


R = TypeVar("R", bound=Numbered)


@dataclass(slots=True)
class _Doubt(Generic[R]):
    row: R
    words: str
    taken_before: int  # requests that had been taken when it was first sent
    tries: int = 0
    not_before: float = 0.0  # monotonic s


class Parcels(Generic[R]):
    """Which rows go into the next request, one request at a time. Keeps only what is on its way or in doubt."""

    def __init__(self) -> None:
        self._most = FIRST_ROWS
        self._halves: list[list[R]] = []
        self._doubts: dict[int, _Doubt[R]] = {}
        self._taken = self._taken_before = 0
        self._sent: list[R] = []

    @property
    def held_up(self) -> str | None:
        """The server's words, where rows were refused again and again and none was taken since; else None."""
        return next((doubt.words for doubt in self._doubts.values() if doubt.tries > TRIES), None)

    @property
    def wake(self) -> float | None:
        """The monotonic time at which a row in doubt is tried again; None: none is."""
        return min((doubt.not_before for doubt in self._doubts.values()), default=None)

    def due(self, mono: float) -> bool:
        """Whether there is something to send beside what is pending."""
        return bool(self._halves) or any(doubt.not_before <= mono for doubt in self._doubts.values())

    def next(self, mono: float, pending: Callable[[int, Collection[int]], list[R]]) -> list[R]:
        """The rows of the next request; none: there is nothing to send now.

        `pending` gives at most so many rows that are still to be sent, but for those with the given numbers.
        """
        if not self._halves:
            doubt = next((doubt for doubt in self._doubts.values() if doubt.not_before <= mono), None)
            if doubt is not None:
                self._halves.append([doubt.row])
            elif len(self._doubts) < MOST_DOUBTFUL:
                self._taken_before = self._taken
                self._halves.append(pending(self._most, self._doubts.keys()))
        self._sent = self._halves.pop() if self._halves else []
        return self._sent

    def taken(self) -> list[R]:
        """The request was taken: the rows that arrived with it."""
        rows, self._sent = self._sent, []
        self._taken += 1
        if len(rows) >= self._most:
            self._most = min(self._most * 2, MOST_ROWS)
        for row in rows:
            self._doubts.pop(row.sequence, None)
        for doubt in self._doubts.values():
            if doubt.tries >= TRIES:  # nobody had vouched for the server; once more, now that a row was taken
                doubt.not_before = float("-inf")
        return rows

    def refused_rows(self, words: str, mono: float, too_large: bool = False) -> R | None:
        """The request was refused for a row in it: the row that is to be set aside for these words, if one is."""
        rows, self._sent = self._sent, []
        middle = len(rows) // 2
        if too_large:
            self._most = max(middle, 1)
        if middle:
            self._halves += [rows[middle:], rows[:middle]]
            return None
        (row,) = rows
        doubt = self._doubts.pop(row.sequence, None) or _Doubt(row, words, self._taken_before)
        doubt.words, doubt.tries = words, doubt.tries + 1
        if doubt.tries >= TRIES and self._taken > doubt.taken_before:
            return row
        doubt.not_before = mono + (AGAIN_S if doubt.tries < TRIES else HELD_UP_S)
        self._doubts[row.sequence] = doubt  # behind the others: each of them gets its turn
        return None

    def back(self, slow: bool = False) -> None:
        """No answer for the rows themselves: they are pending again. `slow`: the request was too much for the link."""
        if slow:
            self._most = max(min(self._most, len(self._sent)) // 2, FEWEST_ROWS)
        self._sent = []
        self._halves.clear()
