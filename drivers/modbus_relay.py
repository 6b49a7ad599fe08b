"""One relay board on a Modbus line, a question at a time: a coil is written, or all coils are read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from drivers.api import DriverError, PortGone
from drivers.modbus import COIL_OFF, COIL_ON, READ_COILS, Line, read_request, write_coil_request
from drivers.registers import BoardModel

Wish = tuple[int, bool]  # a coil from 0, and whether its relay shall be on


@dataclass(frozen=True, slots=True)
class Turn:
    """What one exchange came to.

    `coils`: what the board says of each, where it was read; `wrote`: what was written, whether or not that was heard.
    `free_at` is the monotonic time until which the line must be quiet. `gone`: the port itself is not there.
    """

    free_at: float
    coils: tuple[bool, ...] | None = None
    wrote: Wish | None = None
    error: str | None = None
    gone: bool = False


class ModbusRelay:
    """A board of `model` at `address` (1..247).

    What its relays are is known only from reading them: a write's echo says that a write arrived, and the reading after
    it says what came of it. A board whose coil reading was given up is brought back into step by a write of what is
    wanted of a coil anyway, which moves no relay that is as it should be.
    """

    def __init__(self, line: Line, address: int, model: BoardModel) -> None:
        self._line = line
        self._model = model
        self._read = read_request(address, READ_COILS, 0, model.coils)
        self._writes = {
            (coil, on): write_coil_request(address, coil, COIL_ON if on else COIL_OFF)
            for coil in range(model.coils)
            for on in (False, True)
        }

    def ready_at(self, write: Wish | None, wanted: Iterable[Wish]) -> float:
        """The monotonic time from which `ask` may be called with the same."""
        return self._question(write, wanted)[0]

    def ask(self, write: Wish | None, wanted: Iterable[Wish]) -> Turn:
        """Do one exchange, not before `ready_at`: write that coil, or with None read all.

        `wanted`: what may be written in place of it to bring the board back into step. Never raises DriverError: the
        turn says what went wrong.
        """
        request = self._question(write, wanted)[1]
        wrote = next((wish for wish, known in self._writes.items() if known == request), None)
        try:
            data = self._line.ask(request, self._model)
        except DriverError as error:
            gone = isinstance(error, PortGone)
            return Turn(self._line.quiet_until, wrote=wrote, error=str(error), gone=gone)
        coils = None if wrote else tuple(bool(data[0] >> coil & 1) for coil in range(self._model.coils))
        return Turn(self._line.quiet_until, coils, wrote)

    def _question(self, write: Wish | None, wanted: Iterable[Wish]) -> tuple[float, bytes]:
        first = [] if write is None else [self._writes[write]]
        return self._line.next_question([*first, self._read, *(self._writes[wish] for wish in wanted)], self._model)
