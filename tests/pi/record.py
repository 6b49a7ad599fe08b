"""make pi: the tests of this folder, and the record of what they saw.

Into docs/emulated-pi.md, between its marks, go the figures; into docs/emulated-pi-lines.txt what lines did in each scene.
Neither is touched when a test fails or is skipped.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1]))
import pi_image
from pi_machine import QEMU, card

ROOT = pi_image.ROOT
PAGE, LOG = ROOT / "docs" / "emulated-pi.md", ROOT / "docs" / "emulated-pi-lines.txt"
BEGIN, END = "<!-- figures: make pi -->\n", "<!-- end of figures -->\n"
RECORD = pi_image.BUILT / "record"
# With every kernel; so is all that 6.12 does when it is told to persist nothing.
ALIKE = ("each line is claimed", "each relay follows", "right after each power cut")
ROWS = {
    "loop_s": ("a million turns of a Python loop, computing time", "s", 2),
    "warm_import_s": ("importing all that `run` imports, files in memory", "s", 2),
    "cold_import_s": ("the same, page cache emptied before", "s", 2),
    "warm_start_s": ("from the start to `online`, files in memory", "s", 2),
    "cold_start_s": ("the same, page cache emptied before", "s", 2),
    "first_start_s": ("the same, right after the first boot: journal and history are made", "s", 2),
    "resident_mib": ("resident (VmRSS) 20 s after the start", "MiB", 1),
    "peak_mib": ("most that was ever resident (VmHWM)", "MiB", 1),
    "free_mib": ("memory still available on the machine, broker included", "MiB", 0),
    "idle_ms_per_s": ("computing in a second in which nothing happens, serial port missing", "ms", 1),
}


class Count:
    """Counts what became of the tests."""

    def __init__(self) -> None:
        self.passed, self.skipped = 0, []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """As pytest calls it for each step of each test."""
        self.passed += report.when == "call" and report.passed
        if report.skipped:
            self.skipped.append(str(report.longrepr))


def figures() -> list[str]:
    """The page's generated part."""
    found = json.loads((RECORD / "figures.json").read_text("utf-8"))
    pi, host = found["pi"], found["host"]
    lines = ["| | emulated Pi 3 | the machine it ran on | ratio |", "|---|---|---|---|"]
    for name, (what, unit, digits) in ROWS.items():
        here = f"{host[name]:.{digits}f} {unit}" if name in host else ""
        ratio = f"{pi[name] / host[name]:.1f}" if name in host else ""
        lines.append(f"| {what} | {pi[name]:.{digits}f} {unit} | {here} | {ratio} |")
    emulator = subprocess.run([QEMU, "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[0]
    kernels = " and ".join(pi_image.kernel(series).version for series in pi_image.KERNELS)
    return [*lines, "", f"{emulator}; kernels {kernels}; of starts, imports and loops the median of three."]


def story() -> list[str]:
    """What lines did, scene after scene."""
    lines = [
        "What the lines of the emulated Raspberry Pi did: every change of function or level, from each write to the",
        "registers. Seconds since power on; level 1 is 3.3 V; \"input\" is a line that nobody drives, whose level is that",
        "of the resistor on the relay board. -low: the relay is on at level 0, -high: at level 1; the pump's too at 0.",
        "Written by `make pi`; docs/emulated-pi.md says how to read it.",
    ]  # fmt: skip
    for file in sorted(RECORD.glob("*.txt")):
        title, *text = file.read_text("utf-8").splitlines()
        if "outputs=0" not in title and not (title.startswith(ALIKE) and "6.12" in title):
            lines += ["", f"== {title}", *text]
    return lines


def main(arguments: Sequence[str]) -> int:
    """Pytest's exit status; 1 when something was skipped, for then there is no record."""
    if why := pi_image.missing():
        print(why, file=sys.stderr)
        return 1
    os.environ["PI"] = "1"
    print("The card: unpacked, booted, and the controller installed on it (three minutes, once) …", flush=True)
    card()
    shutil.rmtree(RECORD, ignore_errors=True)
    count = Count()
    status = pytest.main(["-v", "--durations=0", str(ROOT / "tests" / "pi"), *arguments], plugins=[count])
    if status != 0 or count.skipped or arguments:
        print(f"no record was written: {count.passed} passed, {len(count.skipped)} skipped, pytest ended with {status}")
        return int(status) or bool(count.skipped)
    page = PAGE.read_text("utf-8")
    generated = BEGIN + "\n" + "\n".join(figures()) + "\n\n" + END
    PAGE.write_text(re.sub(f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: generated, page, flags=re.DOTALL), "utf-8")
    LOG.write_text("\n".join(story()) + "\n", "utf-8")
    print(f"{count.passed} passed; written: {PAGE.relative_to(ROOT)}, {LOG.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
