"""What must hold of clock, meters, contacts and messages: judged by what was told, and by the account kept."""

from __future__ import annotations

import json
import math
from typing import Any

from search.account import (
    AGAIN_S,
    APART_S,
    EPS,
    KNOWN_S,
    LONGEST_BACKOFF_S,
    RECENT_S,
    RETRY_S,
    SILENT_S,
    TOLD_S,
    UNTRUSTED_S,
    Circuit,
    Light,
    Violation,
    latest,
    unix,
)
from search.judge_lights import LightJudge

from edge.core.values import Moment


class Judge(LightJudge):
    """What a trial holds its village to; a part of Trial, whose attributes it uses."""

    # --- the clock ---

    def _linked(self) -> bool:
        """Whether all that the controller says is heard."""
        return self.house.connected() and not self._muted and not self._silent and self.seconds >= self._heard_from

    def _note_clock(self, now: Moment) -> None:
        if not now.trusted:
            return
        unsure = self._look_s + (self.seconds - self._held_at if self._held_at > self.seconds - self._look_s else 0.0)
        self._known = now.wall - unsure, now.wall
        if not self._trusted_walls or self._trusted_walls[-1][0] < self.seconds:
            self._trusted_walls.append((self.seconds, now.wall))
        while self._trusted_walls[0][0] < self.seconds - KNOWN_S - self._look_s:
            self._trusted_walls.popleft()

    def _known_is_kept(self, journal: dict[str, list[tuple[Any, ...]]]) -> None:
        kept = latest(journal)
        least = min(wall for _, wall in self._trusted_walls)
        if kept < least - EPS:
            raise Violation("trust", f"the journal knows of the time {kept}, {least} was known to be right")

    def _judge_clock_alarm(self, now: Moment, seconds: float) -> None:
        if now.trusted:
            self._untrusted_since = None
            self._clock_alarm = False
        elif self._untrusted_since is None:
            self._untrusted_since = self.seconds
        due = math.inf if self._untrusted_since is None or self._clock_alarm else self._untrusted_since + UNTRUSTED_S
        self._wait_for(due - self.seconds)
        if abs(self.seconds - due) < EPS:
            return
        if self.seconds > due:
            self._clock_alarm, due = True, math.inf
        if due < self.seconds + seconds - EPS:
            raise Violation("tick", "nobody is awake when the clock's alarm is due")
        if self._linked():
            said = self._raised(self._now_told.get(f"alarm/clock-untrusted:site:{self.house.site.site.id}"))
            if said != self._clock_alarm:
                raise Violation("alarm", f"that the clock is untrusted is told as {said}, it is {self._clock_alarm}")

    # --- meters ---

    def _touched(self, name: str, rolls: float) -> None:
        self.meters[name].touched_at = math.inf if rolls else self.seconds

    def _heard(self, name: str, told: dict[str, Any]) -> None:
        meter, at = self.meters[name], self.seconds
        if told == meter.told:
            return  # told again to a broker that may have lost it
        meter.told = told
        life, energy = told["life"], told["values"]["energy_kwh"]
        if meter.said is not None and (life < meter.said[0] or (life == meter.said[0] and energy < meter.said[1])):
            raise Violation("I14", f"{name} said {meter.said}, then {(life, energy)}")
        meter.said = life, energy
        meter.heard_at = at
        if abs(self.house.clock.now().wall - unix(told["at"])) > RECENT_S:
            return  # it was read long ago, and waited for the core or for the link
        true = self.house.village.world.quantities(name, at)
        powers = [true["power_w"], *(power for _, power in meter.power)]
        may_differ = max(powers) * RECENT_S / 3.6e6 + 0.02 + true["energy_kwh"] * 2e-6
        if at > meter.touched_at + RECENT_S and abs(energy - true["energy_kwh"]) > may_differ:
            raise Violation("reading", f"{name} is told at {energy} kWh and stands at {true['energy_kwh']}")
        if not any(abs(told["values"]["power_w"] - power) <= 0.1 + power * 1e-4 for power in powers):
            raise Violation("reading", f"{name} is told to draw {told['values']['power_w']} W; it drew {powers} W")
        self.counts["readings"] += 1

    def _note_power(self) -> None:
        for name, meter in self.meters.items():
            power = sum(self.house.village.world._meters[name].phase_w)
            if not meter.power or meter.power[-1][1] != power:
                meter.power.append((self.seconds, power))
            while len(meter.power) > 1 and meter.power[1][0] < self.seconds - RECENT_S:
                meter.power.popleft()

    def _judge_silence(self) -> None:
        at = self.seconds
        troubled = dict.fromkeys(self.meters, False)
        for fault in self.faults.standing().values():
            dead = fault.kind.name in ("slave-dead", "slave-wrong-id", "adapter-gone")
            if dead or (fault.kind.name == "mains-cut" and not fault.values["backup"]):
                hit = [fault.on.partition("/")[2]] if fault.on and fault.on.startswith("meter/") else list(self.meters)
                troubled |= dict.fromkeys(hit, True)
        for name, meter in self.meters.items():
            if not troubled[name]:
                meter.troubled_at = None
            elif meter.troubled_at is None:
                meter.troubled_at = at
            if meter.troubled_at is not None and self._linked():
                since = max(meter.troubled_at, self._started_at, self._held_at)
                late = at > since + max(3 * self._poll_s, SILENT_S) + SILENT_S + self._poll_s + LONGEST_BACKOFF_S
                if late and not self._raised(self._now_told.get(f"alarm/device-silent:meter:{name}")):
                    raise Violation("alarm", f"{name} has been silent since {since:.0f}, no alarm says so")

    # --- contacts ---

    def _judge_contacts(self) -> None:
        for name, kind in (("switch", "hand-on"), ("door", "door-open")):
            if name not in self._contacts or not self._closed(*self._contacts[name]) or not self._linked():
                continue
            since = max(self._said_since.get(name, 0.0), self._started_at, self._held_at)
            if self.seconds > since + TOLD_S and not self._raised(self._now_told.get(f"alarm/{kind}:input:{name}")):
                raise Violation("alarm", f"{name} is {kind} since {since:.0f}, no alarm says so")

    # --- messages ---

    def _judge_messages(self) -> None:
        if not self._linked():
            self._audits, self._rejected = [0, 0], [0, 0]
            self._results.clear()
            self._offs.clear()
            return
        if self._audits[0] != self._audits[1]:
            raise Violation("I7", f"{self._audits[0]} commands came and {self._audits[1]} audit messages went")
        if self._rejected[0] != self._rejected[1]:
            raise Violation("I7", f"{self._rejected[0]} commands were void and {self._rejected[1]} were told to be rejected")
        for name, asked in self._offs:
            outcome = {r["outcome"] for n, r in self._results if (n, r["id"]) == (name, asked)}
            feedbacks = [c.feedback for c in self.lights[name].circuits if c.feedback is not None]
            dark = not any(self._closed(*feedback) for feedback in feedbacks)
            done = "done" in outcome or (feedbacks and "superseded" in outcome)  # a contactor's news came after the next command
            if dark and not done:
                raise Violation("I8", f"OFF {asked} to {name} was not done at once: {self._results}")
        self._audits, self._rejected = [0, 0], [0, 0]
        self._results.clear()
        self._offs.clear()

    def _all_is_current(self) -> None:
        retained = self.house.broker.retained
        root = self.house.root
        self._muted = self._silent = False
        if not self.house.connected():
            raise Violation("I15", "no link 120 s after the last fault")
        if f"{root}/status" not in retained or retained[f"{root}/status"].payload != b"online":
            raise Violation("I15", "the status is not online 120 s after the last fault")
        for leaf in ("about", "time", *(f"light/{name}/{what}" for name in self.lights for what in ("state", "value"))):
            if leaf not in self._now_told or f"{root}/{leaf}" not in retained:
                raise Violation("I15", f"{leaf} is not at the broker 120 s after the last fault")
        for leaf, payload in self._now_told.items():
            there = retained.get(f"{root}/{leaf}")
            if (there.payload if there else b"") != payload:
                raise Violation("I15", f"{leaf} at the broker is {there}, told was {payload!r}")

    def _nothing_is_raised(self) -> None:
        if self.seconds <= max(light.upset_until for light in self.lights.values()):
            return
        raised = [leaf for leaf, payload in self._now_told.items() if leaf.startswith("alarm/") and self._raised(payload)]
        resting = {f"alarm/stuck-off:light:{light.name}" for light in self.lights.values() if light.vague}
        # What was recorded under a clock set years back is old when the clock is right again: who counts it has to say so.
        waiting = ("switching-capped", "rows-dropped")
        raised = [leaf for leaf in raised if not any(kind in leaf for kind in waiting) and leaf not in resting]
        if raised:
            raise Violation("I15", f"still raised after the last fault: {raised}")
        for meter in self.meters.values():
            if meter.heard_at < self.seconds - 2 * self._poll_s - LONGEST_BACKOFF_S:
                raise Violation("I15", f"{meter.name} was last heard at {meter.heard_at:.0f}, now is {self.seconds:.0f}")

    # --- odds and ends ---

    def _ahead(self) -> list[float]:
        """The coming deadlines, in seconds from now."""
        now, at = self.house.clock.now(), self.seconds
        ahead = []
        if self.house.shell is not None:
            ahead.append(self.house.shell.core._controller.wakeup() - now.mono)
        for light in self.lights.values():
            if light.over is not None:
                ahead.append(light.over.left(now))
            if light.program is not None:
                ahead.append(self._plan.almanac.standing(light.program, now.wall).until - now.wall)
            for circuit in light.circuits:
                ahead += [end - at for _, end in self._holds(light, circuit, at, since_start=False, before=False)]
        ahead += [used[1] - now.mono for used in self._used.values() if used[2] == now.boot][-3:]
        if self._untrusted_since is not None:
            ahead.append(self._untrusted_since + UNTRUSTED_S - at)
        for meter in self.meters.values():
            if meter.troubled_at is not None:
                ahead.append(meter.heard_at + max(3 * self._poll_s, SILENT_S) + SILENT_S - at)
        return ahead

    def _plan_ahead(self) -> float:
        return max((at - self.seconds for at, _, _ in self.house._plan), default=0.0)

    def _line(self, which: int | str) -> tuple[Light, Circuit]:
        if isinstance(which, str):
            name, _, key = which.partition("/")
            light = self.lights[name]
            return light, light.circuits[light.keys.index(key)]
        pins = sorted(self._by_pin)
        return self._by_pin[pins[which % len(pins)]]

    def _upset(self, circuit: Circuit, until: float) -> None:
        light, _ = self._by_pin[circuit.pin]
        circuit.upset_at = until
        circuit.taken_until = max(circuit.taken_until, until)
        self._unsettle(light, until)

    def _unsettle(self, light: Light, until: float) -> None:
        """What held its circuits is not known, until a while after `until`."""
        over = until + self._look_s + AGAIN_S + max(light.restrike_s, APART_S, self._per_s if self._burst else 0.0) + 1
        light.upset_until = max(light.upset_until, over)

    def _card_is_good(self) -> bool:
        standing = any(fault.kind.name.startswith("card-") for fault in self.faults.standing().values())
        return not standing and self.seconds > self._card_bad_at + RETRY_S + 1

    @staticmethod
    def _raised(payload: bytes | None) -> bool:
        return bool(payload) and json.loads(payload or b"")["state"] == "raised"
