"""A model file (drivers/models/*.yaml): from registers to quantities and back, in the fewest reads.

A file is everything this program knows of a device: adding one makes the model known.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from ruamel.yaml import YAML

from edge.core.values import ModelInfo

FOLDER = Path(__file__).parent / "models"
PLANNED = "planned"

_CODECS = {
    "float32": struct.Struct(">f"),
    "int16": struct.Struct(">h"),
    "uint16": struct.Struct(">H"),
    "int32": struct.Struct(">i"),
    "uint32": struct.Struct(">I"),
    "int64": struct.Struct(">q"),
}
LARGEST_SINGLE = 3.4028234663852886e38

Parity = Literal["none", "even", "odd"]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Quantity(_Table):
    """One value of a device: where it is (`address`, 0-based wire address), how it is coded and what it can be.

    The value is the coded number times `scale`, in `unit`. Outside `limits` (both included) it cannot be true.
    """

    address: int = Field(ge=0, le=0xFFFF)
    type: Literal["float32", "int16", "uint16", "int32", "uint32", "int64"] = "float32"
    words: Literal["high first", "low first"] = "high first"
    scale: Annotated[float, Field(gt=0)] = 1
    unit: str
    limits: tuple[float, float]

    @functools.cached_property
    def _codec(self) -> struct.Struct:
        return _CODECS[self.type]

    @functools.cached_property
    def _ratio(self) -> tuple[int, int]:
        # 2257 / 10 is the nearest number to 225.7, 2257 * 0.1 is not.
        return Fraction(str(self.scale)).as_integer_ratio()

    @property
    def count(self) -> int:
        """Registers it takes: 1, 2 or 4."""
        return self._codec.size // 2

    @property
    def end(self) -> int:
        """The register after its last."""
        return self.address + self.count

    def decode(self, data: bytes) -> float:
        """The value that its registers (big-endian bytes) mean, not judged; NaN and infinity are possible.

        A 32-bit float becomes the shortest decimal that it stands for: 5188.847, not 5188.84716796875.
        """
        raw = self._codec.unpack(self._ordered(data))[0]
        if self.type == "float32" and raw:
            raw = _shortest(raw)
        times, by = self._ratio
        return float(raw) if times == by else float(raw * times / by)

    def encode(self, value: float) -> bytes:
        """The registers that mean `value`, to the nearest the type can say. Raises ValueError if it cannot."""
        times, by = self._ratio
        try:
            raw = value * by / times
            return self._ordered(self._codec.pack(raw if self.type == "float32" else round(raw)))
        except (struct.error, OverflowError, ValueError) as error:
            raise ValueError(f"{value} {self.unit} does not fit {self.type} with scale {self.scale}") from error

    def _ordered(self, data: bytes) -> bytes:
        if self.words == "high first":
            return data
        return b"".join(data[i : i + 2] for i in range(len(data) - 2, -1, -2))


@functools.lru_cache(4096)  # many values stay as they are from poll to poll
def _shortest(single: float) -> float:
    for digits in (7, 8):  # what needs fewer loses its zeros by itself
        short = float(f"{single:.{digits}g}")
        if abs(short) <= LARGEST_SINGLE and _CODECS["float32"].unpack(_CODECS["float32"].pack(short))[0] == single:
            return short
    return float(f"{single:.9g}")


class Link(_Table):
    """Every setting the device's serial port can be set to."""

    baudrates: tuple[int, ...]
    parities: tuple[Parity, ...]
    stopbits: tuple[Literal[1, 2], ...]


@dataclass(frozen=True, slots=True)
class Block:
    """Registers read in one request, and the quantities that lie whole within them."""

    register: int
    count: int
    names: tuple[str, ...]


