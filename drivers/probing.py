"""What a person who looks for a fault asks a serial line: question by question, at any setting, hearing everything.

Devices are read through the same reader and line as the controller's, so that what it would find is found.
"""

from __future__ import annotations

import errno
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from drivers import dlt645, registers
from drivers.api import BadAnswer, NoAnswer, PortGone, Refused
from drivers.modbus import (
    BITS_A_CHARACTER,
    EXCEPTION_BYTES,
    FRAME_BYTES,
    READ_COILS,
    Line,
    answer_length,
    check,
    crc16,
    read_request,
)
from drivers.modbus_reader import ModbusReader
from drivers.modbus_relay import ModbusRelay, Turn, Wish
from drivers.registers import BoardModel, Model, Quantity
from drivers.settings import confirmation
from edge.core.values import Heard, Look, Moment, Setting, Taken

GAP_S = 0.05  # an answer that pauses longer has ended: adapters deliver every 16 ms, 3.5 characters are at most 33 ms
QUIET_S = 1.0  # after a fault, for what is late
TRIES = 3
WRITE_S = 1.0  # a meter that keeps a setting writes it to its memory first
_WHY = {
    "busy": (errno.EBUSY, errno.EAGAIN), "forbidden": (errno.EACCES, errno.EPERM),
    "missing": (errno.ENOENT, errno.ENODEV, errno.ENXIO),
}  # fmt: skip


class Ear(Protocol):
    """A serial port at one setting, as drivers.serial_port.SerialPort is."""

    def listen(self, request: bytes, deadline: float, gap_s: float) -> bytes:
        """Send `request` and return all that comes; see SerialPort.listen."""

    def close(self) -> None:
        """Let go of it."""


