"""The field's part of the report: rain, and for each plot its moisture and the water planned and delivered."""

from __future__ import annotations

import math
from html import escape

from simulator.report import DAY_S, Report
from simulator.report_svg import PLOT, box, dates, grid, key, round_up, svg, text
from simulator.report_water import Plot, Water, told

WORDS = {
    "en": {
        "rain": "Rain", "mm": "mm a day, noon to noon", "plot": "plot", "water": "Water",
        "delivered": "litres delivered", "planned": "planned", "skipped": "skipped",
        "moisture": "soil, % of its volume",
        "dashed": "dashed: the thresholds of dry and of wet",
        "thirsty": "days below", "soil": "soil, %", "pump": "pump", "on": "hours on", "shut": "s without an open valve",
        "dry_run": "s without water", "runs": "Runs", "who": "program or person", "ends": "how they ended",
        "none": "none", "done": "done", "cut_short": "cut short", "missed": "missed",
        "cancelled": "cancelled", "superseded": "superseded",
    },
    "vi": {
        "rain": "Mưa", "mm": "mm mỗi ngày, từ trưa đến trưa", "plot": "thửa", "water": "Nước tưới",
        "delivered": "lít đã tưới", "planned": "dự kiến", "skipped": "bỏ qua",
        "moisture": "đất, % thể tích",
        "dashed": "nét đứt: ngưỡng khô và ngưỡng ướt",
        "thirsty": "số ngày dưới", "soil": "đất, %", "pump": "bơm", "on": "số giờ chạy",
        "shut": "giây không van nào mở",
        "dry_run": "giây không có nước", "runs": "Các lượt tưới", "who": "lịch hoặc người", "ends": "kết thúc thế nào",
        "none": "không có", "done": "xong", "cut_short": "dở dang", "missed": "lỡ",
        "cancelled": "bị hủy", "superseded": "bị thay",
    },
}  # fmt: skip
BLUE, GREEN, RED, GREY = "#2f7ed8", "#4c9f70", "#c0504d", "#8a939e"
PLANNED, SKIPPED = 0.25, 0.4  # how strongly they are drawn
SOIL_HIGH, WATER_HIGH, RAIN_HIGH, GAP = 80, 40, 60, 8
DRIEST, WETTEST = 18.0, 46.0  # percent, of the picture


def field(found: Report) -> list[str]:
    """Its parts of the page; none for a village without a field."""
    water = found.water
    if water is None:
        return []
    words = WORDS[found.language]
    days = max((len(plot.delivered) for plot in water.plots), default=0)
    parts = []
    if days:
        parts.append(f'<h2>{words["rain"]}</h2><p class="faint">{words["mm"]}</p>{rain_drawn(water, found)}')
        parts += [f"<h2>{words['water']}</h2>", f'<p class="faint">{_legend(words)}</p>']
        for plot in water.plots:
            parts += [f'<p class="plot">{escape(plot.name)}</p>', plot_drawn(plot, found, days)]
        parts.append(_plots(water, words))
    return [*parts, _pumps(water, words), _runs(water, words)]


def _legend(words: dict[str, str]) -> str:
    litres = key(BLUE, words["delivered"]) + key(BLUE, words["planned"], PLANNED) + key(GREY, words["skipped"], SKIPPED)
    return f"{key(GREEN, words['moisture'])} {words['dashed']}<br>{litres}"


