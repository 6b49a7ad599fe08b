"""A cabinet's broker with its users."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from access_bench import District, GuardedBroker, Login, Phone, broker_folder, close_all, village_config


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that mosquitto can read."""
    with broker_folder() as found:
        yield found


@pytest.fixture
def cabinet(folder: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[GuardedBroker]:
    """The broker of nguyen-ly; it runs, and nobody but the controller may enter."""
    broker = GuardedBroker(folder / "cabinet")
    broker.set_up("--config", str(village_config(folder / "village")))
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def district(folder: Path) -> Iterator[District]:
    """A district's broker; it runs, and no village has joined it."""
    found = District(folder)
    found.broker.start()
    yield found
    found.stop()


@pytest.fixture
def phone() -> Iterator[Callable[..., Phone]]:
    """Makes phones, and parts from them at the end."""
    made: list[Phone] = []

    def make(broker: GuardedBroker, login: Login | None, *filters: str, **how: Any) -> Phone:
        made.append(Phone(broker.port, login, filters, **how))
        return made[-1]

    yield make
    close_all(made)
