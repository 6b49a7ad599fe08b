"""Requests that the files answer: what is asked of them, and what is refused before they are."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from villages import CATALOGUE, Bench, village, when

from edge.core import topics
from edge.core.asked import MOST_POINTS, NAMES, Known, question
from edge.core.events import Answered, Ask, Publish
from edge.core.questions import (
    AuditQuestion,
    BusQuestion,
    EnergyQuestion,
    HistoryQuestion,
    Question,
    ReplayQuestion,
    RunsQuestion,
)
from edge.core.values import Request

KNOWN = Known(
    {
        "meter/cabinet-1": {"power_w": "W", "energy_kwh": "kWh"},
        "meter/volts": {"voltage_v": "V"},
        "sensor/air-1": {"temperature_c": "°C"},
    },
    {"meter/cabinet-1": 0, "sensor/air-1": 0, "light/main-road": 0, "valve/plot-1": 0}.keys(),
)
DAY = {"from": "2026-11-21T00:00:00+07:00", "to": "2026-11-22T00:00:00+07:00"}
START, END = when(DAY["from"]), when(DAY["to"])
POWER = {"device": "meter/cabinet-1", "quantity": "power_w"} | DAY


def ask(name: str, fields: dict[str, Any]) -> Question:
    return question(Request(name, "head", "village/x/reply/head/p", "r-1", None, fields), KNOWN)


@pytest.mark.parametrize(
    ("name", "fields", "asked"),
    [
        ("history", POWER, HistoryQuestion("meter/cabinet-1", "power_w", START, END, 300.0)),
        ("history", POWER | {"step": "auto"}, HistoryQuestion("meter/cabinet-1", "power_w", START, END, 300.0)),
        ("history", POWER | {"step": 86.4}, HistoryQuestion("meter/cabinet-1", "power_w", START, END, 86.4)),
        ("history", POWER | {"to": "2046-11-22T00:00:00Z", "from": "2026-11-30T00:00:00Z"},
         HistoryQuestion("meter/cabinet-1", "power_w", when("2026-11-30T00:00:00Z"), when("2046-11-22T00:00:00Z"), 30 * 86400.0)),
        ("energy", DAY | {"meter": "cabinet-1", "period": "hour"}, EnergyQuestion("meter/cabinet-1", "hour", START, END)),
        ("energy", DAY | {"meter": "meter/cabinet-1", "period": "billing", "id": "r"}, EnergyQuestion("meter/cabinet-1", "billing", START, END)),
        ("audit", DAY, AuditQuestion(START, END, None)),
        ("audit", DAY | {"device": "light/main-road"}, AuditQuestion(START, END, "light/main-road")),
        ("runs", {}, RunsQuestion(None, None, None)),
        ("runs", DAY | {"device": "valve/plot-1"}, RunsQuestion(START, END, "valve/plot-1")),
        ("replay", {"from": 7, "to": 7}, ReplayQuestion(7, 7)),
        ("bus", {"id": "r-1", "reply_to": "village/x/reply/head/p"}, BusQuestion()),
    ],
)
def test_well_formed_fields_are_a_question(name: str, fields: dict[str, Any], asked: Question) -> None:
    assert ask(name, fields) == asked


@pytest.mark.parametrize(
    ("name", "fields", "code", "remedy"),
    [
        ("history", POWER | {"device": "meter/cabinet"}, "unknown-device", "did you mean meter/cabinet-1?"),
        ("history", POWER | {"device": "x" * 5000}, "unknown-device", "device must be one of meter/cabinet-1, meter/volts, sensor/air-1"),
        ("history", POWER | {"device": ["meter/cabinet-1"]}, "bad-value", "device must be one of meter/cabinet-1"),
        ("history", DAY | {"quantity": "power_w"}, "bad-value", "device must be one of"),
        ("history", POWER | {"quantity": "power"}, "bad-value", "did you mean power_w?"),
        ("history", POWER | {"step": 86.3}, "bad-value", "give a step of 87 or more"),
        ("history", POWER | {"step": 0}, "bad-value", "from 1 up"),
        ("history", POWER | {"step": True}, "bad-value", "from 1 up"),
        ("history", POWER | {"step": "5m"}, "bad-value", 'step must be "auto"'),
        ("history", POWER | {"from": "2026-11-21"}, "bad-value", "from must be a time such as"),
        ("history", POWER | {"from": DAY["to"]}, "bad-value", "from must lie before to"),
        ("history", POWER | {"from": "1999-12-31T00:00:00Z"}, "bad-value", "the years 2000 to 2199"),
        ("history", POWER | {"from": "2000-12-31T00:00:00Z"}, "bad-value", "7320 days at most"),
        ("history", {k: v for k, v in POWER.items() if k != "to"}, "bad-value", "give from and to"),
        ("history", POWER | {"steps": 60}, "unknown-field", "history has device, from, id, quantity, reply_to, step, to"),
        ("energy", DAY | {"meter": "cabinet-2", "period": "day"}, "unknown-device", "did you mean cabinet-1?"),
        ("energy", DAY | {"meter": "volts", "period": "day"}, "unknown-device", "meter must be one of cabinet-1"),
        ("energy", DAY | {"meter": "cabinet-1", "period": "week"}, "bad-value", "period must be one of hour, day, month, billing"),
        ("energy", DAY | {"meter": "cabinet-1"}, "bad-value", "period must be one of hour, day, month, billing"),
        ("energy", DAY | {"meter": "cabinet-1", "period": "hour", "to": "2026-12-06T00:00:00+07:00"}, "bad-value",
         "14 days at most: give a to of 2026-12-04T17:00:00.000Z or before"),
        ("energy", DAY | {"meter": "cabinet-1", "period": "hour", "device": "x"}, "unknown-field", "energy has"),
        ("audit", DAY | {"device": "light/main"}, "unknown-device", "did you mean light/main-road?"),
        ("audit", {}, "bad-value", "give from and to"),
        ("runs", {"from": DAY["from"]}, "bad-value", "give from and to"),
        ("runs", {"device": "light/main-road"}, "unknown-device", "device must be one of valve/plot-1"),
        ("runs", {"program": "water"}, "unknown-field", "runs has device, from, id, reply_to, to"),
        ("replay", {"from": 8, "to": 7}, "bad-value", "from must not lie behind to"),
        ("replay", {"from": 0, "to": 7}, "bad-value", "from must be the sequence of a row"),
        ("replay", {"from": 1, "to": 7.0}, "bad-value", "to must be the sequence of a row"),
        ("replay", {"from": 1, "to": 1_000_001}, "bad-value", "ask for the rest from 1000001 on"),
        ("replay", {"from": 1, "to": 2, "lane": "live"}, "unknown-field", "replay has"),
    ],
)
def test_every_flaw_has_its_code_and_a_remedy(name: str, fields: dict[str, Any], code: str, remedy: str) -> None:
    with pytest.raises(topics.BadError) as bad:
        ask(name, fields)
    assert bad.value.code == code
    assert remedy in bad.value.message
    assert len(bad.value.message) < 400


TIMES = st.datetimes().map(lambda t: f"{t.isoformat()}Z") | st.sampled_from(list(DAY.values()))
VALUES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=80) | TIMES
    | st.sampled_from(["meter/cabinet-1", "cabinet-1", "power_w", "auto", "day", "billing", "light/main-road"])
    | st.lists(st.integers(), max_size=3) | st.dictionaries(st.text(max_size=3), st.integers(), max_size=3)
)  # fmt: skip
FIELDS = ["device", "quantity", "from", "to", "step", "meter", "period", "kwh", "amount", "id", "x"]


@given(st.sampled_from(list(NAMES)), st.dictionaries(st.sampled_from(FIELDS), VALUES))
def test_any_fields_give_a_question_or_a_refusal_at_once(name: str, fields: dict[str, Any]) -> None:
    began = time.thread_time()
    try:
        found: Question | topics.BadError = ask(name, fields)
    except topics.BadError as bad:
        found = bad
    assert time.thread_time() - began < 0.005
    if isinstance(found, topics.BadError):
        assert (found.code in topics.CODES, bool(found.message)) == (True, True)
    if isinstance(found, HistoryQuestion):
        assert 0 < (found.end - found.start) / found.step_s <= MOST_POINTS


@given(st.dictionaries(st.sampled_from(FIELDS), VALUES))
def test_any_bill_is_entered_or_refused_at_once(fields: dict[str, Any]) -> None:
    request = Request("bill-put", "head", "village/thon/reply/head/p", "r-1", None, fields)
    began = time.thread_time()
    answer, _ = DESK.answer(request, MOMENT)
    assert time.thread_time() - began < 0.005
    assert answer.changes in ("accepted", "rejected")
    assert answer.payload is not None
    topics.encode(answer.payload)


# --- at the desk ---


def bench() -> Bench:
    return Bench(village(inputs={"shop": {"gpio": 5, "role": "s0", "name": "Quán", "pulses_per_kwh": 1000}}))


def effects(on: Bench, name: str, **fields: Any) -> list[object]:
    return list(on.controller.handle(on.request(name, **fields), on.clock.now()))


def test_the_desk_has_the_files_asked_and_answers_whoever_asked_when_they_have_spoken() -> None:
    on = bench()
    found = [e for e in effects(on, "energy", meter="shop", period="day", **DAY) if isinstance(e, Ask | Publish)]
    assert [type(e) for e in found] == [Ask]
    asked = found[0]
    assert isinstance(asked, Ask)
    assert asked.question == EnergyQuestion("meter/shop", "day", START, END)
    request = Request("energy", "head", "village/thon/reply/head/p", "r-7", b"\x01", {})
    said = on.controller.handle(Answered(request, {"ok": True, "periods": []}), on.clock.now())[0]
    assert isinstance(said, Publish)
    assert (said.topic, said.correlation, said.retain) == ("village/thon/reply/head/p", b"\x01", False)
    assert json.loads(said.payload) == {"id": "r-7", "ok": True, "periods": []}


def test_a_replay_is_in_the_audit_and_what_only_reads_is_not() -> None:
    on = bench()

    def audit(name: str, **fields: Any) -> list[dict[str, Any]]:
        found = [e for e in effects(on, name, **fields) if isinstance(e, Publish) and e.topic == "village/thon/audit"]
        return [json.loads(e.payload) for e in found]

    (entry,) = audit("replay", **{"from": 3, "to": 9})
    assert (entry["user"], entry["outcome"], entry["request"], entry["from"], entry["to"]) == ("head", "accepted", "replay", 3, 9)
    (entry,) = audit("replay", **{"from": 9, "to": 3})
    assert (entry["outcome"], entry["error"]["code"]) == ("rejected", "bad-value")
    assert audit("audit", **DAY) == audit("history", device="meter/nobody") == []


def test_what_can_be_asked_is_what_the_village_measures() -> None:
    on = bench()
    for fields in ({"device": "meter/shop", "quantity": "energy_kwh"}, {"device": "meter/cabinet", "quantity": "power_w"}):
        assert any(isinstance(e, Ask) for e in effects(on, "history", **fields, **DAY))
    refused = on.ask("history", device="light/road", quantity="power_w", **DAY)
    assert refused["error"]["code"] == "unknown-device"
    unknown = on.ask("weather")
    assert unknown["error"] == {
        "code": "unknown-request",
        "message": "weather: this version answers alarms, alarm-ack, plan, programs, program-put, history, energy, audit, runs, replay, bus, bill-put, stop-water and rain-delay",
    }
    assert set(CATALOGUE["sdm630"].quantities) == {"power_w", "energy_kwh"}


BENCH = bench()
DESK, MOMENT = BENCH.controller._desk, BENCH.clock.now()