def plot_drawn(plot: Plot, found: Report, days: int) -> str:
    """Moisture between its thresholds above, litres a day below."""
    drawn = []
    for percent, colour in ((plot.dry, RED), (plot.wet, BLUE)):
        y = _moist(percent)
        drawn.append(f'<line x1="0" x2="{PLOT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{colour}" stroke-dasharray="4 3"/>')
        drawn.append(text(-4, y + 3, f"{percent:g} %", "end"))
    points = " ".join(f"{(at + found.lead) / (days * DAY_S) * PLOT:.1f},{_moist(p):.1f}" for at, p in plot.moisture)
    drawn.append(f'<polyline points="{points}" fill="none" stroke="{GREEN}" stroke-width="1.3"/>')
    top = round_up(max([*plot.planned, *plot.skipped, *plot.delivered], default=0.0))
    bottom, width = SOIL_HIGH + GAP + WATER_HIGH, PLOT / days
    looks = ((plot.skipped, GREY, SKIPPED, 0.9), (plot.planned, BLUE, PLANNED, 0.9), (plot.delivered, BLUE, 1.0, 0.6))
    for litres_by_day, colour, opacity, share in looks:
        for n, litres in enumerate(litres_by_day):
            tall = litres / top * WATER_HIGH
            if tall:
                drawn.append(box((n + 0.5 - share / 2) * width, bottom - tall, width * share, tall, colour, opacity))
    drawn.append(f'<line x1="0" x2="{PLOT}" y1="{bottom}" y2="{bottom}" stroke="var(--line)" stroke-width=".7"/>')
    drawn.append(text(-4, bottom - WATER_HIGH + 8, f"{top:g} l", "end"))
    return svg([*drawn, *dates(found, bottom, days)], bottom + 16, 6)


def _moist(percent: float) -> float:
    share = (min(max(percent, DRIEST), WETTEST) - DRIEST) / (WETTEST - DRIEST)
    return SOIL_HIGH * (1 - share)


def rain_drawn(water: Water, found: Report) -> str:
    """Millimetres a day."""
    top = round_up(max(water.rain, default=0.0))
    width = PLOT / max(len(water.rain), 1)
    bars = [
        box(n * width, RAIN_HIGH * (1 - mm / top), width * 0.86, RAIN_HIGH * mm / top, BLUE)
        for n, mm in enumerate(water.rain)
        if mm
    ]
    return svg([*grid(RAIN_HIGH, top), *bars, *dates(found, RAIN_HIGH, len(water.rain))], RAIN_HIGH + 16, 6)


def _plots(water: Water, words: dict[str, str]) -> str:
    rows = []
    for plot in water.plots:
        low, high = (pick(p for _, p in plot.moisture) for pick in (min, max))
        cells = [
            *(f"{sum(days):.0f}" for days in (plot.delivered, plot.planned, plot.skipped)),
            f"{math.floor(low)}–{math.ceil(high)}",
            f"{plot.thirsty} ({plot.dry:g} %)",
        ]  # fmt: skip
        rows.append([escape(plot.name), *cells])
    return _table([words[w] for w in ("plot", "delivered", "planned", "skipped", "soil", "thirsty")], rows)


def _pumps(water: Water, words: dict[str, str]) -> str:
    rows = [
        [escape(name), f"{a.on_s / 3600:.1f}", f"{a.shut_s:.0f}", f"{a.dry_s:.0f}"] for name, a in water.pumps.items()
    ]
    return _table([words[w] for w in ("pump", "on", "shut", "dry_run")], rows) if rows else ""


def _runs(water: Water, words: dict[str, str]) -> str:
    rows = [
        [escape(who), escape(told(ends, lambda kind, code: words[code] if kind == "outcome" else code))]
        for who, ends in water.runs.items()
    ]
    head = f"<h2>{words['runs']}</h2>"
    if not rows:
        return f"{head}<p>{words['none']}</p>"
    lines = "".join(f"<tr><td>{who}</td><td>{ends}</td></tr>" for who, ends in rows)
    return f"{head}<table><tr><th>{words['who']}</th><th>{words['ends']}</th></tr>{lines}</table>"


def _table(head: list[str], rows: list[list[str]]) -> str:
    """A table whose first column is a name, and whose others are figures."""
    first, *others = head
    top = f"<th>{first}</th>" + "".join(f'<th class="n">{word}</th>' for word in others)
    body = "".join(
        f"<tr><td>{name}</td>{''.join(f'<td class=n>{figure}</td>' for figure in figures)}</tr>"
        for name, *figures in rows
    )
    return f"<table><tr>{top}</tr>{body}</table>"
