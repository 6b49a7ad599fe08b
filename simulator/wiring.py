"""What hangs on the lines and coils of a site: lamps, pumps, valves and switches behind relays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from simulator.hydraulics import PUMP_W
from simulator.world import Load


@dataclass(frozen=True, slots=True)
class Relay:
    """What hangs on a line or a coil: the load, and the level (0 or 1) at which the relay is on."""

    load: str
    active: int


def load_of(target: str) -> str:
    """What the world calls `light/main-road/b` (`main-road/b`) or `pump/pump-1` (`pump:pump-1`)."""
    kind, _, name = target.partition("/")
    return name if kind == "light" else f"{kind}:{name}"


def target_of(load: str) -> str:
    """What everybody else calls it: `light/main-road/b`, `pump/pump-1`."""
    return load.replace(":", "/") if ":" in load else f"light/{load}"


def loads(site: Any) -> list[Load]:
    """The circuits, then pumps, valves and switches. Valves and switches are behind no meter."""
    found = [
        Load(f"{name}/{key}", light.meter, circuit.lamps * circuit.lamp_w, circuit.lamps)
        for name, light in site.lights.items()
        for key, circuit in light.circuits.items()
    ]
    found += [Load(load_of(f"pump/{name}"), pump.meter, pump.rated_w or PUMP_W) for name, pump in site.pumps.items()]
    found += [Load(load_of(f"valve/{name}"), None, 0.0) for name in site.valves]
    return found + [Load(load_of(f"switch/{name}"), None, s.rated_w or 0.0) for name, s in site.switches.items()]


def relays(site: Any) -> dict[int, Relay]:
    """What hangs on lines of the Pi, by BCM number."""
    found = ((target, out) for target, out in site.outputs().items() if hasattr(out, "gpio"))
    return {out.gpio: Relay(load_of(target), int(out.active == "high")) for target, out in found}


def coils(site: Any) -> dict[str, Relay]:
    """What hangs on coils, by `<board>/<coil>`."""
    found = ((target, out) for target, out in site.outputs().items() if hasattr(out, "board"))
    return {f"{out.board}/{out.coil}": Relay(load_of(target), 1) for target, out in found}


def pulls(site: Any) -> dict[int, int]:
    """External pulls that hold every relay off while nobody drives its line: the level by BCM number."""
    return {pin: 1 - relay.active for pin, relay in relays(site).items()}

