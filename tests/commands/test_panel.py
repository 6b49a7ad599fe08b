"""`village-edge panel`: the tiles of MQTT Dash watch topics that there are, and send what the controller takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from e2e_house import CONFIG, House, Listener
from support import Mosquitto, until

from edge.cli import main
from edge.core.assembly import decoder
from edge.core.values import Command, Request
from edge.shell.app import catalogue
from edge.shell.site_file import load

READY = Path(__file__).parents[2] / "docs" / "phone-panel.json"


@pytest.fixture
def tiles() -> list[dict[str, Any]]:
    return json.loads(READY.read_text("utf-8"))


def test_the_ready_panel_is_the_examples(tmp_path: Path) -> None:
    written = tmp_path / "panel.json"
    assert main(["panel", str(CONFIG), "--user", "head", "--out", str(written)]) == 0
    assert written.read_text("utf-8") == READY.read_text("utf-8")


def test_each_tap_is_a_command_that_is_understood_and_never_retained(tiles: list[dict[str, Any]]) -> None:
    site = load(CONFIG, catalogue())
    reads = decoder(site)
    sent = 0
    for tile in tiles:
        assert tile["enablePub"] == bool(tile["topicPub"])
        assert tile["retained"] is False
        payloads = {2: ("payloadOn", "payloadOff"), 3: ("minValue", "maxValue")}.get(tile["type"], ())
        for payload in {str(tile[key]) for key in payloads}:
            raw, to = payload.encode(), tile["topicPub"]
            asked = "/ask/" in to
            understood = reads.request(to, raw, False, None, None) if asked else reads.decode(to, raw, False)
            assert isinstance(understood, Request if asked else Command), (tile["name"], understood)
            sent += 1
    assert sent >= 20


def test_a_configuration_with_errors_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad, written = tmp_path / "bad.yaml", tmp_path / "panel.json"
    bad.write_text("site: {id: Bad Id}\n")
    assert main(["panel", str(bad), "--user", "head", "--out", str(written)]) == 1
    assert "bad.yaml" in capsys.readouterr().err
    assert not written.exists()


@pytest.mark.slow
def test_every_tile_watches_what_the_controller_retains(tiles: list[dict[str, Any]], tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path)
    broker.start()
    house = House(tmp_path, broker.port)
    listener = Listener(broker.port)
    try:
        house.start_sim()
        house.start()
        watched = {tile["topic"] for tile in tiles if tile["topic"]}
        assert len(watched) >= 20
        until(lambda: watched <= listener.last.keys(), 75, "every topic of the panel")
    finally:
        house.end()
        listener.close()
        broker.stop()
