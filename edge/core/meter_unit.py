"""One meter as the core knows it: what a device that measures is, and whether its figures can be believed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from edge.core import topics
from edge.core.counter import COUNTER, Counter
from edge.core.events import Effect, Persist
from edge.core.plausible import EVERY_FIGURE, THE_COUNTER, Frozen, beyond_apparent, doubtful
from edge.core.reading_unit import ReadingUnit
from edge.core.recorder import Recorder
from edge.core.values import Moment, Reading, Row

REMEMBER_EVERY_S = 900.0
POWER = "power_w"
VI = {EVERY_FIGURE: "mọi con số", THE_COUNTER: "số điện năng"}


class MeterUnit(ReadingUnit):
    """A reading whose counter is in doubt is not told; figures that are implausible make it `suspect`."""

    def __init__(
        self, target: str, quantities: Iterable[str], silent_s: float, rated_kw: float | None, kept: Row | None,
        names: topics.Topics, recorder: Recorder, step: float = 0.01, wraps_at: float | None = None,
        used: int = 0,
    ) -> None:
        """`kept`: the journal's row of it. `step`, `wraps_at` and `used` as of a Counter."""
        super().__init__(target, quantities, silent_s, names, recorder)
        life, energy = (1, None) if kept is None else (int(kept["life"] or 1), kept["energy_kwh"])
        self._counter = Counter(rated_kw, life, None if energy is None else float(energy), step, wraps_at, used)
        self._frozen = Frozen(step)
        self._rated_kw = rated_kw
        self._beyond: set[str] = set()
        self._power: tuple[float, float] | None = None
        self._kept: tuple[float, int] | None = None  # when, and which life

    def power(self) -> tuple[float, float] | None:
        """The power it shows (W) and when that was heard (monotonic s); None while it is silent or that is doubtful."""
        return None if self._silent else self._power

    def conditions(self) -> list[tuple[str, str, bool, dict[str, object]]]:
        """Beside its silence, that it answers while its registers stand still."""
        why = self._frozen.why
        says: dict[str, object] = {"why": why, "why_vi": VI.get(why or "")}
        return [*super().conditions(), ("reading-frozen", self.target, why is not None and not self._silent, says)]

    def _judged(self, reading: Reading, moment: Moment) -> Reading | None:
        judged = self._counter.judge(reading)
        if judged is None:
            self._why = "its energy counter is in doubt"
            return None
        self._frozen.take(judged)
        doubted = doubtful(judged.quantities, self._rated_kw)
        beyond = beyond_apparent(judged.quantities)
        doubted |= beyond & self._beyond
        self._beyond = beyond
        if self._frozen.why is not None:
            doubted |= {COUNTER} if self._frozen.why == THE_COUNTER else set(judged.quantities)
        watts = judged.quantities.get(POWER)
        self._power = None if watts is None or POWER in doubted else (watts, moment.mono)
        in_order = tuple(name for name in judged.quantities if name in doubted)
        return replace(judged, quality="suspect" if in_order else "good", doubted=in_order)

    def _tell(self, reading: Reading, moment: Moment) -> list[Effect]:
        return self._keep(reading, moment) + super()._tell(reading, moment)

    def _keep(self, reading: Reading, moment: Moment) -> list[Effect]:
        """The counter goes to the journal now and then and at each new life, so that a life outlasts a restart."""
        energy, life = reading.quantities.get(COUNTER), reading.life
        due = self._kept is None or moment.mono >= self._kept[0] + REMEMBER_EVERY_S or life != self._kept[1]
        if energy is None or not due:
            return []
        self._kept = moment.mono, life
        return [Persist(("meters", self.target), {"life": life, "energy_kwh": energy, "wall": moment.wall})]
