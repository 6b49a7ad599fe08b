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
from functools import partial
from typing import Any, TextIO

from search.account import (
    AGAIN_S,
    EPS,
    KEPT_S,
    UNMUTED_S,
    UNTRUSTED_S,
    Edge,
    Lock,
    Meter,
    Over,
    Violation,
    latest,
    light_of,
)
from search.books import Books
from search.deeds import Deeds
from search.hamlet import hamlet
from search.house import House
from search.judge import Judge
from search.orders import Orders

from drivers.registers import catalogue
from edge.core.values import Moment
from edge.shell.site_file import parse_site
from simulator.broker_double import Message
from simulator.fault_fast import FastStage
from simulator.fault_kinds import KINDS
from simulator.faults import Faults

Journal = dict[str, list[tuple[Any, ...]]]


class Trial(Deeds, Orders, Judge):
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
        inputs = plan.config["inputs"]
        under = inputs["switch"]["of"] if "switch" in inputs else []
        self.lights = {name: light_of(name, light, name in under) for name, light in plan.config["lights"].items()}
        self._contacts = {name: (c["gpio"], int(c.get("active", site.inputs[name].active) == "high")) for name, c in inputs.items()}
        self._switch = self._contacts.get("switch")
        self._hand = False
        self._said_since: dict[str, float] = {}
        self._by_pin = {c.pin: (light, c) for light in self.lights.values() for c in light.circuits}
        self.meters = {name: Meter(name) for name in plan.config["meters"]}
        self._seen = 0
        self._sent: dict[tuple[str, bytes], dict[str, Any] | None] = {}
        self._waiting: list[Callable[[], None]] = []
        self._settled = False  # the core has done what it had to, and does not stand still
        self._behind = False  # what waited is taken now, all at once
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
        self._spoken_at = -math.inf
        self._silent = False  # nothing was told since then: that a mute broker hears again is noticed with the next message
        House(self, site, models, plan.start, seed, poll_s=plan.poll_s, trace=trace)
        self._books = Books(self.house.journal_file, site.history.keep)
        self._take_note_of_telemetry()
        self._stage = FastStage(self.house)
        self.faults = Faults(self._stage)
        self.house.advance(0)

    def _take_note_of_telemetry(self) -> None:
        """All that the broker takes and passes on of it."""
        route, topic = self.house.broker.route, f"{self.house.root}/telemetry"

        def noted(message: Message) -> None:
            if message.topic == topic:
                self._later(self._books.took, message.payload)
            route(message)

        self.house.broker.route = noted  # type: ignore[method-assign]

    def close(self) -> None:
        """Let go of files."""
        self.counts["rows sent"] += len(self._books)
        self.counts["rows sent again"] += self._books.again
        self.house.ear = None
        self.house.close()

    @property
    def seconds(self) -> float:
        """How long the village has lived."""
        return self.house.time.mono()

    def has(self, fault: str, on: str | None = None, **_: Any) -> bool:
        """Whether there is such a thing to put that fault on."""
        return on is None or any(on in self._stage.targets()[group] for group in KINDS[fault].on)

    def lines(self) -> set[str]:
        """The circuits, as `road/a`."""
        return {f"{light.name}/{key}" for light in self.lights.values() for key in light.keys}

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
            self._settled = False
            self._waiting.clear()
            self._begin_anew()

    def ended(self) -> None:
        self._drain()
        self._books.settle()
        for _, circuit in self._by_pin.values():
            circuit.count(self.seconds)
        self._waiting.clear()
        self._audits, self._rejected = [0, 0], [0, 0]
        self._results.clear()
        self._offs.clear()
        self._asked.clear()
        journal = self.house.journal()
        if self._card_is_good():
            self._overrides_are_kept(journal)
            self._outputs_are_kept(journal)
            used = {row[0] for row in journal["commands"]}
            if used != self._used.keys():
                raise Violation("I9", f"of the used ids the journal lacks {sorted(self._used.keys() ^ used)}")
            if self._trusted_walls and self.house.shell is None:
                self._known_is_kept(journal)
        else:
            self._go_by_the_card(journal)
        self._take_up_locks(journal)
        raised = [row for row in journal["alarms"] if row[1] == "clock-untrusted"]
        on_card = bool(raised) and raised[0][5] is None
        on_the_edge = self._untrusted_since is not None and abs(self._untrusted_since + UNTRUSTED_S - self.seconds) < EPS
        if self._card_is_good() and on_card != self._clock_alarm and not on_the_edge:
            raise Violation("I9", f"the journal has the clock's alarm as {on_card}, it was {self._clock_alarm}")
        self._clock_alarm = on_card
        self._trusted_walls.clear()

    def _overrides_are_kept(self, journal: Journal) -> None:
        kept = {row[0].partition("/")[2]: (row[1], row[2], row[3], row[4]) for row in journal["overrides"]}
        should = {}
        for name, light in self.lights.items():
            over = light.over
            left = math.inf if over is None else abs(over.left(self.house.clock.now()))
            if left < EPS or self.seconds < light.ended_at + EPS:  # rounding decides whether it is over
                kept.pop(name, None)
            elif over is not None:
                until = None if over.until == math.inf else over.until
                should[name] = over.level, until, over.mono, over.boot if over.mono is not None else None
        if kept != should:
            raise Violation("I9", f"the journal keeps the overrides {kept}, in force were {should}")

    def _outputs_are_kept(self, journal: Journal) -> None:
        """What each was told and how long it burnt."""
        if not self._settled:
            return
        told = {row[0]: bool(row[1]) for row in journal["outputs"] if row[2] == self.house.clock.now().boot}
        hours = {row[0]: row[1] for row in journal["hours"]}
        for light in self.lights.values():
            for c in light.circuits:
                name = f"light/{light.name}/{light.keys[c.n]}"
                if self.seconds <= light.upset_until or self._is_upset(c, self.seconds):
                    continue
                if told.get(name, False) is not c.was_on:
                    raise Violation("I9", f"the journal has {name} as {told.get(name)}, it was {c.was_on}")
                kept, true = hours.get(name, 0.0), c.kept_s + c.burnt_s
                steady = self._held_at < self.seconds - KEPT_S and c.upset_at < self._started_at
                if steady and not true - KEPT_S - 1 < kept < true + 1:
                    raise Violation("I9", f"{name} has burnt for {true:.0f} s, the journal has {kept:.0f} s")

    def _go_by_the_card(self, journal: Journal) -> None:
        """The card was bad: what is on it is what will be known."""
        self.counts["ends on a bad card"] += 1
        self._hand = any(row[0] == "input/switch" and row[1] for row in journal["inputs"])
        kept = {row[0].partition("/")[2]: row for row in journal["overrides"]}
        for name, light in self.lights.items():
            self._unsettle(light, self.seconds)  # when it was switched is forgotten, too
            light.over = None
            if name in kept:
                _, level, until, mono, boot, user, *_ = kept[name]
                in_hand = None if light.by_hand and self._hand else False
                light.over = Over(level, math.inf if until is None else until, mono, boot or "", user, in_hand)
        self._used = {row[0]: (row[1], row[2], row[3]) for row in journal["commands"]}
        for meter in self.meters.values():
            meter.said = None  # in which life its counter is has been forgotten

    def _take_up_locks(self, journal: Journal) -> None:
        """What of the lockouts is on the card, which is what they were if it is good."""
        kept: dict[str, dict[int | None, Lock]] = {name: {} for name in self.lights}
        for row in journal["lockouts"]:
            _, name, *rest = row[0].split("/")
            light = self.lights[name]
            key, on = light.keys.index(rest[0]) if rest else None, row[1].split(",")
            covered = range(len(light.keys)) if key is None else [key]
            kept[name][key] = Lock(row[2], {n: light.keys[n] in on for n in covered})
        for name, light in self.lights.items():
            if self._card_is_good():
                known = {
                    key: (lock.user, {n: kept[name][key].on[n] if on is None and key in kept[name] else on for n, on in lock.on.items()})
                    for key, lock in light.locks.items()
                }
                found = {key: (lock.user, lock.on) for key, lock in kept[name].items()}
                if known != found:
                    raise Violation("I9", f"the journal has the lockouts {found} of {name}, in force were {known}")
            light.locks = kept[name]

    def linked(self) -> None:
        if self._muted and not any(fault.kind.name == "broker-mute" for fault in self.faults.standing().values()):
            self._muted, self._heard_from = False, self.seconds + UNMUTED_S + 2 * self._poll_s
            self._silent = True
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
        self._in_turn(partial(self._take, topic, payload, retained))

    def _in_turn(self, happens: Callable[[], None]) -> None:
        """What comes while the core stands still, it learns later; in this order."""
        if self._waiting or not self.house.thinks():
            self._waiting.append(happens)
        else:
            happens()

    def _told(self, topic: str, payload: bytes) -> None:
        leaf = topic.removeprefix(self.house.root + "/")
        self._spoken_at = self.seconds
        if leaf == "audit":
            self._audits[1] += 1
        elif leaf.endswith("/result"):
            result = json.loads(payload)
            self._results.append((leaf.split("/")[1], result))
            self._rejected[1] += result["outcome"] == "rejected"
        elif not leaf.startswith("reply/") and "/set/" not in topic and "/lockout/" not in topic:
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
        self._books.note(now)  # the history's thread does not wait for a core that hangs
        if not alive:
            self._held_at, self._stirred, self._settled = self.seconds, True, False
            for light in self.lights.values():
                self._doubt(light, now, blind=True)
            for light, circuit in self._by_pin.values():
                if light.upset_until >= self._alive_at:
                    self._unsettle(light, self.seconds + seconds)
                if circuit.upset_at >= self._alive_at - self._look_s - AGAIN_S:
                    # What was moved stays so until somebody is there to look.
                    self._upset(circuit, max(circuit.upset_at, self.seconds + seconds))
            return
        self._alive_at = self.seconds
        self.counts["steps"] += 1
        self._settled = True
        for light in self.lights.values():
            light.told_at_once = False
        for _, circuit in self._by_pin.values():
            circuit.was_on = circuit.on
        if self._waiting:
            self._catch_up(now)
        self._note_clock(now)
        setting = round(now.wall - now.mono, 2), now.trusted, now.boot, self._linked()
        if self._stirred or setting != self._setting or self.seconds + seconds > self._calm_until:
            self._stirred, self._setting, self._calm_until = False, setting, math.inf
            for light in self.lights.values():
                self._judge(light, now, seconds)
            self._judge_clock_alarm(now, seconds)
            self._judge_messages()
            self._judge_silence()
            self._judge_contacts()
            self._calm_until = min(self._calm_until, self.seconds + 600)
            self._silent = self._silent and self._spoken_at < self._heard_from

    def _catch_up(self, now: Moment) -> None:
        """What waited for the core."""
        waiting, self._waiting, self._behind = self._waiting, [], True
        for light in self.lights.values():
            if self._wanted(light, now).level != light.level:
                light.level = None  # whether it has seen what should have been meanwhile is not known
        for happens in waiting:
            happens()
        self._behind = False

    def _wait_for(self, seconds: float) -> None:
        """Nothing has to be looked at again before so many seconds have passed, if nothing happens."""
        self._calm_until = min(self._calm_until, self.seconds + seconds - EPS)

    # --- E ---

    def _drain(self) -> None:
        """Take note of what the lines did."""
        changes = self.house.changes
        while self._seen < len(changes):
            self._stirred = True
            change = changes[self._seen]
            self._seen += 1
            if change.pin not in self._by_pin:
                self._contact(change.pin, change.level, change.at)
                continue
            _, circuit = self._by_pin[change.pin]
            circuit.count(change.at)
            circuit.on = change.level == circuit.active
            circuit.edges.append(Edge(change.at, circuit.on))
            if len(circuit.edges) > 200:
                del circuit.edges[:100]
                circuit.started = max(circuit.started - 100, 0)
            if circuit.on:
                self._judge_on_edge(change.pin)

    def _contact(self, pin: int, level: int, at: float) -> None:
        """A contact of the cabinet opened or closed."""
        for name, (its, active) in self._contacts.items():
            if its == pin:
                self._said_since[name] = at
                if name == "switch":
                    self._in_turn(partial(self._turn_switch, level == active))
