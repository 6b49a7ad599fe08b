"""A year of the example village against its printed plan, and against sun and calendar as another library has them."""

from __future__ import annotations

import datetime as dt
import io
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import ephem
import numpy as np
import pytest
import sunposition

from drivers.registers import catalogue
from edge.core.assembly import coming
from edge.core.site import Site
from edge.shell.site_file import parse_site
from simulator.fast import Fast

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]  # a year, on a machine that has other things to do
CONFIG = Path(__file__).parents[2] / "config" / "nguyen-ly.yaml"
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
PLACE = 19.87, 105.68
START = dt.datetime(2026, 11, 21, 12, tzinfo=ZONE)
DAYS = 365
HORIZON, CELL = -50 / 60, -2.0  # degrees: where the sun rises and sets, where the village's photocell turns
DELTA_T_S = 69.2  # TT - UT in 2026, by the IERS
WITHIN_S, STEADY_S = 2700.0, 30.0
Change = tuple[float, str, int]


@dataclass
class States:
    """A trace's reader: every change of what a light wants, as (Unix s, device, level, circuits)."""

    root: str
    changes: list[tuple[float, str, int, tuple[str, ...]]]
    last: dict[str, tuple[int, tuple[str, ...]]]
    reasons: Counter[str]

    def write(self, line: str) -> int:
        if '/state","payload"' in line:
            told = json.loads(line)
            state: dict[str, Any] = json.loads(told["is"]["payload"])
            device = told["is"]["topic"].removeprefix(f"{self.root}/").removesuffix("/state")
            wanted = state["level"], tuple(c["id"] for c in state["circuits"] if c["on"])
            if self.last.setdefault(device, wanted) != wanted:
                self.changes.append((told["wall"], device, *wanted))
                self.reasons[state["reason"]] += 1
            self.last[device] = wanted
        return len(line)


@dataclass
class Year:
    """A year gone by: the changes of every light, and how long each circuit has burnt (h)."""

    site: Site
    states: States
    hours: dict[str, float]


def without_field(site: Site) -> Site:
    """Its lights alone: what is watered and cooled has a season of its own (tests/seasons.py)."""
    lights = {name: program for name, program in site.programs.items() if program.kind == "light"}
    inputs = {name: found for name, found in site.inputs.items() if found.role in ("photocell", "mains", "door")}
    without: dict[str, Any] = {"pumps": {}, "valves": {}, "switches": {}, "sensors": {}}
    return site.model_copy(update=without | {"programs": lights, "inputs": inputs})


def lived(text: str) -> Year:
    models = catalogue()
    site = without_field(parse_site(text, "year.yaml", models))
    states = States(f"village/{site.site.id}", [], {}, Counter())
    trace: Any = states
    fast = Fast(site, models, START.timestamp(), 1, poll_s=3600.0, trace=trace)
    try:
        fast.advance(DAYS * 86400)
        assert fast.shell is not None
        fast.runner.settle()
        hours = {}
        for name in site.lights:
            state = json.loads(fast.broker.retained[f"{states.root}/light/{name}/state"].payload)
            hours |= {f"light/{name}/{c['id']}": c["hours"] for c in state["circuits"]}
    finally:
        fast.close()
    return Year(site, states, hours)


@pytest.fixture(scope="module")
def by_the_sun() -> Year:
    """The example village without its photocell: what it does is what its plan says."""
    return lived(CONFIG.read_text("utf-8").replace("photocell: {within: 45m}", ""))


@pytest.fixture(scope="module")
def by_the_cell() -> Year:
    """The example village as it is: its photocell moves dusk and dawn, under a sky that is always clear."""
    return lived(CONFIG.read_text("utf-8"))


# --- sun and moon, by other libraries and by hand ---


def crossings(altitude: float, rising: bool) -> dict[dt.date, float]:
    """When (Unix s) the sun's centre passes `altitude` (degrees, no refraction) on each local date, by NREL's SPA."""
    days = [START.date() + dt.timedelta(days=n) for n in range(-2, DAYS + 3)]
    from_hour, to_hour = (0, 12) if rising else (12, 24)
    midnights = np.array([dt.datetime.combine(d, dt.time(), ZONE).timestamp() for d in days])
    low, high = midnights + 3600.0 * from_hour, midnights + 3600.0 * to_hour
    for _ in range(26):  # half a day halved so often is a millisecond
        middle = (low + high) / 2
        zenith = sunposition.sunpos(middle, *PLACE, 0, pressure=0, delta_t=DELTA_T_S)[1]
        before = (90 - np.asarray(zenith, dtype=float) < altitude) == rising
        low, high = np.where(before, middle, low), np.where(before, high, middle)
    return dict(zip(days, ((low + high) / 2).tolist(), strict=True))


def lunar_days() -> dict[dt.date, tuple[int, int]]:
    """Lunar (month, day) of each date, from new moons and principal terms at UTC+7; none of these years' leap months
    is numbered by this shortcut, so a month without a principal term is (0, day)."""
    first = ephem.previous_new_moon("2025/11/1")
    moons = [first]
    while moons[-1] < ephem.Date("2028/2/1"):
        moons.append(ephem.next_new_moon(moons[-1]))
    begins = [_local(moon) for moon in moons]
    found: dict[dt.date, tuple[int, int]] = {}
    month = 0
    for begin, end in pairwise(begins):
        terms = {_term(d) for d in (begin, end)}
        # The month in which the sun passes 270 degrees is the 11th; 330 degrees the 1st (counted in thirties).
        month = (_term(end) + 1) % 12 + 1 if len(terms) == 2 else 0
        for n in range((end - begin).days):
            found[begin + dt.timedelta(days=n)] = (month, n + 1)
    return found


