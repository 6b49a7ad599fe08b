"""Serial ports in virtual time: real frames between the controller and the village's slaves, byte by byte as long."""

from __future__ import annotations

import heapq
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from drivers.api import NoAnswer, PortGone
from drivers.modbus import COIL_OFF, COIL_ON, READ_COILS, WRITE_COIL, missing, sealed
from drivers.registers import Quantity
from simulator.fault_bus import Wire
from simulator.relay_board import RelayBoard
from simulator.slaves import Slave

QUESTION_BYTES = 8
MOST_REGISTERS = 125
MOST_COILS = 2000
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3
BITS_A_CHARACTER = 10
SILENT_CHARACTERS = 3.5
THINKS_S = 0.02


class Time(Protocol):
    """The village's time and the controller's machine's."""

    @property
    def ahead_s(self) -> float:
        """How far the village's time is ahead of the machine's monotonic clock."""

    def mono(self) -> float:
        """The village's time, in seconds."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What one question asks for: the answer's first three bytes, and the quantities with a register in it.

    `room` bytes hold these quantities whole, each with its place; from `start` to `end` they are the answer's data.
    """

    slave: Slave
    head: bytes
    room: int
    start: int
    end: int
    places: tuple[tuple[str, int, int, Quantity], ...]


class Slaves:
    """The devices of one line as what they answer; the same bytes as simulator.slaves sends over a pty."""

    def __init__(self, slaves: Sequence[Slave | RelayBoard]) -> None:
        self.serve(slaves)

    def serve(self, slaves: Sequence[Slave | RelayBoard]) -> None:
        """From now on these are on the line."""
        self._slaves = {slave.address: slave for slave in slaves if isinstance(slave, Slave)}
        self._boards = {slave.address: slave for slave in slaves if isinstance(slave, RelayBoard)}
        self._known: dict[bytes, _Asked] = {}

    def answer(self, question: bytes) -> bytes:
        """The frame that comes back; b"" where nobody answers: nobody's address, or a checksum that is wrong."""
        asked = self._known.get(question)
        if asked is None:
            board = self._boards.get(question[0]) if question else None
            read = self._read(question) if board is None else _coils(board, question)
            if isinstance(read, bytes):
                return read
            asked = self._known[question] = read
        values = asked.slave.values()
        data = bytearray(asked.room)
        for name, start, end, quantity in asked.places:
            value = values.get(name, 1.0)  # what is not given is a factor
            for factor in quantity.times:
                value /= values.get(factor, 1.0)
            data[start:end] = quantity.encode(value)
        return sealed(asked.head + data[asked.start : asked.end])

    def _read(self, question: bytes) -> _Asked | bytes:
        """What the question asks for, or the refusal it gets."""
        slave = self._slaves.get(question[0]) if question else None
        if slave is None or not _whole(question):
            return b""
        function, first, count = question[1], *struct.unpack(">HH", question[2:6])
        if function not in {slave.model.function, *(span.function for span in slave.model.also_answers)}:
            return _refusal(question, ILLEGAL_FUNCTION)
        if not 1 <= count <= MOST_REGISTERS:
            return _refusal(question, ILLEGAL_VALUE)
        return _asked(slave, question, first, count) or _refusal(question, ILLEGAL_ADDRESS)


def _whole(question: bytes) -> bool:
    return len(question) == QUESTION_BYTES and sealed(question[:-2]) == question


