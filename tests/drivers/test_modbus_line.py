"""The manners of a line: quiet after faults, and a slave brought back into step before it is believed."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from drivers.api import BadAnswer, NoAnswer, PortGone, Refused
from drivers.modbus import Line, answer_length, read_request, sealed
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
    size = answer_length(request) - 5
    return sealed(bytes((request[0], request[1], size)) + bytes(size))


def ask(slave: int, count: int) -> bytes:
    return read_request(slave, 4, 0, count)


REFUSAL = sealed(bytes((1, 0x84, 2)))
FIVE, TWO, THREE = ask(1, 5), ask(1, 2), ask(1, 3)


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
