"""The water in the soil of each plot: one bucket each, filled by rain and valves, emptied by the plants and the depth.

A bucket is 300 mm of loam: saturated at 45 % of its volume, at field capacity at 36, wilted at 14 (FAO Irrigation and
Drainage Paper 56, table 19). Above field capacity it drains within days, above saturation at once. Vegetables drink the
reference evapotranspiration times a crop factor; less, the drier it is below half of what they can reach.

It is reckoned from one change to the next, an hour at most: marks lie at whole hours, at the ends of showers, and where
watering changes. What is asked lies between two of them and leaves no mark of its own.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping

from simulator.surroundings import DAY_S, Surroundings

HOUR_S = 3600.0
DEPTH_MM = 300.0
SATURATED_PCT, FIELD_PCT, WILTED_PCT = 45.0, 36.0, 14.0
STRESSED_PCT = (FIELD_PCT + WILTED_PCT) / 2
DRAINS_S = DAY_S
CROP_FACTOR = 0.9
LAG_S = HOUR_S  # until the water is where the probe is
# Reference evapotranspiration of northern Vietnam, mm a day from January to December, under the usual sky.
ET0_MM = (2.0, 2.1, 2.4, 3.2, 4.4, 4.8, 4.9, 4.3, 3.9, 3.4, 2.8, 2.3)
MM_H = 30.0  # how fast a plot is watered; so a valve of 12 l/min has a plot of 24 m²


class Thirst:
    """What a well-watered crop drinks, by the month, the day's sky and the sun."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._days: dict[int, float] = {}
        self._hour, self._mm_s = -1, 0.0

    def mm_s(self, wall: float) -> float:
        """mm a second in the hour of Unix time `wall`."""
        hour = int(wall // HOUR_S)
        if hour != self._hour:
            noon_s = self._surroundings.noon_s
            start = (hour * HOUR_S + noon_s) % DAY_S / DAY_S
            light = _sunned(start + HOUR_S / DAY_S) - _sunned(start)
            self._hour, self._mm_s = hour, light * self._day_mm(int((hour * HOUR_S + noon_s) // DAY_S)) / HOUR_S
        return self._mm_s

    def _day_mm(self, day: int) -> float:
        if day not in self._days:
            felt = self._surroundings
            midnight = day * DAY_S - felt.noon_s
            clear = sum(felt.clear(midnight + hour * HOUR_S) for hour in (9, 12, 15)) / 3
            self._days[day] = CROP_FACTOR * ET0_MM[felt.month(midnight) - 1] * (0.6 + 0.9 * clear)
        return self._days[day]


def _sunned(day: float) -> float:
    """The share of a day's evaporation until that part of the day (0 to 1 and a little more): a sine from 6 to 18."""
    return (1 - math.cos(math.tau * min(max(day - 0.25, 0.0), 0.5))) / 2


class Bucket:
    """The water of one plot, of so many percent of the soil's volume at Unix time `start`."""

    def __init__(self, percent: float, start: float, surroundings: Surroundings, thirst: Thirst) -> None:
        self._mm = percent / 100 * DEPTH_MM
        self._at = start
        self._mm_s = 0.0
        self._fed: list[tuple[float, float, float]] = []  # from when on, mm a second, and mm at once
        self._rain = surroundings.rain
        self._thirst = thirst

    def water(self, mm_s: float, at_once_mm: float, wall: float) -> None:
        """From `wall` on it gets so many mm a second, and so many at once; never before an earlier change."""
        self._fed.append((wall, mm_s, at_once_mm))

    def percent(self, wall: float) -> float:
        """Water in percent of the volume, not more than two hours before the latest time that was asked for."""
        mark = (wall // HOUR_S - 2) * HOUR_S
        if mark > self._at:
            self._mm, self._mm_s, used = self._pass(mark)
            self._at = mark
            del self._fed[:used]
        return self._pass(wall)[0] / DEPTH_MM * 100

    def _pass(self, end: float) -> tuple[float, float, int]:
        """Water (mm) and watering (mm/s) at `end`, and how many changes lie before it."""
        at, mm, mm_s, used = self._at, self._mm, self._mm_s, 0
        while True:
            while used < len(self._fed) and self._fed[used][0] <= at:
                _, mm_s, at_once = self._fed[used]
                mm = min(mm + at_once, SATURATED_PCT / 100 * DEPTH_MM)
                used += 1
            if at >= end:
                return mm, mm_s, used
            till = min((at // HOUR_S + 1) * HOUR_S, self._rain.next_change(at), end)
            if used < len(self._fed):
                till = min(till, self._fed[used][0])
            shower = self._rain.falling(at)
            gain = mm_s + (0.0 if shower is None else shower.mm_s)
            mm = _after(mm, gain, self._thirst.mm_s(at), till - at)
            at = till


def _after(mm: float, gain: float, thirst: float, seconds: float) -> float:
    """What is in a bucket of `mm` after so many seconds, an hour at most."""
    percent = mm / DEPTH_MM * 100
    drinks = thirst * min(max((percent - WILTED_PCT) / (STRESSED_PCT - WILTED_PCT), 0.0), 1.0)
    drains = max(mm - FIELD_PCT / 100 * DEPTH_MM, 0.0) / DRAINS_S
    return min(max(mm + (gain - drinks - drains) * seconds, 0.0), SATURATED_PCT / 100 * DEPTH_MM)


class Soil:
    """The plots, each with what its valve gives alone (l/min), and the probes, each in a plot or in none (None).

    Times are Unix s of the true time; they never go back by more than two hours.
    """

    def __init__(
        self, plots: Mapping[str, float], probes: Mapping[str, str | None], surroundings: Surroundings, seed: int,
        start: float,
    ) -> None:  # fmt: skip
        thirst = Thirst(surroundings)
        self.areas_m2 = {plot: l_min * 60 / MM_H for plot, l_min in plots.items()}
        places = [*plots, *(probe for probe, plot in probes.items() if plot is None)]
        since = (start // HOUR_S - 2) * HOUR_S
        self._buckets = {p: Bucket(_first(seed, p), since, surroundings, thirst) for p in places}
        self.probes = {probe: self._buckets[probe if plot is None else plot] for probe, plot in probes.items()}
        self._frozen: dict[str, float] = {}

    def water(self, plot: str, l_s: float, at_once_l: float, wall: float) -> None:
        """From `wall` on the plot gets so many litres a second, and so many at once. Raises KeyError."""
        area = self.areas_m2[plot]
        self._buckets[plot].water(l_s / area, at_once_l / area, wall)

    def plot_pct(self, plot: str, wall: float) -> float:
        """Water of a plot in percent of its volume. Raises KeyError."""
        return self._buckets[plot].percent(wall)

    def probe_pct(self, probe: str, wall: float) -> float:
        """What a probe shows. Raises KeyError."""
        frozen = self._frozen.get(probe)
        return self.probes[probe].percent(wall - LAG_S) if frozen is None else frozen

    def freeze(self, probes: Iterable[str], wall: float) -> None:
        """From now on these probes show what they show now, and all others what is so. Raises KeyError."""
        self._frozen = {probe: self.probe_pct(probe, wall) for probe in probes}


def _first(seed: int, place: str) -> float:
    return random.Random(f"{seed}/soil/{place}").uniform(27, 33)  # noqa: S311  # a seed must give the same village
