"""A machine of its own: Debian 12 with systemd as PID 1, in namespaces, on a disk whose power can be cut.

The base system is made once, with debootstrap, and kept in build/machine (MACHINE_CACHE names another place); each
machine writes into a layer of its own above it. Needs root, debootstrap and the network for the first time.

    with Machine(tmp_path / "machine") as machine:       # or Machine(folder, base=layers of another machine)
        machine.boot()
        machine.run("systemctl", "start", "mosquitto")
        machine.cut()                                    # the power goes: what was not synced is lost with `disk_mb`
        machine.boot()                                   # another boot id, the monotonic clock begins anew

The checkout lies in /src (read-only), wheels of what requirements.lock names in /wheels, and `machine.shared` is the
same directory, by the same path, inside and outside. What is outside lies in /host as well, for programs of the tests
that must be among the machine's processes.
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self, TypeVar

import pytest
from support import until

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[1]
CACHE = Path(os.environ.get("MACHINE_CACHE", ROOT / "build" / "machine"))
SUITE, MIRROR = "bookworm", "http://deb.debian.org/debian"
PACKAGES = (
    "systemd", "systemd-sysv", "dbus", "python3", "python3-venv", "mosquitto", "mosquitto-clients", "iproute2", "procps",
    "ca-certificates",
)  # fmt: skip
CLONE_NEWNET = 0x40000000
EXT4_IOC_SHUTDOWN, WITHOUT_A_FLUSH = 0x8004587D, 2
BOOT = Path(__file__).with_name("machine") / "boot.sh"


def need_machines() -> None:
    """Skip the test where no machine can be made, and say why."""
    if os.geteuid():
        pytest.skip("a machine of its own needs root")
    for tool in ("debootstrap", "unshare", "nsenter", "ip"):
        if not shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
            pytest.skip(f"a machine of its own needs {tool}: apt-get install debootstrap util-linux iproute2")
    tried = subprocess.run([*NAMESPACES, "--time", "--net", "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"no namespaces here: {tried.stderr.strip()}")


GENTLY = ["nice", "-n", "5"]  # behind what runs beside it, as the browser of the page's tests is
NAMESPACES = [*GENTLY, "unshare", "--fork", "--pid", "--mount", "--uts", "--ipc", "--cgroup", "--kill-child"]


@contextmanager
def alone(name: str) -> Iterator[Path]:
    """The cache, while nobody else makes that part of it."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield CACHE / name


def base_system() -> Path:
    """The folder of the base system, made if it is not there."""
    wanted = " ".join((SUITE, *PACKAGES))
    with alone("root") as root:
        mark = root / "etc" / "made-of"
        if mark.exists() and mark.read_text() == wanted:
            return root
        shutil.rmtree(root, ignore_errors=True)
        command = ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", SUITE, str(root), MIRROR]
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        if made.returncode:
            pytest.skip(f"debootstrap could not make the base system: {made.stdout[-500:]}{made.stderr[-500:]}")
        _make_plain(root)
        mark.write_text(wanted)
        return root


def _make_plain(root: Path) -> None:
    """As a new card is: nothing runs that was not asked for, and apt works as it does here."""
    (root / "etc" / "machine-id").write_text("")
    for name in ("apt.conf.d", "sources.list.d"):
        shutil.copytree(f"/etc/apt/{name}", root / "etc" / "apt" / name, dirs_exist_ok=True)
    certificates = Path("/etc/ssl/certs/ca-certificates.crt")
    if certificates.exists():
        shutil.copyfile(certificates, root / certificates.relative_to("/"))
    subprocess.run(["chroot", str(root), "systemctl", "disable", "mosquitto"], capture_output=True, check=False)


def wheels() -> Path:
    """Wheels of all that requirements.lock names, and of what builds the checkout, for the machine's Python."""
    lock = ROOT / "requirements.lock"
    with alone("wheels-" + hashlib.sha256(lock.read_bytes()).hexdigest()[:12]) as folder:
        if not (folder / "complete").exists():
            folder.mkdir(exist_ok=True)
            command = [
                sys.executable, "-m", "pip", "download", "-q", "--require-hashes", "--only-binary=:all:",
                "--python-version", "3.11", "-d", str(folder), "-r", str(lock),
            ]  # fmt: skip
            got = subprocess.run(command, capture_output=True, text=True, check=False)
            if got.returncode:
                pytest.skip(f"the wheels could not be fetched: {got.stderr[-500:]}")
            (folder / "complete").touch()
        return folder


