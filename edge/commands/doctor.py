"""`village-edge doctor`: what is right and what is wrong with a cabinet, and how to mend it."""

from __future__ import annotations

import argparse
import json
import re
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from edge.typed import Failed

if TYPE_CHECKING:
    from edge.commands.doctor_said import Said
    from edge.core.diagnosis_terms import Language
    from edge.core.site import Site
    from edge.shell.clock import Clock
    from edge.shell.doctor import Doctor, Scan

SUMMARY = """\
Ask every meter, sensor and relay board on the serial ports, and say in words what is right and what is wrong: a silent
device, another model, address, speed or protocol than the configuration says, two devices with one address, swapped
wires, damaged answers, figures that cannot be. --machine looks at the computer itself; --outputs and --match switch, a
moment each, with somebody there; --sheet writes all of it on a page to be signed. Nothing is switched and nothing is
written on a line unless it is asked for. The controller holds lines and ports: stop it first.
"""
EXAMPLES = """\
examples:

  the controller stopped, everything asked:
    sudo systemctl stop village-edge
    village-edge doctor --config /etc/village-edge/site.yaml
    sudo systemctl start village-edge

  what else is on the line, at every address and every speed of its models:
    village-edge doctor --config site.yaml --port rs485 --scan

  a new meter comes with address 1; it shall have 3 (it is asked before, and read after):
    village-edge doctor --config site.yaml --set-address 1 3 --model sdm120

  an SDM120 comes with 2400 baud; the port runs at 9600:
    village-edge doctor --config site.yaml --baudrate 2400 --set-baud 1 9600 --model sdm120

  a new cabinet, from the first look to the page that is signed:
    village-edge doctor --config site.yaml --machine
    village-edge doctor --config site.yaml --outputs light/main-road valve/plot-1
    village-edge doctor --config site.yaml --outputs --match --sheet cabinet.html

  practise on a simulated village (village-sim --config site.yaml --run /tmp/village):
    village-edge doctor --config site.yaml --sim /tmp/village

exit status: 0 nothing wrong; 1 something is wrong, or was not set; 2 it could not be asked or switched
"""
BAR = 24
STATE = Path("/var/lib/village-edge")
TICK = threading.Event()  # never set: waiting for it lets time pass


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `doctor`."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add("--config", type=Path, required=True, metavar="FILE", help="the village's configuration (YAML)")
    add("--port", metavar="NAME", help="only this port of the configuration")
    add("--sim", type=Path, metavar="DIR", help="the simulated village whose run directory it is")
    add("--scan", type=_addresses, nargs="?", const=range(1, 248), metavar="FIRST-LAST",
        help="also look at these addresses (default: 1-247), at every speed of the port's models; takes minutes")
    add("--lang", choices=["vi", "en"], help="the language of the answer (default: the site's)")
    add("--json", action="store_true", help="one JSON object instead of text")
    add("--yes", action="store_true", help="do not ask before writing, for scripts; before switching with --sim only")
    cabinet = parser.add_argument_group("to commission a cabinet")
    more = cabinet.add_argument
    more("--machine", action="store_true",
         help="look at the computer: clock, card, broker, rights, lines, watchdog, power, log")
    more("--outputs", nargs="*", metavar="NAME",
         help="switch each output on for a moment, and ask what moved; only these, such as light/main-road or pump/p-1")
    more("--match", nargs="*", metavar="NAME",
         help="switch one circuit after the other, and say which meter moved; a pump must be named")
    more("--sheet", type=Path, metavar="FILE",
         help="write everything that this run found on a page to print and sign (HTML)")
    more("--state", type=Path, metavar="DIR",
         help="the controller's state directory (default: /var/lib/village-edge; with --sim none)")
    change = parser.add_argument_group("to change a device")
    change.add_argument("--set-address", type=int, nargs=2, metavar=("OLD", "NEW"), help="give it another address")
    change.add_argument("--set-baud", type=int, nargs=2, metavar=("ADDRESS", "BAUD"), help="set its speed")
    change.add_argument("--model", metavar="MODEL", help="what it is, such as sdm120 or pzem016")
    change.add_argument("--baudrate", type=int, metavar="BAUD", help="the speed it has now (default: the port's)")


