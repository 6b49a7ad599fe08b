"""Leases: nothing that can do harm stays on for longer than the core has asked for it, whoever hangs or fails."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from villages import Line, when

from drivers.api import DriverError
from drivers.registers import catalogue
from edge.core.events import Event, LeasesExpired
from edge.shell.clock import ManualClock
from edge.shell.leases import AGAIN_S, LeaseKeeper, at_once
from edge.shell.runner import StepRunner
from edge.shell.site_file import parse_site
from simulator.fast import Fast

PUMP, VALVE, OTHER, FAN, LIGHT = "pump/p", "valve/v", "valve/w", "switch/fan", "light/road/a"
NAMES = (OTHER, VALVE, PUMP, FAN, LIGHT)
DRIVEN = (PUMP, VALVE, FAN)
FED_BY = {VALVE: PUMP, OTHER: PUMP}
LEASE_S = 15.0


class Timed(Line):
    """A line whose hardware ends an ON by itself, as a relay board's."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.held: list[float] = []

    def hold(self, lease_s: float) -> None:
        self.held.append(lease_s)
        self.write(True)


class House:
    """A keeper with lines in memory, on a manual clock."""

    def __init__(self) -> None:
        self.clock = ManualClock(0.0, mono=100.0)
        self.lines = {name: Line(self.clock) for name in NAMES}
        self.told: list[LeasesExpired] = []
        self.keeper = LeaseKeeper(self.lines, self.clock.mono, self.put, FED_BY, at_once)
        self.runner = StepRunner([self.keeper], self.clock)

    def put(self, event: Event) -> None:
        assert isinstance(event, LeasesExpired)
        self.told.append(event)

    def on(self, *names: str, lease_s: float = LEASE_S) -> None:
        for name in names:
            self.keeper.write(name, True, lease_s)

    def writes(self, name: str) -> list[tuple[float, bool]]:
        return [(at - 100.0, on) for at, on in self.lines[name].writes]


def test_what_is_renewed_stays_on_and_what_is_not_goes_off_when_its_lease_ends() -> None:
    house = House()
    house.on(VALVE, FAN)
    for _ in range(3):
        house.runner.advance(5)
        house.on(FAN)
    house.runner.advance(30)
    assert house.writes(VALVE) == [(0, True), (15, False)]
    assert house.writes(FAN)[-2:] == [(15, True), (30, False)]
    assert house.told == [LeasesExpired((VALVE,), 1), LeasesExpired((FAN,), 2)]


def test_an_off_ends_a_lease_and_an_on_for_good_has_none() -> None:
    house = House()
    house.on(VALVE, FAN)
    house.keeper.write(LIGHT, True)
    house.keeper.write(VALVE, False)
    house.keeper.write(FAN, True)
    house.runner.advance(100)
    assert [len(house.lines[name].writes) for name in (VALVE, FAN, LIGHT)] == [2, 2, 1]
    assert house.told == []


def test_pumps_go_off_before_valves_and_a_valve_takes_its_pump_along() -> None:
    house = House()
    order: list[str] = []
    for name, line in house.lines.items():
        line.write = lambda on, name=name, write=line.write: (order.append(f"{name} {on}"), write(on))[1]  # type: ignore[method-assign,misc]
    house.on(VALVE, FAN)
    house.runner.advance(5)
    house.on(PUMP)
    order.clear()
    house.runner.advance(10)
    assert order == [f"{PUMP} False", f"{VALVE} False", f"{FAN} False"]
    assert house.told == [LeasesExpired((PUMP, VALVE, FAN), 3)]


def test_a_renewal_of_what_is_over_does_nothing_until_the_core_had_to_see_it() -> None:
    house = House()
    house.on(VALVE)
    house.clock.advance(LEASE_S)  # the keeper comes late, but the lease is over
    house.on(VALVE)
    house.runner.settle()
    house.on(VALVE)
    assert house.writes(VALVE) == [(0, True), (15, False)]
    assert house.keeper.read(VALVE) is False
    house.on(VALVE)
    assert house.writes(VALVE)[-1] == (15, True)
    house.runner.advance(LEASE_S)
    assert house.writes(VALVE)[-1] == (30, False)
    assert house.told[-1] == LeasesExpired((VALVE,), 2)


def test_an_output_that_cannot_be_turned_off_is_tried_each_second_and_told_of_once() -> None:
    house = House()
    house.on(VALVE, FAN)
    house.lines[VALVE].broken = "the card is gone"
    house.runner.advance(LEASE_S)
    assert house.writes(FAN)[-1] == (15, False)
    house.runner.advance(3.5)
    house.on(VALVE)  # not before it was off
    house.lines[VALVE].broken = None
    house.runner.advance(10)
    assert house.writes(VALVE)[1:] == [(19, False)]
    assert house.told == [LeasesExpired((VALVE, FAN), 2)]


