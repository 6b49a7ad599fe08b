"""The report as one file that any browser shows, also a phone's and without a network: pictures are drawn in it."""

from __future__ import annotations

import datetime as dt
import math
from html import escape

from simulator.report import DAY_S, LightReport, Report, length
from simulator.report_svg import PLOT, box, dates, grid, key, noon, round_up, svg, text
from simulator.report_water_page import field

METERS = ("#2f7ed8", "#d9822b", "#4c9f70", "#8d62c9", "#c0504d")
WORDS = {
    "en": {
        "title": "Simulation", "days": "days", "hours_of": "hours", "seed": "seed", "level": "level",
        "nights": "nights, noon to noon", "power": "Power", "energy": "Energy", "per_day": "kWh a day, noon to noon",
        "watts": "W, all meters together", "hours": "Hours on", "light": "light", "circuits": "circuits",
        "meter": "meter", "total": "kWh", "commands": "Commands", "alarms": "Alarms", "none": "none",
        "cleared": "cleared", "when": "when", "what": "what", "never": "never on",
    },
    "vi": {
        "title": "Mô phỏng", "days": "ngày", "hours_of": "giờ", "seed": "hạt giống", "level": "mức",
        "nights": "đêm, từ trưa đến trưa", "power": "Công suất", "energy": "Điện năng",
        "per_day": "kWh mỗi ngày, từ trưa đến trưa", "watts": "W, mọi công tơ cộng lại", "hours": "Số giờ sáng",
        "light": "đèn", "circuits": "mạch", "meter": "công tơ", "total": "kWh", "commands": "Lệnh",
        "alarms": "Cảnh báo", "none": "không có", "cleared": "đã hết", "when": "lúc", "what": "việc gì",
        "never": "không sáng",
    },
}  # fmt: skip
STYLE = """
:root { color-scheme: light dark; --ink: #1d2733; --faint: #6b7785; --paper: #fff; --night: #e6eaf0; --line: #ccd3db;
  --lamp: #e89b00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ecf1; --faint: #9aa5b1; --paper: #14191f; --night: #252d36;
  --line: #3a444f; --lamp: #ffc233; } }
body { margin: 0 auto; padding: 16px; max-width: 760px; background: var(--paper); color: var(--ink);
  font: 16px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.4rem; margin: 0; } h2 { font-size: 1.1rem; margin: 1.6rem 0 .3rem; } p { margin: .2rem 0; }
.faint { color: var(--faint); } svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--faint); font: 10px system-ui, sans-serif; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: 4px 8px 4px 0;
  border-bottom: 1px solid var(--line); vertical-align: top; }
.plot { margin: 1rem 0 0; } .n { text-align: right; font-variant-numeric: tabular-nums; }
.pair { white-space: nowrap; } table { margin-top: .6rem; }
.key { display: inline-block; width: .8em; height: .8em; margin: 0 .3em 0 .6em; border-radius: 2px; }
"""


def page(found: Report) -> str:
    """The whole file, in the village's language."""
    words = WORDS[found.language]
    began = dt.datetime.fromtimestamp(found.start, found.zone)
    lasted = length(found.seconds, words["days"], words["hours_of"])
    parts = [f"<h1>{escape(found.place)}</h1>"]
    parts.append(
        f'<p class="faint">{words["title"]}: {lasted}, {began:%d/%m/%Y %H:%M}, {words["seed"]} {found.seed}</p>'
    )
    for light in found.lights:
        parts.append(f"<h2>{escape(light.name)}</h2>{_legend(light, words)}")
        if light.spans:
            parts.append(_nights(light, found))
    if found.lights:
        parts.append(_light_table(found, words))
    parts.append(f'<h2>{words["power"]}</h2><p class="faint">{words["watts"]}</p>{_power(found)}')
    keys = "".join(key(METERS[i % len(METERS)], found.names[meter]) for i, meter in enumerate(found.energy))
    parts.append(f'<h2>{words["energy"]}</h2><p class="faint">{words["per_day"]}{keys}</p>{_energy(found)}')
    parts += [_meter_table(found, words), *field(found), _events(found, words)]
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    title = f"<title>{escape(found.place)}: {words['title']}</title>"
    return (
        f'<!doctype html>\n<html lang="{found.language}"><head>{head}{title}<style>{STYLE}</style></head>\n'
        f"<body>{chr(10).join(parts)}</body></html>\n"
    )


# --- pictures ---


