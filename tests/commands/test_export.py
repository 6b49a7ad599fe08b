"""`village-edge export`: what is in the history comes out of it, whole, in figures that a spreadsheet reads."""

from __future__ import annotations

import csv
import datetime as dt
import io
import sqlite3
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from card import Card
from fake_controller import parsed
from kept_history import DAY_S, START, house, minutes, roll_up, write
from villages import CATALOGUE

from edge.commands import export
from edge.core.values import Moment, Reading
from edge.exporting import Export
from edge.shell.history_file import open_history

Said = pytest.CaptureFixture[str]
SITE = """site: {id: thon, name: Thôn, latitude: 19.87, longitude: 105.68, timezone: Asia/Ho_Chi_Minh, language: vi}
ports:
  bus: {device: /dev/ttyUSB0, baudrate: 9600, parity: none}
meters:
  cabinet: {name: "Tủ; số 1", model: sdm630, port: bus, address: 1, rated_kw: 5}
"""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory with two days of a meter, and a sensor that is in no configuration any more."""
    (tmp_path / "site.yaml").write_text(SITE, "utf-8")
    write(tmp_path / "history.db", readings())
    return tmp_path


def readings() -> Iterator[Reading]:
    for n, reading in enumerate(minutes(2)):
        yield reading
        if n % 30 == 0:
            quality = "suspect" if n % 60 else "good"
            yield Reading("sensor/old", {"temperature_c": 20.5 + n / 10000}, reading.at + 1, quality, 1)  # type: ignore[arg-type]


def table(path: Path, separator: str = ";") -> list[list[str]]:
    raw = path.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""), delimiter=separator))


def typed(state: Path, *words: str) -> int:
    return export.run(parsed(export, "--state", str(state), *words))


def test_the_rows_come_in_the_order_of_time_with_names_and_figures_of_the_language(state: Path, tmp_path: Path, capsys: Said) -> None:
    out = tmp_path / "out.csv"
    assert typed(state, "--rows", "-o", str(out)) == 0
    assert capsys.readouterr().out == f"{out}: {1 + 2880 + 96} lines\n"
    head, *rows = table(out)
    assert head == ["Thời điểm", "Thiết bị", "Tên", "Chất lượng", "Đời", "power_w", "energy_kwh", "temperature_c"]
    assert rows[0] == ["2026-11-21 00:00:00", "meter/cabinet", "Tủ; số 1", "tốt", "1", "1200", "100", ""]
    assert rows[2] == ["2026-11-21 00:01:00", "meter/cabinet", "Tủ; số 1", "tốt", "1", "1200", "100,02", ""]
    assert [row for row in rows if row[1] == "sensor/old"][1] == ["2026-11-21 00:30:01", "sensor/old", "", "nghi ngờ", "1", "", "", "20,503"]
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    assert (rows[-1][0], len(rows)) == ("2026-11-22 23:59:00", 2976)
    assert list(tmp_path.glob("*.part")) == []


def test_days_and_devices_can_be_chosen_and_english_has_commas(state: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    chosen = ["--from", "2026-11-22", "--to", "2026-11-22", "--device", "meter/cabinet"]
    assert typed(state, "--rows", "--csv", "en", "-o", str(out), *chosen) == 0
    head, *rows = table(out, ",")
    assert head == ["Time", "Device", "Name", "Quality", "Life", "power_w", "energy_kwh"]
    assert (rows[0], len(rows)) == (["2026-11-22 00:00:00", "meter/cabinet", "Tủ; số 1", "good", "1", "1200", "128.8"], 1440)


def test_hours_are_the_same_before_and_after_they_were_rolled_up(state: Path, tmp_path: Path) -> None:
    early, late = tmp_path / "early.csv", tmp_path / "late.csv"
    assert typed(state, "-o", str(early)) == 0
    assert roll_up(state / "history.db", house(), START + 3 * DAY_S) == 96
    assert typed(state, "--hours", "-o", str(late)) == 0
    assert late.read_bytes() == early.read_bytes()
    head, *rows = table(late)
    assert head[3:] == [
        "power_w (trung bình)", "energy_kwh (cuối giờ)", "temperature_c (trung bình)", "Tiêu thụ (kWh)",
        "trong đó ước tính (kWh)", "Không đo được (s)",
    ]  # fmt: skip
    assert len(rows) == 96
    assert rows[0] == ["2026-11-21 00:00:00", "meter/cabinet", "Tủ; số 1", "1200", "101,18", "", "1,2000", "0,0000", "0"]
    assert rows[1] == ["2026-11-21 00:00:00", "sensor/old", "", "", "", "20,5015", "", "", ""]
    consumed = sum(float(row[6].replace(",", ".")) for row in rows if row[6])
    assert consumed == pytest.approx(57.6, abs=0.03)


def test_it_reads_while_the_controller_writes(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    (tmp_path / "site.yaml").write_text(SITE, "utf-8")
    controller = Card(tmp_path)
    controller.write(minutes(0.5))
    db = sqlite3.connect(tmp_path / "history.db", isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    db.execute("DELETE FROM rows")  # under way, and not there yet
    assert typed(tmp_path, "--rows") == 0
    db.execute("ROLLBACK")
    db.close()
    controller.close()
    assert capsysbinary.readouterr().out.count(b"\r\n") == 721


def test_what_cannot_be_is_said_with_a_remedy_and_leaves_no_file(state: Path, tmp_path: Path, capsys: Said) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "site.yaml").write_text(SITE, "utf-8")
    out = tmp_path / "out.csv"
    for words, status, said in (
        (["--device", "meter/cabinets"], 1, "the history has nothing of meter/cabinets; did you mean meter/cabinet?"),
        (["--from", "2027-01-01"], 1, "nothing of that time: it goes from 2026-11-21 to 2026-11-22"),
        (["-o", str(tmp_path / "no" / "out.csv")], 2, "No such file or directory: name another file with -o"),
        (["--config", str(tmp_path / "none.yaml")], 2, "there is no such file"),
    ):
        assert typed(state, *words, *([] if "-o" in words else ["-o", str(out)])) == status
        assert said in capsys.readouterr().err
    assert typed(empty) == 2
    assert "is --state the controller's state directory?" in capsys.readouterr().err
    (empty / "history.db").write_bytes(b"not SQLite at all" * 100)
    assert typed(empty, "-o", str(out)) == 2
    assert "cannot be read: file is not a database" in capsys.readouterr().err
    db = sqlite3.connect(state / "history.db")
    db.execute("UPDATE rows SET body = x'00' WHERE sequence = 2000")
    db.commit()
    db.close()
    assert typed(state, "--rows", "-o", str(out)) == 2
    assert "cannot be read: a row of the history" in capsys.readouterr().err
    assert not out.exists()
    assert not list(tmp_path.glob("*.part"))


def test_an_empty_history_says_so(tmp_path: Path, capsys: Said) -> None:
    (tmp_path / "site.yaml").write_text(SITE, "utf-8")
    open_history(tmp_path / "history.db").close()
    assert typed(tmp_path) == 1
    assert "the history has nothing yet" in capsys.readouterr().err


def test_a_terminal_sees_how_far_it_is(state: Path, tmp_path: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert typed(state, "--rows", "-o", str(tmp_path / "out.csv")) == 0
    said = capsys.readouterr().err.split("\r")
    assert "[###############...............]  50 %" in said or "[##############................]  49 %" in said
    assert said[-1] == ""


def test_what_a_spreadsheet_cannot_open_is_told(state: Path, tmp_path: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "MOST_LINES", 2000)
    assert typed(state, "--rows", "-o", str(tmp_path / "out.csv")) == 0
    assert "a spreadsheet opens 2000 lines at most" in capsys.readouterr().err


@pytest.mark.slow
def test_many_days_need_no_more_memory_than_a_few(tmp_path: Path) -> None:
    write(tmp_path / "history.db", minutes(21, every_s=240.0))
    roll_up(tmp_path / "history.db", house(), START + 22 * DAY_S)
    first = dt.date(2026, 11, 21)

    def peak(days: int, what: str) -> int:
        found = Export(house(), CATALOGUE, tmp_path / "history.db", "vi", Moment(START + 22 * DAY_S, 1.0, "b", True))
        tracemalloc.start()
        lines = sum(1 for _ in getattr(found, what)(first, first + dt.timedelta(days=days - 1), ["meter/cabinet"]))
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        found.close()
        assert lines == 1 + days * (360 if what == "rows" else 24)
        return used

    for what in ("rows", "hours"):
        peak(1, what)  # what is made once for all stays
        assert min(peak(21, what) for _ in range(2)) < 1.5 * peak(7, what)  # whatever another test's thread adds
