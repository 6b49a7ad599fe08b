"""What is said of meters: their counters to whoever counts energy, their tariffs to whoever asks what there is."""

from __future__ import annotations

import json

import pytest
from villages import CATALOGUE, Bench, village

from edge.core.energy import Terms
from edge.core.metering import Metered, metered, terms_of

SHOP = {"gpio": 16, "role": "s0", "name": "Quán", "pulses_per_kwh": 1000, "rated_kw": 3}
CABINET = {"name": "Tủ", "model": "sdm120", "port": "bus", "address": 1, "poll": "10s", "record": "5m", "rated_kw": 5}


def test_every_meter_that_is_read_is_counted() -> None:
    site = village(meters={"cabinet": CABINET | {"tariff": "public-lighting", "billing_day": 15}}, inputs={"shop": SHOP})
    assert metered(site, CATALOGUE) == {
        "meter/cabinet": Metered(Terms(5, 0.001, None, 300), "public-lighting", 15),
        "meter/shop": Metered(Terms(3, 0.001, None, 60), None, 1),
    }
    assert terms_of(site, {}).keys() == {"meter/shop"}, "a model that this version does not read"


@pytest.mark.parametrize(
    ("more", "tariff"), [({}, None), ({"tariff": "production", "billing_day": 5}, {"id": "production", "currency": "VND"})]
)
def test_about_tells_of_the_tariff(more: dict[str, object], tariff: object) -> None:
    about = json.loads(Bench(village(meters={"cabinet": CABINET | more})).radio.retained["village/thon/about"])
    assert about["tariff"] == tariff
    (meter,) = (device for device in about["devices"] if device["kind"] == "meter")
    assert (meter["tariff"], meter["billing_day"]) == (more.get("tariff"), more.get("billing_day"))
