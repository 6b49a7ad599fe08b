"""A slow mobile connection: a TCP relay with so many bits a second each way, shared by all connections, and a round trip."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import Self

SLICE = 1460  # bytes that go at once, as a packet would


class _Pipe:
    """One direction of the line: bytes leave one after another at its rate, and arrive half a round trip later."""

    def __init__(self, bytes_s: float, delay_s: float) -> None:
        self._bytes_s = bytes_s
        self._delay_s = delay_s
        self._free = 0.0
        self.carried = 0

    def arrival(self, size: int) -> float:
        """When so many bytes, sent now, will have arrived (the loop's time)."""
        now = asyncio.get_running_loop().time()
        self._free = max(self._free, now) + size / self._bytes_s
        self.carried += size
        return self._free + self._delay_s

    def backlog_s(self) -> float:
        """How far ahead the line is sold."""
        return max(0.0, self._free - asyncio.get_running_loop().time())


class SlowLine:
    """Listens on a port of the loopback and relays to another, as a phone with a weak signal would reach it.

    A connection costs a round trip before its first byte, as TCP's handshake does. TCP's slow start is not played.
    """

    def __init__(self, to_port: int, kbit_s: float = 400, round_trip_s: float = 0.4) -> None:
        self._to_port = to_port
        self._rate = kbit_s * 1000 / 8
        self._trip = round_trip_s
        self.port = 0
        self.connections = 0
        self._loop = asyncio.new_event_loop()
        self._up: _Pipe
        self._down: _Pipe
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="slow-line", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    @property
    def down_bytes(self) -> int:
        """What has gone to the phone."""
        return self._down.carried

    @property
    def up_bytes(self) -> int:
        """What has come from it."""
        return self._up.carried

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._up, self._down = (_Pipe(self._rate, self._trip / 2) for _ in range(2))
        server = self._loop.run_until_complete(asyncio.start_server(self._relay, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self._loop.close()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        await asyncio.sleep(self._trip)
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to_port)
        both = [self._carry(reader, far_writer, self._up), self._carry(far_reader, writer, self._down)]
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*both, return_exceptions=True)
        for one in (writer, far_writer):
            one.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pipe: _Pipe) -> None:
        """Each slice arrives in its turn; what is under way is at most what half a second of the line holds."""
        arriving: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        delivery = asyncio.ensure_future(self._deliver(arriving, writer))
        try:
            while data := await reader.read(SLICE):
                arriving.put_nowait((pipe.arrival(len(data)), data))
                if (ahead := pipe.backlog_s()) > 0.1:
                    await asyncio.sleep(ahead - 0.05)
        finally:
            arriving.put_nowait((0.0, b""))
            await delivery

    async def _deliver(self, arriving: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        with suppress(OSError):
            while True:
                due, data = await arriving.get()
                if not data:
                    break
                if (wait := due - loop.time()) > 0:
                    await asyncio.sleep(wait)
                writer.write(data)
                await writer.drain()
            writer.write_eof()
