"""Files of every version there was, as dumps that are never made anew: today's code opens each with its rows intact."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from history_house import House

from edge.core.memory import WaterMemory
from edge.core.values import Deadline, Moment, Override
from edge.shell.history_file import acknowledged, connect_readonly, dropped, set_aside
from edge.shell.store import COLUMNS, StoreWorker

FROZEN = Path(__file__).parent / "frozen"
NOW = Moment(1795000100.0, 4100.0, "5f1c", True)


def thawed(name: str, path: Path) -> Path:
    db = sqlite3.connect(path)
    db.executescript((FROZEN / f"{name}.sql").read_text("utf-8"))
    db.close()
    return path


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5])
def test_a_journal_of_each_version_keeps_its_rows(version: int, tmp_path: Path) -> None:
    path = thawed(f"journal-{version}", tmp_path / "journal.db")
    store = StoreWorker(path, lambda _: None)
    assert store.failing is None
    kept = store.memory()
    assert kept.overrides == {
        "light/main-road": Override("light/main-road", 33, Deadline(1795010000.0, 14000.0, "5f1c"), "head", "c-81", 1795000000.0)
    }
    assert kept.outputs == {"light/main-road/a": {"on": 1, "boot": "5f1c", "on_mono": 3000.0, "off_mono": None, "wall": 1795000000.0}}
    assert kept.commands == {"head/c-81": Deadline(1795086400.0, 90400.0, "5f1c")}
    assert kept.meters == {"meter/cabinet-1": {"life": 2, "energy_kwh": 5188.85, "wall": 1794999000.0}}
    assert kept.known_wall == 1795000000.0
    assert [a["acknowledged_by"] for a in kept.alarms.values()] == (["head"] if version >= 2 else [])
    assert [row["note"] for row in kept.lockouts.values()] == (["thay bóng"] if version >= 3 else [])
    assert [row["on_s"] for row in kept.hours.values()] == ([360000.5] if version >= 3 else [])
    assert [row["rev"] for row in kept.programs.values()] == ([3] if version >= 3 else [])
    assert [row["on"] for row in kept.inputs.values()] == ([1] if version >= 3 else [])
    assert [row["count"] for row in kept.pulses.values()] == ([48210] if version >= 4 else [])
    assert [row["kwh"] for row in kept.bills.values()] == ([1234.5] if version >= 5 else [])
    assert list(kept.seen.values()) == ([4] if version >= 5 else [])
    assert store.reserved("history") == (20_000 if version >= 5 else 0)
    assert kept.water == WaterMemory(), "no version before knew of water"
    store.close(NOW)
    db = sqlite3.connect(path)
    assert db.execute("SELECT user, command, outcome FROM audit").fetchall() == [("head", "c-81", "accepted")]
    assert {row[0] for row in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")} >= COLUMNS.keys()


def test_a_history_of_the_first_version_keeps_its_rows(tmp_path: Path) -> None:
    thawed("history-1", tmp_path / "history.db")
    house = House(tmp_path)
    house.now = Moment(1795000900.0, 900.0, "b2", False)
    assert house.told == []
    assert house.rows() == [
        (1, 1795000800000, "meter/cabinet-1", (1432.5, 5188.85, 6.2), 0, 1),
        (2, 1795000860000, "meter/cabinet-1", (1430.0, 5188.87, None), 1, 1),
        (3, 60000, "meter/cabinet-1", (1431.0, 5188.9, 6.1), 0, 2),
    ]
    assert house.held() == [3]
    db = connect_readonly(house.path)
    assert list(acknowledged(db, "telemetry")) == [(1, 1)]
    assert set_aside(db, "telemetry") == {2}
    assert dropped(db, "telemetry") == 0
    house.book.known = 10_000
    house.read(1.0)
    house.worker.commit_now()
    house.later(0)
    assert house.sequences() == [1, 2, 3, 10_001]
