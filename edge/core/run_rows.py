"""Runs as the journal keeps them: rows of `runs` and `zones`; and what a start makes of those that were not over."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

from edge.core.events import Effect, Persist
from edge.core.irrigation import Cause, Run, Zone
from edge.core.memory import WaterMemory
from edge.core.site import IrrigationProgram
from edge.core.values import Deadline, Moment, Row


def keep(run: Run, moment: Moment) -> list[Effect]:
    """The whole run, with all of its zones."""
    latest = run.latest
    row: Row = {
        "program": run.program, "user": run.user, "cause": run.cause, "slot": run.due, "started": run.started,
        "ended": run.ended, "outcome": run.outcome, "why": run.why, "paused": int(run.paused),
        "latest_wall": latest.wall, "latest_mono": latest.mono, "latest_boot": latest.boot, "at": moment.wall,
    }
    return [Persist(("runs", run.id), row), *(keep_zone(run, zone) for zone in run.zones)]


def keep_zone(run: Run, zone: Zone) -> Effect:
    """One zone as it stands."""
    row: Row = {
        "run": run.id, "valve": zone.valve, "planned_s": zone.planned_s, "planned_l": zone.planned_l,
        "done_s": zone.done_s, "litres": zone.litres, "started": zone.started, "ended": zone.ended,
        "outcome": zone.outcome, "why": zone.why,
    }
    return Persist(("zones", f"{run.id}/{run.zones.index(zone)}"), row)


def recalled(
    memory: WaterMemory, programs: Mapping[str, IrrigationProgram], valves: Collection[str], moment: Moment
) -> tuple[list[Run], list[Run]]:
    """The runs that go on after a start, those of programs first as they were due; and those that end here.

    In the boot in which they were begun all go on. After another a program's goes on as its `resume` has it, once the
    clock is confirmed; a person's never does.
    """
    going: list[Run] = []
    ended: list[Run] = []
    for run_id, row in sorted(memory.runs.items(), key=lambda item: float(item[1]["slot"] or 0)):
        zones = {i: zone for i, zone in memory.zones.items() if zone["run"] == run_id}
        program = programs.get(str(row["program"])) if row["program"] is not None else None
        run = _run(run_id, row, [_zone(zones[i]) for i in sorted(zones, key=_number)], program)
        for zone in run.waiting():
            if zone.valve not in valves:
                zone.end("cut_short" if zone.done_s > 0 else "missed", "removed", moment.wall)
        if run.settle(moment):
            ended.append(run)
        elif run.latest.boot == moment.boot:
            going.append(run)
        elif program is None or program.resume == 0:
            run.break_off("power-cut", moment)
            ended.append(run)
        else:
            run.unconfirmed = True
            going.append(run)
    return going, ended


def confirm(run: Run, moment: Moment) -> None:
    """The clock is right again after a reboot: what is left of the time for the run follows the monotonic clock now.

    A clock that went back meanwhile does not lengthen that beyond what it was at the beginning.
    """
    left = min(run.latest.wall - moment.wall, run.latest.wall - run.due)
    run.latest = Deadline(run.latest.wall, moment.mono + left, moment.boot)
    run.unconfirmed = False


def _run(run_id: str, row: Row, zones: list[Zone], program: IrrigationProgram | None) -> Run:
    mono, boot = row["latest_mono"], row["latest_boot"]
    latest = Deadline(float(row["latest_wall"] or 0), None if mono is None else float(mono), _text(boot))
    causes: dict[str, Cause] = {"soil": "soil", "person": "person"}
    cycle, soak = (None, None) if program is None else (program.cycle, program.soak)
    for zone in zones:
        zone.piece_s = zone.done_s if cycle is None else math.fmod(zone.done_s, cycle)
    return Run(
        run_id, float(row["slot"] or 0), latest, zones, causes.get(str(row["cause"]), "program"),
        _text(row["program"]), _text(row["user"]), cycle, soak or 0.0, _number_or_none(row["started"]),
        paused=bool(row["paused"]),
    )


def _zone(row: Row) -> Zone:
    zone = Zone(
        str(row["valve"]), _number_or_none(row["planned_s"]), _number_or_none(row["planned_l"]),
        float(row["done_s"] or 0), _number_or_none(row["litres"]), _number_or_none(row["started"]),
        _number_or_none(row["ended"]), why=str(row["why"]),
    )
    outcome = row["outcome"]
    for known in ("done", "cut_short", "skipped", "missed", "cancelled", "superseded"):
        if outcome == known:
            zone.outcome = known
    zone.told_s, zone.told_l = zone.done_s, zone.litres
    return zone


def _number(zone_id: str) -> int:
    return int(zone_id.rpartition("/")[2])


def _number_or_none(value: str | float | None) -> float | None:
    return None if value is None else float(value)


def _text(value: str | float | None) -> str | None:
    return None if value is None else str(value)
