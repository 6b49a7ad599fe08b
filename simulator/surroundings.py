"""What the village's sensors feel of air, light and the soil's warmth: simple, plausible, the same for the same seed.

All of it is a function of the true time of day alone, so that asking changes nothing and nothing need be remembered.
Weather is the rain and a few slow waves whose phases the seed draws; the seasons are those of the north of Vietnam
(mean temperature of Thanh Hóa: 17 °C in January, 29 °C in July). Before, in and after rain it is clouded and damp.
"""

from __future__ import annotations

import datetime as dt
import math
import random
from collections.abc import Callable, Collection

from simulator.daylight import Daylight
from simulator.weather import Rain

DAY_S = 86400.0
YEAR_S = 365.2425 * DAY_S
WARMEST_S = 195 * DAY_S  # mid July, from the first of January 1970
MEAN_C, SEASON_C, DAY_C, WEATHER_C = 23.5, 6.0, 4.0, 2.5
WARMEST_HOUR = 14.0  # by the sun
SOIL_LAG_S = 3 * 3600.0  # what a probe's depth takes the heat
NIGHT_LUX_DEG = -12.0  # below that a probe shows nothing
RAIN_C, RAIN_PCT = 1.5, 96.0  # rain cools, and leaves the air so humid


class Surroundings:
    """The air, the soil and the light over a place given in degrees north and east."""

    def __init__(self, latitude: float, longitude: float, seed: int) -> None:
        draw = random.Random(f"{seed}/weather")  # noqa: S311  # a seed must give the same village
        self._phases = [draw.uniform(0, math.tau) for _ in range(6)]
        self.noon_s = longitude / 360 * DAY_S
        self.rain = Rain(longitude, seed)
        self._daylight = Daylight(latitude, longitude)
        self._shows: dict[str, Callable[[float], float]] = {
            "temperature_c": self.air_c, "humidity_pct": self.humidity_pct, "illuminance_lux": self.illuminance_lux,
        }  # fmt: skip

    def quantities(self, wanted: Collection[str], wall: float) -> dict[str, float]:
        """Those `wanted` that are known here, as a sensor shows them at Unix time `wall`.

        A sensor that feels the soil's moisture feels the soil's temperature, too.
        """
        shown = {name: self._shows[name](wall) for name in wanted if name in self._shows}
        if {"moisture_pct", "temperature_c"} <= {*wanted}:
            shown["temperature_c"] = self.soil_c(wall)
        return shown

    def air_c(self, wall: float) -> float:
        """Air temperature in °C: the season, the day, and weather of some days."""
        day = math.cos(math.tau * (wall + self.noon_s - WARMEST_HOUR * 3600) / DAY_S)
        return self._mean_c(wall) + DAY_C * (0.4 + 0.6 * self.clear(wall)) * day - RAIN_C * self.rain.cover(wall)

    def soil_c(self, wall: float) -> float:
        """Soil temperature in °C a hand's breadth deep: the air's of some hours ago, its days a quarter as strong."""
        then = wall - SOIL_LAG_S
        return self._mean_c(then) + (self.air_c(then) - self._mean_c(then)) / 4

    def humidity_pct(self, wall: float) -> float:
        """Relative humidity in percent: the air holds what it held at the night's lowest temperature but a little."""
        air, dew = self.air_c(wall), self._mean_c(wall) - DAY_C * 0.7 - 2 * self.clear(wall)
        humid = min(100.0, 100 * _vapour_hpa(dew) / _vapour_hpa(air))
        damp = max(self.rain.cover(wall) * 4 - 3, 0.0)
        return humid + max(RAIN_PCT - humid, 0.0) * damp

    def illuminance_lux(self, wall: float) -> float:
        """Light on the level in lux: the IESNA's clear sky (direct 127,500 lx, extinction 0.21), less under clouds.

        In twilight it falls by a factor of ten with every 2.5° that the sun sinks.
        """
        altitude = self._daylight.altitude_deg(wall)
        if altitude <= NIGHT_LUX_DEG:
            return 0.0
        rise = math.sin(math.radians(altitude))
        if rise <= 0:
            return 800 * 10 ** (altitude / 2.5)
        direct = 127_500 * math.exp(-0.21 / max(rise, 0.01)) * rise
        return (0.2 + 0.8 * self.clear(wall)) * direct + 800 + 15_500 * math.sqrt(rise) * (0.5 + self.clear(wall) / 2)

    def clear(self, wall: float) -> float:
        """How clear the sky is, 0 to 1: clouds of hours and of days, and those that bring rain."""
        waves = 0.5 + 0.3 * self._wave(4, 2.7 * DAY_S, wall) + 0.2 * self._wave(5, 5 * 3600.0, wall)
        return waves * (1 - 0.85 * self.rain.cover(wall))

    def month(self, wall: float) -> int:
        """The month at Unix time `wall`, by the sun, from 1 to 12."""
        return dt.datetime.fromtimestamp(wall + self.noon_s, dt.UTC).month

    def _mean_c(self, wall: float) -> float:
        season = math.cos(math.tau * (wall - WARMEST_S) / YEAR_S)
        weather = (self._wave(0, 5.3 * DAY_S, wall) + self._wave(1, 13 * DAY_S, wall)) / 2
        return MEAN_C + SEASON_C * season + WEATHER_C * weather

    def _wave(self, which: int, period_s: float, wall: float) -> float:
        return math.sin(math.tau * wall / period_s + self._phases[which])


def _vapour_hpa(dew_c: float) -> float:
    """Saturation vapour pressure over water (Magnus, WMO Guide No. 8)."""
    return 6.112 * math.exp(17.62 * dew_c / (243.12 + dew_c))
