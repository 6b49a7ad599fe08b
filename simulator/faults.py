"""What can break, by name: each fault is data, read from JSON, YAML or a command line, put upon a stage, taken back.

A stage is where the village plays: in real time (simulator/fault_live.py) or in virtual time (simulator/fault_fast.py).
It is told, place by place, what is broken there now; so it never has to know what was broken before.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from edge.core.site_checks import nearest
from edge.core.site_terms import Wrong, duration, span
from simulator.fault_kinds import KINDS, Kind, Value

LONGEST = duration("1s", "365d")


class FaultError(Exception):
    """A fault that cannot be read or put upon this stage. The text names the remedy; `key` is what is wrong."""

    def __init__(self, message: str, key: str | None = None) -> None:
        super().__init__(message)
        self.key = key


@dataclass(frozen=True, slots=True, eq=False)
class Fault:
    """A fault of a kind `on` something (such as `meter/cabinet-1`; None where the kind needs nothing).

    `for_s`: seconds until it is taken back by itself; None: until somebody does.
    """

    kind: Kind
    on: str | None
    values: Mapping[str, Value]
    for_s: float | None = None

    def number(self, name: str) -> float:
        """A parameter that is a number. Raises KeyError, TypeError."""
        value = self.values[name]
        if isinstance(value, bool | str):
            raise TypeError(f"{name} is no number")
        return value

    def __str__(self) -> str:
        """As one types it: `slave-late on=meter/cabinet-1 by=3s`."""
        parts = [f"on={self.on}"] if self.on else []
        parts += [f"{name}={self.kind.params[name].shown(value)}" for name, value in self.values.items()]
        parts += [f"for={span(self.for_s)}"] if self.for_s is not None else []
        return " ".join([self.kind.name, *parts])


@dataclass(frozen=True, slots=True)
class Change:
    """What is broken at one place from now on, oldest first, and the fault that came or went to make it so.

    A fault that only happens (a reset) stands nowhere: it is `begun` and that is all.
    """

    standing: tuple[Fault, ...] = ()
    begun: Fault | None = None
    ended: Fault | None = None

    def on(self, target: str, *names: str) -> list[Fault]:
        """The standing faults of these kinds on `target`, oldest first."""
        return [fault for fault in self.standing if fault.kind.name in names and fault.on == target]

    def has(self, *names: str) -> bool:
        """Whether a fault of these kinds stands."""
        return any(fault.kind.name in names for fault in self.standing)


class Stage(Protocol):
    """Where faults act. Each method raises FaultError, having changed nothing, for what cannot be done here."""

    @property
    def time(self) -> str:
        """`live` or `fast`."""

    def targets(self) -> Mapping[str, Collection[str]]:
        """What a fault may be on: by kind (circuit, meter, port), names such as `light/main-road/b`."""

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Call `action` after so many seconds of this stage's time."""

    def world(self, change: Change) -> None:
        """Relays, lamps, meters, mains."""

    def bus(self, change: Change) -> None:
        """Serial lines and what is on them."""

    def broker(self, change: Change) -> None:
        """The MQTT broker and the way to it."""

    def clock(self, change: Change) -> None:
        """The wall clock of the controller's machine."""

    def card(self, change: Change) -> None:
        """The card that the controller keeps its journal on."""

    def process(self, change: Change) -> None:
        """The controller itself."""


