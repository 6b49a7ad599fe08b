"""The village's own part in virtual time: what happens by itself, and what a look that is seldom must not miss."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from edge.core.site import Site
from edge.core.values import Moment
from simulator.village import Village

SOON_S = 1e-6  # less than this is rounding
COUNTS_S, SETTLES_S = 5.0, 60.0  # how often water is counted while it moves, however seldom the rest is read; how long
STALE_POLLS = 3


class Field:
    """The village as a worker among the controller's: it does by itself what is due, exactly when it is.

    While water moves, and a while after, `count` is called every few seconds.
    """

    name = "village"

    def __init__(self, village: Village, count: Callable[[], None]) -> None:
        self._village = village
        self._count = count
        self._counted = self._moved = -math.inf

    def on_wake(self, wake: Callable[[], None]) -> None:
        """Have `wake` called when something was switched."""
        self._village.stirred = wake

    def step(self, moment: Moment) -> float | None:
        """Let happen what is due."""
        due, mono = moment.mono + self._village.follow(), self._village.mono()
        if self._village.hydraulics.busy():
            self._moved = mono
        if mono - self._moved > SETTLES_S:
            return due
        if mono - self._counted >= COUNTS_S - SOON_S:
            self._counted = mono
            self._count()
        return min(due, moment.mono + COUNTS_S - (mono - self._counted))


def polled_seldom(site: Site, poll_s: float) -> Site:
    """The site with every meter and sensor asked at most every `poll_s` seconds, and not called silent for that."""
    slower: dict[str, dict[str, Any]] = {}
    for section in ("meters", "sensors"):
        slower[section] = {
            name: device.model_copy(update={"poll": max(device.poll, poll_s)})
            for name, device in getattr(site, section).items()
        }
    slower["sensors"] = {
        name: sensor.model_copy(update={"stale": max(sensor.stale, STALE_POLLS * poll_s)})
        for name, sensor in slower["sensors"].items()
    }
    return site.model_copy(update=slower)
