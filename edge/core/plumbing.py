"""What hangs together: which station a valve or a pump is of, and what counts its water."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edge.core.events import Effect
from edge.core.flow import Flow
from edge.core.site import Pump, Site, Valve
from edge.core.station import Station, Waiting


class Plumbing:
    """The stations and the flow inputs of a village, by the targets of its valves and pumps."""

    def __init__(self, site: Site, stations: Sequence[Station], flows: Mapping[str, Flow]) -> None:
        """`flows` by their inputs, `input/<id>`."""
        self.stations = list(stations)
        self.flows = dict(flows)
        self.valves: dict[str, Valve] = {f"valve/{name}": valve for name, valve in site.valves.items()}
        self.pumps: dict[str, Pump] = {f"pump/{name}": pump for name, pump in site.pumps.items()}
        self.soil = {f"sensor/{valve.soil}" for valve in site.valves.values() if valve.soil is not None}
        self.station = {target: station for station in stations for target in station.targets}

    def pump_of(self, valve: str) -> str | None:
        """The pump that feeds it, `pump/<id>`; None: it needs none."""
        pump = self.valves[valve].pump
        return None if pump is None else f"pump/{pump}"

    def valves_of(self, target: str) -> list[str]:
        """The valves that a pump feeds; of a valve, itself."""
        return [target] if target in self.valves else [v for v in self.valves if self.pump_of(v) == target]

    def observed(self, target: str) -> bool | None:
        """What a valve or a pump says of itself; None: it cannot be known."""
        return self.station[target].observed(target)

    def waits(self, valve: str) -> Waiting | None:
        """Why a wanted valve is not open; None: it is, or is about to be once the journal has answered."""
        found = self.station[valve].waits(valve)
        return None if found is None or found.code == "journal" else found

    def unblock(self, target: str) -> list[Effect]:
        """A person has seen to the danger that kept it shut. If it is there still, it is found anew."""
        for flow in self.flows.values():
            flow.clear(target)
        return self.station[target].unblock(target)

    def lead_s(self, valve: str) -> float:
        """How long (s) after its opening the pump starts."""
        pump = self.pump_of(valve)
        return 0.0 if pump is None else self.pumps[pump].lead

    def lag_s(self, target: str) -> float:
        """How long (s) after its pump it closes; 0 for a pump."""
        pump = self.pump_of(target) if target in self.valves else None
        return 0.0 if pump is None else self.pumps[pump].lag

    def flow(self, valve: str) -> Flow | None:
        """What counts its water, if anything does."""
        found = self.valves[valve].flow
        return None if found is None else self.flows.get(f"input/{found}")

    def litres(self, valve: str) -> float | None:
        """What was counted at it since this process began; None: nothing counts there."""
        flow = self.flow(valve)
        return None if flow is None else flow.litres(valve)

    def normal(self, valve: str) -> float | None:
        """Its normal flow in l/min; None: nobody knows."""
        flow = self.flow(valve)
        learned = None if flow is None else flow.normal(valve)
        return learned if learned is not None else self.valves[valve].normal_l_min
