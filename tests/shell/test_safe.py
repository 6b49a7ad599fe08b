"""The safe state as a process of its own drives it, on simulated lines and relay boards."""

from __future__ import annotations

import asyncio
import json
import math
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from gpio_lines import ServedBoard, served_board

from drivers.api import DriverError
from drivers.registers import load_board
from edge.core.events import Persist
from edge.core.values import Row
from edge.shell import safe, safe_file
from edge.shell.clock import ManualClock
from edge.shell.store import StoreWorker
from simulator.fault_bus import Trouble, sound
from simulator.relay_board import RelayBoard
from simulator.slaves import SlavePort

ROOT = Path(__file__).parent.parent.parent
HOLD = {"output": "light/main-road/a", "gpio": 17, "active_low": True, "safe": "hold"}
PUMP = {"output": "pump/pump-1", "gpio": 24, "active_low": True, "safe": "off"}
VALVE = {"output": "valve/plot-1", "gpio": 25, "active_low": False, "safe": "off"}
LIT = {"output": "light/lanes/a", "gpio": 27, "active_low": True, "safe": "on"}
COIL = {
    "port": "rs485", "device": "/dev/nowhere", "baudrate": 9600, "parity": "none", "stopbits": 1, "rts": None, "address": 10,
    "coil": 0,
}  # fmt: skip
FAN = {"output": "switch/fan", "safe": "off", **COIL, "coil": 1}
LANES = {"output": "light/lanes/a", "safe": "on", **COIL}
HELD = {"output": "light/square/a", "safe": "hold", **COIL, "coil": 2}

MAIN = """
import argparse, sys
from edge.commands import safe
parser = argparse.ArgumentParser()
safe.add_arguments(parser)
code = safe.run(parser.parse_args())
heavy = {"pydantic", "ruamel", "paho", "orjson", "ephem", "apscheduler", "serial", "sqlite3", "asyncio"}
print("imported", sorted(heavy & {m.split(".")[0] for m in sys.modules}))
sys.exit(code)
"""


def run_safe(state: Path, sim: Path | None) -> subprocess.CompletedProcess[str]:
    """`village-edge safe` in a process of its own."""
    options = ["--sim", str(sim)] if sim else []
    environment = {k: v for k, v in os.environ.items() if k not in ("GPIOZERO_PIN_FACTORY", "VILLAGE_SIM")}
    return subprocess.run(
        [sys.executable, "-c", MAIN, "--state", str(state), *options],
        capture_output=True, text=True, timeout=30, check=False, cwd=ROOT, env=environment,
    )  # fmt: skip


def log_of(served: ServedBoard) -> list[dict[str, Any]]:
    return [json.loads(line) for line in served.log.read_text().splitlines()]


def test_every_output_goes_to_its_safe_state_and_hold_touches_nothing(tmp_path: Path) -> None:
    safe_file.save(tmp_path / safe_file.FILE, [HOLD, PUMP, VALVE, LIT])
    with served_board(tmp_path, {25: 0}) as served:
        done = run_safe(tmp_path, tmp_path)
        levels = {pin: served.driven_level(pin) for pin in (17, 24, 25, 27)}
    assert (done.returncode, done.stderr) == (0, "")
    assert levels == {17: None, 24: 1, 25: 0, 27: 0}
    assert [entry["pin"] for entry in log_of(served)] == [24, 25, 27]
    assert done.stdout.splitlines()[:4] == [
        "light/main-road/a: held as it is",
        "pump/pump-1: off (GPIO 24)",
        "valve/plot-1: off (GPIO 25)",
        "light/lanes/a: on (GPIO 27)",
    ]


@pytest.mark.parametrize("locked", ["light/lanes", "light/lanes/a"])
def test_what_an_electrician_has_locked_is_not_switched_on(tmp_path: Path, locked: str) -> None:
    store = StoreWorker(tmp_path / "journal.db", lambda _: None)
    row: Row = {"circuits": "", "user": "tech", "note": "thay bóng", "at": 0.0}
    store.put(Persist(("lockouts", locked), row), Persist(("lockouts", "light/road"), row))
    store.close(ManualClock(0.0).now())
    safe_file.save(tmp_path / safe_file.FILE, [PUMP, LIT, {**LIT, "output": "light/road/b", "gpio": 22, "safe": "off"}])
    with served_board(tmp_path, {22: 0, 27: 1}) as served:
        done = run_safe(tmp_path, tmp_path)
        levels = {pin: served.driven_level(pin) for pin in (22, 24, 27)}
    assert (done.returncode, done.stderr) == (0, "")
    assert levels == {22: 1, 24: 1, 27: None}
    assert "light/lanes/a: held as it is" in done.stdout


@pytest.mark.parametrize("content", [b"", b"no database at all, not even nearly"])
def test_a_journal_that_cannot_be_read_stops_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "journal.db").write_bytes(content)
    safe_file.save(tmp_path / safe_file.FILE, [LIT])
    with served_board(tmp_path, {}) as served:
        done = run_safe(tmp_path, tmp_path)
        assert served.driven_level(27) == 0
    assert done.returncode == 0


