"""A worker per serial port: who is asked next, and the only retry policy.

The bus's manners (silence, late answers) are the line's, below the readers; this file decides whose turn it is.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from edge.core.events import Event, ReadingsTaken
from edge.core.values import Moment, Reading
from edge.shell import boards
from edge.shell.boards import RelayBoard

log = logging.getLogger(__name__)
TOLD_AFTER = 3  # one bad answer in a while is the bus's nature
REOPEN_S = 2.0
LONGEST_BACKOFF_S = 60.0
# One second in six for those that do not answer: the others' cycle grows by a fifth at most.
REST_PER_FAULT = 5
PROBE_S = 3.0  # what a relay board owes should not wait long for its return
AHEAD_S = 0.3  # what reading a board may take, at most
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
    """A device (`meter/cabinet-1`, `board/cabinet-board`) that is read every `poll_s` seconds (> 0)."""

    device: str
    reader: Reader | RelayBoard
    poll_s: float


@dataclass
class _Slot:
    """A polled device's place in the ring; all times are monotonic seconds.

    `cost_s`: for how long its last fault kept the line from the others. `board`: the device, if it is a relay board.
    """

    polled: Polled
    grid_from: float
    due: float = -math.inf
    began: float | None = None
    failures: int = 0
    cost_s: float = 0.0
    served: int = 0

    def __post_init__(self) -> None:
        self.board = self.polled.reader if isinstance(self.polled.reader, RelayBoard) else None

    @property
    def urgent(self) -> bool:
        """Whether something is to be written at once."""
        return self.board is not None and self.board.urgent

    @property
    def rank(self) -> int:
        """Who comes first: an OFF, then what else is to be written at once, then all others."""
        if not self.urgent:
            return 2
        return 0 if self.board is not None and self.board.owes_off else 1

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
    """Asks the devices of one port. At most one exchange a step.

    Every device is asked once at the start and then on its own grid of `poll_s`, the grids staggered; a slot that
    passes while the line is busy is served late, once. A round that began goes on until it is done, then the device
    that waited longest has its turn; but what a relay board is to be told comes before everything, OFF first, and its
    polls before meters'. `put` gets a ReadingsTaken for each poll of a meter, with the reading or with the error.

    A fault ends the poll: nothing is retried at once. The device's next tries are 1, 2, 4 ... polls apart, up to
    60 s, and all devices that do not answer together take at most a sixth of the line's time. A board is tried every
    3 s, and while nobody who answers falls due over it that does not count into this sixth. Before a try, boards that
    answer are read if they would go stale over it. The first whole reading ends this. While the port is gone, opening
    it is tried every `reopen_s` seconds and every poll fails in its slot.
    """

    def __init__(
        self, name: str, devices: Sequence[Polled], put: Callable[[Event], None], reopen_s: float = REOPEN_S
    ) -> None:
        self.name = name
        self._reopen_s = reopen_s
        self._put = put
        self._slots = [_Slot(polled, i * polled.poll_s / len(devices)) for i, polled in enumerate(devices)]
        self._boards = [slot.board for slot in self._slots if slot.board is not None]
        self._turns = 0
        self._gone: str | None = None
        self._reopen_at = -math.inf
        self._failing_rest_until = -math.inf

    def on_wake(self, wake: Callable[[], None]) -> None:
        """Have `wake` called when a board's coil is to be written."""
        for board in self._boards:
            board.wishes.wake = wake

    def step(self, moment: Moment) -> float | None:
        """Do the exchange that is due, if any; say when the next one is."""
        if not self._slots:
            return None
        for board in self._boards:
            board.take()
            if board.stale_at <= moment.mono:
                board.tell(moment.mono)
        return min(self._work(moment), *(board.stale_at for board in self._boards), math.inf)

    def _work(self, moment: Moment) -> float:
        mono = moment.mono
        if self._gone and mono < self._reopen_at:
            self._fail_polls(mono)
            return min(self._reopen_at, *(slot.due for slot in self._slots))
        slot = self._next(mono)
        if slot is None:
            return self._next_due(mono)
        if slot.ready_at > mono:
            return slot.ready_at
        self._ask(slot, moment)
        return mono

    def _next(self, mono: float) -> _Slot | None:
        waiting = [
            slot
            for slot in self._slots
            if (self._gone or slot.urgent or self._due(slot, mono) <= mono) and slot.ready_at <= mono + PATIENCE_S
        ]
        first = min(waiting, key=lambda s: (s.rank, s.board is None, s.began is None, s.served), default=None)
        if first is None or not first.failures or self._gone:
            return first
        return self._before(first, mono) or first

    def _next_due(self, mono: float) -> float:
        """When somebody is due and may be asked; a device that is due later than that is not looked at."""
        earliest = math.inf
        for due, slot in sorted(((self._due(slot, mono), slot) for slot in self._slots), key=lambda pair: pair[0]):
            if due >= earliest:
                break
            earliest = min(earliest, max(due, slot.ready_at))
        return earliest

    def _before(self, slot: _Slot, mono: float) -> _Slot | None:
        """A board that answers and would go stale while `slot`, which may not answer, is tried."""
        for other in self._slots:
            board, fresh_s = other.board, boards.STALE_POLLS * other.polled.poll_s
            if board is None or other.failures or other.ready_at > mono:
                continue
            if board.stale_at - mono < min(slot.cost_s, fresh_s - 2 * AHEAD_S) + AHEAD_S:
                return other
        return None

    def _due(self, slot: _Slot, mono: float) -> float:
        if slot.began is not None:
            return -math.inf
        if not slot.failures:
            return slot.due
        if self._harms_nobody(slot, max(slot.due, mono)):
            return slot.due
        return max(slot.due, self._failing_rest_until)

    def _harms_nobody(self, slot: _Slot, at: float) -> bool:
        """Whether a board may fail to answer at `at` without making anybody late who answers."""
        if slot.board is None:
            return False
        return all(other.due >= at + slot.cost_s for other in self._slots if other is not slot and not other.failures)

    def _fail_polls(self, mono: float) -> None:
        for slot in self._slots:
            if slot.due <= mono:
                slot.due = slot.after(mono)
                self._tell_failure(slot, self._gone or self.name, mono)

    def _tell_failure(self, slot: _Slot, why: str, mono: float) -> None:
        if slot.board is None:
            self._put(ReadingsTaken(slot.polled.device, None, why))
        else:
            slot.board.failed(why, mono)

    def _ask(self, slot: _Slot, moment: Moment) -> None:
        self._turns += 1
        slot.served = self._turns
        if slot.began is None:
            slot.began = moment.mono
        # A board is polled so often that on a noisy line its first faults would leave no time to anyone else's tries.
        counts = slot.board is None or (slot.failures > 0 and not self._harms_nobody(slot, moment.mono))
        turn = slot.polled.reader.ask(moment)
        if turn.gone:
            self._port_gone(turn.error or self.name, moment.mono)
            return
        if self._gone is not None:
            self._gone = None
            for other in self._slots:  # what fell due while the port was away is asked now
                other.due = min(other.due, moment.mono)
        if turn.error is not None:
            self._failed(slot, turn.error, turn.free_at, moment.mono)
            if counts:
                self._failing_rest_until = turn.free_at + REST_PER_FAULT * slot.cost_s
        elif turn.done if isinstance(turn, boards.Turn) else turn.reading is not None:
            if slot.failures >= TOLD_AFTER:
                log.info("%s answers again", slot.polled.device)
            slot.due = slot.after(slot.began)
            slot.began = None
            slot.failures = 0
            if not isinstance(turn, boards.Turn):
                self._put(ReadingsTaken(slot.polled.device, turn.reading))

    def _port_gone(self, why: str, mono: float) -> None:
        if self._gone is None:
            log.warning("%s: %s; it is tried again every %g s", self.name, why, self._reopen_s)
        self._gone = why
        self._reopen_at = mono + self._reopen_s
        for slot in self._slots:
            slot.began = None

    def _failed(self, slot: _Slot, why: str, free_at: float, mono: float) -> None:
        slot.failures += 1
        slot.began = None
        slot.cost_s = free_at - mono
        if slot.failures == TOLD_AFTER:
            log.warning("%s does not answer: %s", slot.polled.device, why)
        poll_s = slot.polled.poll_s
        # The exponent is bounded: a device that stays dead for years must not overflow a float.
        wait = min(poll_s * 2.0 ** min(slot.failures - 1, 30), max(LONGEST_BACKOFF_S, poll_s))
        slot.due = slot.after(mono + wait - poll_s) if slot.board is None else mono + min(wait, PROBE_S)
        if slot.board is None:
            self._put(ReadingsTaken(slot.polled.device, None, why))
