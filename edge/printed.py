"""What pages for paper have in common: one HTML file that prints on A4 and needs no network, lines to write on, and
places to sign."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from edge.figures import Language

FACE = '"Noto Sans", "DejaVu Sans", "Liberation Sans", system-ui, sans-serif'
PAPER = """
* { box-sizing: border-box; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
.faint, small { color: var(--faint); }
.n { text-align: right; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
"""
PRINT = "@media print { body { padding: 0; max-width: none; } .scroll { overflow: visible; } }"
FORM = """
dl { display: grid; grid-template-columns: repeat(3, 1fr); gap: .8mm 5mm; margin: 0 0 1.6mm; }
dl div { display: flex; gap: 1.5mm; align-items: baseline; } dt { color: var(--faint); white-space: nowrap; }
dd { margin: 0; flex: 1; font-weight: 600; } dd.blank { border-bottom: .2mm dotted var(--ink); min-height: 4mm; }
.signs { display: grid; grid-template-columns: repeat(3, 1fr); gap: 6mm; margin: 2mm 0 0; text-align: center; }
.signs div { min-height: 22mm; } .signs b { display: block; }
@media screen and (max-width: 700px) { dl, .signs { grid-template-columns: 1fr; } table { min-width: 680px; } }
"""


def document(title: str, style: str, body: str, language: Language) -> str:
    """The whole file; `title` is escaped here, `style` and `body` are as they are to stand there."""
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    return (
        f'<!doctype html>\n<html lang="{language}"><head>{head}<title>{escape(title)}</title>'
        f"<style>{PAPER}{style}{PRINT}</style></head>\n<body>{body}</body></html>\n"
    )


def form(told: Sequence[tuple[str, str, bool]]) -> str:
    """Names with what is known of each, else a line to write on; the third says whether it has the whole width."""
    return f"<dl>{''.join(_field(name, text, wide) for name, text, wide in told)}</dl>"


def signatures(who: Sequence[str], sign: str) -> str:
    """A place for each to sign; `sign` says how."""
    return f'<div class="signs">{"".join(f"<div><b>{each}</b><small>{sign}</small></div>" for each in who)}</div>'


def _field(name: str, text: str, wide: bool) -> str:
    style = ' style="grid-column: 1 / -1"' if wide else ""
    return f'<div{style}><dt>{name}:</dt><dd{"" if text else " class=blank"}>{escape(text)}</dd></div>'
