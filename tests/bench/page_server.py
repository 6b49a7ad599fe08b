"""What the phone page's server costs: requests a second, what /mqtt adds to a message's round trip, memory, idle time.

Requests are for one packed module with its hash, one after another on one connection, as a browser with a warm
connection asks; the floor is an asyncio server that sends as many bytes whatever is asked. A round trip is a message of
a light's state at QoS 0 that the sender itself has subscribed to: over /mqtt, packed as browsers ask for, and for the
floor over TCP to the same broker; both clients are bare sockets, and the two take turns in blocks. Memory is VmRSS after
that, and with as many more phones as are told; the floor is Python with the libraries. The idle time on a processor is
that of a server with three phones that ping the broker every 15 s; the floor has no phone.
"""

from __future__ import annotations

import base64
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

from common import ground, p99, parser, say, told
from idle import on_cpu
from memory import kilobytes
from support import free_port, listens, until
from web_house import PINGREQ, connect, frame, publish, subscribe

from edge.web.assets import Asset, Assets

BARE = Path(__file__).parent / "floors" / "bare_http.py"
MODULE = "/app/main.js"
STATE = publish("bench/state", b'{"state":"ON","level":33,"observed":"ON","since":"2026-11-26T05:09:19.903Z","by":"head"}')
KEEPALIVE_S = 15.0


class Wire:
    """A phone on a bare socket; `port` is the broker's, or the page server's when `over_web`."""

    def __init__(self, port: int, over_web: bool) -> None:
        self._over_web = over_web
        self._plug = socket.create_connection(("127.0.0.1", port))
        self._plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if over_web:
            at = f"127.0.0.1:{port}"
            self._plug.sendall(
                f"GET /mqtt HTTP/1.1\r\nHost: {at}\r\nOrigin: http://{at}\r\nUpgrade: websocket\r\n"
                f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Extensions: permessage-deflate\r\n"
                f"Sec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}\r\n"
                f"Sec-WebSocket-Protocol: mqtt\r\n\r\n".encode()
            )
            answer = self._plug.recv(4096)
            if b" 101 " not in answer or b"permessage-deflate" not in answer:
                raise SystemExit(f"no link: {answer.decode()}")
        self.say(connect())
        self._plug.recv(4096)

    def say(self, packet: bytes) -> None:
        self._plug.sendall(frame(packet) if self._over_web else packet)

    def subscribe(self) -> None:
        self.say(subscribe("bench/state"))
        self._plug.recv(4096)

    def round_trip(self) -> float:
        """Until the first bytes of what was said are back (s); each is one packet."""
        began = time.perf_counter()
        self.say(STATE)
        self._plug.recv(4096)
        return time.perf_counter() - began


def requests(port: int, seconds: float) -> float:
    """Answers a second on one connection."""
    address = f"{MODULE}?v={_module().version}"
    request = f"GET {address} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept-Encoding: gzip\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", port)) as plug:
        count, end = 0, time.perf_counter() + seconds
        while time.perf_counter() < end:
            plug.sendall(request)
            answer = plug.recv(65_536)
            head, _, body = answer.partition(b"\r\n\r\n")
            if count == 0 and b" 200 " not in head:
                raise SystemExit(head.decode())
            size = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            while len(body) < size:
                body += plug.recv(65_536)
            count += 1
    return count / seconds


def _module() -> Asset:
    asset = Assets().find(MODULE)
    assert asset is not None
    assert asset.packed is not None
    return asset


def main(blocks: int, size: int, phones: int, seconds: float) -> None:
    module = _module()
    with ground() as here:
        def web() -> tuple[subprocess.Popen[bytes], int]:
            port = free_port()
            words = ["--listen", f"127.0.0.1:{port}", "--mqtt", f"127.0.0.1:{here.broker.port}", "--log", "warning"]
            process = here.spawn([sys.executable, "-m", "edge", "web", *words])
            until(lambda: listens(port), 20, "the page server")
            return process, port

        bare_port = free_port()
        here.spawn([sys.executable, str(BARE), str(bare_port), str(len(module.packed or b""))])
        libraries = here.spawn([sys.executable, "-c", "import aiohttp.web, signal; signal.pause()"])
        until(lambda: listens(bare_port), 20, "the floor's server")
        (process, port), (quiet, _) = web(), web()

        say("requests")
        rates: dict[int, list[float]] = {port: [], bare_port: []}
        for _ in range(5):
            for each, found in rates.items():
                found.append(requests(each, 1.0))

        say("round trips")
        wires = {"over /mqtt": Wire(port, True), "direct": Wire(here.broker.port, False)}
        p50s: dict[str, list[float]] = {name: [] for name in wires}
        p99s: dict[str, list[float]] = {name: [] for name in wires}
        for block in range(blocks + 1):
            for name, wire in wires.items():
                took = alone(wire, size)
                if block:  # the first warms
                    p50s[name].append(1e3 * statistics.median(took))
                    p99s[name].append(1e3 * p99(took))

        before = kilobytes(process, "status", "VmRSS:") / 1024
        others = [Wire(port, True) for _ in range(phones)]
        after = kilobytes(process, "status", "VmRSS:") / 1024
        floor_mib = kilobytes(libraries, "status", "VmRSS:") / 1024

        say(f"idle for {seconds:g} s")
        shares = idle([process, quiet], others[:3], seconds)
    for name in wires:
        print(f"{name}: p50 {statistics.median(p50s[name]):.3f}, p99 {statistics.median(p99s[name]):.3f} ms")
    print(f"resident with {phones} phones more: {after:.1f} MiB")
    told("page-idle", shares[0], "%", max(shares[1], 1e-4), 3)
    told("page-memory", before, "MiB", floor_mib, 1)
    told("page-round-trip-p99", statistics.median(p99s["over /mqtt"]), "ms", statistics.median(p99s["direct"]), 3)
    told("page-round-trip-p50", statistics.median(p50s["over /mqtt"]), "ms", statistics.median(p50s["direct"]), 3)
    told("page-requests", statistics.median(rates[port]), "/s", statistics.median(rates[bare_port]), 0)


def alone(wire: Wire, size: int) -> list[float]:
    """So many round trips of the one subscriber there is."""
    wire.subscribe()
    took = [wire.round_trip() for _ in range(size)]
    wire.say(b"\xa2\x0f\0\2" + (11).to_bytes(2, "big") + b"bench/state")  # UNSUBSCRIBE
    wire._plug.recv(4096)
    return took


def idle(processes: list[subprocess.Popen[bytes]], phones: list[Wire], seconds: float) -> list[float]:
    """The share of one core that each takes while the phones only ping (%)."""
    time.sleep(1)
    began, before = time.perf_counter(), [on_cpu(p) for p in processes]
    while (left := began + seconds - time.perf_counter()) > 0:
        for phone in phones:
            phone.say(PINGREQ)
        time.sleep(min(KEEPALIVE_S, left))
    passed = time.perf_counter() - began
    return [100 * (on_cpu(p) - then) / passed for p, then in zip(processes, before, strict=True)]


if __name__ == "__main__":
    options = parser(__doc__)
    options.add_argument("--blocks", type=int, default=10, help="turns of each way (default: 10)")
    options.add_argument("--size", type=int, default=500, help="round trips in a block (default: 500)")
    options.add_argument("--phones", type=int, default=50, help="phones more to measure memory with (default: 50)")
    options.add_argument("--seconds", type=float, default=20.0, help="how long to be idle (default: 20)")
    given = options.parse_args()
    main(given.blocks, given.size, given.phones, given.seconds)
