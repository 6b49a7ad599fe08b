"""One switch on a manual clock: its line, who ends its leases, a journal that may fail, sensors that may fall silent.

What the shell does with effects is done here in few words, so that a test can stop it anywhere; the line `on` is what
the village would feel, and `history` is when it moved.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from edge.core.budgets import Operated
from edge.core.climate import Climate
from edge.core.events import Effect, OutputObserved, Persist, Publish, Write
from edge.core.limits import Switching
from edge.core.site import ClimateProgram, Switch
from edge.core.switch_unit import Around, SwitchUnit
from edge.core.topics import Topics
from edge.core.values import Command, Deadline, Moment, Override, Row
from edge.shell.clock import ManualClock

FAN = "switch/fan"
ZONE = "Asia/Ho_Chi_Minh"
STALE_S = 600.0
LOOK_S = 1.0


@dataclass
class Relay:
    """A line that outlives every process. `sticks`: it does not leave that position."""

    on: bool = False
    leased_until: float | None = None
    sticks: bool | None = None
    history: list[tuple[float, bool]] = field(default_factory=list)

    def put(self, on: bool, mono: float, lease_s: float | None = None) -> None:
        self.leased_until = mono + lease_s if on and lease_s is not None else None
        on = on if self.sticks is None else self.sticks
        if on is not self.on:
            self.on = on
            self.history.append((mono, on))


class SwitchBench:
    """The unit and all that it speaks with. `rows` are what is on the disk, by table and id."""

    def __init__(
        self, switch: dict[str, Any] | None = None, program: dict[str, Any] | None = None,
        at: float = 1_795_224_600.0, trusted: bool = True, burst: int = 0,
    ) -> None:
        """`at`: 21 November 2026, 08:30 in the village."""
        output = {"gpio": 17, "active": "low"}
        self.switch = Switch.model_validate({"name": "Quạt", "output": output, **(switch or {})})
        self.programs: dict[str, ClimateProgram] = {}
        if program is not None:
            self.programs["cool"] = ClimateProgram.model_validate({"kind": "climate", "target": "fan", **program})
        self.clock = ManualClock(at, trusted=trusted)
        self.line = Relay()
        self.rows: dict[tuple[str, str], Row] = {}
        self.values: dict[tuple[str, str], tuple[float, float]] = {}
        self.journal_fails = self.journal_waits = False
        self.hand: float | None = None
        self.burst = burst
        self.messages: list[Publish] = []
        self.begin()

    # --- a process ---

    def begin(self) -> None:
        """A process starts, with what is on the disk."""
        self._queue: deque[Persist] = deque()
        self._waiting: Write | None = None
        self.values.clear()
        self.told: dict[str, bytes] = {}
        self.operated = Operated(float(self.rows.get(("operated", ""), {"seconds": 0})["seconds"] or 0))
        climate = Climate("cool" if self.programs else None, self.programs, ZONE, self.sense, {"air": STALE_S, "damp": STALE_S})
        around = Around(Switching(self.burst, 60.0), self.operated, lambda: self.hand, lambda: self.journal_fails)
        self.unit = SwitchUnit(FAN, self.switch, climate, around, Topics("thon"))
        now = self.clock.now()
        self.operated.note(now)
        kept = self.rows.get(("overrides", FAN))
        tables = {name: {i: row for (table, i), row in self.rows.items() if table == name} for name in ("lockouts", "budgets")}
        self._run(self.unit.start(_override(kept), tables["lockouts"], tables["budgets"], now))
        self.flush()

    def stop(self) -> None:
        """The process ends in good order."""
        for effect in self.unit.stop(self.clock.now()):  # and the core hears of nothing any more
            if isinstance(effect, Write):
                self.line.put(effect.on, self.clock.mono())
            elif isinstance(effect, Persist) and effect.row is not None:
                self.rows[effect.key] = effect.row

    def kill(self) -> None:
        """The process dies, and `safe` turns the line off behind it."""
        self.line.put(False, self.clock.mono())

    def power_cut(self, down_s: float = 60.0) -> None:
        """The line falls with the power."""
        self.line.put(False, self.clock.mono())
        self.clock.reboot(f"boot-{self.clock.now().wall}", down_s)

    # --- what happens ---

    def now(self) -> Moment:
        return self.clock.now()

    def send(self, action: str, **more: Any) -> dict[str, Any]:
        """A command that is valid in itself; the last result that followed at once, or the objection."""
        command = Command(FAN, action, more.pop("user", "head"), **more)
        now = self.now()
        if (bad := self.unit.objection(command, now)) is not None:
            return {"outcome": "rejected", "code": bad[0]}
        start = len(self.messages)
        self._run(self.unit.command(command, "c-1", now, now))
        self.flush()
        results = self.results(start)
        return results[-1] if results else {}

    def measure(self, value: float | None, sensor: str = "air", quantity: str = "temperature_c") -> None:
        """A sensor was read; None: in vain."""
        if value is not None:
            self.values[f"sensor/{sensor}", quantity] = value, self.clock.mono()
        self.unit.measured(f"sensor/{sensor}")
        self.settle()

    def sense(self, sensor: str, quantity: str, moment: Moment) -> float | None:
        value, at = self.values.get((sensor, quantity), (0.0, float("-inf")))
        return value if moment.mono < at + STALE_S else None

    def settle(self) -> None:
        """All that is due now."""
        if self.unit.wake <= self.clock.mono():
            self._run(self.unit.step(self.now()))
        self.flush()

    def advance(self, seconds: float, hangs: bool = False) -> None:
        """Let time pass; while the core `hangs`, only leases end."""
        end = self.clock.mono() + seconds
        while (mono := self.clock.mono()) < end:
            leased = self.line.leased_until if self.line.leased_until is not None else end
            wake = end if hangs else max(self.unit.wake, mono + 0.001)
            self.clock.advance(min(end, max(leased, mono + 0.001), wake, mono + 300.0) - mono)
            if self.line.on and self.line.leased_until is not None and self.clock.mono() >= self.line.leased_until:
                self.line.put(False, self.clock.mono())
            if not hangs:
                self.look()
        self.look()

    def look(self) -> None:
        """What the line says of itself; then all that is due."""
        for effect in self.operated.note(self.now()):
            assert isinstance(effect, Persist)
            self._queue.append(effect)
        self._seen()
        self.settle()

    # --- what is seen ---

    def state(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.told["state"])
        return told

    def results(self, start: int = 0) -> list[dict[str, Any]]:
        return [json.loads(m.payload) for m in self.messages[start:] if m.topic.endswith("/result")]

    def alarms(self) -> set[str]:
        return {kind for kind, _, holds, _ in self.unit.conditions() if holds}

    # --- the shell, in few words ---

    def _run(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Write(after=None):
                    self._waiting = None
                    self._write(effect)
                case Write():
                    assert effect.on, "an OFF waits for nothing"
                    self._waiting = effect
                case Persist():
                    self._queue.append(effect)
                case Publish():
                    self.messages.append(effect)
                    if effect.retain:
                        self.told[effect.topic.rpartition("/")[2]] = effect.payload

    def _write(self, write: Write) -> None:
        self.line.put(write.on, self.clock.mono(), write.lease_s)
        self._seen()
        if self.unit.wake <= self.clock.mono():
            self._run(self.unit.step(self.now()))

    def _seen(self) -> None:
        self.unit.observe(OutputObserved(FAN, self.line.on), self.now())

    def flush(self) -> None:
        """The journal takes what has queued, and says so."""
        while self._queue and not self.journal_fails and not self.journal_waits:
            row = self._queue.popleft()
            if row.row is None:
                self.rows.pop(row.key, None)
            else:
                self.rows[row.key] = row.row
            if row.tell:
                if self._waiting is not None and self._waiting.after == row.key:
                    write, self._waiting = self._waiting, None
                    self._write(write)
                self.unit.stored(row.key, self.now())
                if self.unit.wake <= self.clock.mono():
                    self._run(self.unit.step(self.now()))


def _override(row: Row | None) -> Override | None:
    if row is None:
        return None
    until = None
    if row["until_wall"] is not None:
        mono = None if row["until_mono"] is None else float(row["until_mono"])
        until = Deadline(float(row["until_wall"]), mono, None if row["until_boot"] is None else str(row["until_boot"]))
    return Override(FAN, int(row["level"] or 0), until, str(row["user"]), str(row["command"]), float(row["at"] or 0))
