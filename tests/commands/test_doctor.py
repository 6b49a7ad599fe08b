"""`village-edge doctor` and `record` as a technician types them, on the ports of a village-sim that can have faults."""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import serial
from ruamel.yaml import YAML
from support import until

from drivers.modbus import check
from drivers.read_plan import Block
from drivers.registers import load_board, load_model
from edge.commands import doctor, record
from simulator.control import ask

pytestmark = pytest.mark.slow

CONFIG = """
site: {id: desk, name: Desk, latitude: 19.87, longitude: 105.68, timezone: Asia/Ho_Chi_Minh, language: vi}
ports:
  line: {device: /dev/ttyUSB0, baudrate: 9600, parity: none}
  field: {device: /dev/ttyUSB1, baudrate: 9600, parity: none}
meters:
  cabinet: {name: Cabinet, model: sdm630, port: line, address: 1, rated_kw: 5}
  hall: {name: Hall, model: sdm120, port: line, address: 2}
boards:
  relays: {model: waveshare-relay-8, port: line, address: 10}
"""
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("doctor")
    (made / "site.yaml").write_text(CONFIG, "utf-8")
    words = ["-m", "simulator", "--config", str(made / "site.yaml"), "--run", str(made / "run"), "--quiet"]
    process = subprocess.Popen([sys.executable, *words], stdin=subprocess.DEVNULL)
    until((made / "run" / "ready").exists, 15, "village-sim")
    yield made
    process.terminate()
    process.wait(10)


@pytest.fixture
def run(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Run]:
    for patience in ("SLOW_S", "TRY_S", "SWEEP_S"):  # these slaves answer within milliseconds, or never
        monkeypatch.setattr(f"edge.shell.doctor.{patience}", 0.1)
    monkeypatch.setattr("drivers.probing.TRIES", 1)

    def call(*words: str, command: object = doctor) -> tuple[int, str, str]:
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)  # type: ignore[attr-defined]
        where = ["--config", str(folder / "site.yaml"), "--sim", str(folder / "run")]
        status = command.run(parser.parse_args([*where, *words]))  # type: ignore[attr-defined]
        told = capsys.readouterr()
        return status, told.out, told.err

    yield call
    ask(folder / "run", {"clear": "all"})


def break_(folder: Path, fault: str, **fields: object) -> None:
    ask(folder / "run", {"fault": fault, **fields})


def test_a_sound_village_is_all_right_in_the_sites_language(run: Run) -> None:
    status, out, err = run("--port", "line")
    assert status == 0
    lines = out.splitlines()
    assert lines[0].endswith("run/ports/line, 9600 8N1")
    assert [line.split()[:2] for line in lines[1:]] == [
        ["✓", "meter/cabinet"], ["✓", "meter/hall"], ["✓", "board/relays"]
    ]  # fmt: skip
    assert "rơ-le đang đóng: -" in out
    assert err == ""


def test_machines_get_every_fact(run: Run, folder: Path) -> None:
    break_(folder, "slave-as", on="meter/hall", model="sdm630")
    break_(folder, "slave-twins", on="board/relays")
    status, out, _ = run("--json", "--lang", "en")
    assert status == 1
    line, field = json.loads(out)["ports"]
    assert [(f["where"], f["code"], f["severity"]) for f in line["findings"]] == [
        ("meter/cabinet", "good", "right"), ("meter/hall", "other-model", "wrong"), ("board/relays", "twins", "wrong")
    ]  # fmt: skip
    assert line["findings"][1]["data"]["guess"] == "sdm630"
    assert line["findings"][1]["do"][0].endswith("write `model: sdm630` into the configuration")
    assert field["findings"] == []


def test_another_speed_on_a_real_port_is_found(run: Run, folder: Path) -> None:
    break_(folder, "slave-baud", on="meter/hall", baudrate=2400)
    status, out, _ = run("--port", "line", "--lang", "en")
    assert status == 1
    assert "✗ meter/hall (sdm120, 2): it answers at 2400 8N1, while port line runs at 9600 8N1" in out


def test_a_scan_says_what_it_will_do_and_knows_who_was_found_before(run: Run, folder: Path) -> None:
    break_(folder, "slave-baud", on="meter/hall", baudrate=2400)
    status, out, err = run("--port", "line", "--lang", "en", "--scan", "2")
    assert status == 1
    assert "meter/hall (sdm120, 2): it answers at 2400 8N1" in out
    assert "port/line" not in out
    assert err.startswith("line: 1 × (9600 8N1, ")


def test_a_port_that_the_controller_holds_is_left_alone(run: Run, folder: Path) -> None:
    with serial.Serial(str(folder / "run" / "ports" / "line"), exclusive=True):
        status, out, _ = run("--port", "line", "--lang", "en")
        assert status == 2
        assert "stop the controller first, `sudo systemctl stop village-edge`" in out
        status, _, err = run("--port", "line", "--set-address", "2", "9", "--model", "sdm120", "--yes", "--lang", "en")
        assert status == 2
        assert "stop the controller first" in err
        status, _, err = run("meter/hall", command=record)
        assert status == 2
        assert "stop the controller first" in err


