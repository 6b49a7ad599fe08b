"""What there is to say of one month, asked of the controller: each meter's energy, its money, its bill."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from edge.figures import Language
from edge.typed import Failed
from edge.wording import zone_of

Ask = Callable[[str, Mapping[str, object]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Sum:
    """kWh and money (with tax) of a bill or of a difference; None for what is not known."""

    kwh: float | None
    amount: float | None


UNKNOWN = Sum(None, None)


@dataclass(frozen=True, slots=True)
class Period:
    """What a meter counted from `start` up to before `end`, in the village's time.

    `kwh` None: nothing is known. `interpolated` is the part of it that lies in gaps between readings, `measured` the
    share of the time, 0 to 1, that was not such a gap. `amount` is with tax, `vat` the tax in it and `vat_percent` its
    rate, None where that changed within. `complete`: it is over.
    """

    start: dt.datetime
    end: dt.datetime
    kwh: float | None
    interpolated: float
    measured: float
    amount: float | None
    vat: float | None
    vat_percent: float | None
    complete: bool
    bill: Sum | None = None
    difference: Sum | None = None

    @property
    def last(self) -> dt.date:
        """The last day that is in it."""
        return (self.end - dt.timedelta(seconds=1)).date()


@dataclass(frozen=True, slots=True)
class MeterMonth:
    """One meter: the month, the month before it, the month's days, and the billing period that ended in the month."""

    id: str
    name: str
    currency: str | None
    month: Period | None
    before: Period | None
    days: tuple[Period, ...]
    billed: Period | None


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm that is open: since when, what it says, and whether it is over and only nobody has acknowledged it."""

    at: dt.datetime
    text: str
    over: bool


@dataclass(frozen=True, slots=True)
class Report:
    """The month from `first` (a day of the calendar) on, as it was known at `asked`."""

    site: str
    place: str
    first: dt.date
    asked: dt.datetime
    complete: bool
    meters: tuple[MeterMonth, ...]
    alarms: tuple[Alarm, ...]


def meters(about: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Id and name of each device that counts energy, as `about` has them."""
    return [
        (device["id"], device["name"])
        for device in about.get("devices", ())
        if device.get("kind") == "meter" and any(q.get("name") == "energy_kwh" for q in device.get("quantities", ()))
    ]


def zone_of_village(about: Mapping[str, Any]) -> dt.tzinfo:
    """The zone that `about` names. Raises Failed: by this machine's own, days and months would be others."""
    zone = zone_of(about)
    if zone is None:
        raise Failed(2, "the controller does not say which time zone its village has: is its about on the broker?")
    return zone


def month_after(first: dt.date, months: int = 1) -> dt.date:
    """The first day of the month that comes so many months later, or earlier."""
    n = first.year * 12 + first.month - 1 + months
    return dt.date(n // 12, n % 12 + 1, 1)


def midnight(day: dt.date, zone: dt.tzinfo) -> dt.datetime:
    """When a day begins in the village."""
    return dt.datetime.combine(day, dt.time(), zone)


def periods(ask: Ask, meter: str, period: str, start: dt.datetime, end: dt.datetime) -> tuple[list[Period], str | None]:
    """The periods that touch that time, in their order, and the currency of their amounts."""
    fields = {"meter": meter, "period": period, "from": start.isoformat(), "to": end.isoformat()}
    zone = start.tzinfo
    found: list[Period] = []
    while True:
        answer = ask("energy", fields)
        found += [_period(each, zone) for each in answer["periods"]]
        if not answer.get("more") or not found:
            return found, answer.get("currency")
        fields["from"] = found[-1].end.isoformat()


def gather(
    ask: Ask, about: Mapping[str, Any], zone: dt.tzinfo, first: dt.date, now: dt.datetime, language: Language
) -> Report:
    """Ask for all that a month's report has in it. `ask` raises what it raises."""
    start, end = midnight(first, zone), midnight(month_after(first), zone)
    site = about["site"]
    found = tuple(_meter(ask, id_, name, start, end) for id_, name in meters(about))
    alarms = [_alarm(each, zone, language) for each in ask("alarms", {})["alarms"]]
    return Report(
        site["id"], site["name"], first, now.astimezone(zone), now >= end, found, tuple(a for a in alarms if a.at < end)
    )


def _meter(ask: Ask, id_: str, name: str, start: dt.datetime, end: dt.datetime) -> MeterMonth:
    zone = start.tzinfo
    assert zone is not None
    earlier = midnight(month_after(start.date(), -1), zone)
    months, currency = periods(ask, id_, "month", earlier, end)
    days, _ = periods(ask, id_, "day", start, end)
    billing, _ = periods(ask, id_, "billing", start, end)
    return MeterMonth(
        id_, name, currency,
        next((p for p in months if p.start == start), None), next((p for p in months if p.start == earlier), None),
        tuple(p for p in days if start <= p.start < end),
        next((p for p in billing if start < p.end <= end and p.complete), None),
    )  # fmt: skip


def _period(found: Mapping[str, Any], zone: dt.tzinfo | None) -> Period:
    def at(name: str) -> dt.datetime:
        return dt.datetime.fromisoformat(found[name]).astimezone(zone)

    return Period(
        at("from"), at("to"), found["kwh"],
        found["interpolated_kwh"], found["measured"], found["amount"], found["vat"], found["vat_percent"],
        found["complete"], _sum(found.get("bill")), _sum(found.get("difference")),
    )  # fmt: skip


def _sum(found: Mapping[str, Any] | None) -> Sum | None:
    return None if found is None else Sum(found["kwh"], found["amount"])


def _alarm(found: Mapping[str, Any], zone: dt.tzinfo, language: Language) -> Alarm:
    at = dt.datetime.fromisoformat(found["at"]).astimezone(zone)
    text = found["text"]
    return Alarm(at, str(text.get(language) or text.get("en") or found["kind"]), found["state"] == "cleared")
