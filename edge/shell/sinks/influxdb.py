"""The sink "influxdb": every row of the history as a point in an InfluxDB, or in what speaks its second interface."""

from __future__ import annotations

import logging
import sqlite3
from collections import deque
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING

from edge.core.events import Event, SinkChanged
from edge.core.posting import Answer, Parcels, judged
from edge.core.ranges import Range, Ranges
from edge.core.site import Influx, Site
from edge.core.values import Moment, StoredRow
from edge.shell.clock import Clock
from edge.shell.cursor import Cursor, Lane
from edge.shell.history import HistoryWorker
from edge.shell.history_file import standing
from edge.shell.influx_server import Server, Unusable, opener, remedy
from edge.shell.runner import Inbox
from edge.shell.seams import Seams
from edge.shell.site_file import token_file

if TYPE_CHECKING:
    from edge.shell.keeping import Files

log = logging.getLogger(__name__)
ID = "influxdb"
ANSWER_S = 30.0
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
REFUSED_S = 60.0
UNREADABLE_S = 5.0
FAILS_S = 600.0  # a server that fails for longer will not mend itself
LIVE_S = 60.0
SETTLED_S = 10.0  # VictoriaMetrics has its newest five seconds in memory only, and answers all the same
LANES: tuple[Lane, ...] = ("live", "backlog")


def make(
    site: Site, files: Files, history: HistoryWorker, clock: Clock, put: Callable[[Event], None],  # noqa: ARG001 - Make
    seams: Seams,
) -> InfluxWorker | None:
    """The worker of this sink; None without `influx:`, and in virtual time, where there is no such server."""
    influx = site.influx
    open_server = seams.open_influx
    if influx is None or (open_server is None and seams.make_client is not None):
        return None
    history.register(ID)
    if open_server is None:
        open_server = opener(influx, site.site.id, token_file(site, files.configuration or Path(site.site.id)))
    return InfluxWorker(influx, files.history, history, put, open_server)


