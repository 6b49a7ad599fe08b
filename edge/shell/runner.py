"""Workers, and the two ways to run them: a thread each, or all in one thread on a manual clock."""

from __future__ import annotations

import logging
import math
import threading
from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import Generic, Protocol, TypeVar

from edge.core.values import Moment
from edge.shell.clock import Clock, ManualClock

log = logging.getLogger(__name__)
T = TypeVar("T")
LONGEST_WAIT_S = 1.0  # a wall clock that was set is noticed within this time
AFTER_A_CRASH_S = 1.0


class Inbox(Generic[T]):
    """What waits for a worker. Any thread may put; only the worker takes. First in, first out."""

    def __init__(self) -> None:
        self._items: deque[T] = deque()
        self.wake: Callable[[], None] = lambda: None

    def put(self, item: T) -> None:
        """Leave `item` for the worker and wake it."""
        self._items.append(item)
        self.wake()

    def take(self) -> T | None:
        """The oldest item, or None."""
        try:
            return self._items.popleft()
        except IndexError:
            return None

    def __len__(self) -> int:
        return len(self._items)


class Worker(Protocol):
    """A part of the shell that lives in time.

    `step` does what is due, takes what is in its inbox, and returns the monotonic time at which it wants to be called
    next even if nothing arrives (None: only when something arrives). It never sleeps.
    """

    name: str

    def step(self, moment: Moment) -> float | None:
        """Do what is due at `moment`."""

    def on_wake(self, wake: Callable[[], None]) -> None:
        """Have `wake` called whenever something is put into one of the worker's inboxes."""


class ThreadRunner:
    """Gives each worker a thread, and the real clock."""

    def __init__(self, workers: Sequence[Worker], clock: Clock) -> None:
        self._clock = clock
        self._stopping: set[str] = set()
        self._wakes = {w.name: threading.Event() for w in workers}
        self._threads = {
            w.name: threading.Thread(target=self._live, args=(w,), name=w.name, daemon=True) for w in workers
        }
        for worker in workers:
            worker.on_wake(self._wakes[worker.name].set)

    def start(self) -> None:
        """Start every thread."""
        for thread in self._threads.values():
            thread.start()

    def stop(self, timeout_s: float = 5.0, only: Collection[str] | None = None) -> list[str]:
        """Ask every worker's thread, or those of the workers named in `only`, to end after its step; the names of those
        that did not within `timeout_s`."""
        threads = {name: thread for name, thread in self._threads.items() if only is None or name in only}
        self._stopping |= threads.keys()
        for name in threads:
            self._wakes[name].set()
        for thread in threads.values():
            thread.join(timeout_s)
        return [name for name, thread in threads.items() if thread.is_alive()]

    def _live(self, worker: Worker) -> None:
        wake = self._wakes[worker.name]
        while worker.name not in self._stopping:
            wake.clear()
            try:
                again = worker.step(self._clock.now())
            except Exception:  # a worker that dies silently is worse than one that is tried again
                log.exception("worker %s failed; it is tried again in %s s", worker.name, AFTER_A_CRASH_S)
                again = self._clock.mono() + AFTER_A_CRASH_S
            wait = LONGEST_WAIT_S if again is None else min(again - self._clock.mono(), LONGEST_WAIT_S)
            if wait > 0:
                wake.wait(wait)


class StepRunner:
    """Runs the same workers in the caller's thread on a manual clock that jumps to the next wake-up."""

    def __init__(self, workers: Sequence[Worker], clock: ManualClock) -> None:
        self._workers = list(workers)
        self._clock = clock
        self._next: dict[str, float] = {w.name: clock.mono() for w in workers}
        self._woken: set[str] = set()
        for worker in workers:
            worker.on_wake(lambda name=worker.name: self._woken.add(name))  # type: ignore[misc]

    def settle(self) -> None:
        """Step until nobody has anything to do at the present time."""
        upcoming, woken = self._next, self._woken
        while True:
            mono = self._clock.mono()
            due = [w for w in self._workers if upcoming[w.name] <= mono or w.name in woken]
            if not due:
                return
            for worker in due:
                woken.discard(worker.name)
                again = worker.step(self._clock.now())
                upcoming[worker.name] = math.inf if again is None else again

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass, stopping at every wake-up on the way."""
        end = self._clock.mono() + seconds
        self.settle()
        while True:
            upcoming = min(self._next.values(), default=end)
            if upcoming >= end:
                break
            self._clock.advance(max(upcoming - self._clock.mono(), 0.0))
            self.settle()
        self._clock.advance(end - self._clock.mono())
        self.settle()

    def set_wall(self, wall: float) -> None:
        """Set the wall clock, and let everybody look at it."""
        self._clock.set_wall(wall)
        self._woken.update(w.name for w in self._workers)
        self.settle()
