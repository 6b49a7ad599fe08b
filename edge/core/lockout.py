"""The electrician's lockout: while somebody works on a light, nothing but OFF and its release moves an output."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from edge.core.circuits import Circuit
from edge.core.events import Effect, Persist
from edge.core.values import Row


@dataclass(frozen=True, slots=True)
class Lockout:
    """Who locked, why and when (Unix s); and which of the circuits stay on (by id)."""

    user: str
    note: str
    at: float
    on: frozenset[str] = frozenset()


def from_row(row: Row) -> Lockout:
    """A lockout as the journal kept it."""
    on = frozenset(str(row["circuits"]).split(",")) - {""}
    return Lockout(str(row["user"]), str(row["note"]), float(row["at"] or 0), on)


def to_row(lock: Lockout) -> Row:
    """A lockout as the journal keeps it."""
    return {"circuits": ",".join(sorted(lock.on)), "user": lock.user, "note": lock.note, "at": lock.at}


class Locks:
    """The lockouts of one light: of the whole (its name `light/<id>`) and of single circuits (`light/<id>/<circuit>`).

    What is locked stays as it was: on, if it burnt. It is never switched on again, not even told so twice: whoever
    took the fuse out does not expect it.
    """

    def __init__(self, target: str, circuits: Iterable[Circuit]) -> None:
        self._target = target
        self._circuits = {f"{target}/{c.id}": c for c in circuits}
        self._locks: dict[str, Lockout] = {}

    @property
    def whole(self) -> Lockout | None:
        """The lockout of the whole light."""
        return self._locks.get(self._target)

    def note(self) -> list[str]:
        """What is locked and why, in a line each."""
        return [
            f"{name.removeprefix(self._target).strip('/') or 'all'} locked by {lock.user}"
            + (f": {lock.note}" if lock.note else "")
            for name, lock in self._locks.items()
        ]

    def recall(self, rows: Mapping[str, Row]) -> list[Effect]:
        """Take up what the journal kept. A circuit that did not burn on over the start is off now, and stays so."""
        effects: list[Effect] = []
        for name in (self._target, *self._circuits):
            row = rows.get(name)
            if row is not None:
                kept = from_row(row)
                on = frozenset(c.id for c in self._covered(name) if c.id in kept.on and c.was_on)
                lock = replace(kept, on=on)
                effects += self._keep(name, lock) if lock != kept else []
                self._locks[name] = lock
        self._freeze()
        return effects

    def lock(self, circuit: str | None, user: str, note: str, at: float) -> list[Effect]:
        """Nothing moves the light, or the one circuit, any more."""
        name = self._name(circuit)
        on = frozenset(c.id for c in self._covered(name) if c.on)
        return self._keep(name, Lockout(user, note, at, on))

    def unlock(self, circuit: str | None) -> list[Effect]:
        """What was locked under that name is free again."""
        name = self._name(circuit)
        if self._locks.pop(name, None) is None:
            return []
        self._freeze()
        return [Persist(("lockouts", name), None)]

    def all_off(self) -> list[Effect]:
        """OFF is the one command that moves what is locked."""
        return [
            effect
            for name, lock in list(self._locks.items()) if lock.on
            for effect in self._keep(name, replace(lock, on=frozenset()))
        ]  # fmt: skip

    def fallen(self) -> list[Effect]:
        """What burnt when it was locked and whose line shows OFF stays off: it does not come on at the next start."""
        dark = {c.id for c in self._circuits.values() if c.frozen and c.on and c.line is False and not c.unanswered}
        return [
            effect
            for name, lock in list(self._locks.items()) if lock.on & dark
            for effect in self._keep(name, replace(lock, on=lock.on - dark))
        ]  # fmt: skip

    def knows(self, circuit: str | None) -> bool:
        """Whether the light has such a circuit."""
        return circuit is None or f"{self._target}/{circuit}" in self._circuits

    def _name(self, circuit: str | None) -> str:
        return self._target if circuit is None else f"{self._target}/{circuit}"

    def _covered(self, name: str) -> list[Circuit]:
        return list(self._circuits.values()) if name == self._target else [self._circuits[name]]

    def _keep(self, name: str, lock: Lockout) -> list[Effect]:
        self._locks[name] = lock
        self._freeze()
        return [Persist(("lockouts", name), to_row(lock))]

    def _freeze(self) -> None:
        for name, circuit in self._circuits.items():
            locks = [lock for lock in (self.whole, self._locks.get(name)) if lock is not None]
            circuit.frozen = all(circuit.id in lock.on for lock in locks) if locks else None
