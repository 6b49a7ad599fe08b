"""Outputs for the conformance suite, each with the far side that it drives, in the time that it lives in."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest
from gpio_lines import ServedBoard, forget_lgpio
from modbus_double import FLASH_ON
from modbus_double import Relay as Joint
from pymodbus.server import ModbusSerialServer
from pymodbus.simulator import DataType, SimData, SimDevice
from support import until

from drivers.gpio import GpioOutput
from drivers.modbus import COIL_ON, ECHO_BYTES, LEAST_QUIET_S, WRITE_COIL, Line, Port, write_coil_request
from drivers.modbus_relay import ModbusRelay
from drivers.registers import load_board
from drivers.serial_port import SerialPort
from edge.core.events import Event
from edge.shell.boards import POLL_S, RelayBoard
from edge.shell.bus import BusWorker, Polled
from edge.shell.clock import Clock, ManualClock, SystemClock
from edge.shell.effects import OutputPort
from edge.shell.runner import StepRunner, ThreadRunner
from simulator.board import Board
from simulator.fast import VillageTime
from simulator.fault_bus import Trouble, Wire
from simulator.relay_board import RelayBoard as PlayedBoard
from simulator.virtual_pins import BoardOutput
from simulator.virtual_port import MemoryPort, Slaves

PINS, COILS, ADDRESS = (17, 27), (0, 3), 10
FAR_S = 10.0  # nothing takes as long as this


class Bench(Protocol):
    """Two relays beside each other, the first of them under test; only one where `far` knows nothing of them.

    `knows`: whether the far side says what a relay really is. `parts`: whether it can be made to go away. `ends`:
    whether an ON for a time ends there by itself.
    """

    knows: bool
    parts: bool
    ends: bool

    def start(self) -> list[OutputPort]:
        """A process begins: outputs that know nothing of what was before."""

    def end(self) -> None:
        """The process ends, without a word to anyone."""

    def far(self, index: int) -> bool:
        """Whether the relay is really on."""

    def moves(self) -> int:
        """How often any relay has moved."""

    def fall(self) -> None:
        """Every relay falls, and nobody is told."""

    def part(self) -> None:
        """The far side is not there any more."""

    def join(self) -> None:
        """It is there again, as it was."""

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        """Let time pass until it is so; an AssertionError when that takes too long."""

    def close(self) -> None:
        """Take everything away."""


class _Real:
    """What lives in real time."""

    ends = False

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        until(condition, FAR_S, what)


@dataclass
class _Counted:
    moved: int = 0

    def count(self, *_: object) -> None:
        self.moved += 1


class SocketLines(_Real):
    """Lines on the simulator's socket, through gpiozero's factory as a daemon with --sim has them."""

    knows = parts = True

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "village")
        monkeypatch.setenv("VILLAGE_SIM", str(folder))
        forget_lgpio()
        self._folder = folder
        self._served: ServedBoard | None = ServedBoard(folder, dict.fromkeys(PINS, 1))
        self._board = self._served.board
        self._count = _Counted()
        self._board._changed = self._count.count

    def start(self) -> list[OutputPort]:
        return [GpioOutput(pin, active_low=True) for pin in PINS]

    def end(self) -> None:
        forget_lgpio()

    def far(self, index: int) -> bool:
        return self._board.level(PINS[index]) == 0

    def moves(self) -> int:
        return self._count.moved

    def fall(self) -> None:
        for pin in PINS:
            holder = self._board.holder(pin)
            if holder is not None:
                self._board.release(pin, holder)

    def part(self) -> None:
        assert self._served is not None
        self._served.close()
        self._served = None

    def join(self) -> None:
        self._served = ServedBoard(self._folder, dict.fromkeys(PINS, 1))
        levels = {pin: self._board.level(pin) for pin in PINS if self._board.driven(pin)}
        self._board = self._served.board
        for pin, level in levels.items():
            self._board.claim(pin, level, 1)
            self._board.gone(1)
        self._board._changed = self._count.count

    def close(self) -> None:
        forget_lgpio()
        if self._served is not None:
            self._served.close()


class VirtualLines:
    """Lines in virtual time."""

    knows, parts, ends = True, False, False

    def __init__(self) -> None:
        self._count = _Counted()
        self._board = Board(dict.fromkeys(PINS, 1), self._count.count)
        self._lives = 0

    def start(self) -> list[OutputPort]:
        self._lives += 1
        return [BoardOutput(self._board, pin, True, self._lives) for pin in PINS]

    def end(self) -> None:
        self._board.gone(self._lives)

    def far(self, index: int) -> bool:
        return self._board.level(PINS[index]) == 0

    def moves(self) -> int:
        return self._count.moved

    def fall(self) -> None:
        for pin in PINS:
            self._board.release(pin, self._lives)

    def part(self) -> None:
        raise NotImplementedError

    join = part

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        assert condition(), what

    def close(self) -> None:
        """Nothing is left."""


class _Daemon:
    """A port's worker with one board on it, as a daemon has it."""

    def __init__(
        self, port: Port, mono: Callable[[], float], clock: Clock, address: int, coils: tuple[int, ...],
        quiet_s: float = LEAST_QUIET_S,
    ) -> None:
        line = Line(port, mono, 9600, quiet_s)
        relays = ModbusRelay(line, address, load_board("waveshare-relay-8"))
        self.events: list[Event] = []
        board = RelayBoard({coil: str(coil) for coil in coils}, relays, POLL_S, clock.mono, self.events.append)
        self.worker = BusWorker("bus", [Polled("board/b", board, POLL_S)], self.events.append)
        self.outputs: list[OutputPort] = list(board.ports().values())


