"""A wall clock of the daemon's own, and what its lights should do by it."""

from __future__ import annotations

import datetime as dt
import json
import mmap
import struct
import time
from pathlib import Path
from zoneinfo import ZoneInfo

import ephem
from e2e_house import ROOT, Listener
from harm_house import ON, HarmHouse, Pins, cpu_s
from support import until

from edge.core.assembly import coming
from edge.core.site import Site
from edge.shell.app import catalogue
from edge.shell.site_file import load

RIGHT_S = 2.0
BUSY = 0.05  # of a processor, with meters read every second
READING = f"{ROOT}/meter/culture-house/reading"
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
DAY = 86400.0


class Wall:
    """The offset that clock_shim.c reads. `now` is what the daemon takes for the time (Unix s)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.write_bytes(bytes(8))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 8)
        self._offset_s = 0.0

    def now(self) -> float:
        return time.time() + self._offset_s

    def move(self, seconds: float) -> None:
        """Jump by so much, from where it is."""
        self._offset_s += seconds
        struct.pack_into("q", self._map, 0, round(self._offset_s * 1e9))

    def move_to(self, days: int, hour: int, minute: int = 0) -> None:
        """Jump to a time of day in the village, so many days from today."""
        today = dt.datetime.fromtimestamp(time.time(), ZONE).date()
        at = dt.datetime.combine(today + dt.timedelta(days), dt.time(hour, minute), ZONE)
        self.move(at.timestamp() - self.now())


def by_program(site: Site, light: str, wall: float) -> int:
    """The level that the light's program asks for: the last change of the two days before, by the plan."""
    changes = [c for c in coming(site, wall - 2 * DAY, wall) if c.device == f"light/{light}"]
    return changes[-1].level


def by_hand(site: Site, wall: float) -> int | None:
    """The same for the street, worked out from the sun; None where a calendar rule may make the night another."""
    local = dt.datetime.fromtimestamp(wall, ZONE)
    observer = ephem.Observer()
    observer.lat, observer.lon = str(site.site.latitude), str(site.site.longitude)
    observer.pressure, observer.horizon = 0, "-0:50"
    noon = dt.datetime.combine(local.date(), dt.time(12), ZONE).astimezone(dt.UTC).replace(tzinfo=None)
    found = (observer.previous_rising, observer.next_setting)
    dawn, dusk = (find(ephem.Sun(), noon, use_center=True).datetime().replace(tzinfo=dt.UTC) for find in found)
    ten = dt.timedelta(minutes=10)
    if dawn + ten <= local < dusk - ten:
        return 0
    return 100 if dusk - ten <= local and local.time() < dt.time(22, 30) else None


class Village:
    """The street with its own program, and a wall clock for the daemon."""

    def __init__(self, house: HarmHouse, ear: Listener, wall: Wall) -> None:
        self.house = house
        self.ear = ear
        self.wall = wall
        self.pins = Pins(house)
        self.site: Site = load(house.config, catalogue())

    def lit(self) -> str:
        self.pins.new()
        return "".join(c for c, pin in (("a", 17), ("b", 27), ("c", 22)) if self.pins.levels.get(pin) == ON)

    def is_right(self) -> bool:
        """The street follows its program at the time that its controller has; its circuits come on one by one."""
        level = by_program(self.site, "main-road", self.wall.now())
        assert by_hand(self.site, self.wall.now()) in (level, None)
        state = self.ear.state()
        lit = {0: [""], 33: ["a"], 67: ["ab"], 100: ["a", "ab", "abc"]}[level]
        return (state.get("level"), state.get("reason")) == (level, "program") and self.lit() in lit

    def becomes_right(self, after: str) -> int:
        """Within two seconds; the level."""
        until(self.is_right, RIGHT_S, f"the street to be right {after}")
        return int(self.ear.state()["level"])

    def is_calm(self, after: str) -> float:
        """Meters go on being read, and hardly anything is done, for the next seconds; the share of a processor."""
        pid, began = self.house.pid(), time.monotonic()
        before, heard = cpu_s(pid), sum(t == READING for t, _, _ in self.ear.messages)
        until(lambda: sum(t == READING for t, _, _ in self.ear.messages) >= heard + 3, 10, f"readings {after}")
        reading = json.loads(self.ear.last[READING])
        assert reading["quality"] == "good"
        used = (cpu_s(pid) - before) / (time.monotonic() - began)
        assert used <= BUSY, f"{used:.0%} of a processor {after}"
        return used
