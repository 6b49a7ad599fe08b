"""A street that is killed over and over: what people do in a session, and what must hold after each death."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from e2e_house import ROOT, Listener
from harm_house import CULTURE_HOUSE, DRIVEN, HARMFUL, MAIN_ROAD, OFF, ON, HarmHouse, came_online, copied, drive_as
from harm_kills import KINDS, PHASES, UP_AGAIN_S, Counts, Mortal, Site
from support import until

ON_FOR = {"action": "on", "level": 33, "for_s": 3600}
# What a person does in a session; None: the machine's owner restarts the controller.
SESSION: list[tuple[str, dict[str, Any]] | None] = [
    ("main-road", ON_FOR), ("culture-house", ON_FOR), None, ("main-road", {"action": "off", "for_s": 3600}),
    ("main-road", {"action": "auto"}), ("culture-house", {"action": "auto"}),
]  # fmt: skip


@dataclass
class Journal:
    """What a copy of the journal says: overrides as {light: (level, command)}, audited commands in order."""

    overrides: dict[str, tuple[int, str]] = field(default_factory=dict)
    audit: list[str] = field(default_factory=list)

    @classmethod
    def copied(cls, state: Path) -> Journal:
        with copied(state) as db:
            if db is None:
                return cls()
            overrides = {i: (level, c) for i, level, c in db.execute("SELECT id, level, command FROM overrides")}
            return cls(overrides, [c for (c,) in db.execute("SELECT command FROM audit ORDER BY sequence")])


class Street(Mortal):
    """One village that is killed over and over."""

    def __init__(self, house: HarmHouse, counts: Counts, ear: Listener) -> None:
        super().__init__(house, counts, ear)
        self.half_kept = 0  # kills that kept an override and lost its line in the audit
        self._killed = False
        self._forget()

    def _forget(self) -> None:
        self._before: dict[str, tuple[int, str]] = {}  # overrides as they are by all commands that were stored
        self._after: dict[str, tuple[int, str]] = {}  # and by the one on its way as well
        self._stored: list[str] = []
        self._asked: dict[int, list[int]] = {}

    # --- the session ---

    def count(self) -> dict[str, dict[str, int]]:
        """How many calls of each kind each phase makes when nobody dies."""
        found = {}
        for phase in PHASES:
            before = self._begin(phase)
            if phase == "session":
                self._play()
            else:
                self._start()
            assert not self._dead(), f"died of itself: {self.house.log.read_text()[-2000:]}"
            now = self.counts.now()
            found[phase] = {kind: now[kind] - before[kind] for kind in KINDS}
        return found

    def trial(self, site: Site) -> None:
        """Die at that site, be brought up again, and hold everything against what was asked for."""
        self._begin(site.phase)
        self._killed = False
        self.counts.arm(site.kind, site.n)
        if site.phase != "session":
            self._start()
        while not self._killed:  # a call that comes later than when it was counted is met in a later round
            self._play()
        self.counts.disarm()
        self.recover(site)

    def _begin(self, phase: str) -> dict[str, int]:
        """Be where the phase begins: the calls so far."""
        self.counts.disarm()
        if phase == "session":
            if "daemon" not in self.house._processes:
                self._start()
            drive_as(self.house.sim, self.house.pid(), HARMFUL[0], ON)
        elif "daemon" in self.house._processes:
            if phase == "start after a kill":  # before the first start there is no safe.json that knew of the line
                drive_as(self.house.sim, self.house.pid(), HARMFUL[0], ON)
            self.house.kill()
            if phase == "first start":
                self.house.run_safe()
        if phase == "first start":
            shutil.rmtree(self.house.state, ignore_errors=True)
            self._forget()
        self._pins.new()
        self._asked = {pin: [self._pins.levels.get(pin, OFF)] for pin in DRIVEN}
        if phase == "first start":
            for pin in DRIVEN:
                self._asked[pin].append(OFF)
        return self.counts.now()

    def _start(self) -> None:
        """Start, and wait until it is online or dead."""
        since = len(self.ear.messages)
        self.house.start()
        until(lambda: came_online(self.ear, since) or self._dead(), 10, "online, or the death that was ordered")

    def _dead(self) -> bool:
        process = self.house._processes.get("daemon")
        self._killed = process is None or process.poll() is not None
        return self._killed

    def _play(self) -> None:
        for step in SESSION:
            if step is None:
                self.house.send(signal.SIGTERM)
                code = self.house.daemon.wait(10)
                if code:
                    self._killed = True
                    return
                self._start()
            else:
                self._command(*step)
            if self._dead():
                return

    def _command(self, light: str, what: dict[str, Any]) -> None:
        self._serial += 1
        name = f"k-{self._serial}"
        target = f"light/{light}"
        self._after = {k: v for k, v in self._before.items() if k != target}
        if what["action"] != "auto":
            level = 0 if what["action"] == "off" else 33 if light == "main-road" else 100
            self._after[target] = (level, name)
        for pin, wanted in wanted_levels(self._after).items():
            self._asked[pin].append(wanted)
        since = len(self.ear.messages)
        self.ear.say(f"{target}/set/head", what | {"id": name})
        until(lambda: self._answered(target, name, since) or self._dead(), 10, f"the result of {name}")
        until(lambda: self._dead() or self._is_stored(name), 10, f"{name} to be stored")
        if self._is_stored(name):
            self._before = self._after

    def _answered(self, target: str, name: str, since: int) -> bool:
        results = [json.loads(p) for t, p, _ in self.ear.messages[since:] if t == f"{ROOT}/{target}/result"]
        return any(r["id"] == name and r["outcome"] == "done" for r in results)

    def _is_stored(self, name: str) -> bool:
        try:
            with closing(sqlite3.connect(f"file:{self.house.state}/journal.db?mode=ro", uri=True)) as db:
                found = db.execute("SELECT 1 FROM audit WHERE command = ?", (name,)).fetchone() is not None
        except sqlite3.Error:
            return False
        if found and name not in self._stored:
            self._stored.append(name)
        return found

    # --- after a death ---

    def recover(self, site: Site) -> None:
        """Do what the unit will do, and judge."""
        self.house._processes.pop("daemon").wait(10)
        kept = Journal.copied(self.house.state)
        self._judge_journal(kept)
        self._judge_lines_before_death()
        began, since = time.monotonic(), len(self.ear.messages)
        if self.plays_safe:
            self._play_safe()
        open_still = [pin for pin in HARMFUL if self._pins.levels.get(pin, OFF) == ON]
        assert not open_still, f"harmful lines are on: {open_still}"
        self.house.start()
        until(lambda: came_online(self.ear, since), UP_AGAIN_S, "the controller to be up again")
        self.recoveries.append((time.monotonic() - began, site))
        self._judge_recovered(kept)
        self._before = self._after = kept.overrides

    def _play_safe(self) -> None:
        could = (self.house.state / "safe.json").exists()
        done = self.house.run_safe()
        entries = self._pins.new()
        if not could:  # died before its first safe.json: nothing of it was ever driven
            assert (done.returncode, entries) == (2, []), f"safe without a file: {done.stderr} {entries}"
            return
        assert (done.returncode, done.stderr) == (0, ""), f"safe: {done.returncode} {done.stderr}"
        assert [(e["pin"], e["level"]) for e in entries] == [(pin, OFF) for pin in HARMFUL], "safe: harmful off, lights held"

    def _judge_journal(self, kept: Journal) -> None:
        lost = [name for name in self._stored if name not in kept.audit]
        assert not lost, f"stored rows are gone: {lost}"
        assert kept.overrides in (self._before, self._after), "the journal holds a third thing"
        if kept.overrides == self._after != self._before and set(kept.audit[-1:]) != {f"k-{self._serial}"}:
            self.half_kept += 1

    def _judge_lines_before_death(self) -> None:
        """Each line took the levels that were asked of it, in order, and at most the last is missing."""
        entries = self._pins.new()
        for pin in DRIVEN:
            took = [self._asked[pin][0], *(e["level"] for e in entries if e["pin"] == pin)]
            asked, seen = distinct(self._asked[pin]), distinct(took)
            assert seen == asked[: len(seen)], f"line {pin} was at {seen}, asked were {asked}"
            assert len(seen) >= len(asked) - 1, f"line {pin} was at {seen}, asked were {asked}"
        off = [e for e in entries if e["pin"] in HARMFUL and e["level"] == OFF]  # as at every start
        strange = [e for e in entries if e["pin"] not in {*DRIVEN, HARMFUL[0]} and e not in off]
        assert not strange, f"lines that nobody asked for: {strange}"

    def _judge_recovered(self, kept: Journal) -> None:
        wanted = wanted_levels(kept.overrides)
        entries = self._pins.new()
        mine = {pin: self._pins.levels.get(pin) for pin in DRIVEN}
        assert mine == wanted, f"a third thing: the journal asks for {wanted}, the lines are at {mine}"
        wrong = [e for e in entries if e["level"] != wanted.get(e["pin"], OFF)]
        assert not wrong, f"driven as nobody asked: {wrong}"
        open_still = [pin for pin in HARMFUL if self._pins.levels.get(pin, OFF) == ON]
        assert not open_still, f"harmful lines are on: {open_still}"
        for light in ("main-road", "culture-house"):
            state, override = self.ear.state(light), kept.overrides.get(f"light/{light}")
            told = (state["level"], state["observed_level"], state["reason"], state["command"])
            level, command = override or (0, None)
            assert told == (level, level, "override" if override else "program", command), state


def wanted_levels(overrides: dict[str, tuple[int, str]]) -> dict[int, int]:
    """The lines as these overrides ask for; the program of both lights has them dark."""
    road, house = (overrides.get(f"light/{i}", (0, ""))[0] for i in ("main-road", "culture-house"))
    lines = {pin: ON if road and name == "a" else OFF for pin, name in MAIN_ROAD.items()}
    return lines | {CULTURE_HOUSE: ON if house else OFF}


def distinct(levels: list[int]) -> list[int]:
    """Without repetitions in a row."""
    return [level for n, level in enumerate(levels) if n == 0 or level != levels[n - 1]]
