"""Faults in virtual time, on the whole controller: broker, clock, card, process; and the bus over frames in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from villages import when

from drivers.registers import catalogue
from edge.shell.site_file import load
from simulator.fast import Fast
from simulator.fault_fast import FastStage
from simulator.faults import Faults, read

pytestmark = pytest.mark.slow
CONFIG = Path(__file__).parents[2] / "config" / "nguyen-ly.yaml"
ROAD, CABINET = "light/main-road", "meter/cabinet-1"


class House:
    """The example village in virtual time, lit in the evening, with faults."""

    def __init__(self) -> None:
        self.fast = Fast(load(CONFIG, catalogue()), catalogue(), when("2026-11-21T20:00:00+07:00"), 1)
        self.faults = Faults(FastStage(self.fast))
        self.fast.advance(60)

    def put(self, name: str, on: str | None = None, **values: Any) -> str | None:
        return self.faults.inject(read({"fault": name, **({"on": on} if on else {}), **values}))

    def clear(self) -> None:
        self.faults.clear_all()

    def told(self, leaf: str) -> Any:
        """What the broker has retained: the JSON, or None."""
        message = self.fast.broker.retained.get(f"{self.fast.root}/{leaf}")
        return None if message is None else json.loads(message.payload)

    def status(self) -> str:
        return self.fast.broker.retained[f"{self.fast.root}/status"].payload.decode()

    def send(self, payload: Any, to: str = ROAD) -> None:
        self.fast.send(f"{self.fast.root}/{to}/set/head", json.dumps(payload) if not isinstance(payload, str) else payload)

    def outcomes(self) -> list[str]:
        topic = f"{self.fast.root}/{ROAD}/result"
        return [json.loads(payload)["outcome"] for _, name, payload in self.fast.heard if name == topic]

    def lit(self) -> str:
        world = self.fast.village.world
        return "".join(c for c in "abc" if world.watts(f"main-road/{c}"))

    def alarm(self, name: str) -> str | None:
        found = self.told(f"alarm/{name}")
        return None if found is None else str(found["state"])

    def at(self, seconds: float, leaf: str = f"{CABINET}/reading") -> Any:
        self.fast.advance(seconds)
        return self.told(leaf)


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    made.fast.close()


def test_the_house_is_whole(house: House) -> None:
    assert (house.status(), house.lit(), house.told(f"{ROAD}/state")["observed_level"]) == ("online", "abc", 100)
    assert house.told(f"{CABINET}/reading")["values"]["power_w"] == 2160


# --- the broker ---


def test_a_broker_that_is_away_forgets_and_is_told_all_again(house: House) -> None:
    retained = set(house.fast.broker.retained)
    house.put("broker-away")
    house.fast.advance(600)
    assert house.fast.broker.retained == {}
    assert house.lit() == "abc"
    house.clear()
    house.fast.advance(5)
    assert set(house.fast.broker.retained) >= retained
    assert house.status() == "online"


def test_a_slow_broker_delays_each_way(house: House) -> None:
    house.put("broker-slow", by="3s")
    house.send("33")
    house.fast.advance(5.9)  # there and on to the controller
    assert (house.lit(), house.outcomes()) == ("abc", [])
    house.fast.advance(0.2)
    assert (house.lit(), house.outcomes()) == ("a", [])
    house.fast.advance(6)
    assert house.outcomes() == ["done"]
    house.clear()
    house.fast.advance(3)  # what is under way still takes its time
    house.send("OFF")
    house.fast.advance(0.1)
    assert house.lit() == ""


def test_a_broker_that_refuses_is_tried_until_it_does_not(house: House) -> None:
    house.put("broker-refusing")
    house.fast.advance(60)
    assert house.status() == "offline"
    house.send("OFF")
    house.fast.advance(1)
    assert house.lit() == "abc"
    house.clear()
    house.fast.advance(5)
    assert house.status() == "online"


def test_a_mute_broker_passes_nothing_on(house: House) -> None:
    house.put("broker-mute")
    before = house.told(f"{CABINET}/reading")
    house.send("OFF")
    house.fast.advance(30)
    assert (house.lit(), house.outcomes(), house.told(f"{CABINET}/reading")) == ("abc", [], before)
    house.clear()
    assert house.at(15) != before


# --- the clock ---


def test_a_wrong_clock_is_put_right_when_taken_back_and_a_jump_stays(house: House) -> None:
    true = house.fast.time.wall
    house.put("clock-wrong", by="-2h")
    house.put("clock-jump", by="+10m")
    assert house.fast.clock.now().wall - true() == pytest.approx(-6600)
    house.fast.advance(60)
    assert house.fast.clock.now().wall - true() == pytest.approx(-6600)
    house.clear()
    assert house.fast.clock.now().wall - true() == pytest.approx(600)


def test_a_jump_over_a_step_dims_the_road_at_once(house: House) -> None:
    house.put("clock-jump", by="+3h")
    house.fast.advance(1)
    assert (house.lit(), house.told(f"{ROAD}/state")["level"]) == ("a", 33)


def test_a_clock_that_nobody_vouches_for_is_told_and_raised(house: House) -> None:
    house.put("clock-untrusted")
    house.fast.advance(1)
    assert (house.told("time")["trusted"], house.told("time")["source"]) == (False, "none")
    house.fast.advance(300)
    assert house.alarm("clock-untrusted:site:nguyen-ly") == "raised"
    house.clear()
    house.fast.advance(1)
    assert (house.told("time")["trusted"], house.told("time")["source"]) == (True, "simulated")
    assert house.alarm("clock-untrusted:site:nguyen-ly") == "cleared"


# --- the card ---


@pytest.mark.parametrize("name", ["card-full", "card-read-only"])
def test_a_card_that_takes_nothing_stops_no_light_and_is_raised(house: House, name: str) -> None:
    house.put(name)
    house.send({"action": "on", "level": 33, "for_s": 7200, "id": "c-1"})
    house.fast.advance(60)
    assert (house.lit(), house.outcomes()) == ("a", ["done"])
    assert house.alarm("journal-failing:site:nguyen-ly") == "raised"
    house.clear()
    house.fast.advance(60)
    assert house.alarm("journal-failing:site:nguyen-ly") == "cleared"
    house.put("process-killed", down="3s")
    house.fast.advance(10)
    assert house.told(f"{ROAD}/state")["command"] == "c-1"  # what waited in memory was written in the end


def test_what_a_full_card_did_not_take_is_lost_with_the_process_and_it_is_full_still(house: House) -> None:
    house.put("card-full")
    house.send({"action": "on", "level": 33, "for_s": 7200, "id": "c-1"})
    house.fast.advance(60)
    house.put("process-killed", down="3s")
    house.fast.advance(60)
    assert house.told(f"{ROAD}/state")["reason"] == "program"
    house.send({"action": "on", "level": 67, "for_s": 7200, "id": "c-2"})
    house.fast.advance(60)
    assert house.alarm("journal-failing:site:nguyen-ly") == "raised"


def test_a_slow_card_keeps_a_command_from_the_journal_for_so_long_and_no_light_waits(house: House) -> None:
    house.put("card-slow", by="10s")
    house.fast.advance(10.5)  # just after a commit
    house.send({"action": "on", "level": 33, "for_s": 7200, "id": "c-1"})
    house.fast.advance(1)
    assert house.lit() == "a"
    house.put("process-killed", down="1s")
    house.fast.advance(5)
    assert house.told(f"{ROAD}/state")["reason"] == "program"
    house.send({"action": "on", "level": 33, "for_s": 7200, "id": "c-2"})
    house.fast.advance(30)
    house.put("process-killed", down="1s")
    house.fast.advance(5)
    assert house.told(f"{ROAD}/state")["command"] == "c-2"


# --- the controller ---


def test_a_killed_controller_is_back_when_it_is_said(house: House) -> None:
    house.put("process-killed", down="30s")
    house.fast.advance(29)
    assert (house.status(), house.lit()) == ("offline", "abc")
    house.fast.advance(3)
    assert (house.status(), house.lit()) == ("online", "abc")


def test_a_rebooted_pi_lets_its_lines_fall(house: House) -> None:
    house.put("pi-rebooted", down="30s")
    house.fast.advance(29)
    assert (house.status(), house.lit()) == ("offline", "")
    house.fast.advance(40)
    assert (house.status(), house.lit()) == ("online", "abc")


def test_a_frozen_process_does_nothing_and_goes_on_with_what_waits(house: House) -> None:
    house.put("process-frozen")
    before = house.told(f"{CABINET}/reading")
    house.send("OFF")
    house.fast.advance(15)
    assert (house.lit(), house.told(f"{CABINET}/reading")) == ("abc", before)
    house.clear()
    assert house.at(15) != before
    assert house.lit() == ""


def test_a_hung_core_decides_nothing_and_a_restart_mends_it(house: House) -> None:
    house.put("core-hung", **{"for": "20s"})
    house.send("33")
    house.fast.advance(15)
    assert (house.lit(), house.outcomes()) == ("abc", [])
    house.fast.advance(10)
    assert (house.lit(), house.outcomes()) == ("a", ["done"])
    house.put("core-hung")
    house.put("process-killed", down="1s")
    house.fast.advance(10)
    house.send("OFF")
    house.fast.advance(1)
    assert house.lit() == ""


def test_a_slow_card_and_a_hung_core_stand_apart(house: House) -> None:
    house.put("card-slow", by="5s")
    key = house.put("core-hung")
    assert key is not None
    house.send("OFF")
    house.fast.advance(12)
    assert house.lit() == "abc"
    house.faults.clear(key)
    house.fast.advance(1)
    assert house.lit() == ""
    house.clear()
    house.fast.advance(10)
    house.put("process-killed", down="1s")
    house.fast.advance(5)
    assert house.told(f"{ROAD}/state")["reason"] == "override"


# --- the bus and the world, on the same village ---


def test_an_adapter_in_virtual_time_is_gone_and_back(house: House) -> None:
    key = house.put("adapter-gone", "port/rs485", **{"for": "5m"})
    before = house.told(f"{CABINET}/reading")
    assert house.at(290)["at"] == before["at"]
    assert house.alarm("device-silent:meter:cabinet-1") == "raised"
    assert house.at(25)["at"] != before["at"]
    assert key not in house.faults.standing()


@pytest.mark.parametrize(("name", "more"), [("slave-dead", {}), ("slave-wrong-id", {}), ("slave-late", {"by": "2s"}), ("slave-noisy", {"share": 1})])  # fmt: skip
def test_a_meter_in_trouble_is_unknown_and_the_other_is_read(house: House, name: str, more: dict[str, Any]) -> None:
    house.put(name, CABINET, **more)
    before = house.told(f"{CABINET}/reading")
    for _ in range(6):
        other = house.told("meter/culture-house/reading")
        assert house.at(20, "meter/culture-house/reading")["at"] != other["at"]
    assert house.told(f"{CABINET}/reading") == before
    assert house.fast.broker.retained[f"{house.fast.root}/{CABINET}/value/power_w"].payload == b"unknown"
    house.clear()
    assert house.at(130)["at"] != before["at"]
    assert house.told(f"{CABINET}/reading")["values"]["power_w"] == 2160


def test_noise_in_virtual_time_is_never_taken_for_a_value(house: House) -> None:
    house.put("slave-noisy", "port/rs485", share=0.3)
    seen = set()
    for _ in range(360):
        found = house.at(10)
        seen.add(found["at"])
        assert found["values"]["power_w"] == 2160
        assert 225 < found["values"]["voltage_l1_v"] < 235
    assert len(seen) > 20
