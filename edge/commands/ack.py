"""`village-edge ack`: the open alarms, and saying that one is known."""

from __future__ import annotations

import argparse
import datetime as dt
import json
from typing import TYPE_CHECKING, Any

from edge.typed import Failed, add_connection_arguments, identifier, plainly, seconds

if TYPE_CHECKING:
    from edge.wording import Zone

SUMMARY = (
    "List the open alarms; or, given the id that the list shows, say that you know of one: "
    "ack device-silent:meter:cabinet-1. That mends nothing; an alarm is gone once it is over and somebody knows of it. "
    "Exit status: 0 done, 1 no such alarm is open, 2 nobody answered."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("alarm", nargs="?", metavar="ALARM", help="the id of an open alarm (default: list them all)")
    parser.add_argument("--json", action="store_true", help="list them as one JSON object an alarm, one a line")
    parser.add_argument("--site", type=identifier, help="the village's id (default: the only one on this broker)")
    parser.add_argument("--timeout", type=seconds, default=5.0, metavar="TIME", help="wait so long (default: 5s)")
    add_connection_arguments(parser)


@plainly
def run(args: argparse.Namespace) -> int:
    """List, or acknowledge: 0; 1 if no such alarm is open, 2 if nobody answered."""
    from edge.asking import Asker
    from edge.shell.clock import SystemClock
    from edge.sites import the_village
    from edge.wording import zone_of

    clock = SystemClock()
    site, about = the_village(args, clock)
    asker = Asker(args, site, clock)
    try:
        opened = {alarm["alarm"]: alarm for alarm in asker.ask("alarms", {})["alarms"]}
        if args.alarm is None:
            _list(list(opened.values()), args.json, zone_of(about))
            return 0
        if args.alarm not in opened:
            raise Failed(1, f"no alarm {args.alarm} is open; open: {', '.join(opened) or 'none'}")
        left = asker.ask("alarm-ack", {"alarm": args.alarm})["alarms"]
    finally:
        asker.close()
    stays = any(alarm["alarm"] == args.alarm for alarm in left)
    print(f"{args.alarm}: {'acknowledged; it is gone when it is over' if stays else 'acknowledged, and gone'}")
    return 0


def _list(alarms: list[dict[str, Any]], as_json: bool, zone: Zone) -> None:
    from edge.wording import alarm_text

    if as_json:
        for alarm in alarms:
            print(json.dumps(alarm, ensure_ascii=False))
        return
    if not alarms:
        print("no alarm is open")
        return
    wide = max(len(alarm["alarm"]) for alarm in alarms)
    print(f"{'since':<16} {'severity':<8} {'state':<7} {'alarm':<{wide}}  what")
    for alarm in alarms:
        at = dt.datetime.fromisoformat(alarm["at"]).astimezone(zone)
        known = f" (acknowledged by {alarm['acknowledged_by']})" if alarm["acknowledged_by"] else ""
        print(f"{at:%Y-%m-%d %H:%M} {alarm['severity']:<8} {alarm['state']:<7} {alarm['alarm']:<{wide}}"
              f"  {alarm_text(alarm)}{known}")
