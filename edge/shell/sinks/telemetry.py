"""Telemetry over MQTT: every row of the history to `<root>/telemetry`, over a link of its own.

So what the broker refuses or cuts off for a row never harms the link that commands come over. The client is made anew
for each link: nothing that was sent before stays in its queue.
"""

from __future__ import annotations

import logging
import math
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from edge.core.delivery import Batch, Delivery, Lane
from edge.core.events import Event, SinkChanged
from edge.core.ranges import Ranges
from edge.core.site import Site
from edge.core.topics import Topics
from edge.core.values import Moment
from edge.shell.clock import Clock
from edge.shell.cursor import Cursor, stretch
from edge.shell.history import HistoryWorker
from edge.shell.history_file import standing
from edge.shell.keeping import Files
from edge.shell.mqtt_client import (
    PACKET_TOO_LARGE,
    SLOWEST_RECONNECT_S,
    Bounds,
    Broker,
    begin,
    bounds,
    cut,
    furnish,
    guarded,
    paho_client,
)  # fmt: skip
from edge.shell.runner import Inbox
from edge.shell.seams import Seams

log = logging.getLogger(__name__)
NAME = "telemetry"
LIVE_SINCE_S = 60.0  # rows read so long before the link came up are still live
RETRY_S = 5.0  # where the history cannot be read
AROUND = 10  # bytes of a packet beside topic and payload: MQTT 5, section 3.3


def make(
    site: Site, files: Files, history: HistoryWorker, clock: Clock, put: Callable[[Event], None], seams: Seams  # noqa: ARG001
) -> TelemetryWorker:
    """The worker of this site."""
    broker = replace(files.broker, client_id=f"{files.broker.client_id}-{NAME}")
    topic = Topics(site.site.id).telemetry
    return TelemetryWorker(files.history, history, broker, topic, site.mqtt.drain_limit, put, seams.make_client)


@dataclass(frozen=True, slots=True)
class _Up:
    link: int
    bounds: Bounds


@dataclass(frozen=True, slots=True)
class _Down:
    link: int
    why: str
    refused: bool = False  # it did not let us in
    too_large: bool = False


@dataclass(frozen=True, slots=True)
class _Answer:
    link: int
    mid: int
    code: int
    why: str


@dataclass(frozen=True, slots=True)
class _More:
    """Rows were committed or released."""


@dataclass(frozen=True, slots=True)
class _Replay:
    first: int
    last: int


class _Link:
    """One client for one link: tells `put` what becomes of it, and does not connect again by itself."""

    def __init__(
        self, number: int, broker: Broker, make_client: Callable[[Broker], Any], put: Callable[[Any], None]
    ) -> None:
        self.number = number
        self.up = False
        self._put = put
        self._client = client = make_client(broker)
        self._gone = False
        furnish(client, broker)
        client.on_connect = guarded(self._connected)
        client.on_disconnect = guarded(self._disconnected)
        client.on_publish = guarded(self._answered)
        begin(client, broker)

    def publish(self, topic: str, payload: bytes) -> int:
        """Send with QoS 1; what paho calls it."""
        return int(self._client.publish(topic, payload, 1).mid)

    def part(self, *, kindly: bool) -> None:
        """Have done with it: nothing is told any more. Does not wait."""
        self._gone = True
        self._client.disconnect()
        if not kindly:
            cut(self._client)

    def _connected(self, client: Any, _data: object, _flags: object, code: Any, more: object = None) -> None:
        if self._gone:
            client.disconnect()
        elif code.is_failure:
            self._put(_Down(self.number, str(code), refused=True))
        else:
            self.up = True
            self._put(_Up(self.number, bounds(more)))

    def _disconnected(self, client: Any, _data: object, _flags: object, code: Any, _more: object = None) -> None:
        if self.up or self._gone:
            client.loop_stop()  # else paho would make this link anew, with all that waits in its queue
            client.on_connect = client.on_disconnect = client.on_publish = None  # so that its sockets go with it
        if self.up and not self._gone:
            self._put(_Down(self.number, str(code), too_large=getattr(code, "value", None) == PACKET_TOO_LARGE))
        self.up = False

    def _answered(self, _client: object, _data: object, mid: int, code: Any, _more: object = None) -> None:
        self._put(_Answer(self.number, mid, code.value if code.is_failure else 0, str(code)))


