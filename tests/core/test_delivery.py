"""Rows on their way over links that cut, refuse and stay silent: what is sent when, and who is to blame."""

from __future__ import annotations

import pytest
from delivery_rack import Rack, sent, sequences, serve

from edge.core.delivery import (
    PATIENCE_S,
    ROWS,
    STAND_BACK_S,
    WINDOW,
    Delivery,
)  # fmt: skip


def test_a_window_of_messages_of_which_some_are_for_live_rows_only() -> None:
    rack = Rack(5000, live_from=5001)
    delivery = rack.delivery()
    delivery.linked()
    first = sent(delivery, rack)
    assert [len(b.rows) for b in first] == [ROWS] * 16
    assert sequences(first) == list(range(1, 16 * ROWS + 1))
    rack.grow(1)
    assert sent(delivery, rack) == []
    delivery.more()
    (live,) = sent(delivery, rack)
    assert (live.lane, sequences([live])) == ("live", [5001])
    delivery.taken(first[0].number)
    assert sequences(sent(delivery, rack)) == list(range(16 * ROWS + 1, 17 * ROWS + 1))
    assert list(rack.acknowledged) == [(1, ROWS)]
    assert delivery.settled() == ([(1, ROWS)], [])
    assert delivery.settled() == ([], [])


def test_live_rows_go_before_the_backlog() -> None:
    rack = Rack(500, live_from=401)
    delivery = rack.delivery()
    delivery.linked()
    assert sequences(sent(delivery, rack)) == [*range(401, 501), *range(1, 401)]


def test_the_backlog_is_drained_at_its_rate_and_live_rows_are_not() -> None:
    rack = Rack(20_000, live_from=20_001)
    delivery = rack.delivery(drain_limit=2000)
    delivery.linked()
    rows, mono = 0, 0.0
    while mono < 5:
        rack.grow(1)
        delivery.more()
        for batch in sent(delivery, rack, mono):
            rows += len(batch.rows) if batch.lane == "backlog" else 0
            delivery.taken(batch.number)
        assert rack.rows[-1].sequence in rack.acknowledged
        mono += 0.01
    assert 9_900 <= rows <= 10_000 + 400 + ROWS


def test_with_a_rate_of_less_than_a_message_it_says_when_to_go_on() -> None:
    rack = Rack(1000, live_from=1001)
    delivery = rack.delivery(drain_limit=10)
    delivery.linked()
    mono, rows = 0.0, 0
    while mono < 600 and rows < 1000:
        for batch in sent(delivery, rack, mono):
            rows += len(batch.rows)
            delivery.taken(batch.number)
        mono = delivery.wakeup(mono) or 600
    assert 90 <= mono <= 100


def test_a_broken_link_costs_at_most_a_window_of_duplicates_and_no_order() -> None:
    rack = Rack(3000, live_from=3001)
    delivery = rack.delivery()
    delivery.linked()
    heard = sequences(sent(delivery, rack))
    for number in (1, 2, 3):
        delivery.taken(number)
    delivery.unlinked(1.0, "gone")
    assert sent(delivery, rack, 2.0) == []
    delivery.linked()
    again = sent(delivery, rack, 3.0)
    assert sequences(again)[0] == 3 * ROWS + 1
    assert len(set(heard) & set(sequences(again))) <= WINDOW * ROWS


def test_a_broker_that_never_acknowledges_sets_nothing_aside() -> None:
    rack = Rack(3000, live_from=2990)
    delivery = rack.delivery()
    mono = 0.0
    for _ in range(100):
        delivery.linked()
        assert len(sent(delivery, rack, mono)) <= WINDOW
        assert not delivery.overdue(mono + PATIENCE_S - 0.1)
        assert delivery.wakeup(mono) == mono + PATIENCE_S
        mono += PATIENCE_S
        assert delivery.overdue(mono)
        delivery.unlinked(mono, "silent", ours=True)
    assert (rack.set_aside, len(rack.acknowledged)) == (set(), 0)
    serve(delivery, rack, lambda _batch: True, mono)
    assert list(rack.acknowledged) == [(1, 3000)]


