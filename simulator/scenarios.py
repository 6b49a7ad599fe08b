"""Scenarios in virtual time: play what happens, and tell of everything that must be seen whether and when it was.

`load(path)` reads one, `run(scenario, fast)` plays it in a simulation made for it, `play` makes that itself. Those that
come with the product are in simulator/scenarios/.
"""

from __future__ import annotations

import datetime as dt
import json
from bisect import bisect_right
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from drivers.registers import catalogue
from edge.core.site import Site
from edge.core.site_checks import spelled
from edge.core.site_reading import read
from edge.core.site_terms import shown
from edge.shell.site_file import Problem
from edge.shell.site_file import load as load_site
from edge.shell.yaml_nodes import parse, plain
from simulator.client_double import ClientDouble
from simulator.fast import Fast
from simulator.fault_fast import FastStage
from simulator.faults import FaultError, Faults
from simulator.scenario_file import Break, Mend, Scenario, ScenarioError, See, Send, When, load, parse_scenario
from simulator.wiring import target_of

__all__ = ["FOLDER", "Report", "Scenario", "ScenarioError", "Seen", "load", "parse_scenario", "play", "run", "site_of"]

FOLDER = Path(__file__).parent / "scenarios"
WITNESS = "witness"
Track = list[tuple[float, Any]]  # (seconds since the start, what it was from then on)


@dataclass(frozen=True, slots=True)
class Seen:
    """Whether one thing was seen: `at` which second it was so, or the last second looked at; `found` what it was."""

    see: See
    ok: bool
    at: float
    found: object
    words: str

    def __str__(self) -> str:
        """One line."""
        return self.words


@dataclass(frozen=True, slots=True)
class Report:
    """What was seen of a scenario, in the order in which it says so, and what happened by local time."""

    scenario: Scenario
    seen: tuple[Seen, ...]

    @property
    def ok(self) -> bool:
        """Whether everything was seen."""
        return all(seen.ok for seen in self.seen)

    def __str__(self) -> str:
        """A line for each."""
        return "\n".join(map(str, self.seen))


def site_of(scenario: Scenario, config: Path | str) -> Site:
    """The village in the file `config` with the scenario's `config` laid over it. Raises ConfigError."""
    if not scenario.config:
        return load_site(config, catalogue())
    load_site(config, catalogue())  # what is wrong without the scenario is said with its place
    root, _ = parse(Path(config).read_text("utf-8-sig"))
    assert root is not None
    site, flaws = read(_laid(plain(root), scenario.config), catalogue())
    if site is None:
        found = [Problem("config." + spelled(flaw.path), 1, 1, flaw.text) for flaw in flaws]
        raise ScenarioError(scenario.file, found)
    return site


def starts(scenario: Scenario, site: Site) -> float:
    """When the scenario starts in that village, in Unix seconds."""
    return scenario.start.replace(tzinfo=ZoneInfo(site.site.timezone)).timestamp()


def play(scenario: Scenario, config: Path | str, seed: int = 1) -> Report:
    """Play a scenario in a simulation of its own. Raises ConfigError, for the configuration or for the scenario."""
    site = site_of(scenario, config)
    fast = Fast(site, catalogue(), starts(scenario, site), seed, poll_s=scenario.poll_s)
    try:
        return run(scenario, fast)
    finally:
        fast.close()


def run(scenario: Scenario, fast: Fast, advance: Callable[[float], None] | None = None) -> Report:
    """Play a scenario in a simulation that has just begun at its start; what was seen. Raises ScenarioError.

    `advance` lets so many seconds pass, for who looks on meanwhile; None: `fast.advance`.
    """
    cast = _Cast(scenario, fast)
    cast.check()
    for when in scenario.when:
        fast.at(cast.second(when.at.unix), partial(cast.act, when))
    (advance or fast.advance)(scenario.lasts_s)
    return Report(scenario, tuple(cast.judge(see) for see in scenario.see))


