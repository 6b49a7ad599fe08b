"""A year of three meters that are reset, replaced, roll over, are misread and not heard for a week: is each month right?

What they should have counted is the integral of their loads, which this test draws and adds up itself. What is tested is
the way of a reading: the counter's judgement, the recorder, the rows, the roll-ups, the reader.
"""

from __future__ import annotations

import datetime as dt
import math
import random
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate

import pytest
from card import HANOI, Card, moment
from villages import village

from edge.core.counter import Counter
from edge.core.events import Record
from edge.core.metering import terms_of
from edge.core.questions import EnergyQuestion, Period
from edge.core.recorder import Recorder
from edge.core.values import ModelInfo, Reading
from edge.shell.app import catalogue
from edge.shell.energy_reader import EnergyReader, PeriodEnergy

pytestmark = pytest.mark.slow
YEAR = 2026
POLL_S, RECORD_S = 300, 900
BAD = 0.05
NIGHT = dt.timedelta(hours=18)


def day(number: int) -> float:
    return (dt.datetime(YEAR, 1, 1, tzinfo=HANOI) + dt.timedelta(days=number)).timestamp()


MONTHS = [dt.datetime(YEAR + m // 12, m % 12 + 1, 1, tzinfo=HANOI).timestamp() for m in range(13)]
LOST = day(196) + 30_000, day(203) + 50_000  # from the middle of July on nobody heard anything for a week


class Load:
    """Watts over the year, by steps; and the energy of any time, added up from them."""

    def __init__(self, steps: list[tuple[float, float]]) -> None:
        self.at = [at for at, _ in steps]
        self.watts = [watts for _, watts in steps]
        pieces = [w * (b - a) / 3_600_000 for a, b, w in zip(self.at, self.at[1:], self.watts, strict=False)]
        self.sums = [0.0, *accumulate(pieces)]

    def power(self, at: float) -> float:
        return self.watts[bisect_right(self.at, at) - 1]

    def energy(self, at: float) -> float:
        n = bisect_right(self.at, at) - 1
        return self.sums[n] + self.watts[n] * (at - self.at[n]) / 3_600_000


def street(draw: random.Random) -> Iterator[tuple[float, float]]:
    """Lit at dusk, a third of it after half past ten, dark at dawn; lamps draw a little more when it is cold."""
    yield day(0), 12.0
    for n in range(366):
        season = math.cos(math.tau * n / 365)
        dusk, dawn = 17.7 * 3600 - 1500 * season, 6.0 * 3600 + 1500 * season
        yield day(n) + dawn + draw.uniform(-60, 60), 12.0
        full = 2160 * draw.uniform(0.98, 1.02)
        yield day(n) + dusk + draw.uniform(-60, 60), full
        yield day(n) + 22.5 * 3600, full / 3


def hall(draw: random.Random) -> Iterator[tuple[float, float]]:
    """Evenings now and then."""
    yield day(0), 4.0
    for n in range(366):
        if draw.random() < 0.6:
            begin = day(n) + draw.uniform(18, 20) * 3600
            yield begin, draw.choice([180.0, 240.0, 900.0])
            yield begin + draw.uniform(1, 3) * 3600, 4.0


def pump(draw: random.Random) -> Iterator[tuple[float, float]]:
    """Mornings, more of it in the dry months."""
    yield day(0), 0.0
    for n in range(366):
        begin = day(n) + 5 * 3600
        for _ in range(draw.randint(1, 4)):
            yield begin, 750 * draw.uniform(0.9, 1.1)
            begin += draw.uniform(600, 3000)
            yield begin, 0.0
            begin += 900


@dataclass
class Device:
    """A meter as it stands in the cabinet: what it shows, and what befalls it: at a time it shows so much from then on."""

    load: Load
    step: float
    wraps_at: float
    shows: list[tuple[float, float]] = field(default_factory=list)

    def figure(self, at: float) -> float:
        since, kwh = max((entry for entry in self.shows if entry[0] <= at), key=lambda entry: entry[0])
        kwh = (kwh + self.load.energy(at) - self.load.energy(since)) % self.wraps_at
        return round(math.floor(kwh / self.step + 1e-6) * self.step, 6)

    def steady(self, at: float) -> bool:
        """Whether it drew power about that time, and always the same."""
        powers = {self.load.power(at + s) for s in range(-900, 901, 60)}
        return len(powers) == 1 and powers != {0.0}

    def rollovers(self) -> int:
        ends = [at for at, _ in self.shows[1:]] + [MONTHS[-1]]
        counted = ((kwh + self.load.energy(end) - self.load.energy(at)) / self.wraps_at for (at, kwh), end in zip(self.shows, ends, strict=True))
        return sum(int(turns) for turns in counted)


METERS = {
    "street": {"model": "sdm630", "rated_kw": 5},
    "hall": {"model": "sdm120", "rated_kw": 2},
    "pump": {"model": "pzem016", "rated_kw": 1.5},
}


def devices(draw: random.Random, models: dict[str, ModelInfo]) -> dict[str, Device]:
    """The three, with twelve resets, two replaced meters (one of them not new) and three rollovers between them."""
    loads = {"street": street, "hall": hall, "pump": pump}
    found = {}
    for name, meter in METERS.items():
        info = models[str(meter["model"])]
        load = Load(sorted(loads[name](random.Random(f"{draw.random()}"))))
        found[name] = Device(load, info.counter_step, info.wraps_at or math.inf)
    found["street"].shows = [(day(0), 5188.85), *((day(n) + draw.uniform(0, 86400), 0.0) for n in (20, 75, 140, 250, 300, 340))]
    found["hall"].shows = [(day(0), 77.1), *((day(n) + draw.uniform(0, 86400), 0.0) for n in (45, 110, 290)), (day(330) + 70_000, 2204.1)]
    found["pump"].shows = [
        (day(0), 9970.0), (day(80) + 20_000, 0.0), (day(130) + 18_500, 9960.0), (day(180) + 19_000, 0.0),
        (day(270) + 1000, 0.0), (day(280), 9999.0),
    ]  # fmt: skip
    return found


def heard(name: str, device: Device, draw: random.Random, models: dict[str, ModelInfo]) -> Iterator[Record]:
    """The year as the core takes it: what it believes of what was polled, and records of that."""
    meter, info = METERS[name], models[str(METERS[name]["model"])]
    counter = Counter(float(str(meter["rated_kw"])), 1, None, info.counter_step, info.wraps_at)
    recorder = Recorder(RECORD_S)
    at = day(0) + draw.uniform(0, POLL_S)
    while at < MONTHS[-1]:
        at += POLL_S
        if LOST[0] <= at < LOST[1]:
            continue
        values = {"power_w": round(device.load.power(at), 1), "energy_kwh": device.figure(at)}
        if draw.random() < BAD:
            bad = draw.choice(["silent", "nan", "zeros", "noise"])
            if bad == "silent":
                continue
            if bad == "nan":
                del values["energy_kwh"]  # what is no number never comes so far
            elif bad == "zeros":
                values = dict.fromkeys(values, 0.0)
            else:
                values["energy_kwh"] = round(draw.uniform(0, 9999), 2)
        judged = counter.judge(Reading(f"meter/{name}", values, at))
        if judged is not None:
            yield from (effect for effect in recorder.take(judged, moment(at)) if isinstance(effect, Record))


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Card, EnergyReader, dict[str, Device]]]:
    models = catalogue()
    draw = random.Random(6)
    meters = {n: {"name": n, "port": "bus", "address": i, "poll": "5m", "record": "15m", **m} for i, (n, m) in enumerate(METERS.items(), 1)}
    site = village(lights={}, programs={}, meters=meters)
    card = Card(tmp_path_factory.mktemp("year"), terms_of(site, models))
    there = devices(draw, models)
    records = [list(heard(name, device, draw, models)) for name, device in there.items()]
    everything = sorted((record for each in records for record in each), key=lambda record: record.reading.at)
    for n in range(0, len(everything), 2000):
        group = everything[n : n + 2000]
        card.write(record.reading for record in group)
        card.roll(group[-1].reading.at, draw.choice([0, 5, None]))
    yield card, EnergyReader(site, models, {}), there
    card.close()


