"""`village-edge pair`: let a phone in, by a QR code that opens the page logged in."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from edge.typed import Failed, identifier, plainly

if TYPE_CHECKING:
    from edge.access.directory import Directory
    from edge.access.pairing import Paired
    from edge.access.people import Entry
    from edge.access.settings import Card, Settings

SUMMARY = """\
Let a person's phone in: makes a user of the broker with a token of 128 random bits, and prints a QR code that opens the
page logged in. The token is shown this once and kept nowhere but on the phone; the broker has its hash. One user for
each phone. Run it as root, on the machine that has the broker.
"""
EXAMPLES = """\
examples:

  the village head's phone:
    sudo village-edge pair --name "Bác Tư" --role head

  a lost or new phone of the same person; the old one is out:
    sudo village-edge pair --again bac-tu

  the next head in place of the last:
    sudo village-edge pair --name "Cô Lan" --instead-of bac-tu

  a phone that reaches the village through its district from anywhere:
    sudo village-edge pair --name "Bác Tư" --role head --remote district.json

  who may enter?
    sudo village-edge pair --list

exit status: 0 done; 1 not, or not all of it, and why; 2 it was not understood
"""
DIR = Path("/etc/mosquitto/village")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `pair`."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add("--name", metavar="NAME", help='whose phone it is, as people say it, such as "Bác Tư"')
    add("--role", choices=("head", "technician", "viewer", "district"),
        help="head: switches and asks everything; technician: locks out too; viewer: looks; district: figures only")
    add("--user", type=identifier, metavar="ID", help="the user's id (default: made from the name)")
    add("--again", type=identifier, metavar="USER", help="another token for this user; the old one is void")
    add("--instead-of", type=identifier, metavar="USER", help="put this user out by the same stroke; role and villages "
        "are his if no others are given")
    add("--site", type=identifier, action="append", default=[], metavar="ID",
        help="on a district's broker: of which village; may be given several times")
    add("--every-site", action="store_true", help="on a district's broker: of all its villages, also later ones")
    add("--page", metavar="URL", help="the page that the code opens (default: this machine's address, port 8080)")
    add("--png", type=Path, metavar="FILE",
        help="write the code into a picture too; whoever has that can enter, so delete it when the phone is in")
    add("--text", action="store_true",
        help="print what is in the code too: the address, and user and password for other apps")
    add("--password-file", type=Path, metavar="FILE",
        help="for a program in place of a phone: write the token into this file, and show no code")
    add("--remote", type=Path, metavar="FILE", help="the phone enters at the district, whose card FILE is")
    add("--list", action="store_true", help="list who may enter, and do nothing")
    add("--dir", type=Path, default=DIR, metavar="DIR", help=f"the broker directory (default: {DIR})")


@plainly
def run(args: argparse.Namespace) -> int:
    """0 or 1, as the examples say. Raises Failed."""
    from edge.access.deeds import Impossible
    from edge.access.directory import AccessError, Directory
    from edge.shell.site_file import ConfigError

    directory = Directory(args.dir)
    try:
        return listed(directory) if args.list else _pair(args, directory)
    except (AccessError, ConfigError, Impossible) as error:
        raise Failed(1, str(error)) from error


def listed(directory: Directory) -> int:
    """Print who may enter."""
    from edge.access.table import table

    the_settings(directory)
    print("\n".join(table(directory.registry())))
    return 0


def the_settings(directory: Directory) -> Settings:
    """What the broker was set up as. Raises Failed, ConfigError and AccessError."""
    settings = directory.settings()
    if settings is None:
        raise Failed(1, f"{directory.path}: this is no broker directory yet; make it with village-edge broker, or give "
                        "another with --dir")
    return settings


def hand_over(folder: Path, entries: tuple[Entry, ...]) -> None:
    """Write what the district's operator is to take in, and say so. Raises Failed."""
    from edge.access.deeds import check_code
    from edge.access.people import written
    from edge.shell.files import replace_file

    for entry in entries:
        path = folder / f"{entry.user}.json"
        try:
            replace_file(path, written(entry), mode=0o600)
        except OSError as error:
            raise Failed(1, f"{path} cannot be written ({error.strerror}); do it again where it can, with --again "
                            f"{entry.user}") from error
        print(f"\nfor the district's operator: {path.absolute()}, check code {check_code(entry)}. On its machine:")
        print(f"  sudo village-edge broker --district --accept {path.name}")


