"""What the real-harm tests share: compiling a shim, a house whose daemon can be started under something, looking on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from e2e_house import CONFIG, ROOT, House, Listener
from support import until

HERE = Path(__file__).parent / "harm"
MAIN_ROAD = {17: "a", 27: "b", 22: "c"}
CULTURE_HOUSE = 23
DRIVEN = (17, 27, 22, 23)
HARMFUL = (24, 25, 12, 4, 18)  # the pump and the valves
OFF, ON = 1, 0  # every relay of the village is active low
EVERY = os.environ.get("KILLS") == "all"  # `make kills`: not only a sample


def compiled(name: str, folder: Path) -> Path:
    """The shared library of tests/harm/NAME.c; skips where there is no C compiler."""
    if shutil.which("gcc") is None:
        pytest.skip("needs a C compiler: sudo apt install gcc libc6-dev")
    library = folder / f"{name}.so"
    flags = ["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror"]
    subprocess.run(["gcc", *flags, "-o", str(library), str(HERE / f"{name}.c"), "-ldl"], check=True)
    return library


def need(command: str, package: str) -> None:
    """Skip where a program is missing."""
    if shutil.which(command, path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin") is None:
        pytest.skip(f"needs {command}: sudo apt install {package}")


def need_root() -> None:
    """Skip where we are not root."""
    if os.geteuid() != 0:
        pytest.skip("needs root: file systems are mounted")


class HarmHouse(House):
    """A house whose daemon may be given an environment and a program to run under.

    `calm`: nothing but commands and programs decide when a circuit may be switched, and meters are read every second.
    """

    def __init__(self, folder: Path, broker_port: int, *, calm: bool = False, program: str = "evening-off") -> None:
        super().__init__(folder, broker_port)
        fixed = f"program: {program}\n    rotate: false"
        text = CONFIG.read_text("utf-8").replace("program: street", fixed, 1)
        text = text.replace("program: lanes", "program: evening-off")
        text = text.replace("photocell: {within: 45m}", "")  # the village's sees the machine's own time of day
        if calm:
            text = text.replace("restrike: 60s", "restrike: 0s").replace("burst: 20", "burst: 0")
            text = text.replace("poll: 10s", "poll: 1s")
        self._config.write_text(text, "utf-8")
        self.folder = folder
        self.environment: Mapping[str, str] = {}
        self.under: Sequence[str] = ()

    @property
    def config(self) -> Path:
        return self._config

    @property
    def daemon(self) -> subprocess.Popen[bytes]:
        return self._processes["daemon"]

    def _start(self, name: str, arguments: list[str]) -> None:
        under, more = (self.under, self.environment) if name == "daemon" else ((), {})
        with self.log.open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [*under, sys.executable, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=os.environ | {"TZ": "UTC"} | more,
            )

    def pid(self) -> int:
        """The daemon's process id, also when it runs under another program."""
        pid = self.daemon.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split() if self.under else []
        return int(children[0]) if children else pid

    def send(self, how: int) -> None:
        """Signal the daemon itself, also when it runs under another program, which would keep the signal for itself."""
        if self.daemon.poll() is None:
            os.kill(self.pid(), how)

    def kill(self, which: str = "daemon", how: int = signal.SIGKILL) -> int:
        if which == "daemon":
            self.send(how)
            return self._processes.pop(which).wait(10)
        return super().kill(which, how)

    def end(self) -> None:
        """Kill what is left, and wait for it: nothing of a test outlives it."""
        for name in list(self._processes):
            self.kill(name)

    def run_safe(self) -> subprocess.CompletedProcess[str]:
        """What systemd runs as ExecStopPost."""
        command = [sys.executable, "-m", "edge", "safe", "--state", str(self.state), "--sim", str(self.sim)]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    def levels(self) -> dict[int, int]:
        """What each line of the village that was ever driven is at."""
        return {m["pin"]: m["level"] for m in self.pins()}


