"""One flow input and the valves behind it: whose litres they are, how much flows, and whether that is as it should be.

What proves what is in flow_judge.py, the normal flow in flow_normal.py. A counter that jumps, begins anew or is not
heard proves nothing: what it said before is forgotten.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from edge.core import flow_judge as judge
from edge.core.events import Effect, PulsesCounted
from edge.core.flow_normal import UNKNOWN_L_MIN, Normals
from edge.core.flow_share import Shares
from edge.core.pulse_track import Track
from edge.core.site import FlowInput, Site
from edge.core.values import Moment, Row

NONE, HIGH, LEAK, LOW = "flow-none", "flow-high", "leak", "flow-low"
RATE_S, OLD_S = 5.0, 120.0

Conditions = list[tuple[str, str, bool, dict[str, object]]]


@dataclass(frozen=True, slots=True)
class Danger:
    """Water must stop: `kind` is that of an alarm about `target`, the pump or the valve that is to be kept shut."""

    kind: str
    target: str
    data: Mapping[str, object] = field(default_factory=dict)


class Flow:
    """What one flow input says of the valves behind it. `wake`: the monotonic time at which `step` has something to do;
    else that follows from `count` and `see`."""

    def __init__(
        self, name: str, site: Site, kept: Mapping[str, Row], blocks: Mapping[str, Row], look_every_s: float = 1.0
    ) -> None:
        """`name`: `input/<id>`. `kept` and `blocks`: the journal's tables `flows` and `blocks`; a danger for which
        something is still blocked is one still. `look_every_s`: how often the contact is looked at."""
        self.wake = float("inf")
        self.name = name
        found = site.inputs[name.partition("/")[2]]
        assert isinstance(found, FlowInput)
        behind = {f"valve/{i}": valve for i, valve in site.valves.items() if f"input/{valve.flow}" == name}
        self.valves = list(behind)
        self._pumps = {valve: f"pump/{v.pump}" for valve, v in behind.items() if v.pump is not None}
        self._normals = Normals({valve: v.normal_l_min for valve, v in behind.items()}, kept)
        self._track = Track(found.pulses_per_l, look_every_s)
        self._shares = Shares()
        self._stretch: judge.Stretch | None = None
        self._pump_on: bool | None = None
        self._pending: list[Effect] = []
        self._low: dict[str, tuple[bool, dict[str, object]]] = {}  # what is known of it, by valve
        self._dangers: dict[tuple[str, str], Danger] = {}
        for target, row in blocks.items():
            self._recall(target, row)

    # --- what is seen ---

    def count(self, event: PulsesCounted, _moment: Moment) -> None:
        """Take note of a look at the contact."""
        new = self._track.take(event, sum(self._normals.weights(self.valves).values()) or UNKNOWN_L_MIN)
        self.wake = float("-inf")
        if new is None:
            return
        self._shares.give(*new)
        if self._stretch is not None:
            self._stretch.take(new[0], new[2])

    def see(self, flowing: Mapping[str, bool], pump_on: bool | None, moment: Moment) -> None:
        """Which of its valves are open; of each, whether water can flow through it (a pump that it needs is on).

        A valve that is not named is closed. One that cannot be known, or that a hand switch rules, is to be named with
        False: then nothing is concluded from water that flows, or does not.
        """
        opened = frozenset(flowing)
        through = frozenset(valve for valve, flows in flowing.items() if flows)
        now = self._stretch
        if now is not None and now.opened == opened and now.flowing == through and pump_on is self._pump_on:
            return
        if now is not None:
            self._end(now, moment)
        self._pump_on = pump_on
        self._stretch = judge.Stretch(opened, through, moment.mono)
        self._shares.see(self._normals.weights(through or opened), moment.mono)
        self.wake = float("-inf")

    def step(self, moment: Moment) -> list[Effect]:
        """Conclude what there is to conclude."""
        self.wake = float("inf")
        now = self._stretch
        if now is not None and self._track.heard(moment.mono):
            if not now.opened:
                self._watch_closed(now)
            elif now.flowing:
                self._watch_open(now)
        effects, self._pending = self._pending, []
        return effects

    # --- what is known ---

    def litres(self, valve: str) -> float:
        """What flowed through it since this process began: pulses shared among the valves that flow by their normal
        flow, or among those that are open while none flows."""
        return self._shares.of(valve) / self._track.per_l

    def normal(self, valve: str) -> float | None:
        """Its normal flow in l/min, by the file or learned; None: not known yet."""
        return self._normals.of(valve)

    def heard(self, moment: Moment) -> bool:
        """Whether the contact is being read."""
        return self._track.heard(moment.mono)

    def l_min(self) -> float | None:
        """How much flowed at the last look; 0 once no pulse has come for two minutes; None: not known."""
        track = self._track
        if track.looked_at is None:
            return None
        if track.last_at is None or track.looked_at - track.last_at > OLD_S:
            return 0.0
        before = track.back(RATE_S, track.last_at - OLD_S)
        if before is None:
            return None
        rate = track.l_min(track.pulses(before), track.last_at - before)
        waited = track.looked_at - track.last_at
        return min(rate, track.l_min(1, waited)) if waited > 0 else rate

    def dangers(self) -> list[Danger]:
        """For which something is to be kept shut, until they are cleared, or a leak is over."""
        return [danger for danger in self._dangers.values() if not danger.target.startswith("sensor/")]

    def conditions(self) -> Conditions:
        """The alarms about these valves and pumps: kind, device, whether it holds, data. What is not known of a weak
        flow is left out, and its alarm stays as it is."""
        found: Conditions = []
        for kind, target in [
            *((NONE, target) for target in self._sources(self.valves)),
            *((HIGH, valve) for valve in self.valves),
            *((LEAK, target) for target in self._above()),
        ]:
            danger = self._dangers.get((kind, target))
            found.append((kind, target, danger is not None, dict(danger.data) if danger else {}))
        return found + [(LOW, valve, holds, dict(data)) for valve, (holds, data) in self._low.items()]

    def clear(self, target: str) -> None:
        """A person knows of the dangers of this pump or valve. If they are there still, they are found anew."""
        self._forget([key for key in self._dangers if key[1] == target])
        self.wake = float("-inf")

    # --- conclusions ---

    def _watch_open(self, now: judge.Stretch) -> None:
        normal = self._normals.sum(now.flowing)
        if judge.is_none(self._track, now, normal):
            for target in self._sources(sorted(now.flowing)):
                self._raise(NONE, target, 0.0, normal)
        if normal is None:
            return
        high = judge.is_high(self._track, now, normal)
        for valve in sorted(now.flowing) if high is not None else ():
            self._raise(HIGH, valve, high, normal)
        looked = self._track.looked_at
        if not now.judged and looked is not None and looked >= now.since + judge.LOW_AFTER_S:
            now.judged = True
            self._weigh(now, normal)

    def _watch_closed(self, now: judge.Stretch) -> None:
        if any((LEAK, target) in self._dangers for target in self._above()):
            if judge.leak_is_over(self._track, now.since):
                self._forget([(LEAK, target) for target in self._above()])
            return
        found = judge.leaks(self._track, now.since)
        for target in self._above() if found is not None else ():
            self._raise(LEAK, target, found, None)

    def _weigh(self, now: judge.Stretch, normal: float) -> None:
        """Whether a zone's water is weak."""
        flows = judge.mean(self._track, now)
        if flows is None:
            return
        if judge.at_most(self._track, now) < judge.LOW * normal:
            self._low |= {valve: (True, self._figures(flows, normal)) for valve in sorted(now.flowing)}
        elif flows >= judge.GOOD * normal:
            self._low |= {valve: (False, {}) for valve in sorted(now.flowing)}

    def _end(self, now: judge.Stretch, moment: Moment) -> None:
        """A stretch is over: it is judged as a whole, and may teach."""
        if not self._track.heard(moment.mono):
            return
        normal = self._normals.sum(now.flowing)
        flows = judge.mean(self._track, now)
        if normal is not None:
            self._weigh(now, normal)
        elif flows is not None and now.more >= judge.LEAST_PULSES and not self._dangers:
            self._pending += self._normals.learn(now.flowing, flows, moment)

    def _raise(self, kind: str, target: str, l_min: float | None, normal: float | None) -> None:
        if (kind, target) not in self._dangers:
            self._dangers[kind, target] = Danger(kind, target, self._figures(l_min or 0.0, normal))

    def _forget(self, keys: Iterable[tuple[str, str]]) -> None:
        """These are no dangers any more, and what proved them proves nothing more."""
        for key in keys:
            if self._dangers.pop(key, None) is not None and self._track.looked_at is not None:
                self._track.clean_since = self._track.looked_at

    def _figures(self, l_min: float, normal: float | None) -> dict[str, object]:
        found: dict[str, object] = {"flow": self.name, "l_min": round(l_min, 1)}
        return found if normal is None else found | {"normal_l_min": round(normal, 1)}

    def _recall(self, target: str, row: Row) -> None:
        data = json.loads(str(row["data"]))
        kind = str(row["kind"])
        ours = {NONE: self._sources(self.valves), HIGH: self.valves, LEAK: self._above()}.get(kind, ())
        if target in ours and data.get("flow", self.name) == self.name:
            self._dangers[kind, target] = Danger(kind, target, data)

    def _sources(self, valves: Iterable[str]) -> list[str]:
        """What brings water to these valves: their pumps, or they themselves."""
        return list(dict.fromkeys(self._pumps.get(valve, valve) for valve in valves))

    def _above(self) -> list[str]:
        """What a leak is named after: the pumps; where there are none, the meter."""
        return list(dict.fromkeys(self._pumps.values())) or [f"sensor/{self.name.partition('/')[2]}"]


def conditions(flows: Iterable[Flow]) -> Conditions:
    """Of all flow inputs together: what holds by one of them holds, though others, behind the same pump, know nothing
    of it."""
    found: dict[tuple[str, str], tuple[bool, dict[str, object]]] = {}
    for kind, target, holds, data in (each for flow in flows for each in flow.conditions()):
        if holds or (kind, target) not in found:
            found[kind, target] = holds, data
    return [(kind, target, holds, data) for (kind, target), (holds, data) in found.items()]