def test_it_needs_only_the_standard_library_and_gpiozero(tmp_path: Path) -> None:
    safe_file.save(tmp_path / safe_file.FILE, [PUMP])
    with served_board(tmp_path):
        done = run_safe(tmp_path, tmp_path)
    assert done.stdout.splitlines()[-1] == "imported []"


@pytest.mark.parametrize("written", ["hold", "on", None])
def test_pumps_valves_and_switches_go_off_whatever_the_file_says(tmp_path: Path, written: str | None) -> None:
    changed = {key: value for key, value in {**PUMP, "safe": written}.items() if value is not None}
    safe_file.save(tmp_path / safe_file.FILE, [changed, {**VALVE, "safe": "hold"}])
    with served_board(tmp_path, {24: 0, 25: 1}) as served:
        done = run_safe(tmp_path, tmp_path)
        assert (served.driven_level(24), served.driven_level(25)) == (1, 0)
    assert (done.returncode, done.stdout.splitlines()[:2]) == (0, ["pump/pump-1: off (GPIO 24)", "valve/plot-1: off (GPIO 25)"])


def test_a_failure_does_not_stop_the_others(tmp_path: Path) -> None:
    entries = [{"output": "valve/odd", "gpio": 99, "active_low": True, "safe": "off"}, {"output": "x"}, "rubbish", PUMP]
    safe_file.save(tmp_path / safe_file.FILE, entries)  # type: ignore[arg-type]
    with served_board(tmp_path, {24: 0}) as served:
        done = run_safe(tmp_path, tmp_path)
        assert served.driven_level(24) == 1
    assert done.returncode == 1
    failures = done.stderr.splitlines()
    assert len(failures) == 3
    assert "GPIO 99 does not exist" in failures[0]


def test_what_fails_once_by_chance_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[tuple[int, bool]] = []

    class Moody:
        def __init__(self, gpio: int, active_low: bool) -> None:
            self.gpio = gpio

        def write(self, on: bool) -> None:
            tries.append((self.gpio, on))
            if len(tries) == 1:
                raise DriverError("no answer")

    monkeypatch.setattr(safe, "GpioOutput", Moody)
    assert list(safe.drive([PUMP, VALVE])) == [("pump/pump-1: off (GPIO 24)", None), ("valve/plot-1: off (GPIO 25)", None)]
    assert tries == [(24, False), (24, False), (25, False)]


def test_lines_that_a_living_process_holds_are_said_to_be_held(tmp_path: Path) -> None:
    safe_file.save(tmp_path / safe_file.FILE, [PUMP])
    with served_board(tmp_path) as served:
        served.board.claim(24, 0, os.getpid())
        done = run_safe(tmp_path, tmp_path)
        assert served.driven_level(24) == 0
    assert done.returncode == 1
    assert "GPIO 24 is held by another process: stop the other program" in done.stderr


