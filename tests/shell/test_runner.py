"""The two runners over the same workers, and the two clocks."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from support import until

from edge.core.values import Deadline, Moment
from edge.shell.clock import ManualClock, SystemClock
from edge.shell.runner import Inbox, StepRunner, ThreadRunner


class Echo:
    """Notes when it was stepped and what it took; wants to be called every `every` seconds."""

    def __init__(self, name: str, every: float | None) -> None:
        self.name = name
        self.inbox: Inbox[str] = Inbox()
        self.steps: list[float] = []
        self.taken: list[str] = []
        self.fail = 0
        self._every = every

    def on_wake(self, wake: Callable[[], None]) -> None:
        self.inbox.wake = wake

    def step(self, moment: Moment) -> float | None:
        self.steps.append(moment.mono)
        if self.fail:
            self.fail -= 1
            raise RuntimeError("on purpose")
        while (item := self.inbox.take()) is not None:
            self.taken.append(item)
        return None if self._every is None else moment.mono + self._every


def test_virtual_time_jumps_from_wake_up_to_wake_up_and_stops_where_told() -> None:
    clock = ManualClock(0.0, mono=100.0)
    fast, slow = Echo("fast", 2.0), Echo("slow", 5.0)
    StepRunner([fast, slow], clock).advance(10)
    assert fast.steps == [100, 102, 104, 106, 108, 110]
    assert slow.steps == [100, 105, 110]
    assert clock.mono() == 110
    assert clock.now().wall == 10


def test_what_is_put_wakes_the_worker_at_the_same_virtual_time() -> None:
    clock = ManualClock(0.0)
    worker = Echo("w", None)
    runner = StepRunner([worker], clock)
    runner.settle()
    worker.inbox.put("a")
    worker.inbox.put("b")
    runner.settle()
    assert worker.taken == ["a", "b"]
    assert len(worker.steps) == 2


def test_a_clock_that_is_set_is_looked_at_by_everybody() -> None:
    clock = ManualClock(0.0)
    worker = Echo("w", None)
    runner = StepRunner([worker], clock)
    runner.settle()
    runner.set_wall(1e9)
    assert len(worker.steps) == 2
    assert clock.now().wall == 1e9
    assert clock.mono() == 1000.0


def test_a_thread_wakes_for_its_inbox_long_before_its_time() -> None:
    worker = Echo("w", 3600.0)
    runner = ThreadRunner([worker], SystemClock())
    runner.start()
    until(lambda: worker.steps, 2, "the first step")
    worker.inbox.put("now")
    until(lambda: worker.taken == ["now"], 0.5, "the item to be taken")
    assert runner.stop() == []


@pytest.mark.slow
def test_a_thread_survives_a_step_that_fails_and_looks_at_the_clock_every_second() -> None:
    worker, other = Echo("w", None), Echo("other", None)
    worker.fail = 1
    runner = ThreadRunner([worker, other], SystemClock())
    runner.start()
    until(lambda: len(worker.steps) >= 3 and len(other.steps) >= 3, 4, "steps after the failure")
    gaps = [b - a for a, b in zip(other.steps, other.steps[1:], strict=False)]
    assert max(gaps) < 1.5
    assert runner.stop() == []


def test_a_worker_that_hangs_is_named_at_the_stop() -> None:
    held = threading.Event()
    worker = Echo("stuck", None)
    worker.step = lambda _moment: held.wait(10) and None  # type: ignore[method-assign]
    runner = ThreadRunner([worker], SystemClock())
    runner.start()
    assert runner.stop(timeout_s=0.2) == ["stuck"]
    held.set()


@pytest.mark.parametrize("clock", [SystemClock(), ManualClock(1e9)])
def test_clocks_agree_with_themselves(clock: SystemClock | ManualClock) -> None:
    first, second = clock.now(), clock.now()
    assert second.mono >= first.mono
    assert second.boot == first.boot
    assert clock.mono() >= second.mono


def test_time_does_not_run_backwards() -> None:
    with pytest.raises(ValueError, match="set_wall"):
        ManualClock(0.0).advance(-1)


def test_a_deadline_follows_the_monotonic_clock_of_its_boot_and_else_the_wall() -> None:
    then = Moment(1000.0, 10.0, "b1", True)
    lasting = Deadline(1060.0, 70.0, "b1")
    jumped = Moment(9000.0, 69.0, "b1", True)
    assert not lasting.passed(jumped)
    assert lasting.passed(Moment(0.0, 70.0, "b1", True))
    assert lasting.passed(Moment(1060.0, 1.0, "b2", True))
    assert lasting.on_wall(then) == 1060.0
    assert lasting.on_wall(jumped) == 9001.0
    assert lasting.on_mono(Moment(1000.0, 5.0, "b2", True)) == 65.0
    assert Deadline(1060.0).passed(jumped)


def test_one_thread_may_end_before_the_others() -> None:
    first, last = Echo("first", 0.01), Echo("last", 0.01)
    runner = ThreadRunner([first, last], SystemClock())
    runner.start()
    until(lambda: first.steps and last.steps, 5, "both")
    assert runner.stop(only=["first"]) == []
    steps = len(first.steps)
    seen = len(last.steps)
    until(lambda: len(last.steps) > seen + 3, 5, "the other to go on")
    assert len(first.steps) == steps
    assert runner.stop() == []
