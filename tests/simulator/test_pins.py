"""Real sockets and real processes: a daemon's lines through kills, restarts of the simulator, and silence."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gpio_lines import ServedBoard, forget_lgpio, served_board
from support import until

from drivers.api import DriverError, PortGone
from drivers.gpio import GpioOutput
from edge.shell.clock import SystemClock
from simulator.board import Board
from simulator.pin_server import PinServer

ROOT = Path(__file__).parent.parent.parent
CHILD = """
import sys
from drivers.gpio import GpioOutput
output = GpioOutput(17, active_low=True)
output.write(True)
print("on", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def village(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A run directory that this process's lines point to."""
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "village")
    monkeypatch.setenv("VILLAGE_SIM", str(tmp_path))
    forget_lgpio()
    yield tmp_path
    forget_lgpio()


def daemon(directory: Path) -> subprocess.Popen[bytes]:
    """A process that has switched GPIO 17 on and stays."""
    environment = {**os.environ, "GPIOZERO_PIN_FACTORY": "village", "VILLAGE_SIM": str(directory)}
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, cwd=ROOT
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"on\n"
    return child


def log_of(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (directory / "pins.log").read_text().splitlines()]


def test_a_kill_leaves_exactly_one_claim_in_the_log_and_the_level_as_it_was(tmp_path: Path) -> None:
    with served_board(tmp_path, {17: 1}) as served:
        with daemon(tmp_path) as child:
            child.kill()
        until(lambda: served.board.holder(17) is None, what="the end to be noticed")
        assert served.driven_level(17) == 0
        until(lambda: not list(tmp_path.glob("client-*")), what="the dead process's address to go")
    (entry,) = log_of(tmp_path)
    stamps = entry.pop("mono"), entry.pop("wall")
    assert all(isinstance(stamp, float) for stamp in stamps)
    assert entry == {"pin": 17, "level": 0, "claim": True, "pid": child.pid, "seq": 1, "changed": True}


def test_on_the_other_kernels_a_kill_drops_the_level_to_the_pull(tmp_path: Path) -> None:
    with served_board(tmp_path, {17: 1}, persist=False) as served:
        with daemon(tmp_path) as child:
            assert served.driven_level(17) == 0
            child.kill()
        until(lambda: served.driven_level(17) is None, what="the line to be released")
        assert served.board.level(17) == 1
    claimed, dropped = log_of(tmp_path)
    assert (claimed["level"], claimed["claim"]) == (0, True)
    assert {key: dropped[key] for key in ("pin", "level", "claim", "pid", "seq", "changed")} == {
        "pin": 17, "level": None, "claim": False, "pid": child.pid, "seq": None, "changed": True,
    }  # fmt: skip


def test_an_orderly_exit_moves_no_line_and_leaves_no_socket(tmp_path: Path) -> None:
    with served_board(tmp_path, {17: 1}) as served:
        with daemon(tmp_path) as child:
            child.communicate()
        assert child.returncode == 0
        assert served.driven_level(17) == 0
        assert list(tmp_path.glob("client-*")) == []
    assert len(log_of(tmp_path)) == 1


def test_a_line_is_taken_over_from_the_dead_and_refused_by_the_living(village: Path) -> None:
    with served_board(village, {17: 1}):
        output = GpioOutput(17, active_low=True)
        with daemon(village) as child:
            with pytest.raises(PortGone, match="GPIO 17 is held by another process"):
                output.write(False)
            child.kill()
        output.write(False)
        assert output.read() is False
    refused = [entry for entry in log_of(village) if "error" in entry]
    assert [(e["pid"], e["error"], e["holder"]) for e in refused] == [(os.getpid(), "busy", child.pid)]


def test_the_log_goes_on_over_daemons_and_simulators(village: Path) -> None:
    for level in (True, False):
        with served_board(village, {17: 1}):
            GpioOutput(17, active_low=True).write(level)
        forget_lgpio()
    assert [(e["level"], e["claim"], e["changed"]) for e in log_of(village)] == [(0, True, True), (1, True, False)]


def test_a_restarted_simulator_is_unknown_until_the_next_write_claims_again(village: Path) -> None:
    output = GpioOutput(17, active_low=True)
    with served_board(village, {17: 1}):
        output.write(True)
    assert output.read() is None
    began = time.monotonic()
    with pytest.raises(PortGone, match="GPIO 17: the simulator is gone"):
        output.write(True)
    assert time.monotonic() - began < 0.25  # at once, not after the time an answer may take
    with served_board(village, {17: 1}) as again:
        assert output.read() is None
        output.write(True)
        assert (output.read(), again.driven_level(17)) == (True, 0)
    assert [e["claim"] for e in log_of(village) if "error" not in e] == [True, True]


def test_a_simulator_that_does_not_answer_is_an_error_within_bounds(village: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(village / "pins.sock"))
        began = time.monotonic()
        with pytest.raises(PortGone, match=r"did not answer within 0\.5 s"):
            GpioOutput(17, active_low=True).write(True)
        assert 0.4 < time.monotonic() - began < 2


def test_a_late_answer_is_not_taken_for_the_next_one(village: Path) -> None:
    output = GpioOutput(17, active_low=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as slow:
        slow.bind(str(village / "pins.sock"))
        with pytest.raises(PortGone):
            output.write(True)
        _, address = slow.recvfrom(4096)

        def answer() -> None:
            slow.recvfrom(4096)
            for late in ({"seq": 1, "error": "busy", "holder": 1}, {"seq": 2}):
                slow.sendto(json.dumps(late).encode(), address)

        thread = threading.Thread(target=answer)
        thread.start()
        output.write(True)
        thread.join(5)


def test_without_a_simulator_the_error_names_the_command(monkeypatch: pytest.MonkeyPatch, village: Path) -> None:
    monkeypatch.setenv("VILLAGE_SIM", str(village / "nowhere"))
    with pytest.raises(PortGone, match="start `village-sim --run"):
        GpioOutput(17, active_low=True).write(True)
    forget_lgpio()
    monkeypatch.delenv("VILLAGE_SIM")
    with pytest.raises(DriverError, match="VILLAGE_SIM is not set"):
        GpioOutput(17, active_low=True).write(True)


@pytest.mark.parametrize("rubbish", [b"", b"{", b"[]", b'{"pin": 1}', b'{"pin": 17, "level": 2, "pid": 1, "seq": 1}'])
def test_rubbish_moves_nothing_and_does_not_end_the_server(village: Path, rubbish: bytes) -> None:
    with served_board(village, {17: 1}) as served:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
            client.sendto(rubbish, str(village / "pins.sock"))
        output = GpioOutput(17, active_low=True)
        output.write(True)
        assert served.driven_level(17) == 0


def test_the_addresses_of_dead_processes_are_swept_and_those_of_the_living_stay(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    for pid in (dead.pid, os.getpid()):
        (tmp_path / f"client-{pid}-0.sock").touch()
    with served_board(tmp_path):
        assert [path.name for path in tmp_path.glob("client-*")] == [f"client-{os.getpid()}-0.sock"]


def test_a_directory_too_long_for_sockets_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"too long for sockets.*83 are possible; use a shorter one, such as"):
        PinServer(tmp_path / ("x" * 100), Board({}), SystemClock())


def edges(served: ServedBoard, levels: list[int]) -> None:
    for level in levels:
        served.set_input(6, level)


def test_gpiozeros_inputs_see_the_worlds_edges(village: Path) -> None:
    from gpiozero import DigitalInputDevice

    seen: list[str] = []
    with served_board(village, {6: 1}) as served, DigitalInputDevice(6, pull_up=True) as contact:
        contact.when_activated = lambda: seen.append("closed")
        contact.when_deactivated = lambda: seen.append("opened")
        assert contact.value == 0
        edges(served, [0, 1, 0])
        until(lambda: seen == ["closed", "opened", "closed"], what="the edges")
        assert contact.value == 1


def test_an_edge_during_the_simulators_absence_is_late_and_not_missed(village: Path) -> None:
    from gpiozero import DigitalInputDevice

    with served_board(village, {6: 1}):
        contact = DigitalInputDevice(6, pull_up=True)
        assert contact.value == 0
    with served_board(village, {6: 0}), contact:
        assert contact.wait_for_active(timeout=5)
