"""The lines of the simulated Pi: who drives them, and what they read. No socket, no clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping


def _nobody(_pin: int, _level: int) -> None:
    """Nothing hangs on the lines."""


class Held(Exception):
    """Another living process has the line `pin`; `holder` is its process id."""

    def __init__(self, pin: int, holder: int) -> None:
        super().__init__(f"GPIO {pin} is held by process {holder}")
        self.pin = pin
        self.holder = holder


class Unclaimed(Exception):
    """The line is not an output of the process that writes it."""


class Board:
    """Lines by BCM number, each driven at a level (0 or 1) or left to what hangs on it from outside.

    `outside` is the level of an undriven line: a relay board's pull, a contact; 1 where nothing is said. `persist`:
    a line stays driven when its process ends, as on Raspberry Pi's own kernels; else it is released, as on others.
    `changed(pin, level)` is called after every change of a line's level.
    """

    def __init__(
        self, outside: Mapping[int, int], changed: Callable[[int, int], None] = _nobody, *, persist: bool = True
    ) -> None:
        self._outside = dict(outside)
        self._driven: dict[int, int] = {}
        self._holder: dict[int, int] = {}
        self._changed = changed
        self._persist = persist

    def level(self, pin: int) -> int:
        """What the line reads: 0 or 1."""
        return self._driven.get(pin, self._outside.get(pin, 1))

    def driven(self, pin: int) -> bool:
        """Whether the line is an output, of a living process or persisting after it."""
        return pin in self._driven

    def holder(self, pin: int) -> int | None:
        """The process that has the line as its output."""
        return self._holder.get(pin)

    def holders(self) -> set[int]:
        """The processes that have lines as their outputs."""
        return set(self._holder.values())

    def claim(self, pin: int, level: int, pid: int) -> bool:
        """Make the line an output at `level` for `pid`; true if its level changed. Raises Held."""
        holder = self._holder.get(pin, pid)
        if holder != pid:
            raise Held(pin, holder)
        self._holder[pin] = pid
        return self._put(pin, level)

    def write(self, pin: int, level: int, pid: int) -> bool:
        """Drive an output that `pid` has; true if its level changed. Raises Unclaimed."""
        if self._holder.get(pin) != pid:
            raise Unclaimed(pin)
        return self._put(pin, level)

    def release(self, pin: int, pid: int) -> bool:
        """Make the line an input; true if its level changed. Raises Held when another process has it."""
        holder = self._holder.pop(pin, pid)
        if holder != pid:
            self._holder[pin] = holder
            raise Held(pin, holder)
        return self._put(pin, None)

    def gone(self, pid: int) -> dict[int, bool]:
        """The process ended: the lines it had, each with whether its level changed."""
        pins = [pin for pin, holder in self._holder.items() if holder == pid]
        for pin in pins:
            del self._holder[pin]
        return {pin: not self._persist and self._put(pin, None) for pin in pins}

    def set_outside(self, pin: int, level: int) -> bool:
        """A contact opens or closes; true if the line's level changed, which a driven line's does not."""
        before = self.level(pin)
        self._outside[pin] = level
        return self._tell(pin, before)

    def _put(self, pin: int, level: int | None) -> bool:
        before = self.level(pin)
        if level is None:
            self._driven.pop(pin, None)
        else:
            self._driven[pin] = level
        return self._tell(pin, before)

    def _tell(self, pin: int, before: int) -> bool:
        level = self.level(pin)
        if level == before:
            return False
        self._changed(pin, level)
        return True
