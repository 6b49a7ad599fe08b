"""What was kept is asked for over a real broker at the real daemon, by a phone and by the command line."""

from __future__ import annotations

import csv
import datetime as dt
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from e2e_house import CONFIG, ROOT, House, Listener
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from support import Mosquitto, until

pytestmark = pytest.mark.slow
REPLY = f"{ROOT}/reply/head/phone-1"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The example with devices that are recorded every second, and a history that is written as often."""
    quick = CONFIG.read_text("utf-8").replace("poll: 10s", "poll: 1s").replace("record: 60s", "record: 1s")
    path = tmp_path / "quick.yaml"
    path.write_text(f"{quick}\nhistory: {{commit: 1s}}\n", "utf-8")
    return path


def stamp(hours: float) -> str:
    """So many hours from now."""
    return dt.datetime.fromtimestamp(time.time() + hours * 3600, dt.UTC).isoformat()


def around() -> dict[str, str]:
    return {"from": stamp(-1), "to": stamp(1)}


def ask(ear: Listener, name: str, **fields: Any) -> dict[str, Any]:
    """The answer to a request whose JSON says where it goes."""
    asked = f"r-{len(ear.messages)}-{name}"
    ear.say(f"ask/head/{name}", {"id": asked, "reply_to": REPLY} | fields)
    return until(lambda: found if (found := ear.json("reply/head/phone-1")).get("id") == asked else None, 5, f"{name}'s answer")


POWER = {"device": "meter/culture-house", "quantity": "power_w", "step": 1}


def kept(ear: Listener) -> list[list[float]]:
    """What the history says of the culture house's power, once it says something."""
    return until(lambda: ask(ear, "history", **POWER, **minutes())["points"], 15, "a row on the card")


def minutes() -> dict[str, str]:
    return {"from": stamp(-0.1), "to": stamp(0.05)}


def test_what_was_kept_is_told_and_what_cannot_be_met_is_refused(house: House, ear: Listener) -> None:
    at, least, mean, most = kept(ear)[-1]
    assert least <= mean <= most
    assert abs(at / 1000 - time.time()) < 30
    said = ask(ear, "history", **POWER, **minutes())
    assert (said["ok"], said["device"], said["quantity"], said["unit"], said["step_s"]) == (True, "meter/culture-house", "power_w", "W", 1)
    shown = ear.json("meter/culture-house/reading")["values"]["power_w"]
    assert abs(most - shown) < 200

    energy = ask(ear, "energy", meter="cabinet-1", period="hour", **around())
    assert (energy["meter"], energy["period"], energy["tariff"], energy["currency"]) == ("cabinet-1", "hour", "public-lighting", "VND")
    assert len(energy["periods"]) == 3
    assert energy["periods"][1]["kwh"] >= 0
    assert energy["periods"][1]["complete"] is False
    assert "bill" not in energy["periods"][1]

    ear.ask({"action": "on", "id": "c-1"})
    entries = until(lambda: ask(ear, "audit", device="light/main-road", **around())["entries"], 5, "the audit on the card")
    assert (entries[0]["user"], entries[0]["id"], entries[0]["outcome"], entries[0]["action"]) == ("head", "c-1", "accepted", "on")
    assert {e["device"] for e in entries} == {"light/main-road"}

    bus = ask(ear, "bus")
    devices = {one["device"]: one for port in bus["ports"] for one in port["devices"]}
    assert (bus["ok"], bus["hour"], {port["gone"] for port in bus["ports"]}) == (True, None, {False})
    assert abs(dt.datetime.fromisoformat(bus["since"]).timestamp() - time.time()) < 60
    heard = devices["meter/culture-house"]
    assert 0 < heard["good"] <= heard["exchanges"] == sum(heard[name] for name in ("good", "no_answer", "checksum", "other"))
    assert 0 < heard["mean_ms"] <= heard["slowest_ms"] < 1000

    for name, fields, code in (
        ("bus", {"port": "rs485-1"}, "unknown-field"),
        ("history", POWER | {"device": "meter/culture"} | minutes(), "unknown-device"),
        ("history", POWER | {"step": 1} | {"from": stamp(-9), "to": stamp(0)}, "bad-value"),
        ("history", POWER | minutes() | {"days": 3}, "unknown-field"),
        ("energy", {"meter": "main-road", "period": "day"} | around(), "unknown-device"),
        ("energy", {"meter": "cabinet-1", "period": "year"} | around(), "bad-value"),
        ("energy", {"meter": "cabinet-1", "period": "day", "step": 1} | around(), "unknown-field"),
        ("audit", {"device": "light/moon"} | around(), "unknown-device"),
        ("audit", {"from": stamp(1), "to": stamp(0)}, "bad-value"),
        ("audit", {"user": "head"} | around(), "unknown-field"),
        ("replay", {"from": 5, "to": 1}, "bad-value"),
        ("replay", {"from": 1, "to": 5, "device": "meter/cabinet-1"}, "unknown-field"),
        ("bill-put", {"meter": "cabinet-9", "from": "2026-10", "kwh": 1}, "unknown-device"),
        ("bill-put", {"meter": "cabinet-1", "from": "2026-10", "kwh": -1}, "bad-value"),
        ("bill-put", {"meter": "cabinet-1", "from": "2026-10", "kwh": 1, "rev": 1}, "unknown-field"),
    ):
        refused = ask(ear, name, **fields)
        assert (refused["ok"], refused["error"]["code"]) == (False, code), name
        assert refused["error"]["message"]
    rejected = [e for t, p, _ in ear.messages if t == f"{ROOT}/audit" and (e := json.loads(p)).get("outcome") == "rejected"]
    assert [e["request"] for e in rejected] == ["replay"] * 2 + ["bill-put"] * 3


