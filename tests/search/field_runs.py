"""I6, judged by lines and the journal alone: each occurrence of a program waters once, and no longer than planned."""

from __future__ import annotations

import math
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from search.account import Violation
from search.house import House

CHECKPOINT_S = 15.0  # so much of what was watered a death may lose, and the lease of a core that hangs may add
SEEN_S = 3.0  # an opening counts from when it is seen, and its zone ends at a look


@dataclass(slots=True)
class _Zone:
    """What one valve had of one run: seconds with its output on, and in how many pieces."""

    on_s: float = 0.0
    pieces: int = 0


@dataclass
class RunBooks:
    """What the lines did in the name of which run: of the one that the valve's state told, and the journal has.

    `spare_s`: by valve, what an opening may last beyond what its zone counts: the pump's lead and lag.
    """

    house: House
    spare_s: dict[str, float]
    counts: Counter[str] = field(default_factory=Counter)
    _of: dict[str, tuple[str, float]] = field(default_factory=dict)  # valve -> its run, since when
    _had: dict[tuple[str, str], _Zone] = field(default_factory=dict)
    _over: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    _blind: set[str] = field(default_factory=set)  # runs of which it cannot be known how long they had water

    def opened(self, valve: str, told: dict[str, Any] | None, at: float) -> None:
        """A valve came on. Raises Violation where the journal has no charge, and no run that is not over, for it."""
        charge, runs = self._card_of(valve)
        if charge is None or charge[0] is None:
            raise Violation("I2", f"{valve} opened and is not charged for in the journal: {charge}")
        if not runs:
            raise Violation("I5", f"{valve} opened, and no run of it is in the journal that is not over")
        run = (told or {}).get("run")
        name = run["id"] if run and run["id"] in runs else runs[0]
        if len(runs) > 1 and not run:
            self._blind.update(runs)
        if name in self._over:
            raise Violation("I6", f"{valve} opened for {name}, which was over as {self._over[name]}")
        self._of[valve] = name, at

    def passed(self, valve: str, run: str, at: float) -> None:
        """A valve that may be open is told to water for this run from now on."""
        if valve in self._of and self._of[valve][0] != run:
            self.closed(valve, at)
            self._of[valve] = run, at

    def closed(self, valve: str, at: float) -> None:
        """It went off."""
        if (found := self._of.pop(valve, None)) is not None:
            zone = self._had.setdefault((found[0], valve), _Zone())
            zone.on_s += at - found[1]
            zone.pieces += 1

    def frozen(self, seconds: float) -> None:
        """For so long nobody was there who could have counted or closed anything."""
        self._of = {valve: (run, since + seconds) for valve, (run, since) in self._of.items()}

    def unheard(self) -> None:
        """What is open now may pass from one run to another, and nobody hears of it."""
        self._blind.update(run for run, _ in self._of.values())

    def lost(self) -> None:
        """The process has ended while the card took nothing: how far its runs had come was in its memory only."""
        self._blind.update(run for run, _ in [*self._had, *self._of.values()] if run not in self._over)

    def look(self) -> None:
        """Hold what is on the card to what the lines did."""
        if not self.house.journal_file.exists():
            return
        with closing(sqlite3.connect(f"file:{self.house.journal_file}?mode=ro", uri=True)) as card:
            rows = card.execute("SELECT id, program, slot, started, ended, outcome, why FROM runs").fetchall()
            zones = card.execute("SELECT run, valve, planned_s, planned_l, done_s FROM zones ORDER BY id").fetchall()
        done: dict[str, float] = {}
        planned: dict[tuple[str, str], float] = {}
        for run, valve, planned_s, planned_l, done_s in zones:
            done[run] = done.get(run, 0.0) + done_s
            planned[run, valve] = planned.get((run, valve), 0.0) + (planned_s if planned_l is None else math.inf)
        slots: dict[tuple[str, int], str] = {}
        for run, program, slot, started, ended, outcome, _ in rows:
            if program is not None and slots.setdefault((program, round(slot)), run) != run:
                raise Violation("I6", f"{run} and {slots[program, round(slot)]} are the same occurrence, of {slot}")
            seen = started, ended, outcome, done.get(run)
            if self._over.get(run, seen) != seen:
                raise Violation("I6", f"the run {run} was over as {self._over[run]} and is now {seen}")
            if ended is not None:
                self._over[run] = seen
        of_programs = {row[0] for row in rows if row[1] is not None}
        for (run, valve), had in self._had.items():
            most = planned.get((run, valve), math.inf) + had.pieces * (CHECKPOINT_S + SEEN_S + self.spare_s[valve])
            if run in of_programs and run not in self._blind and had.on_s > most:
                text = f"{valve} was open for {had.on_s:.1f} s in {had.pieces} pieces for {run}"
                raise Violation("I6", f"{text}, planned are {planned[run, valve]}")
        self._count(rows)

    def _card_of(self, valve: str) -> tuple[tuple[Any, ...] | None, list[str]]:
        with closing(sqlite3.connect(f"file:{self.house.journal_file}?mode=ro", uri=True)) as card:
            charge = card.execute("SELECT on_mono FROM budgets WHERE id = ?", (valve,)).fetchone()
            runs = card.execute(
                "SELECT r.id FROM runs r JOIN zones z ON z.run = r.id WHERE z.valve = ? AND r.ended IS NULL "
                "AND z.ended IS NULL ORDER BY r.program IS NOT NULL", (valve,),
            ).fetchall()  # fmt: skip
        return charge, [name for (name,) in runs]

    def _count(self, rows: list[tuple[Any, ...]]) -> None:
        self.counts.clear()
        for name, program, _, _, _, outcome, why in rows:
            who = "runs of persons" if program is None else "runs"
            self.counts[f"{who} {outcome or 'going'}{why and f' ({why})'}"] += 1
            self.counts[who] += 1
            pieces = sum(had.pieces for (run, _), had in self._had.items() if run == name)
            zones = len([run for run, _ in self._had if run == name])
            self.counts[f"{who} in pieces"] += pieces > zones
