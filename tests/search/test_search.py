"""Two hundred village-days of random lives, in which everything holds; and that enough happened in them to say so."""

from __future__ import annotations

import io
from collections import Counter
from itertools import islice
from typing import Any

import pytest
from search.account import Violation
from search.field_search import FIELDS
from search.search import FAULTS, LIGHTS_KIND, Kind, replay, run, shrink
from search.trial import Trial

LIVES, DAYS = 51, 4.0
AT_LEAST = {
    "overrides": 500, "reboots": 200, "jumps": 200, "kills": 100, "refused repeated": 20, "refused retained": 20, "quiets": 50,
    "lockouts": 100, "releases": 50, "starts under a lockout": 100, "offs under a lockout": 30, "refused locked": 40, "turns": 35,
    "rows sent": 10_000, "burnt on over a start": 15, "on hand": 35, "offs on hand": 15, "refused hand": 30,
}
EACH_FAULT = 20


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_two_hundred_village_days_hold_and_much_happens_in_them(capsys: pytest.CaptureFixture[str]) -> None:
    counts: Counter[str] = Counter()
    for seed in range(1, LIVES + 1):
        finding = run(seed, DAYS, counts)
        if finding is not None:
            pytest.fail(f"{shrink(finding)}\nagain: python -m tests.search --seed {seed}")
    with capsys.disabled():
        print("\n" + ", ".join(f"{name}: {n}" for name, n in sorted(counts.items())))
    assert counts["hours"] >= 200 * 24
    assert {name: counts[name] for name, least in AT_LEAST.items() if counts[name] < least} == {}
    assert {name: counts[f"fault {name}"] for name in FAULTS if counts[f"fault {name}"] < EACH_FAULT} == {}


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "length"), [(LIGHTS_KIND, 60), (FIELDS, 25)], ids=["lights", "fields"])
def test_the_same_seed_gives_the_same_bytes_and_another_does_not(kind: Kind[Any], length: int) -> None:
    def traced(seed: int) -> str:
        out = io.StringIO()
        trial = kind.make(seed, out)
        for action in islice(kind.actions(seed), length):
            kind.act(trial, action)
        trial.close()
        return out.getvalue()

    first = traced(5)
    assert first.count("\n") > 100
    assert traced(5) == first
    assert traced(6) != first


def test_what_is_found_is_told_in_the_fewest_actions(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_held(trial: Trial) -> None:
        if trial.counts["kills"] >= 2:
            raise Violation("I0", "two kills")

    judge = Trial.settled

    def settled(trial: Trial, seconds: float) -> None:
        judge(trial, seconds)
        not_held(trial)

    monkeypatch.setattr(Trial, "settled", settled)
    chosen = [["wait", 5.0], ["kill", 0], ["send", "road", "head", {"action": "on"}, "plain"], ["wait", 60.0], ["kill", 0], ["wait", 1.0]]
    finding = replay(3, chosen)
    assert finding is not None
    assert finding.invariant == "I0"
    least = shrink(finding)
    assert least.done == [["kill", 0], ["kill", 0]]
    assert '["kill", 0]' in str(least)
