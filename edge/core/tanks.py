"""The floats in the tanks that pumps draw from or fill: whether they allow a pump to run.

What is not known stops the pump. A float bounces on the waves that the pump makes: after it stopped the pump, it must
have said otherwise for CALM_S before the pump may start again.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.core.events import InputChanged
from edge.core.site import LevelInput, Site
from edge.core.values import Moment

CALM_S = 60.0


@dataclass(slots=True)
class _Float:
    """One level input. `low` (None: not known): its line is low, which means `low_is`."""

    low_is: str
    low: bool | None = None
    heard: bool = False
    error: str | None = None

    def says(self) -> str | None:
        if self.low is None:
            return None
        other = "full" if self.low_is == "empty" else "empty"
        return self.low_is if self.low else other


@dataclass(slots=True)
class _Bar:
    """One float that stops one pump when it says `stop_at`. `since` (monotonic s): when it last did; `why`: a code."""

    name: str
    stop_at: str
    since: float | None = None
    why: str | None = "tank-unknown"


class Tanks:
    """What the floats say to the pumps. `wake`: the monotonic time at which a pump may start again by itself."""

    def __init__(self, site: Site) -> None:
        self.wake = float("inf")
        self._floats = {f"input/{i}": _Float(f.low_is) for i, f in site.inputs.items() if isinstance(f, LevelInput)}
        self._bars = {
            f"pump/{name}": [_Bar(f"input/{tank}", stop_at) for tank, stop_at in pump.stop_when.items()]
            for name, pump in site.pumps.items()
        }

    def feel(self, event: InputChanged, moment: Moment) -> bool:
        """Take note of what a float says: `on` is that its line is low. False: it is none of these."""
        found = self._floats.get(event.input)
        if found is None:
            return False
        found.low, found.error, found.heard = event.on, event.error, True
        self.step(moment)
        return True

    def step(self, moment: Moment) -> None:
        """Let time pass."""
        self.wake = float("inf")
        for bar in (bar for bars in self._bars.values() for bar in bars):
            says = self._floats[bar.name].says()
            if says == bar.stop_at:
                bar.since, bar.why = moment.mono, f"tank-{says}"
            elif says is None:
                bar.why = "tank-unknown"
            elif bar.since is not None and moment.mono < bar.since + CALM_S:
                bar.why = "tank-settling"
                self.wake = min(self.wake, bar.since + CALM_S)
            else:
                bar.since = bar.why = None

    def level_stop(self, pump: str) -> str | None:
        """Why `pump/<id>` must not run, a code of run_words.WHY; None: it may."""
        return next((bar.why for bar in self._bars.get(pump, ()) if bar.why is not None), None)

    def conditions(self) -> list[tuple[str, str, bool, dict[str, object]]]:
        """Floats that cannot be read."""
        return [
            ("input-failing", name, found.heard and found.low is None, {"why": found.error or "?"})
            for name, found in self._floats.items()
        ]

    @property
    def names(self) -> list[str]:
        """The level inputs, `input/<id>`."""
        return list(self._floats)
