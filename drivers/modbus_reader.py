"""One meter or sensor on a Modbus line, read a request at a time."""

from __future__ import annotations

from dataclasses import dataclass

from drivers.api import BadAnswer, DriverError, PortGone
from drivers.modbus import Line, read_request
from drivers.registers import Model
from edge.core.values import Moment, Reading


@dataclass(frozen=True, slots=True)
class Turn:
    """What one exchange came to: a reading, an error, or neither (there is more to ask).

    `free_at` is the monotonic time until which the line must be quiet. `gone`: the port itself is not there.
    """

    free_at: float
    reading: Reading | None = None
    error: str | None = None
    gone: bool = False


class ModbusReader:
    """Reads a device of `model` at `address` (1..247) in rounds, one block of registers per exchange.

    A reading leaves only when every block was answered in one round without a fault between, so its values belong
    together; its `at` is the wall time of the round's first question, so that no value is older than it says. After a
    fault the round is dropped and the next begins at the block that failed: a block that always fails cannot keep
    its neighbours young, and a device that answers some of its blocks is not read half for ever unnoticed.

    A figure that cannot be is left out of the reading. Where that is more than half of them, nothing is believed: it is
    another device, or set otherwise.
    """

    def __init__(self, device: str, line: Line, address: int, model: Model) -> None:
        self.device = device
        self._line = line
        self._model = model

        def request(register: int, count: int) -> bytes:
            return read_request(address, model.function, register, count)

        self._ring = [(block, request(block.register, block.count)) for block in model.blocks]
        probes = [request(probe.register, probe.count) for probe in model.probes]
        self._questions = [[wanted, *probes] for _, wanted in self._ring]
        self._next = 0
        self._answered = 0
        self._values: dict[str, float] = {}
        self._at = 0.0

    def ready_at(self) -> float:
        """The monotonic time from which this device may be asked."""
        return self._question()[0]

    def ask(self, moment: Moment) -> Turn:
        """Do one exchange, not before `ready_at()`. Never raises DriverError: the turn says what went wrong."""
        block, wanted = self._ring[self._next]
        request = self._question()[1]
        try:
            data = self._line.ask(request, self._model)
            if request != wanted:
                return Turn(self._line.quiet_until)
            reading = self._collect(self._model.decode(block, data), moment)
        except DriverError as error:
            self._answered = 0
            self._values = {}
            return Turn(self._line.quiet_until, error=str(error), gone=isinstance(error, PortGone))
        return Turn(self._line.quiet_until, reading)

    def _question(self) -> tuple[float, bytes]:
        return self._line.next_question(self._questions[self._next], self._model)

    def _collect(self, values: dict[str, float], moment: Moment) -> Reading | None:
        if self._answered == 0:
            self._at = moment.wall
        self._values |= values
        self._answered += 1
        self._next = (self._next + 1) % len(self._ring)
        if self._answered < len(self._ring):
            return None
        values, self._values = self._values, {}
        self._answered = 0
        outside = [name for name in self._model.quantities if name not in values]
        if 2 * len(outside) > len(self._model.quantities):
            raise BadAnswer(f"{', '.join(outside)}: these cannot be what a {self._model.name} reads; is it one?")
        return Reading(self.device, values, self._at)
