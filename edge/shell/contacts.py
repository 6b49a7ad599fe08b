"""Reads the contacts, and tells the core of each what it says: once, and not while it bounces."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping
from typing import Protocol

from edge.core.events import InputChanged

log = logging.getLogger(__name__)
SETTLE_S = 0.2  # between the two reads that must agree: contacts bounce for some ms, and a change is told within 2 s


class InputPort(Protocol):
    """One contact, as a driver offers it (drivers/api.py)."""

    @property
    def error(self) -> str | None:
        """Why the last read found nothing."""

    def read(self) -> bool | None:
        """Whether what the contact is named for holds; None when that cannot be known."""


class Contacts:
    """What the core was told of each contact, and which of them seem to have changed.

    `due` is the monotonic time (s) at which those that seem to have changed are to be read again; infinite if none do.
    """

    def __init__(self, inputs: Mapping[str, InputPort]) -> None:
        self._inputs = inputs
        self._told: dict[str, bool | None] = {}
        self._seems: dict[str, bool | None] = {}
        self.due = float("inf")

    def look(self, mono: float) -> Iterator[InputChanged]:
        """Read all of them. Told is what was never told before; what changed is told by `look_again`."""
        return self._look(list(self._inputs), mono)

    def look_again(self, mono: float) -> Iterator[InputChanged]:
        """At `due`, read those that seem to have changed, and tell of the ones that say the same as then."""
        return self._look(list(self._seems), mono) if mono >= self.due else iter(())

    def heard(self, event: InputChanged) -> None:
        """The core learnt of a contact in another way."""
        self._told[event.input] = event.on
        self._seems.pop(event.input, None)

    def _look(self, names: Collection[str], mono: float) -> Iterator[InputChanged]:
        settled = mono >= self.due
        for name in names:
            on, error = self._read(name)
            if on is self._told.get(name, not on):
                self._seems.pop(name, None)
            elif name not in self._told or (settled and self._seems.get(name, not on) is on):
                yield self._tell(InputChanged(name, on, error))
            else:
                self._seems[name] = on
        self.due = mono + SETTLE_S if self._seems else float("inf")

    def _read(self, name: str) -> tuple[bool | None, str | None]:
        port = self._inputs[name]
        try:
            on = port.read()
        except Exception as error:  # whatever a driver does, the others' contacts are read
            return None, str(error) or type(error).__name__
        return on, port.error if on is None else None

    def _tell(self, event: InputChanged) -> InputChanged:
        if event.on is None:
            log.error("%s cannot be read: %s", event.input, event.error)
        elif self._told.get(event.input, event.on) is None:
            log.warning("%s can be read again", event.input)
        self.heard(event)
        return event
