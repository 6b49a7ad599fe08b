"""Fixtures that every suite may ask for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from support import Mosquitto

# The same examples at each run, so that a change is not blamed for what chance finds; `make nightly` lets chance look.
hypothesis.settings.register_profile("steady", deadline=None, derandomize=True)
hypothesis.settings.register_profile("random", deadline=None)
# For who asks only whether there is an example at all, as tests/planted/run.py does.
PHASES = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
SLOW = (hypothesis.HealthCheck.too_slow,)  # a busy machine is no bug
hypothesis.settings.register_profile("unshrunk", deadline=None, derandomize=True, phases=PHASES, suppress_health_check=SLOW)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS", "steady"))


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running broker of the test's own."""
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    broker = Mosquitto(folder)
    broker.start()
    yield broker
    broker.stop()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Real relays for tests/conformance/test_outputs.py, in place of simulated ones."""
    group = parser.getgroup("relays", "real relays that tests/conformance/test_outputs.py may switch on and off")
    group.addoption("--gpio", type=int, metavar="N", help="the line with this BCM number")
    group.addoption("--active-low", action="store_true", help="its relay is on while the line is low")
    group.addoption("--port", metavar="DEVICE", help="a relay board on this serial device, at 9600 8N1")
    group.addoption("--address", type=int, default=1, metavar="N", help="the board's Modbus address (default: 1)")
    group.addoption("--coil", type=int, default=0, metavar="N", help="the relay on the board, from 0 (default: 0)")
