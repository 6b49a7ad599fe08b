"""A burst pipe and a leak on the live village: told of in time, and the water stops."""

from __future__ import annotations

import json
import time

import pytest
from e2e_house import ROOT, House, Listener
from support import until

from simulator.control import ask

pytestmark = pytest.mark.slow
PUMP, PLOT_1 = 24, 25  # lines; each is on while it is low
SEEN_S, LAG_S = 30.0, 3.0


def is_on(house: House, pin: int) -> bool:
    return [1, *(m["level"] for m in house.pins() if m["pin"] == pin and m["changed"])][-1] == 0


def state(ear: Listener, alarm: str) -> object:
    return json.loads(ear.last.get(f"{ROOT}/alarm/{alarm}") or b"{}").get("state")


def acknowledge(ear: Listener, alarm: str) -> None:
    ear.say("ask/head/alarm-ack", {"id": "r-1", "reply_to": "village/nguyen-ly/reply/head/phone", "alarm": alarm})


def test_a_burst_pipe_is_told_of_and_shut_off_in_30_s(house: House, ear: Listener) -> None:
    alarm = "flow-high:valve:plot-1"
    key = ask(house.sim, {"fault": "burst", "on": "valve/plot-1"})["id"]
    assert ear.ask({"action": "open", "for_s": 600}, to="valve/plot-1")["outcome"] == "done"
    until(lambda: is_on(house, PUMP), 8, "the pump")
    since = time.monotonic()
    until(lambda: state(ear, alarm) == "raised", SEEN_S + 1, "the alarm")
    assert time.monotonic() - since <= SEEN_S
    until(lambda: not is_on(house, PUMP), 1, "the pump to stop")
    until(lambda: not is_on(house, PLOT_1), LAG_S + 1, "the valve to close")
    assert ear.ask({"action": "open"}, to="valve/plot-1")["outcome"] == "rejected"
    ask(house.sim, {"clear": key})
    acknowledge(ear, alarm)
    until(lambda: state(ear, alarm) is None, 3, "the alarm to be gone")
    assert ear.ask({"action": "open", "for_s": 60}, to="valve/plot-1")["outcome"] in ("accepted", "done")


def test_a_leak_is_told_of_in_30_s_and_the_pump_stays_off(house: House, ear: Listener) -> None:
    until(lambda: ear.json("valve/plot-1/state").get("observed") == "CLOSED", 5, "the first state")
    since = time.monotonic()
    ask(house.sim, {"fault": "leak", "on": "input/main-flow", "l_min": 3})
    until(lambda: state(ear, "leak:pump:pump-1") == "raised", SEEN_S + 1, "the alarm")
    assert time.monotonic() - since <= SEEN_S
    refused = ear.ask({"action": "open", "for_s": 60}, to="valve/plot-1")
    assert refused["outcome"] == "rejected"
    assert not is_on(house, PUMP)
