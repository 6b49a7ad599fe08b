"""What electricity costs: dated prices, flat or in tiers by the month, and tax; and what energy comes to by them.

Prices are VND a kWh without tax. From `since` on a price or a tax stands until the next one of the list.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal, TypeVar

from pydantic import Field, model_validator

from edge.core.site_base import Block
from edge.core.site_checks import Flaw
from edge.core.site_reading import read_block
from edge.core.site_terms import Name, Term, Wrong, number, pattern, shown, text

CURRENCY = "VND"
MOST_DATES = 100


def _read_day(value: object) -> dt.date:
    remedy = "write the first day on which it stands such as 2025-05-10"
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", value.strip(), re.ASCII):
        raise Wrong(f"{shown(value)} is no date; {remedy}")
    try:
        return dt.date.fromisoformat(value.strip())
    except ValueError:
        raise Wrong(f"there is no {value.strip()}; {remedy}") from None


Day = Annotated[dt.date, Term(_read_day, pattern(r"^\d{4}-\d\d-\d\d$", "A date, as 2025-05-10."))]
Amount = Annotated[float, number(0, 100_000, "VND a kWh without VAT")]


class Tier(Block):
    """What a kWh costs up to so many of a month; the last tier has no bound."""

    price: Amount
    up_to: Annotated[float, number(0.001, 100_000, "kWh of a month")] | None = None


class Price(Block):
    """What a kWh costs since a day: the same for all, or by tiers of a month's energy."""

    since: Day
    price: Amount | None = None
    tiers: list[Tier] | None = Field(default=None, min_length=1, max_length=20)

    @model_validator(mode="after")
    def _one_of_two(self) -> Price:
        if (self.price is None) is (self.tiers is None):
            raise Wrong("a price is one figure or several tiers; write price: 2226, or tiers: [{up_to: 50, price: "
                        "1984}, {price: 3460}]")
        bounds = [tier.up_to for tier in self.tiers or ()]
        for n, bound in enumerate(bounds[:-1]):
            if bound is None:
                raise Wrong("only the last tier has no bound; add up_to, in kWh of a month", path=("tiers", n))
        for n, (low, high) in enumerate(pairwise(bounds)):
            if low is not None and high is not None and high <= low:
                raise Wrong(f"this tier ends at {high:g} kWh and the one before at {low:g}; write the tiers in order, "
                            "each up to more than the one before", path=("tiers", n + 1, "up_to"))
        if bounds and bounds[-1] is not None:
            raise Wrong("above the last tier there is no price; leave up_to out of the last tier, which has all the "
                        "rest", path=("tiers", len(bounds) - 1, "up_to"))
        return self


class Tax(Block):
    """Value-added tax since a day."""

    since: Day
    percent: Annotated[float, number(0, 100, "percent")]


class Tariff(Block):
    """One tariff: its prices and the tax on them, each list in the order of its dates; `source` says where from."""

    name: Name
    currency: Literal["VND"]
    source: Annotated[str, text(1000)] | None = None
    prices: list[Price] = Field(min_length=1, max_length=MOST_DATES)
    vat: list[Tax] = Field(min_length=1, max_length=MOST_DATES)

    @model_validator(mode="after")
    def _in_order(self) -> Tariff:
        dates = {"prices": [price.since for price in self.prices], "vat": [tax.since for tax in self.vat]}
        for key, dated in dates.items():
            for n, (before, after) in enumerate(pairwise(dated)):
                if after <= before:
                    raise Wrong(f"{after} is not after {before}; write the entries in the order of their dates, each "
                                "date once", path=(key, n + 1, "since"))
        return self


def read_tariff(data: object) -> tuple[Tariff | None, list[Flaw]]:
    """The tariff in `data` (as YAML gives it), or None and every flaw."""
    return read_block(Tariff, data)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a period in which neither price nor tax changes: its first day, its energy (kWh), and which share of a
    month of the tiers it is."""

    day: dt.date
    kwh: float
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What energy costs with tax, in whole đồng; `vat` is the tax in it, `vat_percent` its rate, None where that
    changed within. `tariff` is the id of the tariff."""

    amount: int
    vat: int
    vat_percent: float | None
    currency: str
    tariff: str


def changes(tariff: Tariff, first: dt.date, end: dt.date) -> list[dt.date]:
    """The days after `first` and before `end` on which a price or the tax becomes another one, in order."""
    dated = {price.since for price in tariff.prices} | {tax.since for tax in tariff.vat}
    return sorted(day for day in dated if first < day < end)


def cost(name: str, tariff: Tariff, parts: Sequence[Part]) -> Cost | None:
    """What these parts cost by the tariff `name` together; None if energy flowed on a day for which it has no price.

    Tiers are as wide in each part as its share of the month. Only the sums are rounded.
    """
    net = tax = 0.0
    rates = set()
    for part in parts:
        price, vat = _standing(tariff.prices, part.day), _standing(tariff.vat, part.day)
        if price is not None and vat is not None:
            here = _net(price, part)
            net += here
            tax += here * vat.percent / 100
            rates.add(vat.percent)
        elif part.kwh > 0:
            return None
    if not rates:
        return None
    return Cost(_whole(net + tax), _whole(tax), rates.pop() if len(rates) == 1 else None, tariff.currency, name)


def _net(price: Price, part: Part) -> float:
    if price.tiers is None:
        return part.kwh * (price.price or 0.0)
    total = low = 0.0
    for tier in price.tiers:
        high = math.inf if tier.up_to is None else tier.up_to * part.share
        total += max(min(part.kwh, high) - low, 0.0) * tier.price
        low = high
    return total


_Dated = TypeVar("_Dated", Price, Tax)


def _standing(entries: Sequence[_Dated], day: dt.date) -> _Dated | None:
    n = bisect_right(entries, day, key=lambda entry: entry.since)
    return entries[n - 1] if n else None


def _whole(amount: float) -> int:
    """Rounded to whole đồng, halves up; what is left of adding binary fractions decides nothing."""
    return math.floor(round(amount, 6) + 0.5)
