"""What is told of all valves and pumps: their states and values, when something changes in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from edge.core import run_queue, topics, water_state
from edge.core.events import Effect
from edge.core.irrigation import Phase
from edge.core.occurrences import WaterCalendar
from edge.core.plumbing import Plumbing
from edge.core.retained import Retained
from edge.core.run_queue import Place
from edge.core.runs import Runs
from edge.core.values import Deadline, Moment, Reason
from edge.core.water_holds import Holds
from edge.core.water_state import Water

LOOK_AHEAD_S = 32 * 86400.0  # how far the next run of a valve is looked for


class WaterView:
    """Publishes states and values. Decides nothing: it says what the stations and the runs are at."""

    def __init__(
        self, plumbing: Plumbing, runs: Runs, holds: Holds, calendar: WaterCalendar,
        hand: Callable[[str], float | None], names: topics.Topics,
    ) -> None:
        """`hand`: since when (Unix s) the cabinet's switch has a target on hand; None: it has not."""
        self._plumbing = plumbing
        self._runs = runs
        self._holds = holds
        self._calendar = calendar
        self._hand = hand
        self._ends: dict[str, Deadline] = {}
        self._since: dict[str, tuple[bool, str, float]] = {}
        self._retained = Retained(names)
        self._coming: tuple[float, dict[str, dict[str, object]]] = (float("nan"), {})

    def forget(self) -> None:
        """Forget what was sent."""
        self._retained.forget()

    def forget_plans(self) -> None:
        """Forget when which valve is next to be opened."""
        self._coming = (float("nan"), {})

    def tell(self, places: Sequence[Place], moment: Moment) -> list[Effect]:
        """What has changed since it was told."""
        effects: list[Effect] = []
        for target in self._plumbing.valves:
            state = self._valve_state(target, places, moment)
            effects += self._retained.tell(target, {"state": topics.encode(state), "value": _value(state)})
        for target in self._plumbing.pumps:
            state = self._pump_state(target, places, moment)
            effects += self._retained.tell(target, {"state": topics.encode(state), "value": _value(state)})
        return effects

    def stands(self, target: str, places: Sequence[Place], moment: Moment) -> dict[str, object]:
        """What is wanted of it, why, and until when."""
        if target in self._plumbing.pumps:
            state, wanted = "ON", self._pump(target, places, moment)
        else:
            state, wanted = "OPEN", self._valve(target, places, moment)[0]
        off = "OFF" if state == "ON" else "CLOSED"
        until = None if wanted.until is None else topics.rfc3339(wanted.until)
        return {"state": state if wanted.on else off, "reason": wanted.reason, "until": until}

    # --- valves ---

    def _valve_state(self, valve: str, places: Sequence[Place], moment: Moment) -> dict[str, object]:
        wanted, place, phase = self._valve(valve, places, moment)
        run = None if place is None else water_state.run_told(place.run, place.zone, phase)
        since, locked = self._changed(valve, wanted, moment), self._holds.lock_of(valve) is not None
        return water_state.valve(
            wanted, self._plumbing.observed(valve), run, self._next(valve, moment), since, locked
        )

    def _valve(self, valve: str, places: Sequence[Place], moment: Moment) -> tuple[Water, Place | None, Phase]:
        found = run_queue.of_valve(self._runs.going, valve)
        shut = self._shut(valve)
        if not found:
            return shut or Water(False, "default", detail=self._error(valve)), None, "queued"
        place = next((p for p in places if p.zone in [f.zone for f in found]), found[0])
        run, zone = place.run, place.zone
        whose = partial(Water, by=run.user, command=run.command, program=run.program)
        reason: Reason = "override" if run.by_person else "program"
        station = self._plumbing.station[valve]
        waits = self._plumbing.waits(valve)
        pump = self._plumbing.pump_of(valve)
        if shut is not None:
            return whose(False, shut.reason, detail=shut.detail), place, "held"
        if run.paused:
            return whose(False, "override", detail="paused"), place, "paused"
        if run.unconfirmed:
            detail = "it goes on once the clock is confirmed"
            return whose(False, "queue", detail=detail), place, "held"
        if zone.soaks_until > moment.mono:
            until = self._until(valve, zone.soaks_until, moment)
            return whose(False, reason, until, detail="it soaks"), place, "soaking"
        if (off := self._holds.off(pump, moment)) is not None:
            return whose(False, "override", detail=f"{off.user} has turned its pump off"), place, "held"
        if zone.held_from is None:
            return whose(False, "queue", detail="another run has it"), place, "queued"
        if waits is not None:
            phase: Phase = "queued" if waits.reason == "queue" else "held"
            return whose(False, waits.reason, detail=waits.detail), place, phase
        since = station.open_since(valve)
        left = zone.left_s(self._plumbing.normal(valve))
        start = moment.mono if zone.counts() else since
        end = None if start is None or left == float("inf") else start + left
        ends = None if end is None else self._until(valve, end, moment)
        return whose(True, reason, ends, detail=self._error(valve)), place, "watering"

    def _until(self, valve: str, mono: float, moment: Moment) -> float:
        self._ends[valve] = water_state.ends(self._ends.get(valve), mono, moment)
        return self._ends[valve].on_wall(moment)

    def _next(self, valve: str, moment: Moment) -> dict[str, object] | None:
        if not moment.trusted:
            return None
        due = self._calendar.next_due(moment.wall)
        if self._coming[0] != due:
            coming: dict[str, dict[str, object]] = {}
            for found in self._calendar.coming(moment.wall, moment.wall + LOOK_AHEAD_S):
                for share in found.shares:
                    told: dict[str, object] = {"at": topics.rfc3339(found.due), "program": found.program}
                    coming.setdefault(share.valve, told)
            self._coming = due, coming
        return self._coming[1].get(valve)

    # --- pumps ---

    def _pump_state(self, pump: str, places: Sequence[Place], moment: Moment) -> dict[str, object]:
        wanted = self._pump(pump, places, moment)
        valves = [v.removeprefix("valve/") for v in self._plumbing.valves_of(pump) if self._plumbing.observed(v)]
        since, locked = self._changed(pump, wanted, moment), self._holds.lock_of(pump) is not None
        return water_state.pump(wanted, self._plumbing.observed(pump), valves, since, locked)

    def _pump(self, pump: str, places: Sequence[Place], moment: Moment) -> Water:
        """While it is on, it is for the valve that comes first in the queue."""
        if (shut := self._shut(pump)) is not None:
            return shut
        if (off := self._holds.off(pump, moment)) is not None:
            until = None if off.until is None else off.until.on_wall(moment)
            return Water(False, "override", until, off.user, off.command, detail=self._error(pump))
        if self._plumbing.station[pump].told(pump):
            for valve in (place.zone.valve for place in places):
                wanted = self._valve(valve, places, moment)[0]
                if wanted.on and self._plumbing.pump_of(valve) == pump:
                    return Water(True, wanted.reason, None, wanted.by, wanted.command, detail=self._error(pump))
            return Water(True, "default", detail=self._error(pump))
        why = next((w for v in self._plumbing.valves_of(pump) if (w := self._plumbing.waits(v)) is not None), None)
        if why is not None and why.code in ("level-stop", "rest", "power"):
            return Water(False, why.reason, detail=why.detail)
        return Water(False, "default", detail=self._error(pump))

    # --- both ---

    def _shut(self, target: str) -> Water | None:
        """What keeps it off whatever is wanted."""
        if (kind := self._plumbing.station[target].blocked(target)) is not None:
            return Water(False, "safety", detail=f"{kind}: acknowledge the alarm or send AUTO to go on")
        if (lock := self._holds.lock_of(target)) is not None:
            return Water(False, "lockout", by=lock.user, detail=f"locked by {self._holds.locked(target)}")
        if self._hand(target) is not None:
            return Water(False, "hand", detail="the cabinet's switch stands on hand")
        return None

    def _error(self, target: str) -> str:
        return self._plumbing.station[target].error(target) or ""

    def _changed(self, target: str, wanted: Water, moment: Moment) -> float:
        """Since when (Unix s) it is wanted as it is."""
        known = self._since.get(target)
        if known is None or known[:2] != (wanted.on, wanted.reason):
            known = self._since[target] = (wanted.on, wanted.reason, moment.wall)
        return known[2]


def _value(state: Mapping[str, object]) -> bytes:
    """What simple phone apps are told: what is observed."""
    return str(state["observed"]).encode()
