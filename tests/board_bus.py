"""Relay boards and meters on one line, as the worker of a port has them, for tests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from edge.core.events import Event, OutputObserved, ReadingsTaken
from edge.core.values import Moment, Reading
from edge.shell.boards import CoilPort, RelayBoard
from edge.shell.bus import BusWorker, Polled
from edge.shell.clock import ManualClock
from edge.shell.runner import StepRunner

A, B = "light/lanes/a", "light/lanes/b"
Wish = tuple[int, bool, float | None]


@dataclass(frozen=True)
class Said:
    free_at: float
    coils: tuple[bool, ...] | None = None
    wrote: Wish | None = None
    error: str | None = None
    gone: bool = False
    reading: Reading | None = None


@dataclass
class Wire:
    """The line that all share; an exchange takes `takes_s`, one without an answer `timeout_s` and a second of quiet."""

    clock: ManualClock
    takes_s: float = 0.0
    timeout_s: float = 0.0
    quiet_until: float = 0.0
    plugged: bool = True
    log: list[tuple[float, str]] = field(default_factory=list)

    def ask(self, what: str, alive: bool) -> str | None:
        """Let the time of an exchange pass; what went wrong."""
        self.log.append((self.clock.mono(), what))
        if not self.plugged:
            return "unplugged"
        self.clock.advance(self.takes_s if alive else self.timeout_s)
        if not alive:
            self.quiet_until = self.clock.mono() + 1.0
        return None if alive else "no answer"


@dataclass
class Relays:
    """A board of four relays as its driver offers it; out of step after a reading that failed.

    What no manual says: whether a timed ON while one runs begins the time `anew`, and whether OFF `stops` the time or
    is not heeded while it runs.
    """

    wire: Wire
    name: str
    alive: bool = True
    coils: list[bool] = field(default_factory=lambda: [False] * 4)
    out_of_step: bool = False
    anew: bool = True
    stops: bool = True
    timers: dict[int, float] = field(default_factory=dict)

    def run_out(self) -> None:
        """Let the relays fall whose time is over."""
        for coil, end in list(self.timers.items()):
            if end <= self.wire.clock.mono():
                del self.timers[coil]
                self.coils[coil] = False

    def obey(self, coil: int, on: bool, for_s: float | None) -> None:
        self.run_out()
        if for_s is not None and (self.anew or coil not in self.timers):
            self.timers[coil] = self.wire.clock.mono() + for_s
        elif for_s is None and self.stops:
            self.timers.pop(coil, None)
        if for_s is not None or coil not in self.timers:
            self.coils[coil] = on

    def ready_at(self, write: Wish | None, wanted: Iterable[Wish]) -> float:
        return self.wire.quiet_until

    def ask(self, write: Wish | None, wanted: Iterable[Wish]) -> Said:
        wish = next(iter(wanted), None) if write is None and self.out_of_step else write
        what = "read" if wish is None else wish[:2] if wish[2] is None else f"{wish[0]} on for {wish[2]:g} s"
        error = self.wire.ask(f"{self.name} {what}", self.alive)
        if error is not None:
            self.out_of_step = wish is None
            return Said(self.wire.quiet_until, wrote=wish, error=error, gone=not self.wire.plugged)
        self.out_of_step = False
        if wish is not None:
            self.obey(*wish)
            return Said(self.wire.quiet_until, wrote=wish)
        self.run_out()
        return Said(self.wire.quiet_until, tuple(self.coils))


@dataclass
class Meter:
    """A meter of one exchange a reading."""

    wire: Wire
    name: str
    alive: bool = True

    def ready_at(self) -> float:
        return self.wire.quiet_until

    def ask(self, moment: Moment) -> Said:
        error = self.wire.ask(self.name, self.alive)
        reading = None if error else Reading(self.name, {"power_w": 1.0}, moment.wall)
        return Said(self.wire.quiet_until, error=error, gone=not self.wire.plugged, reading=reading)


class Worked:
    """A worker and the line that its devices share, in virtual time from 1000 s on."""

    worker: BusWorker

    def __init__(self, **wire: float) -> None:
        self.clock = ManualClock(wall=0.0, mono=1000.0)
        self.wire = Wire(self.clock, **wire)  # type: ignore[arg-type]

    def run(self, seconds: float) -> None:
        """Let time pass where exchanges themselves take time."""
        end = self.clock.mono() + seconds
        while self.clock.mono() < end:
            wake = self.worker.step(self.clock.now())
            assert wake is not None
            self.clock.advance(max(min(wake, end) - self.clock.mono(), 0.0))


class Bus(Worked):
    """A worker over boards and meters."""

    def __init__(self, boards: int = 1, meters: int = 0, meter_poll_s: float = 10.0, poll_s: float = 1.0, **wire: float) -> None:
        super().__init__(**wire)
        self.relays = [Relays(self.wire, f"board/{i}") for i in range(boards)]
        self.meters = [Meter(self.wire, f"meter/{i}") for i in range(meters)]
        self.events: list[tuple[float, Event]] = []
        names = {0: A, 1: B}
        self.boards = [
            RelayBoard({c: n if i == 0 else f"{n}{i}" for c, n in names.items()}, r, poll_s, self.clock.mono, self.put)
            for i, r in enumerate(self.relays)
        ]
        polled = [Polled(r.name, board, poll_s) for r, board in zip(self.relays, self.boards, strict=True)]
        polled += [Polled(m.name, m, meter_poll_s) for m in self.meters]  # type: ignore[arg-type]
        self.worker = BusWorker("bus", polled, self.put)
        self.runner = StepRunner([self.worker], self.clock)
        self.ports = {name: port for board in self.boards for name, port in board.ports().items()}

    @property
    def a(self) -> CoilPort:
        return self.ports[A]

    @property
    def board(self) -> Relays:
        return self.relays[0]

    def put(self, event: Event) -> None:
        self.events.append((self.clock.mono() - 1000.0, event))

    def asked(self) -> list[str]:
        """What was asked since, each without its time."""
        asked = [what for _, what in self.wire.log]
        self.wire.log.clear()
        return asked

    def heard(self, output: str) -> list[tuple[float, bool | None, str | None]]:
        seen = [(t, e) for t, e in self.events if isinstance(e, OutputObserved) and e.output == output]
        return [(t, e.on, e.error) for t, e in seen]

    def readings(self, name: str) -> list[float]:
        return [t for t, e in self.events if isinstance(e, ReadingsTaken) and e.device == name and e.reading]


def times(bus: Bus, name: str) -> list[float]:
    """When a board or meter was asked, whatever it was asked."""
    return [at for at, what in bus.wire.log if what.split()[0] == name]
