"""The card and the kernels of the emulated Raspberry Pi, made under build/pi from Debian 12's arm64 packages.

Nothing is compiled and no maintainer script is run: packages are unpacked into a tree, the tree becomes the card's file
system. What is made is kept, beside a mark of what it was made from, and made again only when that has changed; the
packages are fetched anew when their folder is deleted. The controller is installed on the card by tests/pi/conftest.py,
in the running machine.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import lzma
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
BUILT = ROOT / "build" / "pi"
GUEST = Path(__file__).parent / "pi" / "guest"
KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
MIRROR = "http://deb.debian.org/debian"
PACKAGES = [
    "base-files", "base-passwd", "dash", "bash", "coreutils", "util-linux", "mount", "libc-bin", "sed", "grep",
    "findutils", "tar", "gzip", "hostname", "python3", "python3-venv", "kmod", "procps", "iproute2", "mosquitto",
    "mosquitto-clients", "tzdata", "netbase",
]  # fmt: skip
BACKPORTS = "bookworm-backports"
# Debian 12's own, and one that can be told to leave lines driven when their process ends.
KERNELS = {"6.1": [], "6.12": [f"-oAPT::Default-Release={BACKPORTS}"]}
# What the card's kernel needs of its modules: the rest of 300 MB has no hardware here.
KEPT_MODULES = ("drivers/usb", "drivers/gpio", "drivers/pinctrl", "drivers/mmc", "fs/ext4", "fs/jbd2", "lib", "crypto")
CARD_MODULES = ("drivers/mmc/host/bcm2835", "crypto/crc32c_generic", "lib/crc16", "fs/mbcache", "fs/jbd2/jbd2", "fs/ext4/ext4")
CARD_BYTES = 1 << 30  # QEMU takes a power of two only
FOLDERS = ("usr/bin", "usr/sbin", "usr/lib", "usr/local/bin", "brought", "root", "dev", "proc", "sys", "run", "tmp")
GLIBC = ("manylinux_2_34", "manylinux_2_28", "manylinux_2_17", "manylinux2014", "linux")  # Debian 12 has 2.36
WHEELS = [
    "--only-binary=:all:", "--python-version=3.11", "--implementation=cp", "--abi=cp311", "--abi=abi3", "--abi=none",
    *(f"--platform={each}_aarch64" for each in GLIBC),
]  # fmt: skip
LOCKS = (ROOT / "requirements.lock", ROOT / "systemd" / "lgpio.lock")
TOOLS = {
    "qemu-system-aarch64": "qemu-system-arm", "qemu-aarch64-static": "qemu-user-static", "fdtput": "device-tree-compiler",
    "cpio": "cpio", "mkfs.ext4": "e2fsprogs", "apt-get": "apt", "dpkg-deb": "dpkg",
}  # fmt: skip
ETC = {
    "passwd": "root:x:0:0:root:/root:/bin/sh\nmosquitto:x:990:990::/:/bin/false\n"
    "village-edge:x:991:991::/var/lib/village-edge:/bin/false\nnobody:x:65534:65534::/:/bin/false\n",
    "group": "root:x:0:\ntty:x:5:\ndialout:x:20:\nmosquitto:x:990:\nvillage-edge:x:991:\ngpio:x:997:\nnogroup:x:65534:\n",
    "hosts": "127.0.0.1 localhost\n127.0.1.1 pi\n",
    "hostname": "pi\n",
}


@dataclass(frozen=True)
class Kernel:
    """One of Debian's arm64 kernels, ready to be booted on a Pi 3: its `series` (6.1), full `version`, and files."""

    series: str
    version: str
    image: Path
    initrd: Path
    tree: Path


def missing() -> str | None:
    """What this machine lacks for the emulated Pi, in words; None if nothing."""
    if os.geteuid() != 0:
        return "the emulated Pi's card is made by root only"
    path = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
    lacking = [package for tool, package in TOOLS.items() if shutil.which(tool, path=path) is None]
    if not Path(KEYS).exists():
        lacking.append("debian-archive-keyring")
    return f"the emulated Pi needs: apt-get install {' '.join(lacking)}" if lacking else None


def made(path: Path, of: Iterable[object], make: Callable[[Path], None]) -> Path:
    """`path`, made by `make` unless it is there and was made of the same things."""
    mark = hashlib.sha256("\0".join(map(str, of)).encode()).hexdigest()
    note = path.with_name(path.name + ".made-of")
    if not (path.exists() and note.exists() and note.read_text() == mark):
        note.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        make(path)
        note.write_text(mark)
    return path


