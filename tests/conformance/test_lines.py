"""A line in virtual time passes the suite of real ones: tests/drivers/test_gpio_outputs.py."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gpiozero import Device

from drivers.api import PortGone
from simulator.board import Board
from simulator.virtual_pins import BoardOutput

PID = 7
SUITE = Path(__file__).parents[1] / "drivers" / "test_gpio_outputs.py"


def _loaded() -> Any:
    spec = importlib.util.spec_from_file_location("gpio_outputs_suite", SUITE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


suite = _loaded()
shared = {name: test for name, test in vars(suite).items() if name.startswith("test_")}
globals().update(shared)


class _Line:
    """A line as gpiozero's factory gives it out; the suite makes it an input behind the output's back."""

    def __init__(self, board: Board, pin: int) -> None:
        self._board = board
        self._pin = pin

    @property
    def function(self) -> str:
        return "output" if self._board.driven(self._pin) else "input"

    @function.setter
    def function(self, _value: str) -> None:
        self._board.release(self._pin, PID)


class _Factory:
    def __init__(self, board: Board) -> None:
        self._board = board

    def pin(self, number: int) -> _Line:
        return _Line(self._board, number)


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> Board:
    made = Board({17: 1, 27: 1})
    monkeypatch.setattr(suite, "GpioOutput", lambda pin, active_low: BoardOutput(made, pin, active_low, PID))
    monkeypatch.setattr(Device, "pin_factory", _Factory(made))
    return made


@pytest.fixture
def level(board: Board) -> Callable[[int], int | None]:
    return lambda pin: board.level(pin) if board.driven(pin) else None


def test_the_suite_is_there() -> None:
    assert len(shared) >= 8


def test_a_line_of_another_process_is_refused_until_that_has_ended(board: Board) -> None:
    other = BoardOutput(board, 17, True, PID + 1)
    other.write(False)
    mine = BoardOutput(board, 17, True, PID)
    with pytest.raises(PortGone, match="held by another process"):
        mine.write(True)
    assert (mine.read(), board.level(17)) == (None, 1)
    board.gone(PID + 1)
    mine.write(True)
    assert (mine.read(), board.level(17)) == (True, 0)
