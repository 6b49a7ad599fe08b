"""What the paper bills said, by meter and billing period, and how far that is from what was counted."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge.core.asked import Known, meter_of
from edge.core.events import Effect, Persist
from edge.core.topics import BadError, number, only
from edge.core.values import Moment, Row

TABLE = "bills"
FIELDS = frozenset({"id", "reply_to", "meter", "from", "kwh", "amount"})
DATE = re.compile(r"(\d{4})-(\d\d)(?:-(\d\d))?", re.ASCII)
YEARS = (2000, 2199)
LARGEST_KWH = 1e9
LARGEST_AMOUNT = 1e15  # of money


@dataclass(frozen=True, slots=True)
class Bill:
    """What stands on paper: kWh, and money with its tax; None for what nobody entered."""

    kwh: float | None
    amount: float | None

    def told(self) -> dict[str, object] | None:
        """It as messages have it; None where nothing is entered."""
        return None if self.kwh is None and self.amount is None else {"kwh": self.kwh, "amount": self.amount}


@dataclass(frozen=True, slots=True)
class Entered:
    """What came of a bill: the period it is of, what was there before and is now; `effects` keep it, and there are none
    if it changed nothing."""

    meter: str
    first: dt.date
    was: Bill
    now: Bill
    effects: tuple[Effect, ...]

    @property
    def key(self) -> tuple[str, str]:
        """Under which the journal keeps it."""
        return TABLE, f"{self.meter}/{self.first}"


NONE = Bill(None, None)


class Bills:
    """The bills of one village's meters."""

    def __init__(self, known: Known, days: Mapping[str, int], zone: dt.tzinfo, kept: Mapping[str, Row]) -> None:
        """`days`: the day of the month on which each meter's billing period begins, 1 where it is not among them.
        `kept`: the journal's rows."""
        self._known = known
        self._days = days
        self._zone = zone
        self._bills = {key: Bill(_figure(row["kwh"]), _figure(row["amount"])) for key, row in kept.items()}

    def put(self, fields: Mapping[str, Any], user: str, moment: Moment) -> Entered:
        """Enter one or both figures of a bill; one that is null is taken back. Raises BadError."""
        only(fields, FIELDS, "bill-put")
        meter = meter_of(fields, self._known)
        if "kwh" not in fields and "amount" not in fields:
            raise BadError("bad-value", "give kwh, amount or both, as the bill has them; null takes one back")
        first = self._first(fields.get("from"), meter)
        key = f"{meter}/{first}"
        was = self._bills.get(key, NONE)
        now = Bill(
            _read(fields, "kwh", LARGEST_KWH, was.kwh), _read(fields, "amount", LARGEST_AMOUNT, was.amount),
        )  # fmt: skip
        if now == was:
            return Entered(meter, first, was, now, ())
        row: Row | None = {"kwh": now.kwh, "amount": now.amount, "user": user, "at": moment.wall}
        if now == NONE:
            row = None
            del self._bills[key]
        else:
            self._bills[key] = now
        return Entered(meter, first, was, now, (Persist((TABLE, key), row, tell=True),))

    def beside(self, meter: str, period: Mapping[str, Any]) -> dict[str, object]:
        """One period of an answer to `energy`, with the bill that begins on the same local day, and how much more than
        what was counted it says: null before the period is over, and where nothing was measured."""
        first = dt.datetime.fromisoformat(period["from"]).astimezone(self._zone).date()
        bill = self._bills.get(f"{meter.removeprefix('meter/')}/{first}", NONE)
        over = period.get("complete") is True and (period.get("measured") or 0) > 0
        more = Bill(
            _beyond(bill.kwh, period.get("kwh"), 3) if over else None,
            _beyond(bill.amount, period.get("amount"), 2) if over else None,
        )
        return {**period, "bill": bill.told(), "difference": more.told()}

    def _first(self, value: object, meter: str) -> dt.date:
        day = self._days.get(meter, 1)
        found = DATE.fullmatch(value) if isinstance(value, str) else None
        try:
            if found is None:
                raise ValueError
            year, month = int(found[1]), int(found[2])
            given = dt.date(year, month, int(found[3] or day))
        except ValueError:
            raise BadError("bad-value", "from must be the first day of the billing period, such as 2026-10-15, or its "
                                        "month, such as 2026-10") from None
        if not YEARS[0] <= year <= YEARS[1]:
            raise BadError("bad-value", f"from must lie in the years {YEARS[0]} to {YEARS[1]}")
        if given.day != day and f"{meter}/{given}" not in self._bills:  # after another billing_day it may be taken back
            near = given.replace(day=day) if given.day > day else _month_before(given).replace(day=day)
            raise BadError("bad-value", f"the billing periods of {meter} begin on day {day} of a month (billing_day): "
                                        f"{given} lies in the one from {near}, write that")
        return given


def _month_before(day: dt.date) -> dt.date:
    """The last day of the month before."""
    return day.replace(day=1) - dt.timedelta(days=1)


def _read(fields: Mapping[str, Any], name: str, most: float, was: float | None) -> float | None:
    if name not in fields:
        return was
    return None if fields[name] is None else number(fields, name, 0, most)


def _figure(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _beyond(bill: float | None, counted: object, digits: int) -> float | None:
    if bill is None or not isinstance(counted, int | float):
        return None
    return round(bill - counted, digits)
