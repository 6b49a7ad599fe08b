"""Modbus on real ptys: frames as a meter answers them, read by a client that is not pymodbus."""

from __future__ import annotations

import asyncio
import os
import select
import struct
import threading
import time
import tty
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from drivers.registers import load_model
from simulator.slaves import Slave, SlavePort

GOLDEN_V = struct.unpack(">f", bytes.fromhex("43 67 AF 55"))[0]  # as a real SDM630 sent it
METER = {"voltage_v": 231.68, "power_w": 480.0, "energy_kwh": 5188.85}


def crc(frame: bytes) -> bytes:
    value = 0xFFFF
    for byte in frame:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return value.to_bytes(2, "little")


class Bus:
    """A port as the daemon opens it."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self._fd)

    def send(self, data: bytes) -> None:
        os.write(self._fd, data)

    def receive(self, wait_s: float = 1.0) -> bytes:
        """One answer; empty when nothing comes."""
        answer = b""
        while select.select([self._fd], [], [], wait_s if not answer else 0.02)[0]:
            answer += os.read(self._fd, 512)
        return answer

    def ask(self, address: int, function: int, register: int, count: int, wait_s: float = 1.0) -> bytes:
        frame = struct.pack(">BBHH", address, function, register, count)
        self.send(frame + crc(frame))
        return self.receive(wait_s)

    def close(self) -> None:
        os.close(self._fd)


class Line:
    """A slave port in a loop of its own, with an SDM120 at 2 and an SDM630 at 1."""

    def __init__(self, link: Path) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()
        self.power_w = 480.0
        slaves = [
            Slave(2, load_model("sdm120"), lambda: {**METER, "power_w": self.power_w, "total_kwh": 5188.85}),
            Slave(1, load_model("sdm630"), lambda: {"voltage_l1_v": GOLDEN_V, "total_kwh": 1.0}),
        ]
        self.port = self._call(lambda: SlavePort(link, slaves))

    def _call(self, act: Callable[[], SlavePort]) -> SlavePort:
        future: Future[SlavePort] = Future()
        self.loop.call_soon_threadsafe(lambda: future.set_result(act()))
        return future.result(5)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.port.close)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)
        self.loop.close()


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    made = Line(tmp_path / "rs485")
    yield made
    made.close()


@pytest.fixture
def bus(line: Line) -> Iterator[Bus]:
    opened = Bus(line.port.link)
    yield opened
    opened.close()


def test_the_golden_frame_of_an_sdm630(bus: Bus) -> None:
    bus.send(bytes.fromhex("01 04 00 00 00 02 71 CB"))
    assert bus.receive() == bytes.fromhex("01 04 04 43 67 AF 55 E2 10")


def test_several_slaves_share_the_line(bus: Bus) -> None:
    assert [bus.ask(address, 4, 0, 2)[0] for address in (1, 2, 1)] == [1, 2, 1]


def test_values_are_of_the_moment_of_the_request(line: Line, bus: Bus) -> None:
    seen = []
    for watts in (480.0, 960.0, 0.0):
        line.power_w = watts
        seen.append(struct.unpack(">f", bus.ask(2, 4, 0x0C, 2)[3:7])[0])
    assert seen == [480.0, 960.0, 0.0]


def test_registers_between_the_models_own_read_0(bus: Bus) -> None:
    answer = bus.ask(2, 4, 0x0E, 4)
    assert answer[:-2] == bytes([2, 4, 8]) + bytes(8)


def test_registers_beyond_the_model_are_refused_as_illegal_address(bus: Bus) -> None:
    assert bus.ask(2, 4, 0x0400, 2)[:3] == bytes([2, 0x84, 2])


@pytest.mark.parametrize("function", [1, 3, 6])
def test_another_function_is_refused(bus: Bus, function: int) -> None:
    assert bus.ask(2, function, 0, 1)[:3] == bytes([2, 0x80 | function, 1])


@pytest.mark.parametrize("address", [0, 3, 200])
def test_an_address_without_a_slave_stays_silent_and_the_next_is_answered(bus: Bus, address: int) -> None:
    assert bus.ask(address, 4, 0, 2, wait_s=0.1) == b""
    assert bus.ask(2, 4, 0, 2)[:3] == bytes([2, 4, 4])


def test_half_a_question_is_forgotten_after_a_silence(bus: Bus) -> None:
    bus.send(bytes.fromhex("02 04 00"))
    assert bus.receive(0.2) == b""
    assert bus.ask(2, 4, 0, 2)[:3] == bytes([2, 4, 4])


def test_a_question_with_a_wrong_checksum_is_not_answered(bus: Bus) -> None:
    bus.send(bytes.fromhex("02 04 00 00 00 02 00 00"))
    assert bus.receive(0.1) == b""


def test_the_port_outlives_those_who_open_it(line: Line) -> None:
    for _ in range(3):
        bus = Bus(line.port.link)
        assert bus.ask(2, 4, 0, 2)[:3] == bytes([2, 4, 4])
        bus.close()


def test_closing_removes_the_link_and_a_new_port_takes_its_place(tmp_path: Path) -> None:
    link = tmp_path / "rs485"
    link.symlink_to("/dev/pts/stale")
    for _ in range(2):
        made = Line(link)
        assert link.resolve().is_char_device()
        made.close()
        assert not link.is_symlink()


def test_an_answer_takes_milliseconds(bus: Bus) -> None:
    took = []
    for _ in range(20):
        began = time.monotonic()
        bus.send(bytes.fromhex("02 04 00 00 00 02 71 F8"))
        assert bus.receive()
        took.append(time.monotonic() - began - 0.02)  # the silence by which an answer ends
    assert sorted(took)[10] < 0.02
