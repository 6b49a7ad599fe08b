"""Delivery against a broker that loses, cuts, refuses, delays and limits, in any order: no row is lost, and none that
the broker would take is set aside."""

from __future__ import annotations

from typing import Literal

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from edge.core.delivery import (
    NOT_AUTHORISED,
    PATIENCE_S,
    QUOTA_EXCEEDED,
    ROWS,
    STAND_BACK_S,
    WINDOW,
    Batch,
    Delivery,
    StoredRow,
)
from edge.core.ranges import Ranges
from edge.core.suspects import Rows

pytestmark = pytest.mark.slow
ENVELOPE = 20
KEPT_FOR_LIVE = 4
Fate = Literal["take", "mute", "refuse topic", "quota", "cut"]


class Broker:
    """What is on the broker's side: what it has, in the order in which it came."""

    def __init__(self) -> None:
        self.has: list[int] = []
        self.fate: Fate = "take"
        self.five = True
        self.poison: set[int] = set()
        self.largest = 10**9
        self.tells = True  # its limit, when it lets a client in

    def takes(self, batch: Batch) -> bool:
        return batch.size <= self.largest and not self.poison & {row.sequence for row in batch.rows}


class House:
    """The history, the delivery, and the link between them and the broker. A restart begins with what the disk has."""

    def __init__(self, broker: Broker, drain_limit: float) -> None:
        self.rows: list[StoredRow] = []
        self.live_from = 1
        self.widths: dict[int, int] = {}
        self.held: set[int] = set()
        self.on_disk, self.aside_on_disk = Ranges(), set[int]()
        self.broker = broker
        self.drain_limit = drain_limit
        self.mono = 1000.0
        self.on_the_way: list[Batch] = []  # sent, not yet looked at by the broker
        self.breaks = 0
        self.start()

    def start(self) -> None:
        self.acknowledged = Ranges(self.on_disk)
        self.aside = set(self.aside_on_disk)
        self.delivery = Delivery(self.acknowledged, self.aside, self.drain_limit, self.encode, ENVELOPE)
        self.on_the_way.clear()

    def encode(self, _lane: str, rows: Rows) -> bytes:
        return b"x" * sum(self.widths[row.sequence] for row in rows)

    def pending(self, lane: str, limit: int, beyond: int = 0) -> list[StoredRow]:
        low, high = (self.live_from, len(self.rows)) if lane == "live" else (1, self.live_from - 1)
        found = []
        for row in self.rows[max(low, beyond + 1) - 1 : high]:
            if not (row.sequence in self.acknowledged or row.sequence in self.aside or row.sequence in self.held):
                found.append(row)
                if len(found) == limit:
                    break
        return found

    def between(self, first: int, last: int, limit: int) -> list[StoredRow]:
        return [row for row in self.rows[first - 1 : last] if row.sequence not in self.held][:limit]

    def record(self, count: int, width: int, held: bool) -> None:
        for n in range(count):
            sequence = len(self.rows) + 1
            self.rows.append(StoredRow(sequence, 0, f"meter/m{n % 3}", {}, 0, 1))
            self.widths[sequence] = width
            if held:
                self.held.add(sequence)
        self.delivery.more()

    def link(self) -> None:
        self.delivery.linked(self.broker.largest if self.broker.five and self.broker.tells else None)
        self.live_from = max(1, len(self.rows) - 5)

    def send(self) -> None:
        while self.delivery.up and (batch := self.delivery.next(self.mono, self)) is not None:
            self.on_the_way.append(batch)
            assert len(batch.rows) <= ROWS
            assert len(self.on_the_way) <= WINDOW

    def live_waits(self) -> bool:
        """Whether live rows wait although fewer messages with such are under way than are kept for them."""
        on_the_way = {row.sequence for batch in self.on_the_way for row in batch.rows}
        waiting = [row for row in self.pending("live", 10**6) if row.sequence not in on_the_way]
        return bool(waiting) and sum(batch.lane == "live" for batch in self.on_the_way) < KEPT_FOR_LIVE

    def undisturbed(self) -> bool:
        """Whether nothing was refused and no row is looked at."""
        delivery = self.delivery
        return delivery.up and delivery._suspects is None and delivery._refusal.until < 0 and not delivery._again

    def settle(self) -> None:
        """The history keeps what it is told."""
        acknowledged, aside = self.delivery.settled()
        for stretch in acknowledged:
            self.on_disk.add(*stretch)
        self.aside_on_disk.update(sequence for sequence, _ in aside)

    def cut(self, why: str, *, ours: bool = False, too_large: bool = False) -> None:
        self.breaks += 1
        self.on_the_way.clear()
        self.delivery.unlinked(self.mono, why, ours=ours, too_large=too_large)
        self.settle()

    def serve(self, messages: int) -> None:
        """The broker looks at so many messages, and its answers arrive."""
        for _ in range(min(messages, len(self.on_the_way))):
            batch = self.on_the_way[0]
            if self.broker.fate == "mute":
                return
            self.on_the_way.pop(0)
            if self.broker.fate == "refuse topic":
                self.delivery.rejected(batch.number, NOT_AUTHORISED, "Not authorized", self.mono)
            elif self.broker.fate == "quota":
                self.delivery.rejected(batch.number, QUOTA_EXCEEDED, "Quota exceeded", self.mono)
            elif batch.size > self.broker.largest:
                assert not (self.broker.five and self.broker.tells), "a message above the limit that it was told"
                self.cut("it ends the link", too_large=self.broker.five)
                return
            elif self.broker.fate == "cut":
                self.cut("it ends every link")
                return
            elif self.broker.takes(batch):
                self.broker.has += [row.sequence for row in batch.rows]
                self.delivery.taken(batch.number)
            elif self.broker.five:
                self.delivery.rejected(batch.number, 0x99, "Payload format invalid", self.mono)
            else:
                self.cut("it ends the link")
                return
        self.settle()

    def run(self, seconds: float) -> None:
        """Let time pass with a link that holds, the broker answering at once."""
        end = self.mono + seconds
        while self.mono < end:
            if not self.delivery.up:
                self.mono += 1
                self.link()
            self.send()
            if self.on_the_way and self.broker.fate != "mute":
                self.serve(1)
                continue
            if self.delivery.overdue(self.mono):
                self.cut("silence", ours=True)
                continue
            self.mono = min(self.delivery.wakeup(self.mono) or end, end)


