"""What becomes of messages: mosquitto and the double alike."""

from __future__ import annotations

import pytest
from broker_sides import Enter, Side, settled
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties


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