class TelemetryWorker:
    """Sends what the delivery says, and tells it what the link and the history do."""

    name = NAME

    def __init__(
        self, path: Path, history: HistoryWorker, broker: Broker, topic: str, drain_limit: float,
        put: Callable[[SinkChanged], None], make_client: Callable[[Broker], Any] | None = None,
    ) -> None:
        """`path` is the history's file; `drain_limit` as for Delivery; `make_client` as for MqttLink."""
        self._path = path
        self._history = history
        self._broker = broker
        self._topic = topic
        self._put = put
        self._make_client = make_client or paho_client
        self._inbox: Inbox[_Up | _Down | _Answer | _More | _Replay] = Inbox()
        history.register(NAME)
        history.on_commit(lambda: self._inbox.put(_More()))
        acknowledged, aside = _standing(path)
        self._cursor = Cursor(path, NAME, acknowledged, aside)
        self._delivery = Delivery(acknowledged, aside, drain_limit, self._encode, AROUND + len(topic.encode()))
        self._dropped = 0
        self._look = True  # at what was dropped
        self._live_since: float | None = None  # Unix s; the live lane is still to begin there
        self._link: _Link | None = None
        self._links = 0
        self._numbers: dict[int, int] = {}  # what paho calls a message -> its number
        self._connect_at = -math.inf
        self._retry_at = -math.inf
        self._kept_out: str | None = None
        self._told: str | None = None

    # --- from any thread ---

    def replay(self, first: int, last: int) -> int:
        """Send the rows from sequence `first` to `last` once more, in a lane of their own; how many there are.

        Raises sqlite3.Error where the history cannot be read.
        """
        rows, newest = stretch(self._path, first, last)
        if rows:
            self._inbox.put(_Replay(first, newest))
        return rows

    def on_wake(self, wake: Callable[[], None]) -> None:
        """Have `wake` called when something has come."""
        self._inbox.wake = wake

    # --- the worker ---

    def step(self, moment: Moment) -> float | None:
        """Hear what has come, then send what may be sent."""
        while (heard := self._inbox.take()) is not None:
            self._hear(heard, moment)
        if self._delivery.overdue(moment.mono):
            log.warning("telemetry: the broker has not acknowledged a message; connecting anew")
            self._end(moment, "it acknowledges nothing", ours=True)
        if self._link is None and moment.mono >= self._connect_at:
            self._links += 1
            self._link = _Link(self._links, self._broker, self._make_client, self._inbox.put)
        if self._link is not None and self._link.up:
            self._send(self._link, moment)
        self._tell()
        times = [self._delivery.wakeup(moment.mono)]
        if self._link is None:
            times.append(self._connect_at)
        if self._retry_at > moment.mono:
            times.append(self._retry_at)
        return min((at for at in times if at is not None), default=None)

    def close(self) -> None:
        """Part from the broker. Only after the worker's last step."""
        if self._link is not None:
            self._link.part(kindly=True)
        self._cursor.close()

    def _hear(self, heard: _Up | _Down | _Answer | _More | _Replay, moment: Moment) -> None:
        match heard:
            case _More():
                self._delivery.more()
                self._look = True
            case _Replay(first, last):
                self._delivery.replay(first, last)
            case _ if self._link is None or heard.link != self._link.number:
                pass  # of a link that is over
            case _Up():
                self._begin(heard.bounds, moment)
            case _Down():
                self._down(heard, moment)
            case _Answer():
                self._answer(heard, moment)

    def _begin(self, allowed: Bounds, moment: Moment) -> None:
        self._history.commit_now()
        self._numbers.clear()
        self._kept_out = None
        self._live_since = moment.wall - LIVE_SINCE_S
        self._delivery.linked(allowed.largest, allowed.window)

    def _down(self, heard: _Down, moment: Moment) -> None:
        if heard.refused:
            self._kept_out = f"it refuses us: {heard.why}"  # paho tries again
        else:
            self._end(moment, f"it ends the link ({heard.why})", too_large=heard.too_large)

    def _end(self, moment: Moment, why: str, *, ours: bool = False, too_large: bool = False) -> None:
        """The link is over; another one a little later."""
        assert self._link is not None
        self._link.part(kindly=False)
        self._link = None
        self._connect_at = moment.mono + SLOWEST_RECONNECT_S / 2
        self._delivery.unlinked(moment.mono, why, ours=ours, too_large=too_large)

    def _answer(self, heard: _Answer, moment: Moment) -> None:
        number = self._numbers.pop(heard.mid, None)
        if number is not None and heard.code:
            self._delivery.rejected(number, heard.code, heard.why, moment.mono)
        elif number is not None:
            self._delivery.taken(number)

    def _send(self, link: _Link, moment: Moment) -> None:
        if moment.mono < self._retry_at:
            return
        try:
            if self._look:
                self._dropped, self._look = self._cursor.dropped(), False
            if self._live_since is not None:
                self._cursor.go_live(int(1000 * self._live_since))
                self._live_since = None
            while (batch := self._delivery.next(moment.mono, self._cursor)) is not None:
                self._publish(link, batch)
        except sqlite3.Error as error:
            log.warning("telemetry: the history cannot be read: %s; it is tried again in %g s", error, RETRY_S)
            self._retry_at = moment.mono + RETRY_S

    def _publish(self, link: _Link, batch: Batch) -> None:
        try:
            self._numbers[link.publish(self._topic, batch.payload)] = batch.number
        except (ValueError, RuntimeError, OSError) as error:
            log.error("telemetry: a message could not be sent: %s", error)  # it counts as lost when its time is up

    def _encode(self, lane: Lane, rows: Any) -> bytes:
        return orjson.dumps({"rows": [list(row) for row in rows], "lane": lane, "dropped": self._dropped})

    def _tell(self) -> None:
        acknowledged, set_aside = self._delivery.settled()
        if acknowledged:
            self._history.acknowledge(NAME, acknowledged)
        for sequence, why in set_aside:
            log.error("telemetry: the broker does not take row %d (%s); it is set aside", sequence, why)
            self._history.set_aside(NAME, sequence, why)
        refused = self._kept_out or self._delivery.refused
        if refused != self._told:
            self._told = refused
            if refused is not None:
                log.error("telemetry: %s: %s", self._topic, refused)
            self._put(SinkChanged(NAME, None if refused is None else f"{self._topic}: {refused}"))


def _standing(path: Path) -> tuple[Ranges, set[int]]:
    """What the consumer has, and what it would not take, as far as the file can be read."""
    try:
        return standing(path, NAME)
    except sqlite3.Error as error:
        log.warning("telemetry: the history cannot be read: %s; what was sent may be sent once more", error)
        return Ranges(), set()
