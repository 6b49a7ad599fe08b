"""The history held against what was sent of it: by the file on the card, and by what the broker took."""

from __future__ import annotations

import json
import math
import sqlite3
from contextlib import closing
from pathlib import Path

from search.account import Violation

from edge.core.packing import unpack
from edge.core.ranges import Ranges
from edge.core.values import Moment

Stored = tuple[int, int, int, int, bytes]  # Unix ms, layout, quality, life, body
Sent = tuple[int, str, dict[str, float], int, int]  # Unix ms, device, values, quality, life


class Books:
    """What the card and the broker were seen to have. Rows stay, a sequence names one row for ever (I9, I10), and who is
    sent them has what it is said to have (I11)."""

    def __init__(self, journal: Path, keep_s: float) -> None:
        """`keep_s`: what is older than that by a clock that is trusted may leave."""
        self._journal = journal
        self._keep_s = keep_s
        self._latest = 0.0  # what such a clock has shown (Unix s)
        self._earliest = math.inf  # what any clock has shown
        self._dropped = 0  # rows that were seen on the card, and left it before the broker took them
        self._history = journal.with_name("history.db")
        self._rows: dict[int, Stored] = {}
        self._sent: dict[int, Sent] = {}
        self._new: set[int] = set()  # sent since the last look
        self.again = 0

    def __len__(self) -> int:
        """How many rows the broker took."""
        return len(self._sent)

    def took(self, payload: bytes) -> None:
        """The broker has taken telemetry."""
        for sequence, *row in json.loads(payload)["rows"]:
            known = self._sent.get(sequence)
            self.again += known is not None
            if known is not None and known != tuple(row):
                raise Violation("I10", f"sequence {sequence} was sent as {known}, and as {row}")
            self._sent[sequence] = tuple(row)
            self._new.add(sequence)

    def note(self, now: Moment) -> None:
        """The clock shows this."""
        self._earliest = min(self._earliest, now.wall)
        if now.trusted:
            self._latest = max(self._latest, now.wall)

    def settle(self, *, all_sent: bool = False) -> None:
        """Look at the card; with `all_sent` everybody must have everything by now."""
        if not self._history.exists():
            return
        with closing(sqlite3.connect(f"file:{self._history}?mode=ro", uri=True)) as db:
            rows: dict[int, Stored] = {s: tuple(row) for s, *row in db.execute("SELECT * FROM rows")}  # type: ignore[misc]
            held = {s for (s,) in db.execute("SELECT sequence FROM held")}
            layouts = {i: (device, json.loads(names)) for i, device, names in db.execute("SELECT * FROM layouts")}
            consumers = db.execute("SELECT id, acknowledged, dropped, set_aside FROM consumers").fetchall()
        self._stay(rows)
        self._rows = {s: row for s, row in rows.items() if s not in held}
        for sequence in self._new:
            self._compare(sequence, rows.get(sequence), layouts)
        self._new.clear()
        if rows and max(rows) > self._reserved():
            raise Violation("I10", f"sequence {max(rows)} was given out, reserved are {self._reserved()}")
        for consumer, has, dropped, aside in consumers:
            self._account(consumer, Ranges(map(tuple, json.loads(has))), dropped, aside, held)
        waiting = rows.keys() - held - self._sent.keys()
        if all_sent and waiting:
            raise Violation("I15", f"{len(waiting)} rows wait though nothing is wrong, such as {sorted(waiting)[:5]}")

    def _stay(self, rows: dict[int, Stored]) -> None:
        if self._rows.items() <= rows.items():
            return
        other = [(s, row, rows.get(s)) for s, row in self._rows.items() if rows.get(s) != row]
        wrong = [found for found in other if found[2] is not None or not self._may_leave(found[1][0])]
        if wrong:
            raise Violation("I10", f"{len(wrong)} rows on the card are gone or others, such as {wrong[:2]}")
        self._dropped += sum(s not in rows and s not in self._sent for s in self._rows)

    def _may_leave(self, at: int) -> bool:
        return at < (self._latest - self._keep_s) * 1000

    def _compare(self, sequence: int, row: Stored | None, layouts: dict[int, tuple[str, list[str]]]) -> None:
        sent = self._sent[sequence]
        if row is None:
            if self._may_leave(sent[0]):
                return
            raise Violation("I9", f"sequence {sequence} was sent as {sent} and is not on the card")
        at, layout, quality, life, body = row
        device, names = layouts[layout]
        pairs = zip(names, unpack(body, len(names)), strict=True)
        found = at, device, {name: value for name, value in pairs if value is not None}, quality, life
        if found != sent:
            raise Violation("I9", f"sequence {sequence} was sent as {sent} and is {found} on the card")

    def _account(self, consumer: str, has: Ranges, dropped: int, aside: int, held: set[int]) -> None:
        if aside:
            raise Violation("I11", f"{consumer}: {aside} rows set aside, nothing is amiss with any")
        if dropped < self._dropped or (dropped and not self._may_leave(round(self._earliest * 1000))):
            raise Violation("I11", f"{consumer}: {dropped} rows are told as dropped, at least {self._dropped} were")
        if early := [s for s in held if s in has]:
            raise Violation("I11", f"{consumer} is said to have rows that are held from it: {early[:5]}")
        unsent = [s for s in self._rows if s not in self._sent and s in has]
        if consumer == "telemetry" and unsent:
            raise Violation("I11", f"{consumer} is said to have {len(unsent)} rows that nobody sent, such as {unsent[:5]}")

    def _reserved(self) -> int:
        with closing(sqlite3.connect(f"file:{self._journal}?mode=ro", uri=True)) as db:
            found = db.execute("SELECT reserved FROM sequences WHERE id = 'history'").fetchone()
        return found[0] if found else 0
