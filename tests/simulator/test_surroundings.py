"""Air, soil and light: plausible at every hour of the year, and the same for the same seed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.registers import load_model, models
from simulator.soil import Soil
from simulator.surroundings import Surroundings

NOON = dt.datetime(2026, 6, 21, 5, tzinfo=dt.UTC).timestamp()  # 12:00 in Vietnam
HOUR_S, DAY_S = 3600.0, 86400.0
YEAR = st.floats(NOON, NOON + 366 * DAY_S)
MOIST = "moisture_pct"
SENSORS = [name for name in models() if load_model(name).kind == "sensor"]


def village(seed: int = 1) -> Surroundings:
    return Surroundings(19.87, 105.68, seed)


def felt(wanted: Collection[str], wall: float, seed: int = 1, sensor: str = "s") -> dict[str, float]:
    """What a sensor shows that stands in no plot."""
    around = village(seed)
    shown = around.quantities(wanted, wall)
    return shown | ({MOIST: Soil({}, {sensor: None}, around, seed, wall).probe_pct(sensor, wall)} if MOIST in wanted else {})


@pytest.mark.parametrize("name", SENSORS)
@given(wall=YEAR, seed=st.integers(0, 9))
def test_every_sensor_shows_what_its_model_can_say(name: str, wall: float, seed: int) -> None:
    model = load_model(name)
    shown = felt(model.quantities, wall, seed)
    assert set(shown) == set(model.quantities)
    for quantity, value in shown.items():
        low, high = model.quantities[quantity].limits
        assert low <= value <= high
    model.encode(shown)


def test_the_same_seed_is_the_same_weather_and_another_is_not() -> None:
    wanted = ["temperature_c", "moisture_pct", "humidity_pct", "illuminance_lux"]
    same = [felt(wanted, NOON) for _ in range(2)]
    assert same[0] == same[1] != felt(wanted, NOON, 2)
    assert same[0]["moisture_pct"] != felt(wanted, NOON, sensor="another")["moisture_pct"]


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


def test_rain_is_clouded_damp_and_dark() -> None:
    around = village()
    at = around.rain.next_change(NOON)
    while around.rain.falling(at) is None or not 3 <= (at + around.noon_s) % DAY_S / HOUR_S - 6 <= 9:
        at = around.rain.next_change(at)
    dry = next(at + n * DAY_S for n in range(1, 40) if around.rain.cover(at + n * DAY_S) == 0)
    assert around.clear(at) < 0.2
    assert around.humidity_pct(at) >= 95 > around.humidity_pct(dry)
    assert around.illuminance_lux(at) < around.illuminance_lux(dry)
