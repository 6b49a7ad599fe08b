"""How a crowded RS-485 line is used: its time, its frames, and what a dead meter costs the others.

A process of its own plays the meters on a pseudo-terminal with the timing of 9600 baud 8N1: a character takes
1.042 ms, an answer begins 3.5 characters and 20 ms after the question's last, and arrives character by character.

- One meter of 200 registers: the frames of a whole reading, the floor being 125 registers a frame; and the time of one,
  the floor being what the line needs for it.
- 30 meters polled without a pause, one of them dead: the rate of the others, as a share of what a line of 29 would give
  them.
- 30 meters polled without a pause, all alive: the share of the time in which the line is busy, silent by law or waiting for a meter. The
  floor is what the line itself needs for the exchanges that were done, (20 + 2N) characters each, and the meters'
  thinking; the share is the floor over the time that passed.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import pty
import select
import statistics
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise

from common import p99, parser, say, told

from drivers.modbus import Line, sealed
from drivers.modbus_reader import ModbusReader
from drivers.registers import Model, Quantity, load_model
from drivers.serial_port import SerialPort
from edge.core.events import Event, ReadingsTaken
from edge.core.values import Moment
from edge.shell.bus import BusWorker, Polled
from edge.shell.clock import SystemClock
from edge.shell.runner import ThreadRunner

BAUDRATE = 9600
CHARACTER_S = 10 / BAUDRATE
THINKS_S = 0.020
METERS = 30
DEAD = 7
REGISTERS = 200
MOST_A_FRAME = 125
SETTLE_S = 1.5  # a line is left quiet for 1 s when it is first used
CLOCK = SystemClock()


def at(when: float) -> None:
    """Return at `when`, to some microseconds: sleeping alone is up to 0.1 ms late, which is not the line's doing."""
    while (left := when - CLOCK.mono()) > 0:
        if left > 0.0003:
            time.sleep(left - 0.0003)


def meters(fd: int, words: dict[int, int], dead: int | None) -> None:
    """Answer every question on `fd` for ever, but those to the `dead` meter."""
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
        frame = b"" if question[0] == dead else sealed(question[:2] + bytes((len(data),)) + data)
        for i, byte in enumerate(frame):
            at(begin + (i + 1) * CHARACTER_S)
            os.write(fd, bytes((byte,)))
        question = b""


@dataclass
class Log:
    """What was asked: when each exchange began (s) and what the line needs for it (s; NaN: it was not answered)."""

    began: list[float] = field(default_factory=list)
    floors: list[float] = field(default_factory=list)
    readings: list[tuple[float, str]] = field(default_factory=list)  # when, of whom

    def put(self, event: Event) -> None:
        if isinstance(event, ReadingsTaken) and event.reading is not None:
            self.readings.append((CLOCK.mono(), event.device))


class Counting:
    """A reader whose exchanges are noted; `dead`: it may fail."""

    def __init__(self, reader: ModbusReader, model: Model, log: Log, dead: bool) -> None:
        self._reader, self._log, self._dead = reader, log, dead
        self._counts = [block.count for block in model.blocks]
        self._i = 0
        self.ready_at: Callable[[], float] = reader.ready_at

    def ask(self, moment: Moment) -> object:
        self._log.began.append(CLOCK.mono())
        turn = self._reader.ask(moment)
        if turn.error is not None and not self._dead:
            raise SystemExit(f"the bench's own meters failed: {turn.error}")
        needs_s = (20 + 2 * self._counts[self._i]) * CHARACTER_S + THINKS_S
        self._log.floors.append(math.nan if turn.error else needs_s)
        self._i = (self._i + 1) % len(self._counts)
        return turn


