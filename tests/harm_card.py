"""Ways in which a card goes bad under a running daemon, each of which can be mended again."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from harm_house import HarmHouse, need
from support import until


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """Not a byte is left on the file system of `folder`."""
    filler = folder / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    try:
        yield
    finally:
        filler.unlink()


def tracer(pid: int) -> int:
    """Who traces a process; 0 for nobody."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("TracerPid")).split()[1])


@contextmanager
def injected(house: HarmHouse, call: str, what: str, database: str = "journal.db") -> Iterator[None]:
    """strace meddles with a call of the daemon's on the database's files, from now on."""
    need("strace", "strace")
    pid = house.pid()
    paths = [word for name in (database, f"{database}-wal") for word in ("-P", str(house.state / name))]
    meddle = ["-e", f"trace={call}", "-e", f"inject={call}:{what}"]
    strace = subprocess.Popen(
        ["strace", "-f", "-p", str(pid), "-qq", "-o", "/dev/null", *paths, *meddle], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        until(lambda: tracer(pid) or strace.poll() is not None, 5, "strace")
        if strace.poll() is not None:
            assert strace.stderr
            pytest.skip(f"needs leave to trace processes: {strace.stderr.read().decode().strip()}")
        until(lambda: all(tracer(int(t.name)) for t in Path(f"/proc/{pid}/task").iterdir()), 5, "every thread to be traced")
        yield
    finally:
        strace.terminate()
        strace.communicate(timeout=10)
