"""The faults of the village itself, the same in both times: what the world suffers and what troubles its lines."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from edge.shell.clock import Clock
from simulator.cabinet import Tampering
from simulator.fault_bus import Trouble
from simulator.fault_kinds import (
    BOARD,
    CIRCUIT,
    COUNTER,
    DOOR,
    FEEDBACK,
    FLOW,
    HAND,
    INPUT,
    LEVEL,
    METER,
    PHOTOCELL,
    PORT,
    PROBE,
    PUMP,
    RAIN,
    SENSOR,
    SWITCH,
    VALVE,
)
from simulator.faults import Change, Fault
from simulator.hydraulics import Broken
from simulator.village import Village
from simulator.wiring import load_of, target_of
from simulator.world import Harm


class VillageStage:
    """A village with faults in it: the part of a stage that its two times have in common."""

    def __init__(self, village: Village, clock: Clock) -> None:
        self.village = village
        self._clock = clock

    def targets(self) -> Mapping[str, Collection[str]]:
        """Every circuit, pump, valve and switch, every meter, sensor and board that answers, every port, and every
        contact that is read or counted."""
        cabinet = self.village.cabinet
        relays: dict[str, list[str]] = {"light": [], PUMP: [], VALVE: [], SWITCH: []}
        for load in self.village.world.loads:
            relays[target_of(load).partition("/")[0]].append(target_of(load))
        return {
            FEEDBACK: [f"light/{load}" for load in cabinet.feedbacks()],
            INPUT: cabinet.inputs(),
            COUNTER: self.village.pulsing.names,
            FLOW: [name for name, found in self.village.counters.items() if found.role == FLOW],
            **{role: cabinet.inputs(role) for role in (HAND, DOOR, PHOTOCELL, RAIN, LEVEL)},
            CIRCUIT: relays.pop("light"),
            **relays,
            SENSOR: [f"sensor/{name}" for name in self.village.sensors()],
            PROBE: [f"sensor/{name}" for name in self.village.probes()],
            METER: [f"meter/{name}" for name in self.village.answering()],
            BOARD: [f"board/{name}" for name in self.village.boards],
            PORT: [f"port/{name}" for name in self.village.wires],
        }

    def world(self, change: Change) -> None:
        """Relays, lamps, meters, mains, pipes, probes, and the contacts of cabinet and field."""
        mono = self._clock.mono()
        by_hand = {load for f in change.standing if f.kind.name == "hand-on" for load in self._switched_by(f)}
        broken = replace(harm(change.standing), by_hand=frozenset(by_hand))
        unpowered = {_id(f) for f in change.standing if f.kind.name == "board-unpowered"}
        for name, board in self.village.boards.items():
            board.supply(name not in unpowered)
        self.village.cabinet.suffer(tampering(change.standing, self.village.floats()))
        self.village.world.suffer(broken, mono)
        self.village.break_field(field(change.standing), mono)
        self.village.freeze_probes({_id(f) for f in change.standing if f.kind.name == "probe-stale"})
        self.village.pulse(pulse_rates(change.standing), mono)
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
            case "relay-welded" | "relay-open" | "pump-stuck":
                assert fault.on is not None
                stuck[load_of(fault.on)] = fault.kind.name != "relay-open"
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


def tampering(standing: Iterable[Fault], floats: Mapping[str, str] | None = None) -> Tampering:
    """What is wrong with the contacts by these faults, oldest first: of two on one contact the later counts.

    `floats`: what each float's contact is named for, `empty` or `full`.
    """
    held: dict[str, bool] = {}
    missing: set[str] = set()
    cut = False
    for fault in standing:
        match fault.kind.name:
            case "input-stuck":
                held[str(fault.on)] = bool(fault.values["active"])
            case "rain-stuck":
                held[str(fault.on)] = bool(fault.values["falling"])
            case "float-stuck":
                held[str(fault.on)] = bool(fault.values["full"]) == ((floats or {})[str(fault.on)] == "full")
            case "feedback-missing":
                missing.add(f"feedback/{_id(fault)}")
            case "mains-cut":
                cut = True
            case name if name in _SAYS:
                held[str(fault.on)] = _SAYS[name]
    return Tampering(held, frozenset(missing), cut)


def field(standing: Iterable[Fault]) -> Broken:
    """What is broken in pipes and wells by these faults: leaks add up, of two on one valve's seat the later counts."""
    leaks: dict[str, float] = {}
    stuck: dict[str, bool] = {}
    others: dict[str, set[str]] = {name: set() for name in ("burst", "dripper-blocked", "well-dry", "flow-meter-dead")}
    for fault in standing:
        match fault.kind.name:
            case "leak":
                leaks[str(fault.on)] = leaks.get(str(fault.on), 0.0) + fault.number("l_min")
            case "valve-stuck":
                stuck[_id(fault)] = bool(fault.values["open"])
            case "flow-meter-dead":
                others["flow-meter-dead"].add(str(fault.on))
            case name if name in others:
                others[name].add(_id(fault))
    burst, blocked, dry, dead = map(frozenset, others.values())
    return Broken(leaks, burst, blocked, stuck, dry, dead)


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
