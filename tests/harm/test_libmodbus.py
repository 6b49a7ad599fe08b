"""libmodbus plays every model, on a line that makes its answers late, cut, noisy, double, another's, or exceptions.

Each slave is a process on a pty; what the line makes of its answers takes its time in virtual time, so that a hundred
thousand exchanges need no day. `make kills` does all of them, the other targets a sample.
"""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from harm_house import EVERY
from harm_modbus import Libmodbus, SpoiltLine
from modbus_double import MemoryPort, Relay
from support import until

from drivers.modbus import Line, read_request
from drivers.modbus_reader import ModbusReader, Turn
from drivers.model import Model
from drivers.registers import load_model, models
from drivers.serial_port import SerialPort
from edge.core.values import Reading
from edge.shell.clock import Clock, ManualClock, SystemClock

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
HERE = Path(__file__).parent
BAUDRATE = 9600
POLL_S = 30.0  # of each of the devices, which are all on one line
EXCHANGES = 100_000 if EVERY else 20_000
ODDS = {
    "late": 0.010, "cut": 0.008, "corrupt": 0.008, "noise": 0.006, "twice": 0.005, "wrong id": 0.005, "exception": 0.004,
    "glued": 0.002, "silent": 0.002,
}  # of an answer; 5 % in all  # fmt: skip


@pytest.fixture(scope="module")
def program() -> Iterator[Path]:
    """The slave, built; skips where it cannot be."""
    if shutil.which("gcc") is None or not Path("/usr/include/modbus/modbus.h").exists():
        pytest.skip("needs libmodbus and a C compiler: sudo apt install gcc libc6-dev libmodbus-dev")
    with TemporaryDirectory(prefix="edge-") as name:
        built = Path(name) / "modbus_slave"
        flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-I/usr/include/modbus"]
        subprocess.run(["gcc", *flags, "-o", str(built), str(HERE / "modbus_slave.c"), "-lmodbus"], check=True)
        yield built


@dataclass
class Device:
    """A model's reader, the slave in one of the model's forms, and how its polls went."""

    reader: ModbusReader
    slave: Libmodbus
    asks: dict[bytes, tuple[str, ...]]
    due: float = 0.0
    polls: int = 0
    in_time: int = 0
    values: int = 0
    wrong: list[str] = field(default_factory=list)

    def take(self, turn: Turn, now: float) -> None:
        """A reading must be made of the last answers to its questions, to the digit."""
        if turn.reading is None:
            return
        self.judge(turn.reading)
        self.polls += 1
        self.in_time += now < self.due + POLL_S
        self.due += POLL_S
        while self.due + POLL_S <= now:  # these had no reading at all
            self.polls += 1
            self.due += POLL_S

    def judge(self, reading: Reading) -> None:
        expected = self.slave.expected(self.asks)
        assert reading.quantities.keys() == expected.keys()
        for name, value in reading.quantities.items():
            self.values += 1
            if value != pytest.approx(expected[name], rel=3e-7, abs=1e-9):
                self.wrong.append(f"{self.reader.device} {name}: {value}, not {expected[name]}")


def device(line: Line, key: str, model: Model, slave: Libmodbus, due: float = 0.0) -> Device:
    blocks = slave.form.plan(line.character_s)
    asks = {read_request(slave.address, b.function, b.register, b.count): b.names for b in blocks}
    return Device(ModbusReader(key, line, slave.address, model), slave, asks, due)


FORMS = [(f"{name}-{i}", load_model(name), form) for name in models() for i, form in enumerate(load_model(name).forms)]


def test_no_wrong_value_and_99_in_100_reads_on_a_line_with_5_in_100_errors(program: Path, tmp_path: Path) -> None:
    clock = ManualClock(wall=1_000_000.0, mono=0.0)
    slaves: dict[int, Libmodbus] = {}
    with SpoiltLine(slaves, odds=ODDS, rng=Random(20261121)) as spoilt:
        line = Line(MemoryPort(clock, spoilt), clock.mono, BAUDRATE)
        devices = {}
        for address, (key, model, form) in enumerate(FORMS, 1):
            slaves[address] = Libmodbus(program, tmp_path, key, form, address, model.telling)
            devices[address] = device(line, key, model, slaves[address], POLL_S * address / len(FORMS))
        spoilt.addresses = frozenset(devices)
        while len(spoilt.asked) < EXCHANGES:
            ready = {a: max(d.due, d.reader.ready_at()) for a, d in devices.items()}
            address = min(ready, key=lambda a: (max(ready[a], clock.mono()), devices[a].due))
            clock.advance(max(ready[address] - clock.mono(), 0))
            devices[address].take(devices[address].reader.ask(clock.now()), clock.mono())

    told = Counter(spoilt.done)
    values = sum(d.values for d in devices.values())
    polls, in_time = (sum(getattr(d, what) for d in devices.values()) for what in ("polls", "in_time"))
    print(
        f"libmodbus: {len(spoilt.asked)} exchanges with {len(devices)} slaves, {len(spoilt.asked) - told['good']} of them "
        f"spoilt; {values} values; {100 * in_time / polls:.2f} % of {polls} polls answered in time"
    )
    assert [w for d in devices.values() for w in d.wrong] == []
    assert all(told[kind] >= EXCHANGES * share / 2 for kind, share in ODDS.items())
    assert all(d.values for d in devices.values())
    assert in_time >= 0.99 * polls
    assert len(spoilt.asked) - told["good"] >= 0.045 * len(spoilt.asked)


class Noting:
    """The production leaf, and which scene each of its questions is answered from."""

    def __init__(self, port: SerialPort, slave: Libmodbus) -> None:
        self._port, self._slave = port, slave

    def exchange(self, request: bytes, deadline: float) -> bytes:
        self._slave.note(request)
        return self._port.exchange(request, deadline)


@pytest.mark.parametrize(("key", "model", "form"), FORMS, ids=[key for key, _, _ in FORMS])
def test_the_serial_port_reads_every_form_from_libmodbus(
    program: Path, tmp_path: Path, key: str, model: Model, form: Model
) -> None:
    clock: Clock = SystemClock()
    relay = Relay()
    port = SerialPort(relay.left, BAUDRATE, "none", 1, clock.mono)
    slave = Libmodbus(program, tmp_path, key, form, 7, model.telling, relay.right)
    try:
        line = Line(Noting(port, slave), clock.mono, BAUDRATE, least_quiet_s=0.01)
        read = device(line, key, model, slave)
        while not read.values:
            until(lambda: clock.mono() >= read.reader.ready_at(), 5, "the line to be free")
            turn = read.reader.ask(clock.now())
            assert turn.error is None
            read.take(turn, clock.mono())
    finally:
        port.close()
        slave.end()
        relay.close()
    assert read.wrong == []
