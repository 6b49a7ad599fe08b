"""Fixtures of the commands' tests."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from fake_controller import FakeController
from support import Mosquitto


@pytest.fixture
def controller(mosquitto: Mosquitto) -> Iterator[FakeController]:
    fake = FakeController(mosquitto.port)
    yield fake
    fake.leave()


@pytest.fixture
def started() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a command in a process of its own; what still runs at the end is killed."""
    processes: list[subprocess.Popen[str]] = []

    def start(module: str, *words: str) -> subprocess.Popen[str]:
        code = (
            # Whoever runs the tests in the background may have Ctrl-C ignored.
            "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
            f"import argparse, sys; from edge.commands import {module} as m; p = argparse.ArgumentParser();"
            " m.add_arguments(p); sys.exit(m.run(p.parse_args()))"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", code, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()
