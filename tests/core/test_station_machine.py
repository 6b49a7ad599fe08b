"""Whatever is wanted, breaks, hangs or restarts, as chance has it: a station's outputs before their judge."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from station_bench import LEASE_S, NEVER, Bench
from station_judge import LAG_S, LEAD_S, MAX_ON, OUTPUTS, VALVES, StationJudge

BETWEEN = ("nothing", "kill", "cut", "3600", "-3600", "1e7", "-1e7")  # numbers: the clock is wrong by so much (s)


class StationMachine(RuleBasedStateMachine):
    """One pump and its valves, and everything that can happen to them."""

    @initialize(zones=st.sampled_from([1, 2]), burst=st.sampled_from([0, 6]), rest=st.sampled_from([60, 60, 0]))
    def build(self, zones: int, burst: int, rest: int) -> None:
        self.run_no = 0
        of = {"zones_at_once": zones, "max_on": "400s", "daily_max": "700s", "lead": "4s", "rest": f"{rest}s"}
        self.bench = Bench(3, of_pump=of, burst=burst, of_valve={"max_on": "5m", "daily_max": "8m"})
        self.judge = StationJudge(self.bench, zones, rest)
        self.bench.watch = self.judge.moved
        self.gone: dict[str, float] = {}
        self.advance(1)

    # --- what people and programs want ---

    @rule(valve=st.sampled_from(VALVES), seconds=st.sampled_from([0.5, 8, 60, 130, 299, 302, 600]), first=st.booleans(), anew=st.booleans())
    def want(self, valve: str, seconds: float, first: bool, anew: bool) -> None:
        self.run_no += anew
        new = {valve: (self.bench.mono + seconds, f"run-{self.run_no}")}
        wants = {v: w for v, w in self.bench.wants.items() if v != valve}
        self.bench.wants = new | wants if first else wants | new
        self.bench.step()

    @rule(valve=st.sampled_from(VALVES))
    def drop(self, valve: str) -> None:
        self.bench.drop(valve)

    @rule()
    def drop_all(self) -> None:
        self.bench.wants.clear()
        self.bench.step()

    @rule(output=st.sampled_from(OUTPUTS), what=st.sampled_from(["hand", "locked", "block", "level", "room"]))
    def bar(self, output: str, what: str) -> None:
        if what == "block":
            self.judge.blocked.add(output)
            self.bench.run(self.bench.station.block(output, "leak", {}, self.bench.moment()))
        elif what in ("level", "room"):
            self.bench.told[what] = {"level": "tank-empty", "room": "too much is on"}[what]
        else:
            self.bench.told[what][output] = {"hand": 5.0, "locked": "tech"}[what]
        self.bench.step()

    @rule(output=st.sampled_from(OUTPUTS), what=st.sampled_from(["hand", "locked", "block"]), valve=st.sampled_from(VALVES))
    def want_what_is_barred(self, output: str, what: str, valve: str) -> None:
        self.after_a_rest()
        self.bar(output, what)
        self.bench.want(valve if output == "pump/p" else output, 60, "barred")
        self.advance(LEAD_S)

    @rule(valve=st.sampled_from(VALVES), mode=st.sampled_from(["sticks", "fails", "unknown"]))
    def want_what_is_broken(self, valve: str, mode: str) -> None:
        self.after_a_rest()
        self.mode(valve, mode)
        self.bench.want(valve, 60, "broken")
        self.advance(LEAD_S + 1)

    def after_a_rest(self) -> None:
        """Nothing stands against opening, unless it is a budget."""
        self.unbar()
        self.bench.journal(0)
        self.drop_all()
        self.advance(61 + LAG_S)

    @rule()
    def unbar(self) -> None:
        self.bench.told.update({"level": None, "room": None})
        self.bench.told["hand"].clear()
        self.bench.told["locked"].clear()
        self.judge.blocked.clear()
        for target in OUTPUTS:
            self.bench.run(self.bench.station.unblock(target))
        self.bench.step()

    # --- what breaks ---

    @rule(delay=st.sampled_from([0, 0, 2, 9.5, 12, NEVER]), failing=st.booleans())
    def journal(self, delay: float, failing: bool) -> None:
        self.bench.journal(delay, failing and delay == NEVER)
        self.bench.advance(0)

    @rule(output=st.sampled_from(OUTPUTS), mode=st.sampled_from(["obeys", "obeys", "sticks", "fails", "unknown"]))
    def mode(self, output: str, mode: str) -> None:
        self.bench.relays[output].mode = mode
        if mode in ("sticks", "fails"):
            self.judge.excuse(output)

    @rule(output=st.sampled_from(OUTPUTS))
    def falls_off(self, output: str) -> None:
        relay = self.bench.relays[output]
        if relay.on:
            self.judge.forced = True
            self.bench._force(relay, False)
            self.judge.forced = False
            self.judge.dropped_at = self.bench.real

    @rule(seconds=st.sampled_from([4, 9, 14.9, 15, 16, 40]))
    def hang(self, seconds: float) -> None:
        self.judge.slack(LEASE_S)
        self.bench.hung = True
        self.bench.advance(seconds)
        if seconds > LEASE_S:
            on = [name for name in OUTPUTS if (now := self.judge.current(name)) is not None and not now.excused]
            assert not on, f"I1: {on} are on without a core for {seconds:g} s"
        self.bench.hung = False
        self.judge.heard_at = self.bench.real
        self.advance(0)

    @rule(downtime=st.sampled_from([0.5, 4, 30]), drop=st.booleans())
    def kill(self, downtime: float, drop: bool) -> None:
        self.judge.slack(downtime)
        self.judge.forced, self.judge.starts = True, not drop
        self.bench.kill(downtime, drop)
        self.judge.forced = self.judge.starts = False
        self.advance(0)

    @rule(off_s=st.sampled_from([0.5, 59, 61, 7200]), trusted=st.booleans())
    def power_cut(self, off_s: float, trusted: bool) -> None:
        self.judge.forced = True
        self.bench.power_cut(off_s, trusted)
        self.judge.forced = False
        self.advance(0)

    @rule(error=st.sampled_from([0.0, 3600.0, -3600.0, 1e7]), trusted=st.booleans())
    def clock(self, error: float, trusted: bool) -> None:
        self.bench.error, self.bench.trusted = error, trusted
        self.judge.lied = self.judge.lied or (trusted and error != 0)
        self.bench.step()

    # --- time ---

    def advance(self, seconds: float) -> None:
        self.bench.advance(seconds)

    @rule(seconds=st.sampled_from([0.1, 1, 5, 30, 120, 420]))
    def wait(self, seconds: float) -> None:
        self.advance(seconds)

    @rule(which=st.integers(0, 40), beyond=st.sampled_from([-1.0, -0.1, 0.0, 0.1, 1.0]))
    def to_a_deadline(self, which: int, beyond: float) -> None:
        """Ends of wants, of max_on, of budgets, of lag, rest and lease, all reckoned from what the relays did."""
        bench = self.bench
        at = [end for end, _ in bench.wants.values()]
        for name in OUTPUTS:
            if (now := self.judge.current(name)) is not None:
                start = bench.mono - (bench.powered - now.start)
                at += [start + MAX_ON[name[-1]], start + LEAD_S, start + LEASE_S]
            elif (off := self.judge.off_real.get(name)) is not None:
                at += [bench.mono - (bench.real - off) + s for s in (LAG_S, self.judge.rest_s, self.judge.rest_s + LEAD_S)]
        due = [moment + beyond - bench.mono for moment in sorted(at) if moment + beyond > bench.mono]
        if due:
            self.advance(due[which % len(due)])

    @rule(valve=st.sampled_from(VALVES))
    def use_up(self, valve: str) -> None:
        self.bench.wants = {valve: (self.bench.mono + 350, "much")}
        self.bench.step()
        self.advance(420)

    @rule(valve=st.sampled_from(VALVES), opened_s=st.sampled_from([100, 420]), between=st.sampled_from(BETWEEN))
    def use_up_more(self, valve: str, opened_s: float, between: str) -> None:
        """Its time is up, or nearly, something happens, and it is wanted again for as long."""
        self.bench.wants = {valve: (self.bench.mono + 600, "more")}
        self.bench.step()
        self.advance(opened_s)
        if between == "kill":
            self.kill(0.5, drop=False)
        elif between == "cut":
            self.power_cut(61, trusted=True)
        elif between != "nothing":
            self.clock(float(between), trusted=True)
        self.advance(61)
        self.use_up(valve)

    @rule(valve=st.sampled_from(VALVES), pause=st.sampled_from([0, 1, 30, 56, 61]))
    def again_soon(self, valve: str, pause: float) -> None:
        self.bench.wants = {valve: (self.bench.mono + 130, "once")}
        self.bench.step()
        self.advance(130 + pause)
        self.bench.want(valve, 60, "again")
        self.advance(LEAD_S + 1)

    @rule(valve=st.sampled_from(VALVES), delay=st.sampled_from([2, 5, 9.5]))
    def the_card_is_slow(self, valve: str, delay: float) -> None:
        self.bench.journal(delay)
        self.bench.want(valve, 100, "slow")
        self.advance(20)
        self.bench.journal(0)
        self.advance(0)

    @rule(valve=st.sampled_from(VALVES), after=st.sampled_from([0.5, 2, 9.9]))
    def think_better_of_it(self, valve: str, after: float) -> None:
        """A want is gone before the journal has answered."""
        self.bench.journal(NEVER)
        self.bench.want(valve, 100, "short")
        self.advance(after)
        self.bench.drop(valve)
        self.bench.journal(0)
        self.advance(1)

    @rule(hours=st.sampled_from([1, 12, 23.9, 24]))
    def night(self, hours: float) -> None:
        for relay in self.bench.relays.values():
            relay.mode = "obeys"
        self.bench.wants.clear()
        self.bench.step()
        self.advance(hours * 3600)

    @precondition(lambda self: not self.judge.lied)
    @rule(valve=st.sampled_from(VALVES))
    def all_is_well_again(self, valve: str) -> None:
        """After a day without water and with nothing broken, a valve opens, and water flows."""
        self.bench.error, self.bench.trusted = 0.0, True
        self.bench.journal(0)
        self.advance(0)
        self.unbar()
        self.night(25)
        assert self.bench.on() == ""
        self.bench.want(valve, 100, "well")
        self.advance(LEAD_S)
        assert self.bench.on() == f"p{valve[-1]}", self.bench.station.waits(valve)
        assert self.bench.station.flowing(valve)
        assert not self.bench.alarms()

    # --- what always holds ---

    @invariant()
    def nothing_is_on_that_nobody_wants(self) -> None:
        if not hasattr(self, "bench"):
            return
        bench = self.bench
        wanted = {want.valve for want in bench.wanted()}
        for valve in VALVES:
            if valve in wanted:
                self.gone.pop(valve, None)
            else:
                end = bench.wants.get(valve, (bench.mono, ""))[0]
                self.gone.setdefault(valve, bench.real - (bench.mono - min(end, bench.mono)))
            now = self.judge.current(valve)
            if now is not None and not now.excused and valve in self.gone and now.end is None:
                assert bench.real <= max(self.gone[valve], self.judge.heard_at) + LAG_S + 1, f"I8: {valve} is still open"
        pump = self.judge.current("pump/p")
        if pump is not None and not pump.excused:
            assert wanted, "I8: the pump runs and nothing is wanted"
            opened = any(bench.relays[v].on for v in VALVES)
            assert opened or self.judge.unseen, "I3: the pump runs and no valve is open"

    @invariant()
    def nothing_is_on_for_too_long(self) -> None:
        if hasattr(self, "bench"):
            for name in OUTPUTS:
                if (now := self.judge.current(name)) is not None:
                    self.judge.not_too_long(name, now, self.bench.powered)

    @invariant()
    def rows_are_small(self) -> None:
        if hasattr(self, "bench"):
            assert all(len(str(row)) < 2000 for row in self.bench.disk.values())


StationMachine.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestStations = pytest.mark.slow(StationMachine.TestCase)
