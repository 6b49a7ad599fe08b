"""What the page server's tests share: a small page, the server in a thread of its own, a guarded broker, MQTT by hand."""

from __future__ import annotations

import asyncio
import base64
import http.client
import socket
import subprocess
import threading
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import aiohttp
from support import Mosquitto

from edge.core.values import Moment
from edge.web.server import PageServer, Settings

T = TypeVar("T")
USER, TOKEN = "bac-tu", "c0ffee00c0ffee00c0ffee00c0ffee00"

INDEX = """<!doctype html>
<html lang="vi">
<head>
<title>Thôn</title>
<link rel="icon" href="/icons/village.svg"><link rel="stylesheet" href="/style/base.css">
<link rel="help" href="/nowhere.css">
<!-- importmap -->
<!-- modulepreload -->
<script type="module" src="/app/main.js"></script>
</head>
<body><a href="https://example.vn/app/main.js">x</a></body>
</html>
"""
FILES: dict[str, str | bytes] = {
    "index.html": INDEX,
    "app/main.js": (
        'import { html } from "lit-html";\nimport {\n  store,\n  other,\n} from "/app/store.js";\nimport "./side.js";\n'
        'const view = await import("/views/late.js"); // later\n'
    ),
    "app/store.js": 'export * from "/app/deep.js"; import mqtt from "mqtt";\nexport const from = "/views/late.js";\n',
    "app/side.js": "export const catalogue = \"lights\"; // nothing is imported\n" + "// filler\n" * 50,
    "app/deep.js": 'import { store } from "/app/store.js";\n',
    "views/late.js": "export const view = () => 1;\n",
    "lang/vi.json": '{"on": "Bật"}\n',
    "style/base.css": "body { margin: 0 }\n" * 40,
    "icons/village.svg": '<svg xmlns="http://www.w3.org/2000/svg"/>\n',
    "icons/village.png": b"\x89PNG\r\n\x1a\n",
    "vendor/lit-html.js": "export const html = 1;\n",
    "vendor/mqtt.esm.js": "export default 1;\n",
    "vendor/LICENSES.md": "# Licences\n",
    "manifest.webmanifest": '{"name": "Thôn"}\n',
    "favicon.ico": b"\0\0\1\0",
    "sw.js": "self.skipWaiting();\n",
    "__pycache__/x.pyc": b"no",
    "notes.orig": "no",
}


def page(folder: Path) -> Path:
    """A page's files, below `folder`."""
    for name, content in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


class HandClock:
    """A clock that goes when it is told to."""

    source = "hand"

    def __init__(self) -> None:
        self.at = 1000.0

    def now(self) -> Moment:
        return Moment(1_795_659_000.1234, self.at, "boot", True)

    def mono(self) -> float:
        return self.at


class HasOrigin(Protocol):
    """A server of pages."""

    @property
    def origin(self) -> str: ...


class Serving:
    """A page server on its own port, in a thread of its own until `stop`."""

    def __init__(self, folder: Path, broker_port: int, **settings: Any) -> None:
        self.clock = HandClock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.server = PageServer(Settings("127.0.0.1", 0, "127.0.0.1", broker_port, page=folder, **settings), self.clock)
        self.do(self.server.start())
        self.port = self.server.port

    def do(self, what: Coroutine[Any, Any, T]) -> T:
        """Have it done in the server's thread."""
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(20)

    def stop(self) -> None:
        self.do(self.server.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """One request as it is written, the path too; `_` in a header's name stands for `-`."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name.replace("_", "-"), value)
            connection.endheaders()
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def metric(self, name: str) -> float:
        """A figure of /metrics, by its name and labels; 0 for labels that did not occur."""
        lines = dict(line.rsplit(" ", 1) for line in self.ask("/metrics").body.decode().splitlines())
        assert f"# TYPE {name.partition('{')[0]}" in lines, name
        return float(lines.get(name, 0))


@dataclass(frozen=True)
class Answer:
    """What came over HTTP; headers by their small names."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def guarded(folder: Path, extra: str = "") -> Mosquitto:
    """A broker, running, that lets in USER with TOKEN and nobody else."""
    folder.mkdir()
    users = folder / "users"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(users), USER, TOKEN], check=True)
    broker = Mosquitto(folder, f"password_file {users}\nuser root\n{extra}")
    config = folder / "mosquitto.conf"
    config.write_text(config.read_text().replace("allow_anonymous true", "allow_anonymous false"))
    broker.start()
    return broker


# --- MQTT by hand: MQTT 3.1.1 chapters 2 and 3, MQTT 5 where the level is 5 ---


def field(text: str | bytes) -> bytes:
    data = text.encode() if isinstance(text, str) else text
    return len(data).to_bytes(2, "big") + data


