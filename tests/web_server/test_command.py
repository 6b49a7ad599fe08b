"""`village-edge web` as a process: what it says when it cannot begin, TLS, health, and its end."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import aiohttp
import pytest
from support import Mosquitto, free_port, listens, until
from web_house import ACCEPTED, connect, end_of, phone

from edge.cli import main
from edge.web.listening import CannotServe, tls

pytestmark = pytest.mark.slow

Start = Callable[..., tuple[subprocess.Popen[str], int]]


def once(*words: str) -> tuple[int, str]:
    """The exit status of a server that cannot begin, and what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "edge", "web", *words], capture_output=True, text=True, timeout=20, check=False
    )
    return done.returncode, done.stderr


@pytest.fixture
def web() -> Iterator[Start]:
    """Starts the command on a free port and waits until it listens; what runs at the end is killed."""
    processes: list[subprocess.Popen[str]] = []

    def start(*words: str) -> tuple[subprocess.Popen[str], int]:
        port = free_port()
        command = [sys.executable, "-m", "edge", "web", "--listen", f"127.0.0.1:{port}", *words]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        processes.append(process)
        until(lambda: listens(port) or process.poll() is not None, 15, "the server to listen")
        return process, port

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that nobody vouches for, and its key."""
    cert, key = tmp_path / "page.pem", tmp_path / "page.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=thon", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert],
        check=True, capture_output=True,
    )
    return cert, key


def health(port: int) -> tuple[int, dict[str, object]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/health")
    answer = connection.getresponse()
    assert answer.getheader("Content-Type") == "application/json"
    return answer.status, json.loads(answer.read())


def end(process: subprocess.Popen[str], how: signal.Signals = signal.SIGTERM) -> tuple[float, str]:
    """How long it takes to end (s), and all that it has said."""
    began = time.monotonic()
    process.send_signal(how)
    _, said = process.communicate(timeout=10)
    return time.monotonic() - began, said


def test_health_follows_the_broker(web: Start, mosquitto: Mosquitto) -> None:
    _, port = web("--mqtt", f"127.0.0.1:{mosquitto.port}")
    assert health(port) == (200, {"ok": True})
    mosquitto.stop()
    status, answer = until(lambda: found if (found := health(port))[0] != 200 else None, what="the broker to be missed")
    reason = f"no broker answers at 127.0.0.1:{mosquitto.port} (Connection refused): start mosquitto, or name another broker"
    assert (status, answer) == (503, {"ok": False, "reason": f"{reason} with --mqtt HOST:PORT"})
    mosquitto.start()
    until(lambda: health(port)[0] == 200, what="the broker to be seen again")


def test_looking_at_health_again_and_again_asks_the_broker_once_a_second(web: Start, mosquitto: Mosquitto) -> None:
    _, port = web("--mqtt", f"127.0.0.1:{mosquitto.port}")
    before = mosquitto.log.read_text().count("New connection")
    began = time.monotonic()
    for _ in range(200):
        assert health(port)[0] == 200
    seconds = time.monotonic() - began
    assert mosquitto.log.read_text().count("New connection") - before <= seconds + 1


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_within_two_seconds_whoever_is_linked(web: Start, mosquitto: Mosquitto, how: signal.Signals) -> None:
    process, port = web("--mqtt", f"127.0.0.1:{mosquitto.port}")
    origin = f"http://127.0.0.1:{port}"

    async def scenario(session: aiohttp.ClientSession) -> tuple[float, list[tuple[int | None, str]]]:
        links = []
        for _ in range(20):
            ws = await session.ws_connect(f"{origin}/mqtt", protocols=("mqtt",), headers={"Origin": origin})
            await ws.send_bytes(connect())
            assert await ws.receive_bytes(timeout=5) == ACCEPTED
            links.append(ws)
        deaf = links[10:]  # these do not say goodbye
        ends = asyncio.gather(*(end_of(ws) for ws in links[:10]))
        took, said = await asyncio.to_thread(end, process, how)
        assert len(deaf) == 10
        assert said.count("ended: ") >= 10
        assert "Traceback" not in said
        return took, await ends

    with socket.create_connection(("127.0.0.1", port)) as silent:
        took, ends = phone(scenario)
        assert silent.recv(1) == b""
    assert took < 2
    assert ends == [(1001, "the server is stopping")] * 10
    assert process.returncode == 0


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
def test_with_a_certificate_it_is_https_and_wss(web: Start, mosquitto: Mosquitto, certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    process, port = web("--mqtt", f"127.0.0.1:{mosquitto.port}", "--cert", str(cert), "--key", str(key))
    trusting = ssl.create_default_context(cafile=str(cert))
    at = f"https://127.0.0.1:{port}"

    async def scenario() -> None:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusting)) as session:
            async with session.get(f"{at}/now") as answer:
                assert answer.status == 200
            async with session.get(at) as answer:
                assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
            ws = await session.ws_connect(f"{at}/mqtt", protocols=("mqtt",), headers={"Origin": at})
            await ws.send_bytes(connect())
            assert await ws.receive_bytes(timeout=5) == ACCEPTED
            with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
                await session.ws_connect(f"{at}/mqtt", protocols=("mqtt",), headers={"Origin": at.replace("https", "http")})

    asyncio.run(scenario())
    with socket.create_connection(("127.0.0.1", port)) as plain:  # no TLS
        plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
        plain.settimeout(5)
        assert b"200 OK" not in plain.recv(100)
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection(("127.0.0.1", port)) as plain, pytest.raises((ssl.SSLError, OSError)):
        old.wrap_socket(plain)
    _, said = end(process)
    assert f"the page is at https://127.0.0.1:{port}" in said
    assert "Traceback" not in said


def test_a_certificate_that_is_no_good_is_told(certificate: tuple[Path, Path], tmp_path: Path) -> None:
    cert, key = certificate
    locked, other = tmp_path / "locked.key", tmp_path / "other.key"
    subprocess.run(["openssl", "pkey", "-in", key, "-aes256", "-passout", "pass:x", "-out", locked], check=True)
    subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", other], check=True)
    for first, second, told in [
        (tmp_path / "none", key, "none cannot be read (No such file or directory): name a file that this user may read"),
        (cert, tmp_path / "none", "none cannot be read (No such file or directory)"),
        (key, cert, "are no certificate and its own key in PEM format"),
        (cert, other, "are no certificate and its own key in PEM format (KEY_VALUES_MISMATCH"),
        (cert, locked, "the key has a passphrase, and nobody is there to type it: take it off with `openssl pkey`"),
    ]:
        with pytest.raises(CannotServe, match=re.escape(told)):
            tls(first, second)
    assert once("--cert", str(cert)) == (1, "village-edge web: give both --cert and --key, or neither\n")
    status, said = once("--cert", str(tmp_path / "none"), "--key", str(key))
    assert (status, said.count("\n")) == (1, 1), said
    assert said.startswith("village-edge web: ")


def test_an_address_that_cannot_be_had_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, said = once("--listen", f"127.0.0.1:{port}", "--log", "error")
    remedy = f"another program has this port (`ss -ltnp 'sport = :{port}'` names it): end it, or take another port"
    assert (status, said) == (1, f"village-edge web: cannot listen on 127.0.0.1:{port}: {remedy}\n")
    status, said = once("--listen", "192.0.2.1:8080", "--log", "error")
    assert status == 1
    assert "this machine has no such address: give --listen 0.0.0.0:PORT" in said


@pytest.mark.parametrize(("words", "told"), [
    (["--listen", "8080"], "'8080' is no address to listen on: write HOST:PORT, such as 0.0.0.0:8080"),
    (["--listen", "0.0.0.0:99999"], "is no address to listen on"),
    (["--mqtt", ":1883"], "is no broker's address: write HOST:PORT"),
    (["--origin", "thon.vn"], "'thon.vn' is no origin: write https://HOST or https://HOST:PORT and no path"),
    (["--origin", "https://thon.vn/page"], "is no origin"),
    (["--log", "loud"], "invalid choice"),
])
def test_what_is_typed_wrongly_is_told(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["web", *words])
    assert ended.value.code == 2
    assert told in capsys.readouterr().err


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["web", "--help"])
    told = capsys.readouterr().out
    for word in ("--listen", "--mqtt", "--cert", "--key", "--origin", "--behind-proxy", "examples:", "/health", "exit status:"):
        assert word in told


def test_the_log_has_no_traceback_for_bytes_that_are_no_http(web: Start) -> None:
    process, port = web()
    for garbage in (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\nA" + b"a" * 20_000 + b"\r\n\r\n",
                    b"GET http://[/ HTTP/1.1\r\nHost: x\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n", b"\0" * 100):
        with socket.create_connection(("127.0.0.1", port)) as plug:
            plug.sendall(garbage)
            plug.shutdown(socket.SHUT_WR)
            plug.settimeout(5)
            answer = plug.recv(1000)
            assert answer == b"" or re.match(rb"HTTP/1\.[01] (400|404)", answer), answer
    assert health(port)[0] == 503
    _, said = end(process)
    assert "Traceback" not in said
    assert said.count("\n") <= 3, said
