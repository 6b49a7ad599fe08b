"""Faults by name, without a socket: what is read, what the world then does, and that taking back restores."""

from __future__ import annotations

from typing import Any

import pytest
from fault_scene import CELL, DOOR, MAINS, QUIET, SWITCH, WHOLE, Scene
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.fault_kinds import KINDS


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_the_scene_is_whole(scene: Scene) -> None:
    assert scene.watts() == WHOLE
    assert (scene.power(), scene.power("hall"), scene.grown()) == (480, 180, pytest.approx(0.48))


@pytest.mark.parametrize(
    ("name", "on", "values", "watts", "cabinet_w"),
    [
        ("relay-welded", "light/road/b", {}, {"road/b": 480}, 960),
        ("relay-welded", "light/road/a", {}, {}, 480),
        ("relay-open", "light/road/a", {}, {"road/a": 0}, 0),
        ("relay-open", "light/road/b", {}, {}, 480),
        ("lamps-burnt", "light/road/a", {"n": 3}, {"road/a": 300}, 300),
        ("lamps-burnt", "light/road/a", {"n": 9}, {"road/a": 0}, 0),
        ("lamps-burnt", "light/road/b", {"n": 3}, {}, 480),
        ("illegal-tap", "meter/cabinet", {"watts": 800}, {}, 1280),
        ("breaker", "meter/cabinet", {}, {"road/a": 0}, 0),
        ("breaker", "meter/hall", {}, {"hall/a": 0}, 480),
        ("meter-stuck", "meter/cabinet", {}, {}, 480),
        ("mains-cut", None, {}, {"road/a": 0, "hall/a": 0}, 0),
    ],
)
def test_watts_are_what_is_said_and_taking_it_back_restores(
    scene: Scene, name: str, on: str | None, values: dict[str, Any], watts: dict[str, float], cabinet_w: float
) -> None:
    key = scene.put(name, on, **values)
    assert (scene.watts(), scene.power()) == (WHOLE | watts, cabinet_w)
    assert scene.grown() == pytest.approx(0 if name == "meter-stuck" else cabinet_w / 1000)
    scene.faults.clear(key)
    assert (scene.watts(), scene.power(), scene.grown()) == (WHOLE, 480, pytest.approx(0.48))


def test_a_welded_relay_burns_whatever_its_line_does_and_obeys_again_when_mended(scene: Scene) -> None:
    key = scene.put("relay-welded", "light/road/a")
    scene.village.board.write(17, 1, 1)
    assert (scene.village.world.is_on("road/a"), scene.watts()["road/a"]) == (False, 480)
    scene.faults.clear(key)
    assert scene.watts()["road/a"] == 0


def test_what_is_switched_during_a_cut_burns_when_the_mains_are_back(scene: Scene) -> None:
    key = scene.put("mains-cut")
    scene.village.board.write(27, 0, 1)
    assert scene.watts() == dict.fromkeys(WHOLE, 0.0)
    assert scene.grown() == 0
    scene.faults.clear(key)
    assert scene.watts() == WHOLE | {"road/b": 480}


def test_without_mains_a_meter_has_no_volts_and_answers_only_with_a_supply_of_its_own(scene: Scene) -> None:
    world = scene.village.world
    for backup in (False, True):
        key = scene.put("mains-cut", backup=backup)
        shown = scene.meter()
        assert {shown[q] for q in ("voltage_v", "voltage_l3_v", "frequency_hz", "current_a", "power_w")} == {0.0}
        assert shown["power_factor"] == 1.0
        assert world.answers("cabinet") == backup
        scene.faults.clear(key)
    assert world.answers("cabinet")
    assert not world.answers("nobody")


def test_a_counter_that_is_reset_or_replaced_starts_where_it_is_said(scene: Scene) -> None:
    scene.put("meter-reset", "meter/cabinet")
    assert scene.meter()["energy_kwh"] == 0
    assert scene.grown() == pytest.approx(0.48)
    scene.put("meter-replaced", "meter/cabinet", start=7.5)
    assert scene.meter()["energy_kwh"] == 7.5
    assert scene.grown() == pytest.approx(0.48)
    assert scene.faults.standing() == {}


def test_a_counter_that_rolls_over_loses_nothing(scene: Scene) -> None:
    before = scene.meter()["energy_kwh"]
    scene.put("meter-rollover", "meter/cabinet", after=0.72)
    assert scene.grown() == pytest.approx(0.48)
    scene.manual.advance(3600)
    assert scene.meter()["energy_kwh"] == pytest.approx(0.24)
    scene.village.board.write(17, 1, 1)  # a change after the top was passed
    scene.village.board.write(17, 0, 1)
    assert scene.grown() == pytest.approx(0.48)
    assert scene.meter()["energy_kwh"] == pytest.approx(0.72)
    assert before > 1


