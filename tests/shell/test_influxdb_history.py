"""The sink on the history that ships, in virtual time: what is committed is acknowledged, pending, set aside or dropped."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from villages import NGUYEN_LY

from edge.core.events import Event, Record, SinkChanged
from edge.core.posting import Answer
from edge.core.ranges import Ranges
from edge.core.site import Site
from edge.core.values import Reading, StoredRow
from edge.shell.clock import ManualClock
from edge.shell.cursor import Cursor
from edge.shell.history import HistoryWorker
from edge.shell.history_file import acknowledged, connect_readonly, dropped, set_aside
from edge.shell.influx_server import Unusable
from edge.shell.keeping import Files, makers
from edge.shell.mqtt_client import Broker
from edge.shell.runner import StepRunner
from edge.shell.seams import Seams
from edge.shell.sinks import influxdb
from edge.shell.store import StoreWorker

SITE = Site.model_validate(
    {"site": NGUYEN_LY | {"language": "vi"}, "influx": {"url": "http://127.0.0.1:9", "org": "xa", "bucket": "village"}}
)
BROKER = Broker("127.0.0.1", 1, "5", "village-edge-thon")
FATES = ("taken", "taken", "taken", "taken", "kept", "503", "401", "400", "silent", "unusable")


class Double:
    """A server in memory. Keeps nothing with a `level_m`; what it took within its newest five seconds is lost with it."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.fate: Callable[[], str] = lambda: "taken"
        self.points: dict[tuple[str, int], StoredRow] = {}
        self._new: list[tuple[float, StoredRow]] = []
        self.tries: dict[int, int] = {}

    def open(self) -> Double:
        if self.fate() == "unusable":
            raise Unusable("no library")
        return self

    def post(self, rows: Sequence[StoredRow], done: Callable[[Answer], None]) -> None:
        fate = self.fate()
        if fate in ("taken", "kept") and not any("level_m" in row.values for row in rows):
            self._flush()
            self._new += [(self._clock.mono(), row) for row in rows]
            done(Answer(204) if fate == "taken" else Answer(0, "connection reset"))
        elif fate in ("taken", "kept"):
            done(Answer(400, "field type conflict"))
        elif fate == "400":
            done(Answer(400, "no such database"))
        elif fate != "silent":
            done(Answer(503 if fate == "503" else 401, "no"))

    def close(self) -> None:
        pass

    def lost_power(self) -> None:
        self._flush()
        self._new.clear()

    def all(self) -> dict[tuple[str, int], StoredRow]:
        self._clock.advance(5.0)
        self._flush()
        return self.points

    def _flush(self) -> None:
        while self._new and self._new[0][0] <= self._clock.mono() - 5.0:
            _, row = self._new.pop(0)
            self.points[row.device, row.at_ms] = row


class House:
    """Store, history and sink of one process; `again` is the next process on the same card."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = ManualClock(wall=1_795_258_000.0)
        self.server = Double(self.clock)
        self.told: list[Event] = []
        self.start()

    def start(self) -> None:
        self.store = StoreWorker(self.folder / "journal.db", lambda _: None)
        self.history = HistoryWorker(self.folder / "history.db", self.store, self.told.append)
        files = Files(self.folder / "history.db", self.folder / "journal.db", BROKER)
        seams = Seams(open_influx=self.server.open)
        sink = influxdb.make(SITE, files, self.history, self.clock, self.told.append, seams)
        assert sink is not None
        self.sink = sink
        self.runner = StepRunner([self.store, self.history, sink], self.clock)

    def again(self, *, killed: bool) -> None:
        self.sink.close()
        if not killed:
            self.store.close(self.clock.now())
            self.history.close(self.clock.now())
        self.start()

    def read(self, device: str, **values: float) -> None:
        now = self.clock.now()
        self.history.record(Record(Reading(device, values, now.wall, "good", 1), now.mono, now.boot, True))

    def standing(self) -> tuple[Ranges, set[int], int]:
        """What the sink has, would not take, and never got."""
        with closing(connect_readonly(self.folder / "history.db")) as db:
            return acknowledged(db, "influxdb"), set_aside(db, "influxdb"), dropped(db, "influxdb")

    def rows(self) -> list[StoredRow]:
        cursor = Cursor(self.folder / "history.db", "anybody", Ranges(), set())
        found = cursor.between(1, 1 << 40, 100_000)
        while found and (more := cursor.between(found[-1].sequence + 1, 1 << 40, 100_000)):
            found += more
        cursor.close()
        return found


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.sink.close()


def test_three_days_without_a_server_are_all_there_when_it_is_back(house: House) -> None:
    house.server.fate = lambda: "silent"
    for _ in range(3 * 24 * 6):
        house.read("meter/a", power_w=100.0)
        house.read("meter/b", power_w=200.0)
        house.runner.advance(600)
    assert house.told == []
    house.server.fate = lambda: "taken"
    house.read("meter/a", power_w=1.0)
    house.runner.advance(300)
    assert len(house.server.all()) == 2 * 3 * 24 * 6 + 1
    (first, *_) = house.standing()[0]
    assert first == (1, 2 * 3 * 24 * 6 + 1)


@pytest.mark.parametrize("seed", range(12))
def test_whatever_happens_each_row_is_there_once_or_set_aside(house: House, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(60):
        weights = chance.choice(((40, 1), (1, 40)))
        house.server.fate = lambda weights=weights: chance.choice(FATES) if chance.choices((0, 1), weights)[0] else "taken"  # type: ignore[misc]
        for n in range(chance.randrange(20)):
            house.read(f"meter/m{n}", power_w=float(chance.randrange(1000)))
        if chance.random() < 0.2:
            house.read("sensor/well", level_m=1.0)
        house.runner.advance(chance.choice((0.5, 3.0, 61.0, 130.0)))
        if chance.random() < 0.1:
            house.server.lost_power()
            house.server.fate = lambda: "503"
            house.read("meter/m0", power_w=1.0)
            house.history.commit_now()
            house.runner.advance(3)
        if chance.random() < 0.1:
            house.again(killed=chance.random() < 0.5)
    house.server.fate = lambda: "taken"
    for _ in range(8):
        house.read("meter/m0", power_w=1.0)
        house.runner.advance(70)
    house.runner.advance(200)
    rows, (has, aside, lost) = house.rows(), house.standing()
    points = house.server.all()
    assert lost == 0
    assert all((row.sequence in has) != (row.sequence in aside) for row in rows)
    assert {row.sequence for row in rows if "level_m" in row.values} <= aside
    assert [row for row in rows if row.sequence in has and points.get((row.device, row.at_ms)) != row] == []
    told = [event for event in house.told if isinstance(event, SinkChanged) and event.refused is None]
    assert not aside or max(event.set_aside for event in told) == len(aside)


def test_nothing_runs_without_the_section_nor_in_virtual_time(tmp_path: Path) -> None:
    clock = ManualClock(wall=1_795_258_000.0)
    history = HistoryWorker(tmp_path / "history.db", StoreWorker(None, lambda _: None), lambda _: None)
    files = Files(tmp_path / "history.db", tmp_path / "journal.db", BROKER)
    made: Callable[..., Any] = influxdb.make
    assert made in makers()
    assert made(Site.model_validate({"site": NGUYEN_LY | {"language": "vi"}}), files, history, clock, print, Seams()) is None
    assert made(SITE, files, history, clock, print, Seams(make_client=print)) is None
    assert made(SITE, files, history, clock, print, Seams()) is not None
