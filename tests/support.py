"""What the suites share: waiting for a condition, a free port, and a real broker."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
OWN_PORTS = range(10_000, 32_000)  # the kernel gives those from 32,768 on to clients


def until(condition: Callable[[], T], deadline_s: float = 5.0, what: str = "the condition") -> T:
    """Ask again and again until `condition` gives something true, and return that; fail after `deadline_s`."""
    pause = threading.Event()
    end = time.monotonic() + deadline_s
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() >= end:
            raise AssertionError(f"waited {deadline_s:g} s in vain for {what}")
        pause.wait(0.005)


def descriptors() -> set[tuple[str, str]]:
    """What this process has open: number and target."""
    found = set()
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found.add((entry.name, str(entry.readlink())))
    return found


def free_port() -> int:
    """A TCP port of the loopback that nobody listens on, and none of those that the kernel gives to clients: one that a
    broker leaves for a moment would else be somebody's before it is back."""
    while True:
        port = secrets.choice(OWN_PORTS)
        with socket.socket() as s, suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port


def listens(port: int) -> bool:
    """Whether something accepts connections on that port of the loopback."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


class Mosquitto:
    """A real broker on its own port of the loopback: anyone may enter and it keeps nothing over a restart."""

    def __init__(self, folder: Path, extra: str = "") -> None:
        found = shutil.which("mosquitto", path=os.environ.get("PATH", os.defpath) + ":/usr/local/sbin:/usr/sbin")
        if found is None:
            raise RuntimeError("these tests need the broker mosquitto: sudo apt install mosquitto")
        self.port = free_port()
        self.log = folder / "mosquitto.log"
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\n"
            f"max_queued_messages 100000\n{extra}\n"
        )
        self._command = [found, "-c", str(self._config)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, again on the same port, and return once it accepts connections."""
        with self.log.open("ab") as log:
            self._process = process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        until(lambda: listens(self.port) or process.poll() is not None, 10, "mosquitto to listen")
        if process.poll() is not None:
            raise RuntimeError(f"mosquitto ended at once: {self.log.read_text('utf-8', 'replace')}")

    def stop(self) -> None:
        """End it in good order."""
        self._end(subprocess.Popen.terminate)

    def kill(self) -> None:
        """End it without a word to anyone."""
        self._end(subprocess.Popen.kill)

    def pause(self) -> None:
        """It hangs until it is killed: links to it stay open, and nothing answers."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def _end(self, how: Callable[[subprocess.Popen[bytes]], None]) -> None:
        if self._process is not None:
            how(self._process)
            self._process.wait(10)
            self._process = None
