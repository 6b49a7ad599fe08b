"""Sunrise and sunset against another library and another algorithm: NREL's SPA (`sunposition`)."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import sunposition

from edge.core.sun import sun_time

ZONE = "Asia/Ho_Chi_Minh"
DAYS = [dt.date(2026, 1, 1) + dt.timedelta(days=n) for n in range(730)]
HORIZON_DEG = -50 / 60
DELTA_T_S = 69.2  # TT − UT in 2026, by the IERS
ALLOWED_S = 1.0


def above(unix: np.ndarray, latitude: float, longitude: float) -> np.ndarray:
    """How far (degrees) the sun's centre is above −50', as seen from sea level, without refraction."""
    from_zenith = sunposition.sunpos(unix, latitude, longitude, 0, pressure=0, delta_t=DELTA_T_S)[1]
    return 90 - np.asarray(from_zenith, dtype=float) - HORIZON_DEG


@pytest.mark.slow
@pytest.mark.parametrize("event", ["sunrise", "sunset"])
@pytest.mark.parametrize(("latitude", "longitude"), [(19.87, 105.68), (9.2, 105.2)])
def test_on_every_day_of_two_years_the_other_calculation_crosses_the_horizon_within_a_second(event: str, latitude: float, longitude: float) -> None:
    found = np.array([sun_time(event, latitude, longitude, day, ZONE) for day in DAYS])
    before, after = above(found - ALLOWED_S, latitude, longitude), above(found + ALLOWED_S, latitude, longitude)
    rises = event == "sunrise"
    for n, day in enumerate(DAYS):
        assert (before[n] < 0 < after[n]) if rises else (before[n] > 0 > after[n]), f"{event} of {day}"
        local = dt.datetime.fromtimestamp(found[n], ZoneInfo(ZONE))
        assert (local.date(), local.hour < 12) == (day, rises)


@pytest.mark.parametrize(("latitude", "longitude", "zone"), [(65.7, 25.0, "Europe/Helsinki"), (-65.7, 25.0, "Africa/Johannesburg")])
def test_the_sun_rises_and_sets_every_day_at_the_last_places_that_a_configuration_allows(latitude: float, longitude: float, zone: str) -> None:
    for day in DAYS[:365]:
        midnight = dt.datetime.combine(day, dt.time(), ZoneInfo(zone)).timestamp()
        for event in ("sunrise", "sunset"):
            assert 0 <= sun_time(event, latitude, longitude, day, zone) - midnight < 86400 + 600


def test_beyond_the_polar_circle_there_is_none_in_midsummer() -> None:
    with pytest.raises(ValueError, match="there is no sunset at latitude 70 on 2026-06-21"):
        sun_time("sunset", 70, 25, dt.date(2026, 6, 21), "Europe/Helsinki")
