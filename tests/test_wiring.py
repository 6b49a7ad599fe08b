"""The page on wiring: its terminals are the example village's on the right pins, its drawings have what their legends say."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from edge.core.site_devices import GpioOutput, Pump, Switch, Valve
from edge.shell.app import catalogue
from edge.shell.site_file import load

ROOT = Path(__file__).parents[1]
DRAWINGS = sorted((ROOT / "docs" / "wiring").glob("*.svg"))
# BCM number to pin of the 40-pin header, as `pinctrl` and every Raspberry Pi since the B+ have it.
PINS = {
    2: 3, 3: 5, 4: 7, 5: 29, 6: 31, 7: 26, 8: 24, 9: 21, 10: 19, 11: 23, 12: 32, 13: 33, 14: 8, 15: 10, 16: 36, 17: 11,
    18: 12, 19: 35, 20: 38, 21: 40, 22: 15, 23: 16, 24: 18, 25: 22, 26: 37, 27: 13,
}  # fmt: skip

language = pytest.mark.parametrize("language", ["en", "vi"])


def page(language: str) -> str:
    return (ROOT / "docs" / language / "wiring.md").read_text("utf-8")


def wired() -> set[tuple[int, str, str]]:
    """Every line of the example village: its number, `out` or `in`, and the id that the page must name."""
    site = load(ROOT / "config" / "nguyen-ly.yaml", catalogue())
    lines = set()
    for name, light in site.lights.items():
        for circuit in light.circuits.values():
            if isinstance(circuit.output, GpioOutput):
                lines.add((circuit.output.gpio, "out", name))
            if circuit.feedback:
                lines.add((circuit.feedback.gpio, "in", name))
    for name, device in {**site.pumps, **site.valves, **site.switches}.items():
        assert isinstance(device, Pump | Valve | Switch)
        if isinstance(device.output, GpioOutput):
            lines.add((device.output.gpio, "out", name))
    return lines | {(found.gpio, "in", name) for name, found in site.inputs.items()}


@language
def test_the_terminals_are_the_example_villages_on_the_pins_of_the_header(language: str) -> None:
    rows = re.findall(r"^\| (\d+) \| (\d+) \| (out|in|ra|vào) \| [^|]*?`([a-z0-9-]+)`", page(language), re.MULTILINE)
    ways = {"out": "out", "in": "in", "ra": "out", "vào": "in"}
    assert {(int(gpio), ways[way], name) for gpio, _, way, name in rows} == wired()
    assert len(rows) == len(wired())
    for gpio, pin, _, name in rows:
        assert PINS[int(gpio)] == int(pin), name


@language
def test_what_else_is_on_the_header_is_named_by_its_pins(language: str) -> None:
    for cell in re.findall(r"^\| ([\d, ]+) \(GPIO [\d, ]+\) \|", page(language), re.MULTILINE):
        gpios = re.search(re.escape(cell) + r" \(GPIO ([\d, ]+)\)", page(language))
        assert gpios is not None
        assert [PINS[int(gpio)] for gpio in gpios[1].split(", ")] == [int(pin) for pin in cell.split(", ")]


@language
def test_every_drawing_is_on_the_page(language: str) -> None:
    shown = re.findall(r'src="../wiring/([a-z0-9-]+\.svg)"', page(language))
    assert sorted(shown) == [path.name for path in DRAWINGS]


@pytest.mark.parametrize("drawing", DRAWINGS, ids=lambda path: path.stem)
def test_a_drawing_shows_on_a_phone_in_light_and_dark(drawing: Path) -> None:
    root = ET.parse(drawing).getroot()
    svg = "{http://www.w3.org/2000/svg}"
    width, height = map(int, (root.get("viewBox") or "").split()[2:])
    ground = root.find(f"{svg}rect")
    assert ground is not None
    assert (ground.get("fill"), int(ground.get("width", 0)), int(ground.get("height", 0))) == ("#ffffff", width - 2, height - 2)
    assert width == 480
    assert root.findtext(f"{svg}title")
    assert min(int(text.get("font-size", 15)) for text in root.iter(f"{svg}text")) >= 11


@language
@pytest.mark.parametrize("drawing", DRAWINGS, ids=lambda path: path.stem)
def test_the_legend_below_a_drawing_has_each_of_its_numbers_and_no_other(drawing: Path, language: str) -> None:
    drawn = set(re.findall(r'fill="#ffffff" font-weight="bold">(\d+)<', drawing.read_text("utf-8")))
    below = page(language).split(f"../wiring/{drawing.name}", 1)[1]
    legend = re.search(r"\n\| \| \|\n\|---\|---\|\n((?:\|.*\n)+)", below)
    assert legend is not None
    assert drawn
    assert drawn == set(re.findall(r"\d+", " ".join(re.findall(r"^\| ([\d, ]+) \|", legend[1], re.MULTILINE))))
