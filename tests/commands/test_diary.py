"""`village-edge diary` on files that the real store and the real history wrote: a month of a plot."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from card import Card
from fake_controller import parsed
from kept_history import DAY_S
from kept_runs import keep, noted, run_of
from villages import when

from edge.commands import diary
from edge.core.values import Reading
from edge.diary.code import canonical
from edge.diary.gathering import Gathering
from edge.shell.app import catalogue
from edge.shell.site_file import load

Said = pytest.CaptureFixture[str]
FIRST = when("2025-11-01T00:00:00+07:00")
SITE = """site: {id: thon, name: Thôn <Nguyên Lý>, latitude: 19.87, longitude: 105.68, timezone: Asia/Ho_Chi_Minh, language: vi}
ports:
  bus: {device: /dev/ttyUSB0, baudrate: 9600, parity: none}
pumps:
  pump-1: {name: Bơm, output: {gpio: 24}, max_on: 2h, daily_max: 6h}
valves:
  plot-1: {name: "Thửa 1; ruộng trên", area: field, output: {gpio: 25}, pump: pump-1, soil: soil-1, max_on: 60m, daily_max: 2h, default: 20m}
  plot-2: {name: Thửa 2, area: garden, output: {gpio: 12}, pump: pump-1, max_on: 60m, daily_max: 2h, default: 20m}
sensors:
  soil-1: {name: Đất thửa 1, model: rs485-soil-moisture-temperature, port: bus, address: 21, poll: 60s, record: 10m}
  air-far: {name: Nhà lưới, model: xy-md02, port: bus, address: 23}
  air-near: {name: Ngoài ruộng, area: field, model: xy-md02, port: bus, address: 24}
  light-1: {name: Ánh sáng, model: rs485-illuminance, port: bus, address: 25}
