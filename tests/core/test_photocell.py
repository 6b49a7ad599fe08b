"""What a photocell may move and what it may not: by hand, and whatever happens."""

from __future__ import annotations

from dataclasses import replace

import pytest
from photocell_street import DAWN, DUSK, LATE, NOON, STEPS, Street, W, at


def test_an_ordinary_evening_is_lit_when_it_is_dark() -> None:
    s = Street().to(DUSK + 600, dark=True)
    assert (s.level, s.moved) == (0, True), "by the calendar it would be lit; the cell has said light"
    assert s.wait(29.9).level == 0
    s.wait(0.1)
    assert (s.level, s.moved) == (100, False)
    standing, _ = s.cell.standing(s.now)
    assert (standing.since, standing.next_step) == (s.now.wall, LATE)


def test_a_storm_lights_early_and_headlights_do_not_put_it_out() -> None:
    s = Street().to(DUSK - 1800, dark=True)
    s.to(DUSK - 1770)
    assert (s.level, s.moved) == (100, True)
    assert s.cell.standing(s.now)[0].next_step == LATE
    s.see(False)
    s.to(DUSK - 1)
    assert (s.level, s.moved) == (100, True), "what is taken stays taken"
    s.to(DUSK + 1)
    assert (s.level, s.moved) == (100, False)


def test_darkness_before_the_window_counts_when_it_opens_and_not_before() -> None:
    s = Street().to(DUSK - W - 300, dark=True).to(DUSK - W - 0.1)
    assert s.level == 0
    s.to(DUSK - W)
    assert (s.level, s.moved) == (100, True)


def test_lightning_and_a_hand_over_the_cell_are_too_short() -> None:
    s = Street()
    for n in range(10):
        s.to(DUSK - 600 + 40 * n, dark=True).to(DUSK - 600 + 40 * n + 29, dark=False)
        assert s.level == 0


def test_a_cell_that_says_light_holds_dusk_up_so_long_and_no_longer() -> None:
    s = Street().to(DUSK + W - 0.1)
    assert (s.level, s.moved) == (0, True)
    assert s.cell.standing(s.now)[0].next_step == DUSK + W
    s.to(DUSK + W)
    assert (s.level, s.moved) == (100, False)
    assert s.cell.standing(s.now)[0].since == DUSK + W


def test_dawn_is_moved_as_dusk_is() -> None:
    dim = Street(start=at("23:00:00"), dark=True).to(DAWN - 1200, dark=False).to(DAWN - 1170)
    assert (dim.level, dim.moved) == (0, True)
    late = Street(start=at("23:00:00"), dark=True).to(DAWN + 900)
    assert (late.level, late.moved) == (33, True)
    assert late.to(DAWN + W).level == 0


@pytest.mark.parametrize("dark", [True, False, None])
def test_steps_by_the_clock_and_those_far_from_the_sun_keep_their_times(dark: bool | None) -> None:
    steps = [*STEPS, {"at": "sunset + 3h", "level": 67}, {"at": "sunrise - 3h", "level": 10}]
    s = Street(steps, start=at("19:00:00"), dark=dark)
    for change in s.calendar.changes("p", at("19:00:00"), at("04:00:00")):
        assert s.to(change.at - 1).level != change.level
        assert s.to(change.at).level == change.level


def test_a_later_step_stands_though_dusk_has_not_been_taken() -> None:
    s = Street([{"at": "sunset", "level": 100}, {"at": "17:30", "level": 33}, {"at": "05:00", "level": 0}])
    s.to(at("17:29:00"))
    assert (s.level, s.moved) == (0, True)
    s.to(at("17:30:00"))
    assert (s.level, s.moved) == (33, False)
    s.to(at("17:40:00"), dark=True).to(at("17:41:00"))
    assert s.level == 33, "dusk is over"
    assert s.to(at("18:30:00")).level == 33


def test_a_dawn_that_came_early_is_not_undone_by_a_step_before_its_time() -> None:
    s = Street([{"at": "sunset", "level": 100}, {"at": "06:00", "level": 33}, {"at": "sunrise", "level": 0}], at("23:00:00"), dark=True)
    s.to(at("05:40:00"), dark=False).to(at("05:41:00"))
    assert (s.level, s.moved) == (0, True)
    assert s.to(at("06:00:00")).level == 0


def test_the_window_is_about_the_time_that_the_bounds_leave() -> None:
    s = Street([{"at": "sunset, not before 18:00", "level": 100}, {"at": "05:00", "level": 0}]).to(at("17:00:00"), dark=True)
    assert s.to(at("17:14:59")).level == 0
    assert s.to(at("17:15:00")).level == 100


def test_an_unknown_cell_has_no_say() -> None:
    s = Street(dark=None)
    assert s.to(DUSK - 0.1).level == 0
    assert (s.to(DUSK).level, s.moved) == (100, False)
    assert s.cell.standing(s.now)[0] == s.calendar.standing("p", s.now.wall)
    s.see(False)
    assert s.wait(60).level == 100, "what the calendar has lit stays lit"


