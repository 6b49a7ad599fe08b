"""The irrigation runs that journal.db keeps, read while the controller writes it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import NamedTuple

from edge.core.run_words import WHY
from edge.core.topics import rfc3339

MOST_ZONES = 1000  # of one answer
_RUN = "id, program, user, cause, slot, started, ended, outcome, why"
_ZONE = "id, run, valve, planned_s, planned_l, done_s, litres, started, ended, outcome, why"
_BETWEEN = f"""
    SELECT {_RUN} FROM runs WHERE slot >= ?1 AND slot < ?2
    AND (?3 IS NULL OR EXISTS (SELECT 1 FROM zones WHERE run = runs.id AND valve = ?3)) ORDER BY slot DESC, id DESC
"""  # noqa: S608 - constants
_BOTH = ", ".join([f"zones.{name}" for name in _ZONE.split(", ")] + [f"runs.{name}" for name in _RUN.split(", ")])
_SHARES = f"""
    SELECT {_BOTH}
    FROM zones JOIN runs ON runs.id = zones.run
    WHERE valve = ?1 AND coalesce(zones.started, slot) >= ?2 AND coalesce(zones.started, slot) < ?3
    ORDER BY coalesce(zones.started, slot), slot, zones.id
"""  # noqa: S608 - constants


class Zone(NamedTuple):
    """One valve's share of a run: times in Unix s, `planned_s` and `done_s` in seconds of water, `planned_l` and
    `litres` in litres; None: not planned by that, not begun, not over, nothing counted."""

    id: str
    run: str
    valve: str
    planned_s: float | None
    planned_l: float | None
    done_s: float
    litres: float | None
    started: float | None
    ended: float | None
    outcome: str | None
    why: str

    @property
    def place(self) -> int:
        """Which zone of its run it is, as rows number them; 0 for a row that nobody could have written."""
        number = self.id.rpartition("/")[2]
        return int(number) if number.isdecimal() else 0

    def told(self) -> dict[str, object]:
        """As an answer has it."""
        return {
            "valve": self.valve, "planned_s": _rounded(self.planned_s), "planned_l": _rounded(self.planned_l),
            "done_s": _rounded(self.done_s), "litres": _rounded(self.litres), "started": _stamp(self.started),
            "ended": _stamp(self.ended), "outcome": self.outcome, **_why(self.why),
        }


class Run(NamedTuple):
    """A run: `slot` is when it was due (Unix s); `program` or `user` says whose it is."""

    id: str
    program: str | None
    user: str | None
    cause: str
    slot: float
    started: float | None
    ended: float | None
    outcome: str | None
    why: str

    def told(self, zones: list[Zone]) -> dict[str, object]:
        """As an answer has it, with all its zones in their order."""
        return {
            "id": self.id, "program": self.program, "user": self.user, "cause": self.cause, "slot": rfc3339(self.slot),
            "started": _stamp(self.started), "ended": _stamp(self.ended), "outcome": self.outcome, **_why(self.why),
            "zones": [zone.told() for zone in zones],
        }


class Share(NamedTuple):
    """A zone, and the run that it is of."""

    zone: Zone
    run: Run

    @property
    def at(self) -> float:
        """When it was watered; where it was not, when it was due (Unix s)."""
        return self.run.slot if self.zone.started is None else self.zone.started


def runs_between(
    db: sqlite3.Connection, start: float, end: float, valve: str | None = None
) -> tuple[list[dict[str, object]], bool]:
    """The runs that were due from `start` up to before `end` (Unix s), the newest first, as answers have them; and
    whether there are more than have MOST_ZONES zones. `valve` (`valve/<id>`): only those that it has a share in.

    Raises sqlite3.Error.
    """
    found: list[dict[str, object]] = []
    count = 0
    for row in db.execute(_BETWEEN, (start, end, valve)):
        run = Run._make(row)
        zones = [Zone._make(of) for of in db.execute(f"SELECT {_ZONE} FROM zones WHERE run = ?", (run.id,))]  # noqa: S608
        count += max(len(zones), 1)
        if count > MOST_ZONES and found:
            return found, True
        found.append(run.told(sorted(zones, key=lambda zone: zone.place)))
    return found, False


def shares_of(db: sqlite3.Connection, valve: str, start: float, end: float) -> Iterator[Share]:
    """What `valve` (`valve/<id>`) had of runs, begun (or due, where it did not begin) from `start` up to before `end`
    (Unix s), in the order of time. Raises sqlite3.Error."""
    for row in db.execute(_SHARES, (valve, start, end)):
        width = len(Zone._fields)
        yield Share(Zone._make(row[:width]), Run._make(row[width:]))


def _stamp(at: float | None) -> str | None:
    return None if at is None else rfc3339(at)


def _why(code: str) -> dict[str, object]:
    """In both languages; as it is where this version has no words for it, and None where nothing was noted."""
    vi, en = WHY.get(code, (code, code))
    return {"why": en or None, "why_vi": vi or None}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