def test_a_stuck_counter_goes_on_from_where_it_stood(scene: Scene) -> None:
    key = scene.put("meter-stuck", "meter/cabinet")
    before = scene.meter()["energy_kwh"]
    assert (scene.grown(), scene.power()) == (0, 480)
    scene.faults.clear(key)
    scene.manual.advance(3600)
    assert scene.meter()["energy_kwh"] == pytest.approx(before + 0.48)


def test_of_two_faults_on_one_thing_the_other_stands_when_one_is_taken_back(scene: Scene) -> None:
    first, second = (scene.put("lamps-burnt", "light/road/a", n=2) for _ in range(2))
    assert scene.watts()["road/a"] == 240
    scene.faults.clear(first)
    assert scene.watts()["road/a"] == 360
    welded, opened = scene.put("relay-welded", "light/road/a"), scene.put("relay-open", "light/road/a")
    assert scene.watts()["road/a"] == 0  # the later one counts
    scene.faults.clear(opened)
    scene.village.board.write(17, 1, 1)
    assert scene.watts()["road/a"] == 360
    assert set(scene.faults.clear_all()) == {second, welded}
    assert scene.watts()["road/a"] == 0


@settings(max_examples=25)
@given(data=st.data())
def test_whatever_is_put_and_taken_back_in_any_order_leaves_a_whole_village(data: st.DataObject) -> None:
    scene = Scene()
    there = scene.targets()
    local = [k for k in KINDS.values() if k.place in ("world", "bus") and k.lasts]
    local = [k for k in local if not k.on or any(there[group] for group in k.on)]
    for _ in range(data.draw(st.integers(1, 12))):
        standing = list(scene.faults.standing())
        if standing and data.draw(st.booleans()):
            scene.faults.clear(data.draw(st.sampled_from(standing)))
        else:
            kind = data.draw(st.sampled_from(local))
            groups = scene.targets()
            on = data.draw(st.sampled_from([t for g in kind.on for t in groups[g]])) if kind.on else None
            needs: dict[str, dict[str, Any]] = {
                "slave-late": {"by": "3s"}, "illegal-tap": {"watts": 500}, "input-stuck": {"active": True}, "pulses": {"rate": 5},
                "slave-moved": {"to": 7}, "slave-as": {"model": "sdm630"}, "slave-baud": {"baudrate": 2400}, "slave-scaled": {"times": 40},
                "leak": {"l_min": 2}, "rain-stuck": {"falling": True},
            }  # fmt: skip
            more = needs.get(kind.name, {})
            scene.put(kind.name, on, **more)
        scene.manual.advance(60)
    scene.faults.clear_all()
    assert (scene.watts(), scene.power(), scene.power("hall"), scene.holds()) == (WHOLE, 480, 180, QUIET)
    assert all(wire.trouble == type(wire.trouble)() for wire in scene.village.wires.values())
    counted = scene.village.pulsing.counted("input/water", scene.manual.mono())
    scene.manual.advance(3600)
    assert scene.village.pulsing.counted("input/water", scene.manual.mono()) == counted


@pytest.mark.parametrize(
    ("name", "on", "values", "holds"),
    [
        ("door-open", DOOR, {}, QUIET | {DOOR}),
        ("hand-on", SWITCH, {}, QUIET | {SWITCH, "feedback/road/b"}),
        ("photocell-lit", CELL, {}, {MAINS}),
        ("photocell-covered", CELL, {}, QUIET),
        ("mains-cut", None, {}, {CELL}),
        ("input-stuck", DOOR, {"active": True}, QUIET | {DOOR}),
        ("input-stuck", MAINS, {"active": False}, {CELL}),
        ("input-stuck", SWITCH, {"active": True}, QUIET | {SWITCH}),
        ("relay-welded", "light/road/b", {}, QUIET | {"feedback/road/b"}),
        ("relay-open", "light/road/b", {}, QUIET),
        ("feedback-missing", "light/road/b", {}, QUIET),
    ],
)
def test_contacts_say_what_is_so_or_what_their_fault_makes_them_say(
    scene: Scene, name: str, on: str | None, values: dict[str, Any], holds: set[str]
) -> None:
    assert scene.holds() == QUIET
    key = scene.put(name, on, **values)
    assert scene.holds() == holds
    scene.faults.clear(key)
    assert (scene.holds(), scene.watts()) == (QUIET, WHOLE)


