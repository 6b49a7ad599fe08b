"""Effects in order: what waits for the journal, and OFF, which never does."""

from __future__ import annotations

from collections.abc import Collection

from villages import Line, Radio

from edge.core.events import Effect, OutputObserved, Persist, Publish, Stored, Write
from edge.shell.clock import ManualClock
from edge.shell.effects import Effects
from edge.shell.leases import LeaseKeeper

KEY = ("runs", "r1")


class Book:
    """A journal that only remembers what it was asked."""

    def __init__(self) -> None:
        self.rows: list[tuple[list[tuple[str, str]], list[tuple[str, str]]]] = []

    def put(self, *rows: Persist, tell: Collection[tuple[str, str]] = ()) -> None:
        self.rows.append(([row.key for row in rows], list(tell)))


def run(effects: Effects, *batch: Effect) -> list[OutputObserved]:
    seen: list[OutputObserved] = []
    effects.run(batch, seen.append)
    return seen


def hands() -> tuple[Effects, Line, Book]:
    clock = ManualClock(0.0)
    line, book = Line(clock), Book()
    return Effects(LeaseKeeper({"valve/v": line}, clock.mono, print), book, Radio()), line, book


def test_a_write_waits_for_its_row() -> None:
    effects, line, book = hands()
    assert run(effects, Persist(KEY, {}), Write("valve/v", True, after=KEY)) == []
    effects.flush()
    assert (line.writes, book.rows) == ([], [([KEY], [KEY])])
    assert effects.stored(Stored(("runs", "other"))) == []
    assert effects.stored(Stored(KEY)) == [OutputObserved("valve/v", True)]
    assert effects.stored(Stored(KEY)) == []


def test_off_cancels_what_waits() -> None:
    effects, line, _ = hands()
    run(effects, Persist(KEY, {}), Write("valve/v", True, after=KEY))
    assert run(effects, Write("valve/v", False)) == [OutputObserved("valve/v", False)]
    assert effects.stored(Stored(KEY)) == []
    assert [on for _, on in line.writes] == [False]


def test_a_driver_that_fails_is_an_observation_and_is_not_looked_at() -> None:
    effects, line, book = hands()
    line.broken = "the relay is on fire"
    assert run(effects, Write("valve/v", True), Persist(KEY, {})) == [OutputObserved("valve/v", None, "the relay is on fire")]
    effects.flush()
    assert book.rows == [([KEY], [])]
    assert list(effects.look()) == []
    line.broken = None
    run(effects, Write("valve/v", True))
    assert list(effects.look()) == [OutputObserved("valve/v", True)]


def test_what_an_output_shows_is_dealt_with_before_what_stands_behind_its_write() -> None:
    effects, _, _ = hands()
    radio = effects._link
    assert isinstance(radio, Radio)
    order: list[str] = []
    effects.run([Write("valve/v", True), Publish("t", b"")], lambda seen: order.append(f"{seen.on} {len(radio.messages)}"))
    assert order == ["True 0"]
    assert len(radio.messages) == 1


def test_what_was_decided_together_is_kept_in_one_piece() -> None:
    effects, _, book = hands()
    effects.flush()
    assert book.rows == []
    run(effects, Persist(KEY, {}))
    run(effects, Persist(("audit", ""), {}))
    effects.flush()
    effects.flush()
    assert book.rows == [([KEY, ("audit", "")], [])]


def test_a_lease_that_waited_for_longer_than_it_lasts_is_not_begun() -> None:
    clock = ManualClock(0.0)
    line = Line(clock)
    effects = Effects(LeaseKeeper({"valve/v": line}, clock.mono, print), Book(), Radio())
    run(effects, Persist(KEY, {}), Write("valve/v", True, after=KEY, lease_s=15.0))
    clock.advance(14.9)
    assert effects.stored(Stored(KEY)) == [OutputObserved("valve/v", True)]
    run(effects, Write("valve/v", False), Persist(KEY, {}), Write("valve/v", True, after=KEY, lease_s=15.0))
    clock.advance(15.0)
    assert effects.stored(Stored(KEY)) == [OutputObserved("valve/v", False)]
    assert [on for _, on in line.writes] == [True, False]
