"""One relay board on a Modbus line, a question at a time: a coil is written, or all coils are read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from drivers.api import DriverError, PortGone
from drivers.modbus import COIL_OFF, COIL_ON, READ_COILS, Line, read_request, write_coil_request
from drivers.registers import BoardModel

# A coil from 0, whether its relay shall be on, and for how long (s, > 0): None for good.
Wish = tuple[int, bool, float | None]


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
    it says what came of it. An ON for a time is left to the board's own timer; where the model has none it is an ON for
    good, which somebody else must end. A board whose coil reading was given up is brought back into step by a write of
    what is wanted of a coil anyway, which moves no relay that is as it should be.
    """

    def __init__(self, line: Line, address: int, model: BoardModel) -> None:
        self._line = line
        self._model = model
        self._address = address
        self._read = read_request(address, READ_COILS, 0, model.coils)

    def ready_at(self, write: Wish | None, wanted: Iterable[Wish]) -> float:
        """The monotonic time from which `ask` may be called with the same."""
        return self._question(write, wanted)[0]

    def ask(self, write: Wish | None, wanted: Iterable[Wish]) -> Turn:
        """Do one exchange, not before `ready_at`: write that coil, or with None read all.

        `wanted`: what may be written in place of it to bring the board back into step. Never raises DriverError: the
        turn says what went wrong.
        """
        _, request, wrote = self._question(write, wanted)
        try:
            data = self._line.ask(request, self._model)
        except DriverError as error:
            gone = isinstance(error, PortGone)
            return Turn(self._line.quiet_until, wrote=wrote, error=str(error), gone=gone)
        coils = None if wrote else tuple(bool(data[0] >> coil & 1) for coil in range(self._model.coils))
        return Turn(self._line.quiet_until, coils, wrote)

    def _question(self, write: Wish | None, wanted: Iterable[Wish]) -> tuple[float, bytes, Wish | None]:
        questions: dict[bytes, Wish | None] = {} if write is None else {self._frame(write): write}
        questions.setdefault(self._read, None)
        for wish in wanted:
            questions.setdefault(self._frame(wish), wish)
        when, request = self._line.next_question(list(questions), self._model)
        return when, request, questions[request]

    def _frame(self, wish: Wish) -> bytes:
        coil, on, for_s = wish
        timed = self._model.timed_on
        if not on or for_s is None or timed is None:
            return write_coil_request(self._address, coil, COIL_ON if on else COIL_OFF)
        units = min(max(int(for_s / timed.unit_s + 1e-6), 1), timed.most)
        return write_coil_request(self._address, timed.address + coil, units)
