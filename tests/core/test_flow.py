"""Litres have owners, and what flows other than it should is found in time: by hand, and whatever the meter."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from flow_field import EVERY, PUMP, A, B, C, Faults, Opened, Plan, Zones, field, pipes
from hypothesis import given, settings
from hypothesis import strategies as st
from water_pipes import Pipes

from edge.core.events import PulsesCounted
from edge.core.flow import Flow


def test_litres_are_shared_by_the_normal_flow_of_what_is_open() -> None:
    p = pipes().see(a=True).run(60)
    p.see(a=True, b=True).run(60).see(b=True).run(60).see().run(60)
    assert p.flow.litres(A) == pytest.approx(24, abs=0.3)
    assert p.flow.litres(B) == pytest.approx(12, abs=0.3)
    assert p.dangers() == set()


def test_what_runs_on_while_the_pump_stops_belongs_to_the_valve_that_is_still_open() -> None:
    p = pipes().see(a=True).run(60).see(a=False)
    p.extra = 12.0
    p.run(3)
    p.extra = 0.0
    p.see().run(60)
    assert p.flow.litres(A) == pytest.approx(p.pulses / 7.5)
    assert p.dangers() == set()


def test_a_single_pulse_belongs_to_whoever_was_open_when_it_came() -> None:
    f = Flow("input/water", field(1.0, a=12.0, b=12.0), {}, {})
    p = pipes()
    f.count(PulsesCounted("input/water", 5, 100.0, 99.0), p.now)
    for opened, at in ((A, 101.0), (B, 103.0)):
        f.see({opened: True}, True, replace(p.now, mono=at))
    f.count(PulsesCounted("input/water", 6, 104.0, 103.4), p.now)
    assert (f.litres(A), f.litres(B)) == (0.0, 1.0)


@pytest.mark.slow
@settings(max_examples=40)
@given(EVERY, Plan, st.floats(0, 0.99))
def test_litres_add_up_to_the_pulses_that_came_while_anything_was_open(per_l: float, plan: Any, phase: float) -> None:
    p = pipes(per_l, phase=phase, a=12.0, b=4.0, c=30.0)
    for opened, seconds, _ in plan:
        p.see(**opened).run(seconds)
    p.see().run(1)
    assert sum(map(p.flow.litres, (A, B, C))) * per_l == pytest.approx(p.while_open, abs=1e-6)


@pytest.mark.slow
@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(5, 200)), min_size=2, max_size=8), st.sampled_from([7.5, 50.0]))
def test_each_valve_has_the_litres_that_flowed_while_it_was_open(plan: list[tuple[str, float]], per_l: float) -> None:
    p = pipes(per_l, a=12.0, b=6.0)
    flowed = {A: 0.0, B: 0.0}
    for name, seconds in plan:
        valve = f"valve/{name}"
        p.see(**{name: True}).run(seconds)
        flowed[valve] += p.l_min[valve] * seconds / 60
    p.see().run(1)
    for valve, litres in flowed.items():
        assert p.flow.litres(valve) == pytest.approx(litres, abs=(2 * len(plan) + 1) / per_l)


@pytest.mark.slow
@settings(max_examples=80)
@given(EVERY, st.booleans(), Plan, st.floats(0, 0.99), st.sampled_from([0.0, 0.5, 2.0]))
def test_no_danger_for_a_flow_that_stays_near_the_normal_one(
    per_l: float, pump: bool, plan: Any, phase: float, late_s: float
) -> None:
    p = pipes(per_l, pump, phase, a=12.0, b=4.0, c=30.0)
    p.late_s = late_s
    for opened, seconds, (a, b, c) in plan:
        p.l_min = {A: 12.0 * a, B: 4.0 * b, C: 30.0 * c}
        p.see(**opened).run(seconds)
    assert p.found == []
    assert not any(holds for _, _, holds, _ in p.flow.conditions())


def test_a_large_valve_that_is_seen_some_seconds_late_is_no_burst_of_a_small_one() -> None:
    p = pipes(a=12.0, b=4.0, c=30.0)
    p.late_s = 3.0
    p.see(b=True).run(275).see(a=True, b=True, c=True).run(60)
    assert p.found == []


@pytest.mark.slow
@settings(max_examples=20)
@given(EVERY, Zones, st.floats(0, 0.99))
def test_no_danger_by_what_was_learned_either(per_l: float, zones: list[tuple[str, float, float]], phase: float) -> None:
    normal = {A: 12.0, B: 4.0, C: 30.0}
    p = Pipes(field(per_l, a=None, b=None, c=None), phase=phase)
    for name, seconds, share in zones:
        p.l_min = {valve: l_min * share for valve, l_min in normal.items()}
        p.see(**{name: True}).run(seconds).see(**{name: False}).run(3).see().run(20)
    assert p.found == []
    for valve, l_min in normal.items():
        learned = p.flow.normal(valve)
        assert learned is None or learned == pytest.approx(l_min, rel=0.16)


@pytest.mark.slow
@settings(max_examples=60)
@given(EVERY, st.lists(st.tuples(Opened, st.floats(20, 200), Faults, st.integers(1, 5000)), max_size=5), st.floats(0, 0.99))
def test_a_counter_that_jumps_restarts_or_is_silent_is_no_danger(per_l: float, plan: Any, phase: float) -> None:
    p = pipes(per_l, phase=phase, a=12.0, b=4.0, c=30.0)
    for opened, seconds, what, size in plan:
        p.see(**opened).run(seconds)
        match what:
            case "jump":
                p.jump(10 * size)
            case "spike":
                p.jump(size % 20 + 1)
            case "back":
                p.jump(-min(size, p.pulses + p.jumped))
            case "restart":
                p.restart()
            case "silent":
                p.told = False
                p.run(float(size % 100))
                p.told = True
        p.run(90)
    assert p.found == []


@pytest.mark.parametrize("jump", [900, 100_000])
def test_what_no_pipe_lets_through_is_nobodys_water(jump: int) -> None:
    p = pipes().see(a=True).run(60)
    before = p.flow.litres(A)
    p.jump(jump)
    assert p.run(1).flow.litres(A) == before
    assert p.run(60).flow.litres(A) == pytest.approx(before + 12, abs=0.3)


def test_pulses_of_two_looks_at_once_are_all_counted() -> None:
    p = pipes(50.0).see(a=True)
    for count in (5, 9):
        p.flow.count(PulsesCounted("input/water", count, p.now.mono + 1, p.now.mono + 1), p.now)
    assert p.flow.litres(A) == 9 / 50


def test_a_meter_that_is_not_heard_says_nothing_of_the_flow() -> None:
    p = pipes()
    p.told = False
    p.see(a=True).run(600)
    assert (p.dangers(), p.flow.heard(p.now)) == (set(), False)


@pytest.mark.slow
@settings(max_examples=60)
@given(EVERY, st.floats(0, 0.99), st.floats(30, 400))
def test_a_dry_well_is_found_in_30_s_or_four_pulses_of_the_meter(per_l: float, phase: float, wet_s: float) -> None:
    p = pipes(per_l, phase=phase, a=12.0).see(a=True).run(wet_s)
    assert p.found == []
    since = p.now.mono
    p.l_min[A] = 0.0
    p.run(400)
    assert p.dangers() == {("flow-none", PUMP)}
    assert p.ago("flow-none", since) <= max(30, 4 / (12 / 60 * per_l) + 6)


def test_no_water_from_the_start_is_found_30_s_after_the_opening() -> None:
    p = pipes()
    p.l_min[A] = 0.0
    since = p.now.mono
    p.see(a=True).run(40)
    assert p.dangers() == {("flow-none", PUMP)}
    assert 25 <= p.ago("flow-none", since) <= 31
    assert p.flow.dangers()[0].data == {"flow": "input/water", "l_min": 0.0, "normal_l_min": 12.0}


def test_a_trickle_of_less_than_a_tenth_is_no_water() -> None:
    p = pipes(50.0).see(a=True).run(60)
    p.l_min[A] = 1.0
    p.run(30)
    assert p.dangers() == {("flow-none", PUMP)}


def test_without_a_pump_it_is_the_valve_that_has_no_water() -> None:
    p = pipes(pump=False)
    p.l_min[A] = 0.0
    assert p.see(a=True).run(40).dangers() == {("flow-none", A)}


def test_no_water_is_found_also_where_the_normal_flow_is_not_known_yet() -> None:
    p = Pipes(field(a=None)).run(20)
    p.l_min = {A: 0.0}
    assert p.see(a=True).run(31).dangers() == {("flow-none", PUMP)}


def test_a_valve_that_waits_for_its_pump_needs_no_water() -> None:
    assert pipes().see(a=False).run(300).found == []


@pytest.mark.slow
@settings(max_examples=60)
@given(EVERY, st.floats(0, 0.99), st.floats(1.8, 6), st.floats(0, 300))
def test_a_burst_pipe_is_found_in_30_s_or_a_few_pulses_of_the_meter(per_l: float, phase: float, much: float, wet_s: float) -> None:
    p = pipes(per_l, phase=phase, a=12.0).see(a=True).run(wet_s)
    assert p.found == []
    since = p.now.mono
    p.l_min[A] = 12.0 * much
    p.run(100)
    assert p.dangers() == {("flow-high", A)}
    apart = 60 / 12 / per_l  # pulses, at the normal flow
    assert p.ago("flow-high", since) <= max(0, 12 - wet_s) + max(15, 4 * apart) + 2 * apart + 4


def test_of_two_open_valves_both_are_shut_for_a_burst() -> None:
    p = pipes().see(a=True, b=True).run(60)
    p.l_min[B] = 30.0
    p.run(30)
    assert p.dangers() == {("flow-high", A), ("flow-high", B)}
    assert p.flow.dangers()[0].data["normal_l_min"] == 18.0


@pytest.mark.slow
@settings(max_examples=40)
@given(st.floats(1, 5), st.floats(0, 20), st.floats(0, 0.99))
def test_a_pipe_may_fill_for_20_s(much: float, fills_s: float, phase: float) -> None:
    p = pipes(phase=phase)
    p.l_min[A] = 12.0 * much
    p.see(a=True).run(fills_s)
    p.l_min[A] = 12.0
    assert p.run(300).found == []


@pytest.mark.slow
@settings(max_examples=40)
@given(EVERY, st.floats(0, 0.99), st.floats(0.4, 0.6), st.floats(180, 900))
def test_a_blocked_dripper_is_found_within_its_zone(per_l: float, phase: float, share: float, seconds: float) -> None:
    p = pipes(per_l, phase=phase, a=12.0, b=6.0)
    p.l_min[A] = 12.0 * share
    p.see(a=True).run(seconds).see(a=False).run(3).see().run(30)
    assert p.low() == {A}
    assert p.dangers() == set()
    p.l_min[A] = 12.0
    p.see(b=True).run(300).see().run(30)
    assert p.low() == {A}
    p.see(a=True).run(300).see().run(30)
    assert p.low() == set()


def test_a_weak_flow_tells_its_figures_and_what_is_not_known_is_left_out() -> None:
    p = pipes()
    assert not any(kind == "flow-low" for kind, *_ in p.flow.conditions())
    p.l_min[A] = 6.0
    p.see(a=True).run(200)
    found = next(c for c in p.flow.conditions() if c[0] == "flow-low")
    assert found == ("flow-low", A, True, {"flow": "input/water", "l_min": 6.0, "normal_l_min": 12.0})


def test_a_zone_of_less_than_two_minutes_is_not_judged() -> None:
    p = pipes()
    p.l_min[A] = 6.0
    assert p.see(a=True).run(110).see().run(60).low() == set()


@pytest.mark.slow
@settings(max_examples=60)
@given(EVERY, st.floats(0, 0.99), st.floats(0.7, 60))
def test_a_leak_is_found_30_s_after_all_is_closed(per_l: float, phase: float, much: float) -> None:
    p = pipes(per_l, phase=phase, a=12.0)
    p.extra = 0.0
    p.see(a=True).run(60)
    p.extra = much
    since = p.see().now.mono
    if much >= 9 / per_l:
        assert p.run(31.5).dangers() == {("leak", PUMP)}
        assert p.ago("leak", since) >= 20
        assert p.flow.dangers()[0].data["l_min"] == pytest.approx(much, rel=0.5)


@pytest.mark.slow
@settings(max_examples=20)
@given(EVERY, st.floats(0, 0.99), st.floats(0, 0.25))
def test_drops_are_no_leak(per_l: float, phase: float, much: float) -> None:
    p = pipes(per_l, phase=phase, a=12.0)
    p.extra = much
    assert p.run(1200).found == []


def test_a_small_leak_takes_minutes() -> None:
    p = pipes(a=12.0)
    p.extra = 0.5
    assert p.run(330).dangers() == {("leak", PUMP)}


def test_a_leak_is_over_when_nothing_has_come_for_a_minute() -> None:
    p = pipes(a=12.0)
    p.extra = 5.0
    p.run(40)
    p.extra = 0.0
    assert p.run(50).dangers() == {("leak", PUMP)}
    assert p.run(20).dangers() == set()


def test_a_leak_without_a_pump_is_told_of_the_meter_and_stops_nothing() -> None:
    p = pipes(pump=False)
    p.extra = 5.0
    p.run(40)
    assert p.dangers() == set()
    assert ("leak", "sensor/water", True) in [c[:3] for c in p.flow.conditions()]


def test_water_through_a_valve_that_is_named_as_open_is_no_leak() -> None:
    p = pipes().see(a=False)
    p.extra = 12.0
    assert p.run(600).found == []
