"""One suite for the machine's clock and the one that moves when told to."""

from __future__ import annotations

import dataclasses
import threading

import pytest
from support import until

from edge.shell.clock import Clock, ManualClock, SystemClock


class _Real:
    def __init__(self) -> None:
        self.clock: Clock = SystemClock()

    def pass_some_time(self) -> None:
        began = self.clock.mono()
        until(lambda: self.clock.mono() > began, 5, "time to pass")


class _Manual:
    def __init__(self) -> None:
        self.manual = ManualClock(1_795_222_800.0)
        self.clock: Clock = self.manual

    def pass_some_time(self) -> None:
        self.manual.advance(0.25)


Side = _Real | _Manual


@pytest.fixture(params=[_Real, _Manual], ids=["system", "manual"])
def side(request: pytest.FixtureRequest) -> Side:
    made: Side = request.param()
    return made


def test_monotonic_time_only_grows_and_both_ways_of_asking_agree(side: Side) -> None:
    seen = []
    for _ in range(5):
        seen += [side.clock.mono(), side.clock.now().mono, side.clock.mono()]
        side.pass_some_time()
    assert seen == sorted(seen)
    assert seen[0] < seen[-1]


def test_wall_time_goes_along_with_monotonic_time(side: Side) -> None:
    before = side.clock.now()
    side.pass_some_time()
    after = side.clock.now()
    assert after.wall - before.wall == pytest.approx(after.mono - before.mono, abs=0.05)


def test_a_look_is_of_one_boot_and_does_not_change(side: Side) -> None:
    first = side.clock.now()
    side.pass_some_time()
    assert side.clock.now().boot == first.boot != ""
    with pytest.raises(dataclasses.FrozenInstanceError):
        first.wall = 0.0  # type: ignore[misc]


def test_the_clock_says_who_vouches_for_it(side: Side) -> None:
    assert side.clock.source
    assert side.clock.now().trusted in (True, False)


def test_times_of_a_boot_translate_into_each_other(side: Side) -> None:
    moment = side.clock.now()
    assert moment.wall_at(moment.mono + 60) == pytest.approx(moment.wall + 60)
    assert moment.mono_at(moment.wall_at(moment.mono + 60)) == pytest.approx(moment.mono + 60)


def test_any_thread_may_look(side: Side) -> None:
    looks: list[float] = []
    threads = [threading.Thread(target=lambda: looks.append(side.clock.now().mono)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert len(looks) == 8
    assert max(looks) <= side.clock.mono()


def test_a_manual_clock_does_not_run_backwards_but_may_be_set_and_booted() -> None:
    clock = ManualClock(1000.0, mono=50.0)
    with pytest.raises(ValueError, match="set_wall"):
        clock.advance(-1)
    clock.set_wall(10.0)
    assert (clock.now().wall, clock.mono()) == (10.0, 50.0)
    clock.reboot("boot-2", down_s=5.0)
    assert (clock.now().wall, clock.mono(), clock.now().boot) == (15.0, 0.0, "boot-2")


def test_a_manual_clock_moves_its_wall_also_in_the_smallest_steps() -> None:
    clock = ManualClock(1_806_664_885.0)
    for _ in range(10_000):
        clock.advance(1e-7)
    assert clock.now().mono == pytest.approx(1000.001, abs=1e-9)
    assert clock.now().wall - 1_806_664_885.0 == pytest.approx(0.001, abs=1e-6)
