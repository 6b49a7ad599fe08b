"""The composition root: a configuration in, running workers out. The only importer of drivers, but for safe.py."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from drivers import registers, settings
from drivers.gpio import GpioInput, GpioOutput, PulseInput
from drivers.modbus import Line, Port
from drivers.modbus_reader import ModbusReader
from drivers.modbus_relay import ModbusRelay
from drivers.probing import Probe as Probe  # noqa: PLC0414  # those who are given one name its type
from drivers.serial_port import SerialPort
from edge.core import site_devices
from edge.core.alarm_kinds import SAFE_MODE
from edge.core.alarms import Past
from edge.core.assembly import assemble, decoder, village
from edge.core.diagnosis import telling
from edge.core.events import Event
from edge.core.site import Meter, Sensor, Site, driven_meters, driven_sensors
from edge.core.topics import Topics
from edge.core.values import ModelInfo, Moment, Setting
from edge.shell import safe_file
from edge.shell.boards import RelayBoard
from edge.shell.bus import BusWorker, Polled
from edge.shell.bus_figures import BusFigures
from edge.shell.clock import Clock, SimulatedClock, SystemClock
from edge.shell.contacts import Contacts, InputPort
from edge.shell.core_worker import CoreWorker
from edge.shell.doctor import Catalogue, Doctor, Progress, quiet
from edge.shell.effects import Effects, OutputPort
from edge.shell.files import replace_file
from edge.shell.heartbeat import EVERY_S, Heartbeat
from edge.shell.keeping import FILE, Files, Keeping, keep
from edge.shell.leases import LeaseKeeper
from edge.shell.mqtt import MqttLink
from edge.shell.mqtt_client import Broker, client_id, password_in
from edge.shell.notify import Notifier
from edge.shell.pulses import DEBOUNCE_S, CounterPort, Pulses
from edge.shell.runner import Inbox, ThreadRunner, Worker
from edge.shell.seams import Seams
from edge.shell.signs import Signs
from edge.shell.simulated_card import SimulatedCard
from edge.shell.site_file import ConfigError, load, password_file
from edge.shell.state_dir import held
from edge.shell.store import StoreWorker
from edge.typed import Address

log = logging.getLogger(__name__)
SWITCH_S = 0.0005  # a thread with something to send waits no longer for one that computes; Python's own 5 ms are felt
LAST_GOOD = "site.yaml"
START_S = 180.0  # a start at most: all of a damaged journal is read, on a card that is slow
BOARDS_END_S = 2.0  # what a line needs for a write and a reading at most, but for a device that does not answer


def catalogue() -> dict[str, ModelInfo]:
    """What is known of device models. One whose file has errors is known by name, but not driven."""
    return registers.catalogue()


def broken_models() -> list[str]:
    """Every error in a model file, with file, line and remedy."""
    return [line for error in registers.broken() for line in str(error).splitlines()]


@dataclass(frozen=True, slots=True)
class Options:
    """What `run` was asked for.

    `sim` is the directory of a village-sim; `mqtt` and `protocol` stand in place of the configuration's.
    `was_safe`: since when (monotonic s) safe mode stood until now, and the data of its alarm.
    """

    config: Path
    state: Path
    sim: Path | None = None
    mqtt: Address | None = None
    protocol: str | None = None
    was_safe: tuple[float, Mapping[str, object]] | None = None


@dataclass(frozen=True, slots=True)
class Shell:
    """The workers around one core, not yet started; the same ones for threads and for virtual time."""

    core: CoreWorker
    leases: LeaseKeeper
    store: StoreWorker
    link: MqttLink
    keeping: Keeping
    buses: list[Worker]

    def close(self, moment: Moment) -> None:
        """Keep what is to be kept, and close the files: after the workers' last steps, in good order."""
        self.core.stop()
        self.store.close(moment)
        self.keeping.close(moment)

    @property
    def workers(self) -> list[Worker]:
        """All of them, the core first."""
        return [self.core, self.leases, self.store, *self.keeping.workers, *self.buses]


