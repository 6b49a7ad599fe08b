"""Dates of the Vietnamese lunar calendar."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

import lunar_vn

FIRST_YEAR, LAST_YEAR = lunar_vn.SUPPORTED_YEAR_RANGE
VIETNAM_H = 7.0  # the calendar is reckoned in UTC+7, wherever the village lies


class LunarDate(NamedTuple):
    """A day of the lunar year: `month` 1 to 12, `day` 1 to 30; `leap` in the second month of a number."""

    month: int
    day: int
    leap: bool


def lunar_date(date: dt.date) -> LunarDate | None:
    """The lunar date of `date`, by Hồ Ngọc Đức's "Thuật toán tính âm lịch"; None outside of the years 1900 to 2100."""
    if not FIRST_YEAR <= date.year <= LAST_YEAR:
        return None
    found = lunar_vn.solar_to_lunar(date, VIETNAM_H)
    return LunarDate(found.month, found.day, found.leap)
