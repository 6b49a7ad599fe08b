"""A live village that writes to VictoriaMetrics: readings arrive, and after the server was away none is missing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e_house import CONFIG, House, Listener
from influx_servers import Points, VictoriaMetrics
from support import until

from edge.core.ranges import Ranges
from edge.core.values import StoredRow
from edge.shell.cursor import Cursor

pytestmark = pytest.mark.slow


@pytest.fixture
def victoria(tmp_path: Path) -> Iterator[VictoriaMetrics]:
    server = VictoriaMetrics(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def config(folder: Path, victoria: VictoriaMetrics) -> Path:
    """The example, with meters that are recorded every second, and a server that is not there yet."""
    text = CONFIG.read_text("utf-8").replace("poll: 10s, record: 60s", "poll: 1s, record: 1s")
    (folder / "token").write_text("village-secret-1")
    sink = f"influx: {{url: '{victoria.url}', org: xa, bucket: village, token_file: token}}"
    (folder / "influx.yaml").write_text(f"{text}\nhistory: {{commit: 1s}}\n{sink}\n", "utf-8")
    return folder / "influx.yaml"


def rows(house: House) -> list[StoredRow]:
    cursor = Cursor(house.state / "history.db", "anybody", Ranges(), set())
    found = cursor.between(1, 1 << 40, 100_000)
    cursor.close()
    return found


def missing(stored: list[StoredRow], points: Points) -> list[StoredRow]:
    """The rows that the server has not, or otherwise."""
    wrong = []
    for row in stored:
        kind, device = row.device.split("/")
        fields = {name: pytest.approx(value, rel=1e-11) for name, value in row.values.items()}
        if points.get((f"{kind},device={device},site=nguyen-ly", row.at_ms)) != fields | {"quality": row.quality, "life": row.life}:
            wrong.append(row)
    return wrong


def test_readings_arrive_and_after_the_server_was_killed_none_is_missing(
    house: House, ear: Listener, victoria: VictoriaMetrics
) -> None:
    until(lambda: len(rows(house)) >= 6, 15, "rows in the history")
    victoria.start()
    until(lambda: len(victoria.points()[1]) >= 12, 20, "the backlog and live rows")
    victoria.kill()  # the newest of them are lost with it
    kept = len(rows(house))
    until(lambda: len(rows(house)) >= kept + 9, 15, "rows that the server does not get")
    assert ear.last["village/nguyen-ly/status"] == b"online"
    assert "village/nguyen-ly/alarm/sink-refused:sink:influxdb" not in ear.last
    victoria.start()
    stored = rows(house)
    until(lambda: not missing(stored, victoria.points()[1]), 30, "every row to be there")
    assert "village-secret-1" not in house.log.read_text("utf-8", "replace")
    assert house.kill(how=15) == 0
    assert "did not end in time" not in house.log.read_text("utf-8", "replace")


def test_a_server_that_refuses_is_an_alarm_with_the_remedy(house: House, folder: Path, listen: object) -> None:
    (folder / "token").unlink()
    house.start()
    listener = listen()  # type: ignore[operator]
    topic = "village/nguyen-ly/alarm/sink-refused:sink:influxdb"
    until(lambda: listener.last.get(topic), 20, "the alarm")
    assert "write the server's token into it" in json.loads(listener.last[topic])["text"]["en"]
