"""Relay boards between the core and the worker of their port: wishes, what is known of coils, and dead boards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.events import Event, OutputObserved, ReadingsTaken
from edge.core.values import Moment, Reading
from edge.shell.boards import NOT_YET, SILENT, CoilPort, RelayBoard
from edge.shell.bus import BusWorker, Polled
from edge.shell.clock import ManualClock
from edge.shell.leases import LeaseKeeper, at_once
from edge.shell.runner import StepRunner

A, B = "light/lanes/a", "light/lanes/b"
Wish = tuple[int, bool, float | None]


@dataclass(frozen=True)
class Said:
    free_at: float
    coils: tuple[bool, ...] | None = None
    wrote: Wish | None = None
    error: str | None = None
    gone: bool = False
    reading: Reading | None = None


@dataclass
class Wire:
    """The line that all share; an exchange takes `takes_s`, one without an answer `timeout_s` and a second of quiet."""

    clock: ManualClock
    takes_s: float = 0.0
    timeout_s: float = 0.0
    quiet_until: float = 0.0
    plugged: bool = True
    log: list[tuple[float, str]] = field(default_factory=list)

    def ask(self, what: str, alive: bool) -> str | None:
        """Let the time of an exchange pass; what went wrong."""
        self.log.append((self.clock.mono(), what))
        if not self.plugged:
            return "unplugged"
        self.clock.advance(self.takes_s if alive else self.timeout_s)
        if not alive:
            self.quiet_until = self.clock.mono() + 1.0
        return None if alive else "no answer"


@dataclass
class Relays:
    """A board of four relays as its driver offers it; out of step after a reading that failed.

    What no manual says: whether a timed ON while one runs begins the time `anew`, and whether OFF `stops` the time or
    is not heeded while it runs.
    """

    wire: Wire
    name: str
    alive: bool = True
    coils: list[bool] = field(default_factory=lambda: [False] * 4)
    out_of_step: bool = False
    anew: bool = True
    stops: bool = True
    timers: dict[int, float] = field(default_factory=dict)

    def run_out(self) -> None:
        """Let the relays fall whose time is over."""
        for coil, end in list(self.timers.items()):
            if end <= self.wire.clock.mono():
                del self.timers[coil]
                self.coils[coil] = False

    def obey(self, coil: int, on: bool, for_s: float | None) -> None:
        self.run_out()
        if for_s is not None and (self.anew or coil not in self.timers):
            self.timers[coil] = self.wire.clock.mono() + for_s
        elif for_s is None and self.stops:
            self.timers.pop(coil, None)
        if for_s is not None or coil not in self.timers:
            self.coils[coil] = on

    def ready_at(self, write: Wish | None, wanted: Iterable[Wish]) -> float:
        return self.wire.quiet_until

    def ask(self, write: Wish | None, wanted: Iterable[Wish]) -> Said:
        wish = next(iter(wanted), None) if write is None and self.out_of_step else write
        what = "read" if wish is None else wish[:2] if wish[2] is None else f"{wish[0]} on for {wish[2]:g} s"
        error = self.wire.ask(f"{self.name} {what}", self.alive)
        if error is not None:
            self.out_of_step = wish is None
            return Said(self.wire.quiet_until, wrote=wish, error=error, gone=not self.wire.plugged)
        self.out_of_step = False
        if wish is not None:
            self.obey(*wish)
            return Said(self.wire.quiet_until, wrote=wish)
        self.run_out()
        return Said(self.wire.quiet_until, tuple(self.coils))


@dataclass
class Meter:
    """A meter of one exchange a reading."""

    wire: Wire
    name: str
    alive: bool = True

    def ready_at(self) -> float:
        return self.wire.quiet_until

    def ask(self, moment: Moment) -> Said:
        error = self.wire.ask(self.name, self.alive)
        reading = None if error else Reading(self.name, {"power_w": 1.0}, moment.wall)
        return Said(self.wire.quiet_until, error=error, gone=not self.wire.plugged, reading=reading)


class Bus:
    """A worker over boards and meters, in virtual time from 1000 s on."""

    def __init__(self, boards: int = 1, meters: int = 0, meter_poll_s: float = 10.0, poll_s: float = 1.0, **wire: float) -> None:
        self.clock = ManualClock(wall=0.0, mono=1000.0)
        self.wire = Wire(self.clock, **wire)  # type: ignore[arg-type]
        self.relays = [Relays(self.wire, f"board/{i}") for i in range(boards)]
        self.meters = [Meter(self.wire, f"meter/{i}") for i in range(meters)]
        self.events: list[tuple[float, Event]] = []
        names = {0: A, 1: B}
        self.boards = [
            RelayBoard({c: n if i == 0 else f"{n}{i}" for c, n in names.items()}, r, poll_s, self.clock.mono, self.put)
            for i, r in enumerate(self.relays)
        ]
        polled = [Polled(r.name, board, poll_s) for r, board in zip(self.relays, self.boards, strict=True)]
        polled += [Polled(m.name, m, meter_poll_s) for m in self.meters]  # type: ignore[arg-type]
        self.worker = BusWorker("bus", polled, self.put)
        self.runner = StepRunner([self.worker], self.clock)
        self.ports = {name: port for board in self.boards for name, port in board.ports().items()}

    @property
    def a(self) -> CoilPort:
        return self.ports[A]

    @property
    def board(self) -> Relays:
        return self.relays[0]

    def put(self, event: Event) -> None:
        self.events.append((self.clock.mono() - 1000.0, event))

    def run(self, seconds: float) -> None:
        """Let time pass where exchanges themselves take time."""
        end = self.clock.mono() + seconds
        while self.clock.mono() < end:
            wake = self.worker.step(self.clock.now())
            assert wake is not None
            self.clock.advance(max(min(wake, end) - self.clock.mono(), 0.0))

    def asked(self) -> list[str]:
        """What was asked since, each without its time."""
        asked = [what for _, what in self.wire.log]
        self.wire.log.clear()
        return asked

    def heard(self, output: str) -> list[tuple[float, bool | None, str | None]]:
        seen = [(t, e) for t, e in self.events if isinstance(e, OutputObserved) and e.output == output]
        return [(t, e.on, e.error) for t, e in seen]

    def readings(self, name: str) -> list[float]:
        return [t for t, e in self.events if isinstance(e, ReadingsTaken) and e.device == name and e.reading]


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


def times(bus: Bus, name: str) -> list[float]:
    """When a board or meter was asked, whatever it was asked."""
    return [at for at, what in bus.wire.log if what.split()[0] == name]


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


# --- leases ---


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
