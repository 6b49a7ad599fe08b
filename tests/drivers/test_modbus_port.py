"""The serial leaf on pseudo-terminals, and an independent slave (pymodbus) at the far end."""

from __future__ import annotations

import array
import asyncio
import errno
import fcntl
import os
import pty
import threading
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from modbus_double import MemoryPort, PtySlaves, Relay, fixed
from pymodbus.server import ModbusSerialServer
from pymodbus.simulator import DataType, SimData, SimDevice
from support import descriptors, until

from drivers.api import BadAnswer, NoAnswer, PortGone
from drivers.modbus import Line, Port, check, read_request
from drivers.modbus_reader import ModbusReader
from drivers.registers import Model, load_model
from drivers.serial_port import SerialPort
from edge.core.values import Reading
from edge.shell.clock import Clock, ManualClock, SystemClock

CLOCK = SystemClock()
ASK = read_request(1, 4, 0, 2)
ANSWER = bytes.fromhex("01 04 04 43 67 AF 55 E2 10")
MODELS = {1: load_model("sdm630"), 2: load_model("sdm120")}
VALUES = {
    a: {n: float(a + i) if q.limits[1] > 20 else 0.25 * a for i, (n, q) in enumerate(m.quantities.items())}
    for a, m in MODELS.items()
}


class FarEnd:
    """The other end of a pseudo-terminal, in the test's own hands."""

    def __init__(self) -> None:
        self.fd, self._near = pty.openpty()
        tty.setraw(self._near)
        self.device = os.ttyname(self._near)
        self._plugged = True

    def answers(self, *chunks: bytes, pause: Callable[[], None] = lambda: None) -> threading.Thread:
        """A thread that takes one question and sends `chunks`, with a `pause` before each."""

        def serve() -> None:
            os.read(self.fd, 256)
            for chunk in chunks:
                pause()
                os.write(self.fd, chunk)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        return thread

    def unplug(self) -> None:
        if self._plugged:
            self._plugged = False
            os.close(self.fd)
            os.close(self._near)


@pytest.fixture
def far() -> Iterator[FarEnd]:
    end = FarEnd()
    yield end
    end.unplug()


@pytest.fixture
def port(far: FarEnd) -> Iterator[SerialPort]:
    port = SerialPort(far.device, 9600, "none", 1, CLOCK.mono)
    yield port
    port.close()


def test_an_answer_is_back_as_soon_as_it_is_whole(far: FarEnd, port: SerialPort) -> None:
    thread = far.answers(ANSWER[:1], ANSWER[1:6], ANSWER[6:])
    began = CLOCK.mono()
    assert port.exchange(ASK, began + 20) == ANSWER
    assert CLOCK.mono() - began < 10
    thread.join(5)


def test_an_exception_is_back_as_soon_as_it_is_whole(far: FarEnd, port: SerialPort) -> None:
    exception = bytes.fromhex("01 84 02 C2 C1")
    thread = far.answers(exception)
    began = CLOCK.mono()
    assert port.exchange(ASK, began + 20) == exception
    assert CLOCK.mono() - began < 10
    thread.join(5)


def test_what_came_before_the_question_is_thrown_away(far: FarEnd, port: SerialPort) -> None:
    thread = far.answers(ANSWER)
    assert port.exchange(ASK, CLOCK.mono() + 5) == ANSWER
    thread.join(5)
    os.write(far.fd, b"\x55" * 30)
    thread = far.answers(ANSWER)
    assert port.exchange(ASK, CLOCK.mono() + 5) == ANSWER
    thread.join(5)


def test_silence_is_no_answer_and_half_an_answer_is_given_back_at_the_deadline(far: FarEnd, port: SerialPort) -> None:
    began = CLOCK.mono()
    with pytest.raises(NoAnswer, match="power, wiring"):
        port.exchange(ASK, began + 0.05)
    assert CLOCK.mono() - began >= 0.05
    assert os.read(far.fd, 256) == ASK

    thread = far.answers(ANSWER[:5])
    assert port.exchange(ASK, CLOCK.mono() + 0.1) == ANSWER[:5]
    thread.join(5)


