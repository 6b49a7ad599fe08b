"""The whole village and its controller in one thread, in virtual time, which jumps to whatever happens next.

The controller is the one that `village-edge run` composes; only the leaves that block are others: serial ports, lines
and the MQTT client, whose broker is in memory too.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TextIO

from drivers.api import DriverError
from drivers.modbus import COIL_OFF, COIL_ON, write_coil_request
from edge.core.events import InputChanged, PulsesCounted
from edge.core.site import Site
from edge.core.values import ModelInfo, Moment
from edge.shell import boards, safe
from edge.shell.app import BOARDS_END_S, Shell, compose
from edge.shell.clock import ManualClock
from edge.shell.leases import at_once
from edge.shell.mqtt_client import Broker
from edge.shell.runner import StepRunner, Worker
from edge.shell.safe_file import safe_entries
from edge.shell.seams import Seams
from simulator.broker_double import BrokerDouble
from simulator.client_double import ClientDouble
from simulator.fast_field import COUNTS_S, SOON_S, Field, polled_seldom
from simulator.trace import Trace
from simulator.village import Village
from simulator.virtual_pins import BoardInput, BoardOutput, BoardPulses
from simulator.virtual_port import MemoryPort, Slaves

LOOK_EVERY_S = 1.0
IN_MEMORY = Path("/dev/shm")  # noqa: S108  # files that are no files: there a journal outlives its process as on a card
SAFE_WAITS_S = 1.0  # for a board's answer
DEAD_LINK_S = 22.5  # a broker ends a link on which it heard nothing for one and a half times the keepalive


class VillageTime:
    """Seconds since the simulation began, and the true time of day; neither minds a Pi that is off or a wrong clock."""

    source = "simulated"

    def __init__(self, pi: ManualClock) -> None:
        self._pi = pi
        self._start = pi.now().wall
        self.ahead_s = -pi.mono()

    def mono(self) -> float:
        """Seconds since the simulation began."""
        return self._pi.mono() + self.ahead_s

    def wall(self) -> float:
        """The true time (Unix s), whatever the Pi's clock says."""
        return self._start + self.mono()

    def now(self) -> Moment:
        """Both."""
        return replace(self._pi.now(), wall=self.wall(), mono=self.mono())


@dataclass(frozen=True, slots=True)
class LineChange:
    """A line of the Pi got another level (0 or 1), `at` seconds after the simulation began.

    A relay board's coil counts as one: `coil` is its name (`cabinet-board/0`), `pin` then -1, and it is on at level 1.
    """

    at: float
    pin: int
    level: int
    coil: str = ""

    @property
    def name(self) -> str:
        """`gpio/17` or `cabinet-board/0`."""
        return self.coil or f"gpio/{self.pin}"


class _Played(Village):
    """A village that has `changed` called with each change of a line, before what hangs on it."""

    def __init__(self, changed: Callable[[int, int], None], *more: Any, **named: Any) -> None:
        self._changed = changed
        super().__init__(*more, **named)

    def _line_changed(self, pin: int, level: int) -> None:
        self._changed(pin, level)
        super()._line_changed(pin, level)


