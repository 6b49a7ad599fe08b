"""A relay board on a line: what is asked when, and that no late, lost or foreign answer makes a wrong coil state."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import pytest
from modbus_double import BoardSlaves, MemoryPort

from drivers.api import PortGone
from drivers.modbus import Line, Manners, write_coil_request
from drivers.modbus_relay import ModbusRelay, Turn, Wish
from drivers.registers import load_board
from edge.shell.clock import ManualClock

MODEL = load_board("waveshare-relay-8")
ODDS = {
    "late": 0.1, "cut": 0.07, "corrupt": 0.07, "wrong id": 0.03, "noise": 0.03, "glued": 0.03, "silent": 0.03, "deaf": 0.05,
}  # fmt: skip
ADDRESS = 10
WISH = (0, True, None)


class Wire:
    """One board at address 10 in virtual time."""

    def __init__(self, line_type: type[Line] = Line, seed: int = 1, odds: Mapping[str, float] | None = None) -> None:
        self.clock = ManualClock(wall=5000.0, mono=0.0)
        self.slaves = BoardSlaves({ADDRESS: [False] * 8}, odds=odds or {}, rng=random.Random(seed))
        self.port = MemoryPort(self.clock, self.slaves)
        self.board = ModbusRelay(line_type(self.port, self.clock.mono, 9600), ADDRESS, MODEL)

    @property
    def coils(self) -> list[bool]:
        return self.slaves.coils[ADDRESS]

    def turn(self, write: Wish | None = None, wanted: Sequence[Wish] = ()) -> Turn:
        self.clock.advance(max(self.board.ready_at(write, wanted) - self.clock.mono(), 0))
        return self.board.ask(write, wanted)

    def fail(self, *more: object) -> Turn:
        self.slaves.odds = {"silent": 1.0}
        turn = self.turn(*more)  # type: ignore[arg-type]
        self.slaves.odds = {}
        return turn


def test_all_coils_are_read_at_once_and_one_is_written_at_a_time() -> None:
    wire = Wire()
    assert wire.turn() == Turn(wire.board._line.quiet_until, (False,) * 8)
    assert wire.turn((6, True, None)).wrote == (6, True, None)
    assert wire.turn(WISH).error is None
    assert wire.turn().coils == (True, False, False, False, False, False, True, False)
    assert [frame[:6].hex(" ") for frame in wire.slaves.asked] == [
        "0a 01 00 00 00 08", "0a 05 00 06 ff 00", "0a 05 00 00 ff 00", "0a 01 00 00 00 08"
    ]


def test_a_write_that_was_not_heard_says_so_and_the_next_reading_shows_what_became_of_it() -> None:
    wire = Wire()
    wire.turn()
    turn = wire.fail(WISH)
    assert (turn.wrote, turn.coils, turn.error) == (WISH, None, "no answer")
    assert turn.free_at == wire.clock.mono() + 1.0
    assert wire.turn(WISH, [WISH]).coils == (True, *(False,) * 7)  # the board did it; only its echo was lost


def test_a_board_out_of_step_is_written_what_is_wanted_anyway_and_then_read() -> None:
    wire = Wire()
    wire.turn()
    wire.fail()
    assert wire.turn(None, [(3, False, None), WISH]).wrote == (3, False, None)
    assert wire.turn(None, [(3, False, None), WISH]).coils == (False,) * 8


def test_with_nothing_wanted_a_board_out_of_step_is_left_alone_until_nothing_can_come_any_more() -> None:
    wire = Wire()
    wire.turn()
    wire.fail()
    failed_at = wire.clock.mono()
    assert wire.turn().error == "the answer may be to an older question and is not believed; the next one will be"
    assert wire.clock.mono() >= failed_at + 60
    assert wire.turn().coils == (False,) * 8


@pytest.mark.parametrize(
    ("for_s", "tenths"), [(15.0, 150), (14.96, 149), (0.3, 3), (0.01, 1), (3276.7, 32767), (90_000.0, 32767)]
)
def test_a_leased_on_is_left_to_the_boards_timer_and_never_longer_than_it_can(for_s: float, tenths: int) -> None:
    wire = Wire()
    wire.turn()
    assert wire.turn((3, True, for_s)).wrote == (3, True, for_s)
    assert wire.slaves.timed == [(3, tenths)]
    assert wire.slaves.asked[-1][:6] == bytes((ADDRESS, 5, 0x02, 0x03, *tenths.to_bytes(2, "big")))
    assert wire.turn((3, False, None)).error is None
    assert wire.slaves.asked[-1][:6].hex(" ") == "0a 05 00 03 00 00"
    assert wire.turn().coils == (False,) * 8


def test_a_board_without_a_timer_is_told_on_for_good() -> None:
    wire = Wire()
    wire.board = ModbusRelay(wire.board._line, ADDRESS, MODEL.model_copy(update={"timed_on": None}))
    assert wire.turn((3, True, 15.0)).error is None
    assert wire.slaves.asked[-1][:6].hex(" ") == "0a 05 00 03 ff 00"


def test_a_board_out_of_step_is_brought_back_by_a_leased_write_too() -> None:
    wire = Wire()
    wire.turn()
    wire.fail((3, True, 15.0))
    assert wire.turn((3, True, 13.9), [(3, True, 13.9)]).wrote == (3, True, 13.9)  # its echo is not the older one's
    wire.fail()
    assert wire.turn(None, [(3, True, 12.0)]).wrote == (3, True, 12.0)
    assert wire.turn().coils == (*(False,) * 3, True, *(False,) * 4)


def test_a_port_that_is_gone_is_told_apart() -> None:
    wire = Wire()

    def gone(request: bytes, deadline: float) -> bytes:
        raise PortGone("unplugged")

    wire.port.exchange = gone  # type: ignore[method-assign]
    turn = wire.turn()
    assert (turn.gone, turn.error) == (True, "unplugged")


@pytest.mark.parametrize("address", [0, 248])
def test_an_address_no_board_can_have_is_refused_at_once(address: int) -> None:
    wire = Wire()
    with pytest.raises(ValueError, match="cannot ask device"):
        ModbusRelay(wire.board._line, address, MODEL)


class OnlyQuiet(Line):
    """The line without its resynchronising question: quiet time and flushing alone."""

    def next_question(self, candidates: Sequence[bytes], manners: Manners) -> tuple[float, bytes]:
        self._unanswered.clear()
        return self.quiet_until, candidates[0]


def run(line_type: type[Line], transactions: int, seed: int, odds: Mapping[str, float] = ODDS) -> tuple[Wire, int, int, list[str]]:
    """The board under random wishes, restarting by itself now and then: readings, faults, and readings that were wrong."""
    wire, draw = Wire(line_type, seed, odds), random.Random(-seed)
    wanted = dict.fromkeys((0, 1, 5), False)
    readings, faults, wrong = 0, 0, []
    while len(wire.slaves.asked) < transactions:
        wire.clock.advance(draw.choice((0.0, 0.0, 0.3, 1.0, 5.0)))
        write: Wish | None = None
        if draw.random() < 0.3:
            coil = draw.choice(tuple(wanted))
            wanted[coil] = draw.random() < 0.5
            write = coil, wanted[coil], draw.choice((None, 15.0)) if wanted[coil] else None
        if draw.random() < 0.05:
            wire.coils[:] = [False] * 8
        turn = wire.turn(write, [(coil, on, None) for coil, on in wanted.items()])
        faults += turn.error is not None
        if turn.coils is not None:
            readings += 1
            if list(turn.coils) != wire.coils:
                wrong.append(f"{turn.coils} read, {wire.coils} at {wire.clock.mono()}")
    return wire, readings, faults, wrong


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_wrong_coil_state_in_a_hundred_thousand_bad_exchanges(seed: int) -> None:
    wire, readings, faults, wrong = run(Line, 34_000, seed)
    assert wrong == []
    done = wire.slaves.done
    assert min(done[kind] for kind in ("late", "cut", "corrupt", "deaf")) >= 800
    assert min(done[kind] for kind in ("wrong id", "noise", "glued", "silent")) >= 400
    assert (faults >= 5_000, readings >= 4_000) == (True, True)


def test_no_wrong_coil_state_where_most_answers_are_late() -> None:
    _, readings, _, wrong = run(Line, 2_000, 3, {"late": 0.6, "glued": 0.1})
    assert (wrong, readings >= 50) == ([], True)


def test_the_check_finds_the_wrong_states_of_a_line_that_is_only_quiet() -> None:
    *_, wrong = run(OnlyQuiet, 3_000, 1, {"late": 0.4})
    assert len(wrong) >= 5


def test_after_any_trouble_a_board_is_read_again_within_seconds() -> None:
    for seed in range(20):
        wire, *_ = run(Line, 200, seed, ODDS)
        wire.slaves.odds = {}
        wire.clock.advance(30)  # what was late has come and gone
        since = wire.clock.mono()
        while wire.turn(None, [WISH]).coils is None:
            pass
        assert wire.clock.mono() - since < 5
        assert wire.slaves.asked[-1] != write_coil_request(ADDRESS, 0, 0xFF00)
