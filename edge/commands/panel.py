"""`village-edge panel`: a village's tiles for a simple phone app."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from edge.typed import Failed, identifier, plainly

SUMMARY = (
    "Write a panel for MQTT Dash, a simple phone app: tiles for every light, valve, pump, switch, meter and sensor of "
    "a configuration. The app takes it from the topic metrics/exchange; docs/en/phone-apps.md says how. The phone page "
    "needs none of this."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("file", type=Path, metavar="FILE", help="the village's configuration (YAML)")
    parser.add_argument("--user", type=identifier, required=True,
                        help="the broker's user whose phone it is: it switches under this name")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write it there (default: to the terminal)")


@plainly
def run(args: argparse.Namespace) -> int:
    """0; 1 if the configuration has errors or the file cannot be written."""
    text = json.dumps(tiles(args.file, args.user), ensure_ascii=False, indent=1) + "\n"
    if args.out is None:
        print(text, end="")
        return 0
    try:
        args.out.write_text(text, "utf-8")
    except OSError as error:
        raise Failed(1, f"{args.out} cannot be written ({error.strerror}): name another file with --out") from None
    print(f"{args.out}: written. docs/en/phone-apps.md says how the app takes it.", file=sys.stderr)
    return 0


def tiles(file: Path, user: str) -> list[dict[str, object]]:
    """The panel of the village in `file`. Raises Failed, which has every error of the configuration."""
    from edge import panel
    from edge.core.assembly import devices
    from edge.shell.app import catalogue
    from edge.shell.site_file import ConfigError, load

    models = catalogue()
    try:
        site = load(file, models)
    except ConfigError as error:
        raise Failed(1, str(error)) from None
    return panel.metrics(site.site.id, devices(site, models), user)
