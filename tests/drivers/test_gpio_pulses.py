"""One suite for every way to a counting contact: what a Counter promises, on lgpio, the village and gpiozero's mock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gpio_lines import PulseLines

from drivers.gpio import PulseInput
from edge.shell.clock import ManualClock

DEBOUNCE_S = 0.005


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(wall=0.0)


@pytest.fixture(params=["lgpio", "village", "mock"])
def lines(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, clock: ManualClock
) -> Iterator[PulseLines]:
    made = PulseLines(request.param, clock, monkeypatch, tmp_path)
    yield made
    made.close()


def counter(clock: ManualClock, pin: int = 16) -> Any:
    return PulseInput(pin, True, DEBOUNCE_S, clock.mono)


def counted(contact: Any) -> int:
    told = contact.read()
    assert told is not None, contact.error
    return int(told[0])


def test_nothing_is_counted_before_the_first_pulse(lines: PulseLines, clock: ManualClock) -> None:
    contact = counter(clock)
    assert (contact.read(), contact.error) == ((0, None), None)
    lines.wait(60)
    assert contact.read() == (0, None)


def test_every_pulse_is_counted_once_and_the_last_has_its_time(lines: PulseLines, clock: ManualClock) -> None:
    contact = counter(clock)
    contact.read()
    lines.wait(1)
    lines.pulses(16, 3)
    told = contact.read()
    assert told == (3, pytest.approx(clock.mono() - 0.1, abs=0.011))
    lines.wait(100)
    assert contact.read() == told
    lines.pulses(16, 1)
    assert contact.read() == (4, pytest.approx(clock.mono() - 0.1, abs=0.011))


def test_fifty_pulses_a_second_are_all_counted(lines: PulseLines, clock: ManualClock) -> None:
    contact = counter(clock)
    contact.read()
    seen = []
    for _ in range(3):
        lines.pulses(16, 15, 0.02)
        seen.append(counted(contact))
    assert seen == [15, 30, 45]


def test_only_what_comes_after_the_first_read_is_counted(lines: PulseLines, clock: ManualClock) -> None:
    before = counter(clock)
    before.read()
    lines.pulses(16, 2)
    before.close()
    after = counter(clock)
    assert counted(after) == 0
    lines.pulses(16, 1)
    assert counted(after) == 1


def test_a_closed_counter_counts_no_more_and_goes_on_when_it_is_read_again(
    lines: PulseLines, clock: ManualClock
) -> None:
    contact = counter(clock)
    contact.read()
    lines.pulses(16, 2)
    assert counted(contact) == 2
    contact.close()
    lines.pulses(16, 5)
    assert counted(contact) == 2
    lines.pulses(16, 3)
    assert counted(contact) == 5


def test_counters_do_not_touch_each_other(lines: PulseLines, clock: ManualClock) -> None:
    water, power = counter(clock, 16), counter(clock, 12)
    water.read()
    power.read()
    lines.pulses(12, 2)
    assert (counted(water), counted(power)) == (0, 2)
    lines.pulses(16, 1)
    assert (counted(water), counted(power)) == (1, 2)


@pytest.mark.usefixtures("lines")
def test_a_line_that_no_board_has_counts_nothing_and_says_why(clock: ManualClock) -> None:
    contact = counter(clock, 99)
    assert contact.error is None
    assert contact.read() is None
    assert "GPIO 99 does not exist" in str(contact.error)
