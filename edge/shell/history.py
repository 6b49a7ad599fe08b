"""The history's worker: the only one who writes history.db. Rows wait in memory until a group of them is written.

It is a worker beside the store, so that a group's sync, a salvage or a roll-up delays nothing that an output waits for.
"""

from __future__ import annotations

import logging
import math
import os
import sqlite3
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edge.core.events import HistoryChanged, Persist, Record, SinkChanged
from edge.core.ranges import Range
from edge.core.values import Moment
from edge.shell.database import is_corrupt, is_passing, move_aside, of_the_disk
from edge.shell.history_file import open_history
from edge.shell.history_table import HistoryTable, count
from edge.shell.housekeeping import Housekeeping, Job
from edge.shell.runner import Inbox
from edge.shell.waiting import Waiting

log = logging.getLogger(__name__)
NAME = "history"  # of the worker, and of its sequence in the journal
BLOCK = 100_000  # sequences reserved in the journal at once: two weeks of a village's rows
GROUP_ROWS = 500
MOST_AT_ONCE = 2_000  # rows in a transaction
MOST_WAITING = 20_000
MOST_ACKNOWLEDGED = 1_200  # rows; then that is written without waiting for a group
RELEASED_AT_ONCE = 500
RETRY_S = 5.0
LOOK_EVERY_S = 30.0  # at the card, while rows wait: their commit may be far
HELD_LOOK_S = 10.0
RESERVING_S = 1.0


class Journal(Protocol):
    """Where sequences are reserved."""

    def put(self, *rows: Persist, tell: Collection[tuple[str, str]] = ()) -> None:
        """Keep these rows."""

    def reserved(self, name: str) -> int | None:
        """Up to where sequences are reserved on the disk; None while that cannot be known. From any thread."""


@dataclass(frozen=True, slots=True)
class _Acknowledged:
    consumer: str
    ranges: tuple[Range, ...]


@dataclass(frozen=True, slots=True)
class _SetAside:
    consumer: str
    sequence: int
    why: str


@dataclass(frozen=True, slots=True)
class _CommitNow:
    pass


@dataclass(frozen=True, slots=True)
class _Tried:
    """A commit that is under way: so many rows, up to which sequence."""

    mark: int
    rows: int
    last: int


