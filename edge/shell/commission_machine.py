"""Looks at the machine that the controller runs on; what it comes to is judged in edge/core/diagnosis_machine.py."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from edge.core.diagnosis_machine import CardSeen, ClockSeen, HealthSeen, MachineSeen
from edge.core.site import Site
from edge.shell.clock import Clock, SystemClock
from edge.shell.commission_broker import see_broker
from edge.shell.commission_places import Places, mount_of, seconds_of, systemd_setting, text_of, throttled
from edge.shell.commission_rights import see_rights
from edge.shell.keeping import FILE

MB = 1_000_000
SYNCS = 12
PIECE = bytes(4096)  # what a small commit writes at least
TRIAL = ".doctor"


@dataclass(frozen=True, slots=True)
class Machine:
    """Which machine it is: its model and serial number (None: it has none), its system and its kernel."""

    model: str | None
    serial: str | None
    system: str
    kernel: str


def which(places: Places) -> Machine:
    """Which machine it is, as far as it says."""
    system = (text_of(places.system) or "").splitlines()
    pretty = next((line.partition("=")[2].strip('"') for line in system if line.startswith("PRETTY_NAME=")), "?")
    return Machine(text_of(places.model), text_of(places.serial), pretty, text_of(places.kernel) or "?")


def see(
    site: Site, config: Path, state: Path | None, places: Places, *, simulated: bool = False,
    kernel_in_step: Callable[[], bool] | None = None,
) -> MachineSeen:
    """Everything that there is to be seen. `state` None: nobody said where it lies. Of a simulated village's machine,
    lines and ports are nobody's. `kernel_in_step` as SystemClock has it."""
    clock = SystemClock(places.synchronised, places.rtc, kernel_in_step)
    return MachineSeen(
        _clock(clock, site, places), None if state is None else see_card(state, site.history.max_mb, places, clock),
        see_broker(site, config, places), _health(places), see_rights(site, config, places, simulated=simulated),
    )  # fmt: skip


def _clock(clock: SystemClock, site: Site, places: Places) -> ClockSeen:
    moment = clock.now()
    now = dt.datetime.fromtimestamp(moment.wall, ZoneInfo(site.site.timezone))
    off_s = None
    with suppress(OSError, ValueError):
        off_s = float((places.rtc / "since_epoch").read_text("ascii")) - moment.wall
    return ClockSeen(f"{now:%d/%m/%Y %H:%M:%S} ({site.site.timezone})", clock.source, off_s)


def see_card(state: Path, most_mb: float, places: Places, clock: Clock) -> CardSeen:
    """What the state directory lies on, and how long a write takes there. What is written is taken away again."""
    if not state.is_dir():
        return CardSeen(str(state.absolute()), there=False)
    kind, options = mount_of(places, state)
    room = os.statvfs(state)
    error: str | None = None
    took: tuple[float, ...] = ()
    try:
        took = _syncs(state, clock)
    except OSError as wrong:
        error = wrong.strerror or str(wrong)
    history_mb = sum(_size(state / f"{FILE}{end}") for end in ("", "-wal")) / MB
    free_mb = room.f_bavail * room.f_frsize / MB
    return CardSeen(str(state.absolute()), True, error, kind, options, free_mb, took, history_mb, most_mb)


def _syncs(state: Path, clock: Clock) -> tuple[float, ...]:
    """How long (ms) each of some small writes takes to be on the disk. Raises OSError."""
    path = state / f"{TRIAL}-{os.getpid()}"
    took = []
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            for _ in range(SYNCS):
                began = clock.mono()
                os.write(descriptor, PIECE)
                os.fsync(descriptor)
                took.append((clock.mono() - began) * 1000)
        finally:
            os.close(descriptor)
    finally:
        with suppress(OSError):
            path.unlink()
    return tuple(took)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _health(places: Places) -> HealthSeen:
    names = [text_of(path / "identity") or path.name for path in sorted(places.watchdogs.glob("watchdog*"))]
    storage = (systemd_setting(places, "journald", "Storage") or "auto").lower()
    kept = storage == "persistent" or (storage == "auto" and places.journals.is_dir())
    return HealthSeen(
        names[0] if names else None, seconds_of(systemd_setting(places, "system", "RuntimeWatchdogSec")),
        throttled(places), "persistent" if kept else "volatile",
        systemd_setting(places, "journald", "SystemMaxUse" if kept else "RuntimeMaxUse"),
    )  # fmt: skip
