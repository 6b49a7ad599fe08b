"""The input in virtual time passes the suite of the real one: tests/drivers/test_gpio_inputs.py."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulator.board import Board
from simulator.virtual_pins import BoardInput, BoardOutput

PID = 7
SUITE = Path(__file__).parents[1] / "drivers" / "test_gpio_inputs.py"


def _loaded() -> Any:
    spec = importlib.util.spec_from_file_location("gpio_inputs_suite", SUITE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


suite = _loaded()
shared = {name: test for name, test in vars(suite).items() if name.startswith("test_")}
globals().update(shared)


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> Board:
    made = Board({})
    monkeypatch.setattr(suite, "GpioInput", lambda pin, active_low: BoardInput(made, pin, active_low, PID))
    monkeypatch.setattr(suite, "function", lambda pin: "output" if made.driven(pin) else "input")
    return made


@pytest.fixture
def outside(board: Board) -> Callable[[int, int], bool]:
    return board.set_outside


def test_the_suite_is_there() -> None:
    assert len(shared) >= 6


def test_a_line_of_another_process_is_unknown_until_that_has_ended(board: Board) -> None:
    BoardOutput(board, 6, True, PID + 1).write(True)
    contact = BoardInput(board, 6, True, PID)
    assert contact.read() is None
    assert "held by another process" in str(contact.error)
    board.gone(PID + 1)
    assert (contact.read(), contact.error, board.driven(6)) == (False, None, False)
