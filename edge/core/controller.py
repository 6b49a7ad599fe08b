"""State and dispatch: events in, effects out. Thin; what a device does is decided in its own room."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from edge.core import topics
from edge.core.alarms import Alarms
from edge.core.cabinet import Cabinet
from edge.core.desk import Desk
from edge.core.events import (
    Answered,
    ClockChanged,
    CommandReceived,
    Effect,
    Event,
    HistoryChanged,
    InputChanged,
    JournalChanged,
    LinkChanged,
    MessageRefused,
    OutputObserved,
    Persist,
    Publish,
    PulsesCounted,
    ReadingsTaken,
    RequestReceived,
    SinkChanged,
    Stored,
)
from edge.core.light_unit import LightUnit
from edge.core.pulse_unit import TABLE, PulseUnit
from edge.core.reading_unit import ReadingUnit
from edge.core.trust import KnownTime
from edge.core.values import Command, Deadline, Moment, Override, Refusal, Row

USED_FOR_S = 86400.0  # how long a user may not use a command id again
MOST_USED = 50_000
FURTHEST_UNTIL_S = 366 * 86400.0


@dataclass(slots=True)
class Memory:
    """What the journal kept over a restart: rows by table and id."""

    overrides: Mapping[str, Override] = field(default_factory=dict)
    outputs: Mapping[str, Row] = field(default_factory=dict)
    meters: Mapping[str, Row] = field(default_factory=dict)
    commands: Mapping[str, Deadline] = field(default_factory=dict)
    alarms: Mapping[str, Row] = field(default_factory=dict)
    known_wall: float = 0.0
    lockouts: Mapping[str, Row] = field(default_factory=dict)
    hours: Mapping[str, Row] = field(default_factory=dict)
    programs: Mapping[str, Row] = field(default_factory=dict)
    inputs: Mapping[str, Row] = field(default_factory=dict)
    pulses: Mapping[str, Row] = field(default_factory=dict)
    seen: Mapping[str, int] = field(default_factory=dict)
    bills: Mapping[str, Row] = field(default_factory=dict)
    reserved: Mapping[str, int] = field(default_factory=dict)  # numbers that may be used up; see shell/restored.py


class Controller:
    """Decides. Synchronous, without a clock: every call is handed the present moment."""

    def __init__(
        self, names: topics.Topics, about: Callable[[], Mapping[str, object]], lights: list[LightUnit],
        gauges: list[ReadingUnit], memory: Memory, known: KnownTime, alarms: Alarms, cabinet: Cabinet, desk: Desk,
        site: str,
    ) -> None:
        """`about` gives that payload as it now is. `gauges` are all devices that measure. `site` is the village as
        alarms name it, `site/<id>`."""
        self._names = names
        self._known = known
        self._alarms = alarms
        self._cabinet = cabinet
        self._site = site
        self._about = about
        self._lights = {light.target: light for light in lights}
        self._gauges = {gauge.target: gauge for gauge in gauges}
        self._counters = {gauge.input: gauge for gauge in gauges if isinstance(gauge, PulseUnit)}
        self._light_of = {c.output: light for light in lights for c in light.circuits}
        self._units: list[LightUnit | ReadingUnit] = [*lights, *gauges]
        self._desk = desk
        self._memory = memory
        self._used = dict(memory.commands)
        self._said_at = max((override.at for override in memory.overrides.values()), default=0.0)
        self._source = "unknown"
        self._trusted: bool | None = None
        self._given = 0
        self._started = False

    def start(self, moment: Moment, fallback: str | None = None) -> list[Effect]:
        """What should be now, claimed output by output, before anything else is listened to.

        `fallback`: why the configuration in force is the last good one and not the newest; None if it is.
        """
        self._started = True
        self._alarms.state("configuration-fallback", self._site, fallback is not None, moment, {"why": fallback})
        self._watch_programs(moment)
        self._alarms.start(moment)
        effects: list[Effect] = self._desk.start(moment)
        for light in self._lights.values():
            light.recall(self._memory.outputs, self._memory.hours, moment)
        for target, light in self._lights.items():
            effects += light.start(self._memory.overrides.get(target), self._memory.lockouts, moment)
        for counter in self._counters.values():
            effects += counter.start(moment)
        gone = self._memory.overrides.keys() - self._lights.keys()
        return effects + [Persist(("overrides", target), None) for target in sorted(gone)]

    def stop(self, moment: Moment) -> list[Effect]:
        """What is to be kept of what was counted, when the process ends in good order. Nothing may follow."""
        return [effect for counter in self._counters.values() for effect in counter.stop(moment)]

    def handle(self, event: Event, moment: Moment) -> list[Effect]:
        """Take one event. Before the start nothing is decided: what the contacts say is only taken note of."""
        effects = self._dispatch(event, moment)
        if not self._started:
            return effects
        for unit in self._units:
            if unit.wake <= moment.mono:
                effects += unit.step(moment)
                self._watch(unit, moment)
                self._watch_cabinet(moment)
        if self._alarms.wake <= moment.mono:
            effects += self._alarms.step(moment)
        return effects + self._known.note(moment)

    def _dispatch(self, event: Event, moment: Moment) -> list[Effect]:
        effects: list[Effect] = []
        match event:
            case CommandReceived():
                effects += self._command(event, moment)
            case OutputObserved():
                if light := self._light_of.get(event.output):
                    light.observe(event)
            case InputChanged():
                effects += self._input(event, moment)
            case ReadingsTaken():
                effects += self._measured(event, moment)
            case PulsesCounted() if event.input in self._counters:
                effects += self._counters[event.input].count(event, moment)
            case RequestReceived() | Answered():
                effects += self._request(event, moment)
            case JournalChanged() | Stored():
                effects += self._journal(event, moment)
            case HistoryChanged() | SinkChanged() | MessageRefused():
                self._passed_on(event, moment)
            case LinkChanged():
                effects += self._alarms.link(event.up)
                effects += self._introduce(moment) if event.up else []
            case ClockChanged():
                effects += self._clock(event, moment)
        return effects

    def wakeup(self) -> float:
        """The monotonic time (s) at which there is next something to do even if nothing happens; may be infinite."""
        return min((unit.wake for unit in [*self._units, self._alarms]), default=float("inf"))

    def _journal(self, event: JournalChanged | Stored, moment: Moment) -> list[Effect]:
        if isinstance(event, Stored):
            table, name = event.key
            if table == TABLE and name in self._counters:
                self._counters[name].stored()
            return self._desk.stored(event.key)
        failing = event.failing is not None
        self._alarms.state("journal-failing", self._site, failing, moment, {"why": event.failing})
        return self._desk.journal(failing)

    def _passed_on(self, event: HistoryChanged | SinkChanged | MessageRefused, moment: Moment) -> None:
        if isinstance(event, MessageRefused):
            self._alarms.state("message-refused", self._site, event.why is not None, moment, {"why": event.why})
            return
        if isinstance(event, HistoryChanged):
            data = {"why": event.failing, "lost": event.lost}
            self._alarms.state("history-failing", self._site, event.failing is not None, moment, data)
            return
        sink = f"sink/{event.sink}"
        self._alarms.state("sink-refused", sink, event.refused is not None, moment, {"why": event.refused})
        self._alarms.count("rows-set-aside", sink, {"rows": event.set_aside, "why": event.why}, moment)
        self._alarms.count("rows-dropped", sink, {"rows": event.dropped}, moment)

    def _measured(self, event: ReadingsTaken, moment: Moment) -> list[Effect]:
        gauge = self._gauges.get(event.device)
        if gauge is None:
            return []
        effects = gauge.take(event, moment)
        for light in self._lights.values():
            light.measured(gauge.target)
        self._watch(gauge, moment)
        return effects

    def _input(self, event: InputChanged, moment: Moment) -> list[Effect]:
        if (of := self._cabinet.feedback(event.input)) is not None:
            self._lights[of[0]].feel(of[1], event.on)
            return []
        said_at = max([self._said_at, *(light.said_at for light in self._lights.values())])
        effects = self._cabinet.take(event, moment, said_at)
        self._watch_cabinet(moment)
        for light in self._lights.values():
            light.wake = float("-inf")
        return effects

    def _watch_cabinet(self, moment: Moment) -> None:
        for kind, device, holds, data in self._cabinet.conditions(moment):
            self._alarms.state(kind, device, holds, moment, data)

    def _watch(self, unit: LightUnit | ReadingUnit, moment: Moment) -> None:
        for kind, holds, data in unit.conditions():
            self._alarms.state(kind, unit.target, holds, moment, data)

    # --- requests ---

    def _request(self, event: RequestReceived | Answered, moment: Moment) -> list[Effect]:
        request = event.request
        if isinstance(event, Answered):
            return self._desk.answered(event)
        answer, effects = self._desk.answer(request, moment)
        if answer.program:
            for light in self._lights.values():
                light.wake = float("-inf")
            self._watch_programs(moment)
            effects.append(self._introduction())
        if answer.changes:
            details = {"request": request.name, **answer.details}
            effects += self._audit(answer.device, request.user, request.id, answer.changes, details, moment)
        return effects

    def _watch_programs(self, moment: Moment) -> None:
        why = self._desk.unreadable
        self._alarms.state("program-unreadable", self._site, bool(why), moment, {"why": why})

    # --- commands ---

    def _command(self, event: CommandReceived, moment: Moment) -> list[Effect]:
        command = event.command
        if isinstance(command, Refusal):
            return self._refuse(command, moment)
        light = self._lights[command.target]
        bad = self._objection(command, moment) or light.objection(command)
        if bad is not None:
            return self._refuse(Refusal(*bad, command.target, command.user, command.id), moment)
        before = light.desired
        name = command.id or self._give_id(moment)
        effects = light.command(command, name, event.received, moment)
        self._watch(light, moment)
        if command.id is not None:
            effects += self._mark_used(command.user, command.id, moment)
        now = light.desired
        details: dict[str, object] = {
            "action": command.action, "level": now.level, "reason": now.reason,
            "until": None if now.until is None else topics.rfc3339(now.until),
            "was": {"level": before.level, "reason": before.reason},
        }
        if command.action == "lock":
            details["note"] = command.note
        if command.circuit is not None:
            details["circuit"] = command.circuit
        return effects + self._audit(command.target, command.user, name, "accepted", details, moment)

    def _objection(self, command: Command, moment: Moment) -> tuple[str, str] | None:
        """Why a well-formed command must not take effect: a code and a text; None if it may."""
        if command.action in topics.ALWAYS:
            return None
        if command.expires_at is not None and moment.trusted and moment.wall > command.expires_at:
            return "expired", f"it expired {moment.wall - command.expires_at:.1f} s before it arrived: send it again"
        used = self._used.get(f"{command.user}/{command.id}") if command.id is not None else None
        if used is not None and not used.passed(moment):
            return "repeated", "this user has used this id within the last 24 hours: give each command an id of its own"
        if command.until is not None and not moment.wall < command.until <= moment.wall + FURTHEST_UNTIL_S:
            return "bad-value", "until must lie in the future, within a year"
        return None

    def _refuse(self, refusal: Refusal, moment: Moment) -> list[Effect]:
        effects: list[Effect] = []
        because = topics.error(refusal.code, refusal.message)
        if refusal.target is not None:
            payload = topics.result(refusal.id, refusal.user, "rejected", **because)
            effects.append(Publish(self._names.of(refusal.target, "result"), payload))
        if refusal.reply_to is not None:
            answer = topics.encode({"id": refusal.id, "ok": False, **because})
            effects.append(Publish(refusal.reply_to, answer, correlation=refusal.correlation))
        if refusal.clear is not None:
            effects.append(Publish(refusal.clear, b"", retain=True))
        return effects + self._audit(refusal.target, refusal.user, refusal.id, "rejected", because, moment)

    def _give_id(self, moment: Moment) -> str:
        self._given += 1
        return f"c-{round(moment.wall * 1000)}-{self._given}"

    def _mark_used(self, user: str, command_id: str, moment: Moment) -> list[Effect]:
        key = f"{user}/{command_id}"
        until = Deadline(moment.wall + USED_FOR_S, moment.mono + USED_FOR_S, moment.boot)
        self._used.pop(key, None)
        self._used[key] = until
        row: Row = {"until_wall": until.wall, "until_mono": until.mono, "until_boot": until.boot}
        effects: list[Effect] = [Persist(("commands", key), row)]
        if len(self._used) > MOST_USED:
            oldest = next(iter(self._used))
            del self._used[oldest]
            effects.append(Persist(("commands", oldest), None))
        return effects

    def _audit(
        self, target: str | None, user: str | None, name: str | None, outcome: str, details: Mapping[str, object],
        moment: Moment,
    ) -> list[Effect]:
        """Who did what and what it changed: told as it happens, and kept."""
        entry = {
            "at": topics.rfc3339(moment.wall), "user": user, "device": target, "id": name, "outcome": outcome, **details
        }
        row: Row = {
            "at": moment.wall, "user": user, "device": target, "command": name, "outcome": outcome,
            "details": topics.encode(details).decode(),
        }
        return [Publish(self._names.audit, topics.encode(entry)), Persist(("audit", ""), row)]

    # --- link and clock ---

    def _introduce(self, moment: Moment) -> list[Effect]:
        """Everything that is retained, again: the broker may have lost it. `online` comes last, when all is there."""
        effects: list[Effect] = [self._introduction(), self._time(moment)]
        for unit in self._units:
            unit.tell_again()
            effects += unit.step(moment)
        effects += self._alarms.step(moment)
        return [*effects, Publish(self._names.status, b"online", retain=True)]

    def _introduction(self) -> Publish:
        return Publish(self._names.about, topics.encode(self._about()), retain=True)

    def _clock(self, event: ClockChanged, moment: Moment) -> list[Effect]:
        changed = (event.source, moment.trusted) != (self._source, self._trusted)
        self._source, self._trusted = event.source, moment.trusted
        self._alarms.state("clock-untrusted", self._site, not moment.trusted, moment)
        for unit in self._units:
            unit.wake = float("-inf")
        return [self._time(moment)] if changed else []

    def _time(self, moment: Moment) -> Publish:
        now = {"now": topics.rfc3339(moment.wall), "trusted": moment.trusted, "source": self._source}
        return Publish(self._names.time, topics.encode(now), retain=True)
