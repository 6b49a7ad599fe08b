"""Air, soil and light: plausible at every hour of the year, and the same for the same seed."""

from __future__ import annotations

import datetime as dt
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.registers import load_model, models
from simulator.surroundings import Surroundings

NOON = dt.datetime(2026, 6, 21, 5, tzinfo=dt.UTC).timestamp()  # 12:00 in Vietnam
HOUR_S, DAY_S = 3600.0, 86400.0
YEAR = st.floats(NOON, NOON + 366 * DAY_S)
SENSORS = [name for name in models() if load_model(name).kind == "sensor"]


def village(seed: int = 1) -> Surroundings:
    return Surroundings(19.87, 105.68, seed)


@pytest.mark.parametrize("name", SENSORS)
@given(wall=YEAR, seed=st.integers(0, 9))
def test_every_sensor_shows_what_its_model_can_say(name: str, wall: float, seed: int) -> None:
    model = load_model(name)
    shown = village(seed).quantities("s", model.quantities, wall)
    assert set(shown) == set(model.quantities)
    for quantity, value in shown.items():
        low, high = model.quantities[quantity].limits
        assert low <= value <= high
    model.encode(shown)


def test_the_same_seed_is_the_same_weather_and_another_is_not() -> None:
    wanted = ["temperature_c", "moisture_pct", "humidity_pct", "illuminance_lux"]
    same = [village().quantities("soil-1", wanted, NOON) for _ in range(2)]
    assert same[0] == same[1] != village(2).quantities("soil-1", wanted, NOON)
    assert same[0]["moisture_pct"] != village().quantities("soil-2", wanted, NOON)["moisture_pct"]


@given(wall=YEAR)
def test_asking_once_more_or_a_second_later_changes_little(wall: float) -> None:
    felt = village()
    assert abs(felt.air_c(wall + 1) - felt.air_c(wall)) < 0.01
    assert abs(felt.soil_c(wall + 1) - felt.soil_c(wall)) < 0.01
    assert abs(felt.humidity_pct(wall + 1) - felt.humidity_pct(wall)) < 0.1


def test_the_light_is_the_suns() -> None:
    felt = village()
    lux = [felt.illuminance_lux(NOON - 12 * HOUR_S + h * HOUR_S / 4) for h in range(96)]
    noon = lux.index(max(lux))
    assert 40 <= noon <= 56
    assert 25_000 < max(lux) < 130_000
    assert lux[0] == 0.0
    assert felt.illuminance_lux(NOON - 6.65 * HOUR_S) < 2_000  # the sun has just risen


def test_days_are_warmer_than_nights_summers_than_winters_and_the_soil_sways_less_than_the_air() -> None:
    felt = village()
    day = [felt.air_c(NOON + h * HOUR_S) for h in range(24)]
    soil = [felt.soil_c(NOON + h * HOUR_S) for h in range(24)]
    assert day.index(max(day)) in range(5)
    assert max(day) - min(day) > 2 * (max(soil) - min(soil))
    month = [sum(felt.air_c(NOON + shift + d * DAY_S) for d in range(30)) / 30 for shift in (0, 183 * DAY_S)]
    assert month[0] - month[1] > 8


def test_the_air_is_driest_when_it_is_warmest() -> None:
    felt = village()
    hours = [NOON + h * HOUR_S for h in range(24)]
    driest = min(hours, key=felt.humidity_pct)
    assert felt.air_c(driest) > sorted(felt.air_c(h) for h in hours)[18]


def test_the_soil_dries_until_it_rains() -> None:
    felt = village()
    days = [felt.moisture_pct("soil-1", NOON + h * HOUR_S) for h in range(24 * 14)]
    wetter = [later - earlier for earlier, later in itertools.pairwise(days) if later > earlier + 1]
    assert 1 <= len(wetter) <= 4
    assert all(jump > 4 for jump in wetter)
