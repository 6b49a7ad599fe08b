"""Faults in virtual time: everything that can break, in one process."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial

from simulator.fast import Fast
from simulator.fault_stage import VillageStage
from simulator.faults import Change

NOT_AUTHORISED = 135  # MQTT 5's reason code
FULL, READ_ONLY = "database or disk is full", "attempt to write a readonly database"  # SQLite's words


class FastStage(VillageStage):
    """The village and the controller of one simulation."""

    time = "fast"

    def __init__(self, fast: Fast) -> None:
        super().__init__(fast.village, fast.time)
        self._fast = fast
        self._away = False
        self._refusal: str | None = None
        self._slow_s = 0.0
        self._slowings = 0
        self._standing_still = Change()

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Call `action` after so many seconds of the village's time."""
        self._fast.at(self._fast.time.mono() + seconds, action)

    def broker(self, change: Change) -> None:
        """The broker double's own ways of being wrong."""
        broker = self._fast.broker
        away = change.has("broker-away")
        if away != self._away:
            broker.stop() if away else broker.start()
            self._away = away
        broker.slow(max((f.number("by") for f in change.standing if f.kind.name == "broker-slow"), default=0.0))
        broker.mute(change.has("broker-mute"))
        broker.refuse(NOT_AUTHORISED if change.has("broker-refusing") else None)
        denied = [str(f.values["topic"]) for f in change.standing if f.kind.name == "broker-denies"]
        broker.refuse_topics([f"{self._fast.root}/{topic}" for topic in denied])
        largest = [int(f.number("bytes")) for f in change.standing if f.kind.name == "broker-limits"]
        broker.limit(min(largest, default=None))
        if change.begun is not None and change.begun.kind.name == "broker-refusing":
            for client_id in self._fast.client_ids:
                broker.drop(client_id)

    def bus(self, change: Change) -> None:
        """What is wrong on each line, and who is on it."""
        super().bus(change)
        for name, slaves in self._fast.slaves.items():
            slaves.serve(self.village.slaves(name))

    def clock(self, change: Change) -> None:
        """Set the Pi's wall clock, or take away who vouches for it; everybody looks at it at once."""
        clock = self._fast.clock
        moved = change.begun or change.ended
        by = 0.0
        if moved is not None and moved.kind.name != "clock-untrusted":
            by = moved.number("by") if change.begun else -moved.number("by")
        trusted = not change.has("clock-untrusted")
        clock.source = "simulated" if trusted else "none"
        wall = clock.now().wall + by
        clock.set_wall(wall, trusted)
        self._fast.runner.set_wall(wall)

    def card(self, change: Change) -> None:
        """The journal refuses every row in the words of such a card, or the store waits before it writes."""
        full, read_only = change.has("card-full"), change.has("card-read-only")
        self._refusal = READ_ONLY if read_only else FULL if full else None
        self._slow_s = max((f.number("by") for f in change.standing if f.kind.name == "card-slow"), default=0.0)
        self._slowings += 1
        self._use_card()

    def process(self, change: Change) -> None:
        """Kill or reboot the controller, or let it or its core stand still."""
        self._standing_still = change
        if change.begun is not None and not change.begun.kind.lasts:
            self._standing_still = Change()  # what starts again stands still no more
            down_s = change.begun.number("down")
            if change.begun.kind.name == "pi-rebooted":
                self._fast.reboot(down_s)
            else:
                self._fast.restart(kill=True, down_s=down_s)
            self.later(down_s, self._use_card)
        else:
            self._stand_still(store=self._slow_s > 0)

    def _use_card(self) -> None:
        """The present shell's card is as the faults say; called again for every new shell."""
        shell = self._fast.shell
        if shell is None:
            return
        connection = shell.store._db  # noqa: SLF001  # a card in virtual time is this connection
        if connection is not None:
            _refuse_rows(connection, self._refusal)
        self._stand_still(store=self._slow_s > 0)
        if self._slow_s:
            self.later(self._slow_s, partial(self._commit_slowly, self._slowings))

    def _commit_slowly(self, slowing: int) -> None:
        """The store does what has come since, and waits again."""
        if slowing == self._slowings and self._fast.shell is not None:
            self._stand_still(store=False)
            self._fast.runner.settle()
            self._stand_still(store=True)
            self.later(self._slow_s, partial(self._commit_slowly, slowing))

    def _stand_still(self, *, store: bool) -> None:
        if self._fast.shell is None:
            return
        workers = [*(["core"] if self._standing_still.has("core-hung") else []), *(["store"] if store else [])]
        if self._standing_still.has("process-frozen"):
            self._fast.hold()
        elif workers:
            self._fast.hold(*workers)
        else:
            self._fast.go_on()


def _refuse_rows(journal: sqlite3.Connection, words: str | None) -> None:
    """Let every table refuse rows, in these words; None: take them again.

    A trigger of the connection's own does it: the file stays as it is, and goes on whole with the next connection.
    """
    tables = [name for (name,) in journal.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in tables:
        if table.startswith("sqlite_"):
            continue
        for act in ("INSERT", "DELETE"):
            trigger = f"refuse_{act.lower()}_{table}"
            refuse = f"BEGIN SELECT RAISE(ABORT, '{words}'); END"
            journal.execute(f"DROP TRIGGER IF EXISTS temp.{trigger}")
            if words is not None:
                journal.execute(f"CREATE TEMP TRIGGER {trigger} BEFORE {act} ON main.{table} {refuse}")
