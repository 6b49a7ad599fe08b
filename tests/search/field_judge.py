"""What villages with fields are held to: judged by what their lines and coils did, not by what is said.

What is allowed beyond the promises' figures, and why, stands at each constant and where it is used; nothing else is.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from search.account import EPS, Violation
from search.almanac import DAY_S
from search.field_runs import RunBooks
from search.house import House

from edge.core.site import Site
from simulator.faults import Faults

LEASE_S = 15.0  # what is on when the core stands still, or when a board cannot be reached, ends by itself so late
SPARE_S = 1.0  # of I1
OBEYED_S = 3.0  # a board is written between two polls, and a look tells of a line
BUS_S = 3.0  # a port that carries two boards' and sensors' questions writes a wish so late at most
BUS = ("board/board", "port/bus")
LEASED_LATER_S = 25.0
CHATTER, CHATTER_S = 40, 60.0  # so many changes of one output in so many seconds are a relay that dies soon


@dataclass
class Out:
    """One valve, pump or switch: its limits, and what its output did in seconds since the village began."""

    target: str
    active: int
    max_on: float
    daily_max: float
    pump: str | None
    on_board: bool
    on: bool = False
    since: float = -math.inf  # it is as it is
    frozen_s: float = 0.0  # of that, with nobody there
    off_at: float = -math.inf
    spans: deque[tuple[float, float]] = field(default_factory=deque)  # on, by the clock of powered operation
    moves: deque[float] = field(default_factory=lambda: deque(maxlen=CHATTER))
    differs_since: float | None = None  # from what is told to be observed


class FieldJudge:
    """A part of FieldTrial, whose attributes it uses.

    `_hung_at`: until when the core last stood still, or there was none; `_bus_bad`, `_card_bad`: until when the board
    could last not be reached, or the card took nothing or was slow; -inf: never.
    """

    site: Site
    house: House
    faults: Faults
    counts: Counter[str]
    outs: dict[str, tuple[str, Out]]
    runs: RunBooks
    seconds: float
    _by_name: dict[str, Out]
    _told: dict[str, dict[str, Any]]
    _told_at: dict[str, float]

    def _begin_judging(self, board_poll_s: float, look_s: float) -> None:
        self._seen = 0
        self._board_poll_s, self._look_s = board_poll_s, look_s
        self._off_s = 0.0  # without power so far
        self._off_since: float | None = None
        self._started_at = self._power_lost_at = self._ended_at = -math.inf
        self._hung_at = self._bus_bad = self._card_bad = self._jumped_at = self._stirred_at = -math.inf
        self._leased: deque[tuple[float, float]] = deque()  # (when, s) that leases may have added to what is on
        self._dry: dict[str, float] = {}  # pump that runs with none of its valves open -> since when
        self._closings: dict[str, float] = {}
        self._was_hung = False

    # --- what stands ---

    def _note_faults(self, seconds: float) -> None:
        """What troubles the house while these seconds pass."""
        names = {f.kind.name for f in self.faults.standing().values()}
        boards = {f.kind.name for f in self.faults.standing().values() if f.on in BUS}
        until = self.seconds + seconds
        hung = not self.house.thinks() or "process-frozen" in names
        if hung and not self._was_hung:
            self._leased.append((self._powered(), LEASE_S))
        if hung:
            self._hung_at = until
        if boards:
            self._bus_bad = until
        if any(name.startswith("card-") for name in names):
            self._card_bad = until
        self._was_hung = hung
        if "process-frozen" in names and seconds > 0:  # there is no watchdog here: what it would cost is not charged
            self.runs.frozen(seconds)
            self._leased.append((self._powered(), seconds))
            for _, out in self.outs.values():
                out.frozen_s += seconds if out.on else 0.0
        if not self.house.connected():
            self.runs.unheard()

    def _powered(self) -> float:
        return self.seconds - self._off_s

    # --- changes ---

    def _drain(self) -> None:
        changes = self.house.changes
        while self._seen < len(changes):
            change = changes[self._seen]
            self._seen += 1
            out = self._by_name.get(change.name)
            if out is not None and (change.level == out.active) != out.on:
                self._moved(out, change.at)

    def _moved(self, out: Out, at: float) -> None:
        out.on = not out.on
        out.moves.append(at)
        if len(out.moves) == CHATTER and at - out.moves[0] < CHATTER_S:
            raise Violation("chatter", f"{out.target} changed {CHATTER} times within {at - out.moves[0]:.1f} s")
        if out.on:
            self.counts[f"on {out.target.partition('/')[0]}"] += 1
            self._came_on(out, at)
            out.since, out.frozen_s = at, 0.0
            return
        if out.target.startswith("valve/"):
            self.runs.closed(out.target, at)
        out.off_at = at
        out.spans.append((out.since - self._off_s, at - self._off_s))
        self._went_off(out, at)

    def _came_on(self, out: Out, at: float) -> None:
        if out.target.startswith("valve/"):
            self.runs.opened(out.target, self._told.get(out.target), at)
        if not out.target.startswith("pump/"):
            return
        pump = self.site.pumps[out.target.partition("/")[2]]
        opened = [valve.since for _, valve in self.outs.values() if valve.pump == out.target and valve.on]
        if not opened:
            raise Violation("I3", f"{out.target} came on at {at:.3f}, none of its valves is open")
        if at - min(opened) < pump.lead - EPS:
            raise Violation("I3", f"{out.target} came on {at - min(opened):.3f} s after its valve, lead is {pump.lead}")
        # The stop of another boot is known by the wall clock and the card only; without them nobody waits for it.
        known = self._jumped_at < out.off_at and self._card_bad < out.off_at
        late = 0.0 if not out.on_board else LEASE_S if self._bus_bad > out.off_at - LEASE_S else BUS_S  # told off, not off yet
        if known and at - out.off_at < pump.rest - late - EPS and out.off_at > 0:
            raise Violation("I4", f"{out.target} came on {at - out.off_at:.3f} s after its stop, rest is {pump.rest}")

    def _went_off(self, out: Out, at: float) -> None:
        """The last valve waits for the pump to run out: but not where a core that hangs, a process that ends or the
        power has closed it, nor where a board is late with either of the two."""
        if out.pump is None or max(self._hung_at, self._power_lost_at, self._ended_at) > at - LEASE_S - OBEYED_S:
            return
        pump = self.outs[out.pump][1]
        lag = self.site.pumps[out.pump.partition("/")[2]].lag
        late = BUS_S if pump.on_board else 0.0
        if (out.on_board or pump.on_board) and self._bus_bad > at - LEASE_S - 2 * self._board_poll_s:
            return
        left = any(valve.on for _, valve in self.outs.values() if valve.pump == out.pump)
        if not left and out.since < pump.off_at and at - pump.off_at < lag - late - EPS and self._pump_ran_for(out, pump):
            raise Violation("I3", f"{out.target} closed {at - pump.off_at:.3f} s after the pump's stop, lag is {lag}")

    def _pump_ran_for(self, valve: Out, pump: Out) -> bool:
        """Whether the pump ran while the valve was open, which alone makes it wait."""
        return bool(pump.spans) and pump.spans[-1][1] > valve.since - self._off_s

    # --- what holds at any time ---

    def _judge(self, seconds: float) -> None:
        self._note_faults(seconds)
        frozen = any(f.kind.name == "process-frozen" for f in self.faults.standing().values())
        for _, out in self.outs.values():
            if out.on or out.spans:
                self._judge_on(out, frozen)
            self._judge_observed(out)
        if seconds > EPS:
            self._judge_stations(frozen)
        self._judge_closings(frozen)

    def _lease_of(self, out: Out) -> float:
        """What a lease may have added to its present stretch: the core stood still, or its board was out of reach."""
        hung = self._hung_at > out.since or self._ended_at > out.since
        return LEASE_S if hung or (out.on_board and self._bus_bad > out.since) else 0.0

    def _judge_on(self, out: Out, frozen: bool) -> None:
        at, lease_s = self.seconds, self._lease_of(out)
        on_s = at - out.since - out.frozen_s
        late = BUS_S if out.on_board else 0.0
        if out.on and not frozen and on_s > out.max_on + SPARE_S + EPS + lease_s + late:
            raise Violation("I1", f"{out.target} is on for {on_s:.1f} s, max_on is {out.max_on}")
        reach = OBEYED_S + (LEASE_S if lease_s and out.on_board else 0.0)
        if out.on and self.house.thinks() and out.since < self._started_at - EPS < at - reach:
            raise Violation("I5", f"{out.target} was on before the start at {self._started_at:.1f}, and still is")
        powered = self._powered()
        while out.spans and out.spans[0][1] < powered - DAY_S:
            out.spans.popleft()
        while self._leased and self._leased[0][0] < powered - DAY_S:
            self._leased.popleft()
        total = sum(end - max(start, powered - DAY_S) for start, end in out.spans) + (at - out.since if out.on else 0.0)
        if total > out.daily_max + SPARE_S:
            spare = sum(s for _, s in self._leased) + lease_s + len(out.spans) * (late + 0.05)
            if total > out.daily_max + SPARE_S + spare:
                raise Violation("I2", f"{out.target} was on for {total:.1f} s in 24 h, daily_max is {out.daily_max}")

    def _judge_observed(self, out: Out) -> None:
        """I13: what is told to be observed is true, or unknown; and what is on is wanted on."""
        told = self._told.get(out.target)
        if told is None or not self.house.connected() or not self.house.thinks():
            out.differs_since = None
            return
        says = {"OPEN": True, "ON": True, "CLOSED": False, "OFF": False}.get(told["observed"])
        if says is None or says is out.on:
            out.differs_since = None
        elif out.differs_since is None:
            out.differs_since = self.seconds
        within = 2 * self._board_poll_s + BUS_S if out.on_board else self._look_s + 1.0
        if out.differs_since is not None and self.seconds - out.differs_since > within:
            raise Violation("I13", f"{out.target} is {out.on} since {out.since:.1f}, observed is {told['observed']}")
        wanted = told["state"] in ("OPEN", "ON")
        calm = self._hung_at < self.seconds - LEASED_LATER_S and self._bus_bad < self.seconds - LEASED_LATER_S
        if out.on and not wanted and calm and self.seconds - max(out.since, self._told_at[out.target]) > LEASED_LATER_S:
            raise Violation("I5", f"{out.target} is on, its state says {told}")

    def _judge_stations(self, frozen: bool) -> None:
        for name, pump in self.site.pumps.items():
            out = self.outs[f"pump/{name}"][1]
            valves = [v for _, v in self.outs.values() if v.pump == out.target]
            opened = [v.target for v in valves if v.on]
            if len(opened) > pump.zones_at_once and not frozen:
                self._too_many(out, valves, opened, pump.zones_at_once)
            if not out.on or opened or frozen:
                self._dry.pop(out.target, None)
                continue
            since = self._dry.setdefault(out.target, self.seconds)
            if self.seconds - since >= self._runs_dry_for(out, valves):
                raise Violation("I3", f"{out.target} runs since {since:.3f}, none of its valves is open")

    def _runs_dry_for(self, pump: Out, valves: list[Out]) -> float:
        """For how long a pump may run although none of its valves is open.

        Never where lines alone move them: they move in order, also by lease, by `safe`, and all at once as power goes.
        A pump on a board, whose valve is on a line, ends by its own timer when the power or the bus is lost. A valve on
        a board whose bus is lost falls by its own timer, or as the board loses its power: that is known only when the
        board is silent for two polls.
        """
        if not pump.on_board and not any(valve.on_board for valve in valves):
            return 0.0
        if pump.on_board and max(self._power_lost_at, self._hung_at, self._ended_at) > self.seconds - LEASE_S - OBEYED_S:
            return LEASE_S + OBEYED_S
        if self._bus_bad > self.seconds - LEASE_S - 2 * self._board_poll_s - OBEYED_S:
            return max(2 * self._board_poll_s, LEASE_S) + OBEYED_S
        return BUS_S

    def _too_many(self, pump: Out, valves: list[Out], opened: list[str], most: int) -> None:
        """Of those that were closed, some on boards out of reach may not be known to be open still."""
        if any(v.on_board for v in valves) and max(self._bus_bad, self._hung_at, self._ended_at) > self.seconds - LEASE_S - BUS_S:
            return
        raise Violation("I4", f"{opened} are open, {pump.target} feeds {most}")

    # --- what was asked for ---

    def _obeys(self, target: str) -> bool:
        """Whether a command for it that is sent now is heard, and can be obeyed: neither card nor clock matter."""
        if not self.house.connected() or not self.house.thinks():
            return False
        places = {f.kind.place for f in self.faults.standing().values()}
        within_reach = not self.outs[target][1].on_board or not self._bus_bad >= self.seconds - LEASE_S
        return "broker" not in places and "process" not in places and within_reach

    def _asked_to_close(self, target: str) -> None:
        valves = [t for t, (_, out) in self.outs.items() if out.pump == target] if target.startswith("pump/") else []
        for name in (target, *valves):
            if self._obeys(name):
                self.counts["closings"] += self.outs[name][1].on
                self._closings[name] = self.seconds

    def _judge_closings(self, frozen: bool) -> None:
        for target, asked in list(self._closings.items()):
            _, out = self.outs[target]
            lag = 0.0 if out.pump is None else self.site.pumps[out.pump.partition("/")[2]].lag
            out_of_reach = out.on_board and self._bus_bad > asked
            if frozen or self._hung_at > asked or out_of_reach or not out.on or out.since > asked:
                del self._closings[target]
            elif self.seconds > asked + lag + OBEYED_S:
                raise Violation("I8", f"{target} was told to close at {asked:.1f} and is still open at {self.seconds:.1f}")
