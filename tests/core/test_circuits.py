"""Which circuits burn: levels never cost lamps, turns go round, locked and dead ones are replaced. Properties and cases."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from villages import Bench, street, village

from edge.core.circuits import Bank, Circuit
from edge.core.lighting import ladder

WATTS = st.lists(st.sampled_from([240.0, 480.0, 480.0, 600.0]), min_size=1, max_size=8)
NIGHTS = st.dates(dt.date(2026, 1, 1), dt.date(2036, 1, 1))


def bank(watts: list[float], rotates: bool = True) -> Bank:
    return Bank([Circuit("abcdefgh"[i], f"light/x/{i}", w) for i, w in enumerate(watts)], ladder(watts), rotates)


@given(WATTS, st.data())
def test_a_higher_level_never_has_fewer_lamps_whatever_is_locked_or_dead(watts: list[float], data: st.DataObject) -> None:
    b = bank(watts)
    b.turn(0, data.draw(NIGHTS))
    for c in b.circuits:
        c.frozen = data.draw(st.sampled_from([None, None, None, True, False]))
        c.avoided = data.draw(st.sampled_from([False, False, False, True]))
    burning = [b.wanted(level) for level in b.ladder.levels]
    for fewer, more in pairwise(burning):
        assert sum(fewer) <= sum(more)
        assert sum(w for w, on in zip(watts, fewer, strict=True) if on) <= sum(w for w, on in zip(watts, more, strict=True) if on)
    for wanted in burning:
        for c, on in zip(b.circuits, wanted, strict=True):
            assert c.frozen is None or on is c.frozen


@given(WATTS, NIGHTS, st.sampled_from([True, False]))
def test_with_all_whole_a_level_burns_its_number_and_its_power_on_any_night(watts: list[float], night: dt.date, rotates: bool) -> None:
    b = bank(watts, rotates)
    b.turn(0, night)
    for places, level in enumerate(b.ladder.levels):
        wanted = b.wanted(level)
        assert sum(wanted) == places
        assert sum(w for w, on in zip(watts, wanted, strict=True) if on) == sum(watts[:places])


@given(WATTS, st.data())
def test_one_that_is_out_is_replaced_by_an_equal_one_that_rests(watts: list[float], data: st.DataObject) -> None:
    b = bank(watts)
    b.turn(0, data.draw(NIGHTS))
    level = data.draw(st.sampled_from(b.ladder.levels))
    before = b.wanted(level)
    out = data.draw(st.integers(0, len(watts) - 1))
    b.circuits[out].frozen = False
    after = b.wanted(level)
    spare = any(not on and w == watts[out] for i, (on, w) in enumerate(zip(before, watts, strict=True)) if i != out)
    assert sum(after) == sum(before) - (before[out] and not spare)


def test_in_place_of_a_locked_one_rather_one_burns_that_did_not_close_than_none() -> None:
    b = bank([480.0, 480.0, 480.0], rotates=False)
    b.circuits[0].frozen = False
    b.circuits[1].avoided = True
    assert b.wanted(33) == [False, False, True]
    b.circuits[2].avoided = True
    assert b.wanted(33) == [False, True, False]


def test_one_that_was_replaced_still_burns_in_place_of_a_locked_one() -> None:
    b = bank([480.0, 480.0, 480.0], rotates=False)
    b.circuits[0].avoided = True
    b.circuits[1].frozen = False
    assert b.wanted(67) == [True, False, True]
    assert b.wanted(33) == [False, False, True]


@given(WATTS, NIGHTS, st.data())
def test_what_burnt_over_a_start_burns_on_and_every_level_keeps_its_power(watts: list[float], night: dt.date, data: st.DataObject) -> None:
    b = bank(watts)
    b.turn(0, data.draw(NIGHTS))
    level = data.draw(st.sampled_from(b.ladder.levels))
    before = b.wanted(level)
    again = bank(watts)
    for c, burnt in zip(again.circuits, before, strict=True):
        c.was_on = burnt
    again.begin(level, night)
    assert again.wanted(level) == before
    for places, other in enumerate(again.ladder.levels):
        assert sum(w for w, on in zip(watts, again.wanted(other), strict=True) if on) == sum(watts[:places])


@given(st.integers(2, 8), NIGHTS)
def test_equal_circuits_take_turns_night_by_night(count: int, first: dt.date) -> None:
    b = bank([480.0] * count)
    burnt = []
    for n in range(count):
        b.turn(0, first + dt.timedelta(days=n))
        burnt.append(b.wanted(b.ladder.levels[1]).index(True))
    assert sorted(burnt) == list(range(count))


def test_the_turn_does_not_change_while_only_some_burn() -> None:
    b = bank([480.0] * 3)
    b.turn(0, dt.date(2026, 11, 21))
    before = b.wanted(33)
    b.turn(33, dt.date(2026, 11, 22))
    assert b.wanted(33) == before
    b.turn(100, dt.date(2026, 11, 22))
    assert b.wanted(33) != before


def turning(**more: Any) -> Bench:
    return Bench(village({"road": street(**more) | {"rotate": True}}))


def lit_at_33(b: Bench) -> str:
    b.send({"action": "on", "level": 33, "for_s": 7200})
    return b.on()


@pytest.mark.slow
def test_a_street_burns_another_circuit_each_night_and_tells_their_hours() -> None:
    b = turning()
    seen = []
    for _ in range(3):
        seen.append(lit_at_33(b))
        b.advance(86400)
    assert sorted(seen) == ["a", "b", "c"]
    hours = [c["hours"] for c in b.state()["circuits"]]
    assert max(hours) - min(hours) <= 1
    assert min(hours) >= 2 + 3 * 4


@pytest.mark.slow
def test_burning_on_over_noon_no_circuit_is_exchanged() -> None:
    b = turning()
    b.send({"action": "on", "level": 33, "for_s": 40 * 3600})
    before = {name: list(line.writes) for name, line in b.lines.items()}
    b.advance(39 * 3600)
    assert {name: line.writes for name, line in b.lines.items()} == before


def test_a_circuit_that_does_not_follow_gives_its_place_to_another_and_is_told_of() -> None:
    b = turning()
    first = lit_at_33(b)
    b.lines[f"light/road/{first}"].stuck = False
    b.advance(5)
    assert b.alarm("stuck-off:light:road") is None
    b.advance(10)
    assert b.on() not in ("", first)
    assert b.alarm("stuck-off:light:road")["data"] == {"circuits": first}
    assert b.state()["observed_level"] == 33
    assert "another burns for it" in b.state()["detail"]
    b.lines[f"light/road/{first}"].stuck = None
    b.send("OFF")
    b.advance(86400)  # the next night tries it again
    b.send({"action": "on", "for_s": 3600})
    b.advance(60)
    assert b.on() == "abc"
    assert b.alarm("stuck-off:light:road")["state"] == "cleared"
