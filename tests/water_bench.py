"""A bench for irrigation end to end in the core."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from farms import MORNING, FarmBench, farm

FOUR = {
    "kind": "irrigation", "start": "05:00",
    "zones": [{"plot-1": "20m"}, {"plot-2": "20m"}, {"plot-3": "20m"}, {"plot-4": "20m"}],
}
BEFORE = "2026-11-21T04:59:00+07:00"  # a minute before the run is due
ON = 60.0


def bench(programs: dict[str, Any] | None = None, at: str = BEFORE, **more: Any) -> FarmBench:
    built = {key: more.pop(key) for key in ("pump", "plots", "inputs", "sensors", "site", "lights", "switches") if key in more}
    return FarmBench(farm(programs, **built), at=at, **({"look_every_s": 60.0} | more))


def told(b: FarmBench, output: str, start: float = 1000.0) -> list[tuple[float, float | None]]:
    """When the output was on, in seconds after the bench began."""
    return [(round(a - start, 3), None if e is None else round(e - start, 3)) for a, e in b.spans(output)]
FLOW: dict[str, Any] = {
    "inputs": {"main-flow": {"gpio": 16, "role": "flow", "pulses_per_l": 10}},
    "plots": {"flow": "main-flow", "normal_l_min": 60},
}
LITRES = {"kind": "irrigation", "start": "05:00", "zones": [{"plot-1": "200l"}]}


def pour(b: FarmBench, seconds: float, per_s: float, counted: int = 0) -> int:
    """Let water flow: so many pulses a second, looked at each second; the count after that."""
    for n in range(round(seconds)):
        b.advance(1)
        b.pulses(counted + round((n + 1) * per_s))
    return counted + round(seconds * per_s)
LIGHTS: dict[str, Any] = {
    "road": {
        "name": "Đường", "circuits": {"a": {"output": {"gpio": 17}, "lamps": 10, "lamp_w": 60}}, "restrike": "0s",
    }
}
RESUMING = MORNING | {"resume": "within 2h"}


def again(b: FarmBench, folder: Path, down_s: float | None = None, boot: str = "boot-2") -> FarmBench:
    """The process is killed and started anew; with `down_s` the power was away so long, and every line fell."""
    clock, lines = b.clock, b.lines
    b.store.close(clock.now())
    if down_s is not None:
        clock.reboot(boot, down_s)
        for line in lines.values():
            line.writes.append((clock.mono(), False))
    return FarmBench(b.site, journal=folder / "journal.db", clock=clock, lines=lines, look_every_s=60.0)
