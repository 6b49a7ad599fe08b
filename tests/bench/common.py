"""What the measurements share: a broker and controllers as processes, a client, villages, and how figures are told."""

from __future__ import annotations

import argparse
import itertools
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

sys.path.append(str(Path(__file__).parents[1]))
from support import Mosquitto, until

NGUYEN_LY = Path(__file__).parents[2] / "config" / "nguyen-ly.yaml"
ECHO = Path(__file__).parent / "floors" / "echo.py"
LIBRARIES = (
    "import paho.mqtt.client, pydantic, ruamel.yaml, gpiozero, apscheduler.triggers.cron, ephem, serial, orjson, "
    "sqlite3"
)
ONLINE_S = 20.0


def parser(description: str | None) -> argparse.ArgumentParser:
    """The command line of a measurement, which explains itself with the module's text."""
    return argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)


def say(text: str) -> None:
    """Progress, for whoever waits."""
    print(text, file=sys.stderr, flush=True)


def told(name: str, figure: float, unit: str, floor: float, digits: int = 2) -> None:
    """The figure beside its floor, as the last line of every measurement has it."""
    print(f"{name}: {figure:.{digits}f} {unit} (ratio {figure / floor:.2f} to floor {floor:.{digits}f})", flush=True)


def p99(values: Sequence[float]) -> float:
    """What 99 of 100 values do not exceed."""
    return sorted(values)[min(int(len(values) * 0.99), len(values) - 1)]


def spread(values: Sequence[float], scale: float = 1.0) -> str:
    """Median and p99 of `values`, each times `scale`."""
    return f"p50 {scale * statistics.median(values):.2f}, p99 {scale * p99(values):.2f}"


# --- villages ---


def village(site: str, lights: int, meters: int = 0, ports: int = 1) -> str:
    """A configuration: lights of one circuit each on GPIO lines (at most 26), SDM120 meters spread over serial ports."""
    lines = [
        f"site: {{id: {site}, name: Bench, latitude: 19.87, longitude: 105.68, timezone: Asia/Ho_Chi_Minh, language: en}}",
        "limits: {switching: {burst: 0, per: 60s}}",
        "programs:",
        "  street:",
        "    kind: light",
        "    steps: [{at: sunset - 10m, level: 100}, {at: sunrise + 10m, level: 0}]",
    ]
    lines += ["lights:"] * (lights > 0) + [
        f"  lamp-{n}: {{name: Lamp {n}, circuits: {{a: {{output: {{gpio: {n + 1}, active: low}}, lamps: 8, lamp_w: 60}}}}, program: street}}"
        for n in range(1, lights + 1)
    ]
    if meters:
        lines += ["ports:"] + [f"  line-{p}: {{device: /dev/ttyUSB{p}, baudrate: 9600, parity: none}}" for p in range(ports)]
        lines += ["meters:"] + [
            f"  meter-{n}: {{name: Meter {n}, model: sdm120, port: line-{n % ports}, address: {n // ports + 1}, poll: 10s}}"
            for n in range(meters)
        ]
    return "\n".join(lines) + "\n"


# --- processes ---


@dataclass(frozen=True)
class Daemon:
    """A controller that can be started again and again: its command, and where it says that it is there."""

    command: list[str]
    status: str


