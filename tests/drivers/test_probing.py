"""What comes back on a question, told apart, and why a port cannot be used."""

from __future__ import annotations

import os
import threading
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial
from doctor_bus import Bus, site
from hypothesis import given
from hypothesis import strategies as st

from drivers import dlt645
from drivers.api import BadAnswer, NoAnswer, PortGone
from drivers.modbus import check, read_request, sealed
from drivers.probing import Probe, told, told_write
from drivers.serial_port import SerialPort
from drivers.settings import address_request, confirmation, settable
from edge.core.values import Setting
from edge.shell.clock import ManualClock, SystemClock

ASK = read_request(2, 4, 0, 2)
ANSWER = sealed(bytes.fromhex("02 04 04 43 66 33 34"))
SETTING = Setting(9600, "none", 1)


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"", "silent"),
        (ANSWER, "answer"),
        (ANSWER + b"\x00\xff", "answer"),
        (sealed(bytes.fromhex("02 84 02")), "refused"),
        (sealed(bytes.fromhex("03 04 04 43 66 33 34")), "stranger"),
        (ANSWER + ANSWER, "double"),
        (ANSWER + sealed(bytes.fromhex("02 04 04 43 66 33 35")), "double"),
        (ANSWER[:5], "damaged"),
        (ANSWER[:-1] + b"\x00", "damaged"),
        (b"\x00", "damaged"),
        (dlt645.answer(12), "dlt645"),
    ],
)
def test_what_came_back_is_told_apart(raw: bytes, kind: str) -> None:
    assert told(ASK, raw).kind == kind


@given(raw=st.binary(max_size=40))
def test_an_answer_is_what_the_line_believes_and_nothing_else_is(raw: bytes) -> None:
    heard = told(ASK, raw)
    if heard.kind == "answer":
        assert heard.data == check(ASK, raw)
    else:
        assert heard.data == b"" or heard.kind == "dlt645"


def test_a_write_is_confirmed_by_its_echo_also_under_the_new_address() -> None:
    how = settable("sdm120")
    assert how is not None
    request = address_request(how, 1, 7)
    assert told_write(request, confirmation(request)).kind == "answer"
    assert told_write(request, sealed(b"\x07" + confirmation(request)[1:-2])).kind == "answer"
    assert told_write(request, sealed(bytes.fromhex("01 90 04"))).kind == "refused"
    assert told_write(request, confirmation(request)[:-1]).kind == "damaged"
    assert told_write(request, ANSWER).kind == "damaged"
    assert told_write(request, b"").kind == "silent"


@pytest.fixture
def pty() -> Iterator[tuple[int, str]]:
    master, slave = os.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    os.close(master)
    os.close(slave)


def probe(device: str) -> Probe:
    clock = ManualClock(0.0)
    mono = SystemClock().mono
    return Probe(lambda s: SerialPort(device, s.baudrate, s.parity, s.stopbits, mono), SETTING, clock.now, clock.advance)


def test_a_port_that_another_program_holds_is_busy(pty: tuple[int, str]) -> None:
    with serial.Serial(pty[1], exclusive=True):
        asked = probe(pty[1])
        with pytest.raises(PortGone) as caught:
            asked.ask(ASK, 0.1)
        assert asked.why(caught.value) == "busy"


def test_a_port_that_is_not_there_is_missing(tmp_path: Path) -> None:
    asked = probe(str(tmp_path / "nothing"))
    with pytest.raises(PortGone) as caught:
        asked.ask(ASK, 0.1)
    assert asked.why(caught.value) == "missing"


def test_listening_takes_all_that_comes_until_it_is_silent(pty: tuple[int, str]) -> None:
    mono = SystemClock().mono
    port = SerialPort(pty[1], 9600, "none", 1, mono)
    assert port.listen(ASK, mono() + 0.05, 0.02) == b""
    assert os.read(pty[0], 64) == ASK


    # What is there before the question is thrown away, so the far end answers from a thread of its own.


    def answer() -> None:
        assert os.read(pty[0], 64) == ASK
        os.write(pty[0], ANSWER)
        os.write(pty[0], ANSWER)

    thread = threading.Thread(target=answer)
    thread.start()
    assert port.listen(ASK, mono() + 2.0, 0.1) == ANSWER + ANSWER
    thread.join(5)
    port.close()


BOARD = "boards: {b: {model: waveshare-relay-8, port: line, address: 10}}"


def test_a_coil_is_driven_and_read_back_and_its_timer_ends_it() -> None:
    bus = Bus(site(BOARD))
    asked = bus.probe()
    assert asked.switch(10, "waveshare-relay-8", 3, True) is True
    assert [frame[1] for frame in bus.asked] == [5, 1]
    assert asked.switch(10, "waveshare-relay-8", 3, False) is False
    assert asked.switch(10, "waveshare-relay-8", 0, True, 2.0) is True
    bus.clock.advance(3.0)
    assert asked.read("board/b", 10, "waveshare-relay-8").values == {f"coil_{i}": 0.0 for i in range(8)}


def test_a_coil_of_a_board_that_is_not_there_is_given_up() -> None:
    bus = Bus(site(BOARD))
    bus.plant("slave-dead", on="board/b")
    with pytest.raises(NoAnswer):
        bus.probe().switch(10, "waveshare-relay-8", 3, True)


def test_a_line_that_is_never_silent_counts_as_damaged() -> None:
    clock = ManualClock(0.0)

    class Chatter:
        def listen(self, _request: bytes, _deadline: float, _gap_s: float) -> bytes:
            raise BadAnswer("the line is never silent")

        def close(self) -> None:
            pass

    asked = Probe(lambda _: Chatter(), SETTING, clock.now, clock.advance)
    assert asked.ask(ASK, 0.1).kind == "damaged"
