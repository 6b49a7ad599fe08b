"""What may be believed of the wall clock when nobody vouches for it."""

from __future__ import annotations

from edge.core.events import Effect, Persist
from edge.core.values import Moment

REMEMBER_EVERY_S = 900.0


class KnownTime:
    """The latest time that was known to be right, kept in the journal.

    An unconfirmed clock that shows an earlier one is certainly wrong.
    """

    def __init__(self, wall: float) -> None:
        """`wall`: what the journal kept, Unix s; 0 if nothing."""
        self._wall = wall
        self._kept_at: float | None = None

    def catches_up_at(self, moment: Moment) -> float | None:
        """The time (Unix s) until which the clock shows what has already been; None if it shows a later one."""
        return self._wall if not moment.trusted and moment.wall < self._wall else None

    def note(self, moment: Moment) -> list[Effect]:
        """Take a confirmed time as known; into the journal now and then."""
        if not moment.trusted:
            return []
        self._wall = moment.wall
        if self._kept_at is not None and moment.mono < self._kept_at + REMEMBER_EVERY_S:
            return []
        self._kept_at = moment.mono
        return [Persist(("clock", "known"), {"wall": moment.wall})]