def test_a_bill_is_stored_before_it_is_answered_and_stands_beside_the_energy_after_a_kill(house: House, ear: Listener) -> None:
    kept(ear)
    billing = {"meter": "cabinet-1", "period": "billing", "from": stamp(-24 * 100), "to": stamp(0)}
    first = ask(ear, "energy", **billing)["periods"][1]
    day = dt.datetime.fromisoformat(first["from"]).astimezone(dt.timezone(dt.timedelta(hours=7))).date().isoformat()
    ear.say("ask/head/bill-put", {"id": "r-b", "reply_to": REPLY, "meter": "cabinet-1", "from": day, "kwh": 512, "amount": 1234567})
    answer = until(lambda: a if (a := ear.json("reply/head/phone-1")).get("id") == "r-b" else None, 5, "the answer")
    house.kill()  # at once: what is answered is stored
    assert answer == {
        "id": "r-b", "ok": True, "meter": "cabinet-1", "from": day, "bill": {"kwh": 512.0, "amount": 1234567.0}, "was": None, "stored": True,
    }
    audit = ear.json("audit")
    assert (audit["user"], audit["device"], audit["request"], audit["from"], audit["was"]) == ("head", "meter/cabinet-1", "bill-put", day, None)
    ear.last.clear()
    house.start()
    until(lambda: ear.last.get(f"{ROOT}/status") == b"online", 10, "online again")
    again = ask(ear, "energy", **billing)["periods"][1]
    assert again["bill"] == {"kwh": 512.0, "amount": 1234567.0}
    assert again["difference"] is None  # nothing was measured then
    gone = ask(ear, "bill-put", meter="cabinet-1", **{"from": day, "kwh": None, "amount": None})
    assert (gone["bill"], gone["was"]) == (None, {"kwh": 512.0, "amount": 1234567.0})


def test_rows_are_sent_once_more_to_whoever_listens_to_the_telemetry(house: House, ear: Listener) -> None:
    kept(ear)

    def rows(lane: str) -> dict[int, list[Any]]:
        told = [json.loads(p) for t, p, _ in ear.messages if t == f"{ROOT}/telemetry"]
        return {row[0]: row for batch in told if batch["lane"] == lane for row in batch["rows"]}

    first = min(until(lambda: rows("live"), 10, "telemetry"))
    last = until(lambda: max(rows("live")) if max(rows("live")) > first + 2 else None, 10, "three rows")
    said = ask(ear, "replay", **{"from": first, "to": last})
    assert (said["ok"], said["from"], said["to"]) == (True, first, last)
    until(lambda: len(rows("replay")) == said["rows"], 10, "the rows again")
    assert {n: row for n, row in rows("live").items() if n <= last} == rows("replay")
    audit = next(json.loads(p) for t, p, _ in reversed(ear.messages) if t == f"{ROOT}/audit")
    assert (audit["request"], audit["outcome"], audit["from"], audit["to"]) == ("replay", "accepted", first, last)


