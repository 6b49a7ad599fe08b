"""One meter or sensor on a Modbus line, read a request at a time."""

from __future__ import annotations

from dataclasses import dataclass

from drivers.api import BadAnswer, DriverError, NoAnswer, PortGone, Refused
from drivers.modbus import Line, read_request
from drivers.model import Model
from drivers.read_plan import Block
from edge.core.values import Moment, Reading

FACTORS_EVERY_S = 3600.0
PATIENCE = 3  # so often in a row a form may be silent or refuse before that is believed of it


@dataclass(frozen=True, slots=True)
class Turn:
    """What one exchange came to: a reading, an error, or neither (there is more to ask).

    `free_at` is the monotonic time until which the line must be quiet. `gone`: the port itself is not there.
    """

    free_at: float
    reading: Reading | None = None
    error: str | None = None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class _Ask:
    """One block and its question, before the questions that may stand in for it."""

    block: Block
    request: bytes
    candidates: list[bytes]


@dataclass(frozen=True, slots=True)
class _Form:
    """One form that the device may have, and what is asked of it."""

    model: Model
    factors: list[_Ask]
    ring: list[_Ask]


class ModbusReader:
    """Reads a device of `model` at `address` (1..247) in rounds, one block of registers per exchange.

    A reading leaves only when every block was answered in one round without a fault between, so its values belong
    together; its `at` is the wall time of the round's first question, so that no value is older than it says. After a
    fault the round is dropped and the next begins at the block that failed: a block that always fails cannot keep
    its neighbours young, and a device that answers some of its blocks is not read half for ever unnoticed.

    A figure that cannot be is left out of the reading. Where that is more than half of them, nothing is believed: it is
    another device, or set otherwise.

    Factors are read before the first round, and again every FACTORS_EVERY_S. A model with variants is taken for the
    form that last gave a reading; one that refuses or does not answer where another would be asked something else, and
    one whose figures at the addresses that tell the forms apart are all 0, makes way for the next. If they are 0 in
    all that do not refuse, the first is right: the meter has counted nothing yet. One refusal is no proof of that: it
    takes PATIENCE of them, and a form that once had figures other than 0 is waited for.
    """

    def __init__(self, device: str, line: Line, address: int, model: Model) -> None:
        self.device = device
        self._line = line
        self._telling = model.telling
        self._forms = [_form(form, address, line.character_s) for form in model.forms]
        self._in_use = 0
        self._known = False  # the form in use has given a reading
        self._failures = 0
        self._refusals = [0] * len(self._forms)  # in a row, to what only this form is asked
        self._had_figures: set[int] = set()
        self._next = 0
        self._factors: dict[str, float] = {}
        self._factors_at = 0.0
        self._at = 0.0
        self._answered: dict[bytes, dict[str, float]] = {}  # of this round
        self._passed: dict[int, dict[str, float] | None] = {}  # forms tried in this round: all 0, or refused
        self._choose()

    def ready_at(self) -> float:
        """The monotonic time from which this device may be asked."""
        return self._line.next_question(self._ask.candidates, self._form.model)[0]

    def ask(self, moment: Moment) -> Turn:
        """Do one exchange, not before `ready_at()`. Never raises DriverError: the turn says what went wrong."""
        ask, model = self._ask, self._form.model
        request = self._line.next_question(ask.candidates, model)[1]
        try:
            data = self._line.ask(request, model)
            if request != ask.request:
                return Turn(self._line.quiet_until)
            reading = self._collect(model.decode(ask.block, data, self._factors), moment)
        except DriverError as error:
            return self._failed(error, request)
        return Turn(self._line.quiet_until, reading)

    @property
    def _form(self) -> _Form:
        return self._forms[self._in_use]

    def _choose(self) -> None:
        """What is asked next: the factors if they are not known, then the ring from where it was left."""
        form = self._form
        ring = form.ring[self._next :] + form.ring[: self._next]
        todo = [ask for ask in form.factors if ask.block.names[0] not in self._factors] + ring
        self._ask = next(ask for ask in todo if ask.request not in self._answered)

    def _collect(self, values: dict[str, float], moment: Moment) -> Reading | None:
        if self._ask in self._form.factors:
            self._factors |= values
            self._factors_at = moment.mono
        else:
            if not self._answered:
                self._at = moment.wall
            self._answered[self._ask.request] = values
            if all(ask.request in self._answered for ask in self._form.ring):
                return self._complete(moment)
        self._choose()
        return None

    def _complete(self, moment: Moment) -> Reading | None:
        """The form in use has answered everything: a reading, unless another form may be the right one."""
        model = self._form.model
        values = {name: v for ask in self._form.ring for name, v in self._answered[ask.request].items()}
        outside = [name for name in model.quantities if name not in values]
        if 2 * len(outside) > len(model.quantities):
            raise BadAnswer(f"{', '.join(outside)}: these cannot be what a {model.name} reads; is it one?")
        self._known = not self._telling or any(values.get(name) for name in self._telling)
        self._failures = self._refusals[self._in_use] = 0
        if self._known:
            self._had_figures.add(self._in_use)
        else:
            self._passed[self._in_use] = values
            if self._try_another():
                return None
            zero = self._all_zero()
            if zero is None:
                self._drop_round()
                self._choose()
                return None
            self._in_use, values = zero
        self._drop_round()
        self._next = 0
        if moment.mono >= self._factors_at + FACTORS_EVERY_S:
            self._factors = {}
        self._choose()
        return Reading(self.device, values, self._at)

    def _failed(self, error: DriverError, request: bytes) -> Turn:
        turn = Turn(self._line.quiet_until, error=str(error), gone=isinstance(error, PortGone))
        if request != self._ask.request or not isinstance(error, NoAnswer | Refused):
            return self._begin_again(turn)
        self._failures += 1
        if self._known and self._failures < PATIENCE:
            return self._begin_again(turn)
        if isinstance(error, Refused) and len(self._forms) > 1:
            self._refusals[self._in_use] += self._only_here(request)
            self._passed[self._in_use] = None
            if self._try_another():
                return Turn(self._line.quiet_until)
            zero = self._all_zero()
            if zero is not None:
                at = self._at
                self._drop_round()
                self._choose()
                return Turn(self._line.quiet_until, Reading(self.device, zero[1], at))
        self._drop_round()
        if self._only_here(request):
            self._use((self._in_use + 1) % len(self._forms))
        return self._begin_again(turn)

    def _only_here(self, request: bytes) -> bool:
        """Whether the form in use is asked this and no other is."""
        others = [form for form in self._forms if form is not self._form]
        return bool(others) and all(request != ask.request for form in others for ask in form.ring + form.factors)

    def _all_zero(self) -> tuple[int, dict[str, float]] | None:
        """The first form that answered this round, if every other that is there shows 0 as well."""
        for form, values in self._passed.items():
            if values is None and (self._refusals[form] < PATIENCE or form in self._had_figures):
                return None
        return next(((form, values) for form, values in self._passed.items() if values is not None), None)

    def _begin_again(self, turn: Turn) -> Turn:
        if self._ask in self._form.ring:
            self._next = self._form.ring.index(self._ask)
        self._drop_round()
        self._choose()
        return turn

    def _try_another(self) -> bool:
        """Go on with a form that this round has not tried; what was answered to the same questions is kept."""
        other = next((i for i in range(len(self._forms)) if i not in self._passed), None)
        if other is None:
            return False
        self._use(other)
        self._choose()
        return True

    def _use(self, form: int) -> None:
        self._in_use, self._known, self._failures, self._next = form, False, 0, 0

    def _drop_round(self) -> None:
        self._answered, self._passed = {}, {}


def _form(model: Model, address: int, character_s: float) -> _Form:
    def ask(block: Block) -> _Ask:
        wanted = request(block)
        return _Ask(block, wanted, [wanted, *probes])

    def request(block: Block) -> bytes:
        return read_request(address, block.function, block.register, block.count)

    probes = [request(probe) for probe in model.probes]
    return _Form(
        model, [ask(b) for b in model.factor_plan(character_s)], [ask(b) for b in model.plan(character_s)]
    )
