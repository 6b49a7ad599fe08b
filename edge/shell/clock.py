"""The only reader of time. Everything else is handed a Moment."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from edge.core.values import Moment


class Clock(Protocol):
    """Says what time it is, and who vouches for it (`source`, as published on `<root>/time`)."""

    source: str

    def now(self) -> Moment:
        """One look at the wall clock and the monotonic clock."""

    def mono(self) -> float:
        """The monotonic clock alone, in seconds: for deadlines of what blocks."""


SYNCHRONISED = Path("/run/systemd/timesync/synchronized")  # made when NTP has set the clock, in this boot
RTC = Path("/sys/class/rtc/rtc0")
RTC_AGREES_S = 10.0
NOT_BEFORE = 1767225600.0  # 2026-01-01: a battery-backed clock that shows less has lost its battery
LOOK_AGAIN_S = 1.0
TIME_ERROR = 5  # <sys/timex.h>: the clock is not synchronised


class SystemClock:
    """The machine's clocks. The wall clock is trusted once NTP or a battery-backed clock has confirmed it this boot."""

    def __init__(
        self, synchronised: Path = SYNCHRONISED, rtc: Path = RTC, kernel: Callable[[], bool] | None = None
    ) -> None:
        """`kernel` says whether some NTP service, whichever, keeps the kernel's clock in step."""
        self.source = "none"
        self._kernel = kernel or _kernel_in_step
        self._synchronised = synchronised
        self._rtc = rtc
        self._look_at = float("-inf")
        self._boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()

    def now(self) -> Moment:
        """One look at the wall clock and the monotonic clock."""
        wall, mono = time.time(), self.mono()
        if mono >= self._look_at and self.source != "ntp":
            self._look_at = mono + LOOK_AGAIN_S
            self.source = self._voucher(wall)
        return Moment(wall, mono, self._boot, self.source != "none")

    def mono(self) -> float:
        """Seconds since boot, suspended time included."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def _voucher(self, wall: float) -> str:
        if self._synchronised.exists() or self._kernel():
            return "ntp"
        if self.source == "rtc":
            return "rtc"  # what it vouched for once stays, also when somebody then sets the system's clock
        try:
            rtc = float((self._rtc / "since_epoch").read_text("ascii"))
        except (OSError, ValueError):
            return "none"
        return "rtc" if rtc >= NOT_BEFORE and abs(rtc - wall) <= RTC_AGREES_S else "none"


def _kernel_in_step() -> bool:
    """What adjtimex(2) says; False where a hardened unit may not ask, and the file of systemd-timesyncd must do."""
    whole_struct = ctypes.create_string_buffer(512)
    state: int = ctypes.CDLL(None).adjtimex(whole_struct)
    return 0 <= state < TIME_ERROR


class SimulatedClock(SystemClock):
    """The machine's clocks beside a simulated village: right and trusted but for the village's faults."""

    def __init__(self, sim: Path) -> None:
        """`sim` is village-sim's run directory.

        While DIR/clock-untrusted is there, nobody vouches for the time; DIR/clock-offset holds how far the wall clock
        is off (s). Both are looked at once a second.
        """
        super().__init__()
        self._fault = sim / "clock-untrusted"
        self._off = sim / "clock-offset"
        self._off_s = 0.0

    def now(self) -> Moment:
        """One look at the wall clock and the monotonic clock."""
        moment = super().now()
        return Moment(moment.wall + self._off_s, moment.mono, moment.boot, moment.trusted)

    def _voucher(self, wall: float) -> str:  # noqa: ARG002 - the village vouches for whatever time it is
        try:
            self._off_s = float(self._off.read_text("ascii"))
        except (OSError, ValueError):  # not there, or not wholly written yet
            self._off_s = 0.0
        return "none" if self._fault.exists() else "simulated"


class ManualClock:
    """A clock that moves only when told to. Any thread may read it."""

    def __init__(self, wall: float, mono: float = 1000.0, boot: str = "boot-1", trusted: bool = True) -> None:
        self.source = "simulated"
        self._moment = self._since = Moment(wall, mono, boot, trusted)  # `_since`: when the wall clock was last set
        self._lock = threading.Lock()

    def now(self) -> Moment:
        """The moment it was moved to."""
        return self._moment

    def mono(self) -> float:
        """The monotonic time it was moved to."""
        return self._moment.mono

    def advance(self, seconds: float) -> None:
        """Let time pass: both clocks move by `seconds` (>= 0)."""
        if seconds < 0:
            raise ValueError("time does not run backwards: use set_wall to move the wall clock")
        with self._lock:
            m, mono = self._moment, self._moment.mono + seconds
            # Summed up, steps of less than a wall time can tell would never move it.
            self._moment = Moment(self._since.wall_at(mono), mono, m.boot, m.trusted)

    def set_wall(self, wall: float, trusted: bool | None = None) -> None:
        """Set the wall clock to `wall` (Unix s), as NTP or a hand would; the monotonic clock goes on as it was."""
        with self._lock:
            m = self._moment
            self._moment = self._since = Moment(wall, m.mono, m.boot, m.trusted if trusted is None else trusted)

    def reboot(self, boot: str, down_s: float = 0.0) -> None:
        """Power was away for `down_s` seconds: the monotonic clock starts again under a new boot id."""
        with self._lock:
            m = self._moment
            self._moment = self._since = Moment(m.wall + down_s, 0.0, boot, m.trusted)
