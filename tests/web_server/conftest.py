"""Fixtures of the page server's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import web_house
from support import Mosquitto, free_port
from web_house import FakeBroker, Serving


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A small page's folder."""
    return web_house.page(tmp_path / "page")


@pytest.fixture
def serve(page: Path) -> Iterator[Callable[..., Serving]]:
    """Starts a server of the small page; what it knows of the broker is its port."""
    begun: list[Serving] = []

    def start(broker_port: int | None = None, **settings: Any) -> Serving:
        begun.append(Serving(page, broker_port or free_port(), **settings))
        return begun[-1]

    yield start
    for serving in begun:
        serving.stop()


@pytest.fixture
def served(serve: Callable[..., Serving]) -> Serving:
    """A server whose broker is away."""
    return serve()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker that asks for a login."""
    found = web_house.guarded(tmp_path / "broker")
    yield found
    found.kill()


@pytest.fixture
def fake() -> Iterator[Callable[..., FakeBroker]]:
    """Starts brokers that do what no broker should."""
    begun: list[FakeBroker] = []

    def start(*how: Any) -> FakeBroker:
        begun.append(FakeBroker(*how))
        return begun[-1]

    yield start
    for broker in begun:
        broker.close()


@pytest.fixture
def linked(serve: Callable[..., Serving], broker: Mosquitto) -> Serving:
    """A server beside that broker."""
    return serve(broker.port)
