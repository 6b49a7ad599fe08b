"""The whole house as a stranger sees it: the simulated village and the daemon as processes, a listener on a real broker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.subscribeoptions import SubscribeOptions
from support import until

BY_ITSELF = ("program", "photocell")  # by dusk and dawn the photocell may have its say
CONFIG = Path(__file__).parents[1] / "config" / "nguyen-ly.yaml"
ROOT = "village/nguyen-ly"


def asked_often(folder: Path) -> Path:
    """The example's configuration with meters that are asked every 2 s, for what waits for them."""
    config = folder / "quick.yaml"
    config.write_text(CONFIG.read_text("utf-8").replace("poll: 10s", "poll: 2s"), "utf-8")
    return config


class Listener:
    """Hears everything on the broker: each message as (topic, payload, retained), and what is retained now."""

    def __init__(self, port: int, protocol: int = paho.MQTTv5, login: tuple[str, str] | None = None) -> None:
        self.messages: list[tuple[str, bytes, bool]] = []
        self.last: dict[str, bytes] = {}
        self._subscribed = threading.Event()
        self._five = protocol == paho.MQTTv5
        self.client = self.make_client(protocol)
        if login is not None:
            self.client.username_pw_set(*login)
        self.client.on_connect = self._connected
        self.client.on_subscribe = lambda *_: self._subscribed.set()
        self.client.on_message = self._heard
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert self._subscribed.wait(5)

    def make_client(self, protocol: int) -> paho.Client:
        """The client that it listens with, not yet connected."""
        return paho.Client(CallbackAPIVersion.VERSION2, protocol=protocol)

    def _connected(self, client: paho.Client, *_: object) -> None:
        client.subscribe("#", options=SubscribeOptions(1, retainAsPublished=True)) if self._five else client.subscribe("#", 1)

    def _heard(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        self.messages.append((message.topic, bytes(message.payload), message.retain))
        self.last[message.topic] = bytes(message.payload)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def say(self, topic: str, payload: str | bytes | dict[str, Any], retain: bool = False) -> None:
        raw = json.dumps(payload) if isinstance(payload, dict) else payload
        self.client.publish(f"{ROOT}/{topic}", raw, qos=1, retain=retain).wait_for_publish(5)

    def json(self, topic: str) -> dict[str, Any]:
        return json.loads(self.last.get(f"{ROOT}/{topic}", b"{}"))

    def state(self, light: str = "main-road") -> dict[str, Any]:
        return self.json(f"light/{light}/state")

    def results(self, light: str = "main-road") -> list[dict[str, Any]]:
        return [json.loads(p) for t, p, _ in self.messages if t == f"{ROOT}/light/{light}/result"]

    def ask(self, payload: str | bytes | dict[str, Any], to: str = "light/main-road", **how: Any) -> dict[str, Any]:
        """Publish a command and wait for the next result of its device."""
        return self.ask_at(f"{to}/set/{how.pop('user', 'head')}", payload, to, **how)

    def ask_at(self, at: str, payload: str | bytes | dict[str, Any], to: str, **how: Any) -> dict[str, Any]:
        """Publish on any topic and wait for the next result of the device `to`."""
        topic = f"{ROOT}/{to}/result"
        before = sum(t == topic for t, _, _ in self.messages)
        self.say(at, payload, **how)
        until(lambda: sum(t == topic for t, _, _ in self.messages) > before, 5, f"a result for {payload!r:.80}")
        return json.loads([p for t, p, _ in self.messages if t == topic][before])


class House:
    """village-sim and `village-edge run` in a directory, each a process that can be killed and started again."""

    def __init__(self, folder: Path, broker_port: int, protocol: str = "5", config: Path = CONFIG) -> None:
        self.sim = folder / "sim"
        self.state = folder / "state"
        self.log = folder / "daemon.log"
        self._broker_port = broker_port
        self._protocol = protocol
        self._config = folder / "site.yaml"
        # Dark by its program at any hour, and the same circuits first on any night, so that what a test sees does not
        # depend on when it runs.
        fixed = config.read_text("utf-8").replace("program: street", "program: evening-off\n    rotate: false")
        fixed = fixed.replace("program: lanes", "program: evening-off")
        self._config.write_text(fixed, "utf-8")
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start_sim(self) -> None:
        self._start("sim", ["-m", "simulator", "--config", str(self._config), "--run", str(self.sim), "--quiet"])
        until((self.sim / "ready").exists, 10, "village-sim")

    def start(self) -> None:
        """Start the daemon; returns at once."""
        more = ["--mqtt", f"127.0.0.1:{self._broker_port}", "--protocol", self._protocol]
        where = ["--config", str(self._config), "--state", str(self.state), "--sim", str(self.sim)]
        self._start("daemon", ["-m", "edge", "run", *where, *more])

    def kill(self, which: str = "daemon", how: int = signal.SIGKILL) -> int:
        process = self._processes.pop(which)
        process.send_signal(how)
        return process.wait(10)

    def alive(self) -> bool:
        return self.daemon.poll() is None

    @property
    def config(self) -> Path:
        """The configuration that both processes read."""
        return self._config

    @property
    def daemon(self) -> subprocess.Popen[bytes]:
        return self._processes["daemon"]

    def end(self) -> None:
        for name in list(self._processes):
            self.kill(name, signal.SIGTERM)

    def pins(self) -> list[dict[str, Any]]:
        """Every message that a line of the simulated village has seen, in order."""
        log = self.sim / "pins.log"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def lit(self) -> str:
        """Which circuits of the main road the village's own lines have on (active low)."""
        level = {m["pin"]: m["level"] for m in self.pins()}
        return "".join(c for c, pin in (("a", 17), ("b", 27), ("c", 22)) if level.get(pin) == 0)

    def _start(self, name: str, arguments: list[str]) -> None:
        with self.log.open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [sys.executable, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=os.environ | {"TZ": "UTC"}
            )
