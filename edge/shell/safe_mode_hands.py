"""The hands of safe mode: processes of `village-edge safe --orders`, which alone touch lines and boards.

What a driver does costs its process only. One that dies or does not answer in time is killed; the output that it was
at, and all on the same serial port, get a process of their own, so that the next time the others keep their lines.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import select
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from edge.children import tied_to_us
from edge.core.values import Moment
from edge.shell.runner import Inbox

log = logging.getLogger(__name__)
LOOK_S = 10.0  # a line or a coil is driven anew, and read back, this often
FIRST_AGAIN_S = 5.0
LAST_AGAIN_S = 600.0
END_S = 2.0
UNSAID = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "SERVICE_RESULT", "EXIT_CODE", "EXIT_STATUS")


class Driven(NamedTuple):
    """What became of an order that the output be `asked`: what it shows (None: nobody knows), and why it could not be
    driven."""

    output: str
    asked: bool
    on: bool | None
    error: str | None


class Locked(NamedTuple):
    """What is locked; None: nobody knows."""

    names: tuple[str, ...] | None


class Want(NamedTuple):
    """An output is to be so; `urgent`: a person waits for it."""

    output: str
    on: bool
    urgent: bool = False


class Lost(Exception):
    """The process is of no use any more; the text says why, for a technician."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a process may take to start, and for one order (s). A cold start on an old Pi takes ten, a board that
    does not answer five."""

    start_s: float = 40.0
    order_s: float = 12.0


class Hand(Protocol):
    """Who carries out orders, one at a time."""

    def ask(self, order: Mapping[str, Any], within_s: float) -> dict[str, Any]:
        """The answer. Raises Lost."""

    def hello(self, within_s: float) -> dict[str, Any]:
        """What it says first. Raises Lost."""

    def end(self) -> None:
        """It is not needed any more."""


class Child:
    """One process of `village-edge safe --orders`."""

    def __init__(self, command: list[str]) -> None:
        """Start it; it ends with the thread that does. Raises Lost."""
        environment = {name: text for name, text in os.environ.items() if name not in UNSAID}
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                tied_to_us(command, "KILL"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, env=environment
            )
        except OSError as error:
            raise Lost(f"{command[0]} cannot be started: {error.strerror}") from None
        self._rest = b""

    def hello(self, within_s: float) -> dict[str, Any]:
        """What is locked, when it is ready. Raises Lost."""
        return self._line(within_s)

    def ask(self, order: Mapping[str, Any], within_s: float) -> dict[str, Any]:
        """What became of the order. Raises Lost."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
        except (OSError, ValueError):  # its end of the pipe is closed, or ours
            raise Lost(self._how()) from None
        while (answer := self._line(within_s)).get("output") != order["output"]:
            log.warning("`village-edge safe` says something else: %.200s", answer)
        return answer

    def end(self) -> None:
        """Have it let go; one that does not is killed."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _line(self, within_s: float) -> dict[str, Any]:
        assert self._process.stdout is not None
        while True:
            line, found, rest = self._rest.partition(b"\n")
            if found:
                self._rest = rest
                with contextlib.suppress(ValueError):
                    told = json.loads(line)
                    if isinstance(told, dict):
                        return told
                continue  # a driver has printed something
            if not select.select([self._process.stdout], [], [], within_s)[0]:
                self._process.kill()
                raise Lost(f"the driver has not answered for {within_s:g} s")
            more = self._process.stdout.read(65536)
            if not more:
                raise Lost(self._how())
            self._rest += more

    def _how(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(END_S)
        code = self._process.returncode
        how = "hung" if code is None else f"was killed by signal {-code}" if code < 0 else f"ended with status {code}"
        return f"the driver's process {how}"


@dataclass(slots=True)
class _Job:
    place: int
    on: bool | None = None
    urgent: bool = False
    due: float = float("inf")
    failed: int = 0


class Hands:
    """A worker: drives each output as it is wanted, most urgent first, looks again every LOOK_S, and tries again what
    failed, ever more seldom."""

    name = "hands"

    def __init__(
        self, units: Mapping[str, str], start: Callable[[], Hand], tell: Callable[[Driven | Locked], None],
        mono: Callable[[], float], patience: Patience | None = None,
    ) -> None:
        """`units`: by the names of the outputs, those that can do most harm first, what each shares with others: its
        serial port, or itself. `mono`: the monotonic clock (s)."""
        self.inbox: Inbox[Want] = Inbox()
        self._units = units
        self._start = start
        self._tell = tell
        self._mono = mono
        self._patience = patience or Patience()
        self._jobs = {name: _Job(place) for place, name in enumerate(units)}
        self._doubtful: set[str] = set()
        self._hands: dict[bool, Hand] = {}  # for what is sound, and for what is in doubt
        self._greet_at = float("-inf")

    def on_wake(self, wake: Callable[[], None]) -> None:
        """Have `wake` called when something is wanted."""
        self.inbox.wake = wake

    def step(self, moment: Moment) -> float | None:
        """Drive what is due first; at most one output. At the very first, hear what is locked."""
        if moment.mono >= self._greet_at:
            self._greet()
        while (want := self.inbox.take()) is not None:
            job = self._jobs.get(want.output)
            if job is not None:
                job.on, job.urgent, job.due, job.failed = want.on, want.urgent, float("-inf"), 0
        due = [name for name, job in self._jobs.items() if job.due <= moment.mono]
        if due:
            self._drive(min(due, key=self._order))
            return moment.mono
        return min([self._greet_at, *(job.due for job in self._jobs.values())])

    def _greet(self) -> None:
        try:
            self._hand_for(False)
            self._greet_at = float("inf")
        except Lost as lost:
            log.error("nothing can be driven: %s", lost)
            self._greet_at = self._mono() + FIRST_AGAIN_S

    def end(self) -> None:
        """Let go of all lines, as they are."""
        for hand in list(self._hands.values()):
            hand.end()
        self._hands.clear()

    def _order(self, name: str) -> tuple[bool, bool, bool, int]:
        job = self._jobs[name]
        return not job.urgent, self._units[name] in self._doubtful, job.on is True, job.place

    def _drive(self, name: str) -> None:
        job = self._jobs[name]
        asked = bool(job.on)
        try:
            hand = self._hand_for(self._units[name] in self._doubtful)
            answer = hand.ask({"output": name, "on": asked}, self._patience.order_s)
            on, error = answer.get("on"), answer.get("error")
            told = Driven(name, asked, on if isinstance(on, bool) else None, None if error is None else str(error))
        except Lost as lost:
            log.error("%s: %s", name, lost)
            self._lose(name)
            told = Driven(name, asked, None, str(lost))
        job.urgent = False
        job.failed = 0 if told.error is None else job.failed + 1
        again = LOOK_S if not job.failed else min(FIRST_AGAIN_S * 2.0 ** min(job.failed - 1, 20), LAST_AGAIN_S)
        job.due = self._mono() + again
        self._tell(told)

    def _hand_for(self, doubtful: bool) -> Hand:
        if doubtful not in self._hands:
            hand = self._start()
            try:
                locked = hand.hello(self._patience.start_s).get("locked")
            except Lost:
                hand.end()
                raise
            self._hands[doubtful] = hand
            self._tell(Locked(None if locked is None else tuple(str(each) for each in locked)))
        return self._hands[doubtful]

    def _lose(self, name: str) -> None:
        """Whose process is lost has a process apart from now on; what it held besides is driven anew at once."""
        doubtful = self._units[name] in self._doubtful
        hand = self._hands.pop(doubtful, None)
        if hand is not None:
            hand.end()
        for other, job in self._jobs.items():
            if (self._units[other] in self._doubtful) is doubtful and job.on is not None and not job.failed:
                job.due = float("-inf")
        self._doubtful.add(self._units[name])
