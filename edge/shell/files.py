"""Files: where those are that come with the package, and how one is replaced."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import BinaryIO


def config_dir() -> Path:
    """The example villages and what belongs to them: inside an installed package, or the checkout's config/."""
    package = Path(__file__).resolve().parent.parent
    packaged = package / "config"
    return packaged if packaged.is_dir() else package.parent / "config"


def replace_file(path: Path, content: bytes, *, mode: int | None = None, group: int | None = None) -> None:
    """Put `content` in place of the file, whole or not at all, also over a power cut; nothing is written if it stands
    there already. `mode` and `group` (a gid) are what the file then has; None: what a new file gets. Raises OSError."""
    with contextlib.suppress(OSError):
        if path.read_bytes() == content:
            found = path.stat()
            if mode in (None, found.st_mode & 0o7777) and group in (None, found.st_gid):
                return
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666 if mode is None else 0o600)
        with os.fdopen(descriptor, "wb") as file:
            if group is not None:
                os.fchown(file.fileno(), -1, group)
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            new.unlink()
        raise
    sync_folder(path.parent)


def private(path: Path) -> BinaryIO:
    """A new file that its owner alone may read, to be written. Raises OSError, also if it is there."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def sync_folder(path: Path) -> None:
    """Have the names in a folder outlast a power cut. Raises OSError."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
