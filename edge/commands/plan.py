"""`village-edge plan`: what the programs will do, before they do it."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from edge.core.site import Site

SUMMARY = (
    "Show the coming changes of every light that this version drives, in local time, with the circuits that burn and "
    "the step of the program that makes each. Without --ask by the configuration's programs, for this machine alone; "
    "with --ask as the running controller says, by the programs in force and after the overrides that stand now."
)
LONGEST_DAYS = 400
MOST_ASKED_DAYS = 31


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `plan`."""
    from edge.typed import add_connection_arguments, date, days, seconds

    add = parser.add_argument
    add("--config", type=Path, required=True, metavar="FILE", help="the village's configuration (YAML)")
    far = f"how far ahead, 1 to {LONGEST_DAYS} (default: 2)"
    add("--days", type=days(LONGEST_DAYS), default=2, metavar="N", help=far)
    add("--from", dest="start", type=date, metavar="DATE", help="from local midnight of this day on (default: now)")
    add("--ask", action="store_true", help=f"ask the running controller; at most {MOST_ASKED_DAYS} days, from now on")
    add("--timeout", type=seconds, default=5.0, metavar="TIME", help="with --ask: wait so long (default: 5s)")
    add("--json", action="store_true", help="one JSON object a change, one a line")
    add_connection_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """0; 1 when the controller refuses; 2 for a bad configuration or when nobody answers."""
    from edge.shell.app import catalogue
    from edge.shell.site_file import ConfigError, load
    from edge.typed import Failed

    try:
        models = catalogue()
        site = load(args.config, models)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    zone = ZoneInfo(site.site.timezone)
    if site.not_driven(models):
        print(f"what is not driven yet is left out; `village-edge check {args.config}` names it", file=sys.stderr)
    try:
        changes = _asked(args, site.site.id) if args.ask else _worked_out(args, site, zone)
    except Failed as failed:
        print(failed, file=sys.stderr)
        return failed.status
    _print(changes, zone, as_json=args.json)
    return 0


def _worked_out(args: argparse.Namespace, site: Site, zone: ZoneInfo) -> list[dict[str, Any]]:
    """By the configuration alone."""
    from edge.core.assembly import coming
    from edge.core.plan_desk import words
    from edge.shell.clock import SystemClock

    start = SystemClock().now().wall
    if args.start is not None:
        start = dt.datetime.combine(args.start, dt.time(), zone).timestamp()
    return [dict(words(change)) for change in coming(site, start, start + args.days * 86400)]


def _asked(args: argparse.Namespace, site: str) -> list[dict[str, Any]]:
    """By the running controller. Raises Failed."""
    from edge.asking import Asker
    from edge.shell.clock import SystemClock
    from edge.typed import Failed

    if args.start is not None or args.days > MOST_ASKED_DAYS:
        raise Failed(1, f"--ask plans from now on, at most {MOST_ASKED_DAYS} days: leave --from out, or ask for less")
    asker = Asker(args, site, SystemClock())
    try:
        answer = asker.ask("plan", {"days": args.days})
    finally:
        asker.close()
    if not answer["trusted"]:
        print("the controller's clock is not confirmed: until it is, lights burn to be safe", file=sys.stderr)
    for held in answer["held"]:
        print(f"{held['device']}: {held['reason']}, until somebody ends it", file=sys.stderr)
    changes: list[dict[str, Any]] = answer["changes"]
    return changes


def _print(changes: list[dict[str, Any]], zone: ZoneInfo, *, as_json: bool) -> None:
    from edge.core.site_terms import span

    if not as_json:
        print(f"{'when':<23} {'device':<24} {'level':>5}  {'circuits':<16} reason")
    for c in changes:
        at = dt.datetime.fromisoformat(c["at"]).astimezone(zone)
        if as_json:
            print(json.dumps(c | {"at": at.isoformat(timespec="seconds")}))
            continue
        burning = ",".join(c["circuits"]) or "-"
        why = f"program {c['program']}: {c['step']}"
        why += f" [{c['rule']}]" if c["rule"] else ""
        why += f" (photocell ± {span(c['within_s'])})" if c["within_s"] else ""
        print(f"{at:%a %d/%m/%Y %H:%M:%S} {c['device']:<24} {c['level']:>4}%  {burning:<16} {why}")