def test_an_off_of_the_core_that_fails_leaves_the_lease_as_it_was() -> None:
    house = House()
    house.on(VALVE)
    house.lines[VALVE].broken = "the card is gone"
    with pytest.raises(DriverError):
        house.keeper.write(VALVE, False)
    house.runner.advance(5)
    house.lines[VALVE].broken = None
    house.runner.advance(20)
    assert house.writes(VALVE) == [(0, True), (15, False)]


def test_what_says_that_it_is_on_is_told_off_again_each_second_whoever_told_it_first() -> None:
    house = House()
    house.on(VALVE, FAN)
    house.lines[VALVE].stuck = house.lines[FAN].stuck = True
    house.keeper.write(FAN, False)
    house.runner.advance(LEASE_S + 2.5)
    house.lines[VALVE].stuck = house.lines[FAN].stuck = None
    house.runner.advance(20)
    assert house.writes(VALVE) == [(0, True), (15, False), (16, False), (17, False), (18, False)]
    assert house.writes(FAN) == [(0, True), *((float(n), False) for n in range(19))]
    assert house.told == [LeasesExpired((VALVE,), 1)]


def test_a_valve_that_the_core_turned_off_takes_no_pump_along() -> None:
    house = House()
    house.on(VALVE, OTHER, PUMP)
    house.lines[VALVE].stuck = True
    house.keeper.write(VALVE, False)
    house.runner.advance(5)
    assert house.writes(PUMP) == [(0, True)]


def test_an_output_that_ends_by_itself_gets_the_lease_too() -> None:
    house = House()
    house.lines[VALVE] = line = Timed(house.clock)
    house.keeper = LeaseKeeper(house.lines, house.clock.mono, house.put, FED_BY, at_once)
    house.on(VALVE)
    house.runner = StepRunner([house.keeper], house.clock)
    house.runner.advance(20)
    assert (line.held, house.writes(VALVE)) == ([15.0], [(0, True), (15, False)])


def test_a_process_that_ends_turns_off_pumps_first_and_nothing_on_any_more() -> None:
    house = House()
    house.on(VALVE, PUMP)
    house.keeper.write(LIGHT, True)
    house.clock.advance(1)
    house.keeper.turn_all_off()
    assert house.keeper.all_off()
    with pytest.raises(RuntimeError, match="ending"):
        house.on(VALVE)
    house.runner.advance(30)
    assert {name: house.writes(name) for name in NAMES} == {
        OTHER: [], VALVE: [(0, True), (1, False)], PUMP: [(0, True), (1, False)], FAN: [], LIGHT: [(0, True)],
    }  # fmt: skip
    assert house.told == []


def test_a_controller_that_ends_in_good_order_leaves_pumps_valves_and_switches_off_and_lights_as_they_are() -> None:
    text = (Path(__file__).parents[2] / "config" / "nguyen-ly.yaml").read_text("utf-8").replace("hold", "on")
    site = parse_site(text, "end.yaml", catalogue())
    fast = Fast(site, catalogue(), when("2026-11-21T20:00:00+07:00"), 1)
    fast.advance(60)
    assert fast.shell is not None
    fast.send(f"{fast.root}/valve/plot-1/set/head", "OPEN")
    fast.send(f"{fast.root}/switch/greenhouse-fan/set/head", "ON")
    fast.advance(20)  # the valve's lead, and the board's poll
    before = len(fast.changes)
    fast.close()
    off = [change.name for change in fast.changes[before:]]
    assert off == ["gpio/24", "gpio/25", "cabinet-board/1"]


def test_a_controller_whose_core_stands_still_leaves_lines_and_coils_off_when_their_leases_end() -> None:
    text = (Path(__file__).parents[2] / "config" / "nguyen-ly.yaml").read_text("utf-8")
    fast = Fast(parse_site(text, "hang.yaml", catalogue()), catalogue(), when("2026-11-21T12:00:00+07:00"), 1)
    fast.advance(60)
    assert fast.shell is not None
    for name in ("valve/plot-1", "pump/pump-1", "switch/greenhouse-fan"):
        fast.shell.leases.write(name, True, LEASE_S)
    fast.hold("core")
    begin, before = fast.time.mono(), len(fast.changes)
    fast.advance(20)
    off = [(change.name, change.at - begin) for change in fast.changes[before:]]
    assert [name for name, _ in off] == ["cabinet-board/1", "cabinet-board/1", "gpio/24", "gpio/25"]
    assert [at for _, at in off[1:]] == pytest.approx([LEASE_S] * 3, abs=0.2)
    fast.go_on()
    fast.advance(5)
    fast.close()


