"""What fails for one device costs no other: the street is lit though the field's room is broken, and the other way round."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from farms import MORNING, FarmBench, farm
from villages import STREET, Bench, street, village

from edge.core.events import InputChanged, LinkChanged, ReadingsTaken
from edge.core.values import Reading

FIELD, ROAD = "core-failing:site:thon", "core-failing:light:road"
FAILED_OFF = "the outputs were told off, but the controller's software failed at it: see the alarm core-failing"
BEFORE_DUSK, LIT = "2026-11-21T17:00:00+07:00", "2026-11-21T17:08:00+07:00"
WATER = {"action": "open", "for_s": 600}


def hamlet() -> FarmBench:
    """A street shortly before its lights come on, and a field with a pump."""
    return FarmBench(farm({"street": STREET, "morning": MORNING}, lights={"road": street(meter=None)}), BEFORE_DUSK)


def fails(*_: object) -> Any:
    raise KeyError("input/tank")


@contextmanager
def failing(monkeypatch: pytest.MonkeyPatch, unit: object, what: str) -> Iterator[pytest.MonkeyPatch]:
    """A device that fails at `what`, and is whole again at the end; what else is put out of order meanwhile."""
    with monkeypatch.context() as broken:
        broken.setattr(unit, what, fails)
        yield broken


def state_of(b: Bench, alarm: str) -> str | None:
    return (b.alarm(alarm) or {}).get("state")


def noted(written: list[tuple[str, bool]], name: str, write: Callable[[bool], None], on: bool) -> None:
    """A line that is written, for who wants to know in which order."""
    written.append((name, on))
    write(on)


def watering() -> FarmBench:
    """A field whose first plot is open, with its pump on."""
    b = hamlet()
    assert b.order(WATER | {"id": "w-1"})["outcome"] in ("done", "accepted")
    b.advance(10)
    assert b.open() == "1 P"
    return b


def stays_closed(b: FarmBench) -> None:
    """A field that fails: at once, and for as long as one may wait for it."""
    assert b.open() == ""
    b.advance(120)
    assert b.open() == ""
    assert state_of(b, FIELD) == "raised"


def is_whole_again(b: FarmBench) -> None:
    """The field fails no more: what was stopped stays closed, as a run that somebody cancelled."""
    b.advance(60)
    assert b.open() == ""
    assert b.rows("runs")[-1]["outcome"] == "cancelled"
    assert state_of(b, FIELD) == "cleared"


# --- what is due ---


def test_the_street_is_lit_though_the_field_fails(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    b = watering()
    with failing(monkeypatch, b.controller._water, "step"):
        b.advance(16)
        assert b.open() == ""  # nobody renewed the leases
        assert b.send("ON")["outcome"] == "accepted"
        b.advance(25)
        assert b.on() == "abc"
        assert b.send("OFF")["outcome"] == "done"
        assert b.send("AUTO")["outcome"] == "done"
        b.advance_to(LIT)
        assert b.on() == "abc"
        alarm = b.alarm(FIELD)
        assert alarm is not None
        assert (alarm["state"], alarm["data"]["why"]) == ("raised", "KeyError: 'input/tank'")
        assert any(r.levelno == logging.ERROR and r.exc_info and "site/thon" in r.message for r in caplog.records)
    b.advance(30)
    assert state_of(b, FIELD) == "cleared"
    assert b.order("CLOSE")["outcome"] == "done"


def test_the_field_is_watered_though_a_light_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    b = hamlet()
    light = b.controller._lights["light/road"]
    monkeypatch.setattr(light, "step", fails)
    light.wake = b.clock.mono()
    b.advance(2)
    assert b.order({"action": "open", "for_s": 60})["outcome"] in ("done", "accepted")
    b.advance(10)
    assert b.open() == "1 P"
    b.advance(90)
    assert b.open() == ""
    assert state_of(b, ROAD) == "raised"


# --- what happens ---


def test_a_reading_that_a_meter_fails_at_is_lost_for_that_meter_only(monkeypatch: pytest.MonkeyPatch) -> None:
    meter = {"name": "Tủ", "model": "sdm630", "port": "bus", "address": 1, "poll": "10s", "record": "60s", "rated_kw": 5}
    b = Bench(village(meters={"cabinet": meter, "house": meter | {"address": 2}}))

    def read(meter: str, power: float) -> bytes | None:
        reading = Reading(f"meter/{meter}", {"power_w": power, "energy_kwh": 5.0}, b.clock.now().wall)
        b.put(ReadingsTaken(f"meter/{meter}", reading))
        return b.radio.retained.get(f"{b.root}/meter/{meter}/value/power_w")

    assert (read("cabinet", 100.0), read("house", 40.0)) == (b"100.0", b"40.0")
    with failing(monkeypatch, b.controller._gauges["meter/cabinet"], "take"):
        assert (read("cabinet", 110.0), read("house", 50.0)) == (b"100.0", b"50.0")
        b.advance(12)
        assert b.send("ON")["outcome"] == "accepted"
    assert state_of(b, "core-failing:meter:cabinet") == "raised"
    b.advance(25)
    assert state_of(b, "core-failing:meter:cabinet") == "raised"  # nothing has told that it can take one again
    assert b.on() == "abc"
    assert read("cabinet", 120.0) == b"120.0"
    b.advance(12)
    assert state_of(b, "core-failing:meter:cabinet") == "cleared"


FLOW = {"main-flow": {"gpio": 16, "role": "flow", "area": "field", "pulses_per_l": 7.5}, "rain": {"gpio": 20, "role": "rain"}}
HEARD = {
    "observe": lambda b: b.order(WATER),
    "stored": lambda b: b.order(WATER),
    "count": lambda b: b.pulses(3),
    "feel": lambda b: b.contact("rain", True),
    "measured": lambda b: b.put(ReadingsTaken("meter/cabinet", None, "no answer")),
    "tell_again": lambda b: b.put(LinkChanged(up=True)),
}


@pytest.mark.parametrize("what", HEARD)
def test_the_street_is_lit_though_the_field_fails_at_what_it_hears(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    b = FarmBench(farm({"street": STREET}, lights={"road": street(meter=None)}, inputs=FLOW), BEFORE_DUSK)
    monkeypatch.setattr(b.controller._water, what, fails)
    HEARD[what](b)
    b.advance(1)
    assert state_of(b, FIELD) == "raised"
    b.advance_to(LIT)
    assert (b.on(), b.state()["observed"]) == ("abc", "ON")
    assert state_of(b, FIELD) == "raised"


@pytest.mark.parametrize("what", ["observe", "feel", "measured", "tell_again"])
def test_the_field_is_watered_though_a_light_fails_at_what_it_hears(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    light = street(meter=None)
    light["circuits"]["a"]["feedback"] = {"gpio": 25, "active": "low"}
    b = FarmBench(farm({"street": STREET}, lights={"road": light}))
    monkeypatch.setattr(b.controller._lights["light/road"], what, fails)
    b.put(ReadingsTaken("meter/cabinet", None, "no answer"))
    b.put(InputChanged("feedback/road/a", True))
    b.send("ON")
    b.put(LinkChanged(up=True))
    assert state_of(b, ROAD) == "raised"
    assert b.order({"action": "open", "for_s": 60})["outcome"] in ("done", "accepted")
    b.advance(10)
    assert (b.open(), b.water()["observed"]) == ("1 P", "OPEN")
    b.advance(90)
    assert b.open() == ""


# --- commands ---


def test_a_command_that_a_light_fails_at_is_told_so_and_used_up(monkeypatch: pytest.MonkeyPatch) -> None:
    b = hamlet()
    with failing(monkeypatch, b.controller._lights["light/road"], "command"):
        assert b.send({"action": "on", "id": "c-1"}) == {
            "id": "c-1", "user": "head", "outcome": "failed", "took_ms": 0,
            "error": {"code": "output-failed", "message": "the controller's software failed at it: see the alarm core-failing"},
        }
        audit = json.loads(next(m for m in reversed(b.radio.messages) if m.topic.endswith("/audit")).payload)
        assert (audit["id"], audit["outcome"], audit["action"]) == ("c-1", "failed", "on")
        assert b.order(WATER)["outcome"] in ("done", "accepted")
        b.advance(60)
        assert b.open() == "1 P"
        assert b.on() == ""
        assert state_of(b, ROAD) == "raised"
    assert b.send({"action": "on", "id": "c-1"})["error"]["code"] == "repeated"
    b.send({"action": "on", "id": "c-2"})
    b.advance(60)
    assert b.on() == "abc"
    assert [r["outcome"] for r in b.results() if r["id"] == "c-1"] == ["failed", "rejected"]
    assert state_of(b, ROAD) == "cleared"


def test_an_off_that_a_light_fails_at_works_and_is_taken_once_it_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    b = hamlet()
    b.send("ON")
    b.advance(30)
    assert b.on() == "abc"
    with failing(monkeypatch, b.controller._lights["light/road"], "command"):
        told = b.send({"action": "off", "id": "c-1"})
        assert (told["outcome"], told["error"]["code"], told["error"]["message"]) == ("failed", "output-failed", FAILED_OFF)
        assert b.on() == ""
        b.advance_to(LIT)
        assert b.on() == ""  # also when its program comes to its evening
    b.advance(10)
    assert (b.on(), b.state()["command"]) == ("", "c-1")
    assert [r["outcome"] for r in b.results() if r["id"] == "c-1"] == ["failed", "done"]
    b.advance(20)
    assert state_of(b, ROAD) == "cleared"
    assert b.send("AUTO")["outcome"] in ("done", "accepted")
    b.advance(30)
    assert b.on() == "abc"


def test_a_later_command_that_is_taken_stands_in_the_place_of_an_off_that_was_not(monkeypatch: pytest.MonkeyPatch) -> None:
    b = hamlet()
    with failing(monkeypatch, b.controller._lights["light/road"], "command"):
        assert b.send("OFF")["outcome"] == "failed"
    b.send("ON")
    b.advance(60)
    assert b.on() == "abc"


def test_a_close_that_the_field_fails_at_stops_the_pump_and_closes_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    b = watering()
    with failing(monkeypatch, b.controller._water, "command") as broken:
        written: list[tuple[str, bool]] = []
        for name, line in b.lines.items():
            broken.setattr(line, "write", partial(noted, written, name, line.write))
        assert b.order("CLOSE")["error"]["message"] == FAILED_OFF
        assert written == [("pump/pump-1", False), ("valve/plot-1", False)]
        stays_closed(b)
    is_whole_again(b)
    assert b.order(WATER)["outcome"] in ("done", "accepted")
    b.advance(70)
    assert b.open() == "1 P"


def test_an_off_for_a_switch_works_though_its_software_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    fan = {"name": "Quạt", "output": {"gpio": 21}, "default": "1h"}
    b = FarmBench(farm({"street": STREET}, lights={"road": street(meter=None)}, switches={"fan": fan}))
    b.send("ON", to="switch/fan")
    b.advance(5)
    assert b.lines["switch/fan"].read() is True
    with failing(monkeypatch, b.controller._switches["switch/fan"], "command"):
        assert b.send("OFF", to="switch/fan")["outcome"] == "failed"
        assert b.lines["switch/fan"].read() is False
        b.advance(60)
        assert b.lines["switch/fan"].read() is False
    b.advance(60)
    assert b.lines["switch/fan"].read() is False


def test_an_open_that_was_told_to_have_failed_opens_nothing_later(monkeypatch: pytest.MonkeyPatch) -> None:
    b = hamlet()
    with failing(monkeypatch, b.controller._water, "_step"):  # the run is made by then
        assert b.order(WATER | {"id": "w-1"})["outcome"] == "failed"
    b.advance(120)
    assert b.open() == ""
    assert [r["outcome"] for r in b.results()] == ["failed"]
    assert state_of(b, FIELD) is not None


def test_all_water_is_stopped_though_the_field_fails_at_it(monkeypatch: pytest.MonkeyPatch) -> None:
    b = watering()
    with failing(monkeypatch, b.controller._water, "stop_all"):
        assert b.ask("stop-water") == {"id": "r-1", "ok": False, "error": {"code": "output-failed", "message": FAILED_OFF}}
        stays_closed(b)
    is_whole_again(b)


def test_what_fails_at_the_end_keeps_nothing_else_from_being_turned_off(monkeypatch: pytest.MonkeyPatch) -> None:
    b = watering()
    monkeypatch.setattr(b.controller._water, "stop", fails)
    effects = b.controller.stop(b.clock.now())
    assert [type(effect).__name__ for effect in effects] == ["Failed"]
