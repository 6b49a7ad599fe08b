"""A device that may have several forms, and figures that are multiplied: what is asked, and what leaves as a reading."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from drivers.api import NoAnswer
from drivers.modbus import EXCEPTION, Line, sealed
from drivers.modbus_reader import FACTORS_EVERY_S, ModbusReader, Turn
from drivers.registers import Model, load_model
from edge.core.values import Reading
from edge.shell.clock import ManualClock

DDSU666, DTSU666 = load_model("ddsu666"), load_model("dtsu666")
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS = 1, 2


class Device:
    """A device with these words, on a line of its own in virtual time; what it has not, it refuses or says nothing to."""

    def __init__(self, model: Model, function: int, words: Mapping[int, int], refuses: int | None) -> None:
        self.clock = ManualClock(wall=5000.0, mono=0.0)
        self.function, self.words, self.refuses = function, dict(words), refuses
        self.gone: Callable[[bytes], bool] = lambda _: False
        self.asked: list[tuple[int, int]] = []
        self.reader = ModbusReader("meter/x", Line(self, self.clock.mono, 9600), 1, model)

    def exchange(self, request: bytes, deadline: float) -> bytes:
        register, count = int.from_bytes(request[2:4], "big"), int.from_bytes(request[4:6], "big")
        self.asked.append((request[1], register))
        wrong = request[1] != self.function or not set(range(register, register + count)) & self.words.keys()
        if self.gone(request) or (wrong and self.refuses is None):
            self.clock.advance(deadline - self.clock.mono())
            raise NoAnswer("no answer")
        self.clock.advance(0.05)
        if wrong:
            return sealed(bytes((request[0], request[1] | EXCEPTION, self.refuses or 0)))
        data = b"".join(self.words.get(register + i, 0).to_bytes(2, "big") for i in range(count))
        return sealed(bytes((request[0], request[1], len(data))) + data)

    def turn(self) -> Turn:
        self.clock.advance(max(self.reader.ready_at() - self.clock.mono(), 0))
        return self.reader.ask(self.clock.now())

    def reading(self, most: int = 30) -> Reading:
        """The next one, over errors and questions that bring the device into step."""
        for _ in range(most):
            reading = self.turn().reading
            if reading is not None:
                return reading
        raise AssertionError(f"no reading in {most} exchanges: {self.asked}")

    def asked_in_the_next_round(self) -> list[tuple[int, int]]:
        del self.asked[:]
        self.reading()
        return list(self.asked)


def ddsu666(function: int, refuses: int | None) -> Device:
    values = dict.fromkeys(DDSU666.quantities, 0.0) | {"voltage_v": 231.5, "power_w": 912.5, "energy_kwh": 1234.5}
    return Device(DDSU666, function, DDSU666.forms[0].encode(values), refuses)


def dtsu666(form: int, values: Mapping[str, float], *, refuses: int | None = ILLEGAL_ADDRESS, both: bool = True) -> Device:
    """A DTSU666 of a form; `both`: it has the registers of the other form, too, with nothing in them."""
    words = DTSU666.forms[form].encode(dict.fromkeys(DTSU666.quantities, 0.0) | dict(values)) | {7: 10}
    words |= dict.fromkeys((*range(0x1020, 0x1028), *range(0x201A, 0x2022)), 0)  # what it has besides
    if both:
        words |= dict.fromkeys(((0x101E, 0x101F, 0x1028, 0x1029), (0x401E, 0x401F, 0x4028, 0x4029))[1 - form], 0)
    return Device(DTSU666, 3, words, refuses)


@pytest.mark.parametrize("refuses", [ILLEGAL_FUNCTION, None], ids=["refuses", "says nothing"])
@pytest.mark.parametrize("function", [3, 4])
def test_a_ddsu666_is_read_with_the_function_that_it_answers(function: int, refuses: int | None) -> None:
    device = ddsu666(function, refuses)
    first = device.reading()

    assert first.quantities["power_w"] == 912.5
    assert device.asked_in_the_next_round() == [(function, 0x2000), (function, 0x4000), (function, 0x400A)]


def test_a_meter_that_was_replaced_by_one_of_the_other_form_is_read_again() -> None:
    device = ddsu666(3, None)
    device.reading()
    device.function = 4
    assert device.reading(60).quantities["energy_kwh"] == 1234.5
    assert {function for function, _ in device.asked_in_the_next_round()} == {4}


def test_a_meter_that_was_silent_for_a_while_is_still_asked_as_it_was() -> None:
    device = ddsu666(3, None)
    device.reading()
    device.gone = lambda _: True
    for _ in range(2):
        assert device.turn().error is not None
    device.gone = lambda _: False
    del device.asked[:]
    device.reading()
    assert {function for function, _ in device.asked} == {3}


def test_a_meter_that_is_away_at_the_start_is_found_in_either_form() -> None:
    device = ddsu666(4, None)
    device.gone = lambda _: True
    for _ in range(7):
        assert device.turn().error == "no answer"
    device.gone = lambda _: False
    assert device.reading().quantities["voltage_v"] == 231.5


ENERGIES = {"energy_kwh": 31.25, "export_kwh": 0.25, "power_w": 607.5, "voltage_l1_v": 231.4}


@pytest.mark.parametrize("both", [True, False], ids=["and 0 at the other", "and nothing at the other"])
@pytest.mark.parametrize("form", [0, 1])
def test_a_dtsu666_has_its_energy_at_one_of_two_addresses(form: int, both: bool) -> None:
    device = dtsu666(form, ENERGIES, both=both)
    first = device.reading()

    assert {name: first.quantities[name] for name in ENERGIES} == ENERGIES
    energies = {register for _, register in device.asked_in_the_next_round()} & {0x101E, 0x401E}
    assert energies == {(0x101E, 0x401E)[form]}


def test_no_energy_of_0_leaves_before_every_form_was_asked() -> None:
    device = dtsu666(1, ENERGIES)
    told = [turn.reading for turn in (device.turn() for _ in range(40)) if turn.reading is not None]
    assert len(told) > 5
    assert {reading.quantities["energy_kwh"] for reading in told} == {31.25}


@pytest.mark.parametrize("first", [True, False], ids=["at the start", "after a while"])
def test_one_refusal_of_the_right_form_does_not_make_0_of_its_energy(first: bool) -> None:
    device = dtsu666(1, ENERGIES)
    if not first:
        device.reading()
    energies = {register: device.words.pop(register) for register in (0x401E, 0x401F)}
    told = [turn.reading for turn in (device.turn() for _ in range(10 if first else 60)) if turn.reading is not None]
    device.words |= energies

    assert told == []
    assert device.reading().quantities["energy_kwh"] == 31.25


def test_a_new_meter_shows_0_and_is_asked_for_both_until_it_has_counted() -> None:
    device = dtsu666(1, {**ENERGIES, "energy_kwh": 0.0, "export_kwh": 0.0})
    assert device.reading().quantities["energy_kwh"] == 0.0
    assert {0x101E, 0x401E} <= {register for _, register in device.asked_in_the_next_round()}

    device.words |= DTSU666.forms[1].encode(ENERGIES)
    assert device.reading().quantities["energy_kwh"] == 31.25
    assert 0x101E not in {register for _, register in device.asked_in_the_next_round()}


def test_a_refusal_of_one_form_is_no_error_but_one_of_all_is() -> None:
    device = dtsu666(1, ENERGIES, both=False)
    errors = [turn.error for turn in (device.turn() for _ in range(20)) if turn.error]
    assert errors == []

    device.words = {6: 1, 7: 10}
    errors = [turn.error for turn in (device.turn() for _ in range(40)) if turn.error]
    assert len(errors) > 3
    assert {error.split(": ", 1)[1] for error in errors} == {"it has no such register (2)"}


def test_the_ratios_of_a_meters_transformers_are_heeded_and_read_again_after_an_hour() -> None:
    secondary = {"current_l1_a": 1.25, "power_w": 607.5, "voltage_l1_v": 231.4, "energy_kwh": 31.25}
    device = dtsu666(0, secondary)
    device.words[6] = 40
    first = device.reading()
    expected = {"current_l1_a": 50.0, "power_w": 24300.0, "voltage_l1_v": 231.4, "energy_kwh": 1250.0}
    assert {name: first.quantities[name] for name in expected} == expected
    assert (3, 6) not in device.asked_in_the_next_round()

    device.words[6] = 60
    assert device.reading().quantities["current_l1_a"] == 50.0
    device.clock.advance(FACTORS_EVERY_S)
    device.reading()
    assert device.reading().quantities["current_l1_a"] == 75.0


def test_a_ratio_that_cannot_be_spoils_the_reading_and_names_itself() -> None:
    device = dtsu666(0, ENERGIES)
    device.words[6] = 0
    turns = [device.turn() for _ in range(12)]
    assert [turn.reading for turn in turns] == [None] * 12
    assert {turn.error for turn in turns if turn.error} == {"current_ratio reads 0, which is not within 1 to 9999"}
