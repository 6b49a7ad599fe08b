"""Which figures are doubted and which are absent, and when a meter's registers stand still."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from villages import Bench, village

from edge.core.counter import Counter
from edge.core.events import ReadingsTaken
from edge.core.meter_unit import MeterUnit
from edge.core.plausible import EVERY_FIGURE, THE_COUNTER, Frozen, beyond_apparent, doubtful
from edge.core.recorder import Recorder
from edge.core.topics import Topics
from edge.core.values import Moment, Reading

METER = {"name": "Nhà", "model": "sdm120", "port": "bus", "address": 2, "poll": "10s", "record": "60s", "rated_kw": 5}
SOUND = {"voltage_v": 231.5, "current_a": 2.2, "power_w": 480.0, "frequency_hz": 50.01, "energy_kwh": 100.0}


class House(Bench):
    """A village of one SDM120 without lights, whose readings a test makes up."""

    def __init__(self, **more: Any) -> None:
        super().__init__(village(lights={}, meters={"house": METER}), **more)

    def read(self, **changed: float | None) -> dict[str, Any]:
        """A poll with these figures in place of sound ones (None: absent); what is then retained."""
        figures = {n: v for n, v in (SOUND | changed).items() if v is not None}
        self.put(ReadingsTaken("meter/house", Reading("meter/house", figures, self.clock.now().wall)))
        return json.loads(self.radio.retained.get(f"{self.root}/meter/house/reading", b"{}"))

    def value(self, quantity: str) -> str:
        return self.radio.retained[f"{self.root}/meter/house/value/{quantity}"].decode()


@pytest.mark.parametrize(
    ("changed", "doubted"),
    [
        ({}, set()),
        ({"voltage_v": 179.0}, {"voltage_v"}),
        ({"voltage_v": 261.0}, {"voltage_v"}),
        ({"voltage_v": 180.0}, set()),
        ({"voltage_v": 260.0}, set()),
        ({"frequency_hz": 44.9}, {"frequency_hz"}),
        ({"frequency_hz": 60.0}, {"frequency_hz"}),
        ({"frequency_hz": 0.0}, {"frequency_hz"}),
        ({"power_w": 7501.0, "current_a": 40.0}, {"power_w"}),
        ({"power_w": -7501.0, "current_a": 40.0}, {"power_w"}),
        # The mains are away, and the meter lives on: all of it is true.
        ({"voltage_v": 0.0, "frequency_hz": 0.0, "current_a": 0.0, "power_w": 0.0}, set()),
        ({"voltage_v": 3.1, "frequency_hz": 0.0, "current_a": 0.0, "power_w": 0.0}, set()),
    ],
)
def test_a_figure_that_mains_of_230_v_cannot_have_is_named_and_told(
    changed: dict[str, float], doubted: set[str]
) -> None:
    told = House().read(**changed)
    assert told["values"] == SOUND | changed
    assert told["quality"] == ("suspect" if doubted else "good")
    assert set(told.get("suspect", [])) == doubted


def test_a_dead_phase_is_true_and_the_others_are_looked_at() -> None:
    phases = {"voltage_l1_v": 0.0, "voltage_l2_v": 231.0, "voltage_l3_v": 120.0, "frequency_hz": 0.0}
    assert doubtful(phases, None) == {"voltage_l3_v"}
    assert doubtful(phases | {"voltage_l1_v": 230.0}, None) == {"voltage_l3_v", "frequency_hz"}


@pytest.mark.parametrize(
    ("figures", "beyond"),
    [
        ({"voltage_v": 230.0, "current_a": 2.0, "power_w": 525.0}, set()),
        ({"voltage_v": 230.0, "current_a": 2.0, "power_w": 530.0}, {"power_w"}),
        ({"voltage_v": 230.0, "current_a": 2.0, "power_w": -530.0}, {"power_w"}),
        ({"voltage_v": 230.0, "current_a": 0.0, "power_w": 15.0}, set()),
        ({"voltage_v": 230.0, "power_w": 530.0}, set()),
        ({"current_a": 0.0, "power_w": 530.0}, set()),
        (
            {f"{q}_l{i}_{u}": v for i in (1, 2, 3) for q, u, v in (("voltage", "v", 230.0), ("current", "a", 2.0))}
            | {"power_l1_w": 400.0, "power_l2_w": 900.0, "power_w": 1300.0},
            {"power_l2_w"},
        ),
        (
            {f"{q}_l{i}_{u}": v for i in (1, 2, 3) for q, u, v in (("voltage", "v", 230.0), ("current", "a", 2.0))}
            | {"power_w": 2000.0},
            {"power_w"},
        ),
    ],
)
def test_no_power_is_more_than_volts_times_amperes(figures: dict[str, float], beyond: set[str]) -> None:
    assert beyond_apparent(figures) == beyond


def test_power_beyond_volts_times_amperes_is_doubted_from_the_second_reading_on() -> None:
    b = House()
    assert b.read(current_a=0.0)["quality"] == "good"  # a lamp was switched between two questions
    b.advance(10)
    assert b.read(current_a=0.0, energy_kwh=100.001)["suspect"] == ["power_w"]
    b.advance(10)
    assert b.read(energy_kwh=100.002)["quality"] == "good"


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, None])
def test_what_is_no_number_is_absent_and_unknown_but_never_zero(bad: float | None) -> None:
    b = House()
    b.read()
    b.advance(10)
    told = b.read(voltage_v=bad, energy_kwh=100.001)
    assert told["values"] == {n: v for n, v in SOUND.items() if n != "voltage_v"} | {"energy_kwh": 100.001}
    assert (told["quality"], b.value("voltage_v"), b.value("power_w")) == ("good", "unknown", "480.0")
    b.advance(10)
    b.read(energy_kwh=100.002)
    assert b.value("voltage_v") == "231.5"


def test_a_reading_without_one_number_is_silence() -> None:
    b = House()
    b.read()
    for _ in range(4):
        b.advance(10)
        b.read(**dict.fromkeys(SOUND, math.nan))
    assert b.value("power_w") == "unknown"
    b.advance(30)
    assert (b.alarm("device-silent:meter:house") or {})["data"]["why"] == "none of its figures is a number"


def test_a_meter_that_answers_the_same_for_ten_minutes_under_power_is_frozen() -> None:
    b = House()
    for _ in range(60):
        assert b.read()["quality"] == "good"
        b.advance(10)
    told = b.read()
    assert (told["quality"], told["suspect"]) == ("suspect", list(SOUND))
    for _ in range(3):
        b.advance(10)
        b.read()
    alarm = b.alarm("reading-frozen:meter:house") or {}
    assert alarm["text"] == {
        "en": "Nhà answers, but every figure stands still", "vi": "Nhà vẫn trả lời nhưng mọi con số đứng yên"
    }
    for i in range(4):
        assert b.read(voltage_v=231.6 + i, energy_kwh=100.09)["quality"] == "good"
        b.advance(10)
    assert (b.alarm("reading-frozen:meter:house") or {})["state"] == "cleared"


def test_a_counter_that_does_not_count_what_is_shown_is_frozen_by_itself() -> None:
    b = House()
    b.read(energy_kwh=99.998)
    for i in range(62):
        b.advance(10)
        told = b.read(voltage_v=231.5 + i % 3)
    assert told["suspect"] == ["energy_kwh"]


def test_a_power_in_doubt_is_no_evidence_of_what_burns() -> None:
    unit = MeterUnit("meter/m", SOUND, 30.0, 5.0, None, Topics("thon"), Recorder(60.0), 0.001)

    def heard(at: float, **changed: float) -> tuple[float, float] | None:
        moment = Moment(1e9 + at, at, "boot", trusted=True)
        unit.take(ReadingsTaken("meter/m", Reading("meter/m", SOUND | changed, moment.wall)), moment)
        return unit.power()

    assert heard(0.0) == (480.0, 0.0)
    assert heard(10.0, voltage_v=150.0) == (480.0, 10.0)  # that one figure is in doubt says nothing of another
    assert heard(20.0, power_w=8000.0) is None
    for at in range(30, 650, 10):
        last = heard(float(at), current_a=2.3)
    assert last is None


readings = st.lists(st.tuples(st.floats(1, 3600), st.floats(229, 232), st.booleans()), min_size=2, max_size=60)


@given(readings, st.sampled_from([0.0, 3.0, 49.0]))
def test_an_idle_meter_is_never_accused(polls: list[tuple[float, float, bool]], watts: float) -> None:
    """Without power everything may stand still; a lamp's few watts may be shown and not counted."""
    frozen, at = Frozen(0.01), 0.0
    for i, (seconds, volts, same) in enumerate(polls):
        at += seconds
        shown = 230.0 if watts == 0 and same else volts + 1e-6 * i
        frozen.take(Reading("meter/m", {"voltage_v": shown, "power_w": watts, "energy_kwh": 5.0}, at))
        assert frozen.why is None


