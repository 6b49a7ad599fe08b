"""What is written as YAML is what the configuration's own reader takes it for."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.shell.yaml_nodes import parse, plain
from edge.shell.yaml_text import written

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"]), max_size=30)
TRAPS = st.sampled_from([
    "22:30", "on", "no", "null", "~", "", "true", "True", ".inf", "-.5", "+1", "1e3", ".nan", "0x1f", "sunset - 10m", "sat,sun", "1-1..1-3",
    "sunset, not before 17:45, not after 18:30", "a: b", "a #b", "- a", "? a", "{a}", "[a]", "*a", "&a", "!a", "|", ">", "%a", "@a", "`a", "'", '"', "<<", "=",
    " a ", "Tết: cả đêm", "\\n", "2026-11-28..2027-01-02",
])  # fmt: skip
LEAVES = st.one_of(TRAPS, WORDS, st.integers(-10, 10**6), st.booleans())
KEYS = st.sampled_from(["kind", "steps", "at", "level", "calendar", "note", "days"])
DATA = st.recursive(LEAVES, lambda inside: st.lists(inside, min_size=1, max_size=4) | st.dictionaries(KEYS, inside, min_size=1, max_size=4), max_leaves=20)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.dictionaries(KEYS, DATA, min_size=1))
def test_it_reads_back_as_it_was(data: dict[str, object]) -> None:
    node, faults = parse(written(data))
    assert faults == []
    assert node is not None
    assert plain(node) == data


def test_it_looks_like_the_example() -> None:
    steps = [{"at": "sunset - 10m", "level": 100}, {"at": "22:30", "level": 33}]
    program = {"kind": "light", "steps": steps, "calendar": [{"days": "sat,sun", "steps": steps[:1]}], "photocell": {"within": "45m"}}
    assert written(program) == """\
kind: light
steps:
  - {at: sunset - 10m, level: 100}
  - {at: "22:30", level: 33}
calendar:
  - days: "sat,sun"
    steps:
      - {at: sunset - 10m, level: 100}
photocell: {within: "45m"}
"""
