"""What is wrong on a serial line, judged from what was heard there: pure, so that every judgement can be tried dry.

The shell asks in the order of what is still unexplained, and `findings` says what it comes to.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from edge.core.plausible import DEAD_V, HERTZ, VOLTS, beyond_apparent, doubtful
from edge.core.values import Heard, Look, ModelInfo, Setting, Taken

Severity = Literal["right", "doubt", "wrong"]
# What a device that measures the mains or the air cannot have as 0, by its quantity's name: a model is known by it.
TELLING = {
    "voltage": (80.0, 300.0), "frequency": (HERTZ[0], 65.0), "temperature": (-30.0, 90.0), "humidity": (1.0, 100.0),
    "moisture": (1.0, 100.0),
}  # fmt: skip
MISSING = 0.4  # what a telling quantity that reads 0 takes off: two dead phases make an SDM630 look like an SDM120
CLEARLY = 0.5  # by so much another model must explain more than the one that is configured
ALIKE = 0.001
REVERSED_W = -20.0
STATES = (
    ("refused", "refusing"), ("stranger", "stranger"), ("dlt645", "dlt645"), ("damaged", "damaged"),
    ("double", "damaged"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Device:
    """A configured device: `meter/cabinet-1`, its model, Modbus address and, of a meter, what can flow at most (kW)."""

    name: str
    model: str
    address: int
    rated_kw: float | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What was heard of one device, as far as somebody asked.

    `taken`: its reading at its own address and the port's setting; None: its model cannot be read. `looks`: the models
    that it was asked as. `slow_s`: after how long it answered when it was given time. `setting`, `address`: another
    setting or address that it was found at. `factors`: what it multiplies its figures with, by name.
    """

    device: Device
    taken: Taken | None = None
    looks: Sequence[Look] = ()
    slow_s: float | None = None
    setting: Setting | None = None
    address: int | None = None
    factors: Mapping[str, float] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """`read`, `impossible`, `refusing`, `stranger`, `damaged`, `silent`, `unread`; from its own reading alone."""
        if self.taken is None:
            return "unread"
        if self.taken.values is not None:
            return "read"
        if self.taken.impossible:
            return "impossible"
        kinds = {heard.kind for heard in self.taken.heard}
        return next((state for kind, state in STATES if kind in kinds), "silent")

    @property
    def sensible(self) -> bool:
        """Whether it reads as its model should: no figure missing, and not all of those nothing that tell the model."""
        if self.taken is None or self.taken.values is None or self.taken.missing:
            return False
        return score(Look(self.device.model, self.taken.values)) is not None

    @property
    def sound(self) -> bool:
        """Whether it ever said anything sound under its own address."""
        return self.taken is not None and any(h.kind in ("answer", "refused") for h in self.taken.heard)


