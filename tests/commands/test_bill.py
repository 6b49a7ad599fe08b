"""`village-edge bill` against a real broker and the core, whose files say the same of every meter."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from fake_controller import FakeController, parsed
from paper_files import serve
from support import Mosquitto
from villages import Bench

from edge.commands import bill
from edge.shell.app import catalogue
from edge.shell.clock import SystemClock
from edge.shell.site_file import load

Said = pytest.CaptureFixture[str]
CONFIG = Path(__file__).parents[2] / "config" / "nguyen-ly.yaml"


@pytest.fixture
def core(controller: FakeController) -> Bench:
    bench = Bench(load(CONFIG, catalogue()))
    serve(controller, bench, lambda *_: (16.0, 0.0, 0.0), SystemClock().now().wall)
    return bench


def typed(broker: Mosquitto, *words: str) -> int:
    return bill.run(parsed(bill, "--mqtt", f"127.0.0.1:{broker.port}", "--user", "head", *words))


def test_a_bill_is_entered_shown_listed_and_taken_back(mosquitto: Mosquitto, core: Bench, capsys: Said) -> None:
    whose = ["--meter", "cabinet-1", "--month", "2026-08"]
    assert typed(mosquitto, *whose, "--kwh", "512", "--amount", "1234567") == 0
    assert capsys.readouterr().out.splitlines() == [
        "cabinet-1, 2026-08-15 to 2026-09-14: the bill says 512.0 kWh, 1,234,567 in money",
        "counted: 496.0 kWh, 1,192,424 in money (100.0 % of the time was measured)",
        "difference, the bill less what was counted: +16.0 kWh, +42,143 in money",
    ]
    assert typed(mosquitto) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["meter", "from", "to", "kWh", "counted", "cost", "kWh", "on", "bill", "bill", "kWh", "more", "more"]
    rows = [line.split() for line in lines[1:]]
    assert ["cabinet-1", "2026-08-15", "2026-09-14", "496.0", "1,192,424", "512.0", "1,234,567", "+16.0", "+42,143"] in rows
    assert {row[0] for row in rows} == {"cabinet-1", "culture-house"}
    assert all(row[5:] == ["-"] * 4 for row in rows if row[1] != "2026-08-15")
    assert typed(mosquitto, "--meter", "culture-house") == 0
    assert {line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]} == {"culture-house"}
    assert typed(mosquitto, *whose, "--remove") == 0
    assert capsys.readouterr().out == "cabinet-1, period from 2026-08-15: no bill; it said 512.0 kWh, 1,234,567 in money\n"
    assert typed(mosquitto, *whose, "--remove") == 0
    assert capsys.readouterr().out == "cabinet-1, period from 2026-08-15: no bill; there was none\n"


def test_a_period_that_is_not_over_has_no_difference_yet(mosquitto: Mosquitto, core: Bench, capsys: Said) -> None:
    month = f"{dt.datetime.fromtimestamp(SystemClock().now().wall + 7 * 3600, dt.UTC):%Y-%m}"
    assert typed(mosquitto, "--meter", "culture-house", "--month", month, "--kwh", "7.5") == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].endswith("the bill says 7.5 kWh")
    assert said[2] == "the period is not over: the difference is told when it is"


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--month", "2026-10"], 2, "--month goes with --kwh, --amount or --remove"),
        (["--meter", "cabinet-1", "--kwh", "5"], 2, "say whose bill it is: --meter ID and --month YYYY-MM"),
        (["--meter", "cabinet-1", "--month", "2026-10", "--kwh", "5", "--remove"], 2, "give it without --kwh and --amount"),
        (["--meter", "cabinet-9", "--month", "2026-10", "--kwh", "5"], 1, "refused (unknown-device): 'cabinet-9' is not known; did you mean cabinet-1?"),
        (["--meter", "cabinet-9"], 1, "no meter cabinet-9 counts energy; there are cabinet-1, culture-house"),
        (["--meter", "cabinet-1", "--month", "1999-10", "--kwh", "5"], 1, "refused (bad-value): from must lie in the years 2000 to 2199"),
    ],
)
def test_what_cannot_be_is_said_with_a_remedy(
    mosquitto: Mosquitto, core: Bench, capsys: Said, words: list[str], status: int, said: str
) -> None:
    assert typed(mosquitto, *words) == status
    out, err = capsys.readouterr()
    assert (out, said in err) == ("", True), err


@pytest.mark.parametrize(
    ("option", "text", "said"),
    [
        ("--kwh", "1.234,5", "write a number without marks between thousands"),
        ("--amount", "1.234.567", "write a number without marks between thousands"),
        ("--amount", "1.234", "can be read in two ways: write 1234 or 1.2340"),
        ("--kwh", "-5", "write a number without marks between thousands"),
        ("--month", "10/2026", "write a month such as 2026-11"),
        ("--month", "2026-13", "write a month such as 2026-11"),
    ],
)
def test_a_figure_that_can_be_misread_is_not_taken(capsys: Said, option: str, text: str, said: str) -> None:
    with pytest.raises(SystemExit):
        parsed(bill, option, text)
    assert said in capsys.readouterr().err
