"""The sink that writes to InfluxDB, against servers of Debian's packages."""

from __future__ import annotations

from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from history_rows import NOON_MS
from influx_rig import SITE, History, Open, expected
from influx_servers import Forward, Front, Influx1, VictoriaMetrics

from edge.core.ranges import Ranges
from edge.shell.sinks.influxdb import LONGEST_PAUSE_S


def test_victoria_metrics_shows_every_figure_with_its_own_time_and_one_that_is_sent_twice_once(
    history: History, opened: Open, victoria: VictoriaMetrics
) -> None:
    history.meters(250)
    opened(victoria.url).all()
    assert victoria.points() == (1000, expected(250))
    history.has = Ranges()
    history.file.do("DELETE FROM consumers")
    opened(victoria.url).all()
    assert victoria.points() == (1000, expected(250))


def test_influxdb_takes_every_row_but_the_one_of_another_type_and_is_not_held_up_by_it(
    history: History, opened: Open, influx: Influx1, stack: ExitStack
) -> None:
    front = stack.enter_context(closing(Front(Forward(influx))))
    influx.ask("POST", "/write?db=village&precision=ms", b'sensor,device=soil,site=thon moisture_pct="wet" 1795258000000')
    history.meters(40)
    history.write([("sensor/well", {"level_m": 1.5}), ("sensor/soil", {"moisture_pct": 7}), ("sensor/well", {"level_m": 1 / 3})])
    sink = opened(front.url)
    sink.all()
    assert list(history.aside) == [42]
    assert history.aside[42].startswith("400: partial write: field type conflict: input field")
    assert sink.told == []
    _, points = influx.points()
    assert {key: fields for key, fields in points.items() if "soil" not in key[0]} == expected(40) | {
        (f"sensor,device=well,site={SITE}", NOON_MS): {"level_m": 1.5, "quality": 0, "life": 1},
        (f"sensor,device=well,site={SITE}", NOON_MS + 2000): {"level_m": 1 / 3, "quality": 0, "life": 1},
    }


def test_influxdb_that_is_killed_and_comes_back_has_every_row_once(
    history: History, opened: Open, influx: Influx1, stack: ExitStack
) -> None:
    front = stack.enter_context(closing(Front(Forward(influx))))
    sink = opened(front.url)
    for n in range(3):
        history.meters(650, at_ms=NOON_MS + n * 700_000)
        already = len(front.requests)
        sink.until(lambda: len(front.requests) > already, "a request")  # noqa: B023
        influx.kill()
        history.meters(50, at_ms=NOON_MS + n * 700_000 + 650_000)
        sink.until(lambda: len(front.requests) > already + 3, "it to be tried again")  # noqa: B023
        influx.start()
    sink.all()
    figures, points = influx.points()
    assert (len(points), figures) == (2100, 8400)
    assert sink.refused is None


def test_victoria_metrics_that_is_killed_and_comes_back_has_every_row_once(
    history: History, opened: Open, victoria: VictoriaMetrics
) -> None:
    sink = opened(victoria.url)
    history.meters(150)
    sink.until(lambda: sum(len(ranges) for _, ranges in sink.worker._settling) == 2, "two requests to be taken")
    victoria.kill()  # it has taken them, and has none on its disk
    history.meters(150, at_ms=NOON_MS + 150_000)
    sink.until(lambda: sink.worker._pause_s == LONGEST_PAUSE_S, "the longest pause")
    assert sink.told == []
    victoria.start()
    sink.all()
    figures, points = victoria.points()
    assert (len(points), figures) == (300, 1200)


def test_a_token_that_the_server_does_not_know_is_told_and_one_put_right_is_found(
    tmp_path: Path, history: History, opened: Open, stack: ExitStack, caplog: pytest.LogCaptureFixture
) -> None:
    server = Influx1(tmp_path, auth=True)
    stack.callback(server.stop)
    server.start()
    server.query("CREATE USER thon WITH PASSWORD 'right-1' WITH ALL PRIVILEGES")
    server.query("CREATE DATABASE village", u="thon", p="right-1")
    front = stack.enter_context(closing(Front(Forward(server))))
    secret = tmp_path / "token"
    secret.write_text("thon:wrong-1\n")
    history.meters(20)
    sink = opened(front.url, secret)
    sink.until(lambda: sink.refused, "the refusal")
    assert sink.refused == (
        "the server does not know the token (401 authorization failed): put one that it knows into token"
    )
    assert front.tokens == {"Token thon:wrong-1"}
    secret.write_text("thon:right-1\n")
    sink.all()
    assert [told.refused is None for told in sink.told] == [False, True]
    assert "wrong-1" not in caplog.text
    assert "right-1" not in caplog.text
