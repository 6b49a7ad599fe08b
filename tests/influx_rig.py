"""A history and the sink that writes it to an InfluxDB, for tests."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

from history_rows import NOON_MS, HistoryFile
from influx_servers import Front, Points

from edge.core.events import SinkChanged
from edge.core.ranges import Range, Ranges
from edge.core.site import Influx
from edge.shell.clock import ManualClock
from edge.shell.influx_server import opener
from edge.shell.sinks.influxdb import ANSWER_S, InfluxWorker

SITE = "thon"


class History:
    """The history's file, and what the sink says of it; what is acknowledged twice is an error."""

    def __init__(self, folder: Path) -> None:
        self.file = HistoryFile(folder / "history.db")
        self.has = Ranges()
        self.aside: dict[int, str] = {}
        self._wakes: list[Callable[[], None]] = []

    def acknowledge(self, consumer: str, ranges: list[Range]) -> None:
        assert consumer == "influxdb"
        for first, last in ranges:
            assert not any(n in self.has or n in self.aside for n in range(first, last + 1))
            self.has.add(first, last)
        self.file.do("INSERT OR REPLACE INTO consumers (id, acknowledged, dropped, set_aside) VALUES ('influxdb', ?, 0, 0)", json.dumps(list(self.has)))

    def set_aside(self, consumer: str, sequence: int, why: str) -> None:
        assert sequence not in self.aside
        assert sequence not in self.has
        self.aside[sequence] = why
        self.file.do("INSERT INTO set_aside VALUES (?, ?, 0.0, ?)", consumer, sequence, why)

    def on_commit(self, wake: Callable[[], None]) -> None:
        self._wakes.append(wake)

    def meters(self, count: int, **how: int) -> None:
        """So many readings, a second apart, of three meters in turn."""
        at = how.pop("at_ms", NOON_MS)
        self.write([(f"meter/m{n % 3}", {"power_w": 100.25 + n, "energy_kwh": energy(n)}) for n in range(count)], at_ms=at)

    def write(self, rows: list[tuple[str, dict[str, float | None]]], at_ms: int = NOON_MS) -> None:
        self.file.write(rows, at_ms=at_ms, every_ms=1000)
        for wake in self._wakes:
            wake()

    @property
    def rows(self) -> int:
        return self.file.newest

    @property
    def settled(self) -> bool:
        """Whether every row has arrived or was set aside."""
        return sum(last - first + 1 for first, last in self.has) + len(self.aside) == self.rows


class Sink:
    """The sink in the test's thread, on a clock that jumps over every wait but the ones for answers."""

    def __init__(self, history: History, url: str, token_file: Path | None = None, front: Front | None = None) -> None:
        influx = Influx(url=url, org="xa", bucket="village", token_file=None if token_file is None else token_file.name)
        self.clock = ManualClock(wall=NOON_MS / 1000)
        self._began = self.clock.mono()
        self.told: list[SinkChanged] = []
        self.history = history
        self._front = front
        self._woken = threading.Event()
        self.worker = InfluxWorker(
            influx, history.file.path, history, self.told.append, opener(influx, SITE, token_file)
        )
        self.worker.on_wake(self._woken.set)

    @property
    def passed(self) -> float:
        """Seconds since the beginning."""
        return self.clock.mono() - self._began

    @property
    def refused(self) -> str | None:
        return self.told[-1].refused if self.told else None

    def until(self, done: Callable[[], object], what: str) -> None:
        end = time.monotonic() + 20
        while not done():
            assert time.monotonic() < end, f"waited in vain for {what}: {self.told[-3:]}"
            self._woken.clear()
            began = time.monotonic()
            at = self.worker.step(self.clock.now())
            assert time.monotonic() - began < 2, "a step waits for nobody"
            if done():
                break
            if self.worker._deadline is None:
                assert at is not None, f"nothing is left to do, but {what}"
                self.clock.advance(max(at - self.clock.mono(), 0.0))
            elif self._front is not None and self._front.stuck.is_set():
                self._front.stuck.clear()
                self.clock.advance(ANSWER_S)
            else:
                self._woken.wait(0.02)

    def all(self) -> None:
        self.until(lambda: self.history.settled, "every row to have arrived")

    def close(self) -> None:
        self.worker.close()


Open = Callable[..., Sink]


def energy(n: int) -> float:
    """As a meter says it: VictoriaMetrics keeps twelve digits of a figure."""
    return round(81234.56 + n * 0.01, 2)


def expected(rows: int) -> Points:
    return {
        (f"meter,device=m{n % 3},site={SITE}", NOON_MS + 1000 * n): {
            "power_w": 100.25 + n, "energy_kwh": energy(n), "quality": 0, "life": 1
        }
        for n in range(rows)
    }  # fmt: skip