class Probe:
    """One serial port, asked by a person.

    `open_at` gives its ear at a setting; `now` and `pause` are the clock and the way to let time pass. Every method
    that asks raises PortGone (`gone`) when the port is not there or does not take the setting.
    """

    gone: type[Exception] = PortGone
    refused: type[Exception] = Refused

    def __init__(
        self, open_at: Callable[[Setting], Ear], setting: Setting, now: Callable[[], Moment],
        pause: Callable[[float], object],
    ) -> None:
        self._open_at = open_at
        self._now = now
        self._pause = pause
        self._quiet_until = -math.inf
        self._ear: Ear | None = None
        self._line: Line | None = None  # at this setting
        self._fault = PortGone("the port is gone")
        self.setting = setting
        self.heard: list[Heard] = []

    def why(self, error: Exception) -> str:
        """Why the port cannot be used: `busy`, `missing`, `forbidden`, else in the error's words."""
        number = getattr(error.__cause__, "errno", None)
        return next((word for word, numbers in _WHY.items() if number in numbers), str(error))

    def tune(self, setting: Setting) -> None:
        """Ask at this setting from now on."""
        if setting != self.setting:
            self.close()
        self.setting = setting

    def close(self) -> None:
        """Let go of the port; the next question opens it again."""
        if self._ear is not None:
            self._ear.close()
        self._ear = self._line = None

    def ask(self, request: bytes, timeout_s: float, *, rest_s: float = QUIET_S) -> Heard:
        """One question; after anything but a sound answer the line rests for `rest_s`."""
        heard = self._hear(request, timeout_s, answer_length(request), told)
        if heard.kind not in ("answer", "refused"):
            self._quiet_until = self._now().mono + rest_s
        return heard

    def ask_dlt645(self, timeout_s: float) -> Heard:
        """Ask whoever speaks DL/T 645 for its number."""
        return self._hear(dlt645.QUESTION, timeout_s, len(dlt645.answer(0)), told_dlt645)

    def write(self, request: bytes) -> bool:
        """Have a device keep a setting; whether it confirmed that. Raises Refused where it will not."""
        heard = self._hear(request, WRITE_S, len(confirmation(request)), told_write)
        self._quiet_until = self._now().mono + QUIET_S
        if heard.kind == "refused":
            raise Refused(f"device {request[0]} refuses (exception {heard.code})")
        return heard.kind == "answer"

    def somebody(self, address: int, timeout_s: float, functions: Sequence[int] = (4, 3, 1)) -> Heard:
        """Whether anything is at this address: what was heard first of all that came, or the last silence.

        Modbus devices answer what they do not know with an exception; those that stay silent are asked by another
        function.
        """
        heard = None
        for function in functions:
            heard = self.ask(read_request(address, function, 0, 2), timeout_s, rest_s=0.0)
            if heard.kind != "silent":
                break
        assert heard is not None
        return heard

    def rounds(self, address: int, model: str) -> list[list[bytes]]:
        """All that a device of this model is asked for one reading, for each form that it may have."""
        found = _found(model)
        if isinstance(found, BoardModel):
            return [[read_request(address, READ_COILS, 0, found.coils)]]
        character_s = self._character_s
        return [
            [read_request(address, b.function, b.register, b.count)
             for b in (*form.factor_plan(character_s), *form.plan(character_s))]
            for form in found.forms
        ]  # fmt: skip

    def registers(self, address: int, function: int, first: int, count: int) -> Heard:
        """Any registers (function 3 or 4; at most 125), as they are."""
        return self.ask(read_request(address, function, first, count), WRITE_S)

    def shortest(self, address: int, model: str) -> bytes:
        """The shortest question that a device of this model surely answers."""
        found = _found(model)
        if isinstance(found, BoardModel):
            return read_request(address, READ_COILS, 0, found.coils)
        probe = found.probes[0]
        return read_request(address, probe.function, probe.register, probe.count)

    def read(self, device: str, address: int, model: str) -> Taken:
        """One reading of a device as the controller takes it, given up after TRIES faults; of a board, its coils."""
        before = len(self.heard)
        found = _found(model)
        line = self._common_line()
        if isinstance(found, BoardModel):
            values, error = self._read_board(address, found)
            missing: list[str] = []
        else:
            values, error = self._read_meter(ModbusReader(device, line, address, found))
            missing = [name for name in found.quantities if name not in (values or {})]
        heard = tuple(self.heard[before:])
        if any(h.kind != "answer" for h in heard):
            self._line = None  # whoever asks again wants no wait for what was left unanswered, but a second of silence
        sound = any(h.kind == "answer" for h in heard) and all(h.kind == "answer" for h in heard)
        return Taken(values, error, heard, tuple(missing), impossible=values is None and sound)

    def look(self, address: int, model: str, timeout_s: float) -> Look:
        """Ask the device at `address` as this model is asked, and note what its registers would mean."""
        found = _found(model)
        if isinstance(found, BoardModel):
            heard = self.ask(read_request(address, READ_COILS, 0, found.coils), timeout_s)
            values = _coils(found, heard) if heard.kind == "answer" else {}
            return Look(model, values, refused=heard.kind == "refused", broken=not values and heard.kind != "refused")
        look = Look(model, refused=True)
        for form in found.forms:
            look = self._look_at(address, form, timeout_s)
            if not look.refused:
                break
        return look

    def switch(self, address: int, model: str, coil: int, on: bool, for_s: float | None = None) -> bool:
        """Drive a coil of a relay board; what the board then says of it. An ON for `for_s` (s) ends by itself, where
        the model has a timer. Raises NoAnswer after TRIES faults."""
        relay = ModbusRelay(self._common_line(), address, registers.load_board(model))
        self._turn(relay, (coil, on, for_s))
        coils = self._turn(relay, None).coils
        assert coils is not None
        return coils[coil]

    def factors(self, address: int, model: str, timeout_s: float) -> dict[str, float]:
        """What a device multiplies its figures with, such as the ratio of its current transformers; {}: nothing."""
        found = _found(model)
        values: dict[str, float] = {}
        for block in () if isinstance(found, BoardModel) else found.factor_plan(self._character_s):
            request = read_request(address, block.function, block.register, block.count)
            heard = self.ask(request, timeout_s)
            if heard.kind == "answer" and isinstance(found, Model):
                values |= _unjudged(found.factors, request, heard.data)[0]
        return values

    def _look_at(self, address: int, form: Model, timeout_s: float) -> Look:
        values: dict[str, float] = {}
        outside = 0
        for block in form.plan(self._character_s):
            request = read_request(address, block.function, block.register, block.count)
            heard = self.ask(request, timeout_s)
            if heard.kind == "refused":
                return Look(form.name, values, outside, refused=True)
            if heard.kind != "answer":
                return Look(form.name, values, outside, broken=True)
            more, wrong = _unjudged(form.quantities, request, heard.data)
            values |= more
            outside += wrong
        return Look(form.name, values, outside)

    @property
    def _character_s(self) -> float:
        return BITS_A_CHARACTER / self.setting.baudrate

    def exchange(self, request: bytes, deadline: float) -> bytes:
        """As a `Port`, for the line and its reader."""
        heard = self._hear(request, deadline - self._now().mono, 0, told)
        if not heard.raw:
            raise NoAnswer("no answer: look at power, wiring (A and B), address and speed")
        return heard.raw

    def _hear(self, request: bytes, timeout_s: float, expected: int, tell: Callable[[bytes, bytes], Heard]) -> Heard:
        self._pause(max(0.0, self._quiet_until - self._now().mono))
        if self._ear is None:
            self._ear = self._open_at(self.setting)
        began = self._now().mono
        wire_s = (len(request) + expected) * BITS_A_CHARACTER / self.setting.baudrate
        try:
            raw = self._ear.listen(request, began + wire_s + timeout_s, GAP_S)
        except NoAnswer:
            raw = b""
        except BadAnswer:  # never silent: as good as damaged
            raw = bytes(1)
        except PortGone as error:
            self._fault = error
            raise
        heard = tell(request, raw)
        after_s = self._now().mono - began
        heard = Heard(heard.kind, request, raw, heard.data, heard.code, heard.slave, after_s)
        self.heard.append(heard)
        return heard

    def _read_meter(self, reader: ModbusReader) -> tuple[dict[str, float] | None, str | None]:
        faults, error = 0, None
        while faults < TRIES:
            self._pause(max(0.0, reader.ready_at() - self._now().mono))
            turn = reader.ask(self._now())
            if turn.gone:
                raise self._fault
            if turn.reading is not None:
                return dict(turn.reading.quantities), error
            if turn.error is not None:
                faults, error = faults + 1, turn.error
        return None, error

    def _common_line(self) -> Line:
        if self._line is None:
            self._line = Line(self, lambda: self._now().mono, self.setting.baudrate)
        return self._line

    def _turn(self, relay: ModbusRelay, write: Wish | None) -> Turn:
        """Have the relay board do this write, or with None read its coils. Raises NoAnswer."""
        faults, wanted = 0, [] if write is None else [write]
        while True:
            self._pause(max(0.0, relay.ready_at(write, wanted) - self._now().mono))
            turn = relay.ask(write, wanted)
            if turn.gone:
                raise self._fault
            if turn.error is None and (turn.wrote is not None) is (write is not None):
                return turn
            faults += turn.error is not None
            if faults >= TRIES:
                raise NoAnswer(turn.error or "the relay board does not answer")

    def _read_board(self, address: int, model: BoardModel) -> tuple[dict[str, float] | None, str | None]:
        error = None
        request = read_request(address, READ_COILS, 0, model.coils)
        for _ in range(TRIES):
            heard = self.ask(request, model.timeout_s, rest_s=max(QUIET_S, model.worst_latency_s))
            if heard.kind == "answer":
                return _coils(model, heard), error
            error = _why(request, heard.raw)
        return None, error


