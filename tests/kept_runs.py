"""Journals with irrigation runs, written by the store as the controller has them written."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from villages import when

from edge.core.events import Persist
from edge.core.values import Moment, Row
from edge.shell.store import StoreWorker

MORNING = when("2026-11-02T05:00:00+07:00")  # a Monday


def run_of(program: str, due: float, *zones: dict[str, Any], user: str | None = None, **more: Any) -> list[Persist]:
    """The rows of a run that began when it was due and was carried out, unless `more` says otherwise."""
    name = f"{user or program}:{due:.0f}:0"
    row: Row = {
        "program": None if user else program, "user": user, "cause": "person" if user else "program", "slot": due,
        "started": due, "ended": due + 1800.0, "outcome": "done", "why": "", "paused": 0, "latest_wall": due + 7200.0,
        "latest_mono": None, "latest_boot": None, "at": due, **more,
    }
    rows = [Persist(("runs", name), row)]
    for n, zone in enumerate(zones):
        share: Row = {
            "run": name, "planned_s": 1200.0, "planned_l": None, "done_s": 1200.0, "litres": 240.0,
            "started": row["started"], "ended": row["ended"], "outcome": row["outcome"], "why": row["why"], **zone,
        }
        rows.append(Persist(("zones", f"{name}/{n}"), share))
    return rows


def noted(at: float, user: str, device: str, action: str, outcome: str = "accepted", **more: Any) -> Persist:
    """A row of the audit."""
    details = json.dumps({"action": action, **more}, ensure_ascii=False)
    return Persist(("audit", ""), {
        "at": at, "user": user, "device": device, "command": f"c-{at:.0f}", "outcome": outcome, "details": details,
    })


def keep(path: Path, *rows: Iterable[Persist]) -> None:
    """Have the store write them into the journal `path`."""
    store = StoreWorker(path, lambda _: None)
    for some in rows:
        store.put(*some)
    store.close(Moment(MORNING, 5000.0, "b", True))
    assert store.failing is None
