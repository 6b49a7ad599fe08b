"""What energy costs: dated prices, tiers of a month, tax, and rounding once."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.tariffs import Cost, Part, Tariff, changes, cost, read_tariff

LIGHTING = {
    "name": "Chiếu sáng", "currency": "VND", "prices": [{"since": "2024-10-11", "price": 2124}, {"since": "2025-05-10", "price": 2226}],
    "vat": [{"since": "2024-10-11", "percent": 8}, {"since": "2027-01-01", "percent": 10}],
}  # fmt: skip
HOUSEHOLD = {
    "name": "Sinh hoạt", "currency": "VND", "vat": [{"since": "2025-05-10", "percent": 8}],
    "prices": [{"since": "2025-05-10", "tiers": [{"up_to": 50, "price": 1984}, {"up_to": 100, "price": 2050}, {"price": 2380}]}],
}  # fmt: skip


def tariff(data: object) -> Tariff:
    found, flaws = read_tariff(data)
    assert found is not None, flaws
    return found


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def test_a_month_at_one_price() -> None:
    """359.42 kWh × 2,226 đ = 800,068.92 đ, and 8 % of that are 64,005.51 đ."""
    found = cost("lighting", tariff(LIGHTING), [Part(day("2026-11-01"), 359.42)])
    assert found == Cost(864_074, 64_006, 8, "VND", "lighting")


def test_a_price_and_a_tax_that_change_within_a_month() -> None:
    t = tariff(LIGHTING)
    assert changes(t, day("2025-05-01"), day("2025-06-01")) == [day("2025-05-10")]
    found = cost("x", t, [Part(day("2025-05-01"), 100), Part(day("2025-05-10"), 200)])
    assert found == Cost(round((212_400 + 445_200) * 1.08), round((212_400 + 445_200) * 0.08), 8, "VND", "x")
    found = cost("x", t, [Part(day("2026-12-31"), 1), Part(day("2027-01-01"), 1)])
    assert found == Cost(4853, 401, None, "VND", "x")


def test_energy_without_a_price_has_no_cost() -> None:
    t = tariff(LIGHTING)
    assert cost("x", t, [Part(day("2024-10-10"), 1)]) is None
    assert cost("x", t, [Part(day("2024-10-10"), 1), Part(day("2024-10-11"), 1)]) is None
    assert cost("x", t, [Part(day("2024-10-10"), 0), Part(day("2024-10-11"), 1)]) == Cost(2294, 170, 8, "VND", "x")
    assert cost("x", t, [Part(day("2024-10-10"), 0)]) is None


@pytest.mark.parametrize(
    ("kwh", "net"), [(0, 0), (10, 19_840), (50, 99_200), (51, 101_250), (100, 201_700), (250, 201_700 + 150 * 2380)]
)
def test_tiers_of_a_month(kwh: float, net: int) -> None:
    found = cost("x", tariff(HOUSEHOLD), [Part(day("2026-11-01"), kwh)])
    assert found is not None
    assert found.amount == int(net * 1.08 + 0.5)


def test_tiers_are_as_wide_as_the_share_of_the_month() -> None:
    """A month of 31 days whose price changes after 9: of 50 kWh the first tier has 50 × 9/31 there."""
    data = HOUSEHOLD | {"prices": [{"since": "2024-10-11", "price": 1000}, *HOUSEHOLD["prices"]], "vat": [{"since": "2024-01-01", "percent": 0}]}  # type: ignore[misc]
    found = cost("x", tariff(data), [Part(day("2025-05-01"), 40, 9 / 31), Part(day("2025-05-10"), 60, 22 / 31)])
    first = 50 * 22 / 31
    assert found is not None
    assert found.amount == int(40_000 + first * 1984 + (60 - first) * 2050 + 0.5)


@given(st.lists(st.floats(0, 500, allow_nan=False), min_size=1, max_size=31))
def test_only_the_sum_is_rounded(parts: list[float]) -> None:
    found = cost("x", tariff(LIGHTING), [Part(day("2026-11-01"), kwh) for kwh in parts])
    assert found is not None
    assert abs(found.amount - sum(parts) * 2226 * 1.08) <= 0.51
    assert abs(found.vat - sum(parts) * 2226 * 0.08) <= 0.51


@pytest.mark.parametrize(
    ("change", "path", "text"),
    [
        ({"prices": []}, "prices", "there are none; write at least 1"),
        ({"currency": "USD"}, "currency", '"USD" is not possible here; write one of: VND'),
        ({"vat": [{"since": "2025-13-01", "percent": 8}]}, "vat.0.since", "there is no 2025-13-01; write the first day on which it stands such as 2025-05-10"),
        ({"vat": [{"since": "2025-05-10", "percent": 108}]}, "vat.0.percent", "108 is out of range; write a number from 0 to 100, in percent"),
        ({"prices": [{"since": "2025-05-10"}]}, "prices.0", "a price is one figure or several tiers; write price: 2226, or tiers: [{up_to: 50, price: 1984}, {price: 3460}]"),
        ({"prices": [{"since": "2025-05-10", "tiers": [{"price": 1}, {"price": 2}]}]}, "prices.0.tiers.0", "only the last tier has no bound; add up_to, in kWh of a month"),
        ({"prices": [{"since": "2025-05-10", "tiers": [{"up_to": 50, "price": 1}, {"up_to": 50, "price": 2}, {"price": 3}]}]}, "prices.0.tiers.1.up_to",
         "this tier ends at 50 kWh and the one before at 50; write the tiers in order, each up to more than the one before"),
        ({"prices": [{"since": "2025-05-10", "tiers": [{"up_to": 50, "price": 1}]}]}, "prices.0.tiers.0.up_to",
         "above the last tier there is no price; leave up_to out of the last tier, which has all the rest"),
        ({"prices": [{"since": "2025-05-10", "price": 2}, {"since": "2025-05-10", "price": 1}]}, "prices.1.since",
         "2025-05-10 is not after 2025-05-10; write the entries in the order of their dates, each date once"),
        ({"price": 1}, "price", 'unknown key "price"; did you mean prices?'),
        ({"vat": [{"percent": 8}]}, "vat.0.since", 'the key "since" is missing; add since: 2025-05-10'),
    ],
)  # fmt: skip
def test_mistakes_are_told_where_they_are(change: dict[str, object], path: str, text: str) -> None:
    found, flaws = read_tariff({**LIGHTING, **change})
    assert found is None
    assert [(".".join(map(str, flaw.path)), flaw.text) for flaw in flaws] == [(path, text)]
