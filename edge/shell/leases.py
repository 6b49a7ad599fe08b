"""The core's hold on the outputs: ON for what can do harm is a lease, which somebody else than the core ends."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from edge.core.events import Event, LeasesExpired
from edge.core.values import Moment
from edge.shell.effects import OutputPort

log = logging.getLogger(__name__)
AGAIN_S = 1.0  # after which an output that was not turned off is tried again
PATIENCE_S = 0.5  # for a driver: so long the valves wait for their pump, and the core for a write that is under way
HARMFUL = ("pump", "valve", "switch")  # kinds of outputs, in the order in which they are turned off
Wait = Callable[[float], object]
Apart = Callable[[Callable[[], None]], Wait]


@runtime_checkable
class TimedPort(Protocol):
    """An output whose hardware can turn it off by itself."""

    def hold(self, lease_s: float) -> None:
        """Drive it on for so long (s, > 0). Raises as `write` does."""


def at_once(job: Callable[[], None]) -> Wait:
    """Do it here and now: for virtual time."""
    job()
    return lambda _: True


def in_a_thread(job: Callable[[], None]) -> Wait:
    """Have it done beside what goes on here; the answer waits so many seconds (s) for its end."""
    done = threading.Event()

    def work() -> None:
        try:
            job()
        finally:
            done.set()

    try:
        threading.Thread(target=work, name="lease", daemon=True).start()
    except RuntimeError:  # this machine has no room for one more
        return at_once(job)
    return done.wait


class _Held:
    """One output. `lock` is held while its driver is written to, and by whoever changes the rest.

    `end`: when its lease runs out (monotonic s), infinite for none. `falling`: it shall be off and was not seen to be.
    `over`: it was turned off for its lease, and the core may not have seen that yet. `told`: the core was told so.
    """

    def __init__(self, name: str, port: OutputPort) -> None:
        self.name = name
        self.port = port
        self.lock = threading.Lock()
        self.end = math.inf
        self.again_at = -math.inf
        self.falling = self.over = self.told = self.busy = False
        self.why: str | None = None

    @property
    def kind(self) -> str:
        return self.name.partition("/")[0]

    @property
    def due(self) -> float:
        """When the keeper is to turn it off (monotonic s)."""
        return max(-math.inf if self.falling else self.end, self.again_at)


class LeaseKeeper:
    """Writes outputs for the core, and turns off those whose lease ran out: a worker with the clock and nothing else.

    A lease begins before its output is moved, and is renewed by the next leased ON. One that ran out is not renewed:
    such an ON is not carried out until the core had to see the output off, for it was decided by a core that thought
    it on, without the order in which things start. Pumps go off before valves, and a valve's pump before the valve. An
    output that cannot be turned off, or says after its OFF that it is on, is tried again each second, beside the
    others: each has a thread of its own for that, so that a driver that hangs keeps nobody else on.

    The core's thread calls `write`, `read` and `why`; the keeper's own `step`.
    """

    name = "leases"

    def __init__(
        self, outputs: Mapping[str, OutputPort], mono: Callable[[], float], put: Callable[[Event], None],
        fed_by: Mapping[str, str] | None = None, apart: Apart = in_a_thread,
    ) -> None:
        """`outputs` by `<kind>/<id>`, a light's with its circuit behind it. `fed_by`: a valve's output -> its pump's.
        `put` gets LeasesExpired."""
        self._held = {name: _Held(name, port) for name, port in outputs.items()}
        self.mono = mono
        self._put = put
        self._fed_by = dict(fed_by or {})
        self._apart = apart
        self._wake: Callable[[], None] = lambda: None
        self._ended = False
        self._count = 0

    # --- for the core's thread ---

    def write(self, output: str, on: bool, lease_s: float | None = None) -> None:
        """Drive the output; `lease_s`: an ON for so long (s, > 0), None: for good.

        Raises what its driver raises, TimeoutError while the driver has not come back from a write before, and
        RuntimeError for a leased ON after `turn_all_off`. An OFF that fails leaves the lease as it was.
        """
        held = self._held[output]
        if not held.lock.acquire(timeout=PATIENCE_S):
            raise TimeoutError("its driver has not come back from the write before")
        try:
            if on and lease_s is not None:
                self._hold(held, lease_s)
            else:
                held.port.write(on)
                leased, held.end, held.over = held.end < math.inf or held.falling, math.inf, False
                held.falling = leased and not on and held.port.read() is True
                held.told, held.again_at = True, self.mono() + AGAIN_S
        finally:
            held.lock.release()
            if held.due < math.inf:
                self._wake()

    def read(self, output: str) -> bool | None:
        """What the output says; None when that cannot be known."""
        held = self._held[output]
        on = held.port.read()
        if held.over and on is not True:
            held.over = False
        return on

    def why(self, output: str) -> str | None:
        """Why nothing is known of it."""
        return self._held[output].port.why()

    # --- for the keeper's thread ---

    def on_wake(self, wake: Callable[[], None]) -> None:
        """Have `wake` called when a lease begins or is renewed."""
        self._wake = wake

    def step(self, moment: Moment) -> float | None:
        """Turn off what was not renewed."""
        now = moment.mono
        due = [held for held in self._held.values() if held.due <= now]
        if due:
            pumps = {self._fed_by.get(held.name) for held in due if held.end <= now}
            due += [h for h in self._held.values() if h.name in pumps and now < h.end < math.inf]
            expired = self._turn_off(due, now)
            if expired:
                self._count += len(expired)
                log.error("not renewed in time, and turned off: %s", ", ".join(expired))
                self._put(LeasesExpired(tuple(expired), self._count))
        upcoming = min((held.due for held in self._held.values()), default=math.inf)
        return None if upcoming == math.inf else upcoming

    # --- for whoever ends the process ---

    def turn_all_off(self) -> None:
        """Turn off the pumps, valves and switches that are on or may be, in this order, and let no lease begin any
        more. Lights stay."""
        self._ended = True
        harmful = [held for held in self._held.values() if held.kind in HARMFUL]
        on = [held for held in harmful if held.end < math.inf or held.falling or held.port.read()]
        self._turn_off(on, self.mono())

    def all_off(self) -> bool:
        """Whether no pump, valve or switch says that it is on."""
        return not any(held.port.read() for held in self._held.values() if held.kind in HARMFUL)

    # --- within ---

    def _hold(self, held: _Held, lease_s: float) -> None:
        if self._ended:
            raise RuntimeError("the controller is ending: nothing is turned on any more")
        now = self.mono()
        if held.over or held.end <= now:
            return
        held.end, held.again_at, held.told, held.falling = now + lease_s, -math.inf, False, False
        if isinstance(held.port, TimedPort):
            held.port.hold(lease_s)
        else:
            held.port.write(True)

    def _turn_off(self, due: Sequence[_Held], now: float) -> list[str]:
        """Turn these off, pumps first; those whose lease that ends and of whom the core was not told."""
        due = sorted(due, key=lambda held: HARMFUL.index(held.kind) if held.kind in HARMFUL else len(HARMFUL))
        untold = [held for held in due if not held.told]
        spared: set[str] = set()
        for held in due:
            held.told, held.again_at = True, now + AGAIN_S
        for pumps in (True, False):
            waits = [
                self._apart(self._off(held, now, spared))
                for held in due
                if (held.kind == "pump") is pumps and not held.busy
            ]
            deadline = self.mono() + PATIENCE_S
            for wait in waits:
                wait(max(deadline - self.mono(), 0.0))
        return [held.name for held in untold if held.name not in spared]

    def _off(self, held: _Held, now: float, spared: set[str]) -> Callable[[], None]:
        """What turns one output off; it puts into `spared` the name of one that it need not."""
        held.busy = True

        def job() -> None:
            try:
                if held.lock.acquire(timeout=AGAIN_S):
                    try:
                        self._write_off(held, now, spared)
                    finally:
                        held.lock.release()
            finally:
                held.busy = False

        return job

    def _write_off(self, held: _Held, now: float, spared: set[str]) -> None:
        if held.end == math.inf and not held.falling and not self._ended:
            spared.add(held.name)  # the core was faster
            return
        if held.end < math.inf:
            held.over, held.end = True, min(held.end, now)
        held.falling = True
        try:
            held.port.write(False)
            held.falling = held.port.read() is True
            held.end, held.why = math.inf, None
        except Exception as error:  # whatever a driver does, it is tried again
            why = str(error) or type(error).__name__
            if held.why != why:
                held.why = why
                log.error("%s cannot be turned off: %s; it is tried again every %g s", held.name, why, AGAIN_S)
