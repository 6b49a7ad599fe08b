"""The whole daemon in virtual time, with an ear at every place where it touches the world."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any, Protocol

from edge.core.values import Moment
from simulator.fast import Fast

MOST_STEPS = 5000  # of the core, while less than a microsecond passes
SOON_S = 1e-6
TABLES = ("overrides", "commands", "alarms", "outputs", "meters", "clock", "lockouts", "hours", "inputs")


class Restless(Exception):
    """The core is awake again and again and has nothing to do: time does not go on."""


class Doomed(BaseException):
    """The process dies here: where."""


class Ear(Protocol):
    """Who listens. All is called between two steps of the workers, but for `arrived` and `told`."""

    house: House

    def settled(self, seconds: float) -> None:
        """Nobody has anything to do for so many seconds, which are about to pass."""

    def starting(self, anew: bool) -> None:
        """The process is about to start; `anew`: the machine has, too."""

    def ended(self) -> None:
        """The process is no more."""

    def linked(self) -> None:
        """The broker has taken the controller's connection."""

    def arrived(self, topic: str, payload: bytes, retained: bool) -> None:
        """A message has reached the process."""

    def told(self, topic: str, payload: bytes) -> None:
        """The process has sent a message."""


class House(Fast):
    """As Fast, with an `ear` beside it; None: nobody listens any more."""

    def __init__(self, ear: Ear, *more: Any, **named: Any) -> None:
        self.ear: Ear | None = ear
        self._steps = 0
        self._doom: tuple[str, int] | None = None
        ear.house = self
        super().__init__(*more, **named)
        move = self.clock.advance

        def advance(seconds: float) -> None:
            if self.ear is not None:
                self.ear.settled(seconds)
            if seconds > SOON_S:
                self._steps = 0
            move(seconds)

        self.clock.advance = advance  # type: ignore[method-assign]

    def journal(self) -> dict[str, list[tuple[Any, ...]]]:
        """What is on the card: rows by table."""
        if not self.journal_file.exists():
            return {table: [] for table in TABLES}
        with sqlite3.connect(f"file:{self.journal_file}?mode=ro", uri=True) as card:
            rows = {
                table: card.execute(f"SELECT * FROM {table} ORDER BY id").fetchall()
                for table in TABLES
            }
        card.close()
        return rows

    def doom(self, where: str, n: int) -> None:
        """Raise Doomed at the n-th time, of those from now on, that the process is `about to write` an output or `has
        written` it, `about to commit` or `has committed`, or has handed rows to its store (`has put`). Whoever catches
        it is to kill the process; a new one is spared."""
        self._doom = where, n

    def spare(self) -> None:
        """Nothing of that any more."""
        self._doom = None

    def _fate(self, where: str) -> None:
        if self._doom is not None and self._doom[0] == where:
            n = self._doom[1] - 1
            self._doom = (where, n) if n > 0 else None
            if n <= 0:
                raise Doomed(where)

    def _fated(self, call: Callable[..., Any], before: str, after: str) -> Callable[..., Any]:
        def fated(*more: Any, **named: Any) -> Any:
            self._fate(before)
            done = call(*more, **named)
            self._fate(after)
            return done

        return fated

    def connected(self) -> bool:
        """Whether the controller has a link."""
        return self.shell is not None and self._client.is_connected()

    def thinks(self) -> bool:
        """Whether there is a process whose core runs."""
        return self.shell is not None and "core" not in self._held

    def _start(self) -> None:
        if self.ear is not None:
            self.ear.starting(anew=False)
        super()._start()
        if self.ear is not None:
            self._wire(self.ear)

    def _start_anew(self) -> None:
        if self.ear is not None:
            self.ear.starting(anew=True)
        super()._start_anew()

    def _end(self, *, kill: bool, lines: bool = True) -> None:
        super()._end(kill=kill, lines=lines)
        if self.ear is not None:
            self.ear.ended()

    def _wire(self, ear: Ear) -> None:
        assert self.shell is not None
        shell = self.shell
        self._doom = None
        shell.leases.write = self._fated(shell.leases.write, "about to write", "has written")  # type: ignore[method-assign]
        shell.store._commit = self._fated(shell.store._commit, "about to commit", "has committed")  # type: ignore[method-assign]
        shell.store.put = self._fated(shell.store.put, "", "has put")  # type: ignore[method-assign]
        step = self.shell.core.step

        def counted(moment: Moment) -> float | None:
            self._steps += 1
            if self._steps > MOST_STEPS:
                raise Restless(f"the core has been awake {MOST_STEPS} times at {self.time.mono():.3f}")
            return step(moment)

        self.shell.core.step = counted  # type: ignore[method-assign]
        client = self._client
        client.on_connect = _after(ear.linked, client.on_connect)
        hear, say = client.on_message, client.publish
        assert hear is not None

        def on_message(which: object, data: object, message: Any) -> None:
            if client is self._client:
                ear.arrived(message.topic, message.payload, bool(message.retain))
            hear(which, data, message)

        def publish(topic: str, payload: Any = None, *more: Any, **named: Any) -> Any:
            if client is self._client:
                ear.told(topic, payload.encode() if isinstance(payload, str) else payload)
            return say(topic, payload, *more, **named)

        client.on_message = on_message
        client.publish = publish  # type: ignore[method-assign]


def _after(first: Callable[[], None], then: Callable[..., Any] | None) -> Callable[..., None]:
    assert then is not None

    def call(client: object, data: object, flags: object, code: Any, more: object = None) -> None:
        if not code.is_failure:
            first()
        then(client, data, flags, code, more)

    return call
