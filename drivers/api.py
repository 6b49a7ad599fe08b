"""What a driver is, and the errors it may raise."""

from __future__ import annotations

from typing import Protocol


class DriverError(Exception):
    """The hardware did not do or say what was asked; the text tells a technician what to look at.

    `fault` is the word under which a line counts it.
    """

    fault = "other"


class NoAnswer(DriverError):
    """Nothing came back in time."""

    fault = "no_answer"


class BadAnswer(DriverError):
    """Something came back that is not an answer to the question: cut, corrupted, of another device or length."""


class Garbled(BadAnswer):
    """Its checksum is wrong."""

    fault = "checksum"


class Refused(DriverError):
    """The device answered that it will not: a Modbus exception."""


class PortGone(DriverError):
    """The serial port or GPIO chip itself is not there, or another process holds it."""

    fault = "gone"


class Output(Protocol):
    """One relay. ON and OFF are meant logically; the driver knows whether the line is active low."""

    def write(self, on: bool) -> None:
        """Drive the output. The first write claims the line as an output at that very level, in one step."""

    def read(self) -> bool | None:
        """What the line says; None when it cannot be known."""

    def why(self) -> str | None:
        """Why it cannot be known, where that is known."""

    def close(self) -> None:
        """Let go of the line without moving it."""


class Counter(Protocol):
    """One contact whose pulses are counted."""

    @property
    def error(self) -> str | None:
        """Why the last read found nothing, for a technician; None when it found something."""

    def read(self) -> tuple[int, float | None] | None:
        """How many pulses began since the first read, and when the last one did (monotonic s).

        None when the line cannot be asked; what it counted is kept. Never raises; the first read claims the line.
        """

    def close(self) -> None:
        """Count no more; the line stays an input."""


class Input(Protocol):
    """One contact. ON is meant logically: what the contact is named for holds; the driver knows the line's level."""

    @property
    def error(self) -> str | None:
        """Why the last read found nothing, for a technician; None when it found something."""

    def read(self) -> bool | None:
        """Whether it holds; None when that cannot be known. Never raises; the first read claims the line."""

    def close(self) -> None:
        """Let go of the line, which stays an input."""
