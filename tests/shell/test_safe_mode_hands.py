"""The processes that drive lines for safe mode: what a driver does in one of them costs one output."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
from gpio_lines import served_board
from support import until

from edge.shell import safe_file
from edge.shell.app import catalogue
from edge.shell.clock import ManualClock, SystemClock
from edge.shell.safe_mode_hands import FIRST_AGAIN_S, Child, Driven, Hands, Locked, Lost, Patience, Want
from edge.shell.site_file import load

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
ENTRIES = safe_file.safe_entries(load(ROOT / "config" / "nguyen-ly.yaml", catalogue()))
HANG = """
import os, sys, threading
from pathlib import Path
from drivers import gpio
write = gpio.GpioOutput.write
def bad(self, on):
    if self._number == int(os.environ["BAD_LINE"]):
        if os.environ["BAD_HOW"] == "hang": threading.Event().wait()
        if os.environ["BAD_HOW"] == "abort": os.kill(os.getpid(), 11)
        raise RuntimeError("the library is broken")
    write(self, on)
gpio.GpioOutput.write = bad
"""


def orders(folder: Path, how: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Hands, list[Driven | Locked]]:
    """Hands on real processes, for three lines of which one is bad."""
    (folder / "sitecustomize.py").write_text(HANG)
    for name, value in {"PYTHONPATH": f"{folder}:{ROOT}", "BAD_LINE": "25", "BAD_HOW": how}.items():
        monkeypatch.setenv(name, value)
    entries = [e for e in ENTRIES if e["output"] in ("pump/pump-1", "valve/plot-1", "light/main-road/a")]
    safe_file.save(folder / safe_file.FILE, entries)
    command = [sys.executable, "-m", "edge", "safe", "--orders", "--state", str(folder), "--sim", str(folder)]
    told: list[Driven | Locked] = []
    hands = Hands(
        {e["output"]: e["output"] for e in entries}, lambda: Child(command), told.append, SystemClock().mono, Patience(20.0, 2.0)
    )
    return hands, told


@pytest.mark.parametrize(("how", "said"), [
    ("hang", "has not answered for 2 s"), ("abort", "was killed by signal 11"), ("raise", "RuntimeError: the library is broken"),
])  # fmt: skip
def test_a_driver_that_hangs_or_crashes_costs_its_own_output_only(
    tmp_path: Path, how: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hands, told = orders(tmp_path, how, monkeypatch)
    with served_board(tmp_path, {24: 0, 25: 0}) as served:
        for name, on in (("pump/pump-1", False), ("valve/plot-1", False), ("light/main-road/a", True)):
            hands.inbox.put(Want(name, on))
        clock = SystemClock()
        until(lambda: hands.step(clock.now()) and sum(isinstance(each, Driven) for each in told) >= 3, 20, "three answers")
        hands.step(clock.now())
        levels = {pin: served.driven_level(pin) for pin in (17, 24, 25)}
        hands.end()
    of = {each.output: each for each in told if isinstance(each, Driven)}
    assert levels == {17: 0, 24: 1, 25: None}
    assert (of["pump/pump-1"].on, of["light/main-road/a"].on, of["valve/plot-1"].on) == (False, True, None)
    assert said in str(of["valve/plot-1"].error)


def test_the_process_switches_nothing_on_that_is_harmful_and_ends_with_its_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = [e for e in ENTRIES if e["output"] in ("pump/pump-1", "light/main-road/a")]
    safe_file.save(tmp_path / safe_file.FILE, entries)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with served_board(tmp_path, {24: 1}) as served:
        child = Child([sys.executable, "-m", "edge", "safe", "--orders", "--state", str(tmp_path), "--sim", str(tmp_path)])
        assert child.hello(20.0) == {"locked": None}
        child._process.send_signal(signal.SIGTERM)  # as systemd tells every process of the unit
        assert child.ask({"output": "pump/pump-1", "on": True}, 5.0)["on"] is None
        assert child.ask({"output": "light/main-road/a", "on": True}, 5.0) == {"output": "light/main-road/a", "on": True, "error": None}
        assert "KeyError" in child.ask({"output": "light/nowhere/a", "on": True}, 5.0)["error"]
        assert served.driven_level(24) in (None, 1)
        child.end()
        assert child._process.returncode == 0
        with pytest.raises(Lost):
            child.ask({"output": "light/main-road/a", "on": False}, 5.0)


def test_a_command_that_is_not_there_is_lost_like_any_other() -> None:
    with pytest.raises(Lost, match=r"cannot be started|ended with status"):
        Child([f"/nowhere/{os.getpid()}"]).hello(5.0)


def test_lights_alone_are_lit_although_nothing_was_to_be_switched_off_and_no_process_starts_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    safe_file.save(tmp_path / safe_file.FILE, [e for e in ENTRIES if e["output"] == "light/main-road/a"])
    commands = [["/nowhere/at-all"], [sys.executable, "-m", "edge", "safe", "--orders", "--state", str(tmp_path), "--sim", str(tmp_path)]]
    told: list[Driven | Locked] = []
    clock = ManualClock(0.0)
    hands = Hands({"light/main-road/a": "light/main-road/a"}, lambda: Child(commands.pop(0)), told.append, clock.mono)
    again = hands.step(clock.now())
    assert (told, again) == ([], clock.mono() + FIRST_AGAIN_S)
    clock.advance(FIRST_AGAIN_S)
    hands.step(clock.now())
    hands.end()
    assert told == [Locked(None)]
