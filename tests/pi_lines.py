"""What the lines of the emulated Pi do: every write to the registers of its GPIO block, in order and with its time.

QEMU's own trace of memory-mapped writes says which word went to which register of the BCM2835 (Broadcom, BCM2835 ARM
Peripherals, chapter 6: GPFSEL at 0x00 has three bits for each line, GPSET at 0x1c and GPCLR at 0x28 one). From these
follow the function and the latch of each line at any moment. The level of a line that is no output is that of the
resistor on the relay board, since nothing else drives it: the board is modelled with the one that turns its relay off.
Nothing is sampled, so a pulse of a microsecond shows.
"""

from __future__ import annotations

import fcntl
import os
import re
import struct
import termios
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from select import select

LINES = 54
SELECT, SET, CLEAR = range(0x00, 0x18, 4), (0x1C, 0x20), (0x28, 0x2C)
FUNCTIONS = ("input", "output", "alt5", "alt4", "alt0", "alt1", "alt2", "alt3")
UNPOWERED = "unpowered"
BASE = 0x3F200000  # of the Pi 3
WRITE = re.compile(rb"@(\d+\.\d+):memory_region_ops_write .* addr (0x[0-9a-f]+) value (0x[0-9a-f]+) .*'bcm2835_gpio'")
PIPE_BYTES = 1 << 20


@dataclass(frozen=True)
class Change:
    """A line became something else at `at` (Unix s): its function, its latch, its level, and whether its relay is on."""

    at: float
    line: int
    function: str
    latch: int
    level: int
    on: bool


@dataclass(frozen=True)
class Note:
    """What was done to the machine at `at` (Unix s), told beside what its lines did."""

    at: float
    text: str


@dataclass
class Lines:
    """The lines that relays hang on. `active`: the level at which each one's relay is on, by BCM number."""

    active: Mapping[int, int]
    story: list[Change | Note] = field(default_factory=list)
    _function: list[int] = field(default_factory=lambda: [0] * LINES)
    _latch: list[int] = field(default_factory=lambda: [0] * LINES)

    def level(self, line: int) -> int:
        """What a meter on the line would show."""
        return self._latch[line] if self.function(line) == "output" else 1 - self.active[line]

    def function(self, line: int) -> str:
        """`input`, `output`, or one of the alternate functions."""
        return FUNCTIONS[self._function[line]]

    def on(self, line: int) -> bool:
        """Whether the relay on this line is on."""
        return self.level(line) == self.active[line]

    def lit(self) -> set[int]:
        """The lines whose relays are on."""
        return {line for line in self.active if self.on(line)}

    def power_off(self) -> None:
        """The Pi is without power: no line is driven, no latch known, and no write tells of it."""
        now = time.time()
        self._function, self._latch = [0] * LINES, [0] * LINES
        self.story += [Change(now, line, UNPOWERED, 0, self.level(line), on=False) for line in self.active]

    def write(self, at: float, offset: int, value: int) -> None:
        """Take a write of a word to a register, by its offset in the block; those of edges and pulls change nothing here."""
        before = self._shown()
        if offset in SELECT:
            first = SELECT.index(offset) * 10
            for line in range(first, min(first + 10, LINES)):
                self._function[line] = value >> 3 * (line - first) & 7
        elif offset in SET or offset in CLEAR:
            registers = SET if offset in SET else CLEAR
            first = registers.index(offset) * 32
            for line in range(first, min(first + 32, LINES)):
                if value >> line - first & 1:
                    self._latch[line] = int(offset in SET)
        self._tell(at, before)

    def note(self, text: str) -> None:
        """Tell beside the lines what is done to the machine now."""
        self.story.append(Note(time.time(), text))

    def changes(self, since: float = 0.0) -> list[Change]:
        """What happened to lines with relays after `since` (Unix s), in order."""
        return [each for each in self.story if isinstance(each, Change) and each.at > since]

    def switched(self, since: float = 0.0) -> list[tuple[int, bool]]:
        """Which relays went on and off after `since`, in order: line, and whether on. A pulse is two of them."""
        last: dict[int, bool] = {}
        found = []
        for each in self.changes():
            if each.on != last.get(each.line, False) and each.at > since:
                found.append((each.line, each.on))
            last[each.line] = each.on
        return found

    def _shown(self) -> dict[int, tuple[str, int, int]]:
        return {line: (self.function(line), self._latch[line], self.level(line)) for line in self.active}

    def _tell(self, at: float, before: Mapping[int, tuple[str, int, int]]) -> None:
        for line, now in self._shown().items():
            if now != before[line]:
                self.story.append(Change(at, line, *now, self.on(line)))

    def told(self, names: Mapping[int, str]) -> list[str]:
        """The story as text, a line each, in seconds since its first note: what was done, and what lines did upon it.

        A latch that is set while its line is still an input shows in the line that follows, once it is an output. That
        all relays are off without power is not told.
        """
        story = sorted(self.story, key=lambda each: each.at)
        began = story[0].at if story else 0.0
        last: dict[int, tuple[str, int]] = {}
        text = []
        for each in story:
            moment = f"{each.at - began:8.3f}  "
            if isinstance(each, Note):
                text.append(f"{moment}{each.text}")
            elif each.function == UNPOWERED:
                last.pop(each.line, None)
            elif last.get(each.line, ("input", 1 - self.active[each.line])) != (each.function, each.level):
                what = f"{each.function:6}  latch {each.latch}  level {each.level}  relay {'ON' if each.on else 'off'}"
                text.append(f"{moment}    GPIO {each.line:2}  {names[each.line]:<19}  {what}")
                last[each.line] = each.function, each.level
        return text


class Trace:
    """The end of the pipe that QEMU writes its trace to, read by a thread of its own into `lines`."""

    def __init__(self, path: Path, lines: Lines) -> None:
        os.mkfifo(path)
        self.path = path
        self._lines = lines
        self._pipe = os.open(path, os.O_RDWR)  # its own other end, so that it never ends before QEMU has begun
        fcntl.fcntl(self._pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self._lock = threading.Lock()
        self._rest = b""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def catch_up(self) -> None:
        """Return when all that was written before this call is in `lines`."""
        while True:
            with self._lock:
                (waiting,) = struct.unpack("i", fcntl.ioctl(self._pipe, termios.FIONREAD, bytes(4)))
            if not waiting:
                return
            self._ended.wait(0.002)

    def close(self) -> None:
        """Read what is left, and end."""
        self.catch_up()
        self._ended.set()
        self._thread.join()
        os.close(self._pipe)
        self.path.unlink()

    def _read(self) -> None:
        while not self._ended.is_set():
            if not select([self._pipe], [], [], 0.1)[0]:
                continue
            with self._lock:
                *whole, self._rest = (self._rest + os.read(self._pipe, PIPE_BYTES)).split(b"\n")
                for line in whole:
                    if b"bcm2835_gpio" in line and (found := WRITE.search(line)):
                        at, address, value = found.groups()
                        self._lines.write(float(at), int(address, 16) - BASE, int(value, 16))
