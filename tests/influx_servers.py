"""Servers that are written to as to InfluxDB: VictoriaMetrics and InfluxDB from Debian's packages, and one that harms."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
from support import free_port, until

Points = dict[tuple[str, int], dict[str, float]]  # by series (measurement and tags) and Unix ms: the fields


class Started:
    """A server from a package, in a process of its own on a port of the loopback."""

    package = ""
    program = ""

    def __init__(self, folder: Path) -> None:
        found = shutil.which(self.program, path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin")
        if found is None:
            pytest.skip(f"needs {self.program}: sudo apt install {self.package}")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = folder
        self._command = [found, *self.arguments()]
        self._process: subprocess.Popen[bytes] | None = None

    def arguments(self) -> list[str]:
        raise NotImplementedError

    def start(self) -> None:
        """Start it, again on the same port and files, and return once it answers."""
        with (self.folder / "server.log").open("ab") as log:
            self._process = process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        until(lambda: process.poll() is not None or self.answers(), 20, f"{self.program} to answer")
        assert process.poll() is None, (self.folder / "server.log").read_text("utf-8", "replace")[-2000:]

    def answers(self) -> bool:
        try:
            return self.ask("GET", "/ping" if self.program == "influxd" else "/health")[0] in (200, 204)
        except OSError:
            return False

    def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, str]:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            line.request(method, path, body)
            answer = line.getresponse()
            return answer.status, answer.read().decode()
        finally:
            line.close()

    def stop(self) -> None:
        self._end(subprocess.Popen.terminate)

    def kill(self) -> None:
        """End it without a word to anyone."""
        self._end(subprocess.Popen.kill)

    def _end(self, how: Callable[[subprocess.Popen[bytes]], None]) -> None:
        if self._process is not None:
            how(self._process)
            self._process.wait(10)
            self._process = None


class VictoriaMetrics(Started):
    """It keeps everything that it can read at all. Of points with the same time it shows one."""

    package, program = "victoria-metrics", "victoria-metrics"

    def arguments(self) -> list[str]:
        return [
            f"-storageDataPath={self.folder / 'data'}", f"-httpListenAddr=127.0.0.1:{self.port}", "-retentionPeriod=10y",
            "-dedup.minScrapeInterval=1ms", "-loggerLevel=WARN", "-memory.allowedBytes=64MB",
        ]  # fmt: skip

    def points(self) -> tuple[int, Points]:
        """How many figures there are, and the points they make."""
        self.ask("GET", "/internal/force_flush")
        _, text = self.ask("GET", "/api/v1/export?" + urlencode({"match[]": '{__name__!=""}'}))
        figures, found = 0, Points()
        for line in text.splitlines():
            series = json.loads(line)
            labels = series["metric"]
            kind, _, field = labels["__name__"].partition("_")
            for at, value in zip(series["timestamps"], series["values"], strict=True):
                figures += 1
                found.setdefault((_named(kind, labels), at), {})[field] = value
        return figures, found


class Influx1(Started):
    """InfluxDB 1: the second version's parser and its refusals, by the first version's interface."""

    package, program = "influxdb", "influxd"

    def __init__(self, folder: Path, *, auth: bool = False) -> None:
        self._auth = auth
        super().__init__(folder)

    def arguments(self) -> list[str]:
        config = self.folder / "influxdb.conf"
        config.write_text(
            f'reporting-disabled = true\nbind-address = "127.0.0.1:{free_port()}"\n'
            f'[meta]\n  dir = "{self.folder}/meta"\n'
            f'[data]\n  dir = "{self.folder}/data"\n  wal-dir = "{self.folder}/wal"\n  query-log-enabled = false\n'
            f'[http]\n  bind-address = "127.0.0.1:{self.port}"\n  log-enabled = false\n'
            f"  auth-enabled = {str(self._auth).lower()}\n[monitor]\n  store-enabled = false\n"
        )
        return ["-config", str(config)]

    def query(self, text: str, **more: str) -> list[dict[str, Any]]:
        status, said = self.ask("POST", "/query?" + urlencode({"q": text, "epoch": "ms", **more}))
        assert status == 200, said
        (result,) = json.loads(said)["results"]
        assert "error" not in result, result
        return list(result.get("series", []))

    def points(self, bucket: str = "village") -> tuple[int, Points]:
        figures, found = 0, Points()
        for series in self.query("SELECT * FROM /.*/ GROUP BY *", db=bucket):
            for row in series["values"]:
                fields = {name: value for name, value in zip(series["columns"], row, strict=True) if value is not None}
                at = fields.pop("time")
                found[_named(series["name"], series["tags"]), at] = fields
                figures += len(fields)
        return figures, found


def _named(kind: str, tags: Mapping[str, str]) -> str:
    return f"{kind},device={tags['device']},site={tags['site']}"


def parsed(body: str) -> Points:
    """The points in line protocol as the sink writes it."""
    found = Points()
    for line in body.splitlines():
        series, fields, at = line.split(" ")
        pairs = (field.split("=") for field in fields.split(","))
        found[series, int(at)] = {name: float(value.removesuffix("i")) for name, value in pairs}
    return found


class Keeper:
    """Stands behind a Front: keeps points, but none with a field in `bad`, and then the others of that request or not."""

    def __init__(self) -> None:
        self.kept = Points()
        self.bad: set[str] = set()
        self.partial = False

    def write(self, _query: Mapping[str, list[str]], _token: str, body: bytes) -> tuple[int, bytes]:
        points = parsed(body.decode())
        good = {key: fields for key, fields in points.items() if not self.bad & fields.keys()}
        if self.partial or len(good) == len(points):
            self.kept |= good
        if len(good) == len(points):
            return 204, b""
        return 400, b'{"code":"invalid","message":"field type conflict"}'

    def points(self) -> tuple[int, Points]:
        return sum(len(fields) for fields in self.kept.values()), self.kept


class Forward:
    """Stands behind a Front: InfluxDB 1, with the second version's interface turned into the first one's."""

    def __init__(self, server: Influx1) -> None:
        self.server = server

    def write(self, query: Mapping[str, list[str]], token: str, body: bytes) -> tuple[int, bytes]:
        more = {"db": query["bucket"][0], "precision": query["precision"][0]}
        if token:
            more |= dict(zip("up", token.removeprefix("Token ").split(":"), strict=True))
        status, said = self.server.ask("POST", "/write?" + urlencode(more, quote_via=quote), body)
        return status, said.encode()


ANSWERS = {
    "401": b'{"code":"unauthorized","message":"unauthorized access"}',
    "403": b'{"code":"forbidden","message":"insufficient permissions for write"}',
    "404": b'{"code":"not found","message":"bucket \\"village\\" not found"}',
    "413": b"", "429": b"", "503": b"<html>Service Unavailable</html>", "200": b"<html>Welcome to our network</html>",
    "507": b'{"error":"no space left on device"}', "301": b"",
}  # fmt: skip
STUCK = frozenset({"hang", "drip", "endless"})


class Front:
    """An HTTP server on the loopback that passes requests on to what stands behind it, or does what it is told.

    `fate` is asked for each request: one of ANSWERS or STUCK, `garbage`, `cut`, `kept` (and not said), `echo` (of the token), or
    None.
    """

    def __init__(self, behind: Keeper | Forward, certificate: tuple[Path, Path] | None = None) -> None:
        """`certificate`: its file and its key's; then it speaks TLS."""
        self.behind = behind
        self.fate: Callable[[], str | None] = lambda: None
        self.requests: list[str] = []
        self.tokens: set[str] = set()
        self.stuck = threading.Event()
        self.over = threading.Event()
        front = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                front._heard(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign] # whoever cut us off meant it
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"http{'s' if certificate else ''}://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()

    def _heard(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"]))
        url = urlsplit(request.path)
        assert url.path == "/api/v2/write"
        token = request.headers.get("Authorization", "")
        self.tokens.add(token)
        self.requests.append(body.decode())
        fate = self.fate()
        if fate in STUCK:
            self.stuck.set()
            self._stick(request, fate)
            return
        if fate in ("garbage", "cut"):
            request.close_connection = True
            request.wfile.write(b"\x00\xff\xfe\x80 hello\r\n\r\n" if fate == "garbage" else b"")
            return
        if fate == "echo":
            self._answer(request, 403, b"not with the " + token.encode())
            return
        if fate in ANSWERS:
            self._answer(request, int(fate), ANSWERS[fate])
            return
        try:
            status, said = self.behind.write(parse_qs(url.query), token, body)
        except OSError:
            fate = "kept"  # nobody is there behind it
            status, said = 0, b""
        if fate == "kept":
            request.close_connection = True
        else:
            self._answer(request, status, said)

    def _answer(self, request: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
        request.send_response(status)
        if status == 429:
            request.send_header("Retry-After", "17")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if status != 204:
            request.wfile.write(body)

    def _stick(self, request: BaseHTTPRequestHandler, fate: str) -> None:
        request.close_connection = True
        if fate == "drip":
            request.wfile.write(b"HTTP/1.1 500 Internal Server Error\r\nX: ")
        elif fate == "endless":
            request.wfile.write(b"HTTP/1.1 500 Internal Server Error\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n")
        while not self.over.wait(0.02):
            request.connection.settimeout(0.02)
            try:
                if request.connection.recv(1) == b"":
                    return
            except TimeoutError:
                pass
            except OSError:
                return
            if fate != "hang":
                request.connection.sendall(b"y" if fate == "drip" else b"1\r\nz\r\n")
