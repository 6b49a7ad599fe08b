"""Alarms and requests over a real broker; a configuration that broke; a clock that nobody vouches for."""

from __future__ import annotations

import json
from collections.abc import Callable

import paho.mqtt.client as paho
import pytest
from e2e_house import BY_ITSELF, ROOT, House, Listener
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from support import Mosquitto, until

pytestmark = pytest.mark.slow
FALLBACK = f"{ROOT}/alarm/configuration-fallback:site:nguyen-ly"


def test_a_request_is_answered_where_mqtt_5_says_with_its_correlation(house: House, ear: Listener) -> None:
    told: list[tuple[str, bytes, bytes | None]] = []

    def heard(_client: object, _data: object, message: paho.MQTTMessage) -> None:
        told.append((message.topic, message.payload, getattr(message.properties, "CorrelationData", None)))

    ear.client.on_message = heard
    properties = Properties(PacketTypes.PUBLISH)
    properties.ResponseTopic = f"{ROOT}/reply/head/phone-1"
    properties.CorrelationData = b"\x01\x02"
    ear.client.publish(f"{ROOT}/ask/head/alarms", b'{"id": "r-1"}', qos=1, properties=properties)
    answer = until(lambda: next((t for t in told if t[0] == f"{ROOT}/reply/head/phone-1"), None), 3, "the answer")
    assert json.loads(answer[1]) == {"id": "r-1", "ok": True, "alarms": []}
    assert answer[2] == b"\x01\x02"


def test_a_request_is_answered_where_its_json_says(house: House, ear: Listener) -> None:
    ear.say("ask/head/alarms", {"id": "r-2", "reply_to": f"{ROOT}/reply/head/phone-1"})
    until(lambda: ear.json("reply/head/phone-1").get("ok") is True, 3, "the answer")
    ear.say("ask/head/alarms", {"id": "r-3", "reply_to": f"{ROOT}/light/main-road/set/head"})
    until(lambda: ear.json("audit").get("id") == "r-3", 3, "the refusal")
    assert ear.json("audit")["error"]["code"] == "bad-reply-to"
    assert ear.state()["reason"] in BY_ITSELF


def test_with_a_broken_configuration_the_last_good_one_runs_and_says_so_until_it_is_mended(
    house: House, ear: Listener
) -> None:
    good = house.config.read_text("utf-8")
    house.kill()
    house.config.write_text(good.replace("gpio: 17", "gpio: seventeen").replace("poll: 10s", "pol: 10s"), "utf-8")
    house.start()
    until(lambda: ear.last.get(FALLBACK), 10, "the alarm")
    alarm = json.loads(ear.last[FALLBACK])
    assert (alarm["state"], alarm["severity"]) == ("raised", "critical")
    assert "site.yaml" in alarm["text"]["vi"]
    assert "pol" in house.log.read_text("utf-8")
    assert ear.ask("OFF")["outcome"] == "done"
    house.kill()
    house.config.write_text(good, "utf-8")
    house.start()
    until(lambda: json.loads(ear.last[FALLBACK] or b"{}").get("state") == "cleared", 10, "the alarm to clear")


def test_a_broken_configuration_at_the_first_start_is_shown_whole_and_nothing_is_touched(house: House) -> None:
    good = house.config.read_text("utf-8")
    house.config.write_text(good.replace("gpio: 17", "gpio: seventeen").replace("poll: 10s", "pol: 10s"), "utf-8")
    house.start()
    assert house.daemon.wait(10) == 2
    said = house.log.read_text("utf-8")
    assert said.count("site.yaml:") >= 4
    assert house.pins() == []


def test_whether_the_clock_can_be_believed_is_told_as_it_changes(
    house: House, mosquitto: Mosquitto, listen: Callable[[], Listener]
) -> None:
    (house.sim / "clock-untrusted").touch()
    house.start()
    ear = listen()
    until(lambda: ear.json("time").get("trusted") is False, 10, "the time")
    assert ear.json("time")["source"] == "none"
    (house.sim / "clock-untrusted").unlink()
    until(lambda: ear.json("time").get("trusted") is True, 5, "trust")
