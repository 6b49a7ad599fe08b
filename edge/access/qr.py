"""An address as a QR code: on a terminal and as a picture."""

from __future__ import annotations

from io import BytesIO, StringIO
from pathlib import Path

import segno

BORDER = 4  # light modules around it; a camera needs them (ISO/IEC 18004)
PIXELS = 8  # a module in the picture
LIGHT_ON_DARK = "\x1b[97;40m{}\x1b[0m"


def entry(page: str, user: str, token: str) -> str:
    """The address that opens the page logged in. What stands behind the # never reaches a server."""
    return f"{page}/#user={user}&token={token}"


def terminal_lines(address: str, colours: bool) -> list[str]:
    """The code in half blocks, two modules to a character; with `colours` it is the same on a light terminal."""
    out = StringIO()
    segno.make_qr(address, error="m").terminal(out, border=BORDER, compact=True)
    return [LIGHT_ON_DARK.format(line) if colours else line for line in out.getvalue().splitlines()]


def picture(address: str) -> bytes:
    """The code as a PNG."""
    out = BytesIO()
    segno.make_qr(address, error="m").save(out, kind="png", scale=PIXELS, border=BORDER)
    return out.getvalue()


def write_picture(path: Path, address: str) -> None:
    """Put the code into a file that its owner alone may read. Raises OSError."""
    from edge.shell.files import replace_file

    replace_file(path, picture(address), mode=0o600)
