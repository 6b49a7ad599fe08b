"""Harm to frames: the pure function, the wire between slaves and whoever asks, and a real pty."""

from __future__ import annotations

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import dlt645
from drivers.api import BadAnswer, DriverError, NoAnswer, PortGone
from drivers.modbus import check, read_request, sealed
from drivers.registers import load_model
from drivers.serial_port import SerialPort
from edge.shell.clock import SystemClock
from simulator.fault_bus import Trouble, Wire, carried, harmed
from simulator.slaves import Slave, SlavePort

ASK = read_request(2, 4, 0, 2)
ANSWER = sealed(bytes.fromhex("02 04 04 43 66 33 34"))


def drawn(seed: int = 1) -> random.Random:
    return random.Random(seed)


def test_a_sound_line_carries_what_was_said_at_once() -> None:
    assert carried(Trouble(), ANSWER, drawn()) == (0.0, ANSWER)
    others = Trouble(dead=frozenset({1}), late={1: 3.0}, noisy={1: 1.0}, wrong_id=frozenset({1}))
    assert carried(others, ANSWER, drawn()) == (0.0, ANSWER)


def test_each_trouble_does_what_it_is_called() -> None:
    assert carried(Trouble(dead=frozenset({2})), ANSWER, drawn()) == (0.0, b"")
    assert carried(Trouble(gone=True), ANSWER, drawn()) == (0.0, b"")
    assert carried(Trouble(late={2: 3.0}), ANSWER, drawn()) == (3.0, ANSWER)
    delay, other = carried(Trouble(wrong_id=frozenset({2})), ANSWER, drawn())
    assert (delay, other[0], other[1:-2]) == (0.0, 3, ANSWER[1:-2])
    assert check(read_request(3, 4, 0, 2), other) == check(ASK, ANSWER)
    with pytest.raises(BadAnswer, match="device 3 answered where device 2 was asked"):
        check(ASK, other)


def test_a_share_of_the_answers_is_harmed_and_the_same_ones_for_the_same_seed() -> None:
    def run(seed: int) -> list[bytes]:
        draw = drawn(seed)
        return [carried(Trouble(noisy={2: 0.3}), ANSWER, draw)[1] for _ in range(1000)]

    assert 250 < sum(came != ANSWER for came in run(1)) < 350
    assert run(1) == run(1) != run(2)
    assert all(came == ANSWER for came in (carried(Trouble(noisy={2: 0.0}), ANSWER, drawn())[1] for _ in range(100)))
    assert all(carried(Trouble(noisy={2: 1.0}), ANSWER, drawn(n))[1] != ANSWER for n in range(100))


