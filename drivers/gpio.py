"""Relays, contacts and pulse counters on GPIO lines, on gpiozero with whatever pin factory is in force.

Without GPIOZERO_PIN_FACTORY, or with `lgpio`, lines are driven by drivers.lgpio_pins; any other name is gpiozero's to
find (`village` is the simulator's, `mock` gpiozero's own). gpiozero is imported when the first line is used.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from drivers.api import DriverError, PortGone
from drivers.pulses import PulseFilter

_factory_lock = threading.Lock()


def pin_factory() -> Any:
    """The gpiozero factory in force, made at the first call and then gpiozero's default for every device.

    Raises PortGone when lgpio or the GPIO chip is missing, DriverError when GPIOZERO_PIN_FACTORY names no factory.
    """
    from gpiozero import BadPinFactory, Device, PinUnknownPi

    name = os.environ.get("GPIOZERO_PIN_FACTORY") or "lgpio"
    with _factory_lock:
        try:
            if Device.pin_factory is None and name.lower() == "lgpio":
                from drivers.lgpio_pins import QuietFactory

                Device.pin_factory = QuietFactory()
            Device.ensure_pin_factory()
        except ImportError as e:
            if name.lower() != "lgpio":
                raise DriverError(f"the pin factory {name!r} cannot be loaded: {e}") from e
            text = "lgpio is missing: install Debian's python3-lgpio, and make the venv with --system-site-packages"
            raise PortGone(text) from e
        except PinUnknownPi as e:
            raise PortGone("this machine has no Raspberry Pi GPIO: for the simulated village use --sim DIR") from e
        except BadPinFactory as e:
            raise DriverError(f"GPIOZERO_PIN_FACTORY names no pin factory: {e}") from e
        except OSError as e:
            text = f"the GPIO lines cannot be opened ({name}): {e.strerror or e}"
            if name.lower() == "lgpio":
                text += "; the user must be in group gpio, and the working directory writable"
            raise PortGone(text) from e
        return Device.pin_factory


class GpioOutput:
    """One relay on the line `pin` (BCM number). `active_low`: the relay is on while the line is low."""

    def __init__(self, pin: int, active_low: bool) -> None:
        self._number = pin
        self._active_low = active_low
        self._pin: Any = None

    def write(self, on: bool) -> None:
        """Drive the relay; the first write claims the line as an output at that very level, in one step.

        Raises PortGone when the line, the chip or the simulator is not there or another process holds the line, and
        DriverError for anything else; the next write tries afresh.
        """
        level = on != self._active_low
        factory = pin_factory()
        with _plain_errors(self._number):
            if self._pin is None:
                pin = factory.pin(self._number)
                pin.output_with_state(level)
                self._pin = pin
            else:
                self._write_again(level)

    def _write_again(self, level: bool) -> None:
        from gpiozero import PinSetInput

        try:
            self._pin.state = level
        except PinSetInput:
            # The line fell back to an input behind our back, as when the simulator starts again.
            self._pin.output_with_state(level)

    def read(self) -> bool | None:
        """Whether the relay is driven on; None before the first write and when the line cannot be asked."""
        if self._pin is None:
            return None  # lgpio would make an unclaimed line an input only to read it
        from gpiozero import GPIOZeroError

        try:
            return bool(self._pin.state) != self._active_low
        except (GPIOZeroError, OSError):
            return None

    def why(self) -> str | None:
        """Nothing is known of why a line cannot be asked: the next write finds out."""
        return None

    def release(self) -> None:
        """Make the line an input, so that its pull decides; a later write claims it again. Raises as `write` does."""
        with _plain_errors(self._number):
            if self._pin is not None:
                self._pin.input_with_pull("floating")
        self._pin = None

    def close(self) -> None:
        """Let go of the line without moving it; a later write claims it again."""
        self._pin = None


class GpioInput:
    """One contact on the line `pin` (BCM number), whose pull-up is on. `active_low`: what the contact is named for
    holds while the line is low."""

    def __init__(self, pin: int, active_low: bool) -> None:
        self._number = pin
        self._active_low = active_low
        self._pin: Any = None
        self.error: str | None = None

    def read(self) -> bool | None:
        """Whether it holds; None, with `error` saying why, when the line cannot be asked: the next read tries afresh.

        The first read claims the line as an input. It is never made an output.
        """
        try:
            with _plain_errors(self._number):
                if self._pin is None:
                    pin = pin_factory().pin(self._number)
                    pin.input_with_pull("up")
                    self._pin = pin
                level = bool(self._pin.state)
        except DriverError as e:
            self.error = str(e)
            return None
        self.error = None
        return level != self._active_low

    def close(self) -> None:
        """Let go of the line, which stays an input; a later read claims it again."""
        self._pin = None


class PulseInput:
    """Counts the pulses of the contact on the line `pin` (BCM number), whose pull-up is on, from the first read on.

    `active_low`: a pulse pulls the line low. A pulse, and the rest before it, last `debounce_s` at least. `mono`: the
    monotonic clock (s). Edges come in threads of gpiozero's; reading may be done in any.
    """

    def __init__(self, pin: int, active_low: bool, debounce_s: float, mono: Callable[[], float]) -> None:
        self._number = pin
        self._active_low = active_low
        self._debounce_s = debounce_s
        self._mono = mono
        self._pin: Any = None
        self._lock = threading.Lock()
        self._filter: PulseFilter | None = None
        self._before: tuple[int, float | None] = (0, None)  # what was counted until the line was closed
        self.error: str | None = None

    def read(self) -> tuple[int, float | None] | None:
        """How many pulses began since the first read, and when the last one did (monotonic s).

        None, with `error` saying why, when the line cannot be asked: the next read tries afresh, and what was counted
        is kept.
        """
        try:
            with _plain_errors(self._number):
                if self._pin is None:
                    self._watch()
                else:
                    bool(self._pin.state)  # a line that is gone has no edges, and would seem to be at rest
        except DriverError as e:
            self.error = str(e)
            return None
        self.error = None
        with self._lock:
            if self._filter is not None:
                self._filter.settle(self._mono())
            return self._counted()

    def close(self) -> None:
        """Count no more; the line stays an input, and a later read counts on."""
        pin, self._pin = self._pin, None
        if pin is not None:
            pin.when_changed = None
        with self._lock:
            self._before, self._filter = self._counted(), None

    def _watch(self) -> None:
        pin = pin_factory().pin(self._number)
        pin.input_with_pull("up")
        by_itself = getattr(pin, "filters", False)
        with self._lock:
            active = bool(pin.state) != self._active_low
            self._filter = PulseFilter(0.0 if by_itself else self._debounce_s, active)
        pin.edges = "both"
        pin.bounce = self._debounce_s
        pin.when_changed = self._changed  # gpiozero only keeps a weak reference: this object must outlive the counting
        self._pin = pin

    def _changed(self, ticks: float, state: float) -> None:
        with self._lock:
            if self._filter is not None:
                self._filter.edge(bool(state) != self._active_low, ticks, self._mono())

    def _counted(self) -> tuple[int, float | None]:
        count, last_at = self._before
        if self._filter is None:
            return count, last_at
        return count + self._filter.count, last_at if self._filter.last_at is None else self._filter.last_at


@contextmanager
def _plain_errors(number: int) -> Iterator[None]:
    """Say in a technician's words what went wrong with the line of this BCM number."""
    from gpiozero import GPIOZeroError, PinInvalidPin

    name = f"GPIO {number}"
    try:
        yield
    except PinInvalidPin as e:
        raise DriverError(f"{name} does not exist on this board: use a BCM number from 0 to 27") from e
    except OSError as e:
        if e.errno == errno.EBUSY:
            text = f"{name} is held by another process: stop the other program or `village-edge run` that has it"
            raise PortGone(text) from e
        raise PortGone(f"{name}: {e.strerror or e}") from e
    except GPIOZeroError as e:
        raise DriverError(f"{name}: {e}") from e