class InfluxWorker:
    """Sends what is pending in requests that are answered one by one: rows of the last minute first, then the backlog,
    oldest first. Waits for nobody: a request that is not answered in ANSWER_S is given up and its rows are pending.
    Rows are acknowledged once the server has been there for SETTLED_S after it took them; else they are sent again.
    """

    name = ID

    def __init__(
        self, influx: Influx, history_file: Path, history: HistoryWorker, put: Callable[[SinkChanged], None],
        open_server: Callable[[], Server],
    ) -> None:
        """`open_server` may raise Unusable; it is called anew after every failure."""
        self._influx = influx
        self._file = history_file
        self._history = history
        self._put = put
        self._open_server = open_server
        self._server: Server | None = None
        self._inbox: Inbox[tuple[int, Answer]] = Inbox()
        self._parcels: Parcels[StoredRow] = Parcels()
        self._acknowledged: Ranges | None = None
        self._sent = Ranges()  # these, the ones that settle, and the ones that were set aside
        self._settling: deque[tuple[float, list[Range]]] = deque()  # monotonic s of their settling
        self._set_aside: set[int] = set()
        self._news = True
        self._cursor: Cursor | None = None
        self._request = 0
        self._deadline: float | None = None  # monotonic s; None: nothing is under way
        self._again_at = float("-inf")
        self._pause_s = FIRST_PAUSE_S
        self._reached = False
        self._fails_since: float | None = None
        self._said = ""
        self._refused: str | None = None
        self._told = SinkChanged(ID)

    def on_wake(self, wake: Callable[[], None]) -> None:
        """Have `wake` called when there is an answer, or a new row."""
        self._inbox.wake = wake

        def new_rows() -> None:
            self._news = True
            wake()

        self._history.on_commit(new_rows)

    def step(self, moment: Moment) -> float | None:
        """Heed the answer, and send what is next."""
        while (heard := self._inbox.take()) is not None:
            if heard[0] == self._request and self._deadline is not None:
                self._answered(heard[1], moment)
        if self._deadline is not None and moment.mono >= self._deadline:
            self._answered(Answer(0, f"no answer within {ANSWER_S:g} s", slow=True), moment)
        self._settle(moment)
        again = self._go_on(moment)
        if self._deadline is not None or not self._settling:
            return again
        return self._settling[0][0] if again is None else min(again, self._settling[0][0])

    def close(self) -> None:
        """Cut off what is under way. Only after the worker's last step."""
        self._shut()
        if self._cursor is not None:
            self._cursor.close()

    def _go_on(self, moment: Moment) -> float | None:
        """Send what is next, unless something is under way; when to look again."""
        if self._deadline is not None:
            return self._deadline
        if moment.mono < self._again_at:
            return self._again_at
        try:
            self._server = self._server or self._open_server()
            if not self._news and not self._parcels.due(moment.mono):
                return self._parcels.wake
            rows = self._next(moment)
        except Unusable as error:
            self._refuse(str(error), moment)
            return self._again_at
        except sqlite3.Error as error:
            self._say(f"the history cannot be read: {error}")
            self._again_at = moment.mono + UNREADABLE_S
            return self._again_at
        if not rows:
            return self._parcels.wake
        self._request += 1
        number = self._request
        self._deadline = moment.mono + ANSWER_S
        self._server.post(rows, lambda answer: self._inbox.put((number, answer)))
        return self._deadline

    def _next(self, moment: Moment) -> list[StoredRow]:
        if self._acknowledged is None:
            self._acknowledged, self._set_aside = standing(self._file, ID)
        if self._cursor is None:
            self._sent = Ranges(self._acknowledged)
            for sequence in self._set_aside:
                self._sent.add(sequence, sequence)
            self._cursor = Cursor(self._file, ID, self._sent, self._set_aside)
        if not self._reached:
            self._cursor.go_live(int((moment.wall - LIVE_S) * 1000))
        rows = self._parcels.next(moment.mono, self._pending)
        self._tell()
        return rows

    def _pending(self, limit: int, but: Collection[int]) -> list[StoredRow]:
        assert self._cursor is not None
        self._news = False
        for lane in LANES:
            found = [row for row in self._cursor.pending(lane, limit + len(but)) if row.sequence not in but]
            if found:
                self._news = True
                return found[:limit]
        return []

    def _answered(self, answer: Answer, moment: Moment) -> None:
        self._deadline = None
        verdict = judged(answer)
        if verdict == "later":
            self._later(answer, moment)
        elif verdict == "refused":
            self._parcels.back()
            self._refuse(remedy(answer, self._influx), moment)
        else:
            self._of_rows(answer, moment, taken=verdict == "taken")

    def _of_rows(self, answer: Answer, moment: Moment, taken: bool) -> None:
        if taken:
            sent = [(row.sequence, row.sequence) for row in self._parcels.taken()]
            for first, last in sent:
                self._sent.add(first, last)
            self._settling.append((moment.mono + SETTLED_S, list(Ranges(sent))))
            self._say("")
        else:
            why = f"{answer.status}: {answer.words}"
            row = self._parcels.refused_rows(why, moment.mono, too_large=answer.status == 413)
            if row is not None:
                log.error("the row %d (%s) is set aside: %s says %s", row.sequence, row.device, self._influx.url, why)
                self._set_aside.add(row.sequence)
                self._sent.add(row.sequence, row.sequence)
                self._history.set_aside(ID, row.sequence, why)
        self._reached, self._pause_s, self._fails_since = True, FIRST_PAUSE_S, None
        held_up = self._parcels.held_up
        self._refused = None if held_up is None else f"the server takes no row at all ({held_up})"
        self._tell()

    def _later(self, answer: Answer, moment: Moment) -> None:
        self._parcels.back(answer.slow)
        self._shut()
        self._unsettle()
        said = f"{answer.status} {answer.words}" if answer.status else answer.words
        self._say(f"{self._influx.url}: {said}; rows wait, and it is tried again")
        if answer.status == 0:
            self._fails_since = None
        elif self._fails_since is None:
            self._fails_since = moment.mono
        fails = self._fails_since is not None and moment.mono - self._fails_since >= FAILS_S
        self._refused = f"the server has failed for long ({said}): look at its log and its disk" if fails else None
        self._again_at = moment.mono + max(self._pause_s, answer.wait_s)
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
        self._tell()

    def _refuse(self, why: str, moment: Moment) -> None:
        self._shut()
        self._unsettle()
        self._say(why)
        self._refused, self._fails_since = why, None
        self._again_at = moment.mono + REFUSED_S
        self._tell()

    def _settle(self, moment: Moment) -> None:
        """Acknowledge what was taken a while ago by a server that answered since whatever it was asked."""
        while self._deadline is None and self._settling and self._settling[0][0] <= moment.mono:
            _, ranges = self._settling.popleft()
            assert self._acknowledged is not None
            for first, last in ranges:
                self._acknowledged.add(first, last)
            self._history.acknowledge(ID, ranges)

    def _unsettle(self) -> None:
        """What was taken just now may be lost: it is pending again."""
        if self._settling and self._cursor is not None:
            self._settling.clear()
            self._news = True
            self._cursor.close()
            self._cursor = None

    def _shut(self) -> None:
        self._reached = False
        if self._server is not None:
            self._server.close()
            self._server = None

    def _say(self, words: str) -> None:
        if words != self._said:
            if words:
                log.warning("InfluxDB: %s", words)
            else:
                log.warning("InfluxDB: rows are taken again")
            self._said = words

    def _tell(self) -> None:
        now = SinkChanged(ID, self._refused)
        if now != self._told:
            self._told = now
            self._put(now)
