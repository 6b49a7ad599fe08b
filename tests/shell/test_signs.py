"""Signs of life: given when the core took a tick and all that was read back, and by nothing else; and the heartbeat."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support import until
from systemd_end import Systemd
from villages import Bench, Radio

from edge.core.alarms import Past
from edge.core.events import Effect, Event, LinkChanged, OutputObserved, Tick, Write
from edge.core.values import Moment
from edge.shell.clock import ManualClock, SystemClock
from edge.shell.core_worker import CoreWorker
from edge.shell.effects import Effects
from edge.shell.heartbeat import EVERY_S, Heartbeat
from edge.shell.leases import LeaseKeeper, at_once
from edge.shell.notify import Notifier
from edge.shell.runner import Inbox, StepRunner, ThreadRunner
from edge.shell.signs import Signs
from edge.shell.store import StoreWorker

NAMES = ("light/road/a", "light/road/b")


class Core:
    """A core that has its outputs on, and may be told to fail, or to hang."""

    def __init__(self) -> None:
        self.fails: Callable[[Event], bool] = lambda _: False
        self.hangs, self.free = threading.Event(), threading.Event()
        self.hung = threading.Event()

    def start(self, _moment: Moment, _fallback: str | None = None, _past: Past | None = None) -> list[Effect]:
        return [Write(name, True) for name in NAMES]

    def handle(self, event: Event, _moment: Moment) -> list[Effect]:
        while self.hangs.is_set() and not self.free.is_set():
            self.hung.set()
        if self.fails(event):
            raise RuntimeError("on purpose")
        return []

    def wakeup(self) -> float:
        return float("inf")


class Line:
    """A line that notes what it is driven to, and may fail."""

    def __init__(self) -> None:
        self.levels: list[bool] = []
        self.broken: str | None = None
        self.unreadable = False

    def write(self, on: bool) -> None:
        if self.broken is not None:
            raise OSError(self.broken)
        self.levels.append(on)

    def read(self) -> bool | None:
        if self.unreadable:
            raise OSError("on purpose")
        return self.levels[-1] if self.levels else None

    def why(self) -> str | None:
        return self.broken


class Stand:
    """A core between its inbox and two lines, on a manual clock; `passed` has the times of its signs of life."""

    def __init__(self) -> None:
        self.clock = ManualClock(0.0, mono=100.0)
        self.core = Core()
        self.lines = {name: Line() for name in NAMES}
        self.passed: list[float] = []
        self.inbox: Inbox[Event] = Inbox()
        leases = LeaseKeeper(self.lines, self.clock.mono, self.inbox.put, None, at_once)
        effects = Effects(leases, StoreWorker(None, lambda _: None), Radio())
        self.worker = CoreWorker(
            self.core, effects, self.clock, self.inbox, 1.0, passed=lambda: self.passed.append(self.clock.mono())  # type: ignore[arg-type]
        )
        self.worker.start()
        self.runner = StepRunner([self.worker], self.clock)

    def signs_in(self, seconds: float) -> int:
        """How many signs of life there are while so much time passes."""
        before = len(self.passed)
        self.runner.advance(seconds)
        return len(self.passed) - before


@pytest.fixture
def stand() -> Stand:
    return Stand()


# --- what counts as a sign of life ---


def test_the_first_comes_with_the_first_tick_and_then_one_with_each_look(stand: Stand) -> None:
    assert stand.passed == []
    stand.runner.advance(3.0)
    assert stand.passed == [100, 101, 102, 103]


def test_events_between_two_looks_are_no_signs_of_life(stand: Stand) -> None:
    stand.runner.settle()
    for _ in range(5):
        stand.runner.advance(0.1)
        stand.inbox.put(LinkChanged(up=True))
    assert stand.passed == [100]


def test_a_core_whose_ticks_fail_gives_none_though_it_takes_all_else(stand: Stand) -> None:
    stand.runner.settle()
    stand.core.fails = lambda event: isinstance(event, Tick)
    assert stand.signs_in(30) == 0
    stand.core.fails = lambda _: False
    assert stand.signs_in(3) == 3


def test_a_core_that_cannot_take_what_one_output_shows_gives_none(stand: Stand) -> None:
    stand.runner.settle()
    stand.core.fails = lambda event: isinstance(event, OutputObserved) and event.output == NAMES[0]
    assert stand.signs_in(30) == 0
    stand.core.fails = lambda _: False
    assert stand.signs_in(3) == 3


def test_an_event_from_outside_that_fails_each_time_costs_no_sign_of_life(stand: Stand) -> None:
    stand.runner.settle()
    stand.core.fails = lambda event: isinstance(event, LinkChanged)
    for _ in range(5):
        stand.inbox.put(LinkChanged(up=True))
        assert stand.signs_in(1) == 1


def test_an_output_that_says_nothing_costs_none_and_a_read_back_that_fails_costs_them_all(stand: Stand) -> None:
    stand.runner.settle()
    stand.lines[NAMES[1]].levels.clear()
    assert stand.signs_in(3) == 3
    stand.lines[NAMES[1]].unreadable = True
    stand.core.fails = lambda event: isinstance(event, Tick)
    stand.clock.advance(1)
    with pytest.raises(OSError, match="on purpose"):
        stand.worker.step(stand.clock.now())
    stand.core.fails = lambda _: False
    stand.worker.step(stand.clock.now())  # tried again before the next look is due, as the runner does
    assert len(stand.passed) == 4
    stand.lines[NAMES[1]].unreadable = False
    assert stand.signs_in(3) >= 2


def test_a_device_that_fails_takes_no_village_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    b = Bench()
    signs: list[float] = []
    b.core._passed = lambda: signs.append(b.clock.mono())
    light = b.controller._lights["light/road"]

    def broken(*_: object) -> list[Effect]:
        raise ZeroDivisionError

    for what in ("step", "observe"):
        monkeypatch.setattr(light, what, broken)
    b.send("ON")
    b.advance(20)
    assert (b.alarm("core-failing:light:road") or {})["state"] == "raised"
    assert len(signs) >= 20


# --- the heartbeat ---


def test_the_heartbeat_is_claimed_low_and_changes_with_each_beat() -> None:
    line = Line()
    heartbeat = Heartbeat(line)
    assert line.levels == []
    for _ in range(5):
        heartbeat.beat()
    assert line.levels == [False, True, False, True, False]


@pytest.mark.parametrize("beats", [1, 2, 3])
def test_at_the_end_it_is_low_and_stays_so(beats: int) -> None:
    line = Line()
    heartbeat = Heartbeat(line)
    for _ in range(beats):
        heartbeat.beat()
    heartbeat.end()
    heartbeat.beat()
    assert line.levels[-1] is False
    assert len(line.levels) == beats + 1


def test_a_line_that_was_never_claimed_is_not_touched_at_the_end() -> None:
    line = Line()
    Heartbeat(line).end()
    assert line.levels == []


def test_a_line_that_fails_is_complained_of_once_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    line = Line()
    heartbeat = Heartbeat(line)
    heartbeat.beat()
    line.broken = "the line is held by another process"
    for _ in range(5):
        heartbeat.beat()
    assert heartbeat.failing == line.broken
    heartbeat.end()
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    heartbeat = Heartbeat(line)
    heartbeat.beat()
    line.broken = None
    heartbeat.beat()
    heartbeat.beat()
    assert line.levels == [False, False, True]
    assert heartbeat.failing is None
    assert caplog.records[-1].levelno == logging.WARNING


# --- both together ---


def test_systemd_hears_that_the_core_works_before_all_else_and_how_it_does(tmp_path: Path) -> None:
    clock, systemd, line = ManualClock(0.0), Systemd(str(tmp_path / "notify")), Line()
    status = ["broker away"]
    signs = Signs(Notifier(systemd.address, 20.0, clock.mono), Heartbeat(line), lambda: status[-1])
    signs.passed()
    assert systemd.heard() == ["READY=1", "WATCHDOG=1", "STATUS=broker away"]
    for text in ("broker away", "broker connected"):
        status.append(text)
        clock.advance(2.5)
        signs.passed()
    assert systemd.heard() == ["WATCHDOG=1", "STATUS=broker connected"]
    line.broken = "GPIO 11 is gone"
    signs.passed()
    assert systemd.heard() == ["STATUS=broker connected; the heartbeat cannot be driven: GPIO 11 is gone"]
    signs.stopping()
    signs.stopped()
    assert systemd.heard() == ["STOPPING=1"]
    assert len(line.levels) == 3
    systemd.close()


@contextmanager
def living(systemd: Systemd, line: Line) -> Iterator[Core]:
    """A core in a thread of its own, on the real clock."""
    clock, core = SystemClock(), Core()
    inbox: Inbox[Event] = Inbox()
    leases = LeaseKeeper({name: Line() for name in NAMES}, clock.mono, inbox.put)
    effects = Effects(leases, StoreWorker(None, lambda _: None), Radio())
    signs = Signs(Notifier(systemd.address, 0.2, clock.mono), Heartbeat(line), lambda: "")
    worker = CoreWorker(core, effects, clock, inbox, 0.1, passed=signs.passed)  # type: ignore[arg-type]
    worker.start()
    runner = ThreadRunner([worker], clock)
    runner.start()
    try:
        yield core
    finally:
        core.free.set()
        assert runner.stop() == []


@pytest.mark.slow
def test_a_core_that_hangs_gives_no_sign_of_life_until_it_goes_on(tmp_path: Path) -> None:
    systemd, line, told = Systemd(str(tmp_path / "notify")), Line(), 0

    def signs() -> int:
        nonlocal told
        told += systemd.heard().count("WATCHDOG=1")
        return told

    with living(systemd, line) as core:
        until(lambda: signs() > 2 and len(line.levels) > 2, 5, "signs of life")
        core.hangs.set()
        assert core.hung.wait(5)
        before = signs(), len(line.levels)
        with pytest.raises(AssertionError, match="in vain"):
            until(lambda: (signs(), len(line.levels)) != before, 2 * EVERY_S)
        core.free.set()
        until(lambda: signs() > before[0] and len(line.levels) > before[1], 5, "signs of life again")
    systemd.close()
