"""`village-edge doctor --outputs`, `--match` and `--sheet` on a village-sim, with a person at a terminal."""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from commission_house import (
    CONFIG,
    HALL_A,
    HEARTBEAT,
    PUMP,
    ROAD_A,
    ROAD_B_CONTACT,
    VALVE,
    Session,
    closed,
    driven,
    logged,
    village,
)
from support import until

from edge.commands import doctor
from edge.core.events import Persist
from edge.shell.clock import ManualClock
from edge.shell.store import StoreWorker
from simulator.control import ask

pytestmark = pytest.mark.slow
Start = Callable[..., Session]
PULSE = "edge.shell.commission_pulse.PULSE_S"


@pytest.fixture(scope="module")
def cabinet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("cabinet")
    process = village(folder)
    yield folder
    process.terminate()
    process.wait(10)


@pytest.fixture
def start(cabinet: Path, tmp_path: Path) -> Iterator[Start]:
    """Begins a session; `change` is what the configuration says in place of what is true."""
    sessions: list[Session] = []

    def begin(*words: str, change: tuple[str, str] = ("", ""), times: dict[str, object] | None = None) -> Session:
        config = tmp_path / "site.yaml"
        assert change[0] in CONFIG
        text = CONFIG.replace(*change) if change[0] else CONFIG
        config.write_text(text + "mqtt: {port: 1}\n", "utf-8")
        pulses = {PULSE: dict.fromkeys(("light", "switch", "valve", "pump"), 0.2)}
        sessions.append(Session(config, cabinet / "run", *words, times={**pulses, **(times or {})}))
        return sessions[-1]

    yield begin
    for session in sessions:
        session.close()
    ask(cabinet / "run", {"clear": "all"})


def levels(cabinet: Path, pin: int, since: int) -> list[int | None]:
    return [level for level, _ in driven(cabinet / "run", pin, since)]


def test_what_was_seen_to_be_right_is_kept_off(start: Start, cabinet: Path) -> None:
    since = logged(cabinet / "run")
    session = start("--outputs", "light/road/a")
    session.hears("light/road/a (Road), GPIO 17 (pin 11), active low: OFF, ON for 0.2 s, OFF.")
    session.hears("Enter = go")
    assert levels(cabinet, ROAD_A, since) == []
    session.types("")
    session.hears("Did it click")
    assert levels(cabinet, ROAD_A, since) == [1, 0, 1, None]  # let go while the person thinks
    session.types("y")
    session.hears("✓ light/road/a: GPIO 17 (pin 11), active low: on and off as it should")
    session.hears("its feedback contact follows")
    assert session.ends() == 0
    assert levels(cabinet, ROAD_A, since) == [1, 0, 1, None, 1]


def test_what_is_wired_the_other_way_round_is_let_go_and_named_with_its_line(start: Start, cabinet: Path) -> None:
    since = logged(cabinet / "run")
    session = start("--outputs", "light/hall", change=("gpio: 23, active: low", "gpio: 23, active: high"))
    session.hears("Enter = go")
    session.types("")
    session.hears("Did it click")
    session.types("n")
    session.hears("Was it on while OFF")
    session.types("y")
    session.hears("✗ light/hall/a: GPIO 23 (pin 16), active high: inverted")
    line = CONFIG.splitlines().index("      a: {output: {gpio: 23, active: low}, lamps: 6, lamp_w: 30}") + 1
    session.hears(f"line {line} of the configuration: write `active: low` for lights.hall.circuits.a.output")
    assert session.ends() == 1
    assert levels(cabinet, HALL_A, since) == [0, 1, 0, None]


def test_another_one_moved_one_is_skipped_and_the_rest_is_left(start: Start, cabinet: Path) -> None:
    since = logged(cabinet / "run")
    session = start("--outputs", "light/road", "light/hall", "valve/plot")
    for question, answer in (
        ("Enter = go", ""), ("Did it click", "maybe"), ("Did it click", "w"), ("Which one moved", "light/hall"),
        ("Enter = go", "s"), ("Enter = go", "q"),
    ):  # fmt: skip
        session.hears(question)
        session.types(answer)
    assert session.ends() == 1
    assert "light/road/a: GPIO 17 (pin 11), active low: what moved is light/hall" in session.said
    assert "? light/road/b: relays coil 0: skipped, not tried" in session.said
    assert "valve/plot" not in session.said
    assert levels(cabinet, HALL_A, since) == levels(cabinet, VALVE, since) == []


