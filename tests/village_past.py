"""Months of history for the example's three meters, as the daemon would have kept them, with what goes wrong in months."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from card import HANOI, Card

from edge.core.values import Reading

EVERY_S = 300  # apart, as far as leaves no gap
ENDS = {"cabinet-1": 4650.0, "culture-house": 2606.0, "pump-house": 5614.0}  # kWh that their counters show at last


def first_of(day: dt.date, months: int = 0) -> dt.date:
    """The first day of the month that is so many months away from a day's."""
    n = day.year * 12 + day.month - 1 + months
    return dt.date(n // 12, n % 12 + 1, 1)


def midnight(day: dt.date, hour: float = 0) -> float:
    """Unix s of so many hours into a day of the village."""
    return dt.datetime.combine(day, dt.time(), HANOI).timestamp() + hour * 3600


@cache
def _share(meter: str, day: dt.date) -> float:
    """No day is like another."""
    return random.Random(f"{meter} {day}").uniform(0.93, 1.07)


def _watts(meter: str, at: dt.datetime) -> float:
    hour, share = at.hour + at.minute / 60, _share(meter, at.date())
    if meter == "cabinet-1":
        return share * (2160 if 17.5 <= hour < 22.5 else 720 if hour >= 22.5 or hour < 6 else 12)
    if meter == "culture-house":
        return share * (180 if at.weekday() in (2, 4, 6) and 19 <= hour < 22 else 4)
    return share * (740 if at.weekday() in (0, 2, 4) and 5.25 <= hour < 6.5 else 0)


class Past:
    """From the first day of the month before last until an hour before `now` (Unix s).

    In the last month: the cabinet's meter is not heard from the 10th, 12:00, to the 12th, 9:00; that of the pump is
    replaced after a silence from the 3rd, 7:00, to the 7th, 12:00, of which nobody knows anything; and on the 20th the
    cabinet's misses three hours of the morning from five on.
    """

    def __init__(self, now: float) -> None:
        self.today = dt.datetime.fromtimestamp(now, HANOI).date()
        self.month, self.before = first_of(self.today, -1), first_of(self.today, -2)
        self.until = now - 3600
        self.replaced = midnight(self.month.replace(day=7), 12)
        self.holes = {
            "cabinet-1": [
                (midnight(self.month.replace(day=10), 12), midnight(self.month.replace(day=12), 9)),
                (midnight(self.month.replace(day=20), 5), midnight(self.month.replace(day=20), 8)),
            ],
            "pump-house": [(midnight(self.month.replace(day=3), 7), self.replaced)],
        }

    def write(self, state: Path) -> None:
        """Into the history of a state directory that no daemon has used yet."""
        state.mkdir(parents=True, exist_ok=True)
        card = Card(state)
        for meter in ENDS:
            card.write(self._readings(meter))
        card.close()

    def _readings(self, meter: str) -> Iterator[Reading]:
        times = range(int(midnight(self.before)), int(self.until), EVERY_S)
        kwh, told = 0.0, []
        for at in times:
            local = dt.datetime.fromtimestamp(at, HANOI)
            watts = _watts(meter, local)
            kwh += watts * EVERY_S / 3.6e6
            told.append((at, watts, kwh))
        for at, watts, so_far in told:
            if any(a <= at < b for a, b in self.holes.get(meter, ())):
                continue
            old = meter == "pump-house" and at < self.replaced
            shown = ENDS[meter] - kwh + so_far + (800 if old else 0)
            life = 2 if meter == "pump-house" and not old else 1
            yield Reading(f"meter/{meter}", {"power_w": round(watts), "energy_kwh": round(shown, 2)}, at, life=life)
