"""MQTT on paho: connects and reconnects by itself, whenever the broker is there. Takes no part in any decision."""

from __future__ import annotations

import contextlib
import logging
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge.core.events import CommandReceived, Event, LinkChanged, Publish, RequestReceived
from edge.core.topics import Decoder, Topics
from edge.core.values import Request
from edge.shell.clock import Clock

log = logging.getLogger(__name__)
PATIENCE_S = 30.0
MOST_WHILE_SILENT = 100
KEEPALIVE_S = 15  # a half-open link is noticed within twice this
SLOWEST_RECONNECT_S = 2


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is and who we are to it. `protocol` is "5" or "3.1.1"."""

    host: str
    port: int
    protocol: str
    client_id: str  # always the same one, so that a new link ends a half-open old one and its will
    user: str | None = None
    password: str | None = None


class Unanswered:
    """Messages of QoS 1 that the broker has not acknowledged, oldest first.

    paho keeps them without bound: once the oldest has waited for PATIENCE_S the broker counts as silent, and no more
    than MOST_WHILE_SILENT are let in until all have been acknowledged. Belongs to the thread that publishes.
    """

    def __init__(self) -> None:
        self._waiting: deque[tuple[paho.MQTTMessageInfo, float]] = deque()
        self._silent = False

    def add(self, sent: paho.MQTTMessageInfo, mono: float) -> None:
        """A message was handed to paho."""
        self._waiting.append((sent, mono))

    def ended_silence(self) -> bool:
        """Forget what has been acknowledged. Whether a silence has thereby ended."""
        while self._waiting and _acknowledged(self._waiting[0][0]):
            self._waiting.popleft()
        ended = self._silent and not self._waiting
        self._silent = self._silent and not ended
        return ended

    def overdue(self, mono: float) -> bool:
        """Whether one has waited too long; again only after another PATIENCE_S."""
        late = bool(self._waiting) and mono - self._waiting[0][1] > PATIENCE_S
        if late:
            self._silent = True
            self.sent_again(mono)
        return late

    def sent_again(self, mono: float) -> None:
        """There is a new link, over which paho sends once more what waits."""
        self._waiting = deque((sent, mono) for sent, _ in self._waiting)

    def full(self) -> bool:
        """Whether the broker is silent and enough waits for it."""
        return self._silent and len(self._waiting) >= MOST_WHILE_SILENT


def _acknowledged(sent: paho.MQTTMessageInfo) -> bool:
    try:
        return sent.is_published()
    except (ValueError, RuntimeError):
        return True  # it never got as far as the link


class MqttLink:
    """Puts commands and the link's comings and goings into the core's inbox; sends what the core publishes."""

    def __init__(
        self, broker: Broker, topics: Topics, decoder: Decoder, put: Callable[[Event], None], clock: Clock,
        make_client: Callable[[Broker], Any] | None = None,
    ) -> None:
        """`make_client` None: paho's. In virtual time, a client of the broker double, which looks the same."""
        self._broker = broker
        self._topics = topics
        self._decoder = decoder
        self._put = put
        self._clock = clock
        self.up = False
        self._told_down = False
        self._stopping = False
        self._unanswered = Unanswered()
        self._renewed = False
        self._client = self._furnish((make_client or paho_client)(broker))

    def start(self) -> None:
        """Begin to connect; returns at once, whether or not there is a broker."""
        five = self._broker.protocol == "5"
        more: dict[str, Any] = {"clean_start": True, "properties": _session_ends_with_link()} if five else {}
        self._client.connect_async(self._broker.host, self._broker.port, KEEPALIVE_S, **more)
        self._client.loop_start()

    def publish(self, message: Publish) -> None:
        """Send, or drop while the link is down or the broker acknowledges nothing. Never blocks and never raises."""
        if not self.up:
            return
        now = self._clock.mono()
        if self._renewed:
            self._renewed = False
            self._unanswered.sent_again(now)
        if self._unanswered.ended_silence():
            log.warning("the broker acknowledges again")
            self._put(LinkChanged(up=True))  # what was dropped meanwhile is told
        if self._unanswered.overdue(now):
            log.warning("the broker has acknowledged nothing for %g s; connecting anew", PATIENCE_S)
            self._cut()
        if self._unanswered.full():
            return
        try:
            sent = self._client.publish(
                message.topic, message.payload, message.qos, message.retain, self._along(message)
            )
        except (ValueError, RuntimeError, OSError) as error:
            log.error("%s could not be published: %s", message.topic, error)
            return
        if message.qos:
            self._unanswered.add(sent, now)

    def _cut(self) -> None:
        """Break the link: paho then connects anew by itself."""
        if (open_socket := self._client.socket()) is not None:
            with contextlib.suppress(OSError):
                open_socket.shutdown(socket.SHUT_RDWR)

    def _along(self, message: Publish) -> Properties | None:
        if message.correlation is None or self._broker.protocol != "5":
            return None
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call] # paho leaves it untyped
        properties.CorrelationData = message.correlation
        return properties

    def stop(self, deadline_s: float = 2.0) -> None:
        """Say `offline` as the will would, and part from the broker."""
        self._stopping = True
        if self.up:
            farewell = self._client.publish(self._topics.status, b"offline", 1, retain=True)
            try:
                farewell.wait_for_publish(deadline_s)
            except (ValueError, RuntimeError) as error:
                log.warning("could not say goodbye to the broker: %s", error)
        self._client.disconnect()
        self._client.loop_stop()

    def _furnish(self, client: Any) -> Any:
        if self._broker.user is not None:
            client.username_pw_set(self._broker.user, self._broker.password)
        client.will_set(self._topics.status, b"offline", 1, retain=True)
        client.reconnect_delay_set(1, SLOWEST_RECONNECT_S)
        client.on_socket_open = _no_delay
        # paho's thread ends with an exception in a callback: each of ours catches its own.
        client.on_connect = _guarded(self._connected)
        client.on_disconnect = _guarded(self._disconnected)
        client.on_connect_fail = _guarded(self._not_there)
        client.on_message = _guarded(self._message)
        return client

    def _connected(self, client: Any, _data: object, _flags: object, code: Any, _more: object = None) -> None:
        if code.is_failure:
            if not self._told_down:
                log.error("the broker refuses us: %s; check mqtt.user and mqtt.password_file", code)
                self._told_down = True
            return
        if self._broker.protocol == "5":
            # Retain As Published: a retained command shows that it is one also while we are subscribed.
            options = SubscribeOptions(qos=1, retainAsPublished=True)
            client.subscribe([(topic, options) for topic in self._topics.subscriptions])
        else:
            client.subscribe([(topic, 1) for topic in self._topics.subscriptions])
        log.info("connected to the broker at %s:%s", self._broker.host, self._broker.port)
        self.up, self._renewed, self._told_down = True, True, False
        self._put(LinkChanged(up=True))

    def _disconnected(self, _client: object, _data: object, _flags: object, code: object, _more: object = None) -> None:
        was, self.up = self.up, False
        if was:
            if not self._stopping:
                log.warning("the broker is gone (%s); everything else goes on", code)
            self._put(LinkChanged(up=False))
        elif not self._told_down:
            hint = "; if it speaks only MQTT 3.1.1, say so in mqtt.protocol" if self._broker.protocol == "5" else ""
            where = f"{self._broker.host}:{self._broker.port}"
            log.warning("the broker at %s does not let us in (%s)%s", where, code, hint)
            self._told_down = True

    def _not_there(self, _client: object, _data: object) -> None:
        if not self._told_down:
            log.warning("no broker at %s:%s yet; it is tried for", self._broker.host, self._broker.port)
            self._told_down = True

    def _message(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        received = self._clock.now()
        topic, payload, retained = message.topic, bytes(message.payload), bool(message.retain)
        properties = message.properties
        answer_to = getattr(properties, "ResponseTopic", None), getattr(properties, "CorrelationData", None)
        command = self._decoder.decode(topic, payload, retained)
        if command is not None:
            self._put(CommandReceived(command, received))
            return
        asked = self._decoder.request(topic, payload, retained, *answer_to)
        if isinstance(asked, Request):
            self._put(RequestReceived(asked))
        elif asked is not None:
            self._put(CommandReceived(asked, received))


def paho_client(broker: Broker) -> paho.Client:
    """A client of paho's for this broker, whose session ends with its link."""
    five = broker.protocol == "5"
    more: dict[str, Any] = {} if five else {"clean_session": True}
    version = paho.MQTTv5 if five else paho.MQTTv311
    return paho.Client(CallbackAPIVersion.VERSION2, broker.client_id, protocol=version, **more)


def _session_ends_with_link() -> Properties:
    """No session outlives its link, so a broker never replays what was sent while we were away."""
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho leaves it untyped
    properties.SessionExpiryInterval = 0
    return properties


def _no_delay(_client: object, _data: object, sock: Any) -> None:
    # Without it Nagle's algorithm and delayed acknowledgements hold every second small packet for 40 ms.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _guarded(callback: Callable[..., None]) -> Callable[..., None]:
    def call(*arguments: object) -> None:
        try:
            callback(*arguments)
        except Exception:
            log.exception("a callback of the MQTT link failed")

    return call
