"""For how long an output may be on: at a stretch, and within 24 h of operation. What it may is charged beforehand.

A charge is on the disk before the output is switched on; when it is off again, what it really was takes its place. So a
power cut costs at most what had been charged, and never gives back what was used.
"""

from __future__ import annotations

import json
import math
from collections import deque

from edge.core.events import Effect, Persist
from edge.core.values import Moment, Row

DAY_S = 86_400.0
HOUR_S = 3600.0
KEEP_OPERATED_EVERY_S = 900.0
WRITTEN_WITHIN_S = 10.0  # a charged output is on by then, or is told off again


class Operated:
    """The clock of powered operation: for how long (s) the controller has run under a confirmed clock.

    It never runs faster than the monotonic clock and never goes back within a process; a start goes on from what was
    kept, so it may repeat a quarter of an hour, and budgets are given back that much later.
    """

    def __init__(self, seconds: float) -> None:
        """`seconds`: what the journal kept; 0 if nothing."""
        self._seconds = seconds
        self._seen: Moment | None = None
        self._kept_at: float | None = None

    def now(self, moment: Moment) -> float:
        """What it shows (s). Time counts if the clock was confirmed when last noted, and still is."""
        seen = self._seen
        if seen is None or not (seen.trusted and moment.trusted):
            return self._seconds
        return self._seconds + max(moment.mono - seen.mono, 0.0)

    @property
    def due(self) -> float:
        """When (monotonic s) `note` has something to keep."""
        return -math.inf if self._kept_at is None else self._kept_at + KEEP_OPERATED_EVERY_S

    def note(self, moment: Moment) -> list[Effect]:
        """Time has passed; to be called at each step. Into the journal now and then."""
        self._seconds, self._seen = self.now(moment), moment
        if self._kept_at is None:
            self._kept_at = moment.mono
        if moment.mono < self._kept_at + KEEP_OPERATED_EVERY_S:
            return []
        self._kept_at = moment.mono
        return [Persist(("operated", ""), {"seconds": math.floor(self._seconds * 10) / 10})]


