"""The manners of a line: quiet after faults, and a slave brought back into step before it is believed."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from drivers.api import BadAnswer, NoAnswer, PortGone, Refused
from drivers.modbus import (
    COIL_OFF,
    COIL_ON,
    READ_COILS,
    Line,
    answer_length,
    check,
    read_request,
    sealed,
    write_coil_request,
)
from edge.shell.clock import ManualClock


@dataclass(frozen=True)
class Manners:
    timeout_s: float = 0.5
    worst_latency_s: float = 1.0
    turnaround_s: float = 0.0


@dataclass
class Answers:
    """A Port that gives what the test lays down: bytes, an error, or the sound answer (None)."""

    script: list[bytes | Exception | None] = field(default_factory=list)
    deadlines: list[float] = field(default_factory=list)

    def exchange(self, request: bytes, deadline: float) -> bytes:
        self.deadlines.append(deadline)
        answer = self.script.pop(0) if self.script else None
        if isinstance(answer, Exception):
            raise answer
        return sound(request) if answer is None else answer


def sound(request: bytes) -> bytes:
    if request[1] == 5:
        return request
    size = answer_length(request) - 5
    return sealed(bytes((request[0], request[1], size)) + bytes(size))


def ask(slave: int, count: int) -> bytes:
    return read_request(slave, 4, 0, count)


REFUSAL = sealed(bytes((1, 0x84, 2)))
FIVE, TWO, THREE = ask(1, 5), ask(1, 2), ask(1, 3)
COILS = read_request(1, READ_COILS, 0, 8)
ON, OFF = write_coil_request(1, 0, COIL_ON), write_coil_request(1, 0, COIL_OFF)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(wall=0.0, mono=100.0)


@pytest.fixture
def port() -> Answers:
    return Answers()


@pytest.fixture
def line(clock: ManualClock, port: Answers) -> Line:
    line = Line(port, clock.mono, 9600)
    clock.advance(10)
    return line


def fail(line: Line, port: Answers, request: bytes, how: bytes | Exception, manners: Manners = Manners()) -> None:
    port.script.append(how)
    with pytest.raises((NoAnswer, BadAnswer, Refused, PortGone)):
        line.ask(request, manners)


def test_a_new_line_is_quiet_first(clock: ManualClock, port: Answers) -> None:
    assert Line(port, clock.mono, 9600).next_question([FIVE], Manners()) == (101.0, FIVE)


def test_an_answered_line_is_free_at_once_and_a_meter_may_want_a_pause(clock: ManualClock, line: Line) -> None:
    assert line.ask(FIVE, Manners()) == bytes(10)
    assert line.next_question([FIVE, TWO], Manners())[0] <= clock.mono()
    assert line.next_question([FIVE, TWO], Manners(turnaround_s=0.05)) == (pytest.approx(110.05), FIVE)


def test_the_deadline_counts_the_characters_and_the_devices_thinking(port: Answers, line: Line) -> None:
    line.ask(FIVE, Manners())
    assert port.deadlines == [pytest.approx(110 + 0.5 + (8 + 15 + 8) * 11 / 9600)]


@pytest.mark.parametrize("fault", [NoAnswer(), b"\x01", sealed(b"\x03\x04\x0a" + bytes(10))])
def test_after_any_fault_the_line_is_quiet_for_everybody(line: Line, port: Answers, fault: bytes | Exception) -> None:
    fail(line, port, FIVE, fault)
    assert line.quiet_until == 111.0
    assert line.next_question([ask(2, 5)], Manners()) == (111.0, ask(2, 5))

    fail(line, port, ask(2, 5), fault, Manners(worst_latency_s=3.0))
    assert line.quiet_until == 113.0


def test_the_next_question_after_a_fault_has_another_length(line: Line, port: Answers) -> None:
    fail(line, port, FIVE, NoAnswer())
    assert line.next_question([FIVE, ask(1, 5), TWO, THREE], Manners()) == (111.0, TWO)
    fail(line, port, TWO, NoAnswer())
    assert line.next_question([FIVE, TWO, THREE], Manners())[1] == THREE

    line.ask(THREE, Manners())
    assert line.next_question([FIVE, TWO, THREE], Manners())[1] == FIVE


def test_a_wanted_question_of_another_length_needs_no_other_before_it(line: Line, port: Answers) -> None:
    fail(line, port, FIVE, NoAnswer())
    assert line.next_question([THREE, TWO, FIVE], Manners())[1] == THREE


def test_the_late_answer_itself_does_not_pass_for_the_resynchronising_one(line: Line, port: Answers) -> None:
    fail(line, port, FIVE, NoAnswer())
    port.script.append(sound(FIVE))
    with pytest.raises(BadAnswer, match="too long"):
        line.ask(TWO, Manners())
    assert line.next_question([FIVE, TWO, THREE], Manners())[1] == THREE


def test_when_every_length_is_used_up_time_must_pass_and_the_first_answer_is_thrown_away(
    clock: ManualClock, line: Line, port: Answers
) -> None:
    fail(line, port, FIVE, NoAnswer())
    clock.advance(5)
    fail(line, port, TWO, NoAnswer())
    assert line.next_question([TWO, FIVE], Manners()) == (110.0 + 60.0, FIVE)
    assert line.next_question([TWO, FIVE], Manners(worst_latency_s=8.0)) == (110.0 + 80.0, FIVE)

    clock.advance(55)
    with pytest.raises(BadAnswer, match="older question"):
        line.ask(FIVE, Manners())
    assert line.next_question([FIVE, TWO], Manners()) == (clock.mono() + 1.0, FIVE)
    clock.advance(1)
    assert line.ask(FIVE, Manners()) == bytes(10)


def test_a_refusal_is_an_answer_unless_older_questions_are_open(line: Line, port: Answers) -> None:
    fail(line, port, FIVE, REFUSAL)
    assert line.next_question([FIVE, TWO], Manners())[1] == FIVE
    assert line.quiet_until < 110

    fail(line, port, FIVE, NoAnswer())
    fail(line, port, TWO, REFUSAL)
    assert line.next_question([FIVE, TWO, THREE], Manners()) == (111.0, THREE)


def test_a_port_that_stays_gone_uses_up_no_length(line: Line, port: Answers) -> None:
    for request in (FIVE, TWO, THREE, TWO):
        fail(line, port, request, PortGone())
    assert line.next_question([FIVE, TWO], Manners())[1] == TWO


def test_a_write_is_answered_by_itself_and_by_nothing_else() -> None:
    assert (ON, answer_length(ON)) == (bytes.fromhex("01 05 00 00 FF 00 8C 3A"), 8)
    assert (check(ON, ON), check(OFF, OFF)) == (b"\xff\x00", b"\x00\x00")
    for other in (OFF, write_coil_request(1, 1, COIL_ON), write_coil_request(1, 0, 7)):
        with pytest.raises(BadAnswer, match="another write than the one asked for is confirmed"):
            check(ON, other)
    for wrong in (sealed(bytes((1, 1, 1, 1, 0xFF, 0))), ON[:7], write_coil_request(2, 0, COIL_ON), ON[:-1] + b"\x00"):
        with pytest.raises(BadAnswer):
            check(ON, wrong)
    with pytest.raises(BadAnswer, match="the answer is to function 5, asked was 1"):
        check(COILS, ON[:6])


@pytest.mark.parametrize(("slave", "coil", "value"), [(0, 0, 0), (248, 0, 0), (1, -1, 0), (1, 0x10000, 0), (1, 0, 0x10000)])
def test_a_write_that_cannot_be_is_refused(slave: int, coil: int, value: int) -> None:
    with pytest.raises(ValueError, match="cannot write"):
        write_coil_request(slave, coil, value)


def test_a_board_whose_reading_was_given_up_is_brought_into_step_by_a_write(line: Line, port: Answers) -> None:
    fail(line, port, COILS, NoAnswer())
    assert line.next_question([COILS, ON], Manners()) == (111.0, ON)
    assert line.ask(ON, Manners()) == b"\xff\x00"
    assert line.next_question([COILS, ON], Manners())[1] == COILS
    assert line.ask(COILS, Manners()) == b"\x00"


def test_while_a_board_is_dead_the_same_write_is_asked_again_and_its_first_echo_settles_the_reading(
    clock: ManualClock, line: Line, port: Answers
) -> None:
    fail(line, port, COILS, NoAnswer())
    for _ in range(3):
        clock.advance(3)
        fail(line, port, ON, NoAnswer())
        assert line.next_question([COILS, ON], Manners()) == (clock.mono() + 1.0, ON)
    line.ask(ON, Manners())  # may be the echo of the first of them: after that no answer to the reading can come
    assert line.next_question([COILS, ON], Manners())[1] == COILS


def test_a_reading_given_up_among_writes_waits_until_as_many_echoes_have_come(line: Line, port: Answers) -> None:
    fail(line, port, ON, NoAnswer())
    fail(line, port, ON, NoAnswer())
    fail(line, port, COILS, NoAnswer())
    for _ in range(3):
        assert line.next_question([COILS, ON], Manners())[1] == ON
        line.ask(ON, Manners())
    assert line.next_question([COILS, ON], Manners())[1] == COILS


def test_another_write_is_an_answer_to_nothing_older(line: Line, port: Answers) -> None:
    fail(line, port, ON, NoAnswer())
    fail(line, port, COILS, NoAnswer())
    assert line.next_question([COILS, OFF, ON], Manners())[1] == OFF
    line.ask(OFF, Manners())
    assert line.next_question([COILS, OFF, ON], Manners())[1] == COILS


def test_writes_are_forgotten_when_nothing_of_them_can_come_any_more(
    clock: ManualClock, line: Line, port: Answers
) -> None:
    for _ in range(50):
        fail(line, port, ON, NoAnswer())
        clock.advance(3)
    assert len(line._unanswered[1]) == 20
    fail(line, port, COILS, NoAnswer())
    clock.advance(61)
    fail(line, port, ON, NoAnswer())
    assert [asked.kind[0] for asked in line._unanswered[1]] == [READ_COILS, 5]