def _local(date: Any) -> dt.date:
    return (ephem.Date(date).datetime() + dt.timedelta(hours=7)).date()


def _term(day: dt.date) -> int:
    """In which thirty degrees of its way the sun stands when the local day begins."""
    at = ephem.Date(dt.datetime.combine(day, dt.time()) - dt.timedelta(hours=7))
    longitude = float(ephem.Ecliptic(ephem.Sun(at), epoch=at).lon) * 180 / np.pi
    return int(longitude // 30)


def clock(day: dt.date, hour: int, minute: int) -> float:
    return dt.datetime.combine(day, dt.time(hour, minute), ZONE).timestamp()


def expected(dusk: Callable[[float, dt.date], float], dawn: Callable[[float, dt.date], float]) -> list[Change]:
    """Every change of level in the example village. `dusk` and `dawn` may move a time that the sun gives."""
    sunset, sunrise, moon = crossings(HORIZON, rising=False), crossings(HORIZON, rising=True), lunar_days()
    steps: dict[str, list[tuple[float, int]]] = {"main-road": [], "lanes": [], "culture-house": []}
    for n in range(-1, DAYS + 1):
        night = START.date() + dt.timedelta(days=n)
        morning = night + dt.timedelta(days=1)
        month, day = moon[night]
        on, off = dusk(sunset[night] - 600, night), dawn(sunrise[morning] + 600, morning)
        steps["main-road"].append((on, 100))
        if month == 1 and day <= 3:
            pass  # Tết: full all night
        elif day == 15:
            steps["main-road"].append((clock(morning, 0, 30), 33))
        else:
            steps["main-road"].append((clock(night, 22, 30), 33))
        steps["main-road"].append((off, 0))
        steps["lanes"] += [(sunset[night], 100), (clock(night, 23, 0), 0), (clock(morning, 4, 30), 100), (sunrise[morning], 0)]
        steps["culture-house"].append((clock(night, 22, 0), 0))
    changes = []
    for name, told in steps.items():
        level = 0
        for at, wanted in sorted(told):
            if wanted != level and START.timestamp() < at <= START.timestamp() + DAYS * 86400:
                changes.append((at, f"light/{name}", wanted))
            level = wanted
    return sorted(changes)


def agrees(year: Year, should: list[Change]) -> None:
    there = {f"light/{name}" for name in year.site.lights}
    should = [change for change in should if change[1] in there]
    did = sorted((at, device, level) for at, device, level, _ in year.states.changes)
    # Of what coincides, either may come first.
    for found, wanted in zip(sorted(did, key=_by_device), sorted(should, key=_by_device), strict=True):
        assert found[1:] == wanted[1:], (found, wanted)
        assert abs(found[0] - wanted[0]) <= 1, (dt.datetime.fromtimestamp(wanted[0], ZONE), found, wanted)


def _by_device(change: Change) -> tuple[str, float]:
    return change[1], change[0]


# --- what is shown ---


def test_every_change_is_within_a_second_of_sun_and_calendar_as_others_have_them(by_the_sun: Year) -> None:
    should = expected(lambda at, _: at, lambda at, _: at)
    assert len(should) > 2 * DAYS
    agrees(by_the_sun, should)


def test_the_photocell_moves_dusk_and_dawn_within_its_bounds_and_nothing_else(by_the_cell: Year) -> None:
    night, day = crossings(CELL, rising=False), crossings(CELL, rising=True)

    def moved(at: float, turned: float) -> float:
        return min(max(turned + STEADY_S, at - WITHIN_S), at + WITHIN_S)

    agrees(by_the_cell, expected(lambda at, date: moved(at, night[date]), lambda at, date: moved(at, day[date])))
    assert by_the_cell.states.reasons["photocell"] > DAYS / 2


def test_tet_and_the_fifteenth_are_among_them() -> None:
    moon = lunar_days()
    assert moon[dt.date(2027, 2, 6)] == (1, 1)  # Tết Đinh Mùi
    assert sum(day == 15 for day, _ in ((moon[START.date() + dt.timedelta(days=n)][1], n) for n in range(DAYS))) >= 12


def test_the_plan_printed_in_advance_is_what_then_happens_line_by_line(by_the_sun: Year) -> None:
    year = by_the_sun
    planned = coming(year.site, START.timestamp(), START.timestamp() + DAYS * 86400)
    printed, happened = io.StringIO(), io.StringIO()
    for c in planned:
        print(_line(c.at, c.device, c.level, c.circuits), file=printed)
    for change in sorted(year.states.changes):
        print(_line(*change), file=happened)
    plan, trace = sorted(printed.getvalue().splitlines()), sorted(happened.getvalue().splitlines())
    assert len(plan) > 2 * DAYS
    assert plan == trace


def _line(at: float, device: str, level: int, circuits: tuple[str, ...]) -> str:
    return f"{dt.datetime.fromtimestamp(round(at, 1), ZONE).isoformat()} {device} {level}% {','.join(circuits) or '-'}"


def test_turns_even_the_hours_of_equal_circuits_to_two_percent(by_the_sun: Year) -> None:
    hours = [by_the_sun.hours[f"light/main-road/{c}"] for c in "abc"]
    assert min(hours) > 1000
    assert (max(hours) - min(hours)) / max(hours) <= 0.02, hours
