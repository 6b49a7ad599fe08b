"""What the two files on the card know of a plot's days: waterings, what people did at its valve, and sensors.

Both files are only read, while the controller may write them.
"""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from edge.core.metering import terms_of
from edge.core.periods import day_of, day_start
from edge.core.rollup import Figures
from edge.core.site import Sensor, Site, Valve
from edge.core.steps import DAY_S
from edge.core.values import ModelInfo
from edge.shell.history_file import connect_readonly
from edge.shell.history_rows import layouts, still, unmarked
from edge.shell.history_series import Look
from edge.shell.journal_runs import Share, shares_of
from edge.shell.rollups import Rollups

SOIL, TEMPERATURE, HUMIDITY, LIGHT = "moisture_pct", "temperature_c", "humidity_pct", "illuminance_lux"
KINDS = ("soil", "soil_temperature", "air", "humidity", "light")  # of what a day of the diary has figures
STEPS = len(KINDS) + 1  # of the work that one diary is
Kept = TypeVar("Kept")
AUDIT = """
    SELECT at, user, details FROM audit WHERE device = ? AND at >= ? AND at < ? AND outcome = 'accepted'
    ORDER BY at, sequence
"""


@dataclass(frozen=True, slots=True)
class Source:
    """A sensor's quantity, and what people call the sensor."""

    device: str
    quantity: str
    name: str


@dataclass(frozen=True, slots=True)
class Note:
    """What `user` did at the valve at `at` (Unix s): an action of the contract, with what they wrote to it."""

    at: float
    user: str
    action: str
    text: str


@dataclass(frozen=True, slots=True)
class Day:
    """One day of a plot: its waterings in the order of time, and by KINDS what the sensors' readings come to."""

    date: dt.date
    shares: tuple[Share, ...]
    figures: Mapping[str, Figures]
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Diary:
    """A plot's days from `first` to `last`, both included. `sequences`: of the first and of the last row of its sensors
    that the history still has of that time."""

    site: str
    village: str
    valve: str
    name: str
    area: str | None
    zone: ZoneInfo
    first: dt.date
    last: dt.date
    sources: Mapping[str, Source]
    days: tuple[Day, ...]
    sequences: tuple[int, int] | None

    @property
    def shares(self) -> list[Share]:
        """All waterings, also those that were left out."""
        return [share for day in self.days for share in day.shares]

    @property
    def notes(self) -> list[Note]:
        """All that people did at the valve."""
        return [note for day in self.days for note in day.notes]

    @property
    def under_way(self) -> bool:
        """Whether something of it is not over yet."""
        return any(share.zone.outcome is None for share in self.shares)


@dataclass(frozen=True, slots=True)
class Totals:
    """What some waterings come to: how often water flowed, how often it did not, seconds of water, and litres;
    `uncounted`: how many of those with water nothing counted. `by_program` and `by_person` are seconds of water."""

    times: int
    left_out: int
    done_s: float
    litres: float
    uncounted: int
    by_program: float
    by_person: float


def totals(shares: Iterable[Share]) -> Totals:
    """The sum of these."""
    known = list(shares)
    wet = [share for share in known if share.zone.done_s > 0]
    people = sum(share.zone.done_s for share in wet if share.run.program is None)
    done = sum(share.zone.done_s for share in wet)
    return Totals(
        len(wet), sum(share.zone.done_s <= 0 and share.zone.outcome is not None for share in known), done,
        sum(share.zone.litres or 0.0 for share in wet), sum(share.zone.litres is None for share in wet),
        done - people, people,
    )


