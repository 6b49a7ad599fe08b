"""One output that is on only by lease: a valve, a pump. Charged before it is on, renewed and watched while it is."""

from __future__ import annotations

from edge.core.budgets import WRITTEN_WITHIN_S, Budget
from edge.core.events import Effect, OutputObserved, Write
from edge.core.limits import Hold, Switching
from edge.core.values import Moment, Row

LEASE_S = 14.0  # with the keeper's own delay an output is off within 15 s
RENEW_EVERY_S = 5.0
AGAIN_S = 2.0  # an output that does not show that it is off is told so again this often
OBSERVED_WITHIN_S = 10.0  # an output that does not show that it is on by then is told off again
FOLLOWS_S = 3.0  # what an output may take to show that it is off
RETRY_S = 60.0  # and is not tried again before
EXTEND_BEFORE_S = 30.0  # so long before its charge ends a longer one is asked for
FOREVER = float("inf")


class Leased:
    """What one output was told and what it says.

    `on`: it was told to come on, perhaps once the journal has its charge; `told_off_at`: when it was last told off, of
    those times that it may have been on (monotonic s, -inf: never by this process). `seen_since`: since when it shows
    that it is on; None: it does not. `renewed_at`: when its lease last began. `retry_at`: not to be told on before,
    because of `failed`.
    """

    def __init__(self, target: str, group: str, budget: Budget, switching: Switching) -> None:
        """`group`: on which meter it is, or its own name; see Switching."""
        self.target = target
        self.budget = budget
        self.on = False
        self.line: bool | None = None
        self.error: str | None = None
        self.confirmed_off = False
        self.told_off_at = -FOREVER
        self.seen_since: float | None = None
        self.retry_at = -FOREVER
        self.failed: str | None = None
        self._group = group
        self._switching = switching
        self._told_at = -FOREVER  # charged and asked for, or told off again
        self._off_at = -FOREVER  # told off the first time
        self.renewed_at = -FOREVER
        self._unseen_since = FOREVER
        self._lost = False

    def recall(self, row: Row | None, moment: Moment) -> list[Effect]:
        """Take up what the journal kept of it, at a start: its charges, and this boot's switchings."""
        if row is not None and row["boot"] == moment.boot:
            known = [(row["on_mono"], True), (row["off_mono"], False)]
            for at, on in sorted((float(at), on) for at, on in known if at is not None):
                self._switching.switched(self.target, self._group, on, at)
        return self.budget.recall(row, moment)

    # --- what it says ---

    def observe(self, seen: OutputObserved, moment: Moment) -> bool:
        """Take note of what it says of itself; whether that is news."""
        news = (self.line, self.error) != (seen.on, seen.error)
        self.line, self.error = seen.on, seen.error
        if not self.on:
            if seen.on and self.confirmed_off:
                self._told_at = -FOREVER  # who switched it on, perhaps a write that was under way, has no say
            news = news or self.confirmed_off is not (seen.on is False)
            self.confirmed_off = seen.on is False
            return news
        if seen.on:
            self._opened(moment)
            self.failed, self._unseen_since = None, FOREVER
            self.seen_since = moment.mono if self.seen_since is None else self.seen_since
        elif self.seen_since is not None:
            self._lost = seen.on is False
            self._unseen_since, self.seen_since = moment.mono, None
        return news

    def stored(self, moment: Moment) -> None:
        """The journal has a row of it: what waited for its charge was written just before."""
        waits = self.on and self.budget.on_since is None
        self.budget.stored()
        if waits and self.budget.settled:
            self._opened(moment)

    def _opened(self, moment: Moment) -> None:
        if self.budget.on_since is None:
            self.budget.opened(moment)
            self.renewed_at = moment.mono
            self._unseen_since = moment.mono

    @property
    def possibly_on(self) -> bool:
        """Whether it may be on now or any moment, by what it was told and by what it does not deny."""
        return self.on or not self.confirmed_off

    @property
    def stuck(self) -> bool:
        """It was told off and does not show it."""
        return not self.on and not self.confirmed_off

    def follows(self, moment: Moment) -> bool:
        """Whether it may still be going off, as it was told."""
        return moment.mono < self._off_at + FOLLOWS_S

    @property
    def flaw(self) -> str:
        """Why it does not show what it was told, in words."""
        return self.error or ("its line shows on" if self.line else "its line does not follow")

    # --- what it is told ---

    def hold(self) -> Hold:
        """From when on the limits of switching let it come on."""
        return self._switching.on_allowed_at(self.target, self._group, 0.0)

    def ready(self, moment: Moment) -> bool:
        """Whether it may be told on now as far as the journal, the limits of switching and its own line go."""
        return (
            not self.on and self.confirmed_off and self.budget.settled and self.retry_at <= moment.mono
            and self.hold().at <= moment.mono
        )  # fmt: skip

    def open(self, seconds: float, moment: Moment) -> list[Effect]:
        """Have it come on for up to `seconds`, once that is charged. Only when `ready`."""
        kept = self.budget.charge(seconds, moment)
        self.on, self._lost, self._told_at, self._unseen_since = True, False, moment.mono, FOREVER
        self._switching.switched(self.target, self._group, True, moment.mono)
        return [kept, Write(self.target, True, after=kept.key, lease_s=LEASE_S)]

    def close(self, moment: Moment) -> list[Effect]:
        """Have it go off, or cancel what waits. The write comes first, the account after it."""
        if self.budget.on_since is not None:
            self.told_off_at = moment.mono
        self.on, self.confirmed_off, self.seen_since, self._lost = False, False, None, False
        self._told_at = self._off_at = moment.mono
        self._unseen_since = FOREVER
        self._switching.switched(self.target, self._group, False, moment.mono)
        return [Write(self.target, False), *([self.budget.closed(moment)] if self.budget.charged else [])]

    def claim(self, moment: Moment) -> list[Effect]:
        """The first word to it in this process: off."""
        self._told_at = self._off_at = moment.mono
        return [Write(self.target, False)]

    def ended(self, moment: Moment) -> str | None:
        """Why it must be told off whatever is wanted: it went off by itself, or was turned off; it does not show that
        it is on; or time is up. None: nothing of that."""
        if not self.on:
            return None
        if self.budget.on_since is None:
            return "the journal does not answer" if moment.mono >= self._told_at + WRITTEN_WITHIN_S else None
        if moment.mono >= self.renewed_at + LEASE_S:
            return "its lease ran out"
        if self._lost:
            return "it went off by itself"
        if moment.mono >= self._unseen_since + OBSERVED_WITHIN_S:
            return self.flaw
        return "its time is up" if moment.mono >= self.budget.until else None

    def end(self, moment: Moment) -> list[Effect]:
        """Tell it off because it has `ended`. What failed by itself, and not for want of a lease, is let be for a
        while."""
        if self.budget.on_since is not None and moment.mono < self.renewed_at + LEASE_S:
            if self._lost:
                self.failed, self.retry_at = "it went off by itself", moment.mono + OBSERVED_WITHIN_S
            elif moment.mono >= self._unseen_since + OBSERVED_WITHIN_S:
                self.failed, self.retry_at = self.flaw, moment.mono + RETRY_S
        return self.close(moment)

    def forgive(self) -> None:
        """Nobody wants it any more: who wants it next has it tried at once."""
        self.failed, self.retry_at = None, -FOREVER

    def keep(self, need_s: float, failing: bool, since: float, moment: Moment) -> list[Effect]:
        """Renew what runs out: the lease, also if it is older than `since` (monotonic s); and the charge, if it is
        needed for `need_s` more and the journal is not `failing`."""
        if self.budget.on_since is None or not self.on:
            return []
        effects: list[Effect] = []
        if moment.mono >= self.renewed_at + RENEW_EVERY_S or self.renewed_at < since:
            self.renewed_at = moment.mono
            effects.append(Write(self.target, True, lease_s=LEASE_S))
        if self._short(need_s, failing, moment) and moment.mono >= self.budget.until - EXTEND_BEFORE_S:
            effects.append(self.budget.charge(need_s, moment))
        return effects

    def _short(self, need_s: float, failing: bool, moment: Moment) -> bool:
        covered = self.budget.until - moment.mono
        return min(need_s, self.budget.left(moment)) > covered + 1 and self.budget.settled and not failing

    def repeat(self, moment: Moment) -> list[Effect]:
        """Tell it again that it is off, if it does not show it."""
        if not self.stuck or moment.mono < self._told_at + AGAIN_S:
            return []
        self._told_at = moment.mono
        return [Write(self.target, False)]

    def wake(self, need_s: float, failing: bool, moment: Moment) -> float:
        """When (monotonic s) one of these has something to do."""
        if not self.on:
            return self._told_at + AGAIN_S if self.stuck else FOREVER
        if self.budget.on_since is None:
            return self._told_at + WRITTEN_WITHIN_S
        extend = self.budget.until - EXTEND_BEFORE_S if self._short(need_s, failing, moment) else FOREVER
        unseen = self._unseen_since + OBSERVED_WITHIN_S
        return min(self.renewed_at + RENEW_EVERY_S, unseen, self.budget.until, extend)
