"""Read plans: what is asked of every model, and that nothing less would do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drivers.model import USUAL_CHARACTER_S, Model
from drivers.quantities import Quantity
from drivers.read_plan import Block, plan, touches, widest_gap
from drivers.registers import load_model, models

# At 9600 baud: register and count of every request, in the order they are made; factors apart.
ASKED = {
    "ddsu666": [[(0x2000, 16), (0x4000, 2), (0x400A, 2)]] * 2,
    "dtsu666": [
        [(0x101E, 12), (0x2006, 20), (0x202A, 2), (0x2044, 2)],
        [(0x2006, 20), (0x202A, 2), (0x2044, 2), (0x401E, 2), (0x4028, 2)],
    ],
    "iem3155": [[(0x0BB7, 6), (0x0BD3, 6), (0x0BED, 8), (0x0C25, 2), (0x0C83, 8)]],
    "pzem004t-v3": [[(0, 9)]],
    "pzem016": [[(0, 9)]],
    "rs485-illuminance": [[(7, 2)]],
    "rs485-soil-moisture-temperature": [[(0, 2)]],
    "sdm120": [[(0, 32), (0x46, 6), (0x156, 2)]],
    "sdm230": [[(0, 32), (0x46, 6), (0x156, 2)]],
    "sdm630": [[(0, 18), (0x34, 24), (0x156, 2)]],
    "sdm72": [[(0x34, 2), (0x48, 4), (0x156, 2)]],
    "xy-md02": [[(1, 2)]],
}


def ways(places: Sequence[Quantity], most: int) -> Iterator[list[list[Quantity]]]:
    """Every way to read neighbours together in at most so many requests."""
    if not places:
        yield []
    elif most:
        for n in range(1, len(places) + 1):
            for rest in ways(places[n:], most - 1):
                yield [list(places[:n]), *rest]


def is_allowed(run: Sequence[Quantity], most: int, gap: int, forbidden: Sequence[tuple[int, int]]) -> bool:
    """Asked register by register, as nothing in the planner is."""
    wanted = {register for place in run for register in range(place.address, place.end)}
    span = range(min(wanted), max(wanted) + 1)
    longest = stretch = 0
    for register in span:
        stretch = 0 if register in wanted else stretch + 1
        longest = max(longest, stretch)
    bad = any(first <= register <= last for first, last in forbidden for register in span)
    return len(run) == 1 or (len(span) <= most and longest <= gap and not bad)


def fewest(
    requests: int, places: Mapping[str, Quantity], most: int, gap: int, forbidden: Sequence[tuple[int, int]]
) -> tuple[int, int]:
    """Requests and registers of the best of all ways there are with at most so many requests."""
    ordered = sorted(places.values(), key=lambda q: (q.address, q.end))
    return min(
        (len(way), sum(max(q.end for q in run) - run[0].address for run in way))
        for way in ways(ordered, requests)
        if all(is_allowed(run, most, gap, forbidden) for run in way)
    )


def test_every_model_is_asked_what_stands_here() -> None:
    asked = {
        name: [[(b.register, b.count) for b in form.blocks] for form in load_model(name).forms] for name in models()
    }
    assert asked == ASKED


@pytest.mark.parametrize("name", models())
@pytest.mark.parametrize("baudrate", [2400, 9600])
def test_no_plan_asks_less_than_a_models(name: str, baudrate: int) -> None:
    for model in load_model(name).forms:
        gap = widest_gap(11 / baudrate, model.turnaround_s)
        blocks = model.plan(11 / baudrate)

        assert sorted(n for b in blocks for n in b.names) == sorted(model.quantities)
        found = (len(blocks), sum(b.count for b in blocks))
        assert found == fewest(len(blocks), model.quantities, model.max_registers, gap, model.forbidden)
        for block in [*blocks, *model.factor_plan(11 / baudrate), *model.probes]:
            assert block.count <= max(model.max_registers, 10)
            assert not touches(model.forbidden, block.register, block.end)


@given(
    st.lists(st.tuples(st.integers(0, 60), st.sampled_from(["uint16", "float32", "int64"])), min_size=1, max_size=9),
    st.integers(4, 30), st.integers(0, 12),
    st.lists(st.tuples(st.integers(0, 64), st.integers(0, 3)).map(lambda r: (r[0], r[0] + r[1])), max_size=2),
)  # fmt: skip
@example([(0, "float32"), (2, "float32"), (10, "float32")], 10, 20, [])
def test_no_plan_asks_less_in_any_small_case(
    held: list[tuple[int, str]], most: int, gap: int, forbidden: list[tuple[int, int]]
) -> None:
    places = {
        f"q{i}": Quantity.model_validate({"address": address, "type": coded, "unit": "", "limits": [0, 1]})
        for i, (address, coded) in enumerate(held)
    }
    places = {n: q for n, q in places.items() if not touches(forbidden, q.address, q.end)}

    blocks = plan(places, 4, most, gap, forbidden)

    read = {n for b in blocks for n in b.names}
    assert read == set(places)
    if places:
        assert (len(blocks), sum(b.count for b in blocks)) == fewest(len(blocks), places, most, gap, forbidden)
    assert all(b.count <= max(most, 4) and not touches(forbidden, b.register, b.end) for b in blocks)
    assert all(one.register < other.register for one, other in pairwise(blocks))


def test_a_gap_is_read_over_as_long_as_that_takes_less_than_another_request() -> None:
    for baudrate in (1200, 2400, 9600, 19200, 115200):
        for turnaround_s in (0.0, 0.02, 0.05):
            character_s = 11 / baudrate
            request_s = (8 + 5 + 3.5) * character_s + max(turnaround_s, 3.5 * character_s) + 0.02
            gap = widest_gap(character_s, turnaround_s)
            assert 2 * gap * character_s < request_s <= 2 * (gap + 1) * character_s


def test_two_hundred_registers_of_one_meter_take_two_requests() -> None:
    fields = load_model("sdm630").model_dump() | {"max_registers": 125, "forbidden": ()}
    fields["quantities"] = {
        f"q{i}": {"address": 2 * i, "unit": "", "limits": [0, 1]} for i in range(100)
    }
    blocks = Model.model_validate(fields).plan(USUAL_CHARACTER_S)
    assert [(b.register, b.count) for b in blocks] in ([(0, 124), (124, 76)], [(0, 76), (76, 124)])


def test_a_block_knows_its_end() -> None:
    assert Block(10, 5, (), 3).end == 15