def test_one_message_that_alone_is_never_acknowledged_is_found() -> None:
    rack = Rack(300)
    delivery = rack.delivery()
    mono = 0.0
    while 77 not in rack.set_aside:
        delivery.linked()
        while batches := sent(delivery, rack, mono):
            for batch in batches:
                if 77 not in sequences([batch]):
                    delivery.taken(batch.number)
            if all(77 in sequences([b]) for b in batches):
                rack.grow(1)  # something is always taken behind it
                delivery.more()
                mono += 1
            if delivery.overdue(mono):
                break
        mono += PATIENCE_S
        assert mono < 10_000
        delivery.unlinked(mono, "silent", ours=True)
    assert rack.set_aside == {77}


def test_a_poison_row_is_found_also_when_the_broker_falls_silent_in_between() -> None:
    rack = Rack(1000, live_from=990)
    delivery = rack.delivery()
    mono, links = 0.0, 0
    while not delivery.acknowledged or list(rack.acknowledged) != [(1, 499), (501, 1000)]:
        links += 1
        assert links < 200
        delivery.linked()
        mono += 1
        if links % 3 == 0:
            sent(delivery, rack, mono)
            mono += PATIENCE_S
            delivery.unlinked(mono, "silent", ours=True)
            continue
        while batches := sent(delivery, rack, mono):
            for batch in batches:
                if 500 in sequences([batch]):
                    delivery.unlinked(mono, "cut")
                    break
                delivery.taken(batch.number)
    assert rack.set_aside == {500}


@pytest.mark.parametrize("poison", [{1}, {777}, {60, 61}, {5, 1300, 2999, 3000}])
def test_poison_rows_are_found_and_all_others_arrive(poison: set[int]) -> None:
    rack = Rack(3000, live_from=2950)
    delivery = rack.delivery()
    serve(delivery, rack, lambda batch: not poison & set(sequences([batch])))
    assert rack.set_aside == poison
    assert [s for s, _ in delivery.settled().set_aside if s in poison]
    assert all(row.sequence in rack.acknowledged for row in rack.rows if row.sequence not in poison)
    rack.grow(ROWS)  # and it trusts again
    delivery.more()
    assert [len(b.rows) for b in sent(delivery, rack, 10_000)] == [ROWS]


def test_a_limit_that_nobody_told_is_found_by_trying() -> None:
    rack = Rack(3000, live_from=3001)
    delivery = rack.delivery(width=100)
    serve(delivery, rack, lambda batch: batch.size <= 2000)
    assert (rack.set_aside, list(rack.acknowledged)) == (set(), [(1, 3000)])
    rack.grow(200)
    delivery.more()
    assert {b.size <= 2000 for b in sent(delivery, rack, 10_000)} == {True}


def test_a_limit_that_was_told_is_kept_to_and_what_can_never_fit_is_set_aside() -> None:
    rack = Rack(300, live_from=301)
    sizes = {row.sequence: 50 + 5000 * (row.sequence == 99) for row in rack.rows}
    delivery = Delivery(
        rack.acknowledged, rack.set_aside, 0, lambda _l, rows: b"x" * sum(sizes[r.sequence] for r in rows), 20
    )
    delivery.linked(largest=1000)
    batches = sent(delivery, rack)
    assert max(b.size for b in batches) <= 1000
    for batch in batches:
        delivery.taken(batch.number)
    assert sequences(batches + sent(delivery, rack)) == [n for n in range(1, 301) if n != 99]
    assert rack.set_aside == {99}
    ((_, why),) = delivery.settled().set_aside
    assert "5070 bytes" in why
    assert "takes 1000" in why


def test_a_broker_that_cuts_at_everything_sets_nothing_aside_and_is_told_of() -> None:
    rack = Rack(2000, live_from=1990)
    delivery = rack.delivery()
    mono, tries = 0.0, 0
    while mono < 86400:
        delivery.linked()
        if sent(delivery, rack, mono):
            tries += 1
        delivery.unlinked(mono, "it cuts the link")
        mono = (delivery.wakeup(mono) or mono) + 1
        if tries > 30:
            assert delivery.refused == "it cuts the link"
            mono += STAND_BACK_S
    assert rack.set_aside == set()
    end = serve(delivery, rack, lambda _batch: True, mono, 5000)
    assert delivery.refused is None
    assert (list(rack.acknowledged), rack.set_aside) == ([(1, 2000)], set())
    assert end >= mono
