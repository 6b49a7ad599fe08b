"""`village-edge safe`: drive every output to its safe state, with no daemon and no valid configuration needed."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from edge.shell import safe

SUMMARY = (
    "Drive every output, on GPIO lines and relay boards, to its safe state: valves, pumps and switches off, each light "
    "as its `safe` says (hold, on or off). Stop the controller first: it holds lines and serial ports. systemd runs "
    "this by itself when the controller has ended. Exits with 1 if an output could not be driven, 2 without a "
    "readable safe.json."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `safe`."""
    parser.add_argument(
        "--state", type=Path, metavar="DIR", required=True, help="the controller's state directory, where safe.json is"
    )
    parser.add_argument("--sim", type=Path, metavar="DIR", help="drive the simulated village whose run directory it is")


def run(args: argparse.Namespace) -> int:
    """Print a line for each output; the exit code says whether all went well."""
    if args.sim is not None:
        os.environ["GPIOZERO_PIN_FACTORY"] = "village"
        os.environ["VILLAGE_SIM"] = str(args.sim)
    try:
        entries = safe.load(args.state / safe.FILE)
    except safe.NoSafeFile as e:
        print(f"village-edge safe: {e}", file=sys.stderr)
        return 2
    failed = False
    for line, error in safe.drive(safe.heeding(entries, args.state / "journal.db"), args.sim):
        if error is None:
            print(line)
        else:
            failed = True
            print(f"{line}: FAILED: {error}", file=sys.stderr)
    return 1 if failed else 0
