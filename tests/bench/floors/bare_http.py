"""The least that an HTTP server in Python can cost: one answer, ready, to whatever is asked. `bare_http.py PORT BYTES`."""

from __future__ import annotations

import asyncio
import sys


class Answering(asyncio.Protocol):
    """Answers each request of one connection; they come whole and one after another."""

    answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        assert isinstance(self.transport, asyncio.Transport)
        if data.endswith(b"\r\n\r\n"):
            self.transport.write(self.answer)


async def main(port: int, size: int) -> None:
    Answering.answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + bytes(size)
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
