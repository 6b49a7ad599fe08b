"""What fails for one device costs no other: it is told, and the others go on as ever."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from edge.core.alarms import Alarms
from edge.core.events import Effect, Failed
from edge.core.values import Moment

AGAIN_S = 5.0  # what failed is tried again after this


class Unit(Protocol):
    """What decides for one device, or for all irrigation; `target` is what alarms about it are about."""

    target: str


class Failures:
    """Raises the alarm `core-failing` about what a unit decides for, until all that failed has been done again without
    failing."""

    def __init__(self, alarms: Alarms) -> None:
        self._alarms = alarms
        self._failing: dict[str, set[str]] = {}  # by device, what failed when it was last done

    @contextmanager
    def alone(self, unit: Unit, doing: str, moment: Moment, effects: list[Effect]) -> Iterator[None]:
        """Around what is done for one unit only: whatever it raises goes no further, and is told in `effects` too.
        `doing` names what is done, so that nothing else that goes well ends the alarm."""
        failing = self._failing.setdefault(unit.target, set())
        try:
            yield
        except Exception as error:  # whatever goes wrong with the field, the street has its light
            failing.add(doing)
            self._alarms.state("core-failing", unit.target, True, moment, {"why": f"{type(error).__name__}: {error}"})
            effects.append(Failed(unit.target, error))
        else:
            failing.discard(doing)
            if not failing:
                self._alarms.state("core-failing", unit.target, False, moment)
