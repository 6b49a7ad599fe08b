"""Kills while a valve and its pump are on: a village whose field is watered over and over, and what must hold after."""

from __future__ import annotations

import json
import signal
import sqlite3
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from e2e_house import Listener
from harm_house import HARMFUL, OFF, ON, HarmHouse, came_online, copied
from harm_kills import KINDS, SERVER, UP_AGAIN_S, Counts, Mortal, Site
from support import until

PUMP, PLOT_1, PLOT_2 = 24, 25, 12  # lines; each is on while it is low
PLOTS = {PLOT_1: "valve/plot-1", PLOT_2: "valve/plot-2"}
LEAD_S, LAG_S, CHECKPOINT_S, LOOK_S = 0.5, 0.5, 15.0, 1.0
PHASE = "watering"
WATERS_S = 600


def quick(house: HarmHouse) -> None:
    """Pumps wait and rest for no longer than a test likes to."""
    text = house.config.read_text("utf-8")
    assert "lead: 5s, lag: 3s" in text
    text = text.replace("lead: 5s, lag: 3s", "lead: 0.5s, lag: 0.5s").replace("rest: 60s", "rest: 0s")
    house.config.write_text(text, "utf-8")


@dataclass
class Kept:
    """What a copy of the journal says of runs, zones by valve, and budgets."""

    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    zones: list[dict[str, Any]] = field(default_factory=list)
    budgets: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def copied(cls, state: Path) -> Kept:
        with copied(state) as db:
            assert db is not None, "there is no journal"
            db.row_factory = sqlite3.Row
            tables = {t: [dict(row) for row in db.execute(f"SELECT * FROM {t}")] for t in ("runs", "zones", "budgets")}
        runs, budgets = ({row["id"]: row for row in tables[t]} for t in ("runs", "budgets"))
        return cls(runs, tables["zones"], budgets)

    def going(self) -> set[str]:
        """The valves that a run is to water still."""
        runs = {name for name, run in self.runs.items() if run["ended"] is None}
        return {zone["valve"] for zone in self.zones if zone["run"] in runs and zone["ended"] is None}

    def done_s(self, valve: str) -> float:
        """For how long the valve has been watered in all, as far as the journal knows."""
        return sum(zone["done_s"] for zone in self.zones if zone["valve"] == valve)

    def charged_s(self, output: str) -> float:
        """What stands against its hours of the day."""
        row = self.budgets.get(output)
        return sum(seconds for _, seconds in json.loads(row["charges"])) if row else 0.0


