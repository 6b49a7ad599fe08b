"""The safe state, driven by a process of its own when the daemon has died, or for safe mode.

It knows no configuration file, only DIR/safe.json, which a daemon writes at each valid configuration, and the lockouts
in the journal beside it: what an electrician has locked is never switched on. It imports the
standard library, the GPIO leaf and, for relay boards, the serial leaf, so a broken YAML file or a broken library leaves
it working.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drivers.api import DriverError
from drivers.gpio import GpioOutput
from drivers.modbus import COIL_OFF, COIL_ON, READ_COILS, Line, read_request, write_coil_request
from edge.shell.clock import SystemClock
from edge.shell.safe_file import NEVER_ON, Entry

if TYPE_CHECKING:
    from drivers.serial_port import SerialPort


def lockouts(journal: Path) -> frozenset[str] | None:
    """What somebody has locked: `light/main-road`, `light/main-road/a`; None, if no journal can be read: what is locked
    is then not known."""
    import sqlite3

    try:
        with closing(sqlite3.connect(f"{journal.absolute().as_uri()}?mode=ro", uri=True, timeout=1.0)) as db:
            return frozenset(str(name) for (name,) in db.execute("SELECT id FROM lockouts"))
    except sqlite3.Error:
        return None


def is_locked(output: str, locked: Collection[str]) -> bool:
    """Whether the output, or the whole light that it is of, is among what is locked."""
    return output in locked or output.rpartition("/")[0] in locked


def heeding(entries: Sequence[Any], journal: Path) -> list[Any]:
    """The entries, those held as they are that somebody has locked and that would go on; all, if no journal can be
    read."""
    if not any(isinstance(entry, dict) and entry.get("safe") == "on" for entry in entries):
        return list(entries)
    locked = lockouts(journal) or frozenset()
    return [
        {**e, "safe": "hold"}
        if isinstance(e, dict) and e.get("safe") == "on" and is_locked(str(e.get("output", "")), locked) else e
        for e in entries
    ]


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


class Hands:
    """Drives one output after another as safe mode orders it, and holds the lines meanwhile: on some kernels a line
    that nobody holds falls back to an input."""

    def __init__(self, entries: Sequence[Any], locked: Collection[str], sim: Path | None) -> None:
        """`locked`: what is never switched on, beside pumps, valves and switches."""
        self._entries = {str(e["output"]): e for e in entries if isinstance(e, dict) and "output" in e}
        self._locked = locked
        self._lines: dict[str, GpioOutput] = {}
        self._boards = _Boards(sim)

    def obey(self, order: str) -> dict[str, Any]:
        """Carry out `{"output": "light/lanes/a", "on": true}`. The answer repeats `output`; `on` is what the line or
        the board then says, null where that cannot be known; `error` is null where all went well."""
        name = None
        try:
            asked = json.loads(order)
            name, on = asked["output"], asked["on"]
            entry = self._entries[name]
            if type(on) is not bool:
                raise TypeError("on is true or false")
            if on and (name.partition("/")[0] in NEVER_ON or is_locked(name, self._locked)):
                return {"output": name, "on": None, "error": "it is locked, or never switched on in safe mode"}
            seen, error = self._twice(entry, on), None
        except DriverError as e:
            seen, error = None, str(e)
        except Exception as e:  # whatever a broken driver raises costs this output only
            seen, error = None, f"{type(e).__name__}: {e}"
        return {"output": name, "on": seen, "error": error}

    def _twice(self, entry: Entry, on: bool) -> bool | None:
        try:
            return self._once(entry, on)
        except DriverError:
            return self._once(entry, on)

    def _once(self, entry: Entry, on: bool) -> bool | None:
        if "coil" in entry:
            self._boards.write(entry, on)
            return on
        line = self._lines.setdefault(entry["output"], GpioOutput(entry["gpio"], entry["active_low"]))
        line.write(on)
        return line.read()


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
