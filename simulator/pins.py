"""The daemon's end of the simulated lines: a gpiozero pin factory that speaks to `village-sim` in datagrams.

gpiozero loads it by GPIOZERO_PIN_FACTORY=village; VILLAGE_SIM names the simulator's run directory. A write returns when
the simulator has acknowledged it. simulator/pin_server.py is the other end and describes the messages.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

from gpiozero import PinInvalidState, PinSetInput
from gpiozero.pins.pi import PiFactory, PiPin

from simulator.pin_link import Link, Watcher

RASPBERRY_PI_3B = 0xA02082


def run_directory() -> Path:
    """The simulator's run directory, from VILLAGE_SIM. Raises FileNotFoundError when it is unset."""
    name = os.environ.get("VILLAGE_SIM")
    if not name:
        raise FileNotFoundError(errno.ENOENT, "VILLAGE_SIM is not set: give it the directory of village-sim --run")
    return Path(name)


class VillagePin(PiPin):  # type: ignore[misc]  # gpiozero has no types
    """One simulated line. Its level lives in the simulator, not here."""

    def __init__(self, factory: VillageFactory, info: Any) -> None:
        super().__init__(factory, info)
        self._function = "input"
        self._pull = "floating"
        self._edges = "both"
        self._bounce: float | None = None
        self._last = False

    def output_with_state(self, state: bool) -> None:
        """Claim the line as an output at `state`. Raises OSError: EBUSY when another living process has it."""
        self._ask({"level": int(state), "claim": True})
        self._function = "output"

    def close(self) -> None:
        """Stop watching; the line keeps its level."""
        self.when_changed = None

    def _edge(self, level: bool, at: float) -> None:
        # The world tells the level again and again; the handler hears of the changes it waits for.
        with self._when_changed_lock:
            changed, self._last = level != self._last, level
            if changed and self._edges in {"both", "rising" if level else "falling"} and self._when_changed is not None:
                self._call_when_changed(at, level)

    def _ask(self, message: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self._factory.link.ask({"pin": self._number, **message})
        error = answer.get("error")
        if error == "busy":
            raise OSError(errno.EBUSY, f"{self!r} is held by process {answer.get('holder')}")
        if error == "unclaimed":
            raise PinSetInput(f"cannot set state of pin {self!r}")
        if error:
            raise OSError(errno.EPROTO, f"the simulator refused: {error}")
        return answer

    def _get_function(self) -> str:
        return self._function

    def _set_function(self, value: str) -> None:
        if value == "output":
            self.output_with_state(False)
        else:
            self._ask({"release": True})
            self._function = "input"

    def _get_state(self) -> bool:
        answer = self._ask({"read": True})
        if self._function == "output" and not answer["driven"]:
            raise PinInvalidState(f"{self!r} is not driven: the simulator has started again")
        return bool(answer["level"])

    def _set_state(self, value: bool) -> None:
        if self._function == "input":
            raise PinSetInput(f"cannot set state of pin {self!r}")
        self._ask({"level": int(bool(value))})

    def _get_pull(self) -> str:
        return self._pull

    def _set_pull(self, value: str) -> None:
        self._pull = value  # the wiring's external pulls decide, and the simulator knows them

    def _get_frequency(self) -> None:
        return None

    def _get_bounce(self) -> float | None:
        return self._bounce

    def _set_bounce(self, value: float | None) -> None:
        self._bounce = value  # edges are told as they are; drivers.gpio filters them

    def _get_edges(self) -> str:
        return self._edges

    def _set_edges(self, value: str) -> None:
        self._edges = value

    def _enable_event_detect(self) -> None:
        self._last = self._get_state()
        self._factory.watcher().watch(self._number, self._edge)

    def _disable_event_detect(self) -> None:
        self._factory.watcher().forget(self._number)


class VillageFactory(PiFactory):  # type: ignore[misc]  # gpiozero has no types
    """The lines of a Raspberry Pi 3B that `village-sim` plays. Raises OSError without VILLAGE_SIM."""

    def __init__(self, directory: Path | None = None) -> None:
        super().__init__()
        self._directory = directory or run_directory()
        self.pin_class = VillagePin
        self.link = Link(self._directory)
        self._watcher: Watcher | None = None

    def watcher(self) -> Watcher:
        """The thread that waits for edges, started when first asked for."""
        if self._watcher is None:
            self._watcher = Watcher(self._directory)
        return self._watcher

    def close(self) -> None:
        """Let go of sockets and thread; no line moves."""
        super().close()
        if self._watcher is not None:
            self._watcher.close()
            self._watcher = None
        self.link.close()

    def ticks(self) -> float:
        """Monotonic seconds."""
        return self.link.clock.mono()

    def ticks_diff(self, later: float, earlier: float) -> float:
        """Seconds between two ticks."""
        return later - earlier

    def _get_revision(self) -> int:
        return RASPBERRY_PI_3B
