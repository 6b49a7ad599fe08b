"""The phone page's server: the page's files, /mqtt carried to the broker, and what a watcher asks."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import signal
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from edge.shell.clock import Clock
from edge.web import answers, headers
from edge.web.assets import PAGE, Assets
from edge.web.broker import Broker
from edge.web.carrier import Carrier
from edge.web.counts import Counts
from edge.web.door import Door, address_of
from edge.web.index import INDEX
from edge.web.listening import allow_files, cannot_listen

STOP_LINKS_S = 0.8  # the whole end takes less than 2 s
STOP_REQUESTS_S = 0.3
WORKER = "/sw.js"
IDLE_S = 75.0  # an HTTP connection without a request

log = logging.getLogger("edge.web")


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the server listens, where the broker does, and whom it believes."""

    host: str
    port: int
    broker_host: str
    broker_port: int
    origins: tuple[str, ...] = ()  # of reverse proxies, beside the page's own
    behind_proxy: bool = False  # the client's address is what X-Forwarded-For says last
    tls: ssl.SSLContext | None = None
    page: Path = PAGE

    @property
    def https(self) -> bool:
        """Whether browsers come over https, here or to a reverse proxy."""
        return self.tls is not None or any(origin.startswith("https:") for origin in self.origins)


class PageServer:
    """One listening socket and all that is behind it."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        """Reads the page. Raises PageMissing."""
        self._settings = settings
        self._clock = clock
        self._assets = Assets(settings.page)
        self._policy = headers.policy(self._assets.script_hash, settings.https)
        self._counts = Counts()
        self._door = Door(clock, settings.origins)
        self._broker = Broker(settings.broker_host, settings.broker_port, clock)
        self._carrier = Carrier(self._broker, self._door, self._counts)
        self._seldom: dict[str, float] = {}
        self._fixed: dict[str, Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]] = {
            "/health": self._health,
            "/metrics": self._metrics,
            "/mqtt": self._mqtt,
            "/now": self._now,
        }
        self._runner: web.ServerRunner | None = None
        self.port = settings.port

    async def start(self) -> None:
        """Listen. Raises CannotServe."""
        quiet = logging.getLogger("edge.web.http")
        quiet.addFilter(_no_broken_requests)
        server = web.Server(self._answer, access_log=None, logger=quiet, keepalive_timeout=IDLE_S)
        self._runner = runner = web.ServerRunner(server, shutdown_timeout=STOP_REQUESTS_S)
        await runner.setup()
        at = self._settings
        try:
            await web.TCPSite(runner, at.host, at.port, ssl_context=at.tls).start()
        except OSError as error:
            await runner.cleanup()
            raise cannot_listen(error, at.host, at.port) from error
        self.port = runner.addresses[0][1]
        scheme = "https" if at.tls else "http"
        log.info("the page is at %s://%s:%d, the broker at %s", scheme, at.host, self.port, self._broker)
        if trouble := await self._broker.trouble():
            log.warning("%s; the page is served meanwhile", trouble)

    async def stop(self) -> None:
        """Part from everybody, within 2 s."""
        if self._runner is not None:
            for site in self._runner.sites:
                await site.stop()
            await self._carrier.close(STOP_LINKS_S)
            await self._runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        answer = await self._found(request)
        if not isinstance(answer, web.WebSocketResponse):
            kind = answer.headers.get("Content-Type", "")
            answer.headers.update(headers.secure(kind, self._policy, request.path == WORKER))
            self._counts.add("requests_total", f'status="{answer.status}"')
        return answer

    async def _found(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method not in answers.READING:
            return answers.of_text("only GET and HEAD", 405, {"Allow": ", ".join(answers.READING)})
        fixed = self._fixed.get(request.path)
        if fixed is not None:
            return await fixed(request)
        asset = self._assets.find(request.path)
        if asset is None:
            return answers.of_text("there is nothing at this address; the page is at /", 404)
        return answers.of_file(request, asset, request.path in {"/", INDEX})

    async def _now(self, _request: web.BaseRequest) -> web.Response:
        now = dt.datetime.fromtimestamp(self._clock.now().wall, dt.UTC).isoformat(timespec="milliseconds")
        return answers.of_json({"now": now.replace("+00:00", "Z"), "page": self._assets.page})

    async def _health(self, _request: web.BaseRequest) -> web.Response:
        trouble = await self._broker.trouble()
        if trouble is not None:
            return answers.of_json({"ok": False, "reason": trouble}, 503)
        return answers.of_json({"ok": True})

    async def _metrics(self, _request: web.BaseRequest) -> web.Response:
        text = self._counts.text(broker_reachable=await self._broker.trouble() is None)
        return answers.of_text(text, 200, {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    async def _mqtt(self, request: web.BaseRequest) -> web.StreamResponse:
        forwarded = request.headers.getall("X-Forwarded-For", []) if self._settings.behind_proxy else []
        address = address_of(request.remote, forwarded)
        refused = self._refused(request, address)
        return await self._carrier.carry(request, address) if refused is None else refused

    def _refused(self, request: web.BaseRequest, address: str) -> web.Response | None:
        """Why this request does not become a link; None when it does."""
        if shut_s := self._door.shut_s(address):
            self._refuse("shut-out")
            return answers.of_text("too many failed logins: try again later", 429, {"Retry-After": str(ceil(shut_s))})
        if request.headers.get("Upgrade", "").lower() != "websocket" or request.method != "GET":
            return answers.of_text("this is for MQTT over WebSocket", 426, {"Upgrade": "websocket"})
        origin = request.headers.get("Origin")
        if not self._door.own(origin, "https" if self._settings.tls else "http", request.headers.get("Host")):
            whose = _short(origin)
            self._refuse("origin", f"a page of {whose} asked for /mqtt, from {address}: if phones reach this page there"
                         f" through a reverse proxy, give --origin {whose}")
            return answers.of_text("this is for pages of this server only", 403)
        if "mqtt" not in [name.strip() for name in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]:
            self._refuse("subprotocol")
            return answers.of_text("the WebSocket's subprotocol must be mqtt", 400)
        if not web.WebSocketResponse(protocols=("mqtt",)).can_prepare(request):
            self._refuse("handshake")
            return answers.of_text("this is no handshake of a WebSocket (RFC 6455)", 400)
        if self._carrier.full:
            self._refuse("full", "there are as many links as are carried at once")
            return answers.of_text("too many links: try again later", 503, {"Retry-After": "30"})
        return None

    def _refuse(self, reason: str, words: str = "") -> None:
        """Count it, and say it in the log at most once a minute, however often somebody tries."""
        self._counts.add("links_refused_total", f'reason="{reason}"')
        now = self._clock.mono()
        if words and now >= self._seldom.get(reason, 0.0):
            self._seldom[reason] = now + 60.0
            log.warning("%s", words)


async def serve(settings: Settings, clock: Clock) -> None:
    """Serve until SIGTERM or Ctrl-C. Raises PageMissing and CannotServe."""
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    allow_files()
    server = PageServer(settings, clock)
    await server.start()
    await ended.wait()
    await server.stop()


def _short(origin: str | None) -> str:
    """An Origin header as a log may have it."""
    return "".join(c for c in origin or "no origin" if c.isprintable())[:100]


def _no_broken_requests(record: logging.LogRecord) -> bool:
    """Bytes that are no HTTP are answered with 400, and are no fault of the server's to log."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))
