"""One value of a device as its registers hold it, and back."""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

CODED = {
    "float32": struct.Struct(">f"),
    "int16": struct.Struct(">h"),
    "uint16": struct.Struct(">H"),
    "int32": struct.Struct(">i"),
    "uint32": struct.Struct(">I"),
    "int64": struct.Struct(">q"),
}
LARGEST_SINGLE = 3.4028234663852886e38

Type = Literal["float32", "int16", "uint16", "int32", "uint32", "int64"]


class Table(BaseModel):
    """A block of a model file: unknown keys are refused, values stay as they are."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Quantity(Table):
    """One value of a device: where it is (`address`, 0-based wire address), how it is coded and what it can be.

    The value is the coded number times `scale`, in `unit`, and then times the factors named in `times`, which the
    device keeps in registers of their own (the ratio of its current transformers). `limits` (both included) hold for
    the value before these factors: outside of them it cannot be true.
    """

    address: Annotated[int, Field(ge=0, le=0xFFFF, strict=True)]
    type: Type = "float32"
    words: Literal["high first", "low first"] = "high first"
    scale: Annotated[float, Field(gt=0)] = 1
    unit: str
    limits: tuple[float, float]
    times: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _can_be(self) -> Quantity:
        for key, why in self._flaws():
            raise PydanticCustomError("flaw", "{why}", {"why": why, "key": key})
        return self

    def _flaws(self) -> Iterator[tuple[str, str]]:
        low, high = self.limits
        if not low < high:
            yield "limits", "the limits leave nothing between them; write the lower one first"
        if self.end > 0x10000:
            yield "address", f"a {self.type} does not fit there; the last register is 0xFFFF"

    @functools.cached_property
    def _codec(self) -> struct.Struct:
        return CODED[self.type]

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
        if abs(short) <= LARGEST_SINGLE and CODED["float32"].unpack(CODED["float32"].pack(short))[0] == single:
            return short
    return float(f"{single:.9g}")
