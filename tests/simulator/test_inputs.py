"""What the core hears of the cabinet's contacts in virtual time: at once, once, and as the village has it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from villages import street, village, when

from edge.shell.app import catalogue
from simulator.daylight import Daylight
from simulator.fast import Fast
from simulator.fault_fast import FastStage
from simulator.faults import Faults, read

NOON = when("2026-11-21T12:00:00+07:00")
LOOK_S = 600.0  # as seldom as a long simulation looks at its lines
DOOR, HAND, MAINS, CELL, RAIN, FEEDBACK = (
    "input/door", "input/switch", "input/mains", "input/cell", "input/rain", "feedback/road/b",
)  # fmt: skip
INPUTS = {
    "door": {"gpio": 13, "role": "door"}, "switch": {"gpio": 6, "role": "hand", "of": ["road"]},
    "mains": {"gpio": 16, "role": "mains"}, "cell": {"gpio": 26, "role": "photocell"},
    "rain": {"gpio": 20, "role": "rain"},
}  # fmt: skip
QUIET = {DOOR: False, HAND: False, MAINS: True, CELL: False, RAIN: False, FEEDBACK: False}


class Stand:
    """A village with contacts, and all that the core was told of them as (seconds, name, on, error)."""

    def __init__(self, at: float = NOON, **more: Any) -> None:
        road = street()
        road["circuits"]["b"]["feedback"] = {"gpio": 5}
        self._trace = io.StringIO()
        self.fast = Fast(village({"road": road}, inputs=INPUTS), catalogue(), at, 1, poll_s=LOOK_S, trace=self._trace, **more)
        self.faults = Faults(FastStage(self.fast))

    def put(self, name: str, on: str | None = None, **values: Any) -> str:
        return str(self.faults.inject(read({"fault": name, **({"on": on} if on else {}), **values})))

    def events(self) -> list[dict[str, Any]]:
        """All that went into the core and came out of it, since this was asked last."""
        found = [json.loads(line) for line in self._trace.getvalue().splitlines()]
        self._trace.seek(0)
        self._trace.truncate()
        return found

    def told(self) -> list[tuple[float, str, bool | None]]:
        """What the core was told of contacts since it was asked last, by seconds of the village."""
        heard = [e for e in self.events() if e.get("in") == "InputChanged"]
        return [(pytest.approx(e["wall"] - NOON, abs=0.01), e["is"]["input"], e["is"]["on"]) for e in heard]


@pytest.fixture
def stand() -> Iterator[Stand]:
    made = Stand()
    yield made
    made.fast.close()


def test_the_core_knows_every_contact_before_it_writes_a_line(stand: Stand) -> None:
    kinds = [(e.get("in") or e.get("out"), e["is"]) for e in stand.events()]
    first = [what for what, _ in kinds].index("Write")
    assert {told["input"]: told["on"] for what, told in kinds[:first] if what == "InputChanged"} == QUIET
    assert len([what for what, _ in kinds if what == "InputChanged"]) == len(QUIET)
    stand.fast.advance(3600)
    assert stand.told() == []


@pytest.mark.parametrize(
    ("name", "on", "values", "told"),
    [
        ("door-open", DOOR, {}, {DOOR: True}),
        ("hand-on", HAND, {}, {HAND: True, FEEDBACK: True}),
        ("photocell-covered", CELL, {}, {CELL: True}),
        ("mains-cut", None, {}, {MAINS: False}),
        ("relay-welded", "light/road/b", {}, {FEEDBACK: True}),
        ("input-stuck", MAINS, {"active": False}, {MAINS: False}),
    ],
)
def test_a_fault_is_heard_at_once_and_its_end_too(
    stand: Stand, name: str, on: str | None, values: dict[str, Any], told: dict[str, bool]
) -> None:
    stand.fast.advance(100)
    stand.told()
    key = stand.put(name, on, **values)
    stand.fast.advance(LOOK_S + 50)
    assert sorted(stand.told()) == sorted((100.0, name, on) for name, on in told.items())
    stand.faults.clear(key)
    stand.fast.advance(LOOK_S)
    assert sorted(stand.told()) == sorted((150.0 + LOOK_S, name, not on) for name, on in told.items())


def test_feedback_comes_with_the_relay_and_not_with_a_torn_off_contact(stand: Stand) -> None:
    def switch(payload: str) -> list[bool | None]:
        stand.fast.send(f"{stand.fast.root}/light/road/set/head", payload)
        stand.fast.advance(60)
        return [on for _, name, on in stand.told() if name == FEEDBACK]

    stand.told()
    assert (switch("ON"), switch("OFF")) == ([True], [False])
    key = stand.put("feedback-missing", "light/road/b")
    assert (switch("ON"), stand.fast.village.world.watts("road/b")) == ([], 480)
    stand.faults.clear(key)
    stand.fast.advance(0)
    assert [(name, on) for _, name, on in stand.told()] == [(FEEDBACK, True)]


def test_dusk_and_dawn_are_heard_at_the_second_whatever_the_pis_clock_says(stand: Stand) -> None:
    light = Daylight(19.87, 105.68)
    dusk = light.dawn_or_dusk(NOON)
    dawn = light.dawn_or_dusk(dusk)
    stand.fast.advance(60)
    stand.put("clock-wrong", by="-2h")
    stand.told()
    stand.fast.advance(86400)
    heard = [(at + 7200, on) for at, name, on in raw(stand) if name == CELL]
    assert heard == [(pytest.approx(dusk - NOON, abs=0.1), True), (pytest.approx(dawn - NOON, abs=0.1), False)]


def raw(stand: Stand) -> list[tuple[float, str, bool | None]]:
    """What the core was told since it was asked last, by its own clock."""
    return [(e["wall"] - NOON, e["is"]["input"], e["is"]["on"]) for e in stand.events() if e.get("in") == "InputChanged"]


def test_what_changes_while_the_controller_is_away_is_known_when_it_is_back(stand: Stand) -> None:
    stand.fast.restart(kill=True, down_s=60)
    stand.told()
    stand.put("door-open", DOOR)
    stand.fast.advance(59)
    assert stand.told() == []
    stand.fast.advance(2)
    assert {name: on for _, name, on in stand.told()} == QUIET | {DOOR: True}
    stand.fast.reboot(down_s=40)
    stand.fast.advance(41)
    assert {name: on for _, name, on in stand.told()} == QUIET | {DOOR: True}
    stand.faults.clear_all()
    stand.fast.advance(1)
    assert [(name, on) for _, name, on in stand.told()] == [(DOOR, False)]


def test_a_hung_core_hears_the_last_of_it_when_it_goes_on(stand: Stand) -> None:
    stand.put("core-hung", **{"for": "60s"})
    stand.told()
    stand.put("door-open", DOOR, **{"for": "10s"})
    stand.put("photocell-covered", CELL)
    stand.fast.advance(59)
    assert stand.told() == []
    stand.fast.advance(2)
    assert {name: on for _, name, on in stand.told()} == {DOOR: False, CELL: True}


def test_the_same_village_is_told_the_same(stand: Stand) -> None:
    other = Stand()
    for each in (stand, other):
        each.put("door-open", DOOR, **{"for": "10m"})
        each.fast.advance(86400)
    assert stand.events() == other.events()
    other.fast.close()
