"""One random village with fields, and what it is held to: judged by what its lines and coils did, not by what is said.

I1 to I5, I8 and I13 by the commanded outputs; I6 and I7 by the journal and the trail.
"""

from __future__ import annotations

import json
import math
import random
import sqlite3
from collections import Counter, deque
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TextIO

from search.account import EPS, Action, Violation, text_of
from search.almanac import DAY_S
from search.fields import Fields, fields
from search.house import House

from drivers import registers
from edge.core.site import Site
from edge.shell.site_file import parse_site
from simulator.fault_fast import FastStage
from simulator.faults import Faults
from simulator.faults import read as read_fault

LEASE_S, SPARE_S = 15.0, 1.0
OBEYED_S = 3.0  # a board is written between two polls, and a look tells of a line
TOLD_S = 5.0


@dataclass
class Out:
    """One valve, pump or switch: its limits, and what its output did in seconds since the village began."""

    target: str
    active: int
    max_on: float
    daily_max: float
    pump: str | None = None
    on: bool = False
    since: float = -math.inf  # it is as it is
    off_at: float = -math.inf
    spans: deque[tuple[float, float]] = field(default_factory=deque)  # on, by the clock of powered operation


class FieldTrial:
    """Lives through actions and raises Violation at the first thing that does not hold."""

    def __init__(self, seed: int, trace: TextIO | None = None, *, by_clock: bool = True) -> None:
        plan: Fields = fields(random.Random(f"{seed}/fields"), by_clock=by_clock)
        models = registers.catalogue()
        self.site: Site = parse_site(json.dumps(plan.config), "fields.yaml", models)
        self.counts: Counter[str] = Counter()
        self.outs: dict[str, tuple[str, Out]] = dict(_outs(self.site))
        self._by_name = dict(self.outs.values())
        self._seen = 0
        self._off_s = 0.0  # without power so far
        self._off_since: float | None = None
        self._started_at = 0.0
        self._upset_at = 0.0  # the core could not do as it wanted
        self._jumped_at = -math.inf
        self._slack_s = 0.0
        self._trouble_from: float | None = None
        self._card_bad = -math.inf
        self._wrong: Exception | None = None
        self._closings: dict[str, float] = {}
        self._audits = [0, 0]
        self._void: dict[str, None] = {}
        self._given = 0
        self._told: dict[str, dict[str, Any]] = {}
        self._told_at: dict[str, float] = {}
        self._ended: dict[str, tuple[Any, ...]] = {}
        self.faults = Faults(None)  # type: ignore[arg-type]  # there is no stage yet
        self.house: House
        House(self, self.site, models, plan.start, seed, poll_s=plan.poll_s, trace=trace)  # type: ignore[arg-type]  # an ear
        self._look_s = plan.poll_s
        self._stage = FastStage(self.house)
        self.faults = Faults(self._stage)
        self.house.advance(0)

    @property
    def seconds(self) -> float:
        """How long the village has lived."""
        return self.house.time.mono()

    def close(self) -> None:
        """Let go of files."""
        self.house.ear = None
        self.house.close()

    # --- actions ---

    def act(self, action: Action) -> None:
        """Do one action. Raises Violation."""
        name, *more = action
        getattr(self, f"_do_{name}")(*more)
        self.house.advance(0)

    def _do_wait(self, seconds: float) -> None:
        self.house.advance(seconds)

    def _do_aim(self, which: int, beyond: float) -> None:
        """Let time pass until `beyond` seconds after one of the coming deadlines."""
        ahead = sorted(s for s in self._ahead() if 0 < s < 4 * 3600)
        if ahead:
            self.house.advance(max(ahead[which % len(ahead)] + beyond, 0.0))

    def _ahead(self) -> list[float]:
        at = self.seconds
        found = []
        if self.house.shell is not None:
            found.append(self.house.shell.core._controller.wakeup() - self.house.clock.mono())
        for _, out in self.outs.values():
            if out.on:
                found += [out.since + out.max_on - at, out.since + LEASE_S - at]
            for span in list(out.spans)[:2]:
                found.append(span[1] + DAY_S - self._powered())
        return found

    def _do_send(self, target: str, user: str, spec: dict[str, Any], how: str) -> None:
        """A command; `until_in` and `expires_in` count from now. `how`: plain, retained, far."""
        if target not in self.outs:
            return
        now = self.house.clock.now()
        spec = dict(spec)
        void = how == "retained"
        for key, at in (("until_in", "until"), ("expires_in", "expires_at")):
            if key in spec:
                seconds = spec.pop(key)
                spec[at] = text_of(now.wall + seconds)
                void = void or (seconds < 0 and (key == "until_in" or now.trusted))
        off = spec.get("action") in ("off", "close") or spec.get("plain") in ("OFF", "CLOSE")
        if off and how != "retained" and self._obeys():
            self._closings[target] = self.seconds
        payload = spec["plain"] if "plain" in spec else json.dumps(spec)
        if void and not off and "id" in spec and self.house.connected():
            self._void[spec["id"]] = None
        self.house.send(f"{'far/' if how == 'far' else ''}{self.house.root}/{target}/set/{user}", payload, how == "retained")

    def _do_lock(self, target: str, locked: bool) -> None:
        if target in self.outs:
            self.house.send(f"{self.house.root}/{target}/lockout/tech", json.dumps({"locked": locked}))

    def _do_ask(self, name: str, more: dict[str, Any]) -> None:
        self._given += 1
        payload = {"id": f"r-{self._given}", "reply_to": f"{self.house.root}/reply/head/phone", **more}
        self.house.send(f"{self.house.root}/ask/head/{name}", json.dumps(payload))
        if name == "stop-water" and self._obeys():
            self._closings |= {t: self.seconds for t in self.outs if not t.startswith("switch/")}

    def _do_fault(self, fields_: dict[str, Any]) -> None:
        fault = read_fault(fields_)
        if fault.on is not None and not any(fault.on in self._stage.targets()[group] for group in fault.kind.on):
            return
        kind = fault.kind.name
        if self.house.shell is None and fault.kind.place == "process":
            return
        self.counts[f"fault {kind}"] += 1
        self._trouble(kind)
        if kind == "pi-rebooted":
            self.counts["reboots"] += 1
            self._off_since = self.seconds
        if kind.startswith("clock-"):
            self.counts["jumps"] += 1
            self._jumped_at = self.seconds
        self.faults.inject(fault)

    def _do_mend(self, which: int) -> None:
        keys = list(self.faults.standing())
        if keys:
            gone = self.faults.clear(keys[which % len(keys)])
            self._trouble(gone.kind.name)
            if gone.kind.name.startswith("clock-"):
                self._jumped_at = self.seconds

    def _do_kill(self, down_s: float) -> None:
        self.counts["kills"] += 1
        self._do_fault({"fault": "process-killed", "down": f"{down_s:g}s"})

    def _do_quiet(self) -> None:
        """Everything is mended; two minutes later nobody is upset."""
        for key in reversed(list(self.faults.standing())):
            self._trouble(self.faults.clear(key).kind.name)
        self.house.advance(130.0)

    def _trouble(self, kind: str) -> None:
        self._upset_at = self.seconds
        if kind.startswith("card-"):
            self._card_bad = self.seconds

    def _obeys(self) -> bool:
        """Whether a command that is sent now is heard and can be obeyed."""
        bad = any(f.kind.place in ("broker", "bus", "process", "world", "card") for f in self.faults.standing().values())
        return self.house.connected() and self.house.thinks() and not bad

    # --- what the house tells ---

    def starting(self, anew: bool) -> None:
        if anew and self._off_since is not None:
            self._off_s += self.seconds - self._off_since
            self._off_since = None
        self._started_at = self._upset_at = self.seconds
        self._told.clear()
        self._audits = [0, 0]

    def ended(self) -> None:
        self._drain()
        self._closings.clear()
        self._upset_at = self.seconds
        self._audits = [0, 0]
        self._void.clear()
        self._look_at_runs()

    def linked(self) -> None:
        self._told.clear()

    def arrived(self, topic: str, payload: bytes, retained: bool) -> None:
        parts = topic.removeprefix("far/").removeprefix(self.house.root + "/").split("/")
        if len(parts) == 4 and parts[2] in ("set", "lockout") and payload:
            self._audits[0] += 1

    def told(self, topic: str, payload: bytes) -> None:
        leaf = topic.removeprefix(self.house.root + "/")
        if leaf == "audit":
            self._audits[1] += "request" not in json.loads(payload)
        elif leaf.endswith("/state"):
            target = leaf.removesuffix("/state")
            self._told[target] = json.loads(payload)
            self._told_at[target] = self.seconds
        elif leaf.endswith("/result"):
            result = json.loads(payload)
            if result["id"] in self._void and result["outcome"] != "rejected" and self._wrong is None:
                self._wrong = Violation("I7", f"{result} for a command that must have no effect")
            self.counts[f"result {result['outcome']}"] += 1

    def settled(self, seconds: float) -> None:
        if self._wrong is not None:
            raise self._wrong
        self._drain()
        self._judge(seconds)

    # --- judging ---

    def _powered(self) -> float:
        return self.seconds - self._off_s

    def _drain(self) -> None:
        changes = self.house.changes
        while self._seen < len(changes):
            change = changes[self._seen]
            self._seen += 1
            out = self._by_name.get(change.name)
            if out is not None and (change.level == out.active) != out.on:
                self._moved(out, change.at)

    def _moved(self, out: Out, at: float) -> None:
        out.on = not out.on
        if out.on:
            self.counts[f"on {out.target.partition('/')[0]}"] += 1
            self._came_on(out, at)
            out.since = at
            return
        out.off_at = at
        out.spans.append((out.since - self._off_s, at - self._off_s))
        self._went_off(out, at)

    def _calm(self, seconds: float = 30.0) -> bool:
        """Whether for so long nothing kept the core from doing as it wanted."""
        return self.seconds - self._upset_at > seconds and not self.faults.standing()

    def _came_on(self, out: Out, at: float) -> None:
        if not out.target.startswith("pump/"):
            return
        pump = self.site.pumps[out.target.partition("/")[2]]
        opened = [valve.since for _, valve in self.outs.values() if valve.pump == out.target and valve.on]
        if not opened:
            raise Violation("I3", f"{out.target} came on at {at:.3f}, none of its valves is open")
        if at - min(opened) < pump.lead - EPS:
            raise Violation("I3", f"{out.target} came on {at - min(opened):.3f} s after its valve, lead is {pump.lead}")
        known = self._jumped_at < out.off_at and self._card_bad < out.off_at
        if known and at - out.off_at < pump.rest - EPS and out.off_at > 0:
            raise Violation("I4", f"{out.target} came on {at - out.off_at:.3f} s after its stop, rest is {pump.rest}")

    def _went_off(self, out: Out, at: float) -> None:
        if out.pump is None or not self._calm():
            return
        pump_out = self.outs[out.pump][1]
        left = any(valve.on for _, valve in self.outs.values() if valve.pump == out.pump)
        lag = self.site.pumps[out.pump.partition("/")[2]].lag
        if not left and pump_out.off_at > out.since and at - pump_out.off_at < lag - EPS:
            raise Violation("I3", f"{out.target} closed {at - pump_out.off_at:.3f} s after the pump's stop, lag is {lag}")

    def _judge(self, seconds: float) -> None:
        hung = self.faults.standing().values()
        frozen = any(f.kind.name == "process-frozen" for f in hung) or (self.house.shell is not None and not self.house.runner)
        self._slack_s += seconds if frozen else 0.0
        for _, out in self.outs.values():
            self._judge_on(out, seconds, frozen)
        if seconds > EPS and not frozen:
            self._judge_stations()
        self._judge_closings(frozen)
        if self._audits[0] != self._audits[1] and self.house.connected() and self.house.thinks():
            raise Violation("I7", f"{self._audits[0]} commands came and {self._audits[1]} audit messages went")

    def _judge_on(self, out: Out, seconds: float, frozen: bool) -> None:
        if frozen:
            out.since = max(out.since, self.seconds) if out.on else out.since  # nobody is there to switch it off
            return
        slack = SPARE_S + EPS + (LEASE_S if self._upset_at > out.since else 0.0)
        if out.on and self.seconds - out.since > out.max_on + slack:
            raise Violation("I1", f"{out.target} is on for {self.seconds - out.since:.1f} s, max_on is {out.max_on}")
        if out.on and self.house.shell is not None and out.since < self._started_at - EPS < self.seconds - OBEYED_S:
            raise Violation("I5", f"{out.target} was on before the start at {self._started_at:.1f}, and still is")
        powered = self._powered()
        while out.spans and out.spans[0][1] < powered - DAY_S:
            out.spans.popleft()
        total = sum(end - max(start, powered - DAY_S) for start, end in out.spans) + (self.seconds - out.since if out.on else 0.0)
        if total > out.daily_max + slack + len(out.spans) * 0.05:
            raise Violation("I2", f"{out.target} was on for {total:.1f} s in 24 h, daily_max is {out.daily_max}")
        told = self._told.get(out.target)
        if told is not None and self._calm(TOLD_S + 2 * self._look_s) and self.house.connected():
            wanted = told["state"] in ("OPEN", "ON")
            steady = self.seconds - max(out.since, out.off_at) > TOLD_S
            if out.on and not wanted and steady and self.seconds - self._told_at[out.target] > 25.0:
                raise Violation("I5", f"{out.target} is on, its state says {told}")

    def _judge_stations(self) -> None:
        for name, pump in self.site.pumps.items():
            out = self.outs[f"pump/{name}"][1]
            opened = [v.target for _, v in self.outs.values() if v.pump == out.target and v.on]
            if out.on and not opened:
                raise Violation("I3", f"{out.target} runs, none of its valves is open")
            if len(opened) > pump.zones_at_once:
                raise Violation("I4", f"{opened} are open, {out.target} feeds {pump.zones_at_once}")

    def _judge_closings(self, frozen: bool) -> None:
        for target, asked in list(self._closings.items()):
            _, out = self.outs[target]
            lag = 0.0 if out.pump is None else self.site.pumps[out.pump.partition("/")[2]].lag
            if frozen or self._upset_at > asked or not out.on or out.since > asked:
                del self._closings[target]
            elif self.seconds > asked + lag + OBEYED_S:
                raise Violation("I8", f"{target} was told to close at {asked:.1f} and is still open at {self.seconds:.1f}")

    def _look_at_runs(self) -> None:
        """I6: what is over is over, and no occurrence begins twice."""
        if not self.house.journal_file.exists():
            return
        with closing(sqlite3.connect(f"file:{self.house.journal_file}?mode=ro", uri=True)) as card:
            rows = card.execute("SELECT id, started, ended, outcome FROM runs WHERE program IS NOT NULL").fetchall()
            done = dict(card.execute("SELECT run, sum(done_s) FROM zones GROUP BY run").fetchall())
        self.counts["runs"] = len(rows)
        for name, started, ended, outcome in rows:
            seen = started, ended, outcome, done.get(name)
            before = self._ended.get(name)
            if before is not None and before != seen:
                raise Violation("I6", f"the run {name} was over as {before} and is now {seen}")
            if ended is not None:
                self._ended[name] = seen


def _outs(site: Site) -> Any:
    """Every valve, pump and switch: (target, (the name of its line or coil, Out))."""
    for kind, section in (("pump", site.pumps), ("valve", site.valves), ("switch", site.switches)):
        for name, device in section.items():
            wiring: Any = device.output
            line = f"gpio/{wiring.gpio}" if hasattr(wiring, "gpio") else f"{wiring.board}/{wiring.coil}"
            active = int(getattr(wiring, "active", "high") == "high")
            pump = getattr(device, "pump", None)
            out = Out(
                f"{kind}/{name}", active, device.max_on or math.inf, device.daily_max or math.inf,
                None if pump is None else f"pump/{pump}",
            )
            yield out.target, (line, out)


Make = Callable[[int], FieldTrial]
BY_PERSONS: Make = partial(FieldTrial, by_clock=False)
