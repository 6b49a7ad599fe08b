"""`village-edge simulate`: days of a village in seconds, by the controller that runs in it."""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from pathlib import Path

from edge.typed import date, days

HELP = "play days of a village in seconds, and report who was lit and what it used"
SUMMARY = """\
Play days of a village in seconds: the controller as it is, in virtual time, with simulated lamps, meters and a broker.

It runs the same code as `village-edge run`, on a clock that jumps to whatever happens next. Nothing outside is touched:
no GPIO line, no serial port, no network. It ends with a summary; --report draws it."""
EPILOG = """\
examples:

  a week, and a page to look at:
    village-edge simulate --config config/nguyen-ly.yaml --days 7 --poll 60s --report week.html

  the shortest nights of the year, and all that the core was told and answered
    village-edge simulate --config config/nguyen-ly.yaml --days 3 --start 2026-06-20 --trace core.jsonl

The same configuration, seed and start give the same run to the last byte of --trace. Asking the meters every 10 s takes
most of the time; --poll 60s makes a month a matter of a minute or two. Ctrl-C ends it with the report so far."""
FIRST_DAY = dt.date(2026, 1, 1)  # a fixed one, so that a run can be repeated
DEFAULT_DAYS = 7
LONGEST_DAYS = 3660


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `simulate`."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    add = parser.add_argument
    add("--config", type=Path, required=True, metavar="FILE", help="the village's configuration (YAML)")
    add(
        "--days", type=days(LONGEST_DAYS), metavar="N",
        help=f"how many days, 1 to {LONGEST_DAYS} (default: {DEFAULT_DAYS}, or as long as the scenario lasts)",
    )  # fmt: skip
    add("--seed", type=int, default=1, metavar="S", help="another village of the same form (default: 1)")
    add(
        "--start", type=date, metavar="DATE",
        help=f"begin at noon of this day, local time (default: {FIRST_DAY}, or as the scenario says)",
    )  # fmt: skip
    add("--poll", type=_poll, default=0.0, metavar="60s", help="ask no device more often (default: as configured)")
    add("--scenario", type=Path, metavar="FILE", help="play a story: what happens when, and what must be seen of it")
    add("--trace", type=Path, metavar="FILE", help="write a line for each event into and effect out of the core (JSON)")
    add("--report", type=Path, metavar="FILE.html", help="draw the report: one file, for any browser")
    add("--state", type=Path, metavar="DIR", help="keep the journal here, in a new directory (default: nowhere)")


def run(args: argparse.Namespace) -> int:
    """0; 1 when a scenario was not seen as it must be, a file cannot be written or the extra `sim` is missing; 2 for a
    bad configuration or scenario; 130 after Ctrl-C."""
    try:
        import pymodbus  # noqa: F401
    except ImportError:
        print("village-edge simulate needs the extra sim: pip install 'village-edge[sim]'", file=sys.stderr)
        return 1
    from edge.shell.site_file import ConfigError
    from simulator.play import play

    try:
        return play(args)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"village-edge simulate: {error.filename}: {error.strerror}: name another file", file=sys.stderr)
        return 1


def _poll(text: str) -> float:
    from edge.core.site_terms import Wrong, duration

    try:
        return float(str(duration("1s", "1d").read(text)))
    except Wrong as wrong:
        raise argparse.ArgumentTypeError(str(wrong)) from None
