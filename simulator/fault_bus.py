"""What a troubled serial line makes of its slaves' answers: the same in real and in virtual time."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from drivers.modbus import sealed

MOST_BITS = 3  # so few turned bits a CRC-16 always shows: noise is never taken for a value
HIGHEST_ID = 247


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong on one line, by Modbus address (1 to 247).

    `dead`: do and say nothing; `late`: answer so many seconds later; `noisy`: this share (0 to 1) of the answers is cut
    or corrupted; `wrong_id`: answer under another address. `gone`: the adapter itself is not there.
    """

    dead: frozenset[int] = frozenset()
    late: Mapping[int, float] = field(default_factory=dict)
    noisy: Mapping[int, float] = field(default_factory=dict)
    wrong_id: frozenset[int] = frozenset()
    gone: bool = False


def carried(trouble: Trouble, answer: bytes, draw: random.Random) -> tuple[float, bytes]:
    """What comes back in place of a slave's whole `answer`: after how many seconds, and which bytes (b"": none).

    `draw` is asked only for a noisy slave, so that other troubles leave a seeded run as it was.
    """
    slave = answer[0]
    if trouble.gone or slave in trouble.dead:
        return 0.0, b""
    if slave in trouble.wrong_id:
        answer = sealed(bytes((slave % HIGHEST_ID + 1,)) + answer[1:-2])
    if slave in trouble.noisy and draw.random() < trouble.noisy[slave]:
        answer = harmed(answer, draw)
    return trouble.late.get(slave, 0.0), answer


def harmed(frame: bytes, draw: random.Random) -> bytes:
    """`frame` cut short, also to nothing, or with one to three bits turned."""
    if draw.random() < 0.5:
        return frame[: draw.randrange(len(frame))]
    spoilt = bytearray(frame)
    for bit in draw.sample(range(8 * len(frame)), draw.randint(1, MOST_BITS)):
        spoilt[bit // 8] ^= 1 << bit % 8
    return bytes(spoilt)


class Wire:
    """One serial line between its slaves and whoever asks them; `trouble` may be set at any time.

    `powered(address)` says whether a slave has the power to answer. A slave answers in the order asked: what it says
    never overtakes what it said before.
    """

    def __init__(self, draw: random.Random, powered: Callable[[int], bool]) -> None:
        self.trouble = Trouble()
        self._draw = draw
        self._powered = powered
        self._last: dict[int, float] = {}

    def carry(self, answer: bytes, mono: float) -> tuple[float, bytes]:
        """At which monotonic time (seconds, not before `mono`) what arrives of an answer given at `mono`."""
        if not self._powered(answer[0]):
            return mono, b""
        delay, arrives = carried(self.trouble, answer, self._draw)
        at = max(mono + delay, self._last.get(answer[0], mono))
        if arrives:
            self._last[answer[0]] = at
        return at, arrives


def sound() -> Wire:
    """A line on which everybody has power and nothing is wrong."""
    return Wire(random.Random(0), lambda _: True)  # noqa: S311  # never asked while nothing is noisy
