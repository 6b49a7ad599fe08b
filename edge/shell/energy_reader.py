"""What the history says of a time: energy and money by period, and any quantity by steps. Only reads.

Roll-ups answer for the hours that they are right for; hours of which rows have come since are worked out as they will
be rolled up. So figures are up to date to the last row on the card, and do not change when it is rolled up.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

from edge.core.counter import COUNTER
from edge.core.energy import Share, Stretch, spread
from edge.core.metering import Metered, metered
from edge.core.periods import HOUR_S, day_of, day_start, first_day, next_day, periods_of
from edge.core.questions import EnergyQuestion, HistoryQuestion
from edge.core.site import Site
from edge.core.steps import cells
from edge.core.tariffs import Cost, Part, Tariff, changes, cost
from edge.core.values import ModelInfo, Moment
from edge.shell import energy_rows
from edge.shell.energy_rows import BESIDE
from edge.shell.history_rows import layouts, still
from edge.shell.history_series import Fresh, Look
from edge.shell.rollups import Rollups

MOST_POINTS = 1000


@dataclass(frozen=True, slots=True)
class PeriodEnergy:
    """What a meter counted from `start` up to before `end` (Unix s): `kwh`, of it `interpolated_kwh` estimated.

    For `unmeasured_s` of the time that has passed nobody can say what flowed. `cost`: None where no price is known.
    """

    start: float
    end: float
    kwh: float
    interpolated_kwh: float
    unmeasured_s: float
    cost: Cost | None


@dataclass(frozen=True, slots=True)
class Series:
    """Points of a quantity: when each begins (Unix s), the least, the mean and the most; and the step between (s).

    A month counts as 30 days in the step; its points begin with the village's months.
    """

    step_s: float
    points: list[tuple[float, float, float, float]]


class EnergyReader:
    """Reads the history of one village. Its functions take a connection that may only read, and raise sqlite3.Error and
    ValueError for a file that is damaged."""

    def __init__(self, site: Site, catalogue: Mapping[str, ModelInfo], tariffs: Mapping[str, Tariff]) -> None:
        """`tariffs` by id: what a meter costs whose tariff is not among them is not known."""
        self._zone = ZoneInfo(site.site.timezone)
        self._meters = metered(site, catalogue)
        self._tariffs = tariffs
        self._rollups = Rollups(self._zone, {device: meter.terms for device, meter in self._meters.items()})

    def periods(self, db: sqlite3.Connection, question: EnergyQuestion, moment: Moment) -> list[PeriodEnergy]:
        """Energy and money of every period that touches the time in question. Raises KeyError for a meter that is not
        there."""
        meter = self._meters[question.meter]
        found = periods_of(question.period, question.start, question.end, self._zone, meter.billing_day)
        if not found:
            return []
        borders = [found[0][0], *(end for _, end in found)]
        with still(db):
            known = self._known(db, question.meter, meter, borders[0], borders[-1])
        shares = spread(known, borders, meter.terms, moment.wall)
        costs = self._costs(question, meter, known, found, shares)
        return [
            PeriodEnergy(start, end, share.kwh, share.interpolated_kwh, share.unmeasured_s, money)
            for (start, end), share, money in zip(found, shares, costs, strict=True)
        ]

    def series(self, db: sqlite3.Connection, question: HistoryQuestion) -> Series:
        """The quantity by steps: as asked, or wider where more than 1,000 points would come or only roll-ups are left.
        A step without a reading has no point."""
        with still(db):
            of = {i: layout for i, layout in layouts(db, question.device).items() if question.quantity in layout.names}
            look = Look(db, of, question.quantity, self._rollups, (question.start, question.end))
            bounds = look.bounds() or (question.start, question.start)
            start, end = max(question.start, bounds[0]), min(question.end, bounds[1])
            if end <= start:
                return Series(question.step_s, [])
            asked = max(question.step_s, HOUR_S) if look.only_rolled_up(start) else question.step_s
            step, borders = cells(start, end, asked, MOST_POINTS, self._zone)
            found = list(look.raw(borders) if step < HOUR_S else look.rolled(borders, step))
        points = [(at, f.least, f.mean, f.most) for (at, _), f in zip(pairwise(borders), found, strict=True) if f]
        return Series(step, points)

    def _known(
        self, db: sqlite3.Connection, device: str, meter: Metered, start: float, end: float
    ) -> list[Stretch]:
        """What the meter's hours come to that touch the time, and the hours with readings before and after it."""
        of = {i: layout for i, layout in layouts(db, device).items() if COUNTER in layout.names}
        fresh = Fresh(db, of, self._rollups, (start, end))
        low = start - HOUR_S  # an hour that began in another time zone may reach into it
        beside = energy_rows.kept_beside(db, device, low, end)
        known = beside | energy_rows.kept_from(db, device, low, end)

        def renew(hour: int) -> bool:
            known[hour] = energy_rows.worked_out(db, device, hour, fresh.rows(hour), of, meter.terms)
            return bool(known[hour])

        for hour in fresh.hours:
            if low <= hour < end:
                renew(hour)
        before, after = sorted(hour for hour in beside if hour < low), sorted(hour for hour in beside if hour >= end)
        oldest = before[0] if len(before) == BESIDE else float("-inf")
        newest = after[-1] if len(after) == BESIDE else float("inf")
        earlier = (hour for hour in reversed(fresh.hours) if oldest <= hour < low)
        later = (hour for hour in fresh.hours if end <= hour <= newest)
        for some in (earlier, later):
            deque(islice(filter(renew, some), BESIDE), maxlen=0)
        return [part for hour in sorted(known) for part in known[hour]]

    def _costs(
        self, question: EnergyQuestion, meter: Metered, known: Sequence[Stretch],
        periods: Sequence[tuple[float, float]], shares: Sequence[Share],
    ) -> list[Cost | None]:
        name, tariff = meter.tariff, self._tariffs.get(meter.tariff or "")
        if name is None or tariff is None:
            return [None] * len(periods)
        begins, over = [start for start, _ in periods], periods[-1][1]
        days = changes(tariff, day_of(begins[0], self._zone), day_of(over, self._zone))
        borders = [*sorted({*begins, *(day_start(day, self._zone) for day in days)}), over]
        if days:  # some periods have parts of different prices
            shares = spread(known, borders, meter.terms, over)
        parts: list[list[Part]] = [[] for _ in periods]
        for (start, end), share in zip(pairwise(borders), shares, strict=True):
            n = bisect_right(begins, start) - 1
            low, high = periods[n] if question.period in ("month", "billing") else self._bill(start, meter)
            parts[n].append(Part(day_of(start, self._zone), share.kwh, (end - start) / (high - low)))
        return [cost(name, tariff, each) for each in parts]

    def _bill(self, at: float, meter: Metered) -> tuple[float, float]:
        """The billing period that holds `at`: an hour and a day have their share of its tiers."""
        day = first_day("billing", at, self._zone, meter.billing_day)
        return day_start(day, self._zone), day_start(next_day("billing", day), self._zone)