def test_a_cell_that_falls_silent_leaves_it_to_the_calendar() -> None:
    s = Street().to(DUSK + 600)
    assert s.level == 0
    s.see(None)
    assert (s.level, s.moved) == (100, False)
    early = Street().to(DUSK - 1200, dark=None).wait(60)
    early.see(True)
    assert early.wait(29).level == 0
    assert early.wait(1).level == 100


@pytest.mark.parametrize("after", [-1200, 600])
@pytest.mark.parametrize("dark", [True, False])
def test_after_a_restart_within_a_window_what_the_cell_says_decides(after: float, dark: bool) -> None:
    s = Street().to(DUSK + after)
    s.restart()
    s.see(dark)
    assert s.level == (100 if dark else 0)
    assert s.moved == (dark is (after < 0))


def test_covered_at_noon_it_is_in_fault_after_ten_seconds_and_dusk_comes_by_the_calendar() -> None:
    s = Street().to(NOON + 60, dark=True)
    assert s.wait(9.9).fault is None
    assert s.wait(0.1).fault == "stuck dark"
    assert s.to(DUSK - 1).level == 0
    assert (s.to(DUSK).level, s.moved, s.fault) == (100, False, "stuck dark")
    s.to(at("21:00:00"))
    assert s.fault == "stuck dark", "it is dark now, but the cell has not changed"
    s.to(DAWN + 60, dark=False)
    assert s.wait(9.9).fault == "stuck dark"
    assert s.wait(0.1).fault is None


def test_uncovered_again_it_is_believed_at_once() -> None:
    s = Street().to(NOON + 60, dark=True).to(NOON + 120, dark=False).to(NOON + 130)
    assert s.fault is None
    assert s.to(DUSK - 1200, dark=True).to(DUSK - 1100).level == 100


def test_light_at_midnight_is_a_fault_too_and_its_kind_follows_the_cell() -> None:
    s = Street(start=at("22:00:00"), dark=True).to(at("23:59:00"), dark=False)
    assert s.wait(10).fault == "stuck light"
    s.to(at("09:00:00"), dark=True).wait(10)
    assert s.fault == "stuck dark"


@pytest.mark.parametrize(("time", "dark"), [("07:00:00", True), ("16:00:00", True), ("18:30:00", False), ("05:00:00", False)])
def test_near_dusk_and_dawn_either_may_be_true(time: str, dark: bool) -> None:
    s = Street(start=at(time) - 300, dark=not dark).to(at(time), dark=dark)
    assert s.wait(60).fault is None


def test_ten_seconds_are_without_a_break() -> None:
    s = Street()
    for _ in range(20):
        s.see(True)
        s.wait(8)
        s.see(False)
        s.wait(1)
        assert s.fault is None
    s.see(True)
    s.wait(8)
    s.see(None)
    s.wait(8)
    s.see(True)
    assert s.wait(8).fault is None


def test_a_cell_that_never_changes_is_stuck_after_36_hours_of_being_heard_though_the_clock_says_nothing() -> None:
    s = Street(dark=True)
    s.now = replace(s.now, trusted=False)
    s.wait(20 * 3600).see(None)
    s.wait(1e6).see(True)
    assert s.wait(16 * 3600 - 1).fault is None
    assert s.wait(1).fault == "stuck dark"
    s.see(False)
    assert s.wait(60).fault == "stuck dark", "nobody knows what the sun says"
    s.now = replace(s.now, wall=NOON, trusted=True)
    s.cell.standing(s.now)
    assert s.wait(10).fault is None


def test_a_clock_that_jumps_accuses_nobody_at_once() -> None:
    s = Street(start=at("22:00:00"), dark=True)
    s.now = replace(s.now, wall=NOON)
    assert s.fault is None
    s.now = replace(s.now, wall=at("22:00:00"), mono=s.now.mono + 9)
    assert s.fault is None
    assert s.wait(60).fault is None


def test_set_back_before_the_window_the_step_is_open_again() -> None:
    s = Street().to(DUSK - 1200, dark=True).to(DUSK - 1100)
    assert s.level == 100
    s.now = replace(s.now, wall=DUSK - W - 60)
    assert s.level == 0
    assert s.to(DUSK - W).level == 100


def test_what_the_cell_says_for_the_time_when_nobody_knows_the_time() -> None:
    s = Street()
    assert s.cell.says(s.now) is False
    s.see(True)
    assert s.cell.says(s.now) is None
    assert s.wait(9).cell.says(s.now) is None
    s.now = replace(s.now, trusted=False)
    assert s.wait(30).cell.says(s.now) is True
    s.see(None)
    assert s.cell.says(s.now) is None
