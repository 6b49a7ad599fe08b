"""What breaks in the cabinet, by name, and what the real daemon then says: the right reason, the right alarm, in time."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from e2e_house import CONFIG, ROOT, House, Listener
from support import Mosquitto, until

from simulator.control import ask

pytestmark = pytest.mark.slow
IN_TIME_S = 30.0
ROAD = "light:main-road"


@pytest.fixture
def house(folder: Path, mosquitto: Mosquitto) -> Iterator[House]:
    """village-sim runs; circuits come on at once, one on each meter's light apart, so that the tests need not wait."""
    h = House(folder, mosquitto.port, config=_calm(folder))
    h.start_sim()
    yield h
    h.end()


def _calm(folder: Path) -> Path:
    """The example village, its feedback on the circuit that comes on first, its photocell heard by a dark program."""
    text = CONFIG.read_text("utf-8")
    b = "b: {output: {gpio: 27, active: low}, lamps: 8, lamp_w: 60, feedback: {gpio: 5}}"
    a = "a: {output: {gpio: 17, active: low}, lamps: 8, lamp_w: 60}"
    off = 'steps: [{at: "22:00", level: 0}]'
    for old, new in (
        (b, b.replace(", feedback: {gpio: 5}", "")), (a, a[:-1] + ", feedback: {gpio: 5}}"),
        (off, off + "\n    photocell: {within: 45m}"),
    ):  # fmt: skip
        assert old in text
        text = text.replace(old, new)
    path = folder / "calm.yaml"
    path.write_text(text, "utf-8")
    return path


def alarm(ear: Listener, name: str) -> dict[str, Any]:
    raw = ear.last.get(f"{ROOT}/alarm/{name}")
    return json.loads(raw) if raw else {}


def raised(ear: Listener, name: str, since: float) -> dict[str, Any]:
    """The alarm, which came within 30 s of `since` (monotonic s)."""
    until(lambda: alarm(ear, name).get("state") == "raised", IN_TIME_S - (time.monotonic() - since), name)
    return alarm(ear, name)


def break_(house: House, name: str, **more: Any) -> float:
    """Put a fault on the village; when (monotonic s)."""
    ask(house.sim, {"fault": name, **more})
    return time.monotonic()


def lit(ear: Listener) -> None:
    """One circuit of the main road burns, as its feedback and its meter say."""
    ear.ask({"action": "on", "level": 33, "for_s": 3600})
    until(lambda: ear.state()["observed"] == "ON", 5, "the contactor")
    until(lambda: ear.json("meter/cabinet-1/reading").get("values", {}).get("power_w") == 480, 15, "the meter")


def test_a_welded_contactor_is_on_and_cannot_be_put_out(house: House, ear: Listener) -> None:
    lit(ear)
    since = break_(house, "relay-welded", on="light/main-road/a")
    ear.ask("OFF")
    assert raised(ear, f"stuck-on:{ROAD}", since)["data"] == {"circuits": "a"}
    state = ear.state()
    assert (state["state"], state["reason"], state["observed_level"]) == ("OFF", "override", 33)
    assert house.lit() == ""
    ask(house.sim, {"clear": "all"})
    until(lambda: alarm(ear, f"stuck-on:{ROAD}")["state"] == "cleared", IN_TIME_S, "the end of it")


def test_a_missing_feedback_is_not_taken_for_a_dead_contactor(house: House, ear: Listener) -> None:
    lit(ear)
    since = break_(house, "feedback-missing", on="light/main-road/a")
    assert raised(ear, f"feedback-disagrees:{ROAD}", since)["data"] == {"circuits": "a"}
    assert alarm(ear, f"stuck-off:{ROAD}") == {}
    assert house.lit() == "a"


def test_a_contactor_that_opens_gives_its_place_to_another(house: House, ear: Listener) -> None:
    lit(ear)
    since = break_(house, "relay-open", on="light/main-road/a")
    assert raised(ear, f"stuck-off:{ROAD}", since)["data"] == {"circuits": "a"}
    until(lambda: house.lit() == "b", IN_TIME_S, "another circuit")
    until(lambda: ear.state()["observed_level"] == 33, 5, "the level that was asked for")


def test_the_switch_on_hand_is_the_reason_and_an_alarm(house: House, ear: Listener) -> None:
    since = break_(house, "hand-on", on="input/cabinet-switch")
    until(lambda: ear.state()["reason"] == "hand", 5, "the reason")
    assert raised(ear, "hand-on:input:cabinet-switch", since)["severity"] == "info"
    assert ear.ask("33")["error"]["code"] == "hand"
    assert ear.ask("OFF")["outcome"] in ("done", "failed", "accepted")
    assert house.lit() == ""
    ask(house.sim, {"clear": "all"})
    until(lambda: alarm(ear, "hand-on:input:cabinet-switch")["state"] == "cleared", 10, "the end of it")


def test_the_door_and_the_mains_are_told(house: House, ear: Listener) -> None:
    since = break_(house, "door-open", on="input/cabinet-door")
    break_(house, "mains-cut", backup=True)
    assert raised(ear, "door-open:input:cabinet-door", since)["severity"] == "warning"
    assert raised(ear, "mains-lost:input:mains", since)["severity"] == "critical"


def test_a_photocell_covered_at_noon_is_told_and_lights_nothing(house: House, ear: Listener) -> None:
    now = dt.datetime.now(dt.timezone(dt.timedelta(hours=7)))
    to_noon = (now.replace(hour=12, minute=0, second=0) - now).total_seconds()
    break_(house, "clock-jump", by=f"{'-' if to_noon < 0 else '+'}{abs(to_noon):.0f}s")
    before = ear.state()
    since = break_(house, "photocell-covered", on="input/photocell")
    assert "dark" in raised(ear, "photocell-stuck:input:photocell", since)["text"]["en"]
    assert (ear.state()["level"], ear.state()["reason"]) == (before["level"], before["reason"])
