"""Far sides of GPIO lines for tests: an lgpio module that records every call, and a served simulated board."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from support import until

from edge.shell.clock import Clock, ManualClock, SystemClock
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
        self.alerts: set[int] = set()
        self.debounce: dict[int, float] = {}  # s
        self._heard: dict[int, Callable[[int, int, int, int], None]] = {}
        self._edges: dict[int, tuple[int, float]] = {}  # the newest edge of a line: level, s
        self._reported: dict[int, int] = {}

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
        self.alerts.discard(gpio)
        self.inputs.setdefault(gpio, flags)  # what this process already has keeps its flags
        return 0

    def gpio_free(self, handle: int, gpio: int) -> int:
        self._ours(handle, gpio)
        self.calls.append(("free", gpio))
        self.alerts.discard(gpio)
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
        kind = 0x400 if gpio in self.alerts else 0x100
        return 0x202 if gpio in self.outputs else self.inputs.get(gpio, 0) | (kind if gpio in self.inputs else 0)

    def gpio_set_debounce_micros(self, handle: int, gpio: int, micros: int) -> int:
        self._known(handle)
        self.debounce[gpio] = micros / 1e6
        return 0

    def gpio_claim_alert(self, handle: int, gpio: int, edges: int, flags: int = 0) -> int:
        self._ours(handle, gpio)
        self.calls.append(("alert", gpio, {32: "up", 64: "down", 128: "floating"}[flags]))
        self.inputs[gpio] = flags
        self.alerts.add(gpio)
        return 0

    def callback(self, handle: int, gpio: int, edge: int, func: Callable[[int, int, int, int], None]) -> SimpleNamespace:
        self._heard[gpio] = func
        return SimpleNamespace(cancel=lambda: self._heard.pop(gpio, None))

    def change(self, gpio: int, level: int, at: float) -> None:
        """The line changes at `at` (s); told as lgpio 0.2.2 does: what stayed for longer than the debounce time."""
        self.pass_time(at)
        self.outside[gpio] = level
        self._edges[gpio] = level, at
        if not self.debounce.get(gpio):
            self.pass_time(at + 1e-9)

    def pass_time(self, now: float) -> None:
        for gpio, (level, at) in list(self._edges.items()):
            stable = self.debounce.get(gpio, 0.0)
            if now - at > stable and self._reported.get(gpio) != level and gpio in self._heard:
                self._reported[gpio] = level
                self._heard[gpio](0, gpio, level, int((at + stable) * 1e9))

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

    def __init__(
        self, directory: Path, outside: dict[int, int] | None = None, *, persist: bool = True, clock: Clock | None = None
    ) -> None:
        self.board = Board(outside or {}, persist=persist)
        self.server = PinServer(directory, self.board, clock or SystemClock())
        self.log = directory / "pins.log"
        self._loop = asyncio.new_event_loop()
        self.server.attach(self._loop)
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def driven_level(self, pin: int) -> int | None:
        """The level the line is driven at, None for an input."""
        return self.board.level(pin) if self.board.driven(pin) else None

    def set_input(self, pin: int, level: int, at: float | None = None) -> None:
        """A contact of the world opens or closes."""
        self._loop.call_soon_threadsafe(self.server.set_input, pin, level, at)

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


def _level_handled(line: Any) -> bool:
    """The level whose edge the handler of a village's line has seen to its end."""
    with line._when_changed_lock:
        return bool(line._last)


class PulseLines:
    """Contacts in a test's own time, at the far side of the pin factory `name` (lgpio, village, mock)."""

    def __init__(self, name: str, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
        self._name = name
        self._clock = clock
        self._fake = FakeLgpio()
        self._served: ServedBoard | None = None
        monkeypatch.setenv("GPIOZERO_PIN_FACTORY", name)
        monkeypatch.setenv("VILLAGE_SIM", str(directory))
        if name == "lgpio":
            install_lgpio(monkeypatch, self._fake)
        elif name == "village":
            self._served = ServedBoard(directory, clock=clock)
        else:
            monkeypatch.setattr("gpiozero.pins.mock.monotonic", clock.mono)

    def put(self, pin: int, level: int) -> None:
        """The line is at that level from now on."""
        from gpiozero import Device

        if self._name == "lgpio":
            self._fake.change(pin, level, self._clock.mono())
        elif self._served is not None:
            self._served.set_input(pin, level, self._clock.mono())
            until(lambda: self._served is not None and self._served.board.level(pin) == level, what="the line")
            factory = Device.pin_factory
            line = None if factory is None else factory.pin(pin)
            if line is not None and line.when_changed is not None:
                until(lambda: _level_handled(line) == level, what="the edge")
        else:
            line = Device.pin_factory.pin(pin)
            line.drive_high() if level else line.drive_low()

    def wait(self, seconds: float) -> None:
        """Time passes."""
        soon = min(seconds, 0.006)
        for passes in (soon, seconds - soon):
            self._clock.advance(passes)
            self._fake.pass_time(self._clock.mono())

    def play(self, pin: int, *changes: tuple[int, float]) -> None:
        """One level after the other, each for so many seconds."""
        for level, seconds in changes:
            self.put(pin, level)
            self.wait(seconds)

    def pulses(self, pin: int, count: int, period_s: float = 0.1) -> None:
        """So many pulses of a contact to ground, closed for half of each period."""
        for _ in range(count):
            self.play(pin, (0, period_s / 2), (1, period_s / 2))

    def close(self) -> None:
        """Forget the factory, and what it spoke to."""
        forget_lgpio()
        if self._served is not None:
            self._served.close()