@contextmanager
def crowded(model: Model, count: int, dead: int | None = None) -> Iterator[Log]:
    """A line with meters 1 to `count` of `model`, all asked without a pause."""
    words = model.encode(dict.fromkeys(model.quantities, 1.0))
    far, near = pty.openpty()
    tty.setraw(near)
    slave = multiprocessing.get_context("fork").Process(target=meters, args=(far, words, dead), daemon=True)
    slave.start()
    port = SerialPort(os.ttyname(near), BAUDRATE, "none", 1, CLOCK.mono)
    line = Line(port, CLOCK.mono, BAUDRATE)
    log = Log()
    polled = []
    for a in range(1, count + 1):
        reader = Counting(ModbusReader(f"meter/{a}", line, a, model), model, log, a == dead)
        polled.append(Polled(f"meter/{a}", reader, 0.1))  # type: ignore[arg-type]
    runner = ThreadRunner([BusWorker("bus", polled, log.put)], CLOCK)
    runner.start()
    try:
        yield log
    finally:
        if runner.stop():
            raise SystemExit("the worker did not stop")
        slave.terminate()
        slave.join()
        port.close()
        os.close(far)
        os.close(near)


def rate(log: Log, without: int | None, seconds: float) -> float:
    """Readings a second of the meters but one, in the first `seconds`."""
    first = log.began[0]
    others = [when for when, name in log.readings if name != f"meter/{without}" and when - first < seconds]
    return len(others) / seconds


def frames(seconds: float) -> None:
    """One meter of 200 registers."""
    quantities = {
        f"at_{a}": Quantity(address=a, type="float32", unit="", limits=(0, 2)) for a in range(0, REGISTERS, 2)
    }
    model = load_model("sdm630").model_copy(
        update={"turnaround_s": 0.0, "max_registers": MOST_A_FRAME, "quantities": quantities}
    )
    with crowded(model, 1) as log:
        time.sleep(SETTLE_S + seconds)
    took = [later[0] - earlier[0] for earlier, later in pairwise(log.readings)]
    asked = len(log.began) / len(log.readings)
    least = math.ceil(REGISTERS / MOST_A_FRAME)
    floor_s = (20 * least + 2 * REGISTERS) * CHARACTER_S + least * THINKS_S
    told("bus-200-registers", 1e3 * statistics.median(took), "ms", 1e3 * floor_s, 1)
    told("bus-frames", round(asked), "frames", least, 0)


def main(seconds: float) -> None:
    model = load_model("sdm630").model_copy(update={"turnaround_s": 0.0})
    say(f"one meter of {REGISTERS} registers")
    frames(seconds / 3)
    say(f"{METERS} meters for {2 * seconds:g} s, one of them dead")
    with crowded(model, METERS, DEAD) as log:
        time.sleep(SETTLE_S + 2 * seconds)
    beside_a_dead_one = rate(log, DEAD, 2 * seconds)
    say(f"{METERS} meters for {seconds:g} s")
    with crowded(model, METERS) as log:
        time.sleep(SETTLE_S + seconds)
    # A line that has one meter less to read would be that much faster.
    alone = rate(log, DEAD, seconds) * METERS / (METERS - 1)

    took = [later - earlier for earlier, later in pairwise(log.began)]
    lost = [t - f for t, f in zip(took, log.floors, strict=False)]
    floor_s = sum(log.floors[: len(took)])
    print(f"{len(took)} exchanges, {len(log.readings)} readings in {sum(took):.1f} s")
    print(f"lost per exchange: median {1e3 * statistics.median(lost):.2f} ms, p99 {1e3 * p99(lost):.2f} ms")
    told("bus-dead-meter", 100 * beside_a_dead_one / alone, "% of the others' rate", 100.0, 1)
    share = floor_s / sum(took)
    print(f"bus-busy: {100 * share:.1f} % (ratio {1 / share:.3f} to floor {floor_s:.2f} s)")


if __name__ == "__main__":
    options = parser(__doc__)
    options.add_argument("--seconds", type=float, default=15.0, help="how long the line is measured (default: 15)")
    main(options.parse_args().seconds)
