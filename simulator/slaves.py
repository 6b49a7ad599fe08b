"""Modbus slaves on pseudo-terminals, answering from the world: pymodbus's server, its registers filled at each request.

pymodbus opens serial ports by name and would sit on the side of the pty that the daemon needs, so its request handler
is given the other side as a transport. An address without a slave stays silent, as on a real line.
"""

from __future__ import annotations

import asyncio
import os
import struct
import termios
import tty
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymodbus.constants import ExcCodes
from pymodbus.exceptions import NoSuchIdException
from pymodbus.pdu import ExceptionResponse, ModbusPDU
from pymodbus.pdu.bit_message import WriteSingleCoilRequest
from pymodbus.server import ModbusSerialServer
from pymodbus.simulator import DataType, SimData, SimDevice
from pymodbus.simulator.simcore import SimCore

from drivers.modbus import COIL_OFF, COIL_ON, WRITE_COIL
from drivers.registers import Model
from simulator.fault_bus import Wire, sound
from simulator.relay_board import RelayBoard

COIL_FUNCTIONS = (1, 5, 15)
# A frame that has not ended after this silence never will: a slave forgets it, as 3.5 characters tell a real one.
FRAME_GAP_S = 0.05
SPEEDS = {getattr(termios, name): int(name[1:]) for name in dir(termios) if name[0] == "B" and name[1:].isdigit()}


@dataclass(frozen=True, slots=True)
class Slave:
    """One device: its Modbus address (1 to 247), its registers, and what it measures, asked at every request."""

    address: int
    model: Model
    values: Callable[[], Mapping[str, float]]

    def device(self) -> SimDevice:
        """The slave as pymodbus serves it; registers that the model does not name read 0."""
        model = self.model
        held = [*model.quantities.values(), *model.factors.values(), *model.also_answers]
        first, end = min(each.address for each in held), max(each.end for each in held)
        span = SimData(first, values=[0] * (end - first), datatype=DataType.REGISTERS)
        return SimDevice(self.address, simdata=[span], action=self._fill)

    async def _fill(
        self, function: int, start: int, address: int, count: int, registers: list[int], _written: object
    ) -> ExcCodes | None:
        if function not in {self.model.function, *(span.function for span in self.model.also_answers)}:
            return ExcCodes.ILLEGAL_FUNCTION
        if not self.model.has(function, address, address + count):
            return ExcCodes.ILLEGAL_ADDRESS
        for register, word in self.model.encode(self.values()).items():
            registers[register - start] = word
        return None


class _Line(SimCore):
    """The devices of one line. pymodbus 3.16.1 answers for an address it does not know; this one stays silent.

    Relay boards answer by themselves: pymodbus keeps coils by sixteen. Who is deaf on `wire` does nothing either.
    """

    def __init__(self, slaves: Sequence[Slave | RelayBoard], wire: Wire) -> None:
        self._wire = wire
        super().__init__([slave.device() for slave in slaves if isinstance(slave, Slave)])
        self._boards = {slave.address: slave for slave in slaves if isinstance(slave, RelayBoard)}

    async def async_getValues(  # noqa: N802  # pymodbus's name
        self, device_id: int, func_code: int, address: int, count: int = 1
    ) -> Any:
        board = self._board(device_id)
        if board is None:
            return await super().async_getValues(device_id, func_code, address, count)
        if func_code not in COIL_FUNCTIONS:
            return ExcCodes.ILLEGAL_FUNCTION
        coils = board.coils(address, count)
        return ExcCodes.ILLEGAL_ADDRESS if coils is None else coils

    async def async_setValues(  # noqa: N802  # pymodbus's name
        self, device_id: int, func_code: int, address: int, values: list[int] | list[bool]
    ) -> Any:
        board = self._board(device_id)
        if board is None:
            return await super().async_setValues(device_id, func_code, address, values)
        if func_code not in COIL_FUNCTIONS:
            return ExcCodes.ILLEGAL_FUNCTION
        if board.times(address):  # the one value is a number there, as _WriteCoil reads it
            return None if board.write_timed(address, int(values[0])) else ExcCodes.ILLEGAL_VALUE
        if func_code == WRITE_COIL and values[0] not in (COIL_ON, COIL_OFF):
            return ExcCodes.ILLEGAL_VALUE
        return None if board.write(address, [bool(v) for v in values]) else ExcCodes.ILLEGAL_ADDRESS

    def _board(self, device_id: int) -> RelayBoard | None:
        known = device_id in self.devices or device_id in self._boards
        if not known or self._wire.deaf(device_id):
            raise NoSuchIdException(str(device_id))
        return self._boards.get(device_id)


