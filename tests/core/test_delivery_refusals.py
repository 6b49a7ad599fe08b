"""Rows that are refused, replayed, or released late."""

from __future__ import annotations

from typing import Any

from delivery_rack import Rack, sent, sequences, serve

from edge.core.delivery import (
    NOT_AUTHORISED,
    QUOTA_EXCEEDED,
    STAND_BACK_S,
    WINDOW,
    Delivery,
    Lane,
)  # fmt: skip
from edge.core.suspects import Rows


def refuse(delivery: Delivery, rack: Rack, mono: float, code: int) -> int:
    batches = sent(delivery, rack, mono)
    for batch in batches:
        delivery.rejected(batch.number, code, "Not authorized", mono)
    return len(batches)


def test_a_refused_topic_is_no_rows_fault_and_is_tried_once_a_minute() -> None:
    rack = Rack(2000, live_from=1900)
    delivery = rack.delivery()
    delivery.linked()
    assert refuse(delivery, rack, 0, NOT_AUTHORISED) == 18
    assert delivery.refused == "Not authorized"
    assert delivery.wakeup(0) == STAND_BACK_S
    assert sent(delivery, rack, STAND_BACK_S - 1) == []
    for n in range(1, 100):
        assert refuse(delivery, rack, n * STAND_BACK_S, NOT_AUTHORISED) == 1
    rack.grow(1)
    (one,) = sent(delivery, rack, 100 * STAND_BACK_S)
    delivery.taken(one.number)
    assert delivery.refused is None
    serve(delivery, rack, lambda _batch: True)
    assert (rack.set_aside, list(rack.acknowledged)) == (set(), [(1, 2001)])


def test_an_exceeded_quota_is_tried_again_later_and_later_and_told_only_when_it_lasts() -> None:
    rack = Rack(300, live_from=301)
    delivery = rack.delivery()
    delivery.linked()
    assert refuse(delivery, rack, 0, QUOTA_EXCEEDED) == 5
    waits, mono = [], 0.0
    while delivery.refused is None:
        again = delivery.wakeup(mono)
        assert again is not None
        waits.append(again - mono)
        mono = again
        assert refuse(delivery, rack, mono, QUOTA_EXCEEDED) == 1
    assert waits[-1] <= STAND_BACK_S
    assert sum(waits) >= STAND_BACK_S / 2
    serve(delivery, rack, lambda _batch: True, mono + STAND_BACK_S)
    assert (rack.set_aside, list(rack.acknowledged)) == (set(), [(1, 300)])


def test_rows_that_mqtt_5_refuses_one_by_one_are_found_without_a_cut() -> None:
    rack = Rack(1000, live_from=990)
    delivery = rack.delivery()
    delivery.linked()
    for _ in range(300):
        for batch in sent(delivery, rack):
            if {5, 500} & set(sequences([batch])):
                delivery.rejected(batch.number, 0x99, "Payload format invalid", 0.0)
            else:
                delivery.taken(batch.number)
    assert rack.set_aside == {5, 500}
    assert sum(last - first + 1 for first, last in rack.acknowledged) == 998


def test_rows_released_behind_the_lane_are_sent_when_it_comes_round() -> None:
    rack = Rack(200)
    rack.held = {50, 51}
    delivery = rack.delivery()
    serve(delivery, rack, lambda _batch: True)
    assert list(rack.acknowledged) == [(1, 49), (52, 200)]
    rack.held.clear()
    delivery.more()
    assert sequences(sent(delivery, rack)) == [50, 51]


def test_a_replay_is_sent_whole_beside_the_live_rows_also_over_a_broken_link() -> None:
    rack = Rack(1000)
    delivery = rack.delivery(drain_limit=100)
    serve(delivery, rack, lambda _batch: True)
    delivery.replay(101, 500)
    delivery.replay(1, 3)
    heard: list[int] = []
    mono = 0.0
    lanes = set[Lane]()
    for n in range(200):
        rack.grow(1)
        delivery.more()
        batches = sent(delivery, rack, mono)
        assert any(b.lane == "live" for b in batches)
        lanes |= {b.lane for b in batches}
        if n % 7 == 3:
            delivery.unlinked(mono, "gone")
            delivery.linked()
        else:
            for batch in batches:
                heard += sequences([batch] if batch.lane == "replay" else [])
                delivery.taken(batch.number)
        mono += 0.1
    assert lanes == {"live", "replay"}
    assert set(heard) == {*range(101, 501), 1, 2, 3}
    assert heard.index(101) < heard.index(1)


def test_many_replays_at_once_are_all_sent_and_held_in_little_memory() -> None:
    rack = Rack(3000)
    delivery = rack.delivery()
    serve(delivery, rack, lambda _batch: True)
    for n in range(1, 1001):
        delivery.replay(3 * n, 3 * n)
    heard: list[int] = []
    while batches := sent(delivery, rack, 10.0):
        for batch in batches:
            heard += sequences([batch])
            delivery.taken(batch.number)
    assert set(heard) >= {3 * n for n in range(1, 1001)}
    assert set(heard) <= set(range(3, 3001))


def test_an_acknowledgement_from_an_old_link_counts_for_nothing() -> None:
    rack = Rack(10)
    delivery = rack.delivery()
    delivery.linked()
    (old,) = sent(delivery, rack)
    delivery.unlinked(0.0, "gone")
    delivery.linked()
    delivery.taken(old.number)
    assert len(rack.acknowledged) == 0
    assert sequences(sent(delivery, rack)) == list(range(1, 11))


def _never(*_: Any) -> Rows:
    raise AssertionError("nothing is to be fetched")


def test_nothing_is_fetched_while_nothing_can_go() -> None:
    rack = Rack(5000)
    delivery = rack.delivery()
    delivery.linked()
    assert len(sent(delivery, rack)) == WINDOW
    rack.pending = _never  # type: ignore[assignment,method-assign]
    assert sent(delivery, rack) == []
