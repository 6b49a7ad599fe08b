"""`village-edge restore`: a new card becomes the old one."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.shell.restore import Restored, Where

SUMMARY = """\
Put a backup made by `village-edge backup` in place: journal, history, configuration and all that was backed up with
them. The whole backup is checked first, and nothing is changed if anything is wrong with it. The controller must not
run. What is there already is replaced only with --force, and then kept aside. Run it as root, so that every file gets
its owner back.
"""
EXAMPLES = """\
examples:

  on a new card, where village-edge and mosquitto are installed:
    village-edge restore /media/usb/village.tar.gz

  into directories of its own, to look at it:
    village-edge restore village.tar.gz --state /tmp/old/state --config /tmp/old/site.yaml --also-root /tmp/old/root

exit status: 0 in place; 1 not, and why; a run that was cut short is done to its end by the same command once more
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `restore`."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add("file", type=Path, metavar="FILE", help="the backup")
    add("--state", type=Path, metavar="DIR", help="the controller's state directory (default: where it was)")
    add("--config", type=Path, metavar="FILE", help="the configuration file (default: where it was)")
    add("--also-root", type=Path, default=Path("/"), metavar="DIR",
        help="put what was backed up with --also under this directory (default: /, where it was)")
    add("--force", action="store_true", help="replace what is there; it is kept aside")


def run(args: argparse.Namespace) -> int:
    """0 or 1, as the examples say."""
    from edge.commands.backup import progress_bar
    from edge.shell.archive import BackupError
    from edge.shell.clock import SystemClock
    from edge.shell.restore import Where, restore
    from edge.shell.state_dir import StateUnusable

    clock = SystemClock()
    where = Where(args.state, args.config, args.also_root)
    try:
        with progress_bar(clock) as progress:
            restored = restore(args.file, where, clock.now(), force=args.force, progress=progress)
    except (BackupError, StateUnusable) as error:
        print(f"village-edge restore: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nvillage-edge restore: stopped; run it again to have it done", file=sys.stderr)
        return 1
    _tell(restored, where)
    return 0


def _tell(restored: Restored, where: Where) -> None:
    from edge.commands.backup import described

    manifest = restored.manifest
    state, config = where.state or Path(manifest.state), where.config or Path(manifest.config)
    print(f"restored: {described(manifest)}\n  state: {state}\n  configuration: {config}")
    for path in manifest.also:
        print(f"  {where.root / path.lstrip('/')}")
    for note in restored.notes:
        print(f"note: {note}")
    for aside in restored.asides:
        print(f"kept from before: {aside} (to go back, stop the controller and move what is in it one folder up)")
    print(f"""\
next:
  1. village-edge check {config}
  2. restart the broker, if its files were among these
  3. start the controller; the one that this backup is of must never run again beside it""")
