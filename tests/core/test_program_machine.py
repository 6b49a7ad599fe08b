"""Programs against a model of them: two people read and put, the file is edited, the process is killed at any point.

No put that is accepted takes the place of a program that its sender has not read.
"""

from __future__ import annotations

import copy
import json
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from villages import STREET, Bench, street, village

LEVELS = st.sampled_from([0, 33, 67, 100])
USERS = st.sampled_from(["head", "tho"])


def body_of(level: int) -> dict[str, Any]:
    body = copy.deepcopy(STREET)
    body["steps"][1]["level"] = level
    return body


class ProgramMachine(RuleBasedStateMachine):
    """It is night, and the level of the street is the program's."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.journal = Path(self._folder.name) / "journal.db"
        self.file = 33
        self.full = False
        self.bench = self.begin(None)
        self.now = self.stored = (1, 33, True)  # rev, level, whether the program is the file's
        self.read: dict[str, tuple[int, int]] = {}
        self.highest = 1

    def teardown(self) -> None:
        self.kill()
        self._folder.cleanup()

    def begin(self, old: Bench | None) -> Bench:
        site = village({"road": street(meter=None)}, {"street": body_of(self.file)})
        more = {} if old is None else {"clock": old.clock, "lines": old.lines}
        bench = Bench(site, "2026-11-21T23:00:00+07:00", self.journal, look_every_s=7200.0, **more)
        bench.store._before_commit = self.card
        return bench

    def card(self) -> None:
        if self.full:
            raise sqlite3.OperationalError("database or disk is full")

    def kill(self) -> None:
        assert self.bench.store._db is not None
        self.bench.store._db.close()  # whatever has not been committed is lost

    def by_model(self, user: str, level: int) -> tuple[bool, tuple[int, int, bool]]:
        """Whether a put of what `user` has read is taken, and what is in force after it."""
        rev, current, _ = self.now
        if self.read[user][0] != rev:
            return False, self.now
        return True, self.now if level == current else (rev + 1, level, level == self.file)

    @rule(user=USERS)
    def reads(self, user: str) -> None:
        found = self.bench.ask("programs", user)["programs"][0]
        self.read[user] = found["rev"], found["body"]["steps"][1]["level"]

    @precondition(lambda self: self.read)
    @rule(user=USERS, level=LEVELS)
    def puts(self, user: str, level: int) -> None:
        if user not in self.read:
            return
        taken, after = self.by_model(user, level)
        replaced = self.now[1]
        answer = self.bench.ask("program-put", user, program="street", rev=self.read[user][0], body=body_of(level))
        assert answer["ok"] == taken
        if not taken:
            assert (answer["error"]["code"], answer["error"]["rev"]) == ("conflict", self.now[0])
            return
        assert self.read[user][1] == replaced, "an update was lost"
        assert answer["rev"] == after[0]
        if after != self.now:
            assert answer["stored"] is not self.full
        self.now = after
        if not self.full:
            self.stored = after

    @precondition(lambda self: self.read and not self.full)
    @rule(user=USERS, level=LEVELS, other=USERS)
    def puts_and_is_killed_before_it_is_stored(self, user: str, level: int, other: str) -> None:
        if user not in self.read:
            return
        taken, after = self.by_model(user, level)
        start = len(self.bench.radio.messages)
        put = self.bench.request("program-put", user, program="street", rev=self.read[user][0], body=body_of(level))
        for event in (put, self.bench.request("programs", other)):
            self.bench.inbox.put(event)
        self.bench.core.step(self.bench.clock.now())
        if taken and after != self.now:
            assert self.bench.answers(start) == []
        self.starts_again()

    @rule()
    def starts_again(self) -> None:
        self.kill()
        if self.now != self.stored:
            self.read.clear()  # what the answers said was not stored
            self.highest = self.stored[0]
        self.full = False
        self.now = self.stored
        self.bench = self.begin(self.bench)

    @rule(level=LEVELS)
    def starts_with_an_edited_file(self, level: int) -> None:
        self.kill()
        rev, current, is_the_files = self.stored
        if self.now != self.stored:
            self.read.clear()
            self.highest = self.stored[0]
        self.file = level
        if is_the_files and level != current:
            self.stored = (rev + 1, level, True)
        else:
            self.stored = (rev, current, level == current)
        self.full = False
        self.now = self.stored
        self.bench = self.begin(self.bench)

    @rule()
    def the_card_is_full(self) -> None:
        self.full = True

    @rule()
    def the_card_has_room_again(self) -> None:
        self.full = False
        self.bench.advance(6)
        self.stored = self.now

    @invariant()
    def what_is_in_force_is_what_was_put_last(self) -> None:
        rev, level, is_the_files = self.now
        about = json.loads(self.bench.radio.retained["village/thon/about"])
        assert about["programs"] == [{"id": "street", "kind": "light", "rev": rev}]
        found = self.bench.controller._desk._programs.listed()[0]
        assert (found["rev"], found["by"] is None) == (rev, is_the_files)
        assert (self.bench.state()["level"], self.bench.state()["reason"]) == (level, "program")

    @invariant()
    def the_rev_only_grows(self) -> None:
        assert self.now[0] >= self.highest
        self.highest = self.now[0]

    @invariant()
    def what_is_stored_is_on_the_disk(self) -> None:
        with sqlite3.connect(self.journal) as db:
            rev, body, user = db.execute("SELECT rev, body, user FROM programs").fetchone()
        kept = rev, json.loads(body)["steps"][1]["level"], user == ""
        assert kept == self.stored


ProgramMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None, derandomize=True)
TestProgramsOnce = pytest.mark.slow(ProgramMachine.TestCase)
