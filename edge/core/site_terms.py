"""The words of a configuration: durations, times of day, ids and numbers in their range.

Every reader takes what the YAML file (or JSON) gave and returns the value, or raises Wrong with a text that says what
is wrong and what to write instead.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import GetCoreSchemaHandler, PlainValidator

ID_PATTERN = r"^[a-z0-9][a-z0-9-]{0,31}$"

_UNIT_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = r"(\d+(?:\.\d+)?)\s*([smhd])"
_CLOCK = r"([01]?\d|2[0-3]):([0-5]\d)"
_SUN = rf"(sunrise|sunset)(?:\s*([+-])\s*{_DURATION})?"
_BOUND = rf"not\s+(before|after)\s+{_CLOCK}"
_BOUNDS = {"sunset": (12, 6), "sunrise": (18, 11)}  # the hours between which a bound of each may lie
_SUN_LIMIT_S = 6 * 3600.0


class Wrong(ValueError):
    """What was written cannot stand. Each text says why and names the remedy; a path leads to the key at fault."""

    def __init__(self, text: str, *more: tuple[tuple[str | int, ...], str], path: tuple[str | int, ...] = ()) -> None:
        super().__init__(text)
        self.flaws = ((path, text), *more)


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """How one kind of scalar is read, for use in `Annotated`, and its JSON Schema."""

    read: Callable[[object], object]
    schema: Mapping[str, object]

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> Any:
        return PlainValidator(self.read).__get_pydantic_core_schema__(source, handler)

    def __get_pydantic_json_schema__(self, core: object, handler: object) -> dict[str, object]:
        return dict(self.schema)


@dataclass(frozen=True, slots=True)
class At:
    """A time of day: `offset_s` seconds after local midnight, or after (before, if negative) that day's sun event.

    `not_before_s` and `not_after_s`, in seconds after local midnight, bound what the sun gives.
    """

    anchor: Literal["clock", "sunrise", "sunset"]
    offset_s: float
    not_before_s: float | None = None
    not_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """A part of the day, in seconds after local midnight; one whose end is not after its start runs past midnight."""

    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Zone:
    """One valve's share of an irrigation run: either `for_s` seconds or `volume_l` litres."""

    valve: str
    for_s: float | None
    volume_l: float | None


def shown(value: object) -> str:
    """A value as the person who wrote it would recognise it, at most some 40 characters."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case str():
            return f'"{value}"' if len(value) <= 40 else f'"{value[:37]}..."'
        case int() if value.bit_length() > 128:
            return "a very long number"
        case int() | float():
            return str(value)
        case Mapping():
            return "a block of keys"
        case _:
            return "a list"


def span(seconds: float) -> str:
    """A duration in the words of the configuration: the largest unit that leaves it whole; exact."""
    unit = next((unit for unit in ("d", "h", "m") if seconds and seconds % _UNIT_S[unit] == 0), "s")
    digits = f"{Decimal(repr(float(seconds))) / int(_UNIT_S[unit]):f}"
    return f"{digits.rstrip('0').rstrip('.') if '.' in digits else digits}{unit}"


def matched(value: object, pattern: str, remedy: str) -> re.Match[str]:
    """What `pattern` finds in the whole of `value`, blanks around it aside; raises Wrong if `value` is not of it."""
    found = re.fullmatch(pattern, value.strip(), re.ASCII) if isinstance(value, str) else None
    if found is None:
        raise Wrong(f"{shown(value)} cannot be read; {remedy}")
    return found


def _seconds(amount: str, unit: str) -> float:
    return float(amount) * _UNIT_S[unit]


def duration(low: str, high: str) -> Term:
    """A duration with its unit (s, m, h, d), read as seconds; `low` and `high` bound it and are allowed."""
    remedy = f"write a duration with its unit from {low} to {high}, for example 10s, 20m, 2h or 1d"

    def parse(text: str) -> float:
        found = matched(text, _DURATION, remedy)
        return _seconds(found[1], found[2])

    low_s, high_s = parse(low), parse(high)

    def read(value: object) -> float:
        if isinstance(value, int | float) and not isinstance(value, bool):
            raise Wrong(f"{shown(value)} has no unit; {remedy}")
        seconds = _seconds(*matched(value, _DURATION, remedy).groups())
        if not low_s <= seconds <= high_s:
            raise Wrong(f"{shown(value)} is out of range; {remedy}")
        return seconds

    text = f"A duration from {low} to {high}: a number and its unit, s, m, h or d."
    return Term(read, {"type": "string", "pattern": rf"^\s*{_DURATION}\s*$", "description": text, "examples": [low]})


def read_at(value: object) -> At:
    """`22:30`, `sunset`, `sunrise + 1h`, `sunset - 10m`; at most six hours from the sun's event."""
    remedy = 'write a time such as "22:30", or sunset - 10m, sunrise, sunrise + 1h'
    text = value.strip() if isinstance(value, str) else ""
    if clock := re.fullmatch(_CLOCK, text, re.ASCII):
        return At("clock", int(clock[1]) * 3600.0 + int(clock[2]) * 60.0)
    anchor, sign, amount, unit = matched(value, _SUN, remedy).groups()
    offset_s = _seconds(amount, unit) if sign else 0.0
    if offset_s > _SUN_LIMIT_S:
        raise Wrong(f"{shown(value)} is more than 6h from the {anchor}; write at most 6h, or a time by the clock")
    return At("sunrise" if anchor == "sunrise" else "sunset", -offset_s if sign == "-" else offset_s)


