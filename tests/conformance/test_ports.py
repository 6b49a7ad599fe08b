"""One suite for two serial lines with the simulator's slaves: in memory, and on a pty through the real serial leaf."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
from pathlib import Path

import pytest
from support import until

from drivers.api import NoAnswer, PortGone
from drivers.modbus import COIL_OFF, COIL_ON, READ_COILS, check, read_request, sealed, write_coil_request
from drivers.registers import Model, load_board, load_model, models
from drivers.serial_port import SerialPort
from edge.shell.clock import ManualClock, SystemClock
from simulator.fast import VillageTime
from simulator.fault_bus import Trouble, Wire
from simulator.relay_board import RelayBoard
from simulator.slaves import Slave, SlavePort
from simulator.virtual_port import MemoryPort, Slaves

METER = {"voltage_v": 231.68, "power_w": 480.0, "energy_kwh": 5188.85, "power_factor": 0.95}
STREET = {"voltage_l1_v": 229.9, "power_l3_w": -12.5, "power_w": 1432.5, "energy_kwh": 0.125, "total_kwh": 5188.85}
BAUDRATE = 9600
EVERY_FORM = {f"{name} {i}": form for name in models() for i, form in enumerate(load_model(name).forms)}
FORMS = {key: 21 + i for i, key in enumerate(EVERY_FORM)}  # their Modbus addresses


def within(model: Model) -> dict[str, float]:
    """Figures that a device of this model can have, none like another, and factors that are not 1."""
    held = {n: 3 * q.scale for n, q in model.factors.items()}
    for i, (name, quantity) in enumerate(model.quantities.items()):
        low, high = quantity.limits
        held[name] = low + (high - low) * (0.11 + 0.03 * i)
    return held


def slaves() -> list[Slave | RelayBoard]:
    """An SDM120 at 2, an SDM630 at 1, a board of eight relays at 10, and one of each form of every model from 21."""
    meters = [Slave(2, load_model("sdm120"), lambda: METER), Slave(1, load_model("sdm630"), lambda: STREET)]
    forms = [Slave(FORMS[key], form, partial(within, form)) for key, form in EVERY_FORM.items()]
    timed = load_board("waveshare-relay-8").timed_on
    return [*meters, *forms, RelayBoard(10, 8, lambda *_: None, timed, lambda: 0.0)]


def wire() -> Wire:
    return Wire(random.Random(1), lambda _: True)


class Pty:
    """The slaves on a pty, and the daemon's serial port."""

    def __init__(self, link: Path) -> None:
        self.wire = wire()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.mono = SystemClock().mono
        self.slaves = self._call(lambda: SlavePort(link, slaves(), self.wire))
        self.port = SerialPort(str(link), BAUDRATE, "none", 1, self.mono)

    def _call(self, act: Callable[[], SlavePort]) -> SlavePort:
        future: Future[SlavePort] = Future()
        self._loop.call_soon_threadsafe(lambda: future.set_result(act()))
        return future.result(5)

    def await_bytes(self, count: int) -> None:
        until(lambda: self.port._serial is not None and self.port._serial.in_waiting >= count, 5, "the late answer")

    def unplug(self) -> None:
        self._call(lambda: self.slaves.unplug() or self.slaves)

    def plug(self) -> None:
        self._call(lambda: self.slaves.plug() or self.slaves)

    def close(self) -> None:
        self.port.close()
        self._loop.call_soon_threadsafe(self.slaves.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()


class Memory:
    """The slaves in memory, on a line in virtual time."""

    def __init__(self) -> None:
        self.wire = wire()
        self.clock = ManualClock(0.0)
        self.port = MemoryPort("line", VillageTime(self.clock), BAUDRATE, Slaves(slaves()), self.wire)
        self.mono = self.port.mono

    def await_bytes(self, count: int) -> None:
        self.clock.advance(1.0)

    def unplug(self) -> None:
        self.wire.trouble = Trouble(gone=True)

    def plug(self) -> None:
        self.wire.trouble = Trouble()

    def close(self) -> None:
        """Nothing to let go of."""


@pytest.fixture(params=["memory", "pty"])
def line(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Memory | Pty]:
    made = Memory() if request.param == "memory" else Pty(tmp_path / "rs485")
    yield made
    made.close()


@pytest.fixture
def both(tmp_path: Path) -> Iterator[tuple[Memory, Pty]]:
    memory, pty = Memory(), Pty(tmp_path / "rs485")
    yield memory, pty
    memory.close()
    pty.close()


def ask(line: Memory | Pty, question: bytes, wait_s: float = 0.3) -> bytes:
    return line.port.exchange(question, line.mono() + wait_s)


QUESTIONS = {
    "every block of an sdm630": [read_request(1, 4, b.register, b.count) for b in load_model("sdm630").blocks],
    "every block of an sdm120": [read_request(2, 4, b.register, b.count) for b in load_model("sdm120").blocks],
    "every probe of an sdm630": [read_request(1, 4, b.register, b.count) for b in load_model("sdm630").probes],
    "half a quantity": [read_request(2, 4, 0x0001, 1), read_request(2, 4, 0x000D, 2)],
    "registers that mean nothing": [read_request(2, 4, 0x0010, 4)],
    "beyond the last register": [read_request(2, 4, 0x0400, 2), read_request(2, 4, 0x0156, 2), read_request(1, 4, 0xFFF0, 4)],
    "coils": [
        read_request(10, READ_COILS, 0, 8), write_coil_request(10, 0, COIL_ON), write_coil_request(10, 6, COIL_ON),
        read_request(10, READ_COILS, 0, 8), read_request(10, READ_COILS, 6, 1), read_request(10, READ_COILS, 5, 3),
        write_coil_request(10, 0, COIL_OFF), write_coil_request(10, 1, COIL_OFF), read_request(10, READ_COILS, 0, 8),
    ],
    "beyond the last coil": [
        read_request(10, READ_COILS, 0, 9), read_request(10, READ_COILS, 8, 1), read_request(10, READ_COILS, 0x0200, 8),
        write_coil_request(10, 8, COIL_ON), write_coil_request(10, 0xFFFF, COIL_OFF),
        write_coil_request(10, 0x0203, 150), write_coil_request(10, 0x0203, 0), write_coil_request(10, 0x0203, 0x8000),
        write_coil_request(10, 0x0208, 150), write_coil_request(10, 3, 0x1234), read_request(10, READ_COILS, 0, 8),
        write_coil_request(10, 3, COIL_OFF), read_request(10, READ_COILS, 0, 8),
    ],
    "a board's registers": [read_request(10, f, 0, 1) for f in (3, 4)],
    "another function": [read_request(2, f, 0, 1) for f in (1, 3)] + [sealed(bytes((2, 6, 0, 0, 0, 1)))],
}  # fmt: skip


@pytest.mark.parametrize("key", EVERY_FORM)
def test_both_answer_all_that_is_asked_of_a_model_and_refuse_what_it_must_not_be_asked(
    both: tuple[Memory, Pty], key: str
) -> None:
    memory, pty = both
    form, address = EVERY_FORM[key], FORMS[key]
    for block in [*form.factor_plan(0.001), *form.blocks, *form.probes]:
        question = read_request(address, block.function, block.register, block.count)
        answer = ask(memory, question)
        check(question, answer)
        assert answer.hex(" ") == ask(pty, question).hex(" ")
    for first, last in form.forbidden:
        question = read_request(address, form.function, last, 1)
        assert ask(memory, question) == ask(pty, question) == sealed(bytes((address, form.function | 0x80, 2))), first


@pytest.mark.parametrize("questions", QUESTIONS.values(), ids=QUESTIONS.keys())
def test_both_answer_byte_for_byte_the_same(both: tuple[Memory, Pty], questions: list[bytes]) -> None:
    memory, pty = both
    for question in questions:
        assert ask(memory, question).hex(" ") == ask(pty, question).hex(" "), question.hex(" ")


def test_what_is_answered_are_the_meters_values(line: Memory | Pty) -> None:
    model = load_model("sdm120")
    block = model.blocks[0]
    question = read_request(2, 4, block.register, block.count)
    values = model.decode(block, check(question, ask(line, question)))
    assert {name: values[name] for name in METER if name in values} == {n: v for n, v in METER.items() if n in values}
    assert values["power_w"] == 480.0


@pytest.mark.parametrize(
    "question",
    [read_request(3, 4, 0, 2), sealed(bytes((0, 4, 0, 0, 0, 2))), bytes((2, 4, 0, 0, 0, 2, 0, 0))],
    ids=["nobody's address", "to everybody", "a wrong checksum"],
)
def test_silence_lasts_to_the_deadline_and_the_next_is_answered(line: Memory | Pty, question: bytes) -> None:
    end = line.mono() + 0.2
    with pytest.raises(NoAnswer):
        line.port.exchange(question, end)
    assert line.mono() >= end
    assert ask(line, read_request(2, 4, 0, 2))[:3] == bytes((2, 4, 4))


def test_an_answer_takes_time_on_the_line(line: Memory | Pty) -> None:
    began = line.mono()
    ask(line, read_request(2, 4, 0, 2))
    assert began < line.mono() < began + 0.3


def test_a_late_answer_is_missed_and_thrown_away_before_the_next_question(line: Memory | Pty) -> None:
    line.wire.trouble = Trouble(late={2: 0.15})
    with pytest.raises(NoAnswer):
        ask(line, read_request(2, 4, 0x000C, 2), 0.1)
    line.wire.trouble = Trouble()
    line.await_bytes(9)
    assert ask(line, read_request(2, 4, 0, 2))[3:7].hex() == "4367ae14"


def test_a_late_answer_runs_into_the_next_question(line: Memory | Pty) -> None:
    """Nothing on the line says whose it is: what must not believe it sits above."""
    line.wire.trouble = Trouble(late={2: 0.2})
    with pytest.raises(NoAnswer):
        ask(line, read_request(2, 4, 0x000C, 2), 0.1)
    line.wire.trouble = Trouble()
    power = ask(line, read_request(2, 4, 0, 2))  # asked for a voltage
    assert power[3:7].hex() == "43f00000"


def test_an_adapter_that_is_pulled_is_gone_and_answers_when_it_is_back(line: Memory | Pty) -> None:
    question = read_request(2, 4, 0, 2)
    before = ask(line, question)
    line.unplug()
    for _ in range(2):
        with pytest.raises(PortGone, match="gone or taken by another program"):
            ask(line, question)
    line.plug()
    assert ask(line, question) == before


def test_an_exchange_in_memory_takes_the_lines_time_and_nobody_elses() -> None:
    line = Memory()
    ask(line, read_request(2, 4, 0, 2))
    with pytest.raises(NoAnswer):
        ask(line, read_request(3, 4, 0, 2), 0.3)
    assert line.clock.mono() == 1000.0
    assert 1000.3 < line.mono() < 1000.4


@pytest.mark.parametrize("count", [0, 126])
def test_an_impossible_count_is_refused_in_memory_as_the_standard_says(count: int) -> None:
    """pymodbus 3.16.1 refuses it under function 0x80."""
    assert ask(Memory(), sealed(bytes((2, 4, 0, 0, 0, count))))[:3] == bytes((2, 0x84, 3))
