"""The output of a switch: an ON is a lease and, where a limit is set, charged before; what is on is kept on, no longer
than it may be."""

from __future__ import annotations

from edge.core.budgets import Budget
from edge.core.events import Effect, OutputObserved, Write
from edge.core.values import Deadline, Moment

LEASE_S = 15.0
RENEW_S = 5.0
GRACE_S = 0.5  # so much longer than it may be on a lease lasts, so that the core itself turns it off
PIECE_S = 900.0  # what is charged at once: so much of its day a power cut may cost
AHEAD_S = 60.0  # and so long before it is used up the next piece is
STORE_S = 10.0  # an ON that has not reached the line by then is taken back
AGAIN_S = 2.0  # an OFF that the line does not show is told again this often
LAST_RETRY_S = 300.0


class SwitchLine:
    """One output: what it was `told`, what it shows (`seen` None: it cannot be known, and `error` why).

    Monotonic times: `told_at`, also when told the same again; `changed_at`, when told something new. `awaited`: since
    when an ON has been on its way, through the journal to the line, and has not been seen there; None: none is.
    `runs_out`: when max_on ends the present stretch, counted from when the ON was asked for.
    """

    def __init__(self, output: str, max_on: float | None, budget: Budget | None) -> None:
        """`budget` None: nothing limits how long it is on (s), and nothing is charged."""
        self.output = output
        self.budget = budget
        self.told = False
        self.seen: bool | None = None
        self.error: str | None = None
        self.unanswered = False
        self.told_at = self.changed_at = 0.0
        self.awaited: float | None = None
        self.runs_out: Deadline | None = None
        self.fails = 0  # to come on, or to stay on, one after the other
        self.retry_at = float("-inf")
        self._max_on = max_on
        self._leased_until = float("-inf")

    @property
    def flaw(self) -> str:
        """Why it does not show what it was told, in words."""
        return self.error or "the line does not follow"

    @property
    def is_on(self) -> bool:
        """Whether it was told so, and has been seen on since."""
        return self.told and self.awaited is None

    def ends_at(self, moment: Moment) -> float:
        """When (monotonic s) what is on must be off: by max_on, and by what is charged on the disk."""
        out = float("inf") if self.runs_out is None else self.runs_out.on_mono(moment)
        return out if self.budget is None or self.awaited is not None else min(out, self.budget.until)

    def observe(self, seen: OutputObserved, moment: Moment) -> bool:
        """Take note of what it says of itself; whether that is news."""
        news = (self.seen, self.error) != (seen.on, seen.error) or self.unanswered
        self.seen, self.error, self.unanswered = seen.on, seen.error, False
        if self.awaited is not None and seen.on:
            self.awaited = None
            if self.budget is not None:
                self.budget.opened(moment)
        return news

    def turn_on(self, moment: Moment) -> list[Effect]:
        """On, as soon as its charge is on the disk. Only while its budget is settled."""
        self.told, self.awaited = True, moment.mono
        self.told_at = self.changed_at = moment.mono
        if self._max_on is not None:
            self.runs_out = Deadline(moment.wall + self._max_on, moment.mono + self._max_on, moment.boot)
        lease_s = self._lease(moment)
        if self.budget is None:
            self.unanswered = True
            return [Write(self.output, True, lease_s=lease_s)]
        charge = self.budget.charge(PIECE_S, moment)
        return [charge, Write(self.output, True, charge.key, lease_s)]

    def turn_off(self, moment: Moment) -> list[Effect]:
        """Off, at once; an ON that is on its way never comes."""
        self.told, self.awaited, self.runs_out, self.unanswered = False, None, None, True
        self.told_at = self.changed_at = moment.mono
        return [Write(self.output, False)]

    def fell(self, failing: bool, moment: Moment) -> bool:
        """Whether what was told ON must be begun anew: it has not reached the line in time, or the line is off again,
        as when a lease ran out while the core hung. Every time it is begun later. `failing`: the journal is."""
        if not self.told or self.unanswered:
            return False
        if self.awaited is not None and self.budget is not None and failing:
            return True
        if self.awaited is None and moment.mono >= self.changed_at + STORE_S and self.seen is not False:
            self.fails = 0
        if self.seen is not False if self.awaited is None else moment.mono < self.awaited + STORE_S:
            return False
        self.fails += 1
        self.retry_at = moment.mono + min(AGAIN_S * 2 ** min(self.fails - 1, 10), LAST_RETRY_S)
        return True

    def keep(self, failing: bool, moment: Moment) -> list[Effect]:
        """Keep on what is on: its lease, its charge. Tell OFF again what does not go off, and settle what has."""
        budget = self.budget
        if not self.told:
            return self._settle(moment)
        effects: list[Effect] = []
        if self.awaited is not None:
            return effects
        if budget is not None and self._charge_due(failing, moment) <= moment.mono:
            effects.append(budget.charge(PIECE_S, moment))
        if self._renewal_due(moment) <= moment.mono:
            self.told_at, self.unanswered = moment.mono, True
            effects.append(Write(self.output, True, lease_s=self._lease(moment)))
        return effects

    def due(self, failing: bool, moment: Moment) -> list[float]:
        """When (monotonic s) time alone asks for something."""
        if not self.told:
            return [self.told_at + AGAIN_S] if self.seen is not False else [self.retry_at]
        if self.awaited is not None:
            return [self.awaited + STORE_S]
        return [self.ends_at(moment), self._renewal_due(moment), self._charge_due(failing, moment)]

    def _settle(self, moment: Moment) -> list[Effect]:
        if self.unanswered:
            return []
        if self.seen is False:
            charged = self.budget is not None and self.budget.charged
            return [self.budget.closed(moment)] if charged and self.budget is not None else []
        if moment.mono < self.told_at + AGAIN_S:
            return []
        self.told_at, self.unanswered = moment.mono, True
        return [Write(self.output, False)]

    def _lease(self, moment: Moment) -> float:
        lease_s = min(LEASE_S, self.ends_at(moment) + GRACE_S - moment.mono)
        self._leased_until = moment.mono + lease_s
        return lease_s

    def _renewal_due(self, moment: Moment) -> float:
        """A lease that lasts to the end is not renewed."""
        return float("inf") if self._leased_until > self.ends_at(moment) else self.told_at + RENEW_S

    def _charge_due(self, failing: bool, moment: Moment) -> float:
        budget = self.budget
        if budget is None or failing or not budget.settled:
            return float("inf")
        more = budget.left(moment) > budget.until - moment.mono + 1.0
        return budget.until - AHEAD_S if more else float("inf")
