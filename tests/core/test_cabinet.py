"""The cabinet around the controller: hand switch, feedback judged by the meter, door, mains, inputs that fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from villages import Bench, street, village

from edge.core.events import InputChanged, ReadingsTaken
from edge.core.values import Reading

INPUTS = {
    "switch": {"gpio": 6, "role": "hand", "of": ["road"]}, "door": {"gpio": 13, "role": "door"}, "mains": {"gpio": 19, "role": "mains"},
}


def cabinet(feedback: bool = False, **more: Any) -> Bench:
    light = street()
    if feedback:
        light["circuits"]["b"]["feedback"] = {"gpio": 5}
    return Bench(village({"road": light}, inputs=INPUTS), **more)


def say(b: Bench, name: str, on: bool | None, error: str | None = None) -> None:
    b.put(InputChanged(name, on, error))


def test_the_cabinets_switch_lights_the_street_and_stands_above_commands() -> None:
    b = cabinet()
    b.send({"action": "off", "for_s": 7200})
    b.advance(1)
    say(b, "input/switch", True)
    b.advance(30)
    assert b.on() == "abc"
    assert (b.state()["reason"], b.state()["level"], b.state()["by"]) == ("hand", 100, None)
    assert b.alarm("hand-on:input:switch")["severity"] == "info"
    refused = b.send("33")
    assert refused["error"]["code"] == "hand"
    say(b, "input/switch", False)
    assert b.state()["reason"] == "override"
    assert b.on() == ""


def test_off_always_works_also_on_hand_and_over_a_restart(tmp_path: Path) -> None:
    journal = tmp_path / "journal.db"
    b = cabinet(journal=journal)
    say(b, "input/switch", True)
    b.advance(30)
    assert b.send("OFF")["outcome"] == "done"
    assert b.on() == ""
    b.store.close(b.clock.now())
    again = Bench(b.site, journal=journal, clock=b.clock, lines=b.lines)
    say(again, "input/switch", True)
    again.advance(5)
    assert again.on() == ""
    assert again.state()["reason"] == "override"


def test_a_lockout_stands_above_hand() -> None:
    b = cabinet()
    b.send({"locked": True}, topic="village/thon/light/road/lockout/tech")
    say(b, "input/switch", True)
    b.advance(30)
    assert b.on() == ""
    assert b.state()["reason"] == "lockout"


def power(b: Bench, watts: float) -> None:
    b.put(ReadingsTaken("meter/cabinet", Reading("meter/cabinet", {"power_w": watts, "energy_kwh": 5.0}, b.clock.now().wall)))


def alarms(b: Bench) -> set[str]:
    kinds = ("stuck-on", "stuck-off", "feedback-disagrees")
    return {kind for kind in kinds if (b.alarm(f"{kind}:light:road") or {}).get("state") == "raised"}


def lit(b: Bench, closed: bool | None) -> None:
    say(b, "feedback/road/b", False)
    b.send({"action": "on", "for_s": 7200})
    b.advance(11)
    say(b, "feedback/road/b", closed)
    b.advance(0.1)


def test_observed_is_what_the_contactor_says_and_unknown_if_it_cannot() -> None:
    b = cabinet(feedback=True)
    lit(b, True)
    b.advance(10)
    assert (b.state()["observed"], b.state()["observed_level"]) == ("ON", 100)
    say(b, "feedback/road/b", None, "gone")
    assert (b.state()["observed"], b.state()["observed_level"]) == ("unknown", None)
    assert alarms(b) == set()


def test_a_contactor_that_stays_open_is_told_within_thirty_seconds_and_the_meter_decides_which_it_is() -> None:
    for watts, kind in ((960.0, "stuck-off"), (1440.0, "feedback-disagrees"), (None, "stuck-off")):
        b = cabinet(feedback=True)
        lit(b, False)
        b.advance(10)  # the third circuit comes on
        if watts is not None:
            power(b, watts)
        b.advance(10)
        assert alarms(b) == {kind}, watts
        assert b.alarm(f"{kind}:light:road")["data"] == {"circuits": "b"}


def test_a_command_that_the_feedback_does_not_confirm_fails_and_says_so() -> None:
    for closed, why in ((False, "does not follow"), (None, "cannot be read")):
        b = cabinet(feedback=True)
        lit(b, closed)
        b.advance(15)
        failed = b.results()[-1]
        assert (failed["outcome"], failed["error"]["message"]) == ("failed", f"circuit b: its feedback {why}")


def test_a_welded_contactor_is_told_and_its_light_observed_on() -> None:
    b = cabinet(feedback=True)
    lit(b, True)
    b.send("OFF")
    b.advance(4)
    power(b, 480)
    b.advance(10)
    assert alarms(b) == {"stuck-on"}
    state = b.state()
    assert (state["state"], state["observed"], state["observed_level"]) == ("OFF", "partial", 33)
    say(b, "feedback/road/b", False)
    b.advance(10)
    assert alarms(b) == set()


def test_on_hand_a_contactor_that_the_switch_holds_is_not_blamed_and_afterwards_it_is() -> None:
    b = cabinet(feedback=True)
    say(b, "input/switch", True)
    say(b, "feedback/road/b", True)  # the switch closes all contactors at once, past the relays
    b.advance(30)
    b.send("OFF")
    b.advance(60)
    assert alarms(b) == set()
    assert (b.state()["state"], b.state()["observed"], b.state()["observed_level"]) == ("OFF", "partial", 33)
    assert b.results()[-1]["error"]["message"] == "circuit b: its feedback does not follow"
    say(b, "input/switch", False)
    b.advance(25)
    assert alarms(b) == {"stuck-on"}


def test_without_mains_no_contactor_is_blamed() -> None:
    b = cabinet(feedback=True)
    say(b, "input/mains", True)
    lit(b, True)
    say(b, "input/mains", False)
    say(b, "feedback/road/b", False)
    b.advance(60)
    assert alarms(b) == set()
    assert b.alarm("mains-lost:input:mains")["severity"] == "critical"


def test_an_open_door_and_a_dead_input_are_told_and_cleared() -> None:
    b = cabinet()
    say(b, "input/door", True)
    b.advance(6)
    assert b.alarm("door-open:input:door")["state"] == "raised"
    say(b, "input/door", None, "GPIO 13: no such device")
    b.advance(11)
    assert "no such device" in b.alarm("input-failing:input:door")["text"]["en"]
    say(b, "input/door", False)
    b.advance(11)
    assert {b.alarm(name)["state"] for name in ("door-open:input:door", "input-failing:input:door")} == {"cleared"}


def test_off_works_on_hand_and_hand_after_off_though_the_clock_was_set_back_in_between() -> None:
    b = cabinet()
    say(b, "input/switch", True)
    b.advance(30)
    b.runner.set_wall(b.clock.now().wall - 86400)
    assert b.send({"action": "off", "for_s": 7200})["outcome"] == "done"
    assert b.on() == ""
    say(b, "input/switch", False)
    b.runner.set_wall(b.clock.now().wall - 86400)
    say(b, "input/switch", True)
    b.advance(30)
    assert (b.on(), b.state()["reason"]) == ("abc", "hand")
