"""Litres have owners, and what flows other than it should is found in time: by hand, and whatever the meter."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from villages import village
from water_pipes import Pipes

from edge.core import flow
from edge.core.events import PulsesCounted
from edge.core.flow import Flow
from edge.core.site import Site
from edge.core.values import Row

PUMP, A, B, C = "pump/well", "valve/a", "valve/b", "valve/c"
EVERY = st.sampled_from([0.5, 1.0, 7.5, 50.0, 500.0])  # pulses a litre


def field(per_l: float = 7.5, pump: bool = True, **normal: float | None) -> Site:
    """Valves behind one meter, and one pump or none; `normal` by valve, by the file."""
    bounds = {"max_on": "2h", "daily_max": "6h"}
    valves = {
        name: {
            "name": f"Ruộng {name}", "output": {"gpio": 5 + i}, "flow": "water", "default": "20m", **bounds,
            **({"pump": "well"} if pump else {}), **({} if l_min is None else {"normal_l_min": l_min}),
        }
        for i, (name, l_min) in enumerate(normal.items())
    }
    pumps = {"well": {"name": "Bơm", "output": {"gpio": 24}, "zones_at_once": 3, **bounds}} if pump else {}
    inputs = {"water": {"gpio": 16, "role": "flow", "pulses_per_l": per_l}}
    return village(lights={}, inputs=inputs, valves=valves, pumps=pumps)


def pipes(per_l: float = 7.5, pump: bool = True, phase: float = 0.5, **normal: float) -> Pipes:
    """As the file says, so it flows; the meter has been heard for a while."""
    p = Pipes(field(per_l, pump, **(normal or {"a": 12.0, "b": 6.0})), phase=phase)
    p.l_min = {f"valve/{name}": l_min for name, l_min in (normal or {"a": 12.0, "b": 6.0}).items()}
    return p.run(20)


# --- whose litres ---


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


Opened = st.dictionaries(st.sampled_from("abc"), st.just(True))  # which valves are open, all of them flowing
Plan = st.lists(st.tuples(Opened, st.floats(0.3, 400), st.tuples(*[st.floats(0.85, 1.15)] * 3)), max_size=8)


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


# --- nothing is wrong ---


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


Zones = st.lists(st.tuples(st.sampled_from("abc"), st.floats(150, 500), st.floats(0.85, 1.15)), min_size=8, max_size=12)


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


Faults = st.sampled_from(["jump", "spike", "back", "restart", "silent"])


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


# --- none ---


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


# --- too much ---


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


# --- too little ---


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


# --- leaks ---


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


# --- what stays, and for how long ---


def test_a_danger_stays_until_a_person_clears_it_and_is_found_anew() -> None:
    p = pipes().see(a=True).run(60)
    p.l_min[A] = 0.0
    p.run(30).see().run(100)
    p.flow.clear(A)
    assert p.dangers() == {("flow-none", PUMP)}
    p.flow.clear(PUMP)
    assert p.dangers() == set()
    p.see(a=True).run(31)
    assert p.dangers() == {("flow-none", PUMP)}


def test_what_is_blocked_after_a_restart_is_a_danger_still() -> None:
    def row(kind: str, **data: object) -> Row:
        return {"kind": kind, "at": 0.0, "data": json.dumps(data)}

    kept = {A: row("flow-high", flow="input/water", l_min=30.0), PUMP: row("leak", flow="input/other"), B: row("other")}
    p = Pipes(field(a=12.0, b=6.0), blocks=kept)
    assert p.dangers() == {("flow-high", A)}
    assert p.flow.dangers()[0].data["l_min"] == 30.0
    assert ("leak", PUMP, False, {}) in p.flow.conditions()


def test_what_one_meter_says_of_a_pump_another_does_not_deny() -> None:
    p, other = pipes(), pipes()
    p.l_min[A] = 0.0
    p.see(a=True).run(40)
    for flows in ((p.flow, other.flow), (other.flow, p.flow)):
        holds = {(kind, target): holds for kind, target, holds, _ in flow.conditions(flows)}
        assert holds["flow-none", PUMP]
        assert not holds["leak", PUMP]


# --- the normal flow ---


def zone(p: Pipes, seconds: float = 300.0, **opened: bool) -> Pipes:
    return p.see(**opened).run(seconds).see(**dict.fromkeys(opened, False)).run(3).see().run(30)


def test_the_normal_flow_is_learned_from_three_zones_that_agree() -> None:
    p = Pipes(field(a=None)).run(20)
    for l_min, known in ((14.0, None), (9.9, None), (10.1, None), (10.0, pytest.approx(10, rel=0.02)), (11.4, pytest.approx(10, rel=0.02))):
        p.l_min = {A: l_min}
        assert zone(p, a=True).flow.normal(A) == known
    assert p.kept[A]["runs"] == 3
    again = Pipes(p.site, p.kept).run(20)
    assert again.flow.normal(A) == pytest.approx(10, rel=0.02)


@pytest.mark.slow
def test_a_slow_leak_is_not_learned_away() -> None:
    p = Pipes(field(a=None)).run(20)
    for i in range(60):
        p.l_min = {A: 10.0 * 1.01**i}
        zone(p, a=True)
    assert p.flow.normal(A) == pytest.approx(10, rel=0.03)
    assert ("flow-high", A) in p.dangers()


def test_no_verdict_of_much_or_little_before_the_normal_flow_is_known() -> None:
    p = Pipes(field(a=None)).run(20)
    for l_min in (10.0, 30.0, 4.0, 30.0):
        p.l_min = {A: l_min}
        zone(p, a=True)
    assert p.found == []


def test_two_at_once_teach_only_the_one_that_is_not_known() -> None:
    p = Pipes(field(a=12.0, b=None, c=None)).run(20)
    p.l_min = {A: 12.0, B: 14.0, C: 3.0}
    for opened in ({"b": True, "c": True}, {"a": True, "c": True}, {"a": True, "b": True}):
        for _ in range(3):
            zone(p, **opened)
    assert p.flow.normal(B) == pytest.approx(14, rel=0.03)
    assert p.flow.normal(C) is None


def test_what_the_file_says_stands() -> None:
    p = pipes(a=12.0)
    p.l_min[A] = 10.0
    for _ in range(4):
        zone(p, a=True)
    assert p.flow.normal(A) == 12.0
    assert p.kept == {}


@pytest.mark.parametrize("seconds", [60.0, 115.0])
def test_a_short_zone_teaches_nothing(seconds: float) -> None:
    p = Pipes(field(a=None)).run(20)
    p.l_min = {A: 12.0}
    zone(p, seconds, a=True)
    assert p.kept == {}


# --- how much flows now ---


def test_the_flow_now_is_known_from_the_second_pulse_on_and_falls_while_none_comes() -> None:
    p = Pipes(field(a=12.0))
    assert p.flow.l_min() is None
    assert p.run(20).flow.l_min() == 0.0
    p.l_min = {A: 12.0}
    assert p.see(a=True).run(30).flow.l_min() == pytest.approx(12, rel=0.01)
    p.see().run(30)
    now = p.flow.l_min()
    assert now is not None
    assert 0 < now < 0.4
    assert p.run(120).flow.l_min() == 0.0


@pytest.mark.slow
@settings(max_examples=60)
@given(EVERY, st.floats(0, 0.99), st.floats(1.0, 40.0))
@example(7.5, 0.0, 12.0)
def test_the_flow_now_is_that_of_the_pipe(per_l: float, phase: float, l_min: float) -> None:
    assume(l_min * per_l > 2)  # pulses a minute: two within two minutes, and more
    p = Pipes(field(per_l, a=None), phase=phase).run(20)
    p.l_min = {A: l_min}
    now = p.see(a=True).run(200).flow.l_min()
    assert now == pytest.approx(l_min, rel=0.3)
