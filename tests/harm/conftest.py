"""Directories with short names, and villages to be harmed in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from e2e_house import Listener
from harm_clock import Village, Wall
from harm_house import HarmHouse, compiled, start_and_hear
from support import Mosquitto


@pytest.fixture
def folder() -> Iterator[Path]:
    """A directory with a short name: a Unix socket's path has at most 107 bytes."""
    with TemporaryDirectory(prefix="edge-") as name:
        yield Path(name)


@pytest.fixture
def ear(mosquitto: Mosquitto) -> Iterator[Listener]:
    """Somebody who listens."""
    listener = Listener(mosquitto.port)
    yield listener
    listener.close()


@pytest.fixture
def build(folder: Path, mosquitto: Mosquitto) -> Iterator[Callable[..., HarmHouse]]:
    """Builds a house in which the village runs and the daemon does not yet."""
    with ExitStack() as stack:

        def make(**how: Any) -> HarmHouse:
            house = HarmHouse(folder, mosquitto.port, **how)
            stack.callback(house.end)
            house.start_sim()
            return house

        yield make


@pytest.fixture
def house(build: Callable[..., HarmHouse], ear: Listener) -> HarmHouse:
    """The village and the daemon run, and it is online."""
    made = build(calm=True)
    start_and_hear(made, ear)
    return made


@pytest.fixture
def village(build: Callable[..., HarmHouse], folder: Path, ear: Listener) -> Village:
    house = build(calm=True, program="street")
    wall = Wall(folder / "offset")
    house.environment = {"LD_PRELOAD": str(compiled("clock_shim", folder)), "HARM_OFFSET": str(wall.path)}
    return Village(house, ear, wall)
