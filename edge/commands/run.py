"""`village-edge run`: the controller itself, or safe mode in its place."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.shell.starts import Safe, Starts

log = logging.getLogger(__name__)
SUMMARY = (
    "Run the controller until SIGTERM or Ctrl-C. Schedules run and outputs are held whether or not there is a broker. "
    "With --sim, lines and serial ports are those of a `village-sim` that runs beside it. Where starts are counted "
    "(--runtime), the sixth within ten minutes is safe mode if none before it ended in good order: it answers, "
    "switches off, keeps lights lit at night, and after half an hour gives normal operation another try."
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
    add(
        "--runtime", type=Path, metavar="DIR",
        help="where starts are counted, best where a reboot empties it (default: systemd's $RUNTIME_DIRECTORY; "
        "neither: they are not counted, and there is no safe mode)",
    )


def run(args: argparse.Namespace) -> int:
    """0 after a clean stop, 1 when the state directory cannot be had, 2 for a bad configuration."""
    from edge.shell import starts
    from edge.shell.clock import SystemClock

    logging.basicConfig(
        level=args.log.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    folder = starts.folder(args.runtime, os.environ)
    if folder is None:
        return _normal(args, ended)
    counted = starts.Starts(folder, SystemClock())
    safe = counted.begin()
    if safe is not None and (status := _in_safe_mode(args, counted, safe, ended)) is not None:
        return status
    logging.getLogger().addHandler(starts.ErrorNote(counted))
    try:
        status = _normal(args, ended, counted)
    except Exception:
        log.exception("the controller cannot run")
        return 1
    if status == 0:
        counted.forget()
    return status


def _in_safe_mode(args: argparse.Namespace, counted: Starts, safe: Safe, ended: threading.Event) -> int | None:
    """The exit status of safe mode; None where there is none, for want of a safe.json: then only normal operation can
    say what is wrong."""
    from edge.shell import safe_mode
    from edge.shell.safe_file import NoSafeFile
    from edge.shell.state_dir import StateUnusable

    try:
        return safe_mode.run(safe_mode.Options(args.state, args.sim, args.mqtt, args.protocol), counted, safe, ended)
    except NoSafeFile as error:
        log.error("the controller ended again and again, and safe mode has nothing to go by: %s", error)
    except StateUnusable as error:
        print(f"village-edge run: {error}", file=sys.stderr)
        return 1
    return None


def _normal(args: argparse.Namespace, ended: threading.Event, counted: Starts | None = None) -> int:
    """Normal operation; why it does not begin is noted with the start."""
    from edge.shell.app import App, Options
    from edge.shell.site_file import ConfigError
    from edge.shell.state_dir import StateUnusable

    try:
        past = None if counted is None else counted.past
        app = App(Options(args.config, args.state, args.sim, args.mqtt, args.protocol, past))
    except ConfigError as error:
        if counted is not None:
            counted.error(str(error).splitlines()[0])
        print(error, file=sys.stderr)
        return 2
    except StateUnusable as error:
        if counted is not None:
            counted.error(str(error))
        print(f"village-edge run: {error}", file=sys.stderr)
        return 1
    app.start()
    ended.wait()
    app.stop()
    return 0
