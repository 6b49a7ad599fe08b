"""A way to the broker that can be troubled: village-sim stands between the controller and a real broker."""

from __future__ import annotations

import asyncio
import math
import socket
from collections.abc import Callable, Iterator

from simulator.broker_double import NOT_AUTHORISED, TOO_LARGE, matches
from simulator.faults import Change

CONNECT, PUBLISH, PUBACK, DISCONNECT = 1, 3, 4, 14  # packet types, MQTT 3.1.1 and 5, section 2.1.2
QOS = 0b0110  # in the first byte of a PUBLISH
MQTT_5 = 5
CONNACK_NOT_AUTHORISED = {True: b"\x20\x03\x00\x87\x00", False: b"\x20\x02\x00\x05"}  # by whether it is MQTT 5


class BrokerRelay:
    """Listens on a port of the loopback and passes all on to the broker at `host`:`port`. Made in a running loop.

    Raises OSError when no port can be had.
    """

    def __init__(self, host: str, port: int) -> None:
        self.target = host, port
        self._loop = asyncio.get_running_loop()
        self._change = Change()
        self._ends: set[_End] = set()
        self._listening: socket.socket | None = None
        self.port = 0
        self._listen()

    def suffer(self, change: Change) -> None:
        """What is wrong from now on. Raises OSError when the port was taken meanwhile."""
        self._change = change
        away = change.has("broker-away")
        if away or change.has("broker-refusing"):
            for end in list(self._ends):
                end.abort()
        if away:
            self.close()
        elif self._listening is None:
            self._listen()

    def close(self) -> None:
        """Listen no more; links stay."""
        if self._listening is not None:
            self._loop.remove_reader(self._listening)
            self._listening.close()
            self._listening = None

    @property
    def slow_s(self) -> float:
        """How long everything takes on its way, each way."""
        slow = [fault.number("by") for fault in self._change.standing if fault.kind.name == "broker-slow"]
        return max(slow, default=0.0)

    @property
    def refusing(self) -> bool:
        """Whether names and passwords are refused."""
        return self._change.has("broker-refusing")

    @property
    def mute(self) -> bool:
        """Whether nothing that is published is passed on or acknowledged."""
        return self._change.has("broker-mute")

    def denies(self, topic: str) -> bool:
        """Whether no message of this topic is taken."""
        denied = [str(f.values["topic"]) for f in self._change.standing if f.kind.name == "broker-denies"]
        return any(matches(f"village/+/{below}", topic) for below in denied)

    @property
    def largest(self) -> float:
        """How many bytes a packet may have."""
        limits = [fault.number("bytes") for fault in self._change.standing if fault.kind.name == "broker-limits"]
        return min(limits, default=math.inf)

    def joined(self, end: _End) -> Callable[[], None]:
        """Keep an end of a link; to be called when it is gone."""
        self._ends.add(end)
        return lambda: self._ends.discard(end)

    def _listen(self) -> None:
        listening = socket.socket()
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(("127.0.0.1", self.port))
            listening.listen()
            listening.setblocking(False)
        except OSError:
            listening.close()
            raise
        self.port = listening.getsockname()[1]
        self._listening = listening
        self._loop.add_reader(listening, self._accept, listening)

    def _accept(self, listening: socket.socket) -> None:
        try:
            connection, _ = listening.accept()
        except OSError:  # it was given up before we came
            return
        near, far = _End(self, of_client=True), _End(self, of_client=False)
        near.other, far.other = far, near
        self._loop.create_task(self._join(connection, near, far)).add_done_callback(_had)

    async def _join(self, connection: socket.socket, near: _End, far: _End) -> None:
        await self._loop.connect_accepted_socket(lambda: near, connection)
        try:
            await self._loop.create_connection(lambda: far, *self.target)
        except OSError:
            near.abort()


