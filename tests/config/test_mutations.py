"""Whatever happens to a file, it is read or refused with places inside it; nothing else."""

from __future__ import annotations

import io
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from edge.core.site import Site
from edge.core.values import ModelInfo
from edge.shell.site_file import ConfigError, parse_site

ODD: list[Any] = [
    None, True, 0, -1, 5, 10**30, 0.5, float("nan"), float("inf"), "", " ", "5", "on", "18:00", "10s", "60m", "200l",
    "sunset - 10m", "main-road", "cabinet-1", "street", "cool", "low", "light", "irrigation", "hand", "<light>", "[key]",
    "x" * 300, "Đ", "\x85", [], {}, [[]], [5], {"a": 1}, {"gpio": 17}, {"board": "cabinet-board", "coil": 3}, {"kind": "light"},
]  # fmt: skip
KEYS = ["", "<light>", "[key]", "gpio", "kind", "steps", "main-road", "site", "Đ", "5", "output", "role", "x" * 100]
FRAGMENTS = ["[", "]", "{", "}", ": ", "- ", "\n", "  ", "\t", '"', "'", "&a ", "*a ", "!!str ", "#", "|", ">", "? ", "\\", "é"]


def read(text: str, catalogue: dict[str, ModelInfo]) -> None:
    """Read `text`, and hold whatever is said of it to the form."""
    try:
        site, problems = parse_site(text, "v.yaml", catalogue), []
    except ConfigError as error:
        site, problems = None, error.problems
    assert isinstance(site, Site) or problems
    lines = text.split("\n")
    for problem in problems:
        assert 1 <= problem.line <= len(lines), problem
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1, problem
        assert "; " in problem.message, problem


def nodes(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) in `value`."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    return [(value, key) for key in keys] + [pair for key in keys for pair in nodes(value[key])]


def mutate(data: Any, draw: Any) -> None:
    holder, key = draw(st.sampled_from(nodes(data)))
    match draw(st.sampled_from(("delete", "replace", "rename", "add", "move"))):
        case "delete":
            del holder[key]
        case "replace":
            holder[key] = deepcopy(draw(st.sampled_from(ODD)))  # it may be changed in its turn
        case "rename" if isinstance(holder, dict):
            holder[draw(st.sampled_from(KEYS))] = holder.pop(key)
        case "add" if isinstance(holder[key], dict):
            holder[key] = holder[key] | {draw(st.sampled_from(KEYS)): deepcopy(draw(st.sampled_from(ODD)))}
        case _:
            other, there = draw(st.sampled_from(nodes(data)))
            other[there] = YAML(typ="safe", pure=True).load(dumped(holder[key]))


def dumped(data: Any) -> str:
    out = io.StringIO()
    writer = YAML(typ="safe", pure=True)
    writer.allow_unicode = True
    writer.dump(data, out)
    return out.getvalue()


def mutated(text: str, draw: Any) -> str:
    data = YAML(typ="safe", pure=True).load(text)
    for _ in range(draw(st.integers(1, 6))):
        if nodes(data):
            mutate(data, draw)
    return dumped(data)


bounded = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@pytest.mark.slow
@settings(bounded, max_examples=40)
@given(st.data())
def test_any_mutation_of_the_example_is_read_or_refused(
    example: Path, catalogue: dict[str, ModelInfo], data: st.DataObject
) -> None:
    read(mutated(example.read_text("utf-8"), data.draw), catalogue)


@pytest.mark.slow
@settings(bounded, max_examples=80)
@given(st.data())
def test_any_mutation_of_a_small_village_is_read_or_refused(
    village: str, catalogue: dict[str, ModelInfo], data: st.DataObject
) -> None:
    read(mutated(village, data.draw), catalogue)


@pytest.mark.slow
@settings(bounded, max_examples=150)
@given(st.data())
def test_any_slip_of_the_keyboard_is_read_or_refused(
    village: str, catalogue: dict[str, ModelInfo], data: st.DataObject
) -> None:
    text = village
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        gone = data.draw(st.integers(0, 20))
        text = text[:at] + data.draw(st.sampled_from(["", *FRAGMENTS])) + text[at + gone :]
    read(text, catalogue)


@settings(bounded, max_examples=100)
@given(st.text(max_size=60))
def test_any_text_is_refused(catalogue: dict[str, ModelInfo], text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_site(text, "v.yaml", catalogue)
    assert caught.value.problems
