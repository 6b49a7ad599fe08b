"""Tanks, pumps and valves: every litre is somewhere, and what is asked changes nothing."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from villages import village

from simulator.hydraulics import PIPE_L, Account, Broken, Hydraulics

FLOW = "input/flow"
SITE: dict[str, Any] = {
    "inputs": {
        "flow": {"gpio": 16, "role": "flow", "pulses_per_l": 7.5}, "tank": {"gpio": 21, "role": "level", "low_is": "empty"},
        "roof": {"gpio": 22, "role": "level", "low_is": "full"},
    },
    "pumps": {
        "p": {"name": "P", "output": {"gpio": 24}, "rated_w": 750, "max_on": "2h", "daily_max": "6h", "zones_at_once": 2, "stop_when": {"tank": "empty"}},
        "lift": {"name": "L", "output": {"gpio": 23}, "max_on": "2h", "daily_max": "6h", "stop_when": {"roof": "full"}},
    },
    "valves": {
        **{name: {"name": name, "output": {"gpio": pin}, "pump": "p", "flow": "flow", "max_on": "1h", "daily_max": "2h", "default": "20m", **more}
           for name, pin, more in (("a", 25, {"normal_l_min": 12}), ("b", 12, {"normal_l_min": 12}), ("c", 4, {}))},
        "ditch": {"name": "ditch", "output": {"gpio": 18}, "flow": "flow", "max_on": "1h", "daily_max": "2h", "default": "20m", "normal_l_min": 20},
    },
}  # fmt: skip


class Field:
    """Pipes, and all that they said."""

    def __init__(self, seed: int = 1) -> None:
        self.pipes = Hydraulics(village(**SITE), seed, 0.0)
        self.rates: list[tuple[float, float]] = []
        self.watts: list[tuple[float, str, float]] = []
        self.floats: list[tuple[str, bool]] = []
        self.soaked = dict.fromkeys(self.pipes.pipes, 0.0)
        self._gets: dict[str, tuple[float, float]] = {}
        self.pipes.flows = lambda rates, mono: self.rates.append((mono, rates.get(FLOW, 0.0)))
        self.pipes.draws = lambda pump, watts, mono: self.watts.append((mono, pump, watts))
        self.pipes.says = lambda name, empty: self.floats.append((name, empty))
        self.pipes.waters = self._water

    def _water(self, plot: str, l_s: float, at_once: float, mono: float) -> None:
        since, before = self._gets.get(plot, (mono, 0.0))
        self.soaked[plot] += before * (mono - since) + at_once
        self._gets[plot] = mono, l_s

    def metered(self, end: float) -> float:
        changes = [*self.rates, (end, 0.0)]
        return sum(rate * (till - at) / 60 for (at, rate), (till, _) in pairwise(changes))

    def set(self, mono: float, **on: bool) -> None:
        for name, state in on.items():
            self.pipes.power(f"{'pump' if name in ('p', 'lift') else 'valve'}/{name}", state, mono)


@pytest.fixture
def field() -> Field:
    return Field()


def test_a_valve_alone_gives_its_normal_flow_once_its_pipe_is_full(field: Field) -> None:
    field.set(10, a=True)
    assert field.rates == []
    field.set(15, p=True)
    assert field.rates[-1] == (15, pytest.approx(15, rel=0.02))  # into an empty pipe
    full = field.pipes.follow(16)
    assert full == pytest.approx(15 + PIPE_L / 15 * 60, rel=0.02)
    field.pipes.follow(100)
    assert field.rates[-1] == (full, pytest.approx(12))
    assert field.pipes.delivered_l("a", 100) == pytest.approx(12 * (100 - full) / 60)


def test_several_share_the_pressure_and_each_gets_a_little_less(field: Field) -> None:
    field.set(0, a=True, p=True)
    field.pipes.follow(60)
    field.set(60, b=True)
    field.pipes.follow(120)
    assert 22 < field.rates[-1][1] < 24
    assert field.pipes.pipes["a"].flow == field.pipes.pipes["b"].flow < 12


def test_an_unknown_normal_flow_is_drawn_by_the_seed() -> None:
    drawn = {Field(seed).pipes.pipes["c"].normal for seed in range(20)}
    assert len(drawn) > 10
    assert all(8 <= flow <= 15 for flow in drawn)
    assert Field(3).pipes.pipes["c"].normal == Field(3).pipes.pipes["c"].normal


def test_what_the_meter_counted_is_in_the_plots_to_the_drop(field: Field) -> None:
    field.set(0, a=True)
    field.set(5, p=True)
    field.set(300, b=True)
    field.set(600, a=False)
    field.set(900, p=False)
    field.set(903, b=False)
    assert field.metered(903) == pytest.approx(sum(field.soaked.values()), abs=1e-9)
    assert field.soaked["a"] == pytest.approx(field.pipes.delivered_l("a", 903), abs=1e-9)
    assert field.rates[-1] == (900, 0.0)
    assert field.pipes.account("p", 903) == Account(895)


def test_a_valve_without_a_pump_has_its_water_by_itself(field: Field) -> None:
    field.set(0, ditch=True)
    field.pipes.follow(60)
    assert field.rates[-1][1] == 20.0
    assert field.pipes.account("p", 60) == Account()


def test_a_pump_against_closed_valves_is_told_of_and_draws_less(field: Field) -> None:
    field.set(0, p=True)
    field.set(7, a=True)
    field.pipes.follow(60)
    assert field.pipes.account("p", 70) == Account(70, 0, 7)
    assert field.watts == [(0, "p", 600), (7, "p", 750)]
    field.set(70, lift=True)
    assert field.pipes.account("lift", 80) == Account(10)


def test_a_tank_that_is_emptied_says_so_runs_dry_and_fills_again(field: Field) -> None:
    tank = field.pipes.tanks["input/tank"]
    field.set(0, a=True, b=True, c=True, p=True)
    emptied = tank.level / (sum(p.flow for p in field.pipes.pipes.values()) - tank.own) * 60
    field.pipes.follow(emptied * 1.5)
    assert field.floats == [("input/tank", True)]
    assert field.rates[-1][1] > 0 or field.watts[-1][2] == pytest.approx(525)
    assert field.pipes.account("p", emptied * 1.5).dry_s > 0
    field.set(emptied * 1.5, p=False)
    field.pipes.follow(emptied * 1.5 + tank.capacity / tank.own * 60)
    assert field.floats[-1] == ("input/tank", False)
    assert tank.level == tank.capacity


def test_a_tank_that_is_filled_and_used(field: Field) -> None:
    assert field.pipes.empty("input/roof")
    field.set(0, lift=True)
    field.pipes.follow(12_000 / 25 * 60)
    assert not field.pipes.empty("input/roof")
    field.set(40_000, lift=False)
    field.pipes.follow(40_000 + 12_000 / 5 * 60)
    assert field.floats == [("input/roof", False), ("input/roof", True)]


@pytest.mark.parametrize(
    ("broken", "flow", "gets"),
    [
        (Broken(burst=frozenset({"a"})), 36, 3.6),
        (Broken(blocked=frozenset({"a"})), 4.8, 4.8),
        (Broken(stuck={"a": False}), 0, 0),
        (Broken(stuck={"c": True}), None, None),
        (Broken(dry=frozenset({"p"})), 0, 0),
        (Broken(leaks={FLOW: 2.5}), 14.5, 12),
        (Broken(dead=frozenset({FLOW})), 0, 12),
    ],
)
def test_what_is_broken(field: Field, broken: Broken, flow: float | None, gets: float | None) -> None:
    field.set(0, a=True, p=True)
    field.pipes.follow(60)
    field.pipes.suffer(broken, 100)
    field.pipes.follow(200)
    if flow is None or gets is None:
        assert field.rates[-1][1] > 18
        assert field.pipes.pipes["c"].gets > 7
    else:
        assert field.rates[-1][1] == pytest.approx(flow, rel=0.05)
        assert field.pipes.pipes["a"].gets == pytest.approx(gets, rel=0.05)
    field.pipes.suffer(Broken(), 300)
    field.pipes.follow(400)
    assert field.rates[-1][1] == pytest.approx(12)


def test_a_leak_runs_while_all_is_closed_and_a_dry_well_ends_it(field: Field) -> None:
    field.pipes.suffer(Broken(leaks={FLOW: 2.0}), 0)
    assert field.rates == [(0, 2.0)]
    field.pipes.suffer(Broken(leaks={FLOW: 2.0}, dry=frozenset({"p"})), 600)
    assert (field.rates[-1], field.floats) == ((600, 0.0), [("input/tank", True)])
    assert field.pipes.leaked_l == pytest.approx(20)
    field.pipes.suffer(Broken(), 700)
    assert field.floats == [("input/tank", True), ("input/tank", False)]


@settings(max_examples=40)
@given(data=st.data())
def test_whatever_is_switched_no_litre_is_lost_and_looking_changes_nothing(data: st.DataObject) -> None:
    watched, alone = Field(), Field()
    mono = 0.0
    for _ in range(data.draw(st.integers(1, 25))):
        mono += data.draw(st.floats(0.1, 5000))
        name, on = data.draw(st.sampled_from(["a", "b", "c", "ditch", "p"])), data.draw(st.booleans())
        for step in sorted(data.draw(st.lists(st.floats(0, 1), max_size=3))):
            last = watched.pipes._since
            assert watched.pipes.follow(last + (mono - last) * step) > last
        for each in (watched, alone):
            each.set(mono, **{name: on})
    mono += 10_000
    for each in (watched, alone):
        each.set(mono, a=False, b=False, c=False, ditch=False, p=False)
        assert each.metered(mono) == pytest.approx(sum(each.soaked.values()), rel=1e-9, abs=1e-6)
    assert watched.soaked == pytest.approx(alone.soaked, rel=1e-9, abs=1e-6)
    ran = [each.pipes.account("p", mono) for each in (watched, alone)]
    assert (ran[0].on_s, ran[0].shut_s) == pytest.approx((ran[1].on_s, ran[1].shut_s))
    assert math.isfinite(watched.pipes.tanks["input/tank"].level)
