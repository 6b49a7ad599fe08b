"""The guide to model files: its example is a model, its pieces fit into one, and what it prints is what is printed."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from drivers.model import UNITS
from drivers.model_errors import read
from drivers.quantities import CODED
from drivers.registers import FOLDER, Model, boards, load_model, models
from edge.commands.check import add_arguments, run
from edge.shell.app import catalogue

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "config" / "nguyen-ly.yaml"

language = pytest.mark.parametrize("language", ["en", "vi"])


def page(language: str) -> str:
    return (ROOT / "docs" / language / "models.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(r"^```yaml\n(.*?)^```", page(language), re.MULTILINE | re.DOTALL)


@language
def test_the_example_is_a_model_that_reads_what_the_device_says(language: str) -> None:
    model = read(blocks(language)[0], "sen0644", "sen0644.yaml")
    assert isinstance(model, Model)
    (block,) = model.blocks
    assert (block.function, block.register, block.count) == (3, 2, 2)
    assert model.decode(block, bytes.fromhex("00 01 86 A0")) == {"illuminance_lux": 100.0}


@language
def test_every_piece_fits_into_a_model(language: str) -> None:
    yaml = YAML(typ="safe", pure=True)
    whole = yaml.load((FOLDER / "iem3155.yaml").read_text("utf-8"))
    for piece in blocks(language)[1:]:
        added: dict[str, Any] = yaml.load(piece)
        fields = whole | {"name": "whole", "forbidden": []} | added
        fields["quantities"] = whole["quantities"] | added.get("quantities", {})
        model = Model.model_validate(fields)
        assert len(model.forms) == 1 + len(model.variants)


@language
def test_what_check_prints_is_what_the_page_says(
    language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sen0644.yaml").write_text(
        blocks(language)[0].replace("function: 3", "function: 6").replace("scale:", "scal:"), "utf-8"
    )
    monkeypatch.setenv("VILLAGE_MODELS", str(tmp_path))
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert run(parser.parse_args([str(EXAMPLE)])) == 1

    printed = re.search(r"^   # village-edge check .*\n((?:   [^\s`].*\n)+)", page(language), re.MULTILINE)
    assert printed is not None
    said = capsys.readouterr().err.replace(str(tmp_path), "/etc/village-edge/models")
    assert said.splitlines() == [line.strip() for line in printed[1].splitlines()]


@language
def test_the_page_names_every_model_key_unit_and_type(language: str) -> None:
    text = page(language)
    listed = re.findall(r"^\| ((?:`[a-z0-9-]+`(?:, )?)+) \|", text.split("\n## ", 1)[0], re.MULTILINE)
    assert set(re.findall(r"`([^`]+)`", " ".join(listed))) == {*models(), *boards()}
    for key in [*Model.model_fields, *load_model("sdm120").quantities["power_w"].model_fields_set]:
        assert f"`{key}`" in text or f"{key}:" in text or key == "name", key
    assert all(f"`{unit}`" in text for unit in UNITS if unit)
    assert all(f"`{coded}`" in text for coded in CODED)


def test_both_pages_have_the_same_files() -> None:
    assert blocks("en") == blocks("vi")


def test_the_configurations_page_names_every_meter() -> None:
    for language in ("en", "vi"):
        meters = (ROOT / "docs" / language / "configuration.md").read_text("utf-8").split("\n## meters\n")[1].split("\n## ")[0]
        named = set(re.findall(r"`([a-z0-9-]+)`", meters.split("\n|")[0]))
        assert named == {name for name, info in catalogue().items() if info.kind == "meter"}
