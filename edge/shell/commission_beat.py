"""Feeds the cabinet's heartbeat while outputs are tried: the relays of pumps and valves have no supply without it."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

from edge.shell.heartbeat import EVERY_S, Heartbeat


class Beat:
    """Beats from its beginning to `end`, but not beyond what the last ON was said to last: then something hangs, and
    the cabinet's own timer takes the supply away."""

    def __init__(self, heartbeat: Heartbeat | None, mono: Callable[[], float]) -> None:
        """None: the cabinet has no such line."""
        self._heartbeat = heartbeat
        self._mono = mono
        self._until = math.inf
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        if heartbeat is not None:
            self._thread.start()

    def until(self, mono: float) -> None:
        """Beat no longer than to this time (monotonic s); infinite: nothing is on."""
        self._until = mono

    def end(self) -> None:
        """Beat no more; the line is low."""
        self._ended.set()
        if self._heartbeat is not None:
            self._thread.join()
            self._heartbeat.end()

    def _beat(self) -> None:
        assert self._heartbeat is not None
        while not self._ended.wait(EVERY_S):
            if self._mono() < self._until:
                self._heartbeat.beat()
