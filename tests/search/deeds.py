"""The actions of a trial: commands, faults, kills, lost lines, and time."""

from __future__ import annotations

import json
from typing import Any

from search.account import FURTHEST_AIM_S, LONGEST_BACKOFF_S, QUIET_S, Action, text_of

from simulator.faults import read


class Deeds:
    """What a trial can do to its village; a part of Trial, whose attributes it uses."""

    def act(self, action: Action) -> None:
        """Do one action. Raises Violation."""
        name, *more = action
        self._stirred = True
        getattr(self, f"_do_{name}")(*more)
        self.house.advance(0)

    def _do_wait(self, seconds: float) -> None:
        self.house.advance(seconds)

    def _do_aim(self, which: int, beyond: float) -> None:
        """Let time pass until `beyond` seconds after one of the coming deadlines."""
        ahead = sorted(s for s in self._ahead() if 0 < s < FURTHEST_AIM_S)
        if ahead:
            self.house.advance(max(ahead[which % len(ahead)] + beyond, 0.0))

    def _do_send(self, light: str, user: str, fields: dict[str, Any], how: str) -> None:
        """A command; `expires_in` and `until_in` count from now. `how`: plain, retained, far."""
        now = self.house.clock.now()
        spec = dict(fields)
        for key, at in (("until_in", "until"), ("expires_in", "expires_at")):
            if key in spec:
                spec[at] = text_of(now.wall + spec.pop(key))
        if set(spec) == {"plain"}:
            payload = spec["plain"]
            spec = {"action": {"ON": "on", "OFF": "off", "AUTO": "auto"}.get(payload, "on")}
            if payload[0].isdigit():
                spec["level"] = float(payload)
        else:
            payload = json.dumps(spec)
        topic = f"{'far/' if how == 'far' else ''}{self.house.root}/light/{light}/set/{user}"
        spec |= {"light": light, "user": user, "far": how == "far"}
        self._sent[topic, payload.encode()] = spec
        self.house.send(topic, payload, how == "retained")

    def _do_lock(self, light: str, user: str, fields: dict[str, Any], how: str) -> None:
        """A lockout or its release; `expires_in` counts from now. `how` as for a command."""
        spec = dict(fields)
        if "expires_in" in spec:
            spec["expires_at"] = text_of(self.house.clock.now().wall + spec.pop("expires_in"))
        far = how == "far"
        topic, payload = f"{'far/' if far else ''}{self.house.root}/light/{light}/lockout/{user}", json.dumps(spec)
        spec |= {"action": "lock" if spec["locked"] else "unlock", "light": light, "user": user, "far": far}
        self._sent[topic, payload.encode()] = spec
        self.house.send(topic, payload, how == "retained")

    def _do_switch(self, on: bool) -> None:
        """The cabinet's switch, where there is one, is turned to hand or back."""
        standing = [key for key, fault in self.faults.standing().items() if fault.kind.name == "hand-on"]
        if on and not standing and self._switch is not None:
            self._do_fault({"fault": "hand-on", "on": "input/switch"})
        elif not on:
            for key in standing:
                self._mend(key)

    def _do_garbage(self, where: str, payload: str, retain: bool) -> None:
        """Something that is no command."""
        topic = f"{self.house.root}/{where}"
        self._sent[topic, payload.encode()] = None
        self.house.send(topic, payload, retain)

    def _do_ack(self, which: int) -> None:
        """Acknowledge an alarm that the broker knows of, or one that there is not."""
        prefix = f"{self.house.root}/alarm/"
        known = sorted(topic.removeprefix(prefix) for topic in self.house.broker.retained if topic.startswith(prefix))
        self._given += 1
        alarm = known[which % len(known)] if known else "device-silent:meter:nobody"
        reply_to = f"{self.house.root}/reply/head/phone"
        payload = json.dumps({"id": f"r-{self._given}", "alarm": alarm, "reply_to": reply_to})
        topic = f"{self.house.root}/ask/head/alarm-ack"
        self._sent[topic, payload.encode()] = {"ask": True}
        self.house.send(topic, payload)

    def _do_fault(self, fields: dict[str, Any]) -> None:
        by = str(fields.get("by", ""))
        if by.startswith("poll + "):  # an answer that comes when the next question is under way
            fields = {**fields, "by": f"{min(self._poll_s, 599.0) + float(by[7:]):g}s"}
        fault = read(fields)
        kind = fault.kind.name
        if self.house.shell is None and fault.kind.place == "process":
            return
        if kind == "pi-rebooted":
            self.counts["reboots"] += 1
        elif kind in ("clock-jump", "clock-wrong"):
            self.counts["jumps"] += 1
        if fault.kind.place == "clock" or kind in ("core-hung", "process-frozen"):
            self._off_the_mark()
        self.counts[f"fault {kind}"] += 1
        if kind.startswith("card-"):
            self._card_bad_at = self.seconds + (fault.for_s or 0)
        self._muted = self._muted or kind == "broker-mute"
        if fault.on is not None and kind.startswith("meter-"):
            self._touched(fault.on.partition("/")[2], float(fault.values.get("after", 0) or 0))
        self.faults.inject(fault)

    def _do_mend(self, which: int) -> None:
        keys = list(self.faults.standing())
        if keys:
            self._mend(keys[which % len(keys)])

    def _mend(self, key: str) -> None:
        if self.faults.standing()[key].kind.place == "clock":
            self._off_the_mark()
        gone = self.faults.clear(key)
        self.house.advance(0)
        if gone.kind.name.startswith("card-"):
            self._card_bad_at = self.seconds

    def _do_kill(self, down_s: float) -> None:
        self.counts["kills"] += 1
        self._do_fault({"fault": "process-killed", "down": f"{down_s:g}s"})

    def _do_line_lost(self, which: int | str) -> None:
        """A line, by its number or as `road/a`, falls back to an input behind the controller's back."""
        light, circuit = self._line(which)
        pid = self.house.village.board.holder(circuit.pin)
        if pid is not None:
            self._upset(circuit, self.seconds)
            self.house.village.board.release(circuit.pin, pid)
            for lock in light.locks.values():
                if lock.on.get(circuit.n):
                    lock.on[circuit.n] = None

    def _do_line_taken(self, which: int, seconds: float) -> None:
        """Another process holds a line for a time."""
        _, circuit = self._line(which)
        board, thief = self.house.village.board, -1
        if board.holder(circuit.pin) in (None, thief):
            return
        self._upset(circuit, self.seconds + seconds)
        board._holder[circuit.pin] = thief

        def give_back() -> None:
            if board.holder(circuit.pin) == thief:
                del board._holder[circuit.pin]

        self.house.at(self.seconds + seconds, give_back)

    def _do_quiet(self) -> None:
        """Everything is mended; two minutes later all is as it should be."""
        for key in reversed(list(self.faults.standing())):
            self._mend(key)
        if self.house.shell is None:
            self.house.advance(max(0.0, self._plan_ahead()))
        # That a broker acknowledges again is noticed when the next message is sent to it: with the next reading.
        late = 2 * self._poll_s if self._muted else 0.0
        self.house.advance(max(QUIET_S + late, self._heard_from - self.seconds))
        self._all_is_current()
        self._books.settle(all_sent=True)
        self.house.advance(5 * self._poll_s + LONGEST_BACKOFF_S)  # on a dead line some are asked for all, then all again
        self._nothing_is_raised()
        self.counts["quiets"] += 1

    # --- what the house tells ---