class _WriteCoil(WriteSingleCoilRequest):
    """Function 05 with its value as it was sent, where pymodbus makes on or off of it; the answer is an echo."""

    _sent = b""

    def encode(self) -> bytes:
        return self._sent

    def decode(self, data: bytes) -> None:
        self._sent = data[:4]
        self.address, self._value = struct.unpack(">HH", self._sent)

    async def datastore_update(self, context: Any, device_id: int) -> ModbusPDU:
        code = await context.async_setValues(device_id, self.function_code, self.address, [self._value])
        return ExceptionResponse(self.function_code, code) if code else self


class _PtyTransport(asyncio.Transport):
    """The far end of a pty, read in the event loop and handed to pymodbus's request handler."""

    def __init__(self, fd: int, handler: Any, wire: Wire) -> None:
        super().__init__()
        self._fd = fd
        self._handler = handler
        self._wire = wire
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._gap: asyncio.TimerHandle | None = None
        os.set_blocking(fd, False)
        self._loop.add_reader(fd, self._read)
        handler.connection_made(self)

    def _read(self) -> None:
        if self._gap is not None:
            self._gap.cancel()
        try:
            data = os.read(self._fd, 4096)
        except BlockingIOError:
            return
        # No bit is slower for it on a pty, but the speed that the asker has set can be read.
        self._wire.speed = SPEEDS.get(termios.tcgetattr(self._fd)[5])
        if foreign := self._wire.other(data):
            self._send(foreign)
        self._handler.data_received(data)
        self._gap = self._loop.call_later(FRAME_GAP_S, self._forget)

    def _forget(self) -> None:
        self._handler.recv_buffer = b""

    def write(self, data: Any) -> None:
        now = self._loop.time()
        at, arrives = self._wire.carry(bytes(data), now)
        if at > now:
            self._loop.call_at(at, self._send, arrives)
        else:
            self._send(arrives)

    def _send(self, data: bytes) -> None:
        if data and not self._closed:
            with suppress(BlockingIOError):  # nobody reads: on a wire the bytes would be gone as well
                os.write(self._fd, data)

    def close(self) -> None:
        self._closed = True
        if self._gap is not None:
            self._gap.cancel()
        self._loop.remove_reader(self._fd)


class SlavePort:
    """A serial port at `link`, a symbolic link to a pty, with `slaves` on its line.

    Their answers go over `wire`; None: a sound one. Made and closed in a running loop. Raises OSError when the link
    cannot be made.
    """

    def __init__(self, link: Path, slaves: Sequence[Slave | RelayBoard], wire: Wire | None = None) -> None:
        self.link = link
        self._slaves = slaves
        self._wire = wire or sound()
        self._fds: tuple[int, int] | None = None
        self.plug()

    def plug(self) -> None:
        """The adapter is there, on a pty of its own; nothing if it was. Raises OSError."""
        if self._fds is not None:
            return
        # The slave's side stays open here too, or the pty would hang up whenever the daemon closes its port.
        self._fds = master, slave = os.openpty()
        tty.setraw(slave)
        self._server = ModbusSerialServer(
            [], port=os.ttyname(slave), ignore_missing_devices=True, custom_pdu=[_WriteCoil]
        )
        self._server.context = _Line(self._slaves, self._wire)
        self._handler = self._server.handle_new_connection()
        self._transport = _PtyTransport(master, self._handler, self._wire)
        self.link.unlink(missing_ok=True)
        self.link.symlink_to(os.ttyname(slave))

    def serve(self, slaves: Sequence[Slave | RelayBoard]) -> None:
        """From now on these are on its line."""
        self._slaves = slaves
        if self._fds is not None:
            self._server.context = _Line(slaves, self._wire)

    def unplug(self) -> None:
        """The adapter is pulled: the link goes and whoever has the port open is hung up on; nothing if it was."""
        if self._fds is None:
            return
        self.link.unlink(missing_ok=True)
        self._handler.close()
        for fd in self._fds:
            os.close(fd)
        self._fds = None

    def close(self) -> None:
        """Take the port away."""
        self.unplug()
