"""A switch as the core runs it: its program, persons, limits, leases, the journal, starts. On a manual clock."""

from __future__ import annotations

import pytest
from switch_bench import SwitchBench

HEAT = {"when": {"sensor": "air", "quantity": "temperature_c", "on_above": 33, "off_below": 30}}
DAY = {**HEAT, "window": "08:00..18:00"}
FAN = {"max_on": "4h"}


def running(switch: dict[str, object] | None = None, program: dict[str, object] | None = None) -> SwitchBench:
    """A fan that its program has turned on, after the rest that follows a start."""
    bench = SwitchBench(FAN if switch is None else switch, program or DAY)
    bench.advance(max(100.0, bench.switch.min_off))
    bench.measure(34)
    assert bench.line.on
    return bench


def moves(bench: SwitchBench) -> list[bool]:
    return [on for _, on in bench.line.history]


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
    for _ in range(19):
        b.advance(1800)
        b.measure(34)
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
    for _ in range(6):
        b.advance(500)
        b.measure(34)
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
    b.advance(300)
    b.measure(34)
    b.advance(300)
    b.measure(34)
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
    b.advance(600)
    b.measure(34)
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


@pytest.mark.parametrize("limits", [{}, FAN])
def test_what_is_on_is_leased_and_a_core_that_hangs_leaves_it_off(limits: dict[str, object]) -> None:
    b = SwitchBench(limits)
    b.send("on")
    b.advance(1000)
    assert b.line.on
    b.advance(20, hangs=True)
    (off_at, on), (again_at, _) = b.line.history[-2:]
    assert not on
    assert 10 <= off_at - 2000 <= 15.1
    assert (b.line.on, again_at) == (True, 2020), "the core is back, and the person still wants it on"
    assert "not-opening" not in b.alarms()


def test_an_on_waits_for_the_disk_and_is_cancelled_when_nobody_wants_it_any_more() -> None:
    b = SwitchBench(FAN)
    b.advance(1)
    b.journal_waits = True
    assert b.send("on") == {}
    assert (b.line.on, b.state()["state"], b.state()["observed"]) == (False, "ON", "OFF")
    assert b.send("off")["outcome"] == "done"
    b.journal_waits = False
    b.advance(30)
    assert moves(b) == []


def test_an_on_that_the_disk_does_not_take_in_time_is_taken_back() -> None:
    b = SwitchBench(FAN)
    b.advance(1)
    b.journal_waits = True
    b.send("on", for_s=60.0)
    b.advance(10)
    assert (b.state()["observed"], b.line.leased_until) == ("OFF", None)
    b.advance(3)
    assert b.results()[-1]["outcome"] == "failed"
    b.journal_waits = False
    b.advance(1)
    assert b.line.on, "it is tried again once the disk has answered"
    b.advance(60)
    assert not b.line.on


def test_without_a_journal_what_is_limited_stays_off_and_a_siren_sounds_all_the_same() -> None:
    fan, siren = SwitchBench(FAN), SwitchBench({})
    for bench in (fan, siren):
        bench.advance(1)
        bench.journal_fails = True
    held = fan.send("on", for_s=600.0)
    assert (held["outcome"], held["detail"]) == ("accepted", "the memory card cannot be written: it stays off")
    assert (fan.line.on, fan.state()["reason"]) == (False, "safety")
    assert siren.send("on")["outcome"] == "done"
    fan.journal_fails = False
    fan.unit.wake = float("-inf")
    fan.advance(1)
    assert fan.line.on
    assert fan.results()[-1]["outcome"] == "done"


def test_what_is_on_uses_up_what_was_charged_when_the_journal_fails() -> None:
    b = SwitchBench(FAN)
    b.send("on", for_s=7200.0)
    b.journal_fails = True
    b.advance(899)
    assert b.line.on
    b.advance(1)
    assert not b.line.on
    assert b.state()["reason"] == "default", "what was asked for is over"


def test_a_power_cut_costs_at_most_a_piece_of_the_day() -> None:
    b = SwitchBench({"daily_max": "1h"})
    for _ in range(2):
        b.send("on", for_s=10.0)
        b.advance(5)
        b.power_cut()
        b.begin()
        b.advance(1)
    b.send("on", for_s=3600.0)
    b.advance(3600)
    on = [end - start for (start, _), (end, _) in zip(b.line.history[4::2], b.line.history[5::2], strict=True)]
    assert 1790 <= sum(on) <= 1801


