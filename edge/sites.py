"""Which village is meant, of those whose controllers a broker knows."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from edge.client import Client, Down, Message, Up
from edge.core.topics import Topics
from edge.typed import Failed, login
from edge.wording import parse

if TYPE_CHECKING:
    from edge.shell.clock import Clock

RETAINED_S = 2.0  # a broker hands out what it retains within this of a subscription
TOGETHER_S = 0.2  # and all of it within this of the first


def the_village(args: argparse.Namespace, clock: Clock) -> tuple[str, dict[str, Any]]:
    """The id of the village that is meant, and its `about`, {} where that cannot be had. Raises Failed."""
    filters = [f"village/{args.site or '+'}/{leaf}" for leaf in ("status", "about")]
    client = Client(args.mqtt, filters, args.protocol, clock, login(args))
    try:
        heard = look_around(client, args)
    finally:
        client.close()
    site = the_site(heard, args)
    return site, parse(heard.get(Topics(site).about, b"")) or {}


def look_around(client: Client, args: argparse.Namespace) -> dict[str, bytes]:
    """What the broker retains of the sites that may be meant, by topic. `client` has subscribed to `status` of each.

    Raises Failed where no broker answers within `args.timeout` (s).
    """
    heard: dict[str, bytes] = {}
    subscribed = False
    patience = args.timeout
    while (event := next(client.events(patience), None)) is not None:
        match event:
            case Down(why, remedy):
                raise Failed(2, f"{why}: {remedy}")
            case Up():
                subscribed, patience = True, RETAINED_S
            case Message():
                heard[event.topic] = event.payload
        if any(topic.endswith("/status") for topic in heard):
            patience = TOGETHER_S
    if not subscribed:
        raise Failed(2, f"{args.mqtt} does not answer as an MQTT broker does: name another with --mqtt HOST:PORT")
    return heard


def the_site(heard: dict[str, bytes], args: argparse.Namespace) -> str:
    """The one site that can be meant, whose controller is there. Raises Failed where that is none, or several."""
    status = {topic.split("/")[1]: payload for topic, payload in heard.items() if topic.endswith("/status")}
    if not status:
        whose = f"of a site {args.site!r}" if args.site else "of any site"
        raise Failed(2, f"no controller {whose} is known to the broker at {args.mqtt}: start it, or name another with"
                        f" {'--site ID or ' if args.site else ''}--mqtt HOST:PORT")
    if len(status) > 1:
        which = " or ".join(sorted(status))
        raise Failed(2, f"several sites use the broker at {args.mqtt}: say which with --site {which}")
    site, said = status.popitem()
    if said != b"online":
        raise Failed(2, f"the controller of {site} is offline: start it, or mend its way to the broker")
    return site
