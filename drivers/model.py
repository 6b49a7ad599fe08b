"""What one model file says, checked: a meter or sensor read from registers, or a relay board."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from drivers.api import BadAnswer
from drivers.quantities import Quantity, Table
from drivers.read_plan import Block, plan, touches, widest_gap
from edge.core.values import ModelInfo

Parity = Literal["none", "even", "odd"]
Path = tuple[str | int, ...]

UNITS = {
    "V": "_v", "A": "_a", "W": "_w", "VA": "_va", "var": "_var", "Hz": "_hz", "kWh": "_kwh", "kvarh": "_kvarh",
    "kVAh": "_kvah", "°C": "_c", "%": "_pct", "lx": "_lux", "l": "_l", "": "",
}  # what a quantity of this unit ends with  # fmt: skip
USUAL_CHARACTER_S = 11 / 9600


class Link(Table):
    """Every setting the device's serial port can be set to."""

    baudrates: tuple[Annotated[int, Field(ge=300, le=1_000_000)], ...] = Field(min_length=1)
    parities: tuple[Parity, ...] = Field(min_length=1)
    stopbits: tuple[Literal[1, 2], ...] = Field(min_length=1)


class Span(Table):
    """`count` registers from `address` that `function` reads, by default the model's own."""

    function: Literal[3, 4] | None = None
    address: int = Field(ge=0, le=0xFFFF)
    count: int = Field(ge=1, le=125)

    @property
    def end(self) -> int:
        """The register after its last."""
        return self.address + self.count


class Variant(Table):
    """Another form of the same device: the function that it answers instead, and where its quantities are instead."""

    function: Literal[3, 4] | None = None
    addresses: dict[str, Annotated[int, Field(ge=0, le=0xFFFF)]] = Field(default_factory=dict)


class _Device(Table):
    name: str
    title: str
    source: str
    link: Link
    timeout_s: float = Field(gt=0, le=10)
    worst_latency_s: float = Field(gt=0, le=60)
    turnaround_s: float = Field(ge=0, le=1)


