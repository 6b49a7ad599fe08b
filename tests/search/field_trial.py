"""One random village with fields, and what is done to it; field_judge.py and field_runs.py hold it to what it promises."""

from __future__ import annotations

import json
import math
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any, TextIO

from search.account import Action, Violation, text_of, unix
from search.almanac import DAY_S
from search.field_judge import BUS, LEASE_S, FieldJudge, Out
from search.field_runs import RunBooks
from search.fields import Fields, fields
from search.house import Doomed, House

from drivers import registers
from edge.core.occurrences import WaterCalendar
from edge.core.site import IrrigationProgram, Site
from edge.shell.site_file import parse_site
from simulator.fault_fast import FastStage
from simulator.faults import Faults
from simulator.faults import read as read_fault

ALWAYS = ("off", "close")  # what works although expired, repeated, or under any clock
SOONEST_S = 6 * 3600.0


class FieldTrial(FieldJudge):
    """Lives through actions and raises Violation at the first thing that does not hold."""

    def __init__(self, seed: int, trace: TextIO | None = None, *, by_clock: bool = True, single: bool = False) -> None:
        plan: Fields = fields(random.Random(f"{seed}/fields"), by_clock=by_clock, single=single)
        models = registers.catalogue()
        self.site: Site = parse_site(json.dumps(plan.config), "fields.yaml", models)
        self.counts: Counter[str] = Counter()
        self.outs = dict(_outs(self.site))
        self._by_name = dict(self.outs.values())
        self._wrong: Exception | None = None
        self._audits = [0, 0]
        self._audited = False  # all that comes is told of in the same moment
        self._void: set[str] = set()
        self._live: set[str] = set()
        self._heard_of: dict[str, float] = {}  # runs, by when they were first told of
        self._taken: dict[tuple[str, str], float] = {}
        self._given = 0
        self._told: dict[str, dict[str, Any]] = {}
        self._told_at: dict[str, float] = {}
        programs = {n: p for n, p in self.site.programs.items() if isinstance(p, IrrigationProgram)}
        self._calendar = WaterCalendar(self.site.site, programs, self.site)
        self.faults = Faults(None)  # type: ignore[arg-type]  # there is no stage yet
        self._begin_judging(max(plan.poll_s, 1.0), max(plan.poll_s, 1.0))
        self.house: House
        House(self, self.site, models, plan.start, seed, poll_s=plan.poll_s, trace=trace)  # type: ignore[arg-type]  # an ear
        self._stage = FastStage(self.house)
        self.faults = Faults(self._stage)
        self.house.advance(0)

    @property
    def seconds(self) -> float:  # type: ignore[override]
        """How long the village has lived."""
        return self.house.time.mono()

    def close(self) -> None:
        """Let go of files."""
        self.counts.update(self.runs.counts)
        self.house.ear = None
        self.house.spare()
        self.house.close()

    # --- actions ---

    def act(self, action: Action) -> None:
        """Do one action. Raises Violation."""
        name, *more = action
        try:
            getattr(self, f"_do_{name}")(*more)
            self.house.advance(0)
        except Doomed as death:
            self.counts[f"killed: {death}"] += 1
            self._do_kill(0)
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
            found += [end + DAY_S - self._powered() for _, end in list(out.spans)[:2]]
        return found

    def dues(self, wall: float, within_s: float) -> list[float]:
        """When (Unix s) the programs' occurrences in so many seconds from `wall` on are due."""
        return [found.due for found in self._calendar.coming(wall, wall + within_s)]

    def _do_due(self, which: int, beyond: float) -> None:
        """Let time pass until `beyond` seconds after one of the programs' next occurrences, by the clock as it is."""
        wall = self.house.clock.now().wall
        coming = self.dues(wall, SOONEST_S)
        if coming:
            self.house.advance(max(coming[which % len(coming)] + beyond - wall, 0.0))

    def _do_jump_to(self, which: int, beyond: float) -> None:
        """Set the clock to `beyond` seconds after an occurrence that was lately, or is soon."""
        wall = self.house.clock.now().wall
        near = self.dues(wall - DAY_S / 4, DAY_S * 5 / 4)
        if near:
            by = near[which % len(near)] + beyond - wall
            self.counts["jumps to occurrences"] += 1
            self._do_fault({"fault": "clock-jump", "by": f"{'-' if by < 0 else '+'}{abs(by):.3f}s"})

    def _do_doom(self, where: str, n: int) -> None:
        """The process dies at the n-th of these from now on: see House.doom."""
        self.house.doom(where, n)

    def _do_send(self, target: str, user: str, spec: dict[str, Any], how: str) -> None:
        """A command; `until_in` and `expires_in` count from now. `how`: plain, retained, far, twice."""
        if target not in self.outs:
            return
        spec = dict(spec)
        for key, at in (("until_in", "until"), ("expires_in", "expires_at")):
            if key in spec:
                spec[at] = text_of(self.house.clock.now().wall + spec.pop(key))
        if spec.get("action") in ALWAYS and how != "retained":
            self._asked_to_close(target)
        elif spec.get("action") not in ALWAYS:
            for name in (target, self.outs[target][1].pump or ""):  # a newer word
                self._closings.pop(name, None)
        far = "far/" if how == "far" else ""
        for _ in range(2 if how == "twice" else 1):
            self.house.send(f"{far}{self.house.root}/{target}/set/{user}", json.dumps(spec), how == "retained")

    def _do_lock(self, target: str, locked: bool) -> None:
        if target in self.outs:
            self.house.send(f"{self.house.root}/{target}/lockout/tech", json.dumps({"locked": locked}))

    def _do_ask(self, name: str, more: dict[str, Any]) -> None:
        self._given += 1
        payload = {"id": f"r-{self._given}", "reply_to": f"{self.house.root}/reply/head/phone", **more}
        self.house.send(f"{self.house.root}/ask/head/{name}", json.dumps(payload))
        if name == "stop-water":
            for target in self.outs:
                if not target.startswith("switch/"):
                    self._asked_to_close(target)

    def _do_fault(self, fields_: dict[str, Any]) -> None:
        fault = read_fault(fields_)
        if fault.on is not None and not any(fault.on in self._stage.targets()[group] for group in fault.kind.on):
            return
        kind = fault.kind.name
        if self.house.shell is None and fault.kind.place == "process":
            return
        self.counts[f"fault {kind}"] += 1
        self.house.spare()  # a fault acts whole
        if kind == "pi-rebooted":
            self.counts["reboots"] += 1
            self._off_since = self._power_lost_at = self.seconds
        if kind.startswith("clock-"):
            self.counts["jumps"] += 1
            self._jumped_at = self.seconds
        if fault.on in BUS:
            self._bus_bad = self.seconds
        self.faults.inject(fault)

    def _do_mend(self, which: int) -> None:
        keys = list(self.faults.standing())
        if keys:
            self.house.spare()
            gone = self.faults.clear(keys[which % len(keys)])
            if gone.kind.name.startswith("clock-"):
                self._jumped_at = self.seconds

    def _do_kill(self, down_s: float) -> None:
        self.counts["kills"] += 1
        self._do_fault({"fault": "process-killed", "down": f"{down_s:g}s"})

    def _do_quiet(self) -> None:
        """Everything is mended; two minutes later nobody is upset."""
        self.house.spare()
        for key in reversed(list(self.faults.standing())):
            self.faults.clear(key)
        self._jumped_at = self.seconds
        self.house.advance(130.0)
        self.runs.look()

    # --- what the house tells ---

    def starting(self, anew: bool) -> None:
        if not hasattr(self, "runs"):
            self.runs = RunBooks(self.house, dict(_spare_s(self.site)))
        if anew and self._off_since is not None:
            self._off_s += self.seconds - self._off_since
            self._off_since = None
        self._started_at = self._hung_at = self.seconds
        self._told.clear()
        self._audited = False

    def ended(self) -> None:
        self._ended_at = self.seconds
        if self._card_bad >= self.seconds - EPS_OF_CARD_S:
            self.runs.lost()
            self._taken.clear()
        self._drain()
        self._closings.clear()
        self._audited = False
        self._void.clear()
        self.runs.look()

    def linked(self) -> None:
        self._told.clear()
        self._audited = False

    def arrived(self, topic: str, payload: bytes, retained: bool) -> None:
        parts = topic.removeprefix("far/").removeprefix(self.house.root + "/").split("/")
        if len(parts) != 4 or parts[2] not in ("set", "lockout") or not payload:
            return
        self._audits[0] += 1
        spec, now = json.loads(payload), self.house.clock.now()
        name = spec.get("id")
        if name is None or parts[2] != "set" or not self.house.thinks():
            return
        always = spec["action"] in ALWAYS
        past = {key: key in spec and unix(spec[key]) < now.wall for key in ("until", "expires_at")}
        void = retained or (not always and (past["until"] or (past["expires_at"] and now.trusted)))
        if void and name not in self._live:
            self.counts["void commands"] += 1
            self._void.add(name)
        elif not void:
            self._live.add(name)

    def told(self, topic: str, payload: bytes) -> None:
        leaf = topic.removeprefix(self.house.root + "/")
        if leaf == "audit":
            self._told_audit(json.loads(payload))
        elif leaf.endswith("/state"):
            target = leaf.removesuffix("/state")
            self._told[target] = told = json.loads(payload)
            self._told_at[target] = self.seconds
            if told.get("run") and self._heard_of.setdefault(told["run"]["id"], self.seconds) >= self._closings.get(target, math.inf):
                self._closings.pop(target, None)  # another run has begun since
            if told.get("run") and told["run"]["phase"] == "watering":
                self.runs.passed(target, told["run"]["id"], self.seconds)
        elif leaf.endswith("/result"):
            result = json.loads(payload)
            if result["id"] in self._void and result["outcome"] != "rejected":
                self._find("I7", f"{result} for a command that must have no effect")
            self.counts[f"result {result['outcome']}"] += 1

    def _told_audit(self, entry: dict[str, Any]) -> None:
        """Each command is told of once, and none is accepted twice."""
        if "request" in entry:
            return
        self._audits[1] += 1
        if entry["outcome"] != "accepted" or entry.get("action") in (*ALWAYS, "lock", "unlock"):
            return
        key = str(entry["user"]), str(entry["id"])
        if self.seconds - self._taken.get(key, -math.inf) < DAY_S - 60:
            self._find("I7", f"{entry} was accepted a second time")
        self._taken[key] = self.seconds

    def _find(self, invariant: str, seen: str) -> None:
        if self._wrong is None:
            self._wrong = Violation(invariant, seen)

    def settled(self, seconds: float) -> None:
        if self._wrong is not None:
            raise self._wrong
        self._drain()
        self._judge(seconds)
        there = self.house.connected() and self.house.thinks()
        if there and self._audited and self._audits[0] != self._audits[1]:
            raise Violation("I7", f"{self._audits[0]} commands came and {self._audits[1]} audit messages went")
        self._audited, self._audits = there, [0, 0]


EPS_OF_CARD_S = 30.0  # rows that waited while the card was bad are on it so late


def _outs(site: Site) -> Iterator[tuple[str, tuple[str, Out]]]:
    """Every valve, pump and switch: (target, (the name of its line or coil, Out))."""
    sections: tuple[tuple[str, Any], ...] = (("pump", site.pumps), ("valve", site.valves), ("switch", site.switches))
    for kind, section in sections:
        for name, device in section.items():
            wiring = device.output
            on_line = hasattr(wiring, "gpio")
            line = f"gpio/{wiring.gpio}" if on_line else f"{wiring.board}/{wiring.coil}"
            pump = getattr(device, "pump", None)
            out = Out(
                f"{kind}/{name}", int(getattr(wiring, "active", "high") == "high"), device.max_on or math.inf,
                device.daily_max or math.inf, None if pump is None else f"pump/{pump}", not on_line,
            )  # fmt: skip
            yield out.target, (line, out)


def _spare_s(site: Site) -> Iterator[tuple[str, float]]:
    for name, valve in site.valves.items():
        pump = None if valve.pump is None else site.pumps[valve.pump]
        yield f"valve/{name}", 0.0 if pump is None else pump.lead + pump.lag
