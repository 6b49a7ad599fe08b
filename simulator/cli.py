"""The command `village-sim`."""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from drivers.registers import catalogue
from edge.shell.clock import SystemClock
from edge.shell.site_file import ConfigError, load
from edge.typed import address
from simulator.control import ask
from simulator.fault_kinds import KINDS, Kind
from simulator.faults import FaultError, read
from simulator.live import Occupied, occupy, serve
from simulator.village import Village

USAGE = """village-sim --config FILE --run DIR [--lines persist|release] [--seed N] [--broker HOST:PORT] [--quiet]
       village-sim fault RUNDIR NAME [key=value ...]
       village-sim clear RUNDIR [ID|all]
       village-sim faults [RUNDIR]"""
DESCRIPTION = """\
Play the village that is not there: lamps behind relays, the meters that count what they draw, the cabinet's contacts.

It reads the same configuration as the controller and puts what the controller needs into a run directory:

  DIR/pins.sock     the lines of a Raspberry Pi
  DIR/pins.log      everything that claimed or drove a line, one JSON object a line
  DIR/ports/NAME    a serial port for each of the configuration's, with its meters answering
  DIR/control.sock  takes faults
  DIR/broker        with --broker: what the controller is to be given as --mqtt, so that the broker can have faults
  DIR/ready         there while the village is
"""
EPILOG = """\
example, in two terminals:

  village-sim --config config/nguyen-ly.yaml --run /tmp/village
  village-edge run --config config/nguyen-ly.yaml --state /tmp/state --sim /tmp/village

Levels outlive the controller, as on a Raspberry Pi's own kernels: kill it and see what burns on. With
--lines release they fall back when it ends, as on other kernels. Ctrl-C ends the village.

and in a third, while both run: break something, see what the controller makes of it, take it back.

  village-sim fault /tmp/village relay-welded on=light/main-road/b
  village-sim clear /tmp/village all

faults:

"""
FAULT_EPILOG = """\
example:

  village-sim fault /tmp/village slave-late on=meter/cabinet-1 by=3s for=10m

A fault stands until `village-sim clear`, or as long as for= says; one that only happens, such as meter-reset, does not
stand. Durations have a unit: 10s, 20m, 2h. `village-sim faults` lists what there is.
"""


class _Parser(argparse.ArgumentParser):
    """Asks for --config and --run where no other command is given."""

    def parse_known_args(self, *given: Any, **named: Any) -> Any:
        parsed, rest = super().parse_known_args(*given, **named)
        missing = [f"--{name}" for name in ("config", "run") if getattr(parsed, name) is None]
        if parsed.command is None and missing:
            self.error(f"the following arguments are required: {', '.join(missing)}")
        return parsed, rest


