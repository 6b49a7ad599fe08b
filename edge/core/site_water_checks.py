"""What the irrigation of a configuration needs: probes and meters that are there, and times that valves and pumps may
run for. Like every cross-check it yields (path, text), and never stops at the first."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from edge.core.run_length import run_length_s, share_s, shares_of
from edge.core.site import IrrigationProgram, Pump, Site, Valve, Zone
from edge.core.site_terms import span
from edge.core.values import ModelInfo

MOISTURE = "moisture_pct"  # the quantity by which soil is judged
_LONGEST_RUN_S = 86400.0
_Found = tuple[tuple[str | int, ...], str]


def water_checks(
    site: Site, catalogue: Mapping[str, ModelInfo], known: Mapping[str, Collection[str]]
) -> Iterator[_Found]:
    """What contradicts itself in pumps, valves and irrigation programs; `known` as of cross_checks."""
    yield from _power(site)
    for name, valve in site.valves.items():
        yield from _probe(site, catalogue, name, valve)
        yield from _time_for_water(site, name, valve)
    every_input_read = len(site.inputs) == len(known.get("inputs", ()))
    has_rain = not every_input_read or any(found.role == "rain" for found in site.inputs.values())
    for name, program in site.programs.items():
        if isinstance(program, IrrigationProgram):
            flaws = [*_senses(site, program, has_rain), *_Times(site, program).flaws()]
            yield from ((("programs", name, *path), text) for path, text in flaws)


def _power(site: Site) -> Iterator[_Found]:
    """A pump waits until there is room under the contracted power, so there must be enough for it alone."""
    contracted = site.site.contracted_kw
    if contracted is None:
        return
    for name, pump in site.pumps.items():
        if pump.rated_w is None:
            text = "site.contracted_kw needs to know what each pump draws; add rated_w: 750, in W as on its plate"
            yield ("pumps", name, "rated_w"), text
    most = max(site.pumps, key=lambda name: site.pumps[name].rated_w or 0.0, default=None)
    rated_kw = 0.0 if most is None else (site.pumps[most].rated_w or 0.0) / 1000
    if rated_kw > contracted:
        text = f"{most} alone draws {rated_kw:g} kW and would never start; write at least {rated_kw:g}"
        yield ("site", "contracted_kw"), text


def _probe(site: Site, catalogue: Mapping[str, ModelInfo], name: str, valve: Valve) -> Iterator[_Found]:
    sensor = site.sensors.get(valve.soil or "")
    info = catalogue.get(sensor.model) if sensor else None
    if info is not None and info.quantities and MOISTURE not in info.quantities:
        text = f"{valve.soil} ({info.name}) does not measure {MOISTURE}; name a soil probe, or remove this line"
        yield ("valves", name, "soil"), text


def _time_for_water(site: Site, name: str, valve: Valve) -> Iterator[_Found]:
    pump = site.pumps.get(valve.pump or "")
    if pump is not None and valve.max_on <= pump.lead + pump.lag:
        text = (
            f"max_on ({span(valve.max_on)}) leaves no time for water: {valve.pump} starts {span(pump.lead)} after the "
            f"valve opens and stops {span(pump.lag)} before it closes; write a longer one"
        )
        yield ("valves", name, "max_on"), text


def _senses(site: Site, program: IrrigationProgram, has_rain: bool) -> Iterator[_Found]:
    """What a program goes by must be measured."""
    valves = [site.valves.get(zone.valve) for zone in program.zones]
    for i, (zone, valve) in enumerate(zip(program.zones, valves, strict=True)):
        path = ("zones", i, zone.valve)
        if valve is not None and zone.volume_l is not None and valve.flow is None:
            yield path, f"nothing counts litres here; write a time such as 20m, or add flow to valves.{zone.valve}"
        if valve is not None and program.start_when is not None and valve.soil is None:
            text = "start_when goes by the soil, and no probe is in this one's"
            yield path, f"{text}; add soil to valves.{zone.valve}, or remove the zone"
    skip = program.skip_when
    if skip.soil_above is not None and all(valve is not None and valve.soil is None for valve in valves):
        text = "no valve of this program has a probe in its soil; add soil to one of them, or remove this line"
        yield ("skip_when", "soil_above"), text
    if skip.rain and not has_rain:
        text = "no input has the role rain; add one such as rain: {gpio: 20, role: rain}, or remove this line"
        yield ("skip_when", "rain"), text


class _Times:
    """What a program asks of valves and pumps in the month that it waters most in: that is what must be possible."""

    def __init__(self, site: Site, program: IrrigationProgram) -> None:
        self._site = site
        self._program = program
        self._percent, month = max((program.season.get(month, 100), month) for month in range(1, 13))
        shares = shares_of(program, month)
        self._shares = shares
        self._seconds = [share_s(site, share) for share in shares] or [0.0] * len(program.zones)

    def flaws(self) -> Iterator[_Found]:
        """Every time that is too long."""
        by_valve: Counter[str] = Counter()
        by_pump: Counter[str] = Counter()
        for i, (zone, seconds) in enumerate(zip(self._program.zones, self._seconds, strict=True)):
            valve = self._site.valves.get(zone.valve)
            if valve is None or (zone.volume_l is not None and valve.normal_l_min is None):
                continue  # unread, or nobody knows how long it takes
            path = ("zones", i, zone.valve)
            pump = self._site.pumps.get(valve.pump or "")
            yield from ((path, text) for text in self._piece(zone, seconds, valve, pump))
            before, by_valve[zone.valve] = by_valve[zone.valve], by_valve[zone.valve] + math.ceil(seconds)
            if before <= valve.daily_max < by_valve[zone.valve]:
                whole = span(by_valve[zone.valve])
                text = f"this program keeps {zone.valve} open for {whole} in all{self._when()}"
                yield path, f"{text}, and its daily_max is {span(valve.daily_max)}; write less"
            if pump is not None:
                by_pump[str(valve.pump)] += math.ceil(seconds)
        for name, seconds in by_pump.items():
            pump = self._site.pumps[name]
            if seconds / pump.zones_at_once > pump.daily_max:
                least = span(math.ceil(seconds / pump.zones_at_once))
                text = f"{name} would run for at least {least}{self._when()}"
                yield ("zones",), f"{text}, and its daily_max is {span(pump.daily_max)}; write less"
        yield from self._whole()

    def _when(self) -> str:
        return f" in a month of {self._percent} %" if self._percent != 100 else ""

    def _piece(self, zone: Zone, seconds: float, valve: Valve, pump: Pump | None) -> Iterator[str]:
        """The time at a stretch, which `cycle` bounds."""
        limits = [(valve.max_on, f"{zone.valve}'s max_on is {span(valve.max_on)}")]
        if pump is not None:
            lag = f", {span(pump.lag)} of it for the pump's lag" if pump.lag else ""
            limits = [
                (valve.max_on - pump.lag, limits[0][1] + lag),
                (pump.max_on, f"{valve.pump}'s max_on is {span(pump.max_on)}"),
            ]
        limit, because = min(limits)
        if min(seconds, self._program.cycle or seconds) <= limit:
            return
        if self._program.cycle is None:
            remedy = f"write at most {span(limit)}, or cut it into pieces, such as cycle: 10m and soak: 15m"
        else:
            remedy = f"write a cycle of at most {span(limit)}"
        yield f"{span(math.ceil(seconds))}{self._when()} is too long at a stretch: {because}; {remedy}"

    def _whole(self) -> Iterator[_Found]:
        length_s = run_length_s(self._site, self._program, self._shares)
        if length_s > _LONGEST_RUN_S:
            text = f"with its pauses a run would take longer than a day{self._when()}"
            yield ("soak",) if self._program.soak else ("zones",), f"{text}; write shorter times"
