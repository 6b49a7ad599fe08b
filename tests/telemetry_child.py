"""A process that keeps readings and sends them as telemetry, as the controller does: PORT PROTOCOL STATE RATE.

It records RATE readings a second of ten meters until its input ends, then one more of each, and says on its output what
it has recorded, with its own resident memory, twice a second.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path

from edge.core.events import Record
from edge.core.values import Reading
from edge.shell.clock import SystemClock
from edge.shell.history import HistoryWorker
from edge.shell.mqtt_client import Broker
from edge.shell.runner import ThreadRunner
from edge.shell.sinks.telemetry import TelemetryWorker
from edge.shell.store import StoreWorker

METERS = 10
TOPIC = "village/thon/telemetry"


def resident_kb() -> int:
    """Memory of this process that is in RAM."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.partition("VmRSS:")[2].split()[0])


def main(port: int, protocol: str, state: Path, rate: float) -> None:
    clock = SystemClock()
    store = StoreWorker(state / "journal.db", lambda _event: None)
    history = HistoryWorker(state / "history.db", store, lambda _event: None, 1.0)
    broker = Broker("127.0.0.1", port, protocol, "village-edge-thon-telemetry")
    telemetry = TelemetryWorker(state / "history.db", history, broker, TOPIC, 0, lambda _event: None)
    runner = ThreadRunner([store, history, telemetry], clock)
    runner.start()
    ending = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ending.set()), daemon=True).start()
    count, began, told = 0, time.monotonic(), 0.0

    def record() -> None:
        nonlocal count
        count += 1
        values = {"power_w": 1000.0 + count % 7, "energy_kwh": count / 100, "count": float(count)}
        at = clock.now()
        reading = Reading(f"meter/m{count % METERS}", values, time.time())
        history.record(Record(reading, at.mono, at.boot, trusted=True))

    while not ending.wait(0.02):
        while count < rate * (time.monotonic() - began):
            record()
        if time.monotonic() > told + 0.5:
            told = time.monotonic()
            print(json.dumps({"recorded": count, "resident_kb": resident_kb()}), flush=True)
    for _ in range(METERS):
        record()
    history.commit_now()
    print(json.dumps({"recorded": count, "resident_kb": resident_kb(), "last": True}), flush=True)
    threading.Event().wait(60)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), float(sys.argv[4]))
