"""What a process may do that is confined as the unit that it runs in: a line of JSON, each attempt with what came of it.

Runs on the machine's own Python, in the place of a unit's ExecStart.
"""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

C = ctypes.CDLL(None, use_errno=True)
FOUND: dict[str, object] = {}


def attempt(name: str, what: Callable[[], object]) -> None:
    """Note what it gives, or the name of its error."""
    try:
        FOUND[name] = what()
    except OSError as error:
        FOUND[name] = errno.errorcode.get(error.errno or 0, str(error))


def call(function: Callable[..., int], *words: object) -> object:
    """A function of libc: what it returns."""
    ctypes.set_errno(0)
    if (given := function(*words)) < 0:
        raise OSError(ctypes.get_errno(), "refused")
    return given


def opened(device: str) -> bool:
    os.close(os.open(f"/dev/{device}", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK))
    return True


def written(folder: str) -> bool:
    file = Path(folder) / f"probe-{os.getpid()}"
    file.touch()
    file.unlink()
    return True


def sorted_by_c() -> list[int]:
    """Numbers in order, by a function of libc that calls one of Python."""
    numbers = (ctypes.c_int * 3)(3, 1, 2)
    pointer = ctypes.POINTER(ctypes.c_int)
    compare = ctypes.CFUNCTYPE(ctypes.c_int, pointer, pointer)
    C.qsort(numbers, 3, 4, compare(lambda a, b: a[0] - b[0]))
    return list(numbers)


def piped() -> bool:
    os.mkfifo(".lgd-probe")
    Path(".lgd-probe").unlink()
    return True


def status(*keys: str) -> list[str]:
    """Of this process, as the kernel has it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return [line.split()[1] for key in keys for line in lines if line.startswith(f"{key}:")]


clock = ctypes.create_string_buffer(512)
attempt("clock is asked", lambda: call(C.adjtimex, clock))
ctypes.c_uint.from_buffer(clock).value = 1  # ADJ_OFFSET
attempt("clock is adjusted", lambda: call(C.adjtimex, clock))
attempt("clock is set", lambda: time.clock_settime(time.CLOCK_REALTIME, 2e9))
attempt("boot id", lambda: len(Path("/proc/sys/kernel/random/boot_id").read_text()))
attempt("kernel's modules", lambda: len(list(Path("/sys/module").iterdir())) > 0)
attempt("rtc", lambda: int(Path("/sys/class/rtc/rtc0/since_epoch").read_text()))
attempt("others", lambda: sum(entry.name.isdecimal() for entry in Path("/proc").iterdir()))
attempt("pipe of lgpio", piped)
attempt("callback", sorted_by_c)
attempt("machine code", lambda: bool(mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)))
attempt("namespace", lambda: call(C.unshare, 0x10000000))  # CLONE_NEWUSER
attempt("secret", lambda: len(Path("/etc/village-edge/secrets/controller").read_text()) > 10)
attempt("loopback", lambda: socket.create_connection(("127.0.0.1", 1883), 2).close())
for family in ("AF_INET", "AF_INET6", "AF_UNIX", "AF_PACKET", "AF_NETLINK"):
    kind = socket.SOCK_DGRAM if family != "AF_NETLINK" else socket.SOCK_RAW
    attempt(family, lambda f=family, k=kind: socket.socket(getattr(socket, f), k).close())  # type: ignore[misc]
for name in sys.argv[1:]:
    attempt(f"/dev/{name}", lambda n=name: opened(n))  # type: ignore[misc]
FOUND["writable"] = []
for place in ("/", "/etc", "/etc/village-edge", "/usr", "/opt/village-edge", "/home", "/root", "/tmp", "/var", "/var/tmp",
              "/var/lib/village-edge", "/var/backups", "/run", "/run/village-edge", "/dev/shm", "/sys", "/proc/sys/kernel"):  # fmt: skip
    attempt("this", lambda p=place: written(p))  # type: ignore[misc]
    if FOUND.pop("this") is True:
        FOUND["writable"] = [*FOUND["writable"], place]  # type: ignore[misc]
FOUND["capabilities"], FOUND["no new rights"], FOUND["filtered"] = status("CapEff", "NoNewPrivs", "Seccomp")
FOUND["root"] = os.getuid() == 0
print(json.dumps(FOUND))