@dataclass
class Faults:
    """The faults that stand on one stage, each under an id that is given out once: `f1`, `f2`, …"""

    stage: Stage
    _standing: dict[str, Fault] = field(default_factory=dict)
    _given: int = 0

    def inject(self, fault: Fault) -> str | None:
        """Put a fault upon the stage; its id, or None for one that only happens. Raises FaultError."""
        self.check(fault)
        if not fault.kind.lasts:
            self._tell(Change(self._at(fault.kind.place), begun=fault))
            return None
        self._tell(Change((*self._at(fault.kind.place), fault), begun=fault))
        self._given += 1
        key = f"f{self._given}"
        self._standing[key] = fault
        if fault.for_s is not None:
            self.stage.later(fault.for_s, lambda: self._expire(key))
        return key

    def clear(self, key: str) -> Fault:
        """Take the fault with this id back; which it was. Raises FaultError."""
        if key not in self._standing:
            there = ", ".join(f"{k} ({fault})" for k, fault in self._standing.items()) or "no fault"
            raise FaultError(f"no fault {key} stands here; there is {there}")
        fault = self._standing[key]
        left = tuple(f for f in self._at(fault.kind.place) if f is not fault)
        self._tell(Change(left, ended=fault))
        del self._standing[key]
        return fault

    def clear_all(self) -> dict[str, Fault]:
        """Take everything back, the newest first; what it was, by id. Raises FaultError."""
        return {key: self.clear(key) for key in reversed(list(self._standing))}

    def standing(self) -> dict[str, Fault]:
        """What stands now, by id."""
        return dict(self._standing)

    def _expire(self, key: str) -> None:
        if key in self._standing:
            self.clear(key)

    def _at(self, place: str) -> tuple[Fault, ...]:
        return tuple(fault for fault in self._standing.values() if fault.kind.place == place)

    def check(self, fault: Fault) -> None:
        """Raise FaultError when this stage cannot have such a fault."""
        if self.stage.time not in fault.kind.times:
            raise FaultError(f"{fault.kind.name} is not possible in {self.stage.time} time; {fault.kind.instead}")
        if fault.on is None:
            return
        groups = self.stage.targets()
        known = [name for group in fault.kind.on for name in groups[group]]
        if fault.on not in known:
            raise FaultError(f"{fault.kind.name} cannot be on {fault.on}; {nearest(fault.on, known)}", "on")

    def _tell(self, change: Change) -> None:
        fault = change.begun or change.ended
        assert fault is not None
        acts = {
            "world": self.stage.world, "bus": self.stage.bus, "broker": self.stage.broker,
            "clock": self.stage.clock, "card": self.stage.card, "process": self.stage.process,
        }  # fmt: skip
        acts[fault.kind.place](change)


def read(fields: Mapping[str, object]) -> Fault:
    """The fault in `fields`: `fault` is its name; `on`, `for` and its parameters beside it. Raises FaultError."""
    name = fields.get("fault")
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise FaultError(f"there is no fault {_quoted(name)}; {nearest(str(name), KINDS)}", "fault")
    allowed = {"fault", *(["on"] if kind.on else []), *(["for"] if kind.lasts else []), *kind.params}
    for key in fields:
        if key not in allowed:
            raise FaultError(_unwanted(kind, key, allowed), key)
    values: dict[str, Value] = {}
    for key, param in kind.params.items():
        if key in fields:
            values[key] = _value(kind, key, param.read, fields[key])
        elif param.default is None:
            raise FaultError(f"{kind.name} needs {key}, {param.means}; add {key}={param.example}", "fault")
        else:
            values[key] = param.default
    on = _target(kind, fields)
    for_s = _value(kind, "for", LONGEST.read, fields["for"]) if "for" in fields else None
    return Fault(kind, on, values, for_s)


def _target(kind: Kind, fields: Mapping[str, object]) -> str | None:
    if not kind.on:
        return None
    if "on" not in fields:
        raise FaultError(f"{kind.name} needs what it is on; add on={kind.example}", "fault")
    on = fields["on"]
    if not isinstance(on, str):
        raise FaultError(f"on must be a name; write on={kind.example}", "on")
    return on


def _value(kind: Kind, key: str, reads: Callable[[object], object], value: object) -> Value:
    try:
        found = reads(value)
    except Wrong as wrong:
        raise FaultError(f"{kind.name}: {key}: {wrong}", key) from None
    assert isinstance(found, int | float | bool | str)
    return found


def _unwanted(kind: Kind, key: str, allowed: Collection[str]) -> str:
    if key == "for":
        return f"{kind.name} happens once and cannot last; leave out for"
    if key == "on":
        return f"{kind.name} is on nothing in particular; leave out on"
    takes = sorted(set(allowed) - {"fault"})
    return f'{kind.name} has no "{key}"; {nearest(key, takes) if takes else "it takes nothing"}'


def _quoted(name: object) -> str:
    return f'"{name}"' if isinstance(name, str) else "without a name"
