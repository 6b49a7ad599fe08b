"""A switch under everything that happens to it: what its line did, judged by an account that knows nothing of how."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from switch_bench import Relay, SwitchBench

HEAT = {"sensor": "air", "quantity": "temperature_c", "on_above": 33, "off_below": 30}
KINDS: list[dict[str, Any]] = [
    {"max_on": "1h", "daily_max": "2h", "min_on": "5m", "min_off": "2m"},
    {"max_on": "10m"},
    {"daily_max": "30m", "default": "20m"},
    {"min_on": "10m", "min_off": "1m"},
]
LEASE_S = 15.5
DAY_S = 86_400.0


class Watched(Relay):
    """A line that has every ON judged as it happens."""

    def __init__(self, judge: Any) -> None:
        super().__init__()
        self._judge = judge

    def put(self, on: bool, mono: float, lease_s: float | None = None) -> None:
        was = self.on
        super().put(on, mono, lease_s)
        if self.on is not was:
            self._judge(self.on)


class Switching(RuleBasedStateMachine):
    """One switch, and an account of who asked for what."""

    def __init__(self) -> None:
        super().__init__()
        self.hot = self.heard = False
        self.person_until: float | None = None  # of an ON, monotonic s
        self.given: list[float] = []  # every ON of this boot, also those that may not have been kept
        self.refused_until = float("-inf")  # of an OFF
        self.locked = False
        self.on_since: float | None = None  # of the stretch, on the axis of powered time
        self.off_since = 0.0
        self.stretches: list[tuple[float, float]] = []
        self.powered = 0.0  # powered time before this boot
        self.started = 0.0
        self.hung = 0.0
        self.hangs = 0

    @initialize(kind=st.sampled_from(KINDS), window=st.booleans(), trusted=st.booleans())
    def begin(self, kind: dict[str, Any], window: bool, trusted: bool) -> None:
        program: dict[str, Any] = {"when": HEAT} | ({"window": "08:00..18:00"} if window else {})
        self.windowed = window
        self.bench = SwitchBench(kind, program, trusted=trusted)
        self.switch = self.bench.switch
        self.bench.line = Watched(self.moved)
        self.again()

    # --- the account ---

    @property
    def _mono(self) -> float:
        return self.bench.clock.mono()

    @property
    def _axis(self) -> float:
        return self.powered + self._mono

    def moved(self, on: bool) -> None:
        if not on:
            assert self.on_since is not None
            self.judge_stretch()
            self.stretches.append((self.on_since, self._axis))
            self.on_since, self.off_since = None, self._axis
            return
        now = self.bench.now()
        assert not self.locked
        assert self.bench.hand is None, "on though it is on hand"
        if self.limited:
            charged = self.bench.rows.get(("budgets", "switch/fan"))
            assert charged is not None, "on before anything is charged"
            assert charged["on_mono"] is not None, "on without a charge on the disk"
            assert charged["boot"] == now.boot
        if not (self.person_until is not None and self._mono < self.person_until):
            silent = self.bench.sense("sensor/air", "temperature_c", now) is None
            assert self.heard, "on before any sensor was heard"
            assert self.hot, "on though it is not hot"
            assert not silent, "on though the sensor is silent"
            assert self._mono >= self.refused_until, "on against a person's OFF"
            if self.windowed:
                assert now.trusted, "a window opened by a clock that nobody confirms"
                assert 8 <= (now.wall + 7 * 3600) % DAY_S / 3600 < 18, "on outside its window"
            if self.switch.min_off:
                rested = self._axis - max(self.off_since, self.started)
                assert rested >= self.switch.min_off - 0.001, "its minimum time off"
        self.on_since, self.hung = self._axis, 0.0

    @property
    def limited(self) -> bool:
        return self.switch.max_on is not None or self.switch.daily_max is not None

    def judge_stretch(self) -> None:
        if self.on_since is not None and self.switch.max_on is not None:
            longest = self.switch.max_on + 1 + (LEASE_S if self.hung else 0)
            assert self._axis - self.on_since <= longest, "I1: on for too long at a stretch"

    # --- what happens ---

    @rule(value=st.sampled_from([25.0, 29.9, 30.0, 31.0, 32.9, 33.0, 36.0]))
    def measure(self, value: float) -> None:
        self.hot = value >= 33 or (self.hot and value >= 30)
        self.heard = True
        self.bench.measure(value)

    @rule(value=st.sampled_from([25.0, 31.0, 36.0]), polls=st.sampled_from([1, 12, 100]))
    def measure_for_long(self, value: float, polls: int) -> None:
        for _ in range(polls):
            self.measure(value)
            self.wait(300.0)

    @rule(for_s=st.sampled_from([None, 1.0, 599.0, 3600.0, 86_400.0]))
    def on(self, for_s: float | None) -> None:
        longest = self._mono + (self.switch.default if for_s is None else for_s)
        before, self.person_until = self.person_until, longest
        self.given.append(longest)
        outcome = self.bench.send("on", for_s=for_s).get("outcome")
        assert (outcome == "rejected") is (self.locked or self.bench.hand is not None)
        if outcome == "rejected":
            self.person_until = before
        else:
            self.refused_until = float("-inf")

    @rule(for_s=st.sampled_from([None, 5.0, 7200.0]))
    def off(self, for_s: float | None) -> None:
        self.person_until = None
        result = self.bench.send("off", for_s=for_s)
        assert result["outcome"] == "done"
        assert not self.bench.line.on, "OFF always works, and at once"
        stands = for_s if for_s is not None else 0.0 if self.windowed else DAY_S
        self.refused_until = self._mono + stands

    @rule()
    def auto(self) -> None:
        before = self.person_until, self.refused_until
        self.person_until, self.refused_until = None, float("-inf")
        if self.bench.send("auto").get("outcome") == "rejected":
            self.person_until, self.refused_until = before

    @rule(locked=st.booleans())
    def lock(self, locked: bool) -> None:
        if locked:
            self.person_until = None
        self.locked = locked
        self.bench.send("lock" if locked else "unlock", user="tech")
        assert not (locked and self.bench.line.on)

    @rule(on=st.booleans())
    def turn_to_hand(self, on: bool) -> None:
        self.bench.hand = self.bench.now().wall if on else None
        if on:
            self.person_until = None
        self.bench.unit.wake = float("-inf")
        self.bench.settle()
        assert not (on and self.bench.line.on)

    @rule(fails=st.booleans(), waits=st.booleans())
    def journal(self, fails: bool, waits: bool) -> None:
        self.bench.journal_fails, self.bench.journal_waits = fails, waits
        self.bench.unit.wake = float("-inf")
        self.bench.settle()

    @rule(by_s=st.sampled_from([-4e8, -86_400.0, -3600.0, -60.0, 60.0, 3600.0, 86_400.0, 3e8]))
    def set_clock(self, by_s: float) -> None:
        self.vouch(self.bench.now().trusted, by_s)

    @rule(trusted=st.booleans())
    def vouch(self, trusted: bool, by_s: float = 0.0) -> None:
        self.bench.clock.set_wall(self.bench.now().wall + by_s, trusted)
        self.bench.unit.wake = float("-inf")
        self.bench.settle()

    @rule()
    def a_hot_noon(self) -> None:
        now = self.bench.now().wall
        self.bench.clock.set_wall(now - (now + 7 * 3600) % DAY_S + DAY_S / 2)
        self.measure(36.0)
        self.wait(300.0)

    @rule(seconds=st.sampled_from([0.5, 4.9, 10.1, 59.0, 61.0, 599.0, 601.0, 3599.0, 3601.0, 30_000.0]))
    def wait(self, seconds: float) -> None:
        was = self.hot
        self.bench.advance(seconds)
        if was and self.bench.sense("sensor/air", "temperature_c", self.bench.now()) is None:
            self.hot = False  # by if_stale

    @rule(off_by=st.sampled_from([-1.0, -0.001, 0.0, 0.001, 1.0]))
    def wait_for_what_is_due(self, off_by: float) -> None:
        due = [at for at in (self.bench.unit.wake, self.person_until) if at is not None and at < self._mono + 1e6]
        if self.on_since is not None and self.switch.max_on is not None:
            due.append(self.on_since - self.powered + self.switch.max_on)
        for at in due:
            if at + off_by > self._mono:
                self.wait(at + off_by - self._mono)

    @rule(seconds=st.sampled_from([1.0, 14.9, 16.0, 4000.0]))
    def hang(self, seconds: float) -> None:
        self.hangs += 1
        self.hung += seconds
        self.bench.advance(seconds, hangs=True)
        if self.bench.sense("sensor/air", "temperature_c", self.bench.now()) is None:
            self.hot = False
        assert self.on_since is None or seconds < LEASE_S or not self.bench.line.on or self.renewed_after_the_hang()

    def renewed_after_the_hang(self) -> bool:
        """The core is back and has turned it on anew."""
        return self.on_since == self._axis

    @rule()
    def killed(self) -> None:
        self.bench.kill()
        self.again()

    @rule(down_s=st.sampled_from([5.0, 7200.0]))
    def power_cut(self, down_s: float) -> None:
        mono = self._mono
        self.bench.line.put(False, mono)
        self.powered += mono
        self.off_since = self._axis - mono
        self.bench.power_cut(down_s)
        self.person_until, self.refused_until = None, float("-inf")
        self.given = []
        self.again()

    @rule(down_s=st.sampled_from([5.0, 7200.0]))
    def power_cut_in_a_persons_on(self, down_s: float) -> None:
        self.on(86_400.0)
        self.wait(0.5)
        self.power_cut(down_s)

    def again(self) -> None:
        """The process starts: off before anything else, and nothing of what the sensors said counts."""
        if self.bench._queue:  # what was not kept is forgotten, an OFF or a lock too
            self.person_until = max(self.given, default=None)
            self.refused_until = float("-inf")
            self.locked = ("lockouts", "switch/fan") in self.bench.rows
        self.hot = self.heard = False
        self.started = self._axis
        self.bench.begin()
        first = self._mono
        assert not self.bench.line.on or (self.person_until is not None and first < self.person_until)

    # --- what always holds ---

    @invariant()
    def no_stretch_is_too_long(self) -> None:
        self.judge_stretch()

    @invariant()
    def no_day_is_too_long(self) -> None:
        daily = self.switch.daily_max
        if daily is None:
            return
        spans = [*self.stretches, *([(self.on_since, self._axis)] if self.on_since is not None else [])]
        for _, end in spans[-3:]:
            used = sum(max(min(e, end) - max(s, end - DAY_S), 0.0) for s, e in spans)
            assert used <= daily + 1 + LEASE_S * self.hangs, "I2: on for too long in 24 h"

    @invariant()
    def what_is_on_is_leased(self) -> None:
        leased = self.bench.line.leased_until
        assert not self.bench.line.on or (leased is not None and leased <= self._mono + 15.001)

    @invariant()
    def what_is_told_is_so(self) -> None:
        if not self.bench.told:
            return
        state = self.bench.state()
        assert state["observed"] == ("ON" if self.bench.line.on else "OFF")
        assert state["state"] == "OFF" or not self.locked
        if state["reason"] == "sensor" and self.heard:
            self.judge_sensor(state["state"] == "ON")
        if state["reason"] == "override" and state["state"] == "ON":
            assert state["until"] is not None, "a person's ON has an end"

    def judge_sensor(self, on: bool) -> None:
        """What is told to be by its sensor is as hot as that says, but for its minimum times."""
        ran = self._axis - self.on_since if self.on_since is not None else 0.0
        rested = self._axis - max(self.off_since, self.started)
        assert on or not self.hot or rested < (self.switch.min_off or 0.0) + 1, "off though it is hot"
        assert not on or self.hot or ran < (self.switch.min_on or 0.0) + 1, "on though it is not hot any more"


Switching.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
TestSwitching = pytest.mark.slow(Switching.TestCase)
