"""What the report's pictures are made of: boxes, words and axes, as SVG that any browser shows."""

from __future__ import annotations

import datetime as dt
import math
from html import escape

from simulator.report import Report

WIDTH = 380  # of a phone: text is as large as it says
LEFT, RIGHT = 44, 8
PLOT = WIDTH - LEFT - RIGHT


def grid(height: float, top: float) -> list[str]:
    """Three lines and their figures, from 0 to `top`."""
    lines = []
    for share in (0.0, 0.5, 1.0):
        y = height * (1 - share)
        lines.append(f'<line x1="0" x2="{PLOT}" y1="{y:g}" y2="{y:g}" stroke="var(--line)" stroke-width=".7"/>')
        lines.append(text(-4, y + 3, f"{top * share:g}", "end"))
    return lines


def dates(found: Report, height: float, days: int) -> list[str]:
    """Dates under a picture that shows so many days."""
    began = noon(found)
    step = max(1, math.ceil(days / 7))
    return [
        text(n / days * PLOT, height + 12, f"{began + dt.timedelta(days=n):%d/%m}", "start" if n == 0 else "middle")
        for n in range(0, days, step)
        if n / days < 0.97
    ]


def noon(found: Report) -> dt.datetime:
    """The noon with which the first day began."""
    return dt.datetime.fromtimestamp(found.start - found.lead, found.zone)


def svg(parts: list[str], height: float, above: float = 0) -> str:
    """A picture of so many units' height, with so many above its zero."""
    view = f"{-LEFT} {-above} {WIDTH} {height + above:.0f}"
    return f'<svg viewBox="{view}" role="img">{"".join(parts)}</svg>'


def box(x: float, y: float, width: float, height: float, fill: str, opacity: float = 1.0) -> str:
    """A filled box."""
    faint = f' fill-opacity="{opacity:.2f}"' if opacity < 1 else ""
    return f'<rect x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" height="{height:.2f}" fill="{fill}"{faint}/>'


def text(x: float, y: float, words: str, anchor: str) -> str:
    """Words at a place; `anchor` start, middle or end."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def key(colour: str, words: str, opacity: float = 1.0) -> str:
    """A colour and what it stands for, as HTML."""
    swatch = f'<span class="key" style="background:{colour};opacity:{opacity:.2f}"></span>'
    return f' <span class="pair">{swatch}{escape(words)}</span>'


def round_up(most: float) -> float:
    """A round figure, not below `most`, for the top of an axis."""
    if most <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(most))
    return next(step * power for step in (1, 2, 4, 6, 8, 10) if step * power >= most)
