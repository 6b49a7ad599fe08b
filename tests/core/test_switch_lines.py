"""A switch's line: leases, charges, limits and what fails."""

from __future__ import annotations

import pytest
from switch_bench import SwitchBench
from switch_runs import DAY, FAN, HEAT, moves, running, stays_hot


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
    stays_hot(b, 100, 599, 599, 700)
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