class Fast:
    """A village of a validated `site`, from Unix time `start` on; its controller has just started.

    `poll_s`: no device is asked more often, relay boards too, nor are outputs and inputs read more often; an input's
    change is told at once, and water that flows is counted every few seconds. `state`: where journal and history are
    kept; None: nowhere. `trace` gets a line for each event into and each effect out of the core. `persist`: a line
    keeps its level when the controller's process ends, as on Raspberry Pi's own kernels.

    `clock` is the Pi's, `time` the village's. `changes` is all that lines and coils
    did, `broker.retained` what the controller says, `heard` its outcomes and alarms as (seconds, topic, payload). Call
    `close` at the end.
    """

    def __init__(
        self, site: Site, models: Mapping[str, ModelInfo], start: float, seed: int, *, poll_s: float = 0.0,
        state: Path | None = None, trace: TextIO | None = None, persist: bool = True,
    ) -> None:
        self.site = polled_seldom(site, poll_s)
        self.clock = ManualClock(start)
        self.time = VillageTime(self.clock)
        self.changes: list[LineChange] = []
        self.shell: Shell | None = None
        self._contacts = {contact.gpio: (name, contact.active == "low") for name, contact in site.read_inputs().items()}
        self.village = _Played(self._line_changed, site, models, self.time, seed, persist=persist)
        self.village.moved = self._coil_changed
        self._field = Field(self.village, self._count_water)
        self.broker = BrokerDouble(self.time.mono)
        self.root = f"village/{site.site.id}"
        self.heard: list[tuple[float, str, bytes]] = []
        self._models = models
        self._look_every_s = max(poll_s, LOOK_EVERY_S)
        self._board_poll_s = max(poll_s, boards.POLL_S)
        self._temporary = None
        if state is None:
            self._temporary = TemporaryDirectory(prefix="village-", dir=IN_MEMORY if IN_MEMORY.is_dir() else None)
        self._journal = Path(self._temporary.name if self._temporary else state or "") / "journal.db"
        self._trace = None if trace is None else Trace(trace)
        self._plan: list[tuple[float, int, Callable[[], None]]] = []
        self._planned = 0
        self._lives = 0
        self._boots = 1
        self._freezes = 0
        self._frozen = False
        self._held: frozenset[str] = frozenset()
        self.slaves = {name: Slaves(self.village.slaves(name)) for name in site.ports}
        self._ports = {
            name: MemoryPort(name, self.time, port.baudrate, self.slaves[name], self.village.wires[name])
            for name, port in site.ports.items()
        }
        self._entries = safe_entries(site)
        self._clients: dict[str, ClientDouble] = {}  # the controller's, by their ids
        self._phone = self._listen()
        self._start()
        self.runner.settle()  # online: what is sent from now on is heard

    # --- time ---

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass, and do on the way what is planned."""
        end = self.time.mono() + seconds
        while True:
            upcoming = min(self._plan[0][0], end) if self._plan else end
            self.runner.advance(max(upcoming - self.time.mono(), 0.0))
            if not self._do_planned() and self.time.mono() >= end - SOON_S:
                return

    def at(self, seconds: float, action: Callable[[], None]) -> None:
        """Have `action` called `seconds` after the simulation began, between two steps of the workers."""
        self._planned += 1
        heapq.heappush(self._plan, (seconds, self._planned, action))

    def send(self, topic: str, payload: str | bytes | Mapping[str, object], retain: bool = False) -> None:
        """Publish with QoS 1 as a phone does; it arrives with the next `advance`, of 0 seconds too."""
        raw = json.dumps(payload) if isinstance(payload, Mapping) else payload
        self._phone.publish(topic, raw, 1, retain)

    # --- what can happen to the controller ---

    def restart(self, *, kill: bool = True, down_s: float = 0.0) -> None:
        """Its process ends, by SIGKILL or in good order, and starts again `down_s` later: board, journal, broker stay.

        In between, `village-edge safe` has its say, as when the system stops a service.
        """
        self._end(kill=kill)
        for entry in safe.heeding(self._entries, self._journal):
            if entry["safe"] != "hold":
                self._drive(entry, entry["safe"] == "on")
        self.village.board.gone(self._lives)
        self._start_later(down_s, self._start)

    def reboot(self, down_s: float = 40.0) -> None:
        """The Pi loses its power and starts again `down_s` later: another boot, and lines fall to their pulls.

        The broker stands elsewhere: it only sees the link go. The wall clock goes on as it was set, as with a battery.
        """
        self._end(kill=True, lines=False)
        self._start_later(down_s, self._start_anew)

    def hold(self, *names: str) -> None:
        """The workers of these names (`core`, `leases`, `store`, `bus-NAME`) stand still; no name: the process does."""
        assert self.shell is not None
        self._held = frozenset(names or [w.name for w in self.shell.workers])
        if names:
            self._thaw()
        elif not self._frozen:
            self._frozen = True
            self._freezes += 1
            for client in self._clients.values():
                client.frozen = True
                self.at(self.time.mono() + DEAD_LINK_S, partial(self._give_up_link, client, self._freezes))
        self._run()

    def go_on(self) -> None:
        """Nothing stands still any more."""
        self._held = frozenset()
        self._run()
        self._thaw()

    def close(self) -> None:
        """Stop the controller in good order, and forget a journal that is kept nowhere."""
        if self.shell is not None:
            self._end(kill=False)
        if self._temporary is not None:
            self._temporary.cleanup()

    @property
    def journal_file(self) -> Path:
        """The controller's journal."""
        return self._journal

    @property
    def client_ids(self) -> list[str]:
        """Who the controller is to the broker: for commands, and for telemetry."""
        return list(self._clients)

    # --- within ---

    def _do_planned(self) -> bool:
        done = False
        while self._plan and self._plan[0][0] <= self.time.mono() + SOON_S:
            heapq.heappop(self._plan)[2]()
            done = True
        return done

    def _coil_changed(self, coil: str, on: bool) -> None:
        self.changes.append(LineChange(self.time.mono(), -1, int(on), coil))

    def _line_changed(self, pin: int, level: int) -> None:
        """Write it down; a contact's is told to the core without the wait for its next look."""
        self.changes.append(LineChange(self.time.mono(), pin, level))
        if self.shell is not None and pin in self._contacts:
            name, active_low = self._contacts[pin]
            self.shell.core.inbox.put(InputChanged(name, bool(level) != active_low))

    def _start(self) -> None:
        self._lives += 1
        board, pid = self.village.board, self._lives
        outputs = {
            e["output"]: BoardOutput(board, e["gpio"], e["active_low"], pid) for e in self._entries if "gpio" in e
        }
        inputs = {name: BoardInput(board, pin, low, pid) for pin, (name, low) in self._contacts.items()}
        counters = {
            name: BoardPulses(board, contact.gpio, pid, partial(self._pulses, name))
            for name, contact in self.village.counters.items()
        }
        self._counters = counters
        watched = (lambda core: core) if self._trace is None else self._trace.around
        lines = {name: port.mono for name, port in self._ports.items()}
        seams = Seams(
            self._make_client, self._look_every_s, board_poll_s=self._board_poll_s, line_mono=lines, watched=watched,
            apart=at_once,
        )
        self.shell = compose(
            self.site, self._models, self.clock, self._journal, self._broker_for(), outputs, inputs, counters,
            self._ports, seams,
        )
        self.shell.core.start()
        self._held = frozenset()
        self._run()
        self.shell.link.start()

    def _count_water(self) -> None:
        """Tell the core what flow inputs have counted, where it would look too seldom to see that water flows."""
        if self.shell is None or self._frozen or self._look_every_s <= COUNTS_S:
            return
        for name, port in self._counters.items():
            counted = port.read() if self.village.counters[name].role == "flow" else None
            if counted is not None:
                self.shell.core.inbox.put(PulsesCounted(name, counted[0], self.clock.mono(), counted[1]))

    def _pulses(self, name: str) -> tuple[int, float | None]:
        """What ever came at a counting contact, with the time of the last pulse by the Pi's clock."""
        count, last_at = self.village.pulsing.counted(name, self.time.mono())
        return count, None if last_at is None else last_at - self.time.ahead_s

    def _start_anew(self) -> None:
        self._boots += 1
        before = self.clock.mono()
        self.clock.reboot(f"boot-{self._boots}")
        self.time.ahead_s += before - self.clock.mono()
        self._start()

    def _start_later(self, down_s: float, start: Callable[[], None]) -> None:
        self._run()
        if down_s > 0:
            self.at(self.time.mono() + down_s, partial(self._unless_running, start))
        else:
            start()

    def _unless_running(self, start: Callable[[], None]) -> None:
        if self.shell is None:
            start()

    @property
    def _client(self) -> ClientDouble:
        """The one that commands come over."""
        return self._clients[self._broker_for().client_id]

    def _broker_for(self) -> Broker:
        return Broker("127.0.0.1", 1883, self.site.mqtt.protocol, f"village-edge-{self.site.site.id}")

    def _thaw(self) -> None:
        self._frozen = False
        for client in list(self._clients.values()):
            client.thaw()

    def _give_up_link(self, client: ClientDouble, freeze: int) -> None:
        if client.frozen and freeze == self._freezes:
            self.broker.drop(client.name)

    def _end(self, *, kill: bool, lines: bool = True) -> None:
        """The process ends; its lines stay as the kernel leaves them, or fall as power fails."""
        shell, self.shell = self.shell, None
        if shell is not None:
            if kill:
                for client in self._clients.values():
                    client.vanish()
            else:
                shell.link.stop()
                self._turn_off(shell)
                shell.close(self.clock.now())
        board = self.village.board
        if lines:
            board.gone(self._lives)
        else:
            for gpio in (entry["gpio"] for entry in self._entries if "gpio" in entry):
                board.release(gpio, board.holder(gpio) or self._lives)

    def _turn_off(self, shell: Shell) -> None:
        """What a process that ends in good order does to pumps, valves and switches, while its boards still hear."""
        shell.leases.turn_all_off()
        runner = StepRunner([*shell.buses, self.broker, self._field], self.clock)
        deadline = self.clock.mono() + BOARDS_END_S
        while not shell.leases.all_off() and self.clock.mono() < deadline:
            runner.advance(0.05)

    def _drive(self, entry: Mapping[str, Any], on: bool) -> None:
        """What `village-edge safe` does to one output, once."""
        if "gpio" in entry:
            BoardOutput(self.village.board, entry["gpio"], entry["active_low"], self._lives).write(on)
            return
        port = self._ports[entry["port"]]
        question = write_coil_request(entry["address"], entry["coil"], COIL_ON if on else COIL_OFF)
        with suppress(DriverError):
            port.exchange(question, port.mono() + SAFE_WAITS_S)

    def _run(self) -> None:
        workers: list[Worker] = [] if self.shell is None else self.shell.workers
        living = [w for w in workers if w.name not in self._held]
        self.runner = StepRunner([*living, self.broker, self._field], self.clock)

    def _make_client(self, broker: Broker) -> ClientDouble:
        made = ClientDouble(self.broker, broker.client_id, five=broker.protocol == "5")
        self._clients[broker.client_id] = made
        return made

    def _listen(self) -> ClientDouble:
        """A phone that sends what it is asked to, and hears outcomes and alarms."""
        phone = ClientDouble(self.broker, "phone")
        phone.reconnect_delay_set(1, 2)
        filters = [(f"{self.root}/{leaf}", 1) for leaf in ("+/+/result", "alarm/+", "audit", "status")]
        phone.on_connect = lambda client, _data, _flags, code, _more: code.is_failure or client.subscribe(filters)
        phone.on_message = self._hear
        phone.connect_async("127.0.0.1")
        phone.loop_start()
        return phone

    def _hear(self, _client: object, _data: object, message: Any) -> None:
        self.heard.append((self.time.mono(), message.topic, message.payload))
