"""A controller that says what the test tells it to, and the commands' reading of what is typed."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from support import until

Answer = Callable[["FakeController", str, dict[str, Any]], None]


class FakeController:
    """What a controller looks like from the broker's side: retained status, about and state; answers by script."""

    def __init__(self, port: int, site: str = "nguyen-ly") -> None:
        self.root = f"village/{site}"
        self.received: list[tuple[str, dict[str, Any]]] = []
        self.answer: Answer = lambda *_: None
        self._subscribed = False
        self._mqtt = client = mqtt.Client(CallbackAPIVersion.VERSION2)
        topics = [(f"{self.root}/{heard}", 1) for heard in ("+/+/set/+", "+/+/lockout/+", "ask/+/+")]
        client.on_connect = lambda *_: client.subscribe(topics)
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.connect("127.0.0.1", port)
        client.loop_start()
        until(lambda: self._subscribed, 5, "the fake controller to subscribe")
        about = {"contract": 1, "site": {"id": site, "timezone": "Asia/Ho_Chi_Minh"}, "devices": []}
        self.say("about", about, retain=True)
        self.say("status", "online", retain=True)

    def say(self, leaf: str, message: object, retain: bool = False) -> None:
        """Publish below the site's root, and return once the broker has it."""
        payload = message if isinstance(message, str) else json.dumps(message)
        self._mqtt.publish(f"{self.root}/{leaf}", payload, 1, retain).wait_for_publish(5)

    def say_later(self, leaf: str, message: object, retain: bool = False) -> None:
        """Publish from within an answer."""
        self._mqtt.publish(f"{self.root}/{leaf}", json.dumps(message), 1, retain)

    def leave(self) -> None:
        self._mqtt.disconnect()
        self._mqtt.loop_stop()

    def _on_subscribe(self, *_: object) -> None:
        self._subscribed = True

    def _on_message(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        topic = message.topic.removeprefix(f"{self.root}/")
        command = json.loads(message.payload)
        self.received.append((topic, command))
        self.answer(self, topic, command)


def does(outcome: str, **more: object) -> Answer:
    """A script: the state that was asked for, then the result."""

    def answer(controller: FakeController, topic: str, command: dict[str, Any]) -> None:
        device, user = re.split("/set/|/lockout/", topic)
        if outcome == "done":
            state = {"state": "ON", "level": 33, "observed": "ON", "reason": "override", "by": user,
                     "until": "2099-11-21T13:15:00.000Z", "command": command["id"]}
            controller.say_later(f"{device}/state", state, retain=True)
        for other in ("another-command", command["id"]):
            result = {"id": other, "user": user, "outcome": outcome, "state": "ON", "took_ms": 7, **more}
            controller.say_later(f"{device}/result", result | ({"outcome": "failed"} if other != command["id"] else {}))

    return answer


def parsed(module: ModuleType, *words: str) -> argparse.Namespace:
    """The command's own reading of what was typed."""
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    return parser.parse_args(words)
