"""One simulated village: a site's wiring between the lines of the Pi and the world's loads and meters.

No socket and no pty: they are put around it by simulator/live.py.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from drivers.registers import load_model
from edge.core.values import ModelInfo
from edge.shell.clock import Clock
from simulator.board import Board
from simulator.cabinet import Cabinet
from simulator.fault_bus import Wire
from simulator.slaves import Slave
from simulator.world import Load, World


@dataclass(frozen=True, slots=True)
class Relay:
    """What hangs on a line: the load, and the level (0 or 1) at which the relay is on."""

    load: str
    active: int


class Village:
    """The wiring of a validated `site`, with models known by `catalogue`; everything off until a line is driven.

    Lights on GPIO lines burn and their meters count; the cabinet's contacts say what is so. Relay boards, valves, pumps
    and sensors are not there yet.
    """

    def __init__(
        self, site: Any, catalogue: Mapping[str, ModelInfo], clock: Clock, seed: int, *, persist: bool = True
    ) -> None:
        self._site = site
        self._catalogue = catalogue
        self._clock = clock
        self.relays = dict(_relays(site))
        loads = [
            Load(f"{name}/{key}", light.meter, circuit.lamps * circuit.lamp_w, circuit.lamps)
            for name, light in site.lights.items()
            for key, circuit in light.circuits.items()
        ]
        meters = {name: _phases(catalogue[site.meters[name].model]) for name in self.answering()}
        self.world = World(loads, meters, seed, clock.mono())
        self.cabinet = Cabinet(site, clock)
        self.board = Board({**dict(_pulls(site)), **self.cabinet.levels()}, self._line_changed, persist=persist)
        self.cabinet.put = self.board.set_outside
        self.world.moves = self.cabinet.contactor
        self._at = {port: {its: name for name, its in self.addresses(port).items()} for port in site.ports}
        self.wires = {
            port: Wire(random.Random(f"{seed}/{port}"), partial(self._powered, port))  # noqa: S311  # as the world's
            for port in site.ports
        }

    def addresses(self, port: str) -> dict[str, int]:
        """The meters that have a slave on a serial port, each with its Modbus address."""
        meters = self._site.meters
        return {name: meters[name].address for name in self.answering() if meters[name].port == port}

    def answering(self) -> list[str]:
        """The meters that have a slave."""
        return [name for name, meter in self._site.meters.items() if self._catalogue[meter.model].driven]

    def silent(self) -> list[str]:
        """What stands on a serial port and has no slave, as `meter/pump-house (pzem016)`."""
        devices = [("meter", self._site.meters), ("board", self._site.boards), ("sensor", self._site.sensors)]
        answering = {f"meter/{name}" for name in self.answering()}
        return [
            f"{kind}/{name} ({device.model})"
            for kind, section in devices
            for name, device in section.items()
            if f"{kind}/{name}" not in answering
        ]

    def slaves(self, port: str) -> list[Slave]:
        """The devices that answer on a serial port."""
        return [self._slave(name) for name in self.addresses(port)]

    def _powered(self, port: str, address: int) -> bool:
        return self.world.answers(self._at[port].get(address, ""))

    def _slave(self, name: str) -> Slave:
        meter = self._site.meters[name]
        model = load_model(meter.model)

        def shown() -> dict[str, float]:
            values = self.world.quantities(name, self._clock.mono())
            return {quantity: values[quantity] for quantity in model.quantities if quantity in values}

        return Slave(meter.address, model, shown)

    def _line_changed(self, pin: int, level: int) -> None:
        relay = self.relays.get(pin)
        if relay is not None:
            self.world.switch(relay.load, level == relay.active, self._clock.mono())


def _relays(site: Any) -> Iterator[tuple[int, Relay]]:
    for name, light in site.lights.items():
        for key, circuit in light.circuits.items():
            gpio = getattr(circuit.output, "gpio", None)
            if gpio is not None:
                yield gpio, Relay(f"{name}/{key}", int(circuit.output.active == "high"))


def _pulls(site: Any) -> Iterator[tuple[int, int]]:
    """External pulls that hold every relay off while nobody drives its line."""
    outputs = [circuit.output for light in site.lights.values() for circuit in light.circuits.values()]
    for section in (site.pumps, site.valves, site.switches):
        outputs += [device.output for device in section.values()]
    for output in outputs:
        gpio = getattr(output, "gpio", None)
        if gpio is not None:
            yield gpio, int(output.active == "low")


def _phases(model: ModelInfo) -> int:
    return 3 if "voltage_l2_v" in model.quantities else 1
