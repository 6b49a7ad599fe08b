"""Sensors that look after crops: what a climate program asks of its switch now, why, and until when.

A condition has hysteresis: it holds from one threshold on until the value has passed the other, and stays as it is
between the two. What a silent sensor would have said is unknown; the program's `if_stale` stands for it only where the
answer hangs on it: with `match: any`, another condition that holds is enough.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

from edge.core.site import ClimateProgram, When, Window
from edge.core.values import Moment, Reason

Sense = Callable[[str, str, Moment], float | None]
"""What a sensor (`sensor/<id>`) shows of a quantity; None: nobody knows, or it is silent."""

LOOK_S = 60.0  # so often a program looks whether a sensor has fallen silent, if nothing else wakes it
DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a program asks for, why, and until when at the latest (Unix s; None: as long as the sensors say so).

    `starts`: it may turn the switch on; else it only keeps on what is on already. `detail`: what a person needs to
    understand it, empty where the reason says all.
    """

    on: bool
    reason: Reason
    until: float | None = None
    detail: str = ""
    starts: bool = True


class Latch:
    """One condition: whether it holds. Before its sensor was ever heard it does not."""

    def __init__(self, when: When) -> None:
        self.when = when
        self.holds = False

    def feel(self, value: float) -> bool:
        """Take note of a value; whether the condition holds now."""
        when = self.when
        if when.on_above is not None and when.off_below is not None:
            self.holds = value >= when.on_above or (self.holds and value >= when.off_below)
        elif when.on_below is not None and when.off_above is not None:
            self.holds = value < when.on_below or (self.holds and value <= when.off_above)
        return self.holds

    def __str__(self) -> str:
        """The condition in words, such as "air-1 temperature_c from 33 until below 30"."""
        when = self.when
        if when.on_above is not None:
            return f"{when.sensor} {when.quantity} from {when.on_above:g} until below {when.off_below:g}"
        return f"{when.sensor} {when.quantity} below {when.on_below:g} until above {when.off_above:g}"


