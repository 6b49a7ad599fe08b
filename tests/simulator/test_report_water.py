"""The report of a field: what was delivered is the world's own account, what was planned is the journal's."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator

import pytest
from villages import village, when

from edge.shell.app import catalogue
from simulator.fast import Fast
from simulator.report import Report, Sampler, report, summary
from simulator.report_page import page
from simulator.report_water import told

START = when("2026-03-01T12:00:00+07:00")
DAY_S = 86400.0
VALVE = {"max_on": "1h", "daily_max": "2h", "default": "20m", "pump": "p"}
FIELD = {
    "pumps": {"p": {"name": "Bơm", "output": {"gpio": 24}, "max_on": "2h", "daily_max": "6h"}},
    "valves": {
        "a": {"name": "Thửa A", "output": {"gpio": 25}, "normal_l_min": 12, **VALVE},
        "b": {"name": "Thửa <B>", "output": {"gpio": 12}, "normal_l_min": 9, **VALVE},
    },
}  # fmt: skip


class Days:
    """Days in a field that is watered by commands, or whose lines are driven by hand, looked at by a sampler."""

    def __init__(self) -> None:
        self.fast = Fast(village(lights={}, meters={}, **FIELD), catalogue(), START, 1, poll_s=600)
        self.sampler = Sampler(self.fast)

    def put(self, pin: int, on: bool) -> None:
        board = self.fast.village.board
        board.claim(pin, int(on), board.holder(pin) or 77)

    def water(self, seconds: float) -> None:
        """The pump runs for so long: it follows its valve 5 s later, which closes 3 s after it."""
        self.fast.send(f"{self.fast.root}/valve/a/set/head", {"action": "open", "for_s": seconds + 5})
        self.sampler.advance(seconds + 10)

    def report(self) -> Report:
        return report(self.fast, self.sampler, 1)


@pytest.fixture
def days() -> Iterator[Days]:
    made = Days()
    yield made
    made.fast.close()


def test_litres_fall_on_the_days_they_were_delivered_on(days: Days) -> None:
    days.water(1200)
    days.sampler.advance(DAY_S)
    days.water(600)
    days.sampler.advance(60)
    water = days.report().water
    assert water is not None
    plot = water.plots[0]
    assert plot.delivered == [pytest.approx(240, abs=1), pytest.approx(120, abs=1)]
    assert water.plots[1].delivered == [0, 0]
    assert water.pumps["p"].on_s == pytest.approx(1800)
    assert water.pumps["p"].shut_s == 0
    assert plot.moisture[-1][1] > plot.moisture[0][1] > water.plots[1].moisture[-1][1] - 10
    rain = days.fast.village.surroundings.rain
    assert sum(water.rain) == pytest.approx(rain.depth_mm(START, days.fast.time.wall()))


def test_a_pump_without_an_open_valve_is_told_of(days: Days) -> None:
    days.put(24, True)
    days.sampler.advance(42)
    days.put(24, False)
    days.sampler.advance(60)
    assert "42 s without an open valve" in summary(days.report())


def test_what_was_planned_and_why_it_was_not_done_is_the_journals(days: Days) -> None:
    days.sampler.advance(2 * DAY_S - 60)
    journal = sqlite3.connect(days.fast.journal_file)
    with journal:
        for n, (outcome, why) in enumerate((("done", ""), ("skipped", "rain"))):
            journal.execute(
                "INSERT INTO runs (id, program, cause, slot, outcome, why, paused, latest_wall, at) VALUES "
                "(?, 'dawn', 'program', ?, ?, ?, 0, 0, 0)", (f"dawn:{n}:0", START + n * DAY_S + 60, outcome, why),
            )  # fmt: skip
            for zone, (valve, seconds, litres) in enumerate((("valve/a", 1200, None), ("valve/b", None, 150))):
                journal.execute(
                    "INSERT INTO zones (id, run, valve, planned_s, planned_l, done_s, outcome, why) VALUES "
                    "(?, ?, ?, ?, ?, 0, ?, '')", (f"dawn:{n}:0/{zone}", f"dawn:{n}:0", valve, seconds, litres, outcome),
                )  # fmt: skip
    journal.close()
    found = days.report()
    assert found.water is not None
    assert [plot.planned for plot in found.water.plots] == [[240, 0], [150, 0]]
    assert [plot.skipped for plot in found.water.plots] == [[0, 240], [0, 150]]
    assert found.water.runs == {"dawn": Counter({("done", ""): 1, ("skipped", "rain"): 1})}
    assert "1 done, 1 skipped (rain 1)" in summary(found)
    assert "0 of 240 planned, 240 skipped" in summary(found)


def test_the_page_shows_the_field_in_the_villages_language_and_escapes_its_names(days: Days) -> None:
    days.water(1200)
    days.sampler.advance(DAY_S)
    drawn = page(days.report())
    assert "Nước tưới" in drawn
    assert "Thửa &lt;B&gt;" in drawn
    assert "<B>" not in drawn
    assert drawn.count("<polyline") == 2


def test_ends_are_told_with_their_reasons() -> None:
    ends = Counter({("done", ""): 50, ("skipped", "rain"): 2, ("skipped", "soil-wet"): 1})
    assert told(ends) == "50 done, 3 skipped (rain 2, soil-wet 1)"
