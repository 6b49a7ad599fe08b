"""The safe state, driven by a process of its own when the daemon has died.

It knows no configuration file, only DIR/safe.json, which a daemon writes at each valid configuration, and the lockouts
in the journal beside it: what an electrician has locked is never switched on. It imports the
standard library, the GPIO leaf and, for relay boards, the serial leaf, so a broken YAML file or a broken library leaves
it working.

    {"version": 2, "outputs": [
     {"output": "light/main-road/a", "safe": "hold", "gpio": 17, "active_low": true},
     {"output": "light/lanes/a", "safe": "off", "port": "rs485", "device": "/dev/serial/by-path/…", "baudrate": 9600,
      "parity": "none", "stopbits": 1, "rts": null, "address": 10, "coil": 0}, …]}

Version 1 had outputs on GPIO lines only, and is read as well.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drivers.api import DriverError
from drivers.gpio import GpioOutput
from drivers.modbus import COIL_OFF, COIL_ON, READ_COILS, Line, read_request, write_coil_request
from edge.shell.clock import SystemClock
from edge.shell.files import replace_file

if TYPE_CHECKING:
    from drivers.serial_port import SerialPort

FILE = "safe.json"
VERSION = 2
READABLE = (1, VERSION)
NEVER_ON = ("pump", "valve", "switch")  # kinds of outputs that go off, whatever the file says

Entry = Mapping[str, Any]


class NoSafeFile(Exception):
    """There is no safe.json that can be read; the text names the remedy."""


def safe_entries(site: Any) -> list[dict[str, Any]]:
    """What `save` keeps of a validated site: its outputs, those that can do most harm first.

    Pumps stop before valves close on them; valves, pumps and switches go off, lights do what their `safe` says.
    """
    entries = []
    for kind, section in (("pump", site.pumps), ("valve", site.valves), ("switch", site.switches)):
        for name, device in section.items():
            entries.append(_entry(site, f"{kind}/{name}", device.output, "off"))
    for name, light in site.lights.items():
        for key, circuit in light.circuits.items():
            entries.append(_entry(site, f"light/{name}/{key}", circuit.output, light.safe))
    return entries


def _entry(site: Any, output: str, wiring: Any, safe: str) -> dict[str, Any]:
    common = {"output": output, "safe": safe}
    if hasattr(wiring, "gpio"):
        return common | {"gpio": wiring.gpio, "active_low": wiring.active == "low"}
    board = site.boards[wiring.board]
    port = site.ports[board.port]
    return common | {
        "port": board.port, "device": port.device, "baudrate": port.baudrate, "parity": port.parity,
        "stopbits": port.stopbits, "rts": port.rts, "address": board.address, "coil": wiring.coil,
    }  # fmt: skip


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
    outputs = content.get("outputs") if isinstance(content, dict) and content.get("version") in READABLE else None
    if not isinstance(outputs, list):
        raise NoSafeFile(f"{path} is of no version that can be read ({' or '.join(map(str, READABLE))}): {remedy}")
    return outputs


def heeding(entries: Sequence[Any], journal: Path) -> list[Any]:
    """The entries, those held as they are that somebody has locked and that would go on; all, if no journal can be
    read: what is locked is then not known."""
    if not any(isinstance(entry, dict) and entry.get("safe") == "on" for entry in entries):
        return list(entries)
    import sqlite3

    try:
        with closing(sqlite3.connect(f"{journal.absolute().as_uri()}?mode=ro", uri=True, timeout=1.0)) as db:
            locked = {str(name) for (name,) in db.execute("SELECT id FROM lockouts")}
    except sqlite3.Error:
        return list(entries)

    def is_locked(entry: Any) -> bool:
        output = str(entry["output"]) if isinstance(entry, dict) and "output" in entry else ""
        return output in locked or output.rpartition("/")[0] in locked

    return [{**e, "safe": "hold"} if is_locked(e) and e.get("safe") == "on" else e for e in entries]


def drive(entries: Sequence[Any], sim: Path | None = None) -> Iterator[tuple[str, str | None]]:
    """Drive each output to its safe state, whatever became of the others.

    Yields, after each, a line about it and the error's text, or None where it went well. `hold` touches nothing; pumps,
    valves and switches go off in any case, also the coil of a board that would end its ON by itself. With
    `sim`, a village-sim's run directory, its ports stand in for the serial devices.
    """
    boards = _Boards(sim)
    for entry in entries:
        try:
            yield _drive_twice(entry, boards), None
        except DriverError as e:
            yield str(entry["output"]), str(e)
        except (KeyError, TypeError, ValueError) as e:
            yield str(entry), f"not an entry that can be driven: {e!r}"
    boards.close()


def _drive_twice(entry: Entry, boards: _Boards) -> str:
    try:
        return _drive_one(entry, boards)
    except DriverError:
        return _drive_one(entry, boards)  # nobody comes after us to close a valve: what failed by chance is tried again


def _drive_one(entry: Entry, boards: _Boards) -> str:
    name = entry["output"]
    safe = "off" if str(name).partition("/")[0] in NEVER_ON else entry["safe"]
    if safe == "hold":
        return f"{name}: held as it is"
    if safe not in ("on", "off"):
        raise ValueError(safe)
    if "coil" in entry:
        boards.write(entry, safe == "on")
        return f"{name}: {safe} (coil {entry['coil']} of device {entry['address']} on {entry['port']})"
    gpio, active_low = entry["gpio"], entry["active_low"]
    if not isinstance(gpio, int) or not isinstance(active_low, bool):
        raise TypeError("gpio is a number and active_low true or false")
    GpioOutput(gpio, active_low).write(safe == "on")
    return f"{name}: {safe} (GPIO {gpio})"


@dataclass(frozen=True, slots=True)
class _Patience:
    """The manners for any board: the file does not say which model it is, and nobody else waits for the line."""

    timeout_s: float = 1.0
    worst_latency_s: float = 1.0
    turnaround_s: float = 0.05


class _Boards:
    """The serial lines to relay boards, each opened when the first of its coils is to be driven."""

    def __init__(self, sim: Path | None) -> None:
        self._sim = sim
        self._mono = SystemClock().mono
        self._lines: dict[str, tuple[SerialPort, Line]] = {}

    def write(self, entry: Entry, on: bool) -> None:
        """Write the coil, and read whether it is so. Raises DriverError."""
        address, coil = entry["address"], entry["coil"]
        write = write_coil_request(address, coil, COIL_ON if on else COIL_OFF)
        read = read_request(address, READ_COILS, coil, 1)
        line = self._line(entry)
        self._ask(line, [write])
        request = write
        while request != read:  # a board that is out of step is asked to write again first
            request, data = self._ask(line, [read, write])
        if bool(data[0] & 1) is not on:
            raise DriverError("the board took the write and its relay does not follow: look at the board's supply")

    def close(self) -> None:
        """Let go of the serial devices."""
        for port, _ in self._lines.values():
            port.close()

    def _ask(self, line: Line, candidates: list[bytes]) -> tuple[bytes, bytes]:
        when, request = line.next_question(candidates, _Patience())
        threading.Event().wait(max(when - self._mono(), 0))
        return request, line.ask(request, _Patience())

    def _line(self, entry: Entry) -> Line:
        name = entry["port"]
        if name not in self._lines:
            from drivers.serial_port import SerialPort

            device, rts = entry["device"], entry.get("rts")
            if self._sim is not None:
                device, rts = str(self._sim / "ports" / name), None
            baudrate = entry["baudrate"]
            port = SerialPort(device, baudrate, entry["parity"], entry["stopbits"], self._mono, rts)
            self._lines[name] = port, Line(port, self._mono, baudrate)
        return self._lines[name][1]
