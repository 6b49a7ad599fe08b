"""Irrigation end to end in the core: programs, people, clocks, power cuts; times are exact."""

from __future__ import annotations

import itertools
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from farms import MORNING, FarmBench, farm

from edge.core.events import JournalChanged, ReadingsTaken, RequestReceived
from edge.core.values import Reading, Refusal, Request

FOUR = {
    "kind": "irrigation", "start": "05:00",
    "zones": [{"plot-1": "20m"}, {"plot-2": "20m"}, {"plot-3": "20m"}, {"plot-4": "20m"}],
}
BEFORE = "2026-11-21T04:59:00+07:00"  # a minute before the run is due
ON = 60.0


def bench(programs: dict[str, Any] | None = None, at: str = BEFORE, **more: Any) -> FarmBench:
    built = {key: more.pop(key) for key in ("pump", "plots", "inputs", "sensors", "site", "lights", "switches") if key in more}
    return FarmBench(farm(programs, **built), at=at, **({"look_every_s": 60.0} | more))


def told(b: FarmBench, output: str, start: float = 1000.0) -> list[tuple[float, float | None]]:
    """When the output was on, in seconds after the bench began."""
    return [(round(a - start, 3), None if e is None else round(e - start, 3)) for a, e in b.spans(output)]


# --- a run ---


def test_a_run_opens_its_valve_first_and_its_seconds_count_from_the_opening() -> None:
    b = bench()
    b.advance(ON - 1)
    assert b.open() == ""
    b.advance(1)
    assert b.open() == "1"
    assert b.water()["state"] == "OPEN"
    assert b.water()["reason"] == "program"
    assert b.water()["program"] == "morning"
    assert b.water()["until"] == "2026-11-20T22:30:00.000Z"
    b.advance(2400)
    assert told(b, "valve/plot-1") == [(60.0, 1863.0)]  # 30 minutes, and the lag
    assert told(b, "pump/pump-1") == [(65.0, 1860.0)]
    assert b.water()["state"] == "CLOSED"
    assert b.water()["reason"] == "default"
    assert b.water()["run"] is None
    [run], [zone] = b.rows("runs"), b.rows("zones")
    assert (run["id"], run["outcome"], run["why"]) == ("morning:2026-11-21:0", "done", "")
    assert (zone["done_s"], zone["outcome"], zone["started"]) == (1800.0, "done", run["slot"])


def test_four_zones_follow_each_other_and_the_pump_rests_between_them_only_if_it_stops() -> None:
    b = bench({"morning": FOUR}, pump={"rest": "0s"})
    b.advance(ON + 5400)
    assert b.watered("plot-1") == b.watered("plot-4")
    assert [zone["outcome"] for zone in b.rows("zones")] == ["done"] * 4
    assert [zone["done_s"] for zone in b.rows("zones")] == [1200.0] * 4
    opened = [b.spans(f"valve/plot-{n}") for n in (1, 2, 3, 4)]
    assert [len(spans) for spans in opened] == [1, 1, 1, 1]
    for before, after in itertools.pairwise(opened):
        assert before[0][1] is not None
        assert after[0][0] >= before[0][1]


def test_two_zones_water_at_once_where_the_pump_feeds_two() -> None:
    b = bench({"morning": FOUR}, pump={"zones_at_once": 2, "rest": "0s"})
    b.advance(ON + 10)
    assert b.open() == "1 2 P"
    assert [b.water(f"plot-{n}")["run"]["phase"] for n in (1, 2, 3, 4)] == ["watering", "watering", "queued", "queued"]
    assert b.water("plot-3")["reason"] == "queue"
    b.advance(1205)
    assert b.open() == "3 4 P"
    b.advance(1300)
    assert b.open() == ""
    assert [zone["done_s"] for zone in b.rows("zones")] == [1200.0] * 4


def test_a_zone_that_soaks_lets_the_next_one_go_first() -> None:
    program = {
        "kind": "irrigation", "start": "05:00", "zones": [{"plot-1": "20m"}, {"plot-2": "10m"}], "cycle": "10m",
        "soak": "15m",
    }
    b = bench({"morning": program}, pump={"rest": "0s"})
    b.advance(ON + 610)
    assert b.open() == "2 P"
    assert b.water()["run"]["phase"] == "soaking"
    assert b.water()["run"]["done_s"] == 600
    b.advance(600)
    assert b.open() == ""
    b.advance(290)  # 15 minutes after the first piece
    assert told(b, "valve/plot-1")[1][0] == ON + 1500
    b.advance(700)
    assert [zone["done_s"] for zone in b.rows("zones")] == [1200.0, 600.0]
    assert b.rows("runs")[0]["outcome"] == "done"


