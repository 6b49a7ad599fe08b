"""The history's worker: the only one who writes history.db. Rows wait in memory until a group of them is written.

It is a worker beside the store, so that a group's sync, a salvage or a roll-up delays nothing that an output waits for.
"""

from __future__ import annotations

import logging
import math
import sqlite3
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edge.core.events import HistoryChanged, Persist, Record, SinkChanged
from edge.core.ranges import Range
from edge.core.values import Moment
from edge.shell.database import is_corrupt, of_the_disk
from edge.shell.history_disk import HistoryDisk
from edge.shell.history_news import HistoryNews
from edge.shell.history_table import HistoryTable, count
from edge.shell.housekeeping import Housekeeping, Job
from edge.shell.retention import Retention, hourly
from edge.shell.runner import Inbox
from edge.shell.waiting import Waiting

log = logging.getLogger(__name__)
NAME = "history"  # of the worker, and of its sequence in the journal
BLOCK = 10_000  # sequences reserved in the journal at once: a day of a village's rows
GROUP_ROWS = 500
MOST_AT_ONCE = 2_000  # rows in a transaction
MOST_WAITING = 20_000
MOST_ACKNOWLEDGED = 1_200  # rows; then that is written without waiting for a group
RELEASED_AT_ONCE = 500
RETRY_S = 5.0
LOOK_EVERY_S = 60.0  # at the card, while rows wait: their commit may be further
HELD_LOOK_S = 10.0
RESERVING_S = 1.0
CHECK_EVERY_S = 600.0  # at most: it takes a while
AID_EVERY_S = 86400.0


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
class _Doubted:
    pass


@dataclass(frozen=True, slots=True)
class _Tried:
    """A commit that is under way: so many rows, behind which sequence."""

    mark: int
    rows: int
    after: int


