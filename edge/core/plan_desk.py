"""The request `plan`: what the lights will do, asked of the controller itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edge.core import topics
from edge.core.light_unit import LightUnit
from edge.core.plan import Coming
from edge.core.schedule import Calendar
from edge.core.values import Moment, Request

MOST_DAYS = 31
FIELDS = frozenset({"id", "reply_to", "device", "days"})


class PlanDesk:
    """Answers for these lights, by the programs in force."""

    def __init__(self, lights: Sequence[LightUnit], calendar: Calendar) -> None:
        self._lights = {light.target: light for light in lights}
        self._calendar = calendar

    def answer(self, request: Request, moment: Moment) -> dict[str, object]:
        """The coming changes in order of time; and which lights are `held` by what, so that nothing is planned."""
        fields = request.fields
        if unknown := fields.keys() - FIELDS:
            return _refused("unknown-field", f"{ascii(min(unknown))[:40]}: plan has {', '.join(sorted(FIELDS))}")
        days, device = fields.get("days", 2), fields.get("device", "all")
        if type(days) is not int or not 1 <= days <= MOST_DAYS:
            return _refused("bad-value", f"days must be a whole number from 1 to {MOST_DAYS}")
        if not isinstance(device, str) or (device != "all" and device not in self._lights):
            return _refused("unknown-device", f"device must be all, or one of {', '.join(self._lights)}")
        asked = [light for name, light in self._lights.items() if device in ("all", name)]
        end = moment.wall + days * 86400
        changes = [change for light in asked for change in light.planned(self._calendar, moment, end)]
        changes.sort(key=lambda change: (change.at, change.device))
        held = [{"device": light.target, "reason": why} for light in asked if (why := light.held(moment)) is not None]
        return {"ok": True, "trusted": moment.trusted, "changes": [words(change) for change in changes], "held": held}


def words(change: Coming) -> Mapping[str, object]:
    """One change as it is told."""
    return {
        "at": topics.rfc3339(change.at), "device": change.device, "level": change.level, "circuits": change.circuits,
        "reason": "program", "program": change.program, "step": change.step, "rule": change.rule,
        "within_s": change.within_s,
    }


def _refused(code: str, text: str) -> dict[str, object]:
    return {"ok": False, **topics.error(code, text)}