def _nights(light: LightReport, found: Report) -> str:
    """A row for each night: where it is coloured, the light burnt, the stronger the brighter."""
    rows = math.ceil((found.seconds + found.lead) / DAY_S)
    height = min(14.0, max(2.0, 330 / rows))
    gap = 1 if height > 4 else 0
    drawn = [box(0, n * height, PLOT, height - gap, "var(--night)") for n in range(rows)]
    for span in light.spans:
        start, last = span.start + found.lead, span.end + found.lead
        while start < last:
            row = int(start // DAY_S)
            end = min(last, (row + 1) * DAY_S)
            left, right = ((t - row * DAY_S) / DAY_S * PLOT for t in (start, end))
            drawn.append(box(left, row * height, right - left, height - gap, "var(--lamp)", _strength(span.level)))
            start = end
    bottom = rows * height
    began = noon(found)
    for quarter, hour in enumerate(("12:00", "18:00", "00:00", "06:00", "12:00")):
        drawn.append(text(PLOT * quarter / 4, bottom + 12, hour, ("start", *["middle"] * 3, "end")[quarter]))
    step = math.ceil(16 / height)
    for row in range(0, rows, step):
        day = began + dt.timedelta(days=row)
        drawn.append(text(-4, row * height + min(height, 12) - 2 + (height < 9), f"{day:%d/%m}", "end"))
    return svg(drawn, bottom + 16, 6)


def _power(found: Report) -> str:
    """The meters' power over all days."""
    height, rows = 110, max((len(d) for d in found.energy.values()), default=1)
    top = round_up(max(watts for _, watts in found.power))
    points: list[str] = []
    before = 0.0
    for at, watts in found.power:
        x = (at + found.lead) / (rows * DAY_S) * PLOT
        if watts != before or at == found.power[-1][0]:
            points += [f"{x:.2f},{height - w / top * height:.1f}" for w in (before, watts)]
            before = watts
    drawn = grid(height, top)
    outline = f"0,{height} {' '.join(points)} {x:.2f},{height}"
    drawn.append(f'<polygon points="{outline}" fill="{METERS[0]}" fill-opacity=".75"/>')
    return svg([*drawn, *dates(found, height, rows)], height + 16, 6)


def _energy(found: Report) -> str:
    """kWh of each day, the meters upon each other."""
    height, days = 110, max((len(d) for d in found.energy.values()), default=1)
    totals = [sum(kwh[n] for kwh in found.energy.values()) for n in range(days)]
    top = round_up(max(totals, default=0.0))
    drawn = grid(height, top)
    width = PLOT / days
    floors = [0.0] * days
    for i, kwh in enumerate(found.energy.values()):
        for n, value in enumerate(kwh):
            tall = value / top * height
            floors[n] += tall
            drawn.append(box(n * width, height - floors[n], width * 0.86, tall, METERS[i % len(METERS)]))
    return svg([*drawn, *dates(found, height, days)], height + 16, 6)


def _strength(level: int) -> float:
    return 0.25 + 0.75 * level / 100


# --- tables ---


def _legend(light: LightReport, words: dict[str, str]) -> str:
    keys = "".join(key("var(--lamp)", f"{level} %", _strength(level)) for level in light.levels)
    return f'<p class="faint">{words["nights"] + keys if light.levels else words["never"]}</p>'


def _light_table(found: Report, words: dict[str, str]) -> str:
    rows = []
    for light in found.lights:
        levels = "<br>".join(f"{level} %: {seconds / 3600:.1f}" for level, seconds in light.levels.items())
        circuits = "<br>".join(f"{escape(name)}: {seconds / 3600:.1f}" for name, seconds in light.circuits.items())
        cells = f'<td class="n">{levels or "0"}</td><td class="n">{circuits}</td>'
        rows.append(f"<tr><td>{escape(light.name)}</td>{cells}</tr>")
    head = f'<th>{words["light"]}</th><th class="n">{words["level"]}</th><th class="n">{words["circuits"]}</th>'
    return f"<h2>{words['hours']}</h2><table><tr>{head}</tr>{''.join(rows)}</table>"


def _meter_table(found: Report, words: dict[str, str]) -> str:
    rows = [
        f'<tr><td>{escape(found.names[meter])}</td><td class="n">{sum(days):.2f}</td></tr>'
        for meter, days in found.energy.items()
    ]
    head = f'<th>{words["meter"]}</th><th class="n">{words["total"]}</th>'
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>"


def _events(found: Report, words: dict[str, str]) -> str:
    outcomes = ", ".join(f"{n} {outcome}" for outcome, n in sorted(found.outcomes.items()))
    html = f"<h2>{words['commands']}</h2><p>{escape(outcomes) or words['none']}</p><h2>{words['alarms']}</h2>"
    if not found.alarms:
        return f"{html}<p>{words['none']}</p>"
    rows = []
    for alarm in found.alarms:
        at = dt.datetime.fromtimestamp(alarm.at, found.zone)
        what = escape(alarm.text) + (f' <span class="faint">({words["cleared"]})</span>' if alarm.cleared else "")
        rows.append(f"<tr><td>{at:%d/%m %H:%M}</td><td>{what}</td></tr>")
    return f"{html}<table><tr><th>{words['when']}</th><th>{words['what']}</th></tr>{''.join(rows)}</table>"