def test_a_program_that_finishes_before_a_time_has_finished_by_then() -> None:
    program = {"kind": "irrigation", "finish_before": "06:00", "zones": [{"plot-1": "20m"}]}
    b = bench({"morning": program}, at="2026-11-21T05:00:00+07:00")
    b.advance_to("2026-11-21T06:00:00+07:00")
    assert b.open() == ""
    assert b.rows("runs")[0]["outcome"] == "done"
    assert b.rows("runs")[0]["ended"] >= b.clock.now().wall - 120


@pytest.mark.slow
def test_a_program_that_is_changed_while_its_run_is_on_changes_nothing_in_that_run() -> None:
    b = bench()
    b.advance(ON + 10)
    body = {"kind": "irrigation", "start": "05:00", "zones": [{"plot-2": "5m"}]}
    assert b.ask("program-put", program="morning", rev=1, body=body)["ok"]
    b.advance(1900)
    assert b.watered("plot-1") == 1803
    assert b.watered("plot-2") == 0
    b.advance(86400)
    assert b.watered("plot-1") == 1803
    assert b.watered("plot-2") == 303


# --- litres ---

FLOW: dict[str, Any] = {
    "inputs": {"main-flow": {"gpio": 16, "role": "flow", "pulses_per_l": 10}},
    "plots": {"flow": "main-flow", "normal_l_min": 60},
}
LITRES = {"kind": "irrigation", "start": "05:00", "zones": [{"plot-1": "200l"}]}


def pour(b: FarmBench, seconds: float, per_s: float, counted: int = 0) -> int:
    """Let water flow: so many pulses a second, looked at each second; the count after that."""
    for n in range(round(seconds)):
        b.advance(1)
        b.pulses(counted + round((n + 1) * per_s))
    return counted + round(seconds * per_s)


def test_a_zone_of_litres_ends_with_the_pulse_that_makes_them_full() -> None:
    b = bench({"morning": LITRES}, **FLOW)
    b.pulses(0)
    b.advance(ON + 5)
    pour(b, 199, 10.0)
    assert b.open() == "1 P"
    assert b.water()["run"]["planned_l"] == 200
    pour(b, 2, 10.0, 1990)
    assert b.open() == "1"  # the pump stops at once
    b.advance(4)
    [zone] = b.rows("zones")
    assert b.open() == ""
    assert zone["outcome"] == "done"
    assert 200 <= zone["litres"] <= 202


def test_litres_that_nobody_counts_become_time() -> None:
    b = bench({"morning": LITRES}, inputs=FLOW["inputs"], plots=FLOW["plots"])  # the input is never heard
    b.advance(ON + 600)
    [zone] = b.rows("zones")
    assert zone["outcome"] == "done"
    assert zone["done_s"] == pytest.approx(1.5 * 200)


# --- people ---


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


# --- the pump ---


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


# --- lockout, hand, contract ---


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


LIGHTS: dict[str, Any] = {
    "road": {
        "name": "Đường", "circuits": {"a": {"output": {"gpio": 17}, "lamps": 10, "lamp_w": 60}}, "restrike": "0s",
    }
}


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


# --- rain, soil ---


@pytest.mark.slow
def test_a_run_is_skipped_while_it_rains_and_never_made_up_for() -> None:
    program = MORNING | {"skip_when": {"rain": True}}
    b = bench({"morning": program}, inputs={"rain": {"gpio": 20, "role": "rain"}})
    b.contact("rain", True)
    b.advance(ON + 1)
    assert b.rows("runs")[0]["outcome"] == "skipped"
    assert b.rows("runs")[0]["why"] == "rain"
    b.contact("rain", False)
    b.advance(3600)
    assert b.open() == ""
    assert b.watered() == 0
    b.advance_to("2026-11-22T05:01:00+07:00")
    assert b.open() == "1 P"


