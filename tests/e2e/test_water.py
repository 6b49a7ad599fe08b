"""Valves and their pump on the live village: in which order they move, and that nothing stays open whoever dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from e2e_house import CONFIG, House, Listener
from support import Mosquitto, until
from systemd_end import AttentiveSystemd

from simulator.control import ask

pytestmark = pytest.mark.slow
PUMP, PLOT_1, PLOT_3 = 24, 25, 4  # lines; each is on while it is low
LEAD_S, LAG_S, LEASE_S, CHECKPOINT_S = 2.0, 1.0, 15.0, 15.0
ARRIVAL_S = 0.05  # the village notes when a change reached it, and one may be longer on its way than the next
HUNG = Path(__file__).parents[1] / "hung_daemon.py"


@pytest.fixture
def config(folder: Path) -> Path:
    """Plot 2's valve is on the relay board, and the pump waits and rests for no longer than a test likes to."""
    text = CONFIG.read_text("utf-8").replace("{gpio: 12, active: low}", "{board: cabinet-board, coil: 2}")
    text = text.replace("lead: 5s, lag: 3s", "lead: 2s, lag: 1s").replace("rest: 60s", "rest: 2s")
    made = folder / "fields.yaml"
    made.write_text(text, "utf-8")
    return made


def moves(house: House, *pins: int) -> list[tuple[float, int, bool]]:
    """What these lines did: when (s), which, on or off."""
    return [(m["mono"], m["pin"], m["level"] == 0) for m in house.pins() if m["pin"] in pins and m["changed"]]


def is_on(house: House, pin: int) -> bool:
    return [False, *(on for _, which, on in moves(house, pin))][-1]


def coil(house: House, name: str) -> bool:
    log = house.sim / "coils.log"
    entries = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    return [False, *(entry["on"] for entry in entries if entry["coil"] == name)][-1]


def valve(ear: Listener, name: str) -> dict[str, Any]:
    return ear.json(f"valve/{name}/state")


def test_the_valve_first_then_the_pump_and_the_other_way_round(house: House, ear: Listener) -> None:
    until(lambda: valve(ear, "plot-1").get("observed") == "CLOSED", 5, "the first state")
    assert ear.json("pump/pump-1/state")["observed"] == "OFF"
    assert ear.ask("ON", to="pump/pump-1")["error"]["code"] == "interlock"
    assert ear.ask({"action": "open", "for_s": 600}, to="valve/plot-1")["outcome"] == "done"
    state = valve(ear, "plot-1")
    assert (state["state"], state["observed"], state["reason"], state["by"]) == ("OPEN", "OPEN", "override", "head")
    until(lambda: ear.json("pump/pump-1/state")["observed"] == "ON", 8, "the pump")
    until(lambda: (valve(ear, "plot-1").get("run") or {}).get("litres", 0) or 0 > 0.5, 20, "water that is counted")
    assert ear.ask("CLOSE", to="valve/plot-1")["outcome"] in ("done", "accepted")
    until(lambda: valve(ear, "plot-1")["observed"] == "CLOSED", 6, "the valve to be closed")
    opened, started, stopped, closed = (at for at, _, _ in moves(house, PUMP, PLOT_1))
    assert [(pin, on) for _, pin, on in moves(house, PUMP, PLOT_1)] == [(PLOT_1, True), (PUMP, True), (PUMP, False), (PLOT_1, False)]
    assert LEAD_S - ARRIVAL_S <= started - opened < LEAD_S + 1
    assert LAG_S - ARRIVAL_S <= closed - stopped < LAG_S + 1


def safe(house: House) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edge", "safe", "--state", str(house.state), "--sim", str(house.sim)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def open_both(house: House, ear: Listener) -> None:
    """Plot 1 on a line, plot 2 on the board, and the pump."""
    for plot in ("plot-1", "plot-2"):
        assert ear.ask({"action": "open", "for_s": 600}, to=f"valve/{plot}")["outcome"] in ("done", "accepted")
    until(lambda: is_on(house, PLOT_1) and coil(house, "cabinet-board/2") and is_on(house, PUMP), 12, "all to be on")


def test_killed_with_valves_open_safe_closes_them_the_pump_first(house: House, ear: Listener) -> None:
    open_both(house, ear)
    house.kill(how=signal.SIGKILL)
    assert is_on(house, PLOT_1)
    done = safe(house)
    assert (done.returncode, done.stderr) == (0, "")
    assert not is_on(house, PLOT_1)
    assert not coil(house, "cabinet-board/2")
    assert [(pin, on) for _, pin, on in moves(house, PUMP, PLOT_1)][-2:] == [(PUMP, False), (PLOT_1, False)]


def test_stopped_in_its_tracks_the_board_closes_by_itself(house: House, ear: Listener) -> None:
    open_both(house, ear)
    house.daemon.send_signal(signal.SIGSTOP)
    since = time.monotonic()
    try:
        until(lambda: not coil(house, "cabinet-board/2"), LEASE_S + 2, "the board's own timer")
        assert time.monotonic() - since <= LEASE_S + 1
    finally:
        house.daemon.send_signal(signal.SIGCONT)
    # What hung for so long is judged anew when it goes on: never the pump without a valve.
    until(lambda: valve(ear, "plot-1")["observed"] in ("OPEN", "CLOSED"), 10, "to be known again")


