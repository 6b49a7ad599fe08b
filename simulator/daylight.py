"""When a photocell sees night: from the sun's true altitude, for its place and time."""

from __future__ import annotations

import datetime as dt
import math

import ephem

DARK_BELOW_DEG = -2.0
STEP_S = 900.0  # nights and days are longer, but for a few where white nights begin
EXACT_S = 0.001
HORIZON_S = 366 * 86400.0


class Daylight:
    """The sun over a place given in degrees north and east: its centre, without refraction, seen from sea level."""

    def __init__(self, latitude: float, longitude: float) -> None:
        self._place = ephem.Observer()
        self._place.lat, self._place.lon = math.radians(latitude), math.radians(longitude)
        self._place.pressure = 0  # no air, no refraction
        self._sun = ephem.Sun()

    def altitude_deg(self, wall: float) -> float:
        """How high the sun stands at Unix time `wall`, in degrees."""
        self._place.date = dt.datetime.fromtimestamp(wall, dt.UTC)
        self._sun.compute(self._place)
        return math.degrees(self._sun.alt)

    def dark(self, wall: float) -> bool:
        """Whether the sun is below the threshold at Unix time `wall`."""
        return self.altitude_deg(wall) < DARK_BELOW_DEG

    def dawn_or_dusk(self, after: float) -> float:
        """Unix time, to a millisecond, of the next change after Unix time `after`; infinite if none comes in a year."""
        dark, low = self.dark(after), after
        while self.dark(low + STEP_S) is dark:
            low += STEP_S
            if low > after + HORIZON_S:
                return math.inf
        high = low + STEP_S
        while high - low > EXACT_S:
            middle = (low + high) / 2
            low, high = (middle, high) if self.dark(middle) is dark else (low, middle)
        return high