"""


def readings(days: int = 30) -> Iterator[Reading]:
    """Each sensor six times a day; the least and the most of a day grow by its number."""
    for n in range(days * 6):
        at = FIRST + n * DAY_S / 6
        up = n // 6 / 10 + n % 6
        yield Reading("sensor/soil-1", {"moisture_pct": 20 + up, "temperature_c": 24 + up}, at)
        yield Reading("sensor/air-far", {"temperature_c": 40.0, "humidity_pct": 50.0}, at)
        yield Reading("sensor/air-near", {"temperature_c": 18 + up, "humidity_pct": 70 + up}, at)
        yield Reading("sensor/light-1", {"illuminance_lux": 10_000 * (n % 6)}, at)


def at_five(day: int) -> float:
    return FIRST + (day - 1) * DAY_S + 5 * 3600


@pytest.fixture(scope="session")
def month(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """November 2025 of two plots; to be read only."""
    folder = tmp_path_factory.mktemp("month")
    (folder / "site.yaml").write_text(SITE, "utf-8")
    card = Card(folder)
    card.write(readings())
    card.close()
    one, two = {"valve": "valve/plot-1"}, {"valve": "valve/plot-2"}
    rain = {"outcome": "skipped", "why": "rain", "started": None, "ended": None, "done_s": 0.0, "litres": None}
    runs = [run_of("morning-water", at_five(day), one, two) for day in range(2, 31, 2) if day not in (10, 12)]
    runs.append(run_of("morning-water", at_five(10), one | rain, two | rain, outcome="skipped", why="rain"))
    runs.append(run_of("morning-water", at_five(12), one | {"done_s": 450.0, "litres": 90.4, "outcome": "cut_short", "why": "power-cut"}))
    by_hand = {"planned_s": None, "planned_l": 200.0, "done_s": 990.0, "litres": 200.2}
    runs.append(run_of("", at_five(2) + 12 * 3600, one | by_hand, user="head"))
    notes = [
        noted(at_five(2) + 12 * 3600, "head", "valve/plot-1", "open"),
        noted(at_five(3), "tho", "valve/plot-1", "lock", note="=thay van"),
        noted(at_five(4), "tho", "valve/plot-1", "open", "rejected"),
        noted(at_five(5), "head", "valve/plot-2", "open"),
    ]
    keep(folder / "journal.db", *runs, notes)
    return folder


@pytest.fixture
def mine(month: Path, tmp_path: Path) -> Path:
    """A copy of it, to be written to."""
    for name in ("site.yaml", "history.db", "journal.db"):
        (tmp_path / name).write_bytes((month / name).read_bytes())
    return tmp_path


def typed(state: Path, *words: str, first: str = "2025-11-01", last: str = "2025-11-30") -> int:
    return diary.run(parsed(diary, "--state", str(state), "--from", first, "--to", last, *words))


def table(path: Path) -> list[dict[str, str]]:
    raw = path.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline=""), delimiter=";"))


def code_of(state: Path, capsys: Said, *words: str) -> str:
    capsys.readouterr()
    assert typed(state, "--valve", "plot-1", *words) == 0
    found = re.search(r"([0-9A-Z]{5}-){3}[0-9A-Z]{5}", capsys.readouterr().out)
    assert found is not None
    return found[0]


def test_the_table_has_each_watering_and_the_day_of_the_plots_sensors(month: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    assert typed(month, "--csv", str(out)) == 0
    rows = table(out)
    plot = [row for row in rows if row["Thửa"] == "Thửa 1; ruộng trên"]
    assert len(plot) == 31  # a line a day, and the second of 2 November
    dry, first, second = plot[:3]
    assert (dry["Ngày"], dry["Bắt đầu"], dry["Kết quả"], dry["Đã tưới (phút)"]) == ("2025-11-01", "", "", "")
    assert [dry[f"Độ ẩm đất (%) {of}"] for of in ("thấp nhất", "trung bình", "cao nhất")] == ["20", "22,5", "25"]
    assert first["Nhiệt độ khí (°C) cao nhất"] == "23,1"  # of the sensor in the plot's own area
    assert first["Ánh sáng (lux) cao nhất"] == "50000"
    assert (first["Bắt đầu"], first["Kết thúc"]) == ("2025-11-02 05:00:00", "2025-11-02 05:30:00")
    assert (first["Dự kiến (phút)"], first["Đã tưới (phút)"], first["Lượng nước (l)"]) == ("20,0", "20,0", "240,0")
    assert (first["Lịch"], first["Người mở"], first["Kết quả"]) == ("morning-water", "", "xong")
    assert (second["Dự kiến (l)"], second["Lượng nước (l)"], second["Người mở"]) == ("200", "200,2", "head")
    assert second["Độ ẩm đất (%) cao nhất"] == ""  # once a day, so that a mean is not counted twice
    assert first["Thao tác tại van"] == "17:00 head: mở van"
    skipped = next(row for row in plot if row["Ngày"] == "2025-11-10")
    assert (skipped["Kết quả"], skipped["Bắt đầu"], skipped["Lượng nước (l)"]) == ("bỏ qua", "", "")
    locked = next(row for row in plot if row["Ngày"] == "2025-11-03")
    assert locked["Thao tác tại van"] == "05:00 tho: khóa, đang sửa (=thay van)"
    other = [row for row in rows if row["Thửa"] == "Thửa 2"]
    assert other[0]["Độ ẩm đất (%) trung bình"] == ""  # no probe
    assert other[0]["Nhiệt độ khí (°C) cao nhất"] == "40"  # none in its area: the first of the village
    assert other[4]["Thao tác tại van"] == "05:00 head: mở van"


def test_the_page_has_all_of_it_sums_and_its_code(month: Path, tmp_path: Path, capsys: Said) -> None:
    out = tmp_path / "out.html"
    assert typed(month, "--valve", "valve/plot-1", "--report", str(out)) == 0
    told = capsys.readouterr()
    said = told.out.splitlines()
    assert (said[0], told.err) == (str(out), "")
    assert said[1].startswith("plot-1           2025-11-01 to 2025-11-30: watered 15 times, 284 min, 3411 l; ")
    html = out.read_text("utf-8")
    assert '<html lang="vi">' in html
    assert "Thôn &lt;Nguyên Lý&gt;" in html
    assert "<script" not in html
    assert "http" not in html
    assert html.count("<article>") == 1
    assert "Cộng: 15 lần tưới, 1 lần không tưới" in html
    assert "bỏ qua: trời đang mưa" in html
    assert "dở dang: mất điện" in html
    assert "1 lần không tưới · 284 phút · 3.411 l · theo lịch 267,5 phút · do người mở 16,5 phút" in html
    assert ">05:00–05:30</td>" in html
    assert "20,0\N{HAIR SPACE}·\N{HAIR SPACE}22,5\N{HAIR SPACE}·\N{HAIR SPACE}25,0" in html
    assert "Trưởng thôn" in html
    code = said[1].rpartition("; ")[2]
    assert f"<b>{code}</b> · dòng số liệu 1–720" in html  # a row a reading; the other air sensor lies between
    assert f"--from 2025-11-01 --to 2025-11-30 --verify {code}" in html


def test_english_has_its_own_words_and_every_plot_a_page(month: Path, tmp_path: Path) -> None:
    page, sheet = tmp_path / "out.html", tmp_path / "out.csv"
    assert typed(month, "--language", "en", "--report", str(page), "--csv", str(sheet)) == 0
    html = page.read_text("utf-8")
    assert html.count("<article>") == 2
    assert "Sum: 15 waterings, 1 left out" in html
    assert "head: opened" in html
    assert sheet.read_text("utf-8-sig").startswith("Date,Area,Plot,Began,Ended,Planned (min)")


def test_months_have_sums_of_their_own(month: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.html"
    assert typed(month, "--valve", "plot-1", "--report", str(out), first="2025-10-30") == 0
    html = out.read_text("utf-8")
    assert "Tháng 10/2025: 0 lần tưới" in html
    assert "Tháng 11/2025: 15 lần tưới" in html


def test_the_code_is_found_again_also_as_people_type_it(month: Path, capsys: Said) -> None:
    code = code_of(month, capsys)
    for text in (code, code.lower(), code.replace("-", " "), code.replace("0", "o").replace("1", "l")):
        assert typed(month, "--valve", "plot-1", "--verify", text) == 0
        assert capsys.readouterr().out.startswith("same: what the card says of plot-1 from 2025-11-01 to 2025-11-30")


def test_the_code_stays_when_rows_are_rolled_up_and_when_they_leave(mine: Path, capsys: Said) -> None:
    code = code_of(mine, capsys)
    card = Card(mine)
    assert card.roll(FIRST + 60 * DAY_S) > 50
    assert code_of(mine, capsys) == code
    card.drop_before(FIRST + 20 * DAY_S)
    card.close()
    assert typed(mine, "--valve", "plot-1", "--verify", code) == 0
    assert typed(mine, "--valve", "plot-1", "--report", str(mine / "out.html")) == 0
    assert "dòng số liệu 481–720" in (mine / "out.html").read_text("utf-8")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE zones SET litres = litres + 0.1 WHERE run LIKE 'head:%'",
        "UPDATE zones SET started = started + 1 WHERE run LIKE 'head:%'",
        "UPDATE zones SET why = 'rain' WHERE run LIKE 'head:%'",
        "DELETE FROM zones WHERE run LIKE 'head:%'",
        "UPDATE runs SET user = 'tho' WHERE user = 'head'",
        "UPDATE runs SET outcome = 'cut_short' WHERE user = 'head'",
        "UPDATE audit SET user = 'tho' WHERE user = 'head' AND device = 'valve/plot-1'",
        "DELETE FROM audit WHERE device = 'valve/plot-1' AND outcome = 'accepted' AND user = 'tho'",
    ],
)
def test_whatever_changes_in_the_journal_changes_the_code(mine: Path, capsys: Said, change: str) -> None:
    code = code_of(mine, capsys)
    db = sqlite3.connect(mine / "journal.db")
    assert db.execute(change).rowcount >= 1
    db.commit()
    db.close()
    assert typed(mine, "--valve", "plot-1", "--verify", code) == 1
    assert "different: the card says something else of plot-1" in capsys.readouterr().err


def test_a_reading_that_is_gone_changes_the_code_and_another_plots_watering_does_not(mine: Path, capsys: Said) -> None:
    code = code_of(mine, capsys)
    keep(mine / "journal.db", run_of("evening", at_five(9), {"valve": "valve/plot-2"}))
    assert typed(mine, "--valve", "plot-1", "--verify", code) == 0
    card = Card(mine)
    card.take_out([101])  # one of the plot's own probe
    card.close()
    assert typed(mine, "--valve", "plot-1", "--verify", code) == 1


def test_neither_another_plot_nor_another_time_has_the_code(month: Path, capsys: Said) -> None:
    code = code_of(month, capsys)
    assert typed(month, "--valve", "plot-2", "--verify", code) == 1
    assert typed(month, "--valve", "plot-1", "--verify", code, last="2025-11-29") == 1
    assert typed(month, "--valve", "plot-1", "--verify", code, first="2025-10-31") == 1


def test_what_is_under_way_is_said(mine: Path, capsys: Said) -> None:
    going = {"valve": "valve/plot-1", "ended": None, "outcome": None, "done_s": 60.0}
    keep(mine / "journal.db", run_of("evening", at_five(29) + 3600, going, ended=None, outcome=None))
    assert typed(mine, "--valve", "plot-1", "--report", str(mine / "out.html")) == 0
    assert "its code will change" in capsys.readouterr().err
    html = (mine / "out.html").read_text("utf-8")
    assert "đang chạy" in html
    assert "Kỳ này chưa hết" in html


def test_it_reads_while_the_controller_writes(mine: Path, capsys: Said) -> None:
    code = code_of(mine, capsys)
    writers = [sqlite3.connect(mine / name, isolation_level=None) for name in ("journal.db", "history.db")]
    for db, statement in zip(writers, ("DELETE FROM zones", "DELETE FROM rows"), strict=True):
        db.execute("BEGIN IMMEDIATE")
        db.execute(statement)  # under way, and not there yet
    assert typed(mine, "--valve", "plot-1", "--verify", code) == 0
    for db in writers:
        db.execute("ROLLBACK")
        db.close()


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--valve", "plot-3"], 1, "the configuration has no valve plot-3; did you mean plot-"),
        (["--verify", "7K2QF-0XW8D-M3N5P-9TRVA"], 1, "a code is of one plot and of one time"),
        (["--valve", "plot-1", "--verify", "7K2QF-0XW8D-M3N5P-9TRVA", "--csv", "x"], 1, "--verify writes no files"),
        (["--to", "2025-10-01"], 1, "--from 2025-11-01 lies behind --to 2025-10-01"),
        (["--from", "2019-11-01"], 1, "a diary has at most 1098 days"),
        (["--from", "2199-01-01", "--to", "2199-01-02"], 1, "has not come yet"),
        (["--csv", "/nowhere/at/all.csv"], 2, "name a file that can be written"),
        (["--config", "/nowhere/site.yaml"], 2, "there is no such file"),
    ],
)
def test_what_cannot_be_is_said_with_a_remedy(month: Path, capsys: Said, words: list[str], status: int, said: str) -> None:
    assert typed(month, *words) == status
    assert said in capsys.readouterr().err


def test_what_is_no_code_is_refused_with_its_form(capsys: Said) -> None:
    for text in ("7K2QF-0XW8D-M3N5P", "7K2QF-0XW8D-M3N5P-9TRV?", "U" * 20):
        with pytest.raises(SystemExit):
            parsed(diary, "--state", ".", "--verify", text)
        assert "write it as on the page, XXXXX-XXXXX-XXXXX-XXXXX" in capsys.readouterr().err


def test_files_that_are_missing_or_damaged_are_named(mine: Path, capsys: Said) -> None:
    db = sqlite3.connect(mine / "journal.db")
    db.execute("UPDATE audit SET details = 'no JSON'")
    db.commit()
    db.close()
    assert typed(mine) == 2
    assert "cannot be read" in capsys.readouterr().err
    (mine / "history.db").write_bytes(b"not SQLite at all" * 100)
    assert typed(mine) == 2
    assert "cannot be read: file is not a database" in capsys.readouterr().err
    (mine / "history.db").unlink()
    assert typed(mine) == 2
    assert "history.db is not there: is --state the controller's state directory?" in capsys.readouterr().err


def test_a_terminal_sees_how_far_it_is(month: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert typed(month) == 0
    shown = re.findall(r"\] +(\d+) %", capsys.readouterr().err)
    assert shown[-1] == "100"
    assert len(shown) == 12


def test_the_code_is_that_of_the_lines_that_the_documentation_names(month: Path) -> None:
    models = catalogue()
    gathering = Gathering(load(month / "site.yaml", models), models, month / "journal.db", month / "history.db")
    lines = [json.loads(line) for line in canonical(gathering.diary("plot-1", dt.date(2025, 11, 1), dt.date(2025, 11, 30))).splitlines()]
    gathering.close()
    assert lines[0] == ["village-edge diary", 1, "thon", "valve/plot-1", "2025-11-01", "2025-11-30", "Asia/Ho_Chi_Minh"]
    kinds = [line[0] for line in lines[1:]]
    assert {kind: kinds.count(kind) for kind in kinds} == {"zone": 16, "note": 2, "day": 150}
    assert lines[-1] == ["day", "2025-11-30", "light", "sensor/light-1", "illuminance_lux", 6, 0.0, 150000.0, 50000.0]
    watered = next(line for line in lines if line[0] == "zone")
    assert watered[1:10] == [
        f"morning-water:{at_five(2):.0f}:0/0", "valve/plot-1", 1200.0, None, 1200.0, 240.0, at_five(2),
        at_five(2) + 1800.0, "done",
    ]  # fmt: skip