@pytest.fixture
def hang(folder: Path, house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """A daemon whose core can be hung; it goes on at the end, or it could not be stopped."""
    file = folder / "hang"
    monkeypatch.setenv("HANG", str(file))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    start = house._start

    def started(name: str, arguments: list[str]) -> None:
        start(name, [str(HUNG), *arguments[2:]] if name == "daemon" else arguments)

    monkeypatch.setattr(house, "_start", started)
    yield file.touch
    file.unlink(missing_ok=True)


def test_a_core_that_hangs_leaves_nothing_open_and_gives_no_sign_of_life(
    house: House, hang: Callable[[], None], systemd: AttentiveSystemd, listen: Callable[[], Listener]
) -> None:
    house.start()
    ear = listen()
    until(lambda: valve(ear, "plot-1").get("observed") == "CLOSED", 10, "the first state")
    open_both(house, ear)
    hang()
    since, told = time.monotonic(), len(systemd.messages)
    until(lambda: not any((is_on(house, PLOT_1), is_on(house, PUMP), coil(house, "cabinet-board/2"))), LEASE_S + 2, "all to be off")
    assert time.monotonic() - since <= LEASE_S
    order = [(pin, on) for _, pin, on in moves(house, PUMP, PLOT_1)]
    assert order[-2:] == [(PUMP, False), (PLOT_1, False)]
    assert len(systemd.messages) <= told + 1  # what was on its way when the core hung


def test_a_run_that_was_cut_is_finished_not_begun_again(house: House, ear: Listener) -> None:
    assert ear.ask({"action": "open", "for_s": 22}, to="valve/plot-3")["outcome"] == "done"
    until(lambda: is_on(house, PUMP), 8, "the pump")
    until(lambda: (valve(ear, "plot-3").get("run") or {}).get("done_s", 0) >= CHECKPOINT_S, 20, "a checkpoint")
    house.kill(how=signal.SIGKILL)
    assert safe(house).returncode == 0
    house.start()
    until(lambda: is_on(house, PLOT_3), 15, "the valve to be open again")
    until(lambda: not is_on(house, PLOT_3), 30, "the end of the run")
    watered = on_s(house, PLOT_3)
    assert 22 - 1 <= watered <= 22 + CHECKPOINT_S + 2 * LAG_S + 1


def on_s(house: House, pin: int) -> float:
    """For how long the line was on in all."""
    times = moves(house, pin)
    return sum(end[0] - begin[0] for begin, end in zip(times[::2], times[1::2], strict=True))


def test_stopped_in_good_order_it_leaves_nothing_on(house: House, ear: Listener) -> None:
    open_both(house, ear)
    assert house.kill(how=signal.SIGTERM) == 0
    assert not any((is_on(house, PUMP), is_on(house, PLOT_1), coil(house, "cabinet-board/2")))
    assert [(pin, on) for _, pin, on in moves(house, PUMP, PLOT_1)][-2:] == [(PUMP, False), (PLOT_1, False)]


def test_the_run_goes_on_and_ends_though_the_broker_is_killed(house: House, ear: Listener, mosquitto: Mosquitto) -> None:
    assert ear.ask({"action": "open", "for_s": 12}, to="valve/plot-1")["outcome"] == "done"
    until(lambda: is_on(house, PUMP), 8, "the pump")
    mosquitto.kill()
    until(lambda: not is_on(house, PLOT_1), 15, "the end of the run")
    assert on_s(house, PLOT_1) == pytest.approx(12 + LAG_S, abs=0.7)
    mosquitto.start()
    until(lambda: valve(ear, "plot-1").get("observed") == "CLOSED", 15, "the state to be told to the new broker")
    assert house.alive()


def test_on_a_full_card_what_is_open_closes_and_nothing_opens(house: House, ear: Listener) -> None:
    assert ear.ask({"action": "open", "for_s": 600}, to="valve/plot-1")["outcome"] == "done"
    until(lambda: is_on(house, PUMP), 8, "the pump")
    key = ask(house.sim, {"fault": "card-full"})["id"]
    held = ear.ask({"action": "open", "for_s": 600}, to="valve/plot-3")
    assert held["outcome"] in ("accepted", "rejected", "failed")
    since = time.monotonic()
    ear.say("valve/plot-1/set/head", "CLOSE")
    until(lambda: not is_on(house, PUMP), 2, "the pump to stop")
    until(lambda: not is_on(house, PLOT_1), LAG_S + 2, "the valve to close")
    assert time.monotonic() - since <= 2 + LAG_S + 1
    with pytest.raises(AssertionError, match="in vain"):
        until(lambda: is_on(house, PLOT_3) or is_on(house, PUMP), 8, "what must not open")
    ask(house.sim, {"clear": key})
    until(lambda: is_on(house, PLOT_3), 20, "the other plot, once the card can be written")
