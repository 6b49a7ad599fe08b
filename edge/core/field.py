"""What the field says of watering: rain, a person who puts it off, the tanks' floats, the probes in the soil.

Rain that is not known counts as none, and is told. How long ago it last rained is measured by the clock that nobody
sets. The journal has the wall time of it, told at most every KEEP_S: after a restart it counts once the clock is
confirmed, and until then it has not rained. So whatever is in doubt errs on the side of watering.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edge.core.events import Effect, InputChanged, Persist
from edge.core.site import IrrigationProgram, Site
from edge.core.site_programs import StartWhen
from edge.core.soil import Shows, Soil
from edge.core.tanks import Tanks
from edge.core.values import Moment, Row

RAIN = ("field", "rain")
PUT_OFF = ("field", "rain-delay")
KEEP_S = 600.0
FALLS_EVERY_S = 10.0  # how often it is noted that it still rains


@dataclass(slots=True)
class _Gauge:
    """One rain input: what it says, and why it says nothing."""

    on: bool | None = None
    heard: bool = False
    error: str | None = None


class Field:
    """All that the field says. `wake`: the monotonic time at which `step` has something to do."""

    def __init__(
        self, site: Site, programs: Mapping[str, IrrigationProgram], kept: Mapping[str, Row], sensor: Shows
    ) -> None:
        """`programs` may change. `kept`: the journal's table `field`. `sensor(device, quantity, moment)` is what a
        sensor says, None: it is silent."""
        self.wake = float("-inf")
        self._gauges = {f"input/{i}": _Gauge() for i, found in site.inputs.items() if found.role == "rain"}
        self._tanks = Tanks(site)
        self._soil = Soil(site, programs, sensor)
        self._rain = _Rain(kept.get(RAIN[1]))
        self._put_off = _PutOff(kept.get(PUT_OFF[1]))

    def feel(self, event: InputChanged, moment: Moment) -> list[Effect]:
        """Take note of what a contact says: a rain input that it rains, a level input that its line is low."""
        self.wake = float("-inf")
        gauge = self._gauges.get(event.input)
        if gauge is None:
            self._tanks.feel(event, moment)
            return []
        if self.raining():  # up to now
            self._rain.falls(moment)
        gauge.on, gauge.error, gauge.heard = event.on, event.error, True
        return self.step(moment)

    def step(self, moment: Moment) -> list[Effect]:
        """Let time pass: what is known of rain is kept, and what is over ends."""
        self._tanks.step(moment)
        self._soil.step(moment)
        if self.raining():
            self._rain.falls(moment)
        effects = [*self._rain.keep(moment), *self._put_off.keep(moment)]
        falls = moment.mono + FALLS_EVERY_S if self.raining() else float("inf")
        self.wake = min(self._tanks.wake, falls, self._put_off.ends(moment))
        return effects

    @property
    def calms_at(self) -> float:
        """The monotonic time at which a float that stopped a pump lets it start again."""
        return self._tanks.wake

    # --- water from above ---

    def raining(self) -> bool:
        """Whether any rain input says so."""
        return any(gauge.on for gauge in self._gauges.values())

    def put_off(self, until: float | None, user: str, moment: Moment) -> list[Effect]:
        """Have programs start nothing before `until` (Unix s); None: no more. What is given while the clock is not
        confirmed is measured from now on."""
        self.wake = float("-inf")
        return self._put_off.set(until, user, moment)

    def put_off_until(self, moment: Moment) -> tuple[float, str] | None:
        """Until when (Unix s) watering is put off, and by whom; None: it is not."""
        return self._put_off.until(moment)

    # --- whether to water ---

    def skip(self, program: IrrigationProgram, valves: Sequence[str], moment: Moment) -> str | None:
        """Why a run of these `valve/<id>` is skipped now, a code of run_words.WHY; None: it is not.

        Wet soil skips a run only if all its zones are known to be wet; see `skip_zone` for one.
        """
        if self.put_off_until(moment) is not None:
            return "put-off"
        when = program.skip_when
        if when.rain and self.raining():
            return "rain"
        dry_s = self._rain.ago_s(moment)
        if when.rain_delay and dry_s is not None and dry_s < when.rain_delay:
            return "rain-delay"
        wet = [self._soil.soaked(when, valve, moment) for valve in valves]
        return "soil-wet" if wet and all(wet) else None

    def skip_zone(self, program: IrrigationProgram, valve: str, moment: Moment) -> str | None:
        """Why this zone is left out of its run now; None: it is not."""
        return "soil-wet" if self._soil.soaked(program.skip_when, valve, moment) else None

    def soil(self, valve: str, moment: Moment) -> float | None:
        """Percent of water in the soil of `valve/<id>`; None: it has no probe, or that is silent."""
        return self._soil.says(valve, moment)

    def dry(self, start_when: StartWhen, valve: str, moment: Moment) -> bool:
        """Whether the zone asks for water: from below `soil_below` on, until above `soil_above`. Not while it is
        silent."""
        return self._soil.dry(start_when, valve, moment)

    def wet(self, start_when: StartWhen, valve: str, moment: Moment) -> bool:
        """Whether the zone has had enough: it is above `soil_above`."""
        return self._soil.wet(start_when, valve, moment)

    # --- water below ---

    def level_stop(self, pump: str) -> str | None:
        """Why `pump/<id>` must not run, by what its floats said up to the last `step`: a code of run_words.WHY."""
        return self._tanks.level_stop(pump)

    # --- what is wrong ---

    def conditions(self) -> list[tuple[str, str, bool, dict[str, object]]]:
        """The alarms that the field's contacts are the cause of: kind, device, whether it holds, data."""
        rain: list[tuple[str, str, bool, dict[str, object]]] = [
            ("input-failing", name, gauge.heard and gauge.on is None, {"why": gauge.error or "?"})
            for name, gauge in self._gauges.items()
        ]
        return rain + self._tanks.conditions()

    @property
    def names(self) -> list[str]:
        """The contacts that are listened to, `input/<id>`."""
        return [*self._gauges, *self._tanks.names]


