"""A run's life: zones that water, soak, wait and end; pure values and their transitions.

A zone's time is monotonic and counts from the moment at which its valve is seen open, its litres are those that its
flow input counted. Wall time says when a run was due, and after a reboot until when it may be finished; nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from edge.core.run_length import UNKNOWN_L_MIN
from edge.core.values import Deadline, Moment

CHECKPOINT_S = 15.0  # a power cut costs at most so much of what was watered
UNCOUNTED_S = 60.0  # litres that are not counted for so long: the zone ends by time
BY_TIME = 1.5  # and then after so many times as long as its normal flow needs
EXACT_S = 1e-6  # less is the rounding of sums

Outcome = Literal["done", "cut_short", "skipped", "missed", "cancelled", "superseded"]
Cause = Literal["program", "soil", "person"]
Phase = Literal["queued", "watering", "soaking", "paused", "held"]


@dataclass(slots=True, eq=False)
class Zone:
    """One valve's share of a run, and how far it has come.

    Planned are seconds or litres; `litres` None: nothing has counted any. `started` and `ended` are Unix times.
    `piece_s` is what was watered since it last soaked; it soaks until the monotonic time `soaks_until`.
    """

    valve: str
    planned_s: float | None = None
    planned_l: float | None = None
    done_s: float = 0.0
    litres: float | None = None
    started: float | None = None
    ended: float | None = None
    outcome: Outcome | None = None
    why: str = ""
    piece_s: float = 0.0
    soaks_until: float = float("-inf")
    held_from: float | None = None  # monotonic time since which the valve is this zone's; None: it is another's
    kept_at: float | None = None  # monotonic time of its last checkpoint while it waters
    told_s: float = 0.0  # what was watered, and the litres, at the last checkpoint or change
    told_l: float | None = None
    _counted: float | None = field(default=None, repr=False)  # monotonic time up to which the present opening counts
    _opening: float | None = field(default=None, repr=False)  # since when (monotonic) the valve is open that counts
    _meter: float | None = field(default=None, repr=False)
    _litre_s: float = field(default=0.0, repr=False)  # of done_s: when the last litres came

    def take(self, meter: float | None, mono: float) -> None:
        """The valve is this zone's from now on. `meter`: the litres counted at it so far; None: nobody counts."""
        if self.held_from is None:
            self.held_from, self._meter, self._counted, self._opening = mono, meter, None, None
            self._litre_s = self.done_s

    def release(self) -> None:
        """The valve is another's, or nobody's."""
        self.held_from = self.kept_at = self._counted = None

    def look(self, since: float | None, flowing: bool, meter: float | None, mono: float, lead_s: float = 0.0) -> None:
        """Count what came since the last look: the valve is seen open `since` (None: it is not), and water flows.

        Until it flows for the first time nothing counts, then all from the opening; but a zone that is over before the
        pump starts, `lead_s` after the opening, counts without it. What came between the last look and one at which the
        valve is found closed is not counted.
        """
        if self.held_from is None:
            return
        if since is None or not (flowing or self.left_s() <= lead_s):
            self._counted = None
        else:
            start = self._counted
            if start is None:  # a pump that stood while the valve stayed open gave nothing meanwhile
                start = mono if since == self._opening else max(since, self.held_from)
            gained = max(mono - start, 0.0)
            self.done_s += gained
            self.piece_s += gained
            self._counted, self._opening = mono, since
        if meter is not None and self._meter is not None and meter > self._meter:
            self.litres = (self.litres or 0.0) + meter - self._meter
            self._litre_s = self.done_s
        self._meter = meter

    def counts(self) -> bool:
        """Whether it waters, as of the last look."""
        return self._counted is not None

    def left_s(self, normal_l_min: float | None = None) -> float:
        """For how long (s) it is still to water; infinite where litres decide. Those that are not counted for
        UNCOUNTED_S are given BY_TIME as long as `normal_l_min` needs."""
        if self.planned_l is None:
            return (self.planned_s or 0.0) - self.done_s
        if self.done_s - self._litre_s < UNCOUNTED_S:
            return float("inf")
        return BY_TIME * 60 * self.planned_l / (normal_l_min or UNKNOWN_L_MIN) - self.done_s

    def over(self, normal_l_min: float | None = None) -> bool:
        """Whether it has had what it was to have."""
        enough = self.planned_l is not None and self.litres is not None and self.litres >= self.planned_l - EXACT_S
        return enough or self.left_s(normal_l_min) <= EXACT_S

    def change_in(self, cycle: float | None, normal_l_min: float | None) -> float:
        """In how many seconds of watering it ends or soaks, or must be looked at for litres that do not come."""
        times = [self.left_s(normal_l_min)]
        if cycle is not None:
            times.append(cycle - self.piece_s)
        if self.planned_l is not None and times[0] == float("inf"):
            times.append(UNCOUNTED_S - (self.done_s - self._litre_s))
        return max(min(times), 0.0)

    def soak(self, mono: float, soak_s: float) -> None:
        """Its piece is over: the next comes `soak_s` later."""
        self.piece_s, self.soaks_until = 0.0, mono + soak_s
        self.checked(mono)
        self.release()

    def checked(self, mono: float) -> None:
        """What it has had so far is kept and told."""
        self.kept_at, self.told_s, self.told_l = mono, self.done_s, self.litres

    def end(self, outcome: Outcome, why: str, wall: float) -> None:
        """It is over."""
        self.ended, self.outcome, self.why = wall, outcome, why
        self.told_s, self.told_l = self.done_s, self.litres
        self.release()


