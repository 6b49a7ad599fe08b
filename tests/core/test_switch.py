"""A switch as the core runs it: its program, persons, limits, leases, the journal, starts. On a manual clock."""

from __future__ import annotations

import pytest
from switch_bench import SwitchBench
from switch_runs import FAN, HEAT, moves, running, stays_hot


def test_the_program_turns_it_on_and_off_and_says_why() -> None:
    b = running()
    state = b.state()
    assert (state["state"], state["observed"], state["reason"], state["program"]) == ("ON", "ON", "sensor", "cool")
    assert state["detail"] == "air temperature_c from 33 until below 30"
    assert state["until"] == "2026-11-21T05:31:40.000Z", "the end of max_on comes before that of the window"
    b.measure(30)
    assert b.line.on
    b.measure(29.9)
    assert not b.line.on
    assert (b.state()["reason"], b.state()["until"]) == ("sensor", "2026-11-21T11:00:00.000Z")


def test_at_its_windows_end_it_goes_off_and_says_when_it_opens() -> None:
    b = running()
    b.send("auto")  # nothing to drop
    stays_hot(b, *[1800] * 19)
    assert not b.line.on
    assert (b.state()["reason"], b.state()["until"]) == ("program", "2026-11-22T01:00:00.000Z")


def test_every_start_turns_it_off_first_and_then_asks_the_sensors_anew() -> None:
    b = running()
    b.begin()
    assert not b.line.on
    b.measure(31)
    b.advance(300)
    assert not b.line.on, "between the thresholds nobody knows that it was hot"
    b.measure(33)
    assert b.line.on


def test_after_a_start_its_program_lets_it_rest() -> None:
    b = SwitchBench(FAN, HEAT)
    b.measure(34)
    assert (b.line.on, b.state()["reason"], b.state()["detail"]) == (False, "safety", "it rests after the start")
    b.advance(59.9)
    assert not b.line.on
    b.advance(0.1)
    assert b.line.on


def test_a_persons_on_ends_by_itself() -> None:
    b = SwitchBench({**FAN, "default": "30m"})
    assert b.send("on")["outcome"] == "done"
    state = b.state()
    assert (state["reason"], state["by"], state["command"], state["until"]) == (
        "override", "head", "c-1", "2026-11-21T02:00:00.000Z"
    )
    b.advance(1799.9)
    assert b.line.on
    b.advance(0.1)
    assert not b.line.on
    assert (b.state()["reason"], b.state()["by"]) == ("default", None)
    assert ("overrides", "switch/fan") not in b.rows


@pytest.mark.parametrize(("more", "ends_s"), [({"for_s": 86_400.0}, 14_400), ({"for_s": 60.0}, 60), ({}, 3600)])
def test_max_on_bounds_what_a_person_asks_for(more: dict[str, float], ends_s: float) -> None:
    b = SwitchBench(FAN)
    b.send("on", **more)
    b.advance(ends_s - 0.1)
    assert b.line.on
    b.advance(0.1)
    assert not b.line.on


def test_a_person_may_lengthen_a_stretch_only_up_to_max_on() -> None:
    b = running({"max_on": "1h"})
    stays_hot(b, *[500] * 6)
    b.send("on", for_s=7200.0)
    assert b.state()["until"] == "2026-11-21T02:31:40.000Z"
    b.advance(600)
    assert not b.line.on
    assert b.line.history[-1][0] - b.line.history[-2][0] == pytest.approx(3600)


def test_nobody_who_sets_the_clock_makes_an_on_longer() -> None:
    b = SwitchBench({})
    b.send("on", until=b.now().wall + 600)
    b.clock.set_wall(b.now().wall - 86_400)
    b.advance(599)
    assert b.line.on
    b.advance(1)
    assert not b.line.on


def test_after_the_whole_of_max_on_it_rests_and_then_goes_on() -> None:
    b = running({"max_on": "10m"}, HEAT)
    stays_hot(b, 300, 300)
    assert not b.line.on
    state = b.state()
    assert (state["reason"], state["detail"]) == ("safety", "it was on for as long as max_on allows at a stretch")
    assert state["until"] == "2026-11-21T01:42:40.000Z"
    b.advance(59)
    assert not b.line.on
    b.advance(1)
    assert b.line.on


def test_a_rest_after_max_on_is_not_shortened_by_a_person_who_tries() -> None:
    b = running({"max_on": "10m"}, HEAT)
    stays_hot(b, 600)
    b.send("on")
    assert b.line.on, "a person is not kept waiting"
    b.send("off")
    b.send("auto")
    assert not b.line.on


def test_minimum_times_hold_the_program_and_nobody_else() -> None:
    b = running({"min_on": "5m", "min_off": "3m"})
    b.advance(60)
    b.measure(20)
    assert (b.line.on, b.state()["detail"]) == (True, "it stays on for min_on")
    b.advance(240)
    assert not b.line.on
    b.measure(34)
    assert (b.line.on, b.state()["reason"], b.state()["detail"]) == (False, "sensor", "it stays off for min_off")
    b.advance(179)
    assert not b.line.on
    b.advance(1)
    assert b.line.on
    assert b.send("off")["outcome"] == "done"
    assert not b.line.on
    b.send("on")
    assert b.line.on
    b.measure(20)
    b.send("auto")
    assert not b.line.on, "a person's ON leaves no minimum time behind"


def test_off_stands_until_the_windows_next_edge() -> None:
    b = running()
    b.send("off")
    assert (b.state()["reason"], b.state()["until"]) == ("override", "2026-11-21T11:00:00.000Z")
    b.measure(40)
    b.advance(600)
    b.measure(40)
    assert not b.line.on
    b.send("auto")
    assert b.line.on


def test_while_a_person_stands_above_the_program_its_conditions_follow_the_sensors() -> None:
    b = running()
    b.send("off")
    b.measure(25)
    b.measure(31)
    b.send("auto")
    assert not b.line.on, "it was cool in between"


def test_off_without_a_window_stands_for_a_day_and_outlasts_a_reboot() -> None:
    b = running({}, HEAT)
    b.send("off")
    assert b.state()["until"] == "2026-11-22T01:31:40.000Z"
    b.power_cut(3600)
    b.begin()
    b.advance(120)
    b.measure(40)
    assert (b.line.on, b.state()["reason"]) == (False, "override")


def test_a_persons_on_goes_on_after_a_restart_but_not_after_a_power_cut() -> None:
    b = SwitchBench(FAN)
    b.send("on", for_s=3600.0)
    b.kill()
    b.begin()
    assert b.line.on
    assert moves(b) == [True, False, True], "off first"
    b.power_cut()
    b.begin()
    assert not b.line.on
    assert ("overrides", "switch/fan") not in b.rows


def test_a_process_that_ends_in_good_order_leaves_it_off_and_its_account_closed() -> None:
    b = SwitchBench({"daily_max": "1h"})
    b.send("on", for_s=600.0)
    b.advance(60)
    b.stop()
    assert not b.line.on
    row = b.rows["budgets", "switch/fan"]
    assert row["on_mono"] is None
    assert row["off_mono"] == 1060.0
    assert str(row["charges"]).endswith(",60.0]]")
