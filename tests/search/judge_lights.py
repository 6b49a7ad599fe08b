"""What must hold of the lights: each invariant judged by their lines, by what is told of them, and by the account kept."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

from search.account import (
    AGAIN_S,
    APART_S,
    DOUBT_S,
    EPS,
    Circuit,
    Light,
    Violation,
    Wanted,
    unix,
)
from search.almanac import lit
from search.turns import burning, of_night, over_a_start, sizes

from edge.core.values import Moment


class LightJudge:
    """What a trial holds its lights to; a part of Trial, whose attributes it uses."""

    def _judge_on_edge(self, pin: int) -> None:
        light, circuit = self._by_pin[pin]
        at = circuit.edges[-1].at
        for lock in light.locks.values():
            if lock.on.get(circuit.n) is not None and not lock.due and not self._is_upset(circuit, at):
                raise Violation("lockout", f"{light.name} on line {pin} came on at {at:.3f}, {lock.user} had locked it")
        if at <= light.upset_until or any(at <= other.upset_until for other in self._group(light)):
            return
        for reason, until in self._holds(light, circuit, at, since_start=True, before=True):
            if at < until - EPS:
                raise Violation("I4", f"{light.name} on line {pin} came on at {at:.3f}: {reason} held it until {until:.3f}")
        self.counts["came on"] += 1

    def _group(self, light: Light) -> list[Light]:
        return [other for other in self.lights.values() if other.group == light.group]

    def _holds(
        self, light: Light, circuit: Circuit, at: float, *, since_start: bool, before: bool
    ) -> list[tuple[str, float]]:
        """What may hold this circuit off at `at`, each with its end. `since_start`: what a new process cannot know is
        left out; `before`: the last edge is the one that is judged."""
        holds = []
        own = circuit.edges[:-1] if before else circuit.edges
        offs = [edge.at for edge in own if not edge.on]
        if offs:
            holds.append(("its restrike", offs[-1] + light.restrike_s))
        others = [
            edge.at for other in self._group(light) for c in other.circuits if c is not circuit for edge in c.edges[-20:] if edge.on
        ]
        if others:
            holds.append(("a neighbour", max(others) + APART_S))
        if self._burst:
            counted = own[circuit.started :] if since_start else own
            if len(counted) >= self._burst:
                holds.append(("the cap", counted[-self._burst].at + self._per_s))
        return holds

    def _judge(self, light: Light, now: Moment, seconds: float) -> None:
        at = self.seconds
        if light.over is not None and light.over.ended(now):
            light.over, light.ended_at = None, at
        if light.over is not None:
            self._wait_for(light.over.left(now))
        self._settle_locks(light)
        self._doubt(light, now)
        wanted = self._wanted(light, now)
        if self._unsure(light, wanted, now):
            soon = self._wanted(light, replace(now, wall=now.wall + EPS))
            light.unsure.append((None if wanted.level is None else soon.level, now))
            self._wait_for(0)
            return
        self._wait_for(wanted.for_s)
        for upset in (light.upset_until, *(c.taken_until + AGAIN_S + self._look_s + EPS for c in light.circuits)):
            if at < upset < math.inf:
                self._wait_for(upset - at + 2 * EPS)
        self._follow(light, wanted.level, now)
        told = self._told_state(light)
        should = None if light.doubtful_locks() else self._should(light, wanted, told)
        if should is not None:
            self._judge_circuits(light, wanted, should, now, seconds)
        if told is not None:
            self._judge_observed(light, told)
        if wanted.for_s < seconds - EPS:
            raise Violation("tick", f"{light.name}: nobody is awake in {wanted.for_s:.3f} s, when {wanted} ends; {now}")
        if told is not None and should is not None:
            self._judge_state(light, wanted, should, told, now)

    def _judge_circuits(self, light: Light, wanted: Wanted, should: list[bool], now: Moment, seconds: float) -> None:
        at, frozen = self.seconds, light.frozen()
        for circuit in light.circuits:
            if circuit.on and not should[circuit.n] and at > circuit.taken_until + AGAIN_S + self._look_s + EPS:
                raise Violation("I4 off at once", f"{light.name} circuit {circuit.n} burns, wanted are {should}: {wanted}, now {now}")
            if should[circuit.n] and not circuit.on:
                if frozen[circuit.n] is None:
                    self._judge_off(light, circuit, at, seconds)
                elif not self._is_upset(circuit, at):
                    raise Violation("lockout", f"{light.name} circuit {circuit.n} burnt when it was locked, and is dark")

    def _judge_observed(self, light: Light, told: dict[str, Any]) -> None:
        for circuit, one in zip(light.circuits, told["circuits"], strict=True):
            if self._is_upset(circuit, self.seconds):
                continue
            if one["observed"] is None and light.frozen()[circuit.n] is not None and circuit.upset_at > -math.inf:
                continue  # its line was taken: a locked one is not told ON to have it back
            true = circuit.on if circuit.feedback is None else self._closed(*circuit.feedback)
            if one["observed"] is not true:
                raise Violation("I13", f"{light.name} circuit {circuit.n} is told as {one['observed']}, it is {true}")

    def _unsure(self, light: Light, wanted: Wanted, now: Moment) -> bool:
        """Whether it cannot be said what should be: for lack of knowledge, or because rounding decides."""
        return wanted.level is None or wanted.for_s < EPS or self._has_just_changed(light, now)

    def _off_the_mark(self) -> None:
        """Let a little time pass if rounding decides what should be: a clock that is set just then hides it for good."""
        now = self.house.clock.now()
        wanted = {light.name: self._wanted(light, now) for light in self.lights.values()}
        if any(w.level is not None and self._unsure(self.lights[name], w, now) for name, w in wanted.items()):
            self.house.advance(2 * EPS)

    def _has_just_changed(self, light: Light, now: Moment) -> bool:
        """Whether the wish changed by itself so shortly ago that rounding decides."""
        if light.over is not None or light.program is None:
            return self.seconds < light.ended_at + EPS
        before = self._wanted(light, replace(now, wall=now.wall - EPS))
        after = self._wanted(light, now)
        return self.seconds < light.ended_at + EPS or before.level != after.level or before.reason != after.reason

    def _judge_off(self, light: Light, circuit: Circuit, at: float, seconds: float) -> None:
        if any(at <= other.upset_until for other in self._group(light)):
            return
        holds = self._holds(light, circuit, at, since_start=False, before=False)
        until = max((end for _, end in holds), default=-math.inf)
        if until < at - EPS:
            raise Violation("level", f"{light.name} on line {circuit.pin} is dark at {at:.3f}, and nothing holds it: {holds}")
        if at + EPS < until < at + seconds - EPS:
            raise Violation("tick", f"{light.name} on line {circuit.pin} may come on in {until - at:.3f} s, nobody is awake")
        self._wait_for(until - at)
        self.counts["held back"] += 1

    def _judge_state(self, light: Light, wanted: Wanted, should: list[bool], told: dict[str, Any], now: Moment) -> None:
        if (told["level"], told["reason"]) != (wanted.level, wanted.reason):
            raise Violation("state", f"{light.name} is told as {told['level']} by {told['reason']}, wanted: {wanted}")
        circuits = [(c["on"], c.get("locked", False)) for c in told["circuits"]]
        if circuits != (true := [(on, stays is not None) for on, stays in zip(should, light.frozen(), strict=True)]):
            raise Violation("state", f"{light.name}'s circuits are told as {circuits}, (on, locked) is {true}; {wanted}")
        by = light.locks[None].user if wanted.reason == "lockout" else None
        if wanted.reason == "override":
            assert light.over is not None
            by, until = light.over.user, None if told["until"] is None else unix(told["until"])
            left = light.over.left(now)
            if (until is None) != (left == math.inf) or (until is not None and abs(until - now.wall - left) > 1.1):
                raise Violation("state", f"{light.name} is told to end {told['until']}, it ends in {left:.1f} s, now {now}")
        if told["by"] != by:
            raise Violation("state", f"{light.name} is told to be {wanted.reason} by {told['by']}, it is by {by}")

    def _told_state(self, light: Light) -> dict[str, Any] | None:
        """What is told of the light on this link; None where there is none."""
        if not self._linked():
            return None
        payload = self._now_told.get(f"light/{light.name}/state")
        if payload is None:
            raise Violation("I15", f"nothing was told of {light.name} since the link came up")
        told: dict[str, Any] = json.loads(payload)
        return told

    def _wanted(self, light: Light, now: Moment) -> Wanted:
        """By the first of these that has a say: lockout, hand, override, program."""
        if None in light.locks:
            if light.doubtful_locks():
                return Wanted(None, "lockout", math.inf)
            on = sum(w for w, stays in zip(light.watts, light.frozen(), strict=True) if stays)
            return Wanted(light.levels[lit(light.levels, 100 * on / sum(light.watts))], "lockout", math.inf)
        over = None if light.over is None or light.over.ended(now) else light.over
        if light.by_hand and self._hand:
            if over is None or over.level or over.in_hand is False:
                return Wanted(light.levels[-1], "hand", math.inf)
            if over.in_hand is None:
                return Wanted(None, "", math.inf)
        if over is not None:
            return Wanted(over.level, "override", over.left(now))
        if light.program is None:
            return Wanted(0, "default", math.inf)
        almanac = self._plan.almanac
        standing = almanac.standing(light.program, now.wall)
        level = light.levels[lit(light.levels, standing.percent)]
        by_program = Wanted(level, "program", standing.until - now.wall)
        if now.trusted or not almanac.ever_lights(light.program):
            return by_program
        low, high = self._known
        if now.wall < low:
            return Wanted(light.levels[-1], "default", math.inf)
        if now.wall < high + self._look_s:
            return Wanted(None, "", math.inf)
        dark, until = almanac.maybe_dark(now.wall, DOUBT_S)
        if dark:
            return Wanted(light.levels[-1], "default", until - now.wall)
        return by_program._replace(for_s=min(until - now.wall, by_program.for_s))

    # --- which circuits ---

    def _should(self, light: Light, wanted: Wanted, told: dict[str, Any] | None) -> list[bool] | None:
        """Which circuits burn. Where only their number is known, those that are told, if they are so many."""
        assert wanted.level is not None
        places, frozen = light.levels.index(wanted.level), light.frozen()
        if light.order is not None:
            self.counts["which is known"] += 1
            return burning(light.watts, light.order, places, frozen)
        if any(stays and c.feedback for c, stays in zip(light.circuits, frozen, strict=True)):
            return None  # where a locked one seems to be dark another may burn beside it
        self.counts["how many is known"] += 1
        many = sizes(light.watts, places, frozen)
        if told is not None:
            marked = [bool(circuit["on"]) for circuit in told["circuits"]]
            if many != sizes(light.watts, 0, marked) or any(f not in (None, m) for f, m in zip(frozen, marked, strict=True)):
                raise Violation("level", f"{light.name} is told to burn {marked}, of each power there should be {many}: {wanted}")
            return marked
        burns = sizes(light.watts, 0, [circuit.on for circuit in light.circuits])
        if not burns <= many and self.seconds > light.upset_until:
            raise Violation("level", f"of {light.name} burn {burns}, there should be no more than {many}: {wanted}")
        return None

    def _follow(self, light: Light, level: int | None, now: Moment) -> None:
        """`level` is wanted from now on, after all that was when rounding decided."""
        for earlier, then in light.unsure:
            self._turn_to(light, earlier, then)
        light.unsure.clear()
        self._turn_to(light, level, now)

    def _turn_to(self, light: Light, level: int | None, now: Moment) -> None:
        """The night's order is taken over when some are to burn after none or all did."""
        before, light.level = light.level, level
        if level is None or before == level:
            return
        if before is None:
            if level not in (0, light.levels[-1]):
                light.order = None  # it may have been dark in between
        elif before in (0, light.levels[-1]):
            self._take_turns(light, now)

    def _take_turns(self, light: Light, now: Moment) -> None:
        before, order = light.order, self._night_order(light, now)
        night = self._plan.almanac.night(now.wall)
        if night in light.vague:
            light.order = None
            return
        light.order, light.night = order, night
        light.vague.clear()
        self.counts["turns"] += None not in (before, order) and before != order

    def _night_order(self, light: Light, now: Moment) -> list[int] | None:
        """The order of the present night; None where rounding decides which night it is."""
        if not light.rotates:
            return list(range(len(light.circuits)))
        sooner, later = (of_night(light.watts, self._plan.almanac.night(now.wall + by)) for by in (-EPS, EPS))
        return sooner if sooner == later else None

    def _begin(self, light: Light, now: Moment, burnt: set[int]) -> None:
        """A process starts: what burnt before it in this boot burns on, if it is what is wanted."""
        wanted, order = self._wanted(light, now), self._night_order(light, now)
        night = self._plan.almanac.night(now.wall)
        light.level, light.order, light.night, light.vague = wanted.level, None, night, {night}
        light.unsure.clear()
        if order is None or self._unsure(light, wanted, now):
            light.level = None
            return
        assert wanted.level is not None
        light.order = over_a_start(light.watts, order, burnt, light.levels.index(wanted.level))
        if light.order == order:
            light.vague.clear()
        else:
            self.counts["burnt on over a start"] += 1

    def _doubt(self, light: Light, now: Moment, *, blind: bool = False) -> None:
        """A contactor that seems to be open where it should be closed may have another circuit burn in place of its own,
        until the next night. `blind`: the core stands still and does not see them."""
        before, light.doubtful = light.doubtful, any(
            c.feedback is not None and (blind or not self._closed(*c.feedback)) and (c.on or self._is_upset(c, self.seconds))
            for c in light.circuits
        )
        if before or light.doubtful:
            light.order = None
            light.vague |= {light.night, self._plan.almanac.night(now.wall)}

    def _settle_locks(self, light: Light) -> None:
        """What could not be known when a lockout came."""
        for lock in light.locks.values():
            for n, on in lock.on.items():
                if lock.due or (on is None and not self._is_upset(light.circuits[n], self.seconds)):
                    lock.on[n] = None if self._is_upset(light.circuits[n], self.seconds) else light.circuits[n].on
            lock.due = False

    def _closed(self, pin: int, active: int) -> bool:
        """Whether a contact's line says that what it is named for holds."""
        return self.house.village.board.level(pin) == active

    def _is_upset(self, circuit: Circuit, at: float) -> bool:
        """Whether something else has moved or taken its line, so shortly ago that nobody may have looked."""
        return at <= max(circuit.upset_at, circuit.taken_until) + self._look_s + AGAIN_S + EPS
