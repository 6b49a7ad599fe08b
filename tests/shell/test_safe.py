"""The safe state as a process of its own drives it, on a simulated board."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from gpio_lines import ServedBoard, served_board

from drivers.api import DriverError
from edge.shell import safe

ROOT = Path(__file__).parent.parent.parent
HOLD = {"output": "light/main-road/a", "gpio": 17, "active_low": True, "safe": "hold"}
PUMP = {"output": "pump/pump-1", "gpio": 24, "active_low": True, "safe": "off"}
VALVE = {"output": "valve/plot-1", "gpio": 25, "active_low": False, "safe": "off"}
LIT = {"output": "light/lanes/a", "gpio": 27, "active_low": True, "safe": "on"}

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
    safe.save(tmp_path / safe.FILE, [HOLD, PUMP, VALVE, LIT])
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


def test_it_needs_only_the_standard_library_and_gpiozero(tmp_path: Path) -> None:
    safe.save(tmp_path / safe.FILE, [PUMP])
    with served_board(tmp_path):
        done = run_safe(tmp_path, tmp_path)
    assert done.stdout.splitlines()[-1] == "imported []"


def test_a_failure_does_not_stop_the_others(tmp_path: Path) -> None:
    entries = [{"output": "valve/odd", "gpio": 99, "active_low": True, "safe": "off"}, {"output": "x"}, "rubbish", PUMP]
    safe.save(tmp_path / safe.FILE, entries)  # type: ignore[arg-type]
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
    safe.save(tmp_path / safe.FILE, [PUMP])
    with served_board(tmp_path) as served:
        served.board.claim(24, 0, os.getpid())
        done = run_safe(tmp_path, tmp_path)
        assert served.driven_level(24) == 0
    assert done.returncode == 1
    assert "GPIO 24 is held by another process: stop the other program" in done.stderr


def test_after_a_kill_it_takes_the_lines_over(tmp_path: Path) -> None:
    safe.save(tmp_path / safe.FILE, [PUMP, HOLD])
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


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"version": 2, "outputs": []}', '{"version": 1}'])
def test_without_a_readable_file_it_exits_with_2_and_a_remedy(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / safe.FILE).write_text(content)
    with pytest.raises(safe.NoSafeFile, match="written when `village-edge run` starts with a valid configuration"):
        safe.load(tmp_path / safe.FILE)


def test_the_command_exits_with_2_without_a_file(tmp_path: Path) -> None:
    done = run_safe(tmp_path, None)
    assert done.returncode == 2
    assert "safe.json cannot be read" in done.stderr


def test_saving_replaces_the_file_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / safe.FILE
    safe.save(path, [PUMP, VALVE])
    safe.save(path, [HOLD])
    assert safe.load(path) == [HOLD]
    assert list(tmp_path.iterdir()) == [path]


def test_a_save_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / safe.FILE
    safe.save(path, [PUMP])

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        safe.save(path, [HOLD])
    assert safe.load(path) == [PUMP]
    assert list(tmp_path.iterdir()) == [path]


def test_entries_of_a_site_name_every_gpio_output_pumps_first() -> None:
    def line(gpio: int, active: str) -> SimpleNamespace:
        return SimpleNamespace(output=SimpleNamespace(gpio=gpio, active=active))

    board = SimpleNamespace(output=SimpleNamespace(board="cabinet", coil=0))
    site = SimpleNamespace(
        lights={"main-road": SimpleNamespace(safe="hold", circuits={"a": line(17, "low"), "b": board})},
        valves={"plot-1": line(25, "high")},
        pumps={"pump-1": line(24, "low")},
        switches={"fan": board},
    )
    assert safe.safe_entries(site) == [PUMP, VALVE, HOLD]