def test_a_pumps_contactor_is_tried_by_a_word_and_for_no_longer_than_a_second(start: Start, cabinet: Path) -> None:
    since = logged(cabinet / "run")
    own = {PULSE: {"light": 0.2, "valve": 0.2, "switch": 0.2, "pump": 1.0}}
    session = start("--outputs", "pump/well", times=own)
    session.hears("A pump never runs with its valves shut")
    session.hears("Type off and Enter")
    session.types("")
    session.hears("skipped, not tried")
    assert session.ends() == 0
    assert levels(cabinet, PUMP, since) == []
    session = start("--outputs", "pump/well", times=own)
    session.hears("Type off and Enter")
    session.types("off")
    session.hears("Did it click")
    session.types("y")
    assert session.ends() == 0
    (_, on), (_, off) = driven(cabinet / "run", PUMP, since)[1:3]
    assert levels(cabinet, PUMP, since) == [1, 0, 1, None, 1]
    assert 0.9 < off - on < 1.3


def test_the_products_own_pulses_are_short() -> None:
    from edge.shell import commission_pulse

    assert commission_pulse.PULSE_S == {"light": 3.0, "switch": 1.0, "valve": 1.0, "pump": 1.0}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_whatever_ends_it_in_the_middle_the_valve_goes_off(start: Start, cabinet: Path, number: int) -> None:
    since = logged(cabinet / "run")
    long = {PULSE: {"valve": 60.0}}
    session = start("--outputs", "valve/plot", times=long)
    session.hears("Enter = go")
    session.types("")
    session.hears("ON …")
    until(lambda: levels(cabinet, VALVE, since) == [1, 0], 5, "the valve")
    session.interrupt(number)
    until(lambda: levels(cabinet, VALVE, since)[2:3] == [1], 8, "the valve to close")
    assert session.ends() == (-number if number == signal.SIGKILL else 2)
    assert 0 not in levels(cabinet, VALVE, since)[2:]


def test_the_heartbeat_feeds_the_relays_as_long_as_a_pulse_may_last_and_ends_with_it(start: Start, cabinet: Path) -> None:
    since = logged(cabinet / "run")
    session = start("--outputs", "valve/plot", times={PULSE: {"valve": 2.2}, "edge.shell.commission_hands.BOARD_SPARE_S": -1.0})
    session.hears("Enter = go")
    until(lambda: len(levels(cabinet, HEARTBEAT, since)) >= 2, 5, "the heartbeat")
    session.types("")
    session.hears("Did it click")
    run = cabinet / "run"
    (_, on), (_, off) = driven(run, VALVE, since)[1:3]
    during = [at for _, at in driven(run, HEARTBEAT, since) if on < at < off]
    assert during
    assert max(during) < on + 1.3  # not beyond what the ON was said to last: whoever hangs feeds nobody
    session.types("y")
    assert session.ends() == 0
    assert levels(cabinet, HEARTBEAT, since)[-1] == 0


def test_a_coil_is_off_when_it_is_killed_too(start: Start, cabinet: Path) -> None:
    session = start("--outputs", "light/road/b", times={PULSE: {"light": 60.0}})
    session.hears("Enter = go")
    session.types("")
    session.hears("ON …")
    until(lambda: closed(cabinet / "run", ROAD_B_CONTACT), 5, "the coil")
    session.interrupt(signal.SIGKILL)
    assert session.ends() == -signal.SIGKILL
    until(lambda: not closed(cabinet / "run", ROAD_B_CONTACT), 10, "the coil to fall")