class Climate:
    """The program of one switch, and what its conditions remember.

    A sensor that has not been heard since this process began is given the time after which it would be silent; until
    then it says nothing, and `if_stale` does not stand for it.
    """

    def __init__(
        self, program: str | None, programs: Mapping[str, ClimateProgram], timezone: str, sense: Sense,
        stale: Mapping[str, float],
    ) -> None:
        """`programs` are those in force, by id, and may be changed at any time. `stale`: after how many seconds each
        sensor, by id, is silent."""
        self.program = program
        self._programs = programs
        self._zone = ZoneInfo(timezone)
        self._sense = sense
        self._stale = stale
        self._latches: list[Latch] = []
        self._began: float | None = None
        self._heard: set[str] = set()

    def asks(self, moment: Moment) -> Asked:
        """What the program asks for now; without a program: off."""
        if self._began is None:
            self._began = moment.mono
        program = self._present()
        if program is None:
            return Asked(False, "default")
        self._follow(program)
        said = [self._feel(latch, program.if_stale == "on", moment) for latch in self._latches]
        inside, edge = (True, None) if program.window is None else within(program.window, moment.wall, self._zone)
        if not inside:
            return Asked(False, "program", edge)
        asked = self._judged(program, said, moment)
        starts = program.window is None or moment.trusted
        doubt = "" if starts else "the clock is not confirmed: the program turns nothing on"
        return Asked(asked.on, asked.reason, edge, "; ".join(filter(None, (asked.detail, doubt))), starts)

    def next_edge(self, moment: Moment) -> float | None:
        """When (Unix s) the program's window opens or closes next; None without a window."""
        program = self._present()
        return None if program is None or program.window is None else within(program.window, moment.wall, self._zone)[1]

    def wakeup(self, asked: Asked, moment: Moment) -> float:
        """When (monotonic s) time alone may change what `asked` was the answer to."""
        if self._present() is None:
            return float("inf")
        edge = float("inf") if asked.until is None else moment.mono_at(asked.until)
        waited = [at for latch in self._latches if (at := self._patience(latch.when.sensor)) > moment.mono]
        return min(edge, moment.mono + LOOK_S, *waited)

    def needs(self, sensor: str) -> bool:
        """Whether the program looks at that sensor (`sensor/<id>`)."""
        program = self._present()
        return program is not None and any(f"sensor/{when.sensor}" == sensor for when in program.when)

    def _present(self) -> ClimateProgram | None:
        return self._programs.get(self.program) if self.program is not None else None

    def _follow(self, program: ClimateProgram) -> None:
        """A condition that the program had before it was changed remembers what it was."""
        if [latch.when for latch in self._latches] != program.when:
            known = {latch.when: latch for latch in self._latches}
            self._latches = [known.get(when) or Latch(when) for when in program.when]

    def _feel(self, latch: Latch, instead: bool, moment: Moment) -> bool | None:
        """Whether the condition holds; None: its sensor does not say. It then goes on from what stands for it, so that
        a value between the thresholds moves nothing when the sensor is back."""
        value = self._sense(f"sensor/{latch.when.sensor}", latch.when.quantity, moment)
        if value is not None:
            self._heard.add(latch.when.sensor)
            return latch.feel(value)
        if self._silent(latch.when.sensor, moment):
            latch.holds = instead
        return None

    def _judged(self, program: ClimateProgram, said: Sequence[bool | None], moment: Moment) -> Asked:
        verdict = together(program.match, said)
        if verdict is not None:
            holding = "; ".join(str(latch) for latch, holds in zip(self._latches, said, strict=True) if holds)
            return Asked(verdict, "sensor", detail=holding if verdict else "")
        mute = {latch.when.sensor: None for latch, holds in zip(self._latches, said, strict=True) if holds is None}
        waited = [sensor for sensor in mute if not self._silent(sensor, moment)]
        if waited:
            return Asked(False, "sensor", detail=f"{', '.join(waited)}: not heard since the start")
        return Asked(
            program.if_stale == "on", "sensor", detail=f"{', '.join(mute)}: silent, {program.if_stale} by if_stale"
        )

    def _silent(self, sensor: str, moment: Moment) -> bool:
        return sensor in self._heard or moment.mono >= self._patience(sensor)

    def _patience(self, sensor: str) -> float:
        """Until when (monotonic s) a sensor that was never heard is waited for."""
        if sensor in self._heard or self._began is None:
            return float("-inf")
        return self._began + self._stale.get(sensor, 0.0)


def together(match: Literal["all", "any"], said: Sequence[bool | None]) -> bool | None:
    """Whether all, or any, of the conditions hold; None: it hangs on those that are None."""
    decides = match == "any"
    if decides in said:
        return decides
    return None if None in said else not decides


def within(window: Window, wall: float, zone: ZoneInfo) -> tuple[bool, float]:
    """Whether `wall` (Unix s) lies in the window, its start included and its end not; and when that changes next.

    On the days on which clocks are put forward or back, the window's times are those that the village's clock shows
    first.
    """
    today = dt.datetime.fromtimestamp(wall, zone).date()
    edges = sorted(
        (_clock(today + n * DAY, clock_s, zone), opens)
        for n in (-1, 0, 1, 2)
        for clock_s, opens in ((window.start_s, True), (window.end_s, False))
    )
    later = next(i for i, (at, _) in enumerate(edges) if at > wall)
    return edges[later - 1][1], edges[later][0]


def _clock(day: dt.date, clock_s: float, zone: ZoneInfo) -> float:
    """Unix time of a time of day, in seconds after local midnight by the clock."""
    minutes = int(clock_s) // 60
    return dt.datetime.combine(day, dt.time(minutes // 60, minutes % 60), zone).timestamp()
