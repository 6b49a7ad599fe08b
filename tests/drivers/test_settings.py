"""Frames that set a meter, against those that people and manuals give; DL/T 645 frames."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import dlt645
from drivers.modbus import crc16
from drivers.settings import Settable, address_request, confirmation, settable, speed_request


def how(model: str) -> Settable:
    found = settable(model)
    assert found is not None
    return found


def test_the_published_frame_for_9600_baud_and_its_answer() -> None:
    request = speed_request(how("sdm120"), 1, 9600)
    assert request.hex(" ").upper() == "01 10 00 1C 00 02 04 40 00 00 00 E7 36"
    assert confirmation(request).hex(" ").upper() == "01 10 00 1C 00 02 80 0E"


def test_an_address_is_a_float_in_0014_of_an_sdm_and_a_word_in_0002_of_a_pzem() -> None:
    sdm = address_request(how("sdm630"), 1, 2)
    assert sdm[:-2].hex(" ") == "01 10 00 14 00 02 04 40 00 00 00"
    pzem = address_request(how("pzem016"), 1, 5)
    assert pzem[:-2].hex(" ") == "01 06 00 02 00 05"
    assert confirmation(pzem) == pzem
    for frame in (sdm, pzem):
        assert frame[-2:] == crc16(frame[:-2]).to_bytes(2, "little")


@pytest.mark.parametrize("model", ["sdm120", "sdm230", "sdm72", "sdm630", "pzem016", "pzem004t-v3"])
@pytest.mark.parametrize(("old", "new"), [(0, 5), (5, 0), (1, 248), (300, 1)])
def test_no_address_outside_1_to_247_and_no_general_address(model: str, old: int, new: int) -> None:
    with pytest.raises(ValueError, match="addresses go from 1 to 247"):
        address_request(how(model), old, new)


def test_speeds_are_those_of_the_model() -> None:
    with pytest.raises(ValueError, match=r"cannot be set to 19200 baud; write one of 1200, 2400, 4800, 9600"):
        speed_request(how("sdm120"), 1, 19200)
    with pytest.raises(ValueError, match="its speed is fixed"):
        speed_request(how("pzem016"), 1, 19200)
    assert speed_request(how("sdm630"), 1, 19200)[7:11].hex(" ") == "40 40 00 00"


@pytest.mark.parametrize("model", ["dtsu666", "iem3155", "xy-md02", "waveshare-relay-8"])
def test_other_models_are_not_set(model: str) -> None:
    assert settable(model) is None


def test_the_question_for_a_meters_number_is_the_standards() -> None:
    assert dlt645.QUESTION.hex(" ").upper() == "FE FE FE FE 68 AA AA AA AA AA AA 68 13 00 DF 16"


@given(number=st.integers(0, 10**12 - 1), before=st.binary(max_size=5), after=st.binary(max_size=5))
def test_a_meters_number_is_heard_among_other_bytes(number: int, before: bytes, after: bytes) -> None:
    heard = dlt645.heard(before + dlt645.answer(number) + after)
    assert heard == f"{number:012d}" or 0x68 in before


@given(number=st.integers(0, 10**12 - 1), at=st.integers(4, 19), turn=st.integers(1, 255))
def test_a_damaged_frame_is_not_believed(number: int, at: int, turn: int) -> None:
    frame = bytearray(dlt645.answer(number))
    frame[at] ^= turn
    assert dlt645.heard(bytes(frame)) is None


@given(raw=st.binary(max_size=60))
def test_whatever_comes_is_looked_at_without_an_error(raw: bytes) -> None:
    dlt645.heard(raw)
