"""What people type on a command line, read and checked."""

from __future__ import annotations

import argparse
import datetime as dt
import getpass
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import NoReturn

ID = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?")

LEAST_L = 0.1  # of what a valve can be opened for


class Failed(Exception):
    """What a command says when it cannot go on, and the exit status that it says it with."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def plainly(run: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """A command's `run` whose Failed is said on stderr and is its exit status; after Ctrl-C that is 130."""

    @wraps(run)
    def told(args: argparse.Namespace) -> int:
        try:
            return run(args)
        except Failed as failed:
            print(failed, file=sys.stderr)
            return failed.status
        except KeyboardInterrupt:
            return 130

    return told


@dataclass(frozen=True, slots=True)
class Address:
    """Where somebody listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def address(text: str) -> Address:
    """HOST, HOST:PORT or [HOST]:PORT, as typed; the port is 1883 unless given."""
    return _address(text, 1883) or _not(f"{text!r} is no broker's address: write HOST:PORT, such as 127.0.0.1:1883")


def listening(text: str) -> Address:
    """HOST, HOST:PORT or [HOST]:PORT, as typed; the port is 8080 unless given."""
    found = None if text.isdigit() else _address(text, 8080)
    return found or _not(f"{text!r} is no address to listen on: write HOST:PORT, such as 0.0.0.0:8080")


def _address(text: str, default_port: int) -> Address | None:
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = text, str(default_port)
    host = host.removeprefix("[").removesuffix("]")
    if not host or not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65536:
        return None
    return Address(host, int(port))


def _not(text: str) -> NoReturn:
    raise argparse.ArgumentTypeError(text)


def add_connection_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of every command that talks to a broker."""
    parser.add_argument("--mqtt", type=address, default=Address("127.0.0.1", 1883), metavar="HOST:PORT",
                        help="the broker (default: 127.0.0.1:1883)")
    parser.add_argument("--protocol", choices=["3.1.1", "5"], default="3.1.1", help="MQTT version (default: 3.1.1)")
    parser.add_argument("--user", type=identifier, help="who asks, and logs in if need be (default: your login name)")
    parser.add_argument("--password-file", type=password, metavar="FILE", dest="password",
                        help="log in to the broker with the password in this file")


def login(args: argparse.Namespace) -> tuple[str, str] | None:
    """The broker's user and password, if a password was given."""
    return None if args.password is None else (args.user or login_name(), args.password)


def password(path: str) -> str:
    """The first line of a file."""
    try:
        with Path(path).open(encoding="utf-8") as file:
            return file.readline().strip()
    except (OSError, UnicodeDecodeError) as error:
        text = f"{path} cannot be read ({error}): name a file that holds the password"
        raise argparse.ArgumentTypeError(text) from None


def seconds(text: str) -> float:
    """A duration such as 90s, 45m, 2h or 1h30m."""
    found = DURATION.fullmatch(text.replace(" ", ""))
    if not text.strip() or found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration: write 90s, 45m, 2h or 1h30m")
    days, hours, minutes, rest = (float(part or 0) for part in found.groups())
    return days * 86400 + hours * 3600 + minutes * 60 + rest


def days(most: int) -> Callable[[str], int]:
    """Reads a number of days, at most so many."""

    def read(text: str) -> int:
        if not text.isdecimal() or not 1 <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r}: write a whole number of days from 1 to {most}")
        return int(text)

    return read


def date(text: str) -> dt.date:
    """A day of the calendar."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: write a date such as 2026-01-01") from None


def month(text: str) -> dt.date:
    """A month of the calendar, as its first day."""
    try:
        if not re.fullmatch(r"\d{4}-\d\d", text, re.ASCII):
            raise ValueError
        return dt.date.fromisoformat(f"{text}-01")
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: write a month such as 2026-11") from None


def amount(text: str) -> float:
    """A number from 0 up, without marks between thousands; one that may be meant to have them is refused."""
    if not re.fullmatch(r"\d{1,15}(\.\d{1,6})?", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r}: write a number without marks between thousands, such as 1234567.5")
    if re.search(r"\.\d{3}$", text):
        whole, part = text.split(".")
        raise argparse.ArgumentTypeError(f"{text!r} can be read in two ways: write {whole}{part} or {text}0")
    return float(text)


def litres(text: str) -> float:
    """A volume such as 200, 200l or 12.5."""
    if not re.fullmatch(r"\d{1,7}(\.\d{1,3})?l?", text, re.ASCII) or float(text.removesuffix("l")) < LEAST_L:
        raise argparse.ArgumentTypeError(f"{text!r} is no volume: write litres such as 200, {LEAST_L:g} or more")
    return float(text.removesuffix("l"))


def device(text: str) -> str:
    """`<kind>/<id>`."""
    parts = text.split("/")
    if len(parts) != 2 or not all(ID.fullmatch(part) for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r} is no device: write <kind>/<id>, such as light/main-road")
    return text


def identifier(text: str) -> str:
    """A user or a site."""
    if not ID.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} must be at most 32 small letters, digits and hyphens")
    return text


def login_name() -> str:
    """The login name as far as the contract's user names allow, else `technician`."""
    try:
        name = getpass.getuser().lower()
    except (OSError, KeyError):
        name = ""
    name = re.sub(r"[^a-z0-9]+", "-", name).strip("-")[:32].strip("-")
    return name or "technician"


def time_to_come(text: str, now: float, zone: dt.tzinfo | None) -> float:
    """Unix time of what was typed; an hour alone is the next time that a clock of that zone shows it."""
    here = dt.datetime.fromtimestamp(now, dt.UTC).astimezone(zone)
    try:
        if re.fullmatch(r"\d?\d:\d\d", text):
            hour, minute = text.split(":")
            then = here.replace(hour=int(hour), minute=int(minute), second=0, microsecond=0)
            if then <= here:
                then += dt.timedelta(days=1)
        else:
            then = dt.datetime.fromisoformat(text)
            if then.tzinfo is None:
                then = then.replace(tzinfo=zone)
    except ValueError:
        raise ValueError(f"{text}: write 21:30, 2026-11-21 21:30 or 2026-11-21T21:30:00+07:00") from None
    if then.timestamp() <= now:
        raise ValueError(f"{text} has passed: give a time to come")
    return then.timestamp()
