"""An MQTT broker in memory, in virtual time, for what the controller asks of one; without persistence.

It is a worker: whatever a client sends is taken in its step, and the callbacks of the clients run there too. It passes
tests/conformance/test_broker.py, as mosquitto does.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from edge.core.values import Moment

SOON_S = 1e-6  # less than this is rounding: times of two clocks are compared
MOST_ROUTES = 10_000
SERVER_UNAVAILABLE, TAKEN_OVER, BROKEN = 136, 142, 128
NOT_AUTHORISED, TOO_LARGE = 135, 149


class Message(NamedTuple):
    """What was published. `properties` are MQTT 5's, as paho has them, or None."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    properties: Any = None


@dataclass(frozen=True, slots=True)
class Subscription:
    """How a client wants a filter's messages. `as_published`: with the retain flag that they were published with."""

    qos: int
    as_published: bool = False


class Peer(Protocol):
    """The client's end of a link."""

    @property
    def five(self) -> bool:
        """Whether it speaks MQTT 5, else 3.1.1."""

    def accepted(self, link: Link, largest: int | None) -> None:
        """The broker has taken the connection, and packets of at most `largest` bytes."""

    def refused(self, code: int) -> None:
        """The broker refuses the connection with this reason code of MQTT 5."""

    def unreachable(self) -> None:
        """Nobody listens where the broker should be."""

    def lost(self, link: Link, code: int) -> None:
        """The link ended, and not by the client's wish."""

    def subscribed(self, link: Link, mid: int, granted: list[int]) -> None:
        """The broker has taken the subscriptions of that packet."""

    def acknowledged(self, link: Link, mid: int, code: int = 0) -> None:
        """The broker has taken the message of that packet, or refuses it with a reason code of MQTT 5."""

    def deliver(self, link: Link, message: Message) -> None:
        """A message for the client."""


@dataclass(eq=False, slots=True)
class Link:
    """One connection: whose it is, its will and its subscriptions. The session ends with it."""

    client_id: str
    peer: Peer
    will: Message | None = None
    open: bool = True
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    busy_until: float = 0.0  # what was sent later arrives later, also when the line gets faster


