"""The emulated Raspberry Pi 3 as an object: Debian's stock QEMU, a card, a kernel, and a shell on its serial console."""

from __future__ import annotations

import os
import queue
import secrets
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from pi_image import BUILT, LOCKS, Kernel, bare_card, brought, digest, kernel, made, product, wheels
from pi_lines import Lines, Trace

QEMU = "qemu-system-aarch64"
BOOT_S = 120.0
HOME = "/opt/village-edge/current"
INTO_VENV = (
    "mkdir -p /opt/village-edge/releases && ln -s releases/emulated /opt/village-edge/current",
    "python3 -m venv --system-site-packages /opt/village-edge/releases/emulated",
    f"{HOME}/bin/pip install -q --no-index --find-links /brought --require-hashes -r /brought/requirements.lock -r /brought/lgpio.lock",
    "install -d -o village-edge -g village-edge -m 750 /var/lib/village-edge && install -d /etc/village-edge",
)
PRODUCT = (
    f"{HOME}/bin/pip install -q --no-index --no-deps /brought/village_edge-*.whl",
    f"ln -sf {HOME}/bin/village-edge /usr/local/bin/village-edge && village-edge --version",
)
USB_SERIAL = ("phy-generic", "dwc2", "ftdi_sio")  # in this order: the USB controller waits 10 s for the first one
# Several host threads are slower than one here: cores of the guest that have nothing to do would spin.
MACHINE = ("-M", "raspi3b", "-m", "1G", "-accel", "tcg,thread=single", "-display", "none", "-monitor", "none", "-no-reboot")


class Ended(Exception):
    """The machine went away, or did not answer in time; the text is the last that it said."""


