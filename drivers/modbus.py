"""Modbus RTU: frames and their checks, and the manners that keep a shared line honest.

Frames follow "MODBUS over Serial Line V1.02" and "MODBUS Application Protocol V1.1b3" (modbus.org). `Port` is the only
seam: what blocks sits behind it, everything here runs the same in virtual time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from drivers.api import BadAnswer, DriverError, Garbled, PortGone, Refused

READ_COILS, READ_HOLDING, READ_INPUT = 1, 3, 4
WRITE_COIL = 5
COIL_ON, COIL_OFF = 0xFF00, 0x0000
EXCEPTION = 0x80
EXCEPTION_BYTES = 5
ECHO_BYTES = 8
FRAME_BYTES = 5  # id, function, byte count, two of CRC: what an answer has beside its data
NOISE_BYTES = 3  # a driver chip that lets go of the line adds a byte or two; four could already be a frame
LEAST_QUIET_S = 1.0
FORGET_S = 60.0
BITS_A_CHARACTER = 11

_REFUSALS = {
    1: "it does not know this function",
    2: "it has no such register",
    3: "it does not accept this count or value",
    4: "it failed while doing so",
    5: "it needs longer and says so",
    6: "it is busy",
    8: "its memory is damaged",
    10: "the gateway has no way to it",
    11: "it did not answer the gateway",
}


def _crc_table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        crc = value
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
        table.append(crc)
    return tuple(table)


_CRC = _crc_table()


def crc16(body: bytes) -> int:
    """The CRC of `body` (polynomial A001 reflected, start FFFF; Serial Line V1.02, 6.2.2). Sent low byte first."""
    crc = 0xFFFF
    for byte in body:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 0xFF]
    return crc


def sealed(body: bytes) -> bytes:
    """`body` with its CRC."""
    return body + crc16(body).to_bytes(2, "little")


def read_request(slave: int, function: int, register: int, count: int) -> bytes:
    """The question for `count` registers (functions 3 and 4, 1..125) or coils (function 1, 1..2000) from `register`.

    `slave` is 1..247, `register` the 0-based wire address. Raises ValueError outside these.
    """
    most = {READ_COILS: 2000, READ_HOLDING: 125, READ_INPUT: 125}.get(function)
    if most is None:
        raise ValueError(f"function {function} is not a read this driver knows")
    if not (1 <= slave <= 247 and 1 <= count <= most and 0 <= register <= 0x10000 - count):
        raise ValueError(f"cannot ask device {slave} for {count} from {register:#06x}")
    return sealed(bytes((slave, function, register >> 8, register & 0xFF, count >> 8, count & 0xFF)))


def write_coil_request(slave: int, coil: int, value: int) -> bytes:
    """The question that writes `value` to one coil (function 5): COIL_ON, COIL_OFF or what else a model defines there.

    `slave` is 1..247, `coil` the 0-based wire address, `value` 0..FFFF. Raises ValueError outside these. The answer is
    the question itself.
    """
    if not (1 <= slave <= 247 and 0 <= coil <= 0xFFFF and 0 <= value <= 0xFFFF):
        raise ValueError(f"cannot write {value:#06x} to coil {coil:#06x} of device {slave}")
    return sealed(bytes((slave, WRITE_COIL, coil >> 8, coil & 0xFF, value >> 8, value & 0xFF)))


def answer_length(request: bytes) -> int:
    """Bytes of the answer that fits a question made here, if it is not an exception."""
    if request[1] == WRITE_COIL:
        return ECHO_BYTES
    count = int.from_bytes(request[4:6], "big")
    return FRAME_BYTES + ((count + 7) // 8 if request[1] == READ_COILS else 2 * count)


def missing(request: bytes, got: bytes | bytearray) -> int:
    """How many bytes must still come before `got` can be judged as the answer to `request`; <= 0: judge it now."""
    refused = len(got) > 1 and got[1] == request[1] | EXCEPTION
    return (EXCEPTION_BYTES if refused else answer_length(request)) - len(got)


def check(request: bytes, answer: bytes) -> bytes:
    """The data of `answer`, if it is a whole and sound answer to `request`; up to 3 bytes of noise may follow it.

    A write's data is what was written, and its answer must be the question byte for byte. Raises BadAnswer saying what
    is wrong, and Refused for a Modbus exception, in words.
    """
    over = -missing(request, answer)
    if over < 0:
        raise BadAnswer(f"the answer is cut: {len(answer)} of {len(answer) - over} bytes")
    if over > NOISE_BYTES:
        raise BadAnswer(f"the answer is too long: {len(answer)} bytes where {len(answer) - over} fit the question")
    frame = answer[: len(answer) - over]
    if frame[0] != request[0]:
        raise BadAnswer(f"device {frame[0]} answered where device {request[0]} was asked: two with late answers?")
    if frame[1] & ~EXCEPTION != request[1]:
        raise BadAnswer(f"the answer is to function {frame[1]}, asked was {request[1]}")
    if frame[-2:] != crc16(frame[:-2]).to_bytes(2, "little"):
        raise Garbled("the answer's checksum is wrong: look at wiring, termination and speed")
    if frame[1] & EXCEPTION:
        raise Refused(f"device {frame[0]} refuses: {_REFUSALS.get(frame[2], 'for a reason of its own')} ({frame[2]})")
    if request[1] == WRITE_COIL:
        if frame != request:
            raise BadAnswer("another write than the one asked for is confirmed: is there a second master?")
        return frame[4:6]
    if frame[2] != len(frame) - FRAME_BYTES:
        raise BadAnswer(f"the answer announces {frame[2]} bytes of data, {len(frame) - FRAME_BYTES} fit the question")
    return frame[3:-2]


class Port(Protocol):
    """The serial line as bytes. The only seam between what is decided and what blocks."""

    def exchange(self, request: bytes, deadline: float) -> bytes:
        """Send `request` after silence and throw away what came before it; return what came back.

        It returns as soon as `missing(request, answer)` is <= 0, or with what there is at `deadline` (monotonic
        seconds). Raises NoAnswer if nothing came, PortGone if the port is not there; the next call tries it afresh.
        """


class Manners(Protocol):
    """What a line must know of the device it asks: all in seconds, all stated by its model file."""

    @property
    def timeout_s(self) -> float:
        """How long it may think before its answer is given up."""

    @property
    def worst_latency_s(self) -> float:
        """How late an answer that was given up may still come; the line is quiet that long after a fault."""

    @property
    def turnaround_s(self) -> float:
        """Silence it wants before a question, beyond the 3.5 characters of the standard."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """An unanswered question: the kind of its answer, and when it was given up (monotonic s)."""

    kind: bytes
    at: float


def _kind(request: bytes) -> bytes:
    """What an answer shows of its question: function and length; for a write, all of it."""
    return request[1:6] if request[1] == WRITE_COIL else bytes((request[1], answer_length(request)))


# The slave that was asked, GOOD or the `fault` of a DriverError, and how long (s) the exchange took.
Note = Callable[[int, str, float], None]
GOOD = "good"


class Line:
    """Who may be asked what, and when, so that a late answer never becomes another register's value.

    An RTU answer names its slave, its function and its length, not its question: it has no transaction number. So an
    answer to a question that was given up can be taken for the answer to a later one of equal length, however long
    the line was quiet between. This is why it cannot happen here:

    1. A slave answers its questions in the order asked, each at most once. So after a believed answer nothing older
       can follow, and only questions asked since then are *unanswered*.
    2. A question that ended in a fault of any kind (nothing came, something else came, a refusal while older
       questions were unanswered) stays unanswered: its answer may still be under way.
    3. A slave with unanswered questions is only asked one whose answer differs from all of theirs: in length or in
       function, or for a write in the bytes it echoes. A sound answer of that kind can answer none of them, so it
       answers this question, and by 1 nothing older can follow: the slave is in step again. Its values are believed,
       and anything may be asked.
    4. What arrives from slave X while Y is asked carries X's id and is refused; Y's question is then unanswered too.
    5. Exceptions are all of one length and prove nothing while questions are unanswered. They carry no value.
    6. A write is answered by its own bytes: function 5 and 8 bytes, where coils that are read come under function 1 and
       in 6 (for up to 8 coils). So neither is taken for the other, nor one write for another. The echo carries no
       value: the coils' state is believed only from reading them, and writing once more what is wanted anyway does
       no harm. So the same write may be asked while it is unanswered. Its echo then answers the oldest such
       write or a later one: by 1 all that was asked before the oldest is settled, and the rest stays unanswered.

    When a slave has left a question of every kind unanswered and none is a write, the one asked longest ago is used
    again, but only FORGET_S (and ten times the slave's worst latency) after it was last asked, and the answer is thrown
    away: it may be one that was held back till then, with its successor behind it. After the quiet that follows, the
    slave counts as in step. As long after it was asked, an unanswered write is forgotten. These are the places where
    time is trusted.

    After any fault the whole line is quiet for LEAST_QUIET_S or the slave's worst latency, whichever is longer, so
    that late answers are rare to begin with; and for LEAST_QUIET_S when it is first used, for an earlier process may
    have left questions behind.

    Waiting is the caller's: `next_question` says when, and nothing here sleeps.
    """

    def __init__(
        self,
        port: Port,
        mono: Callable[[], float],
        baudrate: int,
        least_quiet_s: float = LEAST_QUIET_S,
        forget_s: float = FORGET_S,
        note: Note | None = None,
    ) -> None:
        """`note`, if any, is told of every exchange, by the thread that asks."""
        self._port = port
        self._told = note
        self._mono = mono
        self._character_s = BITS_A_CHARACTER / baudrate
        self._least_quiet_s = least_quiet_s
        self._forget_s = forget_s
        self._unanswered: dict[int, list[_Asked]] = {}
        self._idle_since = mono()
        self._gone = False
        self.quiet_until = self._idle_since + least_quiet_s

    @property
    def character_s(self) -> float:
        """How long a character takes on this line, in seconds."""
        return self._character_s

    def next_question(self, candidates: Sequence[bytes], manners: Manners) -> tuple[float, bytes]:
        """Which of `candidates` may be asked next, and from which monotonic time on.

        All are questions to one slave, the wanted one first. Another than the first is to bring the slave back into
        step: its answer shows that it is, and the wanted one may follow.
        """
        when = max(self.quiet_until, self._idle_since + manners.turnaround_s)
        unanswered = self._unanswered.get(candidates[0][0])
        if not unanswered:
            return when, candidates[0]
        last = {asked.kind: asked.at for asked in unanswered}
        fresh = next((c for c in candidates if _kind(c) not in last), None)
        if fresh is None:
            fresh = next((c for c in candidates if c[1] == WRITE_COIL), None)
        if fresh is not None:
            return when, fresh
        request = min(candidates, key=lambda c: last[_kind(c)])
        return max(when, last[_kind(request)] + self._forgotten_after(manners)), request

    def ask(self, request: bytes, manners: Manners) -> bytes:
        """The data of the answer to a question that `next_question` allowed. Raises DriverError, after noting it."""
        began = self._mono()
        try:
            data = self._ask(request, manners)
        except DriverError as error:
            self._tell(request, error.fault, began)
            raise
        self._tell(request, GOOD, began)
        return data

    def _tell(self, request: bytes, outcome: str, began: float) -> None:
        if self._told is not None:
            self._told(request[0], outcome, self._mono() - began)

    def _ask(self, request: bytes, manners: Manners) -> bytes:
        unanswered = self._unanswered.setdefault(request[0], [])
        kind = _kind(request)
        wire_s = (len(request) + answer_length(request) + 8) * self._character_s
        try:
            data = check(request, self._port.exchange(request, self._mono() + wire_s + manners.timeout_s))
        except DriverError as error:
            gone = isinstance(error, PortGone)
            # A port that stays gone was not even opened, so nothing was asked.
            if not (gone and self._gone) and (unanswered or not isinstance(error, Refused)):
                self._leave(unanswered, kind, manners)
                self._be_quiet(manners)
            self._gone = gone
            raise
        finally:
            self._idle_since = self._mono()
        self._gone = False
        oldest = next((i for i, asked in enumerate(unanswered) if asked.kind == kind), None)
        if oldest is None:
            unanswered.clear()
        elif request[1] == WRITE_COIL:
            del unanswered[: oldest + 1]
            self._leave(unanswered, kind, manners)
        else:
            unanswered.clear()
            self._be_quiet(manners)
            raise BadAnswer("the answer may be to an older question and is not believed; the next one will be")
        return data

    def _leave(self, unanswered: list[_Asked], kind: bytes, manners: Manners) -> None:
        """Note a question of this kind as unanswered, and forget what is older than memory."""
        now = self._mono()
        horizon = now - self._forgotten_after(manners)
        if kind[0] == WRITE_COIL:
            unanswered[:] = [a for a in unanswered if a.kind[0] != WRITE_COIL or a.at > horizon]
        else:
            unanswered[:] = [a for a in unanswered if a.kind != kind]
        unanswered.append(_Asked(kind, now))

    def _forgotten_after(self, manners: Manners) -> float:
        return max(self._forget_s, 10 * manners.worst_latency_s)

    def _be_quiet(self, manners: Manners) -> None:
        self.quiet_until = self._mono() + max(self._least_quiet_s, manners.worst_latency_s)
