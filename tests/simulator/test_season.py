"""A season of four plots in virtual time: what was planned is delivered, rain saves water, and no plant thirsts.

Three weeks of it are played here, a dry one and two of storms; all 120 days by `python -m tests.seasons`, which asks the same.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest
from seasons import FOLDER, OFF_PLAN, RAINY_MM, THIRST_S, Season, drawn, played

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
START, DAYS = dt.date(2026, 4, 19), 21
DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def season() -> Season:
    return played(DAYS, START)


def test_what_was_planned_is_delivered(season: Season) -> None:
    off = season.off_plan()
    assert len(off) == 8
    assert max(map(abs, off.values())) <= OFF_PLAN, off
    assert all(sum(plot.delivered) > 500 for plot in season.by_clock.water.plots)


def test_no_pump_runs_while_all_valves_are_shut(season: Season) -> None:
    assert season.shut_s() == 0
    for found in (season.by_soil, season.by_clock):
        assert found.water.pumps["pump-1"].on_s > 1800
        assert found.water.pumps["pump-1"].dry_s == 0


def test_rainy_weeks_use_less_than_fixed_times(season: Season) -> None:
    rainy = [(soil, clock) for mm, soil, clock in season.weeks() if mm >= RAINY_MM]
    assert len(rainy) >= 2
    assert all(soil < clock for soil, clock in rainy), season.weeks()


def test_no_plot_is_drier_than_its_threshold_for_more_than_a_day(season: Season) -> None:
    asking = season.by_soil.water.plots[:2]
    assert [plot.dry for plot in asking] == [27, 27]
    assert max(season.dry_s().values()) <= THIRST_S, season.dry_s()
    assert all(sum(plot.delivered) > 0 for plot in asking)


def test_nothing_is_wrong_in_it_and_what_is_wrong_would_be_told(season: Season) -> None:
    assert list(season.flaws()) == []
    water = season.by_soil.water
    one = water.plots[0]
    thirsty = replace(one, moisture=[(at, 26.8) for at, _ in one.moisture], planned=[2 * day for day in one.planned])
    pump = replace(water.pumps["pump-1"], shut_s=1.0)
    wasted = [replace(plot, delivered=[500.0] * DAYS) for plot in water.plots[1:]]
    worse = replace(season.by_soil, water=replace(water, plots=[thirsty, *wasted], pumps={"pump-1": pump}))
    told = "\n".join(replace(season, by_soil=worse).flaws())
    for words in ("plot-1 by the soil: delivered is", "1 s of pump", "mm of rain: ", "plot-1: 504 h below"):
        assert words in told


def test_both_ways_differ_in_their_programs_alone() -> None:
    soil, clock = ((FOLDER / f"{name}.yaml").read_text().partition("\nprograms:") for name in ("by-the-soil", "by-the-clock"))
    assert soil[0].partition("\nsite:")[2] == clock[0].partition("\nsite:")[2] != ""
    assert soil[2] != clock[2]


def test_the_picture_of_the_season_is_drawn_in_both_languages(season: Season) -> None:
    pictures = {language: drawn(season, language) for language in ("en", "vi")}
    assert "by the clock" in pictures["en"]
    assert "theo giờ cố định" in pictures["vi"]
    for language, picture in pictures.items():
        assert picture.count("<polyline") == 2
        kept = DOCS / f"season.{language}.svg"
        assert kept.stat().st_size < 150_000
        assert "<polyline" in kept.read_text(encoding="utf-8")
