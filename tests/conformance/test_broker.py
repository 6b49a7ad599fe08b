"""One suite for two brokers: mosquitto with paho's client, and the double with its own in virtual time."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
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


@pytest.fixture
def choosy(tmp_path: Path) -> Iterator[Callable[[], Mosquitto]]:
    """Starts a second broker, which does not take all."""
    made: list[Mosquitto] = []

    def make() -> Mosquitto:
        (tmp_path / "acl").write_text("topic read #\ntopic write v/#\ntopic write marker/#\n")
        made.append(Mosquitto(tmp_path, f"user root\nacl_file {tmp_path / 'acl'}\nmax_packet_size {LARGEST}"))
        made[-1].start()
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture(params=["mosquitto", "double"])
def side(request: pytest.FixtureRequest) -> Side:
    if request.param == "double":
        return Double()
    return Real(request.getfixturevalue("mosquitto"), request.getfixturevalue("choosy"))


Enter = Callable[..., Person]


@pytest.fixture(params=[True, False], ids=["5", "3.1.1"])
def five(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def enter(side: Side, five: bool) -> Iterator[Enter]:
    """A person who is connected."""
    people: list[Person] = []

    def make(name: str, **more: Any) -> Person:
        person = Person(side, name, **{"five": five, **more})
        people.append(person)
        side.until(lambda: person.up, f"{name} to be let in")
        return person

    yield make
    for person in people:
        person.client.on_disconnect = None
        person.client.disconnect()
        person.client.loop_stop()


def settled(side: Side, people: list[Person]) -> None:
    """All that was sent to these people before has arrived: order holds on a link."""
    for n, person in enumerate(people):
        topic = f"marker/{n}"
        person.hear(topic)
        person.say(topic, b"here")
        side.until(lambda p=person, t=topic: (t, b"here", False) in p.heard, "the marker")  # type: ignore[misc]
        person.heard.remove((topic, b"here", False))


def test_what_is_retained_is_replayed_with_its_flag_and_cleared_by_an_empty_payload(side: Side, enter: Enter) -> None:
    a = enter("a")
    a.say("v/1", b"old", retain=True)
    a.say("v/1", b"new", retain=True)
    a.say("v/2", b"gone", retain=True)
    a.say("v/2", b"", retain=True)
    a.say("v/3", b"passing")
    b = enter("b")
    b.hear("v/+")
    settled(side, [b])
    assert b.heard == [("v/1", b"new", True)]
    b.hear("v/+")  # asking again brings it again
    settled(side, [b])
    assert b.heard == [("v/1", b"new", True)] * 2


def test_a_retained_message_comes_without_the_flag_while_subscribed(side: Side, enter: Enter) -> None:
    a, b = enter("a"), enter("b")
    b.hear("v/#")
    a.say("v/1", b"x", retain=True)
    a.say("v/1", b"", retain=True)
    settled(side, [b])
    assert b.heard == [("v/1", b"x", False), ("v/1", b"", False)]


@pytest.mark.parametrize("five", [True], indirect=True, ids=["5"])
def test_retain_as_published_keeps_the_flag(side: Side, enter: Enter) -> None:
    a, b, c = enter("a"), enter("b"), enter("c")
    b.hear("v/#", as_published=True)
    c.hear("v/#")
    a.say("v/1", b"x", retain=True)
    a.say("v/1", b"y")
    settled(side, [b, c])
    assert b.heard == [("v/1", b"x", True), ("v/1", b"y", False)]
    assert c.heard == [("v/1", b"x", False), ("v/1", b"y", False)]


def test_the_will_of_a_killed_client_is_published_and_retained(side: Side, enter: Enter) -> None:
    b = enter("b")
    b.hear("status/#")
    side.kill(enter("a", will=("status/a", b"offline")).client)
    side.until(lambda: b.heard, "the will")
    assert b.heard == [("status/a", b"offline", False)]
    c = enter("c")
    c.hear("status/#")
    settled(side, [c])
    assert c.heard == [("status/a", b"offline", True)]


def test_no_will_after_a_clean_goodbye_which_comes_after_what_was_said(side: Side, enter: Enter) -> None:
    b = enter("b")
    b.hear("status/#", "last")
    a = enter("a", will=("status/a", b"offline"))
    a.client.publish("last", b"words", 1)
    a.client.disconnect()
    side.until(lambda: a.down, "the end of the link")
    settled(side, [b])
    assert b.heard == [("last", b"words", False)]


def test_messages_of_one_client_keep_their_order_over_all_topics(side: Side, enter: Enter) -> None:
    a, b = enter("a"), enter("b")
    b.hear("t/+")
    sent = [(f"t/{n % 3}", str(n).encode(), False) for n in range(200)]
    infos = [a.client.publish(topic, payload, 1) for topic, payload, _ in sent]
    side.until(lambda: all(i.is_published() for i in infos), "every acknowledgement")
    settled(side, [b])
    assert b.heard == sent


def test_overlapping_subscriptions_bring_a_message_each_and_in_3_1_1_one_together(
    side: Side, enter: Enter, five: bool
) -> None:
    a, b = enter("a"), enter("b")
    b.hear("v/1", "v/+", "v/#", "w/#")
    a.say("v/1", b"x")
    settled(side, [b])
    assert b.heard == [("v/1", b"x", False)] * (3 if five else 1)


def test_the_same_filter_twice_is_one_subscription(side: Side, enter: Enter) -> None:
    a, b = enter("a"), enter("b")
    b.hear("v/+")
    b.hear("v/+")
    a.say("v/1", b"x")
    settled(side, [b])
    assert b.heard == [("v/1", b"x", False)]


WILDCARDS = [
    ("a/#", "a", True), ("a/#", "a/b/c", True), ("a/+", "a", False), ("a/+", "a/", True), ("a/+/c", "a/b/c", True),
    ("+", "a/b", False), ("+/+", "/a", True), ("#", "/", True), ("a/b", "a/B", False), ("a/+/#", "a/b", True),
]  # fmt: skip


def test_wildcards(side: Side, enter: Enter) -> None:
    for n, (topic_filter, topic, falls_under) in enumerate(WILDCARDS):
        a = enter(f"a-{n}")
        a.hear(topic_filter)
        a.say(topic, b"x")
        a.hear("end")
        a.say("end", b"")
        side.until(lambda a=a: any(h[0] == "end" for h in a.heard), "the end")  # type: ignore[misc]
        assert ((topic, b"x", False) in a.heard) is falls_under, (topic_filter, topic)


def test_a_clean_session_forgets_subscriptions_and_what_was_sent_meanwhile(side: Side, enter: Enter) -> None:
    a, b = enter("a"), enter("b")
    b.hear("v/#")
    b.client.disconnect()
    side.until(lambda: b.down, "the end of the link")
    a.say("v/1", b"missed")
    again = enter("b")
    a.say("v/1", b"not asked for")
    again.hear("w/#")
    a.say("w/1", b"heard")
    side.until(lambda: again.heard, "the message")
    assert again.heard == [("w/1", b"heard", False)]


@pytest.mark.slow
def test_a_second_client_of_the_same_name_takes_over(side: Side, enter: Enter) -> None:
    b = enter("b")
    b.hear("status/#")
    first = enter("a", will=("status/a", b"offline"))
    first.client.on_connect = None
    first.client.reconnect_delay_set(60, 60)
    enter("a", will=("status/a", b"offline"))
    side.until(lambda: first.down, "the first to be sent away")
    settled(side, [b])
    assert b.heard == [("status/a", b"offline", False)]


@pytest.mark.slow
def test_a_broken_link_is_made_anew_and_what_was_said_meanwhile_arrives(side: Side, enter: Enter) -> None:
    a, b = enter("a"), enter("b")
    b.hear("v/#")
    side.cut(a.client)
    side.until(lambda: a.down, "the broken link to be seen")
    info = a.client.publish("v/1", b"later", 1)
    with pytest.raises(RuntimeError):
        info.is_published()
    side.until(lambda: b.heard, "the message")
    assert a.up == 2
    settled(side, [b])
    assert b.heard == [("v/1", b"later", False)]


@pytest.mark.slow
def test_a_broker_that_starts_again_has_forgotten_what_it_retained(side: Side, enter: Enter) -> None:
    a = enter("a")
    a.say("v/1", b"x", retain=True)
    side.stop()
    side.until(lambda: a.down, "the end of the link")
    side.start()
    side.until(lambda: a.up == 2, "the new link")
    a.say("v/2", b"y", retain=True)
    a.hear("v/#")
    settled(side, [a])
    assert a.heard == [("v/2", b"y", True)]


@pytest.mark.slow
def test_nobody_there_is_told_until_somebody_is(side: Side, five: bool) -> None:
    side.stop()
    failed: list[object] = []
    client = side.client("a", five)
    client.reconnect_delay_set(1, 2)
    up: list[object] = []
    client.on_connect_fail = lambda *_: failed.append(_)
    client.on_connect = lambda *_: up.append(_)
    client.connect_async("127.0.0.1", side.port, 15)
    client.loop_start()
    side.until(lambda: failed, "the failure")
    side.start()
    side.until(lambda: up, "the link")
    client.disconnect()
    client.loop_stop()


@pytest.mark.parametrize("five", [True], indirect=True, ids=["5"])
def test_response_topic_and_correlation_data_go_along(side: Side, enter: Enter) -> None:
    a, b = enter("a"), enter("b")
    b.hear("ask/#")
    properties = Properties(PacketTypes.PUBLISH)
    properties.ResponseTopic = "reply/a"
    properties.CorrelationData = b"\x00\x01"
    a.say("ask/1", b"?", properties=properties)
    a.say("ask/1", b"!")
    side.until(lambda: len(b.messages) == 2, "the questions")
    first, second = (m.properties for m in b.messages)
    assert (first.ResponseTopic, first.CorrelationData) == ("reply/a", b"\x00\x01")
    assert not hasattr(second, "ResponseTopic")


def test_a_topic_with_a_wildcard_cannot_be_published_to(side: Side, enter: Enter) -> None:
    a = enter("a")
    for topic in ("v/+", "v/#"):
        with pytest.raises(ValueError, match="wildcards"):
            a.client.publish(topic, b"x", 1)


def test_a_denied_topic_is_refused_in_mqtt_5_and_goes_nowhere_in_3_1_1(side: Side, enter: Enter, five: bool) -> None:
    side.choose()
    a, b = enter("a"), enter("b")
    b.hear("denied/#", "v/#")
    a.say("denied/1", b"x")
    a.say("v/1", b"y")
    settled(side, [b])
    assert b.heard == [("v/1", b"y", False)]
    assert a.answers[:2] == [0x87 if five else 0, 0]


@pytest.mark.slow
def test_who_says_too_much_is_told_the_limit_in_mqtt_5_and_thrown_out(side: Side, enter: Enter, five: bool) -> None:
    side.choose()
    a = enter("a", will=("v/will", b"gone"))
    assert a.largest == (LARGEST if five else None)
    a.say("v/1", b"x" * (LARGEST - 20))
    a.client.publish("v/2", b"x" * LARGEST, 1)
    side.until(lambda: a.down, "the end of the link")
    assert [message.topic for message in a.client.drop_out_messages()] == ["v/2"]
    side.until(lambda: a.up == 2, "the next link")
    with pytest.raises(RuntimeError, match="max_inflight"):
        a.client.max_inflight_messages_set(1)
    a.say("v/3", b"x")


@pytest.mark.slow
def test_who_stops_when_the_link_breaks_does_not_come_back(side: Side, enter: Enter) -> None:
    a, b = enter("a", will=("v/will", b"gone")), enter("b")
    b.hear("v/#")
    a.client.on_disconnect = lambda client, *_: client.loop_stop()  # paho forgets a disconnect() from there
    side.cut(a.client)
    side.until(lambda: b.heard, "the will")
    with pytest.raises(AssertionError, match="in vain"):
        side.until(lambda: a.up > 1, "nobody", 3)
