"""`village-edge report`: the page and the table of a month, from what the core and its files say."""

from __future__ import annotations

import csv
import datetime as dt
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fake_controller import FakeController, parsed
from paper_files import serve
from support import Mosquitto
from villages import Bench

from edge.commands import report
from edge.core.events import ReadingsTaken
from edge.figures import csv_exact, csv_figure, csv_line, csv_text, figure, money
from edge.report.page import round_up
from edge.shell.app import catalogue
from edge.shell.clock import SystemClock
from edge.shell.site_file import load

Said = pytest.CaptureFixture[str]
CONFIG = Path(__file__).parents[2] / "config" / "nguyen-ly.yaml"


def kwh_of(meter: str, day: dt.date) -> tuple[float, float, float] | None:
    """The cabinet: 40 kWh a day, half of it guessed on the 9th; less in September. The culture house: from the 10th."""
    if meter == "meter/culture-house":
        return (1.5, 0.0, 0.0) if day >= dt.date(2026, 10, 10) else None
    if day.month == 10 and day.day == 9:
        return (40.0, 20.0, 43200.0)
    return (40.0, 0.0, 0.0) if day.month != 9 else (36.0, 0.0, 0.0)


@pytest.fixture
def core(controller: FakeController) -> Bench:
    bench = Bench(load(CONFIG, catalogue()))
    serve(controller, bench, kwh_of, SystemClock().now().wall)
    bench.ask("bill-put", meter="cabinet-1", **{"from": "2026-09"}, kwh=1150, amount=2_700_000)
    return bench


def typed(broker: Mosquitto, *words: str) -> int:
    return report.run(parsed(report, "--mqtt", f"127.0.0.1:{broker.port}", "--user", "head", *words))


