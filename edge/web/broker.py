"""The way to the broker: a TCP connection for each link, and whether there is a way at all."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import suppress
from dataclasses import dataclass

from edge.shell.clock import Clock

CONNECT_S = 5.0
LOOK_S = 1.0  # what was seen of the broker is believed for so long, however often /health is asked
READ_BYTES = 65_536  # at once
SOCKET_BUFFER = 65_536  # of the kernel's, each way and on both sides of a link: whoever is slow holds up little


def small_buffers(transport: asyncio.BaseTransport | None) -> None:
    """Keep the kernel from growing this connection's buffers to megabytes when it is not read."""
    plug = None if transport is None else transport.get_extra_info("socket")
    if plug is not None:
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER)
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER)


class BrokerAway(Exception):
    """No connection to the broker; the text says why and names the remedy."""


@dataclass(frozen=True, slots=True)
class Streams:
    """One connection's two directions."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class Broker:
    """Where the broker listens."""

    def __init__(self, host: str, port: int, clock: Clock) -> None:
        self._host = host
        self._port = port
        self._clock = clock
        self._seen: tuple[float, str | None] | None = None
        self._looking = asyncio.Lock()  # who asks meanwhile hears what is seen

    def __str__(self) -> str:
        return f"{self._host}:{self._port}"

    async def open(self) -> Streams:
        """A new connection; asyncio gives it TCP_NODELAY. Raises BrokerAway."""
        try:
            async with asyncio.timeout(CONNECT_S):
                streams = Streams(*await asyncio.open_connection(self._host, self._port, limit=READ_BYTES // 4))
                small_buffers(streams.writer.transport)
        except OSError as error:  # TimeoutError is one
            reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
            text = (f"no broker answers at {self} ({reason or 'it took too long'}): start mosquitto, or name another"
                    " broker with --mqtt HOST:PORT")
            self._seen = (self._clock.mono(), text)
            raise BrokerAway(text) from error
        self._seen = (self._clock.mono(), None)
        return streams

    async def trouble(self) -> str | None:
        """Why the broker cannot be reached now; None when it can."""
        async with self._looking:
            if self._seen is None or self._clock.mono() - self._seen[0] >= LOOK_S:
                with suppress(BrokerAway):  # which is seen, too
                    (await self.open()).writer.close()
            assert self._seen is not None
            return self._seen[1]
