"""One light's life: the wish above it, its circuits, the command that waits for its outcome, and what is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from edge.core import topics
from edge.core.lighting import Ladder, Wish, ended
from edge.core.limits import Hold, Switching
from edge.core.values import (
    Command,
    Deadline,
    Desired,
    Effect,
    Moment,
    OutputObserved,
    Override,
    Persist,
    Publish,
    Row,
    Write,
)

AGAIN_S = 2.0  # an output that does not show what it was told is told again this often
GIVE_UP_S = 3.0  # and its command has failed after this


@dataclass(slots=True)
class Circuit:
    """One output of a light: what it was last told (None: nothing yet) and what it says; `was_on` before the start.

    Monotonic times: `told_at`, also when told the same again; `changed_at`, when told something new.
    """

    id: str
    output: str
    on: bool | None = None
    observed: bool | None = None
    error: str | None = None
    unanswered: bool = False
    was_on: bool = False
    told_at: float = 0.0
    changed_at: float = 0.0


@dataclass(slots=True)
class Pending:
    """A command that was accepted and whose outcome is still open."""

    id: str
    user: str
    received: Moment
    told: bool = False  # "accepted" has been sent


class LightUnit:
    """Level-triggered: `step` may be called at any time and does what the present moment asks for.

    Every Write is answered by one OutputObserved; the state is told once that answer is in. `wake` is the monotonic
    time at which `step` has something to do even if nothing happens.
    """

    def __init__(
        self, target: str, circuits: list[Circuit], group: str, restrike_s: float, ladder: Ladder, wish: Wish,
        program: str | None, switching: Switching, names: topics.Topics,
    ) -> None:
        self.target = target
        self.circuits = circuits
        self.wake = float("-inf")
        self.desired = Desired(0, "default")
        self._since = 0.0
        self._group = group
        self._restrike_s = restrike_s
        self._ladder = ladder
        self._wish = wish
        self._program = program
        self._switching = switching
        self._names = names
        self._override: Override | None = None
        self._pending: Pending | None = None
        self._held: Hold | None = None
        self._sent: dict[str, bytes] = {}

    def recall(self, outputs: Mapping[str, Row], moment: Moment) -> None:
        """Take up what the journal knows of this boot's switchings: of every light, before any of them starts."""
        for circuit in self.circuits:
            row = outputs.get(circuit.output)
            if row is not None and row["boot"] == moment.boot:
                circuit.was_on = self._recall(circuit, row)

    def start(self, override: Override | None, moment: Moment) -> list[Effect]:
        """Take up what the journal kept, and claim every output at the level that it should have now.

        An output that this boot of the machine already had on stays on, without waiting for its neighbours: the process
        was restarted, not the power.
        """
        if override is not None:
            self._override = replace(override, level=self._ladder.nearest(override.level))
        self.desired = self._wish.desired(self._override, moment)
        self._since = moment.wall if self.desired.since is None else self.desired.since
        effects: list[Effect] = []
        for circuit, wanted in zip(self.circuits, self._wanted(), strict=True):
            on = wanted and (circuit.was_on or self._allowed(circuit).at <= moment.mono)
            effects += self._write(circuit, on, moment, tell_journal=on is not circuit.was_on)
        return effects + self.step(moment)

    def command(self, command: Command, name: str, received: Moment, moment: Moment) -> list[Effect]:
        """Take a valid command; `name` is its id, its own or one given to it."""
        superseded = [] if self._pending is None else [self._result("superseded", moment)]
        self._pending = Pending(name, command.user, received)
        if command.action == "auto":
            self._override = None
        else:
            asked = 0 if command.action == "off" else 100 if command.level is None else command.level
            level, until = self._ladder.nearest(asked), self._end(command, moment)
            self._override = Override(self.target, level, until, command.user, name, moment.wall)
        kept = Persist(("overrides", self.target), _row(self._override) if self._override else None)
        return [*superseded, *self.step(moment), kept]

    def observe(self, seen: OutputObserved) -> None:
        """Take note of what an output says of itself."""
        for circuit in self.circuits:
            if circuit.output == seen.output:
                if (circuit.observed, circuit.error) != (seen.on, seen.error) or circuit.unanswered:
                    self.wake = float("-inf")
                circuit.observed, circuit.error, circuit.unanswered = seen.on, seen.error, False

    def step(self, moment: Moment) -> list[Effect]:
        """Do what is due."""
        effects: list[Effect] = []
        if self._override is not None and ended(self._override, moment):
            self._override = None
            effects.append(Persist(("overrides", self.target), None))
        desired = self._wish.desired(self._override, moment)
        if (desired.level, desired.reason) != (self.desired.level, self.desired.reason):
            self._since = moment.wall
        self.desired = desired
        effects = self._switch(moment) + effects
        if not any(c.unanswered for c in self.circuits):
            effects += self._tell(moment) + self._conclude(moment)
        self.wake = self._next_wake(moment)
        return effects

    def conditions(self) -> list[tuple[str, bool, dict[str, object]]]:
        """The alarms that this light can be the cause of, whether their condition holds, and their data."""
        return [("switching-capped", self._held is not None and self._held.capped, {})]

    def tell_again(self) -> None:
        """Forget what was sent: the broker may have."""
        self._sent.clear()
        self.wake = float("-inf")

    # --- switching ---

    def _wanted(self) -> list[bool]:
        burning = self._ladder.burning(self.desired.level)
        return [n < burning for n in range(len(self.circuits))]

    def _allowed(self, circuit: Circuit) -> Hold:
        return self._switching.on_allowed_at(circuit.output, self._group, self._restrike_s)

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
            if self._deaf(circuit) and moment.mono >= circuit.told_at + AGAIN_S:
                circuit.unanswered, circuit.told_at = True, moment.mono
                effects.append(Write(circuit.output, bool(circuit.on)))
        return effects

    def _write(self, circuit: Circuit, on: bool, moment: Moment, tell_journal: bool = True) -> list[Effect]:
        circuit.on, circuit.unanswered = on, True
        circuit.told_at = circuit.changed_at = moment.mono
        effects: list[Effect] = [Write(circuit.output, on)]
        if tell_journal:
            self._switching.switched(circuit.output, self._group, on, moment.mono)
            on_mono, off_mono = self._switching.last(circuit.output, self._group)
            when = {"on_mono": on_mono, "off_mono": off_mono, "wall": moment.wall}
            row: Row = {"on": int(on), "boot": moment.boot, **when}
            effects.append(Persist(("outputs", circuit.output), row))
        return effects

    def _recall(self, circuit: Circuit, row: Row) -> bool:
        """What the journal knows of an output in this boot: when it was switched; and whether it is on."""
        for column, on in (("on_mono", True), ("off_mono", False)):
            if (at := row[column]) is not None:
                self._switching.switched(circuit.output, self._group, on, float(at))
        return bool(row["on"])

    def _deaf(self, circuit: Circuit) -> bool:
        return not circuit.unanswered and circuit.observed is not circuit.on

    def _end(self, command: Command, moment: Moment) -> Deadline | None:
        if command.for_s is not None:
            return Deadline(moment.wall + command.for_s, moment.mono + command.for_s, moment.boot)
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
        texts = [f"circuit {c.id}: {c.error or 'the line does not follow'}" for c in self.circuits if self._deaf(c)]
        failed = self._result("failed", moment, topics.error("output-failed", "; ".join(texts)))
        self._pending = None
        return [failed]

    def _give_up_at(self, pending: Pending) -> float:
        return max(pending.received.mono, *(c.changed_at for c in self.circuits)) + GIVE_UP_S

    def _result(self, outcome: topics.Outcome, moment: Moment, more: Mapping[str, object] | None = None) -> Publish:
        pending = self._pending
        assert pending is not None
        took = round((moment.mono - pending.received.mono) * 1000)
        state = "ON" if self.desired.level else "OFF"
        payload = topics.result(pending.id, pending.user, outcome, state=state, took_ms=took, **(more or {}))
        return Publish(self._names.of(self.target, "result"), payload)

    def _tell(self, moment: Moment) -> list[Effect]:
        state = self.state(moment)
        level = state["observed_level"]
        messages = {
            "state": topics.encode(state),
            "value": str(state["observed"]).encode(),
            "value/level": b"unknown" if level is None else str(level).encode(),
        }
        changed = {leaf: payload for leaf, payload in messages.items() if self._sent.get(leaf) != payload}
        self._sent.update(changed)
        return [
            Publish(self._names.of(self.target, leaf), payload, retain=True, qos=1 if leaf == "state" else 0)
            for leaf, payload in changed.items()
        ]

    def state(self, moment: Moment) -> dict[str, object]:
        """The payload of `<root>/light/<id>/state`."""
        wanted = self._wanted()
        observed, observed_level = self._observed(wanted)
        override = self._override
        forecast = self._wish.forecast(override, moment)
        state: dict[str, object] = {
            "state": "ON" if self.desired.level else "OFF",
            "level": self.desired.level,
            "levels": self._ladder.levels,
            "observed": observed,
            "observed_level": observed_level,
            "circuits": [
                {"id": c.id, "on": on, "observed": c.observed} for c, on in zip(self.circuits, wanted, strict=True)
            ],
            "reason": self.desired.reason,
            "until": None if self.desired.until is None else topics.rfc3339(self.desired.until),
            "by": override.user if override else None,
            "command": override.command if override else None,
            "program": self._program,
            "next": None if forecast is None else {
                "at": topics.rfc3339(forecast.at), "level": forecast.level, "reason": forecast.reason
            },
            "since": topics.rfc3339(self._since),
        }
        errors = [f"{c.id}: {c.error}" for c in self.circuits if c.error]
        doubts = [] if moment.trusted else ["the clock is not confirmed"]
        if details := [*([self._held.why] if self._held else []), *doubts, *errors]:
            state["detail"] = "; ".join(details)
        return state

    def _observed(self, wanted: list[bool]) -> tuple[str, int | None]:
        seen = [c.observed for c in self.circuits if c.observed is not None]
        if len(seen) < len(self.circuits):
            return "unknown", None
        level = self._ladder.observed(seen)
        if not any(seen):
            return "OFF", level
        return ("ON" if seen == wanted or len(seen) == 1 else "partial"), level

    def _next_wake(self, moment: Moment) -> float:
        times = [float("inf")]
        if self._override is not None and self._override.until is not None:
            times.append(self._override.until.on_mono(moment))
        elif self._override is None and self.desired.until is not None:
            times.append(moment.mono_at(self.desired.until))
        if self._held is not None:
            times.append(self._held.at)
        times += [c.told_at + AGAIN_S for c in self.circuits if self._deaf(c)]
        if self._pending is not None and self._held is None:
            times.append(self._give_up_at(self._pending))
        return min(times)


def _row(override: Override) -> Row:
    until = override.until
    return {
        "level": override.level,
        "until_wall": until.wall if until else None,
        "until_mono": until.mono if until else None,
        "until_boot": until.boot if until else None,
        "user": override.user,
        "command": override.command,
        "at": override.at,
    }