def reloaded(settings: Settings) -> int:
    """Have mosquitto read its users anew; 0, or 1 after saying why that could not be."""
    from edge.access.directory import tell_broker

    told = tell_broker(Path(settings.pid_file))
    if told.why:
        print(told.why, file=sys.stderr)
    return 0 if told.done or told.harmless else 1


def _pair(args: argparse.Namespace, directory: Directory) -> int:
    from edge.access.pairing import Wish, pair
    from edge.access.people import EVERY
    from edge.core.topics import rfc3339
    from edge.shell.clock import SystemClock

    _can_draw(args)
    card = _card(args.remote)
    sites = (*args.site, *([EVERY] if args.every_site else []))
    now = rfc3339(SystemClock().now().wall)
    with directory.locked():
        settings = the_settings(directory)
        wish = Wish(now, args.name, args.role, args.user, args.again, args.instead_of,
                    sites, card is not None)  # fmt: skip
        paired = pair(directory.registry(), settings, wish)
        if paired.far and (card := card or settings.district) is None:
            raise Failed(1, f"{paired.user} enters at the district: give its card with --remote")
        page = _page(args.page, settings, card if paired.far else None)
        directory.write(settings, paired.registry, now)
    (_show if args.password_file is None else _write)(args, paired, page)
    hand_over(Path() if args.png is None else args.png.parent, paired.entries)
    return reloaded(settings)


def _card(path: Path | None) -> Card | None:
    from edge.access.people import read
    from edge.access.settings import Card

    return None if path is None else read(Card, path, "give the district's card, which its operator has: district.json")


def _page(given: str | None, settings: Settings, card: Card | None) -> str:
    from edge.access.lan import page_here
    from edge.access.settings import web_address

    try:
        page = None if given is None else web_address(given)
    except ValueError as error:
        raise Failed(1, f"--page: {error}") from error
    page = page or (settings.page or page_here() if card is None else card.page)
    if page is None:
        raise Failed(1, "this machine has no address in a network; say which page the phone opens with --page")
    return page


def _can_draw(args: argparse.Namespace) -> None:
    """Look before anything is changed whether there will be a code. Raises Failed."""
    if args.password_file is not None:
        if args.png or args.text:
            raise Failed(1, "--password-file is for programs, which need no code: leave --png and --text out")
        return
    try:
        import segno  # noqa: F401
    except ModuleNotFoundError:
        raise Failed(1, "segno, which draws the code, is missing: install village-edge with its extra web") from None


def _write(args: argparse.Namespace, paired: Paired, _page: str) -> None:
    """For a program: the token in a file of its own."""
    from edge.shell.files import replace_file

    try:
        replace_file(args.password_file, f"{paired.token}\n".encode(), mode=0o600)
    except OSError as error:
        raise Failed(1, f"{args.password_file} cannot be written ({error.strerror}): do it again where it can, with "
                        f"--again {paired.user}") from error
    print(f"{_who(args, paired)}\n{args.password_file}: the password, in its first line")


def _who(args: argparse.Namespace, paired: Paired) -> str:
    person = paired.person
    again = "; the old token is void" if args.again else f"; {args.instead_of} is out" if args.instead_of else ""
    return f"{person.name}: {person.role} of {person.of}, as user {paired.user}{again}"


def _show(args: argparse.Namespace, paired: Paired, page: str) -> None:
    """Say who was let in, and print the code: the only time that the token is seen."""
    from edge.access.qr import entry, terminal_lines, write_picture

    address = entry(page, paired.user, paired.token)
    print(f"{_who(args, paired)}\n")
    print("\n".join(terminal_lines(address, colours=sys.stdout.isatty())))
    print(f"\nHold the phone's camera before this code. It opens {page} and is logged in.")
    print("It is shown this once. Whoever else photographs it can enter too: clear the screen afterwards.")
    if args.text:
        print(f"\n{address}\nuser {paired.user}, password {paired.token}")
    if args.png is not None:
        try:
            write_picture(args.png, address)
        except OSError as error:
            raise Failed(1, f"{args.png} cannot be written ({error.strerror}): take the code above") from error
        print(f"{args.png}: the same code. Delete it when the phone is in.")
