"""Modbus slaves that misbehave by a seeded script, in memory and on a pseudo-terminal.

Every value says which slave and register it belongs to and when it was taken, so a value that landed elsewhere or
came late shows itself.
"""

from __future__ import annotations

import heapq
import os
import pty
import random
import select
import threading
import time
import tty
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from types import TracebackType
from typing import Any, Self

from drivers.api import NoAnswer
from drivers.modbus import missing, sealed
from drivers.registers import Model
from edge.shell.clock import ManualClock

TICK_BITS, REGISTER_BITS = 20, 8
FLASH_ON = 0x0200  # where Waveshare's boards take a coil's ON for a time


def model(addresses: list[int], **settings: Any) -> Model:
    """A model of uint32 quantities at these addresses, named for them, and nothing between."""
    between = [(a + 2, b - 1) for a, b in pairwise(sorted(addresses)) if b > a + 2]
    table: dict[str, Any] = {
        "name": "scripted",
        "title": "scripted",
        "kind": "meter",
        "source": "this test",
        "link": {"baudrates": [9600], "parities": ["none"], "stopbits": [1]},
        "function": 4,
        "max_registers": 100,
        "forbidden": between,
        "timeout_s": 0.3,
        "worst_latency_s": 1.0,
        "turnaround_s": 0.0,
        "quantities": {
            f"at_{a}": {"address": a, "type": "uint32", "unit": "", "limits": [0, 2**32]} for a in addresses
        },
    }
    return Model.model_validate(table | settings)


def marked(slave: int, address: int, tick: int) -> int:
    """The number that says: slave (1..15), register (0..255), time in ticks."""
    return slave << (TICK_BITS + REGISTER_BITS) | address << TICK_BITS | tick % (1 << TICK_BITS)


def marks(value: float) -> tuple[int, int, int]:
    """Slave, register and tick of a marked number."""
    number = int(value)
    return (
        number >> (TICK_BITS + REGISTER_BITS),
        number >> TICK_BITS & ((1 << REGISTER_BITS) - 1),
        number & ((1 << TICK_BITS) - 1),
    )


@dataclass
class Slaves:
    """Slaves on one line. Each answers in the order asked, at most once; what else goes wrong is drawn by `rng`.

    `words(slave, register, tick)` gives a register's content. `odds` are the shares of each kind of fault. `unit_s`
    is the timescale: a late answer comes 1.01 to 25 units after its question.
    """

    words: Callable[[int, int, int], int]
    addresses: frozenset[int]
    tick_s: float = 0.1
    unit_s: float = 0.4
    odds: Mapping[str, float] = field(default_factory=dict)
    rng: random.Random = field(default_factory=lambda: random.Random(1))
    done: Counter[str] = field(default_factory=Counter)
    asked: list[bytes] = field(default_factory=list)
    last_out: dict[int, float] = field(default_factory=dict)
    held: dict[int, bytes] = field(default_factory=dict)

    def receive(self, request: bytes, now: float) -> list[tuple[float, bytes]]:
        """What the line will carry because of this question: (time, bytes)."""
        self.asked.append(request)
        slave = request[0]
        if slave not in self.addresses:
            return []
        (kind,) = self.rng.choices([*self.odds, "good"], [*self.odds.values(), 1 - sum(self.odds.values())])
        self.done[kind] += 1
        if kind == "deaf":  # the question was lost, nothing was done
            return []
        frame = self.held.pop(slave, b"") + self._answer(request, now)
        delay = 0.02 * self.unit_s
        if kind == "silent":
            return []
        if kind == "glued":
            self.held[slave] = frame
            return []
        if kind == "late":
            delay = self.unit_s * self.rng.choice([self.rng.uniform(1.01, 1.5), self.rng.uniform(1.5, 25)])
        else:
            frame = self._spoil(kind, frame)
        at = max(now + delay, self.last_out.get(slave, 0.0))
        self.last_out[slave] = at + 0.02 * self.unit_s
        split = self.rng.randrange(len(frame) + 1)
        return [(at, frame[:split]), (self.last_out[slave], frame[split:])]

    def _answer(self, request: bytes, now: float) -> bytes:
        register, count = int.from_bytes(request[2:4], "big"), int.from_bytes(request[4:6], "big")
        tick = int(now / self.tick_s)
        data = b"".join(self.words(request[0], register + i, tick).to_bytes(2, "big") for i in range(count))
        return sealed(bytes((request[0], request[1], len(data))) + data)

    def _spoil(self, kind: str, frame: bytes) -> bytes:
        if kind == "cut":
            return frame[: self.rng.randrange(len(frame))]
        if kind == "corrupt":
            spoilt = bytearray(frame)
            for _ in range(self.rng.randint(1, 3)):
                spoilt[self.rng.randrange(len(frame))] ^= self.rng.randint(1, 255)
            return bytes(spoilt)
        if kind == "wrong id":
            return sealed(bytes((frame[0] % 15 + 1,)) + frame[1:-2])
        if kind == "noise":
            return frame + self.rng.randbytes(self.rng.randint(1, 12))
        return frame


