"""What is told of valves and pumps: the payloads of `<root>/valve/<id>/state` and `<root>/pump/<id>/state`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edge.core import topics
from edge.core.irrigation import Phase, Run, Zone
from edge.core.values import Deadline, Moment, Reason


@dataclass(frozen=True, slots=True)
class Water:
    """What is wanted of a valve or a pump, why, until when (Unix s), and for whom; `detail` is for a person."""

    on: bool
    reason: Reason
    until: float | None = None
    by: str | None = None
    command: str | None = None
    program: str | None = None
    detail: str = ""


def valve(
    wanted: Water, observed: bool | None, run: Mapping[str, object] | None, following: Mapping[str, object] | None,
    since: float, locked: bool,
) -> dict[str, object]:
    """The payload; `since` is Unix time."""
    state: dict[str, object] = {
        "state": topics.open_closed(wanted.on), "observed": topics.open_closed(observed), "reason": wanted.reason,
        "until": _time(wanted.until), "by": wanted.by, "command": wanted.command, "program": wanted.program,
        "run": run, "next": following, "since": topics.rfc3339(since),
    }
    return state | _more(wanted.detail, locked)


def pump(
    wanted: Water, observed: bool | None, valves: Sequence[str], since: float, locked: bool
) -> dict[str, object]:
    """The payload; `valves` are those seen open, by their ids, `since` is Unix time."""
    state: dict[str, object] = {
        "state": topics.on_off(wanted.on), "observed": topics.on_off(observed), "reason": wanted.reason,
        "until": _time(wanted.until), "by": wanted.by, "command": wanted.command, "since": topics.rfc3339(since),
        "valves": list(valves),
    }
    return state | _more(wanted.detail, locked)


def run_told(run: Run, zone: Zone, phase: Phase) -> dict[str, object]:
    """The run that has a valve, in that valve's state; what is done as of the last checkpoint."""
    return {
        "id": run.id, "zone": run.zones.index(zone) + 1, "zones": len(run.zones), "planned_s": _rounded(zone.planned_s),
        "done_s": round(zone.told_s), "planned_l": _rounded(zone.planned_l),
        "litres": None if zone.told_l is None else round(zone.told_l, 1), "phase": phase,
    }


def ends(kept: Deadline | None, mono: float, moment: Moment) -> Deadline:
    """The end of what waters, as it is told: the one that was told before, unless it has moved by a second."""
    if kept is not None and kept.mono is not None and kept.boot == moment.boot and abs(kept.mono - mono) < 1.0:
        return kept
    return Deadline(moment.wall_at(mono), mono, moment.boot)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _time(wall: float | None) -> str | None:
    return None if wall is None else topics.rfc3339(wall)


def _more(detail: str, locked: bool) -> dict[str, object]:
    return ({"detail": detail} if detail else {}) | ({"locked": True} if locked else {})
