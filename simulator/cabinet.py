"""The contacts of a village's cabinet: what each of them says, and the level that its line has for it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from edge.shell.clock import Clock
from simulator.daylight import Daylight
from simulator.weather import Rain
from simulator.wiring import load_of

SOON_S = 2e-3  # twice what dawn and dusk are known to
OPEN_LINE = 1  # nothing pulls it down


@dataclass(frozen=True, slots=True)
class Tampering:
    """What is wrong with the contacts, by the name of each (`input/cabinet-door`, `feedback/main-road/b`).

    `held`: what they say whatever is true. `missing`: their lines stay open. `cut`: the mains are away.
    """

    held: Mapping[str, bool] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()
    cut: bool = False


def _nobody(_pin: int, _level: int) -> None:
    """Nobody reads the lines."""


class Cabinet:
    """The contacts of a validated `site` that a controller reads: the door closed, the switch on automatic, the mains
    there, every contactor open; and of those in the field: rain falling, floats in tanks.

    `put(pin, level)` is called when a line gets another level. Photocells see the sun and rain gauges the `rain` at the
    true time of `clock`, each time `follow_sky` is called.
    """

    def __init__(self, site: Any, clock: Clock, rain: Rain | None = None) -> None:
        field = {f"input/{name}": found for name, found in site.inputs.items() if found.role in ("rain", "level")}
        self._contacts = {**field, **site.read_inputs()}
        self._inputs = {f"input/{name}": found for name, found in site.inputs.items()}
        self._of = {
            name: [
                load
                for target in found.targets()
                for load in _loads(site, target)
            ]
            for name, found in self._inputs.items()
            if found.role == "hand"
        }
        self._clock = clock
        self.put: Callable[[int, int], object] = _nobody
        self._tampering = Tampering()
        self._says = {name: self._role(name) == "mains" for name in self._contacts}
        self._rain = rain if self.inputs("rain") else None
        self._sun = Daylight(site.site.latitude, site.site.longitude) if self.inputs("photocell") else None
        self._dry_from = self._dry_until = 0.0  # Unix times between which it rains, or does not, as it was told
        self._seen_from = self._seen_until = 0.0  # Unix times between which the sun is as the photocells saw it
        self._levels = {name: self._level(name) for name in self._contacts}
        self.follow_sky()

    def inputs(self, *roles: str) -> list[str]:
        """The inputs of these roles that are read, as `input/photocell`; no role: all."""
        return [name for name in self._inputs if name in self._contacts and (not roles or self._role(name) in roles)]

    def feedbacks(self) -> list[str]:
        """The circuits with an auxiliary contact, as `main-road/b`."""
        return [name.partition("/")[2] for name in self._contacts if name.startswith("feedback/")]

    def switched_by(self, hand: str) -> list[str]:
        """The loads that a hand switch bypasses the relays of, as `main-road/b` or `pump:pump-1`. Raises KeyError."""
        return self._of[hand]

    def levels(self) -> dict[int, int]:
        """The level of every contact's line."""
        return {self._contacts[name].gpio: level for name, level in self._levels.items()}

    def contactor(self, load: str, closed: bool) -> None:
        """The contactor of a load closes or opens, and its auxiliary contact, if it has one, with it."""
        self._say(f"feedback/{load}", closed)

    def suffer(self, tampering: Tampering) -> None:
        """From now on this is wrong and nothing else."""
        self._tampering = tampering
        for name in self._contacts:
            self._say(name, not tampering.cut if self._role(name) == "mains" else self._says[name])

    def tank(self, name: str, empty: bool) -> None:
        """A float turns: its tank is empty from now on, or is not."""
        self._say(name, empty == (self._inputs[name].low_is == "empty"))

    def follow_sky(self) -> float:
        """Let photocells and rain gauges see the sky as it is now; the seconds until it is to be asked again, or
        infinity."""
        wait = self.follow_sun()
        if self._rain is None:
            return wait
        wall = self._clock.now().wall
        now = wall + SOON_S
        if not self._dry_from <= now < self._dry_until:
            falls = self._rain.falling(now) is not None
            for name in self.inputs("rain"):
                self._say(name, falls)
            self._dry_from, self._dry_until = now, self._rain.next_change(now)
        return min(wait, self._dry_until - wall)

    def follow_sun(self) -> float:
        """Let the photocells see the sun as it stands now; the seconds until it is to be asked again, or infinity."""
        if self._sun is None:
            return math.inf
        wall = self._clock.now().wall
        now = wall + SOON_S
        if not self._seen_from <= now < self._seen_until:
            dark = self._sun.dark(now)
            for name in self.inputs("photocell"):
                self._say(name, dark)
            self._seen_from, self._seen_until = now, self._sun.dawn_or_dusk(now)
        return self._seen_until - wall

    def _say(self, name: str, on: bool) -> None:
        if name not in self._contacts:
            return
        self._says[name] = on
        level = self._level(name)
        if level != self._levels[name]:
            self._levels[name] = level
            self.put(self._contacts[name].gpio, level)

    def _level(self, name: str) -> int:
        if name in self._tampering.missing:
            return OPEN_LINE
        on = self._tampering.held.get(name, self._says[name])
        active = getattr(self._contacts[name], "active", "low")  # a float's is low while it says what low means
        return int(on == (active == "high"))

    def _role(self, name: str) -> str | None:
        found = self._inputs.get(name)
        return None if found is None else str(found.role)


def _loads(site: Any, target: str) -> list[str]:
    kind, _, name = target.partition("/")
    return [f"{name}/{key}" for key in site.lights[name].circuits] if kind == "light" else [load_of(target)]
