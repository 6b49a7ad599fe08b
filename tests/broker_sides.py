"""One suite for two brokers: mosquitto with paho's client, and the double with its own in virtual time."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.subscribeoptions import SubscribeOptions
from support import Mosquitto, until

from edge.shell.clock import ManualClock
from edge.shell.runner import StepRunner
from simulator.broker_double import BrokerDouble
from simulator.client_double import ClientDouble

Will = tuple[str, bytes]
LARGEST = 1000


class Real:
    """mosquitto and paho."""

    def __init__(self, mosquitto: Mosquitto, choosy: Callable[[], Mosquitto]) -> None:
        self._mosquitto = mosquitto
        self._choosy = choosy
        self.stop, self.start = mosquitto.stop, mosquitto.start

    def choose(self) -> None:
        """From now on the broker takes nothing on `denied/#`, and no packet of more than LARGEST bytes."""
        self._mosquitto = self._choosy()

    def client(self, client_id: str, five: bool) -> Any:
        more: dict[str, Any] = {} if five else {"clean_session": True}
        return paho.Client(CallbackAPIVersion.VERSION2, client_id, protocol=paho.MQTTv5 if five else paho.MQTTv311, **more)

    def until(self, condition: Callable[[], object], what: str, seconds: float = 8) -> None:
        until(condition, seconds, what)

    def kill(self, client: Any) -> None:
        client._thread_terminate = True
        client.socket().shutdown(socket.SHUT_RDWR)

    def cut(self, client: Any) -> None:
        client.socket().shutdown(socket.SHUT_RDWR)

    @property
    def port(self) -> int:
        return self._mosquitto.port


class Double:
    """The double, in virtual time."""

    port = 1883

    def __init__(self) -> None:
        clock = ManualClock(0.0)
        self._broker = BrokerDouble(clock.mono)
        self._runner = StepRunner([self._broker], clock)
        self.stop, self.start = self._broker.stop, self._broker.start

    def choose(self) -> None:
        """From now on the broker takes nothing on `denied/#`, and no packet of more than LARGEST bytes."""
        self._broker.refuse_topics(["denied/#"])
        self._broker.limit(LARGEST)

    def client(self, client_id: str, five: bool) -> Any:
        return ClientDouble(self._broker, client_id, five=five)

    def until(self, condition: Callable[[], object], what: str, seconds: float = 8) -> None:
        for _ in range(int(10 * seconds)):
            self._runner.settle()
            if condition():
                return
            self._runner.advance(0.1)
        raise AssertionError(f"waited in vain for {what}")

    def kill(self, client: Any) -> None:
        client.vanish()

    def cut(self, client: Any) -> None:
        self._broker.drop(client.name)


Side = Real | Double


class Person:
    """A client and all that it heard, as (topic, payload, retained)."""

    def __init__(self, side: Side, client_id: str, five: bool = True, will: Will | None = None) -> None:
        self._side = side
        self.heard: list[tuple[str, bytes, bool]] = []
        self.messages: list[Any] = []
        self.up = 0
        self.down = 0
        self._taken = 0
        self.client = side.client(client_id, five)
        if will is not None:
            self.client.will_set(*will, 1, True)
        self.client.reconnect_delay_set(1, 2)
        self.answers: list[int] = []
        self.largest: int | None = None
        self.client.on_connect = self._let_in
        self.client.on_publish = lambda _c, _d, _mid, code, _p: self.answers.append(code.value)
        self.client.on_disconnect = lambda *_: setattr(self, "down", self.down + 1)
        self.client.on_message = self._message
        self.client.on_subscribe = lambda *_: setattr(self, "_taken", self._taken + 1)
        more: dict[str, Any] = {"clean_start": True} if five else {}
        self.client.connect_async("127.0.0.1", side.port, 15, **more)
        self.client.loop_start()

    def _let_in(self, _client: object, _data: object, _flags: object, code: Any, more: Any) -> None:
        self.up += not code.is_failure
        self.largest = getattr(more, "MaximumPacketSize", None)

    def _message(self, _client: object, _data: object, message: Any) -> None:
        self.heard.append((message.topic, bytes(message.payload), bool(message.retain)))
        self.messages.append(message)

    def hear(self, *filters: str, as_published: bool = False) -> None:
        """Subscribe, and wait until the broker has taken it."""
        before = self._taken
        options = [(f, SubscribeOptions(1, retainAsPublished=True) if as_published else 1) for f in filters]
        self.client.subscribe(options)
        self._side.until(lambda: self._taken > before, "SUBACK")

    def say(self, topic: str, payload: bytes | str, retain: bool = False, **more: Any) -> None:
        """Publish with QoS 1, and wait until the broker has taken it."""
        info = self.client.publish(topic, payload, 1, retain, **more)
        self._side.until(info.is_published, "PUBACK")


def settled(side: Side, people: list[Person]) -> None:
    """All that was sent to these people before has arrived: order holds on a link."""
    for n, person in enumerate(people):
        topic = f"marker/{n}"
        person.hear(topic)
        person.say(topic, b"here")
        side.until(lambda p=person, t=topic: (t, b"here", False) in p.heard, "the marker")  # type: ignore[misc]
        person.heard.remove((topic, b"here", False))


Enter = Callable[..., Person]
