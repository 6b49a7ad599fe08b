"""The Pi's lines through lgpio, without the detours that gpiozero's own classes take.

gpiozero's lgpio pin claims an input, then an output at 0, then writes the level: an active-low relay is on for some
milliseconds at every start. On the way to an input with a pull it lets the line float and go. Closing turns the line
into an input again. These classes do none of it. Needs the `lgpio`
module, which is why drivers.gpio imports this one only when lines are first used.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lgpio
from gpiozero.pins.lgpio import LGPIOFactory, LGPIOPin


@contextmanager
def _as_os_error() -> Iterator[None]:
    """Give lgpio's errors, which carry a text and nothing else, the form of the standard library's."""
    try:
        yield
    except lgpio.error as e:
        text = str(e).strip("'")
        raise OSError(errno.EBUSY if "busy" in text.lower() else errno.EIO, text) from e


class QuietPin(LGPIOPin):  # type: ignore[misc]  # gpiozero has no types
    """A line that stays as it is until it is told to be something, and then becomes it in one step.

    Raises OSError: EBUSY when another process holds the line, EIO for all else that lgpio reports. `filters`: lgpio
    tells only of edges after which the line stays as it is for the time that `bounce` says.
    """

    filters = True

    def __init__(self, factory: QuietFactory, info: Any) -> None:
        # LGPIOPin's own constructor would make the line an input: start from its parent, keep its attributes.
        super(LGPIOPin, self).__init__(factory, info)
        self._pwm = None
        self._bounce = None
        self._callback = None
        self._edges = lgpio.BOTH_EDGES

    def output_with_state(self, state: bool) -> None:
        """Claim the line as an output at `state`; the kernel sets the latch before the direction."""
        handle = self.factory.handle
        with _as_os_error():
            # Claiming what this process already has succeeds and ignores the level.
            if lgpio.gpio_get_mode(handle, self._number) & self.GPIO_IS_LG_OUTPUT:
                lgpio.gpio_write(handle, self._number, int(state))
            else:
                lgpio.gpio_claim_output(handle, self._number, int(state))

    def input_with_pull(self, pull: str) -> None:
        """Claim the line as an input with its pull `up`, `down` or `floating`, in one step."""
        handle = self.factory.handle
        flags = {"up": lgpio.SET_PULL_UP, "down": lgpio.SET_PULL_DOWN, "floating": lgpio.SET_PULL_NONE}[pull]
        ours = self.GPIO_IS_LG_INPUT | self.GPIO_IS_LG_OUTPUT | self.GPIO_IS_LG_ALERT
        with _as_os_error():
            # A claim leaves the pull of what this process already has as it is.
            if lgpio.gpio_get_mode(handle, self._number) & ours:
                lgpio.gpio_free(handle, self._number)
            lgpio.gpio_claim_input(handle, self._number, flags)

    def close(self) -> None:
        """Stop watching for edges; the line keeps its level and stays held until the process ends."""
        if self._callback is not None:
            self._callback.cancel()
            self._callback = None

    def _set_bounce(self, value: float | None) -> None:
        with _as_os_error():
            super()._set_bounce(value)

    def _enable_event_detect(self) -> None:
        with _as_os_error():
            super()._enable_event_detect()

    def _disable_event_detect(self) -> None:
        with _as_os_error():
            super()._disable_event_detect()

    def _get_state(self) -> Any:
        with _as_os_error():
            return super()._get_state()

    def _set_state(self, value: bool) -> None:
        with _as_os_error():
            super()._set_state(value)


class QuietFactory(LGPIOFactory):  # type: ignore[misc]  # gpiozero has no types
    """gpiozero's lgpio factory with QuietPin. Raises OSError (EIO) when the GPIO chip cannot be opened."""

    def __init__(self, chip: int | None = None) -> None:
        with _as_os_error():
            super().__init__(chip)
        self.pin_class = QuietPin

    @property
    def handle(self) -> Any:
        """lgpio's handle of the opened chip."""
        return self._handle