def compose(
    site: Site, models: Mapping[str, ModelInfo], clock: Clock, journal: Path | None, broker: Broker,
    outputs: Mapping[str, OutputPort], inputs: Mapping[str, InputPort], counters: Mapping[str, CounterPort],
    ports: Mapping[str, Port], seams: Seams | None = None, configuration: Path | None = None,
    passed: Callable[[], None] = lambda: None,
) -> Shell:
    """Wire the shell of `site`.

    `outputs`, those on lines of the Pi, go by `<kind>/<id>`, a light's by `light/<id>/<circuit>`; `inputs` as
    Site.read_inputs names them, `counters` as Site.counted_inputs does, `ports` by name; `journal` None: in memory, and
    without a history, which lies beside it. `configuration` is the file that `site` was read from; `passed` is for
    CoreWorker.
    """
    seams = seams or Seams()
    inbox: Inbox[Event] = Inbox()
    store = StoreWorker(journal, inbox.put, seams.before_commit)
    files = None if journal is None else Files(journal.with_name(FILE), journal, broker, configuration)
    figures = BusFigures(clock)
    keeping = keep(site, models, files, store, clock, inbox.put, seams, figures)
    names = Topics(site.site.id)
    link = MqttLink(broker, names, decoder(site), inbox.put, clock, seams.make_client)
    core = assemble(site, models, store.memory(), version("village-edge"), seams.look_every_s)
    controller = seams.watched(core)
    hands = dict(outputs)
    buses: list[Worker] = []
    for name, port in ports.items():
        mono = seams.line_mono.get(name, clock.mono)
        note = figures.of(name, _addresses(site, models, name), mono)
        line = Line(port, mono, site.ports[name].baudrate, note=note)
        relays = _boards(site, name, line, clock, seams.board_poll_s, inbox.put)
        for board in relays.values():
            hands |= board.ports()
        polled = [Polled(f"board/{i}", board, seams.board_poll_s) for i, board in relays.items()]
        polled += _measuring(site, models, name, line)
        if polled:
            buses.append(BusWorker(f"bus-{name}", polled, inbox.put))
    fed_by = {f"valve/{i}": f"pump/{valve.pump}" for i, valve in site.valves.items() if valve.pump is not None}
    leases = LeaseKeeper(hands, clock.mono, inbox.put, fed_by, seams.apart)
    worker = CoreWorker(
        controller, Effects(leases, store, link, keeping), clock, inbox, seams.look_every_s, Contacts(inputs),
        Pulses(counters), passed,
    )
    return Shell(worker, leases, store, link, keeping, buses)


class App:
    """One controller on this machine's clock, in threads."""

    def __init__(self, options: Options) -> None:
        """Read configuration and journal; needs neither broker nor hardware. Raises ConfigError and StateUnusable."""
        sim = options.sim
        self._clock = SystemClock() if sim is None else SimulatedClock(sim)
        notifier = Notifier.from_environment(self._clock.mono)
        notifier.patience(START_S)
        models = catalogue()
        self._lock = held(options.state)
        site, self._fallback = load_or_fall_back(options.config, options.state / LAST_GOOD, models)
        if sim is not None:
            os.environ.update(GPIOZERO_PIN_FACTORY="village", VILLAGE_SIM=str(sim))
        broker = _broker(site, options)
        _keep_safe_state(options, site, models, broker)
        heartbeat = heartbeat_of(site)
        self._signs = Signs(notifier, heartbeat, self._status)
        seams = Seams() if sim is None else Seams(before_commit=SimulatedCard(sim))
        if heartbeat is not None:
            seams = replace(seams, look_every_s=EVERY_S)
        self._shell = compose(
            site, models, self._clock, options.state / "journal.db", broker, gpio_outputs(site),
            gpio_inputs(site), gpio_counters(site, self._clock), serial_ports(site, sim, self._clock), seams,
            options.config, self._signs.passed,
        )
        self._outputs = len(site.outputs())
        self._past: Past | None = None
        if options.was_safe is not None:
            since, data = options.was_safe
            self._past = Past(SAFE_MODE, f"site/{site.site.id}", self._clock.now().wall_at(since), data)
        self._runner = ThreadRunner(self._shell.workers, self._clock)

    def start(self) -> None:
        """Claim the outputs, then start everything else. Nothing waits for the network."""
        sys.setswitchinterval(SWITCH_S)
        self._shell.core.start(self._fallback, self._past)
        self._runner.start()
        self._shell.link.start()

    def stop(self) -> None:
        """Say goodbye, turn pumps, valves and switches off, and keep what is to be kept. Lights stay as they are;
        `village-edge safe` is for the rest."""
        self._signs.stopping()
        self._shell.link.stop()
        late = self._runner.stop(only=("core",))
        self._shell.leases.turn_all_off()
        self._wait_for_boards()
        self._signs.stopped()
        late += [name for name in self._runner.stop() if name not in late]
        for name in late:
            log.error("worker %s did not end in time", name)
        self._shell.close(self._clock.now())
        os.close(self._lock)

    def _status(self) -> str:
        """One line for people."""
        broker = "connected" if self._shell.link.up else "away"
        fallback = "" if self._fallback is None else "; the configuration has errors, the last good one is in force"
        return f"in control of {self._outputs} outputs; broker {broker}{fallback}"

    def _wait_for_boards(self) -> None:
        """Give them the time to take what they were told, and to say that it is so."""
        deadline = self._clock.mono() + BOARDS_END_S
        while not self._shell.leases.all_off() and self._clock.mono() < deadline:
            threading.Event().wait(0.02)


