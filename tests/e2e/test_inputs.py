"""The cabinet's contacts between the village and the real daemon: claimed as inputs, and led through every fault."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from e2e_house import House, Listener
from support import until

from simulator.control import ask
from simulator.daylight import Daylight
from simulator.pin_link import Link

pytestmark = pytest.mark.slow
SWITCH, DOOR, MAINS, CELL, FEEDBACK = 6, 13, 19, 26, 5
PUMP_SWITCH, RAIN, TANK = 10, 20, 21
CONTACTS = {SWITCH, DOOR, MAINS, CELL, FEEDBACK, PUMP_SWITCH, RAIN, TANK}
COUNTER = 16
HOLDS = {DOOR: 1}  # at this level of its line the door is open; all others hold at 0


def holds(house: House) -> Callable[[int], bool]:
    """Whether what a contact is named for holds, by its line in the running village."""
    link = Link(house.sim)
    return lambda pin: link.ask({"pin": pin, "read": True})["level"] == HOLDS.get(pin, 0)


def test_contacts_are_claimed_once_as_inputs_and_never_driven(house: House, ear: Listener) -> None:
    ear.ask("ON")
    ear.ask("OFF")
    of_contacts = [m for m in house.pins() if m["pin"] in CONTACTS]
    assert {m["pin"] for m in of_contacts} == CONTACTS
    assert len(of_contacts) == len(CONTACTS)
    assert all(m["level"] is None and not m["changed"] and m["pid"] == house.daemon.pid for m in of_contacts)
    assert "cannot be read" not in house.log.read_text("utf-8")


def test_the_village_plays_its_contacts_and_the_daemon_lives_with_all_of_them(house: House, ear: Listener) -> None:
    said = holds(house)
    night = Daylight(19.87, 105.68).dark(time.time())
    quiet = {SWITCH: False, DOOR: False, MAINS: True, CELL: night, FEEDBACK: False, PUMP_SWITCH: False}
    assert {pin: said(pin) for pin in quiet} == quiet
    ask(house.sim, {"fault": "relay-welded", "on": "light/main-road/b"})
    assert said(FEEDBACK)
    for fault, pin, then in (
        ({"fault": "door-open", "on": "input/cabinet-door"}, DOOR, True),
        ({"fault": "hand-on", "on": "input/cabinet-switch"}, SWITCH, True),
        ({"fault": "photocell-covered", "on": "input/photocell"}, CELL, True),
        ({"fault": "photocell-lit", "on": "input/photocell"}, CELL, False),
        ({"fault": "input-stuck", "on": "input/mains", "active": False}, MAINS, False),
        ({"fault": "feedback-missing", "on": "light/main-road/b"}, FEEDBACK, False),
        ({"fault": "relay-open", "on": "light/main-road/b"}, FEEDBACK, False),
    ):
        before = said(pin)
        key = ask(house.sim, fault)["id"]
        assert said(pin) is then, fault
        ask(house.sim, {"clear": key})
        assert said(pin) is before, fault
    key = ask(house.sim, {"fault": "mains-cut", "backup": True})["id"]
    assert (said(MAINS), said(FEEDBACK)) == (False, False)
    ask(house.sim, {"clear": key})
    assert (said(MAINS), said(FEEDBACK)) == (True, True)
    ask(house.sim, {"clear": "all"})
    assert not said(FEEDBACK)
    assert ear.ask("OFF")["outcome"] == "done"
    assert "Traceback" not in house.log.read_text("utf-8")


def test_a_village_that_goes_and_comes_is_said_once_and_read_again(house: House, ear: Listener) -> None:
    house.kill("sim")
    until(lambda: "input/cabinet-door cannot be read: GPIO 13: the simulator is gone" in house.log.read_text("utf-8"), 5, "the log")
    house.start_sim()
    pins = CONTACTS | {COUNTER}
    until(lambda: house.log.read_text("utf-8").count("can be read again") == len(pins), 5, "the contacts")
    said_of = re.findall(r"cannot be read: GPIO (\d+): ", house.log.read_text("utf-8"))
    assert sorted(map(int, said_of)) == sorted(pins)
    assert house.alive()
    assert ear.ask("OFF")["outcome"] == "done"
