"""The helpers the other tests stand on."""

from __future__ import annotations

import pytest
from support import Mosquitto, free_port, listens, until


def test_until_returns_what_the_condition_gave() -> None:
    answers = iter(["", "", "here"])
    assert until(lambda: next(answers), 5, "an answer") == "here"


def test_until_names_what_it_waited_for() -> None:
    with pytest.raises(AssertionError, match="in vain for the rain"):
        until(lambda: False, 0.02, "the rain")


def test_the_broker_comes_back_on_its_port(mosquitto: Mosquitto) -> None:
    assert listens(mosquitto.port)
    mosquitto.kill()
    assert not listens(mosquitto.port)
    mosquitto.start()
    assert listens(mosquitto.port)


def test_a_free_port_has_no_listener() -> None:
    assert not listens(free_port())
