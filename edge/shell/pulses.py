"""Reads the counting contacts, and tells the core how many pulses there were."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Protocol

from edge.core.events import PulsesCounted

log = logging.getLogger(__name__)
# By role: the least that a pulse and the rest before it last (s). EN 62053-31 gives an S0 pulse 30 ms and as much rest;
# reeds bounce for a millisecond, and the turbines of small water meters give 200 pulses a second.
DEBOUNCE_S = {"s0": 0.010, "flow": 0.002}
STILL_THERE_S = 5.0  # how often a contact is told of at which nothing comes


class CounterPort(Protocol):
    """One counting contact, as a driver offers it (drivers/api.py)."""

    @property
    def error(self) -> str | None:
        """Why the last read found nothing."""

    def read(self) -> tuple[int, float | None] | None:
        """How many pulses since the first read, and when the last one began (monotonic s); None: it is not known."""


class Pulses:
    """The counting contacts by name, as `input/main-flow`; their first look begins the counting."""

    def __init__(self, counters: Mapping[str, CounterPort]) -> None:
        self._counters = counters
        self._failing: set[str] = set()
        self._told: dict[str, PulsesCounted] = {}

    def look(self, mono: float) -> Iterator[PulsesCounted]:
        """What each has counted by `mono` (s), if that is new or was told more than 5 s ago.

        Of one that cannot be read nothing is told; the log says so once.
        """
        for name, port in self._counters.items():
            try:
                counted, error = port.read(), port.error
            except Exception as failure:  # whatever a driver does, the others are read
                counted, error = None, str(failure) or type(failure).__name__
            if counted is not None:
                if name in self._failing:
                    self._failing.discard(name)
                    log.warning("%s can be read again", name)
                told = self._told.get(name)
                if told is None or counted[0] != told.count or mono >= told.at + STILL_THERE_S:
                    self._told[name] = event = PulsesCounted(name, counted[0], mono, counted[1])
                    yield event
            elif name not in self._failing:
                self._failing.add(name)
                log.error("%s cannot be read: %s", name, error)
