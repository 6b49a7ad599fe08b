"""What the history's one writer knows of the open file, and everything that changes it; each within a transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from edge.core.events import Record
from edge.core.packing import pack
from edge.core.ranges import Range, Ranges

SUSPECT = 1
INSERT = "INSERT INTO rows (sequence, at, layout, quality, life, body) VALUES (?, ?, ?, ?, ?, ?)"

# In place: a row that is replaced would be written anew in the index of ids too.
SAVE_CONSUMER = (
    "INSERT INTO consumers VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
    "acknowledged = excluded.acknowledged, dropped = excluded.dropped, set_aside = excluded.set_aside"
)


@dataclass(slots=True)
class Consumer:
    """One who is sent the rows: what it has, how many left before it had them, how many it would not take."""

    has: Ranges = field(default_factory=Ranges)
    dropped: int = 0
    set_aside: int = 0
    changed: bool = False  # since it was last written

    def copy(self) -> Consumer:
        """As it is now."""
        return Consumer(Ranges(self.has), self.dropped, self.set_aside, self.changed)


class HistoryTable:
    """The rows, held rows and consumers of one open file. Raises sqlite3.Error from everything.

    What fails within `transaction` leaves no trace, neither in the file nor here.
    """

    def __init__(self, db: sqlite3.Connection, *, salvaging: bool = False) -> None:
        """`salvaging`: rows will come that are older than those there. Raises also ValueError and TypeError for what
        this version cannot have written."""
        self.db = db
        self.salvaging = salvaging
        found = db.execute("SELECT max(sequence) FROM rows").fetchone()[0]
        self.newest: int | None = found
        self.consumers = {
            i: Consumer(Ranges(map(tuple, json.loads(has))), dropped, aside)
            for i, has, dropped, aside in db.execute("SELECT id, acknowledged, dropped, set_aside FROM consumers")
        }
        self.holds: bool = db.execute("SELECT count(*) FROM held").fetchone()[0] > 0
        self.new_layouts = False
        self._layouts: dict[tuple[str, tuple[str, ...]], tuple[int, tuple[str, ...]]] = {}

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all that is done within, or nothing of it."""
        before = self.newest, self.holds, {i: c.copy() for i, c in self.consumers.items()}
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.db.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self.db.execute("ROLLBACK")
            self.newest, self.holds, self.consumers = before
            self._layouts.clear()
            raise

    def consumer(self, name: str) -> Consumer:
        """One that is sent the rows; all that are there now if it is new."""
        known = self.consumers.get(name)
        if known is None:
            known = self.consumers[name] = Consumer(changed=True)
            oldest = self.db.execute("SELECT min(sequence) FROM rows").fetchone()[0]
            known.has.forget_below(1 if oldest is None or self.salvaging else oldest)
        return known

    # --- within a transaction ---

    def insert(self, first: int, records: Sequence[Record], trusted_since: float | None) -> int:
        """Give the records the sequences from `first` on; how many were no figures to keep.

        `trusted_since`: what the wall clock showed at the beginning of this boot by the setting that is trusted; None:
        the clock is not trusted, and what was read by it is held.
        """
        rows, held = [], []
        sequence = first
        for record in records:
            reading = record.reading
            at = reading.at
            known = record.trusted or trusted_since is not None
            if not record.trusted and trusted_since is not None:
                at = trusted_since + record.mono
            try:
                layout, body = self._packed(reading.device, reading.quantities)
            except ValueError:
                continue
            quality = SUSPECT if reading.quality == "suspect" else 0
            rows.append((sequence, round(at * 1000), layout, quality, reading.life, body))
            if not known:
                held.append((sequence, record.boot, record.mono))
            sequence += 1
        self.db.executemany(INSERT, rows)
        if held:
            self.db.executemany("INSERT INTO held (sequence, boot, mono) VALUES (?, ?, ?)", held)
            self.holds = True
        if rows:
            self.newest = sequence - 1
        return len(records) - len(rows)

    def skip(self, last: int) -> None:
        """The sequences up to `last` that no row has, nor will have: nothing that a consumer lacks."""
        if self.newest is not None and self.newest < last and not self.salvaging:
            for consumer in self.consumers.values():
                consumer.has.add(self.newest + 1, last)
                consumer.changed = True

    def touch(self) -> None:
        """Write something that changes nothing."""
        self.db.execute(f"PRAGMA user_version = {self.db.execute('PRAGMA user_version').fetchone()[0]}")

    def put_aside(self, name: str, sequence: int, at: float, why: str) -> None:
        """A row that the consumer would not take; once."""
        done = self.db.execute("INSERT OR IGNORE INTO set_aside VALUES (?, ?, ?, ?)", (name, sequence, at, why))
        consumer = self.consumer(name)
        consumer.set_aside += done.rowcount
        consumer.changed = True

    def save_consumers(self) -> None:
        """Write what consumers have, of those that have more."""
        for name, consumer in self.consumers.items():
            if consumer.changed:
                row = name, json.dumps(list(consumer.has)), consumer.dropped, consumer.set_aside
                self.db.execute(SAVE_CONSUMER, row)
                consumer.changed = False

    def not_held(self, first: int, last: int) -> Iterator[Range]:
        """The stretches from `first` to `last` without rows that are held."""
        if not self.holds:
            yield first, last
            return
        held = Ranges((row[0], row[0]) for row in self.db.execute(
            "SELECT sequence FROM held WHERE sequence BETWEEN ? AND ?", (first, last)
        ))
        yield from held.missing(first, last)

    def why_aside(self, name: str) -> str:
        """What was wrong with the row that the consumer refused last."""
        newest = "SELECT why FROM set_aside WHERE consumer = ? ORDER BY at DESC LIMIT 1"
        found = self.db.execute(newest, (name,)).fetchone()
        return "" if found is None else str(found[0])

    def drop(self, sequences: Sequence[int]) -> None:
        """Let these rows go, in order of their sequences; each is counted for every consumer that had it not."""
        if not sequences:
            return
        for table in ("rows", "held", "set_aside"):
            self.db.executemany(f"DELETE FROM {table} WHERE sequence = ?", ((s,) for s in sequences))  # noqa: S608 - constant
        oldest = self.db.execute("SELECT min(sequence) FROM rows").fetchone()[0]
        for consumer in self.consumers.values():
            consumer.dropped += sum(s not in consumer.has for s in sequences)
            consumer.has.forget_below(sequences[-1] + 1 if oldest is None else oldest)
            consumer.changed = True
        self.save_consumers()

    # --- held rows ---

    def earlier_boots(self, boot: str, began: float) -> dict[str, float]:
        """For each earlier boot with held rows: the wall time of its beginning, if it ended as late as it can have.

        `began`: the wall time at which the present `boot` began. The clock of a boot runs on within it, so all its rows
        keep their distances; each boot ended before the next one began, and before the next row whose time is known.
        """
        found: dict[str, float] = {}
        boots = "SELECT boot, max(mono), max(sequence) FROM held WHERE boot != ? GROUP BY boot ORDER BY 3 DESC"
        known = "SELECT at FROM rows WHERE sequence > ? AND sequence NOT IN (SELECT sequence FROM held) LIMIT 1"
        end = began
        for name, last_mono, last in self.db.execute(boots, (boot,)).fetchall():
            after = self.db.execute(known, (last,)).fetchone()
            end = min(end, after[0] / 1000 if after else end)
            found[name] = end = end - last_mono
        return found

    def release(self, boot: str, began: Mapping[str, float], count: int) -> int:
        """Give the oldest `count` held rows the time that they were read at; how many that were.

        `began`: the wall time at which each boot began; for others than `boot` it is the latest there can be, and their
        rows are suspect.
        """
        chosen = self.db.execute("SELECT sequence, boot, mono FROM held ORDER BY sequence LIMIT ?", (count,)).fetchall()
        for sequence, name, mono in chosen:
            at = round((began[name] + mono) * 1000)
            doubt = "" if name == boot else f", quality = {SUSPECT}"
            self.db.execute(f"UPDATE rows SET at = ?{doubt} WHERE sequence = ?", (at, sequence))  # noqa: S608 - constant
        self.db.executemany("DELETE FROM held WHERE sequence = ?", ((row[0],) for row in chosen))
        self.holds = len(chosen) == count
        return len(chosen)

    # --- layouts ---

    def _packed(self, device: str, quantities: Mapping[str, float]) -> tuple[int, bytes]:
        key = device, tuple(quantities)
        known = self._layouts.get(key)
        if known is None:
            known = self._layouts[key] = self._layout(*key)
        layout, names = known
        return layout, pack([quantities.get(name) for name in names])

    def _layout(self, device: str, names: tuple[str, ...]) -> tuple[int, tuple[str, ...]]:
        """One that has all these names and as few others as there are, for a reading may lack some; or a new one."""
        there = self.db.execute("SELECT id, names FROM layouts WHERE device = ?", (device,)).fetchall()
        fitting = [(i, tuple(json.loads(listed))) for i, listed in there]
        fitting = [(i, listed) for i, listed in fitting if set(names) <= set(listed)]
        if fitting:
            return min(fitting, key=lambda found: len(found[1]))
        self.new_layouts = True
        done = self.db.execute("INSERT INTO layouts (device, names) VALUES (?, ?)", (device, json.dumps(names)))
        assert done.lastrowid is not None
        return done.lastrowid, names


def count(ranges: Sequence[Range]) -> int:
    """How many sequences that is."""
    return sum(last - first + 1 for first, last in ranges)
