"""One device read a request at a time: rounds, faults in their midst, and the time a reading bears."""

from __future__ import annotations

import math

import pytest
from modbus_double import MemoryPort, Slaves, fixed

from drivers.api import PortGone
from drivers.modbus import Line
from drivers.modbus_reader import ModbusReader, Turn
from drivers.registers import load_model
from edge.shell.clock import ManualClock

MODEL = load_model("sdm120")
VALUES = {
    "voltage_v": 231.5,
    "current_a": 2.25,
    "power_w": 512.0,
    "power_factor": 0.5,
    "frequency_hz": 50.0,
    "energy_kwh": 1024.5,
    "export_kwh": 0.0,
    "total_kwh": 1024.5,
}


class Village:
    """A reader of one SDM120 at address 2 in virtual time."""

    def __init__(self) -> None:
        self.clock = ManualClock(wall=5000.0, mono=0.0)
        self.words = MODEL.encode(VALUES)
        self.slaves: Slaves = fixed({2: self.words})
        self.port = MemoryPort(self.clock, self.slaves)
        self.reader = ModbusReader("meter/x", Line(self.port, self.clock.mono, 9600), 2, MODEL)

    def turn(self) -> Turn:
        self.clock.advance(max(self.reader.ready_at() - self.clock.mono(), 0))
        return self.reader.ask(self.clock.now())

    def fail(self) -> Turn:
        self.slaves.odds = {"silent": 1.0}
        turn = self.turn()
        self.slaves.odds = {}
        return turn

    def asked(self) -> list[tuple[int, int]]:
        return [(int.from_bytes(a[2:4], "big"), int.from_bytes(a[4:6], "big")) for a in self.slaves.asked]


def test_a_reading_is_complete_and_bears_the_time_its_round_began() -> None:
    village = Village()
    began = max(village.reader.ready_at(), village.clock.mono())

    assert [village.turn().reading for _ in range(2)] == [None, None]
    reading = village.turn().reading

    assert reading is not None
    assert (reading.device, dict(reading.quantities), reading.quality) == ("meter/x", VALUES, "good")
    assert reading.at == 5000.0 + began
    assert village.asked() == [(0, 32), (0x46, 6), (0x156, 2)]


def test_after_a_fault_the_round_begins_anew_at_the_block_that_failed() -> None:
    village = Village()
    village.turn()
    failed = village.fail()
    assert failed.error is not None
    assert failed.error.startswith("no answer")
    assert failed.free_at == village.clock.mono() + 1.0
    resync = village.turn()
    assert (resync.error, resync.reading) == (None, None)
    began = village.clock.now()
    village.turn()
    village.turn()
    reading = village.turn().reading

    assert reading is not None
    assert dict(reading.quantities) == VALUES
    assert reading.at >= began.wall
    assert village.asked() == [(0, 32), (0x46, 6), (0, 2), (0x46, 6), (0x156, 2), (0, 32)]


@pytest.mark.parametrize("value", [math.nan, math.inf, 70.1, -1.0])
def test_a_figure_that_cannot_be_is_absent_from_the_reading(value: float) -> None:
    village = Village()
    village.words |= MODEL.encode({"frequency_hz": value})
    readings = [r for r in (village.turn().reading for _ in range(6)) if r is not None]

    assert [dict(r.quantities) for r in readings] == [{n: v for n, v in VALUES.items() if n != "frequency_hz"}] * 2


def test_where_most_figures_cannot_be_nothing_is_believed() -> None:
    village = Village()
    village.words |= MODEL.encode(dict.fromkeys(list(VALUES)[:5], 1e30))
    turns = [village.turn() for _ in range(6)]

    assert [t.reading for t in turns] == [None] * 6
    assert turns[2].error is not None
    assert turns[2].error.startswith("voltage_v, current_a, power_w, power_factor, frequency_hz: these cannot be")
    village.words |= MODEL.encode(VALUES)
    assert [village.turn().reading is not None for _ in range(3)] == [False, False, True]


def test_a_port_that_is_gone_is_told_apart() -> None:
    village = Village()

    def gone(request: bytes, deadline: float) -> bytes:
        raise PortGone("unplugged")

    village.port.exchange = gone  # type: ignore[method-assign]
    turn = village.turn()
    assert (turn.gone, turn.error) == (True, "unplugged")


@pytest.mark.parametrize("address", [0, 248])
def test_an_address_no_device_can_have_is_refused_at_once(address: int) -> None:
    village = Village()
    with pytest.raises(ValueError, match="cannot ask device"):
        ModbusReader("meter/x", Line(village.port, village.clock.mono, 9600), address, MODEL)
