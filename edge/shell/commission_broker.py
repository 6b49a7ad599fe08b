"""Asks the broker what it does with the configuration's login, and with who has none."""

from __future__ import annotations

import ipaddress
import secrets
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edge.core.diagnosis_machine import BrokerSeen
from edge.core.site import Site
from edge.core.topics import Topics
from edge.shell.commission_places import Places, listeners
from edge.shell.mqtt_client import Broker, furnish, paho_client
from edge.shell.site_file import password_file

PATIENCE_S = 5.0
OLD = ("unsupported protocol version", "unacceptable protocol version", "incorrect protocol version")
TRIAL = "alarm/doctor:broker:trial"  # an alarm that nobody raised is taken away: that says nothing to anybody


@dataclass(frozen=True, slots=True)
class Said:
    """What a broker said to one who came. `away`: nobody answered, and why; `refused`: its words; `retains` and
    `denied` as of BrokerSeen."""

    away: str | None = None
    refused: str | None = None
    retains: bool | None = None
    denied: str | None = None


def see_broker(site: Site, config: Path, places: Places) -> BrokerSeen:
    """What the configuration's broker does. Nothing that it retains is changed, and nobody is thrown out."""
    mqtt = site.mqtt
    known = Broker(mqtt.host, mqtt.port, mqtt.protocol, _client(), mqtt.user, _password(site, config))
    said = come(known, f"{Topics(site.site.id).root}/{TRIAL}")
    nobody = replace(known, client_id=_client(), user=None, password=None)
    anonymous = said.away is None and _came_in(come(nobody))
    near = _loopback(mqtt.host)
    beyond = [a for a in listeners(places, mqtt.port) if not _loopback(a)] if near else []
    return BrokerSeen(
        f"{mqtt.host}:{mqtt.port}", mqtt.user, mqtt.protocol, said.away, said.refused,
        any(word in (said.refused or "").lower() for word in OLD), said.retains, said.denied, anonymous,
        tuple(f"{a}:{mqtt.port}" if ":" not in a else f"[{a}]:{mqtt.port}" for a in beyond), near,
    )  # fmt: skip


def come(broker: Broker, topic: str | None = None) -> Said:
    """Connect once, say one empty retained message on `topic`, and go."""
    client = paho_client(broker)
    furnish(client, broker)
    client.connect_timeout = PATIENCE_S
    greeting, answer = _Word(), _Word()
    client.on_connect = greeting.hear_greeting
    client.on_publish = answer.hear_answer
    client.on_disconnect = answer.hear_goodbye
    try:
        client.connect(broker.host, broker.port, keepalive=30)
    except (OSError, ValueError) as error:
        return Said(away=getattr(error, "strerror", None) or str(error))
    client.loop_start()
    try:
        if not greeting.said.wait(PATIENCE_S) or greeting.code is None:
            return Said(away="no answer as an MQTT broker has")
        if greeting.code.is_failure:
            return Said(refused=str(greeting.code))
        retains = greeting.retains if broker.protocol == "5" else None
        if topic is None or retains is False:
            return Said(retains=retains)
        client.publish(topic, b"", qos=1, retain=True)
        answer.said.wait(PATIENCE_S)
        if answer.code is None:  # a broker that speaks 3.1.1 can only leave who is refused
            return Said(retains=retains, denied="it does not acknowledge a message")
        return Said(retains=retains, denied=str(answer.code) if answer.code.is_failure else None)
    finally:
        client.disconnect()
        client.loop_stop()


class _Word:
    """What the broker said to one thing."""

    def __init__(self) -> None:
        self.said = threading.Event()
        self.code: Any = None
        self.retains = True

    def hear_greeting(self, _client: object, _data: object, _flags: object, code: Any, more: Any) -> None:
        self.code = code
        self.retains = getattr(more, "RetainAvailable", 1) != 0  # left out where it is 1: MQTT 5, section 3.2.2.3.5
        self.said.set()

    def hear_goodbye(self, *_: object) -> None:
        self.said.set()

    def hear_answer(self, _client: object, _data: object, _mid: int, code: Any, _more: object) -> None:
        self.code = code
        self.said.set()


def _came_in(said: Said) -> bool:
    return said.away is None and said.refused is None


def _client() -> str:
    return f"village-edge-doctor-{secrets.token_hex(4)}"


def _password(site: Site, config: Path) -> str | None:
    path = password_file(site, config)
    try:
        return None if path is None else path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None  # that it cannot be read is among the rights


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
