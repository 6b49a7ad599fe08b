"""From the validated village to the controller that decides for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from zoneinfo import ZoneInfo

from edge.core import gauges, topics, water_assembly
from edge.core.alarms import Alarms
from edge.core.asked import Known
from edge.core.bills import Bills
from edge.core.budgets import Operated
from edge.core.cabinet import Cabinet
from edge.core.cells import Cells
from edge.core.circuits import Bank, Circuit
from edge.core.controller import Controller
from edge.core.desk import Desk
from edge.core.evidence import Evidence
from edge.core.light_unit import LightUnit, Surroundings
from edge.core.lighting import Ladder, Wish, ladder
from edge.core.limits import Switching
from edge.core.memory import JournalHealth, Memory
from edge.core.plan import Coming, Planned
from edge.core.plan_desk import PlanDesk
from edge.core.power_room import PowerRoom
from edge.core.programs import Programs
from edge.core.reading_unit import ReadingUnit
from edge.core.schedule import Calendar
from edge.core.site import Light, LightProgram, Site
from edge.core.trust import KnownTime
from edge.core.values import ModelInfo, Moment
from edge.core.water_desk import WaterDesk


def assemble(
    site: Site, catalogue: Mapping[str, ModelInfo], memory: Memory, version: str, look_every_s: float = 1.0
) -> Controller:
    """The controller of `site`, with what the journal kept. `catalogue` says what each meter model measures.

    `look_every_s`: how often the counting contacts are looked at.
    """
    names = topics.Topics(site.site.id)
    known = KnownTime(memory.known_wall)
    programs = Programs(site, catalogue, memory.programs, memory.reserved.get("revs", 0))
    calendar = Calendar(site.site, programs.light())
    cells = Cells(calendar, any(found.role == "photocell" for found in site.inputs.values()))
    cabinet = Cabinet(site, memory.inputs, cells)
    meters = gauges.meters(site, catalogue, memory.meters, names, memory.reserved.get("lives", 0))
    others = gauges.others(site, catalogue, memory.pulses, names, look_every_s)
    switching = Switching(site.limits.switching.burst, site.limits.switching.per)
    evidence = {meter.target: Evidence(meter.power) for meter in meters}
    shared = _Shared(names, calendar, switching, known, cells, cabinet, evidence)
    lights = [_light(name, light, shared) for name, light in site.lights.items()]
    measuring: list[ReadingUnit] = [*meters, *others]
    room = PowerRoom(site.site.contracted_kw)
    for circuit in (circuit for light in lights for circuit in light.circuits):
        room.add(partial(_drawn, circuit))
    operated, health = Operated(memory.water.operated), JournalHealth()
    shows = partial(_shows, {gauge.target: gauge for gauge in measuring})
    shared_by_all = water_assembly.Village(
        site, names, memory, switching, operated, health, room, shows, cabinet.hand
    )
    by_water, by_climate = programs.irrigation(), programs.climate()
    water, water_calendar = water_assembly.waterworks(shared_by_all, by_water)
    switches = water_assembly.switches(shared_by_all, by_climate)
    village = f"site/{site.site.id}"
    called = {f"light/{i}": light.name for i, light in site.lights.items()}
    called |= gauges.called(site) | water_assembly.called(site, by_water) | {village: site.site.name}
    called |= {name: name.partition("/")[2] for name in (*cabinet.names, *water.inputs)}
    called |= {"sink/telemetry": "MQTT"} | ({} if site.influx is None else {"sink/influxdb": "InfluxDB"})
    alarms = Alarms(called, names, memory.alarms, memory.seen)
    asked_of = Known(gauges.quantities(site, catalogue), called.keys())
    days = {name: meter.billing_day for name, meter in site.meters.items() if meter.billing_day is not None}
    bills = Bills(asked_of, days, ZoneInfo(site.site.timezone), memory.bills)
    plans = PlanDesk(lights, calendar, [f"valve/{name}" for name in site.valves], water_calendar, water.put_off_until)
    desk = Desk(alarms, programs, calendar, plans, asked_of, bills, WaterDesk(water))
    introduction = partial(about, site, catalogue, version, programs)
    return Controller(
        names, introduction, lights, measuring, memory, known, alarms, cabinet, desk, village, water, switches,
        operated, health,
    )


def coming(site: Site, start: float, end: float) -> list[Coming]:
    """Every change of level of the lights after `start` and up to `end` (Unix s), by the programs of the
    configuration; in order of time."""
    calendar = light_calendar(site)
    planned = [p for name, light in site.lights.items() if (p := planned_light(name, light)) is not None]
    return sorted((c for p in planned for c in p.changes(calendar, start, end)), key=lambda c: (c.at, c.device))


def planned_light(name: str, light: Light) -> Planned | None:
    """A light as its plan needs it; None for one without a program."""
    if light.program is None:
        return None
    return Planned(f"light/{name}", scale(light), list(light.circuits), light.rotate, light.program)


def light_calendar(site: Site) -> Calendar:
    """The calendar of the site's light programs."""
    programs = {name: p for name, p in site.programs.items() if isinstance(p, LightProgram)}
    return Calendar(site.site, programs)


