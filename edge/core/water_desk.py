"""What requests change in irrigation: `stop-water`, `rain-delay`, and alarms that keep something shut until seen."""

from __future__ import annotations

from collections.abc import Sequence

from edge.core import topics
from edge.core.commands import FURTHEST_UNTIL_S
from edge.core.events import Effect
from edge.core.values import Moment, Request
from edge.core.waterworks import Waterworks

NAMES = ("stop-water", "rain-delay")
UNBLOCKING = frozenset({"flow-none", "flow-high", "leak"})
OWN = frozenset({"id", "reply_to"})

Answered = tuple[dict[str, object], Sequence[Effect]]  # what is told, and what it does


class WaterDesk:
    """Raises topics.BadError for what cannot be met."""

    def __init__(self, water: Waterworks) -> None:
        self._water = water

    def answer(self, request: Request, moment: Moment) -> Answered:
        """One of NAMES."""
        return self._stop(moment) if request.name == "stop-water" else self._put_off(request, moment)

    def acknowledged(self, alarm: str, moment: Moment) -> list[Effect]:
        """The alarm `<alarm kind>:<kind>:<id>` was seen by a person: what it keeps shut may open again."""
        kind, _, device = alarm.partition(":")
        if kind not in UNBLOCKING:
            return []
        return self._water.acknowledged(kind, device.replace(":", "/"), moment)

    def _stop(self, moment: Moment) -> Answered:
        """Everything closes and every run ends, whatever else the request says: an OFF always works."""
        ids, effects = self._water.stop_all(moment)
        return {"ok": True, "cancelled": ids}, effects

    def _put_off(self, request: Request, moment: Moment) -> Answered:
        topics.only(request.fields, OWN | {"until", "for_s"}, request.name)
        for_s = topics.number(request.fields, "for_s", 1, topics.LONGEST_FOR_S)
        until = topics.wall_time(request.fields, "until")
        if for_s is not None and until is not None:
            raise topics.BadError("bad-value", "write for_s or until, or neither of them to end it")
        if until is not None and not moment.wall < until <= moment.wall + FURTHEST_UNTIL_S:
            raise topics.BadError("bad-value", "until must lie in the future, within a year")
        end = until if for_s is None else moment.wall + for_s
        effects = self._water.put_off(end, request.user, moment)
        return {"ok": True, "until": None if end is None else topics.rfc3339(end)}, effects
