"""As much of MQTT as a login takes: a CONNECT and whose it is, and what the broker answers to it.

MQTT 3.1.1 sections 2.2 and 3.1, MQTT 5 sections 2.1 and 3.1; both lay out what is read here alike but for properties.
"""

from __future__ import annotations

from dataclasses import dataclass

CONNECT = 0x10
CONNACK = 0x20
LARGEST_CONNECT = 16_384
UNAVAILABLE = {3, 0x88, 0x89}  # the broker's own trouble, in 3.1.1 and 5: no login has failed by it


class Malformed(Exception):
    """These are not the bytes of the packet that is due."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A whole packet at the beginning of some bytes: its first byte, where its content begins, where it ends."""

    first: int
    begin: int
    end: int


def frame(data: bytes) -> Frame | None:
    """The packet that `data` begins with; None while it is not whole. Raises Malformed."""
    length = 0
    for at in range(1, 5):
        if at >= len(data):
            return None
        length |= (data[at] & 0x7F) << 7 * (at - 1)
        if not data[at] & 0x80:
            end = at + 1 + length
            return Frame(data[0], at + 1, end) if len(data) >= end else None
    raise Malformed("a packet's length has at most four bytes")


def connect(data: bytes) -> Frame | None:
    """The CONNECT that `data` begins with; None while it is not whole. Raises Malformed when it will never be one."""
    if data and data[0] != CONNECT:
        raise Malformed("the first packet must be CONNECT")
    whole = frame(data)
    if whole is None and len(data) > LARGEST_CONNECT:
        raise Malformed(f"a CONNECT has at most {LARGEST_CONNECT} bytes")
    return whole


def user_of(data: bytes, at: Frame) -> str:
    """Whose login the CONNECT at `at` is, fit for a log: printable, at most 64 characters; "" if it has not both a name
    and a password.

    Raises Malformed. The password behind it is not looked at.
    """
    reader = _Reader(data[at.begin : at.end])
    reader.field()  # the protocol's name
    level, flags = reader.take(1)[0], reader.take(1)[0]
    reader.take(2)  # keepalive
    if level == 5:
        reader.take(reader.number())
    reader.field()  # the client's id
    if flags & 0x04:  # a will
        if level == 5:
            reader.take(reader.number())
        reader.field()
        reader.field()
    if flags & 0xC0 != 0xC0:
        return ""
    return "".join(c if c.isprintable() else "?" for c in reader.field().decode("utf-8", "replace"))[:64]


def refusal(answer: bytes) -> int | None:
    """The code with which the broker refuses a login; None for anything else that it may say first."""
    at = frame(answer)
    if at is None or at.first & 0xF0 != CONNACK or at.end - at.begin < 2:
        return None
    return answer[at.begin + 1] or None


class _Reader:
    """Takes one field after the other off a packet's content."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        if len(taken) < count:
            raise Malformed("it ends within a field")
        self._at += count
        return taken

    def field(self) -> bytes:
        return self.take(int.from_bytes(self.take(2), "big"))

    def number(self) -> int:
        """A variable byte integer."""
        value = 0
        for shift in (0, 7, 14, 21):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if not byte & 0x80:
                return value
        raise Malformed("a number has at most four bytes")