def _found(model: str) -> Model | BoardModel:
    return registers.load_board(model) if model in registers.boards() else registers.load_model(model)


def told(request: bytes, raw: bytes) -> Heard:
    """What came back on a Modbus read, told apart."""
    if not raw:
        return Heard("silent", request)
    if (number := dlt645.heard(raw)) is not None:
        return Heard("dlt645", request, raw, data=number.encode())
    frames = list(_frames(raw))
    if len(frames) > 1 and all(frame[0] == request[0] for frame in frames):
        return Heard("double", request, raw)
    if frames and frames[0][0] != request[0]:
        return Heard("stranger", request, raw, slave=frames[0][0])
    try:
        return Heard("answer", request, raw, data=check(request, raw))
    except Refused:
        return Heard("refused", request, raw, code=raw[2])
    except BadAnswer:
        return Heard("damaged", request, raw)


def told_dlt645(request: bytes, raw: bytes) -> Heard:
    """What came back on a question of DL/T 645."""
    number = dlt645.heard(raw)
    if number is not None:
        return Heard("dlt645", request, raw, data=number.encode())
    return Heard("damaged" if raw else "silent", request, raw)


def told_write(request: bytes, raw: bytes) -> Heard:
    """What came back on a write of a setting. Some devices confirm under the address that they have just been given."""
    confirmed = confirmation(request)
    if raw[: len(confirmed)] == confirmed or (raw[1:6] == confirmed[1:6] and raw and next(_frames(raw), b"")):
        return Heard("answer", request, raw)
    if len(raw) >= EXCEPTION_BYTES and raw[1] == request[1] | 0x80 and next(_frames(raw), b""):
        return Heard("refused", request, raw, code=raw[2])
    return Heard("damaged" if raw else "silent", request, raw)


def _frames(raw: bytes) -> Iterator[bytes]:
    """The sound Modbus answers at the beginning of these bytes, one after another."""
    while len(raw) >= EXCEPTION_BYTES:
        length = EXCEPTION_BYTES if raw[1] & 0x80 else 8 if raw[1] in (5, 6, 16) else FRAME_BYTES + raw[2]
        if len(raw) < length or raw[length - 2 : length] != crc16(raw[: length - 2]).to_bytes(2, "little"):
            return
        yield raw[:length]
        raw = raw[length:]


def _coils(model: BoardModel, heard: Heard) -> dict[str, float]:
    return {f"coil_{i}": float(heard.data[0] >> i & 1) for i in range(model.coils)}


def _unjudged(places: Mapping[str, Quantity], request: bytes, data: bytes) -> tuple[dict[str, float], int]:
    """The quantities of `places` in the answer's data, and how many of them are outside of their limits."""
    register = int.from_bytes(request[2:4], "big")
    count = len(data) // 2
    values: dict[str, float] = {}
    outside = 0
    for name, quantity in places.items():
        if register <= quantity.address and quantity.end <= register + count:
            at = 2 * (quantity.address - register)
            values[name] = value = quantity.decode(data[at : at + 2 * quantity.count])
            outside += not quantity.limits[0] <= value <= quantity.limits[1]
    return values, outside


def _why(request: bytes, raw: bytes) -> str:
    if not raw:
        return "no answer"
    try:
        check(request, raw)
    except (BadAnswer, Refused) as error:
        return str(error)
    return "the answer cannot be understood"