class Machine(RuleBasedStateMachine):
    """Rows come, links break, the broker changes its mind."""

    @initialize(
        five=st.booleans(), tells=st.booleans(), loses=st.booleans(), drain_limit=st.sampled_from([0.0, 50.0, 5000.0])
    )
    def begin(self, five: bool, tells: bool, loses: bool, drain_limit: float) -> None:
        self.broker = Broker()
        self.loses = loses
        self.broker.five, self.broker.tells = five, tells
        self.house = House(self.broker, drain_limit)
        self.by_chance = 0  # breaks that no row is to blame for

    @rule(count=st.integers(1, 300) | st.just(1000), width=st.sampled_from([10, 100, 400]))
    def record(self, count: int, width: int) -> None:
        self.house.record(count, width, held=False)

    @rule(count=st.integers(1, 5), after=st.integers(0, 90))
    def record_held(self, count: int, after: int) -> None:
        self.house.record(count, 10, held=True)
        self.house.record(after, 10, held=False)

    @rule()
    def release(self) -> None:
        self.house.held.clear()
        self.house.delivery.more()

    @rule(before=st.integers(0, 200), after=st.integers(0, 200))
    def record_poison(self, before: int, after: int) -> None:
        """One row that the broker will never take, among others."""
        self.house.record(before + 1 + after, 10, held=False)
        self.broker.poison.add(len(self.house.rows) - after)

    @precondition(lambda self: not self.house.on_the_way)
    @rule(largest=st.sampled_from([900, 3000, 10**9]))
    def limit(self, largest: int) -> None:
        self.broker.largest = largest
        if self.house.delivery.up:
            self.house.cut("the broker starts anew")

    @rule(five=st.sampled_from(["take", "mute", "refuse topic", "quota"]), old=st.sampled_from(["take", "mute", "cut"]))
    def fate(self, five: Fate, old: Fate) -> None:
        self.broker.fate = five if self.broker.five else old

    @rule(count=st.integers(1, 3))
    def record_while_others_are_under_way(self, count: int) -> None:
        if not self.house.delivery.up:
            self.house.link()
        self.house.send()
        self.house.record(count, 10, held=False)
        self.house.send()
        assert not (self.house.undisturbed() and self.house.live_waits())

    @rule(messages=st.integers(1, 25))
    def serve(self, messages: int) -> None:
        if not self.house.delivery.up:
            self.house.link()
        self.house.send()
        self.house.serve(messages)

    @precondition(lambda self: self.loses and self.house.delivery.up)
    @rule()
    def lose(self) -> None:
        """The link breaks, and what is on the way is lost; or it arrived, and only the answers are lost."""
        self.house.send()
        self.by_chance += 1
        for batch in self.house.on_the_way:
            if self.broker.fate == "take" and self.broker.takes(batch) and batch.number % 2:
                self.broker.has += [row.sequence for row in batch.rows]
        self.house.cut("the network")

    @rule(seconds=st.sampled_from([1.0, PATIENCE_S, 2 * STAND_BACK_S, 20 * STAND_BACK_S]))
    def run(self, seconds: float) -> None:
        self.house.run(seconds)

    @rule()
    def restart(self) -> None:
        """Killed; what was acknowledged last is not on the disk yet, or is."""
        self.house.settle()
        self.house.start()

    @precondition(lambda self: len(self.house.rows) > 10)
    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        first = data.draw(st.integers(1, len(self.house.rows)))
        self.house.delivery.replay(first, data.draw(st.integers(first, len(self.house.rows))))

    @rule()
    def account(self) -> None:
        """Nothing is acknowledged that the broker has not; only what it never takes is set aside."""
        house, has = self.house, set(self.broker.has)
        for ranges in (house.acknowledged, house.on_disk):
            assert all(s in has for first, last in ranges for s in range(first, last + 1))
        if not self.by_chance:
            assert house.aside <= self.broker.poison

    def teardown(self) -> None:
        """In the end the broker takes what it can, and then it has it."""
        if not hasattr(self, "house"):
            return
        house, broker = self.house, self.broker
        self.account()
        house.held.clear()
        house.delivery.more()
        broker.fate = "take"
        house.run(1.0)
        if broker.largest < 10**9:
            broker.largest = 10**9
            if house.delivery.up:
                house.cut("the broker starts anew")
        house.record(3, 10, held=False)
        began = house.mono
        while house.mono < began + 100_000 and (house.pending("live", 1) or house.pending("backlog", 1)):
            house.record(1, 10, held=False)
            house.run(60.0)
        self.account()
        assert not house.pending("live", 1)
        assert not house.pending("backlog", 1)
        left = {row.sequence for row in house.rows} - set(broker.has)
        assert left <= broker.poison | house.aside, f"never sent: {sorted(left - broker.poison - house.aside)[:9]}"


Machine.TestCase.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
TestMachine = Machine.TestCase