class BoardSlaves(Slaves):
    """Relay boards (address -> coils) that misbehave in the same ways; what they are told they do, heard or not.

    `timed`: every (coil, tenths of a second) that one was to be on for; here it stays on.
    """

    def __init__(self, coils: dict[int, list[bool]], **settings: Any) -> None:
        super().__init__(lambda *_: 0, frozenset(coils), **settings)
        self.coils = coils
        self.timed: list[tuple[int, int]] = []

    def _answer(self, request: bytes, now: float) -> bytes:
        coils = self.coils[request[0]]
        if request[1] == 5:
            coil = int.from_bytes(request[2:4], "big")
            if coil >= FLASH_ON:
                coils[coil - FLASH_ON] = True
                self.timed.append((coil - FLASH_ON, int.from_bytes(request[4:6], "big")))
            else:
                coils[coil] = request[4] == 0xFF
            return request
        assert request[1:6] == bytes((1, 0, 0, 0, len(coils)))
        return sealed(bytes((request[0], 1, 1, sum(on << i for i, on in enumerate(coils)))))


def scripted(models: Mapping[int, Model], **settings: Any) -> Slaves:
    """Slaves of these models (address -> model of `model()`) with marked values."""

    def word(slave: int, register: int, tick: int) -> int:
        address = next(
            (q.address for q in models[slave].quantities.values() if q.address <= register < q.end), register
        )
        return marked(slave, address, tick) >> (16 if register == address else 0) & 0xFFFF

    return Slaves(word, frozenset(models), **settings)


def fixed(words: Mapping[int, Mapping[int, int]]) -> Slaves:
    """Slaves whose registers (slave -> register -> word) do not change; the others read 0."""
    return Slaves(lambda slave, register, _tick: words[slave].get(register, 0), frozenset(words))


class MemoryPort:
    """A Port in virtual time: waiting moves the clock."""

    def __init__(self, clock: ManualClock, slaves: Slaves) -> None:
        self.clock = clock
        self.slaves = slaves
        self._coming: list[tuple[float, int, bytes]] = []
        self._count = 0

    def exchange(self, request: bytes, deadline: float) -> bytes:
        now = self.clock.mono()
        while self._coming and self._coming[0][0] <= now:
            heapq.heappop(self._coming)
        for at, chunk in self.slaves.receive(request, now):
            self._count += 1
            heapq.heappush(self._coming, (at, self._count, chunk))
        got = b""
        while missing(request, got) > 0:
            if not self._coming or self._coming[0][0] > deadline:
                self.clock.advance(max(deadline - self.clock.mono(), 0))
                break
            at, _, chunk = heapq.heappop(self._coming)
            self.clock.advance(max(at - self.clock.mono(), 0))
            got += chunk
        if not got:
            raise NoAnswer("no answer")
        return got


class PtySlaves:
    """The same slaves behind a pseudo-terminal, in real time, on a thread of their own."""

    def __init__(self, slaves: Slaves) -> None:
        self.slaves = slaves
        self._fd, self._other = pty.openpty()
        tty.setraw(self._other)
        self.device = os.ttyname(self._other)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(5)
        os.close(self._fd)
        os.close(self._other)

    def _serve(self) -> None:
        coming: list[tuple[float, bytes]] = []
        question = b""
        while not self._stop.is_set():
            now = time.clock_gettime(time.CLOCK_BOOTTIME)
            while coming and coming[0][0] <= now:
                os.write(self._fd, coming.pop(0)[1])
            wait = min(coming[0][0] - now, 0.05) if coming else 0.05
            if select.select([self._fd], [], [], wait)[0]:
                question += os.read(self._fd, 256)
                while len(question) >= 8:
                    coming += self.slaves.receive(question[:8], time.clock_gettime(time.CLOCK_BOOTTIME))
                    question = question[8:]
                coming.sort(key=lambda c: c[0])


class Relay:
    """Two pseudo-terminals joined back to back: what is written to `left` is read from `right`."""

    def __init__(self) -> None:
        self._ends = [pty.openpty() for _ in range(2)]
        for _, other in self._ends:
            tty.setraw(other)
        self.left, self.right = (os.ttyname(other) for _, other in self._ends)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5)
        for end in self._ends:
            for fd in end:
                os.close(fd)

    def _serve(self) -> None:
        left, right = (fd for fd, _ in self._ends)
        while not self._stop.is_set():
            for fd in select.select([left, right], [], [], 0.05)[0]:
                os.write(right if fd == left else left, os.read(fd, 512))
