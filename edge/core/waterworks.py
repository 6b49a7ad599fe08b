"""All irrigation of a village as one unit: its stations, its runs, what its field says, and what is told of them.

Level-triggered above the runs: `step` may be called at any time, counts what has flowed, ends what is over, begins what
is due, and has each station do what the zones in their order want now.
"""

from __future__ import annotations

from collections.abc import Callable

from edge.core import run_queue, run_rows
from edge.core.events import Effect, InputChanged, OutputObserved, PulsesCounted, Write
from edge.core.field import Field
from edge.core.flow import Flow
from edge.core.flow import conditions as flow_conditions
from edge.core.irrigation import CHECKPOINT_S, EXACT_S
from edge.core.plumbing import Plumbing
from edge.core.run_queue import Place
from edge.core.runs import Runs
from edge.core.station import Station, Want
from edge.core.values import Command, Moment
from edge.core.water_commands import WaterCommands
from edge.core.water_holds import Holds
from edge.core.water_view import WaterView

Condition = tuple[str, str, bool, dict[str, object]]
NEARLY_S = 2.0
FELT = 0.0  # a monotonic time that has passed, as a wake that asks for no more than a look at the field


class Waterworks:
    """Obeys the commands for every valve and pump, and runs the programs.

    What a step wants kept and told stands before what it writes: an output answers at once, with another step.
    """

    def __init__(
        self, village: str, plumbing: Plumbing, runs: Runs, field: Field, holds: Holds, commands: WaterCommands,
        view: WaterView, hand: Callable[[str], float | None],
    ) -> None:
        """`village`: `site/<id>`, under which alarms about all irrigation are told. `hand`: since when (Unix s) the
        cabinet's switch has a target on hand; None: it has not."""
        self.target = village
        self.targets = list(plumbing.station)
        self.wake = float("-inf")
        self._due = float("-inf")  # the monotonic time at which more than the field is due
        self._plumbing = plumbing
        self._runs = runs
        self._field = field
        self._holds = holds
        self._commands = commands
        self._view = view
        self._hand = hand
        self.inputs = field.names
        self._places: list[Place] = []
        self._found: list[Condition] | None = None  # of all but the field, as of the last whole step

    def start(self, moment: Moment) -> list[Effect]:
        """Everything off; then take up what the journal kept of runs."""
        effects = [effect for station in self._plumbing.stations for effect in station.start(moment)]
        return effects + self._runs.recall(moment)

    def stop(self, moment: Moment) -> list[Effect]:
        """Everything off before the process ends, and how far the runs have come: the next start goes on from there."""
        self._look(moment)
        kept = [run_rows.keep_zone(p.run, p.zone) for p in self._places if p.zone.done_s > p.zone.told_s]
        return kept + [effect for station in self._plumbing.stations for effect in station.stop(moment)]

    # --- what is heard ---

    def observe(self, seen: OutputObserved, moment: Moment) -> None:
        """Take note of what an output says of itself."""
        self._look(moment)
        station = self._plumbing.station[seen.output]
        before = station.observed(seen.output), station.error(seen.output)
        station.observe(seen, moment)
        if before != (seen.on, seen.error) or station.wake <= moment.mono:
            self.wake = float("-inf")

    def feel(self, event: InputChanged, moment: Moment) -> list[Effect]:
        """Take note of what a contact of the field says."""
        self.wake = float("-inf")
        return self._field.feel(event, moment)

    def count(self, event: PulsesCounted, moment: Moment) -> None:
        """Take note of what a flow input counted."""
        if (flow := self._plumbing.flows.get(event.input)) is not None:
            flow.count(event, moment)
            self.wake = float("-inf")

    def measured(self, device: str) -> None:
        """A sensor was read: it may say how wet the soil is."""
        if device in self._plumbing.soil:
            self.wake = min(self.wake, FELT)

    def planned_anew(self) -> None:
        """A program was changed."""
        self._view.forget_plans()
        self.wake = float("-inf")

    def stored(self, key: tuple[str, str], moment: Moment) -> None:
        """The journal has that row."""
        if key[0] == "budgets" and key[1] in self._plumbing.station:
            self._plumbing.station[key[1]].stored(key, moment)
            self.wake = float("-inf")

    # --- what is due ---

    def step(self, moment: Moment) -> list[Effect]:
        """Do what is due. While nothing but a look at the field is, the rest is let be."""
        alone = float("-inf") < self.wake and moment.mono < min(self._due, self._field.calms_at)
        if not alone or self._runs.heed_soil(moment):
            return self._step(moment)
        looked = self._field.step(moment)
        self.wake = min(self._due, self._field.wake)
        return looked

    def _step(self, moment: Moment) -> list[Effect]:
        self._found = None
        effects = [*self._look(moment), *self._field.step(moment)]
        effects += [*self._runs.begin(moment), *self._holds.step(moment)]
        while True:
            effects += self._runs.settle(moment)
            self._assign(moment)
            effects += self._drive(moment)
            ended = self._judge(moment)
            effects += ended
            if not ended:
                break
        effects += self._checkpoints(moment)
        concluded = self._commands.conclude(moment)
        told = [*self._view.tell(self._places, moment), *concluded]  # who hears "done" has the state already
        self._due = self._next_wake(moment)
        self.wake = min(self._due, self._field.wake)
        writes = [effect for effect in effects if isinstance(effect, Write)]
        return [*(effect for effect in effects if not isinstance(effect, Write)), *told, *writes]

    def _look(self, moment: Moment) -> list[Effect]:
        """Count what has flowed; end the zones that have had theirs, and the pieces that are to soak."""
        effects: list[Effect] = []
        for run, zone in ((place.run, place.zone) for place in self._places if place.zone.ended is None):
            valve, normal = zone.valve, self._plumbing.normal(zone.valve)
            station = self._plumbing.station[valve]
            litres, lead = self._plumbing.litres(valve), self._plumbing.lead_s(valve)
            since = station.open_since(valve)
            zone.look(since, station.flowing(valve), litres, moment.mono, lead)
            if zone.counts() and zone.started is None and since is not None:
                zone.started = moment.wall_at(max(since, zone.held_from or since))
            if zone.over(normal):
                zone.end("done", "", moment.wall)
            elif run.cycle is not None and zone.piece_s >= run.cycle - EXACT_S:
                zone.soak(moment.mono, run.soak)
            else:
                continue
            self.wake = float("-inf")
            effects.append(run_rows.keep_zone(run, zone))
        return effects

    def _assign(self, moment: Moment) -> None:
        """Give each valve to the zone whose turn it is."""
        before, self._places = self._places, run_queue.places(self._runs.going, moment.mono)
        now = {id(place.zone) for place in self._places}
        for place in before:
            if id(place.zone) not in now:
                place.zone.release()
        for place in self._places:
            place.zone.take(self._plumbing.litres(place.zone.valve), moment.mono)

    def _drive(self, moment: Moment) -> list[Effect]:
        effects: list[Effect] = []
        for station in self._plumbing.stations:
            effects += station.step(self._wants(station, moment), moment)
        for flow in self._plumbing.flows.values():
            self._see(flow, moment)
            effects += flow.step(moment)
        return effects

    def _see(self, flow: Flow, moment: Moment) -> None:
        """Tell a flow input which of its valves are open; nothing is to be concluded from what a hand switch rules."""
        seen: dict[str, bool] = {}
        for valve in flow.valves:
            station, pump = self._plumbing.station[valve], self._plumbing.pump_of(valve)
            by_hand = self._hand(valve) is not None or (pump is not None and self._hand(pump) is not None)
            if by_hand or station.observed(valve) is not False:
                seen[valve] = station.flowing(valve) and not by_hand
        pumps = {pump for valve in flow.valves if (pump := self._plumbing.pump_of(valve)) is not None}
        shown = [self._plumbing.observed(pump) for pump in pumps]
        flow.see(seen, None if not shown or None in shown else any(shown), moment)

    def _wants(self, station: Station, moment: Moment) -> list[Want]:
        wants = []
        for run, zone in ((place.run, place.zone) for place in self._places):
            if zone.valve not in station.targets or self._holds.off(self._plumbing.pump_of(zone.valve), moment):
                continue
            left = zone.left_s(self._plumbing.normal(zone.valve))
            if run.cycle is not None:
                left = min(left, run.cycle - zone.piece_s)
            longest = self._plumbing.valves[zone.valve].max_on
            wants.append(Want(zone.valve, min(left, longest), run.by_person, run.id))
        return wants

    def _judge(self, moment: Moment) -> list[Effect]:
        """End the zones that cannot have their water: their time is used up, or something is wrong with the water."""
        effects: list[Effect] = []
        for place in self._places:
            waits = self._plumbing.station[place.zone.valve].waits(place.zone.valve)
            if waits is not None and waits.final and self._nearly(place):
                place.zone.end("done", "", moment.wall)
                effects.append(run_rows.keep_zone(place.run, place.zone))
            elif waits is not None and waits.final:
                self._commands.failed(place.run, "not-allowed-now", waits.detail)
                effects += self._cut(place, "budget", moment)
        for flow in self._plumbing.flows.values():
            for danger in flow.dangers():
                station = self._plumbing.station[danger.target]
                if station.blocked(danger.target) is not None:
                    continue
                for place in self._places:
                    behind = self._plumbing.flow(place.zone.valve) is flow
                    if behind and place.zone.valve in station.targets and place.zone.counts():
                        effects += self._cut(place, danger.kind, moment)
                effects += station.block(danger.target, danger.kind, danger.data, moment)
        return effects

    def _nearly(self, place: Place) -> bool:
        """Whether all but what the pump runs out for has been had: a valve's `max_on` counts that too."""
        valve = place.zone.valve
        return place.zone.left_s(self._plumbing.normal(valve)) <= self._plumbing.lag_s(valve) + NEARLY_S

    def _cut(self, place: Place, why: str, moment: Moment) -> list[Effect]:
        if place.zone.ended is not None:
            return []
        place.zone.end("cut_short" if place.zone.done_s > 0 else "missed", why, moment.wall)
        return [run_rows.keep_zone(place.run, place.zone)]

    def _checkpoints(self, moment: Moment) -> list[Effect]:
        effects: list[Effect] = []
        for place in self._places:
            zone = place.zone
            if zone.counts() and (zone.kept_at is None or moment.mono >= zone.kept_at + CHECKPOINT_S):
                zone.checked(moment.mono)
                effects.append(run_rows.keep_zone(place.run, zone))
        return effects

    def _next_wake(self, moment: Moment) -> float:
        stations = [station.wake for station in self._plumbing.stations]
        flows = [flow.wake for flow in self._plumbing.flows.values()]
        times = [*stations, *flows, self._runs.next_due(moment), self._runs.ends_at(moment)]
        times += [self._holds.wake(moment), self._commands.wake]
        for run in self._runs.going:
            times += [zone.soaks_until for zone in run.waiting() if zone.soaks_until > moment.mono]
        for run, zone in ((place.run, place.zone) for place in self._places if place.zone.counts()):
            times.append(moment.mono + zone.change_in(run.cycle, self._plumbing.normal(zone.valve)))
            times.append((zone.kept_at or moment.mono) + CHECKPOINT_S)
        return min(times)

    # --- commands and requests ---

    def objection(self, command: Command, moment: Moment) -> tuple[str, str] | None:
        """Why a valid command must not take effect now: a code and a text; None if it may."""
        return self._commands.objection(command, moment)

    def command(self, command: Command, name: str, received: Moment, moment: Moment) -> list[Effect]:
        """Take a valid command; `name` is its id, its own or one given to it."""
        self._look(moment)
        return [*self._commands.take(command, name, received, moment), *self._step(moment)]

    def abandon(self, target: str, name: str, moment: Moment) -> list[Effect]:
        """The command `name` failed by a fault of the software, and who sent it is told so: its run ends, and no
        outcome follows."""
        return self._commands.abandon(target, name, moment)

    def outputs_of(self, target: str) -> list[str]:
        """A valve's pump comes before it: a pump never runs against closed valves."""
        pump = self._plumbing.pump_of(target) if target in self._plumbing.valves else None
        return [target] if pump is None else [pump, target]

    def stands(self, target: str, moment: Moment) -> dict[str, object]:
        """What is wanted of it, and why until when."""
        return self._view.stands(target, self._places, moment)

    def stop_all(self, moment: Moment) -> tuple[list[str], list[Effect]]:
        """Close everything and end every run: the ids of the runs, and what comes of it."""
        self._look(moment)
        ids = [run.id for run in self._runs.going]
        return ids, [*self._runs.cancel(self._runs.going, moment), *self._step(moment)]

    def put_off(self, until: float | None, user: str, moment: Moment) -> list[Effect]:
        """Programs start nothing before `until` (Unix s); None: they may again."""
        return [*self._field.put_off(until, user, moment), *self._step(moment)]

    def put_off_until(self, moment: Moment) -> tuple[float, str] | None:
        """Until when (Unix s) programs start nothing, and by whom; None: they may."""
        return self._field.put_off_until(moment)

    def acknowledged(self, kind: str, device: str, moment: Moment) -> list[Effect]:
        """A person has seen the alarm `kind` about `device`: what it blocked may run again."""
        station = self._plumbing.station.get(device)
        if station is None or station.blocked(device) != kind:
            return []
        return [*self._plumbing.unblock(device), *self._step(moment)]

    def conditions(self) -> list[Condition]:
        """The alarms that irrigation can be the cause of: kind, device, whether its condition holds, data."""
        if self._found is None:
            self._found = [c for station in self._plumbing.stations for c in station.conditions()]
            self._found += flow_conditions(self._plumbing.flows.values())
            troubles = self._runs.troubles.items()
            self._found += [(kind, device, data is not None, data or {}) for (kind, device), data in troubles]
        return [*self._found, *self._field.conditions()]

    def tell_again(self) -> None:
        """Forget what was sent: the broker may have."""
        self._view.forget()
        self.wake = float("-inf")
