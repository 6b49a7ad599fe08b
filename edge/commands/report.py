"""`village-edge report`: a month's electricity for people, as a page to print and a table for a spreadsheet."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from edge.typed import Failed, add_connection_arguments, identifier, month, plainly, seconds

if TYPE_CHECKING:
    from edge.figures import Language
    from edge.report.month import Report

SUMMARY = """\
Write two files about a month: a page that any browser shows and that prints on a sheet of A4, and a table (CSV) that a
spreadsheet opens. For each meter: kWh, cost and VAT, against the month before; a bar for each day; the paper bill of
the billing period that ended in the month, if it was entered with `village-edge bill`; how much was measured. The
controller is asked over MQTT.
"""
EXAMPLES = """\
examples:

  village-edge report --month 2026-11
  village-edge report --month 2026-11 --out /home/head/reports --language en

The files are called SITE-YYYY-MM.html and SITE-YYYY-MM.csv; those of an earlier run are written over.

exit status: 0 written, 1 refused, 2 nobody answered, or the files cannot be written
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `report`."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add("--month", type=month, metavar="YYYY-MM", help="which month (default: the last one that is over)")
    add("--out", type=Path, default=Path(), metavar="DIR", help="the folder for the two files (default: this one)")
    add("--language", choices=["vi", "en"], help="of words, numbers and dates (default: the village's)")
    add("--site", type=identifier, help="the village's id (default: the only one on this broker)")
    add("--timeout", type=seconds, default=5.0, metavar="TIME", help="wait so long for each answer (default: 5s)")
    add_connection_arguments(parser)


@plainly
def run(args: argparse.Namespace) -> int:
    """0 when both files are written; 1 if the controller refuses, 2 if nobody answered or a file cannot be written."""
    from edge.report.page import page
    from edge.report.table import table
    from edge.shell.files import replace_file

    report, language = _ask(args)
    files = {".html": page(report, language), ".csv": table(report, language)}
    for suffix, text in files.items():
        path = args.out / f"{report.site}-{report.first:%Y-%m}{suffix}"
        try:
            args.out.mkdir(parents=True, exist_ok=True)
            replace_file(path, text.encode("utf-8"))
        except OSError as error:
            print(f"{path}: {error.strerror}: name a folder that can be written with --out", file=sys.stderr)
            return 2
        print(path)
    if not report.complete:
        print("the month is not over: the report has what is known so far", file=sys.stderr)
    return 0


def _ask(args: argparse.Namespace) -> tuple[Report, Language]:
    """What the controller says of the month, and the language to say it in. Raises Failed."""
    import datetime as dt

    from edge.asking import Asker
    from edge.report.month import gather, meters, month_after, zone_of_village
    from edge.shell.clock import SystemClock
    from edge.sites import the_village

    clock = SystemClock()
    site, about = the_village(args, clock)
    zone = zone_of_village(about)
    now = dt.datetime.fromtimestamp(clock.now().wall, zone)
    first = args.month or month_after(now.date().replace(day=1), -1)
    if first > now.date():
        raise Failed(1, f"{first:%Y-%m} has not begun: name a month such as {now:%Y-%m}")
    if not meters(about):
        raise Failed(1, f"no meter of {site} counts energy: there is nothing to report")
    language: Language = args.language or ("en" if about["site"].get("language") == "en" else "vi")
    asker = Asker(args, site, clock)
    try:
        return gather(asker.ask, about, zone, first, now, language), language
    finally:
        asker.close()
