"""Computed pulses as edges of lines, in real time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

from edge.shell.clock import Clock
from simulator.pulsing import Pulsing


class _Timer(Protocol):
    def cancel(self) -> object: ...


class PulsePlayer:
    """Closes and opens the contacts of `pulsing`, which are on lines as `contacts` says, when it is time.

    `put(pin, level, at)` moves a line as of the time `at` (monotonic s); `later` is called as `loop.call_later` is. A
    loop that is late plays what it missed, each with its own time.
    """

    def __init__(
        self, pulsing: Pulsing, contacts: Mapping[str, Any], clock: Clock, put: Callable[[int, int, float], object],
        later: Callable[[float, Callable[[], None]], _Timer],
    ) -> None:
        self._pulsing = pulsing
        self._contacts = contacts
        self._clock = clock
        self._put = put
        self._later = later
        self._played = dict.fromkeys(contacts, 0)
        self._closed: set[str] = set()
        self._timers: dict[str, _Timer] = {}
        pulsing.changed = self._go_on

    def close(self) -> None:
        """Play no more."""
        for timer in self._timers.values():
            timer.cancel()

    def _go_on(self) -> None:
        for name in self._contacts:
            if name not in self._closed:  # else it goes on when it opens
                self._played[name] = self._pulsing.counted(name, self._clock.mono())[0]
                self._await_next(name)

    def _await_next(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()
        at = self._pulsing.begins(name, self._played[name] + 1)
        if at is not None:
            self._at(at, name, partial(self._begin, name, at))

    def _begin(self, name: str, at: float) -> None:
        self._played[name] += 1
        self._closed.add(name)
        self._line(name, True, at)
        opens = at + self._pulsing.lasts(name)
        self._at(opens, name, partial(self._end, name, opens))

    def _end(self, name: str, at: float) -> None:
        self._closed.discard(name)
        self._line(name, False, at)
        self._await_next(name)

    def _line(self, name: str, closed: bool, at: float) -> None:
        contact = self._contacts[name]
        self._put(contact.gpio, int(closed == (contact.active == "high")), at)

    def _at(self, when: float, name: str, action: Callable[[], None]) -> None:
        self._timers[name] = self._later(max(when - self._clock.mono(), 0.0), action)
