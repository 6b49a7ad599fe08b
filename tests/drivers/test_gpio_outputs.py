"""One suite for every way to a line: what an Output promises, on lgpio, the village and gpiozero's mock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gpio_lines import FakeLgpio, forget_lgpio, install_lgpio, served_board

from drivers.api import DriverError
from drivers.gpio import GpioOutput

Level = Callable[[int], int | None]


@pytest.fixture(params=["lgpio", "village", "mock"])
def level(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Level]:
    """The physical level of a driven line, None for an input, as the far side of the factory under test sees it."""
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", request.param)
    if request.param == "lgpio":
        fake = FakeLgpio()
        install_lgpio(monkeypatch, fake)
        yield fake.outputs.get
    elif request.param == "village":
        monkeypatch.setenv("VILLAGE_SIM", str(tmp_path))
        with served_board(tmp_path) as served:
            yield served.driven_level
    else:
        yield _mock_level
    forget_lgpio()


def _mock_level(pin: int) -> int | None:
    from gpiozero import Device

    line = Device.pin_factory.pin(pin)
    return int(line.state) if line.function == "output" else None


@pytest.mark.parametrize("active_low", [False, True])
@pytest.mark.parametrize("on", [False, True])
def test_the_first_write_decides_the_level(level: Level, active_low: bool, on: bool) -> None:
    output = GpioOutput(17, active_low)
    output.write(on)
    assert level(17) == int(on != active_low)
    assert output.read() is on


def test_later_writes_move_the_line(level: Level) -> None:
    output = GpioOutput(17, active_low=True)
    seen = []
    for on in (False, True, True, False):
        output.write(on)
        seen.append((level(17), output.read()))
    assert seen == [(1, False), (0, True), (0, True), (1, False)]


def test_an_unclaimed_line_is_unknown_and_stays_untouched(level: Level) -> None:
    output = GpioOutput(17, active_low=True)
    GpioOutput(27, active_low=True).write(False)  # so that the factory exists
    assert output.read() is None
    assert level(17) is None


def test_closing_does_not_move_the_line(level: Level) -> None:
    output = GpioOutput(17, active_low=True)
    output.write(True)
    output.close()
    assert level(17) == 0
    assert output.read() is None


def test_a_closed_output_can_be_claimed_again(level: Level) -> None:
    first = GpioOutput(17, active_low=True)
    first.write(True)
    first.close()
    second = GpioOutput(17, active_low=True)
    second.write(False)
    assert (level(17), second.read()) == (1, False)


def test_lines_do_not_touch_each_other(level: Level) -> None:
    a, b = GpioOutput(17, active_low=True), GpioOutput(27, active_low=False)
    a.write(True)
    b.write(True)
    b.write(False)
    assert (level(17), level(27)) == (0, 0)
    assert (a.read(), b.read()) == (True, False)


def test_a_line_that_no_board_has_is_refused_in_words(level: Level) -> None:
    with pytest.raises(DriverError, match="GPIO 99 does not exist"):
        GpioOutput(99, active_low=True).write(True)


def test_a_line_that_fell_back_to_an_input_is_claimed_again(level: Level) -> None:
    from gpiozero import Device

    output = GpioOutput(17, active_low=True)
    output.write(True)
    Device.pin_factory.pin(17).function = "input"
    assert level(17) is None
    output.write(True)
    assert (level(17), output.read()) == (0, True)