@pytest.mark.parametrize(("baudrate", "silence_s"), [(9600, 0.0040), (38400, 0.00175)])
def test_three_and_a_half_characters_of_silence_are_kept(far: FarEnd, baudrate: int, silence_s: float) -> None:
    port = SerialPort(far.device, baudrate, "none", 1, CLOCK.mono)
    sent: list[float] = []
    answered: list[float] = []

    def serve() -> None:
        for _ in range(5):
            os.read(far.fd, 256)
            sent.append(CLOCK.mono())
            answered.append(CLOCK.mono())
            os.write(far.fd, ANSWER)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    for _ in range(5):
        port.exchange(ASK, CLOCK.mono() + 5)
    thread.join(5)
    port.close()
    gaps = [later - earlier for earlier, later in zip(answered, sent[1:], strict=False)]
    assert min(gaps) >= silence_s


def test_a_line_that_is_never_silent_is_a_bad_answer(far: FarEnd, port: SerialPort) -> None:
    thread = far.answers(ANSWER)
    port.exchange(ASK, CLOCK.mono() + 5)
    thread.join(5)
    stop = threading.Event()

    def babble() -> None:
        while not stop.wait(0.0005):
            os.write(far.fd, b"\x55")

    noise = threading.Thread(target=babble, daemon=True)
    noise.start()
    try:
        with pytest.raises(BadAnswer):
            check(ASK, port.exchange(ASK, CLOCK.mono() + 0.1))
    finally:
        stop.set()
        noise.join(5)


def test_one_process_at_a_time(far: FarEnd, port: SerialPort) -> None:
    thread = far.answers(ANSWER)
    port.exchange(ASK, CLOCK.mono() + 5)
    thread.join(5)
    other = SerialPort(far.device, 9600, "none", 1, CLOCK.mono)
    with pytest.raises(PortGone, match="taken by another program"):
        other.exchange(ASK, CLOCK.mono() + 0.05)


class Rs485Driver:
    """What a port's driver in the kernel does with TIOCGRS485 and TIOCSRS485; a pseudo-terminal has neither."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, takes: int = ~0) -> None:
        self.flags, self._takes = 0x10, takes
        self._real = fcntl.ioctl
        monkeypatch.setattr(fcntl, "ioctl", self._ioctl)

    def _ioctl(self, fd: int, request: int, arg: object = 0, mutate: bool = True) -> object:
        if request not in (0x542E, 0x542F):
            return self._real(fd, request, arg, mutate)  # type: ignore[call-overload]
        assert isinstance(arg, array.array)
        if request == 0x542E:
            arg[0] = self.flags
        else:
            self.flags = arg[0] & self._takes
        return 0


@pytest.mark.parametrize(("rts", "flags"), [("send-high", 0x03), ("send-low", 0x05)])
def test_rts_turns_with_each_frame_where_it_drives_the_direction(
    far: FarEnd, monkeypatch: pytest.MonkeyPatch, rts: str, flags: int
) -> None:
    driver = Rs485Driver(monkeypatch)
    port = SerialPort(far.device, 9600, "none", 1, CLOCK.mono, rts)
    thread = far.answers(ANSWER)
    assert port.exchange(ASK, CLOCK.mono() + 5) == ANSWER
    thread.join(5)
    port.close()
    assert driver.flags == flags


def test_rts_is_left_alone_where_nobody_asks_for_it(far: FarEnd, port: SerialPort, monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Rs485Driver(monkeypatch)
    thread = far.answers(ANSWER)
    port.exchange(ASK, CLOCK.mono() + 5)
    thread.join(5)
    assert driver.flags == 0x10


@pytest.mark.parametrize("takes", [None, 0x04, 0x05, 0], ids=["no mode", "mode stays off", "other way round", "nothing"])
def test_a_port_that_cannot_turn_the_direction_says_so_and_is_let_go(
    far: FarEnd, monkeypatch: pytest.MonkeyPatch, takes: int | None
) -> None:
    if takes is not None:
        Rs485Driver(monkeypatch, takes)
    held = descriptors()
    port = SerialPort(far.device, 9600, "none", 1, CLOCK.mono, "send-high")
    for _ in range(2):
        with pytest.raises(PortGone, match=r"cannot turn the direction by RTS so.*remove rts"):
            port.exchange(ASK, CLOCK.mono() + 0.05)
    assert descriptors() <= held


def test_a_speed_that_the_driver_refuses_is_said(far: FarEnd, monkeypatch: pytest.MonkeyPatch) -> None:
    real = fcntl.ioctl

    def refuse(fd: int, request: int, arg: object = 0, mutate: bool = True) -> object:
        if request == 0x802C542A:  # TCGETS2
            raise OSError(errno.EINVAL, "Invalid argument")
        return real(fd, request, arg, mutate)  # type: ignore[call-overload]

    monkeypatch.setattr(fcntl, "ioctl", refuse)
    port = SerialPort(far.device, 12345, "none", 1, CLOCK.mono)
    with pytest.raises(PortGone, match="cannot be set to 12345 baud"):
        port.exchange(ASK, CLOCK.mono() + 0.05)


def test_a_missing_port_is_gone(tmp_path: Path) -> None:
    port = SerialPort(str(tmp_path / "ttyUSB0"), 9600, "none", 1, CLOCK.mono)
    with pytest.raises(PortGone, match="ttyUSB0 is gone"):
        port.exchange(ASK, CLOCK.mono() + 0.05)


def test_an_adapter_pulled_and_back_under_another_name_is_used_again(tmp_path: Path) -> None:
    by_path = tmp_path / "by-path"
    first = FarEnd()
    by_path.symlink_to(first.device)
    port = SerialPort(str(by_path), 9600, "none", 1, CLOCK.mono)
    first.answers(ANSWER).join(0)
    assert port.exchange(ASK, CLOCK.mono() + 5) == ANSWER

    first.unplug()
    with pytest.raises(PortGone):
        port.exchange(ASK, CLOCK.mono() + 0.1)
    with pytest.raises(PortGone):
        port.exchange(ASK, CLOCK.mono() + 0.1)

    second = FarEnd()
    by_path.unlink()
    by_path.symlink_to(second.device)
    second.answers(ANSWER)
    assert port.exchange(ASK, CLOCK.mono() + 5) == ANSWER
    port.close()
    second.unplug()


def test_an_adapter_pulled_while_it_is_waited_for_is_gone(far: FarEnd, port: SerialPort) -> None:
    def pull() -> None:
        os.read(far.fd, 256)
        far.unplug()

    thread = threading.Thread(target=pull, daemon=True)
    thread.start()
    with pytest.raises(PortGone):
        port.exchange(ASK, CLOCK.mono() + 5)
    thread.join(5)


def read_all(port: Port, clock: Clock, wait: Callable[[float], None]) -> dict[int, Reading]:
    """One reading of every model's device, through the production code above the seam."""
    line = Line(port, clock.mono, 9600, least_quiet_s=0.01)
    readings: dict[int, Reading] = {}
    for address, model in MODELS.items():
        reader = ModbusReader(f"meter/{address}", line, address, model)
        reading = None
        while reading is None:
            wait(reader.ready_at())
            turn = reader.ask(clock.now())
            assert turn.error is None
            reading = turn.reading
        readings[address] = reading
    return readings


