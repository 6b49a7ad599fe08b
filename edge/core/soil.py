"""What the probes in the soil say of the zones, against thresholds with hysteresis."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from edge.core.site import IrrigationProgram, Site
from edge.core.site_programs import SkipWhen, StartWhen
from edge.core.values import Moment

QUANTITY = "moisture_pct"

Shows = Callable[[str, str, Moment], float | None]


class Soil:
    """Whether the soil of a zone is wet or dry by a program's thresholds, as its probe says.

    Between its two thresholds a zone stays what it was, per probe and pair of thresholds; a controller that has just
    been started takes it for neither wet nor dry there. While a probe is silent, its zones are neither.
    """

    def __init__(self, site: Site, programs: Mapping[str, IrrigationProgram], shows: Shows) -> None:
        """`programs` may change; it is they whose thresholds are followed all the time. `shows(device, quantity,
        moment)`: what a sensor says; None: it is silent."""
        self._probes = {f"valve/{name}": f"sensor/{valve.soil}" for name, valve in site.valves.items() if valve.soil}
        self._programs = programs
        self._shows = shows
        self._wet: dict[tuple[str, float, float], bool] = {}  # by probe, from which on, below which no more
        self._dry: dict[tuple[str, float, float], bool] = {}  # by probe, below which, above which no more

    def says(self, valve: str, moment: Moment) -> float | None:
        """Percent of water in the soil of `valve/<id>`; None: it has no probe, or that is silent."""
        probe = self._probes.get(valve)
        return None if probe is None else self._shows(probe, QUANTITY, moment)

    def step(self, moment: Moment) -> None:
        """See what all programs' thresholds make of what the probes say now, so that no crossing is missed."""
        for program in self._programs.values():
            for valve in (f"valve/{zone.valve}" for zone in program.zones):
                self.soaked(program.skip_when, valve, moment)
                if program.start_when is not None:
                    self.dry(program.start_when, valve, moment)
        self._forget()

    def soaked(self, when: SkipWhen, valve: str, moment: Moment) -> bool:
        """Whether the zone is so wet that its run is skipped: from `soil_above` on, until below `soil_below`."""
        says = self.says(valve, moment)
        if says is None or when.soil_above is None:
            return False
        below = when.soil_above if when.soil_below is None else when.soil_below
        key = self._probes[valve], when.soil_above, below
        self._wet[key] = says >= when.soil_above or (says >= below and self._wet.get(key, False))
        return self._wet[key]

    def dry(self, when: StartWhen, valve: str, moment: Moment) -> bool:
        """Whether the zone asks for water: from below `soil_below` on, until above `soil_above`."""
        says = self.says(valve, moment)
        if says is None:
            return False
        key = self._probes[valve], when.soil_below, when.soil_above
        self._dry[key] = says < when.soil_below or (says <= when.soil_above and self._dry.get(key, False))
        return self._dry[key]

    def wet(self, when: StartWhen, valve: str, moment: Moment) -> bool:
        """Whether the zone has had enough: it is above `soil_above`."""
        says = self.says(valve, moment)
        return says is not None and says > when.soil_above

    def _forget(self) -> None:
        """Thresholds that no program has any more."""
        followed = set(self._followed())
        for latches in (self._wet, self._dry):
            for key in [key for key in latches if key not in followed]:
                del latches[key]

    def _followed(self) -> Iterator[tuple[str, float, float]]:
        for program in self._programs.values():
            skip, start = program.skip_when, program.start_when
            for probe in {self._probes.get(f"valve/{zone.valve}") for zone in program.zones} - {None}:
                assert probe is not None
                if skip.soil_above is not None:
                    yield probe, skip.soil_above, skip.soil_above if skip.soil_below is None else skip.soil_below
                if start is not None:
                    yield probe, start.soil_below, start.soil_above
