"""The devices of a village: what is wired to which line, port and board, and within which limits it may run.

Durations are seconds, powers W (rated_kw: kW), flows litres a minute; GPIO numbers are BCM numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from edge.core.site_base import Block
from edge.core.site_terms import Gpio, HandTerm, Id, Name, Wrong, duration, number, span, text, whole

Address = Annotated[int, whole(1, 247, "the device's Modbus address")]
Poll = Annotated[float, duration("1s", "1h")]
Record = Annotated[float, duration("1s", "1d")]
Model = Annotated[str, text()]
Watts = Annotated[float, number(0.1, 100_000, "W")]
MaxOn = Annotated[float, duration("1s", "1d")]


class Port(Block):
    """A serial port; every device on it shares these settings. `rts`: RTS while sending, where it drives the adapter's
    direction."""

    device: Annotated[str, text(255)]
    baudrate: Annotated[int, whole(300, 1_000_000, "bits a second")]
    parity: Literal["none", "even", "odd"]
    stopbits: Annotated[int, whole(1, 2)] = 1
    rts: Literal["send-high", "send-low"] | None = None


class GpioOutput(Block):
    """A relay on a line of the computer itself; `active` is the level at which the relay is on."""

    gpio: Gpio
    active: Literal["low", "high"] = "high"


class BoardOutput(Block):
    """A relay on a relay board; coils count from 0."""

    board: Id
    coil: Annotated[int, whole(0, 255, "the relay's number on the board, from 0")]


def _output_kind(value: object) -> str | None:
    if isinstance(value, GpioOutput | BoardOutput):
        return "<gpio>" if isinstance(value, GpioOutput) else "<board>"
    if not isinstance(value, Mapping) or ("gpio" in value and ("board" in value or "coil" in value)):
        return None
    return "<board>" if "board" in value or "coil" in value else "<gpio>"


Output = Annotated[
    Annotated[GpioOutput, Tag("<gpio>")] | Annotated[BoardOutput, Tag("<board>")],
    Discriminator(
        _output_kind,
        custom_error_type="output_kind",
        custom_error_message="an output is a line or a board's relay; "
        "write {gpio: 17}, {gpio: 17, active: low} or {board: ID, coil: 0}",
    ),
]


class Heartbeat(Block):
    """A line that changes its level for as long as the controller works, for a timer or a charge pump that feeds the
    relays of pumps and valves from its edges. Nobody can command it."""

    gpio: Gpio


class Contact(Block):
    """A contact between a line and ground, with the pull-up on: `active` is the line's level while what it is named for
    holds."""

    gpio: Gpio
    active: Literal["low", "high"] = "low"


class Feedback(Contact):
    """A contactor's auxiliary contact: whether it really closed."""


class Circuit(Block):
    """One switched part of a light: `lamps` lamps of `lamp_w` W each."""

    output: Output
    lamps: Annotated[int, whole(1, 10_000)]
    lamp_w: Annotated[float, number(0.1, 10_000, "W for one lamp")]
    feedback: Feedback | None = None


class Light(Block):
    """A light of one to eight circuits. `safe`: what its circuits do when the daemon dies; `restrike`: its rest;
    `rotate`: circuits of equal power take turns, night by night, at the levels that not all of them burn at."""

    name: Name
    area: Id | None = None
    meter: Id | None = None
    circuits: dict[Id, Circuit] = Field(min_length=1, max_length=8)
    program: Id | None = None
    safe: Literal["hold", "on", "off"] = "hold"
    restrike: Annotated[float, duration("0s", "1h")] = 0.0
    rotate: bool = True


class _Polled(Block):
    name: Name
    model: Model
    port: Id
    address: Address
    poll: Poll = 10.0
    record: Record = 60.0

    @model_validator(mode="after")
    def _record_after_poll(self) -> _Polled:
        if self.record < self.poll:
            raise Wrong(
                f"record ({span(self.record)}) is shorter than poll ({span(self.poll)}), and nothing new would be "
                f"there to record; write record: {span(self.poll)} or longer",
                path=("record",),
            )
        return self


class Meter(_Polled):
    """An energy meter: polled every `poll` seconds, recorded every `record`; `rated_kw` is the most that can flow. A
    power that moved by more than `dead_band_w` since it was recorded is recorded at once."""

    tariff: Id | None = None
    billing_day: Annotated[int, whole(1, 28, "so that every month has it")] | None = None
    rated_kw: Annotated[float, number(0.01, 10_000, "kW")] | None = None
    dead_band_w: Watts | None = None


class Sensor(_Polled):
    """A sensor on a serial port; after `stale` seconds without a reading nothing relies on it."""

    area: Id | None = None
    stale: Annotated[float, duration("1s", "1d")] = 1800.0

    @model_validator(mode="after")
    def _stale_after_poll(self) -> Sensor:
        if self.stale < self.poll:
            raise Wrong(
                f"stale ({span(self.stale)}) is shorter than poll ({span(self.poll)}), so every reading would be "
                "stale before the next; write a longer one",
                path=("stale",),
            )
        return self


class Board(Block):
    """A relay board on a serial port."""

    model: Model
    port: Id
    address: Address


class _Limited(Block):
    name: Name
    area: Id | None = None
    output: Output
    max_on: MaxOn
    daily_max: MaxOn

    @model_validator(mode="after")
    def _limits_in_order(self) -> _Limited:
        _in_order(0.0, self.max_on, self.daily_max, getattr(self, "default", None))
        return self


