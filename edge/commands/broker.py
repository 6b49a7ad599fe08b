"""`village-edge broker`: write mosquitto's part of who may enter and who may do what."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from edge.commands.pair import DIR, reloaded
from edge.typed import Failed, plainly

if TYPE_CHECKING:
    from edge.access.directory import Directory

SUMMARY = """\
Write mosquitto's configuration, its users and its access list into the broker directory: for the cabinet of one
village, or with --district for the one broker of many. It says what has changed and what is to be done next. Options
that were given once are kept; run again, it changes nothing. Run it as root.
"""
EXAMPLES = """\
examples:

  in a cabinet; makes the controller's password too:
    sudo village-edge broker --config /etc/village-edge/site.yaml

  on the district's machine; writes district.json, the card that its villages get:
    sudo village-edge broker --district "Huyện Thiệu Hóa" --page https://den.example.vn --address den.example.vn:8883 \\
      --tls-listen 0.0.0.0:8883 --cert /etc/mosquitto/certs/broker.pem --key /etc/mosquitto/certs/broker.key

  in the cabinet, to join that district; and there, to take the village in:
    sudo village-edge broker --bridge district.json
    sudo village-edge broker --district --accept nguyen-ly.json

exit status: 0 written, or as it was; 1 not, and why; 2 it was not understood
"""
CONFIG = Path("/etc/village-edge/site.yaml")
USERS = {"passwords", "access"}  # mosquitto takes these while it runs
RESTARTED = {"mosquitto.conf", "district-ca.pem"}  # and these at its next start


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `broker`."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add("--config", type=Path, default=CONFIG, metavar="FILE",
        help=f"a cabinet's: the village's configuration (default: {CONFIG})")
    add("--district", nargs="?", const="", metavar="NAME", help="a district's broker; its name, the first time")
    add("--listen", metavar="HOST:PORT",
        help="the plain listener, for this machine (default: 127.0.0.1 with the configuration's port, or 1883)")
    add("--tls-listen", metavar="HOST:PORT", help="a listener with TLS for those who come over a network; needs --cert "
        "and --key")
    add("--cert", type=Path, metavar="FILE", help="its certificate with the chain, PEM; mosquitto's group must read it")
    add("--key", type=Path, metavar="FILE", help="its key, PEM, likewise")
    add("--no-tls", action="store_true", help="take the TLS listener away")
    add("--page", metavar="URL", help="the address that phones open the page by")
    add("--address", metavar="HOST:PORT", help="a district's: where its villages reach its broker")
    add("--ca", type=Path, metavar="FILE",
        help="a district's: the certificate that vouches for --cert, if it is your own")
    add("--bridge", type=Path, metavar="FILE", help="a cabinet's: join the district whose card FILE is")
    add("--no-bridge", action="store_true", help="a cabinet's: leave the district")
    add("--accept", type=Path, action="append", default=[], metavar="FILE",
        help="a district's: take in what a village's `broker --bridge`, `pair --remote` or `unpair` wrote")
    add("--pid-file", metavar="FILE", help="mosquitto's pid file (default: /run/mosquitto/mosquitto.pid, Debian's)")
    add("--dir", type=Path, default=DIR, metavar="DIR", help=f"the broker directory (default: {DIR})")


@plainly
def run(args: argparse.Namespace) -> int:
    """0 or 1, as the examples say. Raises Failed."""
    from edge.access.deeds import Impossible
    from edge.access.directory import AccessError, Directory
    from edge.shell.site_file import ConfigError

    try:
        return _write(args, Directory(args.dir))
    except (AccessError, ConfigError, Impossible) as error:
        raise Failed(1, str(error)) from error


def _write(args: argparse.Namespace, directory: Directory) -> int:
    from edge.access.setting_up import accepted, cabinet, district_settings
    from edge.access.told import names_of, next_steps, what_changed
    from edge.core.topics import rfc3339
    from edge.shell.clock import SystemClock

    notes: list[str] = []
    with directory.locked(make=True):
        known, registry = directory.settings(), directory.registry()
        if args.district is None and known is not None and known.kind == "district":
            raise Failed(1, f"{directory.path} is a district's: say --district, or give another with --dir")
        if args.district is not None:
            settings = district_settings(args, known)
            registry = accepted(args, registry, notes)
        else:
            settings, registry = cabinet(args, known, registry, notes)
        changes = directory.write(settings, registry, rfc3339(SystemClock().now().wall))
    steps = next_steps(directory.path, settings, registry, changes)
    print("\n".join([*notes, *what_changed(directory.path, settings, changes), *steps]))
    changed = names_of(changes)
    return reloaded(settings) if changed & USERS and not changed & RESTARTED else 0
