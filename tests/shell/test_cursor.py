"""What a consumer is to be sent next: both lanes, each in order, and nothing that is held, set aside or acknowledged."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from history_rows import NOON_MS, HistoryFile

from edge.core.ranges import Ranges
from edge.core.values import StoredRow
from edge.shell.cursor import BLOCK, HIGHEST, Cursor, stretch

Made = tuple[HistoryFile, Cursor, Ranges, set[int]]


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Made]:
    history = HistoryFile(tmp_path / "history.db")
    acknowledged, aside = Ranges(), set[int]()
    cursor = Cursor(history.path, "telemetry", acknowledged, aside)
    yield history, cursor, acknowledged, aside
    cursor.close()
    history.close()


def meters(n: int) -> list[tuple[str, dict[str, float | None]]]:
    return [(f"meter/m{i % 3}", {"power_w": 100.5 + i, "energy_kwh": float(i)}) for i in range(n)]


def sequences(rows: list[StoredRow]) -> list[int]:
    return [row.sequence for row in rows]


def test_a_row_is_given_as_it_was_read(made: Made) -> None:
    history, cursor, _, _ = made
    history.write([("meter/a", {"power_w": 1432.5, "energy_kwh": None, "voltage_v": 230.1})])
    assert cursor.pending("live", 10) == [
        StoredRow(1, NOON_MS, "meter/a", {"power_w": 1432.5, "voltage_v": 230.1}, 0, 1)
    ]


def test_the_lanes_meet_where_live_begins_and_each_is_in_order(made: Made) -> None:
    history, cursor, _, _ = made
    history.write(meters(100), at_ms=NOON_MS, every_ms=1000)
    cursor.go_live(NOON_MS + 90_000)
    assert sequences(cursor.pending("live", 60)) == list(range(91, 101))
    assert sequences(cursor.pending("backlog", 60)) == list(range(1, 61))
    assert sequences(cursor.pending("backlog", 60, 60)) == list(range(61, 91))
    assert cursor.pending("backlog", 60, 90) == []
    history.write(meters(1), at_ms=NOON_MS + 200_000)
    assert sequences(cursor.pending("live", 60, 100)) == [101]


def test_the_live_lane_begins_with_the_newest_row_however_old_it_is(made: Made) -> None:
    history, cursor, _, _ = made
    cursor.go_live(NOON_MS)
    assert cursor.pending("live", 5) == []
    history.write(meters(5))
    assert sequences(cursor.pending("live", 5)) == [1, 2, 3, 4, 5]
    cursor.go_live(NOON_MS + 10**9)
    assert cursor.live_from == 5
    assert sequences(cursor.pending("backlog", 9)) == [1, 2, 3, 4]


def test_what_is_acknowledged_set_aside_or_held_is_not_given(made: Made) -> None:
    history, cursor, acknowledged, aside = made
    history.write(meters(10))
    history.write(meters(2), held=True)
    history.write(meters(3))
    acknowledged.add(1, 4)
    acknowledged.add(7, 8)
    aside.add(6)
    assert sequences(cursor.pending("live", 60)) == [5, 9, 10, 13, 14, 15]
    assert cursor.pending("live", 60, 15) == []
    history.do("DELETE FROM held")
    assert sequences(cursor.pending("live", 60, 0)) == [5, 9, 10, 11, 12, 13, 14, 15]


def test_many_that_were_set_aside_hide_nothing_behind_them(made: Made) -> None:
    history, cursor, _, aside = made
    history.write(meters(2 * BLOCK + 5))
    aside.update(range(1, 2 * BLOCK + 1))
    assert sequences(cursor.pending("live", 60)) == list(range(2 * BLOCK + 1, 2 * BLOCK + 6))


def test_blocks_read_ahead_give_every_row_once_and_are_read_again_when_asked_from_elsewhere(made: Made) -> None:
    history, cursor, _, _ = made
    history.write(meters(3 * BLOCK + 7))
    cursor.go_live(NOON_MS + 1)
    got: list[int] = []
    while rows := cursor.pending("backlog", 50, got[-1] if got else 0):
        assert len(rows) <= 50
        got += sequences(rows)
    assert got == list(range(1, 3 * BLOCK + 7))
    assert sequences(cursor.pending("backlog", 5, 100)) == [101, 102, 103, 104, 105]
    assert sequences(cursor.pending("backlog", 5, 0)) == [1, 2, 3, 4, 5]


def test_a_stretch_is_given_whoever_has_it(made: Made) -> None:
    history, cursor, acknowledged, _ = made
    history.write(meters(200))
    acknowledged.add(1, 200)
    assert cursor.pending("live", 60) == []
    assert sequences(cursor.between(11, 150, 60)) == list(range(11, 71))
    assert sequences(cursor.between(71, 150, 100)) == list(range(71, 151))
    assert cursor.between(151, 150, 60) == []
    assert stretch(history.path, 11, 150) == (140, 150)
    assert stretch(history.path, 190, HIGHEST) == (11, 200)
    assert stretch(history.path, 201, HIGHEST) == (0, 0)


def test_a_history_begun_anew_is_read_from_its_own_file(made: Made, tmp_path: Path) -> None:
    history, cursor, _, _ = made
    history.write(meters(5))
    assert len(cursor.pending("live", 60)) == 5
    history.close()
    for suffix in ("", "-wal", "-shm"):
        Path(f"{history.path}{suffix}").unlink(missing_ok=True)
    with pytest.raises(sqlite3.OperationalError):
        cursor.pending("live", 60, 5)
    anew = HistoryFile(tmp_path / "history.db")
    anew.newest = 100_000
    anew.write([("meter/other", {"voltage_v": 230.0})])
    assert cursor.pending("live", 60, 5) == [
        StoredRow(100_001, NOON_MS, "meter/other", {"voltage_v": 230.0}, 0, 1)
    ]
    anew.close()


def test_what_was_dropped_is_read_from_the_file(made: Made) -> None:
    history, cursor, _, _ = made
    assert cursor.dropped() == 0
    history.do("INSERT INTO consumers VALUES ('telemetry', '[]', 3, 0)")
    assert cursor.dropped() == 3