@dataclass
class _Cast:
    """One scenario on its stage, with somebody who writes down all that can be seen."""

    scenario: Scenario
    fast: Fast
    topics: dict[str, Track] = field(default_factory=dict)
    lamps: dict[str, Track] = field(default_factory=dict)
    given: dict[str, str] = field(default_factory=dict)
    water: dict[str, list[tuple[float, float, float]]] = field(default_factory=dict)  # (s, litres by then, l/s)

    def __post_init__(self) -> None:
        self.faults = Faults(FastStage(self.fast))
        self.began = self.fast.time.mono()
        world = self.fast.village.world
        self.lamps = {target_of(load): [(self.began, world.watts(load))] for load in world.loads}
        world.burns = lambda load, watts, mono: self.lamps[target_of(load)].append((mono, watts))
        pipes = self.fast.village.hydraulics
        self.water = {
            f"valve/{name}": [(self.began, pipes.delivered_l(name, self.began), pipe.gets / 60)]
            for name, pipe in pipes.pipes.items()
        }
        self._waters, pipes.waters = pipes.waters, self._watered
        witness = ClientDouble(self.fast.broker, WITNESS)
        witness.reconnect_delay_set(1, 2)
        witness.on_connect = lambda client, *_: client.subscribe(f"{self.fast.root}/#", 1)
        witness.on_message = self._hear
        witness.on_disconnect = self._deaf
        witness.connect_async("127.0.0.1")
        witness.loop_start()

    def second(self, unix: Callable[[dt.datetime, Any], float]) -> float:
        """The second of the simulation at which a time of the scenario is."""
        time = self.fast.time
        return unix(self.scenario.start, self.fast.site.site) - (time.wall() - time.mono())

    def check(self) -> None:
        """Raise ScenarioError for what this village has not, and for what lies outside of the scenario."""
        problems: list[Problem] = []
        for when in self.scenario.when:
            problems += self._outside(when, when.at)
            if isinstance(when.do, Break):
                try:
                    self.faults.check(when.do.fault)
                except FaultError as error:
                    problems.append(Problem("when", when.line, when.column, str(error)))
        for see in self.scenario.see:
            for instant in (see.at, see.start, see.by, see.end):
                problems += self._outside(see, instant)
            known: Collection[str] = self._relays() if see.kind == "output" else self.lamps
            if see.kind in ("water", "litres"):
                known = self.water
            if see.kind != "topic" and see.name not in known:
                reason = f"there is no {see.name} that is played; there are {', '.join(sorted(known))}"
                problems.append(Problem("see", see.line, see.column, reason))
        if problems:
            raise ScenarioError(self.scenario.file, problems)

    def act(self, when: When) -> None:
        """Do what happens now."""
        match when.do:
            case Send(to, payload, user):
                told = payload if isinstance(payload, str | Mapping) else json.dumps(payload)
                self.fast.send(f"{self.fast.root}/{to}/set/{user}", told)
            case Break(fault, name):
                key = self.faults.inject(fault)
                if name is not None and key is not None:
                    self.given[name] = key
            case Mend(name):
                self.faults.clear(self.given[name])

    def judge(self, see: See) -> Seen:
        """Whether it was seen."""
        if see.at is not None:
            middle = self.second(see.at.unix)
            low, high, words = middle - see.within_s, middle + see.within_s, f"at {see.at.text} ± {see.within_s:g} s"
        elif see.by is not None:
            high = self.second(see.by.unix)
            low = self.second(see.start.unix) if see.start else self._last_before(high)
            words = f"by {see.by.text}"
        else:
            assert see.start is not None
            assert see.end is not None
            low, high = self.second(see.start.unix), self.second(see.end.unix)
            words = f"from {see.start.text} to {see.end.text}"
        inside = [(max(at, low), value) for at, value in _within(self._track(see, low, high), low, high)]
        holds = [_holds(see.tests, value) for _, value in inside]
        throughout = see.end is not None
        ok = all(holds) if throughout else any(holds)
        decisive = holds.index(not throughout) if (not throughout) in holds else len(holds) - 1
        at, found = inside[decisive]
        return Seen(see, ok, at, found, self._told(see, ok, at, found, words))

    def _told(self, see: See, ok: bool, at: float, found: object, words: str) -> str:
        zone = ZoneInfo(self.fast.site.site.timezone)
        local = dt.datetime.fromtimestamp(self.fast.time.wall() - self.fast.time.mono() + at, zone)
        what = f"{see.name} {see.field}".strip() if see.kind == "topic" else f"{see.kind} {see.name}"
        tests = " and ".join(f"{test} {shown(value)}" for test, value in see.tests.items())
        was = "" if ok else f"; it was {shown(found)}"
        return f"{'seen    ' if ok else 'NOT SEEN'} {local:%m-%d %H:%M:%S}  {what} {tests}, {words}{was}"

    def _track(self, see: See, low: float, high: float) -> Track:
        """What it was, with its changes; litres grow between them: they are told for `low` and `high` too."""
        if see.kind in ("lamps", "watts"):
            return self.lamps[see.name]
        if see.kind == "water":
            return [(at, l_s * 60) for at, _, l_s in self.water[see.name]]
        if see.kind == "litres":
            times = sorted({low, high, *(at for at, _, _ in self.water[see.name])})
            return [(at, self._litres(see.name, at)) for at in times]
        if see.kind == "output":
            name, active = self._relays()[see.name]
            levels = [(change.at, change.level) for change in self.fast.changes if change.name == name]
            return [(-1.0, "off"), *((at, "on" if level == active else "off") for at, level in levels)]
        heard = self.topics.get(f"{self.fast.root}/{see.name}", [])
        return [(-1.0, None), *((at, _picked(payload, see.field)) for at, payload in heard)]

    def _litres(self, valve: str, at: float) -> float:
        """What its plot got from the scenario's start to that second."""
        changes = self.water[valve]
        since, litres, l_s = changes[max(bisect_right(changes, at, key=lambda entry: entry[0]) - 1, 0)]
        return litres + l_s * max(at - since, 0.0) - changes[0][1]

    def _watered(self, plot: str, l_s: float, at_once_l: float, mono: float) -> None:
        self._waters(plot, l_s, at_once_l, mono)
        litres = self.fast.village.hydraulics.delivered_l(plot, mono)
        self.water[f"valve/{plot}"].append((mono, litres, l_s))

    def _relays(self) -> dict[str, tuple[str, int]]:
        village = self.fast.village
        relays = {f"gpio/{pin}": relay for pin, relay in village.relays.items()} | village.coils
        return {target_of(relay.load): (name, relay.active) for name, relay in relays.items()}

    def _last_before(self, second: float) -> float:
        """When something happened last before that second, or the scenario's start."""
        times = [self.second(when.at.unix) for when in self.scenario.when]
        return max((at for at in times if at < second), default=self.began)

    def _outside(self, where: When | See, instant: Any) -> list[Problem]:
        if instant is None or self.began <= self.second(instant.unix) <= self.began + self.scenario.lasts_s:
            return []
        reason = f"{instant.text} lies outside of the scenario; write day 2 for the next day, or let it last longer"
        return [Problem("at", where.line, where.column, reason)]

    def _hear(self, _client: object, _data: object, message: Any) -> None:
        self.topics.setdefault(message.topic, []).append((self.fast.time.mono(), message.payload))

    def _deaf(self, *_: object) -> None:
        """Who has no link knows nothing any more: all that is told again is news."""
        for track in self.topics.values():
            track.append((self.fast.time.mono(), None))


