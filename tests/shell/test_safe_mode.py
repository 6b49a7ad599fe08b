"""Safe mode on a clock moved by hand: what it switches, when, and what it answers; and hands that are lost."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.core.assembly import village
from edge.core.events import CommandReceived, LinkChanged, Publish, RequestReceived
from edge.core.topics import Decoder, Topics
from edge.core.values import Request
from edge.shell import safe_file, safe_mode_hands
from edge.shell.app import catalogue
from edge.shell.clock import ManualClock
from edge.shell.runner import Inbox, StepRunner
from edge.shell.safe_mode_hands import Hands, Lost
from edge.shell.safe_mode_night import Nights
from edge.shell.safe_mode_room import OFF_FOR_S, Room
from edge.shell.safe_mode_told import outputs_of
from edge.shell.site_file import load

ROOT = Path(__file__).parents[2]
SITE = load(ROOT / "config" / "nguyen-ly.yaml", catalogue())
VILLAGE = village(SITE, catalogue())
ENTRIES = safe_file.safe_entries(SITE)
ALARM = {"why": "5 × exit status 1", "why_vi": "5 × mã thoát 1", "minutes": 30}
ALARM_TOPIC = "alarm/safe-mode:site:nguyen-ly"


def local(text: str) -> float:
    return dt.datetime.fromisoformat(f"2026-11-26T{text}+07:00").timestamp()


@pytest.fixture(autouse=True)
def seldom(monkeypatch: pytest.MonkeyPatch) -> float:
    """Nights pass sooner where outputs are looked at less often."""
    monkeypatch.setattr(safe_mode_hands, "LOOK_S", 600.0)
    return 600.0


class Hand:
    """Relays that do as they are told, but for those that are `broken`: they kill who touches them."""

    def __init__(self, cabinet: Cabinet) -> None:
        self._cabinet = cabinet
        self.ended = False

    def hello(self, within_s: float) -> dict[str, Any]:
        return {"locked": self._cabinet.locked}

    def ask(self, order: Mapping[str, Any], within_s: float) -> dict[str, Any]:
        assert not self.ended
        name, on = order["output"], order["on"]
        if name in self._cabinet.broken:
            raise Lost("the driver's process was killed by signal 6")
        self._cabinet.told.append((name, on))
        if on and name.rpartition("/")[0] in (self._cabinet.locked or ()):
            return {"output": name, "on": None, "error": "it is locked"}
        self._cabinet.switched.append((name, on))
        self._cabinet.relays[name] = on and name not in self._cabinet.stuck
        return {"output": name, "on": self._cabinet.relays[name], "error": None}

    def end(self) -> None:
        self.ended = True


class Cabinet:
    """Safe mode on a manual clock, with what it said and drove."""

    def __init__(
        self, at: str = "12:00:00", trusted: bool = True, safe: str = "hold", locked: list[str] | None = None, place: Any = VILLAGE
    ) -> None:
        self.clock = ManualClock(local(at), trusted=trusted)
        self.relays: dict[str, bool] = {}
        self.told: list[tuple[str, bool]] = []
        self.switched: list[tuple[str, bool]] = []
        self.broken: set[str] = set()
        self.stuck: set[str] = set()
        self.locked = locked or []
        self.hands: list[Hand] = []
        self.said: list[Publish] = []
        self.alive = 0
        entries = [{**entry, "safe": safe} if entry["output"].startswith("light/") else entry for entry in ENTRIES]
        inbox: Inbox[Any] = Inbox()
        units = {entry["output"]: entry.get("port", entry["output"]) for entry in entries}
        self.worker = Hands(units, self._hand, inbox.put, self.clock.mono)
        self.room = Room(
            place, outputs_of(entries), ALARM, "0", self.clock, inbox, self.worker.inbox.put, self.said.append, self._live
        )
        self.names = Topics("nguyen-ly")
        self.runner = StepRunner([self.room, self.worker], self.clock)
        inbox.put(LinkChanged(up=True))
        self.runner.settle()

    def _hand(self) -> Hand:
        self.hands.append(Hand(self))
        return self.hands[-1]

    def _live(self) -> None:
        self.alive += 1

    def say(self, target: str, payload: str | dict[str, Any]) -> list[dict[str, Any]]:
        """Publish a command; what came on its result topic."""
        since = len(self.said)
        raw = payload if isinstance(payload, str) else json.dumps(payload)
        command = Decoder(self.names, self.room.targets).decode(f"{self.names.root}/{target}/set/head", raw.encode(), False)
        assert command is not None
        self.room.inbox.put(CommandReceived(command, self.clock.now()))
        self.runner.settle()
        return [json.loads(m.payload) for m in self.said[since:] if m.topic == self.names.of(target, "result")]

    def ask(self, name: str) -> dict[str, Any]:
        self.room.inbox.put(RequestReceived(Request(name, "head", f"{self.names.root}/reply/head/x", "r-1", b"c")))
        self.runner.settle()
        assert (self.said[-1].topic, self.said[-1].correlation) == (f"{self.names.root}/reply/head/x", b"c")
        return json.loads(self.said[-1].payload)

    def last(self, leaf: str) -> bytes:
        return next((m.payload for m in reversed(self.said) if m.topic == f"{self.names.root}/{leaf}"), b"")

    def state(self, target: str) -> dict[str, Any]:
        return json.loads(self.last(f"{target}/state"))

    def lit(self) -> set[str]:
        return {name for name, on in self.relays.items() if on}


LIGHTS = {entry["output"] for entry in ENTRIES if entry["output"].startswith("light/")}


def test_valves_pumps_and_switches_go_off_first_and_pumps_before_valves() -> None:
    b = Cabinet("22:00:00")
    first = [name.partition("/")[0] for name, _ in b.told]
    assert first == ["pump"] + ["valve"] * 4 + ["switch"] + ["light"] * (len(first) - 6)
    assert not b.lit() - LIGHTS


def test_lights_are_lit_from_sunset_to_sunrise_and_come_on_apart() -> None:
    b = Cabinet("12:00:00")
    assert b.lit() == set()
    b.runner.advance(local("17:00:00") - local("12:00:00"))
    assert b.lit() == set()
    b.runner.advance(3600)  # sunset is at 17:13
    assert b.lit() == LIGHTS
    on = [(name, on) for name, on in b.told if on]
    assert len(dict(on)) == len(LIGHTS)
    b.runner.advance(14 * 3600)
    assert b.lit() == set(), "the sun is up"


def test_circuits_on_one_meter_come_on_ten_seconds_apart() -> None:
    b = Cabinet("22:00:00")
    of_the_road = {name for name in LIGHTS if not name.startswith("light/culture-house")}
    assert len(b.lit() & of_the_road) == 1
    assert "10 s apart" in b.state("light/main-road")["detail"]
    assert b.state("light/main-road")["state"] == "ON"
    for lit in (2, 3, 4):
        b.runner.advance(10.0)
        b.runner.settle()
        assert len(b.lit() & of_the_road) == lit


def test_while_the_clock_is_not_confirmed_lights_are_lit_by_day_too() -> None:
    b = Cabinet("12:00:00", trusted=False)
    b.runner.advance(60)
    assert b.lit() == LIGHTS
    assert json.loads(b.last("time"))["trusted"] is False
    assert "the clock is not confirmed" in b.state("light/main-road")["detail"]
    b.clock.set_wall(b.clock.now().wall, trusted=True)
    b.runner.advance(2)
    b.room.step(b.clock.now())
    b.runner.advance(1)
    assert b.lit() == set()


@pytest.mark.parametrize(("safe", "lit"), [("on", LIGHTS), ("off", set())])
@pytest.mark.parametrize("at", ["12:00:00", "22:00:00"])
def test_lights_that_are_safe_on_or_off_are_so_at_any_hour(safe: str, lit: set[str], at: str) -> None:
    b = Cabinet(at, safe=safe)
    b.runner.advance(60)
    assert b.lit() == lit


@pytest.mark.parametrize("safe", ["on", "hold"])
def test_what_is_locked_is_never_lit_and_an_off_puts_it_out(safe: str) -> None:
    b = Cabinet("22:00:00", safe=safe, locked=["light/main-road"])
    b.runner.advance(60)
    assert {name for name in LIGHTS if name.startswith("light/main-road")} & b.lit() == set()
    assert "light/lanes/a" in b.lit()
    assert all(circuit["locked"] for circuit in b.state("light/main-road")["circuits"])
    assert b.say("light/main-road", "OFF")[-1]["outcome"] == "done"
    b.runner.advance(86400)
    assert not {name for name in b.lit() if name.startswith("light/main-road")}


def test_everything_but_off_is_refused_with_its_own_code() -> None:
    b = Cabinet("12:00:00")
    for target, payload in (("light/main-road", "ON"), ("light/main-road", "33"), ("valve/plot-1", "OPEN"), ("pump/pump-1", "ON"), ("light/lanes", "AUTO")):
        (told,) = b.say(target, payload)
        assert (told["outcome"], told["error"]["code"]) == ("rejected", "safe-mode")
        assert ALARM_TOPIC.removeprefix("alarm/") in told["error"]["message"]
        assert json.loads(b.last("audit"))["error"]["code"] == "safe-mode"
    assert b.lit() == set()
    assert b.say("light/main-road", "up")[0]["error"]["code"] == "bad-json"


def test_off_works_is_told_and_stands_until_the_next_sunset_or_sunrise() -> None:
    b = Cabinet("22:00:00")
    b.runner.advance(60)
    (told,) = b.say("light/main-road", {"action": "off", "id": "c-1", "expires_at": "2020-01-01T00:00:00Z"})
    assert (told["id"], told["outcome"], told["state"]) == ("c-1", "done", "OFF")
    state = b.state("light/main-road")
    assert (state["state"], state["observed"], state["reason"], state["by"]) == ("OFF", "OFF", "override", "head")
    assert state["until"].startswith("2026-11-26T23:1"), "sunrise"
    assert json.loads(b.last("audit"))["outcome"] == "accepted"
    b.runner.advance(8.5 * 3600)
    assert "light/main-road/a" not in b.lit()
    b.runner.advance(12 * 3600)
    assert "light/main-road/a" in b.lit(), "the next evening"


def test_off_for_a_time_ends_with_it_and_without_a_clock_after_half_a_day() -> None:
    b = Cabinet("22:00:00", trusted=False)
    b.runner.advance(60)
    b.say("light/main-road", {"action": "off", "for_s": 60})
    b.say("light/culture-house", "OFF")
    b.runner.advance(200)
    assert "light/main-road/a" in b.lit(), "its lamps have cooled too"
    b.runner.advance(OFF_FOR_S - 300)
    assert "light/culture-house/a" not in b.lit()
    b.runner.advance(400)
    assert "light/culture-house/a" in b.lit()


def test_an_off_that_does_not_come_about_is_told_as_failed() -> None:
    b = Cabinet("22:00:00")
    b.broken.add("valve/plot-1")
    (told,) = b.say("valve/plot-1", "CLOSE")
    assert (told["outcome"], told["error"]["code"]) == ("failed", "output-failed")
    assert b.state("valve/plot-1")["observed"] == "unknown"
    assert "signal 6" in b.state("valve/plot-1")["detail"]


def test_stop_water_works_and_every_other_request_is_refused_but_alarms() -> None:
    b = Cabinet("12:00:00")
    b.told.clear()
    assert b.ask("stop-water") == {"id": "r-1", "ok": True, "cancelled": []}
    assert {name.partition("/")[0] for name, on in b.told if not on} == {"pump", "valve"}
    for name in ("plan", "history", "alarm-ack", "rain-delay", "weather"):
        answer = b.ask(name)
        assert (answer["ok"], answer["error"]["code"]) == (False, "safe-mode")
    answer = b.ask("alarms")
    assert [alarm["alarm"] for alarm in answer["alarms"]] == [ALARM_TOPIC.removeprefix("alarm/")]


def test_a_link_is_told_all_that_is_retained_and_online_last() -> None:
    b = Cabinet("12:00:00")
    b.said.clear()
    b.room.inbox.put(LinkChanged(up=True))
    b.runner.settle()
    told = {m.topic.removeprefix("village/nguyen-ly/"): m for m in b.said}
    assert all(m.retain for m in told.values())
    assert b.said[-1].topic == "village/nguyen-ly/status"
    alarm = json.loads(told[ALARM_TOPIC].payload)
    assert (alarm["severity"], alarm["state"], alarm["data"]["minutes"]) == ("critical", "raised", 30)
    assert "5 × exit status 1" in alarm["text"]["en"]
    assert json.loads(told["about"].payload)["programs"] == []
    for device in VILLAGE["devices"]:  # type: ignore[attr-defined]
        target = f"{device['kind']}/{device['id']}"
        if device["kind"] in ("meter", "sensor"):
            assert {told[f"{target}/value/{q['name']}"].payload for q in device["quantities"]} == {b"unknown"}
        else:
            assert json.loads(told[f"{target}/state"].payload)["reason"] == "safety"
            assert told[f"{target}/value"].payload in (b"OFF", b"CLOSED")


def test_an_output_that_kills_its_driver_costs_no_other_and_is_tried_ever_more_seldom() -> None:
    b = Cabinet("22:00:00")
    b.broken.add("light/main-road/b")
    b.runner.advance(60)
    assert LIGHTS - b.lit() == {"light/main-road/b"}
    (alive,) = [hand for hand in b.hands if not hand.ended]
    lost = len(b.hands)
    b.runner.advance(3600)
    assert not alive.ended, "the others keep their process, and their lines"
    assert 4 <= len(b.hands) - lost <= 14
    assert b.state("light/main-road")["observed"] == "unknown"
    assert b.say("light/lanes", "OFF")[0]["outcome"] == "done"


def test_outputs_are_driven_again_and_again(seldom: float) -> None:
    b = Cabinet("12:00:00")
    b.told.clear()
    b.runner.advance(seldom * 3 + 1)
    assert b.told.count(("pump/pump-1", False)) == 3


def test_each_step_is_a_sign_of_life_and_one_that_fails_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    b = Cabinet("12:00:00")
    before = b.alive
    b.room.step(b.clock.now())
    assert b.alive == before + 1
    monkeypatch.setattr(b.room, "_decide", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        b.room.step(b.clock.now())
    assert b.alive == before + 1


MOVES = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from([0.5, 9.9, 10.0, 61.0, 3600.0, 6 * 3600.0])),
    st.tuples(st.just("say"), st.sampled_from(["ON", "OFF", "33", "OPEN", "CLOSE", "AUTO", '{"action": "off", "for_s": 60}'])),
    st.tuples(st.just("trust"), st.booleans()),
    st.tuples(st.just("jump"), st.sampled_from([-86400.0, -60.0, 60.0, 7200.0, 1e8])),
    st.tuples(st.just("break"), st.sampled_from([*sorted(LIGHTS), "valve/plot-1"])),
    st.tuples(st.just("link"), st.booleans()),
)


@given(
    st.sampled_from(["hold", "on", "off"]), st.sampled_from([None, "light/main-road", "light/lanes"]),
    st.lists(st.tuples(MOVES, st.sampled_from(["light/main-road", "light/lanes", "valve/plot-1", "pump/pump-1"])), max_size=12),
)  # fmt: skip
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_nothing_harmful_goes_on_and_off_is_off(safe: str, locked: str | None, moves: list[Any]) -> None:
    b = Cabinet("16:00:00", safe=safe, locked=[locked] if locked else None)
    for (what, how), target in moves:
        if what == "wait":
            b.runner.advance(how)
        elif what == "say":
            results = b.say(target, how)
            taken = ("off" in how.lower() and not target.startswith("valve")) or (how == "CLOSE" and target.startswith("valve"))
            assert results[0]["outcome"] in (("done", "failed") if taken else ("rejected",))
            if results[0]["outcome"] == "done":
                assert not {name for name in b.lit() if name.startswith(target)}
        elif what == "trust":
            b.clock.set_wall(b.clock.now().wall, trusted=how)
        elif what == "jump":
            b.clock.set_wall(b.clock.now().wall + how)
        elif what == "break":
            b.broken ^= {how}
        else:
            b.room.inbox.put(LinkChanged(up=how))
        b.runner.settle()
    assert not [name for name, on in b.told if on and not name.startswith("light/")]
    assert not [name for name, on in b.told if on and locked is not None and name.startswith(f"{locked}/")]
    if safe == "off":
        assert not b.lit()


def test_nights_without_a_place_or_a_sun_never_end() -> None:
    assert Nights({"timezone": None, "latitude": 0, "longitude": 0}).at(0.0) == (True, None)
    arctic = {"timezone": "Europe/Oslo", "latitude": 78.2, "longitude": 15.6}
    assert Nights(arctic).at(local("12:00:00")) == (True, None)
    here = Nights(VILLAGE["site"])  # type: ignore[arg-type]
    assert [here.at(local(at))[0] for at in ("00:00:00", "06:00:00", "07:00:00", "17:00:00", "17:30:00")] == [True, True, False, False, True]
