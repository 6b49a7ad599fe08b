"""How long after a phone's command the light's new state is heard.

A client publishes `on` and `off` in turn to one light, QoS 1, 1 to 3 ms apart whether or not the state before has
come, and takes the time from each publish until the retained `state` with that command's id arrives. The controller is
the real one, once with the simulated village's lines (each command then also waits for two datagrams to another process
and back) and once with lines in its own memory. The floor is a bare paho client that sends each message back, through
the same broker at the same pace. The three take turns in blocks, and each figure is the median of the blocks' own, so
that a machine disturbed for a second costs a block and not the figure. The last line is the simulated village's.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable

from common import Client, ground, p99, parser, say, told, village


class Stream:
    """Commands to one light, and when each was sent and answered (s)."""

    def __init__(self, port: int, to: str, answered_on: str, identify: Callable[[bytes], bytes]) -> None:
        self._to = to
        self._identify = identify
        self._sent: dict[bytes, float] = {}
        self._count = 0
        self.took: list[float] = []
        self.p50s: list[float] = []
        self.p99s: list[float] = []
        self._client = Client(port, [answered_on], self._heard)

    def _heard(self, _topic: str, payload: bytes) -> None:
        sent = self._sent.pop(self._identify(payload), None)
        if sent is not None:
            self.took.append(time.perf_counter() - sent)

    def block(self, commands: int, pace: random.Random, counted: bool = True) -> None:
        """Send so many commands, and wait for the last state."""
        self.took.clear()
        due = time.perf_counter()
        for _ in range(commands):
            self._count += 1
            name = b"c-%d" % self._count
            action = b"on" if self._count % 2 else b"off"
            due += pace.uniform(0.001, 0.003)
            self._client.listen(due)
            self._sent[name] = time.perf_counter()
            self._client.publish(self._to, b'{"action":"%s","id":"%s"}' % (action, name))
        self._client.until(lambda: not self._sent, 10, f"the states of {len(self._sent)} commands")
        if counted:
            self.p50s.append(1e3 * statistics.median(self.took))
            self.p99s.append(1e3 * p99(self.took))

    @property
    def p50(self) -> float:
        """The median block's median (ms)."""
        return statistics.median(self.p50s)

    @property
    def p99(self) -> float:
        """The median block's p99 (ms)."""
        return statistics.median(self.p99s)


def command_of(state: bytes) -> bytes:
    """The command that a light's state came from."""
    return state.partition(b'"command":"')[2].partition(b'"')[0]


def id_of(command: bytes) -> bytes:
    """The id that a command gives itself."""
    return command.partition(b'"id":"')[2].partition(b'"')[0]


def main(blocks: int, size: int, seed: int) -> None:
    pace = random.Random(seed)
    with ground() as here:
        here.up(here.daemon("bench-sim", village("bench-sim", 1)))
        here.up(here.daemon("bench-mock", village("bench-mock", 1), simulated=False), pins="mock")
        here.echo()
        port = here.broker.port

        def controller(site: str) -> Stream:
            root = f"village/{site}/light/lamp-1"
            return Stream(port, f"{root}/set/bench", f"{root}/state", command_of)

        streams = {
            "simulated lines": controller("bench-sim"),
            "lines in memory": controller("bench-mock"),
            "bare paho echo": Stream(port, "echo/1/set", "echo/1/state", id_of),
        }
        for stream in streams.values():
            stream.block(100, pace, counted=False)
        for n in range(blocks):
            say(f"block {n + 1} of {blocks}")
            for stream in streams.values():
                stream.block(size, pace)
    for name, s in streams.items():
        print(f"{name}: p50 {s.p50:.2f}, p99 {s.p99:.2f} ms; p99 of the best block {min(s.p99s):.2f}, of the worst {max(s.p99s):.2f}")
    simulated, memory, floor = streams.values()
    told("latency-p99", simulated.p99, "ms", floor.p99)
    told("latency-memory-p99", memory.p99, "ms", floor.p99)
    told("latency-memory-p50", memory.p50, "ms", floor.p50)
    told("latency-p50", simulated.p50, "ms", floor.p50)


if __name__ == "__main__":
    options = parser(__doc__)
    options.add_argument("--blocks", type=int, default=12, help="turns of each (default: 12)")
    options.add_argument("--size", type=int, default=300, help="commands in a block (default: 300)")
    options.add_argument("--seed", type=int, default=1, help="of the pauses between commands (default: 1)")
    given = options.parse_args()
    main(given.blocks, given.size, given.seed)