@pytest.mark.slow
def test_a_person_puts_watering_off_and_ends_that_again() -> None:
    b = bench()
    assert b.ask("rain-delay", for_s=3600)["ok"]
    b.advance(ON + 1)
    assert b.open() == ""
    assert b.rows("runs")[0]["why"] == "put-off"
    assert b.ask("rain-delay", until="2026-11-23T00:00:00Z")["until"] == "2026-11-23T00:00:00.000Z"
    assert b.ask("rain-delay")["until"] is None
    b.advance_to("2026-11-22T05:01:00+07:00")
    assert b.open() == "1 P"
    assert b.ask("rain-delay", for_s=1, until="2026-11-23T00:00:00Z")["error"]["code"] == "bad-value"
    assert b.ask("rain-delay", for_s=4e7)["error"]["message"] == "for_s must be a number from 1 to 2678400"
    assert b.order("OPEN", "tap")["outcome"] == "done"  # whoever is there may


# --- power cuts and restarts ---

RESUMING = MORNING | {"resume": "within 2h"}


def again(b: FarmBench, folder: Path, down_s: float | None = None, boot: str = "boot-2") -> FarmBench:
    """The process is killed and started anew; with `down_s` the power was away so long, and every line fell."""
    clock, lines = b.clock, b.lines
    b.store.close(clock.now())
    if down_s is not None:
        clock.reboot(boot, down_s)
        for line in lines.values():
            line.writes.append((clock.mono(), False))
    return FarmBench(b.site, journal=folder / "journal.db", clock=clock, lines=lines, look_every_s=60.0)


@pytest.mark.parametrize("cut_after_s", [1.0, 14.9, 300.0, 901.0, 1799.0])
def test_a_power_cut_costs_at_most_a_checkpoint(tmp_path: Path, cut_after_s: float) -> None:
    b = bench({"morning": RESUMING}, journal=tmp_path / "journal.db")
    b.advance(ON + cut_after_s)
    before = b.watered()
    b = again(b, tmp_path, 120.0)
    start = b.clock.mono()
    b.advance(3600)
    after = sum((e or 0) - s for s, e in b.spans("valve/plot-1") if s >= start and s < 1000)
    assert before == pytest.approx(cut_after_s)
    assert 1799.9 <= before + after - 3 <= 1815.1  # the lag of the last closing
    assert b.rows("runs")[0]["outcome"] == "done"


@pytest.mark.slow
def test_a_run_that_may_not_be_resumed_is_cut_short_and_told(tmp_path: Path) -> None:
    b = bench(journal=tmp_path / "journal.db")
    b.advance(ON + 600)
    b = again(b, tmp_path, 60.0)
    b.advance(60)
    assert b.open() == ""
    [run] = b.rows("runs")
    assert (run["outcome"], run["why"]) == ("cut_short", "power-cut")
    alarm = b.alarm("run-cut-short:program:morning")
    assert alarm is not None
    assert "power was cut" in alarm["text"]["en"]
    b.advance_to("2026-11-22T06:00:00+07:00")
    alarm = b.alarm("run-cut-short:program:morning")
    assert alarm is not None
    assert alarm["state"] == "cleared"


def test_a_run_is_not_resumed_after_its_latest_end(tmp_path: Path) -> None:
    b = bench({"morning": RESUMING}, journal=tmp_path / "journal.db")
    b.advance(ON + 600)
    b = again(b, tmp_path, 3 * 3600.0)
    b.advance(60)
    assert b.open() == ""
    assert b.rows("runs")[0]["outcome"] == "cut_short"


def test_a_run_waits_for_the_clock_after_a_power_cut(tmp_path: Path) -> None:
    b = bench({"morning": RESUMING}, journal=tmp_path / "journal.db")
    b.advance(ON + 600)
    b.clock.set_wall(b.clock.now().wall, trusted=False)
    b = again(b, tmp_path, 60.0)
    b.advance(600)
    assert b.open() == ""
    assert b.water()["run"]["phase"] == "held"
    b.clock.set_wall(b.clock.now().wall, trusted=True)
    b.advance(70)
    assert b.open() == "1 P"


def test_a_persons_run_outlives_the_process_but_not_the_boot(tmp_path: Path) -> None:
    b = bench({}, journal=tmp_path / "journal.db")
    b.order({"action": "open", "for_s": 600, "id": "c-1"}, "tap")
    b.advance(100)
    b = again(b, tmp_path)
    b.advance(1)
    assert b.open() == "T"
    assert b.water("tap")["command"] == "c-1"
    b = again(b, tmp_path, 60.0)
    b.advance(60)
    assert b.open() == ""
    assert b.rows("runs")[0]["outcome"] == "cut_short"
    assert b.alarm("run-cut-short:valve:tap") is not None


