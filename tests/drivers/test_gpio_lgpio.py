"""What reaches the lines of a real Pi: the calls our lgpio pin makes, and those it must not make."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from gpio_lines import FakeLgpio, forget_lgpio, install_lgpio

from drivers.api import DriverError, PortGone
from drivers.gpio import GpioInput, GpioOutput, pin_factory


@pytest.fixture
def lgpio(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeLgpio]:
    monkeypatch.delenv("GPIOZERO_PIN_FACTORY", raising=False)
    fake = FakeLgpio()
    install_lgpio(monkeypatch, fake)
    yield fake
    forget_lgpio()


def test_the_line_goes_to_its_level_in_one_step_and_never_through_an_input(lgpio: FakeLgpio) -> None:
    output = GpioOutput(17, active_low=True)
    output.write(False)
    output.read()
    output.write(True)
    output.close()
    assert lgpio.calls == [("open", 0), ("output", 17, 1), ("write", 17, 0)]


def test_reading_before_the_first_write_calls_nothing(lgpio: FakeLgpio) -> None:
    assert GpioOutput(17, active_low=True).read() is None
    assert lgpio.calls == []


def test_gpiozeros_exit_closes_the_chip_and_moves_no_line(lgpio: FakeLgpio) -> None:
    from gpiozero.devices import _devices_shutdown

    output = GpioOutput(17, active_low=True)
    output.write(True)
    _devices_shutdown()
    assert lgpio.calls[1:] == [("output", 17, 0), ("close",)]
    assert lgpio.outputs == {17: 0}


def test_a_real_exit_moves_no_line(tmp_path: Path) -> None:
    script = """
import atexit, sys
from unittest import mock
from gpio_lines import FakeLgpio
fake = sys.modules["lgpio"] = FakeLgpio()
atexit.register(lambda: print(fake.calls))
mock.patch("gpiozero.pins.local.get_pi_revision", lambda: 0xA02082).start()
from drivers.gpio import GpioOutput
output = GpioOutput(17, active_low=True)
output.write(True)
"""
    tests = Path(__file__).parent.parent
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path,
        env={"PYTHONPATH": f"{tests}:{tests.parent}"}, timeout=30,
    )  # fmt: skip
    assert run.stdout.strip() == "[('open', 0), ('output', 17, 0), ('close',)]"
    assert run.stderr == ""


def test_a_line_of_another_process_is_refused_in_words_and_works_once_free(lgpio: FakeLgpio) -> None:
    lgpio.busy.add(17)
    output = GpioOutput(17, active_low=True)
    with pytest.raises(
        PortGone, match="GPIO 17 is held by another process: stop the other program or `village-edge run`"
    ):
        output.write(True)
    lgpio.busy.clear()
    output.write(True)
    assert lgpio.calls == [("open", 0), ("output", 17, 0)]


def test_an_error_of_the_chip_is_unknown_when_reading_and_said_when_writing(lgpio: FakeLgpio) -> None:
    output = GpioOutput(17, active_low=True)
    output.write(True)
    lgpio.handles.clear()
    assert output.read() is None
    with pytest.raises(PortGone, match="GPIO 17: unknown handle"):
        output.write(False)


def test_a_chip_that_cannot_be_opened_names_the_group(lgpio: FakeLgpio) -> None:
    lgpio.chip_fails = "can not open gpiochip"
    with pytest.raises(PortGone, match=r"can not open gpiochip; the user must be in group gpio"):
        GpioOutput(17, active_low=True).write(True)


def test_a_missing_lgpio_names_the_package(lgpio: FakeLgpio, monkeypatch: pytest.MonkeyPatch) -> None:
    install_lgpio(monkeypatch, None)
    with pytest.raises(PortGone, match="install Debian's python3-lgpio"):
        GpioOutput(17, active_low=True).write(True)


def test_no_pi_points_to_the_simulator(lgpio: FakeLgpio, monkeypatch: pytest.MonkeyPatch) -> None:
    from gpiozero import PinUnknownPi

    def unknown() -> int:
        raise PinUnknownPi("unable to locate Pi revision")

    monkeypatch.setattr("gpiozero.pins.local.get_pi_revision", unknown)
    with pytest.raises(PortGone, match="use --sim DIR"):
        GpioOutput(17, active_low=True).write(True)


def test_an_unknown_factory_is_refused(lgpio: FakeLgpio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "abacus")
    with pytest.raises(DriverError, match="'abacus'"):
        pin_factory()


def test_a_released_line_becomes_an_input_without_a_pull_of_the_chips(lgpio: FakeLgpio) -> None:
    output = GpioOutput(17, active_low=True)
    output.write(False)
    output.release()
    assert lgpio.calls == [("open", 0), ("output", 17, 1), ("free", 17), ("input", 17, "floating")]


def test_our_class_still_makes_inputs(lgpio: FakeLgpio) -> None:
    line = pin_factory().pin(6)
    line.function = "input"
    assert (line.function, line.state) == ("input", True)
    assert lgpio.calls == [("open", 0), ("input", 6, "as it was")]


def test_an_input_is_claimed_once_with_its_pull_and_then_only_read(lgpio: FakeLgpio) -> None:
    contact = GpioInput(6, active_low=True)
    lgpio.outside[6] = 0
    assert [contact.read(), contact.read()] == [True, True]
    lgpio.outside[6] = 1
    assert contact.read() is False
    assert lgpio.calls == [("open", 0), ("input", 6, "up")]
    assert lgpio.outputs == {}


def test_an_input_that_this_process_has_with_another_pull_is_let_go_first(lgpio: FakeLgpio) -> None:
    pin_factory().pin(6).input_with_pull("down")
    assert GpioInput(6, active_low=True).read() is False
    assert lgpio.calls[1:] == [("input", 6, "down"), ("free", 6), ("input", 6, "up")]


def test_gpiozeros_exit_leaves_an_input_as_it_is(lgpio: FakeLgpio) -> None:
    from gpiozero.devices import _devices_shutdown

    GpioInput(6, active_low=True).read()
    _devices_shutdown()
    assert lgpio.calls[1:] == [("input", 6, "up"), ("close",)]


def test_an_input_of_another_process_is_unknown_in_words_and_read_once_free(lgpio: FakeLgpio) -> None:
    lgpio.busy.add(6)
    contact = GpioInput(6, active_low=True)
    assert (contact.read(), contact.error) == (
        None, "GPIO 6 is held by another process: stop the other program or `village-edge run` that has it",
    )
    lgpio.busy.clear()
    assert (contact.read(), contact.error) == (False, None)


def test_an_input_whose_chip_fails_is_unknown_and_says_why(lgpio: FakeLgpio) -> None:
    contact = GpioInput(6, active_low=True)
    assert contact.read() is False
    lgpio.handles.clear()
    assert (contact.read(), contact.error) == (None, "GPIO 6: unknown handle")


def test_an_input_without_lgpio_names_the_package(lgpio: FakeLgpio, monkeypatch: pytest.MonkeyPatch) -> None:
    install_lgpio(monkeypatch, None)
    contact = GpioInput(6, active_low=True)
    assert contact.read() is None
    assert "install Debian's python3-lgpio" in str(contact.error)


def test_importing_the_driver_loads_neither_gpiozero_nor_lgpio() -> None:
    script = "import sys, drivers.gpio; print(sorted(m for m in sys.modules if m in ('gpiozero', 'lgpio', 'pydantic')))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=30)
    assert run.stdout.strip() == "[]"
