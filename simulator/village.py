"""One simulated village: a site's wiring between the lines of the Pi and the world's loads and meters.

No socket and no pty: they are put around it by simulator/live.py.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from drivers.registers import Model, load_board, load_model
from edge.core.values import ModelInfo
from edge.shell.clock import Clock
from simulator.board import Board
from simulator.cabinet import Cabinet
from simulator.fault_bus import Wire
from simulator.pulsing import Pulsing
from simulator.relay_board import RelayBoard
from simulator.slaves import Slave
from simulator.surroundings import Surroundings
from simulator.world import Load, World


@dataclass(frozen=True, slots=True)
class Relay:
    """What hangs on a line or a coil: the load, and the level (0 or 1) at which the relay is on."""

    load: str
    active: int


class Village:
    """The wiring of a validated `site`, with models known by `catalogue`; everything off until a line is driven or a
    coil written.

    Lights burn and their meters count; sensors feel air, soil and light; the cabinet's contacts say what is so. Valves
    and pumps are not there yet. `boards` are the relay boards by id; `relays` what hangs on lines of the Pi, by BCM
    number, and `coils` what hangs on coils, by `<board>/<coil>`. `moved(coil, on)` is called with each change of a
    coil, before its load is.
    """

    def __init__(
        self, site: Any, catalogue: Mapping[str, ModelInfo], clock: Clock, seed: int, *, persist: bool = True
    ) -> None:
        self._site = site
        self._catalogue = catalogue
        self._clock = clock
        self.relays = dict(_relays(site))
        self.coils = dict(_coils(site))
        self.moved: Callable[[str, bool], None] = _nobody
        self.boards = {
            name: RelayBoard(board.address, load_board(board.model).coils, partial(self._coil_changed, name))
            for name, board in site.boards.items()
        }
        loads = [
            Load(f"{name}/{key}", light.meter, circuit.lamps * circuit.lamp_w, circuit.lamps)
            for name, light in site.lights.items()
            for key, circuit in light.circuits.items()
        ]
        meters = {name: _phases(catalogue[site.meters[name].model]) for name in self.answering()}
        self.world = World(loads, meters, seed, clock.mono())
        self.surroundings = Surroundings(site.site.latitude, site.site.longitude, seed)
        self.cabinet = Cabinet(site, clock)
        self.counters: dict[str, Any] = site.counted_inputs()
        self.pulsing = Pulsing(self.counters, clock.mono())
        at_rest = {contact.gpio: int(contact.active == "low") for contact in self.counters.values()}
        outside = {**dict(_pulls(site)), **self.cabinet.levels(), **at_rest}
        self.board = Board(outside, self._line_changed, persist=persist)
        self.cabinet.put = self.board.set_outside
        self.world.moves = self.cabinet.contactor
        self.pass_off({}, {}, {})
        self.wires = {
            port: Wire(random.Random(f"{seed}/{port}"), partial(self._powered, port))  # noqa: S311  # as the world's
            for port in site.ports
        }

    def addresses(self, port: str) -> dict[str, int]:
        """What answers on a serial port (`meter/cabinet-1`, `sensor/soil-1`, `board/cabinet-board`), each with the
        Modbus address that it really has."""
        found = {
            f"{kind}/{name}": device.address
            for kind, section in self._read()
            for name, device in section.items()
            if device.port == port and self._catalogue[device.model].driven
        }
        boards = self._site.boards.items()
        found |= {f"board/{name}": board.address for name, board in boards if board.port == port}
        return {device: self._moved.get(device, address) for device, address in found.items()}

    def pass_off(self, moved: Mapping[str, int], models: Mapping[str, str], times: Mapping[str, float]) -> None:
        """From now on these devices are at other addresses than the site's, of other models, or show so many times the
        current and power that flow; `slaves` is to be asked again."""
        self._moved, self._models, self._times = moved, models, times
        self._at = {port: {its: name for name, its in self.addresses(port).items()} for port in self._site.ports}

    def answering(self) -> list[str]:
        """The meters that answer."""
        return [name for name, meter in self._site.meters.items() if self._catalogue[meter.model].driven]

    def silent(self) -> list[str]:
        """What stands on a serial port and has no slave, as its model file has errors: `meter/pump-house (pzem016)`."""
        return [
            f"{kind}/{name} ({device.model})"
            for kind, section in self._read()
            for name, device in section.items()
            if not self._catalogue[device.model].driven
        ]

    def slaves(self, port: str) -> list[Slave | RelayBoard]:
        """The devices that answer on a serial port."""
        devices = [device.partition("/") for device in self.addresses(port)]
        return [self.boards[name] if kind == "board" else self._slave(kind, name) for kind, _, name in devices]

    def _powered(self, port: str, address: int) -> bool:
        """Boards and sensors are fed with the Pi, which the mains do not matter to."""
        kind, _, name = self._at[port].get(address, "").partition("/")
        return kind in ("board", "sensor") or self.world.answers(name)

    def _read(self) -> list[tuple[str, Mapping[str, Any]]]:
        return [("meter", self._site.meters), ("sensor", self._site.sensors)]

    def _slave(self, kind: str, name: str) -> Slave:
        device, key = dict(self._read())[kind][name], f"{kind}/{name}"
        model = load_model(self._models.get(key, device.model))
        address = self._moved.get(key, device.address)
        return Slave(address, model, partial(self._measured if kind == "meter" else self._felt, name, model))

    def _measured(self, name: str, model: Model) -> dict[str, float]:
        values = self.world.quantities(name, self._clock.mono())
        times = self._times.get(f"meter/{name}", 1.0)
        if f"meter/{name}" in self._models:
            values = _idle_phases(values["voltage_l1_v"]) | values
        if times != 1.0:
            values |= {q: value * times for q, value in values.items() if q.endswith(("_a", "_w"))}
        if model.wraps_at is not None:
            values["energy_kwh"] %= model.wraps_at
        return {quantity: values[quantity] for quantity in model.quantities if quantity in values}

    def _felt(self, name: str, model: Model) -> dict[str, float]:
        return self.surroundings.quantities(name, model.quantities, self._clock.now().wall)

    def _line_changed(self, pin: int, level: int) -> None:
        relay = self.relays.get(pin)
        if relay is not None:
            self.world.switch(relay.load, level == relay.active, self._clock.mono())

    def _coil_changed(self, board: str, coil: int, on: bool) -> None:
        name = f"{board}/{coil}"
        self.moved(name, on)
        relay = self.coils.get(name)
        if relay is not None:
            self.world.switch(relay.load, on, self._clock.mono())


def _idle_phases(volts: float) -> dict[str, float]:
    """What a meter of three phases shows of two that nothing hangs on."""
    return {f"{what}_l{phase}_{unit}": value for phase in (2, 3)
            for what, unit, value in (("voltage", "v", volts), ("current", "a", 0.0), ("power", "w", 0.0))}


def _nobody(_coil: str, _on: bool) -> None:
    """Nobody looks at the coils."""


def _relays(site: Any) -> Iterator[tuple[int, Relay]]:
    for name, light in site.lights.items():
        for key, circuit in light.circuits.items():
            gpio = getattr(circuit.output, "gpio", None)
            if gpio is not None:
                yield gpio, Relay(f"{name}/{key}", int(circuit.output.active == "high"))


def _coils(site: Any) -> Iterator[tuple[str, Relay]]:
    for name, light in site.lights.items():
        for key, circuit in light.circuits.items():
            board = getattr(circuit.output, "board", None)
            if board is not None:
                yield f"{board}/{circuit.output.coil}", Relay(f"{name}/{key}", 1)


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