def digest(path: Path) -> str:
    """The SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


# --- packages ---


def packages() -> Path:
    """A folder with the .deb files of the card and of both kernels."""
    return made(BUILT / "packages", [*PACKAGES, *KERNELS.items()], _fetch)


def _fetch(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    index = BUILT / "apt"
    for each in (folder / "partial", index / "partial"):
        each.mkdir(parents=True, exist_ok=True)
    sites = _run(["apt-get", "indextargets", "--format", "$(SITE) $(RELEASE)", "Created-By: Packages"])
    told = [line.split() for line in sites.splitlines()]
    named = {release: site for site, release in told if site.rpartition("/")[2] in ("debian", "debian-security")}
    main = named.get("bookworm", MIRROR)
    suites = {"bookworm": main, BACKPORTS: main}
    suites |= {suite: named[suite] for suite in ("bookworm-security", "bookworm-updates") if suite in named}
    sources = BUILT / "apt.sources.list"  # not among the indexes: apt deletes what it does not know there
    said = f"deb [arch=arm64 signed-by={KEYS}]"
    sources.write_text("".join(f"{said} {site} {suite} main\n" for suite, site in suites.items()))
    options = [
        "APT::Architecture=arm64", "APT::Architectures=arm64", "APT::Install-Recommends=false", "APT::Sandbox::User=root",
        f"Dir::State::Lists={index}", f"Dir::Etc::sourcelist={sources}", "Dir::Etc::sourceparts=/dev/null",
        "Dir::State::status=/dev/null", f"Dir::Cache::archives={folder}", "Debug::NoLocking=true",
    ]  # fmt: skip
    apt = ["-qq", *(f"-o{option}" for option in options)]
    _run(["apt-get", *apt, "update"])
    _run(["apt-get", *apt, "-y", "--download-only", "install", *PACKAGES])
    for release in KERNELS.values():
        depends = _run(["apt-cache", *apt, *release, "depends", "linux-image-arm64"])
        name = next(line.split()[-1] for line in depends.splitlines() if "Depends:" in line)
        _run(["apt-get", *apt, *release, "download", name], folder)
    _run(["apt-get", *apt, "download", "busybox-static"], folder)


# --- kernels ---


def kernel(series: str) -> Kernel:
    """The kernel of this series, its initrd and its device tree."""
    package = next(packages().glob(f"linux-image-{series}.*_arm64.deb"))
    of = [package.name, digest(GUEST / "first-init"), CARD_MODULES]
    folder = made(BUILT / f"kernel-{series}", of, lambda folder: _make_kernel(folder, package))
    version = next((folder / "unpacked" / "lib" / "modules").iterdir()).name
    return Kernel(series, version, folder / "vmlinuz", folder / "initrd.gz", folder / "pi3.dtb")


def _make_kernel(folder: Path, package: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    unpacked, first = folder / "unpacked", folder / "initrd"
    _run(["dpkg-deb", "-x", package, unpacked])
    shutil.copy(next((unpacked / "boot").glob("vmlinuz-*")), folder / "vmlinuz")
    # Two edits to Debian's own tree: the board's revision, which the firmware would add and gpiozero asks for, and no
    # Bluetooth on the first serial port, which is the console here.
    tree = folder / "pi3.dtb"
    shutil.copy(next(unpacked.glob("usr/lib/linux-image-*/broadcom/bcm2837-rpi-3-b.dtb")), tree)
    _run(["fdtput", "-c", tree, "/system"])
    _run(["fdtput", "-t", "x", tree, "/system", "linux,revision", "a02082"])
    _run(["fdtput", "-r", tree, "/soc/serial@7e201000/bluetooth"])
    for part in ("bin", "dev", "proc", "sys", "modules"):
        (first / part).mkdir(parents=True)
    busybox = folder / "busybox"
    _run(["dpkg-deb", "-x", next(packages().glob("busybox-static_*.deb")), busybox])
    shutil.copy(next(busybox.glob("**/bin/busybox")), first / "bin" / "busybox")
    shutil.copy(GUEST / "first-init", first / "init")
    (first / "init").chmod(0o755)
    modules = next((unpacked / "lib" / "modules").iterdir()) / "kernel"
    order = []
    for module in CARD_MODULES:
        found = next(modules.glob(f"{module}.ko*"), None)
        if found is None:  # built into this kernel
            continue
        raw = found.read_bytes()
        order.append(f"{Path(module).name}.ko")
        (first / "modules" / order[-1]).write_bytes(lzma.decompress(raw) if found.suffix == ".xz" else raw)
    (first / "modules" / "order").write_text("\n".join(order))
    names = "\n".join(str(path.relative_to(first)) for path in [first, *sorted(first.rglob("*"))])
    cpio = ["cpio", "-o", "-H", "newc", "--quiet"]
    packed = subprocess.run(cpio, cwd=first, input=names.encode(), stdout=subprocess.PIPE, check=True)
    (folder / "initrd.gz").write_bytes(gzip.compress(packed.stdout))


# --- the card ---


def bare_card() -> Path:
    """A card with Debian, Python and the broker, and the modules of both kernels, but without the controller."""
    kernels = [kernel(series) for series in KERNELS]
    of = [*sorted(p.name for p in packages().glob("*.deb")), digest(GUEST / "pi-init"), ETC, KEPT_MODULES, FOLDERS]
    return made(BUILT / "bare.img", of, lambda image: _make_card(image, kernels))


def _make_card(image: Path, kernels: Iterable[Kernel]) -> None:
    tree = BUILT / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    for part in FOLDERS:
        (tree / part).mkdir(parents=True)
    for part in ("bin", "sbin", "lib"):
        (tree / part).symlink_to(f"usr/{part}")
    for package in sorted(packages().glob("*.deb")):
        if not package.name.startswith(("linux-image-", "busybox", "usrmerge")) and "perl" not in package.name:
            _unpack(package, tree)
    for name, content in ETC.items():
        (tree / "etc" / name).write_text(content)
    (tree / "etc" / "localtime").symlink_to("/usr/share/zoneinfo/UTC")
    shutil.copy(GUEST / "pi-init", tree / "usr" / "sbin" / "pi-init")
    (tree / "usr" / "sbin" / "pi-init").chmod(0o755)
    for name in ("doc", "man", "locale", "info", "lintian"):
        shutil.rmtree(tree / "usr" / "share" / name, ignore_errors=True)
    emulated = ["qemu-aarch64-static", "-L", tree]
    for each in kernels:
        modules = BUILT / f"kernel-{each.series}" / "unpacked" / "lib" / "modules" / each.version
        _keep_modules(modules, tree / "usr" / "lib" / "modules" / each.version)
        _run([*emulated, "-0", "depmod", tree / "usr" / "bin" / "kmod", "-b", tree, each.version])
    # Debian's maintainer scripts would have compiled the library: else each start of Python would.
    python, library = tree / "usr" / "bin" / "python3.11", tree / "usr" / "lib" / "python3.11"
    _run([*emulated, python, "-m", "compileall", "-q", "-s", tree, library])
    image.unlink(missing_ok=True)
    with image.open("wb") as empty:
        empty.truncate(CARD_BYTES)
    _run(["mkfs.ext4", "-q", "-L", "pi", "-d", tree, image])
    shutil.rmtree(tree)


def _unpack(package: Path, tree: Path) -> None:
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as content:
        tar = ["tar", "-x", "-C", str(tree), "--keep-directory-symlink", "--numeric-owner", "-f", "-"]
        subprocess.run(tar, stdin=content.stdout, check=True)
    assert content.returncode == 0, package


def _keep_modules(all_of_them: Path, to: Path) -> None:
    shutil.copytree(all_of_them, to, ignore=shutil.ignore_patterns("kernel", "build", "source"))
    for part in KEPT_MODULES:
        if (all_of_them / "kernel" / part).is_dir():
            shutil.copytree(all_of_them / "kernel" / part, to / "kernel" / part)


# --- the controller ---


def wheels() -> Path:
    """A folder with the wheels that the lock files name, for the card's Python: pip checks every hash."""
    return made(BUILT / "wheels", [digest(lock) for lock in LOCKS], _fetch_wheels)


