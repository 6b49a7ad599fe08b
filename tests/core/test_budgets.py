"""What an output may use of its limits, against a plain account of when it was on."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

from hypothesis import given
from hypothesis import strategies as st

from edge.core.budgets import DAY_S, HOUR_S, KEEP_OPERATED_EVERY_S, Budget, Operated
from edge.core.events import Persist
from edge.core.values import Moment, Row

WALL = 1_795_258_000.0


def at(mono: float, boot: str = "boot-1", trusted: bool = True, wall: float | None = None) -> Moment:
    return Moment(WALL + mono if wall is None else wall, mono, boot, trusted)


@dataclass
class Account:
    """A budget whose rows reach the card at once."""

    max_on: float | None = 600.0
    daily_max: float | None = 3600.0
    operated: Operated = field(default_factory=lambda: Operated(0.0))
    row: Row | None = None

    def __post_init__(self) -> None:
        self.budget = Budget("valve/a", self.max_on, self.daily_max, self.operated)

    def keep(self, persist: Persist) -> None:
        assert persist.key == ("budgets", "valve/a")
        assert persist.tell
        self.row = persist.row
        self.budget.stored()

    def on(self, seconds: float, moment: Moment) -> None:
        self.operated.note(moment)
        self.keep(self.budget.charge(seconds, moment))
        self.budget.opened(moment)

    def off(self, moment: Moment) -> None:
        self.operated.note(moment)
        self.keep(self.budget.closed(moment))

    def again(self, moment: Moment, operated: Operated) -> Account:
        """A new process, with what is on the card."""
        new = Account(self.max_on, self.daily_max, operated, self.row)
        operated.note(moment)
        for effect in new.budget.recall(self.row, moment):
            assert isinstance(effect, Persist)
            new.keep(effect)
        return new


def test_a_stretch_ends_with_max_on_and_a_new_one_has_it_all() -> None:
    account = Account()
    assert account.budget.left(at(0)) == 600
    account.on(900, at(0))
    assert account.budget.until == 600
    assert account.budget.left(at(599)) == 1
    account.off(at(600))
    assert account.budget.left(at(600)) == 600
    assert account.budget.until == float("-inf")


def test_the_day_ends_with_what_was_really_used() -> None:
    account = Account(max_on=None)
    account.on(3600, at(0))
    assert account.budget.left(at(100)) == 3500
    account.off(at(1000))
    assert account.budget.left(at(1000)) == 2600
    account.on(9999, at(2000))
    assert account.budget.until == 2000 + 2600


def test_a_charge_leaves_the_window_a_day_of_operation_after_its_end() -> None:
    account = Account(max_on=None)
    account.on(3600, at(0))
    account.off(at(3600))
    account.operated.note(at(DAY_S + 3600 - 1))
    assert account.budget.left(at(DAY_S + 3600 - 1)) == 0
    account.operated.note(at(DAY_S + 3600))
    assert account.budget.left(at(DAY_S + 3600)) == 3600


def test_nothing_is_given_back_while_nobody_vouches_for_the_clock() -> None:
    account = Account(max_on=None)
    account.on(3600, at(0, trusted=False))
    account.off(at(3600, trusted=False))
    account.operated.note(at(3 * DAY_S, trusted=False))
    assert account.budget.left(at(3 * DAY_S, trusted=False)) == 0
    assert account.budget.left(at(3 * DAY_S, trusted=True)) == 0
    account.operated.note(at(3 * DAY_S, trusted=True))
    assert account.budget.left(at(4 * DAY_S, trusted=True)) == 3600


def test_a_set_clock_gives_nothing_back() -> None:
    account = Account(max_on=None)
    account.on(3600, at(0))
    account.off(at(3600))
    account.operated.note(at(3601, wall=WALL + 10 * DAY_S))
    assert account.budget.left(at(3601, wall=WALL + 10 * DAY_S)) == 0


def test_more_time_is_relied_on_once_it_is_on_the_card() -> None:
    account = Account()
    account.on(100, at(0))
    more = account.budget.charge(300, at(50))
    assert account.budget.until == 100
    assert not account.budget.settled
    account.keep(more)
    assert account.budget.until == 350
    assert account.budget.settled


def test_what_is_answered_after_the_output_went_off_covers_nothing() -> None:
    account = Account()
    account.operated.note(at(0))
    account.budget.charge(100, at(0))
    account.budget.closed(at(1))
    account.budget.stored()
    account.budget.opened(at(2))
    assert account.budget.until == float("-inf")
    assert not account.budget.settled
    account.budget.stored()
    assert account.budget.settled
    assert account.budget.day_left(at(3)) == 3600
    assert account.budget.stopped is None


def test_without_limits_nothing_ends() -> None:
    account = Account(None, None)
    account.on(float("inf"), at(0))
    assert account.budget.until == float("inf")
    account.off(at(9 * DAY_S))
    assert account.budget.left(at(9 * DAY_S)) == float("inf")


def test_a_charge_that_a_process_left_open_ends_at_the_next_start() -> None:
    account = Account()
    account.on(600, at(100))
    new = account.again(at(250), Operated(0.0))
    assert new.budget.day_left(at(250)) == 3600 - 150
    assert new.budget.stopped == 250
    assert new.row is not None
    assert new.row["on_mono"] is None


def test_a_charge_that_was_open_in_a_power_cut_stands_as_a_whole() -> None:
    account = Account()
    account.on(600, at(100))
    new = account.again(at(3, "boot-2"), Operated(0.0))
    assert new.budget.day_left(at(3, "boot-2")) == 3000
    assert new.budget.stopped == 3


def test_a_stop_is_remembered_over_a_power_cut_by_the_clock() -> None:
    account = Account()
    account.on(600, at(100))
    account.off(at(200))
    assert account.again(at(3, "boot-2", wall=WALL + 260), Operated(0.0)).budget.stopped == 3 - 60
    assert account.again(at(3, "boot-2", False, wall=WALL + 260), Operated(0.0)).budget.stopped == 3
    assert account.again(at(3, "boot-2", wall=WALL), Operated(0.0)).budget.stopped == 3
    account.on(600, at(300, trusted=False))
    account.off(at(400, trusted=False))
    assert account.again(at(3, "boot-2", wall=WALL + 9999), Operated(0.0)).budget.stopped == 3
    assert account.again(at(500), Operated(0.0)).budget.stopped == 400
    assert Account().again(at(3), Operated(0.0)).budget.stopped is None


def test_operation_is_kept_now_and_then() -> None:
    operated = Operated(1000.0)
    assert operated.note(at(50)) == []
    assert operated.note(at(50 + KEEP_OPERATED_EVERY_S - 1)) == []
    kept = Persist(("operated", ""), {"seconds": 1000 + KEEP_OPERATED_EVERY_S})
    assert operated.note(at(50 + KEEP_OPERATED_EVERY_S)) == [kept]
    assert operated.note(at(51 + KEEP_OPERATED_EVERY_S)) == []


# Waits that meet the limits exactly, and just not.
WAITS = st.sampled_from([0.0, 1.0, 600.0, HOUR_S, HOUR_S - 1, 3 * HOUR_S, 5 * HOUR_S, DAY_S - 600])
HOWS = st.sampled_from(["off", "off", "off", "process", "power", "distrust"])
DEEDS = st.lists(st.tuples(WAITS, st.sampled_from([1.0, 599.0, 600.0, 600.0]), HOWS), min_size=12, max_size=40)


@given(DEEDS)
def test_no_day_of_operation_has_more_than_daily_max(deeds: list[tuple[float, float, str]]) -> None:
    account = Account()
    powered = 0.0  # s of operation, over all boots
    now = at(0)
    stretches: list[tuple[float, float]] = []
    kept_s = 0.0

    def go(seconds: float) -> None:
        nonlocal now, powered, kept_s
        end = now.mono + seconds
        while now.mono < end:
            step = min(end - now.mono, 900.0)
            now = replace(now, mono=now.mono + step, wall=now.wall + step)
            powered += step
            for effect in account.operated.note(now):
                assert isinstance(effect, Persist)
                assert effect.row is not None
                kept_s = float(effect.row["seconds"] or 0)

    for wait_s, on_s, how in deeds:
        now = replace(now, trusted=how != "distrust")
        go(wait_s)
        may = min(account.budget.left(now), on_s)
        if may > 0:
            account.on(may, now)
            start = powered
            go(may)
            stretches.append((start, powered))
        if how == "process":
            account = account.again(now, Operated(kept_s))
        elif how == "power":
            now = at(2.0, now.boot + "'", wall=now.wall + 100)
            account = account.again(now, Operated(kept_s))
        elif may > 0:
            account.off(now)
        for _, end in stretches:
            day = end - DAY_S
            used = sum(max(min(e, end) - max(s, day), 0.0) for s, e in stretches)
            assert used <= 3600 + 1e-6
        assert account.row is None or len(json.dumps(dict(account.row))) < 2000


@given(st.lists(st.tuples(st.sampled_from([1.0, 30.0, 240.0, 900.0]), st.sampled_from([0.3, 1.1, 20.0])), max_size=400))
def test_the_row_stays_small(deeds: list[tuple[float, float]]) -> None:
    account = Account(max_on=None, daily_max=DAY_S)
    mono = 0.0
    for wait_s, on_s in deeds:
        account.on(on_s, at(mono + wait_s))
        account.off(at(mono + wait_s + on_s))
        mono += wait_s + on_s
    if account.row is not None:
        assert len(str(account.row["charges"])) < 1000
        total = sum(s for _, s in json.loads(str(account.row["charges"])))
        assert total >= sum(on_s for _, on_s in deeds) - 1e-6 or mono > DAY_S
