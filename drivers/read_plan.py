"""Which registers are read together: the fewest requests that a model allows, and of those the fewest registers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

MOST_REGISTERS = 125  # of one request; MODBUS Application Protocol V1.1b3, 6.3
THINKS_S = 0.02  # what a meter takes before it answers, as most do
# Question (8), what an answer has beside its data (5), and the silence of 3.5 characters before the answer.
REQUEST_CHARACTERS = 8 + 5 + 3.5
SILENT_CHARACTERS = 3.5
CHARACTERS_A_REGISTER = 2


@dataclass(frozen=True, slots=True)
class Block:
    """Registers read in one request with `function` (3 or 4), and the quantities that lie whole within them."""

    register: int
    count: int
    names: tuple[str, ...]
    function: int

    @property
    def end(self) -> int:
        """The register after its last."""
        return self.register + self.count


class Place(Protocol):
    """Where a quantity is: from `address` up to, not including, `end`."""

    @property
    def address(self) -> int:
        """Its first register."""

    @property
    def end(self) -> int:
        """The register after its last."""


def widest_gap(character_s: float, turnaround_s: float) -> int:
    """So many registers that nobody wants are read over in less time than another request takes.

    `character_s` is the time of a character on the line; `turnaround_s` the silence that the device wants before a
    question.
    """
    silent_s = max(turnaround_s, SILENT_CHARACTERS * character_s)
    request_s = REQUEST_CHARACTERS * character_s + silent_s + THINKS_S
    return math.ceil(request_s / (CHARACTERS_A_REGISTER * character_s)) - 1


def plan(
    places: Mapping[str, Place], function: int, most: int, gap: int, forbidden: Sequence[tuple[int, int]]
) -> tuple[Block, ...]:
    """The requests that read every one of `places`, in register order.

    Each has at most `most` registers, reads over at most `gap` registers at a stretch that hold nothing wanted, and
    touches none of the `forbidden` ranges (first, last). A place that breaks these on its own gets its own request.
    """
    held = sorted(places.values(), key=lambda place: (place.address, place.end))
    # The best way to read the first n places: how many requests, how many registers, and where the last one begins.
    best: list[tuple[int, int, int]] = [(0, 0, 0)]
    for start in range(len(held)):
        requests, registers, _ = best[start]
        for n, end in _reach(held, start, most, gap, forbidden):
            way = (requests + 1, registers + end - held[start].address, start)
            if n == len(best):
                best.append(way)
            else:
                best[n] = min(best[n], way)
    blocks: list[Block] = []
    n = len(held)
    while n:
        start = best[n][2]
        register, end = held[start].address, max(place.end for place in held[start:n])
        names = tuple(name for name, place in places.items() if register <= place.address and place.end <= end)
        blocks.append(Block(register, end - register, names, function))
        n = start
    return tuple(reversed(blocks))


def touches(forbidden: Sequence[tuple[int, int]], register: int, end: int) -> bool:
    """Whether the registers from `register` up to, not including, `end` have one of a `forbidden` range."""
    return any(register <= last and first < end for first, last in forbidden)


def _reach(
    held: Sequence[Place], start: int, most: int, gap: int, forbidden: Sequence[tuple[int, int]]
) -> Iterator[tuple[int, int]]:
    """How far a request goes that begins with a place: each (number of the place after its last, end) it can have."""
    register, end = held[start].address, held[start].end
    yield start + 1, end
    for n, place in enumerate(held[start + 1 :], start + 2):
        gap_here, end = place.address - end, max(end, place.end)
        if gap_here > gap or end - register > most or touches(forbidden, register, end):
            return
        yield n, end
