"""`village-edge diary`: what plots were given and what their sensors saw, as a page to print and a table."""

from __future__ import annotations

import argparse
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from edge.typed import Failed, date, plainly

if TYPE_CHECKING:
    import datetime as dt

    from edge.core.site import Site
    from edge.diary.gathering import Diary, Gathering
    from edge.figures import Language

SUMMARY = """\
Write the crop diary of plots: for each day what was watered and when, how much was planned and given, by which program
or person, how it ended, what people did at the valve, and what the plot's sensors saw. As a page a plot that prints on
A4 (--report), as a table for a spreadsheet (--csv), or both; without either, a line a plot is printed. The files on the
card are only read: no broker is needed, and the controller may run meanwhile.
"""
EXAMPLES = """\
examples:

  village-edge diary --state /var/lib/village-edge --from 2026-11-01 --to 2026-11-30 --report november.html
  village-edge diary --state /var/lib/village-edge --valve plot-1 --from 2026-08-15 --csv season.csv
  village-edge diary --state /var/lib/village-edge --valve plot-1 --from 2026-11-01 --to 2026-11-30 \\
      --verify 7K2QF-0XW8D-M3N5P-9TRVA

A season is the time that --from and --to name. Each page ends with a code, which is worked out from the very rows that
the page was made from. --verify works it out again, for the same valve and time, and says whether it is the same: then
the card still says what the page says. It is no signature; the documentation says what it proves and what not.

exit status: 0 written, or the same; 1 nothing of that name or time, or not the same; 2 a file cannot be read or written
"""
USUAL_DAYS = 30
LONGEST_DAYS = 3 * 366


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `diary`."""
    from edge.diary.spelling import code

    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add("--state", type=Path, required=True, metavar="DIR", help="the controller's state directory")
    add("--config", type=Path, metavar="FILE", help="the configuration (default: the last good one, in DIR)")
    add("--valve", action="append", metavar="ID",
        help="only this plot, by its valve, such as plot-1; may be given several times (default: all)")
    add("--from", dest="first", type=date, metavar="DATE", help=f"the first day (default: {USUAL_DAYS} days in all)")
    add("--to", dest="last", type=date, metavar="DATE", help="the last day, all of it (default: yesterday)")
    add("--report", type=Path, metavar="FILE", help="write the pages into this file (HTML)")
    add("--csv", type=Path, metavar="FILE", help="write the table into this file (CSV)")
    add("--verify", type=code, metavar="CODE", help="say whether a page with this code is of what the card says now")
    add("--language", choices=["vi", "en"], help="of words, figures and cells (default: the village's)")


@plainly
def run(args: argparse.Namespace) -> int:
    """0, 1 or 2, as the examples say."""
    from edge.diary.gathering import Gathering
    from edge.shell.app import LAST_GOOD, catalogue
    from edge.shell.keeping import FILE
    from edge.shell.site_file import ConfigError, load

    journal, history = args.state / "journal.db", args.state / FILE
    for path in (journal, history):
        if not path.exists():
            raise Failed(2, f"{path} is not there: is --state the controller's state directory?")
    try:
        models = catalogue()
        site = load(args.config or args.state / LAST_GOOD, models)
        with closing(Gathering(site, models, journal, history)) as gathering:
            return _carry_out(args, site, gathering)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    except (sqlite3.Error, ValueError) as error:
        print(f"{args.state} cannot be read: {error}; run as its owner, or try again", file=sys.stderr)
        return 2


def _carry_out(args: argparse.Namespace, site: Site, gathering: Gathering) -> int:
    """Read, then write, print or verify. Raises Failed."""
    import datetime as dt
    from zoneinfo import ZoneInfo

    from edge.shell.clock import SystemClock

    now = dt.datetime.fromtimestamp(SystemClock().now().wall, ZoneInfo(site.site.timezone))
    valves = _valves(args, site)
    first, last = _days(args, now.date())
    if args.verify is not None and (len(valves) > 1 or args.first is None or args.last is None):
        raise Failed(1, "a code is of one plot and of one time: give --valve, --from and --to as they are on the page")
    if args.verify is not None and (args.report, args.csv) != (None, None):
        raise Failed(1, "--verify writes no files: leave --report and --csv out, or write them without it")
    diaries = _read(gathering, valves, first, last)
    if args.verify is not None:
        return _verified(args.verify, diaries[0])
    language: Language = args.language or ("en" if site.site.language == "en" else "vi")
    _written(args, diaries, now, language)
    return 0


def _valves(args: argparse.Namespace, site: Site) -> list[str]:
    import difflib


    if not site.valves:
        raise Failed(1, "the configuration has no valves: there is nothing that a crop diary could be of")
    asked = list(dict.fromkeys(name.removeprefix("valve/") for name in args.valve or site.valves))
    for name in asked:
        if name not in site.valves:
            near = difflib.get_close_matches(name, site.valves, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(site.valves)}"
            raise Failed(1, f"the configuration has no valve {name}; {hint}")
    return asked


def _days(args: argparse.Namespace, today: dt.date) -> tuple[dt.date, dt.date]:
    import datetime as dt


    usual = dt.timedelta(days=USUAL_DAYS - 1)
    last = args.last or max(today - dt.timedelta(days=1), args.first or dt.date.min)
    first = args.first or last - usual
    if first > last:
        raise Failed(1, f"--from {first} lies behind --to {last}: both days are included")
    if first > today:
        raise Failed(1, f"{first} has not come yet: today is {today}")
    if (last - first).days >= LONGEST_DAYS:
        raise Failed(1, f"a diary has at most {LONGEST_DAYS} days: give a later --from")
    return first, last


def _read(gathering: Gathering, valves: list[str], first: dt.date, last: dt.date) -> list[Diary]:
    from edge.diary.gathering import STEPS
    from edge.progress import Bar

    bar = Bar(len(valves) * STEPS)
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        bar.show(done)

    try:
        return [gathering.diary(valve, first, last, step) for valve in valves]
    finally:
        bar.end()


def _verified(code: str, diary: Diary) -> int:
    from edge.diary.code import code_of

    what = f"{diary.valve} from {diary.first} to {diary.last}"
    if code_of(diary) == code:
        print(f"same: what the card says of {what} is what a page with {code} was made from")
        return 0
    print(f"different: the card says something else of {what} than a page with {code}; now it is {_summary(diary)}",
          file=sys.stderr)
    if diary.under_way:
        print("a watering of that time is under way: the code changes until it has ended", file=sys.stderr)
    return 1


def _written(args: argparse.Namespace, diaries: list[Diary], now: dt.datetime, language: Language) -> None:
    """The files that were asked for, or a line a plot. Raises Failed."""
    from edge.diary.page import page
    from edge.diary.table import table
    from edge.shell.files import replace_file

    files: list[tuple[Path, str]] = []
    if args.report is not None:
        files.append((args.report, page(diaries, now, language)))
    if args.csv is not None:
        files.append((args.csv, table(diaries, language)))
    for path, text in files:
        try:
            replace_file(path, text.encode("utf-8"))
        except OSError as error:
            raise Failed(2, f"{path}: {error.strerror}: name a file that can be written") from None
        print(path)
    for diary in diaries:
        print(f"{diary.valve:<16} {_summary(diary)}")
    if diaries[0].last >= now.date() or any(diary.under_way for diary in diaries):
        print("the time is not over: the diary has what is known so far, and its code will change", file=sys.stderr)


def _summary(diary: Diary) -> str:
    from edge.diary.code import code_of
    from edge.diary.gathering import totals
    from edge.wording import lasting

    of = totals(diary.shares)
    litres = "" if of.uncounted == of.times else f", {of.litres:.0f} l"
    when = f"{diary.first} to {diary.last}"
    times = "once" if of.times == 1 else f"{of.times} times"
    return f"{when}: watered {times}, {lasting(of.done_s)}{litres}; {code_of(diary)}"
