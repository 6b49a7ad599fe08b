"""What the history's thread does now and then beside writing rows: jobs by the calendar, in small pieces."""

from __future__ import annotations

import datetime as dt
import math
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

from edge.core.values import Moment

SETTLED_S = 1.0  # a wall clock that went back by more than this was set


@dataclass(frozen=True, slots=True)
class Job:
    """Something that is due by the calendar, and once soon after each start.

    `next` gives the first time (Unix s) after the one it is given. `run` does a piece of some 50 ms at most, inside a
    transaction that is begun and committed around it, and says whether more is left; the next piece follows when rows
    that are due are written. It may be run again at any time, for whatever failed is rolled back and tried at the next
    time it is due. `any_clock`: also while nobody vouches for the time.
    """

    name: str
    next: Callable[[float], float]
    run: Callable[[sqlite3.Connection, Moment], bool]
    any_clock: bool = False


def calendar(zone: str, **fields: str) -> Callable[[float], float]:
    """`Job.next` of a cron expression in the time of `zone`: calendar("Asia/Ho_Chi_Minh", hour="*", minute="2")."""
    place = ZoneInfo(zone)
    trigger = CronTrigger(timezone=place, **fields)

    def following(wall: float) -> float:
        found = trigger.get_next_fire_time(None, dt.datetime.fromtimestamp(math.floor(wall) + 1, place))
        assert found is not None, "a cron expression that never comes"
        return float(found.timestamp())

    return following


class Housekeeping:
    """Which job is due. Times are by the wall clock: one that is set back is reckoned with anew."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._jobs = list(jobs)
        self._due: dict[str, float] = {job.name: -math.inf for job in jobs}
        self._wall = -math.inf

    def due(self, moment: Moment) -> Job | None:
        """The job that has waited longest, or None."""
        if moment.wall < self._wall - SETTLED_S:
            self._due = {job.name: min(self._due[job.name], job.next(moment.wall)) for job in self._jobs}
        self._wall = moment.wall
        waiting = [j for j in self._jobs if self._due[j.name] <= moment.wall and (j.any_clock or moment.trusted)]
        return min(waiting, key=lambda job: self._due[job.name], default=None)

    def done(self, job: Job, moment: Moment) -> None:
        """All of it was done, or it failed: it is due again at its next time."""
        self._due[job.name] = job.next(moment.wall)

    def wakeup(self, moment: Moment) -> float:
        """The monotonic time (s) at which a job is next due."""
        due = min((self._due[j.name] for j in self._jobs if j.any_clock or moment.trusted), default=math.inf)
        return moment.mono_at(due) if due > -math.inf else moment.mono
