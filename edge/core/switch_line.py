"""The output of a switch without limits: on by lease like a valve or a pump, but without a charge."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from edge.core.budgets import Budget, Operated
from edge.core.events import Effect, Persist, Write
from edge.core.leased import Leased
from edge.core.limits import Switching
from edge.core.values import Moment


class Unlimited(Leased):
    """A leased output whose time nothing limits: nothing of it is kept, so that the journal has no say in it."""

    def __init__(self, target: str, operated: Operated, switching: Switching) -> None:
        super().__init__(target, target, Budget(target, None, None, operated), switching)

    def open(self, seconds: float, moment: Moment) -> list[Effect]:
        """Have it come on now, for `seconds` or, by `keep`, for longer. Only when `ready`."""
        effects = self._unkept(super().open(seconds, moment))
        self._opened(moment)
        return effects

    def close(self, moment: Moment) -> list[Effect]:
        """Have it go off."""
        return self._unkept(super().close(moment))

    def keep(self, need_s: float, failing: bool, since: float, moment: Moment) -> list[Effect]:  # noqa: ARG002 - no say
        """Renew what runs out."""
        return self._unkept(super().keep(need_s, False, since, moment))

    def _unkept(self, effects: Iterable[Effect]) -> list[Effect]:
        """Without what the journal would be asked to keep, as if it had."""
        writes: list[Effect] = []
        for effect in effects:
            if isinstance(effect, Persist):
                self.budget.stored()
            elif isinstance(effect, Write):
                writes.append(replace(effect, after=None))
        return writes