class HistoryWorker:
    """Commits rows in groups: `commit_s` seconds after the first of a group came, or once there are GROUP_ROWS.

    Sequences are given out as rows are committed, never beyond what the journal has reserved on the disk. Rows that
    were read while nobody vouched for the clock are held from consumers until the time is known, then their `at` is
    set right and they are released. A disk that is full, gone or read-only stops nothing: rows wait in memory, at most
    MOST_WAITING, and are tried again. A file that is corrupt is moved aside and a new one begun.

    A row may appear below sequences that are already there: what was salvaged or released.
    """

    name = NAME

    def __init__(
        self, path: Path, journal: Journal, put: Callable[[HistoryChanged | SinkChanged], None], commit_s: float = 60.0,
        jobs: Sequence[Job] = (), before_commit: Callable[[], None] = lambda: None,
    ) -> None:
        """`put` is told whether the history can be written, and (`refused` left None) how many rows consumers did not
        take or get. `before_commit` may block or raise sqlite3.Error, as a card does that is slow, full or read-only.
        """
        self._path = path
        self._journal = journal
        self._put = put
        self._commit_s = commit_s
        self._before_commit = before_commit
        self._waiting = Waiting(MOST_WAITING)
        self._inbox: Inbox[_Acknowledged | _SetAside | _CommitNow] = Inbox()
        self._wake: Callable[[], None] = lambda: None
        self._told: list[Callable[[], None]] = []
        self._jobs = Housekeeping(jobs)
        self._consumers: list[str] = []
        self._asides: list[_SetAside] = []
        self._unwritten = 0  # rows acknowledged since that was last written
        self._acknowledged: list[_Acknowledged] = []
        self._after: int | None = None  # the sequence behind which the next is given out; None: not known yet
        self._given: int | None = None  # the last one that was given out in this process
        self._tried: _Tried | None = None
        self._asked = 0
        self._asked_at = -math.inf
        self._due_at: float | None = None
        self._look_at = math.inf
        self._retry_at = -math.inf
        self._began: float | None = None  # the wall time of mono 0, by the first setting that was trusted
        self._earlier: dict[str, float] | None = None
        self._counts: dict[str, tuple[int, int]] = {}
        self._lost = 0
        self._table: HistoryTable | None = None
        self.failing: str | None = None
        self._open()

    # --- from any thread ---

    def record(self, record: Record) -> None:
        """Keep a reading."""
        waiting = self._waiting.add(record)
        if waiting == 1 or waiting == GROUP_ROWS:
            self._wake()

    def commit_now(self) -> None:
        """Write the open group without waiting for more."""
        self._inbox.put(_CommitNow())

    def acknowledge(self, consumer: str, ranges: Sequence[Range]) -> None:
        """The consumer has the rows with these sequences: those that were sent, and no others in between."""
        self._inbox.put(_Acknowledged(consumer, tuple(ranges)))

    def set_aside(self, consumer: str, sequence: int, why: str) -> None:
        """The consumer would not take this row, and is not to be sent it again."""
        self._inbox.put(_SetAside(consumer, sequence, why))

    # --- before the start ---

    def register(self, consumer: str) -> None:
        """Somebody is sent every row: what is dropped before it has it is counted from now on."""
        self._consumers.append(consumer)
        if self._table is not None:
            self._table.consumer(consumer)

    def on_commit(self, wake: Callable[[], None]) -> None:
        """Have `wake` called, in this worker's thread, whenever rows have been written or released."""
        self._told.append(wake)

    def on_wake(self, wake: Callable[[], None]) -> None:
        """Have `wake` called when something has come."""
        self._wake = self._inbox.wake = wake

    # --- the worker ---

    def step(self, moment: Moment) -> float | None:
        """Write what is due, release what may be, then do a piece of housekeeping."""
        self._watch_clock(moment)
        now = self._take(moment)
        if moment.mono < self._retry_at:
            return self._retry_at
        try:
            self._work(moment, now)
        except sqlite3.Error as error:
            self._fail(error, moment)
            return self._retry_at
        return self._wakeup(moment)

    def close(self, moment: Moment) -> None:
        """Write what waits, and close the file. Only after the worker's thread has ended, and the journal's."""
        self._watch_clock(moment)
        self._take(moment)
        try:
            table = self._opened()
            self._reserve(moment, table)
            self._write(moment, table)
        except sqlite3.Error as error:
            log.error("%d rows of the history were not kept: %s", len(self._waiting), error)
        if self._table is not None:
            self._table.db.close()
            self._table = None

    def _work(self, moment: Moment, now: bool) -> None:
        table = self._opened()
        self._reserve(moment, table)
        if self.failing is not None or moment.mono >= self._look_at:
            self._look(moment)
        full = len(self._waiting) >= GROUP_ROWS or self._unwritten >= MOST_ACKNOWLEDGED
        if now or full or self.failing is not None or (self._due_at is not None and moment.mono >= self._due_at):
            self._write(moment, table)
            self._recovered()
        elif table.holds and self._began is not None:
            self._release(moment, table)
        elif (job := self._jobs.due(moment)) is not None:
            self._housekeep(job, moment, table)
        self._tell_counts(table)

    def _take(self, moment: Moment) -> bool:
        """Whether the open group is to be written at once."""
        now = False
        while (item := self._inbox.take()) is not None:
            match item:
                case _CommitNow():
                    now = True
                case _SetAside():
                    self._asides.append(item)
                case _Acknowledged():
                    self._acknowledged.append(item)
                    self._unwritten += count(item.ranges)
        if self._due_at is None and len(self._waiting):
            self._due_at, self._look_at = moment.mono + self._commit_s, moment.mono
        elif self._due_at is None and (self._acknowledged or self._asides):
            self._due_at = moment.mono + 2 * self._commit_s  # rows that come meanwhile take it along
        return now

    def _write(self, moment: Moment, table: HistoryTable) -> None:
        """One transaction: rows as far as there are sequences for them, and what consumers have."""
        reserved = self._journal.reserved(NAME) or 0
        after = reserved if self._after is None else self._after
        mark, rows = self._waiting.first(min(max(0, reserved - after), MOST_AT_ONCE))
        if rows or self._acknowledged or self._asides or self.failing is not None:
            self._before_commit()
            self._tried = _Tried(mark, len(rows), after + len(rows))
            with table.transaction():
                self._note(moment, table)
                unkept = table.insert(after + 1, rows, self._began)
                if rows or self.failing is not None:  # then something must be written for it to be believed
                    table.reserve(reserved, anyhow=self.failing is not None)
                table.save_consumers()
            self._tried = None
            self._acknowledged, self._asides, self._unwritten = [], [], 0
            self._given_out(after + len(rows) - unkept)
            self._waiting.done(mark, len(rows), unkept)
            for wake in self._told:
                wake()
        self._due_at, self._look_at = None, math.inf
        if left := len(self._waiting):
            short = left > reserved - (self._after or 0)
            wait_s = RESERVING_S if short else 0.0 if left >= GROUP_ROWS else self._commit_s
            self._due_at, self._look_at = moment.mono + wait_s, moment.mono + LOOK_EVERY_S

    def _note(self, moment: Moment, table: HistoryTable) -> None:
        """What consumers have, and would not take. A row that is held was not sent, whatever is said of it."""
        for told in self._acknowledged:
            consumer = table.consumer(told.consumer)
            for first, last in told.ranges:
                for sent in table.not_held(first, last):
                    consumer.has.add(*sent)
            consumer.changed = True
        for aside in self._asides:
            table.put_aside(aside.consumer, aside.sequence, moment.wall, aside.why)

    def _given_out(self, last: int) -> None:
        if self._after is not None:
            self._after = self._given = last

    def _reserve(self, moment: Moment, table: HistoryTable) -> None:
        """Have more sequences reserved long before they are needed."""
        reserved = self._journal.reserved(NAME)
        if reserved is None:
            return
        if self._after is None:
            same = self._given is not None and self._given == table.newest
            self._after = table.newest if same else max(table.after(reserved), self._given or 0)
        assert self._after is not None
        if reserved >= self._after + BLOCK // 2:
            return
        if self._asked <= reserved:
            self._asked = max(self._after, reserved) + BLOCK
        elif moment.mono < self._asked_at + RETRY_S:
            return
        self._asked_at = moment.mono
        self._journal.put(Persist(("sequences", NAME), {"reserved": self._asked}))

    def _release(self, moment: Moment, table: HistoryTable) -> None:
        assert self._began is not None
        if self._earlier is None:
            self._earlier = table.earlier_boots(moment.boot, self._began)
        self._before_commit()
        with table.transaction():
            table.release(moment.boot, {**self._earlier, moment.boot: self._began}, RELEASED_AT_ONCE)
        if not table.holds:
            self._earlier = None
        for wake in self._told:
            wake()

    def _housekeep(self, job: Job, moment: Moment, table: HistoryTable) -> None:
        self._before_commit()
        try:
            with table.transaction():
                more = job.run(table.db, moment)
        except Exception as error:
            if isinstance(error, sqlite3.Error) and of_the_disk(error):
                raise
            log.exception("the job %s failed; it is tried again at its next time", job.name)
            more = False
        if not more:
            self._jobs.done(job, moment)

    def _watch_clock(self, moment: Moment) -> None:
        """The first setting that is trusted is the one that held rows are put right by, whoever sets it later."""
        if not moment.trusted:
            self._began = self._earlier = None
        elif self._began is None:
            self._began = moment.wall_at(0.0)

    def _wakeup(self, moment: Moment) -> float | None:
        upcoming = [self._jobs.wakeup(moment), self._look_at]
        if self._due_at is not None:
            upcoming.append(self._due_at)
        if self._table is not None and self._table.holds:
            upcoming.append(moment.mono + (HELD_LOOK_S if self._began is None else 0.0))
        found = min(upcoming)
        return None if found == math.inf else found

    # --- the card ---

    def _open(self) -> None:
        try:
            self._opened()
        except sqlite3.Error as error:
            self._say_failing(error)

    def _opened(self) -> HistoryTable:
        """The open file. Raises sqlite3.Error while it cannot be had."""
        if self._table is None:
            try:
                self._table = HistoryTable(open_history(self._path))
            except sqlite3.Error as error:
                if not is_corrupt(error):
                    raise
                move_aside(self._path, error)
                self._table = HistoryTable(open_history(self._path))
            for name in self._consumers:
                self._table.consumer(name)
            self._found_written(self._table)
        return self._table

    def _found_written(self, table: HistoryTable) -> None:
        """A commit that failed may have reached the disk after all."""
        tried, self._tried, self._after = self._tried, None, None
        if tried is not None and tried.rows and table.newest is not None and table.newest >= tried.last:
            self._waiting.done(tried.mark, tried.rows)
            self._given = table.newest

    def _look(self, moment: Moment) -> None:
        """Whether the card can be written at all: to be known before a commit is due."""
        self._look_at = moment.mono + LOOK_EVERY_S
        self._before_commit()
        if os.statvfs(self._path.parent).f_flag & os.ST_RDONLY:
            raise sqlite3.OperationalError("the card is mounted read-only")

    def _fail(self, error: sqlite3.Error, moment: Moment) -> None:
        self._retry_at = moment.mono + RETRY_S
        if self._table is not None and not is_passing(error):
            self._table.db.close()
            self._table = None
        if is_corrupt(error):
            try:
                move_aside(self._path, error)
                self._retry_at = moment.mono
            except sqlite3.OperationalError as why:
                error = why
        self._say_failing(error)

    def _say_failing(self, error: sqlite3.Error) -> None:
        if self.failing is None:
            log.error("the history %s cannot be written: %s; it is tried again every %g s", self._path, error, RETRY_S)
        if self.failing is None or self._waiting.lost != self._lost:
            self._lost = self._waiting.lost
            self._put(HistoryChanged(str(error), self._lost))
        self.failing = str(error)

    def _recovered(self) -> None:
        if self.failing is not None:
            log.warning("the history is written again")
            self.failing = None
            self._put(HistoryChanged(None, self._waiting.lost))

    def _tell_counts(self, table: HistoryTable) -> None:
        for name in self._consumers:
            consumer = table.consumers[name]
            counts = consumer.set_aside, consumer.dropped
            if counts != self._counts.get(name, (0, 0)):
                self._counts[name] = counts
                self._put(SinkChanged(name, None, *counts, table.why_aside(name)))