def _fetch_wheels(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for lock in LOCKS:
        _run([sys.executable, "-m", "pip", "download", "-q", "--require-hashes", *WHEELS, "-d", folder, "-r", lock])


@functools.cache
def product() -> Path:
    """The wheel of this checkout."""
    folder = BUILT / "product"
    shutil.rmtree(folder, ignore_errors=True)
    _run([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder, ROOT])
    return next(folder.glob("*.whl"))


def brought(files: Mapping[str, bytes]) -> bytes:
    """A cpio archive, to be appended to an initrd, that puts these files into the running machine's /brought."""
    packed = bytearray()

    def put(name: str, mode: int, content: bytes) -> None:
        encoded = name.encode() + b"\0"
        fields = (0, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(encoded), 0)
        packed.extend(b"070701" + b"".join(b"%08X" % field for field in fields) + encoded)
        packed.extend(bytes(-len(packed) % 4) + content)
        packed.extend(bytes(-len(packed) % 4))

    put("brought", 0o040755, b"")
    for name, content in files.items():
        put(f"brought/{name}", 0o100755, content)
    put("TRAILER!!!", 0, b"")
    return bytes(packed)


def _run(command: Iterable[object], folder: Path | None = None) -> str:
    """What a command prints; raises RuntimeError with its last words when it fails."""
    words = [str(word) for word in command]
    path = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
    environment = os.environ | {"PATH": path}
    done = subprocess.run(
        words, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words[:4])} … ended with {done.returncode}: {done.stderr[-600:]}")
    return done.stdout
