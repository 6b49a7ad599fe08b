"""What is told of a light: the payload of `<root>/light/<id>/state`."""

from __future__ import annotations

from collections.abc import Sequence

from edge.core import topics
from edge.core.circuits import Circuit
from edge.core.lighting import Forecast, Ladder
from edge.core.limits import Hold
from edge.core.values import Desired, Override, Row


def state(
    desired: Desired, since: float, ladder: Ladder, circuits: Sequence[Circuit], wanted: Sequence[bool],
    override: Override | None, program: str | None, forecast: Forecast | None,
) -> dict[str, object]:
    """All but its `detail`. `since` is Unix time."""
    observed, level = observation(ladder, circuits, wanted)
    return {
        "state": topics.on_off(desired.level > 0),
        "level": desired.level,
        "levels": ladder.levels,
        "observed": observed,
        "observed_level": level,
        "circuits": [
            {"id": c.id, "on": on, "observed": c.observed, "hours": int(c.on_s // 3600)}
            | ({} if c.frozen is None else {"locked": True})
            for c, on in zip(circuits, wanted, strict=True)
        ],
        "reason": desired.reason,
        "until": None if desired.until is None else topics.rfc3339(desired.until),
        "by": override.user if override else None,
        "command": override.command if override else None,
        "program": program,
        "next": None if forecast is None else {
            "at": topics.rfc3339(forecast.at), "level": forecast.level, "reason": forecast.reason
        },
        "since": topics.rfc3339(since),
    }


def observation(ladder: Ladder, circuits: Sequence[Circuit], wanted: Sequence[bool]) -> tuple[str, int | None]:
    """`observed` and `observed_level`; `unknown` and None when any circuit is."""
    seen = [c.observed for c in circuits if c.observed is not None]
    if len(seen) < len(circuits):
        return "unknown", None
    level = ladder.observed(seen)
    if not any(seen):
        return "OFF", level
    return ("ON" if seen == list(wanted) or len(seen) == 1 else "partial"), level


def detail(held: Hold | None, trusted: bool, locks: Sequence[str], circuits: Sequence[Circuit]) -> str | None:
    """What a person needs to understand the state beyond its reason; None: nothing."""
    doubts = [] if trusted else ["the clock is not confirmed"]
    resting = [f"{c.id}: it does not close, another burns for it" for c in circuits if c.avoided]
    errors = [f"{c.id}: {c.error}" for c in circuits if c.error]
    return "; ".join([*([held.why] if held else []), *locks, *doubts, *resting, *errors]) or None


def override_row(override: Override) -> Row:
    """An override as the journal keeps it."""
    until = override.until
    return {
        "level": override.level,
        "until_wall": until.wall if until else None,
        "until_mono": until.mono if until else None,
        "until_boot": until.boot if until else None,
        "user": override.user,
        "command": override.command,
        "at": override.at,
    }
