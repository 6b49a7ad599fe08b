"""What a simulation came to for the field: water planned and delivered, the soil's moisture, rain, runs, pumps.

What was delivered is the world's own account; what was planned, and why it was not, is read from the controller's
journal, as a person would find it there.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from simulator.fast import Fast
from simulator.hydraulics import Account
from simulator.soil import FIELD_PCT, STRESSED_PCT

DAY_S = 86400.0
MOISTURE_EVERY_S = 3600.0


@dataclass(frozen=True, slots=True)
class Plot:
    """One valve's plot. Litres by day: `planned` for what was to be watered, `skipped` for what programs left out,
    `delivered`; minutes are reckoned with the valve's normal flow. `moisture`: (seconds, percent); `dry` and `wet`: the
    thresholds of its programs, or else where plants begin to thirst, and field capacity; `thirsty`: days whose mean
    lay below `dry`."""

    id: str
    name: str
    planned: list[float]
    skipped: list[float]
    delivered: list[float]
    moisture: list[tuple[float, float]]
    dry: float
    wet: float
    thirsty: int


@dataclass(frozen=True, slots=True)
class Water:
    """The field. `rain`: mm by day; `runs`: how many of each program (or person) came to which end, and why."""

    plots: list[Plot]
    pumps: dict[str, Account]
    rain: list[float]
    runs: dict[str, Counter[tuple[str, str]]]


@dataclass
class WaterSampler:
    """Looks at the plots; what they got is exact."""

    fast: Fast
    delivered: dict[str, list[float]] = field(default_factory=dict)
    moisture: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    _last: dict[str, float] = field(default_factory=dict)
    _next: float = 0.0

    def look(self, now: float, day: int) -> None:
        """At `now` (s), which belongs to that day."""
        village = self.fast.village
        for plot in self.fast.site.valves:
            litres = village.hydraulics.delivered_l(plot, now)
            days = self.delivered.setdefault(plot, [])
            days += [0.0] * (day + 1 - len(days))
            days[day] += litres - self._last.get(plot, 0.0)
            self._last[plot] = litres
        if now >= self._next:
            self._next = now + MOISTURE_EVERY_S
            for plot in self.fast.site.valves:
                self.moisture.setdefault(plot, []).append((now, village.moisture_pct(plot)))


def water(fast: Fast, sampler: WaterSampler, start: float, lead: float) -> Water | None:
    """What has happened so far in a field that began at Unix time `start`, `lead` seconds into a day; None without."""
    site, village = fast.site, fast.village
    if not site.valves and not site.pumps:
        return None
    now = fast.time.mono()
    days = max((len(found) for found in sampler.delivered.values()), default=0)
    begins = [max(start, start - lead + n * DAY_S) for n in range(days + 1)]
    rain = village.surroundings.rain
    ends = [min(at, start + now) for at in begins[1:]]
    runs, planned, skipped = _journalled(fast, days, lambda slot: int((slot - start + lead) // DAY_S))
    plots = []
    for name, valve in site.valves.items():
        dry, wet = _thresholds(site, name)
        seen = sampler.moisture.get(name, [])
        thirsty = sum(mean < dry for mean in _means(seen, lead))
        litres = planned[name], skipped[name], sampler.delivered[name]
        plots.append(Plot(name, valve.name, *litres, seen, dry, wet, thirsty))
    pumps = {name: village.hydraulics.account(name, now) for name in site.pumps}
    return Water(plots, pumps, [rain.depth_mm(a, b) for a, b in zip(begins, ends, strict=False)], runs)


def lines(found: Water, names: Callable[[str, str], str] = lambda _, code: code) -> Iterator[str]:
    """The field in plain words, a line each."""
    if found.plots:
        yield "plots (litres)"
    for plot in found.plots:
        low, high = min(p for _, p in plot.moisture), max(p for _, p in plot.moisture)
        planned = f" of {sum(plot.planned):.0f} planned" if any(plot.planned) else ""
        planned += f", {sum(plot.skipped):.0f} skipped" if any(plot.skipped) else ""
        thirst = f"{plot.thirsty or 'no'} day{'' if plot.thirsty == 1 else 's'} below {plot.dry:g} %"
        yield f"  {plot.id:<24} {sum(plot.delivered):.0f}{planned}; soil {low:.0f} to {high:.0f} %, {thirst}"
    yield f"  {'rain':<24} {sum(found.rain):.0f} mm on {sum(mm >= 0.1 for mm in found.rain)} days"
    if found.pumps:
        yield from ("", "pumps (hours on)")
    for name, account in found.pumps.items():
        dry = f", {account.dry_s:.0f} s without water" if account.dry_s else ""
        yield f"  {name:<24} {account.on_s / 3600:.1f}; {account.shut_s:.0f} s without an open valve{dry}"
    if found.runs:
        yield from ("", "runs")
    for who, ends in found.runs.items():
        yield f"  {who:<24} {told(ends, names)}"


def told(ends: Counter[tuple[str, str]], names: Callable[[str, str], str] = lambda _, code: code) -> str:
    """`50 done, 3 skipped (rain 2, soil-wet 1)`; `names` gives outcomes and reasons in another language."""
    parts = []
    for outcome in sorted({outcome for outcome, _ in ends}):
        why = {reason: n for (what, reason), n in sorted(ends.items()) if what == outcome and reason}
        reasons = ", ".join(f"{names('why', reason)} {n}" for reason, n in why.items())
        count = sum(n for (what, _), n in ends.items() if what == outcome)
        parts.append(f"{count} {names('outcome', outcome)}" + (f" ({reasons})" if reasons else ""))
    return ", ".join(parts)


def _thresholds(site: Any, valve: str) -> tuple[float, float]:
    """From what moisture on its programs let a plot be watered, and from what on not."""
    dry, wet = STRESSED_PCT, FIELD_PCT
    for program in site.programs.values():
        if program.kind != "irrigation" or valve not in {zone.valve for zone in program.zones}:
            continue
        if program.start_when is not None:
            dry, wet = program.start_when.soil_below, program.start_when.soil_above
        wet = wet if program.skip_when.soil_above is None else program.skip_when.soil_above
    return dry, wet


def _means(seen: list[tuple[float, float]], lead: float) -> list[float]:
    days: dict[int, list[float]] = {}
    for at, percent in seen:
        days.setdefault(int((at + lead) // DAY_S), []).append(percent)
    return [sum(day) / len(day) for day in days.values()]


def _journalled(
    fast: Fast, days: int, day_of: Callable[[float], int]
) -> tuple[dict[str, Counter[tuple[str, str]]], dict[str, list[float]], dict[str, list[float]]]:
    """How the runs ended, by program or person; and the litres that were planned, and that were skipped, for each valve
    and day."""
    planned, skipped = ({name: [0.0] * days for name in fast.site.valves} for _ in range(2))
    runs: dict[str, Counter[tuple[str, str]]] = {}
    fast.runner.settle()
    journal = sqlite3.connect(f"file:{fast.journal_file}?mode=ro", uri=True)
    try:
        ended = "SELECT program, user, outcome, why FROM runs WHERE outcome IS NOT NULL ORDER BY slot"
        for program, user, outcome, why in journal.execute(ended):
            runs.setdefault(program or user or "", Counter())[outcome, why] += 1
        zones = "SELECT z.valve, z.planned_s, z.planned_l, z.outcome, r.slot FROM zones z JOIN runs r ON r.id = z.run"
        for valve, seconds, litres, outcome, slot in journal.execute(zones):
            name, day = valve.removeprefix("valve/"), day_of(slot)
            if name in planned and 0 <= day < days:
                normal = fast.village.hydraulics.pipes[name].normal
                days_of = skipped if outcome == "skipped" else planned
                days_of[name][day] += litres if litres is not None else (seconds or 0.0) * normal / 60
    finally:
        journal.close()
    return runs, planned, skipped
