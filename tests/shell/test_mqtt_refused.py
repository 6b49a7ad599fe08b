"""Messages of the controller's own that a real broker does not take: they are told of, and the others flow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import Mosquitto, until
from villages import village

from edge.core.assembly import decoder
from edge.core.events import Event, LinkChanged, MessageRefused, Publish
from edge.core.topics import Topics
from edge.shell.clock import SystemClock
from edge.shell.mqtt import MqttLink
from edge.shell.mqtt_client import Broker
from edge.shell.refused import Refused

LARGE, SMALL, LAST = Publish("v/about", b"x" * 5000, retain=True), Publish("v/state", b"y"), Publish("v/last", b"z")


class Core:
    """As the core does: tells everything over each new link."""

    def __init__(self, broker: Broker) -> None:
        self.events: list[Event] = []
        self.told = [LARGE, SMALL, LAST]
        self.link = MqttLink(broker, Topics("thon"), decoder(village()), self._hear, SystemClock())

    def _hear(self, event: Event) -> None:
        self.events.append(event)
        if event == LinkChanged(up=True):
            for message in self.told:
                self.link.publish(message)

    @property
    def refused(self) -> str | None:
        found = [event.why for event in self.events if isinstance(event, MessageRefused)]
        return found[-1] if found else None


@pytest.fixture
def core() -> Iterator[Callable[..., Core]]:
    made: list[Core] = []

    def make(port: int, protocol: str, user: str | None = None) -> Core:
        made.append(Core(Broker("127.0.0.1", port, protocol, "village-edge-thon", user)))
        made[-1].link.start()
        return made[-1]

    yield make
    for one in made:
        one.link.stop()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Callable[[str], Mosquitto]]:
    made: list[Mosquitto] = []

    def make(extra: str) -> Mosquitto:
        made.append(Mosquitto(tmp_path, f"user root\n{extra}"))
        made[-1].start()
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_message_that_is_too_large_is_set_aside_and_the_rest_flows(
    core: Callable[..., Core], broker: Callable[[str], Mosquitto], protocol: str
) -> None:
    one = core(broker("max_packet_size 2000").port, protocol)
    until(lambda: one.refused, 15, "the refusal to be told")
    assert str(one.refused).startswith("v/about: ")
    until(lambda: one.link.up and not one.link._unanswered.oldest(), 10, "everything else to be taken")
    ups = one.events.count(LinkChanged(up=True))
    assert ups == (1 if protocol == "5" else 4)
    one.link.publish(LARGE)
    for n in range(100):
        one.link.publish(Publish("v/state", b"%d" % n))
    until(lambda: not one.link._unanswered.oldest(), 5, "what came after it")
    assert one.events.count(LinkChanged(up=True)) == ups
    one.link.publish(Publish("v/about", b"less"))  # a smaller one is tried
    until(lambda: not one.link._unanswered.oldest(), 5, "the smaller one")


ACL = "topic read #\nuser house\ntopic write v/state\ntopic write v/last\ntopic write village/#\n"


@pytest.mark.slow
def test_a_topic_that_the_access_list_refuses_is_told_until_it_is_taken(
    core: Callable[..., Core], broker: Callable[[str], Mosquitto], tmp_path: Path
) -> None:
    acl = tmp_path / "acl"
    acl.write_text(ACL)
    strict = broker(f"acl_file {acl}")
    one = core(strict.port, "5", user="house")
    until(lambda: one.refused, 10, "the refusal to be told")
    assert one.refused == "v/about: Not authorized"
    assert one.events.count(LinkChanged(up=True)) == 1
    acl.write_text(f"{ACL}topic write v/about\n")
    strict.stop()
    strict.start()
    until(lambda: one.refused is None, 10, "the message to be taken")


# --- who is to blame, without a broker ---


def test_the_first_in_line_is_set_aside_when_the_link_broke_three_times_running() -> None:
    refused = Refused()
    assert not refused.link_cut(("v/about", 5000), "it ends the link")
    assert refused.link_cut(("v/about", 5000), "it ends the link")
    assert not refused.blocks("v/about", 5000)
    assert not refused.link_cut(("v/about", 5000), "it ends the link")  # and the link is as it was
    assert refused.blocks("v/about", 5000)
    assert not refused.blocks("v/about", 4999)
    assert refused.told() == "v/about: it ends the link"
    assert refused.link_cut(None, "it ends the link")  # the network, or the broker starts anew: one more try
    assert not refused.blocks("v/about", 5000)
    assert refused.told() is not None
    refused.link_cut(("v/about", 5000), "it ends the link")
    assert refused.blocks("v/about", 5000)
    refused.link_cut(None, "it ends the link")
    refused.answered("v/about", 5000, None)
    assert refused.told() is None


def test_a_message_that_was_taken_between_two_breaks_is_not_to_blame() -> None:
    refused = Refused()
    for _ in range(10):
        assert not refused.link_cut(("v/state", 100), "it ends the link")
        refused.answered("v/state", 100, None)
    assert not refused.blocks("v/state", 100)


def test_whoever_happens_to_be_first_when_the_network_fails_is_not_to_blame() -> None:
    refused = Refused()
    for n in range(30):
        assert not refused.link_cut((f"v/{n % 2}", 100), "it ends the link")
    assert refused.told() is None


def test_more_than_three_topics_are_counted() -> None:
    refused = Refused()
    for n in range(5):
        refused.answered(f"v/{n}", 100, "Not authorized")
    assert str(refused.told()).endswith("v/2: Not authorized; and 2 more")
    assert not refused.blocks("v/0", 100)  # it costs nothing to go on
