"""The plan that the controller gives is what then happens, whatever stands above the program when it is asked."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from villages import STREET, Bench, street, village

from edge.core.events import RequestReceived
from edge.core.values import Request

REPLY = "village/thon/reply/head/phone"
PROGRAMS = {
    "street": STREET,
    "thirds": {"kind": "light", "steps": [
        {"at": "11:00", "level": 33}, {"at": "13:00", "level": 67}, {"at": "18:00", "level": 33}, {"at": "03:00", "level": 100},
        {"at": "06:00", "level": 67},
    ]},
}  # fmt: skip


def ask(b: Bench, **fields: object) -> dict[str, Any]:
    b.put(RequestReceived(Request("plan", "head", REPLY, "r-1", None, fields)))
    return json.loads([m.payload for m in b.radio.messages if m.topic == REPLY][-1])


def bench(program: str = "street", at: str = "2026-11-21T16:00:00+07:00") -> Bench:
    lights = {"road": street() | {"rotate": True, "program": program}}
    return Bench(village(lights, PROGRAMS, limits={"switching": {"burst": 0, "per": "60s"}}), at, look_every_s=3600)


def states(b: Bench, seconds: float) -> list[tuple[float, int, list[str]]]:
    """Every change of what is wanted in the coming seconds."""
    seen: list[tuple[float, int, list[str]]] = []
    last = wanted(b)
    end = b.clock.mono() + seconds
    while b.clock.mono() < end:
        b.advance(max(min(b.controller.wakeup(), end) - b.clock.mono(), 0.001))
        if (now := wanted(b)) != last:
            seen.append((b.clock.now().wall, *now))
            last = now
    return seen


def wanted(b: Bench) -> tuple[int, list[str]]:
    state = b.state()
    return state["level"], [c["id"] for c in state["circuits"] if c["on"]]


@pytest.mark.slow
@given(
    program=st.sampled_from(sorted(PROGRAMS)), hours=st.floats(0, 48), burst=st.sampled_from([None, 33, 67, 100, 0]),
    for_s=st.sampled_from([600, 7200, 86400, None]), later_s=st.sampled_from([0, 60, 3600]),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_what_is_planned_is_what_happens(program: str, hours: float, burst: int | None, for_s: int | None, later_s: int) -> None:
    b = bench(program)
    b.advance(hours * 3600)
    if burst is not None:
        bound = {} if for_s is None else {"for_s": for_s}
        b.send({"action": "on", "level": burst, **bound} if burst else {"action": "off", **bound})
    b.advance(later_s)
    answer = ask(b, days=2)
    assert (answer["ok"], answer["trusted"], answer["held"]) == (True, True, [])
    planned = [(dt.datetime.fromisoformat(c["at"]).timestamp(), c["level"], c["circuits"]) for c in answer["changes"]]
    happened = states(b, 2 * 86400)
    assert len(planned) >= 2
    assert [p[1:] for p in planned] == [h[1:] for h in happened]
    assert all(abs(p[0] - h[0]) < 0.01 for p, h in zip(planned, happened, strict=True))


def test_it_says_the_program_and_the_step() -> None:
    first = ask(bench(), days=1, device="light/road")["changes"][0]
    assert (first["device"], first["reason"], first["program"], first["step"]) == ("light/road", "program", "street", "sunset - 10m")


def test_what_has_no_end_in_sight_is_named_and_not_planned() -> None:
    b = bench()
    b.send({"locked": True}, topic="village/thon/light/road/lockout/tech")
    answer = ask(b)
    assert (answer["changes"], answer["held"]) == ([], [{"device": "light/road", "reason": "lockout"}])


@pytest.mark.parametrize(("fields", "code"), [
    ({"days": 0}, "bad-value"), ({"days": 32}, "bad-value"), ({"days": True}, "bad-value"), ({"days": 1.5}, "bad-value"),
    ({"device": "light/none"}, "unknown-device"), ({"device": 5}, "unknown-device"), ({"when": 1}, "unknown-field"),
])  # fmt: skip
def test_what_cannot_be_planned_is_refused_with_the_remedy(fields: dict[str, object], code: str) -> None:
    answer = ask(bench(), **fields)
    assert (answer["ok"], answer["error"]["code"]) == (False, code)
