"""`village-edge ack` against a real broker, the core's own alarms, and a desk that answers for them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fake_controller import FakeController, parsed
from support import Mosquitto, free_port

from edge.commands import ack
from edge.core.alarms import Alarms
from edge.core.topics import Topics
from edge.core.values import Moment

Said = pytest.CaptureFixture[str]
METER, DOOR = "device-silent:meter:cabinet-1", "door-open:input:cabinet-door"
NAMES = {"meter/cabinet-1": "Tủ điện 1", "input/cabinet-door": "cabinet-door"}


def at(seconds: float) -> Moment:
    return Moment(1795258005.0 + seconds, seconds, "boot", True)  # 2026-11-21 17:46:45 in the village


@pytest.fixture
def alarms(controller: FakeController) -> Alarms:
    """Two alarms, of which the door's is over."""
    found = Alarms(NAMES, Topics("nguyen-ly"), {})
    found.start(at(0))
    for kind, device in (("device-silent", "meter/cabinet-1"), ("door-open", "input/cabinet-door")):
        found.state(kind, device, True, at(0), {"why": "no answer"})
        found.step(at(40))
    found.state("door-open", "input/cabinet-door", False, at(60))
    found.step(at(90))

    def answer(_: FakeController, topic: str, request: dict[str, Any]) -> None:
        _, user, name = topic.split("/")
        if name == "alarm-ack":
            assert found.acknowledge(request["alarm"], user) is not None
        payload = {"id": request["id"], "ok": True, "alarms": found.listed()}
        controller.say_later(request["reply_to"].removeprefix("village/nguyen-ly/"), payload)

    controller.answer = answer
    return found


def typed(broker: Mosquitto, *words: str) -> int:
    return ack.run(parsed(ack, "--user", "head", *words, "--mqtt", f"127.0.0.1:{broker.port}"))


def test_it_lists_what_is_open(mosquitto: Mosquitto, alarms: Alarms, capsys: Said) -> None:
    assert typed(mosquitto) == 0
    assert capsys.readouterr().out.splitlines() == [
        "since            severity state   alarm                          what",
        "2026-11-21 17:47 warning  raised  device-silent:meter:cabinet-1  Tủ điện 1 does not answer",
        "2026-11-21 17:47 warning  cleared door-open:input:cabinet-door   The cabinet's door is open (cabinet-door)",
    ]
    assert typed(mosquitto, "--json") == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == alarms.listed()


def test_one_that_is_known_stays_until_it_is_over(mosquitto: Mosquitto, alarms: Alarms, capsys: Said) -> None:
    assert typed(mosquitto, METER) == 0
    assert capsys.readouterr().out == f"{METER}: acknowledged; it is gone when it is over\n"
    assert typed(mosquitto) == 0
    assert "Tủ điện 1 does not answer (acknowledged by head)" in capsys.readouterr().out
    assert typed(mosquitto, DOOR) == 0
    assert capsys.readouterr().out == f"{DOOR}: acknowledged, and gone\n"


def test_what_is_not_open_cannot_be_acknowledged(mosquitto: Mosquitto, alarms: Alarms, capsys: Said) -> None:
    assert typed(mosquitto, "device-silent:meter:cabinet-9") == 1
    assert capsys.readouterr().err == f"no alarm device-silent:meter:cabinet-9 is open; open: {METER}, {DOOR}\n"
    assert all(alarm["acknowledged_by"] is None for alarm in alarms.listed())


def test_nothing_open_nobody_answering_and_no_broker_are_told(
    mosquitto: Mosquitto, controller: FakeController, capsys: Said
) -> None:
    assert typed(mosquitto, "--timeout", "0.3s") == 2
    assert "may head ask on this broker?" in capsys.readouterr().err
    controller.answer = lambda _, topic, request: controller.say_later(
        request["reply_to"].removeprefix("village/nguyen-ly/"), {"id": request["id"], "ok": True, "alarms": []}
    )
    assert typed(mosquitto) == 0
    assert capsys.readouterr().out == "no alarm is open\n"
    assert ack.run(parsed(ack, "--mqtt", f"127.0.0.1:{free_port()}")) == 2
    assert "start the broker, or name another" in capsys.readouterr().err