class Budget:
    """The account of one output. `max_on` and `daily_max` in seconds, None: no such limit.

    `on_since`: since when (monotonic s) it is on, `stopped`: when it last went off, of this boot; None: it is not, it
    never was. `until`: up to when it may be on by what is on the disk. Every row is answered by Stored, which `stored`
    is to be told of; while one is missing the account is not `settled` and nothing new may be charged, for whoever
    waits for Stored could not tell which row it was.
    """

    def __init__(self, target: str, max_on: float | None, daily_max: float | None, operated: Operated) -> None:
        self.target = target
        self.on_since: float | None = None
        self.stopped: float | None = None
        self._max_on = math.inf if max_on is None else max_on
        self._daily_max = daily_max
        self._operated = operated
        self._charges: dict[float, tuple[float, float]] = {}  # by the hour: the latest end (s of operation), seconds
        self._off_wall: float | None = None
        self._since: float | None = None  # of the charge that is open, monotonic s
        self._charged = self._covered = 0.0  # of the present stretch, in all: asked for, and on the disk
        self._stretch = 0
        self._unanswered: deque[tuple[int, float]] = deque()

    @property
    def settled(self) -> bool:
        """Whether the journal has all of it."""
        return not self._unanswered

    @property
    def charged(self) -> bool:
        """Whether a charge is open: it is on, or is about to be."""
        return self._since is not None

    @property
    def until(self) -> float:
        """Up to when (monotonic s) it may be on; -inf while it is off."""
        return -math.inf if self.on_since is None else self.on_since + self._covered

    def left(self, moment: Moment) -> float:
        """For how long from now (s, at least 0) it may be on."""
        return max(min(self.stretch_left(moment), self.day_left(moment)), 0.0)

    def stretch_left(self, moment: Moment) -> float:
        """What `max_on` leaves of the present stretch, or of a new one (s)."""
        return self._max_on - self._on_s(moment)

    def day_left(self, moment: Moment) -> float:
        """What `daily_max` leaves of 24 h of operation (s). A charge counts until its end is 24 h ago."""
        if self._daily_max is None:
            return math.inf
        start = self._operated.now(moment) - DAY_S
        return self._daily_max - sum(s for end, s in self._charges.values() if end > start) - self._on_s(moment)

    def charge(self, seconds: float, moment: Moment) -> Persist:
        """Ask for `seconds` from now on, at most what is `left`; while it is on, in place of what was asked before.
        Only while `settled`."""
        if self._since is None:
            self._since = moment.mono
        self._charged = self._on_s(moment) + min(seconds, self.left(moment))
        return self._kept(moment, self._charged)

    def stored(self) -> None:
        """The journal has the oldest row that was not answered yet."""
        if self._unanswered:
            stretch, seconds = self._unanswered.popleft()
            if stretch == self._stretch and self._since is not None:
                self._covered = seconds

    def opened(self, moment: Moment) -> None:
        """It was switched on, as only happens once its charge is on the disk."""
        if self.on_since is None and self._since is not None:
            self.on_since, self._covered = moment.mono, self._charged

    def closed(self, moment: Moment) -> Persist:
        """It was switched off: the charge becomes what it really was, nothing if it never came on."""
        if self.on_since is not None:
            self._spend(self._operated.now(moment), self._on_s(moment))
            self._went_off(moment)
        self._since = self.on_since = None
        self._charged = self._covered = 0.0
        self._stretch += 1
        return self._kept(moment, 0.0)

    def recall(self, row: Row | None, moment: Moment) -> list[Effect]:
        """Take up what the journal kept, at a start that has just switched the output off. A charge that was open ends
        now if it is of this boot, else it stands as a whole. A stop of another boot whose time is not known, or cannot
        be compared, counts as of now."""
        if row is None:
            return []
        same, was_on = row["boot"] == moment.boot, row["on_mono"] is not None
        charges = [(float(end), float(seconds)) for end, seconds in json.loads(str(row["charges"]))]
        if same and was_on and charges:
            charges[-1] = self._operated.now(moment), max(moment.mono - float(row["on_mono"] or 0), 0.0)
        for end, seconds in charges:
            self._spend(end, seconds)
        if was_on:
            self._went_off(moment)
            return [self._kept(moment, 0.0)]
        self._off_wall = None if row["off_wall"] is None else float(row["off_wall"])
        if same and row["off_mono"] is not None:
            self.stopped = float(row["off_mono"])
        elif row["off_mono"] is not None:
            known = self._off_wall is not None and moment.trusted
            self.stopped = min(moment.mono_at(self._off_wall or 0.0), moment.mono) if known else moment.mono
        return []

    def _on_s(self, moment: Moment) -> float:
        return 0.0 if self.on_since is None else max(moment.mono - self.on_since, 0.0)

    def _went_off(self, moment: Moment) -> None:
        self.stopped = moment.mono
        self._off_wall = moment.wall if moment.trusted else None

    def _spend(self, end: float, seconds: float) -> None:
        """Charges that end in the same hour become one, which ends with the last of them: so the row stays small."""
        if seconds > 0:
            last, sum_s = self._charges.get(end // HOUR_S, (end, 0.0))
            self._charges[end // HOUR_S] = max(last, end), sum_s + seconds

    def _kept(self, moment: Moment, charge_s: float) -> Persist:
        """The row as it is now. The charge that is open stands last, by itself."""
        now = self._operated.now(moment)
        self._charges = {hour: (end, s) for hour, (end, s) in self._charges.items() if end > now - DAY_S}
        charges = list(self._charges.values()) if self._daily_max is not None else []
        if self._since is not None and math.isfinite(charge_s):
            charges.append((now + charge_s - self._on_s(moment) + WRITTEN_WITHIN_S, charge_s))
        self._unanswered.append((self._stretch, charge_s))
        row: Row = {
            "charges": json.dumps([[_up(end), _up(seconds)] for end, seconds in charges], separators=(",", ":")),
            "boot": moment.boot, "on_mono": self._since if self.on_since is None else self.on_since,
            "off_mono": self.stopped, "off_wall": self._off_wall,
        }  # fmt: skip
        return Persist(("budgets", self.target), row, tell=True)


def _up(seconds: float) -> float:
    return math.ceil(round(seconds * 10, 6)) / 10
