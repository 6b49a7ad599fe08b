"""What the core is told of counting contacts, and what the log says of those that cannot be read."""

from __future__ import annotations

import pytest

from edge.core.events import PulsesCounted
from edge.shell.pulses import Pulses


class Contact:
    def __init__(self) -> None:
        self.told: tuple[int, float | None] | None = (0, None)
        self.error: str | None = None
        self.fails = False

    def read(self) -> tuple[int, float | None] | None:
        if self.fails:
            raise RuntimeError("the driver broke")
        return self.told


def test_what_is_new_is_told_at_once_and_what_is_not_every_five_seconds() -> None:
    water, power = Contact(), Contact()
    pulses = Pulses({"input/water": water, "input/power": power})
    assert list(pulses.look(5.0)) == [
        PulsesCounted("input/water", 0, 5.0, None), PulsesCounted("input/power", 0, 5.0, None),
    ]  # fmt: skip
    water.told = (3, 5.5)
    assert list(pulses.look(6.0)) == [PulsesCounted("input/water", 3, 6.0, 5.5)]
    assert [list(pulses.look(at)) for at in (7.0, 8.0, 9.0)] == [[], [], []]
    assert list(pulses.look(10.0)) == [PulsesCounted("input/power", 0, 10.0, None)]
    assert list(pulses.look(11.0)) == [PulsesCounted("input/water", 3, 11.0, 5.5)]


def test_nothing_is_told_of_one_that_fails_and_the_log_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    silent, broken, whole = Contact(), Contact(), Contact()
    silent.told, silent.error, broken.fails = None, "GPIO 16 is held by another process", True
    pulses = Pulses({"input/silent": silent, "input/broken": broken, "input/whole": whole})
    for at in (1.0, 6.0):
        assert [event.input for event in pulses.look(at)] == ["input/whole"]
    assert caplog.messages == [
        "input/silent cannot be read: GPIO 16 is held by another process",
        "input/broken cannot be read: the driver broke",
    ]
    caplog.clear()
    silent.told, broken.fails = (4, 1.0), False
    assert [event.count for event in pulses.look(11.0)] == [4, 0, 0]
    assert caplog.messages == ["input/silent can be read again", "input/broken can be read again"]