class Model(_Table):
    """What one model file says.

    `function`: 3 or 4. `max_registers`: the most it answers at once. `max_gap`: so many registers without a quantity
    are rather read over than asked around. `timeout_s`, `worst_latency_s`, `turnaround_s`: as `modbus.Manners` says.
    """

    name: str
    title: str
    kind: Literal["meter", "sensor"]
    source: str
    link: Link
    function: Literal[3, 4]
    max_registers: int = Field(ge=1, le=125)
    max_gap: int = Field(default=20, ge=0)
    timeout_s: float = Field(gt=0)
    worst_latency_s: float = Field(gt=0)
    turnaround_s: float = Field(ge=0)
    quantities: dict[str, Quantity] = Field(min_length=1)

    @model_validator(mode="after")
    def _can_be_read(self) -> Model:
        for name, quantity in self.quantities.items():
            if quantity.count > self.max_registers:
                raise ValueError(f"{name} has more registers than max_registers")
            if not quantity.limits[0] < quantity.limits[1]:
                raise ValueError(f"the limits of {name} leave nothing between them")
        return self

    @functools.cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The requests that read every quantity, in register order.

        Two neighbours share a request when the gap costs less than asking anew: a request costs about 20 characters
        and the device's thinking, a register two characters.
        """
        blocks: list[list[Quantity]] = []
        for quantity in sorted(self.quantities.values(), key=lambda q: q.address):
            if blocks:
                first, last = blocks[-1][0], max(blocks[-1], key=lambda q: q.end)
                if quantity.address - last.end <= self.max_gap and quantity.end - first.address <= self.max_registers:
                    blocks[-1].append(quantity)
                    continue
            blocks.append([quantity])
        return tuple(self._block(qs[0].address, max(q.end for q in qs)) for qs in blocks)

    @functools.cached_property
    def probes(self) -> tuple[Block, ...]:
        """Questions the device surely answers, one of every length there is, the shortest first.

        They begin and end with a quantity, for meters that refuse half a number.
        """
        found: dict[int, Block] = {}
        for block in self.blocks:
            inside = [self.quantities[name] for name in block.names]
            for first in inside:
                for last in inside:
                    if last.end > first.address:
                        found.setdefault(last.end - first.address, self._block(first.address, last.end))
        return tuple(found[count] for count in sorted(found))

    def decode(self, block: Block, data: bytes) -> dict[str, float]:
        """The quantities of `block` from the answer's data (two bytes a register, as sent).

        One that is NaN, infinite or outside its limits is left out.
        """
        values: dict[str, float] = {}
        for name in block.names:
            quantity = self.quantities[name]
            start = 2 * (quantity.address - block.register)
            value = quantity.decode(data[start : start + 2 * quantity.count])
            low, high = quantity.limits
            if low <= value <= high:
                values[name] = value
        return values

    def encode(self, values: Mapping[str, float]) -> dict[int, int]:
        """The registers (address -> 16-bit word) of a device that has these values; KeyError for what it has not."""
        words: dict[int, int] = {}
        for name, value in values.items():
            quantity = self.quantities[name]
            data = quantity.encode(value)
            for i in range(quantity.count):
                words[quantity.address + i] = int.from_bytes(data[2 * i : 2 * i + 2], "big")
        return words

    def info(self) -> ModelInfo:
        """What the configuration must know of it."""
        return _info(self, quantities={name: quantity.unit for name, quantity in self.quantities.items()})

    def _block(self, register: int, end: int) -> Block:
        names = tuple(n for n, q in self.quantities.items() if register <= q.address and q.end <= end)
        return Block(register, end - register, names)


class TimedOn(_Table):
    """How a board is told to close a relay and open it again by itself, with no one asking further.

    Function 5 at `address` plus the coil; the value counts `unit_s` seconds, 1 to `most` of them.
    """

    address: int = Field(ge=0, le=0xFFFF)
    unit_s: float = Field(gt=0)
    most: int = Field(ge=1, le=0xFFFF)


class BoardModel(_Table):
    """What the file of a relay board says: `coils` relays at the wire addresses from 0, read and written as coils.

    All are read at once (function 1), one is written at a time (function 5). `timeout_s`, `worst_latency_s` and
    `turnaround_s`: as `modbus.Manners` says.
    """

    name: str
    title: str
    kind: Literal["board"]
    source: str
    link: Link
    coils: int = Field(ge=1, le=8)
    timed_on: TimedOn | None = None
    timeout_s: float = Field(gt=0)
    worst_latency_s: float = Field(gt=0)
    turnaround_s: float = Field(ge=0)

    def info(self) -> ModelInfo:
        """What the configuration must know of it."""
        return _info(self, coils=self.coils, timed_on=self.timed_on is not None)


class _Planned(_Table):
    kind: Literal["meter", "sensor"]
    baudrates: tuple[int, ...]
    parities: tuple[Parity, ...]
    stopbits: tuple[Literal[1, 2], ...]


def models() -> tuple[str, ...]:
    """The names of the meters and sensors that have their registers here, in alphabetical order."""
    return tuple(name for name in _files() if isinstance(_load(name), Model))


def boards() -> tuple[str, ...]:
    """The names of the relay boards that have a file here, in alphabetical order."""
    return tuple(name for name in _files() if isinstance(_load(name), BoardModel))


def load_model(name: str) -> Model:
    """The meter or sensor of that name. Raises ValueError for any other, and for an impossible file."""
    model = _load(name) if name in _files() else None
    if isinstance(model, Model):
        return model
    raise ValueError(f"there is no model {name!r}; there are {', '.join(models())}")


def load_board(name: str) -> BoardModel:
    """The relay board of that name. Raises ValueError for any other, and for an impossible file."""
    model = _load(name) if name in _files() else None
    if isinstance(model, BoardModel):
        return model
    raise ValueError(f"there is no relay board {name!r}; there are {', '.join(boards())}")


def _files() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml") if path.stem != PLANNED))


@functools.cache
def _load(name: str) -> Model | BoardModel:
    parsed = {**_parsed(name), "name": name}
    return (BoardModel if parsed.get("kind") == "board" else Model).model_validate(parsed)


def catalogue() -> dict[str, ModelInfo]:
    """Every model a configuration may name: those driven here, and those only planned."""
    known = {
        name: ModelInfo(name=name, driven=False, **_Planned.model_validate(entry).model_dump())
        for name, entry in _parsed(PLANNED).items()
    }
    return known | {name: _load(name).info() for name in _files()}


def _info(model: Model | BoardModel, **more: Any) -> ModelInfo:
    link = model.link
    return ModelInfo(model.name, model.kind, True, link.baudrates, link.parities, link.stopbits, **more)


def _parsed(name: str) -> dict[str, object]:
    text = (FOLDER / f"{name}.yaml").read_text("utf-8")
    parsed: dict[str, object] = YAML(typ="safe", pure=True).load(text)
    return parsed
