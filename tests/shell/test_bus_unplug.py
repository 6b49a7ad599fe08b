"""Serial adapters that are pulled and come back under another name, on real pseudo-terminals and threads."""

from __future__ import annotations

import gc
import os
import pty
import select
import threading
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest
from modbus_double import model
from support import descriptors, until

from drivers.modbus import LEAST_QUIET_S, Line, answer_length, sealed
from drivers.modbus_reader import ModbusReader
from drivers.registers import Model, load_model
from drivers.serial_port import SerialPort
from edge.core.events import Event, ReadingsTaken
from edge.shell.bus import REOPEN_S, BusWorker, Polled
from edge.shell.clock import SystemClock
from edge.shell.runner import ThreadRunner

pytestmark = pytest.mark.slow
CLOCK = SystemClock()
ROUNDS = 1000
BAUDRATE = 115200  # or the legal silence would take most of the time


class Cable:
    """An adapter at `link`, with devices on it that answer every question with zeros, in the test's own thread."""

    def __init__(self, link: Path) -> None:
        self._link = link
        self._ends: tuple[int, int] | None = None
        self.plug()

    @property
    def name(self) -> str:
        return str(self._link.readlink())

    def plug(self) -> None:
        """It is there, under another name than the one it had; whoever had that open is hung up on."""
        before = self._ends
        self._ends = pty.openpty()
        tty.setraw(self._ends[1])
        self._link.unlink(missing_ok=True)
        self._hang_up(before)
        self._link.symlink_to(os.ttyname(self._ends[1]))

    def question(self, wait_s: float = 5.0) -> bytes:
        """The next question, or nothing when none comes in time."""
        assert self._ends is not None
        got = b""
        while len(got) < 8 and select.select([self._ends[0]], [], [], wait_s)[0]:
            got += os.read(self._ends[0], 8 - len(got))
        return got

    def answer(self, question: bytes, share: float = 1.0) -> None:
        """The first `share` of the answer."""
        assert self._ends is not None
        data = bytes(answer_length(question) - 5)
        frame = sealed(question[:2] + bytes((len(data),)) + data)
        os.write(self._ends[0], frame[: int(share * len(frame))])

    def close(self) -> None:
        self._hang_up(self._ends)
        self._ends = None

    def _hang_up(self, ends: tuple[int, int] | None) -> None:
        for fd in ends or ():
            os.close(fd)


class Bus:
    """A worker in its own thread, and the adapter that its port is on."""

    def __init__(self, link: Path, device: Model, poll_s: float, least_quiet_s: float, reopen_s: float) -> None:
        self.readings = 0
        self.cable = Cable(link)
        self._port = SerialPort(str(link), BAUDRATE, "none", 1, CLOCK.mono)
        line = Line(self._port, CLOCK.mono, BAUDRATE, least_quiet_s)
        polled = [Polled(f"meter/{a}", ModbusReader(f"meter/{a}", line, a, device), poll_s) for a in (1, 2)]
        self._runner = ThreadRunner([BusWorker("bus", polled, self._put, reopen_s)], CLOCK)
        self._runner.start()

    def _put(self, event: Event) -> None:
        assert isinstance(event, ReadingsTaken)
        self.readings += event.reading is not None

    def serve_until_read(self, more: int = 1) -> None:
        """Answer until so many more readings are there."""
        last = self.readings + more
        end = CLOCK.mono() + 10
        while self.readings < last:
            assert CLOCK.mono() < end, "no reading for 10 s"
            question = self.cable.question(0.002)
            if question:
                self.cable.answer(question)

    def stop(self) -> None:
        assert self._runner.stop() == []
        self._port.close()
        self.cable.close()


@pytest.fixture
def nothing_is_left() -> Iterator[None]:
    """No thread and no descriptor outlives the test; what earlier tests left to the garbage collector may go."""
    gc.collect()
    threads, before = set(threading.enumerate()), descriptors()
    yield
    assert set(threading.enumerate()) <= threads
    assert descriptors() <= before


@pytest.mark.usefixtures("nothing_is_left")
def test_a_thousand_pulls_in_the_middle_of_polling_leak_nothing(tmp_path: Path) -> None:
    quick = model([0, 2, 4]).model_copy(update={"worst_latency_s": 0.0001})  # or each pull would be followed by a rest
    bus = Bus(tmp_path / "by-path", quick, 0.002, 0.0, 0.002)
    bus.serve_until_read()
    threads, most, names = threading.active_count(), len(descriptors()), set()
    for n in range(ROUNDS):
        question = bus.cable.question()
        assert question, "nothing was asked for 5 s"
        if n % 3:
            bus.cable.answer(question, (0.0, 0.4, 1.0)[n % 3])
        before = bus.cable.name
        bus.cable.plug()
        assert bus.cable.name != before
        names.add(bus.cable.name)
        bus.serve_until_read()
        assert threading.active_count() <= threads
        assert len(descriptors()) <= most
    assert len(names) > 1
    bus.stop()


@pytest.mark.usefixtures("nothing_is_left")
def test_readings_are_back_within_five_seconds_of_the_adapter(tmp_path: Path) -> None:
    bus = Bus(tmp_path / "by-path", load_model("sdm630"), 1.0, LEAST_QUIET_S, REOPEN_S)
    bus.serve_until_read(2)
    bus.cable.question()
    name = bus.cable.name
    bus.cable.close()
    until(lambda: not any(to.startswith(name) for _, to in descriptors()), 5, "the port to be let go")
    bus.cable.plug()
    began = CLOCK.mono()
    bus.serve_until_read(2)
    assert CLOCK.mono() - began <= 5
    bus.stop()