def load_or_fall_back(config: Path, last_good: Path, models: Mapping[str, ModelInfo]) -> tuple[Site, str | None]:
    """The configuration, kept as the last good one; or, if it has errors, the last good one and the first error.

    Raises ConfigError when there is no good one either.
    """
    try:
        site = load(config, models)
    except ConfigError as error:
        try:
            site = load(last_good, models, any_tariff=True)  # they lie beside the configuration, and cost no light
        except ConfigError:
            raise error from None
        log.error("the configuration has errors, the last good one (%s) is in use:\n%s", last_good, error)
        return site, str(error).splitlines()[0]
    try:
        replace_file(last_good, config.read_bytes())
    except OSError as error:  # a full or read-only card keeps nobody's light off
        log.error("%s cannot be written: %s", last_good, error)
    return site, None


def heartbeat_of(site: Site) -> Heartbeat | None:
    """The line of the heartbeat, if there is one."""
    return None if site.heartbeat is None else Heartbeat(GpioOutput(site.heartbeat.gpio, active_low=False))


def gpio_outputs(site: Site) -> dict[str, GpioOutput]:
    """A driver for every output on a line of the Pi, by its name."""
    return {
        name: GpioOutput(wired.gpio, wired.active == "low")
        for name, wired in site.outputs().items()
        if isinstance(wired, site_devices.GpioOutput)
    }


def gpio_inputs(site: Site) -> dict[str, InputPort]:
    """A driver for every contact that is read, by its name."""
    return {name: GpioInput(contact.gpio, contact.active == "low") for name, contact in site.read_inputs().items()}


def gpio_counters(site: Site, clock: Clock) -> dict[str, CounterPort]:
    """A driver for every counting contact, by its name."""
    return {
        name: PulseInput(contact.gpio, contact.active == "low", DEBOUNCE_S[contact.role], clock.mono)
        for name, contact in site.counted_inputs().items()
    }


def serial_ports(site: Site, sim: Path | None, clock: Clock) -> dict[str, Port]:
    """A serial port for each of the configuration's; in a simulated village DIR/ports/NAME stands in for its device."""
    if sim is not None:
        devices = {name: str(sim / "ports" / name) for name in site.ports}
        return {n: SerialPort(devices[n], p.baudrate, p.parity, p.stopbits, clock.mono) for n, p in site.ports.items()}
    return {
        name: SerialPort(p.device, p.baudrate, p.parity, p.stopbits, clock.mono, p.rts)
        for name, p in site.ports.items()
    }


def doctors(
    site: Site, sim: Path | None, clock: Clock, pause: Callable[[float], object], progress: Progress = quiet
) -> dict[str, Doctor]:
    """A doctor for each serial port of the configuration, or of the simulated village in `sim`."""
    families = {name: registers.places(name, telling) for name in registers.models()}
    return {
        name: Doctor(name, str(device_of(site, sim, name)), probe(site, sim, clock, name, pause),
                     Catalogue(catalogue(), families), progress)
        for name in site.ports
    }  # fmt: skip


