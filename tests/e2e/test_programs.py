"""Programs changed over a real broker at the real daemon, by a phone and by the command line."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from e2e_house import ROOT, House, Listener
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from support import Mosquitto, until

pytestmark = pytest.mark.slow
ID = "evening-off"  # what both lights of this house follow; it keeps them dark
LIT = {"kind": "light", "steps": [{"at": "12:00", "level": 33}]}
BAD = """kind: light
steps:
  - {at: 22h30, level: 33}
  - {at: sunset, level: 101}
calender: []
"""


def ask(ear: Listener, name: str, **fields: Any) -> dict[str, Any]:
    """The answer to a request whose JSON says where it goes."""
    asked = f"r-{len(ear.messages)}-{name}"
    ear.say(f"ask/head/{name}", {"id": asked, "reply_to": f"{ROOT}/reply/head/phone-1"} | fields)
    return until(lambda: found if (found := ear.json("reply/head/phone-1")).get("id") == asked else None, 3, f"{name}'s answer")


def rev(ear: Listener) -> int:
    return next(p["rev"] for p in ear.json("about")["programs"] if p["id"] == ID)


def test_a_program_is_changed_without_a_restart_audited_and_there_after_a_kill(house: House, ear: Listener) -> None:
    found = next(p for p in ask(ear, "programs")["programs"] if p["program"] == ID)
    assert (found["rev"], found["by"], found["body"]) == (1, None, {"kind": "light", "steps": [{"at": "22:00", "level": 0}]})
    assert (ear.state()["level"], house.lit()) == (0, "")
    began = time.monotonic()
    ear.say("ask/head/program-put", {"id": "r-1", "reply_to": f"{ROOT}/reply/head/phone-1", "program": ID, "rev": 1, "body": LIT})
    until(lambda: ear.state()["level"] == 33 and len(house.lit()) == 1, 1, "the street to be lit")
    until(lambda: rev(ear) == 2, 1, "about")
    assert time.monotonic() - began < 1
    answer = until(lambda: a if (a := ear.json("reply/head/phone-1")).get("id") == "r-1" else None, 3, "the answer")
    house.kill()  # at once: what is answered is stored
    assert answer == {"id": "r-1", "ok": True, "program": ID, "rev": 2, "stored": True}
    audit = ear.json("audit")
    assert (audit["user"], audit["request"], audit["program"], audit["rev"], audit["was"]) == ("head", "program-put", ID, 2, {"rev": 1})
    assert audit["changed"] == {"steps[0].at": ["22:00", "12:00"], "steps[0].level": [0, 33]}
    ear.last.clear()
    house.start()
    until(lambda: ear.last.get(f"{ROOT}/status") == b"online", 10, "online again")
    assert (rev(ear), ear.state()["level"], ear.state()["reason"]) == (2, 33, "program")
    kept = next(p for p in ask(ear, "programs")["programs"] if p["program"] == ID)
    assert (kept["rev"], kept["by"], kept["body"]) == (2, "head", LIT)
    assert ask(ear, "program-put", program=ID, rev=1, body=LIT)["error"]["code"] == "conflict"
    assert ask(ear, "program-put", program="lanes", rev=9, body=LIT)["error"] == {
        "code": "conflict", "message": "lanes has rev 1, not 9: read it again, and change that", "rev": 1,
    }
    refused = ask(ear, "program-put", program=ID, rev=2, body=LIT | {"calender": [], "steps": [{"at": "22h30", "level": 101}]})
    assert refused["error"]["code"] == "bad-program"
    assert [flaw["path"] for flaw in refused["error"]["flaws"]] == ["steps[0].at", "steps[0].level", "calender"]
    assert (rev(ear), ear.state()["level"]) == (2, 33)


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_put_is_answered_where_each_mqtt_says(
    folder: Path, mosquitto: Mosquitto, listen: Callable[[], Listener], protocol: str
) -> None:
    house = House(folder, mosquitto.port, protocol)
    house.start_sim()
    house.start()
    ear = listen()
    until(lambda: ear.last.get(f"{ROOT}/status") == b"online", 10, "online")
    told: list[tuple[bytes, bytes | None]] = []

    def heard(_client: object, _data: object, message: paho.MQTTMessage) -> None:
        if message.topic == f"{ROOT}/reply/head/phone-1":
            told.append((message.payload, getattr(message.properties, "CorrelationData", None)))

    try:
        ear.client.on_message = heard
        put: dict[str, Any] = {"id": "r-1", "program": ID, "rev": 1, "body": LIT}
        properties = Properties(PacketTypes.PUBLISH)
        if protocol == "5":
            properties.ResponseTopic, properties.CorrelationData = f"{ROOT}/reply/head/phone-1", b"\x01\x02"
        else:
            put["reply_to"] = f"{ROOT}/reply/head/phone-1"
        ear.client.publish(f"{ROOT}/ask/head/program-put", json.dumps(put), qos=1, properties=properties)
        payload, correlation = until(lambda: told, 3, "the answer")[0]
        assert json.loads(payload) == {"id": "r-1", "ok": True, "program": ID, "rev": 2, "stored": True}
        assert correlation == (b"\x01\x02" if protocol == "5" else None)
    finally:
        house.end()


def test_the_command_line_lists_compares_puts_and_puts_back(house: House, ear: Listener, mosquitto: Mosquitto, folder: Path) -> None:
    def edge(*words: str, typed: str = "") -> tuple[int, str, str]:
        where = ["--config", str(house.config), "--mqtt", f"127.0.0.1:{mosquitto.port}", "--user", "tho"]
        done = subprocess.run(
            [sys.executable, "-m", "edge", "programs", *where, *words], input=typed, capture_output=True, text=True, timeout=20, check=False
        )
        return done.returncode, done.stdout, done.stderr

    lit, bad, former = folder / "lit.yaml", folder / "bad.yaml", folder / "former.yaml"
    bad.write_text(BAD)
    status, _, said = edge("--put", str(bad), ID)
    assert status == 1
    assert [line.split(": ")[0] for line in said.splitlines()] == [f"{bad}:3:10", f"{bad}:4:25", f"{bad}:5:1"]
    assert edge("--diff") == (0, f"every program: as in {house.config}\n", "")

    status, shown, _ = edge("--show", ID)
    assert (status, shown.splitlines()[1:]) == (0, ["kind: light", "steps:", '  - {at: "22:00", level: 0}'])
    lit.write_text(shown.replace("22:00", "12:00").replace("level: 0", "level: 33"))
    status, said, _ = edge("--put", str(lit), ID, "--rev", "1", "--save", str(former))
    assert (status, said) == (0, f"{ID} put: rev 2, it had 1\nundo: village-edge programs --config {house.config} --put {former} {ID}\n")
    until(lambda: ear.state()["level"] == 33, 1, "the street to be lit")
    assert edge("--put", str(lit), ID)[1] == f"{ID} is so already: rev 2\n"
    status, _, said = edge("--put", str(former), ID, "--rev", "1")
    assert (status, "refused (conflict)" in said) == (1, True)

    status, listed, _ = edge()
    row = next(line for line in listed.splitlines() if line.startswith(f"{ID} "))
    assert (status, row.split()[1:5]) == (0, ["light", "2", "by", "tho,"])
    assert row.split()[-3:] == ["light/main-road,", "light/lanes,", "light/culture-house"]
    assert f"{ID} differs from {house.config}; see --diff {ID}" in listed
    status, diff, _ = edge("--diff", ID)
    assert (status, diff.splitlines()[-2:]) == (1, ['-  - {at: "22:00", level: 0}', '+  - {at: "12:00", level: 33}'])

    status, _, said = edge("--reset", ID, typed="n\n")
    assert (status, said) == (1, "nothing was changed\n")
    status, said, _ = edge("--reset", ID, typed="y\n")
    assert status == 0
    assert f"{ID} put back: rev 3, it had 2" in said
    assert said.endswith('kind: light\nsteps:\n  - {at: "12:00", level: 33}\n')
    until(lambda: ear.state()["level"] == 0 and rev(ear) == 3, 1, "the street to be dark")
    assert edge("--diff")[0] == 0
    assert edge("--reset", ID, "--yes") == (0, f"{ID} is as in {house.config}: nothing to put back\n", "")
    house.kill()
    status, _, said = edge("--timeout", "1s")
    assert status == 2
    assert "offline" in said
