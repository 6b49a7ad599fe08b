"""How long an irrigation run is expected to take, by what its pumps and valves allow: pure arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge.core.site import IrrigationProgram, Pump, Site

UNKNOWN_L_MIN = 10.0  # taken for a valve whose normal flow nobody states, litres a minute
LONGEST_S = 7 * 86400.0  # no run is reckoned further


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
    as it can, starts `lead` after its first valve and `rest` after it last stopped, runs no longer than its `max_on`,
    and its last valve closes `lag` after it. Pumps, and valves without one, work side by side.
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


class _Station:
    """One pump and what it is to feed, or one valve without a pump; time counts from the first valve's opening."""

    def __init__(self, site: Site, program: IrrigationProgram, pump: Pump | None, shares: Sequence[Share]) -> None:
        self._valves = [share.valve for share in shares]
        self._left = [share_s(site, share) for share in shares]
        self._ready = [0.0] * len(shares)  # from when on a zone may have its next piece
        self._piece = LONGEST_S if program.cycle is None else program.cycle
        self._soak = program.soak or 0.0
        self._places = 1 if pump is None else pump.zones_at_once
        self._lead, self._lag = (0.0, 0.0) if pump is None else (pump.lead, pump.lag)
        self._rest, self._max_on = (0.0, LONGEST_S) if pump is None else (pump.rest, pump.max_on)
        self._open: dict[int, float] = {}  # what flows, with the end of its piece
        self._running = False
        self._stopped: float | None = None
        self._limit = 0.0  # when the pump must stop

    def length_s(self) -> float:
        at = 0.0
        while any(self._left) and at < LONGEST_S:
            at = self._begin(at)
            then = self._next(at)
            self._flow(then - at, then)
            at = then
        return min(at + self._lag, LONGEST_S) if at else 0.0

    def _begin(self, at: float) -> float:
        """Give free places to the zones that are ready at `at`; the answer is when their water flows."""
        for i, valve in enumerate(self._valves):
            busy = {self._valves[j] for j in self._open}
            if self._left[i] and self._ready[i] <= at and valve not in busy and len(self._open) < self._places:
                if not self._running:
                    at = self._start(at)
                self._open[i] = at + min(self._piece, self._left[i])
        self._running = bool(self._open)
        return at

    def _start(self, at: float) -> float:
        at += self._lead
        if self._stopped is not None:
            at = max(at, self._stopped + self._rest)
        self._running = True
        self._limit = at + self._max_on
        return at

    def _next(self, at: float) -> float:
        """When a piece ends, the pump must stop, or a zone has soaked and there is a place for it."""
        soaked = [self._ready[i] for i, left in enumerate(self._left) if left and i not in self._open]
        if not self._open:
            return min(soaked)
        free = len(self._open) < self._places
        return min([*self._open.values(), self._limit, *(ready for ready in soaked if free and ready > at)])

    def _flow(self, lasted: float, until: float) -> None:
        """Water flows until `until`; the pieces that are over by then end, all of them if the pump has to stop."""
        must_stop = self._running and until >= self._limit
        for i, end in list(self._open.items()):
            left = self._left[i] - lasted
            self._left[i] = left if left > _NOTHING_S else 0.0
            if end <= until or must_stop:
                del self._open[i]
                self._ready[i] = until + (self._soak if end <= until else self._lag)
        if self._running and not self._open:
            self._stopped = until
            self._running = not must_stop


_NOTHING_S = 1e-6  # less is what adding up has left over
