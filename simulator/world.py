"""The village's physics: lamps and motors behind relays draw power, meters count it. Deterministic for a seed, on time
handed in.

Lamps are LED with electronic drivers: a circuit draws its rated power whatever the voltage, from the moment its relay
closes; a motor draws what it is said to have to do. So energy is power times time between switches, exactly, and
reading a meter changes nothing. Times are monotonic seconds of whatever clock the caller has; they never go back.

What is broken is one value, `Harm`; what burns is a function of it and of what the relays were told.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

NOMINAL_V = 230.0
POWER_FACTOR = 0.95  # of the lamps' drivers; a meter without load shows 1
W_S_PER_KWH = 3_600_000.0
TAP = "tap"  # a load that is nobody's; others have a slash or a colon in their names


@dataclass(frozen=True, slots=True)
class Load:
    """What one relay switches: `lamps` (1 or more) of together `rated_w` watts behind `meter`, or behind none; a motor
    or a coil counts as one lamp."""

    name: str
    meter: str | None
    rated_w: float
    lamps: int = 1


@dataclass(frozen=True, slots=True)
class Harm:
    """What is broken in the village.

    By load: `stuck` relays (true: welded, false: never closing), those `by_hand`, whose relays the cabinet's switch
    bypasses, lamps `burnt`. By meter: watts of a `tap`, `tripped`
    breakers behind it, `stalled` counters. `cut`: the mains are away; `backup`: the meters answer all the same.
    """

    stuck: Mapping[str, bool] = field(default_factory=dict)
    burnt: Mapping[str, int] = field(default_factory=dict)
    tap: Mapping[str, float] = field(default_factory=dict)
    tripped: frozenset[str] = frozenset()
    stalled: frozenset[str] = frozenset()
    cut: bool = False
    backup: bool = False
    by_hand: frozenset[str] = frozenset()


class Mains:
    """Three phases at 230 V ± 1.5 %, each wobbling its own way, at 50 Hz ± 0.03."""

    def __init__(self, seed: int) -> None:
        draw = random.Random(f"{seed}/mains")  # noqa: S311  # a seed must give the same village
        self._slow = [draw.uniform(0, math.tau) for _ in range(3)]
        self._fast = [draw.uniform(0, math.tau) for _ in range(3)]
        self._drift = draw.uniform(0, math.tau)

    def voltage_v(self, phase: int, mono: float) -> float:
        """Volts between phase 0, 1 or 2 and neutral."""
        slow = math.sin(math.tau * mono / 613 + self._slow[phase])
        fast = math.sin(math.tau * mono / 41 + self._fast[phase])
        return NOMINAL_V + 2.5 * slow + 0.9 * fast

    def frequency_hz(self, mono: float) -> float:
        """Hertz."""
        return 50 + 0.03 * math.sin(math.tau * mono / 97 + self._drift)


class Meter:
    """A counter that starts somewhere plausible and integrates the power of its loads, spread over its phases."""

    def __init__(self, name: str, loads: Iterable[Load], phases: int, seed: int, start: float) -> None:
        draw = random.Random(f"{seed}/{name}")  # noqa: S311  # a seed must give the same village
        self._kwh = round(draw.uniform(500, 9000), 2)
        self._since = start
        self._phase_of = {load.name: index % phases for index, load in enumerate(loads)}
        self._draws: dict[str, float] = {}
        self._stalled = False
        self._top = math.inf
        self.phase_w = [0.0] * phases

    def draw(self, load: str, watts: float, mono: float) -> None:
        """A load of this meter now draws `watts`; one that it does not know is on its first phase."""
        if watts == self._draws.get(load, 0.0):
            return
        self._count(mono)
        self._draws[load] = watts
        self.phase_w = [0.0] * len(self.phase_w)
        for name, drawn in self._draws.items():
            self.phase_w[self._phase_of.get(name, 0)] += drawn

    def stall(self, stalled: bool, mono: float) -> None:
        """The counter stands still, or goes on from where it stood."""
        if stalled != self._stalled:
            self._count(mono)
            self._stalled = stalled

    def set_counter(self, kwh: float, mono: float) -> None:
        """The counter stands at `kwh` from now on: it was reset, or the meter is another one."""
        self._count(mono)
        self._kwh = kwh
        self._top = math.inf

    def roll_over(self, after_kwh: float, mono: float) -> None:
        """The counter has `after_kwh` left to its highest figure, and then begins again at 0."""
        self._top = self.energy_kwh(mono) + after_kwh

    def energy_kwh(self, mono: float) -> float:
        """The counter at `mono`. Raises ValueError when that is before the last change."""
        if mono < self._since:
            raise ValueError("the world's time does not run backwards")
        counted = 0.0 if self._stalled else sum(self.phase_w) * (mono - self._since) / W_S_PER_KWH
        kwh = self._kwh + counted
        return kwh if kwh < self._top else kwh - self._top

    def _count(self, mono: float) -> None:
        kwh = self.energy_kwh(mono)
        if kwh < self._kwh:
            self._top = math.inf
        self._kwh, self._since = kwh, mono


def _nobody(_load: str, _watts: float, _mono: float) -> None:
    """Nobody looks at the lamps."""


def _no_contact(_load: str, _closed: bool) -> None:
    """Nobody looks at the contactors."""


def _no_power(_load: str, _on: bool, _mono: float) -> None:
    """Nothing does anything with it."""


class World:
    """Loads, and meters by name with their number of phases (1 or 3); everything is off and whole at `start`.

    `burns(load, watts, mono)` is called when the lamps of a load draw more or less than before, `moves(load, closed)`
    when its contactor, which the relay's contact feeds from the mains, closes or opens, and `powers(load, on, mono)`
    when it has power from there on, or none.
    """

    def __init__(self, loads: Iterable[Load], meters: Mapping[str, int], seed: int, start: float) -> None:
        self.loads = {load.name: load for load in loads}
        self._on: set[str] = set()
        self._harm = Harm()
        self._mains = Mains(seed)
        self._rated = {name: load.rated_w for name, load in self.loads.items()}
        self._drawn = dict.fromkeys(self.loads, 0.0)
        self.burns: Callable[[str, float, float], None] = _nobody
        self._closed: set[str] = set()
        self.moves: Callable[[str, bool], None] = _no_contact
        self._live: set[str] = set()
        self.powers: Callable[[str, bool, float], None] = _no_power
        self._meters = {
            name: Meter(name, [load for load in self.loads.values() if load.meter == name], phases, seed, start)
            for name, phases in meters.items()
        }

    def switch(self, load: str, on: bool, mono: float) -> None:
        """The relay of `load` is told to open or close; to be told so again changes nothing. Raises KeyError."""
        if on == (load in self._on):
            return
        (self._on.add if on else self._on.discard)(load)
        self._feed(self.loads[load], mono, on)

    def draws(self, load: str, watts: float, mono: float) -> None:
        """From now on a load draws so many watts while it has power. Raises KeyError."""
        self._rated[load] = watts
        self._count(self.loads[load], mono, load in self._on)

    def suffer(self, harm: Harm, mono: float) -> None:
        """From now on this is broken and nothing else. Raises KeyError for a load or meter that is not there."""
        unknown = ({*harm.stuck, *harm.burnt, *harm.by_hand} - self.loads.keys()) | (
            {*harm.tap, *harm.tripped, *harm.stalled} - self._meters.keys()
        )
        if unknown:
            raise KeyError(min(unknown))
        self._harm = harm
        for name, meter in self._meters.items():
            meter.stall(name in harm.stalled, mono)
            meter.draw(TAP, harm.tap.get(name, 0.0) if self._fed(name) else 0.0, mono)
        for load in self.loads.values():
            self._feed(load, mono, load.name in self._on)

    def is_on(self, load: str) -> bool:
        """Whether the relay of `load` was told to close."""
        return load in self._on

    def watts(self, load: str) -> float:
        """What the lamps of `load` draw now, burnt and cut and welded as they are. Raises KeyError."""
        return self._watts(self.loads[load], load in self._on)

    def answers(self, meter: str) -> bool:
        """Whether `meter` is one of the village's and has the power to answer questions."""
        return meter in self._meters and (not self._harm.cut or self._harm.backup)

    def reset(self, meter: str, kwh: float, mono: float) -> None:
        """The meter's counter stands at `kwh` (0 or more) from now on. Raises KeyError."""
        self._meters[meter].set_counter(kwh, mono)

    def roll_over(self, meter: str, after_kwh: float, mono: float) -> None:
        """The meter's counter begins again at 0 when it has counted `after_kwh` (above 0) more. Raises KeyError."""
        self._meters[meter].roll_over(after_kwh, mono)

    def quantities(self, meter: str, mono: float) -> dict[str, float]:
        """Everything the meter could show at `mono`, units in the names. Raises KeyError.

        Phases are named l1 to l3; a meter of one phase has the names without. Nothing is ever exported.
        """
        counter = self._meters[meter]
        energy = counter.energy_kwh(mono)
        power = sum(counter.phase_w)
        live = not self._harm.cut
        values = {
            "power_w": power,
            "power_factor": POWER_FACTOR if power else 1.0,
            "frequency_hz": self._mains.frequency_hz(mono) if live else 0.0,
            "energy_kwh": energy,
            "export_kwh": 0.0,
            "total_kwh": energy,
        }
        current = 0.0
        for phase, watts in enumerate(counter.phase_w):
            volts = self._mains.voltage_v(phase, mono) if live else 0.0
            amperes = watts / (volts * POWER_FACTOR) if live else 0.0
            current += amperes
            line = f"l{phase + 1}"
            values |= {f"voltage_{line}_v": volts, f"current_{line}_a": amperes, f"power_{line}_w": watts}
        return values | {"voltage_v": values["voltage_l1_v"], "current_a": current}

    def _fed(self, meter: str | None) -> bool:
        return not self._harm.cut and meter not in self._harm.tripped

    def _contactor(self, load: Load, told: bool) -> bool:
        harm = self._harm
        return not harm.cut and (load.name in harm.by_hand or harm.stuck.get(load.name, told))

    def _watts(self, load: Load, told: bool) -> float:
        whole = load.lamps - min(self._harm.burnt.get(load.name, 0), load.lamps)
        powered = self._contactor(load, told) and self._fed(load.meter)
        return self._rated[load.name] * whole / load.lamps if powered else 0.0

    def _feed(self, load: Load, mono: float, told: bool) -> None:
        closed = self._contactor(load, told)
        if closed != (load.name in self._closed):
            (self._closed.add if closed else self._closed.discard)(load.name)
            self.moves(load.name, closed)
        live = closed and self._fed(load.meter)
        turned = live != (load.name in self._live)
        if turned:
            (self._live.add if live else self._live.discard)(load.name)
        self._count(load, mono, told)
        if turned:
            self.powers(load.name, live, mono)

    def _count(self, load: Load, mono: float, told: bool) -> None:
        watts = self._watts(load, told)
        meter = self._meters.get(load.meter or "")
        if meter is not None:
            meter.draw(load.name, watts, mono)
        if watts != self._drawn[load.name]:
            self._drawn[load.name] = watts
            self.burns(load.name, watts, mono)
