"""A worker per serial port: who is asked next, and the only retry policy.

The bus's manners (silence, late answers) are the line's, below the readers; this file decides whose turn it is.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from edge.core.values import Event, Moment, Reading, ReadingsTaken

log = logging.getLogger(__name__)
TOLD_AFTER = 3  # one bad answer in a while is the bus's nature
REOPEN_S = 2.0
LONGEST_BACKOFF_S = 60.0
# One second in six for those that do not answer: the others' cycle grows by a fifth at most.
REST_PER_FAULT = 5
# A pause that a device wants before its question is waited for: a crowded line would pass it over for ever.
PATIENCE_S = 0.1


class Turn(Protocol):
    """What one exchange came to: a reading, an error, or neither (there is more to ask)."""

    @property
    def free_at(self) -> float:
        """The monotonic time until which the line must be quiet."""

    @property
    def reading(self) -> Reading | None:
        """The reading that this exchange completed."""

    @property
    def error(self) -> str | None:
        """Why the poll failed."""

    @property
    def gone(self) -> bool:
        """Whether the port itself is not there."""


class Reader(Protocol):
    """A device that is read one exchange at a time, and never raises for what the bus did."""

    def ready_at(self) -> float:
        """The monotonic time from which it may be asked."""

    def ask(self, moment: Moment) -> Turn:
        """Do one exchange."""


@dataclass(frozen=True)
class Polled:
    """A device (`meter/cabinet-1`) that is read every `poll_s` seconds (> 0)."""

    device: str
    reader: Reader
    poll_s: float


@dataclass
class _Slot:
    """A polled device's place in the ring; all times are monotonic seconds."""

    polled: Polled
    grid_from: float
    due: float = -math.inf
    began: float | None = None
    failures: int = 0
    served: int = 0

    @property
    def ready_at(self) -> float:
        """When the line and the device allow a question."""
        return self.polled.reader.ready_at()

    def after(self, moment: float) -> float:
        """The first point of its grid later than `moment`."""
        poll_s = self.polled.poll_s
        k = math.floor((moment - self.grid_from) / poll_s) + 1
        while self.grid_from + k * poll_s <= moment:  # rounding may name the very moment again
            k += 1
        return self.grid_from + k * poll_s


class BusWorker:
    """Polls the devices of one port. At most one exchange a step.

    Every device is asked once at the start and then on its own grid of `poll_s`, the grids staggered; a slot that
    passes while the line is busy is served late, once. A round that began goes on until it is done, then the device
    that waited longest has its turn. `put` gets a ReadingsTaken for each poll, with the reading or with the error.

    A fault ends the poll: nothing is retried at once. The device's next tries are 1, 2, 4 ... polls apart, up to
    60 s, and all devices that do not answer together take at most a sixth of the line's time. The first whole reading
    ends this. While the port is gone, opening it is tried every 2 s and every poll fails in its slot.
    """

    def __init__(self, name: str, devices: Sequence[Polled], put: Callable[[Event], None]) -> None:
        self.name = name
        self._put = put
        self._slots = [_Slot(polled, i * polled.poll_s / len(devices)) for i, polled in enumerate(devices)]
        self._turns = 0
        self._gone: str | None = None
        self._reopen_at = -math.inf
        self._failing_rest_until = -math.inf

    def on_wake(self, wake: Callable[[], None]) -> None:
        """Nothing is put into this worker: its time alone wakes it."""

    def step(self, moment: Moment) -> float | None:
        """Do the exchange that is due, if any; say when the next one is."""
        mono = moment.mono
        if not self._slots:
            return None
        if self._gone and mono < self._reopen_at:
            self._fail_polls(mono)
            return min(self._reopen_at, *(slot.due for slot in self._slots))
        slot = self._next(mono)
        if slot is None:
            return min(max(self._due(slot), slot.ready_at) for slot in self._slots)
        if slot.ready_at > mono:
            return slot.ready_at
        self._ask(slot, moment)
        return mono

    def _next(self, mono: float) -> _Slot | None:
        waiting = [
            slot
            for slot in self._slots
            if (self._gone or self._due(slot) <= mono) and slot.ready_at <= mono + PATIENCE_S
        ]
        return min(waiting, key=lambda slot: (slot.began is None, slot.served), default=None)

    def _due(self, slot: _Slot) -> float:
        if slot.failures and slot.began is None:
            return max(slot.due, self._failing_rest_until)
        return slot.due

    def _fail_polls(self, mono: float) -> None:
        for slot in self._slots:
            if slot.due <= mono:
                slot.due = slot.after(mono)
                self._put(ReadingsTaken(slot.polled.device, None, self._gone))

    def _ask(self, slot: _Slot, moment: Moment) -> None:
        self._turns += 1
        slot.served = self._turns
        if slot.began is None:
            slot.began = moment.mono
        turn = slot.polled.reader.ask(moment)
        if turn.gone:
            self._port_gone(turn, moment.mono)
            return
        if self._gone is not None:
            self._gone = None
            for other in self._slots:  # what fell due while the port was away is asked now
                other.due = min(other.due, moment.mono)
        if turn.error is not None:
            self._failed(slot, turn, moment.mono)
        elif turn.reading is not None:
            if slot.failures >= TOLD_AFTER:
                log.info("%s answers again", slot.polled.device)
            slot.due = slot.after(slot.began)
            slot.began = None
            slot.failures = 0
            self._put(ReadingsTaken(slot.polled.device, turn.reading))

    def _port_gone(self, turn: Turn, mono: float) -> None:
        if self._gone is None:
            log.warning("%s: %s; it is tried again every %g s", self.name, turn.error, REOPEN_S)
        self._gone = turn.error or self.name
        self._reopen_at = mono + REOPEN_S
        for slot in self._slots:
            slot.began = None

    def _failed(self, slot: _Slot, turn: Turn, mono: float) -> None:
        slot.failures += 1
        slot.began = None
        if slot.failures == TOLD_AFTER:
            log.warning("%s does not answer: %s", slot.polled.device, turn.error)
        poll_s = slot.polled.poll_s
        # The exponent is bounded: a device that stays dead for years must not overflow a float.
        wait = min(poll_s * 2.0 ** min(slot.failures - 1, 30), max(LONGEST_BACKOFF_S, poll_s))
        slot.due = slot.after(mono + wait - poll_s)
        self._failing_rest_until = turn.free_at + REST_PER_FAULT * (turn.free_at - mono)
        self._put(ReadingsTaken(slot.polled.device, None, turn.error))