class Model(_Device):
    """A meter or sensor.

    `function`: 3 or 4. `max_registers`: the most it answers at once. `forbidden`: ranges (first, last) that must not be
    read, not even between others. `also_answers`: more that it surely answers, asked only to bring it back into step.
    `timeout_s`, `worst_latency_s`, `turnaround_s`: as `modbus.Manners` says. `counter_step`: the least that its energy
    counter moves by (kWh). `wraps_at`: what the counter shows 0 in place of (kWh), where that is known. `factors`: what
    quantities are multiplied with, read from the device itself. `variants`: other forms the device may have; one that
    answers is the right one, and if they differ in addresses, the one whose figures there are not all 0.
    """

    kind: Literal["meter", "sensor"]
    function: Literal[3, 4]
    max_registers: int = Field(ge=1, le=125)
    forbidden: tuple[tuple[int, int], ...] = ()
    also_answers: tuple[Span, ...] = ()
    wraps_at: float | None = Field(default=None, gt=0)
    counter_step: float = Field(default=0.01, gt=0)
    factors: dict[str, Quantity] = Field(default_factory=dict)
    quantities: dict[str, Quantity] = Field(min_length=1)
    variants: tuple[Variant, ...] = ()

    @model_validator(mode="after")
    def _is_consistent(self) -> Model:
        found = list(self._flaws())
        if found:
            words = "; ".join(f"{'.'.join(map(str, path))}: {text}" for path, text in found)
            raise PydanticCustomError("flaws", "{words}", {"words": words, "found": found})
        return self

    def _flaws(self) -> Iterator[tuple[Path, str]]:
        """What cannot be meant, by key path, with the remedy after a semicolon."""
        for i, (first, last) in enumerate(self.forbidden):
            if not 0 <= first <= last <= 0xFFFF:
                yield ("forbidden", i), "this is no range; write its first and its last register"
        for section, held in (("factors", self.factors), ("quantities", self.quantities)):
            for name, quantity in held.items():
                for key, text in self._flaws_of(name, quantity):
                    yield (section, name, *key), text
        for i, variant in enumerate(self.variants):
            for key, text in self._flaws_of_variant(variant):
                yield ("variants", i, *key), text

    def _flaws_of(self, name: str, quantity: Quantity) -> Iterator[tuple[Path, str]]:
        if quantity.count > self.max_registers:
            yield ("type",), f"{name} has more registers than max_registers; write at least {quantity.count} there"
        if touches(self.forbidden, quantity.address, quantity.end):
            yield ("address",), f"{name} lies in a range that is forbidden; correct one of the two"
        end = UNITS.get(quantity.unit)
        if end is None:
            known = ", ".join(unit for unit in UNITS if unit)
            yield ("unit",), f'"{quantity.unit}" is no unit here; scale the value to one of {known}, or to ""'
        elif not name.endswith(end):
            yield ("unit",), f"a quantity in {quantity.unit} ends with {end}; rename {name} or correct the unit"
        for i, factor in enumerate(quantity.times):
            if name in self.factors or factor not in self.factors:
                known = ", ".join(self.factors) or "none"
                yield ("times", i), f"{factor} is not among the factors ({known}); add it there or take it out here"

    def _flaws_of_variant(self, variant: Variant) -> Iterator[tuple[Path, str]]:
        if variant.function in (None, self.function) and not variant.addresses:
            yield (), "it is the device itself; write what is different, a function or addresses"
        for name, address in variant.addresses.items():
            quantity = self.quantities.get(name)
            if quantity is None:
                yield ("addresses", name), f"{name} is not among the quantities; correct the name"
            elif address + quantity.count > 0x10000 or touches(self.forbidden, address, address + quantity.count):
                yield ("addresses", name), f"{name} cannot lie there; correct the address"

    @property
    def forms(self) -> tuple[Model, ...]:
        """The device as it may be, each a model: as the file begins, and then as each of its variants says."""
        return (self, *(self._form(variant) for variant in self.variants))

    def _form(self, variant: Variant) -> Model:
        fields: dict[str, Any] = self.model_dump() | {"variants": (), "function": variant.function or self.function}
        for name, address in variant.addresses.items():
            fields["quantities"][name]["address"] = address
        return Model.model_validate(fields)

    @property
    def telling(self) -> frozenset[str]:
        """The quantities that its forms have at different addresses."""
        return frozenset(name for variant in self.variants for name in variant.addresses)

    def plan(self, character_s: float) -> tuple[Block, ...]:
        """The fewest requests that read every quantity, in register order, on a line with characters so long.

        What nobody wants between two is read over where that takes less time than another request.
        """
        return self._plan(self.quantities, character_s)

    def factor_plan(self, character_s: float) -> tuple[Block, ...]:
        """The requests that read every factor, likewise."""
        return self._plan(self.factors, character_s)

    def _plan(self, places: Mapping[str, Quantity], character_s: float) -> tuple[Block, ...]:
        gap = widest_gap(character_s, self.turnaround_s)
        return plan(places, self.function, self.max_registers, gap, self.forbidden)

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The requests that read every quantity on a line with the usual 9600 baud."""
        return self.plan(USUAL_CHARACTER_S)

    @property
    def probes(self) -> tuple[Block, ...]:
        """Questions the device surely answers, one for each kind of answer there is, the shortest first.

        They begin and end with a quantity, for meters that refuse half a number, or are those of `also_answers`.
        """
        found: dict[tuple[int, int], Block] = {}
        for block in self.blocks:
            inside = [self.quantities[name] for name in block.names]
            for first in inside:
                for last in inside:
                    if last.end > first.address:
                        self._add(found, Block(first.address, last.end - first.address, (), self.function))
        for span in self.also_answers:
            self._add(found, Block(span.address, span.count, (), span.function or self.function))
        return tuple(found[key] for key in sorted(found))

    def _add(self, found: dict[tuple[int, int], Block], block: Block) -> None:
        found.setdefault((block.count, block.function), block)

    def has(self, function: int, register: int, end: int) -> bool:
        """Whether `function` reads the registers from `register` up to, not including, `end`, as far as is known."""
        if touches(self.forbidden, register, end):
            return False
        held = [*self.quantities.values(), *self.factors.values()]
        whole = min(q.address for q in held) <= register and end <= max(q.end for q in held)
        return (function == self.function and whole) or any(
            (span.function or self.function) == function and span.address <= register and end <= span.end
            for span in self.also_answers
        )

    def decode(self, block: Block, data: bytes, factors: Mapping[str, float] | None = None) -> dict[str, float]:
        """The quantities or factors of `block` from the answer's data (two bytes a register, as sent).

        `factors` holds what was read of the model's factors; KeyError if a quantity needs one that is missing. A
        quantity that is NaN, infinite or outside its limits is left out. Raises BadAnswer for such a factor: it casts
        doubt on all.
        """
        values: dict[str, float] = {}
        for name in block.names:
            quantity = self.quantities.get(name) or self.factors[name]
            start = 2 * (quantity.address - block.register)
            value = quantity.decode(data[start : start + 2 * quantity.count])
            low, high = quantity.limits
            if low <= value <= high:
                values[name] = _multiplied(value, quantity, factors or {}) if quantity.times else value
            elif name in self.factors:
                raise BadAnswer(f"{name} reads {value:g}, which is not within {low:g} to {high:g}")
        return values

    def encode(self, values: Mapping[str, float]) -> dict[int, int]:
        """The registers (address -> 16-bit word) of a device that has these values; KeyError for what it has not.

        Factors are values like others; one that is not given is 1.
        """
        words: dict[int, int] = {}
        whole = dict.fromkeys(self.factors, 1.0) | dict(values)
        for name, value in whole.items():
            quantity = self.factors.get(name) or self.quantities[name]
            for factor in quantity.times:
                value /= whole[factor]  # noqa: PLW2901  # the device's own figure, before its factors
            data = quantity.encode(value)
            for i in range(quantity.count):
                words[quantity.address + i] = int.from_bytes(data[2 * i : 2 * i + 2], "big")
        return words

    def info(self) -> ModelInfo:
        """What the configuration and the core must know of it."""
        quantities = {name: quantity.unit for name, quantity in self.quantities.items()}
        return _info(self, quantities=quantities, wraps_at=self.wraps_at, counter_step=self.counter_step)


class TimedOn(Table):
    """How a board is told to close a relay and open it again by itself, with no one asking further.

    Function 5 at `address` plus the coil; the value counts `unit_s` seconds, 1 to `most` of them.
    """

    address: int = Field(ge=0, le=0xFFFF)
    unit_s: float = Field(gt=0)
    most: int = Field(ge=1, le=0xFFFF)


class BoardModel(_Device):
    """A relay board: `coils` relays at the wire addresses from 0, read and written as coils.

    All are read at once (function 1), one is written at a time (function 5). `timeout_s`, `worst_latency_s` and
    `turnaround_s`: as `modbus.Manners` says.
    """

    kind: Literal["board"]
    coils: int = Field(ge=1, le=8)
    timed_on: TimedOn | None = None

    def info(self) -> ModelInfo:
        """What the configuration must know of it."""
        return _info(self, coils=self.coils, timed_on=self.timed_on is not None)


def _multiplied(value: float, quantity: Quantity, factors: Mapping[str, float]) -> float:
    for factor in quantity.times:
        value *= factors[factor]
    return float(f"{value:.12g}")  # 1.1 * 40 is 44, not 44.00000000000001


def _info(model: Model | BoardModel, **more: Any) -> ModelInfo:
    link = model.link
    return ModelInfo(model.name, model.kind, True, link.baudrates, link.parities, link.stopbits, **more)
