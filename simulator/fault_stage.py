"""The faults of the village itself, the same in both times: what the world suffers and what troubles its lines."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from edge.shell.clock import Clock
from simulator.cabinet import Tampering
from simulator.fault_bus import Trouble
from simulator.fault_kinds import BOARD, CIRCUIT, COUNTER, DOOR, FEEDBACK, HAND, INPUT, METER, PHOTOCELL, PORT
from simulator.faults import Change, Fault
from simulator.village import Village
from simulator.world import Harm


class VillageStage:
    """A village with faults in it: the part of a stage that its two times have in common."""

    def __init__(self, village: Village, clock: Clock) -> None:
        self.village = village
        self._clock = clock

    def targets(self) -> Mapping[str, Collection[str]]:
        """Every circuit, every meter and board that answers, every port and every contact that is read or counted."""
        cabinet = self.village.cabinet
        return {
            FEEDBACK: [f"light/{load}" for load in cabinet.feedbacks()],
            INPUT: cabinet.inputs(),
            COUNTER: self.village.pulsing.names,
            **{role: cabinet.inputs(role) for role in (HAND, DOOR, PHOTOCELL)},
            CIRCUIT: [f"light/{load}" for load in self.village.world.loads],
            METER: [f"meter/{name}" for name in self.village.answering()],
            BOARD: [f"board/{name}" for name in self.village.boards],
            PORT: [f"port/{name}" for name in self.village.wires],
        }

    def world(self, change: Change) -> None:
        """Relays, lamps, meters, mains, and the cabinet's contacts."""
        mono = self._clock.mono()
        by_hand = {load for f in change.standing if f.kind.name == "hand-on" for load in self._switched_by(f)}
        broken = replace(harm(change.standing), by_hand=frozenset(by_hand))
        self.village.cabinet.suffer(tampering(change.standing))
        self.village.world.suffer(broken, mono)
        self.village.pulsing.flow(pulse_rates(change.standing), mono)
        if change.begun is not None:
            self._happen(change.begun, mono)

    def bus(self, change: Change) -> None:
        """What is wrong on each line."""
        moved = {str(f.on): int(f.number("to")) for f in change.standing if f.kind.name == "slave-moved"}
        models = {str(f.on): str(f.values["model"]) for f in change.standing if f.kind.name == "slave-as"}
        times = {str(f.on): f.number("times") for f in change.standing if f.kind.name == "slave-scaled"}
        self.village.pass_off(moved, models, times)
        for port, wire in self.village.wires.items():
            wire.trouble = trouble(f"port/{port}", self.village.addresses(port), change)

    def _switched_by(self, fault: Fault) -> list[str]:
        assert fault.on is not None
        return self.village.cabinet.switched_by(fault.on)

    def _happen(self, fault: Fault, mono: float) -> None:
        world = self.village.world
        match fault.kind.name:
            case "meter-reset":
                world.reset(_id(fault), 0.0, mono)
            case "meter-replaced":
                world.reset(_id(fault), fault.number("start"), mono)
            case "meter-rollover":
                world.roll_over(_id(fault), fault.number("after"), mono)
            case "board-restarted":
                self.village.boards[_id(fault)].restart()


def harm(standing: Iterable[Fault]) -> Harm:
    """What the world suffers from these faults, oldest first: of two on one relay the later counts, else all do."""
    stuck: dict[str, bool] = {}
    burnt: dict[str, int] = {}
    tap: dict[str, float] = {}
    tripped, stalled = set(), set()
    cuts: list[Fault] = []
    for fault in standing:
        match fault.kind.name:
            case "relay-welded" | "relay-open":
                stuck[_id(fault)] = fault.kind.name == "relay-welded"
            case "lamps-burnt":
                burnt[_id(fault)] = burnt.get(_id(fault), 0) + int(fault.number("n"))
            case "illegal-tap":
                tap[_id(fault)] = tap.get(_id(fault), 0.0) + fault.number("watts")
            case "breaker":
                tripped.add(_id(fault))
            case "meter-stuck":
                stalled.add(_id(fault))
            case "mains-cut":
                cuts.append(fault)
    backup = all(bool(cut.values["backup"]) for cut in cuts)
    return Harm(stuck, burnt, tap, frozenset(tripped), frozenset(stalled), cut=bool(cuts), backup=backup)


_SAYS = {"hand-on": True, "door-open": True, "photocell-covered": True, "photocell-lit": False}


def tampering(standing: Iterable[Fault]) -> Tampering:
    """What is wrong with the contacts by these faults, oldest first: of two on one contact the later counts."""
    held: dict[str, bool] = {}
    missing: set[str] = set()
    cut = False
    for fault in standing:
        match fault.kind.name:
            case "input-stuck":
                held[str(fault.on)] = bool(fault.values["active"])
            case "feedback-missing":
                missing.add(f"feedback/{_id(fault)}")
            case "mains-cut":
                cut = True
            case name if name in _SAYS:
                held[str(fault.on)] = _SAYS[name]
    return Tampering(held, frozenset(missing), cut)


def pulse_rates(standing: Iterable[Fault]) -> dict[str, float]:
    """Pulses a second by counting contact: several on one add up."""
    rates: dict[str, float] = {}
    for fault in standing:
        if fault.kind.name == "pulses":
            rates[str(fault.on)] = rates.get(str(fault.on), 0.0) + fault.number("rate")
    return rates


def trouble(port: str, addresses: Mapping[str, int], change: Change) -> Trouble:
    """What is wrong on `port`, whose devices have these addresses: faults on the port are on each of them."""
    dead, wrong_id = set(), set()
    twins, dlt645 = set(), set()
    late: dict[int, float] = {}
    noisy: dict[int, float] = {}
    speeds: dict[int, int] = {}
    for device, address in addresses.items():
        for fault in change.standing:
            if fault.on not in (port, device):
                continue
            match fault.kind.name:
                case "slave-dead":
                    dead.add(address)
                case "slave-wrong-id":
                    wrong_id.add(address)
                case "slave-twins":
                    twins.add(address)
                case "slave-dlt645":
                    dlt645.add(address)
                case "slave-baud":
                    speeds[address] = int(fault.number("baudrate"))
                case "slave-late":
                    late[address] = max(late.get(address, 0.0), fault.number("by"))
                case "slave-noisy":
                    noisy[address] = max(noisy.get(address, 0.0), fault.number("share"))
    return Trouble(
        frozenset(dead), late, noisy, frozenset(wrong_id), frozenset(twins), frozenset(dlt645), speeds,
        swapped=bool(change.on(port, "slave-swapped")), gone=bool(change.on(port, "adapter-gone")),
    )  # fmt: skip


def _id(fault: Fault) -> str:
    """What the fault is on, as the world calls it: `main-road/b`, `cabinet-1`."""
    assert fault.on is not None
    return fault.on.partition("/")[2]
