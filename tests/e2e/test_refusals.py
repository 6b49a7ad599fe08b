"""Every command that must have no effect, sent for real: over MQTT 5 and 3.1.1, live and retained."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from e2e_house import BY_ITSELF, ROOT, House, Listener
from support import Mosquitto, until

pytestmark = pytest.mark.slow
SET = "light/main-road/set/head"
ON: dict[str, Any] = {"action": "on", "level": 33}
REFUSED: list[tuple[str, bytes | dict[str, Any], str]] = [
    (SET, b"on", "bad-json"),
    (SET, b"{", "bad-json"),
    (SET, b'{"action": "on", "action": "off"}', "bad-json"),
    (SET, "ON".encode("utf-16"), "bad-json"),
    (SET, b"[" * 4000, "bad-json"),
    (SET, b'{"action": "on", "level": NaN}', "bad-value"),
    (SET, b'{"action": "on", "level": 1e999}', "bad-value"),
    (SET, b"101", "bad-value"),
    (SET, ON | {"level": "33"}, "bad-value"),
    (SET, ON | {"level": True}, "bad-value"),
    (SET, ON | {"for_s": -1}, "bad-value"),
    (SET, ON | {"colour": "red"}, "unknown-field"),
    (SET, {"action": "open"}, "bad-action"),
    (SET, b"x" * 4097, "too-large"),
    (SET, ON | {"expires_at": "2020-01-01T00:00:00Z"}, "expired"),
    ("light/nobody/set/head", b"ON", "unknown-device"),
    ("valve/plot-1/set/head", b'{"action": "open", "for_s": 3601}', "bad-value"),
    ("pump/pump-1/set/head", b"ON", "interlock"),
    ("light/main-road/set/Head", b"ON", "bad-topic"),
]


@pytest.fixture(params=["5", "3.1.1"])
def spoken(folder: Path, mosquitto: Mosquitto, request: pytest.FixtureRequest) -> Iterator[House]:
    h = House(folder, mosquitto.port, request.param)
    h.start_sim()
    yield h
    h.end()


def test_each_is_rejected_once_with_its_code_has_no_effect_and_is_audited(
    spoken: House, listen: Callable[[], Listener]
) -> None:
    ear = listen()
    ear.say(SET, b"ON", retain=True)  # waits for the daemon like an old wish
    spoken.start()
    until(lambda: ear.last.get(f"{ROOT}/status") == b"online", 10, "online")
    until(lambda: [r["error"]["code"] for r in ear.results()] == ["retained"], 5, "the retained one to be rejected")
    until(lambda: ear.last[f"{ROOT}/{SET}"] == b"", 5, "it to be cleared")
    before = {m["pin"]: m["level"] for m in spoken.pins()}
    state = ear.state()
    for topic, payload, code in REFUSED:
        target = topic.rsplit("/", 2)[0]
        result = ear.ask_at(topic, payload, target)
        assert (result["outcome"], result["error"]["code"]) == ("rejected", code), payload
    assert ear.ask(ON | {"id": "once"})["outcome"] == "done"
    ear.ask("AUTO")
    until(lambda: ear.state()["reason"] in BY_ITSELF, 2, "the program")
    assert ear.ask(ON | {"id": "once"})["error"]["code"] == "repeated"
    assert {m["pin"]: m["level"] for m in spoken.pins()} == before
    assert {k: v for k, v in ear.state().items() if k != "since"} == {k: v for k, v in state.items() if k != "since"}
    audits = 1 + len(REFUSED) + 3
    until(lambda: sum(topic == f"{ROOT}/audit" for topic, _, _ in ear.messages) == audits, 5, f"{audits} lines of audit")
    assert spoken.alive()


def test_a_command_published_with_the_retain_flag_while_we_listen_is_seen_under_mqtt_5(house: House, ear: Listener) -> None:
    for word in ("33", "OFF"):
        result = ear.ask(word, retain=True)
        assert result["error"]["code"] == "retained"
    until(lambda: ear.last[f"{ROOT}/{SET}"] == b"", 5, "it to be cleared")
    assert ear.state()["reason"] in BY_ITSELF


def test_a_flood_of_commands_leaves_off_working(house: House, ear: Listener) -> None:
    for n in range(500):
        ear.client.publish(f"{ROOT}/{SET}", b"33" if n % 2 else b"0", qos=1)
    assert ear.ask({"action": "off", "id": "last"}) is not None
    until(lambda: any(r["id"] == "last" and r["outcome"] == "done" for r in ear.results()), 5, "OFF to be done")
    until(lambda: len(ear.results()) >= 501, 10, "every command to be answered")
    assert house.lit() == ""
    assert sum(m["pin"] == 17 for m in house.pins()) <= 1 + 20 + 20  # 20 a minute, and an OFF after each at the most
