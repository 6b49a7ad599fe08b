"""What a flow input's dangers outlast, what it learns, and how much flows now."""

from __future__ import annotations

import json

import pytest
from flow_field import EVERY, PUMP, A, B, C, field, pipes, zone
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from water_pipes import Pipes

from edge.core import flow
from edge.core.values import Row


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


def test_valves_that_are_only_ever_open_together_are_learned_together() -> None:
    p = Pipes(field(a=12.0, b=None, c=None)).run(20)
    p.l_min = {A: 12.0, B: 9.0, C: 10.0}
    for opened in ({"b": True, "c": True}, {"a": True, "b": True}):
        for _ in range(3):
            zone(p, **opened)
    assert (p.flow.normal(B), p.flow.normal(C), p.found) == (None, None, [])
    assert {name: round(row["l_min"]) for name, row in p.kept.items()} == {f"{B}+{C}": 19, f"{A}+{B}": 21}
    for kept in (p, Pipes(p.site, p.kept).run(20)):
        for more, opened in ((B, {"b": True, "c": True}), (A, {"a": True, "b": True})):
            kept.l_min = {A: 12.0, B: 9.0, C: 10.0} | {more: 30.0}
            kept.found.clear()
            zone(kept, **opened)
            assert {(kind, target) for _, kind, target in kept.found} == {("flow-high", f"valve/{n}") for n in opened}
            for valve in opened:
                kept.flow.clear(f"valve/{valve}")


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
