"""`village-edge watch` against a real broker."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Callable

import pytest
from fake_controller import FakeController, parsed
from support import Mosquitto, free_port, until

from edge.commands import watch

Start = Callable[..., subprocess.Popen[str]]
ON = {"state": "ON", "level": 33, "observed": "partial", "reason": "override", "by": "head"}
ON["until"] = "2099-11-21T13:15:00Z"
OPEN = {"state": "raised", "severity": "warning", "kind": "lamps-out", "device": "light/a", "text": {"en": "Two lamps"}}


def shown(broker: Mosquitto, capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    """The lines, each without its time of day."""
    assert watch.run(parsed(watch, *words, "--mqtt", f"127.0.0.1:{broker.port}")) == 0
    return [line.partition("  ")[2] for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize(
    ("leaf", "message", "line"),
    [
        ("status", "online", "nguyen-ly: online"),
        (
            "light/main-road/state", ON,
            "light/main-road: ON, level 33 until 2099-11-21 20:15 (override by head), observed partial",
        ),
        (
            "meter/cabinet-1/reading", {"quality": "good", "values": {"voltage_l1_v": 229.94, "power_w": 1432.5, "energy_kwh": 5188.85}},
            "meter/cabinet-1: power 1432.5 W, energy 5188.85 kWh, voltage l1 229.94 V",
        ),
        (
            "sensor/main-flow/reading", {"quality": "suspect", "values": {"flow_l_min": 12, "cos_phi": 0.9}},
            "sensor/main-flow: flow 12 l/min, cos phi 0.9 (suspect)",
        ),
        (
            "meter/shop/reading",
            {"quality": "suspect", "suspect": ["voltage_l1_v"], "values": {"voltage_l1_v": 171.2, "power_w": 40.0}},
            "meter/shop: power 40 W, voltage l1 171.2 V (suspect: voltage l1)",
        ),
        (
            "valve/plot-1/state",
            {"state": "OPEN", "observed": "OPEN", "reason": "program", "until": None, "by": None, "program": "morning-water",
             "run": {"id": "morning-water:2026-11-23:0", "zone": 2, "zones": 4, "planned_s": None, "done_s": 630.4,
                     "planned_l": 200, "litres": 105.04, "phase": "watering"}, "next": None, "locked": True},
            "valve/plot-1: OPEN (program morning-water), watering zone 2 of 4, 10.5 min, 105 of 200 l, locked",
        ),
        (
            "valve/plot-2/state",
            {"state": "CLOSED", "observed": "CLOSED", "reason": "queue", "run": {"phase": "queued", "planned_s": 1200, "done_s": 0},
             "detail": "pump-1 feeds 2 valves at once"},
            "valve/plot-2: CLOSED (queue: pump-1 feeds 2 valves at once), queued, 0 of 20 min",
        ),
        (
            "valve/plot-3/state", {"state": "CLOSED", "observed": "CLOSED", "reason": "default", "run": None},
            "valve/plot-3: CLOSED (default)",
        ),
        (
            "pump/pump-1/state",
            {"state": "OFF", "observed": "unknown", "reason": "safety", "detail": "the tank is empty", "valves": ["plot-1"]},
            "pump/pump-1: OFF (safety: the tank is empty), for plot-1, observed unknown",
        ),
        (
            "switch/fan/state",
            {"state": "ON", "observed": "ON", "reason": "sensor", "program": "cool", "detail": "air-1 34.1 °C"},
            "switch/fan: ON (sensor: air-1 34.1 °C)",
        ),
        ("alarm/lamps-out:light:a", OPEN, "alarm: warning raised: light/a: Two lamps"),
        ("audit", {"user": "head", "took_ms": 7, "id": None}, "audit: user head, took ms 7"),
        ("light/a/state", "no JSON", "light/a: no JSON"),
        ("light/a/state", {"state": 1, "level": "x", "until": 5, "observed": "?"}, "light/a: 1, observed ?"),
    ],
)
def test_each_kind_of_message_is_one_readable_line(
    mosquitto: Mosquitto, controller: FakeController, capsys: pytest.CaptureFixture[str],
    leaf: str, message: object, line: str,
) -> None:
    controller.say(leaf, message, retain=True)
    assert shown(mosquitto, capsys, leaf, "--count", "1") == [line]


def test_results_name_command_and_user(mosquitto: Mosquitto, controller: FakeController, started: Start) -> None:
    process = started("watch", "light/+/result", "--count", "1", "--mqtt", f"127.0.0.1:{mosquitto.port}")
    assert process.stderr is not None
    assert process.stderr.readline().startswith("watching")
    error = {"code": "expired", "message": "too late"}
    controller.say("light/main-road/state", ON)
    controller.say("light/main-road/result", {"id": "c-81", "user": "head", "outcome": "rejected", "error": error})
    out, _ = process.communicate(timeout=10)
    assert out.partition("  ")[2] == "light/main-road: rejected (expired): too late [c-81 of head]\n"


def test_json_lines_carry_what_was_sent(
    mosquitto: Mosquitto, controller: FakeController, capsys: pytest.CaptureFixture[str]
) -> None:
    controller.say("light/main-road/state", ON, retain=True)
    assert watch.run(parsed(watch, "--json", "--count", "2", "--mqtt", f"127.0.0.1:{mosquitto.port}")) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sorted(lines, key=lambda line: str(line["topic"])) == [
        {"topic": "village/nguyen-ly/light/main-road/state", "payload": ON},
        {"topic": "village/nguyen-ly/status", "payload": "online"},
    ]


def test_sites_are_named_once_there_are_two(
    mosquitto: Mosquitto, controller: FakeController, capsys: pytest.CaptureFixture[str]
) -> None:
    other = FakeController(mosquitto.port, "dong-xa")
    try:
        for each in (other, controller):
            each.say("light/a/state", {"state": "OFF"}, retain=True)
        assert "light/a: OFF" in shown(mosquitto, capsys, "light", "--count", "1", "--site", "dong-xa")[0]
        assert any("dong-xa light/a: OFF" in line for line in shown(mosquitto, capsys, "light", "--count", "2"))
    finally:
        other.leave()


@pytest.mark.slow
def test_it_outlives_the_broker_and_ends_at_ctrl_c(
    mosquitto: Mosquitto, controller: FakeController, started: Start
) -> None:
    process = started("watch", "--mqtt", f"127.0.0.1:{mosquitto.port}")
    said: list[str] = []
    assert process.stderr is not None
    reader = threading.Thread(target=lambda err=process.stderr: said.extend(iter(err.readline, "")), daemon=True)
    reader.start()
    until(lambda: said, 10, "the greeting")
    mosquitto.kill()
    until(lambda: len(said) == 2, 10, "word that the broker has gone")
    assert said[1] == f"the broker at 127.0.0.1:{mosquitto.port} has gone away: waiting for it\n"
    mosquitto.start()
    until(lambda: len(said) == 3, 15, "word that it is back")
    assert said[2] == "the broker is back\n"
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0


def test_no_broker_to_begin_with(capsys: pytest.CaptureFixture[str]) -> None:
    assert watch.run(parsed(watch, "--mqtt", f"127.0.0.1:{free_port()}")) == 2
    assert "start the broker, or name another with --mqtt" in capsys.readouterr().err


def test_a_reader_that_leaves_ends_it(mosquitto: Mosquitto, controller: FakeController, started: Start) -> None:
    process = started("watch", "--mqtt", f"127.0.0.1:{mosquitto.port}")
    assert process.stderr is not None
    assert process.stdout is not None
    process.stderr.readline()
    process.stdout.readline()
    process.stdout.close()
    controller.say("light/a/state", {"state": "OFF"})
    controller.say("light/a/state", {"state": "ON"})
    assert process.wait(10) == 0
    assert process.stderr.read() == ""
