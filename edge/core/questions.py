"""What can be asked of the history, of the journal and of the serial ports: well-formed questions. Times are Unix
seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Period = Literal["hour", "day", "month", "billing"]


@dataclass(frozen=True, slots=True)
class HistoryQuestion:
    """The figures of one `quantity` of `device` from `start` up to before `end`, one for each `step_s` seconds."""

    device: str
    quantity: str
    start: float
    end: float
    step_s: float


@dataclass(frozen=True, slots=True)
class EnergyQuestion:
    """What `meter` (`meter/<id>`) counted and what that costs, by period, for every period that touches the time from
    `start` up to before `end`."""

    meter: str
    period: Period
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class AuditQuestion:
    """Who did what from `start` up to before `end`; of one `device` (`<kind>/<id>`), or of all."""

    start: float
    end: float
    device: str | None


@dataclass(frozen=True, slots=True)
class RunsQuestion:
    """The irrigation runs that were due from `start` up to before `end`, or in the last LATELY_S where neither is
    given; those that one `valve` (`valve/<id>`) has a share in, or all."""

    start: float | None
    end: float | None
    valve: str | None


@dataclass(frozen=True, slots=True)
class ReplayQuestion:
    """The rows from sequence `first` to `last`, both included, once more."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class BusQuestion:
    """How the exchanges on every serial port have gone."""


LATELY_S = 7 * 86400.0
Question = HistoryQuestion | EnergyQuestion | AuditQuestion | RunsQuestion | ReplayQuestion | BusQuestion