def _coils(board: RelayBoard, question: bytes) -> bytes:
    """What a relay board does and answers."""
    if not _whole(question):
        return b""
    function, first, value = question[1], *struct.unpack(">HH", question[2:6])
    if function == READ_COILS:
        if not 1 <= value <= MOST_COILS:
            return _refusal(question, ILLEGAL_VALUE)
        coils = board.coils(first, value)
        if coils is None:
            return _refusal(question, ILLEGAL_ADDRESS)
        packed = sum(on << coil for coil, on in enumerate(coils))
        data = packed.to_bytes((value + 7) // 8, "little")
        return sealed(bytes((question[0], function, len(data))) + data)
    if function != WRITE_COIL:
        return _refusal(question, ILLEGAL_FUNCTION)
    if board.times(first):
        return question if board.write_timed(first, value) else _refusal(question, ILLEGAL_VALUE)
    if value not in (COIL_ON, COIL_OFF):
        return _refusal(question, ILLEGAL_VALUE)
    return question if board.write(first, [value == COIL_ON]) else _refusal(question, ILLEGAL_ADDRESS)


def _asked(slave: Slave, question: bytes, first: int, count: int) -> _Asked | None:
    """None for registers before the first or after the last that the slave has, and for those it refuses."""
    model = slave.model
    has = [(name, model.quantities[name]) for name in slave.values() if name in model.quantities]
    has += model.factors.items()
    last = first + count
    if not model.has(question[1], first, last):
        return None
    within = [(name, q) for name, q in has if q.address < last and q.end > first]
    low = min(first, *(q.address for _, q in within)) if within else first
    high = max(last, *(q.end for _, q in within)) if within else last
    places = tuple((name, 2 * (q.address - low), 2 * (q.end - low), q) for name, q in within)
    head = question[:2] + bytes((2 * count,))
    return _Asked(slave, head, 2 * (high - low), 2 * (first - low), 2 * (last - low), places)


class MemoryPort:
    """A `Port` whose far end is in memory. An exchange takes the time it takes on a wire, but only the line's own time.

    The clock of the simulation stands still meanwhile, so that nobody else is made late: `mono` runs ahead of it until
    the exchange is over, and whoever heeds it asks nothing before. `wire` decides what arrives of an answer, and when.
    """

    def __init__(self, name: str, time: Time, baudrate: int, slaves: Slaves, wire: Wire) -> None:
        self._name = name
        self._time = time
        self._baudrate = baudrate
        self._character_s = BITS_A_CHARACTER / baudrate
        self._slaves = slaves
        self._wire = wire
        self._busy_until = time.mono()
        self._coming: list[tuple[float, int, bytes]] = []
        self._count = 0

    def mono(self) -> float:
        """The line's time, on the scale of the machine's monotonic clock."""
        return self._now() - self._time.ahead_s

    def exchange(self, request: bytes, deadline: float) -> bytes:
        """What came back by `deadline`, as drivers.modbus.Port says. Raises NoAnswer, PortGone."""
        if self._wire.trouble.gone:
            self._coming.clear()
            raise PortGone(f"{self._name} is gone or taken by another program")
        end = deadline + self._time.ahead_s
        now = self._now()
        while self._coming and self._coming[0][0] <= now:
            heapq.heappop(self._coming)
        self._ask(request, now)
        got = b""
        while missing(request, got) > 0:
            if not self._coming or self._coming[0][0] > end:
                self._busy_until = end
                break
            self._busy_until, _, arrived = heapq.heappop(self._coming)
            got += arrived
        if not got:
            raise NoAnswer("no answer: look at power, wiring (A and B), address and speed")
        return got

    def _now(self) -> float:
        return max(self._time.mono(), self._busy_until)

    def _ask(self, request: bytes, now: float) -> None:
        self._wire.speed = self._baudrate
        begins = now + (len(request) + SILENT_CHARACTERS) * self._character_s + THINKS_S
        if foreign := self._wire.other(request):
            self._count += 1
            heapq.heappush(self._coming, (begins + len(foreign) * self._character_s, self._count, foreign))
        if self._wire.deaf(request[0]):
            return  # it does nothing either
        answer = self._slaves.answer(request)
        if answer:
            at, arrives = self._wire.carry(answer, begins)
            if arrives:
                self._count += 1
                heapq.heappush(self._coming, (at + len(arrives) * self._character_s, self._count, arrives))


def _refusal(question: bytes, code: int) -> bytes:
    return sealed(bytes((question[0], question[1] | 0x80, code)))
