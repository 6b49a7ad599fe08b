"""What a photocell may move and what it may not: by hand, and whatever happens."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from villages import village, when

from edge.core.assembly import light_calendar
from edge.core.photocell import Photocell
from edge.core.schedule import Calendar, Change
from edge.core.values import Moment

W = 45 * 60.0
STEPS = [{"at": "sunset - 10m", "level": 100}, {"at": "22:30", "level": 33}, {"at": "sunrise + 10m", "level": 0}]
NOON = when("2026-11-21T12:00:00+07:00")  # sunset 17:16:15, sunrise 6:14:43 the next morning
DUSK, LATE, DAWN = (change.at for change in light_calendar(village(programs={"p": {"kind": "light", "steps": STEPS}})).changes("p", NOON, NOON + 86400))


def at(time: str) -> float:
    """A time of the night of 21 November."""
    day = "2026-11-21" if time >= "12" else "2026-11-22"
    return when(f"{day}T{time}+07:00")


class Street:
    """A cell, its program, and clocks to move."""

    def __init__(self, steps: Any = None, start: float = NOON, dark: bool | None = False) -> None:
        site = village(programs={"p": {"kind": "light", "steps": steps or STEPS}})
        self.calendar = light_calendar(site)
        self.now = Moment(start, 1000.0, "b", True)
        self.cell = Photocell(self.calendar, "p", W)
        self.cell.see(dark, self.now)

    def restart(self) -> None:
        self.cell = Photocell(self.calendar, "p", W)

    def see(self, dark: bool | None) -> None:
        self.cell.see(dark, self.now)

    def wait(self, seconds: float) -> Street:
        self.now = replace(self.now, wall=self.now.wall + seconds, mono=self.now.mono + seconds)
        return self

    def to(self, wall: float, dark: bool | None = None) -> Street:
        """Let time pass until then, waking whenever the cell asks for it; then it says so, if given."""
        for _ in range(2000):
            if (left := wall - self.now.wall) <= 0:
                break
            woken = self.cell.wakeup(self.now) - self.now.mono
            assert woken > 0
            self.wait(min(woken, left))
            self.cell.standing(self.now)
        else:
            raise AssertionError("the cell wakes over and over")
        if dark is not None:
            self.see(dark)
        return self

    @property
    def level(self) -> int:
        return self.cell.standing(self.now)[0].level

    @property
    def moved(self) -> bool:
        return self.cell.standing(self.now)[1]

    @property
    def fault(self) -> str | None:
        return self.cell.fault(self.now)


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


# --- whatever happens ---

WORDS = ["sunset", "sunset - 10m", "sunset + 1h", "sunset - 2h", "sunset + 3h", "sunset, not before 17:45", "sunrise", "sunrise + 10m",
         "sunrise - 90m", "sunrise, not after 06:00", "22:30", "17:30", "05:50", "12:00", "00:00"]  # fmt: skip
steps = st.lists(st.builds(dict, at=st.sampled_from(WORDS), level=st.sampled_from([0, 33, 67, 100])), min_size=1, max_size=6, unique_by=lambda s: s["at"])
withins = st.sampled_from([60.0, 600.0, 2700.0, 7200.0])
actions = st.lists(
    st.one_of(
        st.tuples(st.just("see"), st.sampled_from([True, False, None])),
        st.tuples(st.just("wait"), st.sampled_from([0.1, 9.9, 10.0, 29.9, 30.0, 60.0, 900.0, 3600.0, 20000.0])),
        st.tuples(st.just("wake"), st.sampled_from([-0.5, 0.0, 0.5])),
        st.tuples(st.just("edge"), st.sampled_from([-1.0, 0.0, 1.0])),
        st.tuples(st.just("jump"), st.sampled_from([-1e9, -86400.0, -3600.0, -600.0, -1.0, 1.0, 600.0, 3600.0, 86400.0, 3e7])),
        st.tuples(st.just("trust"), st.booleans()),
        st.tuples(st.just("restart"), st.none()),
    ),
    max_size=40,
)


def reached(calendar: Calendar, wall: float, within_s: float) -> tuple[list[Change], list[Change]]:
    """The steps by their times: those that must have been taken, and those that may have been, worked out anew."""
    about = sorted(calendar.changes("p", wall - 4 * 86400, wall + 4 * 86400), key=lambda s: s.at)
    sure, maybe = [], []
    for step in about:
        movable = step.event is not None and abs(step.at - step.event) <= 7200
        slack = within_s if movable else 0.0
        if step.at + slack <= wall:
            sure.append(step)
        elif step.at - slack <= wall:
            maybe.append(step)
    return sure, [step for step in maybe if step.at > sure[-1].at]


class Life:
    """A cell through anything, held to what must always be true."""

    def __init__(self, listed: list[dict[str, Any]], within_s: float) -> None:
        self.calendar = light_calendar(village(programs={"p": {"kind": "light", "steps": listed}}))
        self.within_s = within_s
        self.now = Moment(NOON, 1e5, "b", True)
        self.restart()

    def restart(self) -> None:
        self.cell = Photocell(self.calendar, "p", self.within_s)
        self.heard: list[bool | None] = []
        self.order = -1.0

    def act(self, what: str, value: Any) -> None:
        match what:
            case "see":
                self.cell.see(value, self.now)
                self.heard.append(value)
            case "wait":
                self.pass_time(value)
            case "wake":
                self.pass_time(max(0.0, self.cell.wakeup(self.now) - self.now.mono + value))
            case "edge":
                walls = [s.at + d for s in self.calendar.steps_about("p", self.now.wall) for d in (-self.within_s, 0, self.within_s)]
                self.pass_time(max(0.0, min((w for w in walls if w > self.now.wall), default=self.now.wall) - self.now.wall + value))
            case "jump":
                self.now = replace(self.now, wall=max(1e6, self.now.wall + value))
                self.order = -1.0
            case "trust":
                self.now = replace(self.now, trusted=value)
            case "restart":
                self.restart()
        self.check()

    def pass_time(self, seconds: float) -> None:
        """Nothing changes before the cell's own next wake-up, and it is looked at whenever it asks for it."""
        end, woken_often = self.now.mono + seconds, 0
        while self.now.mono < end:
            woken_often += 1
            assert woken_often < 200, "the cell wakes over and over"
            woken = self.cell.wakeup(self.now)
            assert woken > self.now.mono
            twin = copy.deepcopy(self.cell, {id(self.calendar): self.calendar})
            before = self.answers(twin, self.now)
            step = min(woken, end) - self.now.mono
            for share in (0.3, 0.999):
                assert self.answers(twin, self.later(step * share)) == before
            self.now = self.later(step)
            self.cell.standing(self.now)

    def later(self, seconds: float) -> Moment:
        return replace(self.now, wall=self.now.wall + seconds, mono=self.now.mono + seconds)

    def answers(self, cell: Photocell, moment: Moment) -> tuple[Any, ...]:
        standing, moved = cell.standing(moment)
        return standing.level, moved, cell.fault(moment), cell.says(moment)

    def check(self) -> None:
        standing, moved = self.cell.standing(self.now)
        sure, maybe = reached(self.calendar, self.now.wall, self.within_s)
        assert standing.level in {sure[-1].level, *(step.level for step in maybe)}, "moved further than it may"
        assert standing.since <= self.now.wall
        assert standing.next_step is not None
        assert standing.next_step > self.now.wall
        nominal = self.calendar.standing("p", self.now.wall)
        assert nominal is not None
        assert moved == (standing.level != nominal.level)
        if not any(word is not None for word in self.heard):
            assert (standing, moved) == (nominal, False), "nobody has heard the cell"


