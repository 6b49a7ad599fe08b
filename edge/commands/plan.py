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
    "the step of the program that makes each; and the runs of watering that fall due, whatever rain and soil will say. "
    "Without --ask by the configuration's programs, for this machine alone; with --ask as the running controller says, "
    "by the programs in force and after the overrides that stand now."
)
LONGEST_DAYS = 400
_Plan = tuple[list[dict[str, Any]], list[dict[str, Any]]]  # changes of lights, and runs of watering
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
    try:
        changes, runs = _asked(args, site.site.id) if args.ask else _worked_out(args, site, zone)
    except Failed as failed:
        print(failed, file=sys.stderr)
        return failed.status
    named = [{"device": f"program/{run['program']}", **run} for run in runs]
    _print([*changes, *named], zone, as_json=args.json)
    return 0


def _worked_out(args: argparse.Namespace, site: Site, zone: ZoneInfo) -> _Plan:
    """By the configuration alone."""
    from edge.core.assembly import coming
    from edge.core.occurrences import WaterCalendar
    from edge.core.plan_desk import run_words, words
    from edge.core.site import IrrigationProgram
    from edge.shell.clock import SystemClock

    start = SystemClock().now().wall
    if args.start is not None:
        start = dt.datetime.combine(args.start, dt.time(), zone).timestamp()
    end = start + args.days * 86400
    irrigation = {name: of for name, of in site.programs.items() if isinstance(of, IrrigationProgram)}
    due = WaterCalendar(site.site, irrigation, site).coming(start, end)
    return [dict(words(change)) for change in coming(site, start, end)], [run_words(run, "all") for run in due]


def _asked(args: argparse.Namespace, site: str) -> _Plan:
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
    return answer["changes"], answer.get("runs", [])


def _print(found: list[dict[str, Any]], zone: ZoneInfo, *, as_json: bool) -> None:
    """Changes of lights and runs of watering, in order of time."""
    if not as_json:
        print(f"{'when':<23} {'device':<24} {'level':>5}  {'circuits':<16} reason")
    for each in sorted(found, key=lambda each: dt.datetime.fromisoformat(each["at"])):
        local = {name: _local(each[name], zone) for name in ("at", "until", "latest_end") if name in each}
        if as_json:
            print(json.dumps(each | {name: at.isoformat(timespec="seconds") for name, at in local.items()}))
        else:
            told = _run(each, local["until"]) if "zones" in each else _change(each)
            print(f"{local['at']:%a %d/%m/%Y %H:%M:%S} {each['device']:<24} {told}")


def _local(stamp: str, zone: ZoneInfo) -> dt.datetime:
    return dt.datetime.fromisoformat(stamp).astimezone(zone)


def _change(change: dict[str, Any]) -> str:
    from edge.core.site_terms import span

    burning = ",".join(change["circuits"]) or "-"
    why = f"program {change['program']}: {change['step']}"
    why += f" [{change['rule']}]" if change["rule"] else ""
    why += f" (photocell ± {span(change['within_s'])})" if change["within_s"] else ""
    return f"{change['level']:>4}%  {burning:<16} {why}"


def _run(run: dict[str, Any], until: dt.datetime) -> str:
    from edge.core.site_terms import span

    zones = (
        f"{zone['device'].removeprefix('valve/')} "
        + (f"{zone['volume_l']:g}l" if zone["volume_l"] is not None else span(round(zone["for_s"])))
        for zone in run["zones"]
    )
    when = f", when the soil is dry, until {until:%H:%M}" if run["by_soil"] else ""
    return f"waters {', '.join(zones)}{when}"