class PtyBoard(_Real):
    """A board on a pseudo-terminal, in threads; its far end is pymodbus's own server, at the other end of a wire."""

    knows = parts = True

    def __init__(self) -> None:
        self._joint = Joint()
        self._coils = [False] * 8
        self._moved = 0
        self._there = True
        self._timed = b""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._serve(), self._loop).result(5)
        self._runner: ThreadRunner | None = None

    async def _serve(self) -> None:
        data = SimData(0, values=[0], datatype=DataType.REGISTERS)
        device = SimDevice(ADDRESS, simdata=[data], use_bit_addressing=True, action=self._asked)
        self._server = ModbusSerialServer(
            [device], port=self._joint.right, baudrate=9600, ignore_missing_devices=True, trace_packet=self._heard
        )
        await self._server.serve_forever(background=True)

    async def _asked(
        self, function: int, _start: int, address: int, _count: int, registers: list[int], written: list[Any] | None
    ) -> None:
        """pymodbus keeps the coils; here they are only looked at, and made to fall."""
        if function == 5 and written is not None and bool(written[0]) is not self._coils[address]:
            self._coils[address] = bool(written[0])
            self._moved += 1
        registers[0] = sum(on << coil for coil, on in enumerate(self._coils))

    def _heard(self, sending: bool, frame: bytes) -> bytes:
        """pymodbus knows no ON for a time: it gets one for good, and its echo is made the one of what was asked."""
        if sending:
            frame, self._timed = self._timed or frame, b""
            return frame
        if len(frame) == ECHO_BYTES and frame[1] == WRITE_COIL and frame[2] == FLASH_ON >> 8:
            self._timed, frame = frame, write_coil_request(frame[0], frame[3], COIL_ON)
        return frame if self._there else b""

    def start(self) -> list[OutputPort]:
        clock = SystemClock()
        self._port = SerialPort(self._joint.left, 9600, "none", 1, clock.mono)
        # No process before this one left a question behind, and every test would wait for that.
        daemon = _Daemon(self._port, clock.mono, clock, ADDRESS, COILS, quiet_s=0.05)
        self._runner = ThreadRunner([daemon.worker], clock)
        self._runner.start()
        return daemon.outputs

    def end(self) -> None:
        if self._runner is not None:
            assert self._runner.stop() == []
            self._port.close()
            self._runner = None

    def far(self, index: int) -> bool:
        return self._coils[COILS[index]]

    def moves(self) -> int:
        return self._moved

    def fall(self) -> None:
        self._coils = [False] * 8

    def part(self) -> None:
        self._there = False

    def join(self) -> None:
        self._there = True

    def close(self) -> None:
        self.end()
        asyncio.run_coroutine_threadsafe(self._server.shutdown(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()
        self._joint.close()


class VirtualBoard:
    """A board of the simulator's in virtual time."""

    knows = parts = ends = True

    def __init__(self) -> None:
        self._clock = ManualClock(0.0)
        self._count = _Counted()
        timed_on = load_board("waveshare-relay-8").timed_on
        self._board = PlayedBoard(ADDRESS, 8, self._count.count, timed_on, self._clock.mono)
        self._wire = Wire(random.Random(1), lambda _: True)
        self._port = MemoryPort("rs485", VillageTime(self._clock), 9600, Slaves([self._board]), self._wire)

    def start(self) -> list[OutputPort]:
        daemon = _Daemon(self._port, self._port.mono, self._clock, ADDRESS, COILS)
        self._runner = StepRunner([daemon.worker], self._clock)
        return daemon.outputs

    def end(self) -> None:
        self._runner = StepRunner([], self._clock)

    def far(self, index: int) -> bool:
        coils = self._board.coils(COILS[index], 1)
        return coils == [True]

    def moves(self) -> int:
        return self._count.moved

    def fall(self) -> None:
        self._board.restart()

    def part(self) -> None:
        self._wire.trouble = Trouble(dead=frozenset({ADDRESS}))

    def join(self) -> None:
        self._wire.trouble = Trouble()

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        end = self._clock.mono() + FAR_S
        while not condition():
            assert self._clock.mono() < end, f"waited {FAR_S:g} s in vain for {what}"
            self._runner.advance(0.05)

    def close(self) -> None:
        """Nothing is left."""


class _Hardware(_Real):
    """Real relays: what they are is known only from what is tested."""

    knows = parts = False

    def far(self, index: int) -> bool:
        raise NotImplementedError

    moves = fall = part = join = far  # type: ignore[assignment]

    def close(self) -> None:
        self.end()

    def end(self) -> None:
        """Nothing is held."""


class HardwareLine(_Hardware):
    """The machine's own line."""

    def __init__(self, pin: int, active_low: bool) -> None:
        self._pin, self._active_low = pin, active_low

    def start(self) -> list[OutputPort]:
        return [GpioOutput(self._pin, self._active_low)]

    def end(self) -> None:
        forget_lgpio()


class HardwareBoard(_Hardware):
    """A board on a serial port of this machine, at 9600 8N1."""

    def __init__(self, device: str, address: int, coil: int) -> None:
        self._device, self._address, self._coil = device, address, coil
        self._runner: ThreadRunner | None = None

    def start(self) -> list[OutputPort]:
        clock = SystemClock()
        self._port = SerialPort(self._device, 9600, "none", 1, clock.mono)
        daemon = _Daemon(self._port, clock.mono, clock, self._address, (self._coil,))
        self._runner = ThreadRunner([daemon.worker], clock)
        self._runner.start()
        return daemon.outputs

    def end(self) -> None:
        if self._runner is not None:
            assert self._runner.stop() == []
            self._port.close()
            self._runner = None