def test_a_stop_in_good_order_keeps_what_was_watered_to_the_second(tmp_path: Path) -> None:
    b = bench(journal=tmp_path / "journal.db")
    b.advance(ON + 609.5)
    b.stop()
    assert b.open() == ""
    b = FarmBench(b.site, journal=tmp_path / "journal.db", clock=b.clock, lines=b.lines)
    b.advance(61)
    assert b.rows("zones")[0]["done_s"] >= 609.5
    b.advance(2000)
    assert b.rows("zones")[0]["outcome"] == "done"
    assert b.watered() == pytest.approx(1800 + 2 * 3, abs=4)


# --- clocks ---


@pytest.mark.slow
@pytest.mark.parametrize("back_s", [3600.0, 86400.0, 365 * 86400.0])
def test_a_clock_that_is_set_back_starts_no_run_twice(back_s: float) -> None:
    b = bench({"morning": MORNING, "evening": MORNING | {"start": "17:00", "zones": [{"plot-2": "10m"}]}})
    b.advance(ON + 2400)
    b.runner.set_wall(b.clock.now().wall - back_s)
    b.advance(3 * 86400)
    ids = [run["id"] for run in b.rows("runs")]
    assert len(ids) == len(set(ids))
    assert ids.count("morning:2026-11-21:0") == 1
    started = [run for run in b.rows("runs") if run["outcome"] == "done"]
    assert len(b.spans("valve/plot-1")) + len(b.spans("valve/plot-2")) == len(started)
    assert len(started) >= 5  # the days after have theirs


def test_a_clock_that_leaps_forward_misses_what_it_leaps_over_and_tells_of_the_last_day_only() -> None:
    b = bench()
    b.runner.set_wall(b.clock.now().wall + 365 * 86400)
    b.advance(3600)
    assert [(run["id"], run["outcome"]) for run in b.rows("runs")] == [
        ("morning:2027-11-20:0", "missed"), ("morning:2027-11-21:0", "done"),
    ]
    alarm = b.alarm("run-missed:program:morning")
    assert alarm is not None
    assert alarm["state"] == "cleared"


def test_what_fell_due_while_the_controller_was_off_is_missed_or_begun_late(tmp_path: Path) -> None:
    b = bench({"morning": MORNING, "late": RESUMING | {"zones": [{"tap": "5m"}]}}, journal=tmp_path / "journal.db")
    b = again(b, tmp_path, 1200.0)
    b.advance(1)
    assert b.open() == "T"
    assert {run["id"]: run["outcome"] for run in b.rows("runs")}["morning:2026-11-21:0"] == "missed"
    assert b.alarm("run-missed:program:morning") is not None


@pytest.mark.parametrize(("restored_s", "begun"), [(-1.0, True), (61.0, False)])
def test_what_was_due_before_a_backup_was_put_back_is_not_begun_again(
    tmp_path: Path, restored_s: float, begun: bool
) -> None:
    journal = tmp_path / "journal.db"
    first = bench(journal=journal)
    first.stop()
    with sqlite3.connect(journal) as db:
        wall = first.clock.now().wall + restored_s
        db.execute("INSERT INTO field (id, value, wall) VALUES ('restored', ?, ?)", (wall, wall))
    b = bench(journal=journal, clock=first.clock)
    b.advance(ON + 30)
    assert (b.open() != "") is begun
    assert len(b.rows("runs")) == begun


def test_without_a_confirmed_clock_no_program_starts_but_people_open() -> None:
    b = bench()
    b.clock.set_wall(b.clock.now().wall, trusted=False)
    b.advance(ON + 30)
    assert b.open() == ""
    assert b.order({"action": "open", "for_s": 60}, "tap")["outcome"] == "done"
    b.advance(120)
    assert told(b, "valve/tap") == [(90.0, 150.0)]


# --- what goes wrong ---


def test_nothing_opens_while_the_journal_cannot_be_written() -> None:
    b = bench()
    b.put(JournalChanged("disk full"))
    b.advance(ON + 30)
    assert b.open() == ""
    assert b.water()["run"]["phase"] == "held"
    assert b.order("OPEN", "tap")["outcome"] == "accepted"
    assert b.open() == ""
    assert b.order("CLOSE", "tap")["outcome"] == "done"
    b.put(JournalChanged(None))
    b.advance(10)
    assert b.open() == "1 P"


