"""When the sun rises and sets."""

from __future__ import annotations

import datetime as dt
import math
from typing import Literal
from zoneinfo import ZoneInfo

import ephem

# The sun's centre, without refraction: 34' of refraction at the horizon and 16' of radius, the almanacs' convention.
HORIZON = math.radians(-50 / 60)
_UNIX_EPOCH = 25567.5  # 1970-01-01 in the library's days, which count from noon of 1899-12-31


def sun_time(event: Literal["sunrise", "sunset"], latitude: float, longitude: float, day: dt.date, zone: str) -> float:
    """Unix time (s) of the sunrise or sunset that falls on the local date `day` in the IANA zone `zone`.

    Degrees north and east, within the polar circles; at sea level. The upper limb at the horizon under standard
    refraction: the centre's topocentric altitude without refraction is −50'. Within 1 s of NREL's solar position
    algorithm (SPA) at 20° N. Where an event crosses midnight, a date may have none and gets the next one. Raises
    ValueError where the sun does not rise or set on that day (beyond the polar circles).
    """
    observer = ephem.Observer()
    observer.lat, observer.lon = math.radians(latitude), math.radians(longitude)
    observer.elevation = observer.pressure = 0.0
    observer.horizon = HORIZON
    midnight = dt.datetime.combine(day, dt.time(), ZoneInfo(zone)).timestamp()
    find = observer.next_rising if event == "sunrise" else observer.next_setting
    try:
        found = find(ephem.Sun(), midnight / 86400 + _UNIX_EPOCH, use_center=True)
    except ephem.CircumpolarError:
        raise ValueError(f"there is no {event} at latitude {latitude:g} on {day}") from None
    return (float(found) - _UNIX_EPOCH) * 86400
