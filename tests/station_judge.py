"""What a station's physical outputs never do, whatever is wanted, breaks, hangs or restarts.

The judge knows nothing of the station. It sees the relays move, who was wanted open, and what was broken on purpose.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from station_bench import NEVER, Bench, Relay

LEAD_S, LAG_S = 4.0, 3.0
MAX_ON = {"p": 400.0, "a": 300.0, "b": 300.0, "c": 300.0}
DAILY = {"p": 700.0, "a": 480.0, "b": 480.0, "c": 480.0}
DAY_S = 86400.0
VALVES = ("valve/a", "valve/b", "valve/c")
OUTPUTS = ("pump/p", *VALVES)
LITTLE = 1e-6
SEEN_S = 1.0 + LITTLE  # how often outputs are read


@dataclass
class Stretch:
    """One time that a relay was on: powered s, and real s. `slack`: what hangs and dead processes may add (s)."""

    start: float
    end: float | None = None
    slack: float = 0.0
    excused: bool = False  # it was broken so that nobody could switch it off


@dataclass
class StationJudge:
    """What is allowed of E, the physical outputs."""

    bench: Bench
    zones: int
    rest_s: float
    blocked: set[str] = field(default_factory=set)
    stretches: dict[str, list[Stretch]] = field(default_factory=dict)
    forced: bool = False  # what moves now is not the station's doing
    starts: bool = False  # or what a new process does first
    off_real: dict[str, float] = field(default_factory=dict)
    off_excused: dict[str, bool] = field(default_factory=dict)
    off_boot: dict[str, str] = field(default_factory=dict)
    lied: bool = False  # the clock was wrong and said to be right
    heard_at: float = 0.0  # the core hung until then
    dropped_at: float = -NEVER  # when an output went off by itself, which nobody may have seen yet

    @property
    def unseen(self) -> bool:
        """Whether something may have gone off without anybody having seen it."""
        return self.bench.real - self.dropped_at <= SEEN_S

    def current(self, name: str) -> Stretch | None:
        found = self.stretches.get(name)
        return found[-1] if found and found[-1].end is None else None

    def slack(self, seconds: float) -> None:
        for name in OUTPUTS:
            if (now := self.current(name)) is not None:
                now.slack += seconds

    def excuse(self, name: str) -> None:
        if (now := self.current(name)) is not None:
            now.excused = True

    def moved(self, relay: Relay, on: bool) -> None:
        name, bench = relay.name, self.bench
        if on:
            self.came_on(name)
            self.stretches.setdefault(name, []).append(Stretch(bench.powered, excused=relay.mode in ("sticks", "fails")))
            return
        now = self.current(name)
        assert now is not None
        if bench.hung and not self.unseen and (pump := self.current("pump/p")) is not None and not pump.excused:
            opened = any(bench.relays[v].on for v in VALVES)
            assert opened or name == "pump/p", "I3: the lease of the last valve ends before the pump's"
        if self.starts and name != "pump/p" and bench.relays["pump/p"].mode not in ("sticks", "fails"):
            assert not bench.relays["pump/p"].on, f"I3: a start closes {name} before its pump"
        if not self.forced and not bench.hung and name != "pump/p":
            self.closed(name, now)
        now.end = bench.powered
        self.off_real[name], self.off_excused[name], self.off_boot[name] = bench.real, now.excused, bench.boot
        self.not_too_long(name, now, now.end)

    def came_on(self, name: str) -> None:
        bench = self.bench
        open_now = [v for v in VALVES if v in bench.relays and bench.relays[v].on]
        wanted = {want.valve for want in bench.wanted()}
        assert not bench.hung
        for target in {name, "pump/p"}:
            barred = target in bench.told["hand"] or target in bench.told["locked"] or target in self.blocked
            assert not barred, f"{name} comes on although {target} is on hand, locked or blocked"
        assert bench.told["level"] is None, "the tank is empty"
        assert wanted or self.unseen, f"I5: {name} comes on and nothing is wanted"
        charged = bench.disk.get(("budgets", name))
        assert charged is not None, f"I2: {name} comes on before anything is charged"
        assert charged["boot"] == bench.boot, f"I2: what is charged for {name} is of another boot"
        assert charged["on_mono"] is not None, f"I2: {name} comes on without a charge on the disk"
        if name != "pump/p":
            assert name in wanted or self.unseen, f"I5: {name} opens and nobody wants it"  # it is let run out
            assert len(open_now) <= self.zones, f"I4: {open_now} are open at once"
            return
        assert open_now or self.unseen, "I3: the pump starts and no valve is open"
        since = [now.start for v in open_now if (now := self.current(v)) is not None]
        assert bench.powered - min(since, default=-NEVER) >= LEAD_S - LITTLE, "I3: the pump starts before its lead"
        if name in self.off_real and not self.off_excused[name]:
            rested = bench.real - self.off_real[name]
            known = not self.lied or self.off_boot[name] == bench.boot
            assert rested >= self.rest_s - LITTLE or not known, f"I4: the pump rested {rested:g} s"

    def closed(self, name: str, now: Stretch) -> None:
        """The station closes a valve: the last one after the pump."""
        bench = self.bench
        others = [v for v in VALVES if v != name and v in bench.relays and bench.relays[v].on]
        pump = self.current("pump/p")
        if others or self.unseen or bench.real == self.heard_at or bench.relays["pump/p"].mode != "obeys":
            return  # time that was up during a hang is up without a lag
        assert pump is None or pump.excused, "I3: the last valve closes and the pump runs"
        ran = [s.end for s in self.stretches.get("pump/p", ()) if s.end is not None and s.end > now.start and not s.excused]
        late = bench.powered - max(ran, default=-NEVER)
        assert late >= LAG_S - LITTLE, f"I3: the last valve closes {late:g} s after the pump"

    def not_too_long(self, name: str, stretch: Stretch, end: float) -> None:
        if not stretch.excused:
            on_s = end - stretch.start
            assert on_s <= MAX_ON[name[-1]] + 1 + stretch.slack + LITTLE, f"I1: {name} was on for {on_s:g} s"
        day = [s for s in self.stretches[name] if not s.excused and (s.end or end) > end - DAY_S]
        used = sum((s.end or end) - max(s.start, end - DAY_S) for s in day)
        slack = sum(s.slack for s in day)
        assert used <= DAILY[name[-1]] + slack + LITTLE, f"I2: {name} was on for {used:g} s in 24 h"
