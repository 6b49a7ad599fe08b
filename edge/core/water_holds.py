"""What people keep shut: the lockouts of valves and pumps, and pumps that somebody turned off for a time."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from edge.core.events import Effect, Persist
from edge.core.light_state import override_row
from edge.core.lighting import ended
from edge.core.lockout import Lockout, from_row, to_row
from edge.core.values import Command, Deadline, Moment, Override, Row


class Holds:
    """By target, `valve/<id>` or `pump/<id>`; kept in the journal, so they outlast restarts and reboots.

    A lock shuts what is open: a valve that somebody works on must not stay open, as a locked light stays lit.
    """

    def __init__(
        self, targets: Collection[str], lockouts: Mapping[str, Row], overrides: Mapping[str, Override]
    ) -> None:
        """`lockouts` and `overrides` are the journal's, of all kinds of devices."""
        self._locks = {name: from_row(row) for name, row in lockouts.items() if name in targets}
        self._off = {name: override for name, override in overrides.items() if name in targets}

    def lock_of(self, target: str) -> Lockout | None:
        """Who has locked it, and why."""
        return self._locks.get(target)

    def locked(self, target: str) -> str | None:
        """Who has locked it, and the note; None: nobody has."""
        lock = self._locks.get(target)
        return None if lock is None else lock.user + (f" ({lock.note})" if lock.note else "")

    def lock(self, command: Command, moment: Moment) -> list[Effect]:
        """Nothing opens it any more."""
        lock = self._locks[command.target] = Lockout(command.user, command.note, moment.wall)
        return [Persist(("lockouts", command.target), to_row(lock))]

    def unlock(self, target: str) -> list[Effect]:
        """It is free again."""
        return [] if self._locks.pop(target, None) is None else [Persist(("lockouts", target), None)]

    def turn_off(self, command: Command, name: str, moment: Moment) -> list[Effect]:
        """The pump stays off as long as the command says; not at all beyond its runs if it names no end."""
        end = _end(command, moment)
        if end is None:
            return self.free(command.target)
        self._off[command.target] = Override(command.target, 0, end, command.user, name, moment.wall)
        return [Persist(("overrides", command.target), override_row(self._off[command.target]))]

    def off(self, target: str | None, moment: Moment) -> Override | None:
        """What keeps that pump off; None: nobody does."""
        found = self._off.get(target or "")
        return None if found is None or ended(found, moment) else found

    def free(self, target: str) -> list[Effect]:
        """The pump may run again."""
        return [] if self._off.pop(target, None) is None else [Persist(("overrides", target), None)]

    def step(self, moment: Moment) -> list[Effect]:
        """Forget what has ended."""
        over = [target for target, found in self._off.items() if ended(found, moment)]
        return [effect for target in over for effect in self.free(target)]

    def wake(self, moment: Moment) -> float:
        """The monotonic time at which the next one ends."""
        ends = [found.until.on_mono(moment) for found in self._off.values() if found.until is not None]
        return min(ends, default=float("inf"))


def _end(command: Command, moment: Moment) -> Deadline | None:
    """Both kinds of end follow the monotonic clock from now on: a clock that is set moves no water."""
    if command.for_s is not None:
        return Deadline.after(command.for_s, moment)
    if command.until is not None and command.until > moment.wall:
        return Deadline(command.until, moment.mono_at(command.until), moment.boot)
    return None
