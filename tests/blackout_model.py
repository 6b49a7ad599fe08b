"""What a village was told before its power went: timetables, orders that outlive a cut, and what its card has of them."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harm_house import copied

STEP_MIN = 3  # so often the lights' programs move them
FUZZ_S = 1.5  # so near to a step either level is right
Line = int | str  # a GPIO line or a board's coil
PUMP, PLOT_1, PLOT_2 = 24, 25, 12
LANES, FAN = "cabinet-board/0", "cabinet-board/1"
FIELD: dict[Line, str] = {
    PUMP: "pump/pump-1",
    PLOT_1: "valve/plot-1",
    PLOT_2: "valve/plot-2",
    4: "valve/plot-3",
    18: "valve/plot-4",
    FAN: "the fan",
}
VALVES = set(FIELD) - {PUMP, FAN}
VIETNAM_S = 7 * 3600  # east of Greenwich, all year


@dataclass(frozen=True)
class Timetable:
    """Levels by the minute of the day; each holds until the next, over midnight too."""

    steps: tuple[tuple[int, int], ...]

    @classmethod
    def around(cls, wall: float, levels: tuple[int, ...]) -> Timetable:
        """A step every STEP_MIN minutes from a little before `wall` on, for two hours."""
        first = int((wall + VIETNAM_S) % 86400 / 60) - STEP_MIN
        minutes = [(first + n * STEP_MIN) % 1440 for n in range(120 // STEP_MIN)]
        return cls(tuple(sorted((minute, levels[n % len(levels)]) for n, minute in enumerate(minutes))))

    def level(self, wall: float) -> int:
        """The level at a time."""
        minute = (wall + VIETNAM_S) % 86400 / 60
        return next((level for at, level in reversed(self.steps) if at <= minute), self.steps[-1][1])

    def next_step(self, wall: float) -> float:
        """When the step after `wall` is."""
        since_midnight = (wall + VIETNAM_S) % 86400
        return wall + min((at * 60 - since_midnight - 1e-6) % 86400 for at, _ in self.steps)

    def yaml(self) -> str:
        """As a configuration has it."""
        return ", ".join(f'{{at: "{at // 60:02}:{at % 60:02}", level: {level}}}' for at, level in self.steps)


@dataclass(frozen=True)
class Told:
    """What a device was told, from the Unix time `at` on. `override`: level, and its end (Unix s); `held`: so many of its
    lines stay on under the lockout."""

    at: float
    override: tuple[int, float] | None = None
    locked: bool = False
    held: int = 0
    answered: bool = False


@dataclass
class Device:
    """A light, or a valve that can be locked (it has no lines here: what a valve may do is the field's matter)."""

    target: str
    lines: tuple[Line, ...] = ()
    levels: tuple[int, ...] = (0, 100)
    table: Timetable | None = None
    history: list[Told] = field(default_factory=lambda: [Told(0.0)])

    @property
    def told(self) -> Told:
        """What it was told last."""
        return self.history[-1]

    def tell(self, **changes: Any) -> None:
        """It is being told so now."""
        self.history.append(replace(self.told, at=time.time(), answered=False, **changes))

    def answer(self) -> None:
        """The controller has answered what it was told last."""
        self.history[-1] = replace(self.told, answered=True)

    def level(self, wall: float, told: Told | None = None) -> int:
        """What it should be at, but for a lockout."""
        assert self.table is not None
        override = (told or self.told).override
        return override[0] if override and wall < override[1] else self.table.level(wall)

    def wanted(self, wall: float, told: Told | None = None) -> int:
        """How many of its lines should be on, from the first."""
        told = told or self.told
        return told.held if told.locked else self.levels.index(self.level(wall, told))

    def wanted_about(self, wall: float) -> set[int]:
        """How many may have been on at a time: a little before or after it, by what it was told then."""
        near = (wall - FUZZ_S, wall, wall + FUZZ_S)
        ends = [*(later.at for later in self.history[1:]), float("inf")]
        valid = [told for told, end in zip(self.history, ends, strict=True) if told.at <= near[2] and end >= near[0]]
        return {self.wanted(at, told) for told in valid for at in near}


@dataclass
class Kept:
    """What the card has."""

    overrides: dict[str, tuple[int, float]] = field(default_factory=dict)
    lockouts: set[str] = field(default_factory=set)
    going: set[str] = field(default_factory=set)  # runs that are not over
    done_s: float = 0.0  # of the run's only zone
    charged_s: float = 0.0  # against the day's hours of plot-1

    @classmethod
    def of(cls, state: Path) -> Kept:
        """What a state directory has; its databases must be whole."""
        with copied(state, "history.db"):
            pass
        with copied(state) as db:
            if db is None:
                return cls()
            overrides = {i: (level, end) for i, level, end in db.execute("SELECT id, level, until_wall FROM overrides")}
            lockouts = {i for (i,) in db.execute("SELECT id FROM lockouts")}
            going = {i for (i,) in db.execute("SELECT id FROM runs WHERE ended IS NULL")}
            zones = "SELECT coalesce(sum(done_s), 0) FROM zones WHERE valve LIKE '%plot-1'"
            charges = db.execute("SELECT charges FROM budgets WHERE id = 'valve/plot-1'").fetchone()
            charged = sum(seconds for _, seconds in json.loads(charges[0])) if charges else 0.0
            return cls(overrides, lockouts, going, db.execute(zones).fetchone()[0], charged)


def configuration(text: str, road: Timetable, lanes: Timetable, now: float) -> str:
    """The example's village with lights that move often and a run that has been due and goes on after any cut.

    Lamps need no rest, the lanes have no meter and so wait for no other circuit, and budgets and pauses of the field are
    such that fifty cuts in a row do not use them up.
    """
    text = text.partition("\nprograms:\n")[0]
    changes = [
        (r"program: street", "program: road-steps\n    rotate: false"),
        (r"program: lanes", "program: lanes-steps"),
        (r"restrike: 60s", "restrike: 0s"),
        (r"(name: Đèn ngõ\n    area: road\n)    meter: cabinet-1\n", r"\1"),
        (
            r"lead: 5s, lag: 3s, max_on: 2h, daily_max: 6h, rest: 60s",
            "lead: 1s, lag: 1s, max_on: 2h, daily_max: 24h, rest: 0s",
        ),
        (r"max_on: 60m, daily_max: 2h", "max_on: 60m, daily_max: 24h"),
        (r", program: cool", ""),
    ]
    for old, new in changes:
        text, done = re.subn(old, new, text)
        assert done, f"the example has no {old}"
    due = int((now + VIETNAM_S) % 86400 / 60 - 2) % 1440
    return text + (
        "\nprograms:\n"
        f"  road-steps: {{kind: light, steps: [{road.yaml()}]}}\n"
        f"  lanes-steps: {{kind: light, steps: [{lanes.yaml()}]}}\n"
        '  evening-off: {kind: light, steps: [{at: "22:00", level: 0}]}\n'
        f'  drip: {{kind: irrigation, start: "{due // 60:02}:{due % 60:02}", zones: [{{plot-1: 20m}}], resume: within 1d}}\n'
    )
