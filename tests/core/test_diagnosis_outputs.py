"""What a pulse and a switch came to, judged from what a person and the meters said."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.diagnosis_outputs import HEADER, Match, Place, Pulse, Verdict, Watts, match_findings, pulse_findings
from edge.core.diagnosis_words import told

LINE = Place(gpio=17, active="high")
PULSE = Pulse("light/road/a", LINE, "right", "lights.road.circuits.a.output", 21)
MATCH = Match("light/road/a", "cabinet", 480.0, "lights.road.meter", 20)


def steady(off: float, on: float) -> Watts:
    return Watts([off] * 3, [on] * 3, [off] * 3)


def code(match: Match) -> list[str]:
    return [finding.code for finding in match_findings(match)]


def test_every_line_of_the_header_has_a_pin_of_its_own() -> None:
    assert sorted(HEADER) == list(range(28))
    assert len(set(HEADER.values())) == 28
    assert (HEADER[17], HEADER[2], HEADER[21]) == (11, 3, 40)
    assert str(LINE) == "GPIO 17 (pin 11), active high"


def test_what_is_inverted_is_to_be_written_the_other_way_at_its_line() -> None:
    text, do = told(pulse_findings(replace(PULSE, verdict="inverted"))[0], "en")
    assert "GPIO 17" in text
    assert do[0] == "line 21 of the configuration: write `active: low` for lights.road.circuits.a.output"
    low = replace(PULSE, place=Place(gpio=17, active="low"), verdict="inverted")
    assert "`active: high`" in told(pulse_findings(low)[0], "en")[1][0]


def test_a_coil_that_is_inverted_has_its_wire_on_the_wrong_contact() -> None:
    coil = replace(PULSE, place=Place(board="b", coil=3), verdict="inverted")
    assert "normally closed" in told(pulse_findings(coil)[0], "en")[1][0]


@pytest.mark.parametrize("verdict", get_args(Verdict))
def test_every_verdict_has_a_severity_that_fits(verdict: Verdict) -> None:
    (finding,) = pulse_findings(replace(PULSE, verdict=verdict, error="why", other="x"))
    wrong = verdict in ("inverted", "nothing", "other", "failed")
    assert finding.severity == ("wrong" if wrong else "right" if verdict == "right" else "doubt")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ((False, True, False), "feedback-right"),
        ((True, False, True), "feedback-inverted"),
        ((False, False, False), "feedback-dead"),
        ((None, True, False), "feedback-dead"),
    ],
)
def test_a_feedback_contact_must_follow(said: tuple[bool | None, bool | None, bool | None], expected: str) -> None:
    assert pulse_findings(replace(PULSE, feedback=said))[1].code == expected
    assert len(pulse_findings(replace(PULSE, verdict="nothing", feedback=said))) == 1


@pytest.mark.parametrize(
    ("watts", "expected"),
    [
        ({"cabinet": steady(0, 480), "hall": steady(90, 90)}, ["match-right"]),
        ({"cabinet": steady(1000, 1480)}, ["match-right"]),
        ({"cabinet": steady(0, 240)}, ["match-power"]),
        ({"cabinet": steady(0, -480)}, ["match-reversed"]),
        ({"cabinet": steady(0, 0), "hall": steady(90, 570)}, ["match-other"]),
        ({"cabinet": steady(0, 480), "whole": steady(2000, 2480)}, ["match-right", "match-also"]),
        ({"cabinet": steady(0, 100), "hall": steady(0, 0)}, ["match-none"]),
        # A kettle that somebody else switches on in the middle stays on: no circuit of ours.
        ({"cabinet": Watts([0, 0, 0], [2000, 2000, 2000], [2000, 2000, 2000])}, ["match-none"]),
        # A motor next door that comes and goes hides what moves.
        ({"cabinet": Watts([0, 900, 0], [480, 1380, 480], [0, 0, 0])}, ["match-none"]),
    ],
)
def test_the_meter_is_known_by_what_moves_with_the_circuit(watts: dict[str, Watts], expected: list[str]) -> None:
    assert code(replace(MATCH, watts=watts)) == expected


def test_the_other_meter_is_named_with_its_line() -> None:
    match = replace(MATCH, watts={"cabinet": steady(0, 0), "hall": steady(0, 480)})
    text, do = told(match_findings(match)[0], "en")
    assert text == "cabinet did not move; these did: hall +480 W"
    assert "write `meter: hall` in line 20 of the configuration (lights.road.meter)" in do[0]


def test_what_was_not_measured_says_so() -> None:
    assert code(replace(MATCH, left="locked")) == ["match-locked"]
    assert code(replace(MATCH, error="gone")) == ["match-failed"]
    assert match_findings(replace(MATCH, error="no water", left="skipped"))[0].severity == "doubt"
    assert code(replace(MATCH, unread=["cabinet"], watts={"hall": steady(0, 480)})) == ["match-unread"]
    assert code(replace(MATCH, meter=None, watts={"hall": steady(0, 480)})) == ["match-unnamed"]
    assert code(replace(MATCH, meter=None, watts={"hall": steady(5, 5)})) == ["match-none-expected"]


def test_a_motor_draws_what_its_load_asks_for() -> None:
    assert code(replace(MATCH, motor=True, rated_w=750.0, watts={"cabinet": steady(0, 400)})) == ["match-right"]
    assert code(replace(MATCH, rated_w=None, motor=True, watts={"cabinet": steady(0, 400)})) == ["match-right"]


@given(
    st.lists(st.floats(-50_000, 50_000), min_size=3, max_size=3), st.lists(st.floats(-50_000, 50_000), min_size=3, max_size=3),
    st.floats(10, 5000),
)
def test_what_wanders_more_than_it_moves_is_never_called_a_mover(off: list[float], on: list[float], rated_w: float) -> None:
    watts = Watts(off, on, off)
    movers = replace(MATCH, rated_w=rated_w, watts={"cabinet": watts}).movers
    if movers:
        assert abs(watts.moved) > 2 * (max(off) - min(off))
        assert abs(watts.moved) >= rated_w / 4
