"""One light's life: the wish above it, its circuits, the command that waits for its outcome, and what is told of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from edge.core import light_state, topics
from edge.core.circuits import Bank, Circuit
from edge.core.events import Effect, OutputObserved, Persist, Publish, Write
from edge.core.evidence import Evidence
from edge.core.lighting import Wish, ended
from edge.core.limits import Hold, Switching
from edge.core.lockout import Locks
from edge.core.pending import GIVE_UP_S, Pending
from edge.core.plan import Coming, Now, Planned
from edge.core.retained import Retained
from edge.core.schedule import Calendar
from edge.core.values import Command, Deadline, Desired, Moment, Override, Row

AGAIN_S = 2.0  # an output that does not show what it was told is told again this often
TROUBLES = ("stuck-on", "stuck-off", "feedback-disagrees")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a light shares with others: its `group` on a meter, whose power is its `evidence`; whether the `mains` are
    there (None: not known); since when (Unix s) the cabinet's switch is on `hand` (None: it is not)."""

    group: str
    switching: Switching
    evidence: Evidence
    mains: Callable[[], bool | None] = lambda: None
    hand: Callable[[], float | None] = lambda: None


class LightUnit:
    """Level-triggered: `step` may be called at any time and does what the present moment asks for.

    Every Write is answered by one OutputObserved; the state is told once that answer is in. `wake` is the monotonic
    time at which `step` has something to do even if nothing happens, `said_at` the Unix time of the last override.
    """

    def __init__(
        self, target: str, bank: Bank, restrike_s: float, wish: Wish, around: Surroundings, names: topics.Topics
    ) -> None:
        self.target = target
        self.circuits = bank.circuits
        self.wake = float("-inf")
        self.desired = Desired(0, "default")
        self.said_at = 0.0
        self._bank = bank
        self._ladder = bank.ladder
        self._locks = Locks(target, bank.circuits)
        self._since = 0.0
        self._around = around
        self._restrike_s = restrike_s
        self._wish = wish
        self._names = names
        self._override: Override | None = None
        self._pending: Pending | None = None
        self._held: Hold | None = None
        self._troubles: dict[str, list[str]] = {kind: [] for kind in TROUBLES}
        self._retained = Retained(names)

    def recall(self, outputs: Mapping[str, Row], hours: Mapping[str, Row], moment: Moment) -> None:
        """Take up what the journal knows of hours, and of this boot's switchings: of every light, before any starts."""
        self._bank.recall(hours, moment)
        for circuit in self.circuits:
            row = outputs.get(circuit.output)
            if row is not None and row["boot"] == moment.boot:
                circuit.was_on = self._recall(circuit, row)

    def start(self, override: Override | None, lockouts: Mapping[str, Row], moment: Moment) -> list[Effect]:
        """Take up what the journal kept, and claim every output at the level that it should have now.

        An output that this boot of the machine already had on stays on, without waiting for its neighbours: the process
        was restarted, not the power.
        """
        if override is not None:
            self._override = replace(override, level=self._ladder.nearest(override.level))
        effects = self._locks.recall(lockouts)
        self.desired = self._desire(moment)
        self._bank.begin(self.desired.level, self._wish.night(moment))
        self._since = moment.wall if self.desired.since is None else self.desired.since
        for circuit, wanted in zip(self.circuits, self._wanted(), strict=True):
            on = wanted and (circuit.was_on or self._allowed(circuit).at <= moment.mono)
            effects += self._write(circuit, on, moment, tell_journal=on is not circuit.was_on)
        return effects + self.step(moment)

    def command(self, command: Command, name: str, received: Moment, moment: Moment) -> list[Effect]:
        """Take a valid command; `name` is its id, its own or one given to it."""
        superseded = [] if self._pending is None else [self._result("superseded", moment)]
        self._pending = Pending(self.target, name, command.user, received)
        if command.action in ("lock", "unlock"):
            return [*superseded, *self._lockout(command, moment)]
        locks = self._locks.all_off() if command.action == "off" else []
        if command.action == "auto":
            self._override = None
        else:
            asked = 0 if command.action == "off" else 100 if command.level is None else command.level
            level, until = self._ladder.nearest(asked), self._end(command, moment)
            self.said_at = max(moment.wall, self._around.hand() or 0.0)  # the clock may have been set back since
            self._override = Override(self.target, level, until, command.user, name, self.said_at)
        kept = Persist(("overrides", self.target), light_state.override_row(self._override) if self._override else None)
        return [*superseded, *self.step(moment), kept, *locks]

    def objection(self, command: Command, _moment: Moment) -> tuple[str, str] | None:
        """Why a valid command must not take effect on this light now: a code and a text; None if it may."""
        if command.circuit is not None and not self._locks.knows(command.circuit):
            ids = ", ".join(c.id for c in self.circuits)
            return "bad-value", f"there is no circuit {command.circuit}; {self.target} has {ids}"
        if command.action not in ("on", "auto"):
            return None
        if (lock := self._locks.whole) is not None:
            return "locked", f"{lock.user} has locked it{lock.note and f' ({lock.note})'}: it must be released first"
        if command.action == "on" and self._around.hand() is not None:
            return "hand", "the cabinet's own switch stands on hand: turn it to automatic"
        return None

    def abandon(self, _target: str, name: str, _moment: Moment) -> list[Effect]:
        """The command `name` failed by a fault of the software, and who sent it is told so: no outcome follows."""
        if self._pending is not None and self._pending.id == name:
            self._pending = None
        return []

    def outputs_of(self, _target: str) -> list[str]:
        """Those of its circuits."""
        return [circuit.output for circuit in self.circuits]

    def _lockout(self, command: Command, moment: Moment) -> list[Effect]:
        if command.action == "lock":
            kept = self._locks.lock(command.circuit, command.user, command.note, moment.wall)
        else:
            kept = self._locks.unlock(command.circuit)
        return [*self.step(moment), *kept]

    def observe(self, seen: OutputObserved) -> None:
        """Take note of what an output says of itself."""
        for circuit in self.circuits:
            if circuit.output == seen.output:
                if (circuit.line, circuit.error) != (seen.on, seen.error) or circuit.unanswered:
                    self.wake = float("-inf")
                circuit.line, circuit.error, circuit.unanswered = seen.on, seen.error, False

    def feel(self, circuit_id: str, closed: bool | None) -> None:
        """Take note of what a contactor's feedback says."""
        for circuit in self.circuits:
            if circuit.id == circuit_id:
                circuit.closed = closed
        self.wake = float("-inf")

    def measured(self, meter: str) -> None:
        """A meter was read: it may say who is right, a contactor's feedback or its line."""
        if meter == self._around.group and any(c.disagrees_since is not None for c in self.circuits):
            self.wake = float("-inf")

    def step(self, moment: Moment) -> list[Effect]:
        """Do what is due."""
        effects = self._locks.fallen()
        if self._override is not None and ended(self._override, moment):
            self._override = None
            effects.append(Persist(("overrides", self.target), None))
        desired = self._desire(moment)
        if (desired.level, desired.reason) != (self.desired.level, self.desired.reason):
            self._since = moment.wall
        self._bank.turn(self.desired.level, self._wish.night(moment))
        self.desired = desired
        self._judge(moment)
        effects = self._switch(moment) + self._keep_hours(moment) + effects
        if not self._unanswered:
            effects += self._tell(moment) + self._conclude(moment)
        self.wake = self._next_wake(moment)
        return effects

    def conditions(self) -> list[tuple[str, str, bool, dict[str, object]]]:
        """The alarms that this light can be the cause of: kind, device, whether its condition holds, data."""
        troubles: list[tuple[str, str, bool, dict[str, object]]] = [
            (kind, self.target, bool(ids), {"circuits": ", ".join(ids)}) for kind, ids in self._troubles.items()
        ]
        return [("switching-capped", self.target, self._held is not None and self._held.capped, {}), *troubles]

    def stands(self, _target: str, _moment: Moment) -> dict[str, object]:
        """The level that is wanted, and why until when."""
        until = None if self.desired.until is None else topics.rfc3339(self.desired.until)
        return {"level": self.desired.level, "reason": self.desired.reason, "until": until}

    def planned(self, calendar: Calendar, moment: Moment, end: float) -> list[Coming]:
        """Its changes up to `end` (Unix s), as they will happen; none while something stands above its program for
        nobody knows how long (see `held`)."""
        if self._wish.program is None or self.held(moment):
            return []
        lamp = Planned(self.target, self._ladder, [c.id for c in self.circuits], self._bank.rotates, self._wish.program)
        until = self.desired.until if self.desired.reason == "override" else None
        now = Now(self.desired.level, self._bank.order, until)
        return list(lamp.changes(calendar, moment.wall, end, now))

    def held(self, moment: Moment) -> str | None:
        """The reason that keeps the light as it is until somebody ends it; None: none does."""
        desired = self._desire(moment)
        endless = desired.reason in ("lockout", "hand") or (desired.reason == "override" and desired.until is None)
        return desired.reason if endless else None

    def tell_again(self) -> None:
        """Forget what was sent: the broker may have."""
        self._retained.forget()
        self.wake = float("-inf")

    # --- deciding ---

    def _desire(self, moment: Moment) -> Desired:
        """What should be now, by the first of these that has a say: lockout, hand, override, program."""
        if (lock := self._locks.whole) is not None:
            frozen = [bool(c.frozen) for c in self.circuits]
            return Desired(self._ladder.observed(frozen) if any(frozen) else 0, "lockout", lock.at)
        hand = self._around.hand()
        if hand is not None and not self._off_since(hand, moment):
            return Desired(self._ladder.levels[-1], "hand", hand)
        return self._wish.desired(self._override, moment)

    def _off_since(self, hand: float, moment: Moment) -> bool:
        """Whether somebody said OFF after the cabinet's switch was turned to hand: OFF always works."""
        override = self._override
        return override is not None and override.level == 0 and override.at >= hand and not ended(override, moment)

    def _wanted(self) -> list[bool]:
        return self._bank.wanted(self.desired.level)

    @property
    def _unanswered(self) -> bool:
        """Whether an output was written and nothing is known yet of what it then shows."""
        return any(c.unanswered for c in self.circuits)

    def _judge(self, moment: Moment) -> None:
        """Which circuits do not what they are told; one that does not close rests, if an equal one can burn for it."""
        self._troubles = {kind: [] for kind in TROUBLES}
        for circuit in self.circuits:
            if circuit.on and circuit.observed:
                circuit.avoided = False
            verdict = None
            if self._around.hand() is not None and circuit.held_closed:
                circuit.disagrees_since = None  # the cabinet's switch may hold the contactor, past the relay
            else:
                verdict = circuit.verdict(moment, self._around.mains(), self._around.evidence)
            if verdict is None and circuit.avoided:
                verdict = "stuck-off"
            if verdict is not None:
                self._troubles[verdict].append(circuit.id)
            if verdict == "stuck-off":
                circuit.avoided = True

    def _keep_hours(self, moment: Moment) -> list[Effect]:
        for circuit in self.circuits:
            circuit.count(moment)
        if all((due := c.hours_due(moment)) is None or due > moment.mono for c in self.circuits):
            return []
        return [
            Persist(("hours", c.output), c.hours_row(moment)) for c in self.circuits if c.hours_due(moment) is not None
        ]

    # --- switching ---

    def _allowed(self, circuit: Circuit) -> Hold:
        return self._around.switching.on_allowed_at(circuit.output, self._around.group, self._restrike_s)

    def _switch(self, moment: Moment) -> list[Effect]:
        effects: list[Effect] = []
        self._held = None
        pairs = list(zip(self.circuits, self._wanted(), strict=True))
        for circuit, wanted in pairs:
            if circuit.on and not wanted:
                effects += self._write(circuit, False, moment)
        for circuit, wanted in pairs:
            if wanted and not circuit.on:
                allowed = self._allowed(circuit)
                if allowed.at <= moment.mono:
                    effects += self._write(circuit, True, moment)
                elif self._held is None or allowed < self._held:
                    self._held = allowed
            if self._repeats(circuit) and moment.mono >= circuit.told_at + AGAIN_S:
                circuit.unanswered, circuit.told_at = True, moment.mono
                effects.append(Write(circuit.output, bool(circuit.on)))
        return effects

    def _repeats(self, circuit: Circuit) -> bool:
        """Whether the output is to be told again what it was told; a locked one is never told ON."""
        return circuit.deaf and not (circuit.on and circuit.frozen is not None)

    def _write(self, circuit: Circuit, on: bool, moment: Moment, tell_journal: bool = True) -> list[Effect]:
        circuit.count(moment)
        circuit.on, circuit.unanswered = on, True
        circuit.told_at = circuit.changed_at = moment.mono
        effects: list[Effect] = [Write(circuit.output, on)]
        if tell_journal:
            self._around.switching.switched(circuit.output, self._around.group, on, moment.mono)
            on_mono, off_mono = self._around.switching.last(circuit.output, self._around.group)
            when = {"on_mono": on_mono, "off_mono": off_mono, "wall": moment.wall}
            row: Row = {"on": int(on), "boot": moment.boot, **when}
            effects.append(Persist(("outputs", circuit.output), row))
        return effects

    def _recall(self, circuit: Circuit, row: Row) -> bool:
        """What the journal knows of an output in this boot: when it was switched; and whether it is on."""
        known = [(row["on_mono"], True), (row["off_mono"], False)]
        for at, on in sorted((float(at), on) for at, on in known if at is not None):  # as it came to pass
            self._around.switching.switched(circuit.output, self._around.group, on, at)
        return bool(row["on"])

    def _end(self, command: Command, moment: Moment) -> Deadline | None:
        if command.for_s is not None:
            return Deadline.after(command.for_s, moment)
        if command.until is not None and command.until > moment.wall:
            return Deadline(command.until)
        return self._wish.override_end(moment)

    # --- telling ---

    def _conclude(self, moment: Moment) -> list[Effect]:
        pending = self._pending
        if pending is None:
            return []
        if all(c.observed is wanted for c, wanted in zip(self.circuits, self._wanted(), strict=True)):
            done = self._result("done", moment)
            self._pending = None
            return [done]
        if self._held is not None:
            if pending.told:
                return []
            pending.told = True
            return [self._result("accepted", moment)]
        if moment.mono < self._give_up_at(pending):
            return []
        pairs = zip(self.circuits, self._wanted(), strict=True)
        texts = [f"circuit {c.id}: {c.flaw}" for c, wanted in pairs if c.observed is not wanted]
        failed = self._result("failed", moment, topics.error("output-failed", "; ".join(texts)))
        self._pending = None
        return [failed]

    def _give_up_at(self, pending: Pending) -> float:
        return max(pending.received.mono, *(c.changed_at for c in self.circuits)) + GIVE_UP_S

    def _result(self, outcome: topics.Outcome, moment: Moment, more: Mapping[str, object] | None = None) -> Publish:
        assert self._pending is not None
        return self._pending.result(self._names, outcome, topics.on_off(self.desired.level > 0), moment, **(more or {}))

    def _tell(self, moment: Moment) -> list[Effect]:
        state = self.state(moment)
        level = state["observed_level"]
        messages = {
            "state": topics.encode(state),
            "value": str(state["observed"]).encode(),
            "value/level": b"unknown" if level is None else str(level).encode(),
        }
        return [*self._retained.tell(self.target, messages)]

    def state(self, moment: Moment) -> dict[str, object]:
        """The payload of `<root>/light/<id>/state`."""
        rules = self.desired.reason in ("lockout", "hand")
        forecast = None if rules else self._wish.forecast(self._override, moment)
        state = light_state.state(
            self.desired, self._since, self._ladder, self.circuits, self._wanted(), self._override,
            self._wish.program, forecast,
        )
        lock = self._locks.whole
        if rules:
            state |= {"by": lock.user if lock else None, "command": None}
        detail = light_state.detail(self._held, moment.trusted, self._locks.note(), self.circuits)
        return state | ({"detail": detail} if detail else {})

    def _next_wake(self, moment: Moment) -> float:
        times = [float("inf")]
        if self._override is not None and self._override.until is not None:
            times.append(self._override.until.on_mono(moment))
        if self.desired.reason != "override":
            times.append(self._wish.wakeup(self.desired, moment))
        if self._held is not None:
            times.append(self._held.at)
        times += [c.told_at + AGAIN_S for c in self.circuits if self._repeats(c)]
        times += [at for c in self.circuits for at in c.verdict_due() if at > moment.mono]
        times += [due for c in self.circuits if (due := c.hours_due(moment)) is not None and due > moment.mono]
        if self._pending is not None and self._held is None and not self._unanswered:
            times.append(self._give_up_at(self._pending))
        return min(times)
