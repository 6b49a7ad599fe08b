"""The card is full, broken, read-only or slow: commands go on as ever, and what was accepted is kept once it can be;
likewise what was read."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from e2e_house import ROOT, Listener
from harm_card import full, injected
from harm_history import recorded_often, stored
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
HISTORY_ALARM = f"{ROOT}/alarm/history-failing:site:nguyen-ly"
LONGEST_GAP_S = 3.0  # between two rows of a meter that is recorded every second
SWITCHED_S = 1.0
NOTICED_S = 2.0  # lines are looked at every second, and a tick is late by one at the most


@pytest.fixture
def small(folder: Path) -> Iterator[Path]:
    """A state directory on a card of its own, of 4 MiB."""
    need_root()
    state = folder / "state"
    state.mkdir()
    with mounted(["-t", "tmpfs", "-o", "size=4m", "none"], state):
        yield state


@pytest.fixture
def street(small: Path, build: Callable[..., HarmHouse], ear: Listener) -> HarmHouse:
    house = build(calm=True)
    recorded_often(house.config)
    start_and_hear(house, ear)
    return house


def read_at(state: Path) -> dict[str, list[float]]:
    """When each meter's rows on the disk were read (Unix s)."""
    found: dict[str, list[float]] = {}
    for at, device, *_ in stored(state).values():
        if device.startswith("meter/"):
            found.setdefault(device, []).append(at / 1000)
    return {device: sorted(times) for device, times in found.items()}


def every_reading_is_kept(house: HarmHouse, since: float, until_: float) -> None:
    """From Unix time `since` to `until_` no meter lacks a row on the disk."""

    def gaps() -> list[float]:
        times = read_at(house.state)
        if len(times) < 3:
            return [float("inf")]
        within = [[since, *(t for t in found if since < t < until_), until_] for found in times.values()]
        return [after - before for found in within for before, after in pairwise(found)]

    until(lambda: max(gaps()) <= LONGEST_GAP_S, 15, "every reading to be stored")
    assert not list(house.state.glob("*.corrupt-*"))


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
    until(lambda: len(read_at(street.state)) == 3, 10, "rows of every meter")
    began = time.monotonic()
    with full(street.state):
        names += switch_often(ear, "full")
        line_is_watched(street, ear)
        raised = until(lambda: ear.last.get(ALARM), 60 - (time.monotonic() - began), "the alarm")
        assert json.loads(raised)["state"] == "raised"
        assert "full" in json.loads(raised)["text"]["en"]
        names += switch_often(ear, "later", 3)
        assert audited(street.state) == names[:2]  # it was full indeed
        until(lambda: ear.last.get(HISTORY_ALARM), 60 - (time.monotonic() - began), "the history's alarm")
        before, full_until = read_at(street.state), time.time()
    last = min(max(times) for times in before.values())
    assert full_until - last > time.monotonic() - began - 5  # nothing was stored meanwhile
    every_reading_is_kept(street, last, full_until)
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
        since = time.time() + 3  # the first round of polls is over
        names = switch_often(ear, "meanwhile")
        line_is_watched(street, ear)
        until(lambda: time.time() > since + 2, 5, "a few rounds of readings")
        read_until = time.time()
    every_reading_is_kept(street, since, read_until)
    kept_over_a_kill(street, ear, names)


def test_two_seconds_for_each_sync(house: HarmHouse, ear: Listener) -> None:
    with injected(house, "fdatasync", "delay_enter=2000000"):
        names = switch_often(ear, "slow")
        assert names[-1] not in audited(house.state)  # it is slow indeed
        line_is_watched(house, ear)
        until(lambda: set(names) <= set(audited(house.state)), 20, "what was accepted to be stored")
    kept_over_a_kill(house, ear, names)


def test_two_seconds_for_each_sync_of_the_history(build: Callable[..., HarmHouse], ear: Listener) -> None:
    house = build(calm=True)
    recorded_often(house.config)
    start_and_hear(house, ear)
    until(lambda: len(read_at(house.state)) == 3, 10, "rows")
    with injected(house, "fdatasync", "delay_enter=2000000", "history.db"):
        since = time.time()
        names = switch_often(ear, "slow")
        line_is_watched(house, ear)
        until(lambda: set(names) <= set(audited(house.state)), 2, "the journal, which is not slow")
    every_reading_is_kept(house, since, time.time() - 1)


@pytest.mark.skipif(not EVERY, reason="only under make kills")
@pytest.mark.parametrize(("call", "error"), FAILURES)
def test_every_write_of_the_history_fails(build: Callable[..., HarmHouse], ear: Listener, call: str, error: str) -> None:
    house = build(calm=True)
    recorded_often(house.config)
    start_and_hear(house, ear)
    until(lambda: len(read_at(house.state)) == 3, 10, "rows")
    since = time.time()
    with injected(house, call, f"error={error}", "history.db"):
        switch_often(ear, "failing")
        until(lambda: ear.last.get(HISTORY_ALARM), 60, "the alarm")
    every_reading_is_kept(house, since, time.time())