def test_when_its_day_is_used_up_it_says_so_and_does_not_come_on() -> None:
    b = SwitchBench({"daily_max": "30m"}, HEAT)
    b.advance(100)
    b.measure(34)
    b.advance(599)
    b.measure(34)
    b.advance(599)
    b.measure(34)
    b.advance(700)
    b.measure(34)
    assert not b.line.on
    b.advance(100)
    assert b.state()["detail"] == "it has been on for as long as daily_max allows in 24 h"
    assert b.alarms() == {"budget-exhausted"}
    held = b.send("on", for_s=60.0)
    assert held["outcome"] == "accepted"
    b.advance(61)
    assert b.results()[-1]["outcome"] == "failed"


def test_locked_it_is_off_until_the_release_and_a_persons_on_is_gone() -> None:
    b = SwitchBench(FAN)
    b.send("on", for_s=7200.0)
    assert b.send("lock", user="tech", note="thay cánh quạt")["outcome"] == "done"
    state = b.state()
    assert (b.line.on, state["reason"], state["by"]) == (False, "lockout", "tech")
    assert state["detail"] == "locked by tech: thay cánh quạt"
    assert b.send("on")["code"] == b.send("auto")["code"] == "locked"
    assert b.send("off")["outcome"] == "done"
    b.power_cut()
    b.begin()
    assert b.state()["reason"] == "lockout"
    b.send("unlock", user="tech")
    assert not b.line.on
    assert ("lockouts", "switch/fan") not in b.rows


def test_on_hand_the_controller_keeps_its_own_relay_off() -> None:
    b = running()
    b.hand = b.now().wall
    b.advance(60)
    assert (b.line.on, b.state()["reason"]) == (False, "hand")
    assert b.send("on")["code"] == "hand"
    assert b.send("off", for_s=10.0)["outcome"] == "done"


def test_it_has_no_levels_and_no_circuits() -> None:
    b = SwitchBench({})
    assert b.send("on", level=33)["code"] == "bad-value"
    assert b.send("lock", circuit="a")["code"] == "bad-value"
    assert b.send("on", level=100.0)["outcome"] == "done"


def test_a_line_that_does_not_follow_is_told_of_and_its_command_fails() -> None:
    b = SwitchBench({})
    b.line.sticks = False
    b.send("on")
    b.advance(3.5)
    assert b.results()[-1]["outcome"] == "failed"
    b.advance(60)
    assert b.alarms() == {"not-opening"}
    b.line.sticks = True
    b.advance(120)
    assert b.alarms() == set()
    b.send("off")
    b.advance(3.5)
    assert b.results()[-1]["outcome"] == "failed"
    assert b.alarms() == {"not-closing"}
    b.line.sticks = None
    b.advance(3)
    assert (b.line.on, b.alarms()) == (False, set())


def test_switching_too_often_waits_and_off_does_not() -> None:
    b = SwitchBench({}, burst=4)
    for _ in range(2):
        assert b.send("on")["outcome"] == "done"
        assert b.send("off")["outcome"] == "done"
    assert b.send("on")["outcome"] == "accepted"
    assert b.alarms() == {"switching-capped"}
    assert b.send("off")["outcome"] == "done"
    b.send("on")
    b.advance(60)
    assert b.line.on
    assert b.results()[-1]["outcome"] == "done"


@pytest.mark.parametrize(("program", "on"), [(DAY, False), (HEAT, True)])
def test_by_an_unconfirmed_clock_only_a_program_without_a_window_turns_it_on(
    program: dict[str, object], on: bool
) -> None:
    b = SwitchBench(FAN, program, trusted=False)
    b.advance(61)
    b.measure(40)
    assert b.line.on is on
    assert b.send("on")["outcome"] == "done"
    b.send("auto")
    assert b.line.on is on
    b.clock.set_wall(b.now().wall, trusted=True)
    b.advance(61)
    assert b.line.on


def test_when_the_broker_comes_back_all_is_told_again() -> None:
    b = SwitchBench({})
    b.advance(1)
    b.told.clear()
    b.advance(100)
    assert b.told == {}
    b.unit.tell_again()
    b.settle()
    assert b.told["value"] == b"OFF"
    assert set(b.told) == {"state", "value"}
