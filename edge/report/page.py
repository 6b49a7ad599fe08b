"""The month's report as one HTML file that prints on a sheet of A4 and needs no network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from edge.figures import Language, day, figure, money
from edge.printed import FACE, document
from edge.report.month import UNKNOWN, MeterMonth, Period, Report
from edge.report.words import WORDS

NOTHING = "–"
LEFT, FOOT = 40, 14  # of the picture of the days, beside and below the bars
ONE_A_ROW = 4  # so many meters have a picture over the whole width each
MOST_ALARMS = 8  # a page has no room for more
STYLE = f"""
body {{ font: 10pt/1.35 {FACE}; }}
""" + """
@page { size: A4; margin: 11mm 14mm; }
:root { --ink: #1c2430; --faint: #5d6875; --line: #c9d0d8; --bar: #2f5f8f; --guess: #9dbbd8; }
body { margin: 0 auto; padding: 12px; max-width: 182mm; background: #fff; color: var(--ink); }
h1 { font-size: 16pt; margin: 0; } h2 { font-size: 10.5pt; margin: 2.6mm 0 .6mm; }
p { margin: .6mm 0; } small { font-size: 8pt; font-weight: 400; }
header { border-bottom: .6mm solid var(--bar); padding-bottom: 1.2mm; margin-bottom: 2mm; }
table { border-collapse: collapse; width: 100%; font-size: 8.8pt; }
th { text-align: left; font-weight: 400; vertical-align: bottom; font-size: 7.8pt; color: var(--faint);
  line-height: 1.2; }
td, th { padding: .7mm 0 .7mm 3mm; border-bottom: .2mm solid var(--line); }
td:first-child, th:first-child { padding-left: 0; width: 26%; }
td.n { white-space: nowrap; }
tr.sum td { font-weight: 600; }
.pair { display: grid; grid-template-columns: 1fr 1fr; column-gap: 6mm; }
section { break-inside: avoid; } svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--faint); font-size: 9px; font-family: inherit; }
.key { display: inline-block; width: 2.4mm; height: 2.4mm; margin: 0 1mm 0 3mm; }
ul { margin: .5mm 0; padding-left: 5mm; font-size: 8.8pt; } footer { margin-top: 2.5mm; line-height: 1.2; }
@media screen and (max-width: 600px) { .pair { grid-template-columns: 1fr; } table { min-width: 620px; } }
"""


def page(report: Report, language: Language) -> str:
    """The whole file, in that language."""
    words = WORDS[language]
    month = f"{report.first:%m/%Y}"
    so_far = "" if report.complete else f" · {words['so_far']}"
    parts = [
        f"<header><h1>{escape(report.place)}</h1><p><b>{words['title']} {month}</b></p>",
        f'<p class="faint">{words["made"]} {day(report.asked.date())} {report.asked:%H:%M}{so_far}</p></header>',
        _summary(report, language),
        _pictures(report, language),
        _bills(report, language),
        _alarms(report, language),
        f"<footer><small>{words['note']}</small></footer>",
    ]
    return document(f"{report.place}: {words['title']} {month}", STYLE, "\n".join(parts), language)


# --- the tables ---


def _summary(report: Report, language: Language) -> str:
    rows = [_row(escape(m.name), m.month, m.before, m.currency, language) for m in report.meters]
    if len(report.meters) > 1:
        rows.append(_total(report, language))
    return _table(("meter", "energy", "guessed", "cost", "vat", "before", "against", "measured"), rows, language)


def _table(heads: Sequence[str], rows: Sequence[str], language: Language) -> str:
    named, *others = (WORDS[language][name] for name in heads)
    row = f"<th>{named}</th>" + "".join(f'<th class="n">{name}</th>' for name in others)
    return f'<div class="scroll"><table><tr>{row}</tr>{"".join(rows)}</table></div>'


def _row(name: str, month: Period | None, before: Period | None, currency: str | None, language: Language) -> str:
    kwh, cost, vat = (None, None, None) if month is None else (month.kwh, month.amount, month.vat)
    guessed = month.interpolated if month is not None and kwh is not None else None
    then = None if before is None else before.kwh
    over = kwh if month is not None and month.complete else None  # a part of a month is not less than another month
    return f"<tr><td>{name}</td>" + _cells(
        _kwh(kwh, language), _kwh(guessed, language), _money(cost, currency, language),
        _money(vat, currency, language), _kwh(then, language), _against(over, then, language),
        NOTHING if month is None else _percent(month.measured, language),
    )  # fmt: skip


def _total(report: Report, language: Language) -> str:
    counted = [m for m in report.meters if m.month is not None and m.month.kwh is not None]
    months = [m.month for m in counted if m.month is not None]
    currencies = {m.currency for m in counted}
    currency = currencies.pop() if len(currencies) == 1 else None
    kwh, then = _sum([p.kwh for p in months]), _sum([None if m.before is None else m.before.kwh for m in counted])
    cost, vat = _sum([p.amount for p in months]), _sum([p.vat for p in months])
    return f'<tr class="sum"><td>{WORDS[language]["total"]}</td>' + _cells(
        _kwh(kwh, language), _kwh(_sum([p.interpolated for p in months]), language), _money(cost, currency, language),
        _money(vat, currency, language), _kwh(then, language),
        _against(kwh if report.complete else None, then, language), "",
    )


def _bills(report: Report, language: Language) -> str:
    """The billing periods that ended in the month: what was counted, what the paper says, and the difference."""
    heads = ("meter", "period", "counted_kwh", "counted_amount", "bill_kwh", "bill_amount", "more_kwh", "more_amount")
    rows = []
    for meter in report.meters:
        if (billed := meter.billed) is None:
            continue
        bill, more = billed.bill or UNKNOWN, billed.difference or UNKNOWN
        rows.append(f"<tr><td>{escape(meter.name)}</td>" + _cells(
            f"{billed.start:%d/%m}–{day(billed.last)}", _kwh(billed.kwh, language),
            _money(billed.amount, meter.currency, language), _kwh(bill.kwh, language),
            _money(bill.amount, meter.currency, language), _kwh(more.kwh, language, signed=True),
            _money(more.amount, meter.currency, language, signed=True),
        ))
    if not rows:
        return ""
    return f"<section><h2>{WORDS[language]['bills']}</h2>{_table(heads, rows, language)}</section>"


def _cells(*cells: str) -> str:
    return "".join(f'<td class="n">{cell}</td>' for cell in cells) + "</tr>"


def _sum(values: Sequence[float | None]) -> float | None:
    """None where one is not known: what is left out would look as if it were nothing."""
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None


# --- the pictures ---


def _pictures(report: Report, language: Language) -> str:
    one = len(report.meters) <= ONE_A_ROW
    wide, high = (640, 96 - 10 * len(report.meters)) if one else (310, 50)
    found = "".join(_meter(meter, wide, high, language) for meter in report.meters)
    return f'{_key(report, language)}<div class="{"one" if one else "pair"}">{found}</div>'


def _key(report: Report, language: Language) -> str:
    words = WORDS[language]
    days = [found for meter in report.meters for found in meter.days]
    told = f'<b>{words["days"]}</b>{_swatch("bar")}{words["counted"]}'
    if any(found.interpolated > 0 for found in days):
        told += f"{_swatch('guess')}{words['interpolated']}"
    if any(found.kwh is None and found.complete for found in days):
        told += f' <span style="margin-left:3mm">{words["blank"]}</span>'
    return f'<p style="margin-top:2.5mm"><small>{told}</small></p>'


def _swatch(colour: str) -> str:
    return f'<span class="key" style="background:var(--{colour})"></span>'


def _meter(meter: MeterMonth, wide: float, high: float, language: Language) -> str:
    return f"<section><h2>{escape(meter.name)}</h2>{_days(meter.days, wide, high, language)}</section>"


def _days(days: tuple[Period, ...], width: float, high: float, language: Language) -> str:
    """A bar for each day: what was counted, upon it what was estimated; a cross where nothing is known."""
    top = round_up(max((p.kwh or 0.0 for p in days), default=0.0))
    plot = width - LEFT
    wide = plot / max(len(days), 1)
    svg: list[str] = []
    for share in (0.0, 0.5, 1.0):
        y = high * (1 - share)
        said = figure(top * share, _decimals(top), language)
        svg.append(f'<line x1="0" x2="{plot}" y1="{y:g}" y2="{y:g}" stroke="var(--line)" stroke-width=".6"/>')
        svg.append(f'<text x="-5" y="{y + 3:g}" text-anchor="end">{said}</text>')
    for n, found in enumerate(days):
        x, middle = n * wide + wide * 0.12, n * wide + wide / 2
        date = found.start.date()
        if date.day == 1 or date.day % 5 == 0:
            svg.append(f'<text x="{middle:.1f}" y="{high + FOOT - 3:g}" text-anchor="middle">{date.day}</text>')
        if found.kwh is None:
            mark = "×" if found.complete else ""
            svg.append(f'<text x="{middle:.1f}" y="{high - 3:g}" text-anchor="middle">{mark}</text>')
            continue
        guessed = min(found.interpolated, found.kwh) / top * high
        tall = found.kwh / top * high
        said = f"{day(date)}: {_kwh(found.kwh, language)} kWh"
        svg.append(f"<g><title>{said}</title>{_bar(x, high - tall + guessed, wide, tall - guessed, 'bar')}"
                   f"{_bar(x, high - tall, wide, guessed, 'guess') if guessed else ''}</g>")
    box = f"{-LEFT} -6 {width:g} {high + FOOT + 6:g}"
    return f'<svg viewBox="{box}" role="img">{"".join(svg)}</svg>'


def _bar(x: float, y: float, wide: float, tall: float, colour: str) -> str:
    return f'<rect x="{x:.2f}" y="{y:.2f}" width="{wide * 0.76:.2f}" height="{tall:.2f}" fill="var(--{colour})"/>'


def round_up(most: float) -> float:
    """A round figure, not below `most`, for the top of an axis; 1 where there is nothing."""
    if most <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(most))
    return next(step * power for step in (1, 2, 3, 4, 5, 6, 8, 10) if step * power >= most)


def _decimals(top: float) -> int:
    return 0 if top >= 2 and top % 2 == 0 else 1 if top >= 1 else 3


# --- alarms, and figures ---


def _alarms(report: Report, language: Language) -> str:
    words = WORDS[language]
    if not report.alarms:
        return f"<section><h2>{words['alarms']}</h2><p>{words['none']}</p></section>"
    over = f" ({words['over']})"
    items = [
        f"<li>{day(a.at.date())} {a.at:%H:%M}: {escape(a.text)}{over if a.over else ''}</li>"
        for a in report.alarms[:MOST_ALARMS]
    ]
    left = len(report.alarms) - MOST_ALARMS
    items += [f"<li>+ {left}</li>"] if left > 0 else []
    return f"<section><h2>{words['alarms']}</h2><ul>{''.join(items)}</ul></section>"


def _kwh(value: float | None, language: Language, *, signed: bool = False) -> str:
    return NOTHING if value is None else figure(value, 1, language, signed)


def _money(amount: float | None, currency: str | None, language: Language, *, signed: bool = False) -> str:
    return NOTHING if amount is None or currency is None else money(amount, currency, language, signed)


def _percent(share: float, language: Language) -> str:
    return f"{figure(math.floor(share * 1000) / 10, 1, language)} %"


def _against(now: float | None, then: float | None, language: Language) -> str:
    if now is None or then is None:
        return NOTHING
    told = figure(now - then, 1, language, signed=True)
    return told if then <= 0 else f"{told} ({figure((now / then - 1) * 100, 1, language, signed=True)} %)"
