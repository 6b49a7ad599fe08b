"""The answers worker on real files: what they say, and that nothing that is wrong with them ever gets further."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from kept_history import DAY_S, START, house, minutes, reader, write
from support import descriptors
from villages import when

from edge.core import topics
from edge.core.events import Answered, Ask, Persist
from edge.core.questions import AuditQuestion, BusQuestion, EnergyQuestion, HistoryQuestion, Question, ReplayQuestion
from edge.core.values import Moment, Request
from edge.shell import answers
from edge.shell.answers import LARGEST, MOST_AUDIT, MOST_WAITING, AnswersWorker
from edge.shell.store import StoreWorker

NOW = Moment(START + 2.5 * DAY_S, 5000.0, "b", True)
REQUEST = Request("history", "head", "village/thon/reply/head/p", "r-1")
UNITS = {"meter/cabinet": {"power_w": "W", "energy_kwh": "kWh"}}
FIGURES: dict[str, object] = {"ok": True, "ports": []}


class Answers:
    """The worker over the files of a folder."""

    def __init__(self, folder: Path) -> None:
        self.history, self.journal = folder / "history.db", folder / "journal.db"
        self.said: list[Answered] = []
        self.again: list[tuple[int, int]] = []
        self.worker = AnswersWorker(
            self.history, self.journal, reader(house()), UNITS, self.said.append, lambda: FIGURES, self.replay
        )

    def replay(self, first: int, last: int) -> int:
        if first > 1000:
            raise sqlite3.OperationalError("disk I/O error")
        self.again.append((first, last))
        return last - first + 1

    def ask(self, question: Question) -> dict[str, Any]:
        self.worker.ask(Ask(REQUEST, question))
        assert self.worker.step(NOW) is None
        said = self.said.pop()
        assert (said.request, self.said) == (REQUEST, [])
        return json.loads(topics.encode(said.payload))


@pytest.fixture
def asked(tmp_path: Path) -> Answers:
    write(tmp_path / "history.db", minutes(2.5))
    return Answers(tmp_path)


POWER = HistoryQuestion("meter/cabinet", "power_w", START, START + 3 * DAY_S, 7200.0)
DAYS = EnergyQuestion("meter/cabinet", "day", START, START + 3 * DAY_S)
ALL = AuditQuestion(START, START + 3 * DAY_S, None)


def test_history_has_points_of_least_mean_and_most_with_their_unit_and_step(asked: Answers) -> None:
    said = asked.ask(POWER)
    assert {k: v for k, v in said.items() if k != "points"} == {
        "ok": True, "device": "meter/cabinet", "quantity": "power_w", "unit": "W", "step_s": 7200.0,
    }
    assert said["points"] == [[round((START + n * 7200) * 1000), 1200.0, 1200.0, 1200.0] for n in range(30)]
    assert asked.ask(HistoryQuestion("meter/cabinet", "power_w", START - DAY_S, START, 60.0))["points"] == []


def test_energy_has_money_tax_and_how_much_was_measured(asked: Answers) -> None:
    said = asked.ask(DAYS)
    assert (said["meter"], said["period"], said["tariff"], said["currency"]) == ("cabinet", "day", "public-lighting", "VND")
    first, second, third = said["periods"]
    assert first == {
        "from": "2026-11-20T17:00:00.000Z", "to": "2026-11-21T17:00:00.000Z", "kwh": 28.8, "interpolated_kwh": 0.0,
        "measured": 1.0, "unmeasured_s": 0, "amount": round(28.8 * 2226 * 1.08), "vat": round(28.8 * 2226 * 0.08),
        "vat_percent": 8.0, "complete": True,
    }
    assert (second["kwh"], second["complete"], third["complete"]) == (28.8, True, False)
    assert third["kwh"] == pytest.approx(14.4, abs=0.03)
    assert third["measured"] == 1.0  # of the time that has passed
    before = asked.ask(EnergyQuestion("meter/cabinet", "day", START - DAY_S, START))["periods"][0]
    assert [before[name] for name in ("kwh", "amount", "vat", "measured", "unmeasured_s")] == [None, None, None, 0.0, DAY_S]
    to_come = asked.ask(EnergyQuestion("meter/cabinet", "day", START + 5 * DAY_S, START + 6 * DAY_S))["periods"][0]
    assert (to_come["kwh"], to_come["measured"], to_come["complete"]) == (None, 0.0, False)


def journal(path: Path, entries: int, details: dict[str, Any]) -> None:
    store = StoreWorker(path, lambda _: None)
    for n in range(entries):
        row = {
            "at": START + n, "user": "head", "device": "light/road" if n % 2 else None, "command": f"c-{n}",
            "outcome": "accepted", "details": json.dumps(details),
        }
        store.put(Persist(("audit", ""), row))
    store.close(NOW)


def test_the_audit_comes_as_it_was_told_the_newest_first_and_of_one_device(asked: Answers) -> None:
    journal(asked.journal, 4, {"action": "on", "level": 33})
    said = asked.ask(AuditQuestion(START + 1, START + 3, None))
    assert said == {"ok": True, "entries": [
        {"at": "2026-11-20T17:00:02.000Z", "user": "head", "device": None, "id": "c-2", "outcome": "accepted", "action": "on", "level": 33},
        {"at": "2026-11-20T17:00:01.000Z", "user": "head", "device": "light/road", "id": "c-1", "outcome": "accepted", "action": "on", "level": 33},
    ]}  # fmt: skip
    assert [e["id"] for e in asked.ask(AuditQuestion(START, START + 9, "light/road"))["entries"]] == ["c-3", "c-1"]


@pytest.mark.parametrize(("entries", "note"), [(MOST_AUDIT + 1, ""), (600, "x" * 300)])
def test_what_is_too_much_for_a_phone_is_cut_and_says_so(asked: Answers, entries: int, note: str) -> None:
    journal(asked.journal, entries, {"note": note})
    said = asked.ask(ALL)
    assert said["more"] is True
    assert len(said["entries"]) < entries
    assert said["entries"][0]["id"] == f"c-{entries - 1}"
    assert len(topics.encode(said)) <= LARGEST + 1000
    ids = [entry["id"] for entry in said["entries"]]
    while said.get("more"):
        said = asked.ask(AuditQuestion(START, when(said["entries"][-1]["at"]), None))
        ids += [entry["id"] for entry in said["entries"]]
    assert ids == [f"c-{n}" for n in reversed(range(entries))]


def test_a_replay_is_handed_on(asked: Answers) -> None:
    assert asked.ask(ReplayQuestion(3, 9)) == {"ok": True, "from": 3, "to": 9, "rows": 7}
    assert asked.again == [(3, 9)]
    assert "disk I/O error" in refused(asked.ask(ReplayQuestion(1001, 1009)))
    nobody = AnswersWorker(asked.history, asked.journal, reader(house()), {}, asked.said.append, dict)
    nobody.ask(Ask(REQUEST, ReplayQuestion(3, 9)))
    nobody.step(NOW)
    assert asked.said[-1].payload["error"]["code"] == "no-history"  # type: ignore[index]


def refused(said: dict[str, Any]) -> str:
    assert (said["ok"], said["error"]["code"]) == (False, "no-history")
    return str(said["error"]["message"])


def test_of_the_ports_no_file_is_asked(tmp_path: Path) -> None:
    assert Answers(tmp_path).ask(BusQuestion()) == FIGURES


def test_files_that_are_not_there_or_are_none_are_told_and_looked_at_again(tmp_path: Path) -> None:
    asked = Answers(tmp_path)
    for question in (POWER, DAYS, ALL):
        assert "is not there yet: ask again in a minute" in refused(asked.ask(question))
    for path in (asked.history, asked.journal):
        path.write_bytes(b"this is not SQLite" * 500)
    for question in (POWER, DAYS, ALL):
        assert "file is not a database" in refused(asked.ask(question))
    for path in (asked.history, asked.journal):
        path.unlink()
        sqlite3.connect(path).close()
    for question in (POWER, DAYS, ALL):
        assert "no such table" in refused(asked.ask(question))
    asked.history.unlink()
    write(asked.history, minutes(0.1))
    assert asked.ask(POWER)["ok"] is True


@pytest.mark.slow
def test_a_locked_file_is_told_within_seconds(asked: Answers) -> None:
    holder = sqlite3.connect(asked.history, isolation_level=None)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    holder.execute("INSERT INTO layouts (device, names) VALUES ('x', '[]')")
    assert "locked" in refused(asked.ask(POWER))
    holder.execute("ROLLBACK")
    holder.close()
    assert asked.ask(POWER)["ok"] is True


def test_damaged_rows_and_failing_reads_are_told(asked: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    db = sqlite3.connect(asked.history)
    db.execute("UPDATE rows SET body = x'00' WHERE sequence % 2")
    db.commit()
    db.close()
    assert "a row of the history" in refused(asked.ask(POWER))

    def failing(_path: Path) -> sqlite3.Connection:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(answers, "connect_readonly", failing)
    assert "disk I/O error" in refused(asked.ask(DAYS))


def test_who_asks_faster_than_it_can_answer_is_told_so(asked: Answers) -> None:
    for _ in range(MOST_WAITING + 1):
        asked.worker.ask(Ask(REQUEST, POWER))
    assert len(asked.said) == 1
    assert "ask again later" in refused(dict(asked.said.pop().payload))
    steps = 0
    while asked.worker.step(NOW) is not None:
        steps += 1
    assert (steps + 1, len(asked.said)) == (MOST_WAITING, MOST_WAITING)


def test_no_file_stays_open(asked: Answers) -> None:
    before = descriptors()
    for question in (POWER, DAYS, ALL):
        asked.ask(question)
    assert {name for _, name in descriptors() - before if name.endswith((".db", "-wal", "-shm"))} == set()
