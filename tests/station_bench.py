"""A station on a bench: relays that outlive the process, a lease keeper, a journal that may be late, a manual clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from edge.core.budgets import Operated
from edge.core.events import Effect, OutputObserved, Persist, Stored, Write
from edge.core.limits import Switching
from edge.core.memory import WaterMemory
from edge.core.site_devices import Pump, Valve
from edge.core.station import Around, Station, Want
from edge.core.values import Moment, Row

WALL = 1_795_258_000.0
NEVER = float("inf")
LEASE_S = 14.0
RESTS_S = 1e-3  # what wakes again within so little has not come to rest


def wiring(
    valves: int, pump: bool, of_valve: dict[str, Any], of_pump: dict[str, Any]
) -> tuple[dict[str, Valve], tuple[str, Pump] | None]:
    """Valves a, b, … of 600 s at a stretch and 1500 s a day; a pump p of 900 s and 2400 s, unless told otherwise."""
    limits = {"max_on": "10m", "daily_max": "25m", "default": "5m"} | of_valve
    made = {
        "abcdef"[n]: Valve.model_validate({"name": "?", "output": {"gpio": 10 + n}, **limits}) for n in range(valves)
    }
    of = {"name": "?", "output": {"gpio": 5}, "max_on": "15m", "daily_max": "40m", "lead": "5s", "lag": "3s", "rest": "60s"}
    return made, ("p", Pump.model_validate(of | of_pump)) if pump else None


@dataclass
class Relay:
    """A physical output. `on` is what hangs on it; `mode` how it obeys: "sticks" obeys nothing and says so, "fails"
    takes no write, "unknown" obeys and says nothing."""

    name: str
    told: Callable[[Relay, bool], None]
    on: bool = False
    mode: str = "obeys"
    lease_until: float = NEVER

    def write(self, on: bool) -> None:
        if self.mode == "fails":
            raise OSError("no answer")
        if self.mode != "sticks" and on is not self.on:
            self.on = on
            self.told(self, on)

    def read(self) -> bool | None:
        return None if self.mode in ("fails", "unknown") else self.on


@dataclass
class Bench:
    """Carries a station's effects out as the shell does: what an output shows is decided on before what stands behind
    its write. `wants`: valve -> (monotonic s until when it is wanted, run), the first has precedence."""

    valves: int = 2
    pump: bool = True
    of_pump: dict[str, Any] = field(default_factory=dict)
    of_valve: dict[str, Any] = field(default_factory=dict)
    burst: int = 0
    watch: Callable[[Relay, bool], None] = lambda _relay, _on: None

    def __post_init__(self) -> None:
        self.wired = wiring(self.valves, self.pump, self.of_valve, self.of_pump)
        self.mono, self.boot, self.trusted, self.error = 1000.0, "boot-1", True, 0.0
        self.real = 0.0  # s since the beginning, also without power
        self.powered = 0.0  # s with power since the beginning
        names = (["pump/p"] if self.pump else []) + [f"valve/{i}" for i in self.wired[0]]
        self.relays = {name: Relay(name, self._changed) for name in names}
        self.disk: dict[tuple[str, str], Row] = {}
        self.delay: float = 0.0  # of the journal (s); inf: it answers nothing
        self.failing = False  # and says so
        self.wants: dict[str, tuple[float, str]] = {}
        self.told: dict[str, Any] = {"hand": {}, "locked": {}, "level": None, "room": None}
        self.writes: list[tuple[float, str, bool]] = []
        self.hung = False
        self.begin()

    # --- a process ---

    def begin(self) -> None:
        """A process starts, with what is on the disk."""
        tables: dict[str, dict[str, Row]] = {}
        for (table, name), row in self.disk.items():
            tables.setdefault(table, {})[name] = row
        operated = float(tables.get("operated", {}).get("", {}).get("seconds") or 0)
        around = Around(
            Operated(operated), Switching(self.burst, 60.0), self.told["hand"].get,
            self.told["locked"].get, lambda _: self.told["level"], lambda _: self.told["room"],
            lambda: self.failing,
        )  # fmt: skip
        water = WaterMemory(budgets=tables.get("budgets", {}), blocks=tables.get("blocks", {}))
        self.station = Station(*self.wired, around, water)
        self._waiting: dict[str, Write] = {}
        self._outbox: list[Persist] = []
        self._queue: list[tuple[float, list[Persist]]] = []
        self._look_at = self.mono
        self.writes = []
        for relay in self.relays.values():
            relay.lease_until = NEVER
        self.run(self.station.start(self.moment()))
        self.step()

    def moment(self) -> Moment:
        return Moment(WALL + self.real + self.error, self.mono, self.boot, self.trusted)

    def kill(self, downtime_s: float, drop: bool) -> None:
        """The process dies and another starts; relays stay as they are, or `drop` at once."""
        for relay in self.relays.values():
            if drop:
                self._force(relay, False)
        self.wants.clear()
        self.hung = False
        self._pass(downtime_s)
        self.begin()

    def power_cut(self, off_s: float, trusted: bool) -> None:
        """Everything is dark for a while, and boots."""
        for relay in self.relays.values():
            self._force(relay, False)
        self.wants.clear()
        self.hung = False
        self.real += off_s
        self.mono, self.boot, self.trusted = 5.0, self.boot + "'", trusted
        self.error = 0.0 if trusted else -3600.0
        self.begin()

    def _force(self, relay: Relay, on: bool) -> None:
        if relay.on is not on:
            relay.on = on
            self._changed(relay, on)

    def _changed(self, relay: Relay, on: bool) -> None:
        self.writes.append((self.mono, relay.name, on))
        self.watch(relay, on)

    # --- carrying out ---

    def run(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Persist):
                self._outbox.append(effect)
            elif isinstance(effect, Write) and effect.after is not None:
                assert effect.lease_s == LEASE_S
                self._waiting[effect.output] = effect
            elif isinstance(effect, Write):
                self._waiting.pop(effect.output, None)
                self._see(self._write(effect))

    def _write(self, write: Write) -> OutputObserved:
        relay = self.relays[write.output]
        try:
            relay.write(write.on)
        except OSError as error:
            return OutputObserved(write.output, None, str(error))
        relay.lease_until = self.mono + (write.lease_s or NEVER) if write.on else NEVER
        return OutputObserved(write.output, relay.read())

    def _see(self, seen: OutputObserved) -> None:
        self.station.observe(seen, self.moment())
        self._step_if_due()

    def _step_if_due(self) -> None:
        if self.station.wake <= self.mono:
            self.run(self.station.step(self.wanted(), self.moment()))

    def wanted(self) -> list[Want]:
        return [Want(v, end - self.mono, run=run) for v, (end, run) in self.wants.items() if end > self.mono]

    def step(self) -> None:
        """Whoever owns the station has something new for it."""
        self._look_at = min(self._look_at, self.mono + 1)
        if not self.hung:
            self.run(self.station.step(self.wanted(), self.moment()))
            self._flush()

    def _flush(self) -> None:
        """Hand over what is to be kept; the journal may have it at once."""
        while self._outbox or (self._queue and self._queue[0][0] <= self.mono):
            if self._outbox:
                self._queue.append((self.mono + self.delay, self._outbox))
                self._outbox = []
            if self._queue[0][0] > self.mono:
                break
            due, self._queue = [r for at, r in self._queue if at <= self.mono], [q for q in self._queue if q[0] > self.mono]
            for row in (row for rows in due for row in rows):
                assert row.row is not None or row.key[0] == "blocks"
                if row.row is None:
                    self.disk.pop(row.key, None)
                else:
                    self.disk[row.key] = row.row
            for row in (row for rows in due for row in rows if row.tell):
                self._stored(Stored(row.key))

    def _stored(self, stored: Stored) -> None:
        for write in [w for w in self._waiting.values() if w.after == stored.key]:
            del self._waiting[write.output]
            self._see(self._write(write))
        self.station.stored(stored.key, self.moment())
        self._step_if_due()

    def journal(self, delay: float, failing: bool = False) -> None:
        """From now on rows take `delay` (s, inf: they wait until it is less)."""
        self.delay, self.failing = delay, failing
        self._queue = [(self.mono + delay, rows) for _, rows in self._queue]

    # --- time ---

    def _pass(self, seconds: float) -> None:
        self.mono += seconds
        self.real += seconds
        self.powered += seconds

    def look(self) -> None:
        """Every output is read."""
        for name, relay in self.relays.items():
            self._see(OutputObserved(name, relay.read()))
        self._flush()

    def next_at(self) -> float:
        """When something is due next."""
        leases = [r.lease_until for r in self.relays.values() if r.on]
        core = [] if self.hung else [self.station.wake, self._look_at, *(at for at, _ in self._queue)]
        return max(min([*core, *leases, NEVER]), self.mono)

    def advance(self, seconds: float) -> None:
        """Stops wherever something is due."""
        end = self.mono + seconds
        steps = 0
        while self.next_at() <= end:
            at = self.next_at()
            steps = steps + 1 if at < self.mono + RESTS_S else 0
            assert steps < 50, "it does not come to rest"
            self._to(at)
        self._to(end)

    def _to(self, mono: float) -> None:
        self._pass(mono - self.mono)
        for relay in self.relays.values():  # the pump is the first
            if relay.on and relay.lease_until <= self.mono:
                relay.lease_until = NEVER
                relay.write(False) if relay.mode != "fails" else None
        if self.hung:
            return
        if self._look_at <= self.mono:
            self._look_at = self.mono + (1.0 if self.wants or any(r.mode != "obeys" for r in self.relays.values()) else 600.0)
            self.look()
        self._step_if_due()
        self._flush()

    # --- asking ---

    def want(self, valve: str, seconds: float, run: str = "r") -> None:
        self.wants[valve] = self.mono + seconds, run
        self.step()

    def drop(self, valve: str) -> None:
        self.wants.pop(valve, None)
        self.step()

    def on(self) -> str:
        """What is physically on, by its last letter."""
        return "".join(name[-1] for name, relay in self.relays.items() if relay.on)

    def log(self) -> list[str]:
        """What was switched since the process began, as "+5 p on" (s since boot minus 1000)."""
        return [f"{at - 1000:g} {name[-1]} {'on' if on else 'off'}" for at, name, on in self.writes]

    def alarms(self) -> set[tuple[str, str]]:
        return {(kind, target) for kind, target, holds, _ in self.station.conditions() if holds}
