"""Faults put on a running village-sim, and what the real daemon makes of them."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from e2e_house import ROOT, House, Listener, asked_often
from support import until

from simulator.cli import main
from simulator.control import ask
from simulator.fault_kinds import KINDS
from simulator.faults import FaultError

pytestmark = pytest.mark.slow
CABINET, HALL = "meter/cabinet-1", "meter/culture-house"


@pytest.fixture
def config(folder: Path) -> Path:
    return asked_often(folder)


def put(house: House, name: str, on: str | None = None, **more: Any) -> str:
    """Inject a fault over the control socket; its id."""
    return str(ask(house.sim, {"fault": name, **({"on": on} if on else {}), **more})["id"])


def reading(ear: Listener, meter: str = CABINET) -> dict[str, Any]:
    return ear.json(f"{meter}/reading")


def power(ear: Listener, meter: str = CABINET) -> float | None:
    return reading(ear, meter).get("values", {}).get("power_w")


def fresh(ear: Listener, meter: str, deadline_s: float = 15) -> dict[str, Any]:
    """The next reading of a meter."""
    before = reading(ear, meter).get("at")
    until(lambda: reading(ear, meter).get("at") not in (None, before), deadline_s, f"another reading of {meter}")
    return reading(ear, meter)


def test_a_pulled_adapter_is_read_again_within_10_s_of_its_return(house: House, ear: Listener) -> None:
    fresh(ear, CABINET)
    fresh(ear, HALL)
    before = str((house.sim / "ports" / "rs485").resolve())
    assert before in opened(house)
    key = put(house, "adapter-gone", "port/rs485")
    assert not (house.sim / "ports" / "rs485").is_symlink()
    until(lambda: not any(name.startswith("/dev/pts/") for name in opened(house)), 10, "the daemon to let go of it")
    ask(house.sim, {"clear": key})
    for meter in (CABINET, HALL):
        assert fresh(ear, meter, 10)["quality"] == "good"


def test_a_dead_meter_leaves_the_others_read(house: House, ear: Listener) -> None:
    fresh(ear, CABINET)
    fresh(ear, HALL)
    put(house, "slave-dead", CABINET)
    dead = reading(ear, CABINET)["at"]
    for _ in range(2):
        fresh(ear, HALL, 13)
    assert reading(ear, CABINET)["at"] == dead
    ask(house.sim, {"clear": "all"})
    fresh(ear, CABINET, 60)


def test_a_meter_that_is_reset_begins_a_new_life(house: House, ear: Listener) -> None:
    before = fresh(ear, CABINET)
    assert (before["life"], before["values"]["energy_kwh"] > 1) == (1, True)
    assert ask(house.sim, {"fault": "meter-reset", "on": CABINET})["id"] is None
    until(lambda: reading(ear)["life"] == 2, 25, "the second life")
    assert reading(ear)["values"]["energy_kwh"] < 1
    energies = [(r["life"], r["values"]["energy_kwh"]) for r in heard(ear, CABINET)]
    assert energies == sorted(energies)


def opened(house: House) -> list[str]:
    """What the daemon has open, by name."""
    names = []
    for entry in Path(f"/proc/{house._processes['daemon'].pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            names.append(str(entry.readlink()))
    return names


def heard(ear: Listener, meter: str) -> list[dict[str, Any]]:
    """Every reading of a meter that was published, in order."""
    return [json.loads(p) for t, p, _ in ear.messages if t == f"{ROOT}/{meter}/reading"]


def test_noise_costs_readings_and_never_makes_a_wrong_one(house: House, ear: Listener) -> None:
    ear.ask("33")
    until(lambda: power(ear) == 480, 15, "the circuit on the meter")
    put(house, "slave-noisy", "port/rs485", share=0.15)
    before = len(heard(ear, HALL)) + len(heard(ear, CABINET))
    until(lambda: len(heard(ear, HALL)) + len(heard(ear, CABINET)) >= before + 3, 100, "readings through the noise")
    ask(house.sim, {"clear": "all"})
    assert {r["values"]["power_w"] for r in heard(ear, CABINET)} <= {0, 480}
    for r in heard(ear, CABINET) + heard(ear, HALL):
        volts = r["values"].get("voltage_v", r["values"].get("voltage_l1_v"))
        assert 225 < volts < 235
        assert (r["quality"], r["life"]) == ("good", 1)


def test_a_welded_relay_is_off_by_its_line_and_burns_by_its_meter(house: House, ear: Listener) -> None:
    key = put(house, "relay-welded", "light/main-road/b")
    until(lambda: power(ear) == 480, 15, "the meter to show the welded circuit")
    until(lambda: ear.state()["observed"] == "partial", 15, "the contactor's feedback to be believed")
    state = ear.state()
    assert (state["state"], state["observed_level"]) == ("OFF", 33)
    assert house.lit() == ""
    ask(house.sim, {"clear": key})
    until(lambda: power(ear) == 0, 15, "the circuit to go dark")


def test_pulses_reach_the_broker_as_litres(house: House, ear: Listener) -> None:
    until(lambda: reading(ear, "sensor/main-flow"), 15, "the counter's first reading")
    put(house, "pulses", "input/main-flow", rate=50, **{"for": "3s"})
    litres = until(lambda: reading(ear, "sensor/main-flow")["values"]["volume_l"], 25, "water")
    until(lambda: reading(ear, "sensor/main-flow")["values"]["volume_l"] >= 149 / 7.5, 25, f"20 l, and not {litres} l")
    assert reading(ear, "sensor/main-flow")["values"]["volume_l"] <= 150.01 / 7.5


def test_a_frozen_daemon_goes_on_where_it_was(house: House, ear: Listener) -> None:
    ear.ask("33")
    put(house, "process-frozen", **{"for": "2s"})
    sent = len(ear.results())
    ear.say("light/main-road/set/head", "OFF")
    with pytest.raises(AssertionError, match="in vain"):
        until(lambda: house.lit() == "", 1, "an OFF that must not come yet")
    until(lambda: len(ear.results()) > sent, 10, "the answer after the thaw")
    assert house.lit() == ""
    assert house.alive()
    assert ask(house.sim, {"list": True})["faults"] == {}


def test_a_killed_daemon_leaves_its_lines_and_a_second_kill_finds_nobody(house: House, ear: Listener) -> None:
    ear.ask("33")
    assert ask(house.sim, {"fault": "process-killed"})["id"] is None
    until(lambda: not house.alive(), 5, "the daemon to end")
    assert house.lit() == "a"
    with pytest.raises(FaultError, match="no controller drives a line here; start village-edge run with --sim"):
        until(lambda: ask(house.sim, {"fault": "process-killed"}), 5, "the simulator to see the end")
    house.start()
    until(lambda: ear.state().get("reason") == "override", 10, "the override again")


def test_a_clock_that_nobody_vouches_for_is_told(house: House, ear: Listener) -> None:
    assert ear.json("time")["trusted"] is True
    key = put(house, "clock-untrusted")
    until(lambda: ear.json("time")["trusted"] is False, 5, "the trust to go")
    ask(house.sim, {"clear": key})
    until(lambda: ear.json("time")["trusted"] is True, 5, "the trust to return")


def told_off_s(ear: Listener) -> float:
    """How far the controller's wall clock is from the machine's (s)."""
    ear.ask("?", to="light/culture-house")  # refused, and audited with the controller's time
    heard = [json.loads(p)["at"] for t, p, _ in ear.messages if t == f"{ROOT}/audit"]
    return (dt.datetime.fromisoformat(heard[-1]) - dt.datetime.now(dt.UTC)).total_seconds()


def test_a_clock_that_jumps_stays_there_and_one_that_is_wrong_is_put_right(house: House, ear: Listener) -> None:
    ear.ask({"action": "on", "for_s": 3600, "id": "mono"})
    assert abs(told_off_s(ear)) < 60
    assert put(house, "clock-jump", by="-2h") == "None"
    until(lambda: -7260 < told_off_s(ear) < -7140, 5, "the jump to be told")
    key = put(house, "clock-wrong", by="+30d")
    until(lambda: told_off_s(ear) > 29 * 86400, 5, "the wrong time to be told")
    assert (ear.state()["reason"], ear.state()["command"]) == ("override", "mono")
    ask(house.sim, {"clear": key})
    until(lambda: -7260 < told_off_s(ear) < -7140, 5, "what is left, the jump")
    assert (ear.state()["reason"], ear.state()["command"]) == ("override", "mono")


def kept(house: House) -> list[str]:
    """The commands in the journal's audit, in order."""
    with closing(sqlite3.connect(f"file:{house.state}/journal.db?mode=ro", uri=True)) as db:
        return [name for (name,) in db.execute("SELECT command FROM audit WHERE command NOT NULL ORDER BY sequence")]


