"""Contacts: told at the start, told once when they change, not while they bounce, and in words when they fail."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from villages import CATALOGUE, Bench, Line, Radio, when

from drivers.api import PortGone
from edge.core.alarms import Past
from edge.core.assembly import assemble
from edge.core.controller import Controller
from edge.core.events import Effect, Event, InputChanged, OutputObserved, Tick, Write
from edge.core.values import Moment
from edge.shell.clock import ManualClock
from edge.shell.contacts import Contacts
from edge.shell.core_worker import CoreWorker
from edge.shell.effects import Effects
from edge.shell.leases import LeaseKeeper
from edge.shell.runner import Inbox, StepRunner
from edge.shell.store import StoreWorker

DOOR, HAND = "input/door", "input/hand"


class Wire:
    """A contact whose line says what the time makes of it; remembers when it was read."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.says: Callable[[float], bool | None] = lambda _: False
        self.error: str | None = None
        self.reads: list[float] = []

    def read(self) -> bool | None:
        now = self._clock.mono()
        self.reads.append(now)
        return self.says(now)


class Witness(Controller):
    """A core that decides nothing and writes down what it hears, and when."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.heard: list[tuple[float, str | None, bool | None, str | None]] = []
        self.order: list[str] = []

    def start(self, moment: Moment, fallback: str | None = None, past: Past | None = None) -> list[Effect]:
        self.order.append("start")
        return [Write("light/road/a", True)]

    def handle(self, event: Event, moment: Moment) -> list[Effect]:
        if not isinstance(event, Tick):
            self.order.append(type(event).__name__)
        if isinstance(event, InputChanged):
            self.heard.append((round(self._clock.mono(), 3), event.input, event.on, event.error))
        return []

    def wakeup(self) -> float:
        return float("inf")


class Stand:
    """A core worker around a witness, with a door and a hand switch, at time 0."""

    def __init__(self) -> None:
        self.clock = ManualClock(when("2026-11-21T12:00:00+07:00"), mono=0.0)
        self.door, self.hand = Wire(self.clock), Wire(self.clock)
        self.core = Witness(self.clock)
        self.inbox: Inbox[Event] = Inbox()
        effects = Effects(LeaseKeeper({"light/road/a": Line(self.clock)}, self.clock.mono, print), StoreWorker(None, lambda _: None), Radio())
        contacts = Contacts({DOOR: self.door, HAND: self.hand})
        self.worker = CoreWorker(self.core, effects, self.clock, self.inbox, 1.0, contacts)
        self.worker.start()
        self.runner = StepRunner([self.worker], self.clock)

    def told_after(self, seconds: float) -> list[tuple[float, str | None, bool | None, str | None]]:
        """What the core is told in the next so many seconds."""
        before = len(self.core.heard)
        self.runner.advance(seconds)
        return self.core.heard[before:]


@pytest.fixture
def stand() -> Stand:
    return Stand()


def test_every_contact_is_told_once_before_anything_is_decided(stand: Stand) -> None:
    assert stand.core.heard == [(0.0, DOOR, False, None), (0.0, HAND, False, None)]
    assert stand.core.order[:4] == ["InputChanged", "InputChanged", "start", "OutputObserved"]
    assert stand.told_after(60) == []


def test_a_change_is_told_once_two_reads_agree_on_it(stand: Stand) -> None:
    stand.runner.advance(0.5)
    stand.door.says = lambda _: True
    assert stand.told_after(10) == [(1.2, DOOR, True, None)]
    stand.door.says = lambda _: False
    assert [(on, round(at - 10.5, 1) <= 2) for at, _, on, _ in stand.told_after(10)] == [(False, True)]


def test_no_time_is_slept_and_the_others_are_not_read_again(stand: Stand) -> None:
    stand.runner.advance(0.5)
    stand.door.says = lambda _: True
    stand.runner.advance(2)
    assert [round(at, 1) for at in stand.door.reads] == [0.0, 1.0, 1.2, 2.0]
    assert [round(at, 1) for at in stand.hand.reads] == [0.0, 1.0, 2.0]


def test_a_contact_that_bounces_is_told_once(stand: Stand) -> None:
    """Open from 0.95 s on, but not quite: at 1.0 it shows open, at 1.2 closed, at 1.4 and from then on open."""
    stand.door.says = lambda now: now > 0.95 and not 1.1 < now < 1.3
    assert stand.told_after(10) == [(2.2, DOOR, True, None)]


def test_a_spike_of_less_than_two_reads_is_not_told(stand: Stand) -> None:
    stand.door.says = lambda now: 0.95 < now < 1.15
    assert stand.told_after(10) == []


def test_a_wake_up_in_between_does_not_count_as_the_second_read(stand: Stand) -> None:
    stand.door.says = lambda now: 0.95 < now < 1.15
    stand.runner.advance(1.05)
    stand.inbox.put(OutputObserved("light/road/a", True))
    assert stand.told_after(10) == []
    assert [round(at, 1) for at in stand.door.reads][:4] == [0.0, 1.0, 1.2, 2.0]


def test_a_line_that_fails_is_told_once_with_why_and_again_when_it_is_back(
    stand: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    stand.door.says, stand.door.error = lambda _: None, "GPIO 13: gone"
    with caplog.at_level(logging.INFO, "edge"):
        assert stand.told_after(10) == [(1.2, DOOR, None, "GPIO 13: gone")]
        stand.door.says = lambda _: True
        assert [(on, why) for _, _, on, why in stand.told_after(10)] == [(True, None)]
    assert [(r.levelname, r.getMessage()) for r in caplog.records] == [
        ("ERROR", "input/door cannot be read: GPIO 13: gone"),
        ("WARNING", "input/door can be read again"),
    ]


def test_one_bad_read_is_not_told(stand: Stand) -> None:
    stand.door.says = lambda now: None if now == 1.0 else False
    assert stand.told_after(10) == []
    assert 1.0 in stand.door.reads


def test_a_driver_that_raises_costs_the_other_contacts_nothing(stand: Stand) -> None:
    def fails(_: float) -> bool:
        raise PortGone("the chip is gone")

    stand.runner.advance(0.5)
    stand.door.says = fails
    stand.hand.says = lambda _: True
    assert stand.told_after(5) == [(1.2, DOOR, None, "the chip is gone"), (1.2, HAND, True, None)]


def test_what_the_core_hears_in_another_way_is_not_told_again(stand: Stand) -> None:
    stand.runner.advance(0.5)
    stand.door.says = lambda _: True
    stand.inbox.put(InputChanged(DOOR, True))
    assert stand.told_after(10) == [(0.5, DOOR, True, None)]


def test_a_failing_line_at_the_start_is_told_and_found_later() -> None:
    clock = ManualClock(0.0)
    wire = Wire(clock)
    wire.says, wire.error = lambda _: None, "not yet"
    contacts = Contacts({DOOR: wire})
    assert list(contacts.look(0.0)) == [InputChanged(DOOR, None, "not yet")]
    wire.says = lambda _: False
    assert list(contacts.look(1.0)) == []
    assert contacts.due == pytest.approx(1.2)
    assert list(contacts.look_again(1.1)) == []
    assert list(contacts.look_again(1.2)) == [InputChanged(DOOR, False)]
    assert contacts.due == float("inf")


def test_nothing_is_driven_for_what_is_heard_before_the_start(tmp_path: Path) -> None:
    """An override that the journal kept is taken up at the start: what was decided before it would blink."""
    before = Bench(journal=tmp_path / "journal.db")
    before.send({"action": "on", "for_s": 3600})
    before.advance(30)
    before.store.close(before.clock.now())
    store = StoreWorker(tmp_path / "journal.db", lambda _: None)
    core = assemble(before.site, CATALOGUE, store.memory(), "1.0.0")
    assert core.handle(InputChanged(DOOR, True), before.clock.now()) == []
    writes = [effect.on for effect in core.start(before.clock.now()) if isinstance(effect, Write)]
    assert writes == [True, True, True]
    store.close(before.clock.now())
