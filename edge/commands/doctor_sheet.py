"""`village-edge doctor --sheet`: everything that a run found, on a page to be printed, filled in and signed."""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
from importlib.metadata import version
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from edge.typed import Failed

if TYPE_CHECKING:
    from edge.commands.doctor_said import Said
    from edge.core.site import Site
    from edge.shell.clock import Clock

SHOWN = 12  # hex digits of the configuration's hash


def write(args: argparse.Namespace, site: Site, clock: Clock, said: Said) -> None:
    """Write the page. Raises Failed."""
    from edge.core.diagnosis_dialog import say
    from edge.sheet.page import Sheet, page
    from edge.shell.commission_hands import names_in_order, place_of
    from edge.shell.files import replace_file

    which, findings = said.machine or (None, [])
    sheet = Sheet(
        site, dt.datetime.fromtimestamp(clock.now().wall, ZoneInfo(site.site.timezone)), version("village-edge"),
        hashlib.sha256(args.config.read_bytes()).hexdigest()[:SHOWN],
        {output: place_of(site, output) for output in names_in_order(site)}, said.ports,
        ("", "", "") if which is None else (which.model or "", which.serial or "", f"{which.system}, {which.kernel}"),
        findings, said.pulses, said.matches,
    )  # fmt: skip
    try:
        replace_file(args.sheet, page(sheet, said.language).encode())
    except OSError as error:
        raise Failed(2, f"{args.sheet}: {error.strerror}: name a file that can be written") from None
    said.say(say(said.language, "sheet", path=args.sheet))
