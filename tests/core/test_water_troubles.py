"""Rain, power cuts, clocks, and what goes wrong, in irrigation end to end in the core."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from farms import MORNING, FarmBench, farm
from water_bench import BEFORE, FLOW, FOUR, ON, RESUMING, again, bench, pour, told

from edge.core.events import JournalChanged, ReadingsTaken
from edge.core.values import Reading


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
    assert b.ask("plan")["put_off"] is None
    until = b.ask("rain-delay", for_s=3600)["until"]
    assert b.ask("plan")["put_off"] == {"until": until, "by": "head"}
    b.advance(ON + 1)
    assert b.open() == ""
    assert b.rows("runs")[0]["why"] == "put-off"
    assert b.ask("rain-delay", until="2026-11-23T00:00:00Z")["until"] == "2026-11-23T00:00:00.000Z"
    assert b.ask("rain-delay")["until"] is None
    assert b.ask("plan")["put_off"] is None
    b.advance_to("2026-11-22T05:01:00+07:00")
    assert b.open() == "1 P"
    assert b.ask("rain-delay", for_s=1, until="2026-11-23T00:00:00Z")["error"]["code"] == "bad-value"
    assert b.ask("rain-delay", for_s=4e7)["error"]["message"] == "for_s must be a number from 1 to 2678400"
    assert b.order("OPEN", "tap")["outcome"] == "done"  # whoever is there may


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
