"""A house of one's own, and somebody who listens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from e2e_house import CONFIG, House, Listener
from support import Mosquitto, until
from systemd_end import AttentiveSystemd

WATCHDOG_S = 2.0


@pytest.fixture
def folder() -> Iterator[Path]:
    """A directory with a short name: a Unix socket's path has at most 107 bytes."""
    with TemporaryDirectory(prefix="edge-") as name:
        yield Path(name)


@pytest.fixture
def config() -> Path:
    """The configuration that the house is made from."""
    return CONFIG


@pytest.fixture
def house(folder: Path, mosquitto: Mosquitto, config: Path) -> Iterator[House]:
    """village-sim runs, the daemon does not yet."""
    h = House(folder, mosquitto.port, config=config)
    h.start_sim()
    yield h
    h.end()


@pytest.fixture
def systemd(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AttentiveSystemd]:
    """Listens to the daemon that is started next, and would wait WATCHDOG_S for a sign of life."""
    end = AttentiveSystemd(str(folder / "notify"))
    monkeypatch.setenv("NOTIFY_SOCKET", end.address)
    monkeypatch.setenv("WATCHDOG_USEC", str(int(WATCHDOG_S * 1e6)))
    yield end
    end.close()


@pytest.fixture
def listen(mosquitto: Mosquitto) -> Iterator[Callable[[], Listener]]:
    """Makes listeners, and parts from them at the end."""
    made: list[Listener] = []

    def make() -> Listener:
        made.append(Listener(mosquitto.port))
        return made[-1]

    yield make
    for listener in made:
        listener.close()


@pytest.fixture
def ear(house: House, listen: Callable[[], Listener]) -> Listener:
    """The daemon runs, and the listener has heard that it is online."""
    house.start()
    listener = listen()
    until(lambda: listener.last.get("village/nguyen-ly/status") == b"online", 10, "online")
    return listener
