"""What a switch is wanted to be and why, and the payload of `<root>/switch/<id>/state`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeGuard

from edge.core import topics
from edge.core.lockout import Lockout
from edge.core.values import Deadline, Moment, Override, Reason


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a switch should be now, why, and until when (Unix s; None: nobody knows). `detail` is for people."""

    on: bool
    reason: Reason
    until: float | None = None
    detail: str = ""


def state(
    wanted: Wanted, since: float, seen: bool | None, override: Override | None, lock: Lockout | None,
    program: str | None,
) -> dict[str, object]:
    """All but its `detail`. `since` is Unix time; `override` is the one that is in force."""
    return {
        "state": topics.on_off(wanted.on),
        "observed": topics.on_off(seen),
        "reason": wanted.reason,
        "until": None if wanted.until is None else topics.rfc3339(wanted.until),
        "by": lock.user if lock else override.user if override else None,
        "command": override.command if override else None,
        "program": program,
        "next": None,
        "since": topics.rfc3339(since),
    }


def ahead(end: Deadline | None, moment: Moment) -> TypeGuard[Deadline]:
    """Whether there is such an end and it has not been reached."""
    return end is not None and not end.passed(moment)
