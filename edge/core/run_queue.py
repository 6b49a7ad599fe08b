"""Who may water now: the order in which zones want their valves.

Persons come before programs, and may take a place from a program's zone, which waits and goes on later. Then what
waters goes on; then by due time; within a run in the order of its zones. A zone that soaks, waits or is held lets the
next one go first. A valve belongs to one zone at a time. Pumps, and valves that need none, work side by side.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from edge.core.irrigation import Run, Zone


@dataclass(frozen=True, slots=True)
class Place:
    """A zone that wants its valve open."""

    run: Run
    zone: Zone


def places(runs: Iterable[Run], mono: float) -> list[Place]:
    """The zones that want water now, the first first, each with a valve of its own."""
    wanting = [
        Place(run, zone)
        for run in runs if not run.paused and not run.unconfirmed
        for zone in run.waiting() if zone.soaks_until <= mono
    ]  # fmt: skip
    found: dict[str, Place] = {}
    for place in sorted(wanting, key=_precedence):
        found.setdefault(place.zone.valve, place)
    return list(found.values())


def of_valve(runs: Iterable[Run], valve: str) -> list[Place]:
    """The zones of that valve that are not over, the one whose turn comes first at the head."""
    found = [Place(run, zone) for run in runs for zone in run.waiting() if zone.valve == valve]
    return sorted(found, key=_precedence)


def _precedence(place: Place) -> tuple[bool, bool, float]:
    """Sorting is stable: within a run zones stay in their order."""
    return not place.run.by_person, not place.zone.counts(), place.run.due