class HistoryWorker:
    """Commits rows in groups: `commit_s` seconds after the first of a group came, or once there are GROUP_ROWS.

    Sequences are given out as rows are committed, never beyond what the journal has reserved on the disk; each start
    begins behind all that was reserved before. Rows that were read while nobody vouched for the clock are held from
    consumers until the time is known, then their `at` is set right and they are released.

    A disk that is full, gone or read-only stops nothing: rows wait in memory, at most MOST_WAITING, and are tried
    again. A file that is damaged is moved aside and a new one begun at once; what can be read of the old one is copied
    into it beside what goes on, so rows may appear below sequences that are already there.
    """

    name = NAME

    def __init__(
        self, path: Path, journal: Journal, put: Callable[[HistoryChanged | SinkChanged], None], commit_s: float = 60.0,
        jobs: Sequence[Job] = (), before_commit: Callable[[], None] = lambda: None, keep_s: float = math.inf,
        max_bytes: float = math.inf,
    ) -> None:
        """Rows leave when they are older than `keep_s`, or when the file is larger than `max_bytes`.

        `put` is told whether the history can be written, and (`refused` left None) how many rows consumers did not
        take or get. `before_commit` may block or raise sqlite3.Error, as a card does that is slow, full or read-only.
        """
        self._disk = HistoryDisk(path, before_commit)
        self._journal = journal
        self._news = HistoryNews(put)
        self._commit_s = commit_s
        self._waiting = Waiting(MOST_WAITING)
        self._inbox: Inbox[_Acknowledged | _SetAside | _CommitNow | _Doubted] = Inbox()
        self._wake: Callable[[], None] = lambda: None
        self._told: list[Callable[[], None]] = []
        retention = Retention(path, keep_s, max_bytes)
        retain = Job("retention", hourly, lambda _, moment: retention.run(self._opened(), moment), any_clock=True)
        self._jobs = Housekeeping([retain, *jobs])
        self._consumers: list[str] = []
        self._asides: list[_SetAside] = []
        self._unwritten = 0  # rows acknowledged since that was last written
        self._acknowledged: list[_Acknowledged] = []
        self._after: int | None = None  # the sequence behind which the next is given out; None: not known yet
        self._tried: _Tried | None = None
        self._asked = 0
        self._asked_at = -math.inf
        self._due_at = self._along_at = math.inf  # of rows, and of what consumers have
        self._look_at = math.inf
        self._retry_at = -math.inf
        self._began: float | None = None  # the wall time of mono 0, by the first setting that was trusted
        self._earlier: dict[str, float] | None = None
        self._doubted = False
        self._check_at = self._aid_at = -math.inf
        try:
            self._opened()
        except sqlite3.Error as error:
            self._news.fails(self._disk.failed(error), self._waiting.lost)
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

    def doubt(self, error: sqlite3.Error) -> None:
        """A reader met `error`. If that means that the file is damaged, it is looked through and, if so, salvaged."""
        if is_corrupt(error):
            self._inbox.put(_Doubted())

    # --- before the start ---

    def register(self, consumer: str) -> None:
        """Somebody is sent every row: what is dropped before it has it is counted from now on."""
        self._consumers.append(consumer)
        if self._disk.table is not None:
            self._disk.table.consumer(consumer)

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
            self._disk.help_salvage()
        except sqlite3.Error as error:
            log.error("%d rows of the history were not kept: %s", len(self._waiting), error)
        self._disk.close()

    def _work(self, moment: Moment, now: bool) -> None:
        table = self._opened()
        self._reserve(moment, table)
        if self._news.failing is not None or moment.mono >= self._look_at:
            self._look_at = moment.mono + LOOK_EVERY_S
            self._disk.look()
        if self._doubted and moment.mono >= self._check_at:
            self._doubted, self._check_at = False, moment.mono + CHECK_EVERY_S
            self._disk.check()
        job = self._jobs.due(moment)
        if now or self._news.failing is not None or self._is_due(moment) or (job and self._acknowledged):
            self._write(moment, table)  # a job must know what consumers have: it may drop rows
        elif table.holds and self._began is not None:
            self._release(moment, table)
        elif self._disk.salvaging and self._after is not None:
            self._disk.salvage(self._after)
            self._wake_consumers()
        elif job is not None:
            self._housekeep(job, moment, table)
        if table.new_layouts or moment.mono >= self._aid_at:
            table.new_layouts, self._aid_at = False, moment.mono + AID_EVERY_S
            self._disk.help_salvage()
        self._news.writes(moment, self._waiting.lost, damaged=self._disk.salvaging)
        self._news.counts(self._consumers, table)

    def _take(self, moment: Moment) -> bool:
        """Whether the open group is to be written at once."""
        now = False
        while (item := self._inbox.take()) is not None:
            match item:
                case _CommitNow():
                    now = True
                case _Doubted():
                    self._doubted = True
                case _SetAside():
                    self._asides.append(item)
                case _Acknowledged():
                    self._acknowledged.append(item)
                    self._unwritten += count(item.ranges)
        if self._due_at == math.inf and len(self._waiting):
            self._due_at, self._look_at = moment.mono + self._commit_s, moment.mono
        if self._along_at == math.inf and (self._acknowledged or self._asides):
            self._along_at = moment.mono + 2 * self._commit_s  # unless rows that come meanwhile take it along
        return now

    def _is_due(self, moment: Moment) -> bool:
        many = len(self._waiting) >= GROUP_ROWS or self._unwritten >= MOST_ACKNOWLEDGED
        return many or moment.mono >= min(self._due_at, self._along_at)

    def _write(self, moment: Moment, table: HistoryTable) -> None:
        """One transaction: rows as far as there are sequences for them, and what consumers have."""
        reserved = self._journal.reserved(NAME) or 0
        after = reserved if self._after is None else self._after
        mark, rows = self._waiting.first(min(max(0, reserved - after), MOST_AT_ONCE))
        if rows or self._acknowledged or self._asides or self._news.failing is not None:
            self._disk.ready()
            self._tried = _Tried(mark, len(rows), after)
            with table.transaction():
                self._note(moment, table)
                unkept = table.insert(after + 1, rows, self._began)
                table.save_consumers()
                if self._news.failing is not None:
                    table.touch()  # else a card that cannot be written would be believed
            self._tried = None
            self._acknowledged, self._asides, self._unwritten = [], [], 0
            if rows:
                self._after = after + len(rows) - unkept
            self._waiting.done(mark, len(rows), unkept)
            self._wake_consumers()
        self._due_at = self._along_at = self._look_at = math.inf
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

    def _reserve(self, moment: Moment, table: HistoryTable) -> None:
        """Have more sequences reserved long before they are needed."""
        reserved = self._journal.reserved(NAME)
        if reserved is None:
            return
        if self._after is None:  # each start takes up a new block: whatever has befallen the file, none is used again
            self._after = max(reserved, table.newest or 0)
            table.skip(self._after)
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
        self._disk.ready()
        with table.transaction():
            table.release(moment.boot, {**self._earlier, moment.boot: self._began}, RELEASED_AT_ONCE)
        if not table.holds:
            self._earlier = None
        self._wake_consumers()

    def _wake_consumers(self) -> None:
        for wake in self._told:
            wake()

    def _housekeep(self, job: Job, moment: Moment, table: HistoryTable) -> None:
        self._disk.ready()
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
        upcoming = [self._jobs.wakeup(moment), self._look_at, self._news.wake, self._due_at, self._along_at]
        if self._disk.salvaging:
            upcoming = [moment.mono + (RESERVING_S if self._after is None else 0.0)]
        if self._disk.table is not None and self._disk.table.holds:
            upcoming.append(moment.mono + (HELD_LOOK_S if self._began is None else 0.0))
        found = min(upcoming)
        return None if found == math.inf else found

    # --- the card ---

    def _opened(self) -> HistoryTable:
        """The open file. Raises sqlite3.Error while it cannot be had."""
        if self._disk.table is not None:
            return self._disk.table
        table = self._disk.open()
        for name in self._consumers:
            table.consumer(name)
        tried, self._tried = self._tried, None
        if tried is not None and table.newest is not None and table.newest > tried.after:
            self._waiting.done(tried.mark, tried.rows)  # that commit reached the disk after all
            self._after = table.newest
        return table

    def _fail(self, error: sqlite3.Error, moment: Moment) -> None:
        self._retry_at = moment.mono + RETRY_S
        self._news.fails(self._disk.failed(error), self._waiting.lost)
