"""Water in pipes: tanks, pumps and valves. It flows as the valves that are open let it, and every litre is accounted.

A pump's pressure falls with the square of its flow; a valve lets through what goes with the root of the pressure, its
normal flow when it is open alone. Valves without a pump have water by their height, each as much as it lets through.
After opening, the pipe behind a valve is filled first; what is in it when the valve closes seeps out into the plot.

Between two changes all flows stand still, so litres are flow times time, exactly. Flows are litres a minute, volumes
litres, times monotonic seconds of whatever clock the caller has; they never go back.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

PIPE_L = 2.0  # behind a valve
FILLS_AT = 1.25  # times the normal flow, while nothing but the pipe's end holds the water back
RESERVE = 4.0  # a pump gives so many times the flow that its valves need at once, against no pressure
BURST, BURST_LEFT = 3.0, 0.1  # a burst pipe takes so many times the normal flow, and leaves the plot this share
BLOCKED = 0.4  # of the normal flow comes through blocked drippers
BARE_PUMP_L_MIN = 30.0  # of a pump that feeds no valve
PUMP_W = 750.0  # of a pump that does not say
DRY_W, SHUT_W = 0.7, 0.8  # of its power a pump draws without water, and against closed valves
TANK_L, SPRING_L_MIN, USE_L_MIN = (8000.0, 12000.0), (7.0, 12.0), 5.0
LOW, HIGH = (0.08, 0.15), (0.85, 0.95)  # where a float turns in a tank that is drawn from, and in one that is filled
SUCKS = 0.02  # a pump that ran dry has water again above that
SOON_S = 1e-6  # less than this is rounding


@dataclass(frozen=True, slots=True)
class Broken:
    """What is broken in the field.

    `leaks`: l/min behind a flow input (`input/main-flow`) whatever the valves do. By valve: pipes `burst` behind it,
    `blocked` drippers, `stuck` valves (true: open). By pump: `dry` wells. By flow input: `dead` ones, that count
    nothing.
    """

    leaks: Mapping[str, float] = field(default_factory=dict)
    burst: frozenset[str] = frozenset()
    blocked: frozenset[str] = frozenset()
    stuck: Mapping[str, bool] = field(default_factory=dict)
    dry: frozenset[str] = frozenset()
    dead: frozenset[str] = frozenset()


@dataclass
class Tank:
    """Water that a pump draws, or brings. A float in it turns at two shares of its capacity."""

    capacity: float
    level: float
    float_at: tuple[float, float]
    own: float  # comes by itself, or is used up (below 0), l/min
    net: float = 0.0
    dry: bool = False
    empty: bool = False  # what the float says

    def until(self) -> float:
        """Seconds until something of it changes, as it flows now."""
        ahead = [mark - self.level for mark in self._marks() if (mark - self.level) * self.net > 0]
        return min(way / self.net for way in ahead) * 60 if ahead else math.inf

    def flow(self, net: float) -> None:
        """It gains so much from now on; a full one overflows."""
        held = (net > 0 and self.level >= self.capacity) or (net < 0 and self.level <= 0)
        self.net = 0.0 if held else net

    def fill(self, seconds: float) -> None:
        """So much time has passed."""
        self.level = min(max(self.level + self.net * seconds / 60, 0.0), self.capacity)
        marks = self._marks()
        self.level = next((m for m in marks if abs(m - self.level) * 60 <= SOON_S * abs(self.net)), self.level)
        _, sucks, low, high, _ = marks
        self.empty = self.level <= low or (self.empty and self.level < high)
        self.dry = self.level <= 0 or (self.dry and self.level < sucks)

    def _marks(self) -> list[float]:
        return [share * self.capacity for share in (0.0, SUCKS, *self.float_at, 1.0)]


@dataclass
class Pipe:
    """A valve and what is behind it. `normal`: what it lets through when it is open alone."""

    normal: float
    pump: str | None
    meter: str | None
    powered: bool = False
    flow: float = 0.0
    gets: float = 0.0  # the plot
    piped: float = 0.0
    metered_l: float = 0.0
    delivered_l: float = 0.0

    @property
    def filling(self) -> bool:
        """Whether the pipe behind it is not full yet."""
        return self.piped < PIPE_L


@dataclass(frozen=True, slots=True)
class Account:
    """For how many seconds a pump ran, how many of them without water, and how many while every valve of its was shut
    (a pump without valves never does)."""

    on_s: float = 0.0
    dry_s: float = 0.0
    shut_s: float = 0.0


@dataclass
class Pump:
    """A pump, its tanks (by level input) and its account."""

    rated_w: float
    most: float  # l/min against no pressure
    valves: list[str]
    draws: list[str]
    brings: list[str]
    running: bool = False
    flow: float = 0.0
    account: Account = Account()


def _no_flow(_rates: Mapping[str, float], _mono: float) -> None:
    """Nobody counts."""


def _no_water(_plot: str, _l_s: float, _at_once_l: float, _mono: float) -> None:
    """Nothing grows."""


def _no_power(_pump: str, _watts: float, _mono: float) -> None:
    """Nobody measures."""


def _no_float(_name: str, _empty: bool) -> None:
    """Nobody looks."""


class Hydraulics:
    """The pipes of a validated `site`; everything closed at `start`.

    `flows(rates, mono)` is called with the l/min at every flow input when any changes; `waters(plot, l_s, at_once_l,
    mono)` when a plot (by its valve's id) gets another flow, and what it gets at once; `draws(pump, watts, mono)` when
    a pump's motor has more or less to do; `says(level input, empty)` when a float turns.
    """

    def __init__(self, site: Any, seed: int, start: float) -> None:
        self._since = start
        self._broken = Broken()
        self.flows: Callable[[Mapping[str, float], float], None] = _no_flow
        self.waters: Callable[[str, float, float, float], None] = _no_water
        self.draws: Callable[[str, float, float], None] = _no_power
        self.says: Callable[[str, bool], None] = _no_float
        self.pipes = {name: Pipe(_normal(seed, name, v), v.pump, v.flow and f"input/{v.flow}")
                      for name, v in site.valves.items()}  # fmt: skip
        floats = {name for name, found in site.inputs.items() if found.role == "level"}
        self.pumps = {name: self._pump(name, pump, floats) for name, pump in site.pumps.items()}
        brought = {level for pump in self.pumps.values() for level in pump.brings}
        levels = [f"input/{name}" for name in site.inputs if name in floats]
        self.tanks = {level: _tank(seed, level, level in brought) for level in levels}
        self.leaked_l = 0.0
        self._rates: dict[str, float] = {}
        self._watts = {name: pump.rated_w for name, pump in self.pumps.items()}
        self._gets = dict.fromkeys(self.pipes, 0.0)
        self._told = {name: tank.empty for name, tank in self.tanks.items()}
        self._share()

    def power(self, device: str, on: bool, mono: float) -> None:
        """A valve's coil or a pump's motor (`valve/plot-1`, `pump/pump-1`) has power from now on, or none."""
        self.follow(mono)
        kind, _, name = device.partition("/")
        if kind == "pump":
            self.pumps[name].running = on
        else:
            self.pipes[name].powered = on
        self._change(mono)

    def suffer(self, broken: Broken, mono: float) -> None:
        """From now on this is broken and nothing else."""
        self.follow(mono)
        self._broken = broken
        self._change(mono)

    def follow(self, mono: float) -> float:
        """Let everything happen that is due by `mono`; when the next is due if nothing changes, or infinity."""
        while (due := self._due()) <= mono + SOON_S:
            self._pass(min(due, mono))
            self._change(self._since)
        self._pass(mono)
        return due

    def busy(self) -> bool:
        """Whether a pump runs, a valve is open, or water flows anywhere."""
        moves = any(pump.running for pump in self.pumps.values()) or any(map(self.opens, self.pipes))
        return moves or bool(self._rates)

    def opens(self, valve: str) -> bool:
        """Whether water can pass a valve. Raises KeyError."""
        return self._broken.stuck.get(valve, self.pipes[valve].powered)

    def delivered_l(self, valve: str, mono: float) -> float:
        """What the valve's plot ever got, by `mono`, which is not long ago. Raises KeyError."""
        pipe = self.pipes[valve]
        return pipe.delivered_l + pipe.gets * max(mono - self._since, 0.0) / 60

    def account(self, pump: str, mono: float) -> Account:
        """What a pump did, by `mono`, which is not long ago. Raises KeyError."""
        found, seconds = self.pumps[pump], max(mono - self._since, 0.0)
        return self._passed(found, seconds) if found.running else found.account

    def empty(self, level: str) -> bool:
        """What a float says. Raises KeyError."""
        tank = self.tanks[level]
        return tank.empty or any(level in self.pumps[pump].draws for pump in self._broken.dry)

    # --- within ---

    def _due(self) -> float:
        waits = [tank.until() for tank in self.tanks.values()]
        waits += [(PIPE_L - p.piped) / p.flow * 60 for p in self.pipes.values() if p.flow and p.filling]
        return self._since + min(waits, default=math.inf)

    def _pass(self, mono: float) -> None:
        seconds = max(mono - self._since, 0.0)
        self._since = max(mono, self._since)
        for pipe in self.pipes.values():
            passed = pipe.flow * seconds / 60
            pipe.metered_l += passed
            pipe.delivered_l += pipe.gets * seconds / 60
            if pipe.flow and pipe.filling:
                pipe.piped += passed
                full = (PIPE_L - pipe.piped) * 60 <= SOON_S * pipe.flow
                pipe.piped = PIPE_L if full else pipe.piped
        for pump in self.pumps.values():
            if pump.running:
                pump.account = self._passed(pump, seconds)
        for tank in self.tanks.values():
            tank.fill(seconds)
        self.leaked_l += sum(self._leaks().values()) * seconds / 60

    def _passed(self, pump: Pump, seconds: float) -> Account:
        shut = bool(pump.valves and not any(map(self.opens, pump.valves)))
        before = pump.account
        return Account(before.on_s + seconds, before.dry_s + seconds * self._dry(pump), before.shut_s + seconds * shut)

    def _change(self, mono: float) -> None:
        """Flows as they are from now on, told to whom they concern."""
        self._share()
        rates: dict[str, float] = {}
        for name, pipe in self.pipes.items():
            at_once = 0.0
            if not self.opens(name) and pipe.piped:
                at_once, pipe.piped = pipe.piped, 0.0
                pipe.delivered_l += at_once
            if at_once or pipe.gets != self._gets[name]:
                self._gets[name] = pipe.gets
                self.waters(name, pipe.gets / 60, at_once, mono)
            if pipe.meter is not None and pipe.flow:
                rates[pipe.meter] = rates.get(pipe.meter, 0.0) + pipe.flow
        for meter, leak in self._leaks().items():
            rates[meter] = rates.get(meter, 0.0) + leak
        rates = {meter: flow for meter, flow in rates.items() if meter not in self._broken.dead}
        if rates != self._rates:
            self._rates = rates
            self.flows(rates, mono)
        for name, pump in self.pumps.items():
            watts = pump.rated_w * (DRY_W if self._dry(pump) else 1.0 if pump.flow else SHUT_W)
            if pump.running and watts != self._watts[name]:
                self._watts[name] = watts
                self.draws(name, watts, mono)
        for name, said in self._told.items():
            if self.empty(name) != said:
                self._told[name] = not said
                self.says(name, not said)

    def _share(self) -> None:
        """What flows through each valve, and what its plot gets of it."""
        for pump in self.pumps.values():
            wet = pump.running and not self._dry(pump)
            lets = {v: self._lets(self.pipes[v], v, pump.most) for v in pump.valves if self.opens(v)}
            sum_ = sum(lets.values())
            # Q = k·√p and p = 1 - (Q/Q0)²: what the valves let through and what the pump gives meet here.
            pressure = 1 / (1 + (sum_ / pump.most) ** 2)
            for name in pump.valves:
                self.pipes[name].flow = lets.get(name, 0.0) * math.sqrt(pressure) * wet
            bare = BARE_PUMP_L_MIN * (wet and not pump.valves)
            pump.flow = sum(self.pipes[name].flow for name in pump.valves) + bare
        for name, pipe in self.pipes.items():
            if pipe.pump is None:
                pipe.flow = self._lets(pipe, name, math.inf) if self.opens(name) else 0.0
            left = BURST_LEFT if name in self._broken.burst else 1.0
            pipe.gets = 0.0 if pipe.filling else pipe.flow * left
        leaks = self._leaks()
        for name, tank in self.tanks.items():
            net = tank.own
            for pump in self.pumps.values():
                if name in pump.draws[:1]:
                    net -= pump.flow + sum(leaks.get(meter, 0.0) for meter in self._meters(pump))
                if name in pump.brings:
                    net += pump.flow
            tank.flow(net)

    def _lets(self, pipe: Pipe, name: str, most: float) -> float:
        """What a valve lets through at the pressure of a pump that gives nothing."""
        flow = pipe.normal * (FILLS_AT if pipe.filling else 1.0)
        flow *= (BURST if name in self._broken.burst else 1.0) * (BLOCKED if name in self._broken.blocked else 1.0)
        return flow / math.sqrt(1 - (flow / most) ** 2)

    def _dry(self, pump: Pump) -> bool:
        names = [name for name in self._broken.dry if self.pumps[name] is pump]
        return bool(names) or any(self.tanks[level].dry for level in pump.draws[:1])

    def _leaks(self) -> dict[str, float]:
        """The leaks that have water: behind a dry pump there is none."""
        dry = {meter for pump in self.pumps.values() if self._dry(pump) for meter in self._meters(pump)}
        return {meter: flow for meter, flow in self._broken.leaks.items() if meter not in dry}

    def _meters(self, pump: Pump) -> set[str]:
        return {meter for name in pump.valves if (meter := self.pipes[name].meter) is not None}

    def _pump(self, name: str, pump: Any, floats: set[str]) -> Pump:
        valves = [valve for valve, pipe in self.pipes.items() if pipe.pump == name]
        largest = sorted((self.pipes[valve].normal for valve in valves), reverse=True)[: pump.zones_at_once]
        levels = [(level, stop) for level, stop in pump.stop_when.items() if level in floats]
        return Pump(
            pump.rated_w or PUMP_W, RESERVE * (sum(largest) or BARE_PUMP_L_MIN), valves,
            [f"input/{level}" for level, stop in levels if stop == "empty"],
            [f"input/{level}" for level, stop in levels if stop == "full"],
        )  # fmt: skip


def _normal(seed: int, name: str, valve: Any) -> float:
    draw = random.Random(f"{seed}/valve/{name}")  # noqa: S311  # a seed must give the same village
    return float(valve.normal_l_min or round(draw.uniform(8, 15), 1))


def _tank(seed: int, name: str, brought: bool) -> Tank:
    """One that a spring or the canal fills, or one that is used up."""
    draw = random.Random(f"{seed}/tank/{name}")  # noqa: S311  # a seed must give the same village
    capacity, own = draw.uniform(*TANK_L), draw.uniform(*SPRING_L_MIN)
    if brought:
        return Tank(capacity, 0.5 * capacity, HIGH, -USE_L_MIN, empty=True)
    return Tank(capacity, draw.uniform(0.7, 1.0) * capacity, LOW, own)
