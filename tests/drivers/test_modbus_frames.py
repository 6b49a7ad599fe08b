"""Frames and their checks: published frames, every kind of wrong answer, and mutated answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.api import BadAnswer, Refused
from drivers.modbus import answer_length, check, crc16, missing, read_request, sealed

ASK = bytes.fromhex("01 04 00 00 00 02 71 CB")
ANSWER = bytes.fromhex("01 04 04 43 67 AF 55 E2 10")


@pytest.mark.parametrize(
    ("slave", "function", "register", "count", "frame"),
    [
        (1, 4, 0x0000, 2, "01 04 00 00 00 02 71 CB"),
        (1, 4, 0x0000, 10, "01 04 00 00 00 0A 70 0D"),
        (1, 3, 0x2000, 2, "01 03 20 00 00 02 CF CB"),
        (1, 3, 0x2006, 2, "01 03 20 06 00 02 2F CA"),
    ],
)
def test_a_question_is_the_published_frame(slave: int, function: int, register: int, count: int, frame: str) -> None:
    assert read_request(slave, function, register, count) == bytes.fromhex(frame)


def test_the_crc_is_the_published_one() -> None:
    # MODBUS over Serial Line V1.02, appendix B: slave 2, function 7 gives 1241 hex, sent low byte first.
    assert crc16(bytes((2, 7))) == 0x1241
    assert sealed(bytes((2, 7))) == bytes.fromhex("02 07 41 12")


@pytest.mark.parametrize(
    "question",
    [(0, 4, 0, 1), (248, 4, 0, 1), (1, 4, 0, 0), (1, 4, 0, 126), (1, 4, 0xFFFF, 2), (1, 6, 0, 1), (1, 3, -1, 1)],
)
def test_what_cannot_be_asked_is_refused_before_it_is_sent(question: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"cannot ask|not a read"):
        read_request(*question)


def test_a_sound_answer_gives_its_data() -> None:
    assert check(ASK, ANSWER) == bytes.fromhex("43 67 AF 55")
    assert check(ASK, ANSWER + b"\x00\xff\x00") == bytes.fromhex("43 67 AF 55")


def test_coils_come_eight_in_a_byte() -> None:
    ask = read_request(10, 1, 0, 9)
    assert answer_length(ask) == 7
    assert check(ask, sealed(bytes((10, 1, 2, 0b1010_0001, 1)))) == bytes((0b1010_0001, 1))


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (ANSWER[:-1], "cut: 8 of 9"),
        (b"", "cut: 0 of 9"),
        (ANSWER + bytes(4), "too long: 13 bytes where 9"),
        (ANSWER + ANSWER, "too long: 18 bytes"),
        (sealed(b"\x02" + ANSWER[1:-2]), "device 2 answered where device 1"),
        (sealed(b"\x01\x03" + ANSWER[2:-2]), "to function 3, asked was 4"),
        (ANSWER[:4] + b"\x00" + ANSWER[5:], "checksum"),
        (sealed(b"\x01\x04\x06" + ANSWER[3:-2]), "announces 6 bytes"),
        (sealed(b"\x01\x84\x02")[:-1] + b"\x00", "checksum"),
        (sealed(b"\x01\x84\x02")[:-1], "cut: 4 of 5"),
        (sealed(b"\x01\x83\x02"), "cut: 5 of 9"),
    ],
)
def test_a_wrong_answer_is_refused_and_says_why(answer: bytes, why: str) -> None:
    with pytest.raises(BadAnswer, match=why):
        check(ASK, answer)


@pytest.mark.parametrize(("code", "words"), [(2, "no such register"), (6, "busy"), (99, "reason of its own")])
def test_an_exception_is_told_in_words(code: int, words: str) -> None:
    with pytest.raises(Refused, match=rf"device 1 refuses: .*{words}.* \({code}\)"):
        check(ASK, sealed(bytes((1, 0x84, code))))


def test_how_much_is_missing_shrinks_when_an_exception_begins() -> None:
    assert missing(ASK, b"") == 9
    assert missing(ASK, ANSWER[:3]) == 6
    assert missing(ASK, ANSWER) == 0
    assert missing(ASK, b"\x01\x84") == 3


reads = st.builds(
    read_request, st.integers(1, 247), st.sampled_from([3, 4]), st.integers(0, 0xFF00), st.integers(1, 125)
)


def answer_to(request: bytes, content: bytes) -> bytes:
    size = answer_length(request) - 5
    return sealed(bytes((request[0], request[1], size)) + (content * size)[:size])


@given(reads, st.binary(min_size=1, max_size=16))
def test_every_answer_gives_back_what_was_put_in(request: bytes, content: bytes) -> None:
    answer = answer_to(request, content)
    assert len(answer) == answer_length(request)
    assert check(request, answer) == answer[3:-2]


@given(reads, st.binary(min_size=1, max_size=16), st.data())
def test_a_mutated_answer_is_refused_or_says_the_same(request: bytes, content: bytes, data: st.DataObject) -> None:
    answer = bytearray(answer_to(request, content))
    sound = bytes(answer[3:-2])
    kind = data.draw(st.sampled_from(["flip", "cut", "append", "insert"]))
    if kind == "flip":
        # The CRC finds every burst of up to 16 bits.
        at = data.draw(st.integers(0, len(answer) - 2))
        answer[at] ^= data.draw(st.integers(1, 255))
        answer[at + 1] ^= data.draw(st.integers(0, 255))
    elif kind == "cut":
        del answer[data.draw(st.integers(0, len(answer) - 1)) :]
    elif kind == "append":
        answer += data.draw(st.binary(min_size=1, max_size=20))
    else:
        answer.insert(0, data.draw(st.integers(0, 255)))
    try:
        got = check(request, bytes(answer))
    except (BadAnswer, Refused):
        return
    assert got == sound


@given(reads, reads, st.binary(min_size=1, max_size=4))
def test_an_answer_to_a_question_of_another_length_or_device_is_refused(a: bytes, b: bytes, content: bytes) -> None:
    if (a[0], answer_length(a)) == (b[0], answer_length(b)):
        return
    with pytest.raises(BadAnswer):
        check(a, answer_to(b, content))
