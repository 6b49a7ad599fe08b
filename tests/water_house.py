"""The example's field in virtual time, watered by the real controller, with faults; the simulated world is the witness."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from villages import when

from edge.core.site import Site
from edge.shell.app import catalogue
from edge.shell.site_file import load
from simulator.fast import Fast
from simulator.fault_fast import FastStage
from simulator.faults import Faults, read

CONFIG = Path(__file__).parents[1] / "config" / "nguyen-ly.yaml"
LINES = {"gpio/24": "pump", "gpio/25": "plot-1", "gpio/12": "plot-2", "gpio/4": "plot-3", "gpio/18": "plot-4"}
MORNING = when("2026-02-16T05:00:00+07:00")  # a Monday
PROGRAM = """
    kind: irrigation
    start: "05:10"
    zones: [{plot-1: 20m}, {plot-2: 20m}, {plot-3: 200l}, {plot-4: 200l}]
"""
DAY_S = 86400.0


def fields(folder: Path, program: str | None = PROGRAM, *, known: bool = True) -> Site:
    """The example's pump, plots and probes without lights and other meters, so that days pass quickly; `program` None:
    the example's own. `known`: the plots' normal flows are in the file, not to be learned."""
    text = CONFIG.read_text("utf-8")
    if known:
        text = text.replace("default: 20m}", "default: 20m, normal_l_min: 10}")
    head, _, after = text.partition("\nprograms:\n")
    own = after.partition("  morning-water:\n")[2].partition("  cool:\n")[0]
    for section in ("lights", "boards", "switches"):
        before, _, rest = head.partition(f"\n{section}:")
        head = before + rest[rest.index("\n\n") :]
    unused = ("cabinet-1", "culture-house", "cabinet-switch", "photocell")
    lines = [line for line in head.splitlines() if not line.startswith(tuple(f"  {name}:" for name in unused))]
    lines += ["programs:", "  morning-water:", own if program is None else program, ""]
    file = folder / "fields.yaml"
    file.write_text("\n".join(lines), "utf-8")
    return load(file, catalogue())


class WaterHouse:
    """A field and its controller from Unix time `at` on, and what everybody saw of it."""

    def __init__(self, site: Site, at: float = MORNING, seed: int = 1, poll_s: float = 0.0) -> None:
        self.fast = Fast(site, catalogue(), at, seed, poll_s=poll_s)
        self.faults = Faults(FastStage(self.fast))
        self._asked = 0
        self.fast.advance(30)

    # --- what people and misfortune do ---

    def put(self, name: str, on: str | None = None, **values: Any) -> str:
        """A fault; its id."""
        return str(self.faults.inject(read({"fault": name, **({"on": on} if on else {}), **values})))

    def send(self, to: str, payload: Any) -> None:
        raw = payload if isinstance(payload, str) else json.dumps(payload)
        self.fast.send(f"{self.fast.root}/{to}/set/head", raw)
        self.fast.advance(0)

    def open(self, valve: str = "plot-1", for_s: float = 1200) -> None:
        self._asked += 1
        self.send(f"valve/{valve}", {"action": "open", "for_s": for_s, "id": f"o-{self._asked}"})

    def ask(self, name: str, **more: Any) -> None:
        self._asked += 1
        reply = f"{self.fast.root}/reply/head/phone"
        self.fast.send(f"{self.fast.root}/ask/head/{name}", {"id": f"r-{self._asked}", "reply_to": reply, **more})
        self.fast.advance(0)

    def advance(self, seconds: float) -> None:
        self.fast.advance(seconds)

    # --- what was seen ---

    @property
    def now(self) -> float:
        """Seconds since the simulation began."""
        return self.fast.time.mono()

    def raised(self, since: float = 0.0) -> list[tuple[float, str]]:
        """Each alarm raised after that, as (seconds, `<kind>:<kind of device>:<id>`)."""
        found: list[tuple[float, str]] = []
        for at, topic, payload in self.fast.heard:
            if "/alarm/" in topic and at >= since and payload and json.loads(payload)["state"] == "raised":
                name = topic.partition("/alarm/")[2]
                if name not in {n for _, n in found}:
                    found.append((at, name))
        return found

    def alarm_at(self, name: str, since: float = 0.0) -> float | None:
        return next((at for at, n in self.raised(since) if n == name), None)

    def told(self, leaf: str) -> dict[str, Any]:
        """What is retained there, or {}."""
        message = self.fast.broker.retained.get(f"{self.fast.root}/{leaf}")
        return {} if message is None or not message.payload else dict(json.loads(message.payload))

    def moves(self, name: str) -> list[tuple[float, bool]]:
        """When the line of `pump` or a plot went on or off; it is on while it is low."""
        return [(c.at, c.level == 0) for c in self.fast.changes if LINES.get(c.name) == name]

    def is_on(self, name: str) -> bool:
        return [False, *(on for _, on in self.moves(name))][-1]

    def on(self) -> str:
        """What is on by its line: P for the pump, then the plots' numbers."""
        return "".join(short for name, short in zip(LINES.values(), "P1234", strict=True) if self.is_on(name))

    def spans(self, name: str) -> list[tuple[float, float]]:
        """When the line was on: from, to (now, if it is)."""
        times = [at for at, _ in self.moves(name)] + ([self.now] if self.is_on(name) else [])
        return list(zip(times[::2], times[1::2], strict=True))

    def on_s(self, name: str) -> float:
        """For how long the line was on in all."""
        return sum(end - begin for begin, end in self.spans(name))

    def fed_s(self, name: str) -> float:
        """For how long the line of the plot and the pump's were on together."""
        return sum(
            max(min(end, stop) - max(begin, start), 0.0)
            for begin, end in self.spans(name) for start, stop in self.spans("pump")
        )  # fmt: skip

    def litres(self, plot: str = "plot-1") -> float:
        """What that plot ever got."""
        return self.fast.village.hydraulics.delivered_l(plot, self.now)

    def metered(self) -> float:
        """What ever passed the water meter, counted in its pulses (l)."""
        return self.fast.village.pulsing.counted("input/main-flow", self.now)[0] / 7.5

    def rows(self, table: str) -> list[dict[str, Any]]:
        """The journal's rows of that table."""
        with closing(sqlite3.connect(f"file:{self.fast.journal_file}?mode=ro", uri=True)) as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute(f"SELECT * FROM {table} ORDER BY id")]

    def close(self) -> None:
        self.fast.close()