def parser() -> argparse.ArgumentParser:
    """The commands and options of `village-sim`."""
    made = _Parser(
        "village-sim", usage=USAGE, description=DESCRIPTION, epilog=EPILOG + table(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    made.add_argument("--config", type=Path, metavar="FILE", help="the village's configuration")
    made.add_argument(
        "--run", type=Path, metavar="DIR", help="the run directory, made if missing; at most 83 bytes long"
    )
    made.add_argument(
        "--lines", choices=["persist", "release"], default="persist",
        help="what a line does when the process that drives it ends (default: persist)",
    )  # fmt: skip
    made.add_argument("--seed", type=int, default=1, metavar="N", help="another village of the same form (default: 1)")
    made.add_argument(
        "--broker", type=address, metavar="HOST:PORT",
        help="stand between the controller and this broker, for faults of the broker",
    )  # fmt: skip
    made.add_argument("--quiet", action="store_true", help="print nothing but errors")
    _add_commands(made)
    return made


def _add_commands(made: argparse.ArgumentParser) -> None:
    commands = made.add_subparsers(
        dest="command", metavar="", title="other commands", parser_class=argparse.ArgumentParser
    )
    form = argparse.RawDescriptionHelpFormatter
    summary = "break something in a running village"
    fault = commands.add_parser(
        "fault", help=summary, description=summary, epilog=FAULT_EPILOG, formatter_class=form, prog="village-sim fault"
    )
    fault.add_argument("directory", type=Path, metavar="RUNDIR", help="the run directory of a running village-sim")
    fault.add_argument("name", metavar="NAME", help="the fault's name")
    fault.add_argument("fields", nargs="*", metavar="key=value", help="what it is on, and its parameters")
    summary = "take a fault back, or all of them"
    clear = commands.add_parser("clear", help=summary, description=summary, prog="village-sim clear")
    clear.add_argument("directory", type=Path, metavar="RUNDIR", help="the run directory of a running village-sim")
    clear.add_argument("id", nargs="?", default="all", metavar="ID", help="such as f1 (default: all)")
    summary = "list the faults that there are or, with RUNDIR, those that stand in a running village"
    listed = commands.add_parser("faults", help=summary, description=summary, prog="village-sim faults")
    listed.add_argument("directory", type=Path, nargs="?", metavar="RUNDIR", help="the run directory of a village-sim")


def main(argv: Sequence[str] | None = None) -> int:
    """0 after a clean end, 1 when the run directory will not do or a fault is refused, 2 for a bad configuration."""
    args = parser().parse_args(argv)
    try:
        match args.command:
            case "fault":
                return _fault(args.directory, {"fault": args.name, **_fields(args.fields)})
            case "clear":
                _print_faults(ask(args.directory, {"clear": args.id}), "nothing stood", "taken back: ")
            case "faults" if args.directory is None:
                print(table(), end="")
            case "faults":
                _print_faults(ask(args.directory, {"list": True}), "nothing stands", "")
            case _:
                return _play(args)
    except FaultError as error:
        print(f"village-sim: {error}", file=sys.stderr)
        return 1
    return 0


def table() -> str:
    """Every fault with how it is typed and what it is, a line each, by place."""
    lines: list[str] = []
    place = ""
    for kind in KINDS.values():
        if kind.place != place:
            place = kind.place
            lines.append(f"{place}:")
        lines.append(f"  {kind.usage:<52} {kind.summary}{_where(kind)}")
    return "\n".join(lines) + "\n"


def _where(kind: Kind) -> str:
    return "" if "live" in kind.times else " (virtual time only)"


def _fault(directory: Path, message: dict[str, object]) -> int:
    read(message)  # what is wrong with the words is said without asking anyone
    key = ask(directory, message)["id"]
    happened = "done; it has happened and cannot be taken back"
    print(happened if key is None else f"{key}  take it back with: village-sim clear {directory} {key}")
    return 0


def _print_faults(answer: dict[str, Any], none: str, before: str) -> None:
    print("\n".join(f"{before}{key}  {fault}" for key, fault in answer["faults"].items()) or none)


def _fields(words: Sequence[str]) -> dict[str, object]:
    """`key=value` words as fields. Raises FaultError."""
    fields: dict[str, object] = {}
    for word in words:
        key, sign, value = word.partition("=")
        if not sign or not key or not value:
            raise FaultError(f'"{word}" cannot be read; write key=value, such as on=light/main-road/b')
        if key in fields:
            raise FaultError(f"{key} stands twice; leave one out")
        fields[key] = _typed(value)
    return fields


def _typed(word: str) -> object:
    """A word of the command line as YAML would read it: a number, true, false, else text."""
    if word in ("true", "false"):
        return word == "true"
    if re.fullmatch(r"-?\d+", word):
        return int(word)
    return float(word) if re.fullmatch(r"-?\d*\.\d+", word) else word


def _play(args: argparse.Namespace) -> int:
    try:
        site = load(args.config, catalogue())
    except ConfigError as e:
        print(e, file=sys.stderr)
        return 2
    directory = args.run.absolute()
    clock = SystemClock()  # the village's own time, whatever its controller takes the time to be

    def say(line: str) -> None:
        if not args.quiet:
            print(line, flush=True)

    village = Village(site, catalogue(), clock, args.seed, persist=args.lines == "persist")
    if silent := village.silent():
        say(f"not played, so they do not answer: {', '.join(silent)}")
    try:
        with occupy(directory):
            way = None if args.broker is None else (args.broker.host, args.broker.port)
            asyncio.run(serve(village, site.ports, directory, clock, say, way))
    except (Occupied, OSError, ValueError) as e:
        print(f"village-sim: {e}", file=sys.stderr)
        return 1
    return 0
