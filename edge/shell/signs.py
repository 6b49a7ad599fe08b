"""Signs of life: what systemd and the cabinet are told when the core has shown that it works."""

from __future__ import annotations

from collections.abc import Callable

from edge.shell.heartbeat import Heartbeat
from edge.shell.notify import Notifier


class Signs:
    """Given only by what has just worked. Nothing here raises or waits."""

    def __init__(self, notifier: Notifier, heartbeat: Heartbeat | None, status: Callable[[], str]) -> None:
        """`status`: one line about the controller as it is now, for people."""
        self._notifier = notifier
        self._heartbeat = heartbeat
        self._status = status
        self._ready = False

    def passed(self) -> None:
        """The outputs were read back and a tick was taken; for the core's thread."""
        if self._heartbeat is not None:
            self._heartbeat.beat()
        if not self._ready:
            self._ready = True
            self._notifier.ready()
        self._notifier.alive()
        text = self._status()
        if self._heartbeat is not None and self._heartbeat.failing is not None:
            text += f"; the heartbeat cannot be driven: {self._heartbeat.failing}"
        self._notifier.status(text)

    def stopping(self) -> None:
        """The end begins, in good order."""
        self._notifier.stopping()

    def stopped(self) -> None:
        """Everything is off that is to be off."""
        if self._heartbeat is not None:
            self._heartbeat.end()
