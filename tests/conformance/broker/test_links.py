"""Links that break, brokers that are away or choosy: mosquitto and the double alike."""

from __future__ import annotations

import pytest
from broker_sides import LARGEST, Enter, Side, settled


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
