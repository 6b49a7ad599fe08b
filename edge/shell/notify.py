"""Tells systemd how this process lives: sd_notify(3), on a datagram socket. Where nobody asks, nobody is told."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable, MutableMapping

log = logging.getLogger(__name__)
SHARE = 4  # a sign of life after each such part of the time that systemd waits for one: three may be lost


class Notifier:
    """What systemd is told of this process, from any thread. Nothing here raises or waits; what cannot be sent goes
    with the next sign of life."""

    def __init__(self, address: str | None, watchdog_s: float | None, mono: Callable[[], float]) -> None:
        """`address`: a path, or an abstract name behind an @; None: nothing is told. `watchdog_s`: how long systemd
        waits for a sign of life (s), None: it waits for none. `mono`: the monotonic clock (s)."""
        self._mono = mono
        self._lock = threading.Lock()
        self._every_s = None if watchdog_s is None else watchdog_s / SHARE
        self._alive_at = float("-inf")
        self._owed: dict[str, str] = {}  # by variable, what systemd has not been told yet
        self._status: str | None = None
        self._complained = False
        self._to = None if address is None else _name(address)
        self._socket: socket.socket | None = None
        if self._to is not None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            self._socket.setblocking(False)

    @classmethod
    def from_environment(
        cls, mono: Callable[[], float], environ: MutableMapping[str, str] = os.environ
    ) -> Notifier:
        """As systemd asks for it in `environ`, where that is removed: no child is to speak for this process."""
        address = environ.pop("NOTIFY_SOCKET", None)
        for_us = environ.pop("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        patience = environ.pop("WATCHDOG_USEC", "")
        timed = for_us and patience.isascii() and patience.isdigit() and int(patience) > 0
        return cls(address or None, int(patience) / 1e6 if timed else None, mono)

    def ready(self) -> None:
        """The process does its work: what systemd waits for before it calls a start a success."""
        self._tell(READY="1")

    def alive(self) -> None:
        """A sign of life, if it is time for one."""
        now = self._mono()
        due = self._every_s is not None and now >= self._alive_at + self._every_s
        if due and self._tell(WATCHDOG="1"):
            self._alive_at = now
        elif self._owed and not due:
            self._tell()

    def stopping(self) -> None:
        """The process is ending, as it was asked to."""
        with self._lock:
            self._owed.pop("READY", None)
        self._tell(STOPPING="1")

    def status(self, text: str) -> None:
        """One line for people, shown by `systemctl status`; told only when it is another than before."""
        if text != self._status:
            self._status = text
            self._tell(STATUS=" ".join(text.split()))

    def patience(self, seconds: float) -> None:
        """The start, or the end, may take so long from now (s), where that is longer than systemd would wait."""
        self._tell(EXTEND_TIMEOUT_USEC=str(int(seconds * 1e6)))

    def _tell(self, **news: str) -> bool:
        """Send these variables, and those that could not be sent before. Whether they are on their way."""
        if self._socket is None or self._to is None:
            return True
        with self._lock:
            told = {**self._owed, **news}
            try:
                self._socket.sendto("\n".join(f"{k}={v}" for k, v in told.items()).encode("utf-8", "replace"), self._to)
            except OSError as error:  # systemd is busy, or starts anew
                self._owed |= {name: text for name, text in news.items() if name != "WATCHDOG"}
                if not self._complained:
                    self._complained = True
                    log.warning("systemd cannot be told how this process lives: %s; it is tried again", error)
                return False
            self._owed.clear()
            self._complained = False
            return True


def _name(address: str) -> bytes | None:
    """The socket's name for the kernel; None, and a line in the log, for another kind of address."""
    if address.startswith("@"):
        return b"\0" + os.fsencode(address[1:])
    if address.startswith("/"):
        return os.fsencode(address)
    log.warning("NOTIFY_SOCKET is neither a path nor an abstract name, and nobody is told: %s", address)
    return None
