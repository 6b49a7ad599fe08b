"""A relay board's relays: those told to close for a time open by themselves, exactly then, in both times."""

from __future__ import annotations

import asyncio

import pytest
from villages import village, when

from drivers.modbus import COIL_OFF, COIL_ON, READ_COILS, read_request, write_coil_request
from drivers.registers import load_board
from edge.shell.app import catalogue
from edge.shell.clock import ManualClock, SystemClock
from simulator.fast import Fast
from simulator.fault_fast import FastStage
from simulator.faults import Faults, read
from simulator.live import Following
from simulator.relay_board import RelayBoard
from simulator.village import Village
from simulator.virtual_port import Slaves

NOON = when("2026-07-01T12:00:00+07:00")
BOARDS = {"box": {"model": "waveshare-relay-8", "port": "bus", "address": 10}}
FAN = {"name": "Fan", "output": {"board": "box", "coil": 1}, "max_on": "4h", "rated_w": 90}
SITE = {"boards": BOARDS, "switches": {"fan": FAN}}


class Box:
    """A board on a clock of its own, asked in frames."""

    def __init__(self) -> None:
        self.clock = ManualClock(0.0)
        self.moved: list[tuple[float, int, bool]] = []
        timed = load_board("waveshare-relay-8").timed_on
        self.board = RelayBoard(10, 8, lambda coil, on: self.moved.append((self.clock.mono() - 1000, coil, on)), timed, self.clock.mono)
        self.line = Slaves([self.board])

    def write(self, coil: int, value: int) -> None:
        question = write_coil_request(10, coil, value)
        assert self.line.answer(question) == question

    def on(self) -> list[int]:
        packed = self.line.answer(read_request(10, READ_COILS, 0, 8))[3]
        return [coil for coil in range(8) if packed >> coil & 1]


@pytest.fixture
def box() -> Box:
    return Box()


def test_a_relay_closed_for_a_time_opens_when_it_is_over(box: Box) -> None:
    box.write(0x0203, 150)
    assert (box.on(), box.board.follow()) == ([3], 1015.0)
    box.clock.advance(14.9)
    assert box.on() == [3]
    box.clock.advance(0.1)
    assert (box.board.follow(), box.on()) == (float("inf"), [])
    assert box.moved == [(0, 3, True), (15, 3, False)]


def test_a_new_time_counts_from_its_own_beginning(box: Box) -> None:
    box.write(0x0203, 150)
    box.clock.advance(5)
    box.write(0x0203, 150)
    assert box.board.follow() == 1020.0
    box.write(0x0203, 10)
    assert box.board.follow() == 1006.0


@pytest.mark.parametrize(("value", "stays"), [(COIL_OFF, []), (COIL_ON, [3])])
def test_a_plain_off_or_on_ends_the_timing(box: Box, value: int, stays: list[int]) -> None:
    box.write(0x0203, 150)
    box.write(3, value)
    box.clock.advance(60)
    assert (box.on(), box.board.follow()) == (stays, float("inf"))


def test_a_board_that_is_read_late_has_opened_in_time_all_the_same(box: Box) -> None:
    box.write(0x0203, 150)
    box.clock.advance(20)
    assert box.on() == []


def test_without_power_all_open_and_nothing_closes(box: Box) -> None:
    box.write(0x0203, 150)
    box.write(1, COIL_ON)
    box.board.supply(False)
    box.board.write(1, [True])
    box.board.write_timed(0x0203, 150)
    assert box.on() == []
    box.board.supply(True)
    assert (box.on(), box.board.follow()) == ([], float("inf"))
    box.write(1, COIL_ON)
    assert box.on() == [1]


def test_in_virtual_time_a_coil_that_is_not_renewed_falls_exactly_when_it_must() -> None:
    fast = Fast(village(**SITE), catalogue(), NOON, 1, poll_s=600)
    try:
        board = fast.village.boards["box"]
        fast.at(100.25, lambda: board.write_timed(0x0201, 150))
        fast.at(110.25, lambda: board.write_timed(0x0201, 150))
        fast.advance(3600)
        assert [(c.at, c.level) for c in fast.changes if c.coil == "box/1" and c.at > 1] == [
            (pytest.approx(100.25, abs=1e-6), 1), (pytest.approx(125.25, abs=1e-5), 0),
        ]  # fmt: skip
        assert fast.village.world.watts("switch:fan") == 0
    finally:
        fast.close()


def test_in_real_time_too() -> None:
    clock = SystemClock()
    made = Village(village(**SITE), catalogue(), clock, 1)
    moved: list[tuple[float, bool]] = []
    made.moved = lambda _coil, on: moved.append((clock.mono(), on))

    async def play() -> None:
        following = Following(made, asyncio.get_running_loop())
        made.boards["box"].write_timed(0x0201, 2)
        assert made.world.watts("switch:fan") == 90
        while len(moved) < 2 and clock.mono() < moved[0][0] + 5:
            await asyncio.sleep(0.01)
        following.close()

    asyncio.run(play())
    assert [on for _, on in moved] == [True, False]
    assert 0.2 <= moved[1][0] - moved[0][0] < 0.3 + 0.7


def test_a_board_without_power_is_a_fault_that_can_be_taken_back() -> None:
    fast = Fast(village(**SITE), catalogue(), NOON, 1)
    try:
        faults = Faults(FastStage(fast))
        board = fast.village.boards["box"]
        board.write(1, [True])
        key = faults.inject(read({"fault": "board-unpowered", "on": "board/box"}))
        board.write(1, [True])
        assert (board.coils(1, 1), fast.slaves["bus"].answer(read_request(10, READ_COILS, 0, 8))[:2]) == ([False], b"\x0a\x01")
        assert fast.village.wires["bus"].carry(b"\x0a\x01\x01\x00", 0.0)[1] == b""
        faults.clear(str(key))
        board.write(1, [True])
        assert board.coils(1, 1) == [True]
    finally:
        fast.close()
