"""A damaged history: a new one is begun at once, and what can be read of the old one is copied into it."""

from __future__ import annotations

import shutil
import sqlite3
import time
from pathlib import Path

import pytest
from history_house import Book, House

from edge.core.events import HistoryChanged
from edge.shell.history import BLOCK
from edge.shell.history_file import acknowledged, connect_readonly
from edge.shell.history_news import DAMAGED

PAGE = 4096
ROWS = 1500
A_PAGE = 150  # rows: no page holds more


def fill(house: House, count: int = ROWS) -> None:
    house.worker.register("telemetry")
    for n in range(count):
        device = ("meter/m", "meter/n", "sensor/s")[n % 3]
        house.read(480.25 + n, 12.34 * n, 2.125, device=device)
        house.now = type(house.now)(house.now.wall + 1, house.now.mono + 1, house.now.boot, True)
    house.later(0)
    house.worker.commit_now()
    house.later(0)
    house.worker.acknowledge("telemetry", [(1, 700)])
    house.worker.set_aside("telemetry", 800, "no")
    house.worker.commit_now()
    house.later(121)
    house.later(0)


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> House:
    """A history of some pages that was closed in good order."""
    house = House(tmp_path_factory.mktemp("old"))
    fill(house)
    house.worker.close(house.now)
    return house


def copied(old: House, folder: Path) -> House:
    for file in old.path.parent.iterdir():
        shutil.copyfile(file, folder / file.name)
    house = House.__new__(House)
    house.path, house.book, house.now, house.more = folder / "history.db", Book(old.book.known), old.now, {}
    house.told, house.card = [], lambda: None
    return house


def salvage(house: House) -> list[int]:
    """Start, read everything as those who answer do, and let it be mended; the sequences that were there before."""
    began = time.monotonic()
    house.start()
    assert time.monotonic() - began < 2
    house.worker.register("telemetry")
    house.read(1.0)
    house.worker.commit_now()
    for _ in range(3):
        house.later(1)
        try:
            db = connect_readonly(house.path)
            for table in ("layouts", "rows", "consumers", "held"):
                db.execute(f"SELECT * FROM {table}").fetchall()
            db.close()
        except sqlite3.DatabaseError as error:
            house.worker.doubt(error)
        house.later(6)
        while house.worker._disk.salvaging:
            house.later(0)
    return [s for s in house.sequences() if s <= ROWS]


def pages(old: House) -> int:
    return old.path.stat().st_size // PAGE


def test_every_page_may_be_damaged_and_only_its_own_rows_are_lost(old: House, tmp_path: Path) -> None:
    whole = old.path.read_bytes()
    before = {row[0]: row for row in old.rows()}
    assert pages(old) >= 15
    for n in range(pages(old)):
        folder = tmp_path / str(n)
        folder.mkdir()
        house = copied(old, folder)
        page = bytes(byte ^ 0xA5 for byte in whole[n * PAGE : (n + 1) * PAGE])
        house.path.write_bytes(whole[: n * PAGE] + page + whole[(n + 1) * PAGE :])
        kept = salvage(house)
        assert len(kept) >= ROWS - A_PAGE, f"page {n}"
        assert all(before[row[0]] == row for row in house.rows() if row[0] <= ROWS), f"page {n}"
        assert house.sequences()[-1] > BLOCK, f"page {n}: a sequence was used again"
        has = acknowledged(connect_readonly(house.path), "telemetry")
        assert 700 in has, f"page {n}"
        assert 701 not in has, f"page {n}"
        house.worker.close(house.now)


def test_a_file_that_was_cut_off_anywhere_keeps_what_stands_before(old: House, tmp_path: Path) -> None:
    whole = old.path.read_bytes()
    for n in range(pages(old)):
        folder = tmp_path / str(n)
        folder.mkdir()
        house = copied(old, folder)
        house.path.write_bytes(whole[: n * PAGE + (n % 3) * 777])
        kept = salvage(house)
        assert len(kept) >= ROWS - A_PAGE * (pages(old) - n + 1), f"page {n}"
        assert house.sequences()[-1] > BLOCK, f"page {n}: a sequence was used again"
        assert 700 in acknowledged(connect_readonly(house.path), "telemetry"), f"page {n}"
        house.worker.close(house.now)


def test_a_damage_is_told_and_the_file_kept(old: House, tmp_path: Path) -> None:
    house = copied(old, tmp_path)
    house.path.write_bytes(b"X" * PAGE + old.path.read_bytes()[PAGE:])
    salvage(house)
    assert house.told[0] == HistoryChanged(DAMAGED, 0)
    assert (tmp_path / "history.db.salvaged-1").exists()
    assert not (tmp_path / "history.db.corrupt-1").exists()


def test_a_salvage_goes_on_where_the_process_was_killed(old: House, tmp_path: Path) -> None:
    house = copied(old, tmp_path)
    house.path.write_bytes(b"X" * PAGE + old.path.read_bytes()[PAGE:])
    house.start()
    house.later(0)
    house.later(0)
    house.start()  # the one before is never closed
    while house.worker._disk.salvaging:
        house.later(0)
    assert len([s for s in house.sequences() if s <= ROWS]) == ROWS


def test_a_salvage_waits_for_a_card_that_is_full(old: House, tmp_path: Path) -> None:
    house = copied(old, tmp_path)
    house.path.write_bytes(b"X" * PAGE + old.path.read_bytes()[PAGE:])

    def full() -> None:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    house.start()
    house.later(0)
    house.card = full
    for _ in range(5):
        house.later(5)
    assert "full" in str(house.worker._news.failing)
    house.card = lambda: None
    for _ in range(10):
        house.later(5)
    assert house.worker._disk.salvaging is False
    assert len([s for s in house.sequences() if s <= ROWS]) == ROWS
