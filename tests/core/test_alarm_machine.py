"""The life of alarms against a model of them: held off, raised, cleared with hysteresis, acknowledged, over restarts."""

from __future__ import annotations

import json

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edge.core.alarm_kinds import KINDS
from edge.core.alarms import Alarms
from edge.core.events import Effect, Persist, Publish
from edge.core.topics import Topics
from edge.core.values import Moment, Row

DEVICES = ("meter/a", "light/a")
HOLDS = {"device-silent": (30.0, 30.0), "clock-untrusted": (120.0, 0.0), "journal-failing": (10.0, 10.0), "switching-capped": (0.0, 60.0)}
ALARMS = [(kind, device) for kind in HOLDS for device in DEVICES]


class AlarmMachine(RuleBasedStateMachine):
    """Every deadline is kept to the millisecond; a restart knows what is open, and nothing of what was under way."""

    def __init__(self) -> None:
        super().__init__()
        self.mono, self.wall = 1000.0, 1_795_258_000.0
        self.card: dict[str, Row] = {}
        self.broker: dict[str, bytes] = {}
        self.held: dict[tuple[str, str], tuple[bool, float]] = {}
        self.state: dict[tuple[str, str], str] = {}  # raised or cleared, while it is open
        self.acknowledged: dict[tuple[str, str], str] = {}
        self.start()

    def start(self) -> None:
        self.alarms = Alarms(dict.fromkeys(DEVICES, "?"), Topics("thon"), dict(self.card))
        self.alarms.start(self.moment())
        self.linked = False

    def moment(self) -> Moment:
        return Moment(self.wall, self.mono, "boot-1", trusted=True)

    def carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Persist):
                if effect.row is None:
                    self.card.pop(effect.key[1], None)
                else:
                    self.card[effect.key[1]] = effect.row
            elif isinstance(effect, Publish) and self.linked:
                name = effect.topic.rpartition("/")[2]
                assert effect.retain
                if effect.payload:
                    self.broker[name] = effect.payload
                else:
                    self.broker.pop(name, None)

    def step(self) -> None:
        self.carry_out(self.alarms.step(self.moment()))
        for alarm, (holds, since) in self.held.items():
            hold_s, clear_s = HOLDS[alarm[0]]
            raised = self.state.get(alarm) == "raised"
            if holds and not raised and self.mono >= since + hold_s:
                self.state[alarm] = "raised"
                self.acknowledged.pop(alarm, None)
            elif not holds and raised and self.mono >= since + clear_s:
                self.state[alarm] = "cleared"
                self.end(alarm)

    @rule(alarm=st.sampled_from(ALARMS), holds=st.booleans())
    def condition(self, alarm: tuple[str, str], holds: bool) -> None:
        self.alarms.state(*alarm, holds, self.moment(), {"why": "?"})
        news = alarm not in self.held or self.held[alarm][0] is not holds
        if news and (alarm in self.held or holds or alarm in self.state):
            self.held[alarm] = holds, self.mono
        self.step()

    @rule(seconds=st.sampled_from([0.001, 1.0, 9.999, 10.0, 29.0, 30.0, 31.0, 60.0, 119.999, 3600.0]))
    def wait(self, seconds: float) -> None:
        self.pass_time(seconds)

    @rule(beyond=st.sampled_from([-0.001, 0.0, 0.001]))
    def to_the_next_deadline(self, beyond: float) -> None:
        if self.alarms.wake < float("inf"):
            self.pass_time(max(self.alarms.wake - self.mono + beyond, 0.0))

    def pass_time(self, seconds: float) -> None:
        """Stops at every wake-up on the way: nothing may become due where nobody is awake."""
        end = self.mono + seconds
        while self.alarms.wake <= end:
            self.to(max(self.alarms.wake, self.mono))
        self.to(end)

    def to(self, mono: float) -> None:
        self.wall += mono - self.mono
        self.mono = mono
        known = dict(self.state)
        woken = self.alarms.wake <= mono
        self.step()
        assert woken or known == self.state, "something became due and nobody was awake"

    @rule(alarm=st.sampled_from(ALARMS), user=st.sampled_from(["head", "deputy"]))
    def acknowledge(self, alarm: tuple[str, str], user: str) -> None:
        effects = self.alarms.acknowledge(named(alarm), user)
        assert (effects is not None) == (self.state.get(alarm, "over") != "over")
        if effects is None:
            return
        self.carry_out(effects)
        self.acknowledged[alarm] = user
        self.end(alarm)

    def end(self, alarm: tuple[str, str]) -> None:
        """Cleared and acknowledged, it is gone once the broker can be told."""
        if self.state[alarm] == "raised" or alarm not in self.acknowledged:
            return
        self.state[alarm] = "over"
        if self.linked:
            del self.state[alarm], self.acknowledged[alarm]

    @rule()
    def restart(self) -> None:
        self.start()
        self.held.clear()
        self.step()

    @rule(forgotten=st.booleans())
    def link_comes(self, forgotten: bool) -> None:
        if forgotten:
            self.broker.clear()
        self.linked = True
        self.carry_out(self.alarms.link(True))
        for alarm in [alarm for alarm, state in self.state.items() if state == "over"]:
            del self.state[alarm], self.acknowledged[alarm]
        self.step()

    @rule()
    def link_goes(self) -> None:
        self.linked = False
        self.carry_out(self.alarms.link(False))

    @invariant()
    def all_is_told_and_kept(self) -> None:
        open_now = {named(alarm): state for alarm, state in self.state.items() if state != "over"}
        kept = {named(alarm): "cleared" if state == "over" else state for alarm, state in self.state.items()}
        if self.linked:
            assert {name: json.loads(payload)["state"] for name, payload in self.broker.items()} == open_now
        assert {name: "raised" if row["cleared_at"] is None else "cleared" for name, row in self.card.items()} == kept
        by = {named(alarm): user for alarm, user in self.acknowledged.items()}
        assert {n: row["acknowledged_by"] for n, row in self.card.items() if row["acknowledged_by"]} == by
        assert sorted(a["alarm"] for a in self.alarms.listed()) == sorted(open_now)  # type: ignore[type-var]


def named(alarm: tuple[str, str]) -> str:
    return f"{alarm[0]}:{alarm[1].replace('/', ':')}"


def test_the_model_has_the_times_of_the_table() -> None:
    assert {kind: (KINDS[kind].hold_s, KINDS[kind].clear_s) for kind in HOLDS} == HOLDS


AlarmMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None, derandomize=True)
TestAlarmsLive = AlarmMachine.TestCase
