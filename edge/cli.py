"""`village-edge`: finds the command that was asked for, and imports only that one."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points, version
from types import ModuleType

COMMANDS = {
    "demo": "try it on this machine: a simulated village, a broker and the controller, all in one",
    "run": "run the controller",
    "web": "serve the phone page, beside the broker",
    "doctor": "say what is wrong with a cabinet, try its outputs, and set a meter's address or speed",
    "record": "keep a device's answers as a test of its model",
    "health": "say whether the controller of this machine is well",
    "check": "check a configuration and say what this version drives of it",
    "plan": "show what the lights and the watering will do, with reasons",
    "programs": "show, compare, change and put back the programs in force",
    "send": "switch a device over MQTT",
    "water": "stop all watering, put it off, and show what was watered",
    "ack": "list the open alarms, and say that one is known",
    "watch": "show what the controller says, as it says it",
    "report": "a month's electricity, as a page to print and a table",
    "bill": "enter what a paper bill says, and see how far that is from what was counted",
    "diary": "a plot's waterings and its sensors' days, as a page to print and a table; or check such a page",
    "export": "write what the history has into a file that a spreadsheet opens",
    "panel": "write a panel for MQTT Dash, a simple phone app",
    "broker": "write mosquitto's configuration for this village, or for a district of many",
    "pair": "let a phone in: a user of the broker, as a QR code that opens the page logged in",
    "unpair": "put a phone out, or list who may enter",
    "backup": "write everything that makes this controller this village's into one file, while it runs",
    "restore": "put a backup in place: a new card becomes the old one",
    "safe": "drive every output to its safe state",
    "schema": "print the JSON Schema of the configuration, for editors",
}
OUTSIDE = "village_edge.commands"  # entry points of commands that live outside this package


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(
        prog="village-edge",
        description="Street lights, irrigation and energy meters of a village, on one Raspberry Pi.",
        epilog="New here? `village-edge demo` needs no hardware. `village-edge COMMAND --help` explains each command.",
    )
    parser.add_argument("--version", action="version", version=f"village-edge {version('village-edge')}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    outside = _outside()
    asked = next((a for a in given if a in COMMANDS or a in outside), None)
    wanted = outside if asked is None else {asked} & outside.keys()  # the others' summaries cost an import each
    for name, summary in [*COMMANDS.items(), *((name, outside[name].load().HELP) for name in wanted)]:
        command = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        if name == asked:
            module = command_module(name)
            command.description = module.SUMMARY
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    parsed = parser.parse_args(given)
    try:
        return int(parsed.run(parsed))
    except BrokenPipeError:  # whoever read our output has gone, as `| head` does
        sys.stderr.close()
        return 1


def command_module(name: str) -> ModuleType:
    """The module that carries out the command `name`. Raises KeyError when there is none."""
    if name in COMMANDS:
        return import_module(f"edge.commands.{name}")
    module: ModuleType = _outside()[name].load()
    return module


def _outside() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=OUTSIDE)}
