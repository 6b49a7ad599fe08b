"""One counting contact as the core knows it: the total over restarts, and how fast it grows now.

The journal has the total as of the last few minutes. After a stop in good order it is right, and counting goes on in
the same life; so too where nothing came for so long that the journal was told it is right. After another kill or power
cut some pulses told of may be missing from it: a new life begins there, so that within a life no total ever falls.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from edge.core import topics
from edge.core.events import Effect, Persist, PulsesCounted
from edge.core.plausible import doubtful
from edge.core.reading_unit import SILENT_S, ReadingUnit
from edge.core.recorder import Recorder
from edge.core.site_devices import FlowInput, S0Input
from edge.core.values import Moment, Reading, Row

TABLE = "pulses"
KEEP_S = 300.0
TELL_S = 10.0
RECORD_S = 60.0


@dataclass(frozen=True, slots=True)
class Counting:
    """What the pulses of one contact mean: `per_unit` of them are one unit of the quantity `total`.

    `rate` is the quantity that tells how fast they come: one unit a second is `per_second` of it. It is not known once
    the last pulse is `old_s` seconds old: then less flows than one pulse in that time.
    """

    device: str
    name: str
    total: str
    rate: str
    per_unit: float
    per_second: float
    old_s: float
    units: tuple[str, str]
    rated_kw: float | None = None
    area: str | None = None


def counting(name: str, found: FlowInput | S0Input) -> Counting:
    """What the pulses of the input `name` (its id) mean."""
    if isinstance(found, S0Input):
        return Counting(
            f"meter/{name}", found.name, "energy_kwh", "power_w", found.pulses_per_kwh, 3_600_000.0, 600.0,
            ("kWh", "W"), rated_kw=found.rated_kw,
        )
    return Counting(
        f"sensor/{name}", found.name or name, "volume_l", "flow_l_min", found.pulses_per_l, 60.0, 120.0,
        ("l", "l/min"), area=found.area,
    )


class PulseUnit(ReadingUnit):
    """Publishes the total and the rate of the contact `input/<id>` as the reading of a device, every ten seconds, and
    has one of them recorded every minute.

    Until the journal knows that its total will be too low, the total is told as the journal has it: what was never told
    cannot fall.
    """

    def __init__(
        self, name: str, means: Counting, kept: Row | None, names: topics.Topics, silent_s: float = SILENT_S
    ) -> None:
        """`kept`: the journal's row of it."""
        super().__init__(means.device, (means.total, means.rate), silent_s, names, Recorder(RECORD_S))
        self.input = name
        self._means = means
        self._life, self._total = _recalled(kept, means.per_unit)
        self._assured = self._total  # what may be told while the journal is not open
        self._open = False  # the journal knows that more was counted than it has
        self._closed = False  # it was told that its total is right
        self._count = 0  # of this process
        self._last_at: float | None = None
        self._per_s: float | None = None
        self._kept: tuple[float, int] | None = None  # when, and the total
        self._told_at = float("-inf")

    def start(self, moment: Moment) -> list[Effect]:
        """Have the journal know that its total will be too low; `stored` is to be called when it does."""
        return [self._keep(moment, clean=False, tell=True)]

    def stored(self) -> None:
        """The journal knows."""
        self._open = True

    def stop(self, moment: Moment) -> list[Effect]:
        """The process ends in good order: what is kept now is right."""
        return [self._keep(moment, clean=True)]

    def count(self, event: PulsesCounted, moment: Moment) -> list[Effect]:
        """Take note of a look at the contact."""
        new = event.count - self._count if event.count >= self._count else event.count
        self._count = event.count
        self._total += new
        if new:
            self._per_s = self._speed(new, event.last_at)
            self._last_at = event.last_at
        self._heard = moment.mono
        effects = self._note(new, moment)
        if moment.mono >= self._told_at + TELL_S:
            self._told_at = moment.mono
            effects += self._tell(self._read(event, moment), moment)
        return effects

    def _note(self, new: int, moment: Moment) -> list[Effect]:
        """What the journal is to be told now."""
        if self._closed and new:
            self._closed = False
            return [self._keep(moment, clean=False, tell=True)]
        if self._closed or (self._kept is not None and moment.mono < self._kept[0] + KEEP_S):
            return []
        if self._kept is None or self._total > self._kept[1]:
            return [self._keep(moment, clean=False)]
        if not self._open:
            return []
        self._open, self._closed, self._assured = False, True, self._total
        return [self._keep(moment, clean=True)]

    def _speed(self, new: int, last_at: float | None) -> float | None:
        """Pulses a second, from the one that was last at the look before to the last one now."""
        if last_at is None or self._last_at is None or not 0 < last_at - self._last_at <= self._means.old_s:
            return None
        return new / (last_at - self._last_at)

    def _read(self, event: PulsesCounted, moment: Moment) -> Reading:
        means = self._means
        quantities = {means.total: (self._total if self._open else self._assured) / means.per_unit}
        if self._per_s is not None and self._last_at is not None:
            waited = event.at - self._last_at
            if waited <= means.old_s:  # no pulse for so long: it has become that slow at least
                per_s = min(self._per_s, 1 / waited) if waited > 0 else self._per_s
                quantities[means.rate] = round(per_s * means.per_second / means.per_unit, 3)
        reading = Reading(self.target, quantities, moment.wall_at(event.at), life=self._life)
        doubted = tuple(doubtful(quantities, means.rated_kw))
        return replace(reading, quality="suspect", doubted=doubted) if doubted else reading

    def _keep(self, moment: Moment, *, clean: bool, tell: bool = False) -> Persist:
        self._kept = moment.mono, self._total
        row: Row = {
            "life": self._life, "count": self._total, "per_unit": self._means.per_unit, "clean": int(clean),
            "wall": moment.wall,
        }
        return Persist((TABLE, self.input), row, tell)


def _recalled(kept: Row | None, per_unit: float) -> tuple[int, int]:
    """The life and the total to go on with; another figure for the pulses makes it another meter."""
    if kept is None:
        return 1, 0
    life, count = int(kept["life"] or 1), int(kept["count"] or 0)
    if kept["per_unit"] != per_unit:
        return life + 1, 0
    return (life, count) if kept["clean"] else (life + 1, count)