# --- every order of renewals, ends, failures and looks ---


class Machine(RuleBasedStateMachine):
    """A core that writes as it likes, a driver that fails, and a keeper that is late now and then: once the keeper had
    its turn, no output is on beyond its lease unless its driver failed within the last second."""

    @initialize()
    def begin(self) -> None:
        self.house = House()
        self.ends = dict.fromkeys(DRIVEN, -1.0)
        self.healed_at = dict.fromkeys(DRIVEN, -1.0)
        self.late = self.writes = False
        self.unseen: set[str] = set()  # what the keeper turned off, and the core has not looked at since
        self.wrong: list[str] = []
        for name in DRIVEN:
            line = self.house.lines[name]
            line.write = partial(self.moved, name, line.write)  # type: ignore[method-assign]

    def moved(self, name: str, write: Callable[[bool], None], on: bool) -> None:
        """Whoever does it: nothing may be said here, a keeper takes what a driver raises for its trouble."""
        write(on)
        if self.writes:
            return
        self.unseen.add(name)
        pump = self.house.lines[PUMP]
        if name == VALVE and pump.read() and not pump.broken:
            self.wrong.append("the keeper closed a valve and left its pump on")

    @rule(name=st.sampled_from(DRIVEN), lease_s=st.sampled_from([0.5, 5.0]))
    def turn_on(self, name: str, lease_s: float) -> None:
        line, now = self.house.lines[name], self.house.clock.mono()
        before, over = len(line.writes), bool(line.writes and line.writes[-1][1]) and now >= self.ends[name]
        self.writes = True
        try:
            self.house.keeper.write(name, True, lease_s)
        except DriverError:
            return
        finally:
            self.writes = False
        if len(line.writes) > before:
            assert not over, "what is over is not renewed"
            assert name not in self.unseen, "what the keeper turned off comes on, and the core has not seen it off"
            self.ends[name] = now + lease_s

    @rule(seconds=st.sampled_from([0.5, 4.999, 6.0]), late=st.booleans())
    def water_runs_and_the_core_hangs(self, seconds: float, late: bool) -> None:
        """The pump's lease is the younger; what is over is then asked for again by a core that has not looked."""
        self.turn_on(VALVE, 5.0)
        self.passes(1.0)
        self.turn_on(PUMP, 5.0)
        (self.passes_without_the_keeper if late else self.passes)(seconds)
        self.turn_on(VALVE, 5.0)

    @rule(name=st.sampled_from(DRIVEN))
    def turn_off(self, name: str) -> None:
        self.writes = True
        try:
            self.house.keeper.write(name, False)
        except DriverError:
            return
        finally:
            self.writes = False
        self.unseen.discard(name)
        assert self.house.lines[name].writes[-1][1] is False

    @rule(name=st.sampled_from(DRIVEN))
    def look(self, name: str) -> None:
        if self.house.keeper.read(name) is not True:
            self.unseen.discard(name)

    @rule(name=st.sampled_from(DRIVEN))
    def breaks(self, name: str) -> None:
        self.house.lines[name].broken = "the card is gone"

    @rule(name=st.sampled_from(DRIVEN))
    def heals(self, name: str) -> None:
        if self.house.lines[name].broken:
            self.house.lines[name].broken = None
            self.healed_at[name] = self.house.clock.mono()

    @rule(seconds=st.sampled_from([0.3, 0.5, 1.0, 4.999, 5.0]))
    def passes(self, seconds: float) -> None:
        self.house.runner.advance(seconds)
        self.late = False

    @rule(seconds=st.sampled_from([0.5, 1.0, 5.0]))
    def passes_without_the_keeper(self, seconds: float) -> None:
        self.house.clock.advance(seconds)
        self.late = True

    @invariant()
    def nothing_is_on_beyond_its_lease(self) -> None:
        if not hasattr(self, "house") or self.late:
            return
        self.house.runner.settle()
        assert not self.wrong, self.wrong
        now = self.house.clock.mono()
        for name, end in self.ends.items():
            if self.house.lines[name].read() and now >= end:
                assert now < self.healed_at[name] + AGAIN_S, name

    def teardown(self) -> None:
        if hasattr(self, "house"):
            self.late = False
            for name in self.ends:
                self.heals(name)
            self.house.runner.advance(5.0 + AGAIN_S)
            assert self.house.keeper.all_off()


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
