"""How much of one core the controller takes while nobody asks for anything and its meters are polled.

This village (config/nguyen-ly.yaml): 29 values every 10 s, 7 of sensors, a relay board every second. The other has 200 values every 10 s, 25 meters of 8 on one
serial port. Lines and ports are the simulated village's, whose own processes do not count. The floor is a bare paho
client, connected and idle. The three run beside each other in the same seconds; the kernel's own account of each thread's
time on a processor is read at the beginning and at the end.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from common import NGUYEN_LY, ground, parser, say, told, village

SETTLE_S = 5.0


def on_cpu(process: subprocess.Popen[bytes]) -> float:
    """Seconds that all threads of the process have run."""
    tasks = Path(f"/proc/{process.pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def main(seconds: float) -> None:
    with ground() as here:
        processes = {
            "this village, 36 values": here.up(here.daemon("nguyen-ly", NGUYEN_LY.read_text("utf-8"))),
            "200 values": here.up(here.daemon("bench-large", village("bench-large", 0, 25))),
            "paho client": here.echo(),
        }
        time.sleep(SETTLE_S)
        say(f"measuring for {seconds:g} s")
        began = time.perf_counter()
        before = [on_cpu(p) for p in processes.values()]
        time.sleep(seconds)
        after = [on_cpu(p) for p in processes.values()]
        passed = time.perf_counter() - began
    shares = [100 * (now - then) / passed for now, then in zip(after, before, strict=True)]
    for name, share in zip(processes, shares, strict=True):
        print(f"{name}: {share:.3f} % of one core")
    small, large, floor = shares
    told("idle-200", large, "%", floor, 3)
    told("idle", small, "%", floor, 3)


if __name__ == "__main__":
    options = parser(__doc__)
    options.add_argument("--seconds", type=float, default=30.0, help="how long to measure (default: 30)")
    main(options.parse_args().seconds)
