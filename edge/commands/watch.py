"""`village-edge watch`: what the village tells, a line each, as it comes."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge.client import Client, Message
    from edge.shell.clock import Clock
    from edge.wording import Zone

SUMMARY = "Print what the village tells, a line each, as it comes, until Ctrl-C."
LEAVES = ("status", "+/+/state", "+/+/reading", "+/+/result", "alarm/+", "audit")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    from edge.typed import add_connection_arguments, identifier

    parser.add_argument("pattern", nargs="?", metavar="PATTERN",
                        help="only these, such as light/main-road, 'meter/*' or '*/result' (default: all)")
    parser.add_argument("--site", type=identifier, help="the village's id (default: every one on this broker)")
    parser.add_argument("--json", action="store_true", help="a JSON object a line, with topic and payload as sent")
    parser.add_argument("--count", type=_count, metavar="N", help="end after N lines (default: at Ctrl-C)")
    add_connection_arguments(parser)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of lines: write 1 or more")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Print until Ctrl-C or --count: 0; 2 if there is no broker to begin with."""
    from edge.client import Client
    from edge.shell.clock import SystemClock
    from edge.typed import login

    clock = SystemClock()
    filters = [f"village/{args.site or '+'}/{leaf}" for leaf in ("about", *LEAVES)]
    client = Client(args.mqtt, filters, args.protocol, clock, login(args))
    try:
        return _watch(client, args, _Printer(args, clock))
    except KeyboardInterrupt:
        return 0
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever read has gone: nothing left to flush
        return 0
    finally:
        client.close()


def _watch(client: Client, args: argparse.Namespace, printer: _Printer) -> int:
    from edge.client import Down, Message, Up

    been_up = away = False
    for event in client.events():
        match event:
            case Message():
                if printer.show(event) and printer.lines == args.count:
                    break
            case Up():
                hint = "the broker is back" if been_up else f"watching {args.mqtt}: Ctrl-C ends this"
                print(hint, file=sys.stderr, flush=True)
                been_up, away = True, False
            case Down() if not been_up:
                print(f"{event.why}: {event.remedy}", file=sys.stderr)
                return 2
            case Down() if not away:
                print(f"{event.why}: waiting for it", file=sys.stderr, flush=True)
                away = True
    return 0


class _Printer:
    """Writes messages as they were asked for, and remembers what it takes to word them."""

    def __init__(self, args: argparse.Namespace, clock: Clock) -> None:
        self.lines = 0
        self._json = args.json
        self._patterns = _patterns(args.pattern)
        self._clock = clock
        self._zones: dict[str, Zone] = {}

    def show(self, message: Message) -> bool:
        """Print it if it was asked for, and say whether it was."""
        from edge import wording

        _, site, rest = message.topic.split("/", 2)
        if rest == "about":
            self._zones[site] = wording.zone_of(wording.parse(message.payload) or {})
            return False
        self._zones.setdefault(site, None)
        if not any(fnmatchcase(rest, pattern) for pattern in self._patterns):
            return False
        print(self._as_sent(message) if self._json else self._worded(site, rest, message), flush=True)
        self.lines += 1
        return True

    def _worded(self, site: str, rest: str, message: Message) -> str:
        from edge import wording

        now = self._clock.now().wall
        zone = self._zones[site]
        subject, what = _words(rest, message.payload, now, zone)
        whose = f"{site} " if len(self._zones) > 1 and subject != site else ""
        return f"{wording.clock_time(now, zone)}  {whose}{subject or site}: {what}"

    def _as_sent(self, message: Message) -> str:
        from edge.wording import parse

        payload = parse(message.payload)
        text = message.payload.decode("utf-8", "replace") if payload is None else payload
        return json.dumps({"topic": message.topic, "payload": text}, ensure_ascii=False)


def _patterns(text: str | None) -> Iterable[str]:
    if text is None:
        return ["*"]
    text = text.strip("/").replace("+", "*").replace("#", "*")
    return [text, f"{text}/*"]


def _words(rest: str, payload: bytes, now: float, zone: Zone) -> tuple[str, str]:
    """What a message is about ("" for the site itself), and what it says."""
    from edge import wording

    kinds: dict[str, Callable[[Mapping[str, Any]], str]] = {
        "state": lambda message: wording.state(message, now, zone),
        "reading": wording.reading,
        "result": wording.result,
    }
    subject, _, leaf = rest.rpartition("/")
    message = wording.parse(payload)
    if message is None:
        return (subject, payload.decode("utf-8", "replace")) if payload else (rest, "gone")
    if subject == "alarm":
        return "alarm", wording.alarm(message)
    if leaf in kinds:
        return subject, kinds[leaf](message) + _asker(leaf, message)
    return leaf, wording.fields(message)


def _asker(leaf: str, message: Mapping[str, Any]) -> str:
    return f" [{message.get('id')} of {message.get('user')}]" if leaf == "result" else ""
