"""`village-edge record`: a device's answers, kept in the form of the tests' golden captures."""

from __future__ import annotations

import argparse
import datetime as dt
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edge.commands.doctor import TICK

if TYPE_CHECKING:
    from edge.core.diagnosis import Device
    from edge.core.site import Site
    from edge.core.values import Heard, Moment
    from edge.shell.app import Probe

SUMMARY = """\
Ask a device everything that its model reads, and write down the frames and what they mean, in the form of
tests/drivers/golden/MODEL.yaml: put there, it becomes a test of the model. Nothing is written to the device. The
controller holds the port: stop it first.
"""
EXAMPLES = """\
examples:

  village-edge record --config site.yaml meter/cabinet-1 -o sdm630.yaml

  with other registers as they are, to find out what a new firmware has there (0-based wire addresses):
    village-edge record --config site.yaml meter/cabinet-1 --registers 0-79 --function 4

exit status: 0 written; 1 the device could not be read whole; 2 it could not be asked
"""
MOST = 40  # registers a question: every device answers so many
WIDTH = 32  # bytes a line


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `record`."""
    from edge.typed import device

    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add("device", type=device, metavar="DEVICE", help="such as meter/cabinet-1, sensor/soil-1 or board/cabinet-board")
    add("--config", type=Path, required=True, metavar="FILE", help="the village's configuration (YAML)")
    add("--sim", type=Path, metavar="DIR", help="the simulated village whose run directory it is")
    add("-o", "--output", type=Path, metavar="FILE", help="where to write it (default: print it)")
    add("--registers", type=_range, metavar="FIRST-LAST", help="also these registers, as they are; 0x… is understood")
    add("--function", type=int, choices=[3, 4], default=4, help="how to read them (default: 4)")


def run(args: argparse.Namespace) -> int:
    """0, 1 or 2, as the examples say."""
    from edge.shell.app import catalogue, probe
    from edge.shell.clock import SystemClock
    from edge.shell.site_file import ConfigError, load

    try:
        site = load(args.config, catalogue())
        port, device = _find(site, args.device)
    except (ConfigError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    clock = SystemClock()
    bus = probe(site, args.sim, clock, port, TICK.wait)
    try:
        text, faults = capture(bus, device, clock.now(), args.registers, args.function)
    except bus.gone as error:
        why = {"busy": "another program holds it: stop the controller first", "missing": "it is not there"}
        print(f"{port}: {why.get(bus.why(error), error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 2
    finally:
        bus.close()
    for fault in faults:
        print(fault, file=sys.stderr)
    if args.output is None:
        print(text, end="")
    else:
        try:
            args.output.write_text(text, "utf-8")
        except OSError as error:
            print(f"{args.output}: {error.strerror}: name another file with -o", file=sys.stderr)
            return 2
        print(f"{args.output}: {text.count('ask:')} questions with their answers")
    return int(bool(faults))


def capture(
    bus: Probe, device: Device, now: Moment, registers: range | None, function: int
) -> tuple[str, list[str]]:
    """The capture as YAML, and what could not be had. Raises the bus's `gone`."""
    from edge.shell.app import catalogue

    faults: list[str] = []
    stamp = dt.datetime.fromtimestamp(now.wall, dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
    doubt = "" if now.trusted else " (by a clock that nobody vouches for)"
    lines = [
        f"# Recorded on {stamp}{doubt}:",
        f"# {device.name}, {device.model} at address {device.address}, {bus.setting}.",
        f"address: {device.address}",
    ]
    if catalogue()[device.model].driven:
        taken = bus.read(device.name, device.address, device.model)
        if taken.values is None:
            faults.append(f"{device.name} was not read whole: {taken.error}; `village-edge doctor` says why")
        whole = max((_last_sound(taken.heard, asked) for asked in bus.rounds(device.address, device.model)), key=len)
        values = taken.values or {}
        lines += _board(whole, values) if device.name.startswith("board/") else _meter(whole, values)
    if registers is not None:
        lines.append("registers:")
        for first in range(registers.start, registers.stop, MOST):
            heard = bus.registers(device.address, function, first, min(MOST, registers.stop - first))
            lines += _raw(first, heard)
            if heard.kind != "answer":
                faults.append(f"registers from {first}: {heard.kind}{f' ({heard.code})' if heard.code else ''}")
    return "\n".join(lines) + "\n", faults


def _find(site: Site, name: str) -> tuple[str, Device]:
    """The port and the device of that name. Raises ValueError."""
    from edge.shell.doctor import devices_on

    known = {device.name: (port, device) for port in site.ports for device in devices_on(site, port)}
    if name not in known:
        raise ValueError(f"no serial port has {name}; there are {', '.join(known) or 'none'}")
    return known[name]


def _last_sound(heard: Sequence[Heard], asked: Sequence[bytes]) -> list[Heard]:
    """The last sound answer to each of these questions."""
    sound = {h.request: h for h in heard if h.kind == "answer"}
    return [sound[request] for request in asked if request in sound]


def _meter(whole: Sequence[Heard], values: Mapping[str, float]) -> Iterator[str]:
    yield "round:"
    for heard in whole:
        yield f"  - ask: {heard.request.hex(' ').upper()}"
        yield "    answer: >-"
        yield from _folded(_frame(heard))
    yield "values:"
    yield from (f"  {name}: {value!r}" for name, value in values.items())


def _board(whole: Sequence[Heard], values: Mapping[str, float]) -> Iterator[str]:
    on = [int(name.removeprefix("coil_")) for name, value in values.items() if value]
    yield "read:"
    for heard in whole:
        yield f"  - {{ask: {heard.request.hex(' ').upper()}, answer: {_frame(heard).hex(' ').upper()}, on: {on}}}"
    yield "write: []"
    yield "timed_on: []"


def _raw(first: int, heard: Heard) -> Iterator[str]:
    yield f"  - first: {first:#06x}"
    yield f"    ask: {heard.request.hex(' ').upper()}"
    if heard.kind == "answer":
        yield "    answer: >-"
        yield from _folded(_frame(heard))
    else:
        yield f"    heard: {heard.kind}"


def _frame(heard: Heard) -> bytes:
    """The answer without what noise came after it: id, function, byte count, data, two of checksum."""
    return heard.raw[: 5 + heard.raw[2]]


def _folded(frame: bytes) -> Iterator[str]:
    for at in range(0, len(frame), WIDTH):
        yield "      " + frame[at : at + WIDTH].hex(" ").upper()


def _range(text: str) -> range:
    number = r"(0x[0-9a-fA-F]+|\d+)"
    found = re.fullmatch(rf"{number}(?:-{number})?", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r}: write FIRST-LAST, such as 0-79 or 0x2000-0x204F")
    first = int(found[1], 0)
    last = int(found[2] or found[1], 0)
    if not first <= last <= 0xFFFF or last - first >= 4000:
        raise argparse.ArgumentTypeError(f"{text!r}: the first, then the last, at most 4000 registers, up to 65535")
    return range(first, last + 1)
