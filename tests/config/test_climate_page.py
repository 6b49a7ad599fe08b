"""The greenhouse of the page on climate: what it shows is what `check` takes, in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edge.core.site import ClimateProgram
from edge.shell.app import catalogue
from edge.shell.site_file import load

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("language", ["en", "vi"])
def test_the_greenhouse_on_the_page_is_a_good_configuration(language: str, tmp_path: Path) -> None:
    page = (DOCS / language / "climate.md").read_text("utf-8")
    [file] = re.findall(r"```yaml\n(site: .*?)```", page, re.DOTALL)
    path = tmp_path / "greenhouse.yaml"
    path.write_text(file, "utf-8")
    site = load(path, catalogue())
    assert set(site.switches) == {"fan", "mist", "shade", "grow", "siren"}
    assert all(isinstance(program, ClimateProgram) for program in site.programs.values())
    assert len(site.programs) == 4
