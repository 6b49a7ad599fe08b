"""Lockout, hand, override, program: who has the say, whatever the order of events, restarts and power cuts."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from villages import Bench, street, village

from edge.core.events import InputChanged

LOCK = "village/thon/light/road/lockout/tech"
SELDOM_S = 7200.0


class Precedence(RuleBasedStateMachine):
    """One street of three circuits, a hand switch, and an account of who said what last."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self._journal = Path(self._folder.name) / "journal.db"
        inputs = {"switch": {"gpio": 6, "role": "hand", "of": ["road"]}}
        limits = {"switching": {"burst": 0, "per": "60s"}}
        site = village({"road": street() | {"rotate": True}}, inputs=inputs, limits=limits)
        self.bench = Bench(site, journal=self._journal, look_every_s=SELDOM_S)
        self.hand = False
        self.off_in_hand = False
        self.locked = False
        self.alone: set[str] = set()  # circuits locked by themselves
        self.until: float | None = None  # of the override, monotonic s
        self.frozen: str | None = None  # what burnt when the whole was locked
        self.bench.put(InputChanged("input/switch", False))

    def teardown(self) -> None:
        self.bench.store.close(self.bench.clock.now())
        self._folder.cleanup()

    @property
    def _mono(self) -> float:
        return self.bench.clock.mono()

    @rule(level=st.sampled_from([33, 67, 100]), for_s=st.sampled_from([5, 60, 7200]))
    def on(self, level: int, for_s: int) -> None:
        result = self.bench.send({"action": "on", "level": level, "for_s": for_s})
        if self.locked or self.hand:
            assert result["error"]["code"] == ("locked" if self.locked else "hand")
        else:
            assert result["outcome"] in ("done", "accepted")
            self.until = self._mono + for_s

    @rule(for_s=st.sampled_from([5, 600]))
    def off(self, for_s: int) -> None:
        assert self.bench.send({"action": "off", "for_s": for_s})["outcome"] == "done"
        assert self.bench.on() == ""
        self.until, self.off_in_hand = self._mono + for_s, self.hand
        self.frozen = "" if self.locked else None

    @rule()
    def auto(self) -> None:
        result = self.bench.send("AUTO")
        if self.locked:
            assert result["error"]["code"] == "locked"
        else:
            self.until, self.off_in_hand = None, False

    @rule(locked=st.booleans())
    def lock(self, locked: bool) -> None:
        burning = self.bench.on()
        self.bench.send({"locked": locked}, topic=LOCK)
        if locked:
            assert self.bench.on() == burning, "to lock moves nothing"
            self.frozen = burning
        else:
            self.frozen = None
        self.locked = locked

    @precondition(lambda self: not self.locked)
    @rule()
    def lock_what_burns(self) -> None:
        self.on(100, 7200)
        self.bench.advance(25)
        self.lock(True)

    @rule(circuit=st.sampled_from("abc"), locked=st.booleans())
    def lock_one(self, circuit: str, locked: bool) -> None:
        before = circuit in self.bench.on()
        self.bench.send({"locked": locked, "circuit": circuit}, topic=LOCK)
        if locked:
            self.alone.add(circuit)
            assert (circuit in self.bench.on()) == before, "to lock moves nothing"
        else:
            self.alone.discard(circuit)

    @rule(on=st.booleans())
    def switch(self, on: bool) -> None:
        self.bench.advance(0.01)  # a hand and a phone are never at once
        self.bench.put(InputChanged("input/switch", on))
        if on is not self.hand:
            self.hand, self.off_in_hand = on, False
        self.bench.advance(0.01)

    @rule(seconds=st.sampled_from([0.5, 9.99, 10.01, 60, 3600, 30000, 86400]))
    def wait(self, seconds: float) -> None:
        self.bench.advance(seconds)

    def _again(self, **more: Any) -> None:
        self.bench = Bench(self.bench.site, journal=self._journal, clock=self.bench.clock, look_every_s=SELDOM_S, **more)

    @rule()
    def killed(self) -> None:
        before = self.bench.on()
        self.bench.store.close(self.bench.clock.now())
        self._again(lines=self.bench.lines)
        self.bench.put(InputChanged("input/switch", self.hand))
        if self.locked or not self.hand:
            assert self.bench.on() == before, "no blink"

    @precondition(lambda self: self.bench.clock.mono() > 1)
    @rule()
    def power_cut(self) -> None:
        clock = self.bench.clock
        self.bench.store.close(clock.now())
        left = None if self.until is None else self.until - clock.mono()
        clock.reboot(f"boot-{clock.now().wall}", 2.0)
        self.until = None if left is None else clock.mono() + left - 2.0
        self.frozen = "" if self.locked else None
        self._again()
        self.bench.put(InputChanged("input/switch", self.hand))

    @invariant()
    def the_first_that_has_a_say_gives_the_reason(self) -> None:
        reason = self.bench.state()["reason"]
        if self.until is not None and abs(self.until - self._mono) < 0.02:
            return
        standing = self.until is not None and self._mono < self.until
        if self.locked:
            assert reason == "lockout"
        elif self.hand and not (standing and self.off_in_hand):
            assert reason == "hand"
        else:
            assert reason == ("override" if standing else "program")

    @invariant()
    def nothing_moves_what_is_locked(self) -> None:
        if self.frozen is not None:
            assert self.bench.on() == self.frozen

    @invariant()
    def on_hand_all_burn_that_nobody_locked(self) -> None:
        if self.bench.state()["reason"] == "hand":
            wanted = {c["id"] for c in self.bench.state()["circuits"] if c["on"]}
            assert {"a", "b", "c"} - self.alone <= wanted


Precedence.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestPrecedence = pytest.mark.slow(Precedence.TestCase)