def test_mqtt_5_says_where_the_answer_goes_and_what_it_is_to(house: House, ear: Listener) -> None:
    kept(ear)
    told: list[tuple[str, bytes, bytes | None]] = []

    def heard(_client: object, _data: object, message: paho.MQTTMessage) -> None:
        told.append((message.topic, message.payload, getattr(message.properties, "CorrelationData", None)))

    ear.client.on_message = heard
    for n, (name, fields) in enumerate(
        (("history", POWER | minutes()), ("energy", {"meter": "cabinet-1", "period": "day"} | around()), ("audit", around()))
    ):
        properties = Properties(PacketTypes.PUBLISH)
        properties.ResponseTopic, properties.CorrelationData = f"{REPLY}/{n}", bytes([n, 255])
        ear.client.publish(f"{ROOT}/ask/head/{name}", json.dumps(fields), qos=1, properties=properties)

        def answered(to: str = f"{REPLY}/{n}") -> tuple[bytes, bytes | None] | None:
            return next(((payload, with_) for topic, payload, with_ in told if topic == to), None)

        payload, correlation = until(answered, 5, f"{name}'s answer")
        assert correlation == bytes([n, 255])
        assert (json.loads(payload)["id"], json.loads(payload)["ok"]) == (None, True)


def test_a_history_that_cannot_be_read_costs_an_answer_and_nothing_else(house: House, listen: Any) -> None:
    (house.state / "history.db").mkdir(parents=True)
    house.start()
    ear = listen()
    until(lambda: ear.last.get(f"{ROOT}/status") == b"online", 10, "online")
    for name, fields in (("history", POWER | minutes()), ("energy", {"meter": "cabinet-1", "period": "day"} | around())):
        refused = ask(ear, name, **fields)
        assert (refused["ok"], refused["error"]["code"]) == (False, "no-history")
    assert ask(ear, "audit", **around())["ok"] is True
    assert ear.ask("ON", "light/culture-house")["outcome"] == "done"


def test_the_commands_of_bill_report_and_export(house: House, ear: Listener, mosquitto: Mosquitto, tmp_path: Path) -> None:
    def edge(*words: str) -> tuple[int, str, str]:
        done = subprocess.run([sys.executable, "-m", "edge", *words], capture_output=True, text=True, timeout=30, check=False)
        return done.returncode, done.stdout, done.stderr

    kept(ear)
    at = ["--mqtt", f"127.0.0.1:{mosquitto.port}", "--user", "head"]
    status, said, _ = edge("bill", *at, "--meter", "cabinet-1", "--month", "2026-01", "--kwh", "512")
    assert (status, said.splitlines()[0]) == (0, "cabinet-1, 2026-01-15 to 2026-02-14: the bill says 512.0 kWh")
    month = f"{dt.datetime.fromtimestamp(time.time() + 7 * 3600, dt.UTC):%Y-%m}"
    status, said, err = edge("report", *at, "--month", month, "--out", str(tmp_path))
    assert (status, said.split()) == (0, [str(tmp_path / f"nguyen-ly-{month}.html"), str(tmp_path / f"nguyen-ly-{month}.csv")]), err
    rows = list(csv.reader((tmp_path / f"nguyen-ly-{month}.csv").read_text("utf-8-sig").splitlines(), delimiter=";"))
    assert {row[1] for row in rows[1:]} == {"Tủ điện 1", "Nhà văn hóa", "Trạm bơm"}
    status, said, err = edge("export", "--state", str(house.state), "--rows", "--device", "meter/culture-house")
    lines = said.removeprefix("\ufeff").splitlines()
    assert (status, err) == (0, "")
    assert lines[0].split(";")[:5] == ["Thời điểm", "Thiết bị", "Tên", "Chất lượng", "Đời"]
    assert lines[1].split(";")[1:3] == ["meter/culture-house", "Nhà văn hóa"]
