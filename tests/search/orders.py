"""What must come of each message and of the cabinet's switch: who is refused, and what is in force from then on."""

from __future__ import annotations

import math
from typing import Any

from search.account import EPS, USED_S, YEAR_S, Light, Lock, Over, unix
from search.almanac import lit

from edge.core.values import Moment


class Orders:
    """The account of commands, lockouts and the switch; a part of Trial, whose attributes it uses."""

    def _take(self, topic: str, payload: bytes, retained: bool) -> None:
        """A message reaches the core: what must come of it."""
        if not payload:
            return
        spec = self._sent.get((topic, payload))
        linked = self._linked()
        if spec is not None and "ask" in spec:
            self._audits[0] += linked
            return
        kind, _, leaf, _ = topic.split("/")[-4:]
        has_result = leaf in ("set", "lockout") and kind.islower()
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
        light = self.lights[spec["light"]]
        if spec["action"] in ("lock", "unlock"):
            return None if spec.get("circuit") in (None, *light.keys) else "bad circuit"
        if None in light.locks:
            return "locked"
        return "hand" if spec["action"] == "on" and light.by_hand and self._hand else None

    def _accept(self, spec: dict[str, Any]) -> None:
        now = self.house.clock.now()
        light = self.lights[spec["light"]]
        if "id" in spec:
            self._used[f"{spec['user']}/{spec['id']}"] = now.wall + USED_S, now.mono + USED_S, now.boot
        self._before_a_change(light, now)
        if spec["action"] in ("lock", "unlock"):
            self._lock(light, spec, now)
        elif spec["action"] == "auto":
            light.over = None
        else:
            self._override(light, spec, now)
        self._after_a_change(light, now)
        light.told_at_once = True

    def _override(self, light: Light, spec: dict[str, Any], now: Moment) -> None:
        self.counts["overrides"] += 1
        off = spec["action"] == "off" or spec.get("level") == 0
        level = 0 if off else light.levels[lit(light.levels, spec.get("level", 100))]
        until, mono = math.inf, None
        if "for_s" in spec:
            until, mono = now.wall + spec["for_s"], now.mono + spec["for_s"]
        elif "until" in spec and unix(spec["until"]) > now.wall:
            until = unix(spec["until"])
        elif light.program is not None:
            until = self._plan.almanac.standing(light.program, now.wall).until
        light.over = Over(level, until, mono, now.boot, spec["user"], off and light.by_hand and self._hand)
        if not off:
            return
        self.counts["offs on hand"] += light.by_hand and self._hand
        self.counts["offs under a lockout"] += bool(light.locks)
        for lock in light.locks.values():
            lock.on = dict.fromkeys(lock.on, False)
        late = self._behind and any(c.feedback for c in light.circuits)  # what contactors say is then old, too
        if "id" in spec and self._linked() and self.seconds > light.upset_until and not late:
            self._offs.append((light.name, spec["id"]))

    def _lock(self, light: Light, spec: dict[str, Any], now: Moment) -> None:
        key = None if spec.get("circuit") is None else light.keys.index(spec["circuit"])
        if spec["action"] == "unlock":
            self.counts["releases"] += light.locks.pop(key, None) is not None
            return
        self.counts["lockouts"] += 1
        self._drain()
        covered = light.circuits if key is None else [light.circuits[key]]
        on = {c.n: None if self._is_upset(c, self.seconds) else c.on for c in covered}
        due = self._behind or light.told_at_once or self._unsure(light, self._wanted(light, now), now) or any(
            abs(end - self.seconds) < EPS
            for c in covered for _, end in self._holds(light, c, self.seconds, since_start=False, before=False)
        )
        light.locks[key] = Lock(spec["user"], on, due)

    def _turn_switch(self, on: bool) -> None:
        """The cabinet's switch is turned. An OFF that was there before rules no longer what is on hand."""
        if on is self._hand:
            return
        now = self.house.clock.now()
        under = [light for light in self.lights.values() if light.by_hand]
        for light in under:
            self._before_a_change(light, now)
        self._hand = on
        self.counts["on hand"] += on
        for light in under:
            if on and light.over is not None:
                light.over.in_hand = False
            self._after_a_change(light, now)

    def _before_a_change(self, light: Light, now: Moment) -> None:
        wanted = self._wanted(light, now)
        if self._unsure(light, wanted, now):
            light.level = None
            light.unsure.clear()
        else:
            self._follow(light, wanted.level, now)

    def _after_a_change(self, light: Light, now: Moment) -> None:
        self._follow(light, self._wanted(light, now).level, now)

    # --- over the end of a process ---

    def _begin_anew(self) -> None:
        """A process is about to start with what is on the card."""
        now, journal = self.house.clock.now(), self.house.journal()
        known, self._hand = self._hand, self._switch_says()
        burnt = {row[0] for row in journal["outputs"] if row[1] and row[2] == now.boot}
        hours = {row[0]: row[1] for row in journal["hours"]}
        for light in self.lights.values():
            if self._hand and not known and light.over is not None:
                light.over.in_hand = False
            was = {c.n for c in light.circuits if f"light/{light.name}/{light.keys[c.n]}" in burnt}
            for lock in light.locks.values():
                self.counts["starts under a lockout"] += 1
                lock.on = {n: bool(on) and n in was for n, on in lock.on.items()}
            for c in light.circuits:
                c.kept_s, c.burnt_s = hours.get(f"light/{light.name}/{light.keys[c.n]}", 0.0), 0.0
                c.counted_at = self.seconds
            self._begin(light, now, was)

    def _switch_says(self) -> bool:
        return self._switch is not None and self._closed(*self._switch)
