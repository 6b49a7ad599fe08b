"""The commissioning sheet: everything that was found stands on it, and what was not has a blank."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from edge.core.diagnosis import Device, Finding, PortSeen, Seen
from edge.core.diagnosis_outputs import Match, Pulse, Watts, match_findings, pulse_findings
from edge.core.site import Site
from edge.core.values import Setting, Taken
from edge.figures import Language
from edge.sheet.page import Sheet, page
from edge.sheet.words import TRIALS, WHOLE, WORDS
from edge.shell.app import catalogue
from edge.shell.commission_hands import names_in_order, place_of
from edge.shell.site_file import load

CONFIG = Path(__file__).parents[2] / "config" / "nguyen-ly.yaml"
MADE = dt.datetime(2026, 11, 27, 9, 5, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))


class Cells(HTMLParser):
    """The rows of all tables, cell by cell, and that every tag is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.heads: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("meta", "br"):
            return
        self._open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        elif tag == "h2":
            self.heads.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "td" in self._open or "th" in self._open:
            self.rows[-1][-1] += data if self._open[-1] != "small" else f" [{data}]"
        elif self._open and self._open[-1] == "h2":
            self.heads[-1] += data

    def row(self, begin: str) -> list[str]:
        return next(row for row in self.rows if row[0].startswith(begin))


def sheet(site: Site | None = None, **more: object) -> Sheet:
    village = site or load(CONFIG, catalogue())
    places = {output: place_of(village, output) for output in names_in_order(village)}
    return replace(Sheet(village, MADE, "1.2.3", "0123456789ab", places), **more)  # type: ignore[arg-type]


def test_everything_of_the_configuration_has_its_row_though_nothing_was_tried() -> None:
    whole = sheet()
    html = page(whole, "en")
    found = Cells(html)
    for output in whole.places:
        (row,) = [row for row in found.rows if row[0].endswith(f" [{output}]")]
        assert row[2:4] == ["–", "–"]
    for contact in ("cabinet-switch", "tank", "main-flow", "main-road/b"):
        assert found.row(contact)[3:] == ["", ""]
    assert [row[0].split(" [")[1] for row in found.rows if row[0].endswith("]") and row[0].split("[")[1][:-1] in TRIALS] == [
        f"{code}]" for code in TRIALS
    ]  # fmt: skip
    assert [row[1] for row in found.rows if row[1] in WHOLE["en"]] == list(WHOLE["en"])
    assert found.heads == ["Outputs", "Contacts", "Tests of alarms", "Left to be done"]
    assert "0123456789ab" in html
    assert "27/11/2026 09:05" in html
    assert html.count("(signature, full name)") == 3


def test_what_was_found_stands_where_it_belongs() -> None:
    whole = sheet()
    a, b, c = "light/main-road/a", "light/main-road/b", "light/lanes/a"
    pulses = [
        Pulse(a, whole.places[a], "inverted", "lights", 3), Pulse(c, whole.places[c], "other", "lights", 3, other="<quạt>"),
        Pulse(b, whole.places[b], "right", "lights", 3, feedback=(False, True, False)),
    ]  # fmt: skip
    off = [0.0, 0.0]
    matches = [
        Match(b, "cabinet-1", 480.0, "k", 1, {"cabinet-1": Watts(off, [1480.0, 1482.0], off)}),
        Match(c, "cabinet-1", 720.0, "k", 1, {"cabinet-1": Watts(off, off, off), "pump-house": Watts(off, [720.0] * 2, off)}),
    ]  # fmt: skip
    values = {"energy_kwh": 5188.851, "power_w": 1432.4, "voltage_v": 231.0}
    devices = [
        Seen(Device("meter/cabinet-1", "sdm630", 1), Taken(values, None, ()), factors={"ct": 40.0}),
        Seen(Device("meter/pump-house", "pzem016", 3), Taken(None, "no answer", ())),
    ]  # fmt: skip
    port = PortSeen("rs485", "/dev/x", Setting(9600, "none", 1), devices)
    silent = Finding("meter/pump-house", "silent", "wrong", {"address": 3, "setting": "9600 8N1"})
    found = Cells(page(replace(
        whole, pulses=[(p, pulse_findings(p)) for p in pulses], matches=[(m, match_findings(m)) for m in matches],
        ports=[(port, [silent])], machine=("Raspberry Pi 4", "1000abcd", "Debian, 6.12"),
        findings=[Finding("power", "power-low", "wrong", {"word": "0x1"})],
    ), "en"))  # fmt: skip
    rows = {row[0].split("[")[-1][:-1]: row for row in found.rows if row[0].endswith("]")}
    assert rows[a][2] == "INVERTED"
    assert rows[b][2:4] == ["right [✓ feedback]", "cabinet-1 +1,481 W [configured: cabinet-1]"]
    assert rows[c][2:4] == ["ANOTHER MOVED: <quạt>", "pump-house +720 W [configured: cabinet-1]"]
    assert rows["meter/cabinet-1"][1:] == ["sdm630", "rs485, 1", "40", "5,188.85 kWh, 1,432 W", "", ""]
    assert rows["meter/pump-house"][4] == "cannot be read"
    html = page(replace(whole, pulses=[(p, pulse_findings(p)) for p in pulses], findings=[silent]), "en")
    left = re.sub(r"<[^>]+>", "", html.split("Left to be done")[1])
    assert "light/main-road/a: GPIO 17 (pin 11), active low: inverted" in left
    assert "correct it BEFORE the controller is started" in left
    assert "meter/pump-house: silent" in left
    assert "main-road/b" not in left


def test_names_that_are_markup_stay_text() -> None:
    site = load(CONFIG, catalogue())
    hostile = site.model_copy(update={"site": site.site.model_copy(update={"name": "</style><script>x</script>"})})
    html = page(sheet(hostile), "vi")
    assert "<script" not in html
    Cells(html)


@pytest.mark.parametrize("language", ["vi", "en"])
def test_both_languages_say_everything(language: Language) -> None:
    assert set(WORDS["vi"]) == set(WORDS["en"])
    html = page(sheet(), language)
    assert f'lang="{language}"' in html
    assert WORDS[language]["title"] in html
    assert "size: A4" in html
