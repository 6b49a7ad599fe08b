"""A small MQTT client for the commands that a person types: one connection, and what happens on it as events."""

from __future__ import annotations

import queue
import secrets
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge.shell.clock import Clock
from edge.typed import Address

GOODBYE_S = 2.0  # a broker that does not part in time is left
RETRY_S = 2  # a broker that went away is tried again this often


@dataclass(frozen=True, slots=True)
class Message:
    """What the broker delivered; `retained`: it was there before the subscription."""

    topic: str
    payload: bytes
    retained: bool


@dataclass(frozen=True, slots=True)
class Up:
    """Connected, and every subscription is in force."""


@dataclass(frozen=True, slots=True)
class Down:
    """No connection, and why, in words for a person. It is tried again until the client is closed."""

    why: str
    remedy: str = "start the broker, or name another with --mqtt HOST:PORT"


class Client:
    """One connection that subscribes to `filters` whenever it comes up, and keeps coming up until it is closed."""

    def __init__(
        self, at: Address, filters: list[str], protocol: str, clock: Clock, login: tuple[str, str] | None = None
    ) -> None:
        """`protocol` is 3.1.1 or 5; `login` is a user and a password."""
        self._at = at
        self._filters = filters
        self._clock = clock
        self._subscribed_now = False
        self._parted = threading.Event()
        self._events: queue.SimpleQueue[Message | Up | Down] = queue.SimpleQueue()
        self._paho = paho = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            f"village-edge-{secrets.token_hex(4)}",
            protocol=mqtt.MQTTv5 if protocol == "5" else mqtt.MQTTv311,
        )
        if login is not None:
            paho.username_pw_set(*login)
        paho.on_socket_open = self._socket_opened
        paho.on_connect = self._connected
        paho.on_connect_fail = self._not_connected
        paho.on_disconnect = self._disconnected
        paho.on_subscribe = self._subscribed
        paho.on_message = self._received
        paho.reconnect_delay_set(RETRY_S, RETRY_S)
        paho.connect_async(at.host, at.port, keepalive=30)
        paho.loop_start()

    def events(self, seconds: float | None = None) -> Iterator[Message | Up | Down]:
        """What happens, as it happens, until `seconds` from now; without end if None."""
        end = None if seconds is None else self._clock.mono() + seconds
        while True:
            try:
                yield self._events.get(timeout=None if end is None else max(0.0, end - self._clock.mono()))
            except queue.Empty:
                return

    def publish(self, topic: str, payload: bytes) -> None:
        """Send at QoS 1."""
        self._paho.publish(topic, payload, qos=1)

    def close(self) -> None:
        """Say goodbye to the broker and stop."""
        connected = self._paho.is_connected()
        self._paho.disconnect()
        if connected:  # else its thread may be waiting for the next try; in any case it dies with the process
            self._parted.wait(GOODBYE_S)

    def _socket_opened(self, _client: mqtt.Client, _data: object, sock: Any) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _connected(
        self, client: mqtt.Client, _data: object, _flags: mqtt.ConnectFlags, code: ReasonCode, _more: Properties | None
    ) -> None:
        if code.is_failure:
            remedy = "log in with --user NAME --password-file FILE"
            self._events.put(Down(f"the broker at {self._at} does not let us in: {code}", remedy))
        else:
            self._parted.clear()
            client.subscribe([(each, 1) for each in self._filters])

    def _not_connected(self, _client: mqtt.Client, _data: object) -> None:
        self._events.put(Down(f"no broker answers at {self._at}"))

    def _disconnected(
        self, _client: mqtt.Client, _data: object, _flags: mqtt.DisconnectFlags, code: ReasonCode, _: Properties | None
    ) -> None:
        self._subscribed_now = False
        self._parted.set()
        if code.is_failure:
            self._events.put(Down(f"the broker at {self._at} has gone away"))

    def _subscribed(
        self, _client: mqtt.Client, _data: object, _mid: int, _codes: list[ReasonCode], _more: Properties | None
    ) -> None:
        self._subscribed_now = True
        self._events.put(Up())

    def _received(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        if not self._subscribed_now and message.qos == 0:
            return  # amqtt gives a newcomer, at QoS 0, what others subscribed to; all that is ours comes at QoS 1
        self._events.put(Message(message.topic, bytes(message.payload), message.retain))