def test_feedback_follows_the_contactor_and_not_the_breaker(scene: Scene) -> None:
    def closed() -> bool:
        return "feedback/road/b" in scene.holds()

    scene.village.board.write(27, 0, 1)
    assert closed()
    breaker = scene.put("breaker", "meter/cabinet")
    assert (closed(), scene.watts()["road/b"]) == (True, 0)
    scene.faults.clear(breaker)
    for fault, shown in ((("relay-open", "light/road/b"), False), (("mains-cut",), False), (("relay-welded", "light/road/b"), True)):
        key = scene.put(*fault)
        assert closed() is shown, fault
        scene.faults.clear(key)
        assert closed()
    missing = scene.put("feedback-missing", "light/road/b")
    assert (closed(), scene.watts()["road/b"]) == (False, 480)
    scene.village.board.write(27, 1, 1)
    scene.faults.clear(missing)
    assert not closed()


def test_by_hand_the_lights_burn_past_their_relays_while_there_are_mains(scene: Scene) -> None:
    scene.put("relay-open", "light/road/b")
    hand = scene.put("hand-on", SWITCH)
    burning = {"road/a": 480.0, "road/b": 480.0, "hall/a": 180.0}
    assert scene.watts() == burning
    scene.village.board.write(17, 1, 1)
    assert (scene.watts(), scene.power()) == (burning, 960)
    cut = scene.put("mains-cut")
    assert (scene.watts(), scene.holds()) == (dict.fromkeys(WHOLE, 0.0), {SWITCH, CELL})
    scene.faults.clear(cut)
    scene.faults.clear(hand)
    assert scene.watts() == {"road/a": 0, "road/b": 0, "hall/a": 180}


def test_of_two_faults_on_one_contact_the_later_counts(scene: Scene) -> None:
    scene.put("photocell-lit", CELL)
    key = scene.put("photocell-covered", CELL)
    assert CELL in scene.holds()
    scene.faults.clear(key)
    assert CELL not in scene.holds()


def test_faults_of_the_bus_are_on_a_meter_or_on_all_of_a_port(scene: Scene) -> None:
    wire = scene.village.wires["rs485"]
    for name, on, values, expected in (
        ("slave-dead", "meter/hall", {}, ("dead", {2})),
        ("slave-dead", "port/rs485", {}, ("dead", {1, 2})),
        ("slave-wrong-id", "meter/cabinet", {}, ("wrong_id", {1})),
        ("slave-late", "port/rs485", {"by": "3s"}, ("late", {1: 3.0, 2: 3.0})),
        ("slave-noisy", "meter/hall", {"share": 0.25}, ("noisy", {2: 0.25})),
        ("adapter-gone", "port/rs485", {}, ("gone", True)),
        ("slave-twins", "meter/hall", {}, ("twins", {2})),
        ("slave-dlt645", "meter/hall", {}, ("dlt645", {2})),
        ("slave-baud", "meter/hall", {"baudrate": 2400}, ("speeds", {2: 2400})),
        ("slave-swapped", "port/rs485", {}, ("swapped", True)),
    ):
        whole = wire.trouble
        key = scene.put(name, on, **values)
        assert getattr(wire.trouble, expected[0]) == expected[1]
        assert scene.village.wires["spare"].trouble == whole
        scene.faults.clear(key)
        assert wire.trouble == whole


def test_a_device_may_be_another_than_the_configuration_says(scene: Scene) -> None:
    def hall() -> Any:
        return scene.village.slaves("rs485")[1]

    key = scene.put("slave-moved", "meter/hall", to=7)
    assert (hall().address, scene.village.addresses("rs485")["meter/hall"]) == (7, 7)
    scene.put("slave-dead", "meter/hall")
    assert scene.village.wires["rs485"].trouble.dead == {7}
    scene.faults.clear(key)
    assert (hall().address, scene.village.wires["rs485"].trouble.dead) == (2, {2})
    scene.put("slave-as", "meter/hall", model="sdm630")
    assert hall().model.name == "sdm630"
    assert hall().values()["voltage_l3_v"] == hall().values()["voltage_l1_v"]
    scene.put("illegal-tap", "meter/hall", watts=500)
    once = hall().values()
    scene.put("slave-scaled", "meter/hall", times=40)
    assert hall().values()["power_w"] == 40 * once["power_w"] > 0
    assert hall().values()["current_l1_a"] == pytest.approx(40 * once["current_l1_a"])
    assert hall().values()["energy_kwh"] == once["energy_kwh"]
    scene.faults.clear_all()
    assert hall().model.name == "sdm120"


def test_the_worst_of_two_lates_counts(scene: Scene) -> None:
    scene.put("slave-late", "port/rs485", by="3s")
    key = scene.put("slave-late", "meter/hall", by="5s")
    assert scene.village.wires["rs485"].trouble.late == {1: 3.0, 2: 5.0}
    scene.faults.clear(key)
    assert scene.village.wires["rs485"].trouble.late == {1: 3.0, 2: 3.0}
