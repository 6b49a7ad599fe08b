"""A line for each event into the core and each effect out of it: compact JSON, the same bytes for the same seed."""

from __future__ import annotations

from typing import TextIO

import orjson

from edge.core.alarms import Past
from edge.core.controller import Controller
from edge.core.events import Effect, Event
from edge.core.values import Moment


class Trace:
    """Writes to `out`; a line has the Pi's monotonic and wall time, `in` or `out` with the type's name, and `is`."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def around(self, controller: Controller) -> Controller:
        """The same controller, watched."""
        handle, start = controller.handle, controller.start

        def watched_handle(event: Event, moment: Moment) -> list[Effect]:
            self._write("in", event, moment)
            return self._told(handle(event, moment), moment)

        def watched_start(moment: Moment, fallback: str | None = None, past: Past | None = None) -> list[Effect]:
            return self._told(start(moment, fallback, past), moment)

        controller.handle = watched_handle  # type: ignore[method-assign]
        controller.start = watched_start  # type: ignore[method-assign]
        return controller

    def _told(self, effects: list[Effect], moment: Moment) -> list[Effect]:
        for effect in effects:
            self._write("out", effect, moment)
        return effects

    def _write(self, way: str, what: Event | Effect, moment: Moment) -> None:
        line = {"mono": moment.mono, "wall": moment.wall, way: type(what).__name__, "is": what}
        self._out.write(orjson.dumps(line, default=_text).decode() + "\n")


def _text(value: object) -> str:
    """What JSON has no form for: payloads."""
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else repr(value)
