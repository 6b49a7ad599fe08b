"""`village-edge send`: asks the controller for something, as a phone would, and says what came of it."""

from __future__ import annotations

import argparse
import secrets
import sys
from typing import TYPE_CHECKING, Any

from edge.typed import Failed, add_connection_arguments, device, identifier, litres, login, plainly, seconds

if TYPE_CHECKING:
    from edge.client import Client
    from edge.shell.clock import Clock

SUMMARY = (
    "Switch a device as a phone would, and say what came of it: send light/main-road on --level 33 --for 2h; "
    "send valve/plot-1 open --for 20m, or --litres 200; close, pause, resume and skip move what that valve waters. "
    "Before work on it a technician locks it: send light/main-road lock --note 'new lamps'; then only off, close and "
    "unlock move it. Exit status: 0 done, 1 refused or failed, 2 nobody answered."
)
LOCKS = ("lock", "unlock")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("device", type=device, help="<kind>/<id>, such as light/main-road")
    parser.add_argument("action", choices=["on", "off", "auto", "open", "close", "pause", "resume", "skip", *LOCKS],
                        help="auto gives the device back to its program; lock keeps a light as it is and the others "
                             "off until unlock; for a valve: open, close (ends the run that it waters in), pause, "
                             "resume, skip (to the next)")
    parser.add_argument("--level", type=float, metavar="PERCENT", help="how bright, 0 to 100 (default: 100)")
    bound = parser.add_mutually_exclusive_group()
    bound.add_argument("--for", type=seconds, dest="for_s", metavar="TIME", help="90s, 45m, 2h, 1h30m")
    bound.add_argument("--litres", type=litres, metavar="N", help="with open: until so many have flowed")
    bound.add_argument("--until", metavar="TIME", help="21:30, 2026-11-21 21:30 (the village's time) or RFC 3339")
    parser.add_argument("--note", metavar="TEXT", help="with lock: why, for the others, at most 200 characters")
    parser.add_argument("--circuit", type=identifier, metavar="ID", help="with lock and unlock: this circuit alone")
    parser.add_argument("--site", type=identifier, help="the village's id (default: the only one on this broker)")
    parser.add_argument("--id", help="the command's id (default: a fresh one)")
    parser.add_argument("--timeout", type=seconds, default=30.0, metavar="TIME", help="wait so long (default: 30s)")
    parser.add_argument("--expires", type=seconds, default=10.0, metavar="TIME",
                        help="no effect if it arrives later than this (default: 10s)")
    add_connection_arguments(parser)


@plainly
def run(args: argparse.Namespace) -> int:
    """Send it, wait for the outcome and print that: 0 done or accepted, 1 refused or failed, 2 nobody answered."""
    from edge.client import Client
    from edge.shell.clock import SystemClock
    from edge.sites import look_around, the_site

    if (amiss := _amiss(args)) is not None:
        print(amiss, file=sys.stderr)
        return 2
    clock = SystemClock()
    leaves = ["status", "about", f"{args.device}/state", f"{args.device}/result"]
    filters = [f"village/{args.site or '+'}/{leaf}" for leaf in leaves]
    client = Client(args.mqtt, filters, args.protocol, clock, login(args))
    try:
        heard = look_around(client, args)
        return _Request(args, clock, the_site(heard, args), heard).carry_out(client)
    finally:
        client.close()


def _amiss(args: argparse.Namespace) -> str | None:
    """Which option does not go with the action; None: all do."""
    locks = args.action in LOCKS
    if args.note is not None and args.action != "lock":
        return f"--note goes with lock: leave it out with {args.action}"
    if args.circuit is not None and not locks:
        return f"--circuit goes with lock and unlock: leave it out with {args.action}"
    if args.litres is not None and (args.action != "open" or not args.device.startswith("valve/")):
        return f"--litres goes with the opening of a valve: leave it out with {args.device} {args.action}"
    if locks and (args.level, args.for_s, args.until) != (None, None, None):
        return f"--level, --for and --until do not go with {args.action}: a lockout stands until unlock"
    return None