class _Rain:
    """When it last rained."""

    def __init__(self, kept: Row | None) -> None:
        self._kept_wall = None if kept is None else float(kept["value"] or 0)  # until its age is known
        self._last: float | None = None  # monotonic
        self._stored: float | None = None  # monotonic time of the rain that the journal knows of

    def falls(self, moment: Moment) -> None:
        self._kept_wall = None
        self._last = moment.mono

    def ago_s(self, moment: Moment) -> float | None:
        """None: that is not known."""
        self._date(moment)
        return None if self._last is None else moment.mono - self._last

    def keep(self, moment: Moment) -> list[Effect]:
        """The journal is told no time that nobody vouches for."""
        self._date(moment)
        if self._last is None or not moment.trusted:
            return []
        if self._stored is not None and self._last < self._stored + KEEP_S:
            return []
        self._stored = self._last
        return [Persist(RAIN, {"value": moment.wall_at(self._last), "user": None, "wall": moment.wall})]

    def _date(self, moment: Moment) -> None:
        """The journal's time becomes one of this boot as soon as the clock is confirmed; one yet to come is no time."""
        if self._kept_wall is None or not moment.trusted:
            return
        if self._kept_wall <= moment.wall:
            self._last = self._stored = moment.mono_at(self._kept_wall)
        self._kept_wall = None


class _PutOff:
    """Until when a person put watering off."""

    def __init__(self, kept: Row | None) -> None:
        self._until = None if kept is None else float(kept["value"] or 0)
        self._user = "" if kept is None else str(kept["user"] or "")
        self._ends: float | None = None  # monotonic, of what was given while the clock was not confirmed

    def set(self, until: float | None, user: str, moment: Moment) -> list[Effect]:
        self._until, self._user, self._ends = until, user, None
        if until is not None and not moment.trusted:
            self._ends = moment.mono_at(until)
        return [self._persist(moment)]

    def until(self, moment: Moment) -> tuple[float, str] | None:
        until = self._until if self._ends is None else moment.wall_at(self._ends)
        return None if until is None or moment.wall >= until else (until, self._user)

    def ends(self, moment: Moment) -> float:
        """The monotonic time at which it is over; infinite if it is, or has none."""
        until = self.until(moment)
        return float("inf") if until is None else moment.mono_at(until[0])

    def keep(self, moment: Moment) -> list[Effect]:
        """What the journal is to be told: its end, or when it ends by a clock that is confirmed by now."""
        if self._until is None or not moment.trusted:
            return []
        if self.until(moment) is None:
            self._until = self._ends = None
            return [self._persist(moment)]
        if self._ends is None:
            return []
        self._until, self._ends = moment.wall_at(self._ends), None
        return [self._persist(moment)]

    def _persist(self, moment: Moment) -> Persist:
        if self._until is None:
            return Persist(PUT_OFF, None)
        return Persist(PUT_OFF, {"value": self._until, "user": self._user, "wall": moment.wall})
