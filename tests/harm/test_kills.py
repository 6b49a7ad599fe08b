"""The daemon dies at any call that stores, sends or drives a line; a supervisor does what the unit will: safe, start.

A seeded sample by default; `make kills` takes every site.
"""

from __future__ import annotations

import re
import signal
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from harm_house import EVERY, HARMFUL, ON, drive_as, need
from harm_kills import KINDS, SERVER, UP_AGAIN_S, Site, doomed, kill_at_each, sample, sites, table
from harm_street import Street

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200 if EVERY else 300)]
SAMPLE, SEED = 50, 20261121
LANES = 2  # villages that are harmed side by side: a start leaves a processor idle half of the time


@contextmanager
def killing_street() -> Iterator[Street]:
    with doomed(lambda _: None) as made:
        yield Street(*made)


@pytest.fixture
def street() -> Iterator[Street]:
    with killing_street() as made:
        yield made


def test_killed_at_any_site_it_is_safe_at_once_and_right_again_within_5_s(capsys: pytest.CaptureFixture[str]) -> None:
    with ExitStack() as stack:
        streets = [stack.enter_context(killing_street()) for _ in range(LANES)]
        counted = streets[0].count()
        assert all(kinds["GPIO exchange"] and kinds["send to broker"] for kinds in counted.values()), counted
        assert all(calls for kind, calls in counted["first start"].items() if kind != SERVER), counted
        every = sites(counted)
        chosen = every if EVERY else sample(every, SAMPLE, SEED)
        kill_at_each(streets, chosen)
    recoveries = [r for street in streets for r in street.recoveries]
    with capsys.disabled():
        print("", *table(counted, recoveries), sep="\n")
        print(f"overrides kept without their line in the audit: {sum(s.half_kept for s in streets)}")
    assert len(recoveries) == len(chosen)
    assert max(recoveries, key=lambda r: r[0])[0] <= UP_AGAIN_S


def test_the_sites_are_those_that_strace_sees(street: Street, tmp_path: Path) -> None:
    """The shim and strace count the same calls in one run, so no way to the disk or to a socket is missed."""
    need("strace", "strace")
    log = tmp_path / "strace.log"
    calls = "write,pwrite64,pwritev,pwritev2,writev,fsync,fdatasync,sync_file_range,ftruncate,rename,renameat,renameat2,unlink,unlinkat,sendto,sendmsg,sendmmsg"
    street.house.under = ["strace", "-f", "--seccomp-bpf", "-qq", "-yy", "-o", str(log), "-e", f"trace={calls}"]
    street._begin("first start")
    street._start()
    street._command("main-road", {"action": "on", "level": 33, "for_s": 60})
    assert street.house.kill(how=signal.SIGTERM) == 0
    lines = log.read_text().splitlines()
    seen = Counter(kind for line in lines if (kind := kind_of(line, street.house.state, street.house._broker_port)))
    assert dict(seen) == {kind: calls for kind, calls in street.counts.now().items() if calls}


def kind_of(line: str, state: Path, port: int) -> str | None:
    """Which kind of call a line of strace's is; None for what neither stores nor sends, and for the end of a call."""
    found = re.match(r"\d+ +(\w+)\(\d*(<[^>]*?(?:->[^>]*)?>)?(.*)", line)
    if found is None:
        return None
    call, on, rest = found[1], found[2] or "", found[3]
    if call.startswith("send"):
        return KINDS[4] if "UNIX" in on else KINDS[3] if f"->127.0.0.1:{port}" in on else None
    if str(state) not in on + rest:
        return None
    if call.startswith(("rename", "unlink", "ftruncate")):
        return KINDS[2]
    history = f"{state}/history.db" in on
    return KINDS[6 if history else 1] if "sync" in call else KINDS[5 if history else 0]


BY_STRACE = [("pwrite64", 9), ("sendto", 30), ("fdatasync", 1), ("rename", 1), ("sendto", 3)]


@pytest.mark.parametrize(("call", "n"), BY_STRACE if EVERY else BY_STRACE[:2])
def test_killed_by_strace_at_a_call_it_is_right_again_as_well(street: Street, call: str, n: int) -> None:
    need("strace", "strace")
    street._begin("first start")
    kill = ["-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={n}"]
    street.house.under = ["strace", "-f", "-qq", "-o", "/dev/null", *kill]  # with --seccomp-bpf nothing is injected
    street._start()
    while not street._killed:
        street._play()
    street.house.under = ()
    street.recover(Site("strace", call, n))
    assert street.recoveries[0][0] <= UP_AGAIN_S


def test_planted_a_supervisor_that_does_not_run_safe_is_seen(street: Street) -> None:
    street._start()
    street.plays_safe = False
    with pytest.raises(AssertionError, match=rf"harmful lines are on: \[{HARMFUL[0]}\]"):
        street.trial(Site("session", KINDS[4], 5))
    assert street._pins.levels[HARMFUL[0]] == ON


def test_planted_a_journal_that_says_what_nobody_asked_for_is_seen(street: Street) -> None:
    street._start()
    street.house.kill()
    with sqlite3.connect(street.house.state / "journal.db") as db:
        db.execute("INSERT INTO overrides VALUES ('light/culture-house', 100, NULL, NULL, NULL, 'nobody', 'x', 1.0)")
    street._start()
    with pytest.raises(AssertionError, match="a third thing"):
        street.trial(Site("session", KINDS[3], 1))


def test_planted_a_line_that_nobody_asked_for_is_seen(street: Street) -> None:
    street._start()
    street._begin("session")
    drive_as(street.house.sim, street.house.pid(), 27, ON)
    street.house.send(signal.SIGKILL)
    with pytest.raises(AssertionError, match="line 27"):
        street.recover(Site("session", "planted", 0))
