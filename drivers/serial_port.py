"""The serial leaf: bytes out, bytes in, silence between. The only place where the bus blocks."""

from __future__ import annotations

import array
import contextlib
import fcntl
import os
import select
import termios
from collections.abc import Callable

import serial
from serial.rs485 import RS485Settings

from drivers.api import BadAnswer, NoAnswer, PortGone
from drivers.modbus import missing

# MODBUS over Serial Line V1.02, 2.5.1.1: 3.5 characters of 11 bits, and fixed above 19200 baud.
SILENT_BITS = 3.5 * 11
FASTEST_SILENCE_S = 0.00175
# <linux/serial.h>: reads back the RS-485 mode that the port's driver really took, and the flags that say so.
TIOCGRS485 = 0x542E
RS485_ENABLED, RTS_ON_SEND = 1, 2
SENDING = {"send-high": True, "send-low": False}
MOST_BYTES = 4096  # of what is listened to: a line that never falls silent is not heard for ever
PARITIES = {"none": serial.PARITY_NONE, "even": serial.PARITY_EVEN, "odd": serial.PARITY_ODD}


class SerialPort:
    """A `Port` on a serial device of the machine.

    `device` is a path (best under /dev/serial/by-path, which outlives a change of ttyUSB number), `parity` "none",
    "even" or "odd", `stopbits` 1 or 2; pseudo-terminals take 8N1 only. `rts`: the level that RTS has while we send,
    "send-high" or "send-low", for an adapter whose direction it drives; None leaves RTS alone. It is opened at the
    first exchange, for this process alone, and again at the next exchange after it was gone. Belongs to one thread.
    """

    def __init__(
        self, device: str, baudrate: int, parity: str, stopbits: int, mono: Callable[[], float], rts: str | None = None
    ) -> None:
        self._device = device
        self._sends_high = None if rts is None else SENDING[rts]
        self._settings = {"baudrate": baudrate, "parity": PARITIES[parity], "stopbits": stopbits}
        self._mono = mono
        self._character_s = (9 + stopbits + (parity != "none")) / baudrate
        self._silence_s = FASTEST_SILENCE_S if baudrate > 19200 else SILENT_BITS / baudrate
        self._busy_until = mono()
        self._serial: serial.Serial | None = None

    def exchange(self, request: bytes, deadline: float) -> bytes:
        """Send `request` after 3.5 silent characters, and return what came back as soon as it can be judged.

        `deadline` is in monotonic seconds. Raises NoAnswer, BadAnswer (the line was never silent), PortGone.
        """
        return self._talk(request, deadline, lambda fd: self._answer(fd, request, deadline))

    def listen(self, request: bytes, deadline: float, gap_s: float) -> bytes:
        """As `exchange`, but to the end: all that comes, fitting or not, until `gap_s` of silence after it.

        b"" when nothing began before `deadline`. Raises BadAnswer (the line was never silent), PortGone.
        """
        return self._talk(request, deadline, lambda fd: self._all(fd, deadline, gap_s))

    def close(self) -> None:
        """Let go of the device; the next exchange opens it again."""
        if self._serial is not None:
            with contextlib.suppress(OSError, termios.error):
                self._serial.close()
            self._serial = None

    def _talk(self, request: bytes, deadline: float, hear: Callable[[int], bytes]) -> bytes:
        try:
            port = self._open()
            port.reset_input_buffer()
            self._await_silence(port.fileno(), deadline)
            if os.write(port.fileno(), request) != len(request):
                raise OSError("it takes no more bytes")
            self._busy_until = self._mono() + len(request) * self._character_s
            return hear(port.fileno())
        except (serial.SerialException, OSError, termios.error) as error:
            self.close()
            raise PortGone(f"{self._device} is gone or taken by another program: {error}") from error

    def _open(self) -> serial.Serial:
        if self._serial is None:
            try:
                port = serial.Serial(self._device, exclusive=True, **self._settings)
            except ValueError as error:  # pyserial's word for a speed that the driver refuses
                raise PortGone(f"{self._device} cannot be set to {self._settings['baudrate']} baud: {error}") from error
            if self._sends_high is not None:
                self._drive_direction(port, self._sends_high)
            # An FTDI chip otherwise holds the end of every answer back for 16 ms; other chips refuse, and need not.
            with contextlib.suppress(ValueError):
                port.set_low_latency_mode(True)
            self._serial = port
        return self._serial

    def _drive_direction(self, port: serial.Serial, sends_high: bool) -> None:
        """Have the port's driver turn RTS with each frame, to the bit; from here it would come milliseconds late."""
        flags = array.array("i", [0] * 8)
        try:
            port.rs485_mode = RS485Settings(sends_high, not sends_high)
            fcntl.ioctl(port.fileno(), TIOCGRS485, flags)
        except (ValueError, OSError):  # pyserial's word for a driver without the mode, and the kernel's
            flags[0] = 0
        if not flags[0] & RS485_ENABLED or bool(flags[0] & RTS_ON_SEND) is not sends_high:
            port.close()
            raise PortGone(
                f"{self._device} cannot turn the direction by RTS so, for its driver has no such RS-485 mode: remove "
                "rts if the adapter turns by itself, as USB adapters do, or use another adapter"
            )

    def _await_silence(self, fd: int, deadline: float) -> None:
        while (left := self._busy_until + self._silence_s - self._mono()) > 0:
            if self._read(fd, left) and self._mono() > deadline:
                raise BadAnswer("the line is never silent: is a device stuck or the wiring open?")

    def _answer(self, fd: int, request: bytes, deadline: float) -> bytes:
        got = bytearray()
        while missing(request, got) > 0 and (left := deadline - self._mono()) > 0:
            got += self._read(fd, left)
        if not got:
            raise NoAnswer("no answer: look at power, wiring (A and B), address and speed")
        return bytes(got)

    def _all(self, fd: int, deadline: float, gap_s: float) -> bytes:
        got = bytearray()
        until = deadline
        while len(got) < MOST_BYTES and (left := until - self._mono()) > 0:
            if chunk := self._read(fd, left):
                got += chunk
                until = self._mono() + gap_s
        return bytes(got)

    def _read(self, fd: int, timeout_s: float) -> bytes:
        if not select.select([fd], [], [], timeout_s)[0]:
            return b""
        chunk = os.read(fd, 512)
        if not chunk:
            raise OSError("it hung up")
        self._busy_until = max(self._busy_until, self._mono())
        return chunk
