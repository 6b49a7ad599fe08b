"""Where the facts of a machine lie, and how its small files are read. Each place is a parameter: tests have their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

from edge.shell.clock import RTC, SYNCHRONISED

_UNITS = {"": 1.0, "s": 1.0, "sec": 1.0, "ms": 0.001, "min": 60.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class Places:
    """Files and folders of a Linux machine, as Raspberry Pi OS has them."""

    synchronised: Path = SYNCHRONISED
    rtc: Path = RTC
    mounts: Path = Path("/proc/self/mountinfo")
    tcp: Path = Path("/proc/net/tcp")
    tcp6: Path = Path("/proc/net/tcp6")
    kernel: Path = Path("/proc/sys/kernel/osrelease")
    model: Path = Path("/proc/device-tree/model")
    serial: Path = Path("/proc/device-tree/serial-number")
    system: Path = Path("/etc/os-release")
    dev: Path = Path("/dev")
    modules: Path = Path("/sys/module")
    watchdogs: Path = Path("/sys/class/watchdog")
    platform: Path = Path("/sys/devices/platform")
    journals: Path = Path("/var/log/journal")
    systemd: Path = Path("/etc/systemd")
    systemd_run: Path = Path("/run/systemd")
    systemd_lib: Path = Path("/usr/lib/systemd")

    @classmethod
    def under(cls, root: Path) -> Places:
        """The same, in a tree of its own."""
        return cls(**{f.name: root / str(f.default).lstrip("/") for f in fields(cls)})


def text_of(path: Path) -> str | None:
    """What a small file says, without what a device tree ends its texts with; None: it cannot be read."""
    try:
        return path.read_text("utf-8", "replace").strip("\0 \n")
    except OSError:
        return None


def throttled(places: Places) -> int | None:
    """The firmware's word of voltage and heat; its folder is called after the chip. None: there is none."""
    for path in sorted(places.platform.glob("soc*/soc*:firmware/get_throttled")):
        if word := text_of(path):
            return int(word, 16)
    return None


def systemd_setting(places: Places, name: str, key: str) -> str | None:
    """A setting of systemd's file NAME.conf and of those in NAME.conf.d; the last one counts. None: there is none."""
    folders = (places.systemd_lib, places.systemd_run, places.systemd)
    files = {p.name: p for folder in folders for p in sorted((folder / f"{name}.conf.d").glob("*.conf"))}
    found = None
    for path in (places.systemd / f"{name}.conf", *(files[n] for n in sorted(files))):
        for line in (text_of(path) or "").splitlines():
            left, sign, right = line.partition("=")
            if sign and left.strip() == key:
                found = right.strip() or None  # an empty one takes back what stood before
    return found


def seconds_of(text: str | None) -> float | None:
    """A time as systemd writes it, `15`, `15s`, `1min`; None: none, `off`, or 0."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?(ms|sec|s|min|m|h)?", text or "")
    return float(found[1]) * _UNITS[found[2] or ""] or None if found else None


def mount_of(places: Places, path: Path) -> tuple[str, frozenset[str]]:
    """The kind of file system that `path` lies on, and its options; ("", none) where that cannot be known.

    proc_pid_mountinfo(5): mount point and options are the fifth and sixth word; behind a lone dash stand the kind, the
    source, and the file system's own options.
    """
    best, found = -1, ("", frozenset[str]())
    whole = path.resolve()
    for point, kind, options in _mounts(places):
        if whole.is_relative_to(point) and len(point.parts) >= best:
            best, found = len(point.parts), (kind, options)
    return found


def _mounts(places: Places) -> Iterator[tuple[Path, str, frozenset[str]]]:
    for line in (text_of(places.mounts) or "").splitlines():
        before, dash, behind = line.partition(" - ")
        words, more = before.split(), behind.split()
        if dash and len(words) >= 6 and len(more) >= 3:
            point = re.sub(r"\\(\d{3})", lambda octal: chr(int(octal[1], 8)), words[4])
            yield Path(point), more[0], frozenset(words[5].split(",")) | frozenset(more[2].split(","))


def listeners(places: Places, port: int) -> list[str]:
    """The addresses at which something listens on a TCP port; proc_net_tcp: state 0A, in the machine's byte order."""
    found = []
    for path in (places.tcp, places.tcp6):
        for line in (text_of(path) or "").splitlines()[1:]:
            words = line.split()
            address, _, number = words[1].partition(":") if len(words) > 3 else ("", "", "0")
            if words[3:4] == ["0A"] and int(number, 16) == port:
                found.append(_address(bytes.fromhex(address)))
    return found


def _address(raw: bytes) -> str:
    import ipaddress
    import struct

    whole = struct.pack(f">{len(raw) // 4}I", *struct.unpack(f"={len(raw) // 4}I", raw))
    if len(raw) == 4:
        return str(ipaddress.IPv4Address(whole))
    six = ipaddress.IPv6Address(whole)
    return str(six.ipv4_mapped or six)
