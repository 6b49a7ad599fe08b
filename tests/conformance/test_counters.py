"""The counter in virtual time passes the suite of the real one: tests/drivers/test_gpio_pulses.py."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from edge.shell.clock import ManualClock
from simulator.board import Board
from simulator.pulsing import Pulsing
from simulator.virtual_pins import BoardOutput, BoardPulses

PID = 7
PINS = (12, 16)
SUITE = Path(__file__).parents[1] / "drivers" / "test_gpio_pulses.py"


def _loaded() -> Any:
    spec = importlib.util.spec_from_file_location("gpio_pulses_suite", SUITE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


suite = _loaded()
shared = {name: test for name, test in vars(suite).items() if name.startswith("test_")}
globals().update(shared)


class Computed:
    """Contacts whose pulses are computed."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.board = Board({})
        self.pulsing = Pulsing([f"input/{pin}" for pin in PINS], clock.mono())

    def counter(self, pin: int) -> BoardPulses:
        return BoardPulses(self.board, pin, PID, lambda: self.pulsing.counted(f"input/{pin}", self._clock.mono()))

    def wait(self, seconds: float) -> None:
        self._clock.advance(seconds)

    def pulses(self, pin: int, count: int, period_s: float = 0.1) -> None:
        self.pulsing.flow({f"input/{pin}": 1 / period_s}, self._clock.mono())
        self.wait(count * period_s)
        self.pulsing.flow({}, self._clock.mono())
        self.wait(period_s)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(wall=0.0)


@pytest.fixture
def lines(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> Computed:
    made = Computed(clock)
    monkeypatch.setattr(suite, "PulseInput", lambda pin, _low, _debounce_s, _mono: made.counter(pin))
    return made


def test_the_suite_is_there() -> None:
    assert len(shared) >= 7


def test_a_line_of_another_process_counts_nothing_until_that_has_ended(lines: Computed) -> None:
    BoardOutput(lines.board, 16, True, PID + 1).write(True)
    contact = lines.counter(16)
    assert contact.read() is None
    assert "held by another process" in str(contact.error)
    lines.board.gone(PID + 1)
    assert (contact.read(), contact.error) == ((0, None), None)
    lines.pulses(16, 2)
    assert contact.read() == (2, pytest.approx(1000.2))
