"""Carries the core's effects out, in order."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Protocol

from edge.core.events import Ask, Effect, Failed, OutputObserved, Persist, Publish, Record, Stored, Write

log = logging.getLogger(__name__)


class OutputPort(Protocol):
    """One relay, as a driver offers it (drivers/api.py)."""

    def write(self, on: bool) -> None:
        """Drive it, or leave that with who does. Raises an exception whose text is for a technician."""

    def read(self) -> bool | None:
        """What its line or its board says; None when that cannot be known. Never raises, never waits."""

    def why(self) -> str | None:
        """Why it cannot be known, for a technician; asked when `read` says None. Never raises."""


class Outputs(Protocol):
    """Every output by its name, and who ends what was turned on for a time only (edge/shell/leases.py)."""

    def mono(self) -> float:
        """The monotonic time (s) that leases go by."""

    def write(self, output: str, on: bool, lease_s: float | None = None) -> None:
        """Drive it, an ON for `lease_s` (s) or for good. Raises as OutputPort does."""

    def read(self, output: str) -> bool | None:
        """What its line or its board says; None when that cannot be known."""

    def why(self, output: str) -> str | None:
        """Why it cannot be known."""


class Journal(Protocol):
    """Where rows are kept."""

    def put(self, *rows: Persist, tell: Collection[tuple[str, str]] = ()) -> None:
        """Keep these rows, all or none of them; for the keys in `tell`, answer Stored once they are on the disk."""


class Link(Protocol):
    """What sends messages."""

    def publish(self, message: Publish) -> None:
        """Send, or drop while the link is down: what is retained is told again when it is back."""


class Keeper(Protocol):
    """Who keeps readings, and answers from what was kept."""

    def record(self, record: Record) -> None:
        """Keep a reading; never waits."""

    def ask(self, ask: Ask) -> None:
        """Have a question answered; never waits."""


class Effects:
    """The hands of the core. Every Write that is carried out is answered by what the output then says of itself."""

    def __init__(
        self, outputs: Outputs, journal: Journal, link: Link, keeper: Keeper | None = None
    ) -> None:
        """`keeper` None: readings are kept nowhere, and nothing is answered from them."""
        self._outputs = outputs
        self._journal = journal
        self._link = link
        self._keeper = keeper
        self._waiting: dict[str, tuple[Write, float]] = {}  # each with when it was decided
        self._written: dict[str, None] = {}  # in the order of their first write
        self._rows: list[Persist] = []
        self._awaited: set[tuple[str, str]] = set()
        self._failing: dict[str, str] = {}

    def run(self, effects: Iterable[Effect], seen: Callable[[OutputObserved], None]) -> None:
        """Carry out, in order. `seen` is told what each output shows as soon as it is written."""
        batch = list(effects)
        self._awaited |= {e.after for e in batch if isinstance(e, Write) and e.after is not None}
        for effect in batch:
            match effect:
                case Write(after=None):
                    self._waiting.pop(effect.output, None)
                    seen(self._write(effect))
                case Write():
                    self._waiting[effect.output] = effect, self._outputs.mono()
                case Persist():
                    self._rows.append(effect)
                    if effect.tell:
                        self._awaited.add(effect.key)
                case Publish():
                    self._link.publish(effect)
                case Record() if self._keeper is not None:
                    self._keeper.record(effect)
                case Ask() if self._keeper is not None:
                    self._keeper.ask(effect)
                case Failed():
                    log.error("the core failed on %s", effect.device, exc_info=effect.error)

    def stored(self, event: Stored) -> list[OutputObserved]:
        """The journal has a key: write what waited for it. A lease that would be over by now is not begun any more: the
        core that decided on it stood still meanwhile."""
        due = [(write, at) for write, at in self._waiting.values() if write.after == event.key]
        now, seen = self._outputs.mono(), []
        for write, at in due:
            del self._waiting[write.output]
            late = write.lease_s is not None and now - at >= write.lease_s
            seen.append(self._seen(write.output) if late else self._write(write))
        return seen

    def flush(self) -> None:
        """Hand the journal what is to be kept: not before the core is done, for its thread would be in the way, and in
        one piece, so that no decision is kept by half."""
        if self._rows:
            self._journal.put(*self._rows, tell=self._awaited)
            self._rows, self._awaited = [], set()

    def look(self) -> Iterator[OutputObserved]:
        """What every output whose last write went through says of itself, each read when its turn comes."""
        for name in list(self._written):
            yield self._seen(name)

    def _write(self, write: Write) -> OutputObserved:
        try:
            self._outputs.write(write.output, write.on, write.lease_s)
        except Exception as error:  # whatever a driver does, the others' outputs go on
            self._written.pop(write.output, None)
            return OutputObserved(write.output, None, self._complain(write.output, str(error) or type(error).__name__))
        self._written[write.output] = None
        if self._failing.pop(write.output, None):
            log.warning("%s obeys again", write.output)
        return self._seen(write.output)

    def _seen(self, name: str) -> OutputObserved:
        on = self._outputs.read(name)
        return OutputObserved(name, on, self._outputs.why(name) if on is None else None)

    def _complain(self, output: str, why: str) -> str:
        if self._failing.get(output) != why:
            self._failing[output] = why
            log.error("%s cannot be driven: %s", output, why)
        return why
