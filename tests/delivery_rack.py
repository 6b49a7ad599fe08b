"""Rows to be delivered, and a broker that answers as it is told: for tests of edge/core/delivery.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from edge.core.delivery import (
    WINDOW,
    Batch,
    Delivery,
    StoredRow,
)  # fmt: skip
from edge.core.ranges import Ranges


class Rack:
    """Rows in memory, as a cursor gives them."""

    def __init__(self, rows: int = 0, live_from: int = 1) -> None:
        self.acknowledged, self.set_aside = Ranges(), set[int]()
        self.live_from = live_from
        self.rows = [StoredRow(n, n, f"meter/m{n % 3}", {"power_w": float(n)}, 0, 1) for n in range(1, rows + 1)]
        self.held: set[int] = set()

    def grow(self, n: int) -> None:
        first = len(self.rows) + 1
        self.rows += [StoredRow(i, i, f"meter/m{i % 3}", {"power_w": float(i)}, 0, 1) for i in range(first, first + n)]

    def pending(self, lane: str, limit: int, beyond: int = 0) -> list[StoredRow]:
        live = lane == "live"
        start = max(beyond, self.live_from - 1) if live else beyond
        found = []
        for row in self.rows[start : len(self.rows) if live else self.live_from - 1]:
            wanted = row.sequence not in self.acknowledged and row.sequence not in self.set_aside
            if wanted and row.sequence not in self.held:
                found.append(row)
            if len(found) == limit:
                break
        return found

    def between(self, first: int, last: int, limit: int) -> list[StoredRow]:
        return self.rows[max(first, 1) - 1 : last][:limit]

    def delivery(self, drain_limit: float = 0, width: int = 10) -> Delivery:
        """`width`: bytes of a row in a message."""
        return Delivery(self.acknowledged, self.set_aside, drain_limit, lambda _lane, rows: b"x" * width * len(rows))


def sent(delivery: Delivery, rack: Rack, mono: float = 0.0) -> list[Batch]:
    found = []
    while (batch := delivery.next(mono, rack)) is not None:
        found.append(batch)
        assert len(found) <= WINDOW
    return found


def sequences(batches: Sequence[Batch]) -> list[int]:
    return [row.sequence for batch in batches for row in batch.rows]


def serve(delivery: Delivery, rack: Rack, accepts: Callable[[Batch], bool], mono: float = 0.0, cuts: int = 200) -> float:
    """A broker that takes what it `accepts` and cuts the link at the first that it does not; until nothing is left."""
    for _ in range(cuts):
        mono += 1
        delivery.linked()
        cut = False
        while not cut and (batches := sent(delivery, rack, mono)):
            for batch in batches:
                if not accepts(batch):
                    cut = True
                    break
                delivery.taken(batch.number)
        if not cut:
            return mono
        delivery.unlinked(mono, "the broker cut the link")
    raise AssertionError("it never ended")
