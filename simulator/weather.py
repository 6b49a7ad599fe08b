"""The rain of a year: showers with start, length and depth, drawn by the seed month by month.

Northern Vietnam has drizzle at the end of winter and storms from May to October. A month's sum is drawn around its
mean, and shared out among its wet days; so a year is never far from the climate, and no day need be remembered. All of
it is a function of the true time and the seed.
"""

from __future__ import annotations

import calendar
import datetime as dt
import math
import random
from bisect import bisect_right
from dataclasses import dataclass

HOUR_S, DAY_S = 3600.0, 86400.0
# Thanh Hóa, rounded: mm, and days with rain, from January to December; 1,730 mm a year.
MEAN_MM = (23, 22, 41, 61, 148, 183, 213, 278, 394, 266, 72, 29)
WET_DAYS = (9, 12, 15, 11, 12, 12, 11, 15, 15, 12, 7, 6)
DRIZZLE = (1, 2, 3, 12)  # months in which it falls finely and for hours
HARDEST_MM_H = 45.0
CLOUDS_S = 1.5 * HOUR_S  # clouds come so long before a shower, and go so long after


@dataclass(frozen=True, slots=True)
class Shower:
    """Rain from `start` to `end` (Unix s), `mm` deep in all, evenly."""

    start: float
    end: float
    mm: float

    @property
    def mm_s(self) -> float:
        """How hard it falls (mm a second)."""
        return self.mm / (self.end - self.start)


@dataclass(frozen=True, slots=True)
class _Month:
    """The showers of one month (Unix s), with the last before and the first after it."""

    start: float
    end: float
    showers: list[Shower]
    starts: list[float]


class Rain:
    """The showers over a place so many degrees east."""

    def __init__(self, longitude: float, seed: int) -> None:
        self._zone = dt.timezone(dt.timedelta(hours=round(longitude / 15)))
        self._seed = seed
        self._drawn: dict[tuple[int, int], list[Shower]] = {}
        self._here = _Month(0.0, 0.0, [], [])

    def falling(self, wall: float) -> Shower | None:
        """The shower that falls at Unix time `wall`."""
        last, _ = self._around(wall)
        return last if last is not None and wall < last.end else None

    def next_change(self, wall: float) -> float:
        """When after Unix time `wall` it begins or ends to rain; or the month does, at the latest."""
        last, coming = self._around(wall)
        if last is not None and wall < last.end:
            return last.end
        return min(self._here.end, coming.start if coming is not None else math.inf)

    def cover(self, wall: float) -> float:
        """How much of the sky the rain's clouds take, from 0 to 1; 1 while it falls."""
        last, coming = self._around(wall)
        near = min(max(wall - last.end, 0.0) if last else math.inf, coming.start - wall if coming else math.inf)
        return max(0.0, 1 - near / CLOUDS_S)

    def depth_mm(self, start: float, end: float) -> float:
        """How much falls from Unix time `start` to `end`."""
        fallen, at = 0.0, start
        while at < end:
            shower = self.falling(at)
            till = min(self.next_change(at), end)
            fallen += 0.0 if shower is None else shower.mm_s * (till - at)
            at = till
        return fallen

    def _around(self, wall: float) -> tuple[Shower | None, Shower | None]:
        """The last shower that began by then, and the next one, if near."""
        here = self._here
        if not here.start <= wall < here.end:
            here = self._here = self._month(wall)
        n = bisect_right(here.starts, wall)
        return here.showers[n - 1] if n else None, here.showers[n] if n < len(here.showers) else None

    def _month(self, wall: float) -> _Month:
        day = dt.datetime.fromtimestamp(wall, self._zone)
        year, month = day.year, day.month
        before = (year, month - 1) if month > 1 else (year - 1, 12)
        after = (year, month + 1) if month < 12 else (year + 1, 1)
        showers = [*self._draw(*before)[-1:], *self._draw(year, month), *self._draw(*after)[:1]]
        return _Month(self._begins(year, month), self._begins(*after), showers, [s.start for s in showers])

    def _begins(self, year: int, month: int) -> float:
        return dt.datetime(year, month, 1, tzinfo=self._zone).timestamp()

    def _draw(self, year: int, month: int) -> list[Shower]:
        found = self._drawn.get((year, month))
        if found is not None:
            return found
        draw = random.Random(f"{self._seed}/rain/{year}-{month}")  # noqa: S311  # a seed must give the same village
        total = MEAN_MM[month - 1] * draw.triangular(0.55, 1.5, 0.95)
        days = calendar.monthrange(year, month)[1]
        moods = [draw.gauss(0, 1) for _ in range(days + 1)]
        spells = [moods[n + 1] + 0.8 * moods[n] for n in range(days)]  # wet days come together
        count = round(WET_DAYS[month - 1] * draw.uniform(0.8, 1.2))
        wet = sorted(sorted(range(days), key=spells.__getitem__)[-count:])
        weights = [draw.expovariate(1) + 0.05 for _ in wet]
        began = self._begins(year, month)
        showers: list[Shower] = []
        for day, weight in zip(wet, weights, strict=True):
            showers += _of_day(draw, began + day * DAY_S, total * weight / sum(weights), month)
        self._drawn[year, month] = showers
        return showers


def _of_day(draw: random.Random, midnight: float, mm: float, month: int) -> list[Shower]:
    """A day's rain in one shower, or in two: one in each half of the day."""
    halves = [(0.0, 24.0)] if draw.random() < 0.6 else [(0.0, 12.0), (12.0, 24.0)]
    showers = []
    for low, high in halves:
        hours = draw.uniform(2, 7) if month in DRIZZLE else draw.uniform(0.5, 4)
        hours = min(max(hours, mm / HARDEST_MM_H), high - low - 0.5)
        start = draw.triangular(low, high - hours, min(16.0, high - hours) if high > 16 else low + 2)
        showers.append(Shower(midnight + start * HOUR_S, midnight + (start + hours) * HOUR_S, mm / len(halves)))
    return showers
