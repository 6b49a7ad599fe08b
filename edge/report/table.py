"""The month's report as CSV."""

from __future__ import annotations

from collections.abc import Iterator

from edge.figures import BOM, Language, csv_figure, csv_line, csv_text
from edge.report.month import UNKNOWN, MeterMonth, Period, Report
from edge.report.words import WORDS

COLUMNS = (
    "meter", "name", "kind", "from", "to", "kwh", "interpolated_kwh", "measured_pct", "amount", "currency", "vat_pct",
    "bill_kwh", "bill_amount", "more_kwh", "more_amount",
)  # fmt: skip


def table(report: Report, language: Language) -> str:
    """The whole file: for each meter the month, the month before, the billing period, then the days."""
    words = WORDS[language]
    lines = [csv_line([words[name] for name in COLUMNS], language)]
    lines += [csv_line(cells, language) for meter in report.meters for cells in _rows(meter, language)]
    return BOM + "".join(lines)


def _rows(meter: MeterMonth, language: Language) -> Iterator[list[str]]:
    words = WORDS[language]
    kinds = (("month", meter.month), ("last_month", meter.before), ("billing", meter.billed))
    for kind, period in [*kinds, *(("day", day) for day in meter.days)]:
        if period is not None:
            who = [csv_text(meter.id), csv_text(meter.name), words[kind]]
            yield who + _cells(period, meter.currency or "", language)


def _cells(period: Period, currency: str, language: Language) -> list[str]:
    def kwh(value: float | None) -> str:
        return csv_figure(value, 3, language)

    def amount(value: float | None) -> str:
        return csv_figure(value, 0 if currency == "VND" else 2, language)

    bill, more = period.bill or UNKNOWN, period.difference or UNKNOWN
    vat = "" if period.vat_percent is None else f"{period.vat_percent:g}".replace(".", "," if language == "vi" else ".")
    return [
        period.start.date().isoformat(), period.last.isoformat(), kwh(period.kwh), kwh(period.interpolated),
        csv_figure(period.measured * 100, 2, language), amount(period.amount), currency, vat,
        kwh(bill.kwh), amount(bill.amount), kwh(more.kwh), amount(more.amount),
    ]  # fmt: skip
