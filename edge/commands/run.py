"""`village-edge run`: the controller itself."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from pathlib import Path

SUMMARY = (
    "Run the controller until SIGTERM or Ctrl-C. Schedules run and outputs are held whether or not there is a broker. "
    "With --sim, lines and serial ports are those of a `village-sim` that runs beside it."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `run`."""
    from edge.typed import address

    add = parser.add_argument
    add("--config", type=Path, required=True, metavar="FILE", help="the village's configuration (YAML)")
    add("--state", type=Path, required=True, metavar="DIR", help="where the journal is kept; made if new")
    add("--sim", type=Path, metavar="DIR", help="the run directory of `village-sim`, in place of hardware")
    add("--mqtt", type=address, metavar="HOST:PORT", help="the broker, in place of the configuration's")
    add("--protocol", choices=("5", "3.1.1"), help="the MQTT version, in place of the configuration's")
    add("--log", choices=("error", "warning", "info", "debug"), default="info", help="how much to say")


def run(args: argparse.Namespace) -> int:
    """0 after a clean stop, 1 when the state directory cannot be had, 2 for a bad configuration."""
    from edge.shell.app import App, Options
    from edge.shell.site_file import ConfigError
    from edge.shell.state_dir import StateUnusable

    logging.basicConfig(
        level=args.log.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    try:
        app = App(Options(args.config, args.state, args.sim, args.mqtt, args.protocol))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    except StateUnusable as error:
        print(f"village-edge run: {error}", file=sys.stderr)
        return 1
    app.start()
    ended.wait()
    app.stop()
    return 0