def in_network(network: Path, work: Callable[[], T]) -> T:
    """What `work` gives in the network namespace of that file. Raises what it raises, and OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    made: list[T] = []
    failed: list[BaseException] = []

    def there() -> None:  # a thread may leave its network behind; what it makes stays where it was made
        try:
            with network.open("rb") as handle:
                if libc.setns(handle.fileno(), CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
            made.append(work())
        except BaseException as error:  # it belongs to who asked
            failed.append(error)

    thread = threading.Thread(target=there)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return made[0]


def dial(network: Path, port: int, host: str = "127.0.0.1") -> socket.socket:
    """A connection to a TCP port from within a network. Raises OSError."""
    return in_network(network, lambda: socket.create_connection((host, port), timeout=5))


class Machine:
    """One machine: off until `boot`."""

    def __init__(
        self, folder: Path, base: tuple[Path, ...] = (), disk_mb: int = 0, network: bool = False, source: Path = ROOT
    ) -> None:
        """`base`: layers of other machines below its own, the newest first; `disk_mb`: its disk is a file system of its
        own, whose power is cut with the machine's; `network`: it shares this machine's network, in place of one that
        has but a loopback; `source`: the checkout in /src."""
        need_machines()
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.shared = Path(tempfile.mkdtemp(prefix="machine-", dir="/run"))  # short: sockets lie there
        self.shared.chmod(0o755)
        self._disk = folder / "disk"
        self._disk.mkdir(exist_ok=True)
        self._image = folder / "disk.img" if disk_mb else None
        if self._image is not None and not self._image.exists():
            with self._image.open("wb") as file:
                file.truncate(disk_mb * 1024 * 1024)
            subprocess.run(["mkfs.ext4", "-q", "-F", str(self._image)], check=True)
        self._base = base
        self._network = network
        self._source = source
        self._process: subprocess.Popen[bytes] | None = None
        self.init = 0
        self.boots = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        shutil.rmtree(self.shared, ignore_errors=True)

    @property
    def layers(self) -> tuple[Path, ...]:
        """What lies below another machine that begins as this one is now; it must be off and stay so, and have no disk of
        its own."""
        return (self._disk / "upper", *self._base)

    @property
    def log(self) -> str:
        """What the consoles of all boots showed."""
        return (self.folder / "console.log").read_text("utf-8", "replace")

    def boot(self, timeout_s: float = 60) -> None:
        """Switch it on, and return once systemd says that it has started what is to be started."""
        self.switch_on()
        until(lambda: self.state() in ("running", "degraded"), timeout_s, "systemd to have booted")

    def switch_on(self) -> None:
        """Switch it on, and return once systemd answers."""
        self.boots += 1
        boot_id = self.folder / "boot_id"
        boot_id.write_text(f"{uuid.uuid4()}\n")
        uptime = int(float(Path("/proc/uptime").read_text().split()[0]))
        lower = ":".join(str(layer) for layer in (*self._base, base_system()))
        command = [
            *NAMESPACES, "--time", "--boottime", str(-uptime), "--monotonic", str(-uptime),
            *([] if self._network else ["--net"]),
            "sh", str(BOOT), lower, str(self._disk), str(self._image or ""), str(self.shared), str(self._source), str(wheels()),
            str(boot_id),
        ]  # fmt: skip
        with (self.folder / "console.log").open("ab") as console:
            process = self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=console, stderr=console)
        self.init = until(lambda: self._find_init() or process.poll() is not None, 20, "the machine's first process")
        if process.poll() is not None:
            raise RuntimeError(f"the machine did not come up: {self.log[-2000:]}")
        until(lambda: self.run("test", "-S", "/run/systemd/private", check=False).returncode == 0, 20, "systemd")

    def state(self) -> str:
        """What `systemctl is-system-running` says."""
        return self.run("systemctl", "is-system-running", check=False).stdout.strip()

    def command(self, *words: str) -> list[str]:
        """What runs a command in it, in its root directory and as root."""
        inside = ["env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8"]
        return [*GENTLY, "nsenter", "-t", str(self.init), "-m", "-u", "-i", "-n", "-p", "-C", "-T", "-r", "-w", *inside, *words]

    def run(
        self, *words: str, check: bool = True, timeout_s: float = 120, text: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; `text` is what it reads."""
        done = subprocess.run(
            self.command(*words), input=text, stdin=None if text is not None else subprocess.DEVNULL,
            capture_output=True, text=True, check=False, timeout=timeout_s,
        )  # fmt: skip
        if check and done.returncode:
            raise AssertionError(f"{' '.join(words)}: {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done

    def dial(self, port: int, host: str = "127.0.0.1") -> socket.socket:
        """A connection to a TCP port as a program in it would get one. Raises OSError."""
        return dial(Path(f"/proc/{self.init}/ns/net"), port, host)

    def write(self, path: str, text: str, mode: str = "644") -> None:
        """Put a file into it."""
        self.run("sh", "-c", f'umask 077; mkdir -p "$(dirname "{path}")" && cat > "{path}" && chmod {mode} "{path}"', text=text)

    def read(self, path: str) -> str:
        """A file of it."""
        return self.run("cat", path).stdout

    def journal(self, unit: str) -> str:
        """What a unit said in this boot."""
        return self.run("journalctl", "--no-pager", "-b", "-o", "short-monotonic", "-u", unit, check=False).stdout

    def power_off(self) -> None:
        """End it in good order."""
        self.run("systemctl", "poweroff", check=False)
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(60)
        self.kill()

    def cut(self) -> None:
        """Cut its power: with a disk of its own, what was not synced is gone."""
        if self._image is not None and self._process is not None:
            for number in self._processes():  # no sync may be under way: what it promised could not be told from what it did
                with suppress(ProcessLookupError):
                    os.kill(number, signal.SIGSTOP)
            handle = os.open(f"/proc/{self.init}/root/host{self._disk.absolute()}", os.O_RDONLY)
            fcntl.ioctl(handle, EXT4_IOC_SHUTDOWN, struct.pack("I", WITHOUT_A_FLUSH))
            os.close(handle)
        self.kill()

    def on_disk(self, command: str) -> str:
        """What a shell command prints, run in the root of all that it has written on its disk, while it is off."""
        mount = 'mount -o loop,noatime "$1" "$2" && ' if self._image else ""
        script = f'{mount}mkdir -p "$2/upper" && cd "$2/upper" && {command}'
        words = ["unshare", "--mount", "sh", "-euc", script, "sh", str(self._image), str(self._disk)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        self._wait_for_disk()
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    def kill(self) -> None:
        """End all its processes at once."""
        if self._process is not None:
            if self.init and Path(f"/proc/{self.init}").exists():
                with suppress(ProcessLookupError):
                    os.kill(self.init, signal.SIGKILL)
            self._process.kill()
            self._process.wait(20)
            self._process, self.init = None, 0
            self._leave_no_groups()
            self._wait_for_disk()

    def _leave_no_groups(self) -> None:
        """Take away the control groups that boot.sh made for it."""
        mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
        for top in (Path(words[1]) / self.shared.name for words in mounts if words[2] == "cgroup2"):
            if top.exists():
                until(lambda t=top: "populated 0" in (t / "cgroup.events").read_text(), 10, "its last process to be gone")  # type: ignore[misc]
                for folder, _, _ in os.walk(top, topdown=False):
                    Path(folder).rmdir()

    def _wait_for_disk(self) -> None:
        """Until nobody has it mounted any more: it went with the last process that saw it."""
        users = ["losetup", "-j", str(self._image)]
        if self._image is not None:
            until(lambda: not subprocess.run(users, capture_output=True, check=True).stdout, 20, "the disk to be let go of")

    def _find_init(self) -> int:
        """The process that is PID 1 inside, once it is systemd."""
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        with suppress(OSError, ValueError, IndexError):
            child = int(children.read_text().split()[0])
            if Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                return child
        return 0

    def _processes(self) -> list[int]:
        """All processes in it, as this machine numbers them, the first one last."""
        inside = Path(f"/proc/{self.init}/ns/pid").stat().st_ino
        found = []
        for entry in Path("/proc").iterdir():
            with suppress(OSError):
                if entry.name.isdecimal() and (entry / "ns" / "pid").stat().st_ino == inside:
                    found.append(int(entry.name))
        return sorted(found, key=lambda number: (number == self.init, number))
