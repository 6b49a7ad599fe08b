"""Small villages for tests, as a configuration file would give them."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

from drivers.api import DriverError
from edge.core.alarms import Past
from edge.core.assembly import assemble, decoder
from edge.core.events import CommandReceived, Event, LinkChanged, Publish, RequestReceived
from edge.core.site import Site
from edge.core.values import ModelInfo, Request
from edge.shell.clock import ManualClock
from edge.shell.core_worker import CoreWorker
from edge.shell.effects import Effects
from edge.shell.leases import LeaseKeeper, at_once
from edge.shell.runner import Inbox, StepRunner
from edge.shell.safe_file import safe_entries
from edge.shell.store import StoreWorker

NGUYEN_LY = {"id": "thon", "name": "Thôn", "latitude": 19.87, "longitude": 105.68, "timezone": "Asia/Ho_Chi_Minh"}
STREET = {
    "kind": "light",
    "steps": [
        {"at": "sunset - 10m", "level": 100}, {"at": "22:30", "level": 33}, {"at": "sunrise + 10m", "level": 0},
    ],
}
CATALOGUE = {
    "sdm630": ModelInfo(
        "sdm630", "meter", True, (9600,), ("none",), quantities={"power_w": "W", "energy_kwh": "kWh"}
    ),
    "sdm120": ModelInfo(
        "sdm120", "meter", True, (9600,), ("none",), counter_step=0.001,
        quantities={"voltage_v": "V", "current_a": "A", "power_w": "W", "frequency_hz": "Hz", "energy_kwh": "kWh"},
    ),
    "xy-md02": ModelInfo(
        "xy-md02", "sensor", True, (9600,), ("none",), quantities={"temperature_c": "°C", "humidity_pct": "%"}
    ),
    "soil": ModelInfo("soil", "sensor", True, (9600,), ("none",), quantities={"moisture_pct": "%"}),
}


def street(restrike: str = "0s", circuits: int = 3, **more: Any) -> dict[str, Any]:
    """One light of equal circuits on lines 17, 18, …"""
    wiring = {
        "abcdefgh"[n]: {"output": {"gpio": 17 + n, "active": "low"}, "lamps": 8, "lamp_w": 60} for n in range(circuits)
    }
    return {"name": "Đường", "meter": "cabinet", "circuits": wiring, "program": "street", "restrike": restrike, "rotate": False, **more}


def village(lights: dict[str, Any] | None = None, programs: dict[str, Any] | None = None, **more: Any) -> Site:
    """A village of one street, unless told otherwise."""
    data = {
        "site": NGUYEN_LY | {"language": "vi"},
        "ports": {"bus": {"device": "/dev/ttyUSB0", "baudrate": 9600, "parity": "none"}},
        "meters": {
            "cabinet": {
                "name": "Tủ", "model": "sdm630", "port": "bus", "address": 1, "poll": "10s", "record": "60s", "rated_kw": 5
            }
        },
        "lights": {"road": street()} if lights is None else lights,
        "programs": {"street": STREET} | (programs or {}),
        **more,
    }
    return Site.model_validate(data)


class Line:
    """A relay's line in memory: remembers every write as (monotonic s, on)."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.writes: list[tuple[float, bool]] = []
        self.stuck: bool | None = None
        self.broken: str | None = None

    def write(self, on: bool) -> None:
        if self.broken:
            raise DriverError(self.broken)
        self.writes.append((self._clock.mono(), on))

    def read(self) -> bool | None:
        if self.broken or not self.writes:
            return None
        return self.writes[-1][1] if self.stuck is None else self.stuck

    def why(self) -> str | None:
        return self.broken


class Radio:
    """A link in memory: every message, and what a broker would retain."""

    def __init__(self) -> None:
        self.messages: list[Publish] = []
        self.retained: dict[str, bytes] = {}

    def publish(self, message: Publish) -> None:
        self.messages.append(message)
        if message.retain:
            self.retained[message.topic] = message.payload