def asked(year: tuple[Card, EnergyReader, dict[str, Device]], name: str, period: Period) -> list[PeriodEnergy]:
    card, reader, _ = year
    with card.reader() as db:
        return reader.periods(db, EnergyQuestion(f"meter/{name}", period, MONTHS[0], MONTHS[-1]), moment(MONTHS[-1]))


def test_it_is_the_year_that_it_should_be(year: tuple[Card, EnergyReader, dict[str, Device]]) -> None:
    there = year[2]
    new = [kwh for device in there.values() for _, kwh in device.shows[1:]]
    assert (new.count(0.0), len(new) - new.count(0.0)) == (12, 3)
    assert sum(device.rollovers() for device in there.values()) == 3


@pytest.mark.parametrize("name", METERS)
def test_every_month_is_what_the_loads_took(year: tuple[Card, EnergyReader, dict[str, Device]], name: str) -> None:
    device = year[2][name]
    for n, month in enumerate(asked(year, name, "month")):
        truth = device.load.energy(MONTHS[n + 1]) - device.load.energy(MONTHS[n])
        assert abs(month.kwh - truth) <= max(0.001 * truth, 2 * device.step), f"month {n + 1}: {month.kwh} for {truth}"
        changed = [at for at, _ in device.shows if MONTHS[n] < at < MONTHS[n + 1] and device.steady(at)]
        assert month.interpolated_kwh > 0 or not changed, "what is estimated is said"
        assert month.interpolated_kwh <= 0.02 * truth
        assert month.unmeasured_s < 900


@pytest.mark.parametrize("name", METERS)
def test_hours_and_days_make_up_the_months_and_a_lost_week_is_shared_and_said(year: tuple[Card, EnergyReader, dict[str, Device]], name: str) -> None:
    months, days, hours = (asked(year, name, period) for period in ("month", "day", "hour"))
    for month in months:
        for finer in (days, hours):
            within = [p for p in finer if month.start <= p.start < month.end]
            assert sum(p.kwh for p in within) == pytest.approx(month.kwh, abs=1e-6)
            assert min(p.kwh for p in within) >= 0
    lost = [p for p in days if LOST[0] <= p.start and p.end <= LOST[1]]
    assert len(lost) == 6
    assert all(p.interpolated_kwh == pytest.approx(p.kwh) and p.kwh > 0 for p in lost)
    (july,) = (p for p in months if p.start <= LOST[0] < p.end)
    assert july.interpolated_kwh < 0.001 * july.kwh
