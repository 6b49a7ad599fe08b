"""Leases of relays on a board."""

from __future__ import annotations

import pytest
from board_bus import A, B, Bus
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.shell.leases import LeaseKeeper, at_once
from edge.shell.runner import StepRunner


def test_a_lease_is_written_with_its_time_and_again_when_it_is_renewed() -> None:
    bus = Bus()
    bus.a.write(False)
    bus.runner.advance(2.5)
    bus.asked()
    for _ in range(3):
        bus.a.hold(15.0)
        bus.runner.advance(5)
    assert [what for what in bus.asked() if "read" not in what] == ["board/0 0 on for 15 s"] * 3
    bus.runner.advance(9.5)
    assert bus.a.read() is True
    bus.runner.advance(1.5)  # nobody turns it off but the board
    assert (bus.a.read(), bus.heard(A)[-1][1:]) == (False, (False, None))


def test_a_relay_that_is_on_for_good_or_by_an_earlier_process_gets_the_lease_and_the_other_way_round() -> None:
    bus = Bus()
    bus.board.coils = [True, True, False, False]
    bus.runner.settle()
    bus.a.hold(15.0)
    bus.ports[B].hold(15.0)
    bus.runner.settle()
    assert [what for what in bus.asked() if "read" not in what] == ["board/0 0 on for 15 s", "board/0 1 on for 15 s"]
    bus.a.write(True)
    bus.runner.settle()
    assert [what for what in bus.asked() if "read" not in what] == ["board/0 (0, True)"]
    bus.runner.advance(20)
    assert bus.board.coils == [True, False, False, False]


def test_a_flood_of_renewals_takes_the_line_from_nobody() -> None:
    bus = Bus(meters=2, takes_s=0.05, meter_poll_s=1.0)
    bus.run(10)
    quiet = len(bus.readings("meter/0"))
    bus.asked()
    for _ in range(1000):
        bus.a.hold(15.0)
        bus.ports[B].hold(15.0)
        bus.run(0.01)
    asked = bus.asked()
    assert len([what for what in asked if "on for" in what]) <= 8
    assert len(bus.readings("meter/0")) >= 2 * quiet - 1


def test_a_silent_board_is_not_flooded_with_renewals_and_is_not_turned_on_when_they_are_over() -> None:
    bus = Bus(takes_s=0.05, timeout_s=0.3)
    bus.a.write(False)
    bus.run(3)
    bus.board.alive = False
    bus.a.hold(15.0)
    bus.run(1.0)
    bus.asked()
    for _ in range(30):
        bus.a.hold(1.5)
        bus.run(0.5)
    assert len(bus.asked()) <= 8
    bus.run(2)  # and nobody has time to leave an OFF
    bus.board.alive = True
    bus.run(10)
    assert bus.board.coils[0] is False
    assert not [what for what in bus.asked() if "on for" in what]


def test_off_comes_before_renewals_and_before_other_boards() -> None:
    bus = Bus(boards=2, meters=1, poll_s=1.0, meter_poll_s=1.0)
    bus.a.hold(15.0)
    bus.ports["light/lanes/a1"].hold(15.0)
    bus.ports["light/lanes/b1"].hold(15.0)
    bus.runner.advance(3.2)
    bus.asked()
    bus.clock.advance(4.0)  # everything is due
    bus.a.hold(15.0)
    bus.ports["light/lanes/a1"].hold(15.0)
    bus.ports["light/lanes/b1"].write(False)
    bus.runner.settle()
    assert bus.asked()[:2] == ["board/1 (1, False)", "board/1 0 on for 15 s"]


def test_offs_are_written_in_the_order_in_which_they_were_wished() -> None:
    bus = Bus()
    pump, valve = bus.ports[B], bus.a
    bus.runner.settle()
    valve.hold(15.0)
    pump.hold(15.0)
    bus.runner.advance(5)
    bus.asked()
    valve.hold(15.0)
    pump.write(False)
    valve.write(False)
    bus.runner.settle()
    assert bus.asked()[:2] == ["board/0 (1, False)", "board/0 (0, False)"]


@pytest.mark.parametrize("anew", [True, False])
@pytest.mark.parametrize("stops", [True, False])
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_whatever_a_board_does_with_its_time_nothing_is_on_beyond_the_lease(anew: bool, stops: bool, data: st.DataObject) -> None:
    """The keeper and the board together, with a core that hangs and a board that is silent in between."""
    bus = Bus()
    bus.board.anew, bus.board.stops = anew, stops
    keeper = LeaseKeeper(bus.ports, bus.clock.mono, bus.put, apart=at_once)
    keeper.write(A, False)
    runner = StepRunner([bus.worker, keeper], bus.clock)
    runner.advance(1)
    end = bus.clock.mono()
    for _ in range(data.draw(st.integers(1, 25))):
        what = data.draw(st.sampled_from(["on", "on", "off", "silent", "back", "look"]))
        if what == "on":
            before = keeper._held[A].end
            keeper.write(A, True, 15.0)
            end = bus.clock.mono() + 15.0 if keeper._held[A].end != before else end
        elif what == "off":
            keeper.write(A, False)
        elif what == "look":
            keeper.read(A)
        else:
            bus.board.alive = what == "back"
        runner.advance(data.draw(st.sampled_from([0.0, 0.5, 5.0, 14.9, 15.0])))
        bus.board.run_out()
        assert not bus.board.coils[0] or bus.clock.mono() < end
    bus.board.alive = True
    runner.advance(25)
    assert (bus.board.coils[0], bus.a.read()) == (False, False)


@pytest.mark.parametrize("anew", [True, False])
def test_a_valve_that_opens_early_because_its_time_did_not_begin_anew_is_seen_and_opened_again(anew: bool) -> None:
    bus = Bus()
    bus.board.anew = anew
    keeper = LeaseKeeper(bus.ports, bus.clock.mono, bus.put, apart=at_once)
    keeper.write(A, True, 15.0)
    runner = StepRunner([bus.worker, keeper], bus.clock)
    on = 0
    for _ in range(600):
        runner.advance(0.1)
        bus.board.run_out()
        on += bus.board.coils[0]
        if bus.clock.mono() % 5 < 0.1:
            keeper.write(A, True, 15.0)
    falls = [at for at, state, _ in bus.heard(A) if state is False]
    assert (on, falls) == ((600, [0]) if anew else (on, falls))
    assert on >= 400
    assert anew or 2 <= len(falls) <= 5
