"""The end of NOTIFY_SOCKET that systemd has."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress


class Systemd:
    """Hears what a process tells systemd, when it is asked for it. `address` as in NOTIFY_SOCKET."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + address[1:] if address.startswith("@") else address)

    def heard(self) -> list[str]:
        """The messages that came since it was asked last."""
        found = []
        with suppress(BlockingIOError):
            while True:
                found.append(self.socket.recv(4096, socket.MSG_DONTWAIT).decode())
        return found

    def close(self) -> None:
        self.socket.close()


class AttentiveSystemd(Systemd):
    """Hears at once, and notes when: `messages` has each with its monotonic time (s), as village-sim logs lines."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.messages: list[tuple[float, str]] = []
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def times(self, message: str) -> list[float]:
        """When exactly this was said."""
        return [at for at, said in list(self.messages) if said == message]

    def _listen(self) -> None:
        while message := self.socket.recv(4096).decode():
            self.messages.append((time.clock_gettime(time.CLOCK_BOOTTIME), message))

    def close(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto(b"", self.address)
        self._thread.join(5)
        super().close()