def test_a_port_that_is_not_there_says_so(run: Run, folder: Path) -> None:
    break_(folder, "adapter-gone", on="port/line")
    status, out, _ = run("--lang", "en", "--port", "line")
    assert status == 2
    assert "is not there" in out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--set-address", "2", "9"], "say what the device is with --model"),
        (["--set-address", "2", "2", "--model", "sdm120"], "has the address 2 already"),
        (["--set-address", "2", "248", "--model", "sdm120"], "addresses go from 1 to 247"),
        (["--set-address", "2", "9", "--model", "dtsu666"], "set by its own buttons"),
        (["--set-baud", "2", "9600", "--model", "sdm120"], "name the speed that the device has now with --baudrate"),
        (["--set-baud", "2", "19200", "--model", "sdm120"], "write one of 1200, 2400, 4800, 9600"),
        (["--set-address", "2", "9", "--set-baud", "2", "2400", "--model", "sdm120"], "one at a time"),
    ],
)
def test_what_cannot_be_set_is_said_before_the_bus_is_asked(run: Run, words: list[str], told: str) -> None:
    status, out, err = run("--port", "line", *words)
    assert (status, out) == (2, "")
    assert told in err


def test_which_port_must_be_said_where_there_are_several(run: Run) -> None:
    status, _, err = run("--set-address", "2", "9", "--model", "sdm120")
    assert (status, err) == (2, "say on which port with --port NAME; there are line, field\n")
    status, _, err = run("--port", "roof")
    assert (status, err) == (2, "there is no port 'roof'; there are line, field\n")


def test_a_change_is_explained_and_made_with_a_y_alone(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["--port", "line", "--lang", "en", "--set-address", "2", "9", "--model", "sdm120"]
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    status, out, _ = run(*words)
    assert status == 1
    assert "At address 2 (9600 8N1) is sdm120: voltage_v" in out
    assert "Its address is to change from 2 to 9, by the frame 02 10 00 14 00 02 04 41 10 00 00 " in out
    assert out.endswith("Nothing was written.\n")
    # A simulated meter refuses, as one outside its set mode does.
    status, out, err = run(*words, "--yes")
    assert status == 1
    assert "hold the button until it shows -SET-" in err
    assert "Done" not in out


def test_a_meters_capture_is_a_golden_one(run: Run, tmp_path: Path) -> None:
    kept = tmp_path / "sdm630.yaml"
    status, out, _ = run("meter/cabinet", "-o", str(kept), command=record)
    assert (status, out) == (0, f"{kept}: 3 questions with their answers\n")
    text = kept.read_text("utf-8")
    assert text.splitlines()[1] == "# meter/cabinet, sdm630 at address 1, 9600 8N1."
    golden = YAML(typ="safe", pure=True).load(text)
    model = load_model("sdm630")
    values: dict[str, float] = {}
    for block, frame in zip(model.blocks, golden["round"], strict=True):
        assert isinstance(block, Block)
        values |= model.decode(block, check(bytes.fromhex(frame["ask"]), bytes.fromhex(frame["answer"])))
    assert values == golden["values"]


def test_a_boards_capture_and_registers_as_they_are(run: Run) -> None:
    status, out, _ = run("board/relays", command=record)
    golden = YAML(typ="safe", pure=True).load(out)
    assert status == 0
    assert golden["read"][0]["on"] == []
    assert bytes.fromhex(golden["read"][0]["ask"])[1:6] == bytes((1, 0, 0, 0, load_board("waveshare-relay-8").coils))
    status, out, err = run("meter/hall", "--registers", "0-79", command=record)
    raw = YAML(typ="safe", pure=True).load(out)["registers"]
    assert (status, err) == (0, "")
    assert [entry["first"] for entry in raw] == [0, 40]
    assert [len(bytes.fromhex(entry["answer"])) for entry in raw] == [85, 85]
    status, out, err = run("meter/hall", "--registers", "0-3", "--function", "3", command=record)
    assert (status, err) == (1, "registers from 0: refused (1)\n")
    assert YAML(typ="safe", pure=True).load(out)["registers"][0]["heard"] == "refused"


def test_a_device_that_is_not_configured_or_not_read_is_said(run: Run, folder: Path) -> None:
    status, _, err = run("meter/none", command=record)
    assert (status, err) == (
        2, "no serial port has meter/none; there are meter/cabinet, meter/hall, board/relays\n"
    )  # fmt: skip
    break_(folder, "slave-dead", on="meter/hall")
    status, _, err = run("meter/hall", command=record)
    assert status == 1
    assert "`village-edge doctor` says why" in err