class Text(HTMLParser):
    """What a reader sees, cell by cell; and that every tag is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.cells: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag != "meta":
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in ("style", "title"):
            self.cells.append(data.strip())


def test_the_page_and_the_table_of_a_month_in_vietnamese(mosquitto: Mosquitto, core: Bench, tmp_path: Path, capsys: Said) -> None:
    assert typed(mosquitto, "--month", "2026-10", "--out", str(tmp_path)) == 0
    assert capsys.readouterr().out.splitlines() == [str(tmp_path / f"nguyen-ly-2026-10.{end}") for end in ("html", "csv")]
    html = (tmp_path / "nguyen-ly-2026-10.html").read_text("utf-8")
    cells = Text(html).cells
    assert {"Thôn Nguyên Lý", "Điện năng tháng 10/2026", "Tủ điện 1", "Nhà văn hóa", "Cộng"} <= set(cells)
    row = cells[cells.index("Tủ điện 1") + 1 :][:7]
    assert row == ["1.240,0", "20,0", "2.981.059 đ", "220.819 đ", "1.080,0", "+160,0 (+14,8 %)", "98,3 %"]
    second = cells[cells.index("Nhà văn hóa") + 1 :][:7]
    assert second == ["33,0", "0,0", "79.335 đ", "5.877 đ", "–", "–", "70,9 %"]
    total = cells[cells.index("Cộng") + 1 :][:6]
    assert total == ["1.273,0", "20,0", "3.060.394 đ", "226.696 đ", "–", "–"]  # the culture house had no September
    assert html.count("<rect ") == 31 + 1 + 22  # a bar a day; on the 9th a guessed one upon it
    assert html.count(">×<") == 9
    bills = cells[cells.index("Hóa đơn giấy") :]
    assert bills[bills.index("Tủ điện 1") + 1 :][:7] == [
        "15/09–14/10/2026", "1.136,0", "2.731.035 đ", "1.150,0", "2.700.000 đ", "+14,0", "−31.035 đ",
    ]
    assert bills[bills.index("Nhà văn hóa") + 1 :][:7] == ["01/10–31/10/2026", "33,0", "79.335 đ", "–", "–", "–", "–"]
    raw = (tmp_path / "nguyen-ly-2026-10.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(raw.decode("utf-8-sig").splitlines(), delimiter=";"))
    assert {len(row) for row in rows} == {15}
    assert rows[0][:6] == ["Công tơ", "Tên", "Loại", "Từ ngày", "Đến hết ngày", "kWh"]
    assert rows[1] == ["cabinet-1", "Tủ điện 1", "tháng", "2026-10-01", "2026-10-31", "1240,000", "20,000", "98,39", "2981059", "VND", "8", "", "", "", ""]
    billed = next(row for row in rows if row[2] == "kỳ hóa đơn")
    assert billed[3:6] + billed[11:] == ["2026-09-15", "2026-10-14", "1136,000", "1150,000", "2700000", "14,000", "-31035"]
    assert [row[3] for row in rows if row[0] == "cabinet-1" and row[2] == "ngày"] == [f"2026-10-{n:02}" for n in range(1, 32)]


def test_in_english_figures_and_words_are_others(mosquitto: Mosquitto, core: Bench, tmp_path: Path) -> None:
    assert typed(mosquitto, "--month", "2026-10", "--out", str(tmp_path / "new" / "folder"), "--language", "en") == 0
    html = (tmp_path / "new" / "folder" / "nguyen-ly-2026-10.html").read_text("utf-8")
    assert 'lang="en"' in html
    assert "Electricity in 10/2026" in html
    assert ">1,240.0<" in html
    assert "2,981,059 VND" in html
    rows = list(csv.reader((tmp_path / "new" / "folder" / "nguyen-ly-2026-10.csv").read_text("utf-8-sig").splitlines()))
    assert rows[1][2:6] == ["month", "2026-10-01", "2026-10-31", "1240.000"]


def test_a_month_that_is_not_over_says_so_and_open_alarms_stand_below(
    mosquitto: Mosquitto, core: Bench, tmp_path: Path, capsys: Said
) -> None:
    for _ in range(12):
        core.put(ReadingsTaken("meter/cabinet-1", None, "no answer"))
        core.advance(10)
    core.advance(60)
    assert core.ask("alarms")["alarms"]
    now = f"{dt.datetime.fromtimestamp(SystemClock().now().wall + 7 * 3600, dt.UTC):%Y-%m}"
    assert typed(mosquitto, "--month", now, "--out", str(tmp_path)) == 0
    assert "the month is not over" in capsys.readouterr().err
    html = (tmp_path / f"nguyen-ly-{now}.html").read_text("utf-8")
    assert "tháng chưa hết" in html
    cells = Text(html).cells
    assert cells[cells.index("Tủ điện 1") + 6] == "–"  # a part of a month is not set against a whole one
    if "Hóa đơn giấy" in cells:  # from the 15th on, only the cabinet has a bill of a period that is over
        assert "Nhà văn hóa" not in cells[cells.index("Hóa đơn giấy") :]
    assert re.search(r"<li>21/11/2026 16:0\d: Tủ điện 1 không trả lời</li>", html)


def test_what_cannot_be_is_said_with_a_remedy(mosquitto: Mosquitto, core: Bench, tmp_path: Path, capsys: Said) -> None:
    assert typed(mosquitto, "--month", "2100-01") == 1
    assert "2100-01 has not begun: name a month such as" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert typed(mosquitto, "--month", "2026-10", "--out", str(tmp_path / "file")) == 2
    assert "name a folder that can be written with --out" in capsys.readouterr().err


def test_figures_are_as_each_language_writes_them() -> None:
    assert [figure(v, 1, "vi") for v in (1234567.25, -0.04, -1.26, 0)] == ["1.234.567,2", "0,0", "−1,3", "0,0"]
    assert [figure(v, 0, "en", signed=True) for v in (1234.6, -1234.6, 0.2)] == ["+1,235", "−1,235", "0"]
    assert (money(1234500, "VND", "vi"), money(1234500, "VND", "en"), money(1.5, "EUR", "vi")) == ("1.234.500 đ", "1,234,500 VND", "1,50 EUR")
    assert (csv_figure(1234.5, 2, "vi"), csv_figure(-1234.5, 2, "en"), csv_figure(None, 2, "vi")) == ("1234,50", "-1234.50", "")
    assert (csv_exact(230.1653137207, "vi"), csv_exact(5e-05, "en")) == ("230,165313721", "5e-05")
    assert csv_line(["a;b", 'c"d', "e,f"], "vi") == '"a;b";"c""d";e,f\r\n'
    assert [csv_text(t) for t in ("=1+1", "Tủ", "-x", "@x")] == ["'=1+1", "Tủ", "'-x", "'@x"]
    assert [round_up(v) for v in (0, 0.3, 7.1, 33, 9.99)] == [1.0, 0.30000000000000004, 8.0, 40.0, 10.0]
