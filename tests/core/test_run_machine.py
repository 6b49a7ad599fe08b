"""Irrigation against what it promises: random commands, clocks, restarts, cuts and faults over the Bench.

The oracle knows nothing of the code: it reads what was written to the lines, what the journal has, and what was told.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from farms import PLOTS, FarmBench, farm
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edge.core.events import JournalChanged
from edge.core.site import Site

DAY_S = 86400.0
VALVES = (*PLOTS, "tap")
DEFAULT_S = {"tap": 600.0} | dict.fromkeys(PLOTS, 1200.0)
LAG_S, MAX_ON_S = 3.0, {"tap": 1800.0} | dict.fromkeys(PLOTS, 3600.0)
PROGRAMS: dict[str, Any] = {
    "morning": {
        "kind": "irrigation", "start": "05:00", "zones": [{"plot-1": "10m"}, {"plot-2": "10m"}], "resume": "within 2h"
    },
    "noon": {"kind": "irrigation", "start": "12:00", "zones": [{"plot-2": "6m"}, {"plot-3": "6m"}], "cycle": "3m", "soak": "5m"},
    "tap": {"kind": "irrigation", "start": "05:05", "zones": [{"tap": "5m"}], "skip_when": {"rain": True}},
}


def field() -> Site:
    """Four plots and a tap under three programs, a tank that may stop the pump, and rain."""
    return farm(
        PROGRAMS, pump={"rest": "20s", "stop_when": {"tank": "empty"}},
        inputs={
            "rain": {"gpio": 20, "role": "rain"}, "tank": {"gpio": 21, "role": "level", "low_is": "empty"},
            "switch": {"gpio": 22, "role": "hand", "of": ["valve/plot-3"]},
        },
    )


class RunMachine(RuleBasedStateMachine):
    """What is promised of runs (I6), of commands (I7, I8), and of what is open (I1, I3, I4), whatever comes."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.site = field()
        self.boots = 1
        self.ids = count(1)
        self.used: list[dict[str, Any]] = []
        self.over: dict[str, float] = {}  # when each run ended, by its id
        self.done: dict[str, float] = {}  # what each zone had of water (s), by its id
        self.asked: dict[str, float] = {}  # for how long (s) persons opened, by the command's id
        self.decided: set[str] | None = None  # the programs' runs before, if the clock was not confirmed then
        self.bench = FarmBench(self.site, at="2026-11-21T04:58:00+07:00", journal=self.journal, look_every_s=30.0)
        self.hear()

    @property
    def journal(self) -> Path:
        return Path(self._folder.name) / "journal.db"

    def teardown(self) -> None:
        self.bench.store.close(self.bench.clock.now())
        self._folder.cleanup()

    def hear(self) -> None:
        for name in ("rain", "tank", "switch"):
            self.bench.contact(name, False)

    # --- time ---

    @rule(seconds=st.sampled_from([0.5, 4.9, 5.1, 14.9, 15.1, 59.0, 61.0, 179.0, 301.0, 599.0, 601.0, 1799.0, 3601.0]))
    def time_passes(self, seconds: float) -> None:
        self.bench.advance(seconds)

    @rule(beyond=st.sampled_from([-1.0, -0.01, 0.01, 1.0]), name=st.sampled_from(["04:59", "05:00", "05:05", "12:00"]))
    def to_when_something_is_due(self, beyond: float, name: str) -> None:
        now = self.bench.clock.now().wall
        hour, minute = map(int, name.split(":"))
        midnight = now - (now + 7 * 3600) % DAY_S
        due = midnight + hour * 3600 + minute * 60 + beyond
        self.bench.advance(due - now if due > now else due + DAY_S - now)

    @rule(by=st.sampled_from([-365 * DAY_S, -DAY_S, -3600.0, -60.0, 60.0, 3600.0, DAY_S, 365 * DAY_S]))
    def clock_is_set(self, by: float) -> None:
        self.bench.runner.set_wall(self.bench.clock.now().wall + by)

    @rule(trusted=st.booleans())
    def clock_is_vouched_for(self, trusted: bool) -> None:
        self.bench.clock.set_wall(self.bench.clock.now().wall, trusted=trusted)
        self.bench.advance(31)

    @rule(name=st.sampled_from(["05:00", "05:05", "12:00"]), valve=st.sampled_from(VALVES))
    def something_is_due_while_nobody_vouches(self, name: str, valve: str) -> None:
        """And somebody comes by, so that all is looked at."""
        self.clock_is_vouched_for(trusted=False)
        before = {row["id"] for row in self.bench.rows("runs") if row["program"] is not None}
        self.to_when_something_is_due(0.5, name)
        self.bench.order("CLOSE", valve)
        self.bench.advance(1)
        assert before == {row["id"] for row in self.bench.rows("runs") if row["program"] is not None}

    # --- people ---

    @rule(valve=st.sampled_from(VALVES), for_s=st.sampled_from([2.0, 30.0, 300.0, 1800.0, None]))
    def open(self, valve: str, for_s: float | None) -> None:
        fields = {"action": "open", "id": f"c-{next(self.ids)}"} | ({} if for_s is None else {"for_s": for_s})
        self.asked[fields["id"]] = for_s or DEFAULT_S[valve]
        result = self.bench.order(fields, valve)
        assert result.get("outcome") in (None, "done", "accepted", "rejected")
        self.used.append(fields | {"valve": valve})

    @precondition(lambda self: self.used)
    @rule(which=st.integers(0, 1000))
    def repeat(self, which: int) -> None:
        """I7: the same id a second time has no effect, however it was answered the first time."""
        fields = dict(self.used[which % len(self.used)])
        valve = fields.pop("valve")
        before = self.runs()
        result = self.bench.order(fields, valve)
        if result.get("outcome") == "rejected":
            assert self.runs() == before
        elif result.get("outcome") is not None:
            assert len([r for r in self.runs() if r.endswith(f":{fields['id']}")]) <= 2

    @rule(valve=st.sampled_from(VALVES), late=st.booleans(), far=st.booleans(), full=st.booleans())
    def close(self, valve: str, late: bool, far: bool, full: bool) -> None:
        """I8: it always works: the pump is off at once where nothing else is open, the valve after the lag."""
        fields: dict[str, Any] = {"action": "close", "id": "c-1"}
        if late:
            fields["expires_at"] = "2020-01-01T00:00:00Z"
        before = self.runs()
        if full:
            self.journal_fails(True)
        result = self.bench.order(fields, valve, prefix="far/" if far else "")
        assert result.get("outcome") not in ("rejected", "failed")
        assert self.bench.water(valve)["run"] is None
        self.journal_fails(False)
        self.bench.advance(LAG_S + 0.1)
        self.only_new_runs_water([valve], before)

    @rule(action=st.sampled_from(["pause", "resume", "skip", "auto"]), valve=st.sampled_from(VALVES))
    def guide(self, action: str, valve: str) -> None:
        self.bench.order({"action": action}, valve)

    @rule(fields=st.sampled_from([{"action": "off"}, {"action": "off", "for_s": 600}, {"action": "auto"}, {"action": "on"}]))
    def pump(self, fields: dict[str, Any]) -> None:
        result = self.bench.send(fields, to="pump/pump-1")
        if fields["action"] == "off":
            assert result.get("outcome") not in ("rejected", "failed")
            assert not self.bench.lines["pump/pump-1"].read()

    @rule(device=st.sampled_from(["valve/plot-1", "valve/plot-2", "pump/pump-1"]), locked=st.booleans())
    def lock(self, device: str, locked: bool) -> None:
        self.bench.send({"locked": locked}, topic=f"{self.bench.root}/{device}/lockout/tech")

    @rule()
    def stop_water(self) -> None:
        before = self.runs()
        assert self.bench.ask("stop-water")["ok"]
        self.bench.advance(LAG_S + 0.1)
        self.only_new_runs_water(VALVES, before)

    @rule(valve=st.sampled_from(VALVES))
    def retained(self, valve: str) -> None:
        before = self.runs()
        assert self.bench.order({"action": "open"}, valve, retained=True)["error"]["code"] == "retained"
        assert self.runs() == before

    # --- faults ---

    @rule(name=st.sampled_from(["rain", "tank", "switch"]), says=st.sampled_from([True, False, False, None]))
    def contact(self, name: str, says: bool | None) -> None:
        self.bench.contact(name, says)

    @rule(failing=st.booleans())
    def journal_fails(self, failing: bool) -> None:
        self.bench.put(JournalChanged("disk full" if failing else None))

    @rule()
    def process_is_killed(self) -> None:
        self.start_again(None)

    @rule(down_s=st.sampled_from([1.0, 100.0, 1800.0, 7200.0]))
    def power_is_cut(self, down_s: float) -> None:
        self.start_again(down_s)

    @rule()
    def process_is_stopped_in_good_order(self) -> None:
        self.bench.stop()
        assert self.bench.open() == ""
        self.start_again(None, closed=True)

    def start_again(self, down_s: float | None, closed: bool = False) -> None:
        self.judge()
        clock, lines = self.bench.clock, self.bench.lines
        if not closed:
            self.bench.store.close(clock.now())
        if down_s is not None:
            self.boots += 1
            clock.reboot(f"boot-{self.boots}", down_s)
            lines = {}  # every relay fell
        self.bench = FarmBench(self.site, journal=self.journal, clock=clock, look_every_s=30.0, lines=lines or None)
        self.hear()

    # --- what was promised ---

    def runs(self) -> list[str]:
        return sorted(row["id"] for row in self.bench.rows("runs"))

    def only_new_runs_water(self, valves: Sequence[str], before: Sequence[str]) -> None:
        """What is open of these is so for a run that was not there then: one may have fallen due since."""
        for valve in valves:
            if self.bench.lines[f"valve/{valve}"].read():
                assert self.bench.water(valve)["run"]["id"] not in before

    def judge(self) -> None:
        """I1: no valve is on longer than max_on + 1 s."""
        for name in VALVES:
            for begin, end in self.bench.spans(f"valve/{name}"):
                assert (self.bench.clock.mono() if end is None else end) - begin <= MAX_ON_S[name] + 1, name

    @invariant()
    def a_pump_runs_only_behind_an_open_valve_and_never_feeds_two(self) -> None:
        plots = [name for name in PLOTS if self.bench.lines[f"valve/{name}"].read()]
        assert len(plots) <= 1
        assert plots or not self.bench.lines["pump/pump-1"].read()
        self.judge()

    @invariant()
    def each_occurrence_begins_at_most_once_ever(self) -> None:
        """I6: nothing of a run that is over waters again, and an id has one row."""
        ids = self.runs()
        assert len(ids) == len(set(ids))
        over = {row["id"]: row["ended"] for row in self.bench.rows("runs") if row["ended"] is not None}
        for valve in VALVES:
            run = self.bench.water(valve)["run"]
            assert run is None or run["id"] not in over, run
        for zone in self.bench.rows("zones"):
            assert zone["done_s"] <= zone["planned_s"] + 1, "it waters twice"
            assert zone["done_s"] >= self.done.get(zone["id"], 0.0), f"what {zone['id']} had is forgotten"
            self.done[zone["id"]] = zone["done_s"]
            asked = self.asked.get(zone["run"].split(":", 2)[2])
            assert asked is None or zone["planned_s"] == asked, f"{zone['id']} waters for {zone['planned_s']:g} s"
        self.over = over | self.over
        for name, ended in self.over.items():
            assert over.get(name) == ended, f"{name} was over, and is not, or ended twice"

    @invariant()
    def programs_begin_by_a_confirmed_clock_only(self) -> None:
        now = {row["id"] for row in self.bench.rows("runs") if row["program"] is not None}
        trusted = self.bench.clock.now().trusted
        if self.decided is not None and not trusted:
            assert now == self.decided, "a program was begun, or decided on, by a clock that nobody confirms"
        self.decided = None if trusted else now

    @invariant()
    def what_is_open_is_wanted_by_a_run_that_is_on(self) -> None:
        for valve in VALVES:
            state = json.loads(self.bench.radio.retained[f"{self.bench.root}/valve/{valve}/state"])
            if state["state"] == "OPEN":
                assert state["run"] is not None or not self.bench.lines[f"valve/{valve}"].read()

    @invariant()
    def nothing_in_memory_outlives_its_run(self) -> None:
        now = [row for row in self.bench.rows("runs") if row["ended"] is None]
        assert len(now) <= 12


