"""Relay boards between the core, which has wishes, and the worker of their port, which writes and reads coils."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from edge.core.events import Event, OutputObserved
from edge.core.values import Moment
from edge.shell.runner import Inbox

POLL_S = 1.0  # how often a board says what its relays are
STALE_POLLS = 2
NOT_YET = "the board has not answered yet"
RENEWED_BY = 4  # a renewal by less than this part of a lease is not worth a write
SILENT = "the board was not heard for two polls"

# A coil from 0, whether its relay shall be on, and for how long (s): None for good.
Wish = tuple[int, bool, float | None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a coil shall be. `until`: when an ON's lease runs out (monotonic s), infinite for good; `lease_s`: how long
    it was."""

    on: bool
    until: float = math.inf
    lease_s: float = math.inf


class Said(Protocol):
    """What one exchange with a board came to (drivers/modbus_relay.py)."""

    @property
    def free_at(self) -> float:
        """The monotonic time until which the line must be quiet."""

    @property
    def coils(self) -> tuple[bool, ...] | None:
        """What the board says of each coil, where it was read."""

    @property
    def wrote(self) -> Wish | None:
        """What was written, whether or not that was heard."""

    @property
    def error(self) -> str | None:
        """Why the exchange failed."""

    @property
    def gone(self) -> bool:
        """Whether the port itself is not there."""


class Relays(Protocol):
    """A board as its driver offers it: never raises for what the bus did."""

    def ready_at(self, write: Wish | None, wanted: Iterable[Wish]) -> float:
        """The monotonic time from which it may be asked."""

    def ask(self, write: Wish | None, wanted: Iterable[Wish]) -> Said:
        """Write that coil or, with None, read all; `wanted` may be written in place of it."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one exchange came to, as the port's worker wants to know it; `done`: nothing more is to be asked now."""

    free_at: float
    done: bool
    error: str | None
    gone: bool


