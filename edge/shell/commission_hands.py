"""Drives outputs for a person who commissions a cabinet: one at a time, a moment long, and off whatever happens."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from edge.core.diagnosis_outputs import Place
from edge.core.site import BoardOutput, GpioOutput, Site
from edge.shell import safe
from edge.shell.clock import Clock
from edge.shell.commission_beat import Beat
from edge.shell.commission_guard import Guard

ORDER = ("light", "switch", "valve", "pump")  # in which outputs are tried
OFF_FIRST = ("pump", "valve", "switch", "light")
BOARD_SPARE_S = 4.0  # a board's own timer ends an ON by so much later than we do


class Line(Protocol):
    """A line of the Pi, as drivers.gpio.GpioOutput is."""

    def write(self, on: bool) -> None:
        """Drive it."""

    def read(self) -> bool | None:
        """What it says."""

    def release(self) -> None:
        """Make it an input: its pull decides."""


class Contact(Protocol):
    """A contact of the cabinet, as drivers.gpio.GpioInput is."""

    def read(self) -> bool | None:
        """Whether what it is named for holds; None: it cannot be read."""


class Coils(Protocol):
    """A serial port with relay boards, as drivers.probing.Probe is."""

    def switch(self, address: int, model: str, coil: int, on: bool, for_s: float | None = None) -> bool:
        """Drive a coil, and say what the board then says of it."""


class Unmoved(Exception):
    """An output that does not say what it was told."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """What the lines, ports and contacts of a site are reached by."""

    lines: Mapping[str, Line]
    ports: Mapping[str, Coils]
    contacts: Mapping[str, Contact] = field(default_factory=dict)


def names_in_order(site: Site) -> list[str]:
    """Every output, in the order in which they are tried: lights, switches, valves, pumps."""
    return sorted(site.outputs(), key=lambda name: ORDER.index(name.partition("/")[0]))


def chosen(site: Site, names: Sequence[str], kinds: Sequence[str] = ORDER) -> list[str]:
    """The outputs that these names mean, `light/main-road` all its circuits; none named: all of these kinds.

    Raises ValueError for a name that means none.
    """
    known = names_in_order(site)
    for name in names:
        if not any(_means(name, output) for output in known):
            raise ValueError(f"no output is called {name!r}; there are {', '.join(known) or 'none'}")
    if not names:
        return [output for output in known if output.partition("/")[0] in kinds]
    return [output for output in known if any(_means(name, output) for name in names)]


def key_of(output: str) -> list[str]:
    """Where the configuration says how an output is wired: `lights`, `main-road`, `circuits`, `b`, `output`."""
    kind, name, *circuit = output.split("/")
    sections = {"light": "lights", "switch": "switches", "valve": "valves", "pump": "pumps"}
    return [sections[kind], name, *(["circuits", circuit[0]] if circuit else []), "output"]


def place_of(site: Site, output: str) -> Place:
    """Where an output is wired to."""
    wired = site.outputs()[output]
    if isinstance(wired, GpioOutput):
        return Place(gpio=wired.gpio, active=wired.active)
    return Place(board=wired.board, coil=wired.coil)


def locked_outputs(site: Site, state: Path | None) -> set[str]:
    """The outputs that somebody has locked. Raises ValueError where that cannot be known: then nothing is switched."""
    if state is None or not (state / "journal.db").exists():
        return set()
    names = safe.lockouts(state / "journal.db")
    if names is None:
        raise ValueError(f"{state / 'journal.db'} cannot be read, so what is locked is not known: run as its owner")
    return {output for output in site.outputs() if safe.is_locked(output, names)}


def burnt_before(state: Path | None) -> dict[str, float | None]:
    """When the controller turned outputs off (Unix s), by their names; None for one that it left on."""
    if state is None or not (state / "journal.db").exists():
        return {}
    import sqlite3

    journal = (state / "journal.db").absolute()
    try:
        with closing(sqlite3.connect(f"{journal.as_uri()}?mode=ro", uri=True, timeout=1.0)) as db:
            rows = db.execute('SELECT id, "on", wall FROM outputs').fetchall()
    except sqlite3.Error:
        return {}
    return {str(name): None if on else float(wall) for name, on, wall in rows}


def _means(name: str, output: str) -> bool:
    return output == name or output.startswith(f"{name}/")


class Hands:
    """Every output of a site. Whoever is done calls `close`, which turns off what may still be on.

    A light rests for its `restrike` between OFF and ON, also one that the controller left on.
    """

    def __init__(
        self, site: Site, wiring: Wiring, clock: Clock, pause: Callable[[float], object], guard: Guard, beat: Beat,
        resting: Callable[[str, float], None] = lambda _output, _s: None,
        burnt: Mapping[str, float | None] | None = None,
    ) -> None:
        """`resting` is told of a wait (s) for a lamp to cool. `burnt`: as of `burnt_before`."""
        self._site = site
        self._wiring = wiring
        self._clock = clock
        self.pause = pause
        self._guard = guard
        self._beat = beat
        self._resting = resting
        self._on: list[str] = []
        self._ends: dict[str, float] = {}  # when they are off at the latest (monotonic s), if nothing hangs
        self._loose: set[str] = set()  # driven OFF, and nobody has seen yet that this is off
        now, known = clock.now(), burnt or {}
        self._burnt = {name for name, at in known.items() if at is None}
        self._off_at = {name: now.mono - max(now.wall - at, 0.0) for name, at in known.items() if at is not None}

    def settle(self, output: str) -> None:
        """Drive it OFF, and wait until it may go on again. Raises what its driver raises, and Unmoved."""
        self._loose.add(output)
        self._write(output, on=False)
        if output in self._burnt:
            self._burnt.discard(output)
            self._off_at[output] = self._clock.mono()
        left = self._off_at.get(output, -math.inf) + self._rest_s(output) - self._clock.mono()
        if left > 0:
            self._resting(output, left)
            self.pause(left)

    def on(self, output: str, for_s: float) -> None:
        """Drive it ON, or renew its ON; somebody turns it off within `for_s`. Raises as `settle` does."""
        self._ends[output] = self._clock.mono() + for_s + BOARD_SPARE_S
        self._on = sorted({*self._on, output}, key=lambda name: OFF_FIRST.index(name.partition("/")[0]))
        self._guard.on(self._on)
        self._beat.until(min(self._ends.values()))
        self._write(output, on=True, for_s=for_s + BOARD_SPARE_S)

    def off(self, output: str) -> None:
        """Drive it OFF. Raises as `settle` does."""
        self._write(output, on=False)
        self._off_at[output] = self._clock.mono()
        self._on = [name for name in self._on if name != output]
        self._ends.pop(output, None)
        self._beat.until(min(self._ends.values(), default=math.inf))
        self._guard.on(self._on)

    def let_go(self, output: str) -> None:
        """Leave it to its pull; a coil stays off. Raises what its driver raises."""
        if isinstance(self._site.outputs()[output], GpioOutput):
            self._wiring.lines[output].release()
        self._loose.discard(output)

    def keep_off(self, output: str) -> None:
        """Drive it OFF, now that this was seen to be off. Raises as `settle` does."""
        self._write(output, on=False)
        self._loose.discard(output)

    def contact(self, output: str) -> bool | None:
        """What the feedback contact of a circuit says; None also where it has none."""
        found = self._wiring.contacts.get(output.replace("light/", "feedback/", 1))
        return None if found is None else found.read()

    def has_contact(self, output: str) -> bool:
        """Whether a circuit has a feedback contact."""
        return output.replace("light/", "feedback/", 1) in self._wiring.contacts

    def dangers(self, pump: str) -> list[str]:
        """The tanks that forbid this pump (`pump/<id>`) to run now, or that cannot be read."""
        found = []
        for name, stop in self._site.pumps[pump.partition("/")[2]].stop_when.items():
            contact = self._wiring.contacts.get(f"input/{name}")
            holds = None if contact is None else contact.read()
            means = getattr(self._site.inputs.get(name), "low_is", None)
            if holds is None or means is None or (means == stop) is holds:
                found.append(name)
        return found

    def close(self) -> list[str]:
        """Turn off everything that may be on, pumps first, and leave to its pull what nobody has seen to be off,
        whatever fails. The answer: what could not be turned off, each with why."""
        failed = []
        for output in list(self._on):
            error = self._try_off(output) and self._try_off(output)
            if error:
                failed.append(f"{output}: {error}")
            else:
                self._on.remove(output)
        for output in sorted(self._loose - set(self._on)):
            with suppress(Exception):  # it was told OFF, and said so
                self.let_go(output)
        self._beat.end()
        with suppress(OSError):
            self._guard.on(self._on)
        self._guard.close()
        return failed

    def _try_off(self, output: str) -> str:
        try:
            self._write(output, on=False)
        except Exception as error:  # whatever a driver does, the others go off
            return str(error) or type(error).__name__
        return ""

    def _rest_s(self, output: str) -> float:
        kind, name, *_ = output.split("/")
        return self._site.lights[name].restrike if kind == "light" else 0.0

    def _write(self, output: str, *, on: bool, for_s: float | None = None) -> None:
        wired = self._site.outputs()[output]
        if isinstance(wired, BoardOutput):
            board = self._site.boards[wired.board]
            said: bool | None = self._wiring.ports[board.port].switch(
                board.address, board.model, wired.coil, on, for_s if on else None
            )
        else:
            self._wiring.lines[output].write(on)
            said = self._wiring.lines[output].read()
        if said is not on:
            raise Unmoved(f"it was told {'ON' if on else 'OFF'} and says {_words(said)}")


def _words(on: bool | None) -> str:
    return "nothing" if on is None else "ON" if on else "OFF"