class Garden(Mortal):
    """One field that is killed over and over while it is watered."""

    def __init__(self, house: HarmHouse, counts: Counts, ear: Listener) -> None:
        super().__init__(house, counts, ear)
        self.went_on = 0
        self._since: dict[int, float] = {}
        self._on_s: dict[int, float] = dict.fromkeys((PUMP, *PLOTS), 0.0)

    # --- what is done ---

    def count(self) -> dict[str, dict[str, int]]:
        """How many calls of each kind one watering makes when nobody dies."""
        self.start()
        before = self.counts.now()
        assert not self._water()
        now = self.counts.now()
        return {PHASE: {kind: 0 if kind == SERVER else now[kind] - before[kind] for kind in KINDS}}

    def start(self) -> None:
        since = len(self.ear.messages)
        self.house.start()
        until(lambda: came_online(self.ear, since), 3 * UP_AGAIN_S, "the controller to be up")

    def trial(self, site: Site) -> None:
        """Die at that call of a watering, be brought up again, and hold everything against what the lines did."""
        if "daemon" not in self.house._processes:
            self.start()
        self.counts.arm(site.kind, site.n)
        while not self._water():  # a call that comes later than when it was counted is met in a later round
            pass
        self.counts.disarm()
        self.recover(site)

    def _water(self) -> bool:
        """Two plots are opened and closed again; whether the controller has died of it."""
        self._order("plot-1", "open")
        self._wait(lambda: self.is_on(PUMP))
        self._order("plot-2", "open")
        self._wait(lambda: self.is_on(PLOT_2))
        self._wait(lambda: False, LOOK_S)
        self._order("plot-1", "close")
        self._wait(lambda: not self.is_on(PLOT_1))
        self._order("plot-2", "close")
        self._wait(lambda: not self.is_on(PLOT_2))
        return self._dead()

    def order_and_kill(self, plot: str) -> None:
        """Open a plot, die while the pump runs, and be judged."""
        self._order(plot, "open")
        self._wait(lambda: self.is_on(PUMP))
        self.house.send(signal.SIGKILL)
        self.recover(Site(PHASE, "planted", 0))

    def _order(self, plot: str, action: str) -> None:
        if self._dead():
            return
        self._serial += 1
        more = {"for_s": WATERS_S} if action == "open" else {}
        self.ear.say(f"valve/{plot}/set/head", {"action": action, "id": f"w-{self._serial}", **more})

    def _wait(self, condition: Any, deadline_s: float = 4.0) -> None:
        end = time.monotonic() + deadline_s
        until(lambda: self._dead() or condition() or time.monotonic() > end, deadline_s + 1, "the field")

    def _dead(self) -> bool:
        return self.house.daemon.poll() is not None

    # --- what the lines did ---

    def look(self) -> list[dict[str, Any]]:
        """Follow the lines: never the pump without a plot, and for how long each was on."""
        entries = self._pins.new()
        for entry in (e for e in entries if e["pin"] in self._on_s):
            pin, on = entry["pin"], entry["level"] == ON
            if on and pin not in self._since:
                assert pin != PUMP or any(plot in self._since for plot in PLOTS), "the pump without a plot"
                self._since[pin] = entry["mono"]
            elif not on and pin in self._since:
                self._on_s[pin] += entry["mono"] - self._since.pop(pin)
                assert pin == PUMP or PUMP not in self._since or len(self._since) > 1, "the last plot before the pump"
        return entries

    def is_on(self, pin: int) -> bool:
        self.look()
        return pin in self._since

    def on_s(self, pin: int) -> float:
        """For how long a line was on in all, by now (the simulator's clock is the machine's)."""
        self.look()
        since = self._since.get(pin)
        return self._on_s[pin] + (0.0 if since is None else time.monotonic() - since)

    # --- after a death ---

    def recover(self, site: Site) -> None:
        """Do what the unit will do, and judge."""
        self.house._processes.pop("daemon").wait(10)
        kept = Kept.copied(self.house.state)
        self._judge_journal(kept)
        began = time.monotonic()
        self._play_safe()
        left_on = [pin for pin in self._on_s if self.is_on(pin)]
        assert not left_on, f"left on: {left_on}"
        self.start()
        self.recoveries.append((time.monotonic() - began, site))
        self._judge_recovered(kept)

    def _judge_journal(self, kept: Kept) -> None:
        for pin, valve in PLOTS.items():
            on, done = self.on_s(pin), kept.done_s(valve)
            # What is not known by the last checkpoint of this life; each earlier one cost as much at most.
            assert on - (len(self.recoveries) + 1) * (CHECKPOINT_S + LOOK_S) - self._lags() <= done <= on + LOOK_S, (valve, on, done)
            assert kept.charged_s(valve) >= on - LOOK_S, f"{valve} was open for {on:.1f} s, charged {kept.charged_s(valve):.1f}"

    def _lags(self) -> float:
        return (LAG_S + LEAD_S) * self._serial

    def _play_safe(self) -> None:
        if not self.plays_safe:
            return
        self._pins.new()
        done = self.house.run_safe()
        assert (done.returncode, done.stderr) == (0, ""), f"safe: {done.returncode} {done.stderr}"
        entries = self.look()
        assert [(e["pin"], e["level"]) for e in entries] == [(pin, OFF) for pin in HARMFUL], "safe: the harmful off, the pump first"

    def _judge_recovered(self, kept: Kept) -> None:
        """What was under way goes on, as a mere restart of the program has it, and nothing else does."""
        going = kept.going()
        self.look()
        for pin, valve in PLOTS.items():
            if valve in going:
                until(lambda pin=pin: self.is_on(pin), UP_AGAIN_S, f"{valve} to go on")  # type: ignore[misc]
                self.went_on += 1
        if going:
            until(lambda: self.is_on(PUMP), UP_AGAIN_S, "the pump to go on")
        wrong = [valve for pin, valve in PLOTS.items() if self.is_on(pin) and valve not in going]
        assert not wrong, f"opened as nobody asked: {wrong}"
        for valve in PLOTS.values():
            self._order(valve.partition("/")[2], "close")
        until(lambda: not any(map(self.is_on, self._on_s)), 5, "all to be closed")
        until(lambda: not Kept.copied(self.house.state).going(), 5, "the runs to be over in the journal")
