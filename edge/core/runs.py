"""Which runs there are: programs' occurrences, each decided once ever, and what persons opened."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from zoneinfo import ZoneInfo

from edge.core import run_rows
from edge.core.events import Effect
from edge.core.field import Field
from edge.core.irrigation import Run, Zone
from edge.core.memory import WaterMemory
from edge.core.occurrences import QUEUE_S, Occurrence, WaterCalendar
from edge.core.run_length import UNKNOWN_L_MIN
from edge.core.run_words import words
from edge.core.site import IrrigationProgram, Valve
from edge.core.values import Command, Deadline, Moment

REPORTED_S = 86400.0  # a run that was due longer ago is not told to have been missed
GRACE_S = 1.0  # how long a run that a person bounds by a time may take to close


class Runs:
    """The runs that are on, `going`, and the ids of all that programs ever had.

    A run that is over leaves with its rows. `troubles` are the alarms that runs are the cause of: (kind, device) ->
    data; None once a later run of the same went well.
    """

    def __init__(
        self, calendar: WaterCalendar, programs: Mapping[str, IrrigationProgram], field: Field,
        valves: Mapping[str, Valve], memory: WaterMemory, known_wall: float, zone: ZoneInfo,
    ) -> None:
        """`programs` is shared with whoever changes it. `valves` by `valve/<id>`. `known_wall`: up to when (Unix s) the
        journal knows of; 0: of nothing. `zone`: the village's, for the date in an id."""
        self.going: list[Run] = []
        self.troubles: dict[tuple[str, str], dict[str, object] | None] = {}
        self._calendar = calendar
        self._programs = programs
        self._field = field
        self._valves = valves
        self._memory = memory
        self._seen_to = known_wall
        self._zone = zone
        self._decided = set(memory.decided)
        restored = memory.facts.get("restored")
        self._restored = float("-inf") if restored is None else float(restored["value"] or 0)

    def recall(self, moment: Moment) -> list[Effect]:
        """Take up what the journal kept; what cannot go on ends here."""
        self.going, ended = run_rows.recalled(self._memory, self._programs, self._valves, moment)
        self._decided.update(run.id for run in self.going if not run.by_person)
        return [effect for run in ended for effect in self._over(run, moment)]

    def begin(self, moment: Moment) -> list[Effect]:
        """Decide on what is due: start it, or say why not. Nothing while the clock is not confirmed."""
        if not moment.trusted:
            return []
        effects: list[Effect] = []
        for run in [run for run in self.going if run.unconfirmed]:
            run_rows.confirm(run, moment)
            if run.latest.passed(moment):
                run.break_off("power-cut", moment)
            effects += self._over(run, moment) if run.ended is not None else run_rows.keep(run, moment)
        effects += self._missed(moment)
        for due in self._calendar.around(moment.wall):
            if self._is_open(due):
                effects += self._decide(due, moment)
        return effects

    def heed_soil(self, moment: Moment) -> bool:
        """Whether what a probe says may start or end something now."""
        if any(run.cause == "soil" for run in self.going):
            return True
        return any(due.by_soil and due.id not in self._decided for due in self._calendar.around(moment.wall))

    def next_due(self, moment: Moment) -> float:
        """The monotonic time at which `begin` has something to do."""
        return moment.mono_at(self._calendar.next_due(moment.wall)) if moment.trusted else float("inf")

    def open(self, command: Command, name: str, moment: Moment) -> list[Effect]:
        """A person opens a valve: a run of one zone, in the place of what persons had there. `name`: the command's."""
        valve = self._valves[command.target]
        planned_s = None if command.volume_l is not None else command.for_s or valve.default
        lasts = planned_s or 60 * (command.volume_l or 0) / (valve.normal_l_min or UNKNOWN_L_MIN)
        latest = moment.wall + lasts + QUEUE_S
        if command.until is not None:
            planned_s, latest = command.until - moment.wall, command.until + GRACE_S
        effects = self.drop(command.target, moment, newer=True)
        day = dt.datetime.fromtimestamp(moment.wall, self._zone).date()
        zone = Zone(command.target, planned_s, command.volume_l)
        run = Run(
            f"{command.user}:{day}:{name}", moment.wall, self._deadline(latest, moment), [zone], "person",
            user=command.user, started=moment.wall,
        )
        self.going.append(run)
        return effects + run_rows.keep(run, moment)

    def drop(self, valve: str, moment: Moment, *, newer: bool = False) -> list[Effect]:
        """What persons have open there, or wait to open, is over; programs' runs go on."""
        return self.cancel([run for run in self.of(valve) if run.by_person], moment, newer=newer)

    def cancel(self, runs: Iterable[Run], moment: Moment, *, newer: bool = False) -> list[Effect]:
        """A person ends them, with all of their zones; `newer`: by another command of the same kind."""
        effects: list[Effect] = []
        for run in {run.id: run for run in runs}.values():
            run.end(*(("superseded", "newer") if newer else ("cancelled", "person")), moment)
            effects += self._over(run, moment)
        return effects

    def fail(self, run_id: str | None, moment: Moment) -> list[Effect]:
        """What it waters with does not obey: it is over. None: no run."""
        failed = [run for run in self.going if run.id == run_id]
        for run in failed:
            run.break_off("output-failed", moment)
        return [effect for run in failed for effect in self._over(run, moment)]

    def of(self, valve: str) -> list[Run]:
        """The runs that have a zone of that valve which is not over."""
        return [run for run in self.going if run.zone(valve) is not None]

    def settle(self, moment: Moment) -> list[Effect]:
        """End what is over: by its zones, by the soil, or by the time."""
        effects: list[Effect] = []
        for run in list(self.going):
            self._end_wet(run, moment)
            if not run.unconfirmed and run.latest.passed(moment) and run.waiting():
                run.break_off("late", moment)
                effects += self._over(run, moment)
            elif run.settle(moment):
                effects += self._over(run, moment)
        return effects

    def ends_at(self, moment: Moment) -> float:
        """The monotonic time at which the next run has to be over."""
        return min((r.latest.on_mono(moment) for r in self.going if not r.unconfirmed), default=float("inf"))

    def _end_wet(self, run: Run, moment: Moment) -> None:
        program = self._programs.get(run.program or "")
        if run.cause != "soil" or program is None or program.start_when is None:
            return
        for zone in run.waiting():
            if self._field.wet(program.start_when, zone.valve, moment):
                zone.end("done", "soil-wet", moment.wall)

    # --- deciding ---

    def _is_open(self, due: Occurrence) -> bool:
        """Whether nobody has decided on it. What was due before a backup was put back may have been decided since it
        was made: nobody knows."""
        return due.id not in self._decided and due.due > self._restored

    def _decide(self, due: Occurrence, moment: Moment) -> list[Effect]:
        program = self._programs[due.program]
        valves = [share.valve for share in due.shares]
        why = self._field.skip(program, valves, moment)
        run = self._run(due, program, moment)
        if due.by_soil:
            if why is not None or program.start_when is None:
                return []
            dry = [zone for zone in run.zones if self._field.dry(program.start_when, zone.valve, moment)]
            if not dry:
                return []
            run.zones, run.cause = dry, "soil"
        elif why is not None:
            run.end("skipped", why, moment)
            return self._over(run, moment)
        for zone in run.zones:
            if (wet := self._field.skip_zone(program, zone.valve, moment)) is not None:
                zone.end("skipped", wet, moment.wall)
        run.started = moment.wall
        self._decided.add(run.id)
        self.going.append(run)
        return run_rows.keep(run, moment)

    def _missed(self, moment: Moment) -> list[Effect]:
        """What fell due and could not begin while nobody was there who could have begun it."""
        since, self._seen_to = self._seen_to, moment.wall
        if not 0 < since < moment.wall or self._calendar.next_due(since) > moment.wall:
            return []
        effects: list[Effect] = []
        for due in self._calendar.coming(max(since, moment.wall - REPORTED_S), moment.wall):
            program = self._programs.get(due.program)
            if due.until < moment.wall and self._is_open(due) and program is not None and not due.by_soil:
                run = self._run(due, program, moment)
                run.break_off("away", moment)
                effects += self._over(run, moment)
        return effects

    def _run(self, due: Occurrence, program: IrrigationProgram, moment: Moment) -> Run:
        zones = [Zone(share.valve, share.for_s, share.volume_l) for share in due.shares]
        latest = self._deadline(due.latest_end, moment)
        return Run(
            due.id, due.due, latest, zones, program=due.program, cycle=program.cycle, soak=program.soak or 0.0
        )

    def _over(self, run: Run, moment: Moment) -> list[Effect]:
        """It leaves, and what became of it is known."""
        if run in self.going:
            self.going.remove(run)
        if not run.by_person:
            self._decided.add(run.id)
        for kind, outcome in (("run-cut-short", "cut_short"), ("run-missed", "missed")):
            if run.outcome == outcome:
                self.troubles[kind, run.device] = words(run.why)
            elif run.outcome == "done":
                self.troubles[kind, run.device] = None
        return run_rows.keep(run, moment)

    def _deadline(self, wall: float, moment: Moment) -> Deadline:
        return Deadline(wall, moment.mono_at(wall), moment.boot)
