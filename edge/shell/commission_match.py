"""Which meter moves when a circuit is switched: every meter is read while it is off, on, and off again."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from edge.core.diagnosis_dialog import say
from edge.core.diagnosis_outputs import Match, Watts
from edge.core.diagnosis_terms import Language
from edge.core.site import Site
from edge.core.values import Taken
from edge.shell.clock import Clock
from edge.shell.commission_hands import Hands, key_of
from edge.shell.commission_pulse import YES, Person, name_of

ROUNDS = 3
SETTLE_S = 4.0  # drivers of LED lamps start within one, and meters average over one or two
LIGHT_MOST_S = 120.0
PUMP_MOST_S = 20.0
LAST_S = 8.0  # what the last question to a meter takes at most, if it falls silent
PORT_S = 2.0  # what a round of readings takes, for the announcement


class Reader(Protocol):
    """A serial port with meters, as drivers.probing.Probe is."""

    def read(self, device: str, address: int, model: str) -> Taken:
        """One reading, given up after some faults."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """Matches circuits and meters of a site. `ports` by name; `locked`: what stays as it is."""

    site: Site
    hands: Hands
    ports: Mapping[str, Reader]
    meters: list[str]  # those that are read, by their ids
    person: Person
    language: Language
    clock: Clock
    line_of: Callable[[list[str]], int]
    locked: set[str]
    wrong: set[str]  # what this run has found to be wired the other way round, or dead

    def match(self, output: str) -> Match:
        """One circuit of a light, or a pump. Whatever a driver does is in the answer."""
        motor = output.startswith("pump/")
        plain = self._plain(output)
        if output in self.locked:
            return replace(plain, left="locked")
        if output in self.wrong:
            return replace(plain, left="skipped", error=say(self.language, "not-right", output=output))
        try:
            valve = self._valve(output.partition("/")[2]) if motor else None
            if motor and (why := self._forbidden(output, valve)):
                return replace(plain, left="skipped", error=why)
            runs = self._switched(output, valve)
        except Exception as error:  # whatever a driver does, it is said and the others are tried
            return replace(plain, error=str(error) or type(error).__name__)
        watts = {m: Watts(*runs_of) for m in self.meters if all(runs_of := [run[m] for run in runs])}
        return replace(plain, watts=watts, unread=[m for m in self.meters if m not in watts])

    def _plain(self, output: str) -> Match:
        """What the configuration says of it."""
        kind, name, *circuit = output.split("/")
        key = [*key_of(output)[:2], "meter"]
        spelled, line = ".".join(key), self.line_of(key)
        if kind == "pump":
            pump = self.site.pumps[name]
            return Match(output, pump.meter, pump.rated_w, spelled, line, motor=True)
        light = self.site.lights[name]
        part = light.circuits[circuit[0]]
        return Match(output, light.meter, part.lamps * part.lamp_w, spelled, line)

    def _switched(self, output: str, valve: str | None) -> list[dict[str, list[float]]]:
        """The readings while it is off, on, and off again. A pump's valve is open before its line is touched, and until
        it was let go: also one that is wired the other way round never runs with its valves shut."""
        self.person.say(say(self.language, "match-next", output=output, name=name_of(self.site, output)))
        if valve is None:
            return self._three(output, LIGHT_MOST_S)
        pump = self.site.pumps[output.partition("/")[2]]
        self.hands.settle(valve)
        try:
            self.hands.on(valve, pump.lead + LIGHT_MOST_S)
            self.hands.pause(pump.lead)
            try:
                return self._three(output, PUMP_MOST_S, valve)
            finally:
                self.hands.let_go(output)
                self.hands.pause(pump.lag)
        finally:
            self.hands.off(valve)

    def _three(self, output: str, most_s: float, valve: str | None = None) -> list[dict[str, list[float]]]:
        self.hands.settle(output)
        before = self._read(self.meters, math.inf)
        heard = [name for name in self.meters if before[name]]  # who is silent would keep it on for long
        if valve is not None:  # its board's own timer must not close it while the pump runs
            self.hands.on(valve, most_s + LAST_S + self.site.pumps[output.partition("/")[2]].lag)
        try:
            self.hands.on(output, most_s)
            end = self.clock.mono() + most_s - LAST_S
            self.hands.pause(SETTLE_S)
            during = self._read(heard, end)
        finally:
            self.hands.off(output)
        self.hands.pause(SETTLE_S)
        return [before, during, self._read(heard, math.inf)]

    def _read(self, meters: Sequence[str], end: float) -> dict[str, list[float]]:
        """The power (W) of these meters in each of some rounds, none for the others; nothing is asked after `end`
        (monotonic s), and nobody twice who did not answer."""
        found: dict[str, list[float]] = {name: [] for name in self.meters}
        asked = list(meters)
        for _ in range(ROUNDS):
            for name in list(asked):
                if self.clock.mono() < end:
                    meter = self.site.meters[name]
                    taken = self.ports[meter.port].read(f"meter/{name}", meter.address, meter.model)
                    if taken.values is None or "power_w" not in taken.values:
                        found[name] = []
                        asked.remove(name)
                    else:
                        found[name].append(taken.values["power_w"])
        return found

    def _valve(self, pump: str) -> str | None:
        """The first of the pump's valves that nobody has locked, and that was not found wrong."""
        fed = [f"valve/{name}" for name, valve in self.site.valves.items() if valve.pump == pump]
        return next((valve for valve in fed if valve not in self.locked | self.wrong), None)

    def _forbidden(self, output: str, valve: str | None) -> str:
        """Why a pump may not run now; asked last is the person."""
        if valve is None:
            return say(self.language, "no-valve")
        if tanks := self.hands.dangers(output):
            return say(self.language, "tank", tanks=", ".join(tanks))
        name = name_of(self.site, output)
        facts = {"output": output, "name": name, "valve": valve, "for_s": f"{PUMP_MOST_S:g}"}
        asked = self.person.ask(say(self.language, "match-pump", **facts))
        return "" if asked == YES or not self.person.there else say(self.language, "by-person")
