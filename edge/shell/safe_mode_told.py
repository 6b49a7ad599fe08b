"""What safe mode tells of the devices: the payloads of their topics, by what was wanted and read back. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edge.core import topics
from edge.core.values import Deadline, Moment

WHY = "safe mode: no programs, no watering, only off works until the controller is repaired"


@dataclass(slots=True)
class Output:
    """One output of safe.json. `wanted`: what it should be, None: it is left as it is; `on`: what was ordered, None:
    nothing yet, and `held` why an ON waits. `seen`: what was read back, None: nobody knows, and `error` says why where
    that is known."""

    name: str
    safe: str
    watts: float = 0.0
    group: str = ""
    restrike_s: float = 0.0
    locked: bool = False
    wanted: bool | None = None
    on: bool | None = None
    held: str | None = None
    seen: bool | None = None
    error: str | None = None

    @property
    def target(self) -> str:
        """The device that it is of, `<kind>/<id>`."""
        kind, name, *_ = self.name.split("/")
        return f"{kind}/{name}"

    @property
    def kind(self) -> str:
        """`light`, `pump`, `valve` or `switch`."""
        return self.name.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Off:
    """A person's OFF for a light, and until when it stands."""

    user: str
    command: str
    until: Deadline


def outputs_of(entries: Sequence[Any]) -> list[Output]:
    """The outputs that the entries of safe.json name; what is none is left out."""
    found: dict[str, Output] = {}
    for entry in entries:
        name = entry.get("output") if isinstance(entry, dict) else None
        if not isinstance(name, str) or len(name.split("/")) != (3 if name.startswith("light/") else 2):
            continue
        watts, group, restrike = entry.get("watts", 0.0), entry.get("group", name), entry.get("restrike", 0.0)
        numbers = all(type(number) in (int, float) for number in (watts, restrike))
        sound = (float(watts), str(group), float(restrike)) if numbers else (0.0, name, 0.0)
        found[name] = Output(name, str(entry.get("safe")), *sound)
    return list(found.values())


def messages(
    device: Mapping[str, Any], outputs: Sequence[Output], off: Off | None, since: float, trusted: bool, moment: Moment
) -> dict[str, bytes]:
    """By the last part of their topics, for a device of `about` that has outputs. `since` is Unix time."""
    errors = [f"{output.name.rpartition('/')[2]}: {output.error}" for output in outputs if output.error]
    doubts = [] if trusted or device["kind"] != "light" else ["the clock is not confirmed"]
    waits = [output.held for output in outputs if output.held][:1]
    common: dict[str, Any] = {
        "reason": "safety" if off is None else "override",
        "until": None if off is None else topics.rfc3339(off.until.on_wall(moment)),
        "by": None if off is None else off.user, "command": None if off is None else off.command,
        "since": topics.rfc3339(since), "detail": "; ".join([WHY, *waits, *doubts, *errors]),
    }
    if device["kind"] == "light":
        return _light(device, outputs, common)
    output = outputs[0]
    valve = device["kind"] == "valve"
    words = topics.open_closed if valve else topics.on_off
    more: dict[str, Any] = {"valves": []} if device["kind"] == "pump" else {"program": None, "next": None}
    more |= {"run": None} if valve else {}
    more |= {"locked": True} if output.locked and device["kind"] != "switch" else {}
    state = {"state": words(False), "observed": words(output.seen)} | common | more
    return {"state": topics.encode(state), "value": words(output.seen).encode()}


def _light(device: Mapping[str, Any], outputs: Sequence[Output], common: Mapping[str, Any]) -> dict[str, bytes]:
    wanted, seen = [_wanted(output) for output in outputs], [output.seen for output in outputs]
    observed, level = "unknown", None
    if None not in seen:
        burning = [bool(on) for on in seen]
        level = _level(device, outputs, burning)
        observed = "OFF" if not any(burning) else "ON" if burning == wanted or len(burning) == 1 else "partial"
    state: dict[str, Any] = {
        "state": topics.on_off(any(wanted)), "level": _level(device, outputs, wanted), "levels": device["levels"],
        "observed": observed, "observed_level": level,
        "circuits": [_circuit(output, on) for output, on in zip(outputs, wanted, strict=True)],
        "program": None, "next": None, **common,
    }
    shown = "unknown" if level is None else str(level)
    return {"state": topics.encode(state), "value": observed.encode(), "value/level": shown.encode()}


def _circuit(output: Output, on: bool) -> dict[str, Any]:
    told = {"id": output.name.rpartition("/")[2], "on": on, "observed": output.seen}
    return told | ({"locked": True} if output.locked else {})


def _wanted(output: Output) -> bool:
    return bool(output.seen) if output.wanted is None else output.wanted


def _level(device: Mapping[str, Any], outputs: Sequence[Output], burning: Sequence[bool]) -> int:
    """The level of `levels` that is nearest to the share of the power that burns."""
    total = sum(output.watts for output in outputs)
    if not any(burning) or total <= 0:
        return 100 if all(burning) else 0
    share = 100 * sum(o.watts for o, on in zip(outputs, burning, strict=True) if on) / total
    levels = (level for level in device["levels"] if level > 0)
    return min(levels, key=lambda level: (abs(level - share), -level), default=100)


def unheard(device: Mapping[str, Any]) -> dict[str, bytes]:
    """For a meter or a sensor, which nobody reads in safe mode: its values are not known."""
    quantities = device.get("quantities")
    named = [q["name"] for q in quantities] if isinstance(quantities, list) else []
    return {f"value/{name}": b"unknown" for name in named}


def about(village: Mapping[str, Any], version: str) -> bytes:
    """The payload of `<root>/about`: no program is in force."""
    return topics.encode({
        "contract": topics.CONTRACT, "version": version, "site": village["site"], "devices": village["devices"],
        "programs": [], "tariff": village["tariff"],
    })  # fmt: skip
