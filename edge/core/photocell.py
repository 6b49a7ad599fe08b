"""A photocell's say in a light program: it may move dusk and dawn by a bounded time, while it is to be believed.

Weather moves dusk: under a storm it is dark half an hour before the sun sets. So within a window about its time, a step
reckoned from the sun is taken as soon as the cell agrees. Everything else stands by the calendar. A cell that nobody
hears, or that contradicts the sun, has no say at all.
"""

from __future__ import annotations

import math

from edge.core.schedule import TWILIGHT_S, Calendar, Change, Standing
from edge.core.values import Moment

SETTLE_S = 30.0  # a cell's word counts after so long without a break: headlights and lightning are shorter
ABSURD_S = 10.0  # so long against the sun, or again with it, and the cell is in fault, or no longer
ROUNDING_S = 0.001  # a sum of many short times is not exact
DAY_S = 86400.0
STUCK_S = 36 * 3600.0  # a cell that has been heard so long without a change is stuck


class Photocell:
    """The cell of one light program, which it may move by `within_s` seconds; that may be set anew.

    A step that it may move (`Change.movable`) at T is never taken before T − within_s, always from T + within_s on, and
    in between once the cell has said dark (dusk) or light (dawn) for SETTLE_S. What is taken stays taken. The first
    word that is heard counts at once: a restart within a window goes on with what the cell says then. While the cell is
    unknown or in fault, T itself counts.

    Order is by T: a dusk that comes late does not undo the step of a later time, a dawn that comes early is not undone
    by the step of an earlier one.

    Windows follow the wall clock, durations the monotonic one. The cell is measured against the sun only while the
    clock is trusted.
    """

    def __init__(self, calendar: Calendar, program: str, within_s: float) -> None:
        self._calendar = calendar
        self._program = program
        self.within_s = within_s
        self._dark: bool | None = None
        self._since = math.inf  # monotonic: since when it says so
        self._taken: dict[Change, float] = {}  # steps that the cell or the calendar has brought, and when (Unix s)
        self._late: set[Change] = set()  # steps that were seen to wait for the cell beyond their time
        self._watch = _Watch(calendar)

    def see(self, dark: bool | None, moment: Moment) -> None:
        """Take note of what the cell says; None: it cannot be read. Call it at each change, or as often as you like."""
        if dark is not self._dark:
            first = self._since == math.inf
            self._dark = dark
            if dark is not None:
                self._since = -math.inf if first else moment.mono
        self._watch.see(dark, moment)
        self._take(moment)

    def says(self, moment: Moment) -> bool | None:
        """Whether it is dark, by the cell; None while it has no say: unknown, in fault, or not sure for SETTLE_S."""
        if self._dark is None or self.fault(moment) is not None or moment.mono < self._since + SETTLE_S:
            return None
        return self._dark

    def standing(self, moment: Moment) -> tuple[Standing, bool]:
        """What the program asks for, with the cell's say; and whether the level is another than by nominal times."""
        self._take(moment)
        steps = self._calendar.steps_about(self._program, moment.wall)
        reached = [i for i, step in enumerate(steps) if self._is_taken(step, moment.wall)]
        nominal = [i for i, step in enumerate(steps) if step.at <= moment.wall]
        i = reached[-1] if reached else 0
        ahead = [step.at if step.at > moment.wall else step.at + self.within_s for step in steps[i + 1 :]]
        standing = Standing(steps[i].level, self._since_when(steps[i], moment.wall), min(ahead, default=None))
        return standing, standing.level != steps[nominal[-1] if nominal else 0].level

    def wakeup(self, moment: Moment) -> float:
        """The monotonic time at which any answer may change though nothing new is seen."""
        self._take(moment)
        w = self.within_s
        steps = self._calendar.steps_about(self._program, moment.wall)
        walls = [at for s in steps for at in ((s.at - w, s.at, s.at + w) if s.movable else (s.at,)) if at > moment.wall]
        found = [moment.mono_at(min(walls, default=math.inf)), self._watch.wakeup(moment)]
        if self._dark is not None and self._since + SETTLE_S > moment.mono:
            found.append(self._since + SETTLE_S)
        return min(found)

    def fault(self, moment: Moment) -> str | None:
        """ "stuck dark" or "stuck light" while the cell is not believed, else None."""
        return self._watch.fault(moment)

    def _take(self, moment: Moment) -> None:
        """Latch what the present moment brings."""
        now, w = moment.wall, self.within_s
        says = self.says(moment)
        mute = self._dark is None or self.fault(moment) is not None
        for step in self._calendar.steps_about(self._program, now):
            if not step.movable or step in self._taken or not step.at - w <= now < step.at + w:
                continue
            if mute:
                if step.at <= now:
                    self._taken[step] = step.at if step not in self._late else now
            elif says is (step.anchor == "sunset"):
                self._taken[step] = now
            elif step.at <= now:
                self._late.add(step)
        # What the clock was set back before is open again; what is a day old is of no use.
        kept = {s: s.at - w if at < s.at else s.at for s, at in self._taken.items()}
        self._taken = {s: self._taken[s] for s, begin in kept.items() if begin <= now < s.at + DAY_S}
        self._late = {s for s in self._late if s.at <= now < s.at + DAY_S}

    def _is_taken(self, step: Change, wall: float) -> bool:
        if not step.movable:
            return step.at <= wall
        return step in self._taken or step.at + self.within_s <= wall

    def _since_when(self, step: Change, wall: float) -> float:
        late = step.at + self.within_s if step in self._late else step.at
        return min(self._taken.get(step, late), wall)


