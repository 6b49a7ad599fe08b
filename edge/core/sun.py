"""When the sun rises and sets."""

from __future__ import annotations

import datetime as dt
from typing import Literal
from zoneinfo import ZoneInfo

from astral import Observer
from astral.sun import sunrise, sunset


def sun_time(event: Literal["sunrise", "sunset"], latitude: float, longitude: float, day: dt.date, zone: str) -> float:
    """Unix time (s) of the sunrise or sunset that falls on the local date `day` in the IANA zone `zone`.

    Degrees north and east. Upper limb at the horizon with standard refraction (zenith 90.833°), at sea level; within
    33 s of NOAA's tables at 20° N. Raises ValueError where the sun does not rise or set on that day (beyond the polar
    circles).
    """
    find = sunrise if event == "sunrise" else sunset

    def found(date: dt.date) -> float:
        return find(Observer(latitude, longitude, 0.0), date=date, tzinfo=ZoneInfo(zone)).timestamp()

    try:
        return found(day)
    except ValueError:
        # astral finds none on the day on which the event crosses midnight UTC: it lies between those of its neighbours.
        return (found(day - dt.timedelta(days=1)) + found(day + dt.timedelta(days=1))) / 2
