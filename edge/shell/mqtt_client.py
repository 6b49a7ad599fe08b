"""What every client of ours has in common: who it is to the broker, how it connects, and what the broker lets it do."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

log = logging.getLogger(__name__)
KEEPALIVE_S = 15  # a half-open link is noticed within twice this
SLOWEST_RECONNECT_S = 2
WINDOW = 20  # messages that wait for their acknowledgement at once
PACKET_TOO_LARGE = 0x95  # MQTT 5, section 3.14.2.1


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is and who we are to it. `protocol` is "5" or "3.1.1"."""

    host: str
    port: int
    protocol: str
    client_id: str  # always the same one, so that a new link ends a half-open old one and its will
    user: str | None = None
    password: str | None = None


def client_id(site_id: str, password: str | None) -> str:
    """The same at each start, so that a new link ends the old one and its will at once; and not to be guessed where
    there is a password: a broker lets anybody who is let in connect under another's id, and parts from the other."""
    name = f"village-edge-{site_id}"
    return name if password is None else f"{name}-{hashlib.sha256(f'{name} {password}'.encode()).hexdigest()[:16]}"


def password_in(path: Path | None) -> str | None:
    """The password in that file; None, and a line in the log, where it cannot be read."""
    if path is None:
        return None
    try:
        return path.read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        log.warning("mqtt.password_file: %s: %s; connecting without a password", path, why)
        return None


class Bounds(NamedTuple):
    """What the broker said when it let us in: the largest packet (bytes; None: it said nothing), and the window."""

    largest: int | None
    window: int


def paho_client(broker: Broker) -> paho.Client:
    """A client of paho's for this broker, whose session ends with its link."""
    five = broker.protocol == "5"
    more: dict[str, Any] = {} if five else {"clean_session": True}
    version = paho.MQTTv5 if five else paho.MQTTv311
    return paho.Client(CallbackAPIVersion.VERSION2, broker.client_id, protocol=version, **more)


def furnish(client: Any, broker: Broker) -> None:
    """Say who we are, and how it is to connect."""
    if broker.user is not None:
        client.username_pw_set(broker.user, broker.password)
    client.reconnect_delay_set(1, SLOWEST_RECONNECT_S)
    client.on_socket_open = _no_delay


def begin(client: Any, broker: Broker) -> None:
    """Begin to connect; returns at once, whether or not there is a broker."""
    five = broker.protocol == "5"
    more: dict[str, Any] = {"clean_start": True, "properties": _session_ends_with_link()} if five else {}
    client.connect_async(broker.host, broker.port, KEEPALIVE_S, **more)
    client.loop_start()


def bounds(properties: object) -> Bounds:
    """What the CONNACK's properties say."""
    largest = getattr(properties, "MaximumPacketSize", None)
    return Bounds(largest, min(WINDOW, getattr(properties, "ReceiveMaximum", None) or WINDOW))


def cut(client: Any) -> None:
    """Break the link, as if the network had."""
    if (open_socket := client.socket()) is not None:
        with contextlib.suppress(OSError):
            open_socket.shutdown(socket.SHUT_RDWR)


def guarded(callback: Callable[..., None]) -> Callable[..., None]:
    """paho's thread ends with an exception in a callback: so none of ours gets out."""

    def call(*arguments: object) -> None:
        try:
            callback(*arguments)
        except Exception:
            log.exception("a callback of the MQTT link failed")

    return call


def _session_ends_with_link() -> Properties:
    """No session outlives its link, so a broker never replays what was sent while we were away."""
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho leaves it untyped
    properties.SessionExpiryInterval = 0
    return properties


def _no_delay(_client: object, _data: object, sock: Any) -> None:
    # Without it Nagle's algorithm and delayed acknowledgements hold every second small packet for 40 ms.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