class RelayBoard:
    """The wishes for one board's coils, and what it said of them last.

    A wish is written unless the board is known to be so already; so nothing is written before the board was read once,
    nor after it was silent. Written or not, it is owed until the board was heard to take it. After the writes the
    coils are read. What was read counts for two polls: then nothing is known until the board is heard again.

    A leased ON is written with what is left of its lease, for the board's own timer, and is written again when a
    renewal adds a quarter of that or more: no flood of renewals takes the line from others. A lease that ran out before
    it could be written is an OFF. OFF is written before all else, in the order in which it was wished.

    The core's thread leaves wishes and asks what was said; everything else belongs to the worker of the port.
    """

    def __init__(
        self, outputs: Mapping[int, str], relays: Relays, poll_s: float, mono: Callable[[], float],
        put: Callable[[Event], None],
    ) -> None:
        """`outputs`: the coils that are used, each with the name of its output. `mono`: the clock that moments have.

        `put` gets an OutputObserved for each coil that was written, and for each of which something else is known.
        """
        self.wishes: Inbox[tuple[int, Wanted]] = Inbox()
        self._outputs = dict(outputs)
        self._relays = relays
        self._stale_s = STALE_POLLS * poll_s
        self.mono = mono
        self._put = put
        self._wanted: dict[int, Wanted] = {}
        self._owed: dict[int, None] = {}
        self._known: dict[int, bool] = {}  # as read and not written since; empty while the board is out of touch
        self._written: set[int] = set()  # and not read since
        self._timers: dict[int, float] = {}  # until when (monotonic s) the board said to hold a coil
        self._shown: tuple[tuple[bool, ...], float] = ((), -math.inf)  # in one piece: two threads look at it
        self._error: str | None = NOT_YET
        self._told: dict[int, tuple[bool | None, str | None]] = {}
        self.stale_at = math.inf  # the monotonic time at which what was told ceases to be known; infinite: nothing is

    def ports(self) -> dict[str, CoilPort]:
        """Its outputs by name, for the core."""
        return {name: CoilPort(self, coil) for coil, name in self._outputs.items()}

    # --- for the core's thread too ---

    def read(self, coil: int) -> bool | None:
        """Whether the relay is on, by what the board said within two polls."""
        coils, at = self._shown
        return coils[coil] if self.mono() < at + self._stale_s else None

    def why(self) -> str:
        """Why nothing is known of the coils; to be asked when that is so."""
        return self._error or SILENT

    # --- for the worker ---

    @property
    def urgent(self) -> bool:
        """Whether something is to be written at once."""
        return bool(self._owed) and bool(self._known or self._written)

    @property
    def owes_off(self) -> bool:
        """Whether an OFF is among that."""
        return self.urgent and any(not self._wanted[coil].on for coil in self._owed)

    def take(self) -> None:
        """Take the wishes that were left: of each coil the newest counts."""
        while (wish := self.wishes.take()) is not None:
            coil, wanted = wish
            before = self._wanted.get(coil)
            if before is not None and before.on is not wanted.on:
                self._owed.pop(coil, None)  # a pump's OFF goes before its valve's, also where the valve was owed an ON
            self._wanted[coil] = wanted
            self._owed[coil] = None
            self._settle(coil)

    def ready_at(self) -> float:
        """The monotonic time from which the board may be asked."""
        return self._relays.ready_at(self._write(), self._harmless())

    def ask(self, moment: Moment) -> Turn:
        """Write a coil or read all, and tell what came of it."""
        said = self._relays.ask(self._write(), self._harmless())
        if said.wrote is not None:
            coil, _, for_s = said.wrote
            self._known.pop(coil, None)
            self._timers.pop(coil, None)
            self._written.add(coil)
            if said.error is None:
                self._owed.pop(coil, None)
                if for_s is not None:
                    self._timers[coil] = moment.mono + for_s
        if said.error is not None:
            self.failed(said.error, moment.mono)
        elif said.coils is not None:
            self._shown = said.coils, moment.mono
            self._error = None
            self._known = {coil: said.coils[coil] for coil in self._outputs}
            for coil in list(self._owed):
                self._settle(coil)
            self.tell(moment.mono)
        done = said.coils is not None and not self._owed
        return Turn(said.free_at, done, said.error, said.gone)

    def failed(self, error: str, mono: float) -> None:
        """The board was not heard: what its coils are is to be read before anything else is written."""
        self._error = error
        self._known, self._timers = {}, {}
        self._written = set()
        self.tell(mono)

    def tell(self, mono: float) -> None:
        """Tell of every coil of which something else is known than was told, and of those written and read since."""
        coils, at = self._shown
        fresh = mono < at + self._stale_s
        self.stale_at = at + self._stale_s if fresh else math.inf
        for coil, name in self._outputs.items():
            seen = (coils[coil], None) if fresh else (None, self.why())
            if self._told.get(coil) != seen or coil in self._written & self._known.keys():
                self._told[coil] = seen
                self._put(OutputObserved(name, *seen))
        self._written -= self._known.keys()

    # --- within ---

    def _settle(self, coil: int) -> None:
        """Owe the board nothing that it has: for a lease also the time, but for what is not worth a write."""
        wanted, runs_out = self._wanted[coil], self._timers.get(coil)
        if self._known.get(coil) is not wanted.on:
            return
        if wanted.on and wanted.until < math.inf:
            has_it = runs_out is not None and abs(wanted.until - runs_out) < wanted.lease_s / RENEWED_BY
        else:
            has_it = not wanted.on or runs_out is None
        if has_it:
            del self._owed[coil]

    def _write(self) -> Wish | None:
        """The next coil to be written; none twice before it was read, or a flood of wishes would leave none known."""
        wishes = [self._wish(coil) for coil in self._owed if coil not in self._written] if self.urgent else []
        return min(wishes, key=lambda wish: wish[1], default=None)

    def _harmless(self) -> list[Wish]:
        """What may be written to bring the board back into step: what holds a relay on for a time comes last, for the
        relay may have fallen, and only the core knows in which order such things start."""
        coils = [*self._owed, *(coil for coil in self._wanted if coil not in self._owed)]
        return sorted((self._wish(coil) for coil in coils), key=lambda wish: wish[2] is not None)

    def _wish(self, coil: int) -> Wish:
        wanted = self._wanted[coil]
        if not wanted.on or wanted.until == math.inf:
            return coil, wanted.on, None
        left_s = wanted.until - self.mono()
        return (coil, True, left_s) if left_s > 0 else (coil, False, None)


class CoilPort:
    """One relay of a board as an OutputPort: writing never waits for the line, reading never asks it."""

    def __init__(self, board: RelayBoard, coil: int) -> None:
        self._board = board
        self._coil = coil

    def write(self, on: bool) -> None:
        """Leave the wish with the port's worker; of several that wait the newest counts."""
        self._board.wishes.put((self._coil, Wanted(on)))

    def hold(self, lease_s: float) -> None:
        """Leave the wish of an ON that the board itself ends in so many seconds, if its model can."""
        self._board.wishes.put((self._coil, Wanted(True, self._board.mono() + lease_s, lease_s)))

    def read(self) -> bool | None:
        """What the board's last poll said; None when that is two polls ago or more."""
        return self._board.read(self._coil)

    def why(self) -> str | None:
        """Why nothing is known of the relay."""
        return self._board.why()