@pytest.mark.parametrize(("fault", "says"), [("card-full", "full"), ("card-read-only", "readonly")])
def test_a_card_that_takes_nothing_stops_no_lamp_and_loses_no_row(
    house: House, ear: Listener, fault: str, says: str
) -> None:
    alarm = "alarm/journal-failing:site:nguyen-ly"
    key = put(house, fault)
    for name, level in (("a", 33), ("b", 0)):
        ear.ask({"action": "on", "level": level, "for_s": 60, "id": name})
        until(lambda lit="a" if level else "": house.lit() == lit, 2, f"level {level}")
    until(lambda: ear.json(alarm).get("state") == "raised", 60, "the alarm")
    assert says in ear.json(alarm)["text"]["en"]
    assert kept(house) == []
    ask(house.sim, {"clear": key})
    until(lambda: kept(house) == ["a", "b"], 12, "the rows that waited")


def test_a_card_that_takes_two_seconds_a_commit_delays_no_lamp(house: House, ear: Listener) -> None:
    put(house, "card-slow", by="2s")
    began = time.monotonic()
    for n in range(4):
        ear.ask({"action": "off" if n % 2 else "on", "id": f"n{n}"})
    assert time.monotonic() - began < 2
    assert len(kept(house)) < 4
    until(lambda: len(kept(house)) == 4, 10, "the slow card")


