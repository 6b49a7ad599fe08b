"""A worker per serial port: whose turn it is, and what faults may cost."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

import pytest
from board_bus import Said, Wire, Worked
from support import until

from edge.core.events import Event, ReadingsTaken
from edge.core.values import Moment, Reading
from edge.shell.bus import BusWorker, Polled
from edge.shell.clock import ManualClock, SystemClock
from edge.shell.runner import StepRunner, ThreadRunner


@dataclass
class Device:
    """A device of `blocks` exchanges a reading."""

    name: str
    wire: Wire
    blocks: int = 1
    alive: bool = True
    rests_until: float = 0.0
    done: int = 0

    def ready_at(self) -> float:
        return max(self.wire.quiet_until, self.rests_until)

    def ask(self, moment: Moment) -> Said:
        assert moment.mono >= self.ready_at()
        wire = self.wire
        error = wire.ask(self.name, self.alive)
        if error is not None:
            if wire.plugged:
                self.done = 0
            return Said(wire.quiet_until, error=error, gone=not wire.plugged)
        self.done += 1
        whole = self.done % self.blocks == 0
        return Said(wire.quiet_until, reading=Reading(self.name, {"power_w": 1.0}, moment.wall) if whole else None)


class Bus(Worked):
    """A worker over scripted devices."""

    def __init__(self, devices: int = 3, poll_s: float = 10.0, blocks: int = 1, **wire: float) -> None:
        super().__init__(**wire)
        self.devices = [Device(f"meter/{i}", self.wire, blocks) for i in range(devices)]
        self.events: list[tuple[float, ReadingsTaken]] = []
        self.worker = BusWorker("bus", [Polled(d.name, d, poll_s) for d in self.devices], self.put)

    def put(self, event: Event) -> None:
        assert isinstance(event, ReadingsTaken)
        self.events.append((self.clock.mono() - 1000.0, event))

    def take(self) -> list[tuple[float, ReadingsTaken]]:
        events, self.events = self.events, []
        self.wire.log.clear()
        return events

    def times(self, name: str) -> list[float]:
        return [t for t, e in self.events if e.device == name and e.reading is not None]


def test_every_device_is_read_at_once_and_then_on_its_own_grid() -> None:
    bus = Bus(devices=2)
    StepRunner([bus.worker], bus.clock).advance(30)

    assert bus.times("meter/0") == [0, 10, 20, 30]
    assert bus.times("meter/1") == [0, 5, 15, 25]
    assert all(e.error is None for _, e in bus.events)
    assert bus.events[0][1] == ReadingsTaken("meter/0", Reading("meter/0", {"power_w": 1.0}, 0.0), None)


def test_a_round_is_finished_before_another_begins_one_exchange_a_step() -> None:
    bus = Bus(devices=2, blocks=3)
    for n in range(1, 7):
        assert bus.worker.step(bus.clock.now()) == 1000.0
        assert len(bus.wire.log) == n
    assert [name for _, name in bus.wire.log] == ["meter/0"] * 3 + ["meter/1"] * 3
    assert len(bus.events) == 2


def test_the_worker_waits_for_a_quiet_line_by_its_wake_up() -> None:
    bus = Bus(devices=1)
    bus.wire.quiet_until = 1000.75
    assert bus.worker.step(bus.clock.now()) == 1000.75
    assert bus.wire.log == []


def test_a_port_without_devices_never_wakes() -> None:
    assert BusWorker("bus", [], lambda _event: None).step(ManualClock(wall=0.0).now()) is None


def test_a_crowded_line_serves_all_alike_without_a_pause() -> None:
    bus = Bus(devices=5, poll_s=0.2, takes_s=0.1)
    bus.run(60)
    counts = Counter(e.device for _, e in bus.events)
    assert sum(counts.values()) == pytest.approx(600, abs=2)
    assert max(counts.values()) - min(counts.values()) <= 1


def test_a_dead_device_is_probed_ever_more_rarely_and_says_so_each_time() -> None:
    bus = Bus(devices=2)
    bus.devices[1].alive = False
    StepRunner([bus.worker], bus.clock).advance(400)
    failures = [(t, e) for t, e in bus.events if e.device == "meter/1"]

    # 0 + 1 s of quiet + 5 s of rest, then 2, 4, 6, 6 ... slots of its grid on.
    assert [t for t, _ in failures] == [0, 6, 25, 65, 125, 185, 245, 305, 365]
    assert all((e.reading, e.error) == (None, "no answer") for _, e in failures)
    assert len(bus.times("meter/0")) == 41


def test_a_dead_device_is_back_with_its_first_answer() -> None:
    bus = Bus(devices=2)
    bus.devices[1].alive = False
    runner = StepRunner([bus.worker], bus.clock)
    runner.advance(400)
    bus.take()
    bus.devices[1].alive = True
    runner.advance(100)

    times = bus.times("meter/1")
    assert times[0] - 400 <= 60
    assert [b - a for a, b in pairwise(times)] == [10.0] * (len(times) - 1)


@pytest.mark.parametrize("dead", [1, 4])
@pytest.mark.parametrize("poll_s", [0.2, 1.0, 3.0])
def test_dead_devices_together_cost_the_others_a_fifth_at_most(poll_s: float, dead: int) -> None:
    def rate(dead: int) -> float:
        bus = Bus(devices=12, poll_s=poll_s, takes_s=0.1, timeout_s=0.5)
        for device in bus.devices[:dead]:
            device.alive = False
        bus.run(600)
        worst = min(len(bus.times(d.name)) for d in bus.devices[dead:])
        return worst / 600

    assert rate(dead) >= rate(0) / 1.2


def test_a_device_that_must_rest_does_not_hold_the_others_up() -> None:
    bus = Bus(devices=2)
    bus.devices[0].rests_until = 1070.0
    runner = StepRunner([bus.worker], bus.clock)
    runner.advance(60)
    assert bus.times("meter/1") == [0, 5, 15, 25, 35, 45, 55]
    assert bus.times("meter/0") == []
    runner.advance(20)
    assert bus.times("meter/0") == [70, 80]


def test_a_device_that_wants_a_pause_gets_it_on_a_crowded_line() -> None:
    bus = Bus(devices=3, poll_s=0.2, takes_s=0.1)

    class Slow(Device):
        def ready_at(self) -> float:
            last = self.wire.log[-1][0] + 0.1 if self.wire.log else 0.0
            return last + 0.05

    slow = Slow("meter/slow", bus.wire)
    bus.worker = BusWorker("bus", [Polled(d.name, d, 0.2) for d in (*bus.devices, slow)], bus.put)
    bus.run(45)
    counts = Counter(e.device for _, e in bus.events)
    assert min(counts.values()) >= 99
    assert max(counts.values()) - min(counts.values()) <= 1


def test_a_port_that_is_gone_is_tried_every_two_seconds_and_used_once_it_is_back() -> None:
    bus = Bus(devices=3)
    runner = StepRunner([bus.worker], bus.clock)
    runner.advance(1)
    bus.take()
    bus.wire.plugged = False
    runner.advance(60)
    tries = [t for t, _ in bus.wire.log]
    failures = Counter(e.device for _, e in bus.events)

    assert [b - a for a, b in pairwise(tries)] == pytest.approx([2.0] * (len(tries) - 1), abs=1e-6)
    assert len(tries) >= 28
    assert all(e.error == "unplugged" for _, e in bus.events)
    assert {failures[d.name] for d in bus.devices} == {6}

    bus.take()
    bus.wire.plugged = True
    runner.advance(5)
    assert bus.times(bus.events[0][1].device)[0] - 61 <= 2
    bus.take()
    runner.advance(10)
    assert Counter(e.device for _, e in bus.events) == {d.name: 1 for d in bus.devices}


def test_a_port_that_is_gone_ends_the_round_it_was_in() -> None:
    bus = Bus(devices=2, blocks=2)
    bus.worker.step(bus.clock.now())
    bus.wire.plugged = False
    bus.worker.step(bus.clock.now())
    bus.wire.plugged = True
    bus.clock.advance(2.0)
    StepRunner([bus.worker], bus.clock).advance(30)
    assert {e.error for t, e in bus.events if t > 2} == {None}
    assert len(bus.times("meter/1")) >= 3


def test_ports_know_nothing_of_each_others_faults() -> None:
    dead, whole = Bus(devices=2), Bus(devices=2)
    whole.clock = dead.clock
    whole.worker.name = "other"
    dead.wire.plugged = False
    StepRunner([dead.worker, whole.worker], dead.clock).advance(60)

    assert {e.error for _, e in dead.events} == {"unplugged"}
    assert {e.error for _, e in whole.events} == {None}
    assert (whole.times("meter/0"), whole.times("meter/1")) == ([0, 10, 20, 30, 40, 50, 60], [0, 5, 15, 25, 35, 45, 55])


def test_a_port_that_hangs_keeps_no_other_waiting() -> None:
    hangs, asked = threading.Event(), threading.Event()
    heard: list[Event] = []

    class Stuck(Device):
        def ask(self, moment: Moment) -> Said:
            asked.set()
            hangs.wait(30)
            return Said(0.0, error="no answer")

    clock = SystemClock()
    wires = [Wire(ManualClock(wall=0.0)) for _ in range(2)]
    stuck = BusWorker("bus-stuck", [Polled("meter/1", Stuck("meter/1", wires[0]), 0.01)], heard.append)
    quick = BusWorker("bus-quick", [Polled("meter/2", Device("meter/2", wires[1]), 0.01)], heard.append)
    runner = ThreadRunner([stuck, quick], clock)
    runner.start()
    try:
        until(lambda: asked.is_set() and len(heard) >= 20, 10, "twenty readings beside a port that hangs")
        assert {e.device for e in heard if isinstance(e, ReadingsTaken)} == {"meter/2"}
    finally:
        hangs.set()
        assert runner.stop() == []
