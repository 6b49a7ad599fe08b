"""A relay board on the live village's serial port, and what the real daemon makes of it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

import pytest
from e2e_house import House, Listener
from support import until

from simulator.control import ask

pytestmark = pytest.mark.slow
BOARD, LANES = "board/cabinet-board", "light/lanes"


def coils(house: House) -> list[tuple[str, bool]]:
    """Every change of a coil of the simulated village, in order."""
    log = house.sim / "coils.log"
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    return [(entry["coil"], entry["on"]) for entry in entries]


def put(house: House, name: str) -> str:
    return str(ask(house.sim, {"fault": name, "on": BOARD})["id"])


def lanes(ear: Listener) -> dict[str, Any]:
    return ear.state("lanes")


def test_a_board_is_switched_dies_and_is_back_without_a_blink(house: House, ear: Listener) -> None:
    until(lambda: lanes(ear).get("observed") == "OFF", 5, "the first poll")
    assert coils(house) == []
    assert ear.ask("ON", to=LANES)["outcome"] == "done"
    assert (coils(house), lanes(ear)["observed"]) == ([("cabinet-board/0", True)], "ON")

    key = put(house, "slave-dead")
    died = time.monotonic()
    until(lambda: lanes(ear)["observed"] == "unknown", 5, "the board to be unknown")
    assert time.monotonic() - died < 2.3  # two polls, and the time that one question may take
    assert "no answer" in lanes(ear)["detail"]
    assert ear.ask("ON", to="light/culture-house")["outcome"] == "done"  # on a line of the Pi
    read_at = ear.json("meter/culture-house/reading").get("at")
    until(lambda: ear.json("meter/culture-house/reading").get("at") != read_at, 12, "a meter on the same wire")
    assert coils(house) == [("cabinet-board/0", True)]

    ask(house.sim, {"clear": key})
    until(lambda: lanes(ear)["observed"] == "ON", 8, "the board to be known again")
    assert coils(house) == [("cabinet-board/0", True)]

    put(house, "board-restarted")
    until(lambda: len(coils(house)) == 3 and lanes(ear)["observed"] == "ON", 5, "the relay to be set again")
    assert coils(house)[1:] == [("cabinet-board/0", False), ("cabinet-board/0", True)]


def test_a_coil_outlives_the_daemon_and_goes_to_its_safe_state(house: House, ear: Listener) -> None:
    until(lambda: lanes(ear).get("observed") == "OFF", 5, "the first poll")
    assert ear.ask("ON", to=LANES)["outcome"] == "done"
    house.kill()
    house.start()
    before = len(ear.messages)
    until(
        lambda: any(b'"observed":"ON"' in p for t, p, _ in ear.messages[before:] if t.endswith(f"{LANES}/state")), 15,
        "the lanes as they were",
    )  # fmt: skip
    assert coils(house) == [("cabinet-board/0", True)]
    house.kill()
    entries = json.loads((house.state / "safe.json").read_text())
    for entry in entries["outputs"]:
        entry["safe"] = "off" if entry["output"] == f"{LANES}/a" else "hold"
    (house.state / "safe.json").write_text(json.dumps(entries))
    command = [sys.executable, "-m", "edge", "safe", "--state", str(house.state), "--sim", str(house.sim)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "light/lanes/a: off (coil 0 of device 10 on rs485)" in done.stdout
    assert coils(house)[-1] == ("cabinet-board/0", False)
