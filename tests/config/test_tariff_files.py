"""Tariff files: those that come with the program, those of a village, and every mistake in them at once."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import logging
from pathlib import Path

import pytest

from edge.commands.check import add_arguments, run
from edge.core.values import ModelInfo
from edge.shell.files import config_dir
from edge.shell.site_file import ConfigError, load, parse_site, tariff_paths
from edge.shell.tariff_files import broken_tariffs, load_tariff, tariffs, wanted_by

SHIPPED = sorted((config_dir() / "tariffs").glob("*.yaml"))


@pytest.fixture
def home(tmp_path: Path, village: str) -> Path:
    """A configuration whose meter names a tariff that does not come with the program, and no folder of its own."""
    file = tmp_path / "village.yaml"
    file.write_text(village.replace("record: 60s}", "record: 60s, tariff: our-price}", 1))
    return file


def own(home: Path, name: str, text: str) -> None:
    (home.parent / "tariffs").mkdir(exist_ok=True)
    (home.parent / "tariffs" / name).write_text(text)


OURS = "name: Giá của thôn\ncurrency: VND\nprices: [{since: 2026-01-01, price: 2500}]\nvat: [{since: 2026-01-01, percent: 0}]\n"


def test_five_come_with_the_program_and_say_where_they_are_from() -> None:
    assert [path.stem for path in SHIPPED] == ["business", "household", "production", "public-lighting", "schools"]
    price = {}
    for path in SHIPPED:
        found = load_tariff(path)
        assert found.source is not None
        assert "1279/QĐ-BCT" in found.source
        assert "tariffs/" in path.read_text("utf-8").partition("name:")[0], "it says how a village changes it"
        newest = found.prices[-1]
        assert newest.since == dt.date(2025, 5, 10)
        price[path.stem] = newest.price or [(tier.up_to, tier.price) for tier in newest.tiers or ()]
    assert price == {
        "business": 3152, "production": 1987, "public-lighting": 2226, "schools": 2072,
        "household": [(50, 1984), (100, 2050), (200, 2380), (300, 2998), (400, 3350), (None, 3460)],
    }  # fmt: skip
    assert load_tariff(config_dir() / "tariffs" / "public-lighting.yaml").prices[0].price == 2124


def test_a_folder_beside_the_configuration_wins(home: Path) -> None:
    own(home, "our-price.yaml", OURS)
    own(home, "schools.yaml", OURS)
    found = tariffs(home, ["our-price", "schools", "business"])
    assert [found[name].prices[0].price for name in ("our-price", "schools", "business")] == [2500, 2500, 3152]
    assert tariff_paths(None).keys() == {path.stem for path in SHIPPED}


def test_a_tariff_without_a_file_is_an_error_with_the_nearest_name(home: Path, catalogue: dict[str, ModelInfo]) -> None:
    with pytest.raises(ConfigError) as error:
        load(home, catalogue)
    (problem,) = error.value.problems
    assert (problem.path, problem.line) == ("meters.m1.tariff", 5)
    assert problem.message.startswith('"our-price" is not among the tariffs; write one of: business, household, ')
    own(home, "our-price.yaml", OURS)
    assert wanted_by(load(home, catalogue)) == ["our-price"]
    home.write_text(home.read_text().replace("our-price", "public-lightning"))
    with pytest.raises(ConfigError, match=r'"public-lightning" is not among the tariffs; did you mean public-lighting\?'):
        load(home, catalogue)


def test_the_last_good_configuration_may_name_what_is_gone(home: Path, catalogue: dict[str, ModelInfo]) -> None:
    assert load(home, catalogue, any_tariff=True).meters["m1"].tariff == "our-price"
    assert parse_site(home.read_text(), "v.yaml", catalogue).meters["m1"].tariff == "our-price"


def test_every_mistake_is_told_with_its_line_and_column(home: Path) -> None:
    own(home, "our-price.yaml", "name: Giá\ncurrency: VND\nprices:\n  - {since: 2026-01-01, price: x}\n  - {price: 1}\nvat: [{since: 2026-01-01, percent: 8}]\n")
    (error,) = broken_tariffs(home)
    path = home.parent / "tariffs" / "our-price.yaml"
    assert str(error).splitlines() == [
        f'{path}:4:32: prices[0].price: "x" is not a number; write a number from 0 to 100000, in VND a kWh without VAT',
        f'{path}:5:5: prices[1].since: the key "since" is missing; add since: 2025-05-10',
    ]


@pytest.mark.parametrize("text", ["", "a: [", "- 1\n", "name: \x00"])
def test_what_is_no_tariff_at_all_is_told(home: Path, text: str) -> None:
    own(home, "our-price.yaml", text)
    (error,) = broken_tariffs(home)
    assert error.problems


def test_a_file_that_no_meter_can_name_is_told(home: Path) -> None:
    own(home, "Giá của thôn.yaml", OURS)
    own(home, "ours.yml", OURS)
    assert [error.file.rpartition("/")[2] for error in broken_tariffs(home)] == ["Giá của thôn.yaml", "ours.yml"]


def test_one_with_errors_costs_the_money_and_nothing_else(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    own(home, "our-price.yaml", "name: Giá\n")
    with caplog.at_level(logging.ERROR):
        assert tariffs(home, ["our-price", "schools", "gone"]).keys() == {"schools"}
    assert "our-price.yaml:1:1: currency" in caplog.text
    assert "there is no tariff gone" in caplog.text


def test_check_reports_them(home: Path, example: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def check(*words: str) -> int:
        parser = argparse.ArgumentParser()
        add_arguments(parser)
        return run(parser.parse_args(words))

    home.write_text(example.read_text("utf-8").replace("tariff: production", "tariff: our-price"), "utf-8")
    own(home, "our-price.yaml", OURS.replace("2500", "-1"))
    assert check(str(home)) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "our-price.yaml:3:37: prices[0].price: -1 is out of range" in told.err
    assert told.err.splitlines()[-1] == "1 problem in tariff files; what their meters cost is not reckoned"
    assert check("--json", str(home)) == 1
    assert json.loads(capsys.readouterr().out)["tariffs"][0].startswith(f"{home.parent}/tariffs/our-price.yaml:3:37: ")
    own(home, "our-price.yaml", OURS)
    assert check(str(home)) == 0


@pytest.mark.parametrize("language", ["en", "vi"])
def test_the_example_on_the_page_is_a_tariff(home: Path, language: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / language / "energy.md").read_text("utf-8")
    own(home, "our-price.yaml", page.partition("```yaml\n")[2].partition("```")[0])
    assert [price.price for price in tariffs(home, ["our-price"])["our-price"].prices] == [1987, 2050]
