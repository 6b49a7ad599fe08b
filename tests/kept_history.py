"""Histories of a village with one meter, on files, for what reads them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from card import Card
from villages import CATALOGUE, village, when

from edge.core.metering import terms_of
from edge.core.site import Site
from edge.core.tariffs import Tariff
from edge.core.values import Reading
from edge.shell.energy_reader import EnergyReader
from edge.shell.keeping import FILE
from edge.shell.rollups import HOUR
from edge.shell.tariff_files import tariffs, wanted_by

START = when("2026-11-21T00:00:00+07:00")
DAY_S = 86400


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
    """Keep them in the file `path`, which is called history.db, and close it as a stop in good order does."""
    assert path.name == FILE
    card = Card(path.parent)
    card.write(readings)
    card.close()


def roll_up(path: Path, site: Site, until: float) -> int:
    """Have all that is over by `until` (Unix s) rolled up, as the daemon does; how many hours there are then."""
    card = Card(path.parent, terms_of(site, CATALOGUE))
    card.roll(until)
    hours = sum(row[1] == HOUR for row in card.dump("rollups")["rollups"])
    card.close()
    return hours