RunMachine.TestCase.settings = settings(
    max_examples=12, stateful_step_count=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
TestRuns = pytest.mark.slow(RunMachine.TestCase)


# --- I12: the wall clock moves no water ---

SCRIPT: list[tuple[float, str, dict[str, Any]]] = [
    (300.0, "plot-3", {"action": "open", "for_s": 400}), (200.0, "plot-1", {"action": "pause"}),
    (333.0, "plot-1", {"action": "resume"}), (100.0, "tap", {"action": "open", "for_s": 900}),
    (700.0, "plot-2", {"action": "skip"}), (50.0, "plot-3", {"action": "open", "volume_l": 50}),
]


def trace(changes: list[tuple[float, float]]) -> dict[str, list[tuple[float, bool]]]:
    """What was written to each line, in monotonic time, with the clock moved by so much (s) so long after 05:06, when
    all runs of the morning had begun."""
    site = farm({name: PROGRAMS[name] for name in ("morning", "tap")}, pump={"rest": "20s"}, inputs={})
    bench = FarmBench(site, at="2026-11-21T04:59:30+07:00", look_every_s=30.0)
    bench.advance(390.0)
    steps: list[tuple[float, Any]] = [(at, by) for at, by in changes]
    at = 0.0
    for after, valve, fields in SCRIPT:
        at += after
        steps.append((at, (valve, fields)))
    now = 0.0
    for when, what in sorted(steps, key=lambda step: step[0]):
        bench.advance(when - now)
        now = when
        if isinstance(what, float):
            bench.runner.set_wall(bench.clock.now().wall + what)
        else:
            bench.order(what[1], what[0])
    bench.advance(6000.0 - now)
    return {name: [(round(mono, 6), on) for mono, on in line.writes] for name, line in bench.lines.items()}


@pytest.mark.slow
@pytest.mark.parametrize("changes", [
    [(100.5, -3600.0)], [(450.0, 7200.0)], [(450.0, -36000.0), (1200.0, 36000.0)], [(10.0, -0.7), (900.1, 40.0), (901.0, -40.0)],
])
def test_with_the_occurrences_fixed_the_wall_clock_moves_no_output(changes: list[tuple[float, float]]) -> None:
    assert trace(changes) == trace([])
