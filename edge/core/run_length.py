"""How long an irrigation run is expected to take, by what its pumps and valves allow: pure arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge.core.site import IrrigationProgram, Pump, Site

UNKNOWN_L_MIN = 10.0  # taken for a valve whose normal flow nobody states, litres a minute
LONGEST_S = 7 * 86400.0  # no run is reckoned further
SHOWS_S = 1.0  # allowed for the outputs of each start to show what they were told


@dataclass(frozen=True, slots=True)
class Share:
    """What one zone of a run gets: `valve` as `valve/<id>`, and either seconds or litres."""

    valve: str
    for_s: float | None
    volume_l: float | None


def shares_of(program: IrrigationProgram, month: int) -> tuple[Share, ...]:
    """What the zones of `program` get in `month` (1 to 12), in their order; zones that get nothing are left out."""
    percent = program.season.get(month, 100)
    if percent == 0:
        return ()
    factor = percent / 100
    return tuple(
        Share(
            f"valve/{zone.valve}",
            None if zone.for_s is None else zone.for_s * factor,
            None if zone.volume_l is None else zone.volume_l * factor,
        )
        for zone in program.zones
    )


def share_s(site: Site, share: Share) -> float:
    """For how long (s) water is expected to flow for `share`; litres by the valve's normal flow."""
    if share.for_s is not None:
        return share.for_s
    valve = site.valves.get(share.valve.partition("/")[2])
    normal = UNKNOWN_L_MIN if valve is None or valve.normal_l_min is None else valve.normal_l_min
    return (share.volume_l or 0.0) / normal * 60.0


def run_length_s(site: Site, program: IrrigationProgram, shares: Sequence[Share]) -> float:
    """From the first valve's opening to the last one's closing (s), at most LONGEST_S, if nothing else wants water.

    Zones follow each other in their order; a zone that soaks lets the next one go first. A pump feeds as many at once
    as it can and runs on while any of them waters, no longer than its `max_on`. When none does it stops, its last valve
    closes `lag` later, and the next opens then, or after `rest` if that is longer. Seconds count from a valve's
    opening, litres from the pump's start, `lead` later. Pumps, and valves without one, work side by side.
    """
    stations: dict[str, list[Share]] = {}
    pumps: dict[str, Pump | None] = {}
    for share in shares:
        valve = site.valves.get(share.valve.partition("/")[2])
        pump = None if valve is None or valve.pump is None else site.pumps.get(valve.pump)
        station = share.valve if valve is None or pump is None else f"pump/{valve.pump}"
        stations.setdefault(station, []).append(share)
        pumps[station] = pump
    return max((_Station(site, program, pumps[key], found).length_s() for key, found in stations.items()), default=0.0)


@dataclass(slots=True)
class _Zone:
    """What is left of a share: seconds of an open valve or, by litres, of water. `ready`: from when on it may open."""

    valve: str
    left: float
    by_litres: bool
    ready: float = 0.0
    opened: float = 0.0
    dry: float = 0.0  # of the present opening: seconds until the water flows
    ends: float = 0.0

    def open(self, at: float, dry: float, piece: float) -> None:
        self.opened, self.dry = at, dry if self.by_litres else 0.0
        self.ends = at + min(piece, self.left + self.dry)

    def close(self, at: float, soak: float) -> None:
        left = self.left - max(at - self.opened - self.dry, 0.0)
        self.left = left if left > _NOTHING_S else 0.0
        self.ready = at + soak


class _Station:
    """One pump and what it is to feed, or one valve without a pump; time counts from the first valve's opening."""

    def __init__(self, site: Site, program: IrrigationProgram, pump: Pump | None, shares: Sequence[Share]) -> None:
        self._zones = [_Zone(share.valve, share_s(site, share), share.for_s is None) for share in shares]
        self._piece = LONGEST_S if program.cycle is None else program.cycle
        self._soak = program.soak or 0.0
        self._places = 1 if pump is None else pump.zones_at_once
        self._lead, self._lag = (0.0, 0.0) if pump is None else (pump.lead, pump.lag)
        self._rest, self._max_on = (0.0, LONGEST_S) if pump is None else (pump.rest, pump.max_on)
        self._open: list[_Zone] = []
        self._rested = 0.0  # from when on a valve may open while the pump stands
        self._flows = 0.0  # since when the pump runs
        self._limit = 0.0  # when it must stop

    def length_s(self) -> float:
        at = 0.0
        while any(zone.left for zone in self._zones) and at < LONGEST_S:
            at = self._next(self._begin(at))
            self._end(at)
        return min(at + self._lag, LONGEST_S) if at else 0.0

    def _begin(self, at: float) -> float:
        """Give free places to the zones that are ready at `at`, or as soon as the pump may start: the answer."""
        if not self._open:
            at = max(at, self._rested, min(zone.ready for zone in self._zones if zone.left)) + SHOWS_S
            self._flows = at + self._lead
            self._limit = self._flows + self._max_on
        for zone in self._zones:
            busy = any(zone.valve == other.valve for other in self._open)
            if zone.left and zone.ready <= at and not busy and len(self._open) < self._places:
                zone.open(at, max(self._flows - at, 0.0), self._piece)
                self._open.append(zone)
        return at

    def _next(self, at: float) -> float:
        """When a piece ends, the pump must stop, or a zone has soaked and there is a place for it."""
        free = len(self._open) < self._places
        soaked = [zone.ready for zone in self._zones if free and zone.left and zone.ready > at]
        return min([*(zone.ends for zone in self._open), self._limit, *soaked])

    def _end(self, at: float) -> None:
        """Close what has had its piece, or all if the pump must stop."""
        for zone in list(self._open):
            if zone.ends <= at or at >= self._limit:
                zone.close(at, self._soak if zone.ends <= at else 0.0)
                self._open.remove(zone)
        if not self._open:
            self._rested = at + max(self._rest, self._lag)


_NOTHING_S = 1e-6  # less is what adding up has left over
