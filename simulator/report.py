"""What a simulation came to: who was lit how long, what the meters counted, what was asked, what was wrong."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from edge.core.assembly import scale
from edge.core.lighting import Ladder
from simulator.fast import Fast
from simulator.report_water import DAY_S, Water, WaterSampler, water
from simulator.report_water import lines as water_lines

SAMPLE_S = 600.0
SOON_S = 0.001


@dataclass(frozen=True, slots=True)
class Span:
    """A light at a level (percent, never 0) from `start` to `end`, both in seconds after the simulation began."""

    start: float
    end: float
    level: int


@dataclass(frozen=True, slots=True)
class LightReport:
    """One light. `levels` and `circuits`: seconds at each level above 0, and seconds on of each circuit."""

    id: str
    name: str
    levels: dict[int, float]
    circuits: dict[str, float]
    spans: list[Span]


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm: Unix time, its topic's id, what it says in the village's language; whether it was cleared."""

    at: float
    id: str
    text: str
    cleared: bool


@dataclass(frozen=True, slots=True)
class Report:
    """The whole: `seconds` simulated from Unix time `start` on, in `zone`.

    Days run from noon to noon; `lead` seconds of the first had passed. `energy` is kWh by meter and day, `power` the
    meters' watts together as (seconds, W). `outcomes` counts the results of commands. `water`: None without a field.
    """

    place: str
    language: str
    zone: ZoneInfo
    start: float
    seconds: float
    lead: float
    seed: int
    lights: list[LightReport]
    energy: dict[str, list[float]]
    power: list[tuple[float, float]]
    outcomes: Counter[str]
    alarms: list[Alarm]
    names: dict[str, str]
    water: Water | None = None


