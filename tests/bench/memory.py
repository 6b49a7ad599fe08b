"""How much memory the controller holds 20 s after its start, its meters polled: resident (VmRSS), and its share (PSS).

This village (config/nguyen-ly.yaml) and 200 devices: 26 lights and 174 meters on six serial ports, both on simulated
lines and ports. The floor is Python with the libraries that the controller stands on, and nothing else. All three stand
beside each other, so PSS counts what they share once; VmRSS is what a machine with one controller sees.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from common import LIBRARIES, NGUYEN_LY, ground, parser, say, told, village

MIB = 1024


def kilobytes(process: subprocess.Popen[bytes], file: str, name: str) -> int:
    lines = Path(f"/proc/{process.pid}/{file}").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def main(after_s: float) -> None:
    with ground() as here:
        processes = {
            "this village": here.up(here.daemon("nguyen-ly", NGUYEN_LY.read_text("utf-8"))),
            "200 devices": here.up(here.daemon("bench-large", village("bench-large", 26, 174, 6))),
            "libraries alone": here.spawn([sys.executable, "-c", f"{LIBRARIES}, signal; signal.pause()"]),
        }
        say(f"waiting {after_s:g} s")
        time.sleep(after_s)
        resident = {name: kilobytes(p, "status", "VmRSS:") / MIB for name, p in processes.items()}
        for name, process in processes.items():
            print(f"{name}: resident {resident[name]:.1f} MiB, PSS {kilobytes(process, 'smaps_rollup', 'Pss:') / MIB:.1f} MiB")
    small, large, floor = resident.values()
    told("memory-200", large, "MiB", floor, 1)
    told("memory", small, "MiB", floor, 1)


if __name__ == "__main__":
    options = parser(__doc__)
    options.add_argument("--after", type=float, default=20.0, metavar="S", help="seconds after the start (default: 20)")
    main(options.parse_args().after)