class Gathering:
    """Reads the diaries of one village from the files in its state directory."""

    def __init__(self, site: Site, catalogue: Mapping[str, ModelInfo], journal: Path, history: Path) -> None:
        """Opens both. Raises sqlite3.Error."""
        self._site = site
        self._catalogue = catalogue
        self._zone = ZoneInfo(site.site.timezone)
        self._rollups = Rollups(self._zone, terms_of(site, catalogue))
        self._figures: dict[tuple[Source, dt.date, dt.date], list[Figures | None]] = {}
        self._journal = connect_readonly(journal)
        try:
            self._history = connect_readonly(history)
        except sqlite3.Error:
            self._journal.close()
            raise

    def close(self) -> None:
        """Let go of the files."""
        with closing(self._journal), closing(self._history):
            pass

    def diary(self, valve: str, first: dt.date, last: dt.date, step: Callable[[], None] = lambda: None) -> Diary:
        """Of the valve `valve` (its id), from `first` to `last`. `step` is called after each of STEPS steps of work.

        Raises sqlite3.Error, and ValueError for rows that nobody could have written.
        """
        means = self._site.valves[valve]
        dates = [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]
        borders = [day_start(day, self._zone) for day in (*dates, last + dt.timedelta(days=1))]
        sources = self._sources(means)
        seen: dict[str, list[Figures | None]] = {}
        for kind in KINDS:
            if kind in sources:
                seen[kind] = self._seen(sources[kind], borders, first, last)
            step()
        with still(self._journal):
            shares = self._by_day(shares_of(self._journal, f"valve/{valve}", borders[0], borders[-1]), lambda s: s.at)
            notes = self._by_day(self._noted(f"valve/{valve}", borders[0], borders[-1]), lambda note: note.at)
        devices = {source.device for source in sources.values()}
        sequences = self._sequences(devices, borders[0], borders[-1])
        step()
        days = tuple(
            Day(date, tuple(shares.get(date, ())), {k: found for k, each in seen.items() if (found := each[n])},
                tuple(notes.get(date, ())))
            for n, date in enumerate(dates)
        )
        place = self._site.site
        return Diary(
            place.id, place.name, valve, means.name, means.area, self._zone, first, last, sources, days, sequences
        )

    def _sources(self, valve: Valve) -> dict[str, Source]:
        """The plot's own probe; of the air and the light the first sensor of its area, or else of the village."""
        found: dict[str, Source] = {}
        if valve.soil is not None:
            probe = self._site.sensors[valve.soil]
            has = self._quantities(probe)
            for kind, quantity in (("soil", SOIL), ("soil_temperature", TEMPERATURE)):
                if quantity in has:
                    found[kind] = Source(f"sensor/{valve.soil}", quantity, probe.name)
        ranked = sorted(self._site.sensors.items(), key=lambda each: each[1].area != valve.area)
        for kind, quantity in (("air", TEMPERATURE), ("humidity", HUMIDITY), ("light", LIGHT)):
            for name, sensor in ranked:
                has = self._quantities(sensor)
                if quantity in has and SOIL not in has:
                    found[kind] = Source(f"sensor/{name}", quantity, sensor.name)
                    break
        return found

    def _quantities(self, sensor: Sensor) -> Mapping[str, str]:
        model = self._catalogue.get(sensor.model)
        return {} if model is None else model.quantities

    def _seen(self, source: Source, borders: list[float], first: dt.date, last: dt.date) -> list[Figures | None]:
        """What each day's readings come to; read once for all plots that share a sensor."""
        key = source, first, last
        if key not in self._figures:
            with still(self._history):
                of = {i: layout for i, layout in layouts(self._history, source.device).items()
                      if source.quantity in layout.names}
                if of:
                    look = Look(self._history, of, source.quantity, self._rollups, (borders[0], borders[-1]))
                    self._figures[key] = list(look.rolled(borders, DAY_S))
                else:
                    self._figures[key] = [None] * (len(borders) - 1)
        return self._figures[key]

    def _noted(self, valve: str, start: float, end: float) -> Iterator[Note]:
        for at, user, details in self._journal.execute(AUDIT, (valve, start, end)):
            told: dict[str, Any] = json.loads(details)
            yield Note(at, user or "", str(told.get("action") or ""), str(told.get("note") or ""))

    def _by_day(self, found: Iterator[Kept], at: Callable[[Kept], float]) -> dict[dt.date, list[Kept]]:
        days: dict[dt.date, list[Kept]] = {}
        for each in found:
            days.setdefault(day_of(at(each), self._zone), []).append(each)
        return days

    def _sequences(self, devices: set[str], start: float, end: float) -> tuple[int, int] | None:
        """Of the first and of the last row of these devices that was read from `start` up to before `end`."""
        of = [i for device in devices for i in layouts(self._history, device)]
        which = f"layout IN ({', '.join(map(str, of)) or 'NULL'}) AND at >= ? AND at < ?"
        low, high = round(start * 1000), round(end * 1000)
        query = (
            "SELECT min(sequence), max(sequence) FROM marks JOIN rows ON sequence BETWEEN first AND last "  # noqa: S608 - numbers
            f"WHERE hour > ? AND hour < ? AND {which}"
        )
        ends: list[int | None] = []
        with still(self._history):
            ends += self._history.execute(query, (start - 3600, end, low, high)).fetchone()
            for stretch in unmarked(self._history):
                more = f"SELECT min(sequence), max(sequence) FROM rows WHERE sequence BETWEEN ? AND ? AND {which}"  # noqa: S608
                ends += self._history.execute(more, (*stretch, low, high)).fetchone()
        there = [end for end in ends if end is not None]
        return (min(there), max(there)) if there else None
