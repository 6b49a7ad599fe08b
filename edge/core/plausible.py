"""What the figures of one meter's readings say of each other: which of them cannot be, and whether they stand still.

A figure in doubt is told all the same, and named; one outside its model's limits never comes so far.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from edge.core.values import Reading

Quantities = Mapping[str, float]
MARGIN = 1.5  # rated power is a nameplate figure
VOLTS = (180.0, 260.0)  # of 230 V: what a meter may show at the end of a long line, or with the neutral gone bad
HERTZ = (45.0, 55.0)
DEAD_V = 10.0  # less is a phase without voltage: truly read, and no frequency is read from it
APPARENT = 1.1  # |P| <= V·A; the meter's classes and roundings make up to a tenth of it
APPARENT_W = 20.0  # a lamp or two: currents are shown in steps of up to 0.1 A
FROZEN_S = 600.0
FROZEN_READINGS = 10
FROZEN_STEPS = 3.0  # of the counter, that the power shown should have moved it by
UNSEEN_STEPS = 100.0  # while nobody has seen it move: transformers multiply the steps, by ratios that no file knows
COUNTS_W = 50.0  # less is perhaps shown, but not counted: a 100 A meter starts at 40 mA a phase
LONGEST_GAP_S = 300.0  # what flowed between two readings further apart is not reckoned with
SINGLE = 2.0**-23  # a 32-bit float tells no smaller steps, of its own size
EVERY_FIGURE = "every figure"
THE_COUNTER = "its energy counter"
LIVES = "voltage_v", "voltage_l1_v"  # where a meter takes its frequency from

_PHASE = re.compile(r"voltage(?P<phase>(_l[123])?)_v")


def resolution(energy_kwh: float, step: float) -> float:
    """The least that a counter at `energy_kwh` can move by (kWh): its `step`, or what its register can tell."""
    return max(step, energy_kwh * SINGLE)


def doubtful(quantities: Quantities, rated_kw: float | None) -> set[str]:
    """Voltages, frequency and power that cannot be on mains of 230 V and 50 Hz, or are beyond `rated_kw`.

    A voltage of next to nothing is believed: that phase is dead, or the mains are away.
    """
    found = {
        name
        for name, volts in quantities.items()
        if _PHASE.fullmatch(name) and abs(volts) >= DEAD_V and not VOLTS[0] <= volts <= VOLTS[1]
    }
    hertz = quantities.get("frequency_hz")
    if hertz is not None and not HERTZ[0] <= hertz <= HERTZ[1]:
        volts = next((quantities[name] for name in LIVES if name in quantities), 0.0)
        if hertz != 0 or abs(volts) >= DEAD_V:
            found.add("frequency_hz")
    if rated_kw is not None and abs(quantities.get("power_w", 0.0)) > rated_kw * 1000 * MARGIN:
        found.add("power_w")
    return found


def beyond_apparent(quantities: Quantities) -> set[str]:
    """Powers that are more than volts times amperes: a wrong model, scale or transformer ratio shows so.

    A reading takes several questions, and lamps are switched between them, so one reading alone proves nothing.
    """
    found: set[str] = set()
    total_va = 0.0
    phases = [match["phase"] for name in quantities if (match := _PHASE.fullmatch(name))]
    for phase in phases:
        amperes = quantities.get(f"current{phase}_a")
        if amperes is None:
            return found
        volt_amperes = abs(quantities[f"voltage{phase}_v"] * amperes)
        total_va += volt_amperes
        if _beyond(quantities.get(f"power{phase}_w"), volt_amperes):
            found.add(f"power{phase}_w")
    if phases and _beyond(quantities.get("power_w"), total_va):
        found.add("power_w")
    return found


def _beyond(watts: float | None, volt_amperes: float) -> bool:
    return watts is not None and abs(watts) > APPARENT * volt_amperes + APPARENT_W


@dataclass(frozen=True, slots=True)
class _Since:
    """Since when (Unix s) something has stood still, over how many readings, and what flowed meanwhile (kWh)."""

    at: float
    readings: int = 1
    flowed: float = 0.0

    def lasts(self, at: float) -> bool:
        return self.readings >= FROZEN_READINGS and at - self.at >= FROZEN_S


class Frozen:
    """Whether a meter goes on answering though its registers stand still; `why` says which, None while they live.

    It is accused only while it shows power: an idle meter has every right to show the same for ever. Then its counter
    must move, and within ten minutes the mains' own wobble moves a voltage or a frequency.
    """

    def __init__(self, step: float) -> None:
        """`step` as of a Counter (kWh)."""
        self._step = step
        self._least: float | None = None  # that it was seen to move by
        self._last: Reading | None = None
        self._all: _Since | None = None
        self._counter: _Since | None = None
        self.why: str | None = None

    def take(self, reading: Reading) -> None:
        """The next reading."""
        last, self._last = self._last, reading
        watts = reading.quantities.get("power_w", 0.0)
        if last is None or watts <= 0 or reading.at < last.at:
            self._all = self._counter = self.why = None
            return
        self._all = _next(self._all, last, reading, reading.quantities == last.quantities)
        energy, before = reading.quantities.get("energy_kwh"), last.quantities.get("energy_kwh")
        self._counter = _next(self._counter, last, reading, energy is not None and energy == before)
        if energy is not None and before is not None and energy > before:
            self._least = min(energy - before, self._least or energy)
        self.why = self._judge(reading)

    def _judge(self, reading: Reading) -> str | None:
        wobbles = any(_PHASE.fullmatch(name) or name == "frequency_hz" for name in reading.quantities)
        if wobbles and self._all is not None and self._all.lasts(reading.at):
            return EVERY_FIGURE
        if self._counter is not None and self._counter.lasts(reading.at):
            step = resolution(reading.quantities["energy_kwh"], self._step)
            step = step * UNSEEN_STEPS if self._least is None else max(step, self._least)
            if self._counter.flowed >= FROZEN_STEPS * step:
                return THE_COUNTER
        return None


def _next(since: _Since | None, last: Reading, reading: Reading, same: bool) -> _Since | None:
    if not same:
        return None
    before = since or _Since(last.at)
    least_w = min(reading.quantities.get("power_w", 0.0), last.quantities.get("power_w", 0.0))
    seconds = reading.at - last.at
    flowed = least_w * seconds / 3_600_000 if seconds <= LONGEST_GAP_S and least_w >= COUNTS_W else 0.0
    return _Since(before.at, before.readings + 1, before.flowed + flowed)
