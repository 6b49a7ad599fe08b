"""What the unit refuses that is another thing on Arm than here: memory that is written and executed.

Python calls C's functions, and is called by them, over code that libffi lays ready; the clock and lgpio need it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from pi_image import GUEST, kernel
from pi_machine import HOME, Pi

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
PROBE = """
import ctypes, mmap, os
try:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    print("not refused")
except OSError:
    pass
pointer = ctypes.POINTER(ctypes.c_int)
numbers = (ctypes.c_int * 3)(3, 1, 2)
ctypes.CDLL(None).qsort(numbers, 3, 4, ctypes.CFUNCTYPE(ctypes.c_int, pointer, pointer)(lambda a, b: a[0] - b[0]))
from edge.shell.clock import SystemClock
from drivers.gpio import GpioOutput
import edge.shell.app
os.chdir("/run")  # for lgpio's pipes
output = GpioOutput(17, True)
output.write(True)
print(*numbers, SystemClock().now().trusted, output.read())
"""


def test_the_controller_works_where_no_memory_is_written_and_executed(card: Path, tmp_path: Path) -> None:
    own = tmp_path / "card.img"
    shutil.copyfile(card, own)
    files = {"deny.py": (GUEST / "deny.py").read_bytes(), "probe.py": PROBE.encode()}
    python = f"{HOME}/bin/python"
    try:
        with Pi(own, kernel("6.12"), tmp_path, files=files) as pi:
            for how in ("seccomp", "kernel"):
                said = pi.run(f"{python} /brought/deny.py {how} {python} /brought/probe.py", 180)
                assert said.split() == ["1", "2", "3", "True", "True"], (how, said)
    finally:
        own.unlink()
