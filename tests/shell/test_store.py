"""The journal on real files: what is told as stored is there, and no bad disk stops anything."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from edge.core.events import JournalChanged, Persist, Stored
from edge.core.memory import WaterMemory
from edge.core.values import Moment, Override
from edge.shell.store import AUDIT_ROWS, COLUMNS, PRUNE_EVERY, UNHURRIED_S, StoreWorker

NOW = Moment(1e9, 50.0, "b1", True)
ROW = {"level": 33, "until_wall": None, "until_mono": None, "until_boot": None, "user": "u", "command": "c", "at": 1.0}
AUDIT = {"at": 1.0, "user": "u", "device": "d", "command": "c", "outcome": "accepted", "details": "{}"}


def keep(light: str, **row: object) -> Persist:
    return Persist(("overrides", light), ROW | row)


def test_the_last_row_of_a_key_is_kept_and_none_removes_it(tmp_path: Path) -> None:
    store = StoreWorker(tmp_path / "journal.db", lambda _: None)
    store.put(keep("light/a"))
    store.put(keep("light/a", level=67))
    store.put(keep("light/b"))
    store.put(Persist(("overrides", "light/b"), None))
    assert store.step(NOW) is None
    store.close(NOW)
    kept = StoreWorker(tmp_path / "journal.db", lambda _: None).memory().overrides
    assert kept == {"light/a": Override("light/a", 67, None, "u", "c", 1.0)}


def test_stored_is_answered_only_after_another_process_could_read_it(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    seen: list[tuple[Stored, int]] = []

    def answer(event: Stored) -> None:
        seen.append((event, sqlite3.connect(path).execute("SELECT count(*) FROM overrides").fetchone()[0]))

    store = StoreWorker(path, answer)
    store.put(keep("light/a"), tell=[("overrides", "light/a")])
    store.put(keep("light/b"))
    assert seen == []
    store.step(NOW)
    assert seen == [(Stored(("overrides", "light/a")), 2)]


def test_writes_are_synchronous_and_ahead(tmp_path: Path) -> None:
    store = StoreWorker(tmp_path / "journal.db", lambda _: None)
    assert store._db is not None
    assert store._db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert store._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.parametrize("harm", ["text", "header", "half"])
def test_a_file_that_is_no_database_is_kept_aside(tmp_path: Path, harm: str) -> None:
    path = tmp_path / "journal.db"
    first = StoreWorker(path, lambda _: None)
    first.put(keep("light/a"))
    first.close(NOW)
    whole = path.read_bytes()
    path.write_bytes({"text": b"not a database at all" * 99, "header": b"X" * 100 + whole[100:], "half": whole[:777]}[harm])
    store = StoreWorker(path, lambda _: None)
    carried = {"light/a"} if harm == "header" else set()
    assert store.memory().overrides.keys() == carried
    store.put(keep("light/b"))
    assert store.step(NOW) is None
    assert (tmp_path / "journal.db.corrupt-1").exists()
    store.close(NOW)
    assert StoreWorker(path, lambda _: None).memory().overrides.keys() == {"light/b", *carried}


def test_a_damaged_page_costs_what_stood_on_it(tmp_path: Path) -> None:
    """Overrides, alarms, lockouts and the rest are each on a page of their own: all but one table is carried over."""
    path = tmp_path / "journal.db"
    store = StoreWorker(path, lambda _: None)
    rows = {"overrides": ROW, "clock": {"wall": 1e9}, "hours": {"on_s": 5.0, "wall": 1e9}, "seen": {"count": 5}, "sequences": {"reserved": 10}}
    for table, row in rows.items():
        store.put(Persist((table, "x"), row))
    store.put(*(Persist(("audit", ""), AUDIT | {"at": float(n)}) for n in range(500)))
    store.close(NOW)
    whole = path.read_bytes()
    for n in range(len(whole) // 4096):
        path.write_bytes(whole[: n * 4096] + b"Z" * 4096 + whole[(n + 1) * 4096 :])
        store = StoreWorker(path, lambda _: None)
        for table in COLUMNS:
            list(store._select(table)) if table != "audit" else None
        if not (tmp_path / "journal.db.corrupt-1").exists():
            store._begin_anew(path, sqlite3.DatabaseError("found by a reader"))
            store = StoreWorker(path, lambda _: None)
        memory = store.memory()
        found = [bool(memory.overrides), memory.known_wall == 1e9, bool(memory.hours), bool(memory.seen), store.reserved("history") is not None]
        assert sum(found) >= len(found) - 1, n
        audit = sqlite3.connect(path).execute("SELECT count(*) FROM audit").fetchone()[0]
        assert audit >= 380 or sum(found) == len(found), n
        store.close(NOW)
        for file in tmp_path.glob("journal.db.corrupt-*"):
            file.unlink()


def test_what_is_only_noted_waits_for_others_and_then_goes_along(tmp_path: Path) -> None:
    store = StoreWorker(tmp_path / "journal.db", lambda _: None)
    noted = Persist(("meters", "meter/a"), {"life": 1, "energy_kwh": 5.0, "wall": 1e9})
    store.put(noted)
    assert store.step(NOW) == NOW.mono + UNHURRIED_S
    store.put(Persist(("hours", "light/a/a"), {"on_s": 5.0, "wall": 1e9}))
    assert store.step(Moment(1e9, NOW.mono + 20, "b1", True)) == NOW.mono + UNHURRIED_S
    assert store.memory().meters == {}
    assert store.step(Moment(1e9, NOW.mono + UNHURRIED_S, "b1", True)) is None
    assert (len(store.memory().meters), len(store.memory().hours)) == (1, 1)
    store.put(Persist(("hours", "light/a/b"), {"on_s": 5.0, "wall": 1e9}))
    store.put(keep("light/a"))
    assert store.step(Moment(1e9, NOW.mono + 40, "b1", True)) is None
    assert len(store.memory().hours) == 2
    store.put(noted, tell=[noted.key])
    assert store.step(Moment(1e9, NOW.mono + 41, "b1", True)) is None


def test_a_checkpoint_costs_the_card_one_page(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    store = StoreWorker(path, lambda _: None)

    def checkpoint(done_s: float) -> int:
        """Bytes that two zones of a run cost."""
        before = path.with_name("journal.db-wal").stat().st_size
        for n in (0, 1):
            row = {"run": "r:2026-01-01:0", "valve": f"valve/plot-{n}", "planned_s": 1800.0, "planned_l": None, "done_s": done_s,
                   "litres": None, "started": 1.8e9, "ended": None, "outcome": None, "why": ""}  # fmt: skip
            store.put(Persist(("zones", f"r:2026-01-01:0/{n}"), row))
        store.step(NOW)
        return path.with_name("journal.db-wal").stat().st_size - before

    checkpoint(0.0)
    assert [checkpoint(15.0 * n) for n in range(1, 5)] == [4096 + 24] * 4
    assert store._db is not None
    assert store._db.execute("SELECT rowid, done_s, run FROM zones").fetchall() == [
        (1, 60.0, "r:2026-01-01:0"), (2, 60.0, "r:2026-01-01:0")
    ]  # fmt: skip
    store.close(NOW)


def test_a_damage_that_is_met_while_it_runs_is_mended_at_once(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    store = StoreWorker(path, lambda _: None)
    store.put(*(keep(f"light/{n}") for n in range(3)))
    store.close(NOW)
    store = StoreWorker(path, lambda _: None)
    assert store._db is not None
    root = store._db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'hours'").fetchone()[0]
    with path.open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(b"Z" * 4096)
    store.put(Persist(("hours", "light/a/a"), {"on_s": 5.0, "wall": 1e9}), keep("light/2"))
    again = store.step(NOW)
    assert again is not None
    assert store.step(Moment(1e9, again, "b1", True)) is None
    assert store.memory().overrides.keys() == {"light/0", "light/1", "light/2"}
    assert store.memory().hours.keys() == {"light/a/a"}


def test_a_disk_that_is_not_there_is_tried_again_and_nothing_is_lost(tmp_path: Path) -> None:
    told: list[Stored | JournalChanged] = []
    store = StoreWorker(tmp_path / "later" / "journal.db", told.append)
    assert store.failing is not None
    assert store.memory().overrides == {}
    store.put(keep("light/a"), tell=[("overrides", "light/a")])
    again = store.step(NOW)
    assert again == NOW.mono + 5
    assert store.step(Moment(1e9, 51.0, "b1", True)) == again
    (tmp_path / "later").mkdir()
    assert store.step(Moment(1e9, again, "b1", True)) is None
    assert [type(t) for t in told] == [JournalChanged, JournalChanged, Stored]
    assert told[1:] == [JournalChanged(None), Stored(("overrides", "light/a"))]
    assert store.failing is None


def test_a_full_disk_holds_rows_until_there_is_room(tmp_path: Path) -> None:
    told: list[Stored | JournalChanged] = []
    store = StoreWorker(tmp_path / "journal.db", told.append)
    assert store._db is not None
    store._db.execute("PRAGMA max_page_count = 1")  # SQLite then says, as on a full card: database or disk is full
    store.put(keep("light/a", command="x" * 20_000), tell=[("overrides", "light/a")])
    again = store.step(NOW)
    assert again is not None
    assert "full" in str(store.failing)
    store.put(keep("light/b"))
    assert store.step(NOW) == again
    assert told == [JournalChanged("database or disk is full")]
    store._db.execute("PRAGMA max_page_count = 100000")
    assert store.step(Moment(1e9, again, "b1", True)) is None
    assert told[1:] == [JournalChanged(None), Stored(("overrides", "light/a"))]
    assert store.memory().overrides.keys() == {"light/a", "light/b"}


def test_a_journal_that_was_opened_read_only_is_written_once_it_can_be(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    StoreWorker(path, lambda _: None).close(NOW)
    told: list[object] = []
    store = StoreWorker(path, told.append)
    assert store._db is not None
    store._db.close()
    store._db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)  # as SQLite opens it on a read-only card
    store.put(keep("light/a"), tell=[("overrides", "light/a")])
    again = store.step(NOW)
    assert again is not None
    assert "readonly" in str(store.failing)
    assert store.step(Moment(1e9, again, "b1", True)) is None
    assert Stored(("overrides", "light/a")) in told
    assert store.failing is None


def test_the_audit_keeps_its_newest_rows(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    store = StoreWorker(path, lambda _: None)
    store.step(NOW)
    db = sqlite3.connect(path)
    with db:
        db.executemany("INSERT INTO audit (at, outcome, details) VALUES (?, 'x', '')", [(float(n),) for n in range(AUDIT_ROWS)])
    for n in range(PRUNE_EVERY):
        store.put(Persist(("audit", ""), AUDIT | {"at": 1e6 + n}))
    store.step(NOW)
    count, oldest = db.execute("SELECT count(*), min(at) FROM audit").fetchone()
    assert (count, oldest) == (AUDIT_ROWS, float(PRUNE_EVERY))


@pytest.mark.slow
def test_what_was_answered_as_stored_survives_a_kill(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from edge.core.events import Persist; from edge.core.values import Moment; from edge.shell.store import StoreWorker\n"
        "s = StoreWorker(Path(sys.argv[1]), lambda e: print(e.key[1], flush=True))\n"
        f"row = {ROW!r}\n"
        "for n in range(10**6): s.put(Persist(('overrides', f'light/{n}'), row), tell=[('overrides', f'light/{n}')]); s.step(Moment(0, 0, 'b', True))\n"
    )
    path = tmp_path / "journal.db"
    child = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    told = [child.stdout.readline().strip() for _ in range(200)]
    child.kill()
    told += child.stdout.read().splitlines()
    child.wait()
    kept = StoreWorker(path, lambda _: None).memory().overrides
    assert len(told) >= 200
    assert {t for t in told if t} <= kept.keys()


def test_what_is_known_of_water_comes_back_and_of_runs_those_that_are_not_over(tmp_path: Path) -> None:
    run = {
        "program": "dawn", "user": None, "cause": "program", "slot": 1e9, "started": 1e9, "ended": None, "outcome": None, "why": "",
        "paused": 0, "latest_wall": 1e9 + 7200, "latest_mono": 7200.0, "latest_boot": "b1", "at": 1e9,
    }  # fmt: skip
    zone = {
        "run": "dawn:1:0", "valve": "valve/v", "planned_s": 600.0, "planned_l": None, "done_s": 15.0, "litres": 2.5,
        "started": 1e9, "ended": None, "outcome": None, "why": "",
    }  # fmt: skip
    rows = {
        ("runs", "dawn:0:0"): run | {"ended": 1e9, "outcome": "done"}, ("zones", "dawn:0:0/0"): zone | {"run": "dawn:0:0"},
        ("runs", "dawn:1:0"): run, ("zones", "dawn:1:0/0"): zone, ("runs", "head:1:c-1"): run | {"program": None, "user": "head"},
        ("budgets", "valve/v"): {"charges": "[[5.0, 60.0]]", "boot": "b1", "on_mono": 5.0, "off_mono": None, "off_wall": None},
        ("blocks", "pump/p"): {"kind": "flow-none", "at": 1e9, "data": "{}"}, ("flows", "valve/v"): {"l_min": 9.5, "runs": 3, "wall": 1e9},
        ("field", "rain"): {"value": 1e9, "user": None, "wall": 1e9}, ("operated", ""): {"seconds": 77.0},
    }  # fmt: skip
    store = StoreWorker(tmp_path / "journal.db", lambda _: None)
    store.put(*(Persist(key, row) for key, row in rows.items()))
    store.close(NOW)
    store = StoreWorker(tmp_path / "journal.db", lambda _: None)
    water = store.memory().water
    store.close(NOW)
    assert water == WaterMemory(
        {"dawn:1:0": run, "head:1:c-1": rows["runs", "head:1:c-1"]}, {"dawn:1:0/0": zone}, frozenset({"dawn:0:0", "dawn:1:0"}),
        {"valve/v": rows["budgets", "valve/v"]}, 77.0, {"pump/p": rows["blocks", "pump/p"]}, {"valve/v": rows["flows", "valve/v"]},
        {"rain": rows["field", "rain"]},
    )  # fmt: skip