def decoder(site: Site) -> topics.Decoder:
    """What tells this site's commands from everything else."""
    devices = [f"light/{name}" for name in site.lights]
    devices += [f"valve/{name}" for name in site.valves] + [f"pump/{name}" for name in site.pumps]
    devices += [f"switch/{name}" for name in site.switches]
    return topics.Decoder(topics.Topics(site.site.id), devices)


def scale(light: Light) -> Ladder:
    """The levels of a light, by the rated power of its circuits in the order of the configuration."""
    return ladder([c.lamps * c.lamp_w for c in light.circuits.values()])


def about(site: Site, catalogue: Mapping[str, ModelInfo], version: str, programs: Programs) -> dict[str, object]:
    """The payload of `<root>/about`: what this version drives, and all that a page needs to draw it."""
    told = village(site, catalogue)
    return {
        "contract": topics.CONTRACT, "version": version, "site": told["site"], "devices": told["devices"],
        "programs": programs.about(), "tariff": told["tariff"],
    }


def village(site: Site, catalogue: Mapping[str, ModelInfo]) -> dict[str, object]:
    """What of `about` stands in the configuration: `site`, `devices` and `tariff`."""
    place = site.site
    return {
        "site": {
            "id": place.id, "name": place.name, "latitude": place.latitude, "longitude": place.longitude,
            "timezone": place.timezone, "language": place.language,
        },
        "devices": devices(site, catalogue), "tariff": gauges.tariff(site, catalogue),
    }


def devices(site: Site, catalogue: Mapping[str, ModelInfo]) -> list[dict[str, object]]:
    """What `<root>/about` says of each device that this version drives."""
    lights = [_about_light(name, light) for name, light in site.lights.items()]
    return lights + water_assembly.about(site) + gauges.about(site, catalogue)


def _about_light(name: str, light: Light) -> dict[str, object]:
    circuits = light.circuits.values()
    return {
        "id": name, "kind": "light", "name": light.name, "area": light.area, "levels": scale(light).levels,
        "circuits": len(circuits), "lamps": sum(c.lamps for c in circuits),
        "rated_w": sum(c.lamps * c.lamp_w for c in circuits), "meter": light.meter, "program": light.program,
    }


@dataclass(frozen=True, slots=True)
class _Shared:
    """What all lights of a village have in common."""

    names: topics.Topics
    calendar: Calendar
    switching: Switching
    known: KnownTime
    cells: Cells
    cabinet: Cabinet
    evidence: Mapping[str, Evidence]


def _light(name: str, light: Light, shared: _Shared) -> LightUnit:
    target = f"light/{name}"
    circuits = [
        Circuit(key, f"{target}/{key}", c.lamps * c.lamp_w, c.feedback is not None) for key, c in light.circuits.items()
    ]
    # Lights without a meter share no inrush: each is a group of its own.
    group = f"meter/{light.meter}" if light.meter else target
    evidence = shared.evidence.get(group, Evidence())
    for circuit in circuits:
        evidence.add(circuit.output, circuit.watts, partial(_shown, circuit))
    around = Surroundings(
        group, shared.switching, evidence, shared.cabinet.mains, partial(shared.cabinet.hand, target)
    )
    rungs = scale(light)
    wish = Wish(rungs, shared.calendar, light.program, shared.known, shared.cells)
    return LightUnit(target, Bank(circuits, rungs, light.rotate), light.restrike, wish, around, shared.names)


def _shown(circuit: Circuit) -> bool | None:
    return circuit.observed


def _drawn(circuit: Circuit) -> float:
    return circuit.watts if circuit.on else 0.0


def _shows(gauges: Mapping[str, ReadingUnit], device: str, quantity: str, moment: Moment) -> float | None:
    gauge = gauges.get(device)
    return None if gauge is None else gauge.shows(quantity, moment)
