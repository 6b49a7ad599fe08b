"""The history on real files: groups, sequences, held rows, what consumers have, and bad cards."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from history_house import NOW, Book, House

from edge.core.events import HistoryChanged, Record, SinkChanged
from edge.core.values import Moment, Reading
from edge.shell import history as worker
from edge.shell.history import BLOCK, GROUP_ROWS, MOST_WAITING
from edge.shell.history_file import ReadOnly, acknowledged, connect_readonly, dropped, set_aside
from edge.shell.history_news import DAMAGED
from edge.shell.housekeeping import Job


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_a_group_is_written_sixty_seconds_after_its_first_row(house: House) -> None:
    house.later(0)
    house.read(480.0, 12.34)
    assert house.later(0) == house.now.mono + worker.LOOK_EVERY_S
    house.later(30)
    house.read(481.0, 12.35)
    house.later(29)
    assert house.rows() == []
    house.later(1)
    at = round(NOW.wall * 1000)
    assert house.rows() == [
        (1, at, "meter/m", (480.0, 12.34), 0, 1), (2, at + 30_000, "meter/m", (481.0, 12.35), 0, 1)
    ]  # fmt: skip


def test_five_hundred_rows_wait_for_nothing(house: House) -> None:
    woken: list[int] = []
    house.worker.on_wake(lambda: woken.append(1))
    for n in range(GROUP_ROWS):
        house.read(float(n))
    assert len(woken) == 2  # the first one opens the group
    house.later(0)
    assert len(house.rows()) == GROUP_ROWS


def test_an_open_group_is_written_when_somebody_wants_it(house: House) -> None:
    house.read(1.0)
    house.worker.commit_now()
    house.later(0)
    assert house.sequences() == [1]


def test_the_last_step_writes_what_waits(house: House) -> None:
    house.read(1.0)
    house.worker.close(house.now)
    assert house.sequences() == [1]


def test_consumers_are_woken_after_a_commit(house: House) -> None:
    seen: list[list[int]] = []
    house.worker.on_commit(lambda: seen.append(house.sequences()))
    house.read(1.0)
    house.worker.commit_now()
    house.later(0)
    assert seen == [[1]]


def test_a_reading_that_lacks_figures_makes_no_layout_of_its_own(house: House) -> None:
    house.read(480.0, 12.34, 2.0)
    reading = Reading("meter/m", {"energy_kwh": 12.5}, house.now.wall)
    house.worker.record(Record(reading, house.now.mono, "b1", True))
    house.worker.commit_now()
    house.later(0)
    assert [row[3] for row in house.rows()] == [(480.0, 12.34, 2.0), (None, 12.5, None)]


# --- sequences ---


def test_no_sequence_is_given_out_before_the_journal_has_it_reserved(house: House) -> None:
    house.book.slow = True
    house.read(1.0)
    house.later(61)
    assert (house.rows(), set(house.book.asked)) == ([], {BLOCK})
    house.later(1)
    house.book.known = BLOCK
    house.later(worker.RESERVING_S)
    assert house.sequences() == [1]


def test_nothing_is_given_out_while_the_journal_cannot_be_read(tmp_path: Path) -> None:
    house = House(tmp_path, Book(None))
    house.read(1.0)
    house.later(61)
    assert house.rows() == []
    house.book.known = 700
    house.later(1)
    assert house.sequences() == [701]


def test_the_next_block_is_reserved_long_before_it_is_needed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "BLOCK", 10)
    for _ in range(3):
        for _ in range(4):
            house.read(1.0)
        house.worker.commit_now()
        house.later(0)
        house.later(1)
    assert house.sequences() == list(range(1, 13))
    assert house.book.asked == [10, 20]


def test_each_start_takes_up_a_new_block(house: House) -> None:
    house.worker.register("telemetry")
    house.read(1.0)
    house.worker.acknowledge("telemetry", [(1, 1)])
    house.worker.close(house.now)
    house.start()
    house.worker.register("telemetry")
    house.read(2.0)
    house.worker.commit_now()
    house.later(0)
    assert house.sequences() == [1, BLOCK + 1]
    assert list(acknowledged(connect_readonly(house.path), "telemetry")) == [(1, BLOCK)]  # there is no row in between


@pytest.mark.parametrize("harm", ["gone", "older", "journal"])
def test_a_file_from_another_time_makes_no_sequence_come_twice(house: House, harm: str) -> None:
    house.read(1.0)
    house.worker.close(house.now)
    kept = house.path.read_bytes()
    house.start()
    house.read(2.0)
    house.worker.close(house.now)
    if harm == "gone":
        house.path.unlink()
    elif harm == "older":
        house.path.write_bytes(kept)
    else:
        house.book.known = 0
    house.start()
    house.read(3.0)
    house.worker.commit_now()
    house.later(0)
    assert house.sequences()[-1] == {"gone": 2 * BLOCK, "older": 2 * BLOCK, "journal": BLOCK + 1}[harm] + 1


# --- held rows ---


def test_rows_read_by_a_doubtful_clock_are_held_and_put_right_in_the_same_boot(house: House) -> None:
    house.now = Moment(0.0, 50.0, "b1", False)
    house.later(0)
    house.read(1.0)
    house.later(60)
    house.read(2.0)
    house.later(60)
    assert (house.held(), house.sequences()) == ([1, 2], [1, 2])
    house.now = Moment(1_795_000_800.0, 180.0, "b1", True)
    woken: list[int] = []
    house.worker.on_commit(lambda: woken.append(len(house.held())))
    house.later(0)
    house.later(0)
    house.later(0)
    assert house.held() == []
    assert [row[1] for row in house.rows()] == [(1_795_000_800 - 130) * 1000, (1_795_000_800 - 70) * 1000]
    assert [row[4] for row in house.rows()] == [0, 0]
    assert woken[-1] == 0


def test_a_clock_that_is_set_while_it_is_trusted_touches_no_row(house: House) -> None:
    house.now = Moment(0.0, 50.0, "b1", False)
    house.read(1.0)
    house.later(61)
    house.now = Moment(1_795_000_800.0, 180.0, "b1", True)
    house.worker._watch_clock(house.now)
    house.now = replace(house.now, wall=house.now.wall + 86400)  # before there was time to release the row
    house.read(2.0)
    house.later(0)
    house.later(61)
    assert [row[1] for row in house.rows()] == [(1_795_000_800 - 130) * 1000, (1_795_000_800 + 86400) * 1000]


def test_rows_of_boots_that_never_knew_the_time_get_the_latest_there_can_be(house: House) -> None:
    house.now = Moment(7.0, 100.0, "b1", False)
    house.read(1.0)
    house.later(20)
    house.read(2.0)
    house.worker.close(house.now)
    house.now = Moment(7.0, 10.0, "b2", False)
    house.start()
    house.read(3.0)
    house.worker.close(house.now)
    house.now = Moment(1_795_000_800.0, 40.0, "b3", True)
    house.start()
    for _ in range(3):
        house.later(0)
    began = 1_795_000_800 - 40
    assert [row[1] / 1000 for row in house.rows()] == [began - 10 - 20, began - 10, began]
    assert [row[4] for row in house.rows()] == [1, 1, 1]
    assert house.held() == []


def test_held_rows_stay_held_while_nobody_vouches_for_any_boot(house: House) -> None:
    house.now = Moment(7.0, 100.0, "b1", False)
    house.read(1.0)
    house.worker.close(house.now)
    house.now = Moment(9.0, 10.0, "b2", False)
    house.start()
    for _ in range(3):
        house.later(100)
    assert house.held() == [1]


# --- consumers ---


def test_what_a_consumer_has_is_on_the_disk_with_the_next_group(house: House) -> None:
    house.worker.register("telemetry")
    for _ in range(5):
        house.read(1.0)
    house.worker.commit_now()
    house.later(0)
    house.worker.acknowledge("telemetry", [(1, 2), (4, 4)])
    house.worker.set_aside("telemetry", 3, "too long")
    house.worker.set_aside("telemetry", 3, "too long")
    house.later(1)
    assert list(acknowledged(connect_readonly(house.path), "telemetry")) == []
    house.read(1.0)
    house.later(120)
    db = connect_readonly(house.path)
    assert list(acknowledged(db, "telemetry")) == [(1, 2), (4, 4)]
    assert (set_aside(db, "telemetry"), dropped(db, "telemetry")) == ({3}, 0)
    assert house.told == [SinkChanged("telemetry", None, 1, 0, "too long")]


def test_many_acknowledged_rows_are_written_without_waiting(house: House) -> None:
    house.worker.acknowledge("telemetry", [(1, worker.MOST_ACKNOWLEDGED)])
    house.later(0)
    assert list(acknowledged(connect_readonly(house.path), "telemetry")) == [(1, worker.MOST_ACKNOWLEDGED)]


def test_a_held_row_is_nobodys_whatever_is_acknowledged(house: House) -> None:
    house.read(1.0)
    house.now = replace(house.now, trusted=False)
    house.read(2.0)
    house.worker.commit_now()
    house.later(0)
    house.worker.acknowledge("telemetry", [(1, 3)])
    house.worker.close(house.now)
    assert list(acknowledged(connect_readonly(house.path), "telemetry")) == [(1, 1), (3, 3)]


# --- bad cards ---


def error(text: str, code: int) -> sqlite3.OperationalError:
    found = sqlite3.OperationalError(text)
    found.sqlite_errorcode = code
    return found


def test_a_card_that_fails_holds_rows_until_it_does_not(house: House) -> None:
    def full() -> None:
        raise error("database or disk is full", sqlite3.SQLITE_FULL)

    house.later(0)
    house.card = full
    house.read(1.0)
    again = house.later(0)  # it is looked at before a commit is due
    assert again == house.now.mono + 5
    assert house.told == [HistoryChanged("database or disk is full", 0)]
    for n in range(700):
        house.later(5)
        house.read(float(n))
    assert house.rows() == []
    house.card = lambda: None
    house.later(5)
    house.later(0)
    assert len(house.rows()) == 701
    assert house.told[1:] == [HistoryChanged(None, 0)]


def test_beyond_what_memory_holds_the_oldest_go_and_are_counted(house: House) -> None:
    def gone() -> None:
        raise error("disk I/O error", sqlite3.SQLITE_IOERR)

    house.card = gone
    for n in range(MOST_WAITING + 3):
        house.read(float(n))
    house.later(0)
    house.card = lambda: None
    for _ in range(20):
        house.later(5)
    assert len(house.rows()) == MOST_WAITING
    assert house.rows()[0][3] == (3.0,)
    assert house.told == [HistoryChanged("disk I/O error", 0), HistoryChanged(None, 3)]


def test_a_folder_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    house = House(tmp_path / "later")
    house.read(1.0)
    house.later(0)
    (tmp_path / "later").mkdir()
    house.later(5)
    assert house.sequences() == [1]
    assert [type(t) for t in house.told] == [HistoryChanged, HistoryChanged]
    assert house.told[1] == HistoryChanged(None, 0)


def test_a_commit_that_failed_but_reached_the_disk_is_not_written_twice(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.later(0)
    table = house.worker._disk.table
    assert table is not None
    real = table.db

    class Liar:
        def execute(self, sql: str, *more: object) -> object:
            done = real.execute(sql, *more)  # type: ignore[arg-type]
            if sql == "COMMIT":
                raise error("disk I/O error", sqlite3.SQLITE_IOERR)
            return done

        def __getattr__(self, name: str) -> object:
            return getattr(real, name)

    table.db = Liar()  # type: ignore[assignment]
    house.read(1.0)
    house.read(2.0)
    house.worker.commit_now()
    house.later(0)
    assert house.worker._news.failing == "disk I/O error"
    house.later(5)
    house.read(3.0)
    house.worker.commit_now()
    house.later(5)
    assert [(row[0], row[3]) for row in house.rows()] == [(1, (1.0,)), (2, (2.0,)), (3, (3.0,))]


def test_a_file_that_is_no_database_is_kept_aside_and_readers_find_the_new_one(house: House) -> None:
    house.read(1.0)
    house.worker.close(house.now)
    window = ReadOnly(house.path)
    assert window.db().execute("SELECT count(*) FROM rows").fetchone() == (1,)
    house.path.rename(house.path.with_name("elsewhere"))
    house.path.write_bytes(b"not a database at all" * 99)
    house.start()
    house.read(2.0)
    house.worker.commit_now()
    house.later(0)
    assert house.sequences() == [BLOCK + 1]
    assert window.db().execute("SELECT sequence FROM rows").fetchall() == [(BLOCK + 1,)]
    for _ in range(5):
        house.later(1)
    assert (house.path.parent / "history.db.salvaged-1").exists()
    assert house.told == [HistoryChanged(DAMAGED, 0)]
    house.later(61)
    assert house.told[1:] == [HistoryChanged(None, 0)]


# --- housekeeping ---


def test_jobs_run_in_pieces_between_commits_and_then_at_their_time(tmp_path: Path) -> None:
    done: list[float] = []

    def run(db: sqlite3.Connection, moment: Moment) -> bool:
        assert db.in_transaction
        done.append(moment.wall)
        return len(done) < 3

    house = House(tmp_path, jobs=[Job("sweep", lambda wall: wall + 600, run)])
    for _ in range(4):
        house.later(0)
    assert done == [NOW.wall] * 3
    assert house.later(0) == house.now.mono + 600
    house.later(600)
    assert len(done) == 4


def test_a_job_that_fails_harms_nobody(tmp_path: Path) -> None:
    def run(db: sqlite3.Connection, moment: Moment) -> bool:
        db.execute("DELETE FROM rows")
        db.execute("SELECT * FROM nothing")
        return True

    house = House(tmp_path)
    house.read(1.0)
    house.worker.close(house.now)
    house.more = {"jobs": [Job("sweep", lambda wall: wall + 600, run)]}
    house.start()
    house.later(0)
    assert (house.sequences(), house.told) == ([1], [])
