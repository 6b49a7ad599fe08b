"""Irrigation end to end in the core: programs, people, clocks, power cuts; times are exact."""

from __future__ import annotations

import itertools

import pytest
from water_bench import FLOW, FOUR, LITRES, ON, bench, pour, told


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
