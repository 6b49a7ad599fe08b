"""The photocell's say in a program, whatever happens: properties."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from photocell_street import DUSK, LATE, NOON, Street
from villages import village

from edge.core.assembly import light_calendar
from edge.core.photocell import Photocell
from edge.core.schedule import Calendar, Change
from edge.core.values import Moment

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