def packet(first: int, content: bytes) -> bytes:
    length, head = len(content), bytearray([first])
    while True:
        length, byte = divmod(length, 128)
        head.append(byte | (0x80 if length else 0))
        if not length:
            return bytes(head) + content


def connect(user: str | None = USER, token: str = TOKEN, level: int = 4, client: str = "") -> bytes:
    flags = 0x02 | (0xC0 if user is not None else 0)
    properties = b"\0" if level == 5 else b""
    login = field(user) + field(token) if user is not None else b""
    return packet(0x10, field("MQTT") + bytes([level, flags, 0, 0]) + properties + field(client) + login)


def subscribe(topic: str) -> bytes:
    return packet(0x82, b"\0\1" + field(topic) + b"\0")


def publish(topic: str, payload: bytes) -> bytes:
    return packet(0x30, field(topic) + payload)


PINGREQ, PINGRESP, DISCONNECT = b"\xc0\0", b"\xd0\0", b"\xe0\0"
ACCEPTED = b"\x20\x02\0\0"


STATE = publish("x/state", b'{"state":"ON","level":33,"observed":"ON","since":"2026-11-26T05:09:19.903Z"}')


def flood(plug: socket.socket) -> None:
    """Send messages as fast as they are taken."""
    many = STATE * 1000
    while True:
        plug.sendall(many)


# --- a phone ---


def frame(data: bytes) -> bytes:
    """A binary message as a client sends it, masked with zeros (RFC 6455, 5.2)."""
    length = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xff" + len(data).to_bytes(8, "big")
    return b"\x82" + length + bytes(4) + data


def deaf(port: int, buffer: int) -> socket.socket:
    """A phone that has logged in and of which nothing more is read; `buffer` is the kernel's for what comes (bytes)."""
    plug = socket.socket()
    plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    plug.settimeout(10)
    plug.connect(("127.0.0.1", port))
    at = f"127.0.0.1:{port}"
    plug.sendall(
        f"GET /mqtt HTTP/1.1\r\nHost: {at}\r\nOrigin: http://{at}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}\r\n"
        f"Sec-WebSocket-Protocol: mqtt\r\n\r\n".encode()
    )
    assert b"101" in plug.recv(2000)
    plug.sendall(frame(connect()))
    return plug


def phone(scenario: Callable[[aiohttp.ClientSession], Awaitable[T]]) -> T:
    """What a phone does, and what came of it."""

    async def whole() -> T:
        async with aiohttp.ClientSession() as session:
            return await scenario(session)

    return asyncio.run(whole())


async def link(
    session: aiohttp.ClientSession, serving: HasOrigin, origin: str | None = "", protocols: tuple[str, ...] = ("mqtt",),
    **more: Any,
) -> aiohttp.ClientWebSocketResponse:
    """A WebSocket to /mqtt, as a page of this server opens it unless told otherwise."""
    headers = {} if origin is None else {"Origin": origin or serving.origin}
    headers |= more.pop("headers", {})
    return await session.ws_connect(
        f"{serving.origin}/mqtt", protocols=protocols, headers=headers, max_msg_size=0, **more
    )


async def logged_in(session: aiohttp.ClientSession, serving: Serving, **more: Any) -> aiohttp.ClientWebSocketResponse:
    """A link whose login the broker has accepted."""
    ws = await link(session, serving, **more)
    await ws.send_bytes(connect())
    assert await ws.receive_bytes(timeout=10) == ACCEPTED
    return ws


async def end_of(ws: aiohttp.ClientWebSocketResponse) -> tuple[int | None, str]:
    """How the server ended it: the close code and its words."""
    message = await ws.receive(timeout=15)
    assert message.type is aiohttp.WSMsgType.CLOSE, message
    return message.data, message.extra or ""


# --- a broker that does what no broker should ---


class FakeBroker:
    """Listens as a broker does, answers a CONNECT as it is told to, and hands each connection to `then`."""

    def __init__(self, then: Callable[[socket.socket], None], answer: bytes = ACCEPTED) -> None:
        self._then = then
        self._answer = answer
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._plugs: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def accepted(self) -> int:
        """How many connections there were."""
        return len(self._plugs)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                plug = self._server.accept()[0]
                self._plugs.append(plug)
                threading.Thread(target=self._serve, args=(plug,), daemon=True).start()

    def _serve(self, plug: socket.socket) -> None:
        with suppress(OSError):
            if plug.recv(4096) and self._answer:  # nothing came where only /health looked
                plug.sendall(self._answer)
                self._then(plug)

    def close(self) -> None:
        for plug in [self._server, *self._plugs]:
            with suppress(OSError):
                plug.shutdown(socket.SHUT_RDWR)
            plug.close()