@dataclass(frozen=True, slots=True)
class Stranger:
    """Something that answers at an address nobody configured, and the models that it may be."""

    address: int
    setting: Setting
    models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PortSeen:
    """Everything heard on one port.

    `gone`: why it could not be opened: `busy`, `missing`, `forbidden`, else the error's words. `dlt645`: the
    number of a meter that speaks DL/T 645 there, and at which setting.
    """

    name: str
    path: str
    setting: Setting
    devices: Sequence[Seen] = ()
    strangers: Sequence[Stranger] = ()
    dlt645: tuple[str, Setting] | None = None
    gone: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to say: `where` (a device, or `port/NAME`), the `code` of its words, and the facts in `data`."""

    where: str
    code: str
    severity: Severity
    data: Mapping[str, object] = field(default_factory=dict)


def score(look: Look) -> float | None:
    """How much of what a device said makes sense as that model; None: it is not that model.

    A quantity that must be there on live mains counts 1, and takes MISSING off where it reads nothing: registers that a
    device has not often read 0.
    """
    if look.refused or look.broken or look.outside or not look.values:
        return None
    if all(name.startswith("coil_") for name in look.values):
        return 1.0
    found = 0.0
    for name, value in look.values.items():
        limits = TELLING.get(name.split("_")[0])
        if limits is not None:
            found += 1.0 if limits[0] <= value <= limits[1] and value != 0 else -MISSING
        elif value:
            found += 0.01
    return found if found > 0 else None


def guess(looks: Sequence[Look], configured: str | None = None) -> tuple[str, ...]:
    """The models that explain most of what was said, alike in their registers; none where no model does.

    The configured one alone, unless another explains clearly more.
    """
    scores = {look.model: points for look in looks if (points := score(look)) is not None}
    if not scores:
        return ()
    best = max(scores.values())
    if configured in scores and best - scores[configured] < CLEARLY:
        return (configured,)
    return tuple(model for model, points in scores.items() if best - points < ALIKE)


def rivals(model: str, families: Mapping[str, Collection[tuple[int, int]]]) -> list[str]:
    """The models that a device could be though it reads as `model`: with a telling quantity where it has one.

    `families`: model -> (function, register) of its telling quantities.
    """
    own = set(families.get(model, ()))
    return [other for other, places in families.items() if other != model and own & set(places)]


def telling(name: str) -> bool:
    """Whether a quantity of this name shows what model a device is."""
    return name.split("_", maxsplit=1)[0] in TELLING


def unexplained(devices: Sequence[Seen]) -> list[Seen]:
    """The devices that nothing has been heard of that would explain why they cannot be read."""
    return [
        seen
        for seen in devices
        if seen.state in ("silent", "damaged") and not seen.sound and seen.slow_s is None and seen.setting is None
        and seen.address is None and not twins(seen, devices)
    ]  # fmt: skip


def twins(seen: Seen, devices: Sequence[Seen]) -> bool:
    """Whether two devices seem to answer at this address: every answer is damaged or double, while others are sound."""
    if seen.taken is None or seen.state != "damaged":
        return False
    heard = [h.kind for h in seen.taken.heard]
    if any(kind not in ("damaged", "double") for kind in heard):
        return False
    return "double" in heard or any(other.sound for other in devices if other is not seen)


def settings(info: ModelInfo, tried: Setting) -> list[Setting]:
    """The settings that a model's devices can have, but for the one tried, the likeliest first.

    Stop bits are left as they are: receivers take both.
    """
    found = [
        Setting(baudrate, parity, tried.stopbits)
        for parity in sorted(info.parities, key=lambda p: p != tried.parity)
        for baudrate in sorted(info.baudrates, key=lambda b: (b not in (9600, 2400), b))
    ]
    return [setting for setting in found if setting != tried]


def findings(port: PortSeen) -> list[Finding]:
    """Everything there is to say of a port and its devices, in the order of the configuration; the port's own first."""
    where = f"port/{port.name}"
    if port.gone is not None:
        code = port.gone if port.gone in ("busy", "missing", "forbidden") else "port-fault"
        return [Finding(where, code, "wrong", {"path": port.path, "why": port.gone})]
    readable = [seen for seen in port.devices if seen.taken is not None]
    dead = unexplained(readable)
    found = []
    if len(readable) > 1 and len(dead) == len(readable) and port.dlt645 is None:
        code = "swapped" if any(seen.state == "damaged" for seen in dead) else "port-silent"
        found.append(Finding(where, code, "wrong", {"devices": ", ".join(seen.device.name for seen in dead)}))
        dead_here = {seen.device.name for seen in dead}
    else:
        dead_here = set()
    speechless = [seen.device.name for seen in dead]
    for seen in port.devices:
        if seen.device.name not in dead_here:
            found += _of_device(seen, port, speechless)
    known = {(seen.address or seen.device.address, seen.setting or port.setting) for seen in port.devices}
    for stranger in port.strangers:
        if (stranger.address, stranger.setting) not in known:
            facts = {"address": stranger.address, "setting": stranger.setting, "model": " / ".join(stranger.models)}
            found.append(Finding(where, "stranger" if stranger.models else "stranger-unknown", "doubt", facts))
    return found


def _of_device(seen: Seen, port: PortSeen, speechless: Sequence[str]) -> Iterator[Finding]:
    device = seen.device
    facts: dict[str, object] = {
        "model": device.model, "address": device.address, "port": port.name, "setting": port.setting,
    }  # fmt: skip
    taken = seen.taken
    if taken is None:
        yield Finding(device.name, "not-driven", "doubt", facts)
    elif (others := guess(seen.looks, device.model)) not in ((), (device.model,)):
        yield Finding(device.name, "other-model", "wrong", facts | {"guess": " / ".join(others)})
    elif seen.state == "read":
        yield from _of_values(seen, facts)
    else:
        yield _of_silence(seen, port, speechless, facts)


