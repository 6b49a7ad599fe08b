"""Whether it is night, for lights that are lit from sunset to sunrise. Pure."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

log = logging.getLogger(__name__)


class Nights:
    """The nights of one place."""

    def __init__(self, site: Mapping[str, Any]) -> None:
        """`site` as in `about`; without a time zone nobody knows where it is. Raises ValueError, KeyError or TypeError
        for what is no place."""
        self._zone = None if site["timezone"] is None else ZoneInfo(site["timezone"])
        self._day = lru_cache(8)(self._computed)
        self._where = float(site["latitude"]), float(site["longitude"])

    def at(self, wall: float) -> tuple[bool, float | None]:
        """Whether it is night at that Unix time, and when that changes next. Where that cannot be said it is night,
        and nothing is known of its end: a street that burns by day harms nobody."""
        if self._zone is None:
            return True, None
        try:
            today = dt.datetime.fromtimestamp(wall, self._zone).date()
            days = [today + dt.timedelta(days=n) for n in (-1, 0, 1)]
            changes = sorted(change for day in days for change in self._day(day))
        except (ValueError, OverflowError, ImportError, OSError) as error:
            log.debug("no sunset can be told: %s", error)
            return True, None
        before = [dark for change, dark in changes if change <= wall]
        after = [change for change, _ in changes if change > wall]
        return (before[-1] if before else True), (after[0] if after else None)

    def _computed(self, day: dt.date) -> tuple[tuple[float, bool], ...]:
        from edge.core.sun import sun_time  # a library is behind it; safe mode lives without

        zone = str(self._zone)
        return (
            (sun_time("sunrise", *self._where, day, zone), False), (sun_time("sunset", *self._where, day, zone), True),
        )  # fmt: skip
