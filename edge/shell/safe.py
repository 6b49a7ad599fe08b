"""The safe state, driven by a process of its own when the daemon has died.

It knows no configuration file, only DIR/safe.json, which a daemon writes at each valid configuration. It imports the
standard library and the GPIO leaf, so a broken YAML file or a broken library leaves it working.

    {"version": 1, "outputs": [{"output": "light/main-road/a", "gpio": 17, "active_low": true, "safe": "hold"}, …]}
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from drivers.api import DriverError
from drivers.gpio import GpioOutput
from edge.shell.files import replace_file

FILE = "safe.json"
VERSION = 1

Entry = Mapping[str, Any]


class NoSafeFile(Exception):
    """There is no safe.json that can be read; the text names the remedy."""


def safe_entries(site: Any) -> list[dict[str, Any]]:
    """What `save` keeps of a validated site: its GPIO outputs, those that can do most harm first.

    Pumps stop before valves close on them; valves, pumps and switches go off, lights do what their `safe` says.
    """
    entries = []
    for kind, section in (("pump", site.pumps), ("valve", site.valves), ("switch", site.switches)):
        for name, device in section.items():
            entries += _entry(f"{kind}/{name}", device.output, "off")
    for name, light in site.lights.items():
        for key, circuit in light.circuits.items():
            entries += _entry(f"light/{name}/{key}", circuit.output, light.safe)
    return entries


def _entry(output: str, wiring: Any, safe: str) -> list[dict[str, Any]]:
    gpio = getattr(wiring, "gpio", None)
    if gpio is None:
        return []  # on a relay board, which has a timed-on function of its own
    return [{"output": output, "gpio": gpio, "active_low": wiring.active == "low", "safe": safe}]


def save(path: Path, entries: Sequence[Entry]) -> None:
    """Put `entries` into the file in place of those before, whole or not at all, also over a power cut.

    Raises OSError.
    """
    text = json.dumps({"version": VERSION, "outputs": list(entries)}, indent=1)
    replace_file(path, (text + "\n").encode())


def load(path: Path) -> list[Any]:
    """The entries of the file, not yet judged one by one. Raises NoSafeFile."""
    remedy = "it is written when `village-edge run` starts with a valid configuration; --state names its directory"
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as e:
        raise NoSafeFile(f"{path} cannot be read ({e}): {remedy}") from e
    outputs = content.get("outputs") if isinstance(content, dict) and content.get("version") == VERSION else None
    if not isinstance(outputs, list):
        raise NoSafeFile(f"{path} is not of version {VERSION}: {remedy}")
    return outputs


def drive(entries: Sequence[Any]) -> Iterator[tuple[str, str | None]]:
    """Drive each output to its safe state, whatever became of the others.

    Yields, after each, a line about it and the error's text, or None where it went well. `hold` touches nothing.
    """
    for entry in entries:
        try:
            yield _drive_twice(entry), None
        except DriverError as e:
            yield str(entry["output"]), str(e)
        except (KeyError, TypeError, ValueError) as e:
            yield str(entry), f"not an entry that can be driven: {e!r}"


def _drive_twice(entry: Entry) -> str:
    try:
        return _drive_one(entry)
    except DriverError:
        return _drive_one(entry)  # nobody comes after us to close a valve: what failed by chance gets one more try


def _drive_one(entry: Entry) -> str:
    name, safe = entry["output"], entry["safe"]
    if safe == "hold":
        return f"{name}: held as it is"
    if safe not in ("on", "off"):
        raise ValueError(safe)
    gpio, active_low = entry["gpio"], entry["active_low"]
    if not isinstance(gpio, int) or not isinstance(active_low, bool):
        raise TypeError("gpio is a number and active_low true or false")
    GpioOutput(gpio, active_low).write(safe == "on")
    return f"{name}: {safe} (GPIO {gpio})"