@dataclass(slots=True, eq=False)
class Run:
    """Zones one after another: a program's occurrence, or one valve that a person opened.

    `due` is when it was to start (Unix s), `latest` until when it must have ended. `cycle` and `soak` (s) break its
    zones into pieces. `unconfirmed`: it waits for the clock to be confirmed, after which it may go on.
    """

    id: str
    due: float
    latest: Deadline
    zones: list[Zone]
    cause: Cause = "program"
    program: str | None = None
    user: str | None = None
    cycle: float | None = None
    soak: float = 0.0
    started: float | None = None
    ended: float | None = None
    outcome: Outcome | None = None
    why: str = ""
    paused: bool = False
    unconfirmed: bool = False

    @property
    def by_person(self) -> bool:
        """Whether a person opened a valve."""
        return self.program is None

    @property
    def device(self) -> str:
        """Whom its alarms are about."""
        return self.zones[0].valve if self.program is None else f"program/{self.program}"

    @property
    def command(self) -> str | None:
        """The id of the person's command; None for a program's run."""
        return self.id.split(":", 2)[2] if self.by_person else None

    def waiting(self) -> list[Zone]:
        """The zones that are not over."""
        return [zone for zone in self.zones if zone.ended is None]

    def zone(self, valve: str) -> Zone | None:
        """The first zone of that valve that is not over."""
        return next((zone for zone in self.zones if zone.valve == valve and zone.ended is None), None)

    def end(self, outcome: Outcome, why: str, moment: Moment) -> None:
        """It is over, with all of its zones."""
        for zone in self.waiting():
            zone.end(outcome, why, moment.wall)
        self.ended, self.outcome, self.why = moment.wall, outcome, why

    def break_off(self, why: str, moment: Moment) -> None:
        """It cannot be finished: cut short, or missed if nothing of it was watered."""
        for zone in self.waiting():
            zone.end("cut_short" if zone.done_s > 0 else "missed", why, moment.wall)
        watered = any(zone.done_s > 0 for zone in self.zones)
        self.ended, self.outcome, self.why = moment.wall, "cut_short" if watered else "missed", why

    def settle(self, moment: Moment) -> bool:
        """Whether it is over because all of its zones are; its outcome is that of the zones."""
        if self.ended is not None or self.waiting():
            return False
        ends = {zone.outcome: zone.why for zone in self.zones}
        for outcome in ("cut_short", "missed", "superseded"):
            if outcome in ends:
                self.ended, self.outcome, self.why = moment.wall, outcome, ends[outcome]
                return True
        self.ended, self.outcome = moment.wall, "done" if "done" in ends else "skipped"
        self.why = "" if "done" in ends else next(iter(ends.values()))
        return True