class Pins:
    """Reads the village's log of lines on, without reading what it has read."""

    def __init__(self, house: House) -> None:
        self._path = house.sim / "pins.log"
        self._read = 0
        self._rest = b""
        self.levels: dict[int, int] = {}

    def new(self) -> list[dict[str, Any]]:
        """What drove or dropped a line since the last call; `levels` follows. Claims of inputs are left out."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as log:
            log.seek(self._read)
            data = log.read()
        self._read += len(data)
        *whole, self._rest = (self._rest + data).split(b"\n")
        entries = [e for e in map(json.loads, whole) if e["level"] is not None or e["seq"] is None]
        self.levels.update({e["pin"]: e["level"] for e in entries if "error" not in e})
        return entries


@contextmanager
def copied(state: Path, name: str = "journal.db") -> Iterator[sqlite3.Connection | None]:
    """A copy of a database and its log, so that looking changes nothing; None where it was never made.

    Fails if it is not whole, or was moved aside as corrupt.
    """
    aside = list(state.glob("*.corrupt-*"))
    assert not aside, f"moved aside as corrupt: {aside}"
    with TemporaryDirectory(prefix="edge-look-") as folder:
        for file in state.glob(f"{name}*"):
            if not file.name.endswith("-shm"):
                shutil.copy(file, folder)
        path = Path(folder) / name
        if not path.exists() or not path.stat().st_size:
            yield None
            return
        with closing(sqlite3.connect(path)) as db:
            found = db.execute("PRAGMA integrity_check").fetchall()
            assert found == [("ok",)], f"{name} is not whole: {found}"
            yield db if db.execute("PRAGMA user_version").fetchone()[0] else None


def drive_as(sim: Path, pid: int, pin: int, level: int) -> None:
    """Drive a line of the village as if the process `pid` did, which may go on to die with it open."""
    address = sim / f"client-{os.getpid()}-{10_000 + pin}.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(str(address))
        try:
            s.settimeout(2)
            s.sendto(json.dumps({"pin": pin, "level": level, "claim": True, "pid": pid, "seq": 1}).encode(), str(sim / "pins.sock"))
            answer = json.loads(s.recv(4096))
        finally:
            address.unlink()
    assert "error" not in answer, answer


def came_online(listener: Listener, since: int) -> bool:
    """Whether `online` was said after the first `since` messages."""
    return any(t == f"{ROOT}/status" and p == b"online" for t, p, _ in listener.messages[since:])


def start_and_hear(house: House, listener: Listener, deadline_s: float = 10.0) -> None:
    """Start the daemon and wait until it says `online`."""
    since = len(listener.messages)
    house.start()
    until(lambda: came_online(listener, since), deadline_s, "online")


def cpu_s(pid: int) -> float:
    """Processor time that a process has used (s)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_kib(pid: int) -> int:
    """What a process has in memory (KiB)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


@contextmanager
def mounted(arguments: Sequence[str], where: Path) -> Iterator[Callable[[], None]]:
    """`mount ARGUMENTS WHERE`, taken away at the end whatever happens; the value unmounts before that."""
    there = False

    def mount() -> None:
        nonlocal there
        done = subprocess.run(["mount", *arguments, str(where)], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"needs leave to mount: {done.stderr.strip()}")
        there = True

    def unmount() -> None:
        nonlocal there
        if there:
            subprocess.run(["umount", str(where)], check=True, capture_output=True)
            there = False

    mount()
    try:
        yield unmount
    finally:
        if there:
            subprocess.run(["umount", "-l", str(where)], check=False, capture_output=True)


@contextmanager
def remounted(where: Path, how: str) -> Iterator[None]:
    """`mount -o remount,HOW WHERE` for a while; afterwards it can be written again."""
    subprocess.run(["mount", "-o", f"remount,{how}", str(where)], check=True)
    try:
        yield
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(where)], check=True)