def pass_time(ready: float) -> None:
    until(lambda: CLOCK.mono() >= ready, 5, "the line to be free")


class PymodbusServer:
    """pymodbus's own RTU server on a serial device, on a thread with its own loop."""

    def __init__(self, device: str, models: dict[int, Model]) -> None:
        self._device = device
        self._devices = []
        for address, model in models.items():
            words = model.encode(VALUES[address])
            block = [words.get(a, 0) for a in range(0x160)]
            self._devices.append(SimDevice(address, SimData(0, values=block, datatype=DataType.REGISTERS)))
        self.up = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()), daemon=True)
        self._thread.start()

    async def _live(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        server = ModbusSerialServer(self._devices, port=self._device, baudrate=9600)
        await server.serve_forever(background=True)
        self.up.set()
        await self._end.wait()
        await server.shutdown()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(5)


def test_pymodbus_answers_our_reader_for_every_model() -> None:
    relay = Relay()
    server = PymodbusServer(relay.right, MODELS)
    assert server.up.wait(10)
    port = SerialPort(relay.left, 9600, "none", 1, CLOCK.mono)
    try:
        readings = read_all(port, CLOCK, pass_time)
    finally:
        port.close()
        server.stop()
        relay.close()
    assert {a: dict(r.quantities) for a, r in readings.items()} == VALUES


def test_the_port_in_memory_and_the_pseudo_terminal_say_the_same() -> None:
    words = {a: m.encode(VALUES[a]) for a, m in MODELS.items()}
    clock = ManualClock(wall=0.0)
    in_memory = read_all(
        MemoryPort(clock, fixed(words)), clock, lambda ready: clock.advance(max(ready - clock.mono(), 0))
    )
    with PtySlaves(fixed(words)) as slaves:
        port = SerialPort(slaves.device, 9600, "none", 1, CLOCK.mono)
        on_pty = read_all(port, CLOCK, pass_time)
        port.close()

    assert {a: dict(r.quantities) for a, r in in_memory.items()} == VALUES
    assert {a: dict(r.quantities) for a, r in on_pty.items()} == VALUES
