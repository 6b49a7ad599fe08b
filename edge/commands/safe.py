"""`village-edge safe`: drive every output to its safe state, with no daemon and no valid configuration needed."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from pathlib import Path

from edge.shell import safe, safe_file

SUMMARY = (
    "Drive every output, on GPIO lines and relay boards, to its safe state: valves, pumps and switches off, each light "
    "as its `safe` says (hold, on or off). Stop the controller first: it holds lines and serial ports. systemd runs "
    "this by itself when the controller has ended, and how it ended is then noted for safe mode. Exits with 1 if an "
    "output could not be driven, 2 without a readable safe.json."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `safe`."""
    parser.add_argument(
        "--state", type=Path, metavar="DIR", required=True, help="the controller's state directory, where safe.json is"
    )
    parser.add_argument("--sim", type=Path, metavar="DIR", help="drive the simulated village whose run directory it is")
    parser.add_argument(
        "--runtime", type=Path, metavar="DIR",
        help="where starts are counted (default: systemd's $RUNTIME_DIRECTORY; neither: how the controller ended is "
        "noted nowhere)",
    )
    parser.add_argument(
        "--orders", action="store_true",
        help="what safe mode runs: drive nothing by itself, but what each line of the standard input says, such as "
        '{"output": "light/lanes/a", "on": true}, and answer each with a line {"output": …, "on": what is read back, '
        'true, false or null, "error": null or why not}; valves, pumps, switches and what is locked are never '
        "switched on. The first line of the output names what is locked. Lines are held until the input ends",
    )


def run(args: argparse.Namespace) -> int:
    """Print a line for each output; the exit code says whether all went well."""
    if not args.orders:
        _note_end(args.runtime)
    if args.sim is not None:
        os.environ["GPIOZERO_PIN_FACTORY"] = "village"
        os.environ["VILLAGE_SIM"] = str(args.sim)
    try:
        entries = safe_file.load(args.state / safe_file.FILE)
    except safe_file.NoSafeFile as e:
        print(f"village-edge safe: {e}", file=sys.stderr)
        return 2
    if args.orders:
        return _obey(entries, args.state / "journal.db", args.sim)
    failed = False
    for line, error in safe.drive(safe.heeding(entries, args.state / "journal.db"), args.sim):
        if error is None:
            print(line)
        else:
            failed = True
            print(f"{line}: FAILED: {error}", file=sys.stderr)
    return 1 if failed else 0


def _obey(entries: list[object], journal: Path, sim: Path | None) -> int:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)  # systemd and a terminal tell all of us: who gives the orders ends us
    locked = safe.lockouts(journal)
    hands = safe.Hands(entries, locked or (), sim)
    print(json.dumps({"locked": None if locked is None else sorted(locked)}), flush=True)
    for order in sys.stdin:
        print(json.dumps(hands.obey(order)), flush=True)
    return 0


def _note_end(runtime: Path | None) -> None:
    """What systemd says of the controller's end, for safe mode to tell. The outputs do not wait for it if it fails."""
    try:
        from edge.shell import starts
        from edge.shell.clock import SystemClock

        folder = starts.folder(runtime, os.environ)
        how = starts.end_of(os.environ)
        if folder is not None and how is not None:
            starts.Starts(folder, SystemClock()).ended(how)
    except Exception as error:  # valves are open, perhaps
        print(f"village-edge safe: how the controller ended could not be noted: {error!r}", file=sys.stderr)
