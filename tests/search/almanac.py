"""What a light's program asks for, worked out anew from the steps as they stand in the configuration.

A second opinion on edge/core/schedule.py and edge/core/lighting.py, of which nothing is used here. Local time is a
fixed number of hours from UTC.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import ephem

DAY_S, NOON_S = 86400, 43200
EPOCH = 25567.5  # 1970 in ephem's days
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
UNITS = {"s": 1, "m": 60, "h": 3600}


class Standing(NamedTuple):
    """Percent asked for, since when, until the next step (Unix s)."""

    percent: float
    since: float
    until: float


class Almanac:
    """The programs of a place, each as {"steps": …, "calendar": …} in the words of the configuration."""

    def __init__(self, latitude: float, longitude: float, utc_offset_s: int, programs: Mapping[str, Any]) -> None:
        self._observer = ephem.Observer()
        self._observer.lat, self._observer.lon = str(latitude), str(longitude)
        self._observer.pressure, self._observer.horizon = 0, "-0:50"
        self._offset_s = utc_offset_s
        self._programs = programs
        self._suns: dict[tuple[str, int], float] = {}
        self._weeks: dict[tuple[str, int], list[tuple[float, float]]] = {}

    def night(self, wall: float) -> int:
        """The number of the night: days from noon to noon, counted from 1970."""
        return int((wall + self._offset_s - NOON_S) // DAY_S)

    def standing(self, program: str, wall: float) -> Standing:
        """What holds at `wall`."""
        steps = self._around(program, self.night(wall))
        i = bisect_right(steps, wall, key=lambda step: step[0])
        at, percent = steps[i - 1]
        return Standing(percent, at, steps[i][0])

    def ever_lights(self, program: str) -> bool:
        """Whether the program asks for light on any night."""
        wanted = self._programs[program]
        rules = [wanted["steps"], *(rule["steps"] for rule in wanted.get("calendar", []))]
        return any(step["level"] for steps in rules for step in steps)

    def maybe_dark(self, wall: float, margin_s: float) -> tuple[bool, float]:
        """Whether it is night by the sun, with a margin at both ends; and until when that is so."""
        tonight = self.night(wall)
        for night in (tonight - 1, tonight, tonight + 1, tonight + 2):
            dusk, dawn = self._sun("sunset", night) - margin_s, self._sun("sunrise", night + 1) + margin_s
            if wall < dusk:
                return False, dusk
            if wall < dawn:
                return True, dawn
        raise AssertionError("no night within three days")

    def _around(self, program: str, night: int) -> list[tuple[float, float]]:
        key = program, night
        if key not in self._weeks:
            nights = range(night - 3, night + 4)
            self._weeks[key] = sorted((s for n in nights for s in self._steps(program, n)), key=lambda step: step[0])
        return self._weeks[key]

    def _steps(self, program: str, night: int) -> list[tuple[float, float]]:
        wanted = self._programs[program]
        rules: Sequence[Any] = [r for r in wanted.get("calendar", []) if _is_for(r, night)]
        steps = rules[0]["steps"] if rules else wanted["steps"]
        levels = {self._at(s["at"], night): s["level"] for s in steps}  # of two at one time the later
        return sorted(levels.items())

    def _at(self, text: str, night: int) -> float:
        if text[0].isdigit():
            hours, minutes = map(int, text.split(":"))
            of_day = hours * 3600 + minutes * 60
            return float((night + (of_day < NOON_S)) * DAY_S + of_day - self._offset_s)
        text, *bounds = text.split(", not ")
        at = self._by_sun(text, night)
        for side, clock in sorted(map(str.split, bounds), reverse=True):  # before, then after
            at = (max if side == "before" else min)(at, self._at(clock, night))
        return at

    def _by_sun(self, text: str, night: int) -> float:
        event, *rest = text.split()
        moved = 0
        if rest:
            moved = int(rest[1][:-1]) * UNITS[rest[1][-1]] * (1 if rest[0] == "+" else -1)
        return self._sun(event, night + (event == "sunrise")) + moved

    def _sun(self, event: str, day: int) -> float:
        key = event, day
        if key not in self._suns:
            self._suns[key] = self._found(event, day)
        return self._suns[key]

    def _found(self, event: str, day: int) -> float:
        """The first from the day's midnight on: from elsewhere ephem finds the same but for some milliseconds."""
        midnight = (day * DAY_S - self._offset_s) / DAY_S + EPOCH
        find = self._observer.next_rising if event == "sunrise" else self._observer.next_setting
        return (float(find(ephem.Sun(), midnight, use_center=True)) - EPOCH) * DAY_S


def _is_for(rule: Mapping[str, Any], night: int) -> bool:
    """Whether the rule is for the night of this number."""
    if "days" in rule:
        return WEEKDAYS[(night + 3) % 7] in rule["days"].split(",")  # 1970 began on a Thursday
    date = dt.date(1970, 1, 1) + dt.timedelta(days=night)
    if "lunar_day" in rule:
        return bool(_lunar_day(night) == rule["lunar_day"])
    first, _, last = rule["date"].partition("..")
    today = date.isoformat()[-len(first) :]  # such texts are in the order of their dates
    return first <= today <= last if last >= first else today == first if not last else today >= first or today <= last


def _lunar_day(night: int) -> int:
    """Days since the day of new moon, by the clock of UTC+7, that day included."""
    vietnam_s = 7 * 3600
    midnight = (night * DAY_S + DAY_S - vietnam_s) / DAY_S + EPOCH  # at which the date ends
    new_moon_s = (float(ephem.previous_new_moon(midnight)) - EPOCH) * DAY_S
    return night - int((new_moon_s + vietnam_s) // DAY_S) + 1


def rungs(watts: Sequence[float]) -> list[int]:
    """The levels (percent) of circuits of `watts` each, 0 first: the share of the first n of them, all distinct."""
    levels = [0]
    for n in range(1, len(watts) + 1):
        share = round(100 * sum(watts[:n]) / sum(watts))
        levels.append(min(max(share, levels[-1] + 1), 100 - (len(watts) - n)))
    return levels


def lit(levels: Sequence[int], percent: float) -> int:
    """How many circuits burn for `percent`: those of the nearest level, the higher of two; none only for 0."""
    if percent <= 0:
        return 0
    best = min(abs(level - percent) for level in levels[1:])
    return max(n for n, level in enumerate(levels) if n and abs(level - percent) == best)
