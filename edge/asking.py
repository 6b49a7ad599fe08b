"""One request after another to one village's controller, for the commands that a person types."""

from __future__ import annotations

import argparse
import secrets
from collections.abc import Mapping
from typing import Any

from edge.client import Client, Down, Message, Up
from edge.core.topics import LARGEST_REQUEST, Topics, encode
from edge.shell.clock import Clock
from edge.typed import Failed, login, login_name
from edge.wording import parse


class Asker:
    """Asks under the user's name and waits for each answer; says why when there is none."""

    def __init__(self, args: argparse.Namespace, site: str, clock: Clock) -> None:
        """`args`: the connection's, and `timeout`, how long an answer may take (s)."""
        self._args = args
        self._site = site
        self._topics = Topics(site)
        self._user = args.user or login_name()
        self._reply_to = f"{self._topics.root}/reply/{self._user}/cli-{secrets.token_hex(6)}"
        self._status: bytes | None = None
        self._about: dict[str, Any] = {}
        self._up = False
        filters = [self._topics.status, self._topics.about, self._reply_to]
        self._client = Client(args.mqtt, filters, args.protocol, clock, login(args))

    def ask(self, name: str, fields: Mapping[str, object]) -> dict[str, Any]:
        """The answer to the request `name`. Raises Failed: refused (1), or no answer (2)."""
        asked = f"r-{secrets.token_hex(6)}"
        payload = encode({"id": asked, "reply_to": self._reply_to, **fields})
        if len(payload) > LARGEST_REQUEST:
            raise Failed(1, f"this has {len(payload)} bytes as a request, which may have {LARGEST_REQUEST}: shorten it")
        topic = f"{self._topics.root}/ask/{self._user}/{name}"
        if self._up:
            self._client.publish(topic, payload)
        for event in self._client.events(self._args.timeout):
            match event:
                case Up() if not self._up:  # before that the answer could not be heard
                    self._up = True
                    self._client.publish(topic, payload)
                case Down(why, remedy):
                    raise Failed(2, f"{why}: {remedy}")
                case Message(where, raw) if where == self._reply_to:
                    answer = parse(raw) or {}
                    if answer.get("id") == asked:
                        return _accepted(answer)
                case Message():
                    self._note(event)
            if self._status == b"offline":
                raise Failed(2, f"the controller of {self._site} is offline: start it, or mend its way to the broker")
        raise Failed(2, self._silence())

    def followers(self) -> dict[str, list[str]]:
        """The devices that follow a program, such as light/main-road, by that program."""
        found: dict[str, list[str]] = {}
        for device in self._about.get("devices", ()):
            if device.get("program"):
                found.setdefault(device["program"], []).append(f"{device['kind']}/{device['id']}")
        return found

    def close(self) -> None:
        """Say goodbye to the broker."""
        self._client.close()

    def _note(self, message: Message) -> None:
        if message.topic == self._topics.status:
            self._status = message.payload
        elif message.topic == self._topics.about:
            self._about = parse(message.payload) or {}

    def _silence(self) -> str:
        at = self._args.mqtt
        if not self._up:
            return f"{at} does not answer as an MQTT broker does: name another with --mqtt HOST:PORT"
        if self._status is None:
            return (f"no controller of a site {self._site} is known to the broker at {at}: start it, or name another"
                    " broker with --mqtt HOST:PORT")
        return (f"the controller did not answer within {self._args.timeout:g} s: is it running, and may {self._user}"
                " ask on this broker?")


def _accepted(answer: dict[str, Any]) -> dict[str, Any]:
    if answer.get("ok") is True:
        return answer
    error = answer.get("error") or {}
    lines = [f"refused ({error.get('code')}): {error.get('message')}"]
    lines += [f"{flaw.get('path')}: {flaw.get('text')}" for flaw in error.get("flaws", ())]
    raise Failed(1, "\n".join(lines))
