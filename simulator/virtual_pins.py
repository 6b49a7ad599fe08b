"""Relays, contacts and pulse counters in virtual time: lines of the village's board, without socket and gpiozero."""

from __future__ import annotations

from collections.abc import Callable

from drivers.api import DriverError, PortGone
from simulator.board import Board, Held, Unclaimed

HIGHEST_LINE = 27


class BoardOutput:
    """One relay on the line `pin` (BCM number) of `board`, for the process `pid`; in all else as drivers.gpio's."""

    def __init__(self, board: Board, pin: int, active_low: bool, pid: int) -> None:
        self._board = board
        self._pin = pin
        self._active_low = active_low
        self._pid = pid
        self._claimed = False

    def write(self, on: bool) -> None:
        """Drive the relay; the first write claims the line.

        Raises PortGone when another process has it, DriverError for a line that no board has.
        """
        _check(self._pin)
        level = int(on != self._active_low)
        try:
            if self._claimed:
                self._board.write(self._pin, level, self._pid)
            else:
                self._claim(level)
        except Unclaimed:
            self._claim(level)  # it fell back to an input behind our back

    def _claim(self, level: int) -> None:
        try:
            self._board.claim(self._pin, level, self._pid)
            self._claimed = True
        except Held as held:
            raise _held(held) from held

    def read(self) -> bool | None:
        """Whether the line says that the relay is on; None before the first write."""
        return bool(self._board.level(self._pin)) != self._active_low if self._claimed else None

    def why(self) -> str | None:
        """Nothing: a line in memory can always be asked."""
        return None

    def close(self) -> None:
        """Let go of the line without moving it; a later write claims it again."""
        self._claimed = False


class BoardInput:
    """One contact on the line `pin` (BCM number) of `board`, for the process `pid`; in all else as drivers.gpio's."""

    def __init__(self, board: Board, pin: int, active_low: bool, pid: int) -> None:
        self._board = board
        self._pin = pin
        self._active_low = active_low
        self._pid = pid
        self._claimed = False
        self.error: str | None = None

    def read(self) -> bool | None:
        """Whether it holds; None, with `error` saying why, for a line that is not to be had."""
        if not self._claimed:
            try:
                _check(self._pin)
                self._board.release(self._pin, self._pid)
            except (DriverError, Held) as e:
                self.error = str(_held(e) if isinstance(e, Held) else e)
                return None
            self._claimed, self.error = True, None
        return bool(self._board.level(self._pin)) != self._active_low

    def close(self) -> None:
        """Let go of the line; a later read claims it again."""
        self._claimed = False


class BoardPulses:
    """Counts at the contact on the line `pin` (BCM number) of `board`; in all else as drivers.gpio's.

    `counted` says how many pulses ever came there and when the last one began, by the clock of the process (s).
    """

    def __init__(self, board: Board, pin: int, pid: int, counted: Callable[[], tuple[int, float | None]]) -> None:
        self._claim = BoardInput(board, pin, True, pid)
        self._counted = counted
        self._missed: int | None = None  # what came while nobody counted
        self._told: tuple[int, float | None] = (0, None)

    @property
    def error(self) -> str | None:
        """Why the last read found nothing."""
        return self._claim.error

    def read(self) -> tuple[int, float | None] | None:
        """How many pulses began since the first read, and when the last one did; None: the line is not to be had."""
        if self._claim.read() is None:
            return None
        ever, last_at = self._counted()
        before, before_at = self._told
        if self._missed is None:
            self._missed = ever - before
        count = ever - self._missed
        self._told = count, last_at if count > before else before_at
        return self._told

    def close(self) -> None:
        """Count no more; a later read counts on."""
        self._claim.close()
        self._missed = None


def _check(pin: int) -> None:
    if not 0 <= pin <= HIGHEST_LINE:
        raise DriverError(f"GPIO {pin} does not exist on this board: use a BCM number from 0 to {HIGHEST_LINE}")


def _held(held: Held) -> PortGone:
    return PortGone(f"GPIO {held.pin} is held by another process: {held.holder}")