def read_step_at(value: object) -> At:
    """As `read_at`, and after a time by the sun `, not before 17:45`, `, not after 18:30` or both.

    The bounds are times of the step's own night: from noon to six in the morning for sunset, from six in the evening to
    eleven in the morning for sunrise.
    """
    words = [part.strip() for part in value.split(",")] if isinstance(value, str) else []
    if len(words) < 2:
        return read_at(value)
    remedy = "write bounds such as sunset - 10m, not before 17:45, not after 18:30"
    at, bounds = read_at(words[0]), dict[str, float]()
    for part in words[1:]:
        side, hours, minutes = matched(part, _BOUND, remedy).groups()
        if side in bounds:
            raise Wrong(f"not {side} stands twice; {remedy}")
        bounds[side] = int(hours) * 3600.0 + int(minutes) * 60.0
    _check_bounds(at, bounds)
    return replace(at, not_before_s=bounds.get("before"), not_after_s=bounds.get("after"))


def _check_bounds(at: At, bounds: Mapping[str, float]) -> None:
    if at.anchor == "clock":
        raise Wrong("a time by the clock needs no bounds; remove them, or write sunset or sunrise in its place")
    begin, end = _BOUNDS[at.anchor]
    place = {side: (clock - begin * 3600) % _UNIT_S["d"] for side, clock in bounds.items()}
    for side, after_begin in place.items():
        if after_begin > (end - begin) % 24 * 3600:
            raise Wrong(
                f"not {side} {hhmm(bounds[side])} is far from any {at.anchor}; write a time from {begin:02}:00 to "
                f"{end:02}:00"
            )
    if len(place) == 2 and place["before"] > place["after"]:
        raise Wrong(
            f"not before {hhmm(bounds['before'])} is later than not after {hhmm(bounds['after'])}; "
            "exchange the two, or remove one"
        )


def hhmm(clock_s: float) -> str:
    """A time of day, in seconds after midnight, as it is written: 17:45."""
    return f"{int(clock_s) // 3600:02}:{int(clock_s) % 3600 // 60:02}"


def _read_window(value: object) -> Window:
    remedy = 'write the start and the end such as "08:00..18:00"'
    found = matched(value, rf"{_CLOCK}\.\.{_CLOCK}", remedy)
    start, end = (int(found[i]) * 3600.0 + int(found[i + 1]) * 60.0 for i in (1, 3))
    if start == end:
        raise Wrong(f"{shown(value)} starts and ends at once; {remedy}")
    return Window(start, end)


def read_zone(value: object) -> Zone:
    """One `valve: amount`, the amount a duration (`20m`) or a volume in litres (`200l`)."""
    remedy = "write one valve and its amount such as {plot-1: 20m} or {plot-1: 200l}"
    if not isinstance(value, Mapping) or len(value) != 1:
        raise Wrong(f"a zone names one valve, not {shown(value)}; {remedy}")
    [(valve, amount)] = value.items()
    name = read_id(valve)
    if isinstance(amount, str) and (litres := re.fullmatch(r"(\d+(?:\.\d+)?)\s*l", amount.strip(), re.ASCII)):
        volume_l = float(litres[1])
        if not 1 <= volume_l <= 100_000:
            raise Wrong(f"{shown(amount)} is out of range; write 1l to 100000l")
        return Zone(name, None, volume_l)
    found = matched(amount, _DURATION, remedy)
    for_s = _seconds(found[1], found[2])
    if not 1 <= for_s <= _UNIT_S["d"]:
        raise Wrong(f"{shown(amount)} is out of range; write 1s to 1d")
    return Zone(name, for_s, None)


def _read_resume(value: object) -> float:
    remedy = "write within and a duration up to 1d such as within 2h, or never"
    if value == "never":
        return 0.0
    found = matched(value, rf"within\s+{_DURATION}", remedy)
    seconds = _seconds(found[1], found[2])
    if not 0 < seconds <= _UNIT_S["d"]:
        raise Wrong(f"{shown(value)} is out of range; {remedy}")
    return seconds


def read_id(value: object) -> str:
    """An id, as it stands in topics: lower-case letters, digits and hyphens, at most 32 of them."""
    if isinstance(value, str) and re.fullmatch(ID_PATTERN[1:-1], value, re.ASCII):
        return value
    if isinstance(value, int | float):
        raise Wrong(f"{shown(value)} is a number, not an id; put it in quotes")
    raise Wrong(
        f"{shown(value)} is no id; write 1 to 32 of a-z, 0-9 and -, beginning with a letter or digit, "
        "such as main-road (the name beside it may have any letters)"
    )


