"""Commands against a model of them: each takes effect at most once, over restarts, reboots and clocks that are set."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from villages import Bench, street, village

from edge.core.topics import rfc3339

DAY_S = 86400.0
USERS, IDS = st.sampled_from(["head", "deputy"]), st.sampled_from(["c-1", "c-2", "c-3"])


class CommandMachine(RuleBasedStateMachine):
    """Two circuits without a program: what is on is what the last command in force says."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        lights = {"road": street(circuits=2, meter=None, program=None)}  # its circuits come on 10 s apart
        site = village(lights, limits={"switching": {"burst": 0, "per": "60s"}})
        self.bench = Bench(site, journal=Path(self._folder.name) / "journal.db", look_every_s=7200.0)
        self.used: dict[str, tuple[float, float, str]] = {}
        self.level = 0
        self.boots = 1
        self.audited = 0

    def teardown(self) -> None:
        self.bench.store.close(self.bench.clock.now())
        self._folder.cleanup()

    def send(self, fields: dict[str, Any], user: str, **how: Any) -> dict[str, Any]:
        self.audited += 1
        return self.bench.send(fields, user=user, **how)

    def is_used(self, user: str, name: str) -> bool:
        now, used = self.bench.clock.now(), self.used.get(f"{user}/{name}")
        return used is not None and (now.mono < used[1] if used[2] == now.boot else now.wall < used[0])

    def use(self, user: str, name: str) -> None:
        now = self.bench.clock.now()
        self.used[f"{user}/{name}"] = now.wall + DAY_S, now.mono + DAY_S, now.boot

    @rule(level=st.sampled_from([1, 50, 75, 100]), user=USERS, name=IDS, expires_in=st.sampled_from([None, None, -1.0, 0.5]))
    def on(self, level: int, user: str, name: str, expires_in: float | None) -> None:
        fields: dict[str, Any] = {"action": "on", "level": level, "id": name}
        if expires_in is not None:
            fields["expires_at"] = rfc3339(self.bench.clock.now().wall + expires_in)
        late = expires_in is not None and expires_in < 0 and self.bench.clock.now().trusted
        void = late or self.is_used(user, name)
        result = self.send(fields, user)
        assert (result["outcome"] == "rejected") == void
        if void:
            assert result["error"]["code"] == ("expired" if late else "repeated")
        else:
            self.use(user, name)
            self.level = 100 if level >= 75 else 50
            self.bench.advance(11)

    @rule(user=USERS, name=IDS, late=st.booleans(), prefix=st.sampled_from(["", "far/"]))
    def off(self, user: str, name: str, late: bool, prefix: str) -> None:
        fields: dict[str, Any] = {"action": "off", "id": name}
        if late:
            fields["expires_at"] = "2020-01-01T00:00:00Z"
        assert self.send(fields, user, prefix=prefix)["outcome"] == "done"
        self.use(user, name)
        self.level = 0

    @rule(user=USERS)
    def auto(self, user: str) -> None:
        assert self.send({"action": "auto"}, user)["outcome"] == "done"
        self.level = 0

    @rule(user=USERS, fields=st.sampled_from([
        {"action": "on", "level": True}, {"action": "on", "level": 101}, {"action": "up"}, {"action": "on", "colour": 1},
        {"action": "on", "for_s": 0}, {"action": "auto", "for_s": 9}, {"action": "on", "until": "2020-01-01T00:00:00Z"},
    ]))
    def nonsense(self, user: str, fields: dict[str, Any]) -> None:
        assert self.send(fields, user)["outcome"] == "rejected"

    @rule(action=st.sampled_from(["on", "off", "auto"]), user=USERS, name=IDS)
    def retained(self, action: str, user: str, name: str) -> None:
        assert self.send({"action": action, "id": name}, user, retained=True)["error"]["code"] == "retained"

    @rule(user=USERS)
    def from_afar_without_an_end(self, user: str) -> None:
        assert self.send({"action": "on"}, user, prefix="far/")["error"]["code"] == "expiry-required"

    @precondition(lambda self: self.used)
    @rule(which=st.integers(0, 5), beyond=st.sampled_from([-1.0, -0.01, 0.01, 1.0]))
    def to_when_an_id_may_be_used_again(self, which: int, beyond: float) -> None:
        now, ends = self.bench.clock.now(), list(self.used.values())
        wall, mono, boot = ends[which % len(ends)]
        self.bench.advance(max(0.01, min((mono - now.mono if boot == now.boot else wall - now.wall) + beyond, 2 * DAY_S)))

    @rule(by=st.sampled_from([-DAY_S, -10.0, 10.0, DAY_S]))
    def clock_is_set(self, by: float) -> None:
        self.bench.runner.set_wall(self.bench.clock.now().wall + by)

    @rule()
    def process_is_killed_and_started(self) -> None:
        self.start_again({"lines": self.bench.lines})

    @rule(down_s=st.sampled_from([1.0, 7200.0]))
    def power_is_cut(self, down_s: float) -> None:
        self.boots += 1
        self.start_again({}, down_s)

    def start_again(self, lines: dict[str, Any], down_s: float | None = None) -> None:
        clock, journal = self.bench.clock, Path(self._folder.name) / "journal.db"
        self.bench.store.close(clock.now())
        if down_s is not None:
            clock.reboot(f"boot-{self.boots}", down_s)
        self.bench = Bench(self.bench.site, journal=journal, clock=clock, look_every_s=7200.0, **lines)
        self.bench.advance(11)
        self.audited = 0

    @invariant()
    def the_lines_show_the_last_command_in_force(self) -> None:
        assert self.bench.on() == {0: "", 50: "a", 100: "ab"}[self.level]

    @invariant()
    def each_message_leaves_one_audit_record(self) -> None:
        assert sum(m.topic.endswith("/audit") for m in self.bench.radio.messages) == self.audited


CommandMachine.TestCase.settings = settings(max_examples=50, stateful_step_count=25, deadline=None, derandomize=True)
TestCommandsOnce = pytest.mark.slow(CommandMachine.TestCase)
