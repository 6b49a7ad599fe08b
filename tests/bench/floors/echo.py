"""The least that a controller on paho can cost: sends every command back at once. `echo.py PORT`; SIGTERM ends it."""

from __future__ import annotations

import socket
import sys

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion


def main(port: int) -> None:
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.on_socket_open = lambda _c, _d, sock: sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.on_connect = lambda *_: client.subscribe("echo/+/set", 1)
    client.on_subscribe = lambda *_: client.publish("echo/status", b"online", 1, retain=True)
    client.on_message = lambda _c, _d, m: client.publish(m.topic.removesuffix("set") + "state", m.payload, 1)
    client.connect("127.0.0.1", port, keepalive=15)
    client.loop_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]))
