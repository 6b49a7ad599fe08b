"""Paper bills: entered, taken back, kept, and set beside what was counted."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from villages import Bench, village

from edge.core.events import Answered, JournalChanged, Publish
from edge.core.values import Request
from edge.shell.store import StoreWorker

METERS = {
    name: {"name": name, "model": "sdm630", "port": "bus", "address": n, "rated_kw": 5} | more
    for n, (name, more) in enumerate({"cabinet": {"billing_day": 15}, "house": {}}.items(), 1)
}
PERIOD = {"from": "2026-10-14T17:00:00.000Z", "to": "2026-11-14T17:00:00.000Z", "kwh": 500.25, "amount": 1_200_000.0, "measured": 1.0, "complete": True}


def bench(journal: Path | None = None) -> Bench:
    return Bench(village(meters=METERS), journal=journal)


def beside(on: Bench, period: str = "billing", meter: str = "cabinet", **more: Any) -> dict[str, Any]:
    """What an answer to `energy` says of one period."""
    request = Request("energy", "head", "village/thon/reply/head/p", "r-1")
    payload = {"ok": True, "meter": meter, "period": period, "periods": [PERIOD | more]}
    said = on.controller.handle(Answered(request, payload), on.clock.now())[0]
    assert isinstance(said, Publish)
    return json.loads(said.payload)["periods"][0]


def audit(on: Bench) -> dict[str, Any]:
    return json.loads([m.payload for m in on.radio.messages if m.topic.endswith("/audit")][-1])


def put(on: Bench, **fields: Any) -> dict[str, Any]:
    return on.ask("bill-put", **({"meter": "cabinet", "from": "2026-10-15"} | fields))


def test_a_bill_is_stored_audited_and_shown_beside_what_was_counted() -> None:
    on = bench()
    assert beside(on)["bill"] is None
    assert put(on, kwh=512, amount=1_234_567) == {
        "id": "r-1", "ok": True, "meter": "cabinet", "from": "2026-10-15", "bill": {"kwh": 512.0, "amount": 1234567.0},
        "was": None, "stored": True,
    }
    told = audit(on)
    assert (told["device"], told["request"], told["from"], told["bill"], told["was"]) == (
        "meter/cabinet", "bill-put", "2026-10-15", {"kwh": 512.0, "amount": 1234567.0}, None,
    )
    shown = beside(on)
    assert shown["bill"] == {"kwh": 512.0, "amount": 1234567.0}
    assert shown["difference"] == {"kwh": 11.75, "amount": 34567.0}  # the bill says more than was counted
    assert "bill" not in beside(on, "day")
    assert beside(on, meter="house")["bill"] is None
    assert beside(on, **{"from": "2026-11-14T17:00:00.000Z"})["bill"] is None


def test_there_is_no_difference_to_what_is_not_over_or_was_not_measured_or_cost() -> None:
    on = bench()
    put(on, kwh=512, amount=1)
    for more in ({"complete": False}, {"measured": 0.0}, {"kwh": None, "amount": None}):
        assert beside(on, **more)["difference"] is None
        assert beside(on, **more)["bill"] == {"kwh": 512.0, "amount": 1.0}
    assert beside(on, amount=None)["difference"] == {"kwh": 11.75, "amount": None}


def test_one_figure_comes_after_the_other_and_null_takes_back() -> None:
    on = bench()
    assert put(on, **{"from": "2026-10", "kwh": 512})["bill"] == {"kwh": 512.0, "amount": None}
    assert put(on, amount=0)["bill"] == {"kwh": 512.0, "amount": 0.0}
    assert audit(on)["was"] == {"kwh": 512.0, "amount": None}
    assert put(on, kwh=None)["bill"] == {"kwh": None, "amount": 0.0}
    assert beside(on)["difference"] == {"kwh": None, "amount": -1_200_000.0}
    gone = put(on, kwh=None, amount=None)
    assert (gone["bill"], gone["was"]) == (None, {"kwh": None, "amount": 0.0})
    assert beside(on)["bill"] is None
    assert put(on, kwh=None)["ok"] is True  # there is nothing to take back: that is as it was


def test_a_meter_without_a_billing_day_is_billed_by_the_month() -> None:
    on = bench()
    assert put(on, meter="meter/house", **{"from": "2026-10"}, kwh=1)["from"] == "2026-10-01"
    october = {"from": "2026-09-30T17:00:00.000Z"}
    assert beside(on, "month", "house", **october)["bill"] == {"kwh": 1.0, "amount": None}
    assert beside(on, "month", "cabinet", **october)["bill"] is None


@pytest.mark.parametrize(
    ("fields", "code", "remedy"),
    [
        ({"meter": "cabinet-1", "kwh": 1}, "unknown-device", "did you mean cabinet?"),
        ({"meter": 7, "kwh": 1}, "bad-value", "meter must be one of cabinet, house"),
        ({"from": "2026-10-20", "kwh": 1}, "bad-value", "begin on day 15 of a month (billing_day): 2026-10-20 lies in the one from 2026-10-15"),
        ({"from": "2026-10-14", "kwh": 1}, "bad-value", "lies in the one from 2026-09-15"),
        ({"from": "2026-01-01", "kwh": 1}, "bad-value", "lies in the one from 2025-12-15"),
        ({"from": "2026-02-30", "kwh": 1}, "bad-value", "such as 2026-10-15, or its month, such as 2026-10"),
        ({"from": "15/10/2026", "kwh": 1}, "bad-value", "such as 2026-10"),
        ({"from": "1999-10", "kwh": 1}, "bad-value", "the years 2000 to 2199"),
        ({"from": None, "kwh": 1}, "bad-value", "such as 2026-10"),
        ({}, "bad-value", "give kwh, amount or both"),
        ({"kwh": -1}, "bad-value", "kwh must be a number from 0"),
        ({"kwh": "512"}, "bad-value", "kwh must be a number"),
        ({"amount": True}, "bad-value", "amount must be a number"),
        ({"kwh": 1, "rev": 1}, "unknown-field", "bill-put has amount, from, id, kwh, meter, reply_to"),
    ],
)
def test_what_cannot_be_a_bill_is_refused_with_a_remedy_and_audited(fields: dict[str, Any], code: str, remedy: str) -> None:
    on = bench()
    refused = put(on, **fields)
    assert (refused["ok"], refused["error"]["code"]) == (False, code)
    assert remedy in refused["error"]["message"]
    assert (audit(on)["outcome"], audit(on)["request"]) == ("rejected", "bill-put")
    assert beside(on)["bill"] is None


def test_a_bill_is_there_after_a_kill_and_goes_for_good(tmp_path: Path) -> None:
    journal = tmp_path / "journal.db"
    on = bench(journal)
    put(on, kwh=512)
    again = bench(journal)  # the first was never stopped
    assert beside(again)["bill"] == {"kwh": 512.0, "amount": None}
    put(again, kwh=None)
    assert beside(bench(journal))["bill"] is None


def test_a_bill_of_another_billing_day_can_still_be_taken_back(tmp_path: Path) -> None:
    journal = tmp_path / "journal.db"
    put(bench(journal), kwh=512)
    moved = Bench(village(meters={"cabinet": METERS["cabinet"] | {"billing_day": 1}}), journal=journal)
    assert put(moved, kwh=None)["was"] == {"kwh": 512.0, "amount": None}
    assert put(moved, kwh=5)["error"]["code"] == "bad-value"


def test_the_answer_waits_for_the_card_and_says_when_it_fails(tmp_path: Path) -> None:
    on = bench(tmp_path / "journal.db")

    def full() -> None:
        raise sqlite3.OperationalError("database or disk is full")

    on.store._before_commit = full
    assert put(on, kwh=512) | {"id": 0} == {
        "id": 0, "ok": True, "meter": "cabinet", "from": "2026-10-15", "bill": {"kwh": 512.0, "amount": None}, "was": None,
        "stored": False,
    }
    on.store._before_commit = lambda: None
    on.advance(10)
    assert StoreWorker(tmp_path / "journal.db", lambda _: None).memory().bills.keys() == {"cabinet/2026-10-15"}
    on.put(JournalChanged(None))
    assert put(on, kwh=513)["stored"] is True
