"""How much of a crowded RS-485 line's time is used: `python tests/bench/bus.py [seconds]`.

A process of its own plays the meters on a pseudo-terminal with the timing of 9600 baud 8N1: a character takes
1.042 ms, an answer begins 3.5 characters and THINKS_S after the question's last, and arrives character by character.
The floor is what the line itself needs for the exchanges that were done, (20 + 2N) characters each, and the meters'
thinking; the share is the floor over the time that passed.
"""

from __future__ import annotations

import multiprocessing
import os
import pty
import select
import statistics
import sys
import time
import tty
from collections.abc import Callable
from itertools import pairwise

from drivers.modbus import Line, sealed
from drivers.modbus_reader import ModbusReader
from drivers.registers import load_model
from drivers.serial_port import SerialPort
from edge.core.values import Event, Moment, ReadingsTaken
from edge.shell.bus import BusWorker, Polled
from edge.shell.clock import SystemClock
from edge.shell.runner import ThreadRunner

BAUDRATE = 9600
CHARACTER_S = 10 / BAUDRATE
THINKS_S = 0.005
METERS = 4
CLOCK = SystemClock()


def at(when: float) -> None:
    """Return at `when`, to some microseconds: sleeping alone is up to 0.1 ms late, which is not the line's doing."""
    while (left := when - CLOCK.mono()) > 0:
        if left > 0.0003:
            time.sleep(left - 0.0003)


def meters(fd: int, words: dict[int, int]) -> None:
    """Answer every question on `fd` for ever."""
    question = b""
    while True:
        select.select([fd], [], [])
        came = CLOCK.mono()
        question += os.read(fd, 256)
        if len(question) < 8:
            continue
        register, count = int.from_bytes(question[2:4], "big"), int.from_bytes(question[4:6], "big")
        data = b"".join(words.get(register + i, 0).to_bytes(2, "big") for i in range(count))
        begin = came + (8 + 3.5) * CHARACTER_S + THINKS_S
        for i, byte in enumerate(sealed(question[:2] + bytes((len(data),)) + data)):
            at(begin + (i + 1) * CHARACTER_S)
            os.write(fd, bytes((byte,)))
        question = b""


class Counting:
    """A reader that notes when each of its exchanges began and how many characters the line needs for it."""

    def __init__(self, reader: ModbusReader, floors: list[float], began: list[float], blocks: list[int]) -> None:
        self._reader, self._floors, self._began, self._blocks, self._i = reader, floors, began, blocks, 0
        self.ready_at: Callable[[], float] = reader.ready_at

    def ask(self, moment: Moment) -> object:
        self._began.append(CLOCK.mono())
        turn = self._reader.ask(moment)
        if turn.error is not None:
            raise SystemExit(f"the bench's own meters failed: {turn.error}")
        self._floors.append((20 + 2 * self._blocks[self._i]) * CHARACTER_S + THINKS_S)
        self._i = (self._i + 1) % len(self._blocks)
        return turn


def main(seconds: float) -> None:
    model = load_model("sdm630").model_copy(update={"turnaround_s": 0.0})
    words = model.encode(dict.fromkeys(model.quantities, 1.0))
    far, near = pty.openpty()
    tty.setraw(near)
    slave = multiprocessing.get_context("fork").Process(target=meters, args=(far, words), daemon=True)
    slave.start()

    port = SerialPort(os.ttyname(near), BAUDRATE, "none", 1, CLOCK.mono)
    line = Line(port, CLOCK.mono, BAUDRATE)
    floors: list[float] = []
    began: list[float] = []
    events: list[Event] = []
    polled = [
        Polled(
            f"meter/{a}",
            Counting(ModbusReader(f"meter/{a}", line, a, model), floors, began, [b.count for b in model.blocks]),  # type: ignore[arg-type]
            0.1,
        )
        for a in range(1, METERS + 1)
    ]
    runner = ThreadRunner([BusWorker("bus", polled, events.append)], CLOCK)
    runner.start()
    time.sleep(seconds)
    if runner.stop():
        raise SystemExit("the worker did not stop")
    slave.terminate()
    port.close()

    took = [later - earlier for earlier, later in pairwise(began)]
    lost = sorted(t - f for t, f in zip(took, floors, strict=False))
    share = sum(floors[: len(took)]) / sum(took)
    good = sum(isinstance(e, ReadingsTaken) and e.reading is not None for e in events)
    print(f"{len(took)} exchanges, {good} readings in {sum(took):.1f} s")
    print(
        f"lost per exchange: median {1e3 * statistics.median(lost):.2f} ms, p99 {1e3 * lost[int(len(lost) * 0.99)]:.2f} ms"
    )
    floor_s = sum(floors[: len(took)])
    print(f"bus-busy: {100 * share:.1f} % (ratio {1 / share:.3f} to floor {floor_s:.2f} s)")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 15.0)
