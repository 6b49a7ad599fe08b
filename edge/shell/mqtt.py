"""MQTT on paho: connects and reconnects by itself, whenever the broker is there. Takes no part in any decision."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge.core.events import CommandReceived, Event, LinkChanged, MessageRefused, Publish, RequestReceived
from edge.core.topics import Decoder, Topics
from edge.core.values import Request
from edge.shell import mqtt_client
from edge.shell.clock import Clock
from edge.shell.mqtt_client import PACKET_TOO_LARGE, WINDOW, Broker, cut, guarded, paho_client
from edge.shell.refused import Refused

log = logging.getLogger(__name__)
PATIENCE_S = 30.0
MOST_WHILE_SILENT = 100
AROUND = 16  # bytes of a packet beside topic and payload; correlation data apart


class Unanswered:
    """Messages of QoS 1 that the broker has not acknowledged, oldest first.

    paho keeps them without bound: once the oldest has waited for PATIENCE_S the broker counts as silent, and no more
    than MOST_WHILE_SILENT are let in until all have been acknowledged. Belongs to the thread that publishes.
    """

    def __init__(self) -> None:
        self._waiting: deque[tuple[paho.MQTTMessageInfo, float, str, int]] = deque()
        self._silent = False

    def add(self, sent: paho.MQTTMessageInfo, mono: float, topic: str, size: int) -> None:
        """A message was handed to paho."""
        self._waiting.append((sent, mono, topic, size))

    def forget(self) -> None:
        """They are no longer in paho's queue."""
        self._waiting.clear()

    def oldest(self) -> tuple[str, int] | None:
        """Topic and size of the first that is not acknowledged. From any thread."""
        return next(iter(self.all()), None)

    def all(self) -> list[tuple[str, int]]:
        """Topic and size of each that is not acknowledged. From any thread."""
        return [(topic, size) for sent, _, topic, size in list(self._waiting) if not _acknowledged(sent)]

    def of(self, mid: int) -> tuple[str, int] | None:
        """Topic and size of the message that paho calls `mid`, if it is still among them. From any thread."""
        return next(((topic, size) for sent, _, topic, size in list(self._waiting) if sent.mid == mid), None)

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
        self._waiting = deque((sent, mono, topic, size) for sent, _, topic, size in self._waiting)

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
        self._refused = Refused()
        self._told_refused: str | None = None
        self._early: dict[int, str] = {}  # refused before we knew what paho calls it
        self._cut_by_us = False
        self._client = self._furnish((make_client or paho_client)(broker))

    def start(self) -> None:
        """Begin to connect; returns at once, whether or not there is a broker."""
        mqtt_client.begin(self._client, self._broker)

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
            self._cut_by_us = True
            cut(self._client)
        size = len(message.topic) + len(message.payload) + len(message.correlation or b"") + AROUND
        if self._unanswered.full() or self._refused.blocks(message.topic, size):
            self._tell_refused()
            return
        try:
            sent = self._client.publish(
                message.topic, message.payload, message.qos, message.retain, self._along(message)
            )
        except (ValueError, RuntimeError, OSError) as error:
            log.error("%s could not be published: %s", message.topic, error)
            return
        if message.qos:
            self._unanswered.add(sent, now, message.topic, size)
            if self._early and (answer := self._early.pop(sent.mid, None)) is not None:
                self._answered(message.topic, size, answer)

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
        mqtt_client.furnish(client, self._broker)
        client.will_set(self._topics.status, b"offline", 1, retain=True)
        client.on_connect = guarded(self._connected)
        client.on_disconnect = guarded(self._disconnected)
        client.on_connect_fail = guarded(self._not_there)
        client.on_message = guarded(self._message)
        client.on_publish = guarded(self._published)
        return client

    def _connected(self, client: Any, _data: object, _flags: object, code: Any, more: object = None) -> None:
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
        self._refused.largest = mqtt_client.bounds(more).largest
        if any(self._refused.blocks(*waiting) for waiting in self._unanswered.all()):
            self._sift(client)
        self.up, self._renewed, self._told_down, self._cut_by_us = True, True, False, False
        self._put(LinkChanged(up=True))

    def _sift(self, client: Any) -> None:
        """Take out of paho's queue what the broker would end the link for."""
        queue = client.drop_out_messages()
        self._unanswered.forget()
        for message in queue:
            size = len(message.topic) + len(message.payload) + AROUND
            if not self._refused.blocks(message.topic, size):
                sent = client.publish(message.topic, message.payload, message.qos, message.retain, message.properties)
                self._unanswered.add(sent, self._clock.mono(), message.topic, size)

    def _published(self, _client: object, _data: object, mid: int, code: Any, _more: object = None) -> None:
        """The broker has answered one message. Called under paho's locks, so nothing here may wait."""
        why = str(code) if code.is_failure else ""
        if why or self._refused:
            if (found := self._unanswered.of(mid)) is not None:
                self._answered(*found, why)
            elif why:
                self._early[mid] = why

    def _answered(self, topic: str, size: int, why: str) -> None:
        self._refused.answered(topic, size, why or None)
        self._tell_refused()

    def _tell_refused(self) -> None:
        told = self._refused.told()
        if told != self._told_refused:
            self._told_refused = told
            if told is not None:
                log.error("the broker does not take %s", told)
            self._put(MessageRefused(told))

    def _disconnected(self, client: Any, _data: object, _flags: object, code: Any, _more: object = None) -> None:
        was, self.up = self.up, False
        if was and not (self._stopping or self._cut_by_us):
            too_large = getattr(code, "value", None) == PACKET_TOO_LARGE
            why = "it is too large for it" if too_large else "it ends the link, so this is likely too large for it"
            one_by_one = self._refused.link_cut(self._unanswered.oldest(), why)
            client.max_inflight_messages_set(1 if one_by_one else WINDOW)  # over the next link; the others wait
            self._tell_refused()
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