class Bench:
    """The core, the store and the effects in one thread on a manual clock, with lines and a link in memory."""

    def __init__(
        self, site: Site | None = None, at: str = "2026-11-21T16:00:00+07:00", journal: Path | None = None,
        clock: ManualClock | None = None, lines: dict[str, Line] | None = None, look_every_s: float = 1.0, fallback: str | None = None,
        past: Past | None = None,
    ) -> None:
        self.site = site or village()
        self.clock = clock or ManualClock(when(at))
        self.lines = lines or {
            entry["output"]: Line(self.clock) for entry in safe_entries(self.site)
        }
        self.radio = Radio()
        self.inbox: Inbox[Event] = Inbox()
        self.store = StoreWorker(journal, self.inbox.put)
        self.controller = assemble(self.site, CATALOGUE, self.store.memory(), "1.0.0")
        fed_by = {f"valve/{i}": f"pump/{valve.pump}" for i, valve in self.site.valves.items() if valve.pump is not None}
        self.leases = LeaseKeeper(self.lines, self.clock.mono, self.inbox.put, fed_by, at_once)
        effects = Effects(self.leases, self.store, self.radio)
        self.core = CoreWorker(self.controller, effects, self.clock, self.inbox, look_every_s)
        self.core.start(fallback, past)
        self.runner = StepRunner([self.core, self.leases, self.store], self.clock)
        self.root = f"village/{self.site.site.id}"
        self._decoder = decoder(self.site)
        self.put(LinkChanged(up=True))

    def stop(self) -> None:
        """The process ends in good order."""
        self.leases.turn_all_off()
        self.core.stop()
        self.store.close(self.clock.now())

    def put(self, event: Event) -> None:
        """Let one event happen, and all that follows at once."""
        self.inbox.put(event)
        self.runner.settle()

    def send(self, payload: str | dict[str, Any], to: str = "light/road", user: str = "head", **how: Any) -> dict[str, Any]:
        """A message on a command topic; the last result that followed at once, or {}."""
        raw = payload.encode() if isinstance(payload, str) else json.dumps(payload).encode()
        topic = how.get("topic") or f"{how.get('prefix', '')}{self.root}/{to}/set/{user}"
        heard = self._decoder.decode(topic, raw, how.get("retained", False))
        start = len(self.radio.messages)
        if heard is not None:
            self.put(CommandReceived(heard, self.clock.now()))
        results = [m for m in self.radio.messages[start:] if m.topic.endswith("/result")]
        return json.loads(results[-1].payload) if results else {}

    def request(self, name: str, user: str = "head", **fields: Any) -> RequestReceived:
        """A well-formed request, as it comes into the core."""
        payload = json.dumps({"id": "r-1", "reply_to": f"{self.root}/reply/{user}/phone"} | fields).encode()
        heard = self._decoder.request(f"{self.root}/ask/{user}/{name}", payload, False, None, None)
        assert isinstance(heard, Request), heard
        return RequestReceived(heard)

    def ask(self, name: str, user: str = "head", **fields: Any) -> dict[str, Any]:
        """The answer that follows at once to a request, or {}."""
        start = len(self.radio.messages)
        self.put(self.request(name, user, **fields))
        return next(iter(self.answers(start)), {})

    def answers(self, start: int = 0) -> list[dict[str, Any]]:
        """What was answered, from the message number `start` on."""
        return [json.loads(m.payload) for m in self.radio.messages[start:] if m.topic.startswith(f"{self.root}/reply/")]

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.runner.advance(seconds)

    def advance_to(self, text: str) -> None:
        """Let time pass until that wall time."""
        self.runner.advance(when(text) - self.clock.now().wall)

    def alarm(self, name: str) -> dict[str, Any] | None:
        """What is retained of the alarm `<alarm kind>:<kind>:<id>`; None: nothing."""
        raw = self.radio.retained.get(f"{self.root}/alarm/{name}")
        return json.loads(raw) if raw else None

    def state(self, light: str = "road") -> dict[str, Any]:
        """The retained state of a light."""
        return json.loads(self.radio.retained[f"{self.root}/light/{light}/state"])

    def on(self, light: str = "road") -> str:
        """Which circuits are on, such as "ab"."""
        prefix = f"light/{light}/"
        return "".join(n.removeprefix(prefix) for n, line in self.lines.items() if n.startswith(prefix) and line.read())

    def results(self) -> list[dict[str, Any]]:
        """Every result so far."""
        return [json.loads(m.payload) for m in self.radio.messages if m.topic.endswith("/result")]


def when(text: str) -> float:
    """Unix time of an RFC 3339 text."""
    return dt.datetime.fromisoformat(text).timestamp()
