"""Fixtures of these tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from influx_rig import History, Open, Sink
from influx_servers import Front, Influx1, Keeper, VictoriaMetrics


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    made = History(tmp_path)
    yield made
    made.file.close()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What is to be ended with the test, however it ends."""
    with ExitStack() as made:
        yield made


@pytest.fixture
def opened(history: History) -> Iterator[Open]:
    with ExitStack() as stack:

        def make(url: str, token_file: Path | None = None, front: Front | None = None) -> Sink:
            sink = Sink(history, url, token_file, front)
            stack.callback(sink.close)
            return sink

        yield make


@pytest.fixture
def front() -> Iterator[Front]:
    made = Front(Keeper())
    yield made
    made.close()


@pytest.fixture
def victoria(tmp_path: Path, stack: ExitStack) -> VictoriaMetrics:
    server = VictoriaMetrics(tmp_path)
    stack.callback(server.stop)
    server.start()
    return server


@pytest.fixture
def influx(tmp_path: Path, stack: ExitStack) -> Influx1:
    server = Influx1(tmp_path)
    stack.callback(server.stop)
    server.start()
    server.query("CREATE DATABASE village")
    return server
