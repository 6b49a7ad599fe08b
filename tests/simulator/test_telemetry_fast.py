"""Telemetry of the whole example village in virtual time: three days offline, and brokers that will not take all."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.core.delivery import ROWS, WINDOW
from edge.shell.app import catalogue
from edge.shell.site_file import load
from simulator.client_double import ClientDouble
from simulator.fast import Fast
from simulator.fault_fast import FastStage
from simulator.faults import Faults, read

pytestmark = pytest.mark.slow
VILLAGE = Path(__file__).parents[2] / "config" / "nguyen-ly.yaml"
START = 1_795_258_000.0
DAY_S = 86400.0


class House(Fast):
    """The village, somebody who hears its telemetry, and what can go wrong."""

    def __init__(self, state: Path, protocol: str = "5") -> None:
        models = catalogue()
        site = load(VILLAGE, models)
        site = site.model_copy(update={"mqtt": site.mqtt.model_copy(update={"protocol": protocol})})
        super().__init__(site, models, START, 1, poll_s=60.0, state=state)
        self.history = state / "history.db"
        self.messages: list[tuple[float, dict[str, Any]]] = []
        self.faults = Faults(FastStage(self))
        district = ClientDouble(self.broker, "district")
        district.reconnect_delay_set(1, 1)
        district.on_connect = lambda client, *_: client.subscribe([(f"{self.root}/telemetry", 1)])
        district.on_message = lambda _c, _d, told: self.messages.append((self.time.mono(), json.loads(told.payload)))
        district.connect_async("127.0.0.1")
        district.loop_start()
        self.advance(1)
        self._early = set(self._on_disk())  # sent before anybody listened

    def sequences(self) -> list[int]:
        return [row[0] for _, message in self.messages for row in message["rows"]]

    def kept(self) -> list[int]:
        """What the history has on the disk, but for what nobody can have heard."""
        return [sequence for sequence in self._on_disk() if sequence not in self._early]

    def _on_disk(self) -> list[int]:
        with sqlite3.connect(f"file:{self.history}?mode=ro", uri=True) as db:
            found = [sequence for (sequence,) in db.execute("SELECT sequence FROM rows ORDER BY sequence")]
        db.close()
        return found

    def alarms(self) -> dict[str, str]:
        """The open alarms that the broker retains: kind -> text."""
        told = [json.loads(m.payload) for t, m in self.broker.retained.items() if t.startswith(f"{self.root}/alarm/")]
        return {alarm["kind"]: alarm["text"]["en"] for alarm in told if alarm["state"] == "raised"}

    def trouble(self, name: str, for_s: float, **more: object) -> None:
        """A fault for so long; then let it be over."""
        self.faults.inject(read({"fault": name, "for": f"{for_s:g}s", **more}))
        self.advance(for_s)


@pytest.fixture(params=["5"])
def house(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[House]:
    made = House(tmp_path, request.param)
    yield made
    made.close()


BOTH = pytest.mark.parametrize("house", ["5", "3.1.1"], indirect=True)


def test_three_days_offline_cost_no_row_no_order_and_no_wait_for_the_live_ones(house: House) -> None:
    house.advance(3600)
    house.trouble("broker-away", 3 * DAY_S)
    back, heard = house.time.mono(), len(house.messages)
    house.advance(300)
    new = house.messages[heard:]
    first_live = next(at for at, message in new if message["lane"] == "live")
    assert first_live - back <= 5.0
    kept, sequences = house.kept(), house.sequences()
    assert len(kept) > 15_000
    assert kept[-1] - max(sequences) < 20  # the open group
    assert set(sequences) == {n for n in kept if n <= max(sequences)}
    assert len(sequences) - len(set(sequences)) <= WINDOW * ROWS
    assert {message["dropped"] for _, message in new} == {0}
    last: dict[tuple[str, str], int] = defaultdict(int)
    for _, message in new:
        for sequence, _, device, *_ in message["rows"]:
            assert sequence > last[device, message["lane"]]
            last[device, message["lane"]] = sequence
    rates: dict[int, int] = defaultdict(int)
    for at, message in new:
        rates[int(at)] += len(message["rows"]) if message["lane"] == "backlog" else 0
    assert max(rates.values()) <= 2000 + 400 + ROWS


@BOTH
def test_a_broker_that_takes_no_telemetry_gets_everything_else_and_all_rows_later(house: House) -> None:
    house.advance(600)
    house.trouble("broker-denies", 1800.0, topic="telemetry")
    denied = house.alarms()
    light = json.loads(house.broker.retained[f"{house.root}/light/main-road/state"].payload)
    assert light["state"] in ("ON", "OFF")
    assert house.broker.retained[f"{house.root}/status"].payload == b"online"
    house.advance(300)
    if house.site.mqtt.protocol == "5":
        assert denied == {"sink-refused": f"MQTT refuses the readings: {house.root}/telemetry: Not authorized"}
        assert set(house.kept()[:-30]) <= set(house.sequences())
    else:
        assert denied == {}  # 3.1.1 says that all is well
    assert house.alarms() == {}


@BOTH
def test_a_broker_that_limits_the_size_is_told_what_fits_and_the_alarm_says_what_does_not(house: House) -> None:
    house.advance(600)
    house.trouble("broker-away", DAY_S / 4)  # so that there are messages of many rows
    house.faults.inject(read({"fault": "broker-limits", "bytes": 1500}))
    house.broker.drop()
    house.advance(900)
    assert set(house.kept()[:-30]) <= set(house.sequences())
    assert list(house.alarms()) == ["message-refused"]
    assert f"{house.root}/about: " in house.alarms()["message-refused"]
    assert house.broker.retained[f"{house.root}/status"].payload == b"online"
    before = len(house.broker.retained[f"{house.root}/meter/cabinet-1/reading"].payload)
    assert before > 100
    house.send(f"{house.root}/light/main-road/set/head", "33")
    house.advance(5)
    assert json.loads(house.broker.retained[f"{house.root}/light/main-road/state"].payload)["by"] == "head"
    house.faults.clear_all()
    house.broker.drop()
    house.advance(60)
    assert house.alarms() == {}
    assert f"{house.root}/about" in house.broker.retained


def test_a_refused_topic_of_the_controllers_own_is_told_with_its_name(house: House) -> None:
    house.advance(60)
    house.faults.inject(read({"fault": "broker-denies", "topic": "about"}))
    house.broker.drop()
    house.advance(60)
    assert house.alarms() == {
        "message-refused": f"The broker does not take some messages: {house.root}/about: Not authorized"
    }
    house.faults.clear_all()
    house.broker.drop()
    house.advance(60)
    assert house.alarms() == {}


@BOTH
def test_a_mute_broker_costs_no_row(house: House) -> None:
    house.advance(600)
    house.trouble("broker-mute", 7200.0)
    house.advance(400)
    assert set(house.kept()[:-30]) <= set(house.sequences())
    assert house.alarms() == {}


def test_a_district_that_asks_gets_rows_once_more(house: House) -> None:
    house.advance(3600)
    heard = len(house.messages)
    first, last = house.kept()[0], house.kept()[99]
    answer_to = f"{house.root}/reply/district/1"
    house.send(f"{house.root}/ask/district/replay", {"id": "r-1", "from": first, "to": last, "reply_to": answer_to})
    house.advance(30)
    again = [row[0] for _, m in house.messages[heard:] if m["lane"] == "replay" for row in m["rows"]]
    assert again == house.kept()[:100]
