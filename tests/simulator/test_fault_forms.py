"""How faults are read, refused, given ids and told of."""

from __future__ import annotations

from typing import Any

import pytest
from fault_scene import PROMISED, QUIET, WHOLE, Scene

from simulator.fault_kinds import KINDS
from simulator.faults import FaultError, read


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.mark.parametrize(
    ("fields", "words", "key"),
    [
        ({"fault": "relay-wedled", "on": "light/road/a"}, 'there is no fault "relay-wedled"; did you mean relay-welded?', "fault"),
        ({"fault": 3}, "there is no fault without a name; write one of: adapter-gone", "fault"),
        ({"fault": "slave-dead"}, "slave-dead needs what it is on; add on=meter/cabinet-1", "fault"),
        ({"fault": "slave-dead", "on": 3}, "on must be a name; write on=meter/cabinet-1", "on"),
        ({"fault": "slave-late", "on": "meter/hall"}, "slave-late needs by, how late; add by=3s", "fault"),
        ({"fault": "input-stuck", "on": "input/door"}, "input-stuck needs active, whether it says that what it is named for holds; add active=true", "fault"),
        ({"fault": "input-stuck", "on": "input/door", "active": 1}, "input-stuck: active: 1 is neither; write true or false", "active"),
        ({"fault": "slave-late", "on": "meter/hall", "by": 3}, "slave-late: by: 3 has no unit; write a duration with its unit", "by"),
        ({"fault": "slave-noisy", "on": "meter/hall", "share": 2}, "2 is out of range; write a number from 0 to 1", "share"),
        ({"fault": "lamps-burnt", "on": "light/road/a", "n": 0}, "write a whole number from 1 to 1000", "n"),
        ({"fault": "clock-jump", "by": "2m"}, "write a sign, a number and its unit", "by"),
        ({"fault": "mains-cut", "backup": "yes"}, '"yes" is neither; write true or false', "backup"),
        ({"fault": "mains-cut", "on": "meter/hall"}, "mains-cut is on nothing in particular; leave out on", "on"),
        ({"fault": "meter-reset", "on": "meter/hall", "for": "3s"}, "meter-reset happens once and cannot last; leave out for", "for"),
        ({"fault": "slave-dead", "on": "meter/hall", "four": "3s"}, 'slave-dead has no "four"; did you mean for?', "four"),
        ({"fault": "slave-dead", "on": "meter/hall", "for": "3"}, "write a duration with its unit from 1s to 365d", "for"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_remedy(fields: dict[str, Any], words: str, key: str) -> None:
    with pytest.raises(FaultError) as refused:
        read(fields)
    assert words in str(refused.value)
    assert refused.value.key == key


def test_what_is_not_there_is_refused_with_the_nearest_that_is(scene: Scene) -> None:
    for name, on, near in (
        ("slave-dead", "meter/hell", "did you mean meter/hall?"),
        ("slave-dead", "light/road/a", "write one of: meter/cabinet, meter/hall, port/rs485, port/spare"),
        ("relay-open", "light/road/aa", "did you mean light/road/a?"),
        ("adapter-gone", "meter/hall", "write one of: port/rs485, port/spare"),
        ("hand-on", "input/door", "write one of: input/switch"),
        ("door-open", "input/dor", "did you mean input/door?"),
        ("photocell-lit", "light/road/a", "write one of: input/photocell"),
        ("feedback-missing", "light/road/a", "did you mean light/road/b?"),
    ):
        with pytest.raises(FaultError, match=near.replace("?", r"\?")):
            scene.put(name, on)
    with pytest.raises(FaultError, match="one of: input/door, input/mains, input/photocell, input/rain, input/switch"):
        scene.put("input-stuck", "light/road/a", active=True)
    assert (scene.faults.standing(), scene.watts(), scene.holds()) == ({}, WHOLE, QUIET)


def test_an_id_is_given_once_and_what_does_not_stand_cannot_be_taken_back(scene: Scene) -> None:
    first = scene.put("slave-dead", "meter/hall")
    scene.faults.clear(first)
    second = scene.put("slave-dead", "meter/hall")
    assert first != second
    with pytest.raises(FaultError, match=rf"no fault {first} stands here; there is {second} \(slave-dead on=meter/hall\)"):
        scene.faults.clear(first)


def test_a_fault_with_an_end_is_taken_back_by_itself_unless_it_was_before(scene: Scene) -> None:
    scene.put("breaker", "meter/cabinet", **{"for": "10m"})
    (seconds, expire), scene.timers[:] = scene.timers[0], []
    assert seconds == 600
    expire()
    assert (scene.watts(), scene.faults.standing()) == (WHOLE, {})
    key = scene.put("breaker", "meter/cabinet", **{"for": "10m"})
    scene.faults.clear(key)
    scene.timers[0][1]()
    assert scene.watts() == WHOLE


def test_each_place_is_told_what_stands_there_and_what_came_or_went(scene: Scene) -> None:
    scene.put("broker-slow", by="2s")
    key = scene.put("broker-mute")
    scene.put("card-full")
    scene.put("process-killed")
    scene.faults.clear(key)
    seen = [
        (place, [f.kind.name for f in c.standing], c.begun and c.begun.kind.name, c.ended and c.ended.kind.name)
        for place, c in scene.told
    ]
    assert seen == [
        ("broker", ["broker-slow"], "broker-slow", None),
        ("broker", ["broker-slow", "broker-mute"], "broker-mute", None),
        ("card", ["card-full"], "card-full", None),
        ("process", [], "process-killed", None),
        ("broker", ["broker-slow"], None, "broker-mute"),
    ]


def test_a_fault_reads_back_as_it_is_typed(scene: Scene) -> None:
    fields = {"fault": "slave-late", "on": "meter/hall", "by": "3s", "for": "10m"}
    assert str(read(fields)) == "slave-late on=meter/hall by=3s for=10m"
    assert str(read({"fault": "clock-jump", "by": "-30d"})) == "clock-jump by=-30d"
    assert str(read({"fault": "mains-cut"})) == "mains-cut backup=false"
    stuck = {"fault": "input-stuck", "on": "input/door", "active": True}
    assert str(read(stuck)) == "input-stuck on=input/door active=true"


def test_what_is_possible_in_the_other_time_only_says_what_to_do_instead(scene: Scene) -> None:
    scene.time = "live"  # type: ignore[misc]
    with pytest.raises(FaultError, match=r"not possible in live time; .*process-killed"):
        scene.put("pi-rebooted")


def test_every_fault_promised_has_a_name_a_place_and_a_line() -> None:
    assert set(PROMISED.split()) <= set(KINDS)
    for kind in KINDS.values():
        assert kind.place in {"world", "bus", "broker", "clock", "card", "process"}
        contacts = {"feedback", "input", "hand", "door", "photocell", "counter", "flow", "rain", "level"}
        field = {"pump", "valve", "switch", "sensor", "probe"}
        assert set(kind.on) <= {"circuit", "meter", "board", "port"} | contacts | field
        assert kind.summary
        assert kind.times == {"live", "fast"} or (kind.instead and kind.name not in PROMISED.split())