def test_what_is_locked_and_a_controller_that_runs_are_left_alone(start: Start, cabinet: Path, tmp_path: Path) -> None:
    since = logged(cabinet / "run")
    state = tmp_path / "state"
    state.mkdir()
    store = StoreWorker(state / "journal.db", lambda _: None)
    row = {"circuits": "", "user": "tech", "note": "thay bóng", "at": 0.0}
    store.put(Persist(("lockouts", "light/road/a"), row), Persist(("lockouts", "valve/plot"), row))
    store.close(ManualClock(0.0).now())
    words = ("--state", str(state), "--yes", "--outputs", "light/road/a", "valve/plot", "--match", "light/road/a", "pump/well")
    session = start(*words)
    assert session.ends() == 0
    assert session.said.count("locked by somebody who works on it, not switched") == 3
    assert "none of its valves may be opened" in session.said
    assert logged(cabinet / "run") == since
    handle = os.open(state, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    session = start(*words)
    assert session.ends() == 2
    os.close(handle)
    assert f"the controller works with {state}: stop it first, `sudo systemctl stop village-edge`" in session.said
    (state / "journal.db").write_bytes(b"no database at all, not even nearly one")
    session = start(*words)
    assert session.ends() == 2
    assert "what is locked is not known" in session.said
    assert logged(cabinet / "run") == since


def test_every_circuit_is_matched_with_the_meter_that_moves(start: Start, cabinet: Path) -> None:
    session = start("--match", "--yes", "--json")
    assert session.ends() == 0
    found = json.loads(session.said.splitlines()[-1])["match"]
    assert [(m["output"], m["meter"], [f["code"] for f in m["findings"]]) for m in found] == [
        ("light/road/a", "cabinet", ["match-right"]), ("light/road/b", "cabinet", ["match-right"]),
        ("light/hall/a", "hall", ["match-right"]),
    ]  # fmt: skip
    assert [m["moved_w"] for m in found] == [{"cabinet": 480.0}, {"cabinet": 240.0}, {"hall": 180.0}]


def test_a_meter_that_is_another_one_is_named(start: Start, cabinet: Path) -> None:
    session = start("--match", "light/hall", change=("    name: Hall\n    meter: hall", "    name: Hall\n    meter: cabinet"))
    session.hears("1 circuits are about to be switched, one at a time, and cabinet, hall read")
    session.types("")
    session.hears("✗ light/hall/a: cabinet did not move; these did: hall +180 W")
    session.hears("write `meter: hall` in line ")
    assert session.ends() == 1


def test_no_lamp_no_watts(start: Start, cabinet: Path) -> None:
    ask(cabinet / "run", {"fault": "relay-open", "on": "light/road/a"})
    session = start("--match", "light/road/a", "--yes")
    assert session.ends() == 1
    assert "✗ light/road/a: no meter moved (cabinet, hall)" in session.said
    ask(cabinet / "run", {"fault": "slave-dead", "on": "meter/hall"})
    session = start("--match", "light/hall", "--yes")
    assert session.ends() == 1
    assert "✗ light/hall/a: hall cannot be read" in session.said


def test_a_pump_runs_only_when_asked_for_and_between_its_valves_opening_and_closing(start: Start, cabinet: Path) -> None:
    since = logged(cabinet / "run")
    session = start("--match", "pump/well")
    session.hears("Enter = go")
    session.types("")
    session.hears("will RUN for 20 s at most, with valve/plot opened before it")
    session.types("y")
    session.hears("✓ pump/well: hall moved by +750 W (rated 750 W): right")
    assert session.ends() == 0
    run = cabinet / "run"
    pump, valve = driven(run, PUMP, since), driven(run, VALVE, since)
    assert [level for level, _ in pump] == [1, 0, 1, None]
    assert [level for level, _ in valve] == [1, 0, 0, 1, None]  # its ON is renewed before the pump's, for boards' timers
    assert valve[1][1] + 1.0 <= pump[0][1]  # also its line is not touched before the valve is open
    assert valve[2][1] <= pump[1][1]
    assert pump[3][1] + 1.0 <= valve[3][1]
    assert pump[2][1] - pump[1][1] < 21


def test_an_empty_tank_keeps_the_pump_off(start: Start, cabinet: Path) -> None:
    since = logged(cabinet / "run")
    ask(cabinet / "run", {"fault": "float-stuck", "on": "input/tank", "full": False})
    session = start("--match", "pump/well", "--yes")
    assert session.ends() == 0
    assert "the float tank forbids it, or cannot be read" in session.said
    assert levels(cabinet, PUMP, since) == levels(cabinet, VALVE, since) == []


def test_what_was_found_wrong_is_not_run(start: Start, cabinet: Path) -> None:
    since = logged(cabinet / "run")
    session = start("--outputs", "valve/plot", "--match", "pump/well")
    for question, answer in (("Enter = go", ""), ("Did it click", "n"), ("Was it on while OFF", "n"), ("Enter = go", "")):
        session.hears(question)
        session.types(answer)
    assert session.ends() == 1
    assert "none of its valves may be opened" in session.said
    assert levels(cabinet, PUMP, since) == []


def test_the_sheet_has_what_the_run_found_and_the_file_is_said(start: Start, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.html"
    session = start("--outputs", "light/hall", "--match", "light/hall", "--sheet", str(sheet), "--yes", "--lang", "vi")
    assert session.ends() == 1  # no broker is at this configuration's address
    assert f"{sheet}: mở bằng trình duyệt" in session.said
    html = sheet.read_text("utf-8")
    for part in ("hall +180 W", "đã đóng, không ai nhìn", "meter/cabinet", "pzem016", "broker", "pump/well", "GPIO 26"):
        assert part in html
    session = start("--machine", "--sheet", str(tmp_path / "none" / "sheet.html"))
    assert session.ends() == 2
    assert "name a file that can be written" in session.said


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--sim", "SIM", "--outputs", "light/rod"], "no output is called 'light/rod'; there are light/road/a, light/road/b"),
        (["--sim", "SIM", "--match", "valve/plot", "--yes"], "valve/plot: --match takes lights and pumps"),
        (["--outputs", "--yes"], "--yes with --outputs or --match goes with --sim only"),
    ],
)
def test_what_cannot_be_switched_is_said_first(
    words: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "site.yaml").write_text(CONFIG, "utf-8")
    parser = argparse.ArgumentParser()
    doctor.add_arguments(parser)
    given = [str(tmp_path) if word == "SIM" else word for word in words]
    assert doctor.run(parser.parse_args(["--config", str(tmp_path / "site.yaml"), *given])) == 2
    assert told in capsys.readouterr().err
