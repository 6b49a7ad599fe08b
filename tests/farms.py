"""Small fields for tests: a pump with four plots, a standpipe without a pump, and the programs that water them."""

from __future__ import annotations

import json
from typing import Any

from villages import Bench, village

from edge.core.events import InputChanged, PulsesCounted
from edge.core.site import Site

PUMP = {
    "name": "Bơm ruộng", "output": {"gpio": 4}, "rated_w": 750, "lead": "5s", "lag": "3s", "max_on": "4h",
    "daily_max": "12h", "rest": "60s", "zones_at_once": 1,
}
PLOTS = ("plot-1", "plot-2", "plot-3", "plot-4")
MORNING = {"kind": "irrigation", "start": "05:00", "zones": [{"plot-1": "30m"}]}


def plot(number: int, **more: Any) -> dict[str, Any]:
    """A valve of the pump."""
    return {
        "name": f"Thửa {number}", "area": "field", "output": {"gpio": 4 + number}, "pump": "pump-1", "max_on": "60m",
        "daily_max": "4h", "default": "20m", **more,
    }


def farm(
    programs: dict[str, Any] | None = None, pump: dict[str, Any] | None = None, plots: dict[str, Any] | None = None,
    **more: Any,
) -> Site:
    """The pump with four plots on lines 5 to 8, `tap` without a pump on line 9; no lights."""
    valves = {f"plot-{n}": plot(n, **(plots or {})) for n in (1, 2, 3, 4)}
    tap = {"name": "Vòi", "output": {"gpio": 9}, "max_on": "30m", "daily_max": "4h", "default": "10m"}
    known = {"morning": MORNING} if programs is None else programs
    return village(
        more.pop("lights", {}), known, pumps={"pump-1": PUMP | (pump or {})}, valves={**valves, "tap": tap}, **more
    )


class FarmBench(Bench):
    """A Bench that speaks of valves."""

    def open(self) -> str:
        """Which plots are open, such as "1 2", and P while the pump is on; T for the tap."""
        names = {"pump/pump-1": "P", "valve/tap": "T"} | {f"valve/plot-{n}": str(n) for n in (1, 2, 3, 4)}
        return " ".join(sorted(names[n] for n, line in self.lines.items() if n in names and line.read()))

    def water(self, name: str = "plot-1") -> dict[str, Any]:
        """The retained state of a valve."""
        found: dict[str, Any] = json.loads(self.radio.retained[f"{self.root}/valve/{name}/state"])
        return found

    def pump(self) -> dict[str, Any]:
        """The retained state of the pump."""
        found: dict[str, Any] = json.loads(self.radio.retained[f"{self.root}/pump/pump-1/state"])
        return found

    def order(self, payload: str | dict[str, Any], to: str = "plot-1", **how: Any) -> dict[str, Any]:
        """A command for a valve."""
        return self.send(payload, to=f"valve/{to}", **how)

    def spans(self, output: str) -> list[tuple[float, float | None]]:
        """When the output was on (monotonic s): from, until."""
        found: list[tuple[float, float | None]] = []
        for at, on in self.lines[output].writes:
            if on and (not found or found[-1][1] is not None):
                found.append((at, None))
            elif not on and found and found[-1][1] is None:
                found[-1] = found[-1][0], at
        return found

    def watered(self, name: str = "plot-1") -> float:
        """For how long (s) that plot's valve was open in all."""
        now = self.clock.mono()
        return sum((now if end is None else end) - start for start, end in self.spans(f"valve/{name}"))

    def rows(self, table: str) -> list[dict[str, Any]]:
        """The journal's rows of that table."""
        assert self.store._db is not None
        cursor = self.store._db.execute(f"SELECT * FROM {table} ORDER BY id")
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def contact(self, name: str, on: bool | None) -> None:
        """An input says so."""
        self.put(InputChanged(f"input/{name}", on))

    def pulses(self, count: int, last_at: float | None = None) -> None:
        """The flow input has counted so many pulses since the process began."""
        now = self.clock.mono()
        self.put(PulsesCounted("input/main-flow", count, now, now if last_at is None else last_at))