def test_after_a_kill_it_takes_the_lines_over(tmp_path: Path) -> None:
    safe_file.save(tmp_path / safe_file.FILE, [PUMP, HOLD])
    script = """
import sys
from drivers.gpio import GpioOutput
a, b = GpioOutput(24, True), GpioOutput(17, True)
a.write(True); b.write(True)
print("on", flush=True)
sys.stdin.read()
"""
    environment = {**os.environ, "GPIOZERO_PIN_FACTORY": "village", "VILLAGE_SIM": str(tmp_path)}
    with served_board(tmp_path) as served:
        child = subprocess.Popen(
            [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, cwd=ROOT
        )
        with child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"on\n"
            child.send_signal(signal.SIGKILL)
            done = run_safe(tmp_path, tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert (served.driven_level(24), served.driven_level(17)) == (1, 0)


class Cabinet:
    """A relay board on a pty as village-sim has it, its coils 0 to 2 at first off, on, on."""

    def __init__(self, directory: Path) -> None:
        (directory / "ports").mkdir()
        self.moved: list[tuple[int, bool]] = []
        timed_on = load_board("waveshare-relay-8").timed_on
        self.board = RelayBoard(10, 8, lambda coil, on: self.moved.append((coil, on)), timed_on)
        self.board.write(1, [True, True])
        self.moved.clear()
        self.wire = sound()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        made: Future[SlavePort] = Future()
        link = directory / "ports" / "rs485"
        self._loop.call_soon_threadsafe(lambda: made.set_result(SlavePort(link, [self.board], self.wire)))
        self._port = made.result(5)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._port.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()


@pytest.fixture
def cabinet(tmp_path: Path) -> Iterator[Cabinet]:
    made = Cabinet(tmp_path)
    yield made
    made.close()


@pytest.mark.slow
def test_coils_of_a_board_go_to_their_safe_state_and_hold_touches_nothing(tmp_path: Path, cabinet: Cabinet) -> None:
    safe_file.save(tmp_path / safe_file.FILE, [FAN, LANES, HELD])
    done = run_safe(tmp_path, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert cabinet.moved == [(1, False), (0, True)]
    assert done.stdout.splitlines() == [
        "switch/fan: off (coil 1 of device 10 on rs485)",
        "light/lanes/a: on (coil 0 of device 10 on rs485)",
        "light/square/a: held as it is",
        "imported ['serial', 'sqlite3']",
    ]


@pytest.mark.slow
def test_a_coil_that_would_fall_by_itself_goes_off_now(tmp_path: Path, cabinet: Cabinet) -> None:
    assert cabinet.board.write_timed(0x0200 + FAN["coil"], 0x7FFF)
    safe_file.save(tmp_path / safe_file.FILE, [{**FAN, "safe": "hold"}])
    done = run_safe(tmp_path, tmp_path)
    assert (done.returncode, done.stderr, cabinet.moved) == (0, "", [(1, False)])
    assert cabinet.board.follow() == math.inf, "its time is over too"


@pytest.mark.slow
def test_a_board_that_is_dead_fails_in_words_and_lines_are_driven_all_the_same(tmp_path: Path, cabinet: Cabinet) -> None:
    cabinet.wire.trouble = Trouble(dead=frozenset({10}))
    safe_file.save(tmp_path / safe_file.FILE, [FAN, PUMP])
    with served_board(tmp_path, {24: 0}) as served:
        done = run_safe(tmp_path, tmp_path)
        assert served.driven_level(24) == 1
    assert done.returncode == 1
    assert done.stderr == "switch/fan: FAILED: no answer: look at power, wiring (A and B), address and speed\n"
    assert cabinet.moved == []


@pytest.mark.slow
def test_a_relay_that_does_not_follow_and_a_port_that_is_not_there_are_said_to_be_so(
    tmp_path: Path, cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cabinet.board, "coils", lambda *_: [True])
    safe_file.save(tmp_path / safe_file.FILE, [FAN, {**LANES, "port": "other"}, {**LANES, "parity": "very", "port": "odd"}])
    done = run_safe(tmp_path, tmp_path)
    stuck, gone, odd = done.stderr.splitlines()
    assert stuck.startswith("switch/fan: FAILED: the board took the write and its relay does not follow")
    assert gone.startswith(f"light/lanes/a: FAILED: {tmp_path}/ports/other is gone or taken by another program")
    assert "not an entry that can be driven: KeyError('very')" in odd


def test_a_file_of_the_version_before_is_driven(tmp_path: Path) -> None:
    (tmp_path / safe_file.FILE).write_text(json.dumps({"version": 1, "outputs": [PUMP, VALVE]}))
    assert safe_file.load(tmp_path / safe_file.FILE) == [PUMP, VALVE]


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"version": 4, "outputs": []}', '{"version": 1}'])
def test_without_a_readable_file_it_exits_with_2_and_a_remedy(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / safe_file.FILE).write_text(content)
    with pytest.raises(safe_file.NoSafeFile, match="written when `village-edge run` starts with a valid configuration"):
        safe_file.load(tmp_path / safe_file.FILE)


def test_the_command_exits_with_2_without_a_file(tmp_path: Path) -> None:
    done = run_safe(tmp_path, None)
    assert done.returncode == 2
    assert "safe.json cannot be read" in done.stderr


def test_saving_replaces_the_file_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / safe_file.FILE
    safe_file.save(path, [PUMP, VALVE])
    safe_file.save(path, [HOLD])
    assert safe_file.load(path) == [HOLD]
    assert list(tmp_path.iterdir()) == [path]


def test_a_save_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / safe_file.FILE
    safe_file.save(path, [PUMP])

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        safe_file.save(path, [HOLD])
    assert safe_file.load(path) == [PUMP]
    assert list(tmp_path.iterdir()) == [path]


def test_entries_of_a_site_name_every_output_pumps_first() -> None:
    lamps = {"lamps": 8, "lamp_w": 60.0}
    of_road = {"watts": 480.0, "group": "meter/cabinet-1", "restrike": 60.0}
    of_lanes = {"watts": 480.0, "group": "light/lanes", "restrike": 0.0}

    def line(gpio: int, active: str) -> SimpleNamespace:
        return SimpleNamespace(output=SimpleNamespace(gpio=gpio, active=active), **lamps)

    def coil(number: int) -> SimpleNamespace:
        return SimpleNamespace(output=SimpleNamespace(board="cabinet", coil=number), **lamps)

    site = SimpleNamespace(
        ports={"rs485": SimpleNamespace(device="/dev/nowhere", baudrate=9600, parity="none", stopbits=1, rts=None)},
        boards={"cabinet": SimpleNamespace(port="rs485", address=10)},
        lights={
            "main-road": SimpleNamespace(safe="hold", meter="cabinet-1", restrike=60.0, circuits={"a": line(17, "low")}),
            "lanes": SimpleNamespace(safe="on", meter=None, restrike=0.0, circuits={"a": coil(0)}),
        },
        valves={"plot-1": line(25, "high")},
        pumps={"pump-1": line(24, "low")},
        switches={"fan": coil(1)},
    )
    assert safe_file.safe_entries(site) == [PUMP, VALVE, FAN, HOLD | of_road, LANES | of_lanes]
