"""A simulated cabinet and a person at its terminal, for `doctor --outputs` and `--match`."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from time import monotonic

from support import until

from simulator.pin_link import Link

CONFIG = """
site: {id: desk, name: Desk, latitude: 19.87, longitude: 105.68, timezone: Asia/Ho_Chi_Minh, language: en}
ports:
  line: {device: /dev/ttyUSB0, baudrate: 9600, parity: none}
meters:
  cabinet: {name: Cabinet, model: pzem016, port: line, address: 1}
  hall: {name: Hall, model: pzem016, port: line, address: 2}
boards:
  relays: {model: waveshare-relay-8, port: line, address: 10}
lights:
  road:
    name: Road
    meter: cabinet
    circuits:
      a: {output: {gpio: 17, active: low}, lamps: 8, lamp_w: 60, feedback: {gpio: 5}}
      b: {output: {board: relays, coil: 0}, lamps: 4, lamp_w: 60, feedback: {gpio: 6}}
  hall:
    name: Hall
    meter: hall
    circuits:
      a: {output: {gpio: 23, active: low}, lamps: 6, lamp_w: 30}
inputs:
  tank: {gpio: 21, role: level, low_is: empty}
pumps:
  well: {name: Well, output: {gpio: 24, active: low}, meter: hall, rated_w: 750, lead: 1s, lag: 1s, max_on: 2h,
         daily_max: 6h, stop_when: {tank: empty}}
heartbeat: {gpio: 26}
valves:
  plot: {name: Plot, output: {gpio: 25, active: low}, pump: well, max_on: 60m, daily_max: 2h, default: 20m}
"""
QUICK = {
    "edge.shell.commission_pulse.BEFORE_S": 0.05, "edge.shell.commission_pulse.AFTER_S": 0.05,
    "edge.shell.commission_match.SETTLE_S": 0.2, "edge.shell.commission_match.ROUNDS": 1, "drivers.probing.TRIES": 1,
}  # fmt: skip
ROAD_A, ROAD_B_CONTACT, HALL_A, PUMP, VALVE, HEARTBEAT = 17, 6, 23, 24, 25, 26


def village(folder: Path, lines: str = "persist") -> subprocess.Popen[bytes]:
    """A village-sim of CONFIG with its run directory `run` in `folder`, ready."""
    config = folder / "true.yaml"
    config.write_text(CONFIG, "utf-8")
    words = ["--config", str(config), "--run", str(folder / "run"), "--lines", lines, "--quiet"]
    process = subprocess.Popen([sys.executable, "-m", "simulator", *words], stdin=subprocess.DEVNULL)
    until((folder / "run" / "ready").exists, 15, "village-sim")
    return process


def driven(run: Path, pin: int, since: int = 0) -> list[tuple[int | None, float]]:
    """The levels that a line was driven to, None where it was let go, each with its time (s)."""
    lines = [json.loads(line) for line in (run / "pins.log").read_text("ascii").splitlines()[since:]]
    return [(line["level"], line["mono"]) for line in lines if line["pin"] == pin and "error" not in line]


def closed(run: Path, pin: int) -> bool:
    """Whether the contact between a line and ground is closed now."""
    link = Link(run)
    try:
        return not link.ask({"pin": pin, "read": True})["level"]
    finally:
        link.close()


def logged(run: Path) -> int:
    """How many lines the log of lines has."""
    return len((run / "pins.log").read_text("ascii").splitlines())


class Session:
    """`village-edge doctor` on a terminal of its own. `times` in place of the product's own (s)."""

    def __init__(self, config: Path, run: Path, *words: str, times: Mapping[str, object] | None = None) -> None:
        given = {**QUICK, **(times or {})}
        parted = ((name.rpartition("."), value) for name, value in given.items())
        settings = ";".join(f"import {module} as m; m.{name} = {value!r}" for (module, _, name), value in parted)
        code = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)"
        code += f"; {settings}; from edge.cli import main; sys.exit(main(sys.argv[1:]))"
        self._fd, other = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, "doctor", "--config", str(config), "--sim", str(run), *words],
            stdin=other, stdout=other, stderr=other, start_new_session=True,
        )
        os.close(other)
        self.said = ""
        self._read = 0

    def hears(self, text: str, deadline_s: float = 20.0) -> None:
        """Wait until it says this, after what was waited for before."""
        end = monotonic() + deadline_s
        while (at := self.said.find(text, self._read)) < 0:
            if monotonic() > end or not self._more(end):
                raise AssertionError(f"waited in vain for {text!r}; it said:\n{self.said}")
        self._read = at + len(text)

    def types(self, text: str) -> None:
        """A line, with Enter."""
        os.write(self._fd, f"{text}\n".encode())

    def interrupt(self, number: int = signal.SIGINT) -> None:
        """Ctrl-C, or what else ends processes."""
        self.process.send_signal(number)

    def ends(self, deadline_s: float = 30.0) -> int:
        """Its exit status."""
        end = monotonic() + deadline_s
        while self._more(end):
            pass
        return self.process.wait(max(end - monotonic(), 0.1))

    def close(self) -> None:
        """End it, whatever it does."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._fd)

    def _more(self, end: float) -> bool:
        ready, _, _ = select.select([self._fd], [], [], max(end - monotonic(), 0))
        if not ready:
            return False
        with suppress(OSError):  # how a terminal ends whose other side is closed
            data = os.read(self._fd, 65536)
            self.said += data.decode("utf-8", "replace").replace("\r\n", "\n")
            return bool(data)
        return False
