"""How exchanges on the ports are counted and told: against what the devices on the line really did."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest
from modbus_double import MemoryPort, fixed

from drivers.api import DriverError, PortGone
from drivers.modbus import Line, read_request
from edge.core import topics
from edge.shell.bus_figures import FAULTS, BusFigures
from edge.shell.clock import ManualClock

NAMES = {3: "meter/cabinet-1", 7: "sensor/air-1"}


@dataclass(frozen=True)
class Manners:
    timeout_s: float = 0.4
    worst_latency_s: float = 1.0
    turnaround_s: float = 0.0


class Rig:
    """Slaves 3 and 7 on one line in virtual time, whose exchanges are counted; nobody has the address 9."""

    def __init__(self) -> None:
        self.clock = ManualClock(wall=1795258800.0, mono=500.0)
        self.slaves = fixed({3: {}, 7: {}})
        self.slaves.rng = random.Random(11)
        self.port = MemoryPort(self.clock, self.slaves)
        self.figures = BusFigures(self.clock)
        note = self.figures.of("rs485-1", NAMES, self.clock.mono)
        self.line = Line(self.port, self.clock.mono, 9600, forget_s=5.0, note=note)

    def ask(self, slave: int) -> str:
        """One exchange; the error's class, or "good"."""
        candidates = [read_request(slave, 4, 0, count) for count in range(1, 9)]
        at, request = self.line.next_question(candidates, Manners())
        self.clock.advance(max(at - self.clock.mono(), 0))
        try:
            self.line.ask(request, Manners())
        except DriverError as error:
            return error.fault
        return "good"

    def told(self) -> dict[str, Any]:
        """The answer as it goes out, with its one port's devices by name."""
        said = json.loads(topics.encode(self.figures.answer()))
        (port,) = said["ports"]
        return said | {"port": port, "devices": {device["device"]: device for device in port["devices"]}}


def counts(device: dict[str, Any]) -> Counter[str]:
    return Counter({name: device[name] for name in ("good", *FAULTS) if device[name]})


def test_each_exchange_is_counted_once_under_what_became_of_it() -> None:
    on = Rig()
    on.slaves.odds = {"silent": 0.1, "corrupt": 0.1, "cut": 0.1, "wrong id": 0.1}
    seen = {slave: Counter(on.ask(slave) for _ in range(300)) for slave in NAMES}
    devices = on.told()["devices"]
    for slave, name in NAMES.items():
        assert counts(devices[name]) == seen[slave]
        assert devices[name]["exchanges"] == 300
        assert set(seen[slave]) == {"good", *FAULTS}  # or the line would not have tried them all
        assert devices[name]["address"] == slave


def test_a_wrong_checksum_is_told_from_silence_and_from_what_else_is_wrong() -> None:
    for kind, fault in {"silent": "no_answer", "corrupt": "checksum", "wrong id": "other"}.items():
        on = Rig()
        on.slaves.odds = {kind: 1.0}
        if kind == "corrupt":  # in its data, so that nothing else of the frame is wrong
            on.slaves._spoil = lambda _kind, frame: frame[:3] + bytes((frame[3] ^ 0x10,)) + frame[4:]  # type: ignore[method-assign]
        on.ask(3)
        assert counts(on.told()["devices"]["meter/cabinet-1"]) == Counter({fault: 1}), kind


def test_how_long_answers_take_is_of_those_that_came() -> None:
    on = Rig()
    on.ask(3)
    first = on.told()["devices"]["meter/cabinet-1"]
    assert 8 <= first["mean_ms"] == first["slowest_ms"] <= 16  # the slaves take 0.02 or 0.04 of their unit, 0.4 s
    on.slaves.unit_s = 4.0
    on.ask(3)
    second = on.told()["devices"]["meter/cabinet-1"]
    assert 80 <= second["slowest_ms"] <= 160
    assert second["mean_ms"] == pytest.approx((first["slowest_ms"] + second["slowest_ms"]) / 2, abs=0.11)
    on.slaves.odds = {"silent": 1.0}
    on.ask(3)
    third = on.told()["devices"]["meter/cabinet-1"]
    assert (third["mean_ms"], third["slowest_ms"]) == (second["mean_ms"], second["slowest_ms"])
    nothing = on.told()["devices"]["sensor/air-1"]
    assert (nothing["exchanges"], nothing["mean_ms"], nothing["slowest_ms"]) == (0, None, None)