class Sampler:
    """Looks at the village's meters and plots every SAMPLE_S seconds; what they count is exact, but for a counter's
    reset."""

    def __init__(self, fast: Fast) -> None:
        self.fast = fast
        self.power: list[tuple[float, float]] = []
        self.energy: dict[str, list[float]] = {}
        began = dt.datetime.fromtimestamp(fast.time.wall(), ZoneInfo(fast.site.site.timezone))
        self.lead = ((began.hour - 12) % 24) * 3600.0 + began.minute * 60 + began.second
        self.field = WaterSampler(fast)
        self._last: dict[str, float] = {}
        self._look()

    def advance(self, seconds: float) -> None:
        """Let so many seconds pass, and look on the way."""
        left = seconds
        while left > 0:
            self.fast.advance(min(left, SAMPLE_S))
            left -= SAMPLE_S
            self._look()

    def _look(self) -> None:
        now = self.fast.time.mono()
        day = int(max(now + self.lead - SOON_S, 0.0) // DAY_S)  # what was counted up to noon is the day's that ends
        power = 0.0
        for meter in self.fast.village.answering():
            shown = self.fast.village.world.quantities(meter, now)
            power += shown["power_w"]
            days = self.energy.setdefault(meter, [])
            days += [0.0] * (day + 1 - len(days))
            days[day] += max(shown["energy_kwh"] - self._last.get(meter, shown["energy_kwh"]), 0.0)
            self._last[meter] = shown["energy_kwh"]
        self.power.append((now, power))
        self.field.look(now, day)


def report(fast: Fast, sampler: Sampler, seed: int) -> Report:
    """What has happened so far."""
    site, seconds = fast.site.site, fast.time.mono()
    lights = []
    for name, light in fast.site.lights.items():
        loads = {f"{name}/{circuit}": circuit for circuit in light.circuits}
        circuits, spans = _burning(fast, loads, scale(light), seconds)
        levels: Counter[int] = Counter()
        for span in spans:
            levels[span.level] += span.end - span.start  # type: ignore[assignment]
        lights.append(LightReport(name, light.name, dict(sorted(levels.items())), circuits, spans))
    return Report(
        site.name, site.language, ZoneInfo(site.timezone), fast.time.wall() - seconds, seconds,
        sampler.lead, seed, lights,
        sampler.energy, sampler.power, _outcomes(fast), list(_alarms(fast, site.language)),
        {name: meter.name for name, meter in fast.site.meters.items()},
        water(fast, sampler.field, fast.time.wall() - seconds, sampler.lead),
    )  # fmt: skip


def summary(found: Report) -> str:
    """The report in plain words, a line each."""
    began = dt.datetime.fromtimestamp(found.start, found.zone)
    lasted = length(found.seconds, "days", "hours")
    lines = [f"{found.place}: {lasted} from {began:%Y-%m-%d %H:%M}, seed {found.seed}", ""]
    lines.append("lights (hours on)")
    for light in found.lights:
        levels = ", ".join(f"{level} %: {_hours(s)}" for level, s in light.levels.items()) or "never"
        lines.append(f"  {light.id:<24} {levels}")
        if len(light.circuits) > 1:
            circuits = ", ".join(f"{c}: {_hours(s)}" for c, s in light.circuits.items())
            lines.append(f"  {'':<24} circuits {circuits}")
    lines += ["", "meters (kWh)"]
    lines += [f"  {name:<24} {sum(days):.2f}" for name, days in found.energy.items()]
    lines += ["", *water_lines(found.water)] if found.water is not None else []
    outcomes = ", ".join(f"{n} {outcome}" for outcome, n in sorted(found.outcomes.items())) or "none"
    lines += ["", f"commands: {outcomes}", f"alarms: {len(found.alarms) or 'none'}"]
    for alarm in found.alarms:
        at = dt.datetime.fromtimestamp(alarm.at, found.zone)
        lines.append(f"  {at:%Y-%m-%d %H:%M:%S} {alarm.id}: {alarm.text}{' (cleared)' if alarm.cleared else ''}")
    return "\n".join(lines)


def length(seconds: float, days: str, hours: str) -> str:
    """A time as a person says it: in days, or in hours where it is short."""
    whole = seconds >= 2 * DAY_S or seconds == DAY_S
    return f"{seconds / DAY_S:.4g} {days}" if whole else f"{seconds / 3600:.3g} {hours}"


def _burning(fast: Fast, loads: dict[str, str], rungs: Ladder, end: float) -> tuple[dict[str, float], list[Span]]:
    """How long each circuit's relay was closed by its line or coil, and the light's levels."""
    on = dict.fromkeys(loads.values(), False)
    seconds = dict.fromkeys(loads.values(), 0.0)
    spans: list[Span] = []
    since = 0.0

    def count(until: float) -> None:
        for circuit, burns in on.items():
            seconds[circuit] += burns * (until - since)
        if any(on.values()) and until > since:
            level = rungs.observed(list(on.values()))
            if spans and (spans[-1].end, spans[-1].level) == (since, level):
                spans[-1] = Span(spans[-1].start, until, level)
            else:
                spans.append(Span(since, until, level))

    for change in fast.changes:
        relay = fast.village.coils.get(change.coil) or fast.village.relays.get(change.pin)
        if relay is not None and relay.load in loads:
            count(change.at)
            since = change.at
            on[loads[relay.load]] = change.level == relay.active
    count(end)
    return seconds, spans


def _outcomes(fast: Fast) -> Counter[str]:
    return Counter(json.loads(payload)["outcome"] for _, topic, payload in fast.heard if topic.endswith("/result"))


def _alarms(fast: Fast, language: str) -> Iterator[Alarm]:
    prefix = f"{fast.root}/alarm/"
    raised: dict[tuple[str, str], dict[str, object]] = {}
    for _, topic, payload in fast.heard:
        if topic.startswith(prefix) and payload:
            said = json.loads(payload)
            raised[topic.removeprefix(prefix), said["at"]] = said
    for (name, at), said in raised.items():
        text = said["text"]
        assert isinstance(text, dict)
        when = dt.datetime.fromisoformat(at).timestamp()
        yield Alarm(when, name, text[language], said["cleared_at"] is not None)


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.1f}"
