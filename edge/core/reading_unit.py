"""One device that measures, as the core knows it: what it last said, and when it is silent. A sensor is no more.

What a meter adds is in meter_unit.py, what a counting contact adds in pulse_unit.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from edge.core import topics
from edge.core.events import Effect, ReadingsTaken
from edge.core.recorder import Recorder
from edge.core.retained import Retained
from edge.core.values import Moment, Reading

SILENT_POLLS = 3
SILENT_S = 30.0


def silent_after(poll_s: float) -> float:
    """After how many seconds without a reading a meter that is asked every `poll_s` is silent."""
    return max(SILENT_POLLS * poll_s, SILENT_S)


class ReadingUnit:
    """Publishes what the device says, and `unknown` for what it does not say; for all of it after `silent_s` seconds.

    `quantities` are the names of what it can say. `recorder` has a say in what of it the history is to have.
    """

    def __init__(
        self, target: str, quantities: Iterable[str], silent_s: float, names: topics.Topics, recorder: Recorder
    ) -> None:
        self.target = target
        self.wake = float("-inf")
        self._silent_s = silent_s
        self._recorder = recorder
        self._reading: dict[str, object] | None = None
        self._values: dict[str, float | None] = dict.fromkeys(quantities)
        self._retained = Retained(names)
        self._heard: float | None = None
        self._silent = False
        self._why = "it has not been heard yet"

    def take(self, event: ReadingsTaken, moment: Moment) -> list[Effect]:
        """A poll ended. Nothing is told of one that failed, or that is in doubt, but by silence."""
        if event.reading is None:
            self._why = event.error or "it does not answer"
            return []
        reading = _finite(event.reading)
        if not reading.quantities:
            self._why = "none of its figures is a number"
            return []
        judged = self._judged(reading, moment)
        return [] if judged is None else self._tell(judged, moment)

    def step(self, moment: Moment) -> list[Effect]:
        """Tell what has not been told yet."""
        if self._heard is None:
            self._heard = moment.mono  # it has had no time to speak
        self._silent = silent = moment.mono >= self._heard + self._silent_s
        self.wake = float("inf") if silent else self._heard + self._silent_s
        messages = {} if self._reading is None else {"reading": topics.encode(self._reading)}
        for quantity, value in self._values.items():
            if silent or self._reading is not None:
                unknown = silent or value is None
                messages[f"value/{quantity}"] = b"unknown" if unknown else topics.encode(value)
        return [*self._retained.tell(self.target, messages)]

    def conditions(self) -> list[tuple[str, str, bool, dict[str, object]]]:
        """The alarms that this device can be the cause of: kind, device, whether its condition holds, data."""
        return [("device-silent", self.target, self._silent, {"why": self._why})]

    def shows(self, quantity: str, moment: Moment) -> float | None:
        """What it said last of that quantity; None if that is not known, or the device is silent."""
        silent = self._heard is None or moment.mono >= self._heard + self._silent_s
        return None if silent or self._reading is None else self._values.get(quantity)

    def tell_again(self) -> None:
        """Forget what was sent: the broker may have."""
        self._retained.forget()
        self.wake = float("-inf")

    def _judged(self, reading: Reading, _moment: Moment) -> Reading | None:
        """The reading as far as it is believed; or None, with `_why` saying why."""
        return reading

    def _tell(self, reading: Reading, moment: Moment) -> list[Effect]:
        self._heard = moment.mono
        self._values = {name: reading.quantities.get(name) for name in self._values} | dict(reading.quantities)
        self._reading = {
            "at": topics.rfc3339(reading.at), "quality": reading.quality, "life": reading.life,
            "values": reading.quantities,
        }
        if reading.doubted:
            self._reading["suspect"] = reading.doubted
        return [*self._recorder.take(reading, moment), *self.step(moment)]


def _finite(reading: Reading) -> Reading:
    """The reading without what is no number."""
    if all(map(math.isfinite, reading.quantities.values())):
        return reading
    return replace(reading, quantities={n: v for n, v in reading.quantities.items() if math.isfinite(v)})
