"""What many readings come to, packed and joined."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.rollup import Figures, joined, packed, picked, summed, unpacked

readings = st.lists(st.none() | st.integers(-(10**9), 10**9).map(lambda n: n / 100) | st.floats(-1e9, 1e9), max_size=30)


@given(st.lists(readings, max_size=8))
def test_what_is_packed_is_picked(columns: list[list[float | None]]) -> None:
    figures = [summed(column) for column in columns]
    body = packed(figures)
    assert unpacked(body, len(figures)) == figures
    assert [picked(body, n) for n in range(len(figures))] == figures


@given(st.lists(readings, min_size=1, max_size=8))
def test_parts_come_to_what_the_whole_does(columns: list[list[float | None]]) -> None:
    whole, parts = summed(value for column in columns for value in column), joined(map(summed, columns))
    if whole is None:
        assert parts is None
        return
    assert parts is not None
    assert (parts.n, parts.least, parts.most) == (whole.n, whole.least, whole.most)
    assert parts.total == pytest.approx(whole.total, abs=1e-4)
    assert whole.least <= whole.mean <= whole.most


def test_nothing_comes_to_nothing_and_damage_is_as_good_as_nothing() -> None:
    assert (summed([]), summed([None]), joined([None])) == (None, None, None)
    body = packed([Figures(3, 1.0, 6.0, 3.0), None])
    assert [picked(body, n) for n in range(3)] == [Figures(3, 1.0, 6.0, 3.0), None, None]
    assert picked(body[:4], 0) is None
    assert picked(b"", 0) is None
