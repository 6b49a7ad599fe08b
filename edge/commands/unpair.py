"""`village-edge unpair`: a phone may enter no more."""

from __future__ import annotations

import argparse
from pathlib import Path

from edge.commands.pair import DIR, hand_over, listed, reloaded, the_settings
from edge.typed import Failed, identifier, plainly

SUMMARY = """\
Put a user out: the broker lets the phone in no more, and throws it out if it is connected. Nobody else gets this id.
Without a user: list who may enter. Exit status: 0 done, 1 not, and why.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `unpair`."""
    add = parser.add_argument
    add("user", nargs="?", type=identifier, metavar="USER", help="who; see the list")
    add("--out", type=Path, default=Path(), metavar="DIR",
        help="for a phone that enters at the district: where to write what its operator is to take in (default: here)")
    add("--dir", type=Path, default=DIR, metavar="DIR", help=f"the broker directory (default: {DIR})")


@plainly
def run(args: argparse.Namespace) -> int:
    """0 or 1. Raises Failed."""
    from edge.access.deeds import Impossible, put_out, the_user
    from edge.access.directory import AccessError, Directory
    from edge.access.pairing import farewell
    from edge.core.topics import rfc3339
    from edge.shell.clock import SystemClock
    from edge.shell.site_file import ConfigError

    directory = Directory(args.dir)
    try:
        if args.user is None:
            return listed(directory)
        now = rfc3339(SystemClock().now().wall)
        with directory.locked():
            settings, registry = the_settings(directory), directory.registry()
            person = the_user(registry, args.user)
            directory.write(settings, put_out(registry, args.user, now), now)
    except (AccessError, ConfigError, Impossible) as error:
        raise Failed(1, str(error)) from error
    print(f"{args.user} ({person.name}, {person.role}) is out.")
    status = reloaded(settings)
    if person.hash is None:
        print("The controller takes nothing more from this phone. At the district it can look until this is done:")
        hand_over(args.out, (farewell(args.user, person),))
    return status
