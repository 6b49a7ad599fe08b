"""A controller whose driver kills it at each start, under a supervisor as systemd is one, over a real broker."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from e2e_house import ROOT, House, Listener
from support import Mosquitto, until
from systemd_end import AttentiveSystemd

from edge.shell import safe_file
from edge.shell.app import catalogue
from edge.shell.clock import SystemClock
from edge.shell.site_file import load
from edge.shell.starts import FILE

pytestmark = pytest.mark.slow
ALARM = f"{ROOT}/alarm/safe-mode:site:nguyen-ly"
MAIN_ROAD_A, CULTURE_HOUSE, PUMP = 17, 23, 24
LOW = 0  # every relay of the village is active low
# What a broken adapter's library does to whoever loads it; and a line whose driver never returns.
BAD = """
import os, resource, threading
from pathlib import Path
here = Path(__file__).parent
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
from drivers import gpio, modbus_reader
def abort(*_):
    os.abort()
if (here / "abort").exists():
    modbus_reader.ModbusReader.__init__ = abort
write = gpio.GpioOutput.write
def hanging(self, on):
    if (here / f"hang-{self._number}").exists():
        threading.Event().wait()
    write(self, on)
gpio.GpioOutput.write = hanging
"""


class Supervisor:
    """Starts the controller again after each end, and runs `safe` after it, in the environment that systemd gives."""

    def __init__(self, house: House, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._house = house
        self.runtime = folder / "runtime"
        self.bad = folder / "bad"
        self.bad.mkdir()
        (self.bad / "sitecustomize.py").write_text(BAD)
        monkeypatch.setenv("RUNTIME_DIRECTORY", str(self.runtime))
        monkeypatch.setenv("PYTHONPATH", f"{self.bad}:{Path(__file__).parents[2]}")

    def start(self) -> None:
        self._house.start()

    def ended(self) -> int:
        """Wait for the controller to end by itself, and see to what comes after it; its exit status."""
        status = self._house.daemon.wait(30)
        self.after(status)
        return status

    def kill(self, how: int) -> int:
        status = self._house.kill("daemon", how)
        self.after(status)
        return status

    def after(self, status: int) -> None:
        result = "success" if status == 0 else "exit-code" if status > 0 else "core-dump"
        code, told = ("exited", str(status)) if status >= 0 else ("dumped", signal.Signals(-status).name.removeprefix("SIG"))
        subprocess.run(
            [sys.executable, "-m", "edge", "safe", "--state", str(self._house.state), "--sim", str(self._house.sim)],
            env=os.environ | {"SERVICE_RESULT": result, "EXIT_CODE": code, "EXIT_STATUS": told}, check=True, capture_output=True,
        )

    def crash(self, times: int) -> list[int]:
        found = []
        for _ in range(times):
            self.start()
            found.append(self.ended())
        return found

    def start_and_hear(self, listener: Listener) -> None:
        """Start it, and wait until it says that it is online."""
        since = len(listener.messages)
        self.start()
        online_since = (f"{ROOT}/status", b"online")
        until(lambda: any((t, p) == online_since for t, p, _ in listener.messages[since:]), 30, "online")

    def let_the_pause_end(self, listener: Listener) -> None:
        """Kill safe mode, have its pause end in a moment, and wait for its end."""
        assert self.kill(signal.SIGKILL) == -signal.SIGKILL
        counted = self.counted()
        counted["safe"]["until"] = SystemClock().mono() + 2.0  # type: ignore[index]
        (self.runtime / FILE).write_text(json.dumps(counted))
        self.start_and_hear(listener)
        assert self.ended() == 0, "to be started as it is normally"

    def counted(self) -> dict[str, object]:
        return json.loads((self.runtime / FILE).read_text())


def make_it(house: House, hour: int) -> None:
    """Have the village believe that it is this hour, here."""
    now = dt.datetime.now(ZoneInfo("Asia/Ho_Chi_Minh"))
    (house.sim / "clock-offset").write_text(str((now.replace(hour=hour, minute=0, second=0) - now).total_seconds()))


def levels(house: House) -> dict[int, int]:
    return {m["pin"]: m["level"] for m in house.pins()}


def online(listener: Listener) -> bool:
    return listener.last.get(f"{ROOT}/status") == b"online"


def test_a_driver_that_kills_the_controller_brings_safe_mode_which_answers(
    house: House, folder: Path, mosquitto: Mosquitto, listen: Callable[[], Listener], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_it(house, 22)
    supervisor = Supervisor(house, folder, monkeypatch)
    listener = listen()

    supervisor.start_and_hear(listener)
    listener.ask_at("light/culture-house/lockout/tech", {"locked": True, "note": "thay bóng"}, "light/culture-house")
    assert supervisor.kill(signal.SIGTERM) == 0
    assert not (supervisor.runtime / FILE).exists(), "a clean stop counts as nothing"

    (supervisor.bad / "abort").touch()
    seeded(supervisor, 3, "signal ABRT")
    assert supervisor.crash(2) == [-signal.SIGABRT] * 2
    supervisor.start()
    until(lambda: online(listener) and listener.last.get(ALARM), 30, "safe mode")
    alarm = json.loads(listener.last[ALARM])
    assert (alarm["state"], alarm["severity"], alarm["data"]["ended"]) == ("raised", "critical", ["signal ABRT"] * 5)
    assert "5 × killed by signal ABRT" in alarm["text"]["en"]
    assert "5 × bị tín hiệu ABRT ngắt" in alarm["text"]["vi"]

    until(lambda: levels(house).get(MAIN_ROAD_A) == LOW, 10, "the street to be lit")
    until(lambda: listener.state("culture-house").get("reason") == "safety", 5, "the locked light to be told of")
    assert levels(house).get(CULTURE_HOUSE) != LOW, "somebody works on it"
    until(lambda: listener.json("pump/pump-1/state").get("observed") == "OFF", 5, "the pump to be read back")
    assert levels(house)[PUMP] != LOW

    refused = listener.ask("ON")
    assert (refused["outcome"], refused["error"]["code"]) == ("rejected", "safe-mode")
    assert listener.ask("OPEN", "valve/plot-1")["error"]["code"] == "safe-mode"
    assert listener.ask("CLOSE", "valve/plot-1")["outcome"] == "done"
    done = listener.ask("OFF")
    assert (done["outcome"], done["state"]) == ("done", "OFF")
    assert levels(house)[MAIN_ROAD_A] != LOW
    assert listener.state()["observed"] == "OFF"

    # Safe mode dies as well: it is safe mode again, and then gives normal operation its try.
    supervisor.let_the_pause_end(listener)
    assert supervisor.crash(1) == [-signal.SIGABRT], "normal operation was tried"

    # And is back at the first bad end, for longer; a line whose driver hangs keeps it from nothing else.
    (supervisor.bad / "hang-4").touch()
    since = len(listener.messages)
    supervisor.start()
    until(lambda: any(t == ALARM and p for t, p, _ in listener.messages[since:]), 30, "safe mode once more")
    assert json.loads(listener.last[ALARM])["data"]["minutes"] == 60
    assert listener.ask("ON")["error"]["code"] == "safe-mode"
    assert listener.json("valve/plot-3/state")["observed"] == "unknown", "its line is 4"

    # It gets well by itself: normal operation is back, and people hear of what was.
    (supervisor.bad / "hang-4").unlink()
    (supervisor.bad / "abort").unlink()
    supervisor.let_the_pause_end(listener)
    supervisor.start_and_hear(listener)
    assert json.loads(listener.last[ALARM])["state"] == "cleared"
    assert listener.state()["reason"] != "safety"
    assert listener.ask("ON", "light/lanes")["outcome"] in ("done", "accepted")


def test_a_configuration_that_cannot_be_read_is_a_bad_end_and_safe_mode_answers_from_before(
    house: House, folder: Path, mosquitto: Mosquitto, listen: Callable[[], Listener], systemd: AttentiveSystemd,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    supervisor = Supervisor(house, folder, monkeypatch)
    listener = listen()
    secret = house.config.parent / "secrets" / "controller"
    secret.parent.mkdir()
    secret.write_text("kept-to-itself\n")
    good = house.config.read_text("utf-8")
    house.config.write_text("site: [\n", "utf-8")
    seeded(supervisor, 5)
    supervisor.start()
    assert house.daemon.wait(30) == 2, "nothing to go by: what is wrong is said, again and again"
    assert "safe mode has nothing to go by" in house.log.read_text()
    (supervisor.runtime / FILE).unlink()
    house.config.write_text(good, "utf-8")
    supervisor.start_and_hear(listener)
    supervisor.kill(signal.SIGTERM)
    (house.state / "site.yaml").unlink()  # the last good one
    house.config.write_text("site: [\n", "utf-8")
    seeded(supervisor, 4)
    assert supervisor.crash(1) == [2]
    supervisor.start()
    until(lambda: listener.last.get(ALARM), 30, "safe mode")
    told = json.loads(listener.last[ALARM])["data"]
    assert told["ended"] == ["exit 2"] * 5
    assert "site.yaml:" in told["error"]
    until(lambda: len(systemd.times("WATCHDOG=1")) > 2, 10, "signs of life")
    assert any(said.startswith("STATUS=safe mode: ") for _, said in systemd.messages)
    assert "kept-to-itself" not in (house.state / "safe.json").read_text() + house.log.read_text()
    ids = set(re.findall(r"as (village-edge-nguyen-ly-[0-9a-f]{16}) ", mosquitto.log.read_text()))
    assert len(ids) == 1, "to the broker it is the same as in normal operation"

    # Somebody mends it, and has it started again: nothing of all that is left.
    house.config.write_text(good, "utf-8")
    assert supervisor.kill(signal.SIGTERM) == 0
    assert not (supervisor.runtime / FILE).exists()
    supervisor.start_and_hear(listener)
    assert listener.last[ALARM] == b""


def test_a_safe_file_of_an_older_version_names_no_broker_and_keeps_the_street_lit(
    house: House, folder: Path, systemd: AttentiveSystemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor = Supervisor(house, folder, monkeypatch)
    entries = safe_file.safe_entries(load(house.config, catalogue()))
    new = ("watts", "group", "restrike")
    old = [{key: value for key, value in entry.items() if key not in new} for entry in entries]
    house.state.mkdir()
    (house.state / safe_file.FILE).write_text(json.dumps({"version": 2, "outputs": old}))
    seeded(supervisor, 5)
    supervisor.start()
    until(lambda: levels(house).get(MAIN_ROAD_A) == LOW, 30, "the street to be lit: nobody knows where the sun stands")
    until(lambda: systemd.times("WATCHDOG=1"), 10, "a sign of life")
    assert levels(house)[PUMP] != LOW
    assert "answers nobody" in house.log.read_text()
    assert supervisor.kill(signal.SIGTERM) == 0


def seeded(supervisor: Supervisor, times: int, ended: str = "exit 2") -> None:
    """As after so many starts that ended so."""
    now = SystemClock().now()
    starts = [{"at": now.mono, "ended": ended, "error": None}] * times
    supervisor.runtime.mkdir(exist_ok=True)
    (supervisor.runtime / FILE).write_text(json.dumps({"boot": now.boot, "starts": starts, "tries": 0, "safe": None}))
