"""One simulated village: a site's wiring between the lines of the Pi and the world's loads and meters.

No socket and no pty: they are put around it by simulator/live.py.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

from drivers.registers import Model, load_board, load_model
from edge.core.values import ModelInfo
from edge.shell.clock import Clock
from simulator import wiring
from simulator.board import Board
from simulator.cabinet import Cabinet
from simulator.fault_bus import Wire
from simulator.hydraulics import Broken, Hydraulics
from simulator.pulsing import Pulsing
from simulator.relay_board import RelayBoard
from simulator.slaves import Slave
from simulator.soil import Soil
from simulator.surroundings import Surroundings
from simulator.world import World


class Village:
    """The wiring of a validated `site`, with models known by `catalogue`; everything off until a line is driven or a
    coil written.

    Lights burn and their meters count; pumps bring water through valves to plots; it rains; sensors feel air, soil and
    light; the cabinet's contacts say what is so. `boards` are the relay boards by id; `relays` what hangs on lines of
    the Pi, by BCM number, and `coils` what hangs on coils, by `<board>/<coil>`. `moved(coil, on)` is called with each
    change of a coil, before its load is. What happens by itself happens in `follow`; `stirred` is called when it is to
    be called earlier than it said.
    """

    def __init__(
        self, site: Any, catalogue: Mapping[str, ModelInfo], clock: Clock, seed: int, *, persist: bool = True
    ) -> None:
        self._site = site
        self._catalogue = catalogue
        self._clock = clock
        self.relays, self.coils = wiring.relays(site), wiring.coils(site)
        self.moved: Callable[[str, bool], None] = _nobody
        self.boards = {
            name: RelayBoard(
                board.address, model.coils, partial(self._coil_changed, name), model.timed_on, clock.mono
            )
            for name, board, model in ((n, b, load_board(b.model)) for n, b in site.boards.items())
        }
        meters = {name: _phases(catalogue[site.meters[name].model]) for name in self.answering()}
        self.world = World(wiring.loads(site), meters, seed, clock.mono())
        self.surroundings = Surroundings(site.site.latitude, site.site.longitude, seed)
        self.hydraulics = Hydraulics(site, seed, clock.mono())
        self._epoch = clock.now().wall - clock.mono()  # the soil's clock is the monotonic one, from then on
        self.soil = self._soil(seed)
        self.cabinet = Cabinet(site, clock, self.surroundings.rain)
        self.stirred: Callable[[], None] = _calm
        self.counters: dict[str, Any] = site.counted_inputs()
        self.pulsing = Pulsing(self.counters, clock.mono())
        self._played: Mapping[str, float] = {}
        self._flowing: Mapping[str, float] = {}
        at_rest = {contact.gpio: int(contact.active == "low") for contact in self.counters.values()}
        outside = {**wiring.pulls(site), **self.cabinet.levels(), **at_rest}
        self.board = Board(outside, self._line_changed, persist=persist)
        self.cabinet.put = self.board.set_outside
        self.world.moves = self.cabinet.contactor
        self.world.powers = self._powers
        self.hydraulics.flows = self._flows
        self.hydraulics.draws = lambda pump, watts, mono: self.world.draws(f"pump:{pump}", watts, mono)
        self.hydraulics.waters = lambda plot, l_s, once, mono: self.soil.water(plot, l_s, once, mono + self._epoch)
        self.hydraulics.says = self.cabinet.tank
        for level in self.hydraulics.tanks:
            self.cabinet.tank(level, self.hydraulics.empty(level))
        for board in self.boards.values():
            board.timers_changed = self._stir
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

    def mono(self) -> float:
        """The village's monotonic time (s)."""
        return self._clock.mono()

    def follow(self) -> float:
        """Let everything happen that is due by now: relays whose time is over open, pipes and tanks fill, rain begins,
        night falls. Seconds until it is to be called again if nothing changes, or infinity."""
        mono = self._clock.mono()
        falls = min((board.follow() for board in self.boards.values()), default=math.inf)
        due = min(self.hydraulics.follow(mono), falls)
        return min(max(due - mono, 0.0), self.cabinet.follow_sky())

    def pulse(self, rates: Mapping[str, float], mono: float) -> None:
        """So many pulses a second come at these counting contacts, beside what flows. Raises KeyError."""
        self._played = rates
        self._count(mono)

    def moisture_pct(self, plot: str) -> float:
        """Water in the soil of a plot (its valve's id) now, in percent of its volume. Raises KeyError."""
        return self.soil.plot_pct(plot, self._clock.mono() + self._epoch)

    def break_field(self, broken: Broken, mono: float) -> None:
        """From now on this is broken in pipes and wells, and nothing else."""
        self.hydraulics.suffer(broken, mono)
        self.stirred()

    def floats(self) -> dict[str, str]:
        """What a low line means of each level input (`input/tank`): `empty` or `full`."""
        return {f"input/{n}": found.low_is for n, found in self._site.inputs.items() if found.role == "level"}

    def freeze_probes(self, probes: Collection[str]) -> None:
        """From now on these soil probes show what they show now. Raises KeyError."""
        self.soil.freeze(probes, self._clock.mono() + self._epoch)

    def probes(self) -> list[str]:
        """The sensors that feel the soil's water, and answer."""
        return list(self.soil.probes)

    def sensors(self) -> list[str]:
        """The sensors that answer."""
        return [name for name, sensor in self._site.sensors.items() if self._catalogue[sensor.model].driven]

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
        return kind == "sensor" or (self.boards[name].powered if kind == "board" else self.world.answers(name))

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
        felt = self.surroundings.quantities(model.quantities, self._clock.now().wall)
        if name in self.soil.probes:
            felt["moisture_pct"] = self.soil.probe_pct(name, self._clock.mono() + self._epoch)
        return felt

    def _soil(self, seed: int) -> Soil:
        """A plot for every valve, and a probe in the first plot that names it."""
        plots = {name: pipe.normal for name, pipe in self.hydraulics.pipes.items()}
        probes: dict[str, str | None] = {
            name: next((v for v, valve in self._site.valves.items() if valve.soil == name), None)
            for name in self.sensors()
            if "moisture_pct" in load_model(self._site.sensors[name].model).quantities
        }
        return Soil(plots, probes, self.surroundings, seed, self._clock.now().wall)

    def _stir(self) -> None:
        self.stirred()

    def _powers(self, load: str, on: bool, mono: float) -> None:
        kind, _, name = load.partition(":")
        if kind in ("pump", "valve") and name:
            self.hydraulics.power(f"{kind}/{name}", on, mono)
            self.stirred()

    def _flows(self, l_min: Mapping[str, float], mono: float) -> None:
        inputs = self.counters
        self._flowing = {name: flow * inputs[name].pulses_per_l / 60 for name, flow in l_min.items() if flow}
        self._count(mono)

    def _count(self, mono: float) -> None:
        names = self._played.keys() | self._flowing.keys()
        self.pulsing.flow({n: self._played.get(n, 0.0) + self._flowing.get(n, 0.0) for n in sorted(names)}, mono)

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


def _calm() -> None:
    """Nobody waits for what happens by itself."""


def _phases(model: ModelInfo) -> int:
    return 3 if "voltage_l2_v" in model.quantities else 1
