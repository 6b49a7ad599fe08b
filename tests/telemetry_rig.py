"""The telemetry worker in a thread, on a history that the test writes; and a district that hears it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import paho.mqtt.client as paho
from history_rows import HistoryFile
from paho.mqtt.enums import CallbackAPIVersion
from support import until

from edge.core.events import SinkChanged
from edge.core.ranges import Range, Ranges
from edge.shell.clock import SystemClock
from edge.shell.mqtt_client import Broker
from edge.shell.runner import ThreadRunner
from edge.shell.sinks.telemetry import TelemetryWorker
from simulator.fault_broker import BrokerRelay
from simulator.faults import Change, read

T = TypeVar("T")
TOPIC = "village/thon/telemetry"
Readings = Iterable[tuple[str, Mapping[str, float | None]]]


class Keeper:
    """What HistoryWorker does for a sink, in memory. `commit_now` commits what `coming` gives."""

    def __init__(self, file: HistoryFile) -> None:
        self.file = file
        self.acknowledged = Ranges()
        self.aside: dict[int, str] = {}
        self.coming: list[tuple[str, Mapping[str, float | None]]] = []
        self.lock = threading.Lock()
        self._wake: Callable[[], None] = lambda: None

    def register(self, _consumer: str) -> None:
        """Nothing is dropped here."""

    def acknowledge(self, _consumer: str, ranges: list[Range]) -> None:
        """Keep it."""
        for first, last in ranges:
            self.acknowledged.add(first, last)

    def set_aside(self, _consumer: str, sequence: int, why: str) -> None:
        """Keep it."""
        self.aside[sequence] = why

    def on_commit(self, wake: Callable[[], None]) -> None:
        """Whom to tell."""
        self._wake = wake

    def commit_now(self) -> None:
        """Write what is coming."""
        with self.lock:
            coming, self.coming = self.coming, []
        self.commit(coming)

    def commit(self, rows: Readings, **more: Any) -> list[int]:
        """Write these, and tell."""
        with self.lock:
            written = self.file.write(rows, **more)
        self._wake()
        return written

    def settled(self) -> bool:
        """Whether every row was acknowledged or set aside."""
        missing = [s for first, last in self.acknowledged.missing(1, self.file.newest) for s in range(first, last + 1)]
        return set(missing) <= set(self.aside)


class Rig:
    """The worker, not yet started."""

    def __init__(self, folder: Path, port: int, protocol: str = "5", drain_limit: float = 0, user: str | None = None) -> None:
        self.keeper = Keeper(HistoryFile(folder / "history.db"))
        self.told: list[SinkChanged] = []
        broker = Broker("127.0.0.1", port, protocol, "village-edge-thon-telemetry", user, None)
        self.worker = TelemetryWorker(folder / "history.db", self.keeper, broker, TOPIC, drain_limit, self.told.append)
        self._started = False
        self._runner = ThreadRunner([self.worker], SystemClock())

    def start(self) -> None:
        """Let it run."""
        self._started = True
        self._runner.start()

    def stop(self) -> None:
        """End it."""
        assert not self._started or self._runner.stop() == []
        self.worker.close()
        self.keeper.file.close()

    @property
    def refused(self) -> str | None:
        """What the core was told last."""
        return self.told[-1].refused if self.told else None


class Way:
    """The way to a broker on this machine, which can be troubled."""

    def __init__(self, broker_port: int) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._relay = self._do(lambda: BrokerRelay("127.0.0.1", broker_port))
        self.port = self._relay.port

    def suffer(self, fault: Mapping[str, object] | None) -> None:
        """Have this fault, and no other."""
        self._do(lambda: self._relay.suffer(Change(() if fault is None else (read(fault),))))

    def close(self) -> None:
        """End it, and every link over it."""
        self.suffer({"fault": "broker-away"})
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def _do(self, act: Callable[[], T]) -> T:
        async def done() -> T:
            return act()

        return asyncio.run_coroutine_threadsafe(done(), self._loop).result(5)


class District:
    """A client that hears telemetry: every row, in order, with its lane."""

    def __init__(self, port: int, topic: str = TOPIC) -> None:
        self.rows: list[tuple[int, int, str, dict[str, float], int, int]] = []
        self.messages: list[dict[str, Any]] = []
        self._heard = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, "district", protocol=paho.MQTTv5)
        self._client.on_connect = lambda *_: self._client.subscribe(topic, 1)
        self._client.on_subscribe = lambda *_: self._heard.set()
        self._client.on_message = self._message
        self._client.reconnect_delay_set(1, 1)
        self._client.connect_async("127.0.0.1", port)
        self._client.loop_start()
        until(self._heard.is_set, 10, "the district to listen")

    def sequences(self) -> list[int]:
        """What it heard, in order."""
        return [row[0] for row in list(self.rows)]

    def close(self) -> None:
        """Part from the broker."""
        self._client.disconnect()
        self._client.loop_stop()

    def _message(self, _client: object, _data: object, message: Any) -> None:
        told = json.loads(message.payload)
        self.messages.append(told)
        self.rows += [tuple(row) for row in told["rows"]]


def readings(count: int, first: int = 0, width: int = 3) -> list[tuple[str, dict[str, float | None]]]:
    """So many readings of five meters, `width` values each."""
    return [
        (f"meter/m{n % 5}", {f"q{i}_w": float(n) + i / 8 for i in range(width)}) for n in range(first, first + count)
    ]