class BrokerDouble:
    """The broker. `time` gives seconds that never go back, also when the controller's machine boots anew."""

    name = "broker"

    def __init__(self, time: Callable[[], float]) -> None:
        self._time = time
        self._wake: Callable[[], None] = lambda: None
        self._coming: list[tuple[float, int, Link | None, Callable[[], None]]] = []
        self._count = 0
        self._links: dict[str, Link] = {}
        self._routes: dict[str, list[tuple[Link, Subscription]]] = {}
        self._latency_s = 0.0
        self._refusal: int | None = None
        self._there = True
        self._mute = False
        self._refused_topics: list[str] = []
        self._largest: int | None = None
        self.retained: dict[str, Message] = {}

    # --- as a worker ---

    def on_wake(self, wake: Callable[[], None]) -> None:
        """Have `wake` called when something is sent."""
        self._wake = wake

    def step(self, moment: Moment) -> float | None:
        """Carry what has arrived by now."""
        self.pump()
        return moment.mono + self._coming[0][0] - self._time() if self._coming else None

    def pump(self) -> None:
        """Carry what has arrived by now, for a caller that cannot wait for the step."""
        coming, now = self._coming, self._time() + SOON_S
        while coming and coming[0][0] <= now:
            _, _, link, act = heapq.heappop(coming)
            if link is None or link.open:
                act()

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        """Do `act` in so many seconds: at 0 still in this step."""
        self._count += 1
        heapq.heappush(self._coming, (self._time() + seconds, self._count, None, act))
        self._wake()

    # --- what can be wrong with it ---

    def stop(self) -> None:
        """It ends: links break, what it retained is forgotten, and nobody listens until `start`."""
        self._there = False
        self.drop(wills=False)
        self.retained.clear()

    def start(self) -> None:
        """It listens again."""
        self._there = True

    def drop(self, client_id: str | None = None, *, wills: bool = True) -> None:
        """Break the link of this client, or of all; the wills are published unless the broker itself is ending."""
        for link in [x for x in self._links.values() if client_id in (None, x.client_id)]:
            self._throw_out(link, BROKEN, wills=wills)

    def refuse(self, code: int | None) -> None:
        """Refuse new connections with this reason code of MQTT 5 (135: not authorised); None: take them again."""
        self._refusal = code

    def slow(self, seconds: float) -> None:
        """Let everything take so long on its way, each way; 0: no time."""
        self._latency_s = seconds

    def mute(self, on: bool = True) -> None:
        """Take connections and subscriptions, but neither acknowledge nor pass on what is published."""
        self._mute = on

    def refuse_topics(self, topic_filters: Iterable[str]) -> None:
        """Take no message whose topic falls under one of these: MQTT 5 is told so, 3.1.1 hears of success."""
        self._refused_topics = list(topic_filters)

    def limit(self, largest: int | None) -> None:
        """Take no packet of more than so many bytes, and end the link that brings one. New links hear of it, in MQTT 5.
        None: take them again."""
        self._largest = largest

    # --- packets ---

    def connect(self, client_id: str, peer: Peer, will: Message | None, wanted: Callable[[], bool]) -> None:
        """A client wants in; `wanted` says whether it still does when the broker gets to it."""

        def admit() -> None:
            if wanted():
                self._admit(client_id, peer, will)

        self.after(2 * self._latency_s if self._there else 0.0, admit)

    def send(self, link: Link, act: Callable[[], None]) -> None:
        """A packet of `link`, in either direction: `act` is done when it arrives, unless the link is gone by then."""
        at = self._time() + self._latency_s
        if at < link.busy_until:
            at = link.busy_until
        link.busy_until = at
        self._count += 1
        heapq.heappush(self._coming, (at, self._count, link, act))
        self._wake()

    def subscribe(self, link: Link, mid: int, wanted: list[tuple[str, Subscription]]) -> None:
        """SUBSCRIBE has arrived: take the filters, then hand out what is retained under each."""
        self._routes.clear()
        granted = [subscription.qos for _, subscription in wanted]
        link.subscriptions.update(wanted)
        self.send(link, lambda: link.peer.subscribed(link, mid, granted))
        for topic_filter, subscription in wanted:
            for message in [m for m in self.retained.values() if matches(topic_filter, m.topic)]:
                self._deliver(link, message, subscription.qos, retain=True)

    def publish(self, link: Link, mid: int, message: Message) -> None:
        """PUBLISH has arrived."""
        if self._mute:
            return
        if self._largest is not None and _size(message) > self._largest:
            self._throw_out(link, TOO_LARGE)
            return
        refused = any(matches(topic_filter, message.topic) for topic_filter in self._refused_topics)
        if message.qos:
            code = NOT_AUTHORISED if refused and link.peer.five else 0
            self.send(link, lambda: link.peer.acknowledged(link, mid, code))
        if not refused:
            self.route(message)

    def bye(self, link: Link) -> None:
        """DISCONNECT has arrived: the will is void."""
        self._close(link)

    def broken(self, link: Link) -> None:
        """The client's process has died, and its machine has ended the connection."""
        if link.open:
            self._close(link)
            if link.will is not None:
                self.route(link.will)

    def route(self, message: Message) -> None:
        """Retain `message` if it asks for it, and pass it on to whoever has subscribed."""
        if message.retain and message.payload:
            self.retained[message.topic] = message
        elif message.retain:
            self.retained.pop(message.topic, None)
        route = self._routes.get(message.topic)
        if route is None:
            route = self._find_route(message.topic)
        for link, subscription in route:
            retain = message.retain and subscription.as_published
            self._deliver(link, message, min(message.qos, subscription.qos), retain)

    def _find_route(self, topic: str) -> list[tuple[Link, Subscription]]:
        if len(self._routes) >= MOST_ROUTES:
            self._routes.clear()
        route: list[tuple[Link, Subscription]] = []
        for link in self._links.values():
            under = [s for topic_filter, s in link.subscriptions.items() if matches(topic_filter, topic)]
            # As mosquitto: overlapping subscriptions bring a message each, in MQTT 3.1.1 one together.
            if under and not link.peer.five:
                under = [max(under, key=lambda s: s.qos)]
            route += [(link, subscription) for subscription in under]
        self._routes[topic] = route
        return route

    def _deliver(self, link: Link, message: Message, qos: int, retain: bool) -> None:
        told = Message(message.topic, message.payload, qos, retain, message.properties)
        self.send(link, lambda: link.peer.deliver(link, told))

    def _admit(self, client_id: str, peer: Peer, will: Message | None) -> None:
        if not self._there:
            peer.unreachable()
        elif self._refusal is not None:
            peer.refused(self._refusal)
        else:
            self._take_over(client_id)
            self._links[client_id] = link = Link(client_id, peer, will)
            peer.accepted(link, self._largest)

    def _take_over(self, client_id: str) -> None:
        old = self._links.get(client_id)
        if old is not None:
            self._close(old)
            self.after(0.0, lambda: old.peer.lost(old, TAKEN_OVER))
            if old.will is not None:
                self.route(old.will)

    def _throw_out(self, link: Link, code: int, *, wills: bool = True) -> None:
        self._close(link)
        self.after(0.0, lambda: link.peer.lost(link, code))
        if wills and link.will is not None:
            self.route(link.will)

    def _close(self, link: Link) -> None:
        link.open = False
        self._links.pop(link.client_id, None)
        self._routes.clear()


def _size(message: Message) -> int:
    """About how many bytes its packet has."""
    return len(message.topic.encode()) + len(message.payload) + 10


def matches(topic_filter: str, topic: str) -> bool:
    """Whether `topic` falls under the filter: + stands for one level, # for all that follow; neither for $SYS."""
    if topic.startswith("$") != topic_filter.startswith("$"):
        return False
    wanted, levels = topic_filter.split("/"), topic.split("/")
    if wanted[-1] == "#":
        wanted = wanted[:-1]
        levels = levels[: len(wanted)]
    return len(wanted) == len(levels) and all(w in ("+", level) for w, level in zip(wanted, levels, strict=True))
