"""A file system in a file whose power can be cut, and a process that writes a journal on it."""

from __future__ import annotations

import fcntl
import os
import signal
import sqlite3
import struct
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from support import until

EXT4_IOC_SHUTDOWN = 0x8004587D
WITHOUT_A_FLUSH = 2  # neither what is dirty nor the file system's own log gets to the disk any more
# Forks a writer for each path it is told; the writer says a row's name once the store has answered that it has it.
WRITER = """
import os, sys
from pathlib import Path
from edge.core.events import Persist
from edge.core.values import Moment
from edge.shell.store import StoreWorker
row = {"level": 33, "until_wall": None, "until_mono": None, "until_boot": None, "user": "u", "command": "c", "at": 1.0}
now = Moment(0.0, 0.0, "b", True)
def answered(event):
    if hasattr(event, "key"):
        os.write(1, f"{event.key[1]}\\n".encode())
def write(path, first, synchronous):
    store = StoreWorker(Path(path), answered)
    if synchronous != "as it is":
        store._db.execute(f"PRAGMA synchronous = {synchronous}")
    for n in range(int(first), 10**9):
        store.put(Persist(("overrides", f"row-{n}"), row), tell=[("overrides", f"row-{n}")])
        if n % 3 == 0:  # now and then several rows are committed together
            store.step(now)
for line in sys.stdin:
    if not (pid := os.fork()):
        write(*line.rstrip().split("|"))
    os.write(1, f"pid {pid}\\n".encode())
    os.waitpid(pid, 0)
    os.write(1, b"ended\\n")
"""

# Likewise for a run that is watered: "ZONE SECONDS" once a checkpoint of that zone is stored, which takes the place of
# the one before, as the run's own row does.
WATER_WRITER = """
import os, sys
from pathlib import Path
from edge.core.events import Persist
from edge.core.irrigation import Run, Zone
from edge.core.run_rows import keep, keep_zone
from edge.core.values import Deadline, Moment
from edge.shell.store import StoreWorker
def answered(event):
    if hasattr(event, "key") and event.key[0] == "zones":
        os.write(1, f"{event.key[1].rpartition('/')[2]} {done[event.key[1]]:.0f}\\n".encode())
done = {}
def write(path, first, synchronous):
    store = StoreWorker(Path(path), answered)
    if synchronous != "as it is":
        store._db.execute(f"PRAGMA synchronous = {synchronous}")
    zones = [Zone(f"valve/plot-{n}", 1800.0) for n in range(3)]
    for n in range(int(first), 10**9):
        now = Moment(1.8e9 + 15 * n, 15.0 * n, "b", True)
        run = Run("morning:2027-01-15:0", 1.8e9, Deadline(1.9e9, 1e9, "b"), zones, program="morning", started=now.wall)
        for i, zone in enumerate(zones):
            if n % 10 == 0 or i == n % 3:
                zone.done_s = done[f"{run.id}/{i}"] = float(n)
        rows = keep(run, now) if n % 10 == 0 else [keep_zone(run, zones[n % 3])]
        store.put(*rows, tell=[row.key for row in rows])
        if n % 2 == 0:  # now and then checkpoints are committed together
            store.step(now)
for line in sys.stdin:
    if not (pid := os.fork()):
        write(*line.rstrip().split("|"))
    os.write(1, f"pid {pid}\\n".encode())
    os.waitpid(pid, 0)
    os.write(1, b"ended\\n")
"""