@given(data=st.binary(min_size=2, max_size=80), seed=st.integers())
def test_a_harmed_frame_is_never_taken_for_a_value(data: bytes, seed: int) -> None:
    data = data[: len(data) // 2 * 2]
    ask = read_request(2, 4, 0, len(data) // 2)
    frame = sealed(bytes((2, 4, len(data))) + data)
    assert check(ask, frame) == data
    with pytest.raises(DriverError):
        check(ask, harmed(frame, drawn(seed)))


def test_frames_are_both_cut_and_corrupted() -> None:
    came = [harmed(ANSWER, drawn(n)) for n in range(300)]
    kinds = Counter("cut" if len(c) < len(ANSWER) else "turned" for c in came)
    assert min(kinds["cut"], kinds["turned"]) > 100
    assert {len(c) for c in came} == set(range(len(ANSWER) + 1))
    turned = {sum((a ^ b).bit_count() for a, b in zip(c, ANSWER, strict=True)) for c in came if len(c) == len(ANSWER)}
    assert turned == {1, 2, 3}


def test_what_a_slave_says_never_overtakes_what_it_said_before() -> None:
    wire = Wire(drawn(), lambda _: True)
    wire.trouble = Trouble(late={2: 5.0})
    assert wire.carry(ANSWER, 100.0) == (105.0, ANSWER)
    wire.trouble = Trouble()
    other = sealed(bytes.fromhex("01 04 02 00 07"))
    assert wire.carry(other, 101.0) == (101.0, other)
    assert wire.carry(ANSWER, 101.0) == (105.0, ANSWER)
    assert wire.carry(ANSWER, 106.0) == (106.0, ANSWER)


def test_a_slave_without_power_says_nothing() -> None:
    powered = {1: True, 2: False}
    wire = Wire(drawn(), powered.__getitem__)
    assert wire.carry(ANSWER, 100.0) == (100.0, b"")
    powered[2] = True
    assert wire.carry(ANSWER, 100.0) == (100.0, ANSWER)


def test_a_slave_at_another_speed_or_of_another_protocol_does_and_says_nothing() -> None:
    wire = Wire(drawn(), lambda _: True)
    wire.trouble = Trouble(speeds={2: 2400}, dlt645=frozenset({3}))
    for speed, deaf in ((9600, True), (2400, False), (None, True)):
        wire.speed = speed
        assert wire.deaf(2) == deaf
        assert not wire.deaf(1)
        assert wire.deaf(3)


def test_a_meter_that_speaks_dl_t_645_says_its_number_at_2400_baud_alone() -> None:
    wire = Wire(drawn(), lambda address: address != 4)
    wire.trouble = Trouble(dlt645=frozenset({3}))
    wire.speed = 2400
    assert dlt645.heard(wire.other(dlt645.QUESTION)) == "210800000003"
    assert wire.other(ASK) == b""
    wire.speed = 9600
    assert wire.other(dlt645.QUESTION) == b""
    wire.speed = 2400
    for trouble in (
        Trouble(), Trouble(dlt645=frozenset({3}), gone=True), Trouble(dlt645=frozenset({3}), swapped=True),
        Trouble(dlt645=frozenset({3}), dead=frozenset({3})), Trouble(dlt645=frozenset({4})),
    ):  # fmt: skip
        wire.trouble = trouble
        assert wire.other(dlt645.QUESTION) == b""


@given(data=st.binary(min_size=2, max_size=80), seed=st.integers())
def test_what_collides_or_is_swapped_is_never_taken_for_a_value(data: bytes, seed: int) -> None:
    data = data[: len(data) // 2 * 2]
    ask = read_request(2, 4, 0, len(data) // 2)
    frame = sealed(bytes((2, 4, len(data))) + data)
    for trouble in (Trouble(twins=frozenset({2})), Trouble(swapped=True)):
        with pytest.raises(DriverError):
            check(ask, carried(trouble, frame, drawn(seed))[1])


class Line:
    """A port with an SDM120 at address 2, played in a loop of its own, and asked as the daemon asks."""

    def __init__(self, link: Path) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()
        self.wire = Wire(drawn(), lambda _: True)
        values = dict.fromkeys(load_model("sdm120").quantities, 1.0)
        slaves = [Slave(2, load_model("sdm120"), lambda: values)]
        self.port: SlavePort = self.call(lambda: SlavePort(link, slaves, self.wire))
        self.mono = SystemClock().mono
        self.master = SerialPort(str(link), 9600, "none", 1, self.mono)

    def call(self, act: Callable[[], Any]) -> Any:
        future: Future[Any] = Future()
        self.loop.call_soon_threadsafe(lambda: future.set_result(act()))
        return future.result(5)

    def ask(self, wait_s: float = 0.2) -> bytes:
        return self.master.exchange(ASK, self.mono() + wait_s)

    def close(self) -> None:
        self.master.close()
        self.call(self.port.close)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)
        self.loop.close()


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    made = Line(tmp_path / "rs485")
    yield made
    made.close()


def test_on_a_pty_a_dead_slave_says_nothing_and_a_late_one_is_heard_by_who_waits(line: Line) -> None:
    sound = line.ask()
    assert check(ASK, sound)
    line.wire.trouble = Trouble(dead=frozenset({2}))
    with pytest.raises(NoAnswer):
        line.ask()
    line.wire.trouble = Trouble(late={2: 0.15})
    assert line.ask(0.4) == sound
    with pytest.raises(NoAnswer):
        line.ask(0.05)


def test_on_a_pty_noise_is_real_bytes(line: Line) -> None:
    line.wire.trouble = Trouble(noisy={2: 1.0})
    for _ in range(5):
        with pytest.raises(DriverError):
            check(ASK, line.ask(0.05))


def test_a_pulled_adapter_hangs_up_and_comes_back_under_another_name(line: Line) -> None:
    sound = line.ask()
    before = line.port.link.resolve()
    held = line.call(lambda: (line.port.unplug(), line.port.unplug()))
    assert held == (None, None)
    assert not line.port.link.is_symlink()
    for _ in range(2):
        with pytest.raises(PortGone):
            line.ask()
    line.call(line.port.plug)
    line.call(line.port.plug)
    assert line.port.link.resolve().is_char_device()
    assert line.ask() == sound
    assert before.name.isdigit()


def test_an_answer_under_way_when_the_adapter_is_pulled_is_gone(line: Line) -> None:
    failed: list[object] = []
    line.loop.set_exception_handler(lambda _, context: failed.append(context))
    sound = line.ask()
    line.wire.trouble = Trouble(late={2: 0.1})
    with pytest.raises(NoAnswer):
        line.ask(0.05)
    line.call(line.port.unplug)
    line.call(line.port.plug)
    with pytest.raises(PortGone):  # what it has open is no more
        line.ask()
    assert line.ask(1.0) == sound
    with pytest.raises(NoAnswer):  # and nothing follows
        line.master.exchange(read_request(9, 4, 0, 2), line.mono() + 0.3)
    assert failed == []
