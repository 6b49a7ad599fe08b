"""Far sides of GPIO lines for tests: an lgpio module that records every call, and a served simulated board."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from edge.shell.clock import SystemClock
from simulator.board import Board
from simulator.pin_server import PinServer

PI_3B = 0xA02082


class FakeLgpio(ModuleType):
    """As much of lgpio 0.2 as gpiozero asks for, behaving as seen on a Pi; `calls` has all that can move a line."""

    BOTH_EDGES, RISING_EDGE, FALLING_EDGE = 3, 1, 2
    SET_PULL_NONE, SET_PULL_UP, SET_PULL_DOWN = 128, 32, 64

    class error(Exception):  # noqa: N801  # lgpio's own name
        def __str__(self) -> str:
            return repr(self.args[0])

    def __init__(self) -> None:
        super().__init__("lgpio")
        self.calls: list[tuple[Any, ...]] = []
        self.outputs: dict[int, int] = {}
        self.inputs: dict[int, int] = {}  # each with the flags of its claim
        self.outside: dict[int, int] = {}  # levels of what hangs on inputs; else the pull decides
        self.busy: set[int] = set()
        self.handles: set[int] = set()
        self.chip_fails: str | None = None

    def gpiochip_open(self, chip: int) -> int:
        if self.chip_fails:
            raise self.error(self.chip_fails)
        self.calls.append(("open", chip))
        self.handles.add(7)
        return 7

    def gpiochip_close(self, handle: int) -> int:
        self.calls.append(("close",))
        self.handles.discard(handle)
        return 0

    def gpio_claim_output(self, handle: int, gpio: int, level: int = 0, flags: int = 0) -> int:
        self._ours(handle, gpio)
        self.calls.append(("output", gpio, level))
        if gpio in self.outputs:
            return 0
        self.inputs.pop(gpio, None)
        self.outputs[gpio] = level
        return 0

    def gpio_claim_input(self, handle: int, gpio: int, flags: int = 0) -> int:
        self._ours(handle, gpio)
        self.calls.append(("input", gpio, {0: "as it was", 32: "up", 64: "down", 128: "floating"}[flags]))
        self.outputs.pop(gpio, None)
        self.inputs.setdefault(gpio, flags)  # what this process already has keeps its flags
        return 0

    def gpio_free(self, handle: int, gpio: int) -> int:
        self._ours(handle, gpio)
        self.calls.append(("free", gpio))
        self.outputs.pop(gpio, None)
        self.inputs.pop(gpio, None)
        return 0

    def gpio_write(self, handle: int, gpio: int, level: int) -> int:
        self._ours(handle, gpio)
        if gpio not in self.outputs:
            raise self.error("GPIO not set as an output")
        self.calls.append(("write", gpio, int(level)))
        self.outputs[gpio] = int(level)
        return 0

    def gpio_read(self, handle: int, gpio: int) -> int:
        self._ours(handle, gpio)
        if gpio not in self.outputs and gpio not in self.inputs:
            self.gpio_claim_input(handle, gpio)
        pulled = int(self.inputs.get(gpio) != self.SET_PULL_DOWN)
        return self.outputs.get(gpio, self.outside.get(gpio, pulled))

    def gpio_get_mode(self, handle: int, gpio: int) -> int:
        self._known(handle)
        return 0x202 if gpio in self.outputs else self.inputs.get(gpio, 0) | (0x100 if gpio in self.inputs else 0)

    def _ours(self, handle: int, gpio: int) -> None:
        self._known(handle)
        if gpio in self.busy:
            raise self.error("GPIO busy")

    def _known(self, handle: int) -> None:
        if handle not in self.handles:
            raise self.error("unknown handle")


def install_lgpio(monkeypatch: pytest.MonkeyPatch, fake: ModuleType | None) -> None:
    """Let `import lgpio` give `fake` (None: fail) on what gpiozero takes for a Pi 3B."""
    forget_lgpio()
    monkeypatch.setitem(sys.modules, "lgpio", fake)
    monkeypatch.setattr("gpiozero.pins.local.get_pi_revision", lambda: PI_3B)


def forget_lgpio() -> None:
    """Close gpiozero's factory and drop every module that has bound the lgpio of this test."""
    from gpiozero import Device

    if Device.pin_factory is not None:
        Device.pin_factory.close()
        Device.pin_factory = None
    for name in ("gpiozero.pins.lgpio", "drivers.lgpio_pins"):
        sys.modules.pop(name, None)


class ServedBoard:
    """A board behind a live pins server, whose loop has a thread of its own."""

    def __init__(self, directory: Path, outside: dict[int, int] | None = None, *, persist: bool = True) -> None:
        self.board = Board(outside or {}, persist=persist)
        self.server = PinServer(directory, self.board, SystemClock())
        self.log = directory / "pins.log"
        self._loop = asyncio.new_event_loop()
        self.server.attach(self._loop)
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def driven_level(self, pin: int) -> int | None:
        """The level the line is driven at, None for an input."""
        return self.board.level(pin) if self.board.driven(pin) else None

    def set_input(self, pin: int, level: int) -> None:
        """A contact of the world opens or closes."""
        self._loop.call_soon_threadsafe(self.server.set_input, pin, level)

    def close(self) -> None:
        """As when the simulator ends."""
        self._loop.call_soon_threadsafe(self.server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()


@contextmanager
def served_board(
    directory: Path, outside: dict[int, int] | None = None, *, persist: bool = True
) -> Iterator[ServedBoard]:
    """A served board for the time of a with block."""
    served = ServedBoard(directory, outside, persist=persist)
    try:
        yield served
    finally:
        served.close()
