"""The command `village-sim` as a process: what it puts into its directory, refuses, and takes away."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fault_scene import TWO_LIGHTS
from gpio_lines import forget_lgpio
from support import until

from drivers.gpio import GpioOutput
from drivers.registers import catalogue, load_model
from edge.shell.clock import ManualClock
from edge.shell.site_file import parse_site
from simulator.live import Occupied, occupy
from simulator.village import Village

ROOT = Path(__file__).parent.parent.parent
PUMP = "  pump: {name: Pump, model: pzem016, port: rs485, address: 3}\n"
CONFIG = TWO_LIGHTS.replace("lights:\n", f"{PUMP}lights:\n")


def village(clock: ManualClock, seed: int = 1) -> Village:
    return Village(parse_site(CONFIG, "test.yaml", catalogue()), catalogue(), clock, seed)


def command(config: Path, run: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "simulator", "--config", str(config), "--run", str(run), *options]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "test.yaml"
    path.write_text(CONFIG)
    return path


@contextmanager
def running(config: Path, run: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        command(config, run, *options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        try:
            until(lambda: (run / "ready").exists() or process.poll() is not None, 20, "the simulator to be ready")
            yield process
        finally:
            process.kill()


def test_lines_in_one_process_move_loads_and_meters_without_any_socket() -> None:
    clock = ManualClock(1_795_258_000.0)
    v = village(clock)
    before = v.world.quantities("cabinet", clock.mono())["energy_kwh"]
    assert [v.board.level(pin) for pin in (17, 27, 23)] == [1, 1, 0]
    for pin, level in ((17, 0), (27, 1), (23, 1)):
        v.board.claim(pin, level, 1)
    clock.advance(3600)
    shown = v.world.quantities("cabinet", clock.mono())
    assert (shown["power_w"], v.world.quantities("hall", clock.mono())["power_w"]) == (480, 180)
    assert shown["energy_kwh"] - before == pytest.approx(0.48)


def test_the_slaves_of_a_port_show_what_their_model_has() -> None:
    clock = ManualClock(1_795_258_000.0)
    v = village(clock)
    v.board.claim(23, 1, 1)
    hall = {slave.address: slave for slave in v.slaves("rs485")}[2]
    assert set(hall.values()) == set(load_model("sdm120").quantities)
    assert hall.values()["power_w"] == 180
    assert (v.slaves("spare"), v.silent()) == ([], [])


def test_the_same_seed_is_the_same_village() -> None:
    shown = [village(ManualClock(0.0), seed).world.quantities("cabinet", 2000.0) for seed in (1, 1, 2)]
    assert shown[0] == shown[1] != shown[2]


@pytest.mark.slow
def test_it_serves_lines_and_ports_and_takes_them_away(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "village")
    monkeypatch.setenv("VILLAGE_SIM", str(run))
    forget_lgpio()
    with running(config, run) as process:
        GpioOutput(17, active_low=True).write(True)
        assert (run / "ports" / "rs485").resolve().is_char_device()
        assert (run / "ports" / "spare").resolve().is_char_device()
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=10)
    forget_lgpio()
    assert (process.returncode, err) == (0, "")
    assert out.splitlines() == [
        f"ready: pins {run}/pins.sock, ports rs485 -> {run}/ports/rs485, spare -> {run}/ports/spare",
    ]
    assert sorted(path.relative_to(run).as_posix() for path in run.rglob("*")) == ["lock", "pins.log", "ports"]
    assert json.loads((run / "pins.log").read_text())["pid"] == os.getpid()


@pytest.mark.slow
def test_a_second_simulator_is_refused_and_one_after_a_kill_is_not(config: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with running(config, run, "--quiet") as first:
        second = subprocess.run(command(config, run), capture_output=True, text=True, cwd=ROOT, timeout=30, check=False)
        assert second.returncode == 1
        assert f"another village-sim runs in {run}: stop it, or give --run another directory" in second.stderr
        first.kill()
        assert first.communicate() == ("", "")
    (run / "ready").unlink()
    with running(config, run, "--quiet", "--lines", "release") as third:
        assert third.poll() is None
        third.send_signal(signal.SIGINT)
        assert third.communicate(timeout=10) == ("", "")
    assert third.returncode == 0


def test_a_directory_is_free_again_when_its_simulator_has_ended(tmp_path: Path) -> None:
    for _ in range(2):
        with occupy(tmp_path / "new" / "run"), pytest.raises(Occupied), occupy(tmp_path / "new" / "run"):
            pass


@pytest.mark.slow
def test_what_will_not_do_is_said_in_words(config: Path, tmp_path: Path) -> None:
    config_bad = tmp_path / "bad.yaml"
    config_bad.write_text("site: {}\n")
    for arguments, code, words in (
        (command(config_bad, tmp_path / "run"), 2, "bad.yaml:1:"),
        (command(tmp_path / "none.yaml", tmp_path / "run"), 2, "none.yaml"),
        (command(config, tmp_path / ("x" * 90)), 1, "too long for sockets"),
    ):
        done = subprocess.run(arguments, capture_output=True, text=True, cwd=ROOT, timeout=30, check=False)
        assert (done.returncode, words in done.stderr, "Traceback" in done.stderr) == (code, True, False), done.stderr