def test_a_hung_core_decides_nothing_and_goes_on_when_it_can(house: House, ear: Listener) -> None:
    key = put(house, "core-hung")
    with pytest.raises(AssertionError, match="in vain for a result"):
        [ear.ask("33") for _ in range(3)]  # it stands still from its next look at a line
    ear.say("light/main-road/set/head", "OFF")
    ask(house.sim, {"clear": key})
    until(lambda: len(ear.results()) >= 2, 5, "the answers when it goes on")
    until(lambda: house.lit() == "", 5, "the OFF when it goes on")
    assert house.alive()


def test_without_mains_no_lamp_burns_and_the_relay_stays_as_it_was_told(house: House, ear: Listener) -> None:
    ear.ask("33")
    until(lambda: power(ear) == 480, 15, "the circuit on the meter")
    kwh = reading(ear)["values"]["energy_kwh"]
    put(house, "mains-cut", backup=True)
    until(lambda: power(ear) == 0, 10, "the lamps to be dark")
    assert (reading(ear)["values"]["voltage_l1_v"], house.lit()) == (0, "a")
    ask(house.sim, {"clear": "all"})
    until(lambda: power(ear) == 480, 10, "the lamps again")
    after = reading(ear)
    assert after["life"] == 1
    assert kwh <= after["values"]["energy_kwh"] < kwh + 0.02


def test_the_command_line_injects_lists_refuses_and_takes_back(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    def sim(*words: str) -> tuple[int, str]:
        code = main(words)
        return code, "".join(capsys.readouterr()).strip()

    run = str(house.sim)
    listed = subprocess.run([sys.executable, "-m", "simulator", "faults"], capture_output=True, text=True, timeout=30, check=True)
    assert all(f"  {name} " in listed.stdout for name in KINDS)
    assert sim("faults", run) == (0, "nothing stands")
    assert sim("fault", run, "relay-welded", "on=light/main-road/b") == (
        0, f"f1  take it back with: village-sim clear {run} f1",
    )  # fmt: skip
    assert sim("fault", run, "slave-late", "on=meter/cabinet-1", "by=3s", "for=10m")[0] == 0
    assert sim("faults", run) == (0, "f1  relay-welded on=light/main-road/b\nf2  slave-late on=meter/cabinet-1 by=3s for=10m")
    assert sim("fault", run, "meter-reset", "on=meter/cabinet-1") == (0, "done; it has happened and cannot be taken back")
    assert sim("clear", run, "f1") == (0, "taken back: f1  relay-welded on=light/main-road/b")
    assert sim("clear", run) == (0, "taken back: f2  slave-late on=meter/cabinet-1 by=3s for=10m")
    assert sim("clear", run) == (0, "nothing stood")
    for words, reason in (
        (["fault", run, "relay-weld"], 'there is no fault "relay-weld"; did you mean relay-welded?'),
        (["fault", run, "relay-welded"], "relay-welded needs what it is on; add on=light/main-road/b"),
        (["fault", run, "relay-welded", "light/main-road/b"], "write key=value, such as on=light/main-road/b"),
        (["fault", run, "relay-welded", "on=light/main-road/d"], "cannot be on light/main-road/d; did you mean light/main-road/"),
        (["fault", run, "slave-late", "on=meter/cabinet-1", "by=3"], "3 has no unit"),
        (["fault", run, "broker-away"], "the broker is not village-sim's; start village-sim with --broker HOST:PORT"),
        (["fault", run, "clock-jump", "by=2m"], "write a sign, a number and its unit"),
        (["fault", run, "core-hung"], "no controller drives a line here; start village-edge run with --sim"),
        (["fault", run, "pi-rebooted"], "not possible in live time; in real time kill the controller with process-killed"),
        (["clear", run, "f9"], "no fault f9 stands here; there is no fault"),
        (["faults", "/nowhere"], "no village-sim runs in /nowhere"),
    ):  # fmt: skip
        code, said = sim(*words)
        assert code == 1, words
        assert reason in said


def test_what_is_no_message_is_answered_and_the_socket_goes_with_the_simulator(house: House, tmp_path: Path) -> None:
    with pytest.raises(FaultError, match='send a JSON object with "fault", "clear" or "list"'):
        ask(house.sim, {})
    house.kill("sim", 15)
    assert not (house.sim / "control.sock").exists()
    with pytest.raises(FaultError, match=r"no village-sim runs in .*; start it with"):
        ask(house.sim, {"list": True})
