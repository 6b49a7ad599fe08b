"""Carries MQTT between a page's WebSocket and the broker's TCP port, byte for byte, with back-pressure both ways.

Only the login is looked at: what comes first must be a CONNECT, and a refusal by the broker is counted at the door.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from aiohttp import WebSocketError, WSCloseCode, WSMsgType, web

from edge.web import packets
from edge.web.broker import READ_BYTES, Broker, BrokerAway, Streams, small_buffers
from edge.web.counts import Counts
from edge.web.door import FAILURES, WITHIN_S, Door

LINKS = 256
FIRST_PACKET_S = 10.0
ANSWER_S = 10.0  # a broker that does not answer a login in this time is away
STALLED_S = 60.0  # so is one that takes nothing for so long
HEARTBEAT_S = 30.0  # a NAT forgets a silent connection after a minute or more
GOODBYE_S = 5.0
LARGEST_MESSAGE = 256 * 1024

log = logging.getLogger("edge.web")


@dataclass(frozen=True, slots=True)
class End:
    """How a link ended: the close code, why in a word for the metrics, and in words for the phone."""

    code: int
    reason: str
    text: str


PHONE_LEFT = End(WSCloseCode.OK, "phone", "")
NOT_MQTT = End(WSCloseCode.PROTOCOL_ERROR, "first-packet", "the first packet must be an MQTT CONNECT")
NAMELESS = End(WSCloseCode.POLICY_VIOLATION, "nameless", "the CONNECT must have a user and a password")
LATE = End(WSCloseCode.POLICY_VIOLATION, "first-packet", f"no CONNECT within {FIRST_PACKET_S:g} s")
TEXT = End(WSCloseCode.UNSUPPORTED_DATA, "text", "MQTT travels in binary messages")
TOO_LARGE = End(WSCloseCode.MESSAGE_TOO_BIG, "too-large", f"a message has at most {LARGEST_MESSAGE} bytes")
REFUSED = End(WSCloseCode.POLICY_VIOLATION, "login", "the broker refused the login")
SHUT_OUT = End(WSCloseCode.POLICY_VIOLATION, "shut-out", "too many failed logins: try again in a minute")
AWAY = End(WSCloseCode.TRY_AGAIN_LATER, "broker", "the broker is away: try again later")
STOPPED = End(WSCloseCode.GOING_AWAY, "stopped", "the server is stopping")


class _Over(Exception):
    """A link is over before it carried anything."""

    def __init__(self, end: End) -> None:
        super().__init__(end.text)
        self.end = end


class Carrier:
    """All links between phones and one broker."""

    def __init__(self, broker: Broker, door: Door, counts: Counts, most: int = LINKS) -> None:
        self._broker = broker
        self._door = door
        self._counts = counts
        self._most = most
        self._numbers = itertools.count(1)
        self._links: dict[web.WebSocketResponse, web.BaseRequest] = {}
        self._stopping = False
        counts.gauge("links", "links to the broker that are open", lambda: len(self._links))
        counts.gauge("shut_out_addresses", "addresses kept out for failed logins", door.shut)

    @property
    def full(self) -> bool:
        """Whether there is room for no more."""
        return self._stopping or len(self._links) >= self._most

    async def carry(self, request: web.BaseRequest, address: str) -> web.WebSocketResponse:
        """One link, from the handshake to its end. The request has been found good; `address` is what counts."""
        ws = web.WebSocketResponse(
            protocols=("mqtt",), heartbeat=HEARTBEAT_S, timeout=GOODBYE_S,
            max_msg_size=LARGEST_MESSAGE + 1,  # aiohttp takes less than this of a plain message
        )
        with self._entered(ws, request):
            await ws.prepare(request)
            small_buffers(request.transport)
            name = f"link {next(self._numbers)} from {address}"
            self._counts.add("links_total")
            try:
                end = await self._through(ws, address, name)
            except _Over as over:
                end = over.end
            except ConnectionError:  # to the phone: what the broker's says is heard elsewhere
                end = PHONE_LEFT
            if self._stopping:
                end = STOPPED
            await _part(ws, request, end)
            self._counts.add("links_ended_total", f'reason="{end.reason}"')
            log.info("%s ended: %s", name, end.text or "the phone left")
        return ws

    async def close(self, within_s: float) -> None:
        """Part from every phone; whoever does not say goodbye in time is dropped."""
        self._stopping = True
        if self._links:
            text = STOPPED.text.encode()
            partings = [asyncio.create_task(ws.close(code=STOPPED.code, message=text)) for ws in self._links]
            await asyncio.wait(partings, timeout=within_s)
        for request in list(self._links.values()):
            _drop(request)

    @contextmanager
    def _entered(self, ws: web.WebSocketResponse, request: web.BaseRequest) -> Iterator[None]:
        self._links[ws] = request
        try:
            yield
        finally:
            del self._links[ws]
            _drop(request)

    async def _through(self, ws: web.WebSocketResponse, address: str, name: str) -> End:
        """From the first packet on. Raises _Over."""
        first, user = await _first(ws)
        async with self._door.turn(address):
            if self._door.shut_s(address):
                raise _Over(SHUT_OUT)
            try:
                streams = await self._broker.open()
            except BrokerAway as away:
                log.warning("%s of %s: %s", name, user, away)
                raise _Over(AWAY) from away
            try:
                answer = await _login(streams, first)
                self._judge(answer, address, user, name)
            except BaseException:
                streams.writer.close()
                raise
        try:
            self._count("to_broker", len(first))
            await self._down(ws, answer)
            if code := packets.refusal(answer):
                raise _Over(AWAY if code in packets.UNAVAILABLE else REFUSED)
            return await self._both_ways(ws, streams)
        finally:
            streams.writer.close()

    def _judge(self, answer: bytes, address: str, user: str, name: str) -> None:
        code = packets.refusal(answer)
        if code is None:
            self._counts.add("logins_total")
            log.info("%s: %s", name, user)
        elif code in packets.UNAVAILABLE:
            log.warning("%s of %s: the broker takes nobody now (code %d)", name, user, code)
        else:
            self._counts.add("failed_logins_total")
            log.warning("%s: the broker refused the login of %s (code %d)", name, user, code)
            if self._door.failed(address):
                log.warning("%s: %d logins failed within %g s; no more are taken from there", name, FAILURES, WITHIN_S)

    async def _both_ways(self, ws: web.WebSocketResponse, streams: Streams) -> End:
        """Until one side ends."""
        from_phone = asyncio.create_task(self._from_phone(ws, streams.writer))
        from_broker = asyncio.create_task(self._from_broker(streams.reader, ws))
        both = (from_phone, from_broker)
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)
        ended = [task.result() for task in both if not task.cancelled()]
        return ended[0]

    async def _from_phone(self, ws: web.WebSocketResponse, writer: asyncio.StreamWriter) -> End:
        while True:
            try:
                data = await _received(ws)
            except _Over as over:
                return over.end
            self._count("to_broker", len(data))
            writer.write(data)
            if writer.transport.get_write_buffer_size():
                try:
                    async with asyncio.timeout(STALLED_S):
                        await writer.drain()
                except OSError:  # reset, or TimeoutError
                    return AWAY

    async def _from_broker(self, reader: asyncio.StreamReader, ws: web.WebSocketResponse) -> End:
        while True:
            try:
                data = await reader.read(READ_BYTES)
            except OSError:
                return AWAY
            if not data:
                return AWAY
            try:
                await self._down(ws, data)
            except ConnectionError:
                return PHONE_LEFT

    async def _down(self, ws: web.WebSocketResponse, data: bytes) -> None:
        self._count("to_phone", len(data))
        await ws.send_bytes(data)

    def _count(self, direction: str, size: int) -> None:
        self._counts.add("carried_bytes_total", f'direction="{direction}"', size)


async def _first(ws: web.WebSocketResponse) -> tuple[bytes, str]:
    """All that came up to the end of a whole CONNECT, and its user, who has a password. Raises _Over."""
    data = b""
    try:
        async with asyncio.timeout(FIRST_PACKET_S):
            while (whole := packets.connect(data)) is None:
                data += await _received(ws)
        user = packets.user_of(data, whole)
    except TimeoutError:
        raise _Over(LATE) from None
    except packets.Malformed as error:
        raise _Over(NOT_MQTT) from error
    if not user:  # a broker that lets its own machine in without a password means nobody who comes through here
        raise _Over(NAMELESS)
    return data, user


async def _login(streams: Streams, first: bytes) -> bytes:
    """What the broker says first: one whole packet and whatever came with it. Raises _Over."""
    answer = b""
    try:
        async with asyncio.timeout(ANSWER_S):
            streams.writer.write(first)
            await streams.writer.drain()
            while packets.frame(answer) is None:
                data = await streams.reader.read(READ_BYTES)
                if not data:
                    raise _Over(AWAY)
                answer += data
    except (OSError, packets.Malformed) as error:  # TimeoutError is an OSError
        raise _Over(AWAY) from error
    return answer


async def _received(ws: web.WebSocketResponse) -> bytes:
    """The phone's next message. Raises _Over when there is none, or none that is taken."""
    message = await ws.receive()
    if message.type is WSMsgType.BINARY:
        data: bytes = message.data
        if len(data) > LARGEST_MESSAGE:
            raise _Over(TOO_LARGE)
        return data
    if message.type is WSMsgType.TEXT:
        raise _Over(TEXT)
    large = isinstance(message.data, WebSocketError) and message.data.code == WSCloseCode.MESSAGE_TOO_BIG
    raise _Over(TOO_LARGE if large else PHONE_LEFT)


async def _part(ws: web.WebSocketResponse, request: web.BaseRequest, end: End) -> None:
    """Say goodbye to the phone, if it listens."""
    task = asyncio.current_task()
    try:
        async with asyncio.timeout(GOODBYE_S):
            await ws.close(code=end.code, message=end.text.encode())
    except OSError:  # TimeoutError is one
        pass
    except asyncio.CancelledError:
        # Where a phone does not read, aiohttp waits for what the ended task from the broker waited for, and that has
        # been cancelled; this task has not.
        if task is None or task.cancelling():
            raise
    _drop(request)


def _drop(request: web.BaseRequest) -> None:
    """Nothing more goes to this phone, not even what waits to be sent."""
    if request.transport is not None:
        request.transport.abort()
