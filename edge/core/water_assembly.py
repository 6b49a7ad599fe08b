"""From the validated village to its irrigation and its switches, and what `about` says of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from zoneinfo import ZoneInfo

from edge.core import topics
from edge.core.budgets import Operated
from edge.core.climate import Climate
from edge.core.field import Field
from edge.core.flow import Flow
from edge.core.limits import Switching
from edge.core.memory import JournalHealth, Memory
from edge.core.occurrences import WaterCalendar
from edge.core.plumbing import Plumbing
from edge.core.power_room import PowerRoom
from edge.core.runs import Runs
from edge.core.site import ClimateProgram, FlowInput, IrrigationProgram, Site, Switch
from edge.core.station import Around, Station
from edge.core.switch_unit import Around as SwitchAround
from edge.core.switch_unit import SwitchUnit
from edge.core.values import Moment
from edge.core.water_commands import WaterCommands
from edge.core.water_holds import Holds
from edge.core.water_view import WaterView
from edge.core.waterworks import Waterworks

TOLD_S = 5.0  # hands, locks, floats and the journal have the waterworks stepped when they change; so seldom is enough


@dataclass(frozen=True, slots=True)
class Village:
    """What irrigation and switches share with all else. `shows(device, quantity, moment)`: what a sensor says; `hand`:
    since when (Unix s) the cabinet's switch has a target on hand."""

    site: Site
    names: topics.Topics
    memory: Memory
    switching: Switching
    operated: Operated
    health: JournalHealth
    room: PowerRoom
    shows: Callable[[str, str, Moment], float | None]
    hand: Callable[[str], float | None]

    def failing(self) -> bool:
        """Whether the journal cannot be written."""
        return self.health.failing


def waterworks(village: Village, programs: dict[str, IrrigationProgram]) -> tuple[Waterworks, WaterCalendar]:
    """All irrigation of the village, and when it is due. `programs` is shared with whoever changes it."""
    site, memory = village.site, village.memory
    field = Field(site, programs, memory.water.facts, village.shows)
    targets = [*(f"pump/{name}" for name in site.pumps), *(f"valve/{name}" for name in site.valves)]
    holds = Holds(targets, memory.lockouts, memory.overrides)
    around = Around(
        village.operated, village.switching, village.hand, holds.locked, field.level_stop, village.room.why_not,
        village.failing, TOLD_S,
    )
    counted = [f"input/{i}" for i, found in site.inputs.items() if isinstance(found, FlowInput)]
    flows = {name: Flow(name, site, memory.water.flows, memory.water.blocks) for name in counted}
    plumbing = Plumbing(site, _stations(village, around), flows)
    calendar = WaterCalendar(site.site, programs, site)
    zone = ZoneInfo(site.site.timezone)
    runs = Runs(calendar, programs, field, plumbing.valves, memory.water, memory.known_wall, zone)
    commands = WaterCommands(plumbing, runs, holds, village.hand, village.names)
    view = WaterView(plumbing, runs, holds, calendar, village.hand, village.names)
    for name, pump in site.pumps.items():
        village.room.add(partial(_drawn, partial(plumbing.observed, f"pump/{name}"), pump.rated_w))
    water = Waterworks(f"site/{site.site.id}", plumbing, runs, field, holds, commands, view, village.hand)
    return water, calendar


def _stations(village: Village, around: Around) -> list[Station]:
    site, water = village.site, village.memory.water
    fed = [
        Station({i: v for i, v in site.valves.items() if v.pump == name}, (name, pump), around, water)
        for name, pump in site.pumps.items()
    ]
    return fed + [Station({i: v}, None, around, water) for i, v in site.valves.items() if v.pump is None]


def _drawn(on: Callable[[], bool | None], watts: float | None) -> float:
    return (watts or 0.0) if on() else 0.0


def switches(village: Village, programs: dict[str, ClimateProgram]) -> list[SwitchUnit]:
    """The switches of the village. `programs` is shared with whoever changes it."""
    return [_switch(village, f"switch/{name}", switch, programs) for name, switch in village.site.switches.items()]


def _switch(village: Village, target: str, switch: Switch, programs: dict[str, ClimateProgram]) -> SwitchUnit:
    stale = {name: sensor.stale for name, sensor in village.site.sensors.items()}
    climate = Climate(switch.program, programs, village.site.site.timezone, village.shows, stale)
    around = SwitchAround(village.switching, village.operated, partial(village.hand, target), village.failing)
    unit = SwitchUnit(target, switch, climate, around, village.names)
    village.room.add(partial(_drawn, partial(_wanted, unit), switch.rated_w))
    return unit


def _wanted(unit: SwitchUnit) -> bool:
    return unit.wanted.on


def called(site: Site, programs: Mapping[str, IrrigationProgram]) -> dict[str, str]:
    """What people call the valves, pumps and switches, and the programs that alarms may be about."""
    found = {f"valve/{i}": valve.name for i, valve in site.valves.items()}
    found |= {f"pump/{i}": pump.name for i, pump in site.pumps.items()}
    found |= {f"switch/{i}": switch.name for i, switch in site.switches.items()}
    return found | {f"program/{name}": name for name in programs}


def about(site: Site) -> list[dict[str, object]]:
    """The `devices` of `<root>/about` that water or are switched."""
    valves: list[dict[str, object]] = [
        {
            "id": i, "kind": "valve", "name": v.name, "area": v.area, "pump": v.pump, "flow": v.flow, "soil": v.soil,
            "max_on_s": v.max_on, "default_s": v.default,
        }
        for i, v in site.valves.items()
    ]
    pumps: list[dict[str, object]] = [
        {
            "id": i, "kind": "pump", "name": p.name, "area": p.area, "meter": p.meter, "rated_w": p.rated_w,
            "max_on_s": p.max_on, "valves": [name for name, v in site.valves.items() if v.pump == i],
        }
        for i, p in site.pumps.items()
    ]
    others: list[dict[str, object]] = [
        {
            "id": i, "kind": "switch", "name": s.name, "area": s.area, "rated_w": s.rated_w, "program": s.program,
            "max_on_s": s.max_on, "default_s": s.default,
        }
        for i, s in site.switches.items()
    ]
    return valves + pumps + others
