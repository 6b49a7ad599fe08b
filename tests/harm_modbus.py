"""libmodbus as the slave of every model, and a line that spoils what it says: tests/harm/modbus_slave.c.

The slave answers the k-th question from its k-th scene, a set of figures of its own; so the figures of an answer say
which question they answer. They are put into registers by pymodbus, from what the model file says and not by this
program's own code.
"""

from __future__ import annotations

import array
import os
import pty
import random
import select
import subprocess
import tty
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from modbus_double import Slaves
from pymodbus.client.mixin import ModbusClientMixin

from drivers.modbus import EXCEPTION, missing, sealed
from drivers.quantities import Quantity
from drivers.registers import Model

SCENES = 251
TYPES = ModbusClientMixin.DATATYPE
CODED = {
    "float32": TYPES.FLOAT32, "int16": TYPES.INT16, "uint16": TYPES.UINT16, "int32": TYPES.INT32, "uint32": TYPES.UINT32,
    "int64": TYPES.INT64,
}  # fmt: skip
ANSWERS_S = 10.0


class Scenes:
    """SCENES sets of figures that a device of this form can show, and the registers that mean them.

    `values[k]` are the figures of scene k as they should be read. What tells forms apart is never 0.
    """

    def __init__(self, form: Model, telling: frozenset[str], seed: str) -> None:
        draw = random.Random(seed)
        factors = {name: float(draw.randint(2, 50)) for name in form.factors}
        held = form.factors | form.quantities
        self.addresses = [register for q in held.values() for register in range(q.address, q.end)]
        self.words: list[list[int]] = []
        self.values: list[dict[str, float]] = []
        for _ in range(SCENES):
            raws = {n: factors[n] / q.scale if n in factors else raw(q, draw, n in telling) for n, q in held.items()}
            self.words.append([word for n, q in held.items() for word in registers(q, raws[n])])
            values = {n: raws[n] * q.scale for n, q in form.quantities.items()}
            for n, q in form.quantities.items():
                for factor in q.times:
                    values[n] *= factors[factor]
            self.values.append(values)

    def table(self, holding: int, inputs: int) -> bytes:
        """The file that modbus_slave.c reads."""
        head = array.array("I", [holding, inputs, len(self.addresses), SCENES])
        words = array.array("H", [word for scene in self.words for word in scene])
        return head.tobytes() + array.array("H", self.addresses).tobytes() + words.tobytes()


def raw(quantity: Quantity, draw: random.Random, not_zero: bool) -> float:
    """A number in the registers that means something within the limits; floats have few digits."""
    low, high = (limit / quantity.scale for limit in quantity.limits)
    if quantity.type == "float32":
        return float(f"{draw.uniform(max(low, high / 1000) if not_zero else low, high):.6g}")
    return draw.randint(max(round(low), 1) if not_zero else round(low), round(high))


def registers(quantity: Quantity, number: float) -> list[int]:
    order: Any = "big" if quantity.words == "high first" else "little"
    figure = number if quantity.type == "float32" else round(number)
    return ModbusClientMixin.convert_to_registers(figure, CODED[quantity.type], word_order=order)


class Libmodbus:
    """One slave process on a pty of its own or on the serial port `device`, and what it says to each question."""

    def __init__(
        self, program: Path, folder: Path, key: str, form: Model, address: int, telling: frozenset[str],
        device: str | None = None,
    ) -> None:
        self.form, self.address = form, address
        self.scenes = Scenes(form, telling, key)
        functions = {form.function, *(span.function or form.function for span in form.also_answers)}
        table = folder / f"{key}.table"
        table.write_bytes(self.scenes.table(65536 if 3 in functions else 0, 65536 if 4 in functions else 0))
        self.fd, self._near = pty.openpty()
        tty.setraw(self._near)
        command = [str(program), device or os.ttyname(self._near), str(address), str(table)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"
        self.asked = 0
        self.last: dict[bytes, int] = {}

    def note(self, request: bytes) -> None:
        """The next question is this one: which scene it is answered from."""
        self.last[request] = self.asked % SCENES
        self.asked += 1

    def answer(self, request: bytes) -> bytes:
        """What the slave really answers; the question is noted."""
        self.note(request)
        os.write(self.fd, request)
        got = b""
        while missing(request, got) > 0:
            assert select.select([self.fd], [], [], ANSWERS_S)[0], f"libmodbus does not answer {request.hex(' ')}"
            got += os.read(self.fd, 512)
        return got

    def expected(self, requests: Mapping[bytes, tuple[str, ...]]) -> dict[str, float]:
        """The figures of the last answers to these questions, by the quantities that each asks for."""
        return {name: self.scenes.values[self.last[r]][name] for r, names in requests.items() for name in names}

    def end(self) -> None:
        self._process.terminate()
        self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()
        os.close(self.fd)
        os.close(self._near)


class SpoiltLine(Slaves):
    """What a bad line makes of the slaves' answers; beside what Slaves does, they come twice, and as exceptions."""

    def __init__(self, slaves: Mapping[int, Libmodbus], **settings: Any) -> None:
        super().__init__(lambda *_: 0, frozenset(slaves), **settings)
        self._slaves = slaves

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for slave in self._slaves.values():
            slave.end()

    def _answer(self, request: bytes, now: float) -> bytes:
        return self._slaves[request[0]].answer(request)

    def _spoil(self, kind: str, frame: bytes) -> bytes:
        if kind == "twice":
            return frame + frame
        if kind == "exception":
            return sealed(bytes((frame[0], frame[1] | EXCEPTION, self.rng.choice((1, 2, 3, 4, 6, 11)))))
        return super()._spoil(kind, frame)
