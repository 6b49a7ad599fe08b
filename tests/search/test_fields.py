"""Random lives of villages with fields, in which everything holds; and that enough happened in them to say so."""

from __future__ import annotations

from collections import Counter

import pytest
from search.field_search import FIELDS, twin
from search.field_trial import FieldTrial
from search.search import replay, run, shrink

pytestmark = pytest.mark.slow

LIVES, DAYS = 12, 0.4
TWINS = range(1, 11)
AT_LEAST = {
    "hours": 110, "on valve": 80, "on pump": 40, "on switch": 5, "closings": 2, "reboots": 10, "kills": 20, "jumps": 25,
    "jumps to occurrences": 3, "void commands": 5, "result done": 50, "result rejected": 25, "runs": 25, "runs done": 8,
    "runs in pieces": 6, "runs of persons": 25,
}  # fmt: skip
TWINS_AT_LEAST = {"twins' jumps": 30, "twins' on valve": 12, "twins' runs": 3, "twins' runs of persons": 8}


@pytest.mark.timeout(900)
def test_what_is_promised_of_fields_holds_and_much_happens_in_them(capsys: pytest.CaptureFixture[str]) -> None:
    counts: Counter[str] = Counter()
    for seed in range(1, LIVES + 1):
        finding = run(seed, DAYS, counts, FIELDS)
        if finding is not None:
            pytest.fail(f"{shrink(finding, 40, FIELDS)}\nagain: python -m tests.search --fields --each {DAYS} --seed {seed}")
    with capsys.disabled():
        print("\n" + ", ".join(f"{name}: {n}" for name, n in sorted(counts.items())))
    assert {name: counts[name] for name, least in AT_LEAST.items() if counts[name] < least} == {}


@pytest.mark.timeout(900)
def test_no_setting_of_the_clock_moves_an_output(capsys: pytest.CaptureFixture[str]) -> None:
    counts: Counter[str] = Counter()
    for seed in TWINS:
        finding = twin(seed, 0.2, counts)
        if finding is not None:
            pytest.fail(f"{finding}\nagain: python -m tests.search --twins --each 0.2 --seed {seed}")
    with capsys.disabled():
        print("\n" + ", ".join(f"{name}: {n}" for name, n in sorted(counts.items())))
    assert {name: counts[name] for name, least in TWINS_AT_LEAST.items() if counts[name] < least} == {}


def test_a_clock_that_moves_an_output_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    did = FieldTrial._do_fault

    def faulty(trial: FieldTrial, fields: dict[str, object]) -> None:
        did(trial, fields)
        if fields["fault"] == "clock-jump":
            trial.house.send(f"{trial.house.root}/valve/v1/set/head", '{"action": "open", "for_s": 5}')

    monkeypatch.setattr(FieldTrial, "_do_fault", faulty)
    findings = [twin(seed, 0.2) for seed in (1, 3)]
    assert "I12" in [finding.invariant for finding in findings if finding is not None]


def test_a_valve_that_does_not_close_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.core.leased.Leased.close", lambda output, moment: [])
    chosen = [
        ["wait", 20.0], ["send", "valve/v1", "head", {"action": "open", "for_s": 60}, "plain"], ["wait", 30.0],
        ["send", "valve/v1", "head", {"action": "close"}, "plain"], ["wait", 90.0],
    ]  # fmt: skip
    finding = replay(2, chosen, FIELDS)
    assert finding is not None
    assert finding.invariant == "I8"
