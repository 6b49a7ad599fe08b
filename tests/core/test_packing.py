"""What the history keeps of a reading is exactly the reading."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.packing import pack, unpack

FIGURE = st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.decimals(-10**9, 10**9, places=3).map(float)


@given(st.lists(FIGURE, max_size=20))
def test_what_comes_out_is_what_went_in(values: list[float | None]) -> None:
    assert [repr(v) for v in unpack(pack(values), len(values))] == [repr(v) for v in values]


@given(st.lists(FIGURE, min_size=1, max_size=8), st.data())
def test_a_row_that_is_cut_or_longer_is_refused(values: list[float | None], data: st.DataObject) -> None:
    packed = pack(values)
    if len(packed) > (len(values) + 1) // 2:
        cut = data.draw(st.integers(0, len(packed) - 1))
        with pytest.raises(ValueError, match="history"):
            unpack(packed[:cut], len(values))
    with pytest.raises(ValueError, match="longer"):
        unpack(packed + b"\0", len(values))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_not_kept(value: float) -> None:
    with pytest.raises(ValueError, match="no figure"):
        pack([1.0, value])


def test_a_meters_reading_takes_few_bytes() -> None:
    three_phases = [231.2, 230.9, 229.8, 1.95, 2.01, 1.87, 440.1, 452.2, 420.0, 1312.3, 0.98, 50.01, 5188.85, 0.0]
    assert len(pack(three_phases)) <= 40
