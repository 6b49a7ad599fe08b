"""`village-edge export`: what the history has, as a file that a spreadsheet opens."""

from __future__ import annotations

import argparse
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from edge.typed import Failed, date, device, plainly

if TYPE_CHECKING:
    import datetime as dt

    from edge.core.site import Site
    from edge.exporting import Export
    from edge.figures import Language

SUMMARY = """\
Write what the history has of a time into a CSV file, in the village's time. By the hour (default): for each device the
mean of every quantity, where its counters stood at the end, and what a meter consumed; or with --rows every reading
that was kept. The history is only read, so the controller may run meanwhile; what it read in the last minute may not be
on the card yet.
"""
EXAMPLES = """\
examples:

  village-edge export --state /var/lib/village-edge --from 2026-11-01 --to 2026-11-30 -o november.csv
  village-edge export --state /var/lib/village-edge --rows --device meter/cabinet-1 --from 2026-11-21 -o day.csv

With --csv vi cells are separated by ; and decimals begin with a comma, as a Vietnamese spreadsheet has them; with
--csv en they are separated by commas and decimals begin with a dot.

exit status: 0 written; 1 there is nothing of that device or time; 2 a file cannot be read or written
"""
MOST_LINES = 1_048_576  # that Excel and LibreOffice open
EVERY = 500  # lines between two looks at the progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `export`."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add("--state", type=Path, required=True, metavar="DIR", help="the controller's state directory")
    add("--config", type=Path, metavar="FILE", help="the configuration (default: the last good one, in DIR)")
    add("--from", dest="first", type=date, metavar="DATE", help="the first day (default: the first that there is)")
    add("--to", dest="last", type=date, metavar="DATE", help="the last day, all of it (default: the last there is)")
    add("--device", type=device, action="append", metavar="KIND/ID", help="only this one; may be given several times")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--hours", action="store_true", help="a line for each hour and device (default)")
    what.add_argument("--rows", action="store_true", help="a line for each reading that was kept")
    add("-o", "--output", type=Path, metavar="FILE", help="where to write it (default: print it)")
    add("--csv", choices=["vi", "en"], help="how figures and cells are written (default: the village's language)")


@plainly
def run(args: argparse.Namespace) -> int:
    """0, 1 or 2, as the examples say."""
    from edge.exporting import Export
    from edge.shell.app import LAST_GOOD, catalogue
    from edge.shell.clock import SystemClock
    from edge.shell.keeping import FILE
    from edge.shell.site_file import ConfigError, load

    history = args.state / FILE
    if not history.exists():
        raise Failed(2, f"{history} is not there: is --state the controller's state directory?")
    try:
        models = catalogue()
        site = load(args.config or args.state / LAST_GOOD, models)
        language = _language(args, site)
        with closing(Export(site, models, history, language, SystemClock().now())) as export:
            lines = _written(args, export)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    except (sqlite3.Error, ValueError) as error:
        print(f"{history} cannot be read: {error}; run as its owner, or try again", file=sys.stderr)
        return 2
    if args.output is not None:
        print(f"{args.output}: {lines} lines")
    if lines > MOST_LINES:
        print(f"a spreadsheet opens {MOST_LINES} lines at most: export fewer days or devices, or --hours",
              file=sys.stderr)
    return 0


def _language(args: argparse.Namespace, site: Site) -> Language:
    return "en" if (args.csv or site.site.language) == "en" else "vi"


def _written(args: argparse.Namespace, export: Export) -> int:
    """How many lines were written. Raises Failed."""
    import datetime as dt

    from edge.core.periods import day_start
    from edge.figures import BOM
    from edge.progress import Bar

    devices = _devices(args, export)
    first, last = _days(args, export)
    found = (export.rows if args.rows else export.hours)(first, last, devices)
    begins = day_start(first, export.zone)
    bar = Bar(day_start(last + dt.timedelta(days=1), export.zone) - begins)
    lines = 0
    with _file(args.output) as file:
        file.write(BOM.encode())
        for at, line in found:
            file.write(line.encode())
            lines += 1
            if lines % EVERY == 0:
                bar.show(at - begins)
        bar.end()
    return lines


def _devices(args: argparse.Namespace, export: Export) -> list[str]:
    import difflib


    known = export.devices
    for name in args.device or ():
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(known) or 'none'}"
            raise Failed(1, f"the history has nothing of {name}; {hint}")
    return args.device or known


def _days(args: argparse.Namespace, export: Export) -> tuple[dt.date, dt.date]:
    bounds = export.bounds()
    if bounds is None:
        raise Failed(1, "the history has nothing yet: readings are on the card a minute after they were read")
    first, last = max(args.first or bounds[0], bounds[0]), min(args.last or bounds[1], bounds[1])
    if first > last:
        raise Failed(1, f"the history has nothing of that time: it goes from {bounds[0]} to {bounds[1]}")
    return first, last


@contextmanager
def _file(path: Path | None) -> Iterator[IO[bytes]]:
    """What is written to: standard output, or a file that has its name once it is whole. Raises Failed."""
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = path.with_name(f"{path.name}.part")
    try:
        try:
            with part.open("wb") as file:
                yield file
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise Failed(2, f"{path}: {error.strerror}: name another file with -o") from None
