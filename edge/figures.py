"""Numbers, money, days and tables as people of each language write them."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import Literal

Language = Literal["vi", "en"]
MARKS = {"vi": (".", ","), "en": (",", ".")}  # between thousands, and before the decimals
SEPARATORS = {"vi": ";", "en": ","}  # of a CSV file's cells: a comma would stand within Vietnamese figures
BOM = "\ufeff"  # without it a spreadsheet takes UTF-8 for something else
FORMULA = re.compile(r"[=+\-@\t\r]")


def figure(value: float, decimals: int, language: Language, signed: bool = False) -> str:
    """1234.5 as `1.234,5` (vi) or `1,234.5` (en); with `signed` a + before what is above 0."""
    thousands, point = MARKS[language]
    sign = "+" if signed and round(value, decimals) > 0 else ""
    plain = f"{value + 0.0:,.{decimals}f}"
    if float(plain.replace(",", "")) == 0:
        plain = plain.removeprefix("-")
    return sign + plain.translate({ord(","): thousands, ord("."): point, ord("-"): "\N{MINUS SIGN}"})


def money(amount: float, currency: str, language: Language, signed: bool = False) -> str:
    """1234500 VND as `1.234.500 đ` (vi) or `1,234,500 VND` (en); other currencies with two decimals."""
    dong = currency == "VND"
    unit = "đ" if dong and language == "vi" else currency
    return f"{figure(amount, 0 if dong else 2, language, signed)} {unit}"


def day(when: dt.date) -> str:
    """21/11/2026, in both languages."""
    return f"{when:%d/%m/%Y}"


def csv_figure(value: float | None, decimals: int, language: Language) -> str:
    """A number that a spreadsheet of that language reads as one: no marks between thousands; empty for None."""
    if value is None:
        return ""
    return f"{value:.{decimals}f}".replace(".", MARKS[language][1])


def csv_exact(value: float | None, language: Language, digits: int = 12) -> str:
    """A number with all the decimals that it has, within so many digits; empty for None."""
    return "" if value is None else f"{value:.{digits}g}".replace(".", MARKS[language][1])


def csv_line(cells: Sequence[str], language: Language) -> str:
    """One line of a CSV file (RFC 4180), its end included."""
    separator = SEPARATORS[language]
    return separator.join(_cell(cell, separator) for cell in cells) + "\r\n"


def csv_text(text: str) -> str:
    """A name for a cell: what a spreadsheet would take for a formula is told from one by a quote before it."""
    return f"'{text}" if FORMULA.match(text) else text


def _cell(text: str, separator: str) -> str:
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if any(c in text for c in (separator, '"', "\n", "\r")) else text


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of as many cells each, as lines for a terminal: what stands below each other begins below each other."""
    wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, wide, strict=True)).rstrip() for row in rows]
