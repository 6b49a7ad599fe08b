"""The diaries of plots as one HTML file that prints on A4, a plot on a page of its own, and needs no network."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from html import escape
from itertools import groupby

from edge.core.rollup import Figures
from edge.diary.code import code_of
from edge.diary.gathering import KINDS, Day, Diary, Totals, totals
from edge.diary.words import NOTHING, WORDS, clock, minutes, noted, outcome, planned, whose
from edge.figures import Language, day, figure
from edge.printed import FACE, FORM, document, form, signatures
from edge.shell.journal_runs import Share

FIVE, COLUMNS = len(KINDS), 7
BETWEEN = "\N{HAIR SPACE}·\N{HAIR SPACE}"
MOST_NOTES = 24  # a page has no room for more
STYLE = f"""
body {{ font: 8pt/1.3 {FACE}; }}
{FORM}""" + """
@page { size: A4; margin: 9mm 10mm; }
:root { --ink: #1c2430; --faint: #5d6875; --line: #c3cad2; --water: #2f6f8f; --soft: #eef4f7; }
body { margin: 0 auto; padding: 12px; max-width: 190mm; background: #fff; color: var(--ink); }
article { break-after: page; margin-bottom: 12mm; } article:last-child { break-after: auto; margin-bottom: 0; }
h1 { font-size: 13.5pt; margin: 0; } h2 { font-size: 9pt; margin: 2mm 0 .4mm; } p { margin: .5mm 0; }
small { font-size: 7pt; }
header { border-bottom: .6mm solid var(--water); padding-bottom: 1mm; margin-bottom: 1.4mm; display: flex;
  justify-content: space-between; align-items: baseline; gap: 4mm; }
table { border-collapse: collapse; width: 100%; font-size: 7.1pt; line-height: 1.22; }
thead { display: table-header-group; } tbody { break-inside: avoid; }
th { text-align: left; font-weight: 400; color: var(--faint); vertical-align: bottom; font-size: 6.8pt; }
th.group { color: var(--ink); font-weight: 600; padding-top: 0; }
td, th { padding: .38mm 0 .38mm 1.6mm; border-bottom: .15mm solid var(--line); vertical-align: top; }
.date { padding-left: .6mm; }
th.out { width: 23mm; }
td.n, .d { white-space: nowrap; }
td.s { text-align: center; font-variant-numeric: tabular-nums; white-space: nowrap; }
th.s { text-align: center; width: 15.5mm; } .first { border-left: .15mm solid var(--line); }
tr.sum td { font-weight: 600; background: var(--soft); border-bottom: .3mm solid var(--water); }
tr.dry td { color: var(--faint); } tr.dry td.s, tr.dry td.d { color: var(--ink); }
.notes { columns: 2; column-gap: 6mm; margin: 0; padding-left: 4mm; font-size: 7.1pt; }
.end { break-inside: avoid; }
footer { border-top: .2mm solid var(--line); padding-top: 1mm; font-size: 7pt; color: var(--faint); }
footer b { font: 700 8.5pt "DejaVu Sans Mono", "Liberation Mono", monospace; color: var(--ink); }
"""


def page(diaries: Sequence[Diary], made: dt.datetime, language: Language) -> str:
    """The whole file, in that language; `made`: when that is."""
    words = WORDS[language]
    title = f"{diaries[0].village}: {words['title']} {_period(diaries[0], language)}"
    body = "\n".join(_plot(diary, made, language) for diary in diaries)
    return document(title, STYLE, body, language)


def _plot(diary: Diary, made: dt.datetime, language: Language) -> str:
    words = WORDS[language]
    return (
        f"<article><header><h1>{words['title']}</h1><b>{_period(diary, language)}</b></header>"
        f"{_about(diary, language)}{_days(diary, language)}{_notes(diary, language)}"
        f'<div class="end">{_signs(language)}{_foot(diary, made, language)}</div></article>'
    )


def _period(diary: Diary, language: Language) -> str:
    words = WORDS[language]
    return f"{words['period']} {day(diary.first)} {words['to']} {day(diary.last)}"


def _about(diary: Diary, language: Language) -> str:
    """What the page is of; what nobody has configured is a line to write on."""
    words = WORDS[language]
    told = [
        ("site", diary.village), ("plot", f"{diary.name} ({diary.valve})"), ("area", diary.area or ""),
        ("owner", ""), ("size", ""), ("planted", ""), ("crop", ""),
    ]  # fmt: skip
    return form([(words[name], text, name == "crop") for name, text in told])


# --- the days ---


def _days(diary: Diary, language: Language) -> str:
    words = WORDS[language]
    heads = [f'<th class="date">{words["date"]}</th><th>{words["time"]}</th>']
    heads += [f'<th class="n">{words[name]}</th>' for name in ("planned", "done", "litres")]
    heads += [f'<th>{words["whose"]}</th><th class="out">{words["ended"]}</th>']
    heads += [f'<th class="s{" first" if n == 0 else ""}">{words[kind]}</th>' for n, kind in enumerate(KINDS)]
    groups = (
        f'<tr><th class="group date" colspan="{COLUMNS}">{words["water"]}: {escape(diary.name)}</th>'
        f'<th class="group s first" colspan="{FIVE}">{words["day_of"]}</th></tr>'
    )
    months = [list(days) for _, days in groupby(diary.days, lambda each: each.date.replace(day=1))]
    bodies: list[str] = []
    for days in months:
        bodies += [_day(diary, each, language) for each in days]
        if len(months) > 1:
            name = f"{words['month']} {days[0].date:%m/%Y}"
            bodies.append(f"<tbody>{_sum(name, totals(s for each in days for s in each.shares), language)}</tbody>")
    bodies.append(f"<tbody>{_sum(words['total'], totals(diary.shares), language)}</tbody>")
    head = f"<thead>{groups}<tr>{''.join(heads)}</tr></thead>"
    return f'<div class="scroll"><table>{head}{"".join(bodies)}</table></div>'


def _day(diary: Diary, of: Day, language: Language) -> str:
    tall = max(len(of.shares), 1)
    date = f'<td class="d date" rowspan="{tall}">{of.date:%d/%m}</td>'
    seen = "".join(
        f'<td class="s{" first" * (n == 0)}" rowspan="{tall}">{_seen(of.figures.get(kind), kind, language)}</td>'
        for n, kind in enumerate(KINDS)
    )
    rows = [_watering(diary, share, language) for share in of.shares] or [_none()]
    wet = [share.zone.done_s > 0 or share.zone.outcome is None for share in of.shares] or [False]
    cells = [f"{date if n == 0 else ''}{row}{seen if n == 0 else ''}" for n, row in enumerate(rows)]
    return "<tbody>" + "".join(
        f'<tr{"" if is_wet else " class=dry"}>{row}</tr>' for row, is_wet in zip(cells, wet, strict=True)
    ) + "</tbody>"


def _none() -> str:
    return f'<td class="d">{NOTHING}</td>' + '<td class="n"></td>' * 3 + "<td></td><td></td>"


def _watering(diary: Diary, share: Share, language: Language) -> str:
    zone = share.zone
    when = clock(zone.started, diary.zone)
    if zone.started is not None and zone.ended is not None:
        when += f"–{clock(zone.ended, diary.zone)}"
    litres = NOTHING if zone.litres is None else figure(zone.litres, 0, language)
    done = minutes(zone.done_s, language) if zone.done_s > 0 else NOTHING
    return (
        f'<td class="d">{when}</td><td class="n">{planned(zone, language)}</td><td class="n">{done}</td>'
        f'<td class="n">{litres}</td><td class="d">{escape(whose(share))}</td>'
        f"<td>{escape(outcome(zone, language))}</td>"
    )


def _seen(found: Figures | None, kind: str, language: Language) -> str:
    if found is None:
        return NOTHING
    scale = 0.001 if kind == "light" else 1.0
    decimals = 0 if kind in ("humidity", "light") else 1
    return BETWEEN.join(figure(each * scale, decimals, language) for each in (found.least, found.mean, found.most))


def _sum(name: str, of: Totals, language: Language) -> str:
    words = WORDS[language]
    told = f"{of.times} {words['times']}" + (f", {of.left_out} {words['left_out']}" if of.left_out else "")
    shares = [f"{words[by]} {minutes(s, language)}" for by, s in
              (("by_program", of.by_program), ("by_person", of.by_person)) if s]
    come = [told, minutes(of.done_s, language)]
    if of.uncounted < of.times:
        come.append(f"{figure(of.litres, 0, language)} l" + (f" ({words['uncounted']})" if of.uncounted else ""))
    sums = " · ".join([*come, *shares])
    return f'<tr class="sum"><td class="date" colspan="{COLUMNS + FIVE}">{name}: {sums}</td></tr>'


# --- the end of the page ---


def _notes(diary: Diary, language: Language) -> str:
    words = WORDS[language]
    if not diary.notes:
        return f"<h2>{words['notes']}</h2><p class=faint>{words['no_notes']}</p>"
    items = [
        f"<li>{dt.datetime.fromtimestamp(note.at, diary.zone):%d/%m %H:%M} {escape(noted(note, language))}</li>"
        for note in diary.notes[:MOST_NOTES]
    ]
    left = len(diary.notes) - MOST_NOTES
    items += [f"<li>+ {left}</li>"] if left > 0 else []
    return f'<h2>{words["notes"]}</h2><ul class="notes">{"".join(items)}</ul>'


def _signs(language: Language) -> str:
    words = WORDS[language]
    return signatures([words[who] for who in ("writer", "inspector", "head")], words["sign"])


def _foot(diary: Diary, made: dt.datetime, language: Language) -> str:
    words = WORDS[language]
    rows = words["no_rows"]
    if diary.sequences is not None:
        rows = f"{words['rows']} {'–'.join(figure(sequence, 0, language) for sequence in diary.sequences)}"
    named = {source.device: source.name for source in diary.sources.values()}
    names = [f"{name} ({device.partition('/')[2]})" for device, name in named.items()]
    code = code_of(diary)
    again = f"village-edge diary --valve {diary.valve} --from {diary.first} --to {diary.last} --verify {code}"
    sensors = f"{words['sensors']}: {escape(', '.join(names) or NOTHING)}"
    over = f" {words['not_over']}" if not _over(diary, made) else ""
    return (
        f"<footer>{words['code']}: <b>{code}</b> · {rows} · {words['made']} {day(made.date())} {made:%H:%M}.{over}<br>"
        f"{sensors}<br>{words['check']}: {again}</footer>"
    )


def _over(diary: Diary, made: dt.datetime) -> bool:
    return diary.last < made.date() and not diary.under_way
