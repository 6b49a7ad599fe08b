"""`village-edge plan`: what the programs will do, before they do it."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

SUMMARY = (
    "Show the coming changes of every light that this version drives, in local time, with the step of the program that "
    "makes each. Overrides given by people are not in it."
)
LONGEST_DAYS = 400


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `plan`."""
    from edge.typed import date, days

    add = parser.add_argument
    add("--config", type=Path, required=True, metavar="FILE", help="the village's configuration (YAML)")
    far = f"how far ahead, 1 to {LONGEST_DAYS} (default: 2)"
    add("--days", type=days(LONGEST_DAYS), default=2, metavar="N", help=far)
    add("--from", dest="start", type=date, metavar="DATE", help="from local midnight of this day on (default: now)")
    add("--json", action="store_true", help="one JSON object a change, one a line")


def run(args: argparse.Namespace) -> int:
    """0, or 2 for a bad configuration."""
    from edge.core.assembly import coming
    from edge.shell.app import catalogue
    from edge.shell.clock import SystemClock
    from edge.shell.site_file import ConfigError, load

    try:
        models = catalogue()
        site = load(args.config, models)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    zone = ZoneInfo(site.site.timezone)
    start = SystemClock().now().wall
    if args.start is not None:
        start = dt.datetime.combine(args.start, dt.time(), zone).timestamp()
    end = start + args.days * 86400
    changes = coming(site, start, end)
    if site.not_driven(models):
        print(f"what is not driven yet is left out; `village-edge check {args.config}` names it", file=sys.stderr)
    if args.json:
        for c in changes:
            when = dt.datetime.fromtimestamp(c.at, zone).isoformat(timespec="seconds")
            why = {"reason": "program", "program": c.program, "step": c.step}
            print(json.dumps({"at": when, "device": c.device, "level": c.level, "circuits": c.circuits, **why}))
        return 0
    print(f"{'when':<23} {'device':<24} {'level':>5}  {'circuits':<16} reason")
    for c in changes:
        at, burning = dt.datetime.fromtimestamp(c.at, zone), ",".join(c.circuits) or "-"
        print(f"{at:%a %d/%m/%Y %H:%M:%S} {c.device:<24} {c.level:>4}%  {burning:<16} program {c.program}: {c.step}")
    return 0
