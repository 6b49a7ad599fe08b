"""Files: where those are that come with the package, and how one is replaced."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def config_dir() -> Path:
    """The example villages and what belongs to them: inside an installed package, or the checkout's config/."""
    package = Path(__file__).resolve().parent.parent
    packaged = package / "config"
    return packaged if packaged.is_dir() else package.parent / "config"


def replace_file(path: Path, content: bytes) -> None:
    """Put `content` in place of the file, whole or not at all, also over a power cut; nothing is written if it stands
    there already. Raises OSError."""
    with contextlib.suppress(OSError):
        if path.read_bytes() == content:
            return
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        with new.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            new.unlink()
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