def run(args: argparse.Namespace) -> int:
    """0, 1 or 2, as the examples say."""
    from edge.shell.app import catalogue
    from edge.shell.clock import SystemClock
    from edge.shell.site_file import ConfigError, load

    try:
        site = load(args.config, catalogue())
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    if args.port is not None and args.port not in site.ports:
        print(f"there is no port {args.port!r}; there are {', '.join(site.ports) or 'none'}", file=sys.stderr)
        return 2
    if args.set_address or args.set_baud:
        from edge.commands.doctor_set import change

        return change(args, site, SystemClock())
    if args.state is None and args.sim is None:
        args.state = STATE
    try:
        return _examine(args, site, SystemClock())
    except Failed as failed:
        print(failed, file=sys.stderr)
        return failed.status
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 2


def _examine(args: argparse.Namespace, site: Site, clock: Clock) -> int:
    """Whatever was asked for, in the order in which one thing explains the next."""
    from edge.commands.doctor_said import Said

    language: Language = args.lang or site.site.language
    said = Said(language, quiet=args.json)
    asked = args.machine or args.outputs is not None or args.match is not None
    if args.port is not None or args.scan is not None or args.sheet is not None or not asked:
        _ports(args, site, clock, said)
    if args.machine or args.sheet is not None:
        from edge.commands.doctor_machine import look

        look(args, site, said)
    if args.outputs is not None or args.match is not None:
        from edge.commands.doctor_outputs import switch

        switch(args, site, clock, said)
    if args.sheet is not None:
        from edge.commands.doctor_sheet import write

        write(args, site, clock, said)
    if args.json:
        print(json.dumps(said.as_json(), ensure_ascii=False))
    return said.status


def _ports(args: argparse.Namespace, site: Site, clock: Clock, said: Said) -> None:
    from edge.core.diagnosis import findings
    from edge.shell.app import doctors
    from edge.shell.doctor import devices_on

    bar = Bar(clock, shown=sys.stderr.isatty() and not args.json)
    for name, doctor in doctors(site, args.sim, clock, TICK.wait, bar.show).items():
        if args.port in (None, name):
            seen = doctor.examine(devices_on(site, name), _scan(args, site, name, doctor))
            bar.clear()
            said.port(seen, findings(seen))


def _scan(args: argparse.Namespace, site: Site, name: str, doctor: Doctor) -> Scan | None:
    from edge.shell.doctor import Scan, devices_on, scan_s, speeds_of

    if args.scan is None:
        return None
    scan = Scan(args.scan, speeds_of(devices_on(site, name), doctor.catalogue, doctor.setting))
    if not args.json:
        speeds = ", ".join(map(str, scan.settings))
        minutes = max(1, round(scan_s(scan) / 60))
        print(f"{name}: {len(scan.addresses)} × ({speeds}), ≈ {minutes} min", file=sys.stderr)
    return scan


class Bar:
    """A line on the terminal that says what is being asked, and how long the rest will take."""

    def __init__(self, clock: Clock, *, shown: bool) -> None:
        self._clock = clock
        self._shown = shown
        self._began = clock.mono()
        self._of = 0

    def show(self, what: str, done: int, of: int) -> None:
        """`done` of `of` are done."""
        if not self._shown:
            return
        now = self._clock.mono()
        if done == 0 or of != self._of:
            self._began, self._of = now, of
        filled = BAR * done // of if of else BAR
        left = f", {(now - self._began) / done * (of - done):.0f} s" if done else ""
        print(f"\r\033[K[{'#' * filled}{'.' * (BAR - filled)}] {what}{left}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Take the line away."""
        if self._shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def _addresses(text: str) -> range:
    """FIRST-LAST, or one address."""
    found = re.fullmatch(r"(\d+)(?:-(\d+))?", text)
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not 1 <= first <= last <= 247:
        raise argparse.ArgumentTypeError(f"{text!r}: write FIRST-LAST, such as 1-32; addresses go from 1 to 247")
    return range(first, last + 1)
