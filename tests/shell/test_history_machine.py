"""The history against a plain account of it, whatever is killed, set, full or gone: what was committed is there, rows
leave only by retention and are counted, and sequences only grow."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from history_house import NOW, Book, House
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edge.core.ranges import Ranges
from edge.shell.history_file import acknowledged, connect_readonly, dropped, set_aside
from edge.shell.retention import hourly

pytestmark = pytest.mark.slow
CONSUMERS = ("telemetry", "influxdb")
IN_MEMORY = Path("/dev/shm")  # what is tried here is kills, not power cuts
KEEP_S = 7_000.0
PASSES = st.sampled_from([0.0, 1.0, 29.0, 30.0, 59.0, 60.0, 61.0, 120.0, 3600.0, KEEP_S / 2])


class Row:
    """One reading as the account has it; `value` tells them apart."""

    def __init__(self, value: float, boot: str, mono: float, wall: float | None) -> None:
        self.value, self.boot, self.mono = value, boot, mono
        self.wall = wall  # when it was read, where that was known
        self.sequence = 0
        self.at: int | None = None  # as it was once it was no longer held


class Failing:
    """A connection whose next commit of a change fails, before it has reached the disk or after."""

    def __init__(self, db: sqlite3.Connection, reached: bool) -> None:
        self._db, self._reached, self._done = db, reached, False

    def execute(self, sql: str, *more: Any) -> sqlite3.Cursor:
        if sql != "COMMIT" or self._done:
            return self._db.execute(sql, *more)
        self._done = True
        if self._reached:
            self._db.execute(sql)
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL if not self._reached else sqlite3.SQLITE_IOERR
        raise error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)


class Histories(RuleBasedStateMachine):
    """A worker on a real file with a manual clock. A kill is a connection that is dropped; nothing else is told."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory(prefix="histories-", dir=IN_MEMORY if IN_MEMORY.is_dir() else None)
        self.house = House(Path(self._folder.name), Book(), keep_s=KEEP_S)
        self.house.now = NOW
        self._read = 0
        self._boots = 1
        self.began: dict[str, float] = {"b1": NOW.wall - NOW.mono}  # by the first setting that was trusted, of each boot
        self.waiting: dict[float, Row] = {}
        self.there: dict[int, Row] = {}
        self.highest = 0
        self.gone = dict.fromkeys(CONSUMERS, 0)
        self.had: dict[str, set[int]] = {c: set() for c in CONSUMERS}  # acknowledged, and not forgotten by a kill
        self._begin()

    def teardown(self) -> None:
        self._drop()
        self._folder.cleanup()

    # --- what happens ---

    @rule(count=st.integers(1, 40), device=st.sampled_from(["meter/m", "sensor/s"]))
    def read(self, count: int, device: str) -> None:
        now = self.house.now
        for _ in range(count):
            self._read += 1
            value = self._read / 8
            self.waiting[value] = Row(value, now.boot, now.mono, now.wall if now.trusted else None)
            self.house.read(value, 1e6 - value, device=device)
        self._look()

    @rule(seconds=PASSES)
    def pass_time(self, seconds: float) -> None:
        now = self.house.now
        self.house.now = replace(now, wall=now.wall + seconds, mono=now.mono + seconds)
        self._settle()

    @rule(aside_s=st.sampled_from([-1.0, 0.0, 1.0]))
    def pass_time_until_rows_may_leave(self, aside_s: float) -> None:
        self.pass_time(max(0.0, hourly(self.house.now.wall) - self.house.now.wall + aside_s))

    @rule(consumer=st.sampled_from(CONSUMERS), count=st.integers(1, 60))
    def send_just_before_rows_may_leave(self, consumer: str, count: int) -> None:
        self.pass_time_until_rows_may_leave(-1.0)
        self.send(consumer, count, False)
        self.pass_time(1.0)

    @rule()
    def commit_now(self) -> None:
        self.house.worker.commit_now()
        self._settle()

    @rule(consumer=st.sampled_from(CONSUMERS), count=st.integers(1, 60), newest=st.booleans())
    def send(self, consumer: str, count: int, newest: bool) -> None:
        """What is pending by the file, in part, as a sink would."""
        db = self._file()
        has, aside = acknowledged(db, consumer), set_aside(db, consumer)
        rows = [r[0] for r in db.execute("SELECT sequence FROM rows WHERE sequence NOT IN (SELECT sequence FROM held) ORDER BY sequence")]
        pending = [s for s in rows if s not in has and s not in aside]
        db.close()
        sent = pending[-count:] if newest else pending[:count]
        self.had[consumer].update(sent)
        told = Ranges((s, s) for s in sent)
        if newest and sent:  # with rows in between that are held, and so were not sent
            between = set(self.there) & set(range(sent[0], sent[-1])) - set(rows)
            told = Ranges((s, s) for s in {*sent, *between})
        self.house.worker.acknowledge(consumer, list(told))

    @rule(consumer=st.sampled_from(CONSUMERS))
    def refuse(self, consumer: str) -> None:
        if self.there:
            self.house.worker.set_aside(consumer, max(self.there), "no")

    @rule()
    def kill(self) -> None:
        self._drop()
        self._begin()

    @rule()
    def stop_in_good_order(self) -> None:
        self.house.worker.close(self.house.now)
        self._look()
        self._begin()

    @rule(down_s=st.sampled_from([1.0, 5000.0]), trusted=st.booleans())
    def reboot(self, down_s: float, trusted: bool) -> None:
        self._drop()
        self._boots += 1
        wall = self.house.now.wall + down_s
        boot = f"b{self._boots}"
        self.house.now = type(NOW)(wall if trusted else 1000.0, 3.0, boot, trusted)
        self._true = wall
        if trusted:
            self.began[boot] = wall - 3.0
        self._begin()

    @precondition(lambda self: not self.house.now.trusted)
    @rule(then_set_by_s=st.sampled_from([0.0, 0.0, 86400.0]))
    def the_time_is_known(self, then_set_by_s: float) -> None:
        now = self.house.now
        wall = max(self._true, max((r.wall or 0 for r in self.there.values()), default=0)) + now.mono
        self.house.now = replace(now, wall=wall, trusted=True)
        self.began.setdefault(now.boot, wall - now.mono)
        self._settle()
        if then_set_by_s:
            self.somebody_sets_the_clock(then_set_by_s)

    @precondition(lambda self: self.house.now.trusted)
    @rule(by_s=st.sampled_from([-3600.0, 60.0, 86400.0]))
    def somebody_sets_the_clock(self, by_s: float) -> None:
        self.house.now = replace(self.house.now, wall=self.house.now.wall + by_s)
        self._settle()

    @rule(code=st.sampled_from([sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY]), seconds=PASSES)
    def the_card_fails_for_a_while(self, code: int, seconds: float) -> None:
        def refuse() -> None:
            error = sqlite3.OperationalError("the card")
            error.sqlite_errorcode = code
            raise error

        self.house.card = refuse
        self.pass_time(seconds)
        self.read(3, "meter/m")
        self.house.card = lambda: None

    @rule(reached=st.booleans(), of_rows=st.booleans())
    def a_commit_fails(self, reached: bool, of_rows: bool) -> None:
        """Of new rows, or of those that leave; though it may have reached the disk."""
        if not of_rows:
            self.commit_now()
            self.pass_time_until_rows_may_leave(-1.0)
        table = self.house.worker._disk.table
        if table is not None and not isinstance(table.db, Failing):
            table.db = Failing(table.db, reached)  # type: ignore[assignment]
            if of_rows:
                self.read(2, "meter/m")
                self.commit_now()
            self.pass_time(1.0)
            self.pass_time(5.0)

    @rule(seconds=PASSES)
    def the_journal_stands_still(self, seconds: float) -> None:
        self.house.book.slow = True
        self.pass_time(seconds)
        self.read(3, "meter/m")
        self.house.book.slow = False

    @rule()
    def the_file_is_lost(self) -> None:
        """No promise holds for its rows, but what comes after must not be taken for them."""
        self._drop()
        for file in Path(self._folder.name).iterdir():
            file.unlink()
        self.there.clear()
        self.gone = dict.fromkeys(CONSUMERS, 0)
        self.had = {c: set() for c in CONSUMERS}
        self._begin()

    # --- what must hold ---

    @invariant()
    def committed_rows_are_there(self) -> None:
        db = self._file()
        found = {row[0] for row in db.execute("SELECT sequence FROM rows")}
        db.close()
        assert found == self.there.keys()

    @invariant()
    def each_row_is_had_or_pending_or_counted_as_dropped(self) -> None:
        db = self._file()
        for consumer in CONSUMERS:
            assert dropped(db, consumer) == self.gone[consumer]
            has = acknowledged(db, consumer)
            unsent = [s for s in self.there if s not in self.had[consumer]]
            assert not [s for s in unsent if s in has], "taken for sent"
        db.close()

    # --- within ---

    _true = NOW.wall

    def _begin(self) -> None:
        self.house.start()
        for consumer in CONSUMERS:
            self.house.worker.register(consumer)
        self.house.worker.on_commit(self._look)
        db = self._file()
        for consumer in CONSUMERS:  # what was acknowledged and not written is forgotten, and sent again
            has = acknowledged(db, consumer)
            self.had[consumer] = {s for s in self.had[consumer] if s in has}
        db.close()
        self._settle()

    def _drop(self) -> None:
        self.house.card = lambda: None
        self.house.worker._disk.close()
        self._look()
        self.waiting.clear()

    def _settle(self) -> None:
        for _ in range(40):
            again = self.house.worker.step(self.house.now)
            self._look()
            if again is None or again > self.house.now.mono:
                return
        raise AssertionError("the worker does not come to rest")

    def _file(self) -> sqlite3.Connection:
        return connect_readonly(self.house.path)

    def _look(self) -> None:
        """See what has changed in the file, and whether it may have."""
        db = self._file()
        held = {row[0] for row in db.execute("SELECT sequence FROM held")}
        rows = {row[0]: row for row in self.house.rows()}
        db.close()
        for sequence in sorted(rows.keys() - self.there.keys()):
            row = self.waiting.pop(rows[sequence][3][0])  # KeyError: written twice, or never read
            assert sequence > self.highest, "a sequence that was given out before"
            assert rows[sequence][3] == (row.value, 1e6 - row.value)
            self.highest = row.sequence = sequence
            self.there[sequence] = row
        self._left(self.there.keys() - rows.keys())
        for sequence, row in self.there.items():
            self._check_time(row, rows[sequence], sequence in held)

    def _left(self, sequences: Any) -> None:
        if not sequences:
            return
        now = self.house.now
        old = all((self.there[s].at or 0) < (now.wall - KEEP_S) * 1000 for s in sequences)
        assert old, "rows left that were not old"
        for s in sequences:
            del self.there[s]
            for consumer in CONSUMERS:
                self.gone[consumer] += s not in self.had[consumer]

    def _check_time(self, row: Row, kept: tuple[Any, ...], held: bool) -> None:
        _, at, _, _, quality, _ = kept
        if held:
            assert row.wall is None, "held, though its time was known"
            return
        if row.at is not None:
            assert at == row.at, "the time of a row was touched"
            return
        row.at = at
        if row.wall is not None:
            assert (at, quality) == (round(row.wall * 1000), 0)
        elif quality == 0:
            assert abs(at - (self.began[row.boot] + row.mono) * 1000) <= 1
        else:
            assert row.boot != self.house.now.boot
            assert at <= self.began[self.house.now.boot] * 1000 + 1


Histories.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestHistories = Histories.TestCase
