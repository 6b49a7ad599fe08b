"""mosquitto lets anybody who is let in take another's client id: nobody can guess the controller's."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from access_bench import GuardedBroker, Login, Phone, close_all, village_config
from e2e_house import House
from support import until

pytestmark = pytest.mark.slow


def test_a_viewer_cannot_throw_the_controller_out(
    folder: Path, phone: Callable[..., Phone], capsys: pytest.CaptureFixture[str]
) -> None:
    village_config(folder / "house")
    house = House(folder / "house", 0)
    broker = GuardedBroker(folder / "cabinet")
    broker.set_up("--config", str(house.config))
    broker.start()
    house._broker_port = broker.port
    try:
        house.start_sim()
        house.start()
        head = broker.pair(capsys, "--name", "Bác Tư", "--role", "head")
        viewer = broker.pair(capsys, "--name", "Cô Lan", "--role", "viewer")
        his = phone(broker, head, "village/nguyen-ly/status", "village/nguyen-ly/light/lanes/result")
        until(lambda: his.heard("village/nguyen-ly/status")[-1:] == [b"online"], 20, "the controller")
        links = controllers(broker)
        assert len(links) == 2
        posers = [pose(broker, viewer, f"village-edge-nguyen-ly{more}") for more in ("", "-telemetry")]
        his.say("village/nguyen-ly/light/lanes/set/" + head.user, json.dumps({"action": "off", "id": "c-1"}))
        until(lambda: his.heard("village/nguyen-ly/light/lanes/result"), 10, "a result")
        assert b"offline" not in his.heard("village/nguyen-ly/status")
        assert controllers(broker) == links
        house.kill("daemon")
        house.start()
        until(lambda: len(controllers(broker)) == 4, 20, "the controller's new links")
        assert set(controllers(broker)) == set(links), "a new link must end the old one and its will"
        close_all(posers)
    finally:
        house.end()
        broker.stop()


def pose(broker: GuardedBroker, login: Login, client_id: str) -> Phone:
    found = Phone(broker.port, login, client_id=client_id)
    assert not found.refused
    return found


def controllers(broker: GuardedBroker) -> list[str]:
    """The client ids under which `controller` has connected, in order."""
    lines = [line for line in broker.log.read_text("utf-8", "replace").splitlines() if "u'controller'" in line and " as " in line]
    return [line.split(" as ")[1].split()[0] for line in lines]
