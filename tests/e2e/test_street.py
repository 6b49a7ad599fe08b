"""A phone switches a street; the broker goes; the daemon dies. Real processes, a real broker, a simulated village."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Callable

import pytest
from e2e_house import BY_ITSELF, ROOT, House, Listener
from support import Mosquitto, until

pytestmark = pytest.mark.slow


def test_on_then_auto_then_on_again_with_reason_until_by_and_circuits(house: House, ear: Listener) -> None:
    result = ear.ask({"action": "on", "level": 33, "for_s": 7200, "id": "c-81"})
    assert (result["id"], result["user"], result["outcome"], result["state"]) == ("c-81", "head", "done", "ON")
    state = until(lambda: ear.state() if ear.state()["reason"] == "override" else None, 2, "the override")
    assert (state["level"], state["observed"], state["observed_level"], state["by"]) == (33, "ON", 33, "head")
    assert [c["observed"] for c in state["circuits"]] == [True, False, False]
    assert state["until"]
    assert house.lit() == "a"
    assert ear.ask("AUTO")["outcome"] in ("done", "accepted")
    until(lambda: ear.state()["reason"] in BY_ITSELF, 2, "the program")
    ear.ask({"action": "on", "level": 33, "for_s": 60, "id": "c-82"})
    until(lambda: ear.state()["command"] == "c-82", 2, "the second override")


def test_an_override_ends_with_the_broker_gone_and_all_is_told_again_within_5_s(
    house: House, ear: Listener, mosquitto: Mosquitto, listen: Callable[[], Listener]
) -> None:
    until(lambda: f"{ROOT}/meter/culture-house/reading" in ear.last, 10, "readings")
    program = ear.state("culture-house")["level"]
    ear.ask({"action": "off" if program else "on", "for_s": 3}, to="light/culture-house")
    wanted = 1 if program else 0  # the line is active low
    until(lambda: [m["level"] for m in house.pins() if m["pin"] == 23][-1] == wanted, 2, "the relay")
    told = {topic for topic, _, retained in ear.messages if retained and ear.last[topic]}  # not what was taken back
    mosquitto.kill()
    until(lambda: [m["level"] for m in house.pins() if m["pin"] == 23][-1] == 1 - wanted, 6, "the override to end")
    assert house.alive()
    mosquitto.start()
    again = listen()
    until(lambda: told <= again.last.keys() and again.last[f"{ROOT}/status"] == b"online", 5, "everything retained")
    assert again.state("culture-house")["reason"] == "program"


def test_it_starts_without_a_broker_and_is_found_when_there_is_one(
    house: House, mosquitto: Mosquitto, listen: Callable[[], Listener]
) -> None:
    mosquitto.stop()
    house.start()
    until(lambda: {17, 22, 23, 27} <= {m["pin"] for m in house.pins()}, 5, "the outputs to be claimed")
    mosquitto.start()
    ear = listen()
    until(lambda: ear.last.get(f"{ROOT}/status") == b"online", 5, "online")
    assert ear.ask("33")["outcome"] in ("done", "accepted")


FIELD = (24, 25, 12, 4, 18)  # the pump and the valves


def test_killed_during_an_override_it_goes_on_without_an_edge_and_ends_when_it_should(house: House, ear: Listener) -> None:
    ear.ask({"action": "on", "level": 67, "for_s": 16, "id": "c-7"})
    until(lambda: house.lit() == "ab", 15, "both circuits")
    until(lambda: ear.state()["observed_level"] == 67, 2, "the state")
    end = ear.state()["until"]
    until(lambda: journalled(house, "c-7"), 2, "the journal")
    before = len(house.pins())
    house.kill()
    until(lambda: ear.last[f"{ROOT}/status"] == b"offline", 5, "the will")
    assert house.lit() == "ab"
    house.start()
    until(lambda: ear.last[f"{ROOT}/status"] == b"online", 5, "online again")
    state = ear.state()
    assert (state["level"], state["reason"], state["command"], state["until"]) == (67, "override", "c-7", end)
    claims = [m for m in house.pins()[before:] if m["level"] is not None]  # the others are inputs
    claims = [m for m in claims if m["pin"] not in FIELD or m["level"] == 0]  # the field's are told off, as at every start
    assert {m["pin"] for m in claims} == {17, 27, 22, 23}
    assert len(claims) == 4
    assert all(m["claim"] and not m["changed"] for m in claims)
    until(lambda: ear.state()["reason"] in BY_ITSELF, 20, "the end of the override")
    assert abs(house.pins()[-1]["wall"] - parse(end)) < 1.5


def test_stopped_in_good_order_it_says_offline_and_leaves_the_lines(house: House, ear: Listener) -> None:
    ear.ask({"action": "on", "level": 33, "for_s": 60})
    before = house.pins()
    assert house.kill(how=signal.SIGTERM) == 0
    until(lambda: ear.last[f"{ROOT}/status"] == b"offline", 2, "offline")
    assert house.pins() == before


def test_a_second_controller_on_the_same_state_says_so_and_ends(house: House, ear: Listener) -> None:
    running = house._processes.pop("daemon")
    house.start()
    assert house._processes.pop("daemon").wait(10) == 1
    assert "another controller works with" in house.log.read_text()
    house._processes["daemon"] = running
    assert ear.ask("OFF")["outcome"] == "done"


def journalled(house: House, command: str) -> bool:
    rows = sqlite3.connect(house.state / "journal.db").execute("SELECT command FROM overrides").fetchall()
    return (command,) in rows


def parse(text: str) -> float:
    import datetime as dt

    return dt.datetime.fromisoformat(text).timestamp()
