"""Relay boards between the core and the worker of their port: wishes, what is known of coils, and dead boards."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from board_bus import A, B, Bus, times

from edge.core.events import ReadingsTaken
from edge.shell.boards import NOT_YET, SILENT


def test_before_the_first_answer_nothing_is_known_and_nothing_is_written() -> None:
    bus = Bus()
    bus.a.write(True)
    assert (bus.a.read(), bus.a.why(), bus.asked()) == (None, NOT_YET, [])
    bus.runner.settle()
    assert bus.asked() == ["board/0 read", "board/0 (0, True)", "board/0 read"]
    assert (bus.a.read(), bus.ports[B].read()) == (True, False)
    assert bus.heard(A) == [(0, False, None), (0, True, None)]


def test_a_relay_that_is_as_wanted_is_not_written_when_a_process_starts() -> None:
    bus = Bus()
    bus.board.coils = [True, False, False, False]
    bus.a.write(True)
    bus.ports[B].write(False)
    bus.runner.advance(20)
    assert set(bus.asked()) == {"board/0 read"}
    assert (bus.a.read(), bus.ports[B].read()) == (True, False)


def test_a_write_is_done_between_two_polls_and_told_at_once() -> None:
    bus = Bus()
    bus.runner.advance(10.5)
    bus.asked()
    bus.a.write(True)
    assert bus.asked() == []  # the core waits for nobody
    bus.runner.settle()
    assert bus.asked() == ["board/0 (0, True)", "board/0 read"]
    assert bus.heard(A)[-1] == (10.5, True, None)


def test_of_several_wishes_for_a_coil_the_newest_is_written_and_each_coil_has_its_own() -> None:
    bus = Bus()
    bus.runner.settle()
    bus.asked()
    for on in (True, False, True):
        bus.a.write(on)
        bus.ports[B].write(not on)
    bus.ports[B].write(True)
    bus.runner.settle()
    assert bus.asked() == ["board/0 (0, True)", "board/0 (1, True)", "board/0 read"]
    for on in (False, True):
        bus.a.write(on)
    bus.runner.settle()
    assert bus.asked() == []  # it is so already


def test_a_flood_of_wishes_leaves_time_for_reading() -> None:
    bus = Bus(takes_s=0.05)
    bus.run(3)
    bus.asked()
    for n in range(100):
        bus.a.write(n % 2 == 0)
        bus.ports[B].write(True)
        bus.run(0.02)
    asked = bus.asked()
    assert asked.count("board/0 read") >= 10
    assert max(len(run.split()) for run in " ".join(what.replace(" ", "_") for what in asked).split("board/0_read")) <= 2
    bus.run(1)
    assert (bus.board.coils[:2], bus.a.read()) == ([False, True], False)


def test_writes_come_before_polls_and_boards_before_meters() -> None:
    bus = Bus(boards=2, meters=2, poll_s=1.0, meter_poll_s=1.0)
    bus.runner.advance(3.2)
    bus.asked()
    bus.clock.advance(2.0)  # everything is due
    bus.ports["light/lanes/a1"].write(True)
    bus.runner.settle()
    assert bus.asked() == ["board/1 (0, True)", "board/1 read", "board/0 read", "meter/0", "meter/1"]


def test_each_write_is_answered_also_when_the_relay_does_not_follow() -> None:
    bus = Bus()
    bus.runner.settle()

    class Stuck(list[bool]):
        def __setitem__(self, *_: object) -> None:
            """Stays."""

    bus.board.coils = Stuck([False] * 4)
    before = len(bus.heard(A))
    bus.a.write(True)
    bus.runner.settle()
    assert [on for _, on, _ in bus.heard(A)[before:]] == [False]
    assert bus.asked()[-2:] == ["board/0 (0, True)", "board/0 read"]  # and is not written again before it is told so


def test_what_a_board_said_counts_for_two_polls() -> None:
    bus = Bus()
    bus.runner.advance(5.5)
    bus.board.alive = False
    bus.runner.advance(1.4)
    assert bus.a.read() is False
    bus.runner.advance(0.1)
    assert (bus.a.read(), bus.a.why()) == (None, "no answer")
    assert bus.heard(A) == [(0, False, None), (7, None, "no answer")]


def test_a_worker_that_hangs_leaves_nothing_known_after_two_polls() -> None:
    bus = Bus()
    bus.runner.advance(5)
    bus.clock.advance(1.9)
    assert bus.a.read() is False
    bus.clock.advance(0.1)
    assert (bus.a.read(), bus.a.why()) == (None, SILENT)


def test_a_change_that_nobody_asked_for_is_told_with_the_poll_that_saw_it() -> None:
    bus = Bus()
    bus.runner.advance(3.5)
    bus.board.coils[0] = True
    bus.runner.advance(1)
    assert bus.heard(A) == [(0, False, None), (4, True, None)]
    assert len(bus.heard(B)) == 1


def test_a_dead_board_that_comes_back_as_it_was_is_written_what_it_has() -> None:
    bus = Bus()
    bus.a.write(True)
    bus.runner.advance(5)
    bus.board.alive = False
    bus.runner.advance(120)
    bus.asked()
    bus.board.alive = True
    back = bus.clock.mono()
    bus.runner.advance(4)
    assert bus.wire.log[0][0] - back <= 3.0
    asked = bus.asked()
    assert asked[0] == "board/0 (0, True)"  # which brings it back into step, and moves nothing
    assert set(asked[1:]) == {"board/0 read"}
    assert bus.heard(A)[-1][1:] == (True, None)


@pytest.mark.parametrize("was", [True, False])
def test_what_was_wanted_of_a_dead_board_is_done_when_it_is_back_and_only_the_newest(was: bool) -> None:
    bus = Bus()
    bus.a.write(was)
    bus.ports[B].write(True)
    bus.runner.advance(5)
    bus.board.alive = False
    bus.runner.advance(60)
    bus.a.write(not was)
    bus.a.write(was)
    bus.a.write(not was)
    bus.runner.advance(60)
    bus.board.coils = [was, False, False, False]  # b fell
    bus.board.alive = True
    bus.runner.advance(3.1)
    assert bus.board.coils == [not was, False, False, False]
    assert [bus.a.read(), bus.ports[B].read()] == [not was, False]
    bus.ports[B].write(True)  # as the core does with what does not show what it was told
    bus.runner.settle()
    assert bus.board.coils == [not was, True, False, False]


def test_a_board_that_restarts_between_two_polls_is_seen_and_set_again_when_the_core_says_so() -> None:
    bus = Bus()
    bus.a.write(True)
    bus.runner.advance(5.5)
    bus.board.coils = [False] * 4
    bus.runner.advance(1)
    assert bus.heard(A)[-1] == (6, False, None)
    bus.a.write(True)
    bus.runner.settle()
    assert (bus.board.coils[0], bus.heard(A)[-1]) == (True, (6.5, True, None))


def test_a_port_that_is_gone_leaves_nothing_known_and_does_what_is_owed_when_it_is_back() -> None:
    bus = Bus(meters=1)
    bus.runner.advance(5.5)
    bus.wire.plugged = False
    bus.a.write(True)
    bus.runner.advance(30)
    assert (bus.a.read(), bus.a.why()) == (None, "unplugged")
    assert [e.error for _, e in bus.events if isinstance(e, ReadingsTaken)][-1] == "unplugged"
    bus.wire.plugged = True
    bus.runner.advance(2.1)
    assert (bus.board.coils[0], bus.a.read()) == (True, True)


def test_a_dead_board_is_tried_every_three_seconds_where_nobody_else_waits() -> None:
    bus = Bus(meters=2, takes_s=0.05, timeout_s=0.3)
    bus.relays[0].alive = False
    bus.run(300)
    tries = times(bus, "board/0")[5:]
    gaps = [b - a for a, b in pairwise(tries)]
    assert max(gaps) <= 4.5
    assert sum(gaps) / len(gaps) <= 3.5
    for meter in bus.meters:
        told = [t for t in bus.readings(meter.name) if t > 20]  # once it is known to be dead
        assert [b - a for a, b in pairwise(told)] == pytest.approx([10.0] * (len(told) - 1), abs=0.11)


@pytest.mark.parametrize("dead", [1, 3])
@pytest.mark.parametrize(("poll_s", "meters"), [(0.2, 12), (1.0, 6), (3.0, 12), (10.0, 2)])
def test_dead_boards_together_cost_the_others_a_fifth_at_most(poll_s: float, meters: int, dead: int) -> None:
    def rate(dead: int) -> tuple[float, float]:
        bus = Bus(boards=4, meters=meters, meter_poll_s=poll_s, takes_s=0.1, timeout_s=0.3)
        for relays in bus.relays[:dead]:
            relays.alive = False
        bus.run(600)
        polls = Counter(what for _, what in bus.wire.log)
        worst = min(len(bus.readings(m.name)) for m in bus.meters)
        return worst / 600, min(polls[f"board/{i} read"] for i in range(dead, 4)) / 600

    (meters_before, boards_before), (meters_after, boards_after) = rate(0), rate(dead)
    assert meters_after >= meters_before / 1.2
    assert boards_after >= boards_before / 1.2


def test_a_dead_board_leaves_a_dead_meter_its_tries() -> None:
    bus = Bus(meters=2, takes_s=0.05, timeout_s=0.3)
    bus.board.alive = bus.meters[0].alive = False
    bus.run(300)
    assert len(times(bus, "meter/0")) >= 7
    bus.meters[0].alive = True
    bus.run(65)
    assert bus.readings("meter/0")


def test_a_dead_meter_does_not_make_boards_unknown_once_it_is_known_to_be_dead() -> None:
    bus = Bus(meters=3, takes_s=0.05, timeout_s=0.5)
    bus.meters[0].alive = False
    bus.run(300)
    unknown = [t for t, on, _ in bus.heard(A) if on is None]
    assert len(unknown) <= 1
    assert len(times(bus, "meter/0")) >= 7
    assert len(times(bus, "board/0")) >= 250
