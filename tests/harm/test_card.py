"""The card is full, broken, read-only or slow: commands go on as ever, and what was accepted is kept once it can be."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from e2e_house import ROOT, Listener
from harm_card import full, injected
from harm_house import (
    CULTURE_HOUSE,
    EVERY,
    OFF,
    ON,
    HarmHouse,
    Pins,
    drive_as,
    mounted,
    need_root,
    remounted,
    start_and_hear,
)
from support import until

pytestmark = pytest.mark.slow
ALARM = f"{ROOT}/alarm/journal-failing:site:nguyen-ly"
SWITCHED_S = 1.0
NOTICED_S = 2.0  # lines are looked at every second, and a tick is late by one at the most


@pytest.fixture
def small(folder: Path) -> Iterator[Path]:
    """A state directory on a card of its own, of 2 MiB."""
    need_root()
    state = folder / "state"
    state.mkdir()
    with mounted(["-t", "tmpfs", "-o", "size=2m", "none"], state):
        yield state


@pytest.fixture
def street(small: Path, build: Callable[..., HarmHouse], ear: Listener) -> HarmHouse:
    house = build(calm=True)
    start_and_hear(house, ear)
    return house


def switch(ear: Listener, name: str, action: str, light: str = "culture-house") -> float:
    """A command; how long it took until the light's state was told and was so (s)."""
    began = time.monotonic()
    ear.say(f"light/{light}/set/head", {"action": action, "for_s": 3600, "id": name})
    observed = action.upper()
    until(lambda: (s := ear.state(light)).get("command") == name and s["observed"] == observed, 10, f"{name} to be told")
    return time.monotonic() - began


def switch_often(ear: Listener, prefix: str, times: int = 6) -> list[str]:
    """Commands, each of which takes effect within a second; their ids."""
    names = [f"{prefix}-{n}" for n in range(times)]
    took = [switch(ear, name, "off" if n % 2 else "on") for n, name in enumerate(names)]
    assert max(took) <= SWITCHED_S, took
    return names


def line_is_watched(house: HarmHouse, ear: Listener) -> None:
    """A line that is moved behind the daemon's back is told in time: its tick has not stopped."""
    pins = Pins(house)
    pins.new()
    lit = pins.levels[CULTURE_HOUSE] == ON
    began = time.monotonic()
    drive_as(house.sim, house.pid(), CULTURE_HOUSE, OFF if lit else ON)
    until(lambda: ear.state("culture-house")["observed"] == ("OFF" if lit else "ON"), 10, "the line to be noticed")
    assert time.monotonic() - began <= NOTICED_S
    drive_as(house.sim, house.pid(), CULTURE_HOUSE, ON if lit else OFF)
    until(lambda: ear.state("culture-house")["observed"] == ("ON" if lit else "OFF"), 10, "the line to be noticed again")


def audited(state: Path) -> list[str]:
    with closing(sqlite3.connect(f"file:{state}/journal.db?mode=ro", uri=True)) as db:
        return [name for (name,) in db.execute("SELECT command FROM audit WHERE outcome = 'accepted' ORDER BY sequence")]


def kept_over_a_kill(house: HarmHouse, ear: Listener, names: list[str]) -> None:
    """All of it is in the journal within a few seconds, and the last is in force after a kill and a start."""
    until(lambda: set(names) <= set(audited(house.state)), 12, "what was accepted meanwhile to be stored")
    house.kill()
    assert house.run_safe().returncode == 0
    start_and_hear(house, ear)
    assert ear.state("culture-house")["command"] == names[-1]
    assert [name for name in audited(house.state) if name in names] == names


def test_full(street: HarmHouse, ear: Listener) -> None:
    names = switch_often(ear, "before", 2)
    until(lambda: set(names) <= set(audited(street.state)), 5, "the journal")
    began = time.monotonic()
    with full(street.state):
        names += switch_often(ear, "full")
        line_is_watched(street, ear)
        raised = until(lambda: ear.last.get(ALARM), 60 - (time.monotonic() - began), "the alarm")
        assert json.loads(raised)["state"] == "raised"
        assert "full" in json.loads(raised)["text"]["en"]
        names += switch_often(ear, "later", 3)
        assert audited(street.state) == names[:2]  # it was full indeed
    kept_over_a_kill(street, ear, names)


FAILURES = [("pwrite64", "EIO"), ("fdatasync", "EIO"), ("pwrite64", "EROFS"), ("pwrite64", "ENOSPC")]


@pytest.mark.parametrize(("call", "error"), FAILURES if EVERY else FAILURES[:1])
def test_every_write_fails(house: HarmHouse, ear: Listener, call: str, error: str) -> None:
    names = switch_often(ear, "before", 2)
    until(lambda: set(names) <= set(audited(house.state)), 5, "the journal")
    with injected(house, call, f"error={error}"):
        names += switch_often(ear, "failing")
        until(lambda: "cannot be written" in house.log.read_text(), 5, "it to be said")
        assert call != "pwrite64" or audited(house.state) == names[:2]
    kept_over_a_kill(house, ear, names)


def test_read_only_from_the_start(street: HarmHouse, ear: Listener) -> None:
    street.kill()
    with remounted(street.state, "ro"):
        start_and_hear(street, ear)
        names = switch_often(ear, "meanwhile")
        line_is_watched(street, ear)
    kept_over_a_kill(street, ear, names)


def test_two_seconds_for_each_sync(house: HarmHouse, ear: Listener) -> None:
    with injected(house, "fdatasync", "delay_enter=2000000"):
        names = switch_often(ear, "slow")
        assert names[-1] not in audited(house.state)  # it is slow indeed
        line_is_watched(house, ear)
        until(lambda: set(names) <= set(audited(house.state)), 20, "what was accepted to be stored")
    kept_over_a_kill(house, ear, names)