@given(st.lists(st.tuples(st.floats(1, 3600), st.floats(0, 5000)), min_size=2, max_size=80), st.sampled_from([0.001, 0.01, 1.0]))
def test_a_meter_that_counts_what_it_shows_is_never_accused(polls: list[tuple[float, float]], step: float) -> None:
    """Whatever the polls, the load and the counter's steps: `power_w` is that of the interval's end, as on a meter."""
    frozen, at, counted, last_w = Frozen(step), 0.0, 70.0, 0.0
    for i, (seconds, watts) in enumerate(polls):
        at += seconds
        counted += max(watts, last_w) * seconds / 3.6e6
        last_w = watts
        energy = math.floor(counted / step) * step
        frozen.take(Reading("meter/m", {"voltage_v": 230 + 0.1 * (i % 7), "power_w": watts, "energy_kwh": energy}, at))
        assert frozen.why is None


@given(st.integers(1, 600), st.integers(60, 5000))
def test_whatever_the_poll_a_frozen_meter_is_found(seconds: int, watts: int) -> None:
    frozen, at = Frozen(0.01), 0.0
    for _ in range(max(600 // seconds + 2, 11)):
        frozen.take(Reading("meter/m", {"voltage_v": 230.0, "power_w": float(watts)}, at))
        at += seconds
    assert frozen.why == EVERY_FIGURE


def test_a_frozen_counter_is_found_when_the_power_should_have_moved_it() -> None:
    """After three steps if it was seen to move, else after three hundred of those that its model has."""
    for seen, due_kwh in ((True, 0.3), (False, 30.0)):
        frozen, found = Frozen(0.1), None
        frozen.take(Reading("meter/m", {"power_w": 480.0, "energy_kwh": 4.9 if seen else 5.0}, 0.0))
        for i in range(1, 25_000):
            figures = {"voltage_v": 230 + 0.1 * (i % 7), "power_w": 480.0, "energy_kwh": 5.0}
            frozen.take(Reading("meter/m", figures, 10.0 * i))
            if frozen.why is not None:
                found = 10.0 * i
                break
        assert frozen.why == THE_COUNTER
        assert found == pytest.approx(due_kwh / 0.48 * 3600, abs=21)


@given(
    st.lists(st.tuples(st.floats(1, 600), st.floats(0, 1)), max_size=60), st.sampled_from([1, 10, 40, 80]),
    st.sampled_from([0.5, 5.0]),
)
def test_behind_transformers_coarse_steps_are_neither_jumps_nor_standstill(
    polls: list[tuple[float, float]], ratio: int, rated_kw: float
) -> None:
    """The model's step is 0.01 kWh, the counter's is that times the ratio; before the first reading it stood long."""
    step = 0.01 * ratio
    counter, frozen, at, true = Counter(rated_kw, step=0.01), Frozen(0.01), 0.0, 70.0
    last_w = 0.0
    for i, (seconds, share) in enumerate(polls):
        at += seconds
        watts = rated_kw * 1000 * share
        true += max(watts, last_w) * seconds / 3.6e6
        last_w = watts
        figures = {"voltage_v": 230 + 0.1 * (i % 7), "power_w": watts, "energy_kwh": math.floor(true / step) * step}
        judged = counter.judge(Reading("meter/m", figures, at))
        assert judged is not None
        assert judged.life == 1
        frozen.take(judged)
        assert frozen.why is None


class Truth:
    """A meter that counts and now and then begins anew; the energy that it really counted is known."""

    def __init__(self, wraps_at: float) -> None:
        self.wraps_at = wraps_at
        self.shown = 0.0

    def flow(self, kwh: float) -> None:
        self.shown = (self.shown + kwh) % self.wraps_at


steps = st.lists(
    st.tuples(
        st.sampled_from(["read", "read", "read", "zero", "nan", "absent", "huge", "reset", "gap", "restart", "wrapped"]),
        st.floats(1, 3600), st.floats(0, 1),
    ),
    max_size=40,
)


@given(steps, st.sampled_from([None, 5.0]))
def test_within_a_life_energy_never_falls_over_wraps_resets_faults_gaps_and_restarts(
    happenings: list[tuple[str, float, float]], rated_kw: float | None
) -> None:
    """And no more lives are begun than there are falls and bad figures."""
    wraps_at = 40.0
    truth, counter = Truth(wraps_at), Counter(rated_kw, step=0.01, wraps_at=wraps_at)
    told: dict[int, float] = {}
    at = 0.0
    renewals = 0
    for what, seconds, share in happenings:
        at += seconds * (100 if what == "gap" else 1)
        before = truth.shown
        truth.flow(5.0 * share * seconds / 3600)
        if what == "reset":
            truth.shown = 0.0
        renewals += truth.shown < before
        if what == "restart":
            last = max(told, default=None)
            energy = None if last is None else told[last]
            counter = Counter(rated_kw, counter.life, energy, 0.01, wraps_at)
        figure = {"zero": 0.0, "nan": math.nan, "huge": 39.99, "wrapped": wraps_at}.get(what, truth.shown)
        quantities = {"power_w": 1.0} | ({} if what in ("absent", "nan") else {"energy_kwh": figure})
        judged = counter.judge(Reading("meter/m", quantities, at))
        if what == "wrapped":
            assert judged is not None
            assert "energy_kwh" not in judged.quantities
        if judged is not None and "energy_kwh" in judged.quantities:
            energy = judged.quantities["energy_kwh"]
            assert judged.life >= max(told, default=1)
            assert energy >= told.get(judged.life, 0.0)
            told[judged.life] = energy
    faults = sum(what in ("zero", "huge") for what, _, _ in happenings)
    assert counter.life <= 1 + renewals + faults


def test_a_rollover_begins_a_life_when_the_next_reading_agrees() -> None:
    counter = Counter(5.0, step=0.01, wraps_at=10_000.0)
    shown = [9999.97, 9999.99, 0.0, 0.01, 0.02]
    judged = [counter.judge(Reading("meter/m", {"energy_kwh": e}, 10.0 * i)) for i, e in enumerate(shown)]
    assert [None if j is None else (j.life, j.quantities["energy_kwh"]) for j in judged] == [
        (1, 9999.97), (1, 9999.99), None, (2, 0.01), (2, 0.02)
    ]
