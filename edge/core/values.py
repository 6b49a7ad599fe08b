"""The value types that every room speaks in: frozen, without behaviour beyond themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Row = Mapping[str, str | int | float | None]
Quality = Literal["good", "suspect"]
Reason = Literal[
    "safety", "lockout", "hand", "override", "program", "photocell", "sensor", "queue", "default"
]  # in order of precedence


@dataclass(frozen=True, slots=True)
class Moment:
    """One look at the clocks.

    `wall` is Unix time in seconds; `mono` is seconds since boot, suspended time included, and never goes back; `boot`
    names the boot that `mono` belongs to; `trusted` says whether `wall` may be believed.
    """

    wall: float
    mono: float
    boot: str
    trusted: bool

    def wall_at(self, mono: float) -> float:
        """The wall time that the monotonic time `mono` of this boot has by the present setting of the clock."""
        return self.wall + (mono - self.mono)

    def mono_at(self, wall: float) -> float:
        """The monotonic time of this boot at which the wall clock, if nobody moves it, shows `wall`."""
        return self.mono + (wall - self.wall)


@dataclass(frozen=True, slots=True)
class Deadline:
    """An end that survives a reboot.

    A duration ("for two hours") carries `mono` and follows the monotonic clock of `boot`, whatever the wall clock does;
    after a reboot `wall` stands in for it. An end on the calendar ("until 01:00") has no `mono` and follows the wall
    clock.
    """

    wall: float
    mono: float | None = None
    boot: str | None = None

    @classmethod
    def after(cls, seconds: float, moment: Moment) -> Deadline:
        """The end of so long a time from now."""
        return cls(moment.wall + seconds, moment.mono + seconds, moment.boot)

    def passed(self, moment: Moment) -> bool:
        """Whether the end has been reached."""
        if self.mono is not None and self.boot == moment.boot:
            return moment.mono >= self.mono
        return moment.wall >= self.wall

    def on_wall(self, moment: Moment) -> float:
        """The end as Unix time by the present setting of the clock; slewing by less than a second is not told."""
        if self.mono is not None and self.boot == moment.boot:
            now = moment.wall_at(self.mono)
            return now if abs(now - self.wall) >= 1 else self.wall
        return self.wall

    def on_mono(self, moment: Moment) -> float:
        """The end as monotonic time of the present boot."""
        if self.mono is not None and self.boot == moment.boot:
            return self.mono
        return moment.mono_at(self.wall)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one device said in one poll. `at` is the Unix time at which it was read, never at which it was sent.

    Quantities carry their unit in the name. `life` grows when a meter is reset or replaced. `doubted` names the
    quantities for which the quality is `suspect`.
    """

    device: str
    quantities: Mapping[str, float]
    at: float
    quality: Quality = "good"
    life: int = 1
    doubted: tuple[str, ...] = ()


class StoredRow(NamedTuple):
    """One device's reading as the history keeps it. `at_ms`: Unix ms when it was read. `quality`: 0 good, 1 suspect."""

    sequence: int
    at_ms: int
    device: str
    values: dict[str, float]
    quality: int
    life: int


@dataclass(frozen=True, slots=True)
class Command:
    """A well-formed wish of one user for one device, as the MQTT contract decodes it.

    `target` is `<kind>/<id>`. `level` is percent. At most one of `for_s` (seconds), `until` (Unix time) and `volume_l`
    bounds it. `expires_at` is Unix time. `id` is None when the sender gave none. `far`: it came over the bridge. `note`
    goes with the action `lock`: why nobody else may move it; `circuit` is the one that is locked or released, None all.
    """

    target: str
    action: str
    user: str
    id: str | None = None
    level: float | None = None
    for_s: float | None = None
    until: float | None = None
    volume_l: float | None = None
    expires_at: float | None = None
    far: bool = False
    note: str = ""
    circuit: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A well-formed question of one user. The answer goes to `reply_to`, with `correlation` if the asker gave one."""

    name: str
    user: str
    reply_to: str
    id: str | None = None
    correlation: bytes | None = None
    fields: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A command that has no effect, and why: a code of the closed list in topics.py and a text that names the remedy.

    `target` and `user` are None where the topic was too malformed to name them. `clear` is a topic whose retained
    message is to go. `reply_to` is where a refused request may be answered.
    """

    code: str
    message: str
    target: str | None = None
    user: str | None = None
    id: str | None = None
    clear: str | None = None
    reply_to: str | None = None
    correlation: bytes | None = None


@dataclass(frozen=True, slots=True)
class Override:
    """A person's wish that stands above the program until it ends. `until` None: until AUTO. `at` is Unix time."""

    target: str
    level: int
    until: Deadline | None
    user: str
    command: str
    at: float


@dataclass(frozen=True, slots=True)
class Desired:
    """What a light should be now, and why. Unix times: since when (None: always), until when (None: for good)."""

    level: int
    reason: Reason
    since: float | None = None
    until: float | None = None


# --- what the catalogue says of a model, for the configuration's checks ---


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What the configuration and the core must know of a device model. `driven`: this version has its registers.

    `counter_step`: the least that its energy counter moves by (kWh, above 0). `wraps_at`: what the counter shows 0 in
    place of (kWh); None: nobody knows of a limit.
    """

    name: str
    kind: Literal["meter", "sensor", "board"]
    driven: bool
    baudrates: tuple[int, ...]
    parities: tuple[str, ...]
    stopbits: tuple[int, ...] = (1,)
    coils: int = 0
    timed_on: bool = False
    quantities: Mapping[str, str] = field(default_factory=dict)  # name -> unit
    wraps_at: float | None = None
    counter_step: float = 0.01


# --- what is heard on a serial line, for whoever looks for a fault there ---


@dataclass(frozen=True, slots=True)
class Setting:
    """A serial port's speed (baud), parity and stop bits."""

    baudrate: int
    parity: str
    stopbits: int

    def __str__(self) -> str:
        """As on a meter's display: 9600 8N1."""
        return f"{self.baudrate} 8{self.parity[0].upper()}{self.stopbits}"


@dataclass(frozen=True, slots=True)
class Heard:
    """One question on a serial line and all that came back, told apart.

    `answer`: a sound answer, with its `data`. `refused`: a Modbus exception, with its `code`. `stranger`: a sound
    answer under the address `slave`, which was not asked. `double`: two answers to one question. `dlt645`: a frame of
    that protocol, its `data` the meter's number. `damaged`: bytes that are none of these. `silent`: nothing. `after_s`:
    how long it took.
    """

    kind: Literal["answer", "refused", "stranger", "double", "dlt645", "damaged", "silent"]
    request: bytes
    raw: bytes = b""
    data: bytes = b""
    code: int = 0
    slave: int = 0
    after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Taken:
    """One reading of a device, as the controller reads it: its values, or None and why; and all that was heard.

    `missing`: quantities of its model that are not among them. `impossible`: its answers are sound, but not its
    figures.
    """

    values: Mapping[str, float] | None
    error: str | None
    heard: tuple[Heard, ...]
    missing: tuple[str, ...] = ()
    impossible: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """What a device says when it is asked as one model is.

    `values`: everything it answered, believed or not; `outside`: how many of these that model cannot have. `refused`:
    it refuses what the model must answer. `broken`: nothing sound came.
    """

    model: str
    values: Mapping[str, float] = field(default_factory=dict)
    outside: int = 0
    refused: bool = False
    broken: bool = False
