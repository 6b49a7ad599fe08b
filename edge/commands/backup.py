"""`village-edge backup`: everything that makes this controller this village's, in one file."""

from __future__ import annotations

import argparse
import datetime as dt
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.shell.archive import Manifest, Progress
    from edge.shell.clock import Clock

SUMMARY = """\
Write the journal, the history, the configuration with its whole folder (secrets, tariffs, the broker's files) and
whatever else is named into one file, from which `village-edge restore` makes the same controller on a new card. The
controller may run. The file holds secrets: only its owner may read it, keep it so wherever you copy it.
"""
EXAMPLES = """\
examples:

  onto a USB stick, with the broker's users and access list:
    village-edge backup /media/usb/village.tar.gz --also /etc/mosquitto/village

  every night by a timer, the newest seven are kept:
    village-edge backup --to /var/backups/village-edge --keep 7

  is this copy good?
    village-edge backup --verify /media/usb/village.tar.gz

exit status: 0 written, or good; 1 it could not be written, or is not good; 2 it was not understood
"""
STATE, CONFIG = Path("/var/lib/village-edge"), Path("/etc/village-edge/site.yaml")
NICE = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `backup`."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add("file", type=Path, nargs="?", metavar="FILE", help="where to write it; one of that name is replaced")
    add("--to", type=Path, metavar="DIR", help="write it into this directory, under the village's id and the time")
    add("--keep", type=_keep, metavar="N", help="with --to: remove the oldest until N are left (default: remove none)")
    add("--verify", type=Path, metavar="FILE", help="only check this backup, to the last byte")
    add("--also", type=Path, action="append", default=[], metavar="PATH",
        help="a file or directory besides, such as /etc/mosquitto/village; may be given several times")
    add("--config", type=Path, default=CONFIG, metavar="FILE", help=f"the village's configuration (default: {CONFIG})")
    add("--state", type=Path, default=STATE, metavar="DIR", help=f"the controller's state directory (default: {STATE})")


def run(args: argparse.Namespace) -> int:
    """0, 1 or 2, as the examples say."""
    from edge.shell.archive import BackupError

    if [args.file, args.to, args.verify].count(None) != 2:
        print("name the FILE to write, or --to DIR, or --verify FILE: one of them", file=sys.stderr)
        return 2
    if args.keep is not None and args.to is None:
        print("--keep goes with --to: it removes what --to has written before", file=sys.stderr)
        return 2
    os.nice(NICE)  # the controller comes first
    try:
        return _verify(args.verify) if args.verify is not None else _back_up(args)
    except BackupError as error:
        print(f"village-edge backup: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 1


def _back_up(args: argparse.Namespace) -> int:
    from edge.shell.backup import Sources, back_up, dated, site_of, thin_out
    from edge.shell.clock import SystemClock

    clock = SystemClock()
    now = clock.now()
    file: Path = args.file
    site = site_of(args.config)
    if args.to is not None:
        args.to.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = dated(args.to, site, dt.datetime.fromtimestamp(now.wall, dt.UTC).strftime("%Y%m%dT%H%M%SZ"))
    with progress_bar(clock) as progress:
        manifest, passed_over = back_up(file, Sources(args.state, args.config, args.also), now, progress)
    for path in passed_over:
        print(f"{path} is no plain file: it is not in the backup", file=sys.stderr)
    print(f"{file}: {described(manifest)}")
    if args.keep is not None:
        for gone in thin_out(args.to, site, args.keep, file):
            print(f"{gone}: removed, {args.keep} are kept")
    return 0


def _verify(file: Path) -> int:
    from edge.shell.clock import SystemClock
    from edge.shell.restore import verify

    beside = file.parent if os.access(file.parent, os.W_OK) else None
    with progress_bar(SystemClock()) as progress, TemporaryDirectory(prefix=".village-edge-", dir=beside) as folder:
        manifest = verify(file, Path(folder), progress)
    print(f"{file} is good: {described(manifest)}")
    return 0


def described(manifest: Manifest) -> str:
    """What a backup is, in a line."""
    when = dt.datetime.fromtimestamp(manifest.made_at, dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
    doubt = "" if manifest.trusted else " by a clock that nobody vouches for"
    files = f"{len(manifest.members)} files, {manifest.size() / 1e6:.1f} MB unpacked"
    return f"{manifest.site} on {when}{doubt}, version {manifest.version}, {files}"


@contextmanager
def progress_bar(clock: Clock) -> Iterator[Progress]:
    """How far it is, on a terminal: to be called with what is being done, how much is done, and of how much."""
    from edge.commands.doctor import Bar

    bar = Bar(clock, shown=sys.stderr.isatty())
    try:
        yield bar.show
    finally:
        bar.clear()


def _keep(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r}: write how many to keep, from 1 to 1000")
    return int(text)
