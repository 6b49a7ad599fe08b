"""Offline for long, then the broker returns: no row missing, few twice, order kept, live rows at once, memory flat.

By default some seconds at a high rate, with `make kills` ten minutes at a hundredfold of the example village's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from support import Mosquitto, until
from telemetry_rig import District, Way

from edge.core.delivery import ROWS, WINDOW

pytestmark = pytest.mark.slow
LONG = os.environ.get("KILLS") == "all"
OFFLINE_S, RATE = (600.0, 100) if LONG else (8.0, 1000)
TROUBLED_S = OFFLINE_S if LONG else 3.0
MORE_KB = 10 * 1024
LIVE_WITHIN_S = 5.0


class House:
    """The process, and the last that it said."""

    def __init__(self, port: int, protocol: str, state: Path) -> None:
        command = [sys.executable, str(Path(__file__).parents[1] / "telemetry_child.py"), str(port), protocol]
        self._process = subprocess.Popen(
            [*command, str(state), str(RATE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.said: dict[str, Any] = {"recorded": 0, "resident_kb": 0}
        self.most_kb = 0
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said = json.loads(line)
            self.most_kb = max(self.most_kb, self.said["resident_kb"])

    def finish(self) -> int:
        """Record no more; how many rows it has recorded."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        until(lambda: self.said.get("last"), 10, "the last rows")
        return int(self.said["recorded"])

    def end(self) -> None:
        """Kill it."""
        self._process.kill()
        self._process.wait(10)


@pytest.mark.timeout(OFFLINE_S + 180)
@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_broker_that_returns_gets_every_row(mosquitto: Mosquitto, tmp_path: Path, protocol: str) -> None:
    state = tmp_path / "state"
    state.mkdir()
    way = Way(mosquitto.port)  # else the district might listen only after the first rows
    house = House(way.port, protocol, state)
    district = District(mosquitto.port)
    try:
        until(lambda: len(district.rows) > 500, 60, "the first rows")
        resident_kb = house.said["resident_kb"]
        way.suffer({"fault": "broker-away"})
        gone = house.said["recorded"]
        until(lambda: house.said["recorded"] > gone + OFFLINE_S * RATE, OFFLINE_S + 60, "the time offline to pass")
        heard, back = len(district.messages), time.time()
        way.suffer(None)
        until(lambda: any(m["lane"] == "live" for m in district.messages[heard:]), LIVE_WITHIN_S, "a live row")
        first = next(m for m in district.messages[heard:] if m["lane"] == "live")
        assert first["rows"][0][1] / 1000 > back - 70
        recorded = house.finish()
        until(lambda: len({row[0] for row in list(district.rows)}) >= recorded, 60, "every row")
    finally:
        house.end()
        district.close()
        way.close()
    sequences = district.sequences()
    assert set(sequences) == set(range(1, recorded + 1))
    assert len(sequences) - recorded <= WINDOW * ROWS
    assert {m["dropped"] for m in district.messages} == {0}
    last: dict[tuple[str, str], int] = defaultdict(int)
    twice = set[int]()
    for message in district.messages:
        for sequence, _, device, *_ in message["rows"]:
            if sequence not in twice:
                assert sequence > last[device, message["lane"]]
                last[device, message["lane"]] = sequence
            twice.add(sequence)
    assert house.most_kb - resident_kb <= MORE_KB, f"{resident_kb} kB grew to {house.most_kb} kB"


TROUBLES: dict[str, dict[str, object]] = {
    "never acknowledges": {"fault": "broker-mute"},
    "refuses the topic": {"fault": "broker-denies", "topic": "telemetry"},
    "takes no large message": {"fault": "broker-limits", "bytes": 2000},
    "lets nobody in": {"fault": "broker-refusing"},
}


@pytest.mark.timeout(OFFLINE_S + 240)
@pytest.mark.parametrize("trouble", TROUBLES)
def test_memory_is_flat_whatever_the_broker_does_and_then_all_arrives(mosquitto: Mosquitto, tmp_path: Path, trouble: str) -> None:
    state = tmp_path / "state"
    state.mkdir()
    way = Way(mosquitto.port)
    house = House(way.port, "5", state)
    district = District(mosquitto.port)
    try:
        until(lambda: len(district.rows) > 500, 60, "the first rows")
        resident_kb = house.said["resident_kb"]
        way.suffer(TROUBLES[trouble])
        before = house.said["recorded"]
        until(lambda: house.said["recorded"] > before + TROUBLED_S * RATE, TROUBLED_S + 60, "some time of trouble")
        assert house.most_kb - resident_kb <= MORE_KB, f"{resident_kb} kB grew to {house.most_kb} kB"
        if LONG:  # a lane that was refused is tried again after a minute
            way.suffer(None)
            recorded = house.finish()
            until(lambda: {row[0] for row in list(district.rows)} == set(range(1, recorded + 1)), 150, "every row")
    finally:
        house.end()
        district.close()
        way.close()