# Likewise for a history beside its journal: "N" once row N is committed, "ack F L" before rows F to L are acknowledged.
HISTORY_WRITER = """
import os, sys
from pathlib import Path
from random import Random
from edge.core.events import Record
from edge.core.values import Moment, Reading
from edge.shell import history_file
from edge.shell.history import HistoryWorker
from edge.shell.store import StoreWorker
def write(folder, first, synchronous):
    def prepare(db, migrations, prepared=history_file.prepare):
        prepared(db, migrations)
        if synchronous != "as it is":
            db.execute(f"PRAGMA synchronous = {synchronous}")
    history_file.prepare = prepare
    store = StoreWorker(Path(folder) / "journal.db", lambda _: None)
    history = HistoryWorker(Path(folder) / "history.db", store, lambda _: None, commit_s=3600.0)
    history.register("telemetry")
    waiting, dice, mono = [], Random(int(first)), 0.0
    def committed():
        if waiting and not len(history._waiting):
            os.write(1, "".join(f"{n}\\n" for n in waiting).encode())
            waiting.clear()
    history.on_commit(committed)
    for n in range(int(first), 10**9):
        mono += 1.0
        now = Moment(1.8e9 + mono, mono, "b", True)
        history.record(Record(Reading("meter/m", {"energy_kwh": float(n)}, now.wall), mono, "b", True))
        waiting.append(n)
        if dice.random() < 0.2:
            if (last := history._after or 0) > 10:
                ranged = sorted(dice.sample(range(max(1, last - 200), last + 1), 2))
                os.write(1, f"ack {ranged[0]} {ranged[1]}\\n".encode())
                history.acknowledge("telemetry", [tuple(ranged)])
            history.commit_now()
        history.step(now)
        store.step(now)
for line in sys.stdin:
    if not (pid := os.fork()):
        write(*line.rstrip().split("|"))
    os.write(1, f"pid {pid}\\n".encode())
    os.waitpid(pid, 0)
    os.write(1, b"ended\\n")
"""


class Disk:
    """ext4 in a file, mounted as a loop device."""

    def __init__(self, folder: Path) -> None:
        self._image = folder / "disk.img"
        self.where = folder / "disk"
        self.where.mkdir()
        with self._image.open("wb") as file:
            file.truncate(64 << 20)
        subprocess.run(["mkfs.ext4", "-q", str(self._image)], check=True, env=os.environ | {"PATH": f"{os.environ['PATH']}:/sbin:/usr/sbin"})
        self._mounted = False

    def mount(self) -> str | None:
        """Why it cannot be mounted, or None."""
        done = subprocess.run(["mount", "-o", "loop", str(self._image), str(self.where)], capture_output=True, text=True, check=False)
        self._mounted = done.returncode == 0
        return done.stderr.strip() if done.returncode else None

    def cut(self) -> None:
        """The power goes, and comes back."""
        fd = os.open(self.where, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, EXT4_IOC_SHUTDOWN, struct.pack("I", WITHOUT_A_FLUSH))
        finally:
            os.close(fd)
        self.unmount()
        why = self.mount()
        assert why is None, why

    def unmount(self) -> None:
        """Leave neither mount nor loop device."""
        if self._mounted:
            subprocess.run(["umount", str(self.where)], check=True, capture_output=True)
            # A namespace that somebody makes at this moment has the mount too, until it lets go of it: mounted again
            # meanwhile, the disk would be the one without power.
            users = ["losetup", "-j", str(self._image)]
            until(lambda: not subprocess.run(users, capture_output=True, check=True).stdout, 20, "the disk to be let go of")
            self._mounted = False


class Writer:
    """A process that stores rows on a disk until it is killed."""

    def __init__(self, synchronous: str = "as it is", script: str = WRITER) -> None:
        self._synchronous = synchronous
        self._process = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._next = 0

    def write(self, path: Path, rows: int) -> list[str]:
        """Store until `rows` were said to be stored, then die; all that were said to be."""
        assert self._process.stdin
        self._process.stdin.write(f"{path}|{self._next}|{self._synchronous}\n".encode())
        self._process.stdin.flush()
        pid = int(self._line().removeprefix("pid "))
        said = [self._line() for _ in range(rows)]
        os.kill(pid, signal.SIGKILL)
        while (line := self._line()) != "ended":
            said.append(line)
        self._next += 10 * len(said)
        return said

    def _line(self) -> str:
        assert self._process.stdout
        line = self._process.stdout.readline().decode()
        assert line.endswith("\n"), "the writer has ended"
        return line.rstrip()

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


def kept_rows(path: Path) -> set[str]:
    """The rows in a journal, which must be whole."""
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return {name for (name,) in db.execute("SELECT id FROM overrides")}


def kept_zones(path: Path) -> dict[int, float]:
    """How far each zone of the only run has come, by its number, in a journal which must be whole."""
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("SELECT count(*) FROM runs").fetchone()[0] <= 1
        return {int(i.rpartition("/")[2]): done for i, done in db.execute("SELECT id, done_s FROM zones")}
