"""`village-edge health`: is the controller of this machine well, by systemd, by the broker and by its page?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from edge.typed import Address, Failed, address, plainly, seconds

if TYPE_CHECKING:
    from edge.client import Client
    from edge.core.site import Site
    from edge.shell.clock import Clock
    from edge.shell.health import Unit

SUMMARY = """\
Say whether the controller of this machine is well: systemd has it running, on the broker it is online with the version
that is installed here and not in safe mode, and its page answers. It enters the broker with the controller's own
password, so run it as root.
"""
EXAMPLES = """\
examples:

  how is it now?
    sudo village-edge health

  it was started just now: is it well within a minute, and has it stood for ten seconds by then without a restart?
    sudo village-edge health --wait 60s --steady 10s --fresh

  a controller that was started by hand, without a page:
    village-edge health --config site.yaml --unit '' --no-page

exit status: 0 it is well; 1 it is not, and all that is wrong; 2 it was not understood
"""
CONFIG = Path("/etc/village-edge/site.yaml")
UNIT = "village-edge.service"
LEAST_S = 3.0  # what is retained needs a moment to come, also if nothing is to be waited for
LOOK_S = 0.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `health`."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add("--config", type=Path, default=CONFIG, metavar="FILE", help=f"the village's configuration (default: {CONFIG})")
    add("--wait", type=seconds, default=0.0, metavar="DURATION", help="how long that may take (default: 0s)")
    add("--steady", type=seconds, default=0.0, metavar="DURATION",
        help="how long it must have been running by then (default: 0s)")
    add("--fresh", action="store_true", help="it was started just now: a restart since counts as an error")
    add("--unit", default=UNIT, metavar="NAME", help=f"its unit; '' if systemd does not run it (default: {UNIT})")
    add("--mqtt", type=address, metavar="HOST:PORT", help="the broker, in place of the configuration's")
    add("--page", type=address, default=Address("127.0.0.1", 8080), metavar="HOST:PORT",
        help="where the page is served; with https, port 8443 is tried too (default: 127.0.0.1:8080)")
    add("--no-page", action="store_true", help="no page is served here")


@plainly
def run(args: argparse.Namespace) -> int:
    """0 or 1, as the examples say. Raises Failed."""
    from edge.client import Client
    from edge.core.topics import Topics
    from edge.shell.clock import SystemClock

    site, login = _village(args.config)
    at = args.mqtt or Address(site.mqtt.host, site.mqtt.port)
    root = Topics(site.site.id).root
    clock = SystemClock()
    client = Client(at, [f"{root}/{leaf}" for leaf in ("status", "about", "alarm/+")], site.mqtt.protocol, clock, login)
    try:
        wrong = _looked(args, client, root, clock)
    finally:
        client.close()
    if wrong:
        raise Failed(1, "\n".join(wrong))
    print(f"{site.site.name} ({site.site.id}) is well")
    return 0


def _village(config: Path) -> tuple[Site, tuple[str, str] | None]:
    """The village, and what its controller enters the broker with. Raises Failed."""
    from edge.shell.app import catalogue
    from edge.shell.site_file import ConfigError, load, password_file

    try:
        site = load(config, catalogue())
        path = password_file(site, config)
        if site.mqtt.user is None or path is None:
            return site, None
        with path.open(encoding="utf-8") as file:
            return site, (site.mqtt.user, file.readline().strip())
    except ConfigError as error:
        raise Failed(1, str(error)) from error
    except OSError as error:
        raise Failed(1, f"{error.filename}: the controller's password cannot be read ({error.strerror}); run it as "
                        "root, and village-edge broker if it is not there") from error


def _looked(args: argparse.Namespace, client: Client, root: str, clock: Clock) -> list[str]:
    """What is wrong, once nothing is or the time is over."""
    from importlib.metadata import version

    from edge.shell.health import Heard, page_trouble, unit_now

    heard = Heard(root, version("village-edge"))
    end = clock.mono() + max(args.wait, LEAST_S)
    while True:
        for event in client.events(LOOK_S):
            heard.take(event)
        unit: Unit | None = unit_now(args.unit) if args.unit else None
        wrong = [] if unit is None else unit.troubles(clock.mono(), args.steady, fresh=args.fresh)
        wrong += heard.troubles()
        if not args.no_page and (trouble := page_trouble(args.page)):
            wrong.append(trouble)
        restarted = args.fresh and unit is not None and unit.restarts > 0
        if not wrong or restarted or clock.mono() >= end:
            return wrong