def probe(site: Site, sim: Path | None, clock: Clock, port: str, pause: Callable[[float], object]) -> Probe:
    """A serial port of the configuration for a person who asks it; see drivers.probing."""
    wired = site.ports[port]
    device = str(device_of(site, sim, port))
    rts = wired.rts if sim is None else None

    def open_at(setting: Setting) -> SerialPort:
        return SerialPort(device, setting.baudrate, setting.parity, setting.stopbits, clock.mono, rts)

    return Probe(open_at, Setting(wired.baudrate, wired.parity, wired.stopbits), clock.now, pause)


def setting_request(model: str, device: int, *, address: int | None = None, baudrate: int | None = None) -> bytes:
    """The frame that gives the device at the address `device` another address, or another speed (baud).

    Raises ValueError for a model that cannot be told so, and for what it cannot be told.
    """
    how = settings.settable(model)
    if how is None:
        raise ValueError(f"{model} is set by its own buttons or switches; only SDM and PZEM models can be told")
    if address is not None:
        return settings.address_request(how, device, address)
    return settings.speed_request(how, device, baudrate or 0)


def device_of(site: Site, sim: Path | None, port: str) -> Path:
    """The device of a serial port; in a simulated village DIR/ports/NAME stands in for it."""
    return Path(site.ports[port].device) if sim is None else sim / "ports" / port


def _measuring(site: Site, models: Mapping[str, ModelInfo], port: str, line: Line) -> list[Polled]:
    """The meters and sensors on one port, each with its reader."""
    return [
        Polled(name, ModbusReader(name, line, device.address, registers.load_model(device.model)), device.poll)
        for name, device in _driven(site, models, port).items()
    ]


def _driven(site: Site, models: Mapping[str, ModelInfo], port: str) -> dict[str, Meter | Sensor]:
    found: dict[str, Meter | Sensor] = {f"meter/{i}": meter for i, meter in driven_meters(site, models).items()}
    found |= {f"sensor/{i}": sensor for i, sensor in driven_sensors(site, models).items()}
    return {name: device for name, device in found.items() if device.port == port}


def _addresses(site: Site, models: Mapping[str, ModelInfo], port: str) -> dict[int, str]:
    """Whoever is asked on one port, by its address."""
    wired = {f"board/{out.board}" for out in site.outputs().values() if isinstance(out, site_devices.BoardOutput)}
    boards = {f"board/{i}": board for i, board in site.boards.items() if board.port == port}
    found = {board.address: name for name, board in boards.items() if name in wired}
    return found | {device.address: name for name, device in _driven(site, models, port).items()}


def _boards(
    site: Site, port: str, line: Line, clock: Clock, poll_s: float, put: Callable[[Event], None]
) -> dict[str, RelayBoard]:
    """The relay boards on one port that have an output on them."""
    used: dict[str, dict[int, str]] = {}
    for name, wired in site.outputs().items():
        if isinstance(wired, site_devices.BoardOutput):
            used.setdefault(wired.board, {})[wired.coil] = name
    return {
        i: RelayBoard(
            coils, ModbusRelay(line, b.address, registers.load_board(b.model)), poll_s, clock.mono, put
        )
        for i, coils in used.items()
        if (b := site.boards[i]).port == port
    }


def _broker(site: Site, options: Options) -> Broker:
    mqtt = site.mqtt
    host, port = (mqtt.host, mqtt.port) if options.mqtt is None else (options.mqtt.host, options.mqtt.port)
    password = password_in(password_file(site, options.config))
    name = client_id(site.site.id, password)
    return Broker(host, port, options.protocol or mqtt.protocol, name, mqtt.user, password)


def _keep_safe_state(options: Options, site: Site, models: Mapping[str, ModelInfo], broker: Broker) -> None:
    secret = password_file(site, options.config)
    more = {
        "village": village(site, models),
        "broker": {
            "host": broker.host, "port": broker.port, "protocol": broker.protocol, "user": broker.user,
            "password_file": None if secret is None else str(secret),
        },
    }
    path = options.state / safe_file.FILE
    try:
        safe_file.save(path, safe_file.safe_entries(site), more)
    except OSError as error:  # a full or read-only card keeps nobody's light off
        log.error("%s cannot be written: %s; `village-edge safe` knows the state before", path, error)
