"""The request `plan`: what the lights and the valves will do, asked of the controller itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from edge.core import topics
from edge.core.light_unit import LightUnit
from edge.core.occurrences import Occurrence, WaterCalendar
from edge.core.plan import Coming
from edge.core.schedule import Calendar
from edge.core.values import Moment, Request

MOST_DAYS = 31
FIELDS = frozenset({"id", "reply_to", "device", "days"})

PutOff = Callable[[Moment], tuple[float, str] | None]  # until when (Unix s) watering is put off, and by whom


class PlanDesk:
    """Answers for these lights and valves (`valve/<id>`), by the programs in force."""

    def __init__(
        self, lights: Sequence[LightUnit], calendar: Calendar, valves: Sequence[str], water: WaterCalendar,
        put_off: PutOff,
    ) -> None:
        self._lights = {light.target: light for light in lights}
        self._calendar = calendar
        self._valves = valves
        self._water = water
        self._put_off = put_off

    def answer(self, request: Request, moment: Moment) -> dict[str, object]:
        """The coming changes of lights in order of time, and which are `held` by what, so that nothing is planned; and
        the `runs` that fall due, whatever rain and soil will say then; `put_off`, if somebody put watering off."""
        fields = request.fields
        if unknown := fields.keys() - FIELDS:
            return _refused("unknown-field", f"{ascii(min(unknown))[:40]}: plan has {', '.join(sorted(FIELDS))}")
        days, device = fields.get("days", 2), fields.get("device", "all")
        if type(days) is not int or not 1 <= days <= MOST_DAYS:
            return _refused("bad-value", f"days must be a whole number from 1 to {MOST_DAYS}")
        known = ["all", *self._lights, *self._valves]
        if not isinstance(device, str) or device not in known:
            return _refused("unknown-device", f"device must be all, or one of {', '.join(known[1:])}")
        asked = [light for name, light in self._lights.items() if device in ("all", name)]
        end = moment.wall + days * 86400
        changes = [change for light in asked for change in light.planned(self._calendar, moment, end)]
        changes.sort(key=lambda change: (change.at, change.device))
        held = [{"device": light.target, "reason": why} for light in asked if (why := light.held(moment)) is not None]
        runs = [run for due in self._water.coming(moment.wall, end) if (run := run_words(due, device))["zones"]]
        return {
            "ok": True, "trusted": moment.trusted, "changes": [words(change) for change in changes], "held": held,
            "runs": runs, "put_off": put_off_words(self._put_off(moment)),
        }


def words(change: Coming) -> Mapping[str, object]:
    """One change as it is told."""
    return {
        "at": topics.rfc3339(change.at), "device": change.device, "level": change.level, "circuits": change.circuits,
        "reason": "program", "program": change.program, "step": change.step, "rule": change.rule,
        "within_s": change.within_s,
    }


def run_words(due: Occurrence, device: str) -> dict[str, object]:
    """One run as it is told, with its zones of `device` (`valve/<id>`, or all). `by_soil`: it begins between `at` and
    `until`, when a zone is dry, if any is."""
    zones = [
        {"device": share.valve, "for_s": share.for_s, "volume_l": share.volume_l}
        for share in due.shares if device in ("all", share.valve)
    ]  # fmt: skip
    return {
        "at": topics.rfc3339(due.due), "until": topics.rfc3339(due.until), "latest_end": topics.rfc3339(due.latest_end),
        "run": due.id, "program": due.program, "by_soil": due.by_soil, "zones": zones,
    }


def put_off_words(put_off: tuple[float, str] | None) -> dict[str, object] | None:
    """That watering is put off, as it is told."""
    return None if put_off is None else {"until": topics.rfc3339(put_off[0]), "by": put_off[1]}


def _refused(code: str, text: str) -> dict[str, object]:
    return {"ok": False, **topics.error(code, text)}