class _Watch:
    """Whether the cell is to be believed.

    It is in fault once it has said dark while the sun is well up, or light while it is well down (TWILIGHT_S from
    sunset and sunrise), for ABSURD_S without a break; or once it has been heard for STUCK_S without a change. It is
    believed again once it has changed since and then agreed with the sun for ABSURD_S.
    """

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self._dark: bool | None = None
        self._last: bool | None = None  # the last word that was heard
        self._mono: float | None = None  # of the last look
        self._heard_s = 0.0  # since the last change
        self._absurd: float | None = None  # monotonic: since when it contradicts the sun
        self._right: float | None = None  # monotonic: since when, in fault and after a change, it agrees with it
        self._changed = False  # since the fault began
        self._fault: str | None = None
        self._known: dict[float, tuple[float, float, bool]] = {}  # by margin: from, until, dark by the sun

    def see(self, dark: bool | None, moment: Moment) -> None:
        self._look(moment)
        if dark is self._dark:
            return
        if dark is not None:
            if self._last is not None and dark is not self._last:
                self._heard_s, self._changed = 0.0, True
            self._last = dark
        self._dark = dark
        self._absurd = self._right = None
        self._look(moment)

    def fault(self, moment: Moment) -> str | None:
        self._look(moment)
        return self._fault

    def wakeup(self, moment: Moment) -> float:
        self._look(moment)
        if self._dark is None:
            return math.inf
        found = [began + ABSURD_S for began in (self._absurd, self._right) if began is not None]
        if self._heard_s < STUCK_S:
            found.append(moment.mono + STUCK_S - self._heard_s + ROUNDING_S)
        if moment.trusted:
            found += [moment.mono_at(self._by_sun(moment.wall, m)[1]) for m in (-TWILIGHT_S, 0.0, TWILIGHT_S)]
        return min((at for at in found if at > moment.mono), default=math.inf)

    def _look(self, moment: Moment) -> None:
        if self._mono is not None and self._dark is not None:
            self._heard_s += max(0.0, moment.mono - self._mono)
        self._mono = moment.mono
        if self._dark is None:
            return
        margin = TWILIGHT_S if self._dark else -TWILIGHT_S
        absurd = moment.trusted and self._by_sun(moment.wall, margin)[0] is not self._dark
        self._absurd = _since(self._absurd, absurd, moment)
        if _lasts(self._absurd, moment) or self._heard_s >= STUCK_S:
            self._fault, self._changed = "stuck dark" if self._dark else "stuck light", False
        if self._fault is not None:
            right = self._changed and moment.trusted and self._by_sun(moment.wall, 0.0)[0] is self._dark
            self._right = _since(self._right, right, moment)
            if _lasts(self._right, moment):
                self._fault = self._right = None

    def _by_sun(self, wall: float, margin_s: float) -> tuple[bool, float]:
        """Calendar.dark, remembered until it changes."""
        begin, until, dark = self._known.get(margin_s, (math.inf, 0.0, False))
        if not begin <= wall < until:
            dark, until = self._calendar.dark(wall, margin_s)
            self._known[margin_s] = wall, until, dark
        return dark, until


def _since(began: float | None, holds: bool, moment: Moment) -> float | None:
    if not holds:
        return None
    return moment.mono if began is None else began


def _lasts(began: float | None, moment: Moment) -> bool:
    return began is not None and moment.mono >= began + ABSURD_S
