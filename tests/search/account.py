"""What the search knows of lights, overrides and meters: its own account, apart from the controller's."""

from __future__ import annotations

import datetime as dt
import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from search.almanac import DAY_S, rungs

from edge.core.values import Moment

EPS = 5e-3  # nothing is judged so close to a deadline: rounding decides there
APART_S = 10.0
AGAIN_S = 2.0
DOUBT_S = 3600.0
USED_S = 86400.0
YEAR_S = 366 * DAY_S
RETRY_S = 5.0
UNTRUSTED_S = 120.0
SILENT_S = 30.0
KNOWN_S = 900.0
RECENT_S = 70.0  # a round of questions to a meter is over by then
QUIET_S = 120.0
UNMUTED_S = 60.0  # what a mute broker has not acknowledged is sent again before anything else
FURTHEST_AIM_S = 6 * 3600.0
LONGEST_BACKOFF_S = 60.0

Action = list[Any]  # a name and what goes with it: JSON


class Violation(AssertionError):
    """An invariant does not hold: its name, and what was seen."""

    def __init__(self, invariant: str, seen: str) -> None:
        super().__init__(f"{invariant}: {seen}")
        self.invariant = invariant


@dataclass(frozen=True, slots=True)
class Over:
    """An override as it was accepted. `until` Unix s (inf: AUTO), `mono` of `boot` for one that was given a duration."""

    level: int
    until: float
    mono: float | None
    boot: str
    user: str

    def ended(self, now: Moment) -> bool:
        """Whether its end has been reached."""
        return now.mono >= self.mono if self.mono is not None and self.boot == now.boot else now.wall >= self.until

    def left(self, now: Moment) -> float:
        """Seconds to its end if nobody touches the clock."""
        return self.mono - now.mono if self.mono is not None and self.boot == now.boot else self.until - now.wall


class Wanted(NamedTuple):
    """How many circuits should burn (None: either way will do), why, and for how many seconds from now."""

    burning: int | None
    reason: str
    for_s: float


class Edge(NamedTuple):
    """A circuit changed at `at` (village s)."""

    at: float
    on: bool


@dataclass(slots=True)
class Circuit:
    """One output: its line, and what it did in this boot; `started` is how many edges there were at the process's start."""

    pin: int
    active: int
    on: bool = False
    edges: list[Edge] = field(default_factory=list)
    started: int = 0
    upset_at: float = -math.inf  # something else moved or took the line
    taken_until: float = -math.inf


@dataclass(slots=True)
class Light:
    """One light as configured, and the override that should be in force."""

    name: str
    levels: list[int]
    circuits: list[Circuit]
    group: str
    restrike_s: float
    program: str | None
    over: Over | None = None
    upset_until: float = -math.inf
    ended_at: float = -math.inf


@dataclass(slots=True)
class Meter:
    """What was heard of a meter."""

    name: str
    power: deque[tuple[float, float]] = field(default_factory=deque)
    touched_at: float = -math.inf
    said: tuple[int, float] | None = None  # life and energy
    told: dict[str, Any] | None = None
    heard_at: float = -math.inf
    troubled_at: float | None = None


def light_of(name: str, config: dict[str, Any]) -> Light:
    circuits = config["circuits"].values()
    return Light(
        name, rungs([c["lamps"] * c["lamp_w"] for c in circuits]),
        [Circuit(c["output"]["gpio"], int(c["output"]["active"] == "high")) for c in circuits],
        config.get("meter") or f"light {name}", seconds_of(config["restrike"]), config.get("program"),
    )


def latest(journal: Mapping[str, list[tuple[Any, ...]]]) -> float:
    """The latest wall time on the card."""
    return max((row[-1] for table in ("outputs", "meters", "clock") for row in journal[table]), default=0.0)


def seconds_of(text: str) -> float:
    return float(text[:-1]) * {"s": 1, "m": 60}[text[-1]]


def text_of(wall: float) -> str:
    return dt.datetime.fromtimestamp(round(wall, 3), dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def unix(text: str) -> float:
    return dt.datetime.fromisoformat(text).timestamp()

