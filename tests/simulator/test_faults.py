"""Faults by name, without a socket: what is read, what the world then does, and that taking back restores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.registers import catalogue
from edge.shell.clock import ManualClock
from edge.shell.site_file import parse_site
from simulator.fault_kinds import KINDS
from simulator.fault_stage import VillageStage
from simulator.faults import Change, FaultError, Faults, read
from simulator.village import Village

CONFIG = """
site: {id: test, name: Test, latitude: 19.87, longitude: 105.68, timezone: Asia/Ho_Chi_Minh, language: en}
ports:
  rs485: {device: /dev/ttyUSB0, baudrate: 9600, parity: none}
  spare: {device: /dev/ttyUSB1, baudrate: 9600, parity: none}
meters:
  cabinet: {name: Cabinet, model: sdm630, port: rs485, address: 1}
  hall: {name: Hall, model: sdm120, port: rs485, address: 2}
lights:
  road:
    name: Road
    meter: cabinet
    circuits:
      a: {output: {gpio: 17, active: low}, lamps: 8, lamp_w: 60}
      b: {output: {gpio: 27, active: low}, lamps: 8, lamp_w: 60, feedback: {gpio: 5}}
  hall:
    name: Hall
    meter: hall
    circuits: {a: {output: {gpio: 23, active: high}, lamps: 6, lamp_w: 30}}
inputs:
  switch: {gpio: 6, role: hand, of: [road]}
  door: {gpio: 13, role: door}
  mains: {gpio: 19, role: mains, active: high}
  photocell: {gpio: 26, role: photocell}
  rain: {gpio: 20, role: rain}
  water: {gpio: 21, role: flow, pulses_per_l: 10}
"""


class Scene(VillageStage):
    """A stage of which only the village plays; everything else is written down."""

    time = "fast"

    def __init__(self) -> None:
        self.manual = ManualClock(1_795_258_000.0)  # a quarter to six in the evening
        site = parse_site(CONFIG, "test.yaml", catalogue())
        super().__init__(Village(site, catalogue(), self.manual, 1), self.manual)
        self.wired = {name: (contact.gpio, int(contact.active == "high")) for name, contact in site.read_inputs().items()}
        self.told: list[tuple[str, Change]] = []
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.faults = Faults(self)
        for pin, level in ((17, 0), (27, 1), (23, 1)):  # road/a and the hall burn, road/b does not
            self.village.board.claim(pin, level, 1)

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        self.timers.append((seconds, action))

    def broker(self, change: Change) -> None:
        self.told.append(("broker", change))

    def clock(self, change: Change) -> None:
        self.told.append(("clock", change))

    def card(self, change: Change) -> None:
        self.told.append(("card", change))

    def process(self, change: Change) -> None:
        self.told.append(("process", change))

    def put(self, name: str, on: str | None = None, **values: Any) -> str:
        fields = {"fault": name, **({"on": on} if on else {}), **values}
        return str(self.faults.inject(read(fields)))

    def meter(self, name: str = "cabinet") -> dict[str, float]:
        return self.village.world.quantities(name, self.manual.mono())

    def power(self, name: str = "cabinet") -> float:
        return self.meter(name)["power_w"]

    def grown(self, name: str = "cabinet", seconds: float = 3600) -> float:
        """What the counter counts in that time, in kWh."""
        before = self.meter(name)["energy_kwh"]
        self.manual.advance(seconds)
        return self.meter(name)["energy_kwh"] - before

    def holds(self) -> set[str]:
        """The contacts that say that what they are named for holds, by their lines."""
        return {name for name, (pin, active) in self.wired.items() if self.village.board.level(pin) == active}

    def watts(self) -> dict[str, float]:
        return {load: self.village.world.watts(load) for load in self.village.world.loads}


@pytest.fixture
def scene() -> Scene:
    return Scene()


WHOLE = {"road/a": 480.0, "road/b": 0.0, "hall/a": 180.0}


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


# --- the cabinet's contacts ---

QUIET = {"input/mains", "input/photocell"}  # that hold while nothing is wrong: it is dark, and road/b is off
SWITCH, DOOR, MAINS, CELL = (f"input/{name}" for name in ("switch", "door", "mains", "photocell"))


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


# --- the lines ---


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


# --- reading and refusing ---


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


PROMISED = """
slave-dead slave-late slave-noisy slave-wrong-id adapter-gone
slave-moved slave-as slave-baud slave-scaled slave-twins slave-dlt645 slave-swapped
relay-welded relay-open lamps-burnt illegal-tap breaker meter-reset meter-rollover meter-replaced meter-stuck mains-cut
broker-away broker-slow broker-refusing broker-mute
hand-on door-open photocell-covered photocell-lit feedback-missing input-stuck pulses
clock-wrong clock-jump clock-untrusted card-full card-slow card-read-only process-killed process-frozen core-hung
"""


def test_every_fault_promised_has_a_name_a_place_and_a_line() -> None:
    assert set(PROMISED.split()) <= set(KINDS)
    for kind in KINDS.values():
        assert kind.place in {"world", "bus", "broker", "clock", "card", "process"}
        contacts = {"feedback", "input", "hand", "door", "photocell", "counter", "flow", "rain", "level"}
        field = {"pump", "valve", "switch", "sensor", "probe"}
        assert set(kind.on) <= {"circuit", "meter", "board", "port"} | contacts | field
        assert kind.summary
        assert kind.times == {"live", "fast"} or (kind.instead and kind.name not in PROMISED.split())
