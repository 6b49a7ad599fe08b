"""Leases in real time: cores and drivers that hang, in threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from support import until
from villages import Radio

from edge.core.alarms import Past
from edge.core.events import Effect, Event, LeasesExpired, OutputObserved, Write
from edge.core.values import Moment
from edge.shell.clock import SystemClock
from edge.shell.core_worker import CoreWorker
from edge.shell.effects import Effects
from edge.shell.leases import AGAIN_S, LeaseKeeper
from edge.shell.runner import Inbox, ThreadRunner
from edge.shell.store import StoreWorker

PUMP, VALVE, OTHER, FAN, LIGHT = "pump/p", "valve/v", "valve/w", "switch/fan", "light/road/a"
NAMES = (OTHER, VALVE, PUMP, FAN, LIGHT)
DRIVEN = (PUMP, VALVE, FAN)
FED_BY = {VALVE: PUMP, OTHER: PUMP}
LEASE_S = 15.0


class Core:
    """A core that renews its outputs each 0.1 s, until it is told to hang in an endless loop."""

    def __init__(self) -> None:
        self.hang = threading.Event()
        self.free = threading.Event()
        self.heard: list[Event] = []
        self.next = 0.0
        self.renews = True

    def start(self, moment: Moment, _fallback: str | None = None, _past: Past | None = None) -> list[Effect]:
        return self.handle(None, moment)

    def stop(self, _moment: Moment) -> list[Effect]:
        return []

    def handle(self, event: Event | None, moment: Moment) -> list[Effect]:
        while self.hang.is_set() and not self.free.is_set():
            pass
        if isinstance(event, LeasesExpired | OutputObserved):
            self.heard.append(event)
        if moment.mono < self.next or not self.renews:
            return []
        self.next = moment.mono + 0.1
        return [Write(name, True, lease_s=0.5) for name in (VALVE, PUMP, FAN)] + [Write(LIGHT, True)]

    def wakeup(self) -> float:
        return self.next


class Stop:
    """A line that may hang when it is written to."""

    def __init__(self) -> None:
        self.on: bool | None = None
        self.go = threading.Event()
        self.go.set()

    def write(self, on: bool) -> None:
        assert self.go.wait(20)
        self.on = on

    def read(self) -> bool | None:
        return self.on

    def why(self) -> str | None:
        return None


@contextmanager
def running(core: Core, lines: dict[str, Stop]) -> Iterator[CoreWorker]:
    clock = SystemClock()
    inbox: Inbox[Event] = Inbox()
    keeper = LeaseKeeper(lines, clock.mono, inbox.put, FED_BY)
    effects = Effects(keeper, StoreWorker(None, lambda _: None), Radio())
    worker = CoreWorker(core, effects, clock, inbox)  # type: ignore[arg-type]
    worker.start()
    runner = ThreadRunner([worker, keeper], clock)
    runner.start()
    try:
        yield worker
    finally:
        core.free.set()
        for line in lines.values():
            line.go.set()
        assert runner.stop() == []


@pytest.mark.slow
def test_a_core_that_hangs_in_a_loop_leaves_its_outputs_off_when_their_leases_end() -> None:
    core, lines = Core(), {name: Stop() for name in NAMES}
    with running(core, lines):
        until(lambda: lines[PUMP].on, 5, "the pump")
        core.hang.set()
        until(lambda: not (lines[PUMP].on or lines[VALVE].on or lines[FAN].on), 1.5, "all of them to be off")
        assert lines[LIGHT].on is True
        core.renews = False
        core.free.set()
        until(lambda: any(isinstance(e, LeasesExpired) for e in core.heard), 5, "the core to hear of it")
        until(lambda: OutputObserved(PUMP, False) in core.heard, 5, "the core to see the pump off")


@pytest.mark.slow
@pytest.mark.parametrize("stuck", [PUMP, VALVE])
def test_a_driver_that_hangs_keeps_no_other_output_on(stuck: str) -> None:
    core, lines = Core(), {name: Stop() for name in NAMES}
    with running(core, lines):
        until(lambda: lines[FAN].on, 5, "the fan")
        core.renews = False
        lines[stuck].go.clear()
        others = [lines[name] for name in (PUMP, VALVE, FAN) if name != stuck]
        until(lambda: not any(line.on for line in others), 0.5 + 2, "the others to be off")
        assert lines[stuck].on
        lines[stuck].go.set()
        until(lambda: not lines[stuck].on, AGAIN_S + 1, "the last")


@pytest.mark.slow
def test_renewals_from_one_thread_and_ends_from_another_never_leave_one_on() -> None:
    """The lease is as long as the pause between renewals, so the two race each time."""
    clock, lines = SystemClock(), {name: Stop() for name in (VALVE, FAN)}
    told: list[Event] = []
    keeper = LeaseKeeper(lines, clock.mono, told.append)
    runner = ThreadRunner([keeper], clock)
    runner.start()
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(0.002):
            for name in lines:
                keeper.read(name)
                keeper.write(name, True, 0.002)

    thread = threading.Thread(target=renew)
    thread.start()
    until(lambda: len(told) > 100, 20, "a hundred leases to end")
    ended.set()
    thread.join(5)
    until(lambda: not any(line.on for line in lines.values()), 2, "all of them to be off")
    assert runner.stop() == []
