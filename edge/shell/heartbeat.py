"""The heartbeat: a line that changes its level for as long as the controller really works.

A retriggerable timer or a charge pump in the cabinet feeds the relays of pumps and valves from the edges of this line:
a level that stands still, high or low, feeds nothing. So nobody has to make the line safe when a process has died.
"""

from __future__ import annotations

import logging

from edge.shell.effects import OutputPort

log = logging.getLogger(__name__)
EVERY_S = 0.5  # between two changes, at most, unless the core is held up


class Heartbeat:
    """One line. Nothing here raises; a line that cannot be driven is tried again at the next beat."""

    def __init__(self, port: OutputPort) -> None:
        """`port`: the line, ON when it is high. It is claimed, low, at the first beat."""
        self._port = port
        self._high: bool | None = None
        self._ended = False
        self.failing: str | None = None

    def beat(self) -> None:
        """The controller has just shown that it works: change the level."""
        if not self._ended:
            self._drive(self._high is False)

    def end(self) -> None:
        """Leave the line low, if it was ever claimed. No beat changes it any more."""
        self._ended = True
        if self._high is not None:
            self._drive(False)

    def _drive(self, high: bool) -> None:
        try:
            self._port.write(high)
        except Exception as error:  # whatever the driver does, the core goes on
            why = str(error) or type(error).__name__
            if self.failing != why:
                log.error("the heartbeat cannot be driven: %s", why)
            self.failing = why
            return
        self._high = high
        if self.failing is not None:
            log.warning("the heartbeat can be driven again")
            self.failing = None