@given(steps, withins, actions)
def test_whatever_happens_no_step_moves_further_than_it_may(listed: list[dict[str, Any]], within_s: float, deeds: list[tuple[str, Any]]) -> None:
    life = Life(listed, within_s)
    for what, value in deeds:
        life.act(what, value)


@pytest.mark.slow
@given(st.lists(st.tuples(st.sampled_from([True, False, None]), st.floats(1, 3000)), min_size=20, max_size=60), withins)
def test_once_taken_a_step_stays_taken(words: list[tuple[bool | None, float]], within_s: float) -> None:
    listed = [{"at": word, "level": n} for n, word in enumerate(["sunset - 10m", "sunset + 20m", "22:30", "sunrise - 30m", "sunrise"], 1)]
    s = Street(listed, DUSK - within_s - 600, dark=None)
    s.cell.within_s = within_s
    before = 0  # yesterday's last step; tonight's levels are 1 to 5 in the order of their times
    for dark, seconds in words:
        s.see(dark)
        s.to(s.now.wall + seconds)
        if s.now.wall >= NOON + 86400:
            break
        taken = s.level if s.level < 5 or s.now.wall > LATE else 0
        assert taken >= before
        before = taken


@given(actions)
def test_a_cell_in_fault_has_no_say(deeds: list[tuple[str, Any]]) -> None:
    """Covered at noon and never heard otherwise: dusk and dawn are those of the calendar, to the second."""
    s = Street().to(NOON + 60, dark=True).wait(10)
    assert s.fault == "stuck dark"
    for what, value in deeds:
        if what in ("wait", "edge"):
            s.to(s.now.wall + abs(value))
        elif what == "trust":
            s.now = replace(s.now, trusted=value)
        elif what == "see":
            s.see(True if value is not False else None)
        assert s.fault == "stuck dark"
        assert s.cell.standing(s.now) == (s.calendar.standing("p", s.now.wall), False)
