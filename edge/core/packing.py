"""A reading's values in as few bytes as hold them exactly: what the history keeps of each.

Meters show decimal figures of few digits, so a value is kept as the shortest decimal that is the same number: how many
decimals (4 bits), and the digits as a whole number, zigzag and 7 bits a byte as in Protocol Buffers' sint64. What is no
such decimal is kept as the 8 bytes of its double.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from functools import lru_cache

MOST_DECIMALS = 9
LARGEST = 1 << 53  # beyond it not every whole number is a double
_ABSENT, _DOUBLE = 14, 15
_EIGHT = struct.Struct("<d")


def pack(values: Sequence[float | None]) -> bytes:
    """The values in their order; None for what was not read. Raises ValueError for NaN and infinities."""
    heads, body = bytearray((len(values) + 1) // 2), bytearray()
    for n, value in enumerate(values):
        head, digits = _form(value) if value else _nothing(value)
        heads[n // 2] |= head << 4 if n % 2 else head
        body += digits
    return bytes(heads + body)


def unpack(packed: bytes, count: int) -> list[float | None]:
    """The `count` values that were packed. Raises ValueError where `packed` is not what `pack` makes of so many."""
    at = (count + 1) // 2
    values: list[float | None] = []
    try:
        for n in range(count):
            head = packed[n // 2] >> 4 if n % 2 else packed[n // 2] & 15
            value, at = _get(head, packed, at)
            values.append(value)
    except (IndexError, struct.error):
        raise ValueError("a row of the history is cut short") from None
    if at != len(packed):
        raise ValueError("a row of the history is longer than its values")
    return values


def _nothing(value: float | None) -> tuple[int, bytes]:
    """Of None, 0 and -0, which is another double and yet equal to 0."""
    if value is None:
        return _ABSENT, b""
    return (0, b"\0") if math.copysign(1.0, value) > 0 else (_DOUBLE, _EIGHT.pack(value))


@lru_cache(4096)  # a meter's voltage, frequency and counter are nearly always figures that it showed before
def _form(value: float) -> tuple[int, bytes]:
    whole, _, part = repr(float(value)).partition(".")  # the shortest decimal that is the same double
    decimals = 0 if part == "0" else len(part)
    if part.isdigit() and decimals <= MOST_DECIMALS:
        digits = int(whole + part) if decimals else int(whole)
        if abs(digits) < LARGEST:
            return decimals, _varint(digits << 1 if digits >= 0 else (-digits << 1) - 1)
    if not math.isfinite(value):
        raise ValueError(f"{value} is no figure to keep")
    return _DOUBLE, _EIGHT.pack(value)


def _get(head: int, packed: bytes, at: int) -> tuple[float | None, int]:
    if head == _ABSENT:
        return None, at
    if head == _DOUBLE:
        found: float = _EIGHT.unpack_from(packed, at)[0]
        return found, at + _EIGHT.size
    if head > MOST_DECIMALS:
        raise ValueError("a row of the history is not one that this version wrote")
    zigzag = shift = 0
    while True:
        byte = packed[at]
        at += 1
        zigzag |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    digits = -((zigzag + 1) >> 1) if zigzag & 1 else zigzag >> 1
    return digits / 10**head, at


def _varint(number: int) -> bytes:
    found = bytearray()
    while number >= 0x80:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)
