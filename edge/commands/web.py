"""`village-edge web`: the phone page's server."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

SUMMARY = """\
Serve the page with which a phone runs the village, until SIGTERM or Ctrl-C: the page's files, and the phone's MQTT
carried to the broker on the same port. Whoever comes logs in to the broker, and may do what the broker's access list
lets him; the server itself has no rights, no password and no device. It runs on the cabinet's Raspberry Pi, or beside
the broker of a district for many villages.
"""
EXAMPLES = """\
examples:

  in the village: phones on its Wi-Fi open http://ADDRESS-OF-THE-PI:8080
    village-edge web

  with a certificate of its own:
    village-edge web --listen 0.0.0.0:8443 --cert /etc/village-edge/page.pem --key /etc/village-edge/page.key

  behind nginx or Caddy, which have the certificate for https://thon.example.vn:
    village-edge web --listen 127.0.0.1:8080 --origin https://thon.example.vn --behind-proxy

  is all well?
    curl http://127.0.0.1:8080/health

exit status: 0 after a clean stop; 1 it cannot be served
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `web`."""
    from edge.typed import Address, address, listening

    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add("--listen", type=listening, default=Address("0.0.0.0", 8080), metavar="HOST:PORT",  # noqa: S104 - phones are elsewhere
        help="where phones find the page (default: 0.0.0.0:8080, which is every network of this machine)")
    add("--mqtt", type=address, default=Address("127.0.0.1", 1883), metavar="HOST:PORT",
        help="the broker's plain TCP listener (default: 127.0.0.1:1883)")
    add("--cert", type=Path, metavar="FILE", help="serve https with this certificate and its chain (PEM); needs --key")
    add("--key", type=Path, metavar="FILE", help="the certificate's key (PEM, without a passphrase)")
    add("--origin", type=_origin, action="append", default=[], metavar="URL",
        help="what the browser's address bar begins with where a reverse proxy serves the page; may be given again")
    add("--behind-proxy", action="store_true",
        help="count failed logins by the last address of X-Forwarded-For; only if everybody comes through the proxy")
    add("--log", choices=("error", "warning", "info", "debug"), default="info", help="how much to say (default: info)")


def _origin(text: str) -> str:
    from edge.web.door import ORIGIN

    plain = text.rstrip("/").lower()
    if not ORIGIN.fullmatch(plain):
        raise argparse.ArgumentTypeError(f"{text!r} is no origin: write https://HOST or https://HOST:PORT and no path")
    return plain


def run(args: argparse.Namespace) -> int:
    """0 after a clean stop, 1 when the page cannot be served."""
    if (args.cert is None) != (args.key is None):
        print("village-edge web: give both --cert and --key, or neither", file=sys.stderr)
        return 1
    try:
        import aiohttp  # noqa: F401
    except ModuleNotFoundError:
        print("village-edge web: the package aiohttp is missing: pip install 'village-edge[web]'", file=sys.stderr)
        return 1
    return _serve(args)


def _serve(args: argparse.Namespace) -> int:
    import asyncio

    from edge.shell.clock import SystemClock
    from edge.web.assets import PageMissing
    from edge.web.listening import CannotServe, tls
    from edge.web.server import Settings, serve

    logging.basicConfig(
        level=args.log.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    try:
        settings = Settings(
            args.listen.host, args.listen.port, args.mqtt.host, args.mqtt.port, tuple(args.origin), args.behind_proxy,
            None if args.cert is None else tls(args.cert, args.key),
        )
        asyncio.run(serve(settings, SystemClock()))
    except (CannotServe, PageMissing) as error:
        print(f"village-edge web: {error}", file=sys.stderr)
        return 1
    return 0
