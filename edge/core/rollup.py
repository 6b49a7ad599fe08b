"""What many readings of a device come to: of each quantity how many there were, the least, their mean and the most."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edge.core.packing import pack, unpack

_EACH = 4  # numbers of one quantity
_DECIMALS = 6  # of a sum: readings have fewer, and what adding them makes of the last binary digits is none of theirs


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one quantity: `n` readings (at least 1), the least, their sum and the most."""

    n: int
    least: float
    total: float
    most: float

    @property
    def mean(self) -> float:
        """Of the readings, each counting the same; never outside of least and most."""
        return min(max(self.total / self.n, self.least), self.most)


def summed(values: Iterable[float | None]) -> Figures | None:
    """The figures of these readings, None being none; None if all are."""
    found = [value for value in values if value is not None]
    if not found:
        return None
    return Figures(len(found), min(found), round(math.fsum(found), _DECIMALS), max(found))


def joined(parts: Iterable[Figures | None]) -> Figures | None:
    """The figures of all these together; None if there are none."""
    found = [part for part in parts if part is not None]
    if not found:
        return None
    total = round(math.fsum(part.total for part in found), _DECIMALS)
    return Figures(sum(p.n for p in found), min(p.least for p in found), total, max(p.most for p in found))


def packed(figures: Sequence[Figures | None]) -> bytes:
    """The figures of each quantity in their order: a byte that says how long each is, and each as a row is packed."""
    body = bytearray()
    for each in figures:
        one = pack([0, None, None, None] if each is None else [each.n, each.least, each.total, each.most])
        body.append(len(one))
        body += one
    return bytes(body)


def picked(body: bytes, index: int) -> Figures | None:
    """The figures of the quantity at `index`; None without a reading, or where `body` is damaged."""
    at = 0
    try:
        for _ in range(index):
            at += body[at] + 1
        n, least, total, most = unpack(body[at + 1 : at + 1 + body[at]], _EACH)
    except (IndexError, ValueError):
        return None
    if not n or least is None or total is None or most is None:
        return None
    return Figures(int(n), least, total, most)


def unpacked(body: bytes, count: int) -> list[Figures | None]:
    """The figures of each of `count` quantities, as `picked` has them."""
    return [picked(body, index) for index in range(count)]