def test_the_last_full_hour_stands_beside_the_whole_time() -> None:
    on = Rig()
    said = on.told()
    assert (said["since"], said["hour"], said["devices"]["meter/cabinet-1"]["hour"]) == ("2026-11-21T11:00:00.000Z", None, None)
    for _ in range(5):
        on.ask(3)
    on.clock.advance(3600.0)
    on.ask(3)
    said = on.told()
    assert said["hour"] == {"from": "2026-11-21T11:00:00.000Z", "to": "2026-11-21T12:00:00.000Z"}
    meter, sensor = said["devices"]["meter/cabinet-1"], said["devices"]["sensor/air-1"]
    assert (meter["exchanges"], meter["hour"]["exchanges"], meter["hour"]["good"]) == (6, 5, 5)
    assert (sensor["hour"]["exchanges"], sensor["hour"]["mean_ms"]) == (0, None)
    on.clock.advance(3600.0)  # nobody is asked: what is told follows the clock all the same
    assert on.told()["devices"]["meter/cabinet-1"]["hour"]["exchanges"] == 1
    on.clock.advance(7200.0)
    assert on.told()["devices"]["meter/cabinet-1"]["hour"]["exchanges"] == 0
    on.ask(3)
    assert on.told()["devices"]["meter/cabinet-1"]["hour"]["exchanges"] == 0


def test_a_set_clock_moves_the_times_and_no_count() -> None:
    on = Rig()
    on.ask(3)
    on.clock.advance(3600.0)
    on.clock.set_wall(on.clock.now().wall + 86400.0)
    said = on.told()
    assert (said["since"], said["hour"]["to"]) == ("2026-11-22T11:00:00.000Z", "2026-11-22T12:00:00.000Z")
    assert said["devices"]["meter/cabinet-1"]["hour"]["exchanges"] == 1


def test_a_port_that_is_not_there_says_so_and_has_no_exchanges(monkeypatch: pytest.MonkeyPatch) -> None:
    on = Rig()
    on.ask(3)
    assert on.told()["port"]["gone"] is False

    def unplugged(request: bytes, deadline: float) -> bytes:
        raise PortGone("/dev/ttyUSB0 is gone")

    with monkeypatch.context() as patch:
        patch.setattr(on.port, "exchange", unplugged)
        assert [on.ask(3), on.ask(7)] == ["gone", "gone"]
    said = on.told()
    assert (said["port"]["port"], said["port"]["gone"]) == ("rs485-1", True)
    assert [said["devices"][name]["exchanges"] for name in NAMES.values()] == [1, 0]
    on.ask(7)
    assert on.told()["port"]["gone"] is False


def test_what_another_thread_is_told_is_whole() -> None:
    clock = ManualClock(wall=1795258800.0, mono=0.0)
    figures = BusFigures(clock)
    note = figures.of("rs485-1", NAMES, clock.mono)
    over = threading.Event()

    def count() -> None:
        for n in range(20000):
            note(3, ("good", *FAULTS)[n % 4], 0.01)
        over.set()

    counting = threading.Thread(target=count)
    counting.start()
    looks = 0
    while not over.is_set():
        (port,) = figures.answer()["ports"]  # type: ignore[misc]
        device = port["devices"][0]
        by_turns = [device[name] for name in ("good", *FAULTS)]
        assert by_turns == sorted(by_turns, reverse=True)
        assert by_turns[0] - by_turns[-1] <= 1
        looks += 1
    counting.join()
    assert (looks > 0, note(3, "good", 0.01)) == (True, None)
