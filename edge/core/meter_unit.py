"""One meter as the core knows it: what it last said, whether that can be believed, and when it has fallen silent."""

from __future__ import annotations

from collections.abc import Iterable

from edge.core import topics
from edge.core.energy import COUNTER, REMEMBER_EVERY_S, Counter
from edge.core.values import Effect, Moment, Persist, Publish, ReadingsTaken, Row

SILENT_POLLS = 3
SILENT_S = 30.0


class MeterUnit:
    """Publishes what a meter says, and `unknown` once it has said nothing for three polls and at least 30 s."""

    def __init__(
        self, target: str, quantities: Iterable[str], poll_s: float, rated_kw: float | None, kept: Row | None,
        names: topics.Topics,
    ) -> None:
        self.target = target
        self.wake = float("-inf")
        life, energy = (1, None) if kept is None else (int(kept["life"] or 1), kept["energy_kwh"])
        self._counter = Counter(rated_kw, life, None if energy is None else float(energy))
        self._silent_s = max(SILENT_POLLS * poll_s, SILENT_S)
        self._names = names
        self._reading: dict[str, object] | None = None
        self._values: dict[str, float | None] = dict.fromkeys(quantities)
        self._sent: dict[str, bytes] = {}
        self._heard: float | None = None
        self._silent = False
        self._why = "it has not been heard yet"
        self._kept: tuple[float, int] | None = None  # when, and which life

    def take(self, event: ReadingsTaken, moment: Moment) -> list[Effect]:
        """A poll ended. Nothing is told of one that failed, or whose counter is in doubt, but by silence."""
        reading = None if event.reading is None else self._counter.judge(event.reading)
        if reading is None:
            self._why = event.error or "its energy counter is in doubt"
            return []
        self._heard = moment.mono
        self._values.update(reading.quantities)
        self._reading = {
            "at": topics.rfc3339(reading.at), "quality": reading.quality, "life": reading.life,
            "values": reading.quantities,
        }
        return self._keep(moment) + self.step(moment)

    def step(self, moment: Moment) -> list[Effect]:
        """Tell what has not been told yet."""
        if self._heard is None:
            self._heard = moment.mono  # it has had no time to speak
        self._silent = silent = moment.mono >= self._heard + self._silent_s
        self.wake = float("inf") if silent else self._heard + self._silent_s
        effects: list[Effect] = []
        if self._reading is not None:
            effects += self._publish("reading", topics.encode(self._reading), 1)
        for quantity, value in self._values.items():
            if silent or value is not None:
                effects += self._publish(f"value/{quantity}", b"unknown" if silent else topics.encode(value), 0)
        return effects

    def power(self) -> tuple[float, float] | None:
        """The power it shows (W) and when that was heard (monotonic s); None while it is silent or shows none."""
        watts = self._values.get("power_w")
        return None if self._silent or watts is None or self._heard is None else (watts, self._heard)

    def conditions(self) -> list[tuple[str, bool, dict[str, object]]]:
        """The alarms that this meter can be the cause of, whether their condition holds, and their data."""
        return [("device-silent", self._silent, {"why": self._why})]

    def tell_again(self) -> None:
        """Forget what was sent: the broker may have."""
        self._sent.clear()
        self.wake = float("-inf")

    def _publish(self, leaf: str, payload: bytes, qos: int) -> list[Effect]:
        if self._sent.get(leaf) == payload:
            return []
        self._sent[leaf] = payload
        return [Publish(self._names.of(self.target, leaf), payload, retain=True, qos=qos)]

    def _keep(self, moment: Moment) -> list[Effect]:
        """The counter goes to the journal now and then and at each new life, so that a life outlasts a restart."""
        energy, life = self._values.get(COUNTER), self._counter.life
        due = self._kept is None or moment.mono >= self._kept[0] + REMEMBER_EVERY_S or life != self._kept[1]
        if energy is None or not due:
            return []
        self._kept = moment.mono, life
        return [Persist(("meters", self.target), {"life": life, "energy_kwh": energy, "wall": moment.wall})]
