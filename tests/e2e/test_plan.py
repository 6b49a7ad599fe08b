"""`village-edge plan`, worked out from the file and asked of the running controller."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from e2e_house import CONFIG, House, Listener
from support import Mosquitto, until

pytestmark = pytest.mark.slow


def plan(*words: str, config: object = CONFIG) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "edge", "plan", "--config", str(config), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stdout, done.stderr


def listed(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_by_the_file_it_takes_turns_and_names_the_calendars_rule() -> None:
    code, out, _ = plan("--from", "2027-02-05", "--days", "4", "--json")
    road = [c for c in listed(out) if c["device"] == "light/main-road"]
    assert code == 0
    assert [(c["level"], c["rule"]) for c in road][1:6] == [
        (100, ""), (33, ""), (0, ""), (100, "lunar 1-1..1-3"), (0, "lunar 1-1..1-3"),
    ]  # fmt: skip
    assert all(len(c["circuits"]) == {0: 0, 33: 1, 100: 3}[c["level"]] for c in road)
    assert {c["within_s"] for c in road if c["step"].startswith("sun")} == {2700.0}
    code, table, _ = plan("--from", "2027-02-05", "--days", "4")
    assert "[lunar 1-1..1-3]" in table
    assert "(photocell ± 45m)" in table


def test_asked_of_the_controller_it_begins_with_what_stands_now(house: House, ear: Listener, mosquitto: Mosquitto) -> None:
    broker = f"127.0.0.1:{mosquitto.port}"
    ear.ask({"action": "on", "level": 33, "for_s": 3600})
    until_ = ear.state()["until"]
    code, out, err = plan("--ask", "--json", "--mqtt", broker, "--protocol", "5", config=house.config)
    assert (code, err.count("held")) == (0, 0)
    first = next(c for c in listed(out) if c["device"] == "light/main-road")
    assert first["level"] == 0
    assert ear.state()["next"]["at"] == until_
    assert plan("--ask", "--days", "40", "--mqtt", broker, config=house.config)[0] == 1
    ear.say("light/main-road/lockout/tech", {"locked": True})
    until(lambda: ear.state()["reason"] == "lockout", 3, "the lockout")
    code, out, err = plan("--ask", "--json", "--mqtt", broker, config=house.config)
    assert code == 0
    assert "light/main-road: lockout, until somebody ends it" in err
    assert not [c for c in listed(out) if c["device"] == "light/main-road"]


def test_nobody_there_is_said_with_the_remedy(mosquitto: Mosquitto) -> None:
    code, _, err = plan("--ask", "--timeout", "1s", "--mqtt", f"127.0.0.1:{mosquitto.port}")
    assert code == 2
    assert "--mqtt HOST:PORT" in err
