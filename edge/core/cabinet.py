"""The cabinet around the controller: its switch, its door, the mains, the photocell's contact, contactors' feedback."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from edge.core.cells import Cells
from edge.core.events import Effect, InputChanged, Persist
from edge.core.site import HandInput, Site
from edge.core.values import Moment, Row

FEEDBACK = "feedback"
VI = {"dark": "tối", "light": "sáng"}


@dataclass(slots=True)
class Contact:
    """One input: its `role`, what it says (None: it cannot be known, and why), since when (Unix s)."""

    role: str
    on: bool | None = None
    since: float = 0.0
    error: str | None = None
    heard: bool = False


class Cabinet:
    """What the inputs say. `kept`: what the journal knows of them, so that "since" outlasts a restart."""

    def __init__(self, site: Site, kept: Mapping[str, Row], cells: Cells) -> None:
        """`cells` are told what the first photocell says."""
        self._cells = cells
        self._contacts = {
            f"input/{name}": Contact(found.role)
            for name, found in site.inputs.items()
            if found.role in ("hand", "door", "mains", "photocell")
        }
        self._cell = next((c for c in self._contacts.values() if c.role == "photocell"), None)
        self._feedback = {
            f"{FEEDBACK}/{name}/{key}": (f"light/{name}", key)
            for name, light in site.lights.items()
            for key, circuit in light.circuits.items()
            if circuit.feedback
        }
        self._hands: dict[str, list[str]] = {}
        for name, found in site.inputs.items():
            for target in found.targets() if isinstance(found, HandInput) else ():
                self._hands.setdefault(target, []).append(f"input/{name}")
        self._kept = kept

    def take(self, event: InputChanged, moment: Moment, said_at: float) -> list[Effect]:
        """Take note of what a contact says. `said_at`: when (Unix s) somebody last had a say; what changes now comes
        after it, though the clock may have been set back since."""
        contact = self._contacts.get(event.input)
        if contact is None:
            return []
        row = None if contact.heard else self._kept.get(event.input)
        if row is not None and row["on"] == event.on:
            contact.since = float(row["at"] or 0)
        elif event.on is not contact.on or not contact.heard:
            contact.since = max(moment.wall, math.nextafter(said_at, math.inf))
        changed = event.on is not contact.on and event.on is not None and contact.role == "hand"
        contact.on, contact.error, contact.heard = event.on, event.error, True
        if contact is self._cell:
            self._cells.see(event.on, moment)
        if not changed or (row is not None and row["on"] == event.on):
            return []
        return [Persist(("inputs", event.input), {"on": int(event.on is True), "at": contact.since})]

    def feedback(self, name: str) -> tuple[str, str] | None:
        """The light (`light/<id>`) and the circuit that this feedback input is of; None: it is no feedback."""
        return self._feedback.get(name)

    def hand(self, target: str) -> float | None:
        """Since when (Unix s) a switch of the cabinet has this device (`<kind>/<id>`) on hand; None: none has."""
        contacts = [self._contacts[name] for name in self._hands.get(target, ())]
        return min((c.since for c in contacts if c.on), default=None)

    def mains(self) -> bool | None:
        """Whether the mains are there; None where no input says."""
        said = [c.on for c in self._contacts.values() if c.role == "mains" and c.on is not None]
        return all(said) if said else None

    def conditions(self, moment: Moment) -> list[tuple[str, str, bool, dict[str, object]]]:
        """The alarms that contacts are the cause of: kind, device, whether it holds, data."""
        found: list[tuple[str, str, bool, dict[str, object]]] = []
        for name, contact in self._contacts.items():
            why: dict[str, object] = {"why": contact.error or "?"}
            found.append(("input-failing", name, contact.heard and contact.on is None, why))
            if contact.role == "hand":
                found.append(("hand-on", name, contact.on is True, {}))
            elif contact.role == "door":
                found.append(("door-open", name, contact.on is True, {}))
            elif contact.role == "mains":
                found.append(("mains-lost", name, contact.on is False, {}))
            elif contact is self._cell:
                stuck = self._cells.fault(moment)
                says: dict[str, object] = {"why": stuck, "why_vi": VI.get(stuck or "")}
                found.append(("photocell-stuck", name, stuck is not None, says))
        return found

    @property
    def names(self) -> list[str]:
        """The contacts that are read, `input/<id>`."""
        return list(self._contacts)
