"""What holds for a street whatever people, programs, clocks and restarts do to it; times aim at deadlines ± 1 s."""

from __future__ import annotations

import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from villages import Bench, street, village

APART_S, RESTRIKE_S = 10.0, 60.0
SELDOM_S = 7200.0  # nothing changes a line behind the daemon's back here


class StreetMachine(RuleBasedStateMachine):
    """Three circuits on one meter, restrike 60 s, no cap on switching. The lines outlive the daemon."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self._journal = Path(self._folder.name) / "journal.db"
        site = village({"road": street("60s")}, limits={"switching": {"burst": 0, "per": "60s"}})
        self.bench = Bench(site, journal=self._journal, look_every_s=SELDOM_S)

    def teardown(self) -> None:
        self.bench.store.close(self.bench.clock.now())
        self._folder.cleanup()

    def _send(self, payload: str | dict[str, Any]) -> dict[str, Any]:
        return self.bench.send(payload)

    @rule(level=st.sampled_from([1, 33, 50, 67, 100]), for_s=st.sampled_from([5, 60, 3600, 7200]))
    def on(self, level: int, for_s: int) -> None:
        assert self._send({"action": "on", "level": level, "for_s": for_s})["outcome"] in ("done", "accepted")
        assert self.bench.state()["reason"] == "override"

    @rule(until_step=st.booleans())
    def off(self, until_step: bool) -> None:
        result = self._send("OFF" if until_step else {"action": "off", "for_s": 600})
        assert result["outcome"] == "done"
        assert self.bench.on() == ""

    @rule()
    def auto(self) -> None:
        self._send("AUTO")
        assert self.bench.state()["reason"] == "program"

    @rule(beyond=st.sampled_from([-1.0, -0.001, 0.0, 0.001, 1.0]), again=st.integers(1, 3))
    def to_the_next_deadline(self, beyond: float, again: int) -> None:
        for _ in range(again):
            now = self.bench.clock.mono()
            wake = self.bench.controller.wakeup()
            self.bench.advance(max(min(wake, now + 86400) - now + beyond, 0.01))

    @rule(seconds=st.floats(0.01, 90000))
    def wait(self, seconds: float) -> None:
        self.bench.advance(seconds)

    @rule(by=st.sampled_from([-7200.0, -120.0, -1.0, 1.0, 120.0, 86400.0 * 30]))
    def clock_is_set(self, by: float) -> None:
        self.bench.runner.set_wall(self.bench.clock.now().wall + by)

    @rule()
    def process_is_killed_and_started(self) -> None:
        before = {name: line.read() for name, line in self.bench.lines.items()}
        self.bench.store.close(self.bench.clock.now())
        written = {name: len(line.writes) for name, line in self.bench.lines.items()}
        self.bench = Bench(
            self.bench.site, journal=self._journal, clock=self.bench.clock, lines=self.bench.lines, look_every_s=SELDOM_S
        )
        for name, line in self.bench.lines.items():
            assert len(line.writes) == written[name] + 1, "claimed once"
            assert line.writes[-1][1] == before[name], "without an edge"

    @precondition(lambda self: self.bench.clock.mono() > 1)
    @rule(down_s=st.sampled_from([1.0, 30.0, 7200.0]))
    def power_is_cut(self, down_s: float) -> None:
        clock = self.bench.clock
        self.bench.store.close(clock.now())
        clock.reboot(f"boot-{clock.now().wall}", down_s)
        self.bench = Bench(self.bench.site, journal=self._journal, clock=clock, look_every_s=SELDOM_S)

    @invariant()
    def what_is_told_is_what_the_lines_show(self) -> None:
        state = self.bench.state()
        shown = [line.read() for line in self.bench.lines.values()]
        assert [c["observed"] for c in state["circuits"]] == shown
        assert [c["on"] for c in state["circuits"]] == [state["level"] >= least for least in (33, 67, 100)]
        for wanted, on in zip(state["circuits"], shown, strict=True):
            assert not on or wanted["on"], "nothing burns that is not wanted"

    @invariant()
    def circuits_come_on_apart_and_cooled(self) -> None:
        edges: list[tuple[float, str, bool]] = []
        for name, line in self.bench.lines.items():
            states = [(0.0, False), *line.writes]
            edges += [(at, name, on) for (_, was), (at, on) in pairwise(states) if on != was]
        edges.sort(key=lambda edge: edge[0])
        ons = [(at, name) for at, name, on in edges if on]
        for (a, first), (b, second) in pairwise(ons):
            assert first == second or b - a >= APART_S - 1e-6
        for name in self.bench.lines:
            own = [(at, on) for at, n, on in edges if n == name]
            for (a, _), (b, on) in pairwise(own):
                assert not on or b - a >= RESTRIKE_S - 1e-6

    @invariant()
    def an_override_never_outlives_its_end(self) -> None:
        state = self.bench.state()
        if state["reason"] == "override":
            assert state["until"] is not None
            assert state["by"] == "head"


StreetMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestStreet = pytest.mark.slow(StreetMachine.TestCase)
