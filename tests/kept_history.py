"""Histories on files, written as the daemon writes them, for what reads them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from villages import CATALOGUE, village, when

from edge.core.events import Persist, Record
from edge.core.site import Site
from edge.core.tariffs import Tariff
from edge.core.values import Moment, Reading
from edge.shell.energy_reader import EnergyReader
from edge.shell.history import HistoryWorker
from edge.shell.history_file import open_history
from edge.shell.rollups import HOUR, jobs
from edge.shell.tariff_files import tariffs, wanted_by

START = when("2026-11-21T00:00:00+07:00")
DAY_S = 86400


class Book:
    """A journal that has every reservation on the disk at once."""

    def __init__(self) -> None:
        self.known = 0

    def put(self, *rows: Persist, tell: object = ()) -> None:
        self.known = int((rows[-1].row or {})["reserved"] or 0)

    def reserved(self, _name: str) -> int:
        return self.known


def house(**meter: Any) -> Site:
    """A village with one meter, the cabinet's, on the public-lighting tariff and billed from the 15th."""
    cabinet = {"name": "Tủ, số 1", "model": "sdm630", "port": "bus", "address": 1, "rated_kw": 5}
    return village(meters={"cabinet": cabinet | {"tariff": "public-lighting", "billing_day": 15} | meter})


def reader(site: Site) -> EnergyReader:
    found: dict[str, Tariff] = tariffs(None, wanted_by(site))
    return EnergyReader(site, CATALOGUE, found)


def minutes(days: float, watts: float = 1200.0, start: float = START, kwh: float = 100.0, every_s: float = 60.0) -> Iterable[Reading]:
    """The cabinet's readings, one a minute, of a load that stays the same."""
    for n in range(int(days * DAY_S / every_s)):
        at = n * every_s
        yield Reading("meter/cabinet", {"power_w": watts, "energy_kwh": round(kwh + watts * at / 3.6e6, 2)}, start + at)


def write(path: Path, readings: Iterable[Reading]) -> None:
    """Keep them, and close the file as a stop in good order does."""
    worker = HistoryWorker(path, Book(), lambda _: None)
    for n, reading in enumerate(readings, 1):
        now = Moment(reading.at, 1000.0 + n, "b", trusted=True)
        worker.record(Record(reading, now.mono, now.boot, now.trusted))
        if n % 400 == 0:
            worker.commit_now()
            worker.step(now)
    worker.commit_now()
    worker.step(now)
    worker.close(now)


def roll_up(path: Path, site: Site, until: float) -> int:
    """Have all that is over by `until` (Unix s) rolled up, as the daemon does; how many hours there are then."""
    db = open_history(path)
    (job,) = jobs(site, CATALOGUE)
    more = True
    while more:
        db.execute("BEGIN IMMEDIATE")
        more = job.run(db, Moment(until, 1.0, "b", trusted=True))
        db.execute("COMMIT")
    hours = int(db.execute("SELECT count(*) FROM rollups WHERE span = ?", (HOUR,)).fetchone()[0])
    db.close()
    return hours