def _in_order(min_on: float, max_on: float | None, daily_max: float | None, default: float | None) -> None:
    """Hold the times that an output may be on for (s) against each other; None: no such limit."""
    wrong: list[tuple[tuple[str | int, ...], str]] = []
    if max_on is not None and daily_max is not None and max_on > daily_max:
        much = f"max_on ({span(max_on)}) is longer than daily_max ({span(daily_max)}); write at most the daily_max"
        wrong.append((("max_on",), much))
    name, limit = ("daily_max", daily_max) if max_on is None else ("max_on", max_on)
    for key, value in (("default", default), ("min_on", min_on)):
        if limit is not None and value is not None and value > limit:
            much = f"{key} ({span(value)}) is longer than {name} ({span(limit)}); write at most {span(limit)}"
            wrong.append(((key,), much))
    if wrong:
        raise Wrong(wrong[0][1], *wrong[1:], path=wrong[0][0])


class Pump(_Limited):
    """A pump: starts `lead` after its first valve, closes the last valve `lag` after it stops, rests between runs."""

    meter: Id | None = None
    rated_w: Watts | None = None
    lead: Annotated[float, duration("0s", "10m")] = 5.0
    lag: Annotated[float, duration("0s", "10m")] = 3.0
    rest: Annotated[float, duration("0s", "1d")] = 60.0
    zones_at_once: Annotated[int, whole(1, 32, "valves that the pump feeds at once")] = 1
    stop_when: dict[Id, Literal["empty", "full"]] = Field(default_factory=dict)


class Valve(_Limited):
    """A valve: open at most `max_on` at a stretch and `daily_max` in any 24 h; `default` when nobody says how long."""

    pump: Id | None = None
    flow: Id | None = None
    soil: Id | None = None
    default: MaxOn
    normal_l_min: Annotated[float, number(0.01, 10_000, "litres a minute")] | None = None


class Switch(Block):
    """A fan, mist, shade, grow light or siren. `max_on` and `daily_max` as of a Valve; `min_on` and `min_off`: how long
    it stays as it is before its program moves it again; `default`: how long a person's ON lasts when nobody says, an
    hour or `max_on` if that is shorter."""

    name: Name
    area: Id | None = None
    output: Output
    max_on: MaxOn | None = None
    daily_max: MaxOn | None = None
    min_on: Annotated[float, duration("0s", "1h")] = 0.0
    min_off: Annotated[float, duration("0s", "1h")] = 0.0
    default: MaxOn = 3600.0
    rated_w: Watts | None = None
    program: Id | None = None

    @model_validator(mode="after")
    def _limits_in_order(self) -> Switch:
        if "default" not in self.model_fields_set:
            limits = [limit for limit in (self.max_on, self.daily_max) if limit is not None]
            object.__setattr__(self, "default", min([self.default, *limits]))  # read, and not yet handed out
        _in_order(self.min_on, self.max_on, self.daily_max, self.default)
        return self


class HandInput(Contact):
    """The cabinet's own switch, standing on hand: it rules what is named in `of`, lights by their ids, others as
    `pump/<id>`, `valve/<id>` or `switch/<id>`."""

    role: Literal["hand"]
    of: list[HandTerm] = Field(min_length=1, max_length=64)

    def targets(self) -> list[str]:
        """What it rules, each as `<kind>/<id>`."""
        return [name if "/" in name else f"light/{name}" for name in self.of]


class DoorInput(Contact):
    """The cabinet's door, open: its contact is closed while the door is, so a cut wire reads as an open door."""

    active: Literal["low", "high"] = "high"
    role: Literal["door"]


class FlowInput(Contact):
    """A water meter's pulses; without a `name` it goes by its id."""

    role: Literal["flow"]
    name: Name | None = None
    area: Id | None = None
    pulses_per_l: Annotated[float, number(0.001, 100_000, "pulses per litre")]


class S0Input(Contact):
    """The pulse output (S0, EN 62053-31) of an energy meter that has no other; `rated_kw` as of a Meter."""

    role: Literal["s0"]
    name: Name
    pulses_per_kwh: Annotated[float, number(0.1, 100_000, "pulses per kWh")]
    rated_kw: Annotated[float, number(0.01, 10_000, "kW")] | None = None


class LevelInput(Block):
    """A float in a tank; `low_is`: what a low line means. A high line means the other word."""

    gpio: Gpio
    role: Literal["level"]
    low_is: Literal["empty", "full"]

    @property
    def active(self) -> Literal["low"]:
        """The line's level while what `low_is` says holds, as of a Contact."""
        return "low"


class PlainInput(Contact):
    """The mains, present; a photocell, dark; rain, falling."""

    role: Literal["mains", "photocell", "rain"]


_ROLES = {
    "hand": "<hand>", "door": "<door>", "flow": "<flow>", "s0": "<s0>", "level": "<level>",
    "mains": "<plain>", "photocell": "<plain>", "rain": "<plain>",
}  # fmt: skip


def _role(value: object) -> str | None:
    role = value.get("role") if isinstance(value, Mapping) else getattr(value, "role", None)
    return _ROLES.get(role) if isinstance(role, str) else None


Input = Annotated[
    Annotated[HandInput, Tag("<hand>")]
    | Annotated[DoorInput, Tag("<door>")]
    | Annotated[FlowInput, Tag("<flow>")]
    | Annotated[S0Input, Tag("<s0>")]
    | Annotated[LevelInput, Tag("<level>")]
    | Annotated[PlainInput, Tag("<plain>")],
    Discriminator(
        _role,
        custom_error_type="input_role",
        custom_error_message="an input has a role; write role: hand, door, mains, photocell, flow, s0, rain or level",
    ),
]