def _within(track: Track, low: float, high: float) -> Track:
    """What there was between two times, beginning with what there was at `low`."""
    first = bisect_right(track, low, key=lambda entry: entry[0])
    last = bisect_right(track, high, key=lambda entry: entry[0])
    return track[max(first - 1, 0) : last]


def _holds(tests: Mapping[str, object], found: Any) -> bool:
    numeric = isinstance(found, int | float) and not isinstance(found, bool)
    compare: dict[str, Callable[[Any], bool]] = {
        "is": lambda value: bool(found == value),
        "not": lambda value: bool(found != value),
        "above": lambda value: numeric and found > value,
        "below": lambda value: numeric and found < value,
    }
    return all(compare[test](value) for test, value in tests.items())


def _picked(payload: bytes | None, way: str) -> object:
    """The value at `values.power_w` in a JSON, an entry of a list by its `id`.

    For an empty way the text itself, as a number if it is one; None for what is not there.
    """
    if payload is None:
        return None
    try:
        value = json.loads(payload)
    except ValueError:
        value = None
    if not way:
        return value if isinstance(value, int | float) else payload.decode("utf-8", "replace")
    for part in way.split("."):
        if isinstance(value, list):
            value = next((entry for entry in value if isinstance(entry, dict) and entry.get("id") == part), None)
        else:
            value = value.get(part) if isinstance(value, dict) else None
    return value


def _laid(below: Any, above: Any) -> Any:
    """`above` over `below`: block by block; null takes a key away, all else takes its place."""
    if not isinstance(above, Mapping) or not isinstance(below, Mapping):
        return above
    laid = {key: _laid(below.get(key), value) for key, value in above.items() if value is not None}
    return {key: value for key, value in below.items() if key not in above} | laid
