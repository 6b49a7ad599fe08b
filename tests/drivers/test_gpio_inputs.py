"""One suite for every way to a contact: what an Input promises, on lgpio, the village and gpiozero's mock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gpio_lines import FakeLgpio, forget_lgpio, install_lgpio, served_board
from support import until

from drivers.gpio import GpioInput

SetLine = Callable[[int, int], None]


@pytest.fixture(params=["lgpio", "village", "mock"])
def outside(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[SetLine]:
    """Puts a line that is an input to a level, from the far side of the factory under test."""
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", request.param)
    if request.param == "lgpio":
        fake = FakeLgpio()
        install_lgpio(monkeypatch, fake)
        yield fake.outside.__setitem__
    elif request.param == "village":
        monkeypatch.setenv("VILLAGE_SIM", str(tmp_path))
        with served_board(tmp_path) as served:

            def put(pin: int, level: int) -> None:
                served.set_input(pin, level)
                until(lambda: served.board.level(pin) == level, what="the line")

            yield put
    else:
        yield _drive_mock
    forget_lgpio()


def _drive_mock(pin: int, level: int) -> None:
    from gpiozero import Device

    line = Device.pin_factory.pin(pin)
    line.drive_high() if level else line.drive_low()


def function(pin: int) -> str:
    """What the line is, as the factory in force says."""
    from gpiozero import Device

    return str(Device.pin_factory.pin(pin).function)


@pytest.mark.parametrize("active_low", [False, True])
def test_a_line_that_nothing_pulls_down_is_high(outside: SetLine, active_low: bool) -> None:
    contact = GpioInput(6, active_low)
    assert (contact.read(), contact.error) == (not active_low, None)


@pytest.mark.parametrize("active_low", [False, True])
def test_what_the_line_says_is_read_each_time(outside: SetLine, active_low: bool) -> None:
    contact = GpioInput(6, active_low)
    contact.read()
    seen = []
    for level in (0, 1, 1, 0):
        outside(6, level)
        seen.append(contact.read())
    assert seen == [(level == 0) is active_low for level in (0, 1, 1, 0)]


def test_the_line_is_an_input_and_stays_one(outside: SetLine) -> None:
    contact = GpioInput(6, active_low=True)
    contact.read()
    assert function(6) == "input"
    contact.close()
    assert function(6) == "input"


def test_a_closed_contact_can_be_read_again(outside: SetLine) -> None:
    contact = GpioInput(6, active_low=True)
    contact.read()
    contact.close()
    assert contact.read() is False
    outside(6, 0)
    assert contact.read() is True


def test_contacts_do_not_touch_each_other(outside: SetLine) -> None:
    a, b = GpioInput(6, active_low=True), GpioInput(13, active_low=False)
    a.read()
    b.read()
    outside(13, 0)
    assert (a.read(), b.read()) == (False, False)
    outside(6, 0)
    assert (a.read(), b.read()) == (True, False)


def test_a_line_that_no_board_has_is_unknown_and_says_why(outside: SetLine) -> None:
    contact = GpioInput(99, active_low=True)
    assert contact.error is None
    assert contact.read() is None
    assert "GPIO 99 does not exist" in str(contact.error)
