"""What people do to runs, valves and pumps; times are exact."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from farms import MORNING, FarmBench, farm
from water_bench import FOUR, LIGHTS, ON, again, bench, told

from edge.core.events import RequestReceived
from edge.core.values import Refusal, Request


def test_a_person_takes_the_place_of_a_program_which_goes_on_afterwards() -> None:
    b = bench(pump={"rest": "0s"})
    b.advance(ON + 600)
    assert b.order({"action": "open", "for_s": 300, "id": "c-1"}, "plot-2")["outcome"] == "accepted"
    b.advance(10)
    assert "2" in b.open()
    assert b.water()["run"]["phase"] == "queued"
    assert b.water("plot-2")["reason"] == "override"
    assert b.water("plot-2")["by"] == "head"
    assert b.water("plot-2")["command"] == "c-1"
    assert b.results()[-1]["outcome"] == "done"
    b.advance(320)
    assert b.open() == "1 P"
    b.advance(1300)
    runs = {run["id"]: run for run in b.rows("runs")}
    assert runs["head:2026-11-21:c-1"]["outcome"] == "done"
    assert runs["morning:2026-11-21:0"]["outcome"] == "done"
    assert {zone["valve"]: zone["done_s"] for zone in b.rows("zones")} == {"valve/plot-1": 1800, "valve/plot-2": 300}


@pytest.mark.slow
def test_close_ends_this_run_for_all_its_zones_and_no_later_one() -> None:
    b = bench({"morning": FOUR})
    b.advance(ON + 30)
    b.order({"action": "close", "id": "c-1"}, "plot-1")
    assert b.open() == "1"  # the pump is off at once
    b.advance(3)
    assert b.open() == ""
    assert b.results()[-1]["outcome"] == "done"
    b.advance(7200)
    assert b.open() == ""
    assert b.watered("plot-2") == 0
    assert b.rows("runs")[0]["outcome"] == "cancelled"
    assert b.rows("runs")[0]["why"] == "person"
    assert b.order({"action": "close", "id": "c-1"}, "plot-1")["outcome"] == "done"  # an id of before, and nothing open
    b.advance(86400)
    assert b.watered("plot-2") > 1200


def test_pause_holds_a_run_resume_goes_on_with_what_is_left_and_skip_leaves_a_zone_out() -> None:
    b = bench({"morning": FOUR}, pump={"rest": "0s"})
    b.advance(ON + 600)
    assert b.order({"action": "pause"})["outcome"] == "done"
    b.advance(60)
    assert b.open() == ""
    assert b.water()["run"]["phase"] == "paused"
    assert b.water("plot-2")["run"]["phase"] == "paused"
    assert b.order({"action": "resume"})["outcome"] == "done"
    b.advance(30)
    assert b.open() == "1 P"
    b.advance(580)
    assert b.open() == "2 P"
    assert b.order({"action": "skip"}, "plot-2")["outcome"] == "done"
    b.advance(10)
    assert b.open() == "3 P"
    b.advance(2500)
    assert next((z["outcome"], round(z["done_s"])) for z in b.rows("zones")) == ("done", 1200)
    assert [z["outcome"] for z in b.rows("zones")] == ["done", "skipped", "done", "done"]


def test_whoever_hears_that_it_is_done_has_the_state_already() -> None:
    b = bench({"morning": FOUR})
    b.advance(ON + 30)

    def state_at_done(payload: dict[str, object], leaf: str = "set") -> dict[str, Any]:
        start = len(b.radio.messages)
        b.order(payload, topic=f"{b.root}/valve/plot-1/{leaf}/tech")
        b.advance(10)  # a close waits for its pump
        messages = b.radio.messages
        topics = [m.topic for m in messages]
        results = [n for n, topic in enumerate(topics) if n >= start and topic == f"{b.root}/valve/plot-1/result"]
        (end,) = [n for n in results if json.loads(messages[n].payload)["outcome"] == "done"]
        last = max(n for n, topic in enumerate(topics[:end]) if topic == f"{b.root}/valve/plot-1/state")
        found: dict[str, Any] = json.loads(messages[last].payload)
        return found

    assert state_at_done({"action": "pause"})["run"]["phase"] == "paused"
    assert state_at_done({"action": "resume"})["run"]["phase"] != "paused"
    assert state_at_done({"action": "close"})["run"] is None
    b.advance(120)
    opened = state_at_done({"action": "open", "for_s": 60})
    assert (opened["state"], opened["observed"]) == ("OPEN", "OPEN")
    assert state_at_done({"locked": True}, "lockout")["locked"]
    assert "locked" not in state_at_done({"locked": False}, "lockout")


def test_what_only_a_run_can_be_told_is_refused_without_one() -> None:
    b = bench({})
    for action in ("pause", "resume", "skip"):
        assert b.order({"action": action})["error"]["code"] == "no-run"


def test_an_open_without_a_bound_lasts_the_valves_default_and_one_beyond_max_on_is_refused() -> None:
    b = bench({})
    b.order("OPEN", "tap")
    assert b.water("tap")["until"] == "2026-11-20T22:09:00.000Z"
    b.advance(601)
    assert told(b, "valve/tap") == [(0.0, 600.0)]
    assert b.order({"action": "open", "for_s": 1801}, "tap")["error"]["code"] == "bad-value"
    assert b.open() == ""


def test_a_second_open_takes_the_place_of_the_first_without_closing() -> None:
    b = bench({})
    b.order({"action": "open", "for_s": 600}, "tap")
    b.advance(100)
    b.order({"action": "open", "for_s": 600}, "tap")
    b.advance(700)
    assert told(b, "valve/tap") == [(0.0, 700.0)]
    assert sorted(run["outcome"] for run in b.rows("runs")) == ["done", "superseded"]


def test_auto_drops_a_persons_run_and_lets_the_programs_go_on() -> None:
    b = bench(pump={"rest": "0s"})
    b.advance(ON + 60)
    b.order({"action": "open", "for_s": 3000})
    b.advance(60)
    assert b.water()["reason"] == "override"
    assert b.order("AUTO")["outcome"] == "done"
    assert b.water()["reason"] == "program"
    assert b.open() == "1 P"
    b.advance(2000)
    assert {z["done_s"] for z in b.rows("zones") if z["outcome"] == "done"} == {1800.0}


def test_until_is_an_end_by_the_clock_as_it_is_now() -> None:
    b = bench({})
    b.order({"action": "open", "until": "2026-11-20T22:04:00Z"}, "tap")
    b.runner.set_wall(b.clock.now().wall - 86400)
    b.advance(400)
    assert told(b, "valve/tap") == [(0.0, 300.0)]


def test_stop_water_closes_all_and_ends_every_run() -> None:
    b = bench({"morning": FOUR})
    b.advance(ON + 30)
    b.order({"action": "open", "for_s": 300, "id": "c-1"}, "tap")
    answer = b.ask("stop-water")
    assert answer["ok"]
    assert set(answer["cancelled"]) == {"morning:2026-11-21:0", "head:2026-11-21:c-1"}
    b.advance(3)
    assert b.open() == ""
    b.advance(7200)
    assert b.open() == ""
    assert {run["outcome"] for run in b.rows("runs")} == {"cancelled"}


def test_stop_water_needs_no_address_for_its_answer() -> None:
    b = bench({"morning": FOUR})
    b.advance(ON + 30)
    heard = b._decoder.request(f"{b.root}/ask/head/stop-water", b"{}", False, None, None)
    assert isinstance(heard, Request)
    start = len(b.radio.messages)
    b.put(RequestReceived(heard))
    assert [answer["ok"] for answer in b.answers(start)] == [True]
    b.advance(5)
    assert b.open() == ""
    elsewhere = b'{"reply_to": "thon/valve/plot-1/set/head"}'
    assert isinstance(b._decoder.request(f"{b.root}/ask/head/stop-water", elsewhere, False, None, None), Refusal)


def test_a_pump_is_not_turned_on_without_an_open_valve_and_off_ends_what_it_feeds() -> None:
    b = bench({"morning": FOUR})
    assert b.send("ON", to="pump/pump-1")["error"]["code"] == "interlock"
    b.advance(ON + 30)
    assert b.send("ON", to="pump/pump-1")["outcome"] == "done"
    assert b.send({"action": "off", "for_s": 600}, to="pump/pump-1")["outcome"] == "done"
    assert "P" not in b.open()
    assert b.open() != ""
    assert b.send("ON", to="pump/pump-1")["error"]["code"] == "interlock", "its valve only lets the pressure go"
    b.advance(5)
    assert b.rows("runs")[0]["outcome"] == "cancelled"
    assert b.order({"action": "open"}, "plot-2")["error"]["code"] == "not-allowed-now"
    assert b.pump()["reason"] == "override"
    assert b.pump()["by"] == "head"
    b.advance(700)
    assert b.order({"action": "open"}, "plot-2")["outcome"] == "done"


def test_a_pump_that_is_off_for_a_time_stays_so_over_a_restart(tmp_path: Path) -> None:
    b = bench(journal=tmp_path / "journal.db")
    b.send({"action": "off", "for_s": 600}, to="pump/pump-1")
    b = again(b, tmp_path)
    b.advance(ON + 30)
    assert b.open() == ""
    assert b.water()["run"]["phase"] == "held"
    b.advance(520)
    assert b.open() == "1 P"


def test_what_is_locked_closes_and_opens_only_after_its_release() -> None:
    b = bench(pump={"rest": "0s"})
    b.advance(ON + 60)
    root = f"{b.root}/valve/plot-1/lockout/tech"
    assert b.send({"locked": True, "note": "sửa van"}, topic=root)["outcome"] == "done"
    b.advance(5)
    assert b.open() == ""
    assert b.water()["reason"] == "lockout"
    assert b.water()["locked"] is True
    assert b.water()["run"]["phase"] == "held"
    assert b.order("OPEN")["error"]["code"] == "locked"
    b.send({"locked": False}, topic=root)
    b.advance(10)
    assert b.open() == "1 P"


def test_a_pump_can_be_locked_too() -> None:
    b = bench()
    b.send({"locked": True}, topic=f"{b.root}/pump/pump-1/lockout/tech")
    b.advance(ON + 60)
    assert b.open() == ""
    assert b.order("OPEN")["error"]["code"] == "locked"
    assert b.pump()["locked"] is True


def test_hand_at_the_cabinet_keeps_the_controller_off() -> None:
    b = bench(inputs={"switch": {"gpio": 6, "role": "hand", "of": ["pump/pump-1"]}})
    b.contact("switch", True)
    assert b.order("OPEN")["error"]["code"] == "hand"
    b.advance(ON + 60)
    assert b.open() == ""
    assert b.water()["run"]["phase"] == "held"
    assert b.pump()["reason"] == "hand"
    b.contact("switch", False)
    b.advance(10)
    assert b.open() == "1 P"


def test_a_pump_waits_while_lights_leave_it_no_room_under_the_contract() -> None:
    site = {"id": "thon", "name": "Thôn", "latitude": 19.87, "longitude": 105.68, "timezone": "Asia/Ho_Chi_Minh"}
    b = bench(lights=LIGHTS, site=site | {"language": "vi", "contracted_kw": 1.2})
    b.send("ON")
    b.advance(ON + 30)
    assert "P" not in b.open()
    assert b.water()["run"]["phase"] == "queued"
    assert "contracted" in b.water()["detail"]
    b.send("OFF")
    b.advance(10)
    assert b.open() == "1 P"


def test_an_empty_tank_stops_the_pump_and_the_run_goes_on_when_it_has_filled() -> None:
    tank = {"tank": {"gpio": 21, "role": "level", "low_is": "empty"}}
    b = bench(inputs=tank, pump={"stop_when": {"tank": "empty"}, "rest": "0s"})
    b.contact("tank", False)
    b.advance(ON + 600)
    assert b.open() == "1 P"
    b.contact("tank", True)
    assert "P" not in b.open()
    b.advance(600)
    assert b.open() == ""
    assert b.water()["run"]["phase"] == "held"
    assert b.alarm("level-stop:pump:pump-1") is not None
    b.contact("tank", False)
    b.advance(1300)
    b.advance(60)
    assert b.rows("zones")[0]["done_s"] == 1800.0


def test_a_zone_that_stands_twice_in_a_run_has_two_rows() -> None:
    program = MORNING | {"zones": [{"plot-1": "5m"}, {"plot-2": "5m"}, {"plot-1": "5m"}]}
    b = bench({"morning": program}, pump={"rest": "0s"})
    b.advance(ON + 1000)
    assert [(z["valve"], z["done_s"]) for z in b.rows("zones")] == [
        ("valve/plot-1", 300.0), ("valve/plot-2", 300.0), ("valve/plot-1", 300.0)
    ]


def test_a_switch_obeys_and_its_program_is_heard() -> None:
    b = FarmBench(farm({}, switches={"fan": {"name": "Quạt", "output": {"gpio": 10}, "max_on": "1h"}}))
    assert b.send("ON", to="switch/fan")["outcome"] == "done"
    assert b.lines["switch/fan"].read()
    b.advance(3601)
    assert not b.lines["switch/fan"].read()