def text(longest: int = 64) -> Term:
    """One line of text of 1 to `longest` characters."""

    def read(value: object) -> str:
        if isinstance(value, str) and 0 < len(value.strip()) <= longest and value.isprintable():
            return value
        if isinstance(value, int | float):
            raise Wrong(f"{shown(value)} is not text; put it in quotes")
        raise Wrong(f"{shown(value)} is not a line of text; write 1 to {longest} characters on one line")

    return Term(read, {"type": "string", "minLength": 1, "maxLength": longest})


def _number(value: object, remedy: str) -> float:
    if isinstance(value, str) and re.fullmatch(r"[+-]?\d+(\.\d+)?", value.strip(), re.ASCII):
        raise Wrong(f"{shown(value)} is text in quotes; {remedy}, without quotes")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Wrong(f"{shown(value)} is not a number; {remedy}")
    if isinstance(value, float) and not math.isfinite(value):
        raise Wrong(f"{shown(value)} is not a number to count with; {remedy}")
    return value


def whole(low: int, high: int, why: str = "") -> Term:
    """A whole number from `low` to `high`; `why` explains the bounds to the reader of an error."""
    remedy = f"write a whole number from {low} to {high}{why and f' ({why})'}"

    def read(value: object) -> int:
        number = _number(value, remedy)
        if not isinstance(number, int):
            raise Wrong(f"{shown(value)} is not a whole number; {remedy}")
        if not low <= number <= high:
            raise Wrong(f"{shown(value)} is out of range; {remedy}")
        return number

    described: dict[str, object] = {"description": why} if why else {}
    return Term(read, {"type": "integer", "minimum": low, "maximum": high} | described)


def number(low: float, high: float, unit: str, why: str = "") -> Term:
    """A number from `low` to `high`, in `unit`."""
    remedy = f"write a number from {low:.15g} to {high:.15g}, in {unit}{why and f' ({why})'}"

    def read(value: object) -> float:
        amount = _number(value, remedy)
        if not low <= amount <= high:
            raise Wrong(f"{shown(value)} is out of range; {remedy}")
        return float(amount)

    description = unit + (why and f"; {why}")
    return Term(read, {"type": "number", "minimum": low, "maximum": high, "description": description})


_AT_SCHEMA = {
    "type": "string",
    "pattern": rf"^\s*({_CLOCK}|{_SUN})\s*$",
    "description": "A time of day: HH:MM by the clock, or sunrise or sunset with at most 6h before or after.",
    "examples": ["22:30", "sunset - 10m", "sunrise + 1h"],
}
_STEP_AT_SCHEMA = {
    "type": "string",
    "pattern": rf"^\s*({_CLOCK}|{_SUN}(\s*,\s*{_BOUND}){{0,2}})\s*$",
    "description": "A time of day: HH:MM by the clock, or sunrise or sunset with at most 6h before or after, and "
    "bounds if need be, in quotes: sunset, not before 17:45, not after 18:30.",
    "examples": ["22:30", "sunset - 10m", "sunset - 10m, not before 17:45"],
}
_ZONE_SCHEMA = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": 1,
    "propertyNames": {"pattern": ID_PATTERN},
    "additionalProperties": {"type": "string", "pattern": rf"^\s*({_DURATION}|\d+(\.\d+)?\s*l)\s*$"},
    "description": "One valve and its amount: a duration (20m) or a volume in litres (200l).",
}


def pattern(expression: str, description: str) -> dict[str, object]:
    """The JSON Schema of a text of this form."""
    return {"type": "string", "pattern": expression, "description": description}


def _read_hand(value: object) -> str:
    kind, slash, name = value.partition("/") if isinstance(value, str) else ("", "", "")
    if not slash:
        return read_id(value)
    if kind not in ("light", "pump", "valve", "switch"):
        raise Wrong(f"no switch rules {shown(value)}; write a light's id, or pump/ID, valve/ID, switch/ID")
    return f"{kind}/{read_id(name)}"


Id = Annotated[str, Term(read_id, {"type": "string", "pattern": ID_PATTERN})]
HandTerm = Annotated[
    str, Term(_read_hand, {"type": "string", "pattern": rf"^((light|pump|valve|switch)/)?{ID_PATTERN[1:]}"})
]
Name = Annotated[str, text()]
AtTerm = Annotated[At, Term(read_at, _AT_SCHEMA)]
StepAtTerm = Annotated[At, Term(read_step_at, _STEP_AT_SCHEMA)]
WindowTerm = Annotated[
    Window, Term(_read_window, pattern(rf"^\s*{_CLOCK}\.\.{_CLOCK}\s*$", "Part of the day, HH:MM..HH:MM."))
]
ZoneTerm = Annotated[Zone, Term(read_zone, _ZONE_SCHEMA)]
ResumeTerm = Annotated[
    float,
    Term(_read_resume, pattern(rf"^(never|\s*within\s+{_DURATION}\s*)$", "After a power cut: within 2h, or never.")),
]
Gpio = Annotated[int, whole(2, 27, "GPIO by its BCM number; 0 and 1 belong to the HAT's EEPROM")]
