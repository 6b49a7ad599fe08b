"""A broker that acknowledges nothing: bounded, cut after 30 s, and everything told once it answers again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from villages import village

from edge.core.assembly import decoder
from edge.core.events import Event, LinkChanged, Publish
from edge.core.topics import Topics
from edge.shell.clock import ManualClock
from edge.shell.mqtt import MOST_WHILE_SILENT, MqttLink
from edge.shell.mqtt_client import Broker


class Mute:
    """A client whose messages are acknowledged when the test says so."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.cuts = 0
        self.acknowledges = False

    def __getattr__(self, name: str) -> Any:
        return lambda *_arguments, **_named: None

    def publish(self, topic: str, *_rest: Any) -> Any:
        self.sent.append(topic)
        return SimpleNamespace(is_published=lambda: self.acknowledges)

    def socket(self) -> Any:
        return SimpleNamespace(shutdown=self._cut)

    def _cut(self, _how: int) -> None:
        self.cuts += 1


def test_a_mute_broker_is_cut_every_30_s_and_told_everything_when_it_answers() -> None:
    clock, mute, events = ManualClock(0.0), Mute(), list[Event]()
    link = MqttLink(
        Broker("h", 1, "5", "c"), Topics("thon"), decoder(village()), events.append, clock, lambda _broker: mute
    )
    link.up = True
    for n in range(3600):
        link.publish(Publish(f"t/{n}", b""))
        clock.advance(1)
    assert len(mute.sent) <= 31 + MOST_WHILE_SILENT
    assert 3600 / 31 - 2 <= mute.cuts <= 3600 / 30
    assert events == []
    mute.acknowledges = True
    link.publish(Publish("again", b""))
    assert events == [LinkChanged(up=True)]
    assert mute.sent[-1] == "again"
    link.publish(Publish("more", b""))
    assert len(events) == 1


def test_what_is_not_acknowledged_at_once_costs_nothing_while_it_comes_in_time() -> None:
    clock, mute, events = ManualClock(0.0), Mute(), list[Event]()
    link = MqttLink(
        Broker("h", 1, "5", "c"), Topics("thon"), decoder(village()), events.append, clock, lambda _broker: mute
    )
    link.up = True
    for n in range(10_000):
        link.publish(Publish(f"t/{n}", b""))
    clock.advance(29)
    link.publish(Publish("late", b""))
    assert (len(mute.sent), mute.cuts) == (10_001, 0)
