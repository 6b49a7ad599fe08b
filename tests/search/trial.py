"""One village, one list of actions, and what must hold at every step of it.

E, the state of the outputs, is read from the village's own lines, never from the controller. What it should be is
worked out here from the commands that arrived, the programs as configured, and the clock.
"""


from __future__ import annotations

import json
import math
import random
from collections import Counter, deque
from collections.abc import Callable
from typing import Any, TextIO

from search.account import (
    AGAIN_S,
    EPS,
    UNMUTED_S,
    UNTRUSTED_S,
    USED_S,
    YEAR_S,
    Edge,
    Meter,
    Over,
    Violation,
    latest,
    light_of,
    unix,
)
from search.almanac import lit
from search.deeds import Deeds
from search.hamlet import hamlet
from search.house import House
from search.judge import Judge

from drivers.registers import catalogue
from edge.shell.site_file import parse_site
from simulator.fault_fast import FastStage
from simulator.faults import Faults


class Trial(Deeds, Judge):
    """The village of a seed. `act` does one action and holds the daemon to everything; `counts` is what happened."""

    def __init__(self, seed: int, trace: TextIO | None = None) -> None:
        self.counts: Counter[str] = Counter()
        self._plan = plan = hamlet(random.Random(f"{seed}/hamlet"))
        models = catalogue()
        site = parse_site(json.dumps(plan.config), "hamlet.yaml", models)
        self._look_s = max(plan.poll_s, 1.0)
        self._poll_s = max(plan.poll_s, 10.0)
        switching = plan.config["limits"]["switching"]
        self._burst, self._per_s = switching["burst"], 60.0 if switching["per"] == "60s" else 600.0
        self.lights = {name: light_of(name, light) for name, light in plan.config["lights"].items()}
        self._by_pin = {c.pin: (light, c) for light in self.lights.values() for c in light.circuits}
        self.meters = {name: Meter(name) for name in plan.config["meters"]}
        self._seen = 0
        self._sent: dict[tuple[str, bytes], dict[str, Any] | None] = {}
        self._waiting: list[tuple[str, bytes, bool]] = []
        self._used: dict[str, tuple[float, float, str]] = {}
        self._now_told: dict[str, bytes] = {}
        self._audits = [0, 0]  # expected, told
        self._rejected = [0, 0]
        self._asked: set[str] = set()
        self._offs: list[tuple[str, str]] = []
        self._results: list[tuple[str, dict[str, Any]]] = []
        self._known = (0.0, 0.0)  # between these lies the latest time the controller knows to be right
        self._trusted_walls: deque[tuple[float, float]] = deque()
        self._untrusted_since: float | None = None
        self._clock_alarm = False
        self._started_at = 0.0
        self._held_at = -math.inf
        self._card_bad_at = -math.inf
        self._given = 0
        self._wrong: Exception | None = None
        self._alive_at = 0.0
        self._stirred = True  # something has happened since all was last judged
        self._setting: tuple[float, bool, str, bool] | None = None
        self._calm_until = -math.inf
        self.faults = Faults(None)  # type: ignore[arg-type]  # there is no stage yet
        self.house: House
        self._muted = False
        self._heard_from = -math.inf
        House(self, site, models, plan.start, seed, poll_s=plan.poll_s, trace=trace)
        self._stage = FastStage(self.house)
        self.faults = Faults(self._stage)
        self.house.advance(0)

    def close(self) -> None:
        """Let go of files."""
        self.house.ear = None
        self.house.close()

    @property
    def seconds(self) -> float:
        """How long the village has lived."""
        return self.house.time.mono()

    def has(self, target: str | None) -> bool:
        """Whether there is such a thing to put a fault on."""
        return target is None or any(target in names for names in self._stage.targets().values())

    # --- actions ---

    def starting(self, anew: bool) -> None:
        self._stirred = True
        self._drain()
        for _, circuit in self._by_pin.values():
            if anew:
                circuit.edges.clear()
            circuit.started = len(circuit.edges)
        if not anew:
            self._started_at = self.seconds
            self._now_told.clear()
            self._untrusted_since = None
            self._held_at = -math.inf
            kept = latest(self.house.journal())
            self._known = kept, kept

    def ended(self) -> None:
        self._drain()
        self._waiting.clear()
        self._audits, self._rejected = [0, 0], [0, 0]
        self._results.clear()
        self._offs.clear()
        self._asked.clear()
        journal = self.house.journal()
        kept = {
            row[0].partition("/")[2]: (row[1], row[2], row[3], row[4]) for row in journal["overrides"]
        }
        used = {row[0]: (row[1], row[2], row[3]) for row in journal["commands"]}
        if self._card_is_good():
            should = {
                name: (light.over.level, light.over.until, light.over.mono, light.over.boot if light.over.mono is not None else None)
                for name, light in self.lights.items() if light.over is not None
            }
            should = {name: (lv, None if u == math.inf else u, m, b) for name, (lv, u, m, b) in should.items()}
            for name, light in self.lights.items():
                left = math.inf if light.over is None else abs(light.over.left(self.house.clock.now()))
                if left < EPS or self.seconds < light.ended_at + EPS:  # rounding decides whether it is over
                    kept.pop(name, None)
                    should.pop(name, None)
            if kept != should:
                raise Violation("I9", f"the journal keeps the overrides {kept}, in force were {should}")
            if used.keys() != self._used.keys():
                raise Violation("I9", f"of the used ids the journal lacks {sorted(self._used.keys() ^ used.keys())}")
            if self._trusted_walls and self.house.shell is None:
                self._known_is_kept(journal)
        else:
            self.counts["ends on a bad card"] += 1
            for name, light in self.lights.items():
                row = kept.get(name)
                self._unsettle(light, self.seconds)  # when it was switched is forgotten, too
                light.over = None if row is None else Over(
                    row[0], math.inf if row[1] is None else row[1], row[2], row[3] or "", "?"
                )
            self._used = dict(used)
        raised = [row for row in journal["alarms"] if row[1] == "clock-untrusted"]
        on_card = bool(raised) and raised[0][5] is None
        on_the_edge = self._untrusted_since is not None and abs(self._untrusted_since + UNTRUSTED_S - self.seconds) < EPS
        if self._card_is_good() and on_card != self._clock_alarm and not on_the_edge:
            raise Violation("I9", f"the journal has the clock's alarm as {on_card}, it was {self._clock_alarm}")
        self._clock_alarm = on_card
        self._trusted_walls.clear()

    def linked(self) -> None:
        if self._muted and not any(fault.kind.name == "broker-mute" for fault in self.faults.standing().values()):
            self._muted, self._heard_from = False, self.seconds + UNMUTED_S + 2 * self._poll_s
        self._now_told.clear()
        self._results.clear()

    def arrived(self, topic: str, payload: bytes, retained: bool) -> None:
        self._later(self._arrived, topic, payload, retained)

    def told(self, topic: str, payload: bytes) -> None:
        self._later(self._told, topic, payload)

    def _later(self, judge: Callable[..., None], *what: Any) -> None:
        """The daemon outlives any exception, also one of ours: keep it until it is alone."""
        self._stirred = True
        try:
            judge(*what)
        except Exception as error:  # whatever it is, `settled` raises it
            self._wrong = self._wrong or error

    def _arrived(self, topic: str, payload: bytes, retained: bool) -> None:
        if self._waiting or not self.house.thinks():
            self._waiting.append((topic, payload, retained))
        else:
            self._take(topic, payload, retained)

    def _told(self, topic: str, payload: bytes) -> None:
        leaf = topic.removeprefix(self.house.root + "/")
        if leaf == "audit":
            self._audits[1] += 1
        elif leaf.endswith("/result"):
            result = json.loads(payload)
            self._results.append((leaf.split("/")[1], result))
            self._rejected[1] += result["outcome"] == "rejected"
        elif "/set/" not in topic and not leaf.startswith("reply/"):
            self._now_told[leaf] = payload
            if leaf.endswith("/reading"):
                self._heard(leaf.split("/")[1], json.loads(payload))

    def settled(self, seconds: float) -> None:
        if self._wrong is not None:
            raise self._wrong
        self._drain()
        self._note_power()
        now = self.house.clock.now()
        alive = self.house.thinks()
        if not alive:
            self._held_at, self._stirred = self.seconds, True
            for light, circuit in self._by_pin.values():
                if light.upset_until >= self._alive_at:
                    self._unsettle(light, self.seconds + seconds)
                if circuit.upset_at >= self._alive_at - self._look_s - AGAIN_S:
                    # What was moved stays so until somebody is there to look.
                    self._upset(circuit, max(circuit.upset_at, self.seconds + seconds))
            return
        self._alive_at = self.seconds
        self.counts["steps"] += 1
        waiting, self._waiting = self._waiting, []
        for message in waiting:
            self._take(*message)
        self._note_clock(now)
        setting = round(now.wall - now.mono, 2), now.trusted, now.boot, self._linked()
        if self._stirred or setting != self._setting or self.seconds + seconds > self._calm_until:
            self._stirred, self._setting, self._calm_until = False, setting, math.inf
            for light in self.lights.values():
                self._judge(light, now, seconds)
            self._judge_clock_alarm(now, seconds)
            self._judge_messages()
            self._judge_silence()
            self._calm_until = min(self._calm_until, self.seconds + 600)

    def _wait_for(self, seconds: float) -> None:
        """Nothing has to be looked at again before so many seconds have passed, if nothing happens."""
        self._calm_until = min(self._calm_until, self.seconds + seconds - EPS)

    # --- commands ---

    def _take(self, topic: str, payload: bytes, retained: bool) -> None:
        """A message reaches the core: what must come of it."""
        if not payload:
            return
        spec = self._sent.get((topic, payload))
        linked = self._linked()
        if spec is not None and "ask" in spec:
            self._audits[0] += linked
            return
        known_target = topic.split("/set/", maxsplit=1)[0].split("/")[-2:]
        has_result = "/set/" in topic and known_target[0].islower()
        code = self._objection(spec, retained)
        self.counts["commands"] += 1
        self._audits[0] += linked
        if code is not None:
            self.counts[f"refused {code}"] += 1
            self._rejected[0] += linked and has_result
            return
        assert spec is not None
        self._accept(spec)

    def _objection(self, spec: dict[str, Any] | None, retained: bool) -> str | None:
        now = self.house.clock.now()
        if retained:
            return "retained"
        if spec is None:
            return "malformed"
        if spec["action"] == "off" or (spec["action"] == "on" and spec.get("level") == 0):
            return None
        if spec["far"] and "expires_at" not in spec:
            return "expiry-required"
        if "expires_at" in spec and now.trusted and now.wall > unix(spec["expires_at"]):
            return "expired"
        used = self._used.get(f"{spec['user']}/{spec['id']}") if "id" in spec else None
        if used is not None and not (now.mono >= used[1] if used[2] == now.boot else now.wall >= used[0]):
            return "repeated"
        if "until" in spec and not now.wall < unix(spec["until"]) <= now.wall + YEAR_S:
            return "bad until"
        return None

    def _accept(self, spec: dict[str, Any]) -> None:
        now = self.house.clock.now()
        light = self.lights[spec["light"]]
        self.counts["overrides"] += spec["action"] != "auto"
        if "id" in spec:
            self._used[f"{spec['user']}/{spec['id']}"] = now.wall + USED_S, now.mono + USED_S, now.boot
        if spec["action"] == "auto":
            light.over = None
            return
        off = spec["action"] == "off" or spec.get("level") == 0
        level = 0 if off else light.levels[lit(light.levels, spec.get("level", 100))]
        until, mono = math.inf, None
        if "for_s" in spec:
            until, mono = now.wall + spec["for_s"], now.mono + spec["for_s"]
        elif "until" in spec and unix(spec["until"]) > now.wall:
            until = unix(spec["until"])
        elif light.program is not None:
            until = self._plan.almanac.standing(light.program, now.wall).until
        light.over = Over(level, until, mono, now.boot, spec["user"])
        if off and "id" in spec and self._linked() and self.seconds > light.upset_until:
            self._offs.append((light.name, spec["id"]))

    # --- E ---

    def _drain(self) -> None:
        """Take note of what the lines did."""
        changes = self.house.changes
        while self._seen < len(changes):
            self._stirred = True
            change = changes[self._seen]
            self._seen += 1
            _, circuit = self._by_pin[change.pin]
            circuit.on = change.level == circuit.active
            circuit.edges.append(Edge(change.at, circuit.on))
            if len(circuit.edges) > 200:
                del circuit.edges[:100]
                circuit.started = max(circuit.started - 100, 0)
            if circuit.on:
                self._judge_on_edge(change.pin)
