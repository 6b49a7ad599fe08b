"""A street with a photocell, for tests of its say in a program."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from villages import village, when

from edge.core.assembly import light_calendar
from edge.core.photocell import Photocell
from edge.core.values import Moment

W = 45 * 60.0
STEPS = [{"at": "sunset - 10m", "level": 100}, {"at": "22:30", "level": 33}, {"at": "sunrise + 10m", "level": 0}]
NOON = when("2026-11-21T12:00:00+07:00")  # sunset 17:16:15, sunrise 6:14:43 the next morning
DUSK, LATE, DAWN = (change.at for change in light_calendar(village(programs={"p": {"kind": "light", "steps": STEPS}})).changes("p", NOON, NOON + 86400))


def at(time: str) -> float:
    """A time of the night of 21 November."""
    day = "2026-11-21" if time >= "12" else "2026-11-22"
    return when(f"{day}T{time}+07:00")


class Street:
    """A cell, its program, and clocks to move."""

    def __init__(self, steps: Any = None, start: float = NOON, dark: bool | None = False) -> None:
        site = village(programs={"p": {"kind": "light", "steps": steps or STEPS}})
        self.calendar = light_calendar(site)
        self.now = Moment(start, 1000.0, "b", True)
        self.cell = Photocell(self.calendar, "p", W)
        self.cell.see(dark, self.now)

    def restart(self) -> None:
        self.cell = Photocell(self.calendar, "p", W)

    def see(self, dark: bool | None) -> None:
        self.cell.see(dark, self.now)

    def wait(self, seconds: float) -> Street:
        self.now = replace(self.now, wall=self.now.wall + seconds, mono=self.now.mono + seconds)
        return self

    def to(self, wall: float, dark: bool | None = None) -> Street:
        """Let time pass until then, waking whenever the cell asks for it; then it says so, if given."""
        for _ in range(2000):
            if (left := wall - self.now.wall) <= 0:
                break
            woken = self.cell.wakeup(self.now) - self.now.mono
            assert woken > 0
            self.wait(min(woken, left))
            self.cell.standing(self.now)
        else:
            raise AssertionError("the cell wakes over and over")
        if dark is not None:
            self.see(dark)
        return self

    @property
    def level(self) -> int:
        return self.cell.standing(self.now)[0].level

    @property
    def moved(self) -> bool:
        return self.cell.standing(self.now)[1]

    @property
    def fault(self) -> str | None:
        return self.cell.fault(self.now)
