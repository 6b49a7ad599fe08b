"""A line whose slaves answer late, cut, corrupted and for each other: no wrong value may come out of it."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from modbus_double import TICK_BITS, MemoryPort, PtySlaves, Slaves, marks, model, scripted
from support import until

from drivers.modbus import Line, Manners
from drivers.modbus_reader import ModbusReader
from drivers.registers import Model
from drivers.serial_port import SerialPort
from edge.core.values import Reading
from edge.shell.clock import Clock, ManualClock, SystemClock

ODDS = {"late": 0.1, "cut": 0.1, "corrupt": 0.1, "wrong id": 0.03, "noise": 0.03, "glued": 0.03, "silent": 0.03}
# Blocks of one length each, of several lengths, and one question only: the hard cases for staying in step.
MODELS = {
    1: model([0, 2, 10, 12, 20, 22]),
    2: model([0, 2, 4, 6, 30, 32, 60]),
    3: model([8]),
    4: model([0, 2, 4, 20, 22, 24]),
}


class NeverInStep(Line):
    """The line without its resynchronising question: quiet time and flushing alone."""

    def next_question(self, candidates: Sequence[bytes], manners: Manners) -> tuple[float, bytes]:
        self._unanswered.clear()
        return self.quiet_until, candidates[0]


@dataclass
class Tally:
    readings: int = 0
    values: int = 0
    faults: int = 0
    wrong: list[str] = field(default_factory=list)

    def judge(self, address: int, reading: Reading, slaves: Slaves, now: float, offset: float) -> None:
        """A value must be of its slave and register, and taken since the reading's round began."""
        self.readings += 1
        earliest = int((reading.at - offset) / slaves.tick_s) - 1
        latest = int(now / slaves.tick_s) + 1
        for name, value in reading.quantities.items():
            self.values += 1
            slave, register, tick = marks(value)
            age = (tick - earliest) % (1 << TICK_BITS)
            if (slave, f"at_{register}") != (address, name) or age > latest - earliest:
                self.wrong.append(f"{address} {name}: {slave} at_{register} of tick {tick}, not {earliest}..{latest}")


def readers(line: Line, models: dict[int, Model]) -> dict[int, ModbusReader]:
    return {address: ModbusReader(f"meter/{address}", line, address, m) for address, m in models.items()}


def run_in_memory(
    line_type: type[Line], transactions: int, seed: int, odds: Mapping[str, float] = ODDS
) -> tuple[Tally, Slaves]:
    clock = ManualClock(wall=1_000_000.0, mono=0.0)
    slaves = scripted(MODELS, odds=odds, rng=random.Random(seed))
    line = line_type(MemoryPort(clock, slaves), clock.mono, 9600)
    ring = readers(line, MODELS)
    tally = Tally()
    while len(slaves.asked) < transactions:
        address = min(ring, key=lambda a: ring[a].ready_at())
        ring = {a: r for a, r in ring.items() if a != address} | {address: ring[address]}
        clock.advance(max(ring[address].ready_at() - clock.mono(), 0))
        turn = ring[address].ask(clock.now())
        tally.faults += turn.error is not None
        if turn.reading is not None:
            tally.judge(address, turn.reading, slaves, clock.mono(), 1_000_000.0)
    return tally, slaves


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_wrong_value_in_a_hundred_thousand_bad_exchanges(seed: int) -> None:
    tally, slaves = run_in_memory(Line, 34_000, seed)

    assert tally.wrong == []
    assert min(slaves.done[kind] for kind in ("late", "cut", "corrupt")) >= 1_000
    assert min(slaves.done[kind] for kind in ("wrong id", "noise", "glued", "silent")) >= 300
    assert tally.faults >= 10_000
    assert tally.readings >= 2_000
    assert tally.values >= 10_000


def test_the_check_finds_the_wrong_values_of_a_line_that_is_only_quiet() -> None:
    tally, _ = run_in_memory(NeverInStep, 2_000, seed=1, odds={"late": 0.3})

    assert len(tally.wrong) >= 10
    elsewhere = [w for w in tally.wrong if w.split()[1].rstrip(":") != w.split()[3]]
    assert elsewhere, "not one value landed in another register"


@pytest.mark.slow
def test_no_wrong_value_on_a_pseudo_terminal() -> None:
    clock: Clock = SystemClock()
    settings = {"timeout_s": 0.02, "worst_latency_s": 0.02}
    models = {a: m.model_copy(update=settings) for a, m in MODELS.items() if a in (2, 4)}
    slaves = scripted(models, odds=ODDS, rng=random.Random(4), tick_s=0.001, unit_s=0.03)
    tally = Tally()
    with PtySlaves(slaves) as far:
        port = SerialPort(far.device, 115200, "none", 1, clock.mono)
        line = Line(port, clock.mono, 115200, least_quiet_s=0.03, forget_s=1.0)
        ring = readers(line, models)
        offset = clock.now().wall - clock.mono()
        while len(slaves.asked) < 300:
            address = min(ring, key=lambda a: ring[a].ready_at())
            ring = {a: r for a, r in ring.items() if a != address} | {address: ring[address]}
            ready = ring[address].ready_at()
            until(lambda ready=ready: clock.mono() >= ready, 5, "the line to be free")
            turn = ring[address].ask(clock.now())
            if turn.reading is not None:
                tally.judge(address, turn.reading, slaves, clock.mono(), offset)
        port.close()

    assert tally.wrong == []
    assert min(slaves.done[kind] for kind in ("late", "cut", "corrupt")) >= 20
    assert tally.readings >= 15
