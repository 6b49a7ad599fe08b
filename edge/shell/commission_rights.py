"""What this user may do with the machine's lines, ports and secrets, and what its kernel says of its lines."""

from __future__ import annotations

import grp
import os
import pwd
import stat
import subprocess
import sys
from pathlib import Path

from edge.core.diagnosis import Finding
from edge.core.diagnosis_rights import DeviceSeen, LinesSeen, RightsSeen, SecretSeen, lines_finding, rights_findings
from edge.core.site import Site
from edge.shell.commission_places import Places, text_of
from edge.shell.site_file import password_file, token_file

DRIVERS = ("pinctrl_bcm2835", "pinctrl_rp1")  # of all models before the Pi 5, and of the Pi 5
OWN_KERNEL = ("rpi", "-v7", "-v8", "raspi")  # how Raspberry Pi's own are called: 6.12.25+rpt-rpi-v8
TRY_LGPIO = "import lgpio; lgpio.gpiochip_open; lgpio.gpio_claim_output"
PATIENCE_S = 30.0  # a cold import on the oldest Pi


def see_rights(site: Site, config: Path, places: Places, *, simulated: bool) -> list[Finding]:
    """All findings about rights and lines."""
    lines = not simulated and _uses_lines(site)
    groups = _groups()
    needed = [*(["gpio"] if lines else []), *(["dialout"] if site.ports and not simulated else [])]
    chips = [_device(path) for path in sorted(places.dev.glob("gpiochip*"))] if lines else None
    ports = {} if simulated else {n: _port(Path(p.device), places) for n, p in site.ports.items()}
    secrets = [_secret(path) for path in (password_file(site, config), token_file(site, config)) if path is not None]
    folder = None if not lines or os.access(Path.cwd(), os.W_OK, effective_ids=True) else str(Path.cwd())
    found = rights_findings(RightsSeen(
        _user(), os.geteuid() == 0, groups, [g for g in needed if g not in groups], chips, ports, secrets, folder,
        _lgpio() if lines else None,
    ))  # fmt: skip
    return [*found, lines_finding(see_lines(places))] if lines and chips else found


def see_lines(places: Places) -> LinesSeen:
    """What the kernel says of lines whose process has died. A line that was let go and stays driven shows in the
    chip's registers alone, so it is the driver's parameter that is believed, not a line that was tried."""
    kernel = text_of(places.kernel) or "?"
    own = any(word in kernel for word in OWN_KERNEL)
    for driver in DRIVERS:
        path = places.modules / driver / "parameters" / "persist_gpio_outputs"
        if (said := text_of(path)) is not None:
            return LinesSeen(kernel, own, said in ("Y", "1"), f"{path}: {said}")
    return LinesSeen(kernel, own)


def _uses_lines(site: Site) -> bool:
    return bool(site.read_inputs() or site.counted_inputs()) or any(hasattr(o, "gpio") for o in site.outputs().values())


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _groups() -> list[str]:
    names: dict[str, None] = {}
    for number in sorted({os.getegid(), *os.getgroups()}):
        try:
            names[grp.getgrgid(number).gr_name] = None
        except KeyError:
            names[str(number)] = None
    return list(names)


def _device(path: Path, stable: str | None = None) -> DeviceSeen:
    there = path.exists()
    return DeviceSeen(str(path), there, there and os.access(path, os.R_OK | os.W_OK, effective_ids=True), stable)


def _port(device: Path, places: Places) -> DeviceSeen:
    """A serial port's device, with the name in /dev/serial that leads to the same one."""
    names = [*sorted((places.dev / "serial/by-path").glob("*")), *sorted((places.dev / "serial/by-id").glob("*"))]
    here = places.dev / device.relative_to("/dev") if device.is_relative_to("/dev") else device
    stable = next((str(name) for name in names if name != here and name.resolve() == here.resolve()), None)
    seen = _device(here, stable)
    return DeviceSeen(str(device), seen.there, seen.usable, seen.stable)


def _secret(path: Path) -> SecretSeen:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return SecretSeen(str(path), there=False, readable=False, others=False, mode="")
    except OSError:
        return SecretSeen(str(path), there=True, readable=False, others=False, mode="?")
    readable = os.access(path, os.R_OK, effective_ids=True)
    return SecretSeen(str(path), True, readable, bool(mode & 0o007), f"{mode:o}")


def _lgpio() -> str:
    """`ok`, `missing`, `stub`, or the error's words; in a process of its own, for it writes files where it stands."""
    try:
        done = subprocess.run(  # noqa: S603 - it is our own
            [sys.executable, "-c", TRY_LGPIO], check=False, capture_output=True, text=True, timeout=PATIENCE_S,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    last = (done.stderr.strip().splitlines() or [""])[-1]
    known = {"ModuleNotFoundError": "missing", "AttributeError": "stub"}
    return "ok" if done.returncode == 0 else known.get(last.partition(":")[0], last)
