"""How long from the start of the controller until a client hears `online`, which it says when all else is told.

This village (config/nguyen-ly.yaml) and 200 devices: 26 lights, one for each GPIO line that there is, and 174 meters on
six serial ports. Lines and ports are the simulated village's. The floor is Python importing the libraries that the
controller stands on, and ending. All take turns; each run but the first finds the journal of the run before. Warm: the
first, uncounted turn has brought every file into memory, compiled. `--cold` empties the page cache before each run (root
only), and `--profile` says which imports the start is spent on.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from common import LIBRARIES, NGUYEN_LY, Daemon, Ground, end, ground, parser, say, spread, told, village

IMPORT = re.compile(r"import time:\s+(\d+) \|\s+\d+ \| +([\w.]+)")


def begin(here: Ground, daemon: Daemon) -> float:
    """How long one start takes (s)."""
    process, took = here.start(daemon)
    end(process)
    return took


def libraries() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", LIBRARIES], check=True)
    return time.perf_counter() - began


def chill() -> None:
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3")


def profile(here: Ground, daemon: Daemon, shown: int) -> None:
    """Print where one start's imports spend their time, by package."""
    python, *arguments = daemon.command
    end(here.up(Daemon([python, "-X", "importtime", *arguments], daemon.status)))
    newest = max(here.folder.glob("*.log"), key=lambda log: int(log.stem) if log.stem.isdigit() else -1)
    spent: Counter[str] = Counter()
    for microseconds, module in IMPORT.findall(newest.read_text()):
        spent[module.split(".")[0]] += int(microseconds)
    print(f"imports, by package: {sum(spent.values()) / 1e3:.0f} ms in all, measuring included")
    for package, microseconds in spent.most_common(shown):
        print(f"  {microseconds / 1e3:6.1f} ms  {package}")


def main(runs: int, cold: bool, shown: int) -> None:
    with ground() as here:
        small = here.daemon("nguyen-ly", NGUYEN_LY.read_text("utf-8"))
        large = here.daemon("bench-large", village("bench-large", 26, 174, 6))
        if shown:
            profile(here, small, shown)
        took: dict[str, list[float]] = {"this village": [], "200 devices": [], "libraries alone": []}
        for n in range(runs + 1):
            say(f"run {n} of {runs}")
            for name, work in zip(took, (lambda: begin(here, small), lambda: begin(here, large), libraries), strict=True):
                if cold:
                    chill()
                seconds = work()
                if n:
                    took[name].append(seconds)
    print("cold: page cache emptied before each" if cold else "warm: files in memory, compiled")
    for name, seconds in took.items():
        print(f"{name}: {spread(seconds, 1e3)} ms of {len(seconds)} runs")
    small_s, large_s, floor = map(statistics.median, took.values())
    told("start-200", large_s, "s", floor)
    told("start", small_s, "s", floor)


if __name__ == "__main__":
    options = parser(__doc__)
    options.add_argument("--runs", type=int, default=9, help="counted turns (default: 9)")
    options.add_argument("--cold", action="store_true", help="empty the page cache before each run")
    options.add_argument("--profile", type=int, nargs="?", const=20, default=0, metavar="N", help="show the N packages whose imports take longest")
    given = options.parse_args()
    main(given.runs, given.cold, given.profile)