class _End(asyncio.Protocol):
    """One end of a link: what it hears goes, packet by packet, to the other end."""

    def __init__(self, relay: BrokerRelay, *, of_client: bool) -> None:
        self.other: _End = self
        self._of_client = of_client
        self._five = False
        self._relay = relay
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._gone: Callable[[], None] | None = None
        self._heard = bytearray()
        self._early: list[bytes] = []
        self._busy_until = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._gone = self._relay.joined(self)
        for packet in self._early:
            transport.write(packet)
        self._early.clear()
        if self.other.lost():  # it did not wait for us
            transport.abort()

    def data_received(self, data: bytes) -> None:
        self._heard += data
        for packet in packets(self._heard):
            kind = packet[0] >> 4
            if kind == CONNECT:
                self._five = _level(packet) >= MQTT_5
            if kind == CONNECT and self._relay.refusing:
                self.say(CONNACK_NOT_AUTHORISED[self._five])
                self._close()
            elif kind == PUBLISH and self._of_client and len(packet) > self._relay.largest:
                if self._five:
                    self.say(bytes((DISCONNECT << 4, 1, TOO_LARGE)))
                self._close()
                return
            elif kind == PUBLISH and self._of_client and self._relay.denies(_topic(packet)):
                if packet[0] & QOS:
                    code = bytes((NOT_AUTHORISED,)) if self._five else b""
                    self.say(bytes((PUBACK << 4, 2 + len(code))) + _mid(packet) + code)
            elif not (self._relay.mute and kind in (PUBLISH, PUBACK)):
                self._pass_on(packet)

    def connection_lost(self, _error: Exception | None) -> None:
        if self._gone is not None:
            self._gone()
        self._transport = None
        self.other.abort()

    def abort(self) -> None:
        """Break the link."""
        if self._transport is not None:
            self._transport.abort()

    def lost(self) -> bool:
        """Whether it was there and is no more."""
        return self._gone is not None and self._transport is None

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _pass_on(self, packet: bytes) -> None:
        """It arrives after what went before it, also when the way gets faster."""
        self._busy_until = max(self._loop.time() + self._relay.slow_s, self._busy_until)
        if self._busy_until > self._loop.time():
            self._loop.call_at(self._busy_until, self.other.say, packet)
        else:
            self.other.say(packet)

    def say(self, packet: bytes) -> None:
        """Send a packet to whoever is at this end, or when they are; who has gone hears nothing."""
        if self._transport is not None:
            self._transport.write(packet)
        elif self._gone is None:  # not there yet
            self._early.append(packet)


def packets(heard: bytearray) -> Iterator[bytes]:
    """The whole MQTT packets at the start of `heard`, each taken out of it."""
    while (size := _size(heard)) is not None and len(heard) >= size:
        packet = bytes(heard[:size])
        del heard[:size]
        yield packet


def _size(heard: bytearray) -> int | None:
    """How long the packet is that `heard` begins with: its first byte, a length of one to four bytes, and the rest."""
    rest = 0
    for n, byte in enumerate(heard[1:5]):
        rest |= (byte & 0x7F) << 7 * n
        if byte < 0x80:
            return 2 + n + rest
    return None


def _topic(publish: bytes) -> str:
    """The topic of a PUBLISH."""
    at = _body(publish)
    return publish[at + 2 : at + 2 + int.from_bytes(publish[at : at + 2], "big")].decode()


def _mid(publish: bytes) -> bytes:
    """The packet identifier of a PUBLISH above QoS 0."""
    at = _body(publish)
    at += 2 + int.from_bytes(publish[at : at + 2], "big")
    return publish[at : at + 2]


def _body(packet: bytes) -> int:
    """Where the variable header begins."""
    return next(n for n in range(1, 5) if packet[n] < 0x80) + 1


def _level(connect: bytes) -> int:
    """The protocol level that a CONNECT asks for: 4 for MQTT 3.1.1, 5 for MQTT 5."""
    name_at = _body(connect)
    length = int.from_bytes(connect[name_at : name_at + 2], "big")
    return connect[name_at + 2 + length]


def _had(task: asyncio.Task[None]) -> None:
    """Let a failure to join be heard of by the loop's handler instead of being forgotten."""
    if not task.cancelled() and (error := task.exception()) is not None:
        task.get_loop().call_exception_handler({"message": "a link to the broker failed", "exception": error})
