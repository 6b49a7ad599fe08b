"""Fixtures of these tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from broker_sides import LARGEST, Double, Enter, Person, Real, Side
from support import Mosquitto


@pytest.fixture
def choosy(tmp_path: Path) -> Iterator[Callable[[], Mosquitto]]:
    """Starts a second broker, which does not take all."""
    made: list[Mosquitto] = []

    def make() -> Mosquitto:
        (tmp_path / "acl").write_text("topic read #\ntopic write v/#\ntopic write marker/#\n")
        made.append(Mosquitto(tmp_path, f"user root\nacl_file {tmp_path / 'acl'}\nmax_packet_size {LARGEST}"))
        made[-1].start()
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture(params=["mosquitto", "double"])
def side(request: pytest.FixtureRequest) -> Side:
    if request.param == "double":
        return Double()
    return Real(request.getfixturevalue("mosquitto"), request.getfixturevalue("choosy"))


@pytest.fixture(params=[True, False], ids=["5", "3.1.1"])
def five(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def enter(side: Side, five: bool) -> Iterator[Enter]:
    """A person who is connected."""
    people: list[Person] = []

    def make(name: str, **more: Any) -> Person:
        person = Person(side, name, **{"five": five, **more})
        people.append(person)
        side.until(lambda: person.up, f"{name} to be let in")
        return person

    yield make
    for person in people:
        person.client.on_disconnect = None
        person.client.disconnect()
        person.client.loop_stop()