@pytest.mark.slow
def test_a_run_that_has_to_wait_too_long_is_missed() -> None:
    b = bench()
    b.contact("x", None)  # an input that nobody knows changes nothing
    b.send({"locked": True}, topic=f"{b.root}/valve/plot-1/lockout/tech")
    b.advance(ON + 1800 + 7200 + 20)
    [run] = b.rows("runs")
    assert (run["outcome"], run["why"]) == ("missed", "late")
    assert b.alarm("run-missed:program:morning") is not None


def test_a_valve_that_does_not_obey_fails_the_command_and_ends_the_persons_run() -> None:
    b = bench({})
    b.lines["valve/tap"].stuck = False
    assert b.order({"action": "open", "for_s": 600}, "tap").get("outcome") in (None, "accepted")
    b.advance(20)
    assert b.results()[-1]["outcome"] == "failed"
    assert b.results()[-1]["error"]["code"] == "output-failed"
    b.lines["valve/tap"].stuck = None
    b.advance(600)
    assert b.open() == ""
    assert b.rows("runs")[0]["why"] == "output-failed"


def test_no_water_blocks_the_pump_until_somebody_has_seen_the_alarm() -> None:
    b = bench(**FLOW)
    b.pulses(0)
    b.advance(ON + 5)
    pour(b, 60, 0.0)
    assert "P" not in b.open()
    assert b.alarm("flow-none:pump:pump-1") is not None
    assert b.rows("zones")[0]["why"] == "flow-none"
    assert b.order("OPEN", "plot-2")["error"]["code"] == "not-allowed-now"
    assert b.ask("alarm-ack", alarm="flow-none:pump:pump-1")["ok"]
    assert b.order("OPEN", "plot-2")["outcome"] in ("accepted", "done")


def test_the_budget_of_a_day_ends_a_run() -> None:
    b = bench(plots={"max_on": "20m", "daily_max": "20m", "default": "5m"})
    b.advance(ON + 2400)
    [zone] = b.rows("zones")
    assert (zone["outcome"], zone["why"]) == ("cut_short", "budget")
    assert b.watered() <= 1200
    b.order({"action": "open", "id": "c-9"})
    b.advance(1)
    assert b.results()[-1]["outcome"] == "failed"
    assert b.results()[-1]["error"]["code"] == "not-allowed-now"


def test_the_plan_tells_the_runs_and_their_zones() -> None:
    b = bench({"morning": FOUR})
    plan = b.ask("plan", days=1)
    assert [run["run"] for run in plan["runs"]] == ["morning:2026-11-21:0"]
    assert [zone["device"] for zone in plan["runs"][0]["zones"]] == [f"valve/plot-{n}" for n in (1, 2, 3, 4)]
    assert [len(run["zones"]) for run in b.ask("plan", days=1, device="valve/plot-2")["runs"]] == [1]
    assert b.ask("plan", device="valve/tap")["runs"] == []


# --- by the soil ---


def test_a_window_waters_the_zones_that_are_dry_once_and_ends_where_the_soil_is_wet() -> None:
    program = {
        "kind": "irrigation", "window": "05:00..08:00", "start_when": {"soil_below": 20, "soil_above": 30},
        "zones": [{"plot-1": "10m"}, {"plot-2": "10m"}],
    }
    probes = {
        f"soil-{n}": {
            "name": f"Đất {n}", "model": "soil", "port": "bus", "address": 20 + n, "poll": "10s", "record": "60s",
            "stale": "1h",
        }
        for n in (1, 2)
    }
    site = farm({"morning": program}, pump={"rest": "0s"}, sensors=probes)
    for n in (1, 2):
        site.valves[f"plot-{n}"] = site.valves[f"plot-{n}"].model_copy(update={"soil": f"soil-{n}"})
    b = FarmBench(site, at=BEFORE, look_every_s=60.0)

    def says(probe: int, percent: float) -> None:
        reading = Reading(f"sensor/soil-{probe}", {"moisture_pct": percent}, b.clock.now().wall)
        b.put(ReadingsTaken(f"sensor/soil-{probe}", reading))

    for n in (1, 2):
        says(n, 25.0)
    b.advance(ON + 3600)
    assert b.rows("runs") == []
    says(1, 19.0)
    b.advance(10)
    assert b.open() == "1 P"
    assert [zone["valve"] for zone in b.rows("zones")] == ["valve/plot-1"]
    says(1, 31.0)
    b.advance(5)
    assert b.open() == ""
    assert b.rows("zones")[0]["why"] == "soil-wet"
    assert b.rows("runs")[0]["outcome"] == "done"
    says(1, 10.0)
    b.advance(60)
    assert b.open() == ""  # once a window
