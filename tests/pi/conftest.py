"""The emulated Raspberry Pi for the tests of this folder: only where it is asked for, since it takes minutes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pi_image
import pi_machine
import pytest
from pi_house import Behaviour, PiHouse, wired
from pi_lines import Lines


@pytest.fixture(scope="session")
def card() -> Path:
    """A card with this checkout's controller on it."""
    if os.environ.get("PI") != "1":
        pytest.skip("the emulated Raspberry Pi is asked for with `make pi`, or PI=1")
    if why := pi_image.missing():
        pytest.skip(why)
    return pi_machine.card()


@pytest.fixture
def house(card: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[[Behaviour], PiHouse]]:
    """Makes a house whose lines are followed; what they did is kept under build/pi/record."""
    built: list[PiHouse] = []
    active, names = wired()

    def build(behaviour: Behaviour) -> PiHouse:
        built.append(PiHouse(tmp_path, card, behaviour, Lines(active)))
        return built[0]

    yield build
    (tmp_path / "card.img").unlink(missing_ok=True)
    record = pi_image.BUILT / "record"
    record.mkdir(exist_ok=True)
    place = request.session.items.index(request.node)
    test, bracket, kernel = request.node.name.partition("[")
    title = test.removeprefix("test_").replace("_", " ") + (" [kernel " + kernel if bracket else "")
    for made in built:
        assert made.lines is not None
        (record / f"{place:02}.txt").write_text("\n".join([title, *made.lines.told(names)]) + "\n", "utf-8")
