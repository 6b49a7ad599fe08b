"""The answers worker: asks the files and the ports what the core does not know, and writes nothing."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from edge.core import topics
from edge.core.events import Answered, Ask
from edge.core.questions import (
    LATELY_S,
    AuditQuestion,
    BusQuestion,
    EnergyQuestion,
    HistoryQuestion,
    Question,
    ReplayQuestion,
    RunsQuestion,
)
from edge.core.values import Moment
from edge.shell.energy_reader import EnergyReader, PeriodEnergy
from edge.shell.history_file import connect_readonly
from edge.shell.journal_runs import runs_between
from edge.shell.runner import Inbox

log = logging.getLogger(__name__)
MOST_WAITING = 50  # questions; who asks faster than a card reads is told so
LARGEST = 100_000  # bytes of one answer, which a phone must take in one piece
MOST_AUDIT = 1000  # entries
AUDIT = """
    SELECT at, user, device, command, outcome, details FROM audit
    WHERE at >= ?1 AND at < ?2 AND (?3 IS NULL OR device = ?3) ORDER BY sequence DESC LIMIT ?4
"""
Payload = dict[str, object]


class AnswersWorker:
    """Answers one question a step, each over a connection of its own: a file that was moved aside meanwhile is never
    read on.

    Whatever is wrong with a file, the question is answered with `no-history`, and the next one is tried anew.
    """

    name = "answers"

    def __init__(
        self, history: Path, journal: Path, reader: EnergyReader, units: Mapping[str, Mapping[str, str]],
        answer: Callable[[Answered], None], figures: Callable[[], Payload],
        replay: Callable[[int, int], int] | None = None,
    ) -> None:
        """`units`: device -> quantity -> unit. `figures` gives the answer to the request `bus`. `replay` has rows sent
        once more, and returns how many; None: nobody sends rows. Of what it raises, sqlite3.Error is told as any
        other."""
        self._history = history
        self._journal = journal
        self._reader = reader
        self._units = units
        self._answer = answer
        self._figures = figures
        self._replay = replay
        self._inbox: Inbox[Ask] = Inbox()

    def ask(self, asked: Ask) -> None:
        """Have this answered. May be called from any thread."""
        if len(self._inbox) >= MOST_WAITING:
            self._answer(Answered(asked.request, _none(f"{MOST_WAITING} questions wait already: ask again later")))
        else:
            self._inbox.put(asked)

    def on_wake(self, wake: Callable[[], None]) -> None:
        """Have `wake` called when there is a question."""
        self._inbox.wake = wake

    def step(self, moment: Moment) -> float | None:
        """Answer the oldest question."""
        asked = self._inbox.take()
        if asked is None:
            return None
        self._answer(Answered(asked.request, self._payload(asked.question, moment)))
        return moment.mono if len(self._inbox) else None

    def _payload(self, question: Question, moment: Moment) -> Payload:
        try:
            match question:
                case HistoryQuestion():
                    return self._series(question)
                case EnergyQuestion():
                    return self._energy(question, moment)
                case AuditQuestion():
                    return self._audit(question)
                case RunsQuestion():
                    return self._runs(question, moment)
                case ReplayQuestion():
                    return self._again(question)
                case BusQuestion():
                    return self._figures()
        except (sqlite3.Error, OSError) as error:
            log.warning("a question cannot be answered: %s", error)
            return _none(f"{error}; the controller's log says more")
        except Exception as error:  # rows that nobody could have written: the file is damaged
            log.exception("a question cannot be answered")
            return _none(f"{type(error).__name__}: {error}; the controller's log says more")

    def _series(self, question: HistoryQuestion) -> Payload:
        with closing(connect_readonly(_there(self._history))) as db:
            found = self._reader.series(db, question)
        payload: Payload = {
            "ok": True, "device": question.device, "quantity": question.quantity,
            "unit": self._units.get(question.device, {}).get(question.quantity), "step_s": found.step_s,
        }
        told = [[round(at * 1000), *(_rounded(figure) for figure in figures)] for at, *figures in found.points]
        return _cut(payload, "points", told)

    def _energy(self, question: EnergyQuestion, moment: Moment) -> Payload:
        with closing(connect_readonly(_there(self._history))) as db:
            periods = self._reader.periods(db, question, moment)
        cost = next((period.cost for period in periods if period.cost is not None), None)
        payload: Payload = {
            "ok": True, "meter": question.meter.removeprefix("meter/"), "period": question.period,
            "tariff": None if cost is None else cost.tariff, "currency": None if cost is None else cost.currency,
        }
        return _cut(payload, "periods", [_period(found, moment) for found in periods])

    def _audit(self, question: AuditQuestion) -> Payload:
        given = (question.start, question.end, question.device, MOST_AUDIT + 1)
        with closing(connect_readonly(_there(self._journal))) as db:
            rows = db.execute(AUDIT, given).fetchall()
        return _cut({"ok": True}, "entries", [_entry(*row) for row in rows], MOST_AUDIT)

    def _runs(self, question: RunsQuestion, moment: Moment) -> Payload:
        end = moment.wall if question.end is None else question.end
        start = end - LATELY_S if question.start is None else question.start
        with closing(connect_readonly(_there(self._journal))) as db:
            runs, more = runs_between(db, start, end, question.valve)
        payload = _cut({"ok": True}, "runs", runs)
        return payload | ({"more": True} if more else {})

    def _again(self, question: ReplayQuestion) -> Payload:
        if self._replay is None:
            return _none("nothing is kept that could be sent again")
        rows = self._replay(question.first, question.last)
        return {"ok": True, "from": question.first, "to": question.last, "rows": rows}


def _there(path: Path) -> Path:
    if not path.exists():
        raise FileNotFoundError(f"{path.name} is not there yet: ask again in a minute")
    return path


def _none(why: str) -> Payload:
    return {"ok": False, **topics.error("no-history", f"the history cannot be read now: {why}")}


def _cut(payload: Payload, name: str, items: list[Any], most: int | None = None) -> Payload:
    """The payload with its items; `more` says that it has not got them all."""
    room = LARGEST
    fits = 0
    for item in items[:most]:
        room -= len(topics.encode(item)) + 1
        if room < 0:
            break
        fits += 1
    return {**payload, name: items[:fits], **({"more": True} if fits < len(items) else {})}


def _period(found: PeriodEnergy, moment: Moment) -> Payload:
    passed = min(found.end, moment.wall) - found.start
    measured = max(1 - found.unmeasured_s / passed, 0.0) if passed > 0 else 0.0
    known = measured > 0 or found.interpolated_kwh > 0
    cost = found.cost if known else None
    return {
        "from": topics.rfc3339(found.start), "to": topics.rfc3339(found.end),
        "kwh": round(found.kwh, 3) if known else None,
        "interpolated_kwh": round(found.interpolated_kwh, 3), "measured": round(measured, 4),
        "unmeasured_s": round(found.unmeasured_s), "amount": None if cost is None else cost.amount,
        "vat": None if cost is None else cost.vat, "vat_percent": None if cost is None else cost.vat_percent,
        "complete": found.end <= moment.wall,
    }


def _rounded(figure: float) -> float:
    """As many digits as a meter has; a mean has more, which would be half of the message."""
    return float(f"{figure:.9g}")


def _entry(
    at: float, user: str | None, device: str | None, command: str | None, outcome: str, details: str
) -> Mapping[str, object]:
    """As it was told on `<root>/audit`."""
    found = json.loads(details)
    told = {"at": topics.rfc3339(at), "user": user, "device": device, "id": command, "outcome": outcome}
    return told | (found if isinstance(found, dict) else {})
