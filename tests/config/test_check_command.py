"""`village-edge check` as a technician and as a machine meet it."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import pytest

from edge.commands.check import add_arguments, run
from edge.shell.app import catalogue
from edge.shell.site_file import load


def check(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args(arguments))


@pytest.fixture
def bad(tmp_path: Path, example: Path) -> Path:
    file = tmp_path / "bad.yaml"
    file.write_text(example.read_text("utf-8").replace("restrike: 60s", "restrike: 60").replace("gpio: 17", "gpio: 0"))
    return file


def test_a_good_file_is_summed_up(example: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(str(example)) == 0
    told = capsys.readouterr()
    first, *rest = told.out.splitlines()
    driven = "3 lights with 5 circuits, 3 meters, 5 sensors, 1 pump, 4 valves, 1 switch driven."
    assert first == f"{example}: good. Thôn Nguyên Lý (nguyen-ly): {driven}"
    assert "Not driven yet:" not in rest
    assert told.err == ""


def test_the_heartbeats_line_is_named(tmp_path: Path, example: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "v.yaml"
    file.write_text(f"{example.read_text('utf-8')}\nheartbeat: {{gpio: 11}}\n", "utf-8")
    assert check(str(file)) == 0
    assert capsys.readouterr().out.splitlines()[0].endswith("1 switch driven. The heartbeat is on GPIO 11.")
    assert check(str(file), "--json") == 0
    assert json.loads(capsys.readouterr().out)["heartbeat"] == {"gpio": 11}
    assert check(str(example), "--json") == 0
    assert json.loads(capsys.readouterr().out)["heartbeat"] is None


def test_what_nothing_will_ever_use_is_a_warning(
    tmp_path: Path, example: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "v.yaml"
    text = example.read_text("utf-8").replace(" pump: pump-1,", "")
    file.write_text(text.replace(", program: cool", ""), "utf-8")
    assert check(str(file)) == 0
    told = capsys.readouterr().out
    assert "  pumps.pump-1: no valve names it, so it never runs" in told
    assert "  programs.cool: switches.greenhouse-fan does not name it, so nothing follows it" in told


def test_a_missing_password_is_a_warning(
    tmp_path: Path, example: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "v.yaml"
    file.write_bytes(example.read_bytes())
    secret = tmp_path / "secrets" / "controller"
    assert check(str(file)) == 0
    assert f"  mqtt.password_file: {secret} is not there; write the broker's password into it" in capsys.readouterr().out
    secret.parent.mkdir()
    secret.write_text("s")
    assert check(str(file)) == 0
    assert "Warnings" not in capsys.readouterr().out


INFLUX = "\ninflux: {url: 'https://db.example:8086', org: xa, bucket: village, token_file: secrets/influx}\n"


def test_a_missing_token_is_a_warning(tmp_path: Path, example: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "v.yaml"
    file.write_text(example.read_text("utf-8") + INFLUX, "utf-8")
    assert check(str(file)) == 0
    told = f"  influx.token_file: {tmp_path / 'secrets' / 'influx'} is not there; write the server's token into it"
    assert told in capsys.readouterr().out


def test_a_server_without_the_library_for_it_is_an_error_with_the_remedy(
    tmp_path: Path, example: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "influxdb_client", None)
    file = tmp_path / "v.yaml"
    file.write_text(example.read_text("utf-8") + INFLUX, "utf-8")
    words = "influx: influxdb-client is not installed here, and nothing would be written; pip install village-edge[influx]"
    assert check(str(file)) == 1
    assert capsys.readouterr().err == f"{file}: {words}\n"
    assert check("--json", str(file)) == 1
    assert json.loads(capsys.readouterr().out)["lacking"] == [words]
    assert check(str(example)) == 0


def test_a_light_without_a_program_is_a_warning(
    tmp_path: Path, example: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "v.yaml"
    file.write_text(example.read_text("utf-8").replace("    program: street\n", ""))
    assert check(str(file)) == 0
    assert "  lights.main-road: no program; it changes only when a person asks" in capsys.readouterr().out


def test_a_bad_file_shows_every_problem_and_exits_1(bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(str(bad)) == 1
    told = capsys.readouterr()
    assert told.out == ""
    gpio, restrike, count = told.err.splitlines()
    assert gpio.startswith(f"{bad}:") and ": lights.main-road.circuits.a.output.gpio: 0 is out of range; " in gpio  # noqa: PT018
    assert ": lights.main-road.restrike: 60 has no unit; " in restrike
    assert count == "2 problems in all"


def test_a_broken_model_file_is_told_and_exits_1_and_the_configuration_stays_good(
    tmp_path: Path, example: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VILLAGE_MODELS", str(tmp_path))
    broken = tmp_path / "pzem016.yaml"
    broken.write_text("kind: meter\nfunction: 9\n")

    assert check(str(example)) == 1
    told = capsys.readouterr().err.splitlines()
    assert f"{broken}:2:11: function: this cannot stand here; write 3 or 4" in told
    assert told[-1] == f"{len(told) - 1} problems in model files; their devices are not read"
    assert check("--json", str(example)) == 1
    assert json.loads(capsys.readouterr().out)["models"] == told[:-1]
    assert dict(load(example, catalogue()).not_driven(catalogue()))["meters.pump-house"].startswith("pzem016 is not driven")


def test_machines_get_json(example: Path, bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check("--json", str(example)) == 0
    good = json.loads(capsys.readouterr().out)
    assert (good["ok"], good["site"], good["not_driven"]) == (True, "nguyen-ly", [])
    assert good["driven"] == {
        "lights": 3, "circuits": 5, "meters": 3, "sensors": 5, "pumps": 1, "valves": 4, "switches": 1
    }
    assert check("--json", str(bad)) == 1
    refused = json.loads(capsys.readouterr().out)
    assert refused["ok"] is False
    assert [problem["path"] for problem in refused["problems"]] == [
        "lights.main-road.circuits.a.output.gpio",
        "lights.main-road.restrike",
    ]
    assert all(problem["line"] > 1 and problem["column"] > 1 for problem in refused["problems"])


def test_a_photocell_that_is_not_there_and_a_second_one_are_warnings(example: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = example.read_text("utf-8")
    line = "  photocell:      {gpio: 26, role: photocell}\n"
    assert line in text
    site = tmp_path / "site.yaml"
    site.write_text(text.replace(line, ""), "utf-8")
    assert check(str(site)) == 0
    assert "programs.street.photocell: no input has the role photocell" in capsys.readouterr().out
    site.write_text(text.replace(line, line + "  other:          {gpio: 11, role: photocell}\n"), "utf-8")
    assert check(str(site)) == 0
    assert "inputs.other: photocell is the photocell that counts" in capsys.readouterr().out
