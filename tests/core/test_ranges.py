"""Ranges against a plain set of numbers."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.ranges import Ranges

STRETCH = st.tuples(st.integers(1, 60), st.integers(0, 8)).map(lambda s: (s[0], s[0] + s[1]))


@given(st.lists(STRETCH, max_size=25), STRETCH)
def test_it_is_a_set_in_few_stretches(added: list[tuple[int, int]], asked: tuple[int, int]) -> None:
    ranges = Ranges(added)
    plain = {n for first, last in added for n in range(first, last + 1)}
    stretches = list(ranges)
    assert {n for first, last in stretches for n in range(first, last + 1)} == plain
    assert all(before[1] + 1 < after[0] for before, after in itertools.pairwise(stretches))
    assert [n in ranges for n in range(80)] == [n in plain for n in range(80)]
    missing = [n for first, last in ranges.missing(*asked) for n in range(first, last + 1)]
    assert missing == [n for n in range(asked[0], asked[1] + 1) if n not in plain]


def test_what_is_gone_is_one_stretch() -> None:
    ranges = Ranges([(3, 4), (9, 12)])
    ranges.forget_below(10)
    assert list(ranges) == [(1, 12)]


def test_a_range_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match="no range"):
        Ranges().add(5, 4)
