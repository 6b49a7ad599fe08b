"""What a troubled serial line makes of its slaves' answers: the same in real and in virtual time."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from drivers import dlt645
from drivers.modbus import sealed

MOST_BITS = 3  # so few turned bits a CRC-16 always shows: noise is never taken for a value
HIGHEST_ID = 247
DLT645_SPEED = 2400  # the standard's own
DLT645_NUMBER = 210_800_000_000  # a simulated meter's number is this and its address


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong on one line, by Modbus address (1 to 247).

    `dead`: do and say nothing; `late`: answer so many seconds later; `noisy`: this share (0 to 1) of the answers is cut
    or corrupted; `wrong_id`: answer under another address; `twins`: a second device answers at once; `dlt645`: speak
    DL/T 645, at 2400 baud, in place of Modbus; `speeds`: hear and answer at this speed (baud) alone. `swapped`: A and B
    are, and nobody understands anybody. `gone`: the adapter itself is not there.
    """

    dead: frozenset[int] = frozenset()
    late: Mapping[int, float] = field(default_factory=dict)
    noisy: Mapping[int, float] = field(default_factory=dict)
    wrong_id: frozenset[int] = frozenset()
    twins: frozenset[int] = frozenset()
    dlt645: frozenset[int] = frozenset()
    speeds: Mapping[int, int] = field(default_factory=dict)
    swapped: bool = False
    gone: bool = False


def carried(trouble: Trouble, answer: bytes, draw: random.Random) -> tuple[float, bytes]:
    """What comes back in place of a slave's whole `answer`: after how many seconds, and which bytes (b"": none).

    `draw` is asked only where something is garbled, so that other troubles leave a seeded run as it was.
    """
    slave = answer[0]
    if trouble.gone or slave in trouble.dead:
        return 0.0, b""
    if trouble.swapped:
        return 0.0, break_of(draw)
    if slave in trouble.twins:
        return trouble.late.get(slave, 0.0), collided(answer, draw)
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


def collided(frame: bytes, draw: random.Random) -> bytes:
    """`frame` as it is heard while a second device sends its own: both pull the line low, a byte or two apart."""
    apart = draw.randint(1, 2)
    padded = frame + b"\xff" * apart
    other = b"\xff" * apart + frame
    heard = bytes(a & b for a, b in zip(padded, other, strict=True))
    return heard if heard[: len(frame)] != frame else harmed(frame, draw)


def break_of(draw: random.Random) -> bytes:
    """What a receiver with A and B swapped makes of the line as somebody lets go of it: a byte or two without sense."""
    return bytes(draw.choice((0x00, 0x80, 0xC0, 0xE0, 0xF8, 0xFC, 0xFE)) for _ in range(draw.randint(1, 2)))


class Wire:
    """One serial line between its slaves and whoever asks them; `trouble` may be set at any time.

    `speed` is the asker's (baud), None where it is not known.

    `powered(address)` says whether a slave has the power to answer. A slave answers in the order asked: what it says
    never overtakes what it said before.
    """

    def __init__(self, draw: random.Random, powered: Callable[[int], bool]) -> None:
        self.trouble = Trouble()
        self.speed: int | None = None
        self._draw = draw
        self._powered = powered
        self._last: dict[int, float] = {}

    def deaf(self, slave: int) -> bool:
        """Whether a slave understands nothing of what is asked, and so does nothing either."""
        trouble = self.trouble
        return slave in trouble.dead or slave in trouble.dlt645 or trouble.speeds.get(slave, self.speed) != self.speed

    def other(self, question: bytes) -> bytes:
        """What a meter says that speaks DL/T 645, when bytes of that kind go by; b"": nobody does."""
        speaks = [slave for slave in self.trouble.dlt645 if self._powered(slave) and slave not in self.trouble.dead]
        if not speaks or self.trouble.gone or self.trouble.swapped or self.speed not in (None, DLT645_SPEED):
            return b""
        return dlt645.answer(DLT645_NUMBER + speaks[0]) if dlt645.QUESTION in question else b""

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
