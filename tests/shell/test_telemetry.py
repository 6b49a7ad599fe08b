"""Telemetry over a real broker: every row once, live rows first, and what the broker refuses harms no other row."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from history_rows import NOON_MS
from support import Mosquitto, free_port, until
from telemetry_rig import TOPIC, District, Rig, readings

Make = Callable[..., Rig]


@pytest.fixture(params=["5", "3.1.1"])
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Make]:
    made: list[Rig] = []

    def make(port: int, protocol: str = "5", **more: object) -> Rig:
        folder = tmp_path / f"state-{len(made)}"
        folder.mkdir()
        made.append(Rig(folder, port, protocol, **more))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Callable[[str], Mosquitto]]:
    made: list[Mosquitto] = []

    def make(extra: str) -> Mosquitto:
        folder = tmp_path / f"broker-{len(made)}"
        folder.mkdir()
        made.append(Mosquitto(folder, f"user root\n{extra}"))  # who may read this folder
        made[-1].start()
        return made[-1]

    yield make
    for one in made:
        one.stop()


def test_rows_go_as_the_contract_says_live_before_backlog(rig: Make, mosquitto: Mosquitto, protocol: str) -> None:
    one = rig(mosquitto.port, protocol)
    now_ms = int(1000 * time.time())
    one.keeper.commit(readings(200), at_ms=now_ms - 7_200_000, every_ms=1000)
    one.keeper.commit([("meter/cabinet-1", {"power_w": 1432.5, "energy_kwh": 5188.85, "voltage_v": None})], at_ms=now_ms)
    district = District(mosquitto.port)
    one.start()
    until(one.keeper.settled, 10, "every acknowledgement")
    until(lambda: len(district.rows) == 201, 5, "every row")
    assert district.rows[0] == (201, now_ms, "meter/cabinet-1", {"power_w": 1432.5, "energy_kwh": 5188.85}, 0, 1)
    assert district.messages[0] == {"rows": [list(district.rows[0])], "lane": "live", "dropped": 0}
    assert district.sequences()[1:] == list(range(1, 201))
    assert {m["lane"] for m in district.messages[1:]} == {"backlog"}
    one.keeper.commit(readings(1), at_ms=now_ms)
    until(lambda: len(district.rows) == 202, 5, "the next row")
    assert district.messages[-1]["lane"] == "live"
    district.close()


def test_a_replay_is_counted_and_comes_in_its_own_lane(rig: Make, mosquitto: Mosquitto) -> None:
    one = rig(mosquitto.port)
    one.keeper.commit(readings(300))
    district = District(mosquitto.port)
    one.start()
    until(one.keeper.settled, 10, "every acknowledgement")
    assert one.worker.replay(101, 250) == 150
    assert one.worker.replay(290, 10**9) == 11
    assert one.worker.replay(500, 600) == 0
    until(lambda: len(district.rows) == 461, 10, "the rows once more")
    again = [row[0] for m in district.messages if m["lane"] == "replay" for row in m["rows"]]
    assert again == [*range(101, 251), *range(290, 301)]
    district.close()


def test_without_a_history_there_is_nothing_to_replay(rig: Make) -> None:
    one = rig(free_port())
    one.keeper.file.path.unlink()
    with pytest.raises(sqlite3.OperationalError):
        one.worker.replay(1, 5)


@pytest.mark.slow
def test_a_broker_that_limits_the_size_gets_smaller_messages_and_never_the_row_that_is_too_large(
    rig: Make, broker: Callable[[str], Mosquitto], protocol: str
) -> None:
    small = broker("max_packet_size 2000")
    one = rig(small.port, protocol)
    one.keeper.commit(readings(400), at_ms=NOON_MS)
    one.keeper.commit(readings(1, width=200), at_ms=NOON_MS)
    one.keeper.commit(readings(300, 401), at_ms=NOON_MS)
    district = District(small.port)
    one.start()
    until(one.keeper.settled, 30, "every row's end")
    assert list(one.keeper.aside) == [401]
    until(lambda: set(district.sequences()) == {*range(1, 702)} - {401}, 5, "all others")
    assert ("2000" if protocol == "5" else "ends the link") in one.keeper.aside[401]
    before = len(district.rows)
    one.keeper.commit(readings(500, 800), at_ms=NOON_MS)
    until(one.keeper.settled, 5, "the rows behind it, without a break")
    until(lambda: len(district.rows) == before + 500, 5, "these rows")
    assert one.refused is None
    district.close()


ACL = "topic read #\nuser house\ntopic write village/#\nuser nobody\ntopic write elsewhere/#\n"


@pytest.mark.slow
def test_a_topic_that_the_access_list_refuses_is_told_and_tried_again(
    rig: Make, broker: Callable[[str], Mosquitto], tmp_path: Path
) -> None:
    acl = tmp_path / "acl"
    acl.write_text(ACL)
    strict = broker(f"acl_file {acl}")
    one = rig(strict.port, "5", user="nobody")
    one.keeper.commit(readings(400), at_ms=NOON_MS)
    district = District(strict.port)
    one.start()
    until(lambda: one.refused, 10, "the refusal")
    assert TOPIC in str(one.refused)
    assert "Not authorized" in str(one.refused)
    assert (one.keeper.aside, len(one.keeper.acknowledged), district.rows) == ({}, 0, [])
    acl.write_text(ACL.replace("elsewhere", "village"))
    strict.stop()
    strict.start()  # it reads its list anew
    until(one.keeper.settled, 10, "the next try")
    assert one.refused is None
    until(lambda: set(district.sequences()) == set(range(1, 401)), 5, "every row")
    district.close()


def test_a_broker_that_does_not_let_it_in_is_told_of(rig: Make, broker: Callable[[str], Mosquitto], tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    passwords.write_text("")
    closed = broker(f"allow_anonymous false\npassword_file {passwords}")
    one = rig(closed.port)
    one.start()
    until(lambda: one.refused, 10, "the refusal")
    assert "refuses us: Not authorized" in str(one.refused)
