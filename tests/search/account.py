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
KEPT_S = 930.0  # burning hours are kept every 900 s, and are on the disk half a minute later
TOLD_S = 30.0  # an alarm of a contact is told within so many seconds
FURTHEST_AIM_S = 4 * 3600.0
LONGEST_BACKOFF_S = 60.0

Action = list[Any]  # a name and what goes with it: JSON


class Violation(AssertionError):
    """An invariant does not hold: its name, and what was seen."""

    def __init__(self, invariant: str, seen: str) -> None:
        super().__init__(f"{invariant}: {seen}")
        self.invariant = invariant


@dataclass(slots=True)
class Over:
    """An override as it was accepted. `until` Unix s (inf: AUTO), `mono` of `boot` for one that was given a duration.
    `in_hand`: it came while the cabinet's switch stood on hand, where it still stands; None: that is not known."""

    level: int
    until: float
    mono: float | None
    boot: str
    user: str
    in_hand: bool | None = False

    def ended(self, now: Moment) -> bool:
        """Whether its end has been reached."""
        return now.mono >= self.mono if self.mono is not None and self.boot == now.boot else now.wall >= self.until

    def left(self, now: Moment) -> float:
        """Seconds to its end if nobody touches the clock."""
        return self.mono - now.mono if self.mono is not None and self.boot == now.boot else self.until - now.wall


class Wanted(NamedTuple):
    """The level that should be (None: it cannot be known), why, and for how many seconds from now."""

    level: int | None
    reason: str
    for_s: float


@dataclass(slots=True)
class Lock:
    """A lockout: whose, and which circuits (by their place) it keeps on; None: what that one was told is not known.
    `due`: something was to be switched in the moment in which it came."""

    user: str
    on: dict[int, bool | None]
    due: bool = False


class Edge(NamedTuple):
    """A circuit changed at `at` (village s)."""

    at: float
    on: bool


@dataclass(slots=True)
class Circuit:
    """One output: its line, and what it did in this boot; `started` is how many edges there were at the process's start.
    `feedback`: its contactor's contact as (pin, active level). `burnt_s` in this process's life, after the `kept_s` that
    were on the card. `was_on`: when the core last stood still."""

    n: int
    watts: float
    pin: int
    active: int
    feedback: tuple[int, int] | None = None
    on: bool = False
    edges: list[Edge] = field(default_factory=list)
    started: int = 0
    upset_at: float = -math.inf  # something else moved or took the line
    taken_until: float = -math.inf
    kept_s: float = 0.0
    burnt_s: float = 0.0
    counted_at: float = 0.0
    was_on: bool = False

    def count(self, at: float) -> None:
        """Burning time up to `at`."""
        if self.on:
            self.burnt_s += at - self.counted_at
        self.counted_at = at


@dataclass(slots=True)
class Light:
    """One light as configured; the override and the lockouts that should be in force, by circuit (None: the whole).

    `order`: in which order levels take the circuits, since `night` (None: not known, only how many burn is); `vague`:
    nights in which it is not what the rule says even after none or all have burnt. `level`: the last one wanted;
    `unsure`: those that may have been since it was last certain, and when. `doubtful`: a contactor seemed to be open when
    it was last looked at. `told_at_once`: a command came since the core last stood still, so that another in the same
    moment finds it in motion.
    """

    name: str
    keys: list[str]
    levels: list[int]
    circuits: list[Circuit]
    group: str
    restrike_s: float
    program: str | None
    rotates: bool
    by_hand: bool
    over: Over | None = None
    upset_until: float = -math.inf
    ended_at: float = -math.inf
    locks: dict[int | None, Lock] = field(default_factory=dict)
    level: int | None = None
    order: list[int] | None = None
    night: int = 0
    vague: set[int] = field(default_factory=set)
    doubtful: bool = False
    told_at_once: bool = False
    unsure: list[tuple[int | None, Moment]] = field(default_factory=list)

    @property
    def watts(self) -> list[float]:
        """Of its circuits."""
        return [circuit.watts for circuit in self.circuits]

    def frozen(self) -> list[bool | None]:
        """What each circuit that is locked stays at; None for those that are not."""
        stays: list[bool | None] = [None] * len(self.circuits)
        for lock in self.locks.values():
            for i, on in lock.on.items():
                stays[i] = bool(on) and stays[i] is not False
        return stays

    def doubtful_locks(self) -> bool:
        """Whether it is not known of some locked circuit at what it stays."""
        return any(on is None for lock in self.locks.values() for on in lock.on.values())


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


def light_of(name: str, config: dict[str, Any], by_hand: bool) -> Light:
    wiring = config["circuits"]
    circuits = [
        Circuit(
            n, c["lamps"] * c["lamp_w"], c["output"]["gpio"], int(c["output"]["active"] == "high"),
            (c["feedback"]["gpio"], int(c["feedback"]["active"] == "high")) if "feedback" in c else None,
        )
        for n, c in enumerate(wiring.values())
    ]
    return Light(
        name, list(wiring), rungs([c.watts for c in circuits]), circuits, config.get("meter") or f"light {name}",
        seconds_of(config["restrike"]), config.get("program"), config["rotate"], by_hand,
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

