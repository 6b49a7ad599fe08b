"""What a question about a year of three meters costs: energy of a month by hours, days and the month; a quantity's history.

The file is written by the way rows go, and rolled up but for the last half hour. Eleven months have a row every ten
minutes and the last one a row a minute, as recorded by default (`--full`: all of it; that takes minutes). Every question
is asked over a connection of its own, as the controller does. The floor is SQLite handing out the roll-ups or rows that
answer it, and nothing done with them.
"""

from __future__ import annotations

import datetime as dt
import math
import sqlite3
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from common import NGUYEN_LY, p99, parser, say, told

sys.path.append(str(Path(__file__).parents[1]))
from card import HANOI, Card, moment

from edge.core.metering import terms_of
from edge.core.questions import EnergyQuestion, HistoryQuestion
from edge.core.values import Reading
from edge.shell.app import catalogue
from edge.shell.energy_reader import EnergyReader
from edge.shell.history_file import connect_readonly
from edge.shell.site_file import load
from edge.shell.tariff_files import tariffs, wanted_by

METERS = "meter/cabinet-1", "meter/culture-house", "meter/pump-house"
END = dt.datetime(2026, 12, 1, tzinfo=HANOI).timestamp() - 1800
MONTH = dt.datetime(2026, 11, 1, tzinfo=HANOI).timestamp()
START = dt.datetime(2025, 12, 1, tzinfo=HANOI).timestamp()


def readings(full: bool) -> Iterator[Reading]:
    """A load that swings by the day, on counters with two decimals."""
    at, counters = START, dict.fromkeys(METERS, 1000.0)
    while at < END:
        step = 60 if full or at >= MONTH else 600
        for n, meter in enumerate(METERS):
            watts = round(700 + 600 * math.cos(math.tau * (at / 86400 + n / 3)), 1)
            counters[meter] += watts * step / 3_600_000
            volts = {f"voltage_l{p}_v": round(230 + math.sin(at / 613 + p), 1) for p in (1, 2, 3)}
            yield Reading(meter, {"power_w": watts, "energy_kwh": round(counters[meter], 2), **volts}, at)
        at += step


def fill(card: Card, full: bool) -> None:
    """The year, a group at a time, rolled up as it goes."""
    group: list[Reading] = []
    for reading in readings(full):
        group.append(reading)
        if len(group) == 3000:
            card.write(group)
            card.roll(reading.at)
            group.clear()
    card.write(group)


def timed(runs: int, path: Path, question: Callable[[sqlite3.Connection], object]) -> list[float]:
    """How long each of so many runs took (ms), over a connection of its own."""
    found = []
    for _ in range(runs):
        began = time.perf_counter()
        with closing(connect_readonly(path)) as db:
            question(db)
        found.append(1000 * (time.perf_counter() - began))
    return found


def main(full: bool, runs: int) -> None:
    site, models = load(NGUYEN_LY, catalogue()), catalogue()
    reader = EnergyReader(site, models, tariffs(None, wanted_by(site)))
    with TemporaryDirectory(prefix="bench-") as folder:
        card = Card(Path(folder), terms_of(site, models))
        say("a year of three meters is written and rolled up")
        began = time.perf_counter()
        fill(card, full)
        rows, size = card.reader().execute("SELECT count(*) FROM rows").fetchone()[0], card.path.stat().st_size
        print(f"{rows} rows, {size / 1e6:.0f} MB; written and rolled up in {time.perf_counter() - began:.0f} s")
        hours = "SELECT * FROM energy WHERE device = 'meter/cabinet-1' AND hour >= ?"
        rolled = "SELECT body FROM rollups WHERE span = 1 AND layout = (SELECT id FROM layouts WHERE device = 'meter/cabinet-1')"
        within = "SELECT body FROM rows WHERE at >= ? AND sequence > (SELECT max(last) FROM marks WHERE hour < ?)"
        questions: dict[str, tuple[Callable[[sqlite3.Connection], object], Callable[[sqlite3.Connection], object]]] = {
            f"energy-{period}": (
                lambda db, period=period: reader.periods(db, EnergyQuestion(METERS[0], period, MONTH, END), moment(END)),
                lambda db: db.execute(hours, (MONTH,)).fetchall(),
            )
            for period in ("month", "day", "hour")
        }
        questions["energy-year"] = (
            lambda db: reader.periods(db, EnergyQuestion(METERS[0], "month", START, END), moment(END)),
            lambda db: db.execute(hours, (0,)).fetchall(),
        )
        for name, since, step in (("history-day", END - 86400, 120), ("history-month", MONTH, 3600), ("history-year", START, 86400)):
            questions[name] = (
                lambda db, since=since, step=step: reader.series(db, HistoryQuestion(METERS[0], "power_w", since, END, step)),
                (lambda db: db.execute(within, ((END - 86400) * 1000, END - 86400 - 3600)).fetchall()) if step < 3600
                else (lambda db, since=since: db.execute(f"{rolled} AND start >= ?", (since,)).fetchall()),
            )  # fmt: skip
        for name, (question, floor) in questions.items():
            ours, least = timed(runs, card.path, question), timed(runs, card.path, floor)
            print(f"{name}: p50 {statistics.median(ours):.1f} ms, p99 {p99(ours):.1f} ms")
            told(name, statistics.median(ours), "ms", statistics.median(least))
        card.close()


if __name__ == "__main__":
    options = parser(__doc__)
    options.add_argument("--full", action="store_true", help="a row a minute for the whole year")
    options.add_argument("--runs", type=int, default=30, help="of each question (default: 30)")
    given = options.parse_args()
    main(given.full, given.runs)
