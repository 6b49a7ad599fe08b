"""State and dispatch: events in, effects out. Thin; what a device does is decided in its own room."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from edge.core import topics
from edge.core.alarms import Alarms, Past
from edge.core.budgets import Operated
from edge.core.cabinet import Cabinet
from edge.core.commands import Commanded, Commands
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
    LeasesExpired,
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
from edge.core.failures import AGAIN_S, Failures
from edge.core.light_unit import LightUnit
from edge.core.memory import JournalHealth, Memory
from edge.core.orders import Orders
from edge.core.pulse_unit import TABLE, PulseUnit
from edge.core.reading_unit import ReadingUnit
from edge.core.switch_unit import SwitchUnit
from edge.core.trust import KnownTime
from edge.core.values import Moment, Request
from edge.core.waterworks import Waterworks

Unit = LightUnit | ReadingUnit | SwitchUnit | Waterworks


class Controller:
    """Decides. Synchronous, without a clock: every call is handed the present moment."""

    def __init__(
        self, names: topics.Topics, about: Callable[[], Mapping[str, object]], lights: list[LightUnit],
        gauges: list[ReadingUnit], memory: Memory, known: KnownTime, alarms: Alarms, cabinet: Cabinet, desk: Desk,
        site: str, water: Waterworks, switches: list[SwitchUnit], operated: Operated, health: JournalHealth,
    ) -> None:
        """`about` gives that payload as it now is. `gauges` are all devices that measure. `site` is the village as
        alarms name it, `site/<id>`. `operated` is the clock of all budgets; `health` is told how the journal fares."""
        self._names = names
        self._known = known
        self._alarms = alarms
        self._cabinet = cabinet
        self._site = site
        self._about = about
        self._lights = {light.target: light for light in lights}
        self._gauges = {gauge.target: gauge for gauge in gauges}
        self._counters = {gauge.input: gauge for gauge in gauges if isinstance(gauge, PulseUnit)}
        self._water = water
        self._switches = {switch.target: switch for switch in switches}
        self._operated = operated
        self._health = health
        self._devices: dict[str, Commanded] = {
            **self._lights, **self._switches, **dict.fromkeys(water.targets, water)
        }
        self._light_of = {c.output: light for light in lights for c in light.circuits}
        self._driven: list[LightUnit | SwitchUnit | Waterworks] = [*lights, *switches, water]
        self._units: list[Unit] = [*gauges, *self._driven]
        self._desk = desk
        self._memory = memory
        self._commands = Commands(names, memory.commands)
        self._failures = Failures(alarms)
        self._orders = Orders(self._devices, water, self._commands, alarms, self._failures)
        self._said_at = max((override.at for override in memory.overrides.values()), default=0.0)
        self._source = "unknown"
        self._trusted: bool | None = None
        self._started = False

    def start(self, moment: Moment, fallback: str | None = None, past: Past | None = None) -> list[Effect]:
        """What should be now, claimed output by output, before anything else is listened to.

        `fallback`: why the configuration in force is the last good one and not the newest; None if it is.
        `past`: what safe mode raised before this process.
        """
        self._started = True
        self._alarms.state("configuration-fallback", self._site, fallback is not None, moment, {"why": fallback})
        self._watch_programs(moment)
        self._alarms.start(moment)
        effects = [] if past is None else self._alarms.was(past, moment)
        effects += [*self._desk.start(moment), *self._operated.note(moment), *self._water.start(moment)]
        for target, switch in self._switches.items():
            effects += switch.start(
                self._memory.overrides.get(target), self._memory.lockouts, self._memory.water.budgets, moment
            )
        for light in self._lights.values():
            light.recall(self._memory.outputs, self._memory.hours, moment)
        for target, light in self._lights.items():
            effects += light.start(self._memory.overrides.get(target), self._memory.lockouts, moment)
        for counter in self._counters.values():
            effects += counter.start(moment)
        gone = self._memory.overrides.keys() - self._devices.keys()
        return effects + [Persist(("overrides", target), None) for target in sorted(gone)]

    def stop(self, moment: Moment) -> list[Effect]:
        """What is to be kept of what was counted and watered, when the process ends in good order. Nothing may follow,
        and nothing is decided any more."""
        self._started = False
        effects: list[Effect] = []
        units: list[PulseUnit | Waterworks | SwitchUnit] = [
            *self._counters.values(), self._water, *self._switches.values()
        ]
        for unit in units:
            with self._failures.alone(unit, "stop", moment, effects):
                effects += unit.stop(moment)
        return effects

    def handle(self, event: Event, moment: Moment) -> list[Effect]:
        """Take one event. Before the start nothing is decided: what the contacts say is only taken note of."""
        effects = self._dispatch(event, moment)
        if not self._started:
            return effects
        effects += self._operated.note(moment)
        stepped = False
        for unit in self._units:
            if unit.wake <= moment.mono:
                stepped = True
                effects += self._step(unit, moment)
        if stepped:
            self._alarms.watch(self._cabinet.conditions(moment), moment)
        if self._alarms.wake <= moment.mono:
            effects += self._alarms.step(moment)
        return effects + self._known.note(moment)

    def _step(self, unit: Unit, moment: Moment) -> list[Effect]:
        """Do what is due with one unit, and before all else what it has yet to obey. One that fails is tried again in a
        moment."""
        effects: list[Effect] = []
        if self._orders.obeyed(unit, moment, effects):
            with self._failures.alone(unit, "step", moment, effects):
                effects += unit.step(moment)
                self._alarms.watch(unit.conditions(), moment)
                return effects
        unit.wake = moment.mono + AGAIN_S
        return effects

    def _dispatch(self, event: Event, moment: Moment) -> list[Effect]:
        effects: list[Effect] = []
        match event:
            case CommandReceived():
                effects += self._orders.take(event, moment)
            case OutputObserved():
                effects += self._observe(event, moment)
            case InputChanged():
                effects += self._input(event, moment)
            case ReadingsTaken():
                effects += self._measured(event, moment)
            case PulsesCounted() if event.input in self._counters:
                effects += self._counted(event, moment)
            case RequestReceived() | Answered():
                effects += self._request(event, moment)
            case JournalChanged() | Stored():
                effects += self._journal(event, moment)
            case HistoryChanged() | SinkChanged() | MessageRefused() | LeasesExpired():
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

    def _observe(self, event: OutputObserved, moment: Moment) -> list[Effect]:
        effects: list[Effect] = []
        if light := self._light_of.get(event.output):
            with self._failures.alone(light, "observe", moment, effects):
                light.observe(event)
        elif switch := self._switches.get(event.output):
            with self._failures.alone(switch, "observe", moment, effects):
                switch.observe(event, moment)
        elif event.output in self._devices:
            with self._failures.alone(self._water, "observe", moment, effects):
                self._water.observe(event, moment)
        return effects

    def _journal(self, event: JournalChanged | Stored, moment: Moment) -> list[Effect]:
        if isinstance(event, Stored):
            effects: list[Effect] = []
            table, name = event.key
            if table == TABLE and name in self._counters:
                with self._failures.alone(self._counters[name], "stored", moment, effects):
                    self._counters[name].stored()
            if name in self._switches:
                with self._failures.alone(self._switches[name], "stored", moment, effects):
                    self._switches[name].stored(event.key, moment)
            with self._failures.alone(self._water, "stored", moment, effects):
                self._water.stored(event.key, moment)
            return effects + self._desk.stored(event.key)
        failing = event.failing is not None
        self._alarms.state("journal-failing", self._site, failing, moment, {"why": event.failing})
        self._health.failing = failing
        for unit in self._driven:
            unit.wake = float("-inf")
        return self._desk.journal(failing)

    def _passed_on(self, event: HistoryChanged | SinkChanged | MessageRefused | LeasesExpired, moment: Moment) -> None:
        if isinstance(event, LeasesExpired):
            self._alarms.count(
                "leases-expired", self._site, {"rows": event.count, "why": ", ".join(event.outputs)}, moment
            )
            return
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
        effects: list[Effect] = []
        with self._failures.alone(gauge, "reading", moment, effects):
            effects += gauge.take(event, moment)
            self._alarms.watch(gauge.conditions(), moment)
        for unit in self._driven:
            with self._failures.alone(unit, "measured", moment, effects):
                unit.measured(gauge.target)
        return effects

    def _counted(self, event: PulsesCounted, moment: Moment) -> list[Effect]:
        effects: list[Effect] = []
        counter = self._counters[event.input]
        with self._failures.alone(counter, "reading", moment, effects):
            effects += counter.count(event, moment)
        with self._failures.alone(self._water, "pulses", moment, effects):
            self._water.count(event, moment)
        return effects

    def _input(self, event: InputChanged, moment: Moment) -> list[Effect]:
        effects: list[Effect] = []
        if (of := self._cabinet.feedback(event.input)) is not None:
            light = self._lights[of[0]]
            with self._failures.alone(light, "input", moment, effects):
                light.feel(of[1], event.on)
            return effects
        said_at = max([self._said_at, *(light.said_at for light in self._lights.values())])
        effects += self._cabinet.take(event, moment, said_at)
        with self._failures.alone(self._water, "input", moment, effects):
            effects += self._water.feel(event, moment)
        self._alarms.watch(self._cabinet.conditions(moment), moment)
        for unit in self._driven:
            unit.wake = float("-inf")
        return effects

    # --- requests ---

    def _request(self, event: RequestReceived | Answered, moment: Moment) -> list[Effect]:
        request = event.request
        if isinstance(event, Answered):
            return self._desk.answered(event)
        if request.name == topics.STOP:
            return self._orders.stop(request, lambda: self._answer(request, moment), moment)
        return self._answer(request, moment)

    def _answer(self, request: Request, moment: Moment) -> list[Effect]:
        answer, effects = self._desk.answer(request, moment)
        if answer.program:
            for unit in self._driven:
                unit.wake = float("-inf")
            with self._failures.alone(self._water, "program", moment, effects):
                self._water.planned_anew()
            self._watch_programs(moment)
            effects.append(self._introduction())
        if answer.changes:
            details = {"request": request.name, **answer.details}
            effects += self._commands.audit(answer.device, request.user, request.id, answer.changes, details, moment)
        return effects

    def _watch_programs(self, moment: Moment) -> None:
        why = self._desk.unreadable
        self._alarms.state("program-unreadable", self._site, bool(why), moment, {"why": why})

    # --- link and clock ---

    def _introduce(self, moment: Moment) -> list[Effect]:
        """Everything that is retained, again: the broker may have lost it. `online` comes last, when all is there."""
        effects: list[Effect] = [self._introduction(), self._time(moment)]
        for unit in self._units:
            with self._failures.alone(unit, "link", moment, effects):
                unit.tell_again()
            effects += self._step(unit, moment)
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
