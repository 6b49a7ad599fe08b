"""Rows that were under way each time a link broke: halved, until the guilty one is alone. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from edge.core.values import StoredRow

TRIES = 3
MOST = 2_400  # rows: twice what is under way at once


Rows = Sequence[StoredRow]


class Suspects:
    """Which rows are looked at, and what is known of each.

    A row is guilty when it has failed TRIES times alone and others were taken between its first failure and its last:
    where nothing else is taken either, it is the link or the topic and not the row.
    """

    def __init__(self) -> None:
        self._groups: deque[Rows] = deque()
        self._sequences: set[int] = set()
        self._failed: dict[int, tuple[int, int]] = {}  # sequence -> how often alone; how many were taken before that
        self._taken = 0
        self._too_large: list[tuple[int, frozenset[int]]] = []
        self._largest_taken = 0
        self.probe = False  # another row is to be sent first, to see whether anything is taken
        self.probing = False  # it is under way

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._sequences)

    def __contains__(self, sequence: int) -> bool:
        return sequence in self._sequences

    def add(self, rows: Rows, *, first: bool = False) -> None:
        """Look at these rows, after the others or before them."""
        self._sequences.update(row.sequence for row in rows)
        (self._groups.appendleft if first else self._groups.append)(rows)

    def next(self) -> Rows | None:
        """The rows to be sent alone, which are then no longer among those that wait."""
        if not self._groups:
            return None
        if not self.probe or len(self._groups) == 1:
            return self._groups.popleft()
        rows = self._groups.pop()
        if len(rows) > 1:
            self._groups.append(rows[1:])
        self.probing = True
        return rows[:1]

    @property
    def full(self) -> bool:
        """Whether there are so many that none is to be added."""
        return len(self._sequences) >= MOST

    def forget(self, sequence: int) -> None:
        """Look at this row no more."""
        self._sequences.discard(sequence)

    def taken(self, rows: Rows, size: int) -> None:
        """A message of `size` bytes with these rows was taken."""
        self._taken += 1
        self.probe = self.probing = False
        self._largest_taken = max(self._largest_taken, size)
        self._sequences.difference_update(row.sequence for row in rows)

    def failed(self, rows: Rows, size: int) -> tuple[StoredRow | None, bool]:
        """A message with these rows alone was not taken: the guilty row, if it is one; and whether nothing is taken."""
        self._too_large.append((size, frozenset(row.sequence for row in rows)))
        if len(rows) > 1:
            half = (len(rows) + 1) // 2
            self.add(rows[half:], first=True)
            self.add(rows[:half], first=True)
            return None, False
        (row,) = rows
        times, before = self._failed.get(row.sequence, (0, self._taken))
        times += 1
        self._failed[row.sequence] = times, before
        if times >= TRIES and self._taken > before:
            self.forget(row.sequence)
            return row, False
        if self.probing:
            self.add(rows)
            self.probe = self.probing = False  # back to the first
        else:
            self.add(rows, first=True)
            self.probe = self._taken == before
        return None, times >= TRIES

    def too_large(self, guilty: frozenset[int]) -> int | None:
        """How large a message may be at most, by those that failed and whose rows were then all taken in smaller ones.

        `guilty`: rows that explain why a message with them failed. None: nothing speaks for a limit.
        """
        found = [size for size, rows in self._too_large if not rows & guilty and not rows & self._sequences]
        return self._largest_taken if found and 0 < self._largest_taken < min(found) else None
