"""How fast a backlog of telemetry goes to a broker, without a limit, and how soon the first live row does.

The worker is the real one, in a thread of this process, on a history file with so many rows of a three-phase meter (14
values each); the broker is mosquitto, which passes all on to a subscriber in another process, who counts. Time runs
from the link to the last acknowledgement. Meanwhile new rows are committed, and the first of them is the live row. The
floor is bare paho, connected anew, which sends the same bytes, 20 messages at a time. The two take turns; the figures
are medians.
"""

from __future__ import annotations

import random
import statistics
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

from common import ground, parser, say, told

from edge.shell.mqtt_client import WINDOW, Broker, begin, furnish, paho_client

sys.path.append(str(Path(__file__).parents[1]))
from support import until
from telemetry_rig import TOPIC, Rig

SLOW_S = 300.0
NAMES = (
    "voltage_l1_v", "voltage_l2_v", "voltage_l3_v", "current_l1_a", "current_l2_a", "current_l3_a", "power_l1_w",
    "power_l2_w", "power_l3_w", "power_w", "power_factor", "frequency_hz", "energy_kwh", "export_kwh",
)  # fmt: skip
EAR = f"""
import sys, paho.mqtt.client as paho
client = paho.Client(paho.CallbackAPIVersion.VERSION2)
client.on_connect = lambda *_: client.subscribe("{TOPIC}", 0)
client.connect("127.0.0.1", int(sys.argv[1]))
client.loop_forever()
"""


def rows(count: int, chance: random.Random) -> list[tuple[str, dict[str, float | None]]]:
    """Readings as a meter shows them: a few digits each."""
    return [
        (f"meter/cabinet-{n % 4}", {name: round(chance.uniform(0, 2500), 2) for name in NAMES}) for n in range(count)
    ]


class Noted:
    """A client of the worker's, whose payloads are kept for the floor."""

    def __init__(self) -> None:
        self.payloads: list[bytes] = []
        self.live_at = self.up_at = 0.0

    def make(self, broker: Broker) -> Any:
        client = paho_client(broker)
        publish = client.publish

        def noted(topic: str, payload: bytes, *more: Any) -> Any:
            if b'"lane":"live"' in payload and not self.live_at:
                self.live_at = time.perf_counter()
            self.payloads.append(payload)
            return publish(topic, payload, *more)

        client.publish = noted  # type: ignore[method-assign,assignment]
        return client


def drain(folder: Path, port: int, backlog: int, chance: random.Random) -> tuple[float, float, list[bytes]]:
    """Seconds until the backlog is acknowledged, until the first live row is sent, and what was sent."""
    folder.mkdir()
    noted = Noted()
    rig = Rig(folder, port)
    rig.worker._make_client = noted.make
    now_ms = int(1000 * time.time())
    rig.keeper.commit(rows(backlog, chance), at_ms=now_ms - 10**8)
    rig.keeper.coming = rows(4, chance)
    began = time.perf_counter()
    rig.start()
    until(rig.keeper.settled, SLOW_S, "the backlog to be acknowledged")
    took = time.perf_counter() - began
    rig.stop()
    return took, noted.live_at - began, noted.payloads


def bare(port: int, payloads: list[bytes]) -> float:
    """Seconds until bare paho has sent these and every one is acknowledged."""
    broker = Broker("127.0.0.1", port, "5", "floor")
    client = paho_client(broker)
    furnish(client, broker)
    waiting = deque(payloads)
    left, done = [len(payloads)], threading.Event()

    def more(*_: object) -> None:
        if waiting:
            client.publish(TOPIC, waiting.popleft(), 1)

    def answered(*_: object) -> None:
        left[0] -= 1
        if not left[0]:
            done.set()
        more()

    client.on_connect = lambda *_: [more() for _ in range(WINDOW)]
    client.on_publish = answered
    began = time.perf_counter()
    begin(client, broker)
    if not done.wait(SLOW_S):
        raise SystemExit("bare paho did not come to an end")
    took = time.perf_counter() - began
    client.disconnect()
    client.loop_stop()
    return took


def main(turns: int, backlog: int, seed: int) -> None:
    chance = random.Random(seed)
    speeds, floors, lives = [], [], []
    with ground() as here:
        here.spawn([sys.executable, "-c", EAR, str(here.broker.port)])
        for n in range(turns):
            say(f"turn {n + 1} of {turns}")
            values = backlog * len(NAMES)
            took, live_s, payloads = drain(here.folder / f"state-{n}", here.broker.port, backlog, chance)
            speeds.append(values / took)
            lives.append(live_s)
            floors.append(values / bare(here.broker.port, payloads))
    print(f"{backlog} rows of {len(NAMES)} values; values/s: {', '.join(f'{s:.0f}' for s in speeds)}; bare paho: {', '.join(f'{s:.0f}' for s in floors)}")
    print(f"first live row after {statistics.median(lives):.3f} s, at worst {max(lives):.3f} s")
    told("drain", statistics.median(speeds), "values/s", statistics.median(floors), 0)


if __name__ == "__main__":
    options = parser(__doc__)
    options.add_argument("--turns", type=int, default=5, help="turns of each (default: 5)")
    options.add_argument("--rows", type=int, default=20_000, help="rows of backlog (default: 20000, three days)")
    options.add_argument("--seed", type=int, default=1, help="of the figures (default: 1)")
    given = options.parse_args()
    main(given.turns, given.rows, given.seed)