class Ground:
    """A folder, a broker, and the processes started beside it."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self._names = itertools.count()
        self.broker = Mosquitto(folder)
        stack.callback(self.broker.kill)
        self.broker.start()

    def spawn(self, command: Sequence[str], pins: str | None = None) -> subprocess.Popen[bytes]:
        """Start a process whose words go to a log; it is ended with everything else, if not before by `end`."""
        more = {"GPIOZERO_PIN_FACTORY": pins} if pins else {}
        with (self.folder / f"{next(self._names)}.log").open("wb") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=os.environ | {"TZ": "UTC"} | more
            )
        self._stack.callback(end, process, signal.SIGKILL)
        return process

    def _said(self) -> str:
        """All that the processes have written."""
        return "".join(log.read_text("utf-8", "replace") for log in sorted(self.folder.glob("*.log")))

    def daemon(self, site: str, config: str, simulated: bool = True) -> Daemon:
        """A controller for `config`, and the simulated village that it needs unless its pins are in its own memory."""
        place = self.folder / site
        place.mkdir()
        file = place / "site.yaml"
        file.write_text(config, "utf-8")
        command = [sys.executable, "-m", "edge", "run", "--config", str(file), "--state", str(place / "state")]
        command += ["--mqtt", f"127.0.0.1:{self.broker.port}", "--log", "warning"]
        if simulated:
            run = place / "sim"
            command += ["--sim", str(run)]
            player = self.spawn([sys.executable, "-m", "simulator", "--config", str(file), "--run", str(run), "--quiet"])
            until(lambda: (run / "ready").exists() or player.poll() is not None, 30, f"the simulated village of {site}")
            if player.poll() is not None:
                raise SystemExit(f"the simulated village of {site} ended at once: {self._said()}")
        return Daemon(command, f"village/{site}/status")

    def up(self, daemon: Daemon, pins: str | None = None) -> subprocess.Popen[bytes]:
        """Start a controller and wait until it says that it is online."""
        return self.start(daemon, pins)[0]

    def start(self, daemon: Daemon, pins: str | None = None) -> tuple[subprocess.Popen[bytes], float]:
        """Start a controller; how long until a client that waits for it hears that it is online (s)."""
        return self._online(daemon.status, daemon.command, pins)

    def echo(self) -> subprocess.Popen[bytes]:
        """Start the floor's echo and wait until it is there."""
        return self._online("echo/status", [sys.executable, str(ECHO), str(self.broker.port)])[0]

    def _online(
        self, status: str, command: Sequence[str], pins: str | None = None
    ) -> tuple[subprocess.Popen[bytes], float]:
        online: list[bytes] = []
        client = Client(self.broker.port, [status], lambda _topic, payload: online.append(payload))
        began = time.perf_counter()
        process = self.spawn(command, pins)
        client.until(lambda: b"online" in online or process.poll() is not None, ONLINE_S, f"online on {status}")
        took = time.perf_counter() - began
        client.close()
        if process.poll() is not None:
            raise SystemExit(f"{' '.join(command)} ended at once: {self._said()}")
        return process, took


def end(process: subprocess.Popen[bytes], how: int = signal.SIGTERM) -> None:
    """End a process and wait for it."""
    if process.poll() is None:
        process.send_signal(how)
        process.wait(10)


@contextmanager
def ground() -> Iterator[Ground]:
    """A place to measure on. Whatever happens, Ctrl-C and SIGTERM too, its processes and its folder are gone after."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, ExitStack() as stack:
        yield Ground(Path(folder), stack)


# --- the client ---


class Client:
    """A phone: it publishes and hears in one thread, so that nothing of its own stands between it and the clock."""

    def __init__(self, port: int, topics: Sequence[str], heard: Callable[[str, bytes], None]) -> None:
        self._subscribed = False
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self._client.on_socket_open = lambda _c, _d, sock: sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._client.on_connect = lambda *_: self._client.subscribe([(topic, 1) for topic in topics])
        self._client.on_subscribe = lambda *_: setattr(self, "_subscribed", True)
        self._client.on_message = lambda _c, _d, message: heard(message.topic, message.payload)
        self._client.connect("127.0.0.1", port)
        self.until(lambda: self._subscribed, 5, "the broker")

    def publish(self, topic: str, payload: bytes) -> None:
        """Send with QoS 1, at once."""
        self._client.publish(topic, payload, 1)

    def listen(self, moment: float) -> None:
        """Hear what comes until `moment` (of time.perf_counter)."""
        while (left := moment - time.perf_counter()) > 0:
            self._client.loop(left)

    def until(self, condition: Callable[[], bool], deadline_s: float, what: str) -> None:
        """Hear what comes until `condition` holds; end the measurement when it does not in time."""
        last = time.perf_counter() + deadline_s
        while not condition():
            if time.perf_counter() > last:
                raise SystemExit(f"waited {deadline_s:g} s in vain for {what}")
            self._client.loop(0.05)

    def close(self) -> None:
        """Part from the broker."""
        self._client.disconnect()
        self._client.loop(0.05)