class Pi:
    """One power-on of the machine, from `with` on, on `card`; the card keeps what is written to it.

    `now` (Unix s): what its clock shows at the start, confirmed as NTP would if `trusted`. `lines`: who follows its GPIO
    registers; None leaves them untraced, which is faster. `serial`: a serial device of this machine that the FTDI
    adapter at its USB port, /dev/ttyUSB0, is joined to. `files` are in its /brought. `more` goes to its kernel.
    """

    def __init__(
        self, card: Path, kernel: Kernel, folder: Path, *, now: float | None = None, trusted: bool = True,
        lines: Lines | None = None, serial: Path | None = None, files: Mapping[str, bytes] | None = None, more: str = "",
    ) -> None:
        self._folder = folder
        self._lines = lines
        self._trace: Trace | None = None
        self._said = bytearray()
        self._answers: queue.Queue[bytes | None] = queue.Queue()
        initrd = folder / "initrd"
        initrd.write_bytes(_padded(kernel.initrd.read_bytes()) + brought(files or {}))
        told = {"now": int(time.time() if now is None else now), "trusted": "yes" if trusted else ""}
        if serial is not None:
            told |= {"modules": ",".join(USB_SERIAL), "wait": "/dev/ttyUSB0"}
        words = " ".join(f"pi.{name}={value}" for name, value in told.items() if value)
        self._command = [
            QEMU, *MACHINE, "-kernel", str(kernel.image), "-dtb", str(kernel.tree), "-initrd", str(initrd),
            "-serial", "stdio", "-drive", f"if=sd,format=raw,file={card}",
            "-append", f"console=ttyAMA0,115200 rdinit=/init panic=-1 quiet {words} {more}",
        ]  # fmt: skip
        if serial is not None:
            self._command += ["-chardev", f"serial,id=usb,path={serial}", "-device", "usb-serial,chardev=usb"]

    def __enter__(self) -> Self:
        """Switch it on and return when its shell is there. Raises Ended."""
        if self._lines is not None:
            self._trace = Trace(self._folder / f"trace-{secrets.token_hex(4)}", self._lines)
            self._command += ["-msg", "timestamp=on", "-trace", f"memory_region_ops_write,file={self._trace.path}"]
        with (self._folder / "qemu.log").open("ab") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        threading.Thread(target=self._listen, daemon=True).start()
        try:
            self._until(b"@ready ", BOOT_S)
        except BaseException:
            self.cut()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.on:
            if kind is None:
                self.run("sync; mount -o remount,ro / 2>/dev/null || true")
            self.cut()

    @property
    def on(self) -> bool:
        """Whether it has power."""
        return self._process.poll() is None

    def cut(self) -> None:
        """Take its power away: the guest learns nothing of it. What it had written to the card stays."""
        if self._lines is not None and self._trace is None:
            return
        self._process.kill()
        self._process.wait()
        if self._trace is not None:
            self._trace.close()
            self._trace = None
        if self._lines is not None:
            self._lines.power_off()

    def run(self, command: str, deadline_s: float = 60.0) -> str:
        """What a shell command says on the machine, both streams; when this returns, all that it did to lines is known.

        Raises AssertionError when it fails, Ended when the machine does.
        """
        status, text = self.try_(command, deadline_s)
        assert status == 0, f"`{command}` ended with {status}: {text[-2000:]}"
        return text

    def try_(self, command: str, deadline_s: float = 60.0) -> tuple[int, str]:
        """A command's exit status and what it said. Raises Ended."""
        assert "\n" not in command, "the console takes a line"
        assert len(command) < 4000, "a terminal takes 4095 bytes in a line"
        token = secrets.token_hex(6)
        assert self._process.stdin is not None
        self._process.stdin.write(f"{token} {command}\n".encode())
        self._process.stdin.flush()
        said, status = self._until(f"@{token} ".encode(), deadline_s)
        if self._trace is not None:
            self._trace.catch_up()
        return int(status), said.removesuffix("\n")

    def until(self, command: str, deadline_s: float, what: str) -> str:
        """Run a command on the machine until it succeeds. Raises AssertionError after `deadline_s`."""
        end = time.monotonic() + deadline_s
        while True:
            status, text = self.try_(command, deadline_s)
            if status == 0:
                return text
            assert time.monotonic() < end, f"waited {deadline_s:g} s in vain for {what}: {text[-500:]}"

    def _listen(self) -> None:
        assert self._process.stdout is not None
        while chunk := os.read(self._process.stdout.fileno(), 65536):
            self._answers.put(chunk)
        self._answers.put(None)

    def _until(self, mark: bytes, deadline_s: float) -> tuple[str, str]:
        """What was said before the line that begins with `mark`, and the rest of that line."""
        end = time.monotonic() + deadline_s
        while True:
            begin = self._said.find(b"\n" + mark)
            stop = self._said.find(b"\n", begin + 1)
            if begin >= 0 and stop >= 0:
                said = self._said[:begin].decode("utf-8", "replace").replace("\r", "")
                rest = self._said[begin + 1 + len(mark) : stop].decode()
                del self._said[: stop + 1]
                return said, rest.strip()
            try:
                chunk = self._answers.get(timeout=max(end - time.monotonic(), 0))
            except queue.Empty:
                chunk = None
            if chunk is None:
                raise Ended(f"no {mark.decode()!r} within {deadline_s:g} s: {self._said[-2000:].decode('utf-8', 'replace')}")
            self._said += chunk


def copied(card: Path, to: Path) -> Path:
    """A copy of a card, as full as it is and no larger."""
    subprocess.run(["cp", "--sparse=always", str(card), str(to)], check=True)
    return to


def card() -> Path:
    """A card with this checkout's controller on it, installed on the machine itself from the lock files."""
    libraries = made(
        BUILT / "libraries.img",
        [bare_card().stat().st_mtime_ns, *(digest(lock) for lock in LOCKS), INTO_VENV],
        lambda image: _installed(bare_card(), [*wheels().iterdir(), *LOCKS], INTO_VENV, image),
    )
    of = [libraries.stat().st_mtime_ns, digest(product()), PRODUCT]
    return made(BUILT / "card.img", of, lambda image: _installed(libraries, [product()], PRODUCT, image))


def _installed(begun: Path, files: Iterable[Path], commands: Sequence[str], to: Path) -> None:
    """`to` becomes a copy of the card `begun` after the commands were run on it, in the machine."""
    with tempfile.TemporaryDirectory(prefix="pi-", dir=BUILT) as name:
        image = copied(begun, Path(name) / "card.img")
        with Pi(image, kernel("6.1"), Path(name), files={file.name: file.read_bytes() for file in files}) as pi:
            for command in commands:
                pi.run(command, 900)
        image.replace(to)


def _padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % 4)
