"""`village-edge water`: stop all watering, put it off, and what was watered."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from edge.typed import Failed, add_connection_arguments, date, days, identifier, plainly, seconds, time_to_come

if TYPE_CHECKING:
    from edge.asking import Asker
    from edge.shell.clock import Clock
    from edge.wording import Zone

SUMMARY = (
    "What concerns all watering at once. One valve alone is opened and closed with village-edge send valve/ID. "
    "Exit status: 0 done, 1 refused, 2 nobody answered."
)
STOP = (
    "Close every valve, stop every pump, and end every run that is under way or waits. Programs water again when they "
    "are due the next time; to keep them from that, put watering off with water delay."
)
DELAY = (
    "Put watering off: until then no program starts anything. What is under way goes on, and a valve that a person "
    "opens still opens. TIME is a duration (24h, 2d), a time (18:00, 2026-11-21 06:00, the village's time), or off, "
    "which ends it."
)
RUNS = (
    "List the irrigation runs of some days, the newest first, a line a zone: what was planned, what was given, and how "
    "it ended."
)
COLUMNS = ("due", "valve", "by", "planned", "done", "litres", "began", "ended", "outcome")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The subcommands, each with the options of a connection."""
    whats = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    _options(whats.add_parser("stop", help="close everything and end every run", description=STOP))
    delay = whats.add_parser("delay", help="put watering off, or end that", description=DELAY)
    delay.add_argument("time", metavar="TIME", help="24h, 18:00, or off")
    _options(delay)
    runs = whats.add_parser("runs", help="what was watered", description=RUNS)
    runs.add_argument("--valve", metavar="ID", help="only the runs in which this valve has a share, such as plot-1")
    runs.add_argument("--days", type=days(366), default=7, metavar="N", help="so many days back from now (default: 7)")
    runs.add_argument("--from", dest="start", type=date, metavar="DATE", help="instead: from this day on, up to now")
    runs.add_argument("--json", action="store_true", help="a JSON object a run, one a line, as it was answered")
    _options(runs)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--site", type=identifier, help="the village's id (default: the only one on this broker)")
    parser.add_argument("--timeout", type=seconds, default=5.0, metavar="TIME", help="wait so long (default: 5s)")
    add_connection_arguments(parser)


@plainly
def run(args: argparse.Namespace) -> int:
    """Ask, and print what the controller says: 0; 1 if it refuses, 2 if nobody answered."""
    from edge.asking import Asker
    from edge.shell.clock import SystemClock
    from edge.sites import the_village
    from edge.wording import zone_of

    whats: Mapping[str, Callable[[argparse.Namespace, Asker, Clock, Zone], None]] = {
        "stop": _stop, "delay": _delay, "runs": _runs,
    }
    clock = SystemClock()
    site, about = the_village(args, clock)
    asker = Asker(args, site, clock)
    try:
        whats[args.what](args, asker, clock, zone_of(about))
    finally:
        asker.close()
    return 0


def _stop(_args: argparse.Namespace, asker: Asker, _clock: Clock, _zone: Zone) -> None:
    ended = asker.ask("stop-water", {}).get("cancelled") or []
    runs = f"{len(ended)} run{'s' * (len(ended) != 1)} ended" if ended else "no run was under way"
    print(f"every valve closes, every pump stops; {runs}. See it with village-edge watch 'valve/*'")


def _delay(args: argparse.Namespace, asker: Asker, clock: Clock, zone: Zone) -> None:
    from edge.core.topics import rfc3339
    from edge.wording import end_time

    now = clock.now().wall
    if args.time == "off":
        asker.ask("rain-delay", {})
        print("watering is put off no more: programs water when they are due")
        return
    fields, until = _end(args.time, now, zone)
    told = asker.ask("rain-delay", fields).get("until")
    print(f"no program waters before {end_time(told if isinstance(told, str) else rfc3339(until), now, zone)}")


def _end(text: str, now: float, zone: Zone) -> tuple[dict[str, object], float]:
    """Until when (Unix s), given as a duration or as a time: as fields of the request, and by this machine's clock.
    Raises Failed."""
    from edge.core.topics import rfc3339

    try:
        lasts = seconds(text)
        return {"for_s": lasts}, now + lasts
    except argparse.ArgumentTypeError:
        pass
    try:
        until = time_to_come(text, now, zone)
        return {"until": rfc3339(until)}, until
    except ValueError as wrong:
        raise Failed(1, f"{wrong}; or a duration such as 24h, or off") from None


def _runs(args: argparse.Namespace, asker: Asker, clock: Clock, zone: Zone) -> None:
    from edge.core.topics import rfc3339

    now = clock.now().wall
    start = now - args.days * 86400
    if args.start is not None:
        start = dt.datetime.combine(args.start, dt.time(), zone).timestamp()
    fields: dict[str, object] = {"from": rfc3339(start), "to": rfc3339(max(now, start) + 1)}
    if args.valve is not None:
        fields["device"] = f"valve/{args.valve.removeprefix('valve/')}"
    answer = asker.ask("runs", fields)
    if args.json:
        for found in answer["runs"]:
            print(json.dumps(found, ensure_ascii=False))
    else:
        _print(answer["runs"], zone)
    if answer.get("more"):
        print("there are more than one answer holds: ask for fewer days, or for one valve", file=sys.stderr)


def _print(runs: list[dict[str, Any]], zone: Zone) -> None:
    from edge.figures import columns

    rows = [_row(run, share, zone) for run in runs for share in run["zones"] or [{}]]
    if not rows:
        print("nothing was watered, and nothing was due")
        return
    print("\n".join(columns([COLUMNS, *rows])))


def _row(run: Mapping[str, Any], share: Mapping[str, Any], zone: Zone) -> tuple[str, ...]:
    """One zone of a run; what it does not say itself is the run's."""
    ended = share.get("outcome") or run["outcome"] or "under way"
    why = share.get("why") or run["why"]
    planned = f"{share['planned_l']:g} l" if share.get("planned_l") is not None else _lasting(share.get("planned_s"))
    litres = share.get("litres")
    return (
        _time(run["slot"], zone), str(share.get("valve", "-")).removeprefix("valve/"),
        str(run["program"] or run["user"] or "-"), planned, _lasting(share.get("done_s")),
        "-" if litres is None else f"{litres:.0f}", _time(share.get("started"), zone), _time(share.get("ended"), zone),
        f"{ended.replace('_', ' ')}: {why}" if why and ended != "done" else ended.replace("_", " "),
    )  # fmt: skip


def _time(stamp: str | None, zone: Zone) -> str:
    return "-" if stamp is None else f"{dt.datetime.fromisoformat(stamp).astimezone(zone):%Y-%m-%d %H:%M}"


def _lasting(seconds: float | None) -> str:
    from edge.wording import lasting

    return "-" if seconds is None else lasting(seconds)
