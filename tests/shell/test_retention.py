"""Rows leave by age and by size, and those that a consumer had not are counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from history_house import Book, House

from edge.core.events import SinkChanged
from edge.shell import retention
from edge.shell.history_file import acknowledged, connect_readonly, dropped
from edge.shell.retention import hourly

WAL = 4_200_000  # what is written ahead before it is put into the file


def filled(folder: Path, count: int, step_s: float = 1.0, **more: float) -> House:
    house = House(folder, Book(10**9), **more)
    house.worker.register("telemetry")
    for n in range(count):
        house.read(480.25 + n, 12.34 * n, 2.125)
        house.now = replace(house.now, wall=house.now.wall + step_s, mono=house.now.mono + step_s)
        if n % 1000 == 999:
            house.worker.step(house.now)
    house.worker.commit_now()
    house.later(0)
    return house


def to_the_hour(house: House) -> None:
    house.later(hourly(house.now.wall) - house.now.wall)
    for _ in range(200):
        again = house.later(0)
        if again is None or again > house.now.mono:
            return
    raise AssertionError("retention finds no end")


def test_rows_leave_when_they_are_older_than_is_kept(tmp_path: Path) -> None:
    house = filled(tmp_path, 1000, 10.0, keep_s=8000.0)
    to_the_hour(house)
    before = house.sequences()
    house.worker.acknowledge("telemetry", [(before[0], before[99])])
    to_the_hour(house)
    rows = house.rows()
    assert 100 < len(before) - len(rows) < len(before)
    assert rows[0][1] >= (house.now.wall - 8000) * 1000
    house.later(121)
    db = connect_readonly(house.path)
    assert dropped(db, "telemetry") == 1000 - len(rows) - 100
    assert list(acknowledged(db, "telemetry")) == [(1, rows[0][0] - 1)]
    assert house.told[-1] == SinkChanged("telemetry", None, 0, 1000 - len(rows) - 100)


def test_what_is_young_among_the_old_stays(tmp_path: Path) -> None:
    house = House(tmp_path, keep_s=86400.0)
    for n in range(1200):
        house.read(float(n), at=house.now.wall + (10 * 365 * 86400.0 if n < 300 else -2 * 86400.0))
    house.worker.commit_now()
    house.later(0)
    to_the_hour(house)
    assert [row[3][0] for row in house.rows()] == [float(n) for n in range(300)]


def test_a_wrong_clock_costs_no_more_than_a_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "MOST_BY_AGE", 1000)
    house = filled(tmp_path, 3000, keep_s=86400.0)
    house.now = replace(house.now, wall=house.now.wall + 10 * 365 * 86400.0)
    to_the_hour(house)
    assert len(house.rows()) == 2000


def test_nothing_leaves_by_age_while_nobody_vouches_for_the_clock(tmp_path: Path) -> None:
    house = filled(tmp_path, 100, keep_s=86400.0)
    house.now = replace(house.now, wall=house.now.wall + 10 * 365 * 86400.0, trusted=False)
    to_the_hour(house)
    assert len(house.rows()) == 100


def test_rows_that_are_held_leave_by_size_alone(tmp_path: Path) -> None:
    house = House(tmp_path, keep_s=86400.0)
    house.now = replace(house.now, wall=1000.0, trusted=False)
    house.read(1.0)
    house.worker.commit_now()
    house.later(0)
    house.worker._began = None
    to_the_hour(house)
    assert house.held() == house.sequences()


@pytest.mark.slow
def test_a_file_that_has_grown_too_large_loses_its_oldest_rows_and_grows_no_more(tmp_path: Path) -> None:
    house = filled(tmp_path, 200_000, 0.5, max_bytes=WAL + 5_000_000.0)
    to_the_hour(house)
    rows = house.sequences()
    assert 100_000 < len(rows) < 200_000
    assert rows == list(range(rows[0], rows[-1] + 1))
    house.later(121)
    assert dropped(connect_readonly(house.path), "telemetry") == 200_000 - len(rows)
    size = house.path.stat().st_size
    for n in range(20_000):
        house.read(float(n))
        if n % 1000 == 999:
            house.later(0)
            to_the_hour(house)
    assert house.path.stat().st_size <= size + 65_536
    house.worker.close(house.now)
    house.more = {"max_bytes": WAL + 2_000_000.0}  # as a person may decide
    house.start()
    to_the_hour(house)
    assert house.path.stat().st_size + Path(f"{house.path}-wal").stat().st_size <= WAL + 2_100_000