def _of_silence(seen: Seen, port: PortSeen, speechless: Sequence[str], facts: dict[str, object]) -> Finding:
    """Why a device cannot be read."""
    name, taken = seen.device.name, seen.taken
    assert taken is not None
    if twins(seen, port.devices):
        return Finding(name, "twins", "wrong", facts)
    if seen.setting is not None:
        return Finding(name, "other-setting", "wrong", facts | {"found": seen.setting})
    if seen.address is not None:
        return Finding(name, "other-address", "wrong", facts | {"found": seen.address})
    if seen.slow_s is not None:
        return Finding(name, "slow", "wrong", facts | {"slow_s": f"{seen.slow_s:.1f}"})
    if seen.state == "dlt645" or (port.dlt645 is not None and name in speechless):
        number, setting = port.dlt645 or ("?", port.setting)
        others = [other for other in speechless if other != name]
        code = "dlt645-maybe" if others else "dlt645"
        return Finding(name, code, "wrong", facts | {"number": number, "found": setting, "others": ", ".join(others)})
    if seen.state == "stranger":
        slave = next(h.slave for h in taken.heard if h.kind == "stranger")
        return Finding(name, "wrong-id", "wrong", facts | {"slave": slave})
    if seen.state in ("refusing", "impossible"):
        return Finding(name, seen.state, "wrong", facts | {"error": taken.error or ""})
    if seen.state == "damaged":
        code = "noisy" if seen.sound else "garbage"
        return Finding(name, code, "wrong", facts | _share(taken.heard))
    return Finding(name, "silent", "wrong", facts)


def _share(heard: Sequence[Heard]) -> dict[str, object]:
    return {"bad": sum(h.kind not in ("answer", "refused") for h in heard), "asked": len(heard)}


def _of_values(seen: Seen, facts: dict[str, object]) -> Iterator[Finding]:
    """What there is to say of a device that can be read."""
    device, taken = seen.device, seen.taken
    assert taken is not None
    assert taken.values is not None
    values = taken.values
    wrong = list(_doubts(seen, values, facts))
    if any(h.kind not in ("answer", "refused") for h in taken.heard):
        wrong.append(Finding(device.name, "noisy", "doubt", facts | _share(taken.heard)))
    if not wrong:
        yield Finding(device.name, "good", "right", facts | {"values": values})
    yield from wrong


def _doubts(seen: Seen, values: Mapping[str, float], facts: dict[str, object]) -> Iterator[Finding]:
    name = seen.device.name
    odd = doubtful(values, seen.device.rated_kw)
    over = beyond_apparent(values)
    for quantity in sorted(odd):
        more = facts | {"quantity": quantity, "value": f"{values[quantity]:g}"}
        if quantity == "power_w":
            yield Finding(name, "over-rating", "wrong", more | {"rated_kw": f"{seen.device.rated_kw:g}"})
        else:
            low, high = VOLTS if quantity.startswith("voltage") else HERTZ
            code = "odd-voltage" if quantity.startswith("voltage") else "odd-frequency"
            yield Finding(name, code, "doubt", more | {"low": f"{low:g}", "high": f"{high:g}"})
    for quantity in sorted(over):
        yield Finding(name, "over-apparent", "wrong", facts | {"quantity": quantity, "value": f"{values[quantity]:g}"})
    if any(factor != 1 for factor in seen.factors.values()):
        told = ", ".join(f"{factor} {value:g}" for factor, value in seen.factors.items())
        yield Finding(name, "factors", "doubt", facts | {"factors": told})
    assert seen.taken is not None
    if seen.taken.missing:
        yield Finding(name, "missing-figures", "wrong", facts | {"quantity": ", ".join(seen.taken.missing)})
    phases = {n: values[n] for n in ("power_l1_w", "power_l2_w", "power_l3_w") if n in values}
    backwards = sorted(n for n, watts in phases.items() if watts < REVERSED_W)
    if backwards and len(backwards) < len(phases) and max(phases.values()) > -REVERSED_W:
        yield Finding(name, "reversed", "doubt", facts | {"quantity": ", ".join(backwards)})
    for quantity, volts in values.items():
        if quantity.startswith("voltage") and abs(volts) < DEAD_V:
            yield Finding(name, "dead-phase", "doubt", facts | {"quantity": quantity})