class _Request:
    """One command on its way: what is sent, and what the answers to it say."""

    def __init__(self, args: argparse.Namespace, clock: Clock, site: str, heard: dict[str, bytes]) -> None:
        from edge.core.topics import Topics
        from edge.typed import login_name
        from edge.wording import parse, zone_of

        topics = Topics(site)
        self._args = args
        self._clock = clock
        self._user = args.user or login_name()
        self._id = args.id or f"c-{secrets.token_hex(6)}"
        self._zone = zone_of(parse(heard.get(topics.about, b"")) or {})
        self._topic = topics.of(args.device, f"{'lockout' if args.action in LOCKS else 'set'}/{self._user}")
        self._state_topic = topics.of(args.device, "state")
        self._result_topic = topics.of(args.device, "result")
        self._state = parse(heard.get(self._state_topic, b""))

    def carry_out(self, client: Client) -> int:
        """Send it and wait for the outcome."""
        from edge.client import Down, Message
        from edge.wording import parse

        client.publish(self._topic, self._payload())
        accepted = False
        for event in client.events(self._args.timeout):
            match event:
                case Down():
                    raise Failed(2, f"{event.why} before the outcome came: look with village-edge watch")
                case Message(topic, payload) if topic == self._state_topic:
                    self._state = parse(payload)
                case Message(topic, payload) if topic == self._result_topic:
                    answer = parse(payload) or {}
                    if (answer.get("id"), answer.get("user")) != (self._id, self._user):
                        continue
                    if answer.get("outcome") != "accepted":
                        return self._tell(answer)
                    accepted = True
                    print(f"accepted: waiting up to {self._args.timeout:g} s for {self._args.device} …", flush=True)
        if accepted:
            print(f"not there yet: {self._now()}; follow it with village-edge watch {self._args.device}")
            return 0
        may = "lock devices" if self._args.action in LOCKS else "send commands"
        raise Failed(2, f"the controller did not answer within {self._args.timeout:g} s: is it running, and may"
                         f" {self._user} {may} on this broker?")

    def _payload(self) -> bytes:
        from edge.core.topics import encode, rfc3339

        now = self._clock.now().wall
        expires = rfc3339(now + self._args.expires)
        asked: dict[str, Any] = {"id": self._id, "expires_at": expires}
        if self._args.action in LOCKS:
            asked["locked"] = self._args.action == "lock"
        else:
            asked["action"] = self._args.action
        for field in ("note", "circuit"):
            if (given := getattr(self._args, field)) is not None:
                asked[field] = given
        if self._args.level is not None:
            asked["level"] = self._args.level
        if self._args.for_s is not None:
            asked["for_s"] = self._args.for_s
        if self._args.litres is not None:
            asked["volume_l"] = self._args.litres
        if self._args.until is not None:
            asked["until"] = rfc3339(self._until(now))
        return encode(asked)

    def _until(self, now: float) -> float:
        from edge.typed import time_to_come

        try:
            return time_to_come(self._args.until, now, self._zone)
        except ValueError as wrong:
            raise Failed(2, f"--until {wrong}") from None

    def _tell(self, answer: dict[str, Any]) -> int:
        """Print the outcome; 0 if it is what was asked."""
        from edge import wording

        what = wording.result(answer)
        match answer.get("outcome"):
            case "done":
                self._state = self._state or answer
                print(f"{what}: {self._now()}")
                return 0
            case "superseded":
                what += f": a later command for {self._args.device} came first"
        if isinstance(answer.get("error"), dict) and answer["error"].get("code") == "expired":
            what += "; if the clocks of the two machines differ, set them or allow more with --expires 5m"
        print(what, file=sys.stderr)
        return 1

    def _now(self) -> str:
        """The device, and what its last state says."""
        from edge import wording

        return f"{self._args.device} {wording.state(self._state or {}, self._clock.now().wall, self._zone)}"
