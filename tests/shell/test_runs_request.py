"""The request `runs`, answered from a journal that the store wrote."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from kept_history import DAY_S, house, reader
from kept_runs import MORNING, keep, run_of

from edge.core import topics
from edge.core.events import Answered, Ask
from edge.core.questions import RunsQuestion
from edge.core.values import Moment, Request
from edge.shell.answers import LARGEST, AnswersWorker
from edge.shell.history_file import connect_readonly
from edge.shell.journal_runs import MOST_ZONES, runs_between

REQUEST = Request("runs", "viewer", "village/thon/reply/viewer/p", "r-1")
PLOT_1, PLOT_2 = {"valve": "valve/plot-1"}, {"valve": "valve/plot-2"}


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def ask(journal: Path, question: RunsQuestion, now: float = MORNING + DAY_S) -> dict[str, Any]:
    said: list[Answered] = []
    worker = AnswersWorker(journal.with_name("history.db"), journal, reader(house()), {}, said.append, dict)
    worker.ask(Ask(REQUEST, question))
    worker.step(Moment(now, 5000.0, "b", True))
    return json.loads(topics.encode(said[0].payload))  # type: ignore[no-any-return]


def test_a_run_comes_with_its_zones_in_their_order_and_with_all_that_was_kept(journal: Path) -> None:
    wet = {"outcome": "skipped", "why": "soil-wet", "started": None, "ended": None, "done_s": 0.0, "litres": None}
    by_litres = {"planned_s": None, "planned_l": 200.0, "done_s": 987.6543, "litres": 200.5}
    zones = [PLOT_1, PLOT_2 | wet, *({"valve": f"valve/plot-{n}"} | by_litres for n in range(3, 13))]
    keep(journal, run_of("morning-water", MORNING, *zones))
    said = ask(journal, RunsQuestion(MORNING, MORNING + 1, None))
    assert said.keys() == {"ok", "runs"}
    (run,) = said["runs"]
    zones = run.pop("zones")
    assert run == {
        "id": f"morning-water:{MORNING:.0f}:0", "program": "morning-water", "user": None, "cause": "program",
        "slot": "2026-11-01T22:00:00.000Z", "started": "2026-11-01T22:00:00.000Z", "ended": "2026-11-01T22:30:00.000Z",
        "outcome": "done", "why": None, "why_vi": None,
    }  # fmt: skip
    assert [zone["valve"] for zone in zones] == [f"valve/plot-{n}" for n in range(1, 13)]  # /10 after /9
    assert zones[0] == {
        "valve": "valve/plot-1", "planned_s": 1200.0, "planned_l": None, "done_s": 1200.0, "litres": 240.0,
        "started": "2026-11-01T22:00:00.000Z", "ended": "2026-11-01T22:30:00.000Z", "outcome": "done", "why": None, "why_vi": None,
    }  # fmt: skip
    assert [zones[1][name] for name in ("started", "litres", "outcome", "why", "why_vi")] == [None, None, "skipped", "the soil is wet", "đất còn ướt"]
    assert (zones[2]["planned_s"], zones[2]["planned_l"], zones[2]["done_s"]) == (None, 200.0, 987.654)


def test_the_newest_come_first_of_a_valve_and_of_the_last_week_unless_told(journal: Path) -> None:
    for day in range(-10, 1):
        keep(journal, run_of("morning-water", MORNING + day * DAY_S, PLOT_1))
    keep(journal, run_of("", MORNING + 3600, PLOT_2, user="head", ended=None, outcome=None))
    runs = ask(journal, RunsQuestion(None, None, None))["runs"]
    assert [run["user"] for run in runs] == ["head"] + [None] * 7
    assert (runs[0]["ended"], runs[0]["outcome"], runs[0]["cause"]) == (None, None, "person")
    assert runs[-1]["slot"] == "2026-10-26T22:00:00.000Z"
    assert len(ask(journal, RunsQuestion(MORNING - 10 * DAY_S, MORNING, None))["runs"]) == 10  # `end` itself is not told
    only = ask(journal, RunsQuestion(MORNING - 10 * DAY_S, MORNING + DAY_S, "valve/plot-2"))["runs"]
    assert [run["user"] for run in only] == ["head"]


def test_too_many_zones_are_cut_between_two_runs_and_the_answer_says_so(journal: Path) -> None:
    zones = [{"valve": f"valve/plot-{n}", "why": ""} for n in range(50)]
    keep(journal, *(run_of("water", MORNING + n * 60, *zones) for n in range(12)))
    said = ask(journal, RunsQuestion(MORNING, MORNING + DAY_S, None))
    assert said["more"] is True
    assert len(topics.encode(said)) <= LARGEST + 1000
    assert {len(run["zones"]) for run in said["runs"]} == {50}
    slots = [run["slot"] for run in said["runs"]]
    assert slots == sorted(slots, reverse=True)
    assert slots[0] == "2026-11-01T22:11:00.000Z"


def test_at_most_so_many_zones_are_read(journal: Path) -> None:
    zones = [{"valve": f"valve/plot-{n}"} for n in range(64)]
    keep(journal, *(run_of("water", MORNING + n, *zones) for n in range(MOST_ZONES // 64 + 2)))
    with closing(connect_readonly(journal)) as db:
        runs, more = runs_between(db, MORNING, MORNING + DAY_S)
        assert (len(runs), more) == (MOST_ZONES // 64, True)
        runs, more = runs_between(db, MORNING + 10, MORNING + DAY_S)
        assert (len(runs), more) == (MOST_ZONES // 64 + 2 - 10, False)


def test_without_a_journal_or_with_a_damaged_one_it_says_so(journal: Path) -> None:
    assert ask(journal, RunsQuestion(None, None, None))["error"]["code"] == "no-history"
    keep(journal, run_of("morning-water", MORNING, PLOT_1))
    db = sqlite3.connect(journal)
    db.execute("UPDATE zones SET done_s = 'a lot'")
    db.commit()
    db.close()
    assert ask(journal, RunsQuestion(None, None, None))["error"]["code"] == "no-history"
