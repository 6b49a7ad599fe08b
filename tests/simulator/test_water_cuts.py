"""Power cuts and kills in the middle of a run, with the clock set as it pleases: what the world got, and how often.

E-on is what the lines did. A cut may cost what was watered since the last checkpoint, which then is watered again: a
reopened valve gets at most CHECKPOINT_S more than planned for each cut, and never less.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from harm_house import EVERY
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from water_house import DAY_S, WaterHouse, fields

from edge.core.site import Site

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600 if EVERY else 300)]
CHECKPOINT_S, LEAD_S, LAG_S, L_MIN, FILL_L = 15.0, 5.0, 3.0, 12.0, 2.5
PLANNED_S, BEGINS_S = 1800.0, 120.0
POLL_S = 5.0
RUN = "morning-water:2026-02-16:0"
PROGRAM = '\n    kind: irrigation\n    start: "05:02"\n    zones: [{plot-1: 30m}]\n'
PHASES = (Phase.explicit, Phase.generate)  # an example is half an hour of virtual time: none is made smaller
EXAMPLES = settings(max_examples=200 if EVERY else 5, phases=PHASES)


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Site]:
    folder = tmp_path_factory.mktemp("fields")
    return {resume: fields(folder, f"{PROGRAM}    resume: {resume}\n") for resume in ("within 2h", "never")}


Break = tuple[float, str, float]  # how long (s) after the run's due time, what, and for how long it is down
TIMES = st.one_of(
    st.floats(-20, PLANNED_S + 20), st.sampled_from([0.0, 0.01, 4.99, 5.0, 5.01, 19.99, 20.0, 20.01, PLANNED_S - 0.01, PLANNED_S, PLANNED_S + 2])
)
CUTS = st.lists(st.tuples(TIMES, st.sampled_from(["cut", "kill"]), st.floats(0, 300)), min_size=1, max_size=4)
JUMPS = st.lists(
    st.tuples(TIMES, st.sampled_from(["-1d", "+365d", "-365d", "-1h", "+1h", "-30m", "+1m"])), min_size=1, max_size=3
)


def play(house: WaterHouse, cuts: list[Break], jumps: list[tuple[float, str]] = []) -> None:  # noqa: B006
    """Let it all happen; the times are those of the village, whatever the controller's clock says."""
    events = [(at, "jump", by) for at, by in jumps] + list(cuts)
    for at, what, how in sorted(events, key=lambda e: e[0]):
        house.advance(max(BEGINS_S + at - house.now, 0))
        if what == "jump":
            house.put("clock-jump", by=str(how))
        elif what == "cut":
            house.fast.reboot(max(float(how), 1.0))
        else:
            house.fast.restart(kill=True, down_s=float(how))
    house.advance(60)


def finish(house: WaterHouse) -> None:
    """Let all that may go on come to its end."""
    for _ in range(8):
        house.advance(900)
        if all(run["ended"] for run in house.rows("runs")) and not house.on():
            return


@contextmanager
def field(site: Site, poll_s: float = POLL_S) -> Iterator[WaterHouse]:
    made = WaterHouse(site, poll_s=poll_s)
    yield made
    made.close()


def the_run(house: WaterHouse) -> dict[str, Any]:
    return next(run for run in house.rows("runs") if run["id"] == RUN)


@EXAMPLES
@given(cuts=CUTS)
@example(cuts=[(900.0, "cut", 60.0)])
@example(cuts=[(19.99, "cut", 1.0), (60.0, "cut", 1.0), (900.0, "kill", 0.0), (1700.0, "cut", 300.0)])
def test_a_run_that_is_cut_gets_its_30_minutes_within_a_checkpoint(sites: dict[str, Site], cuts: list[Break]) -> None:
    with field(sites["within 2h"]) as house:
        play(house, cuts)
        finish(house)
        openings = len(house.spans("plot-1"))
        runs = {run["id"]: run["outcome"] for run in house.rows("runs")}
        if not openings:  # it was away when the run was due, and for longer than may be
            assert set(runs.values()) <= {"missed"}
            return
        assert runs == {RUN: "done"}
        delivered(house, openings)


def delivered(house: WaterHouse, openings: int) -> None:
    """All 30 minutes, and within a checkpoint of them for each time that the valve had to open again."""
    more = CHECKPOINT_S * (openings - 1) + LAG_S * openings + 1
    assert PLANNED_S - 1 <= house.on_s("plot-1") <= PLANNED_S + more
    assert PLANNED_S - (LEAD_S + 1) * openings <= house.fed_s("plot-1")
    litres = L_MIN * house.fed_s("plot-1") / 60
    assert litres - FILL_L * openings <= house.litres() <= litres + FILL_L * openings
    assert house.fast.village.hydraulics.account("pump-1", house.now).shut_s == 0


@EXAMPLES
@given(cut=TIMES.filter(lambda at: 0 <= at < PLANNED_S), kills=st.lists(TIMES, max_size=2), down_s=st.floats(1, 300))
@example(cut=900.0, kills=[], down_s=60.0)
def test_where_it_may_not_go_on_it_is_told_as_cut_short_with_what_it_got(
    sites: dict[str, Site], cut: float, kills: list[float], down_s: float
) -> None:
    with field(sites["never"]) as house:
        play(house, [(at, "kill", 3.0) for at in kills if 0 <= at < cut - 10])
        house.advance(max(BEGINS_S + cut - house.now, 0))
        watered, openings = house.on_s("plot-1"), len(house.spans("plot-1"))
        house.fast.reboot(down_s)
        finish(house)
        run, zone = the_run(house), house.rows("zones")[0]
        assert run["outcome"] == ("cut_short" if zone["done_s"] else "missed")
        assert house.on_s("plot-1") == watered, "it went on, though it must not"
        assert watered - (CHECKPOINT_S + LEAD_S) * openings - 1 <= zone["done_s"] <= watered + 1
        kind = "run-cut-short" if zone["done_s"] else "run-missed"
        assert [name for _, name in house.raised()] == [f"{kind}:program:morning-water"]


@EXAMPLES
@given(cut=TIMES.filter(lambda at: 60 < at < PLANNED_S - 1), down_s=st.floats(1, 300))
def test_what_a_person_opened_goes_on_after_a_kill_and_never_after_a_cut(
    sites: dict[str, Site], cut: float, down_s: float
) -> None:
    with field(sites["never"]) as house:
        house.open("plot-2", PLANNED_S)  # before the program's run, and beside it
        house.advance(20)
        house.fast.restart(kill=True, down_s=3)
        house.advance(90)  # the pump rests for a minute
        assert house.is_on("plot-2")
        house.advance(max(BEGINS_S + cut - house.now, 0))
        if not house.is_on("plot-2"):
            return
        watered = house.on_s("plot-2")
        house.fast.reboot(down_s)
        finish(house)
        assert house.on_s("plot-2") == watered
        by_person = [run for run in house.rows("runs") if run["user"] == "head"]
        assert [run["outcome"] for run in by_person] == ["cut_short"]


@EXAMPLES
@given(jumps=JUMPS, cuts=st.one_of(st.just([]), CUTS))
@example(jumps=[(900.0, "-1d")], cuts=[])
@example(jumps=[(-10.0, "+365d")], cuts=[])
@example(jumps=[(900.0, "-1d")], cuts=[(900.0, "cut", 60.0)])
@example(jumps=[(910.0, "+365d")], cuts=[(900.0, "cut", 60.0)])
@example(jumps=[(1850.0, "-1h")], cuts=[(1900.0, "cut", 1.0)])
def test_no_occurrence_is_watered_twice_however_the_clock_is_set(
    sites: dict[str, Site], jumps: list[tuple[float, str]], cuts: list[Break]
) -> None:
    with field(sites["within 2h"]) as house:
        play(house, cuts, jumps)
        finish(house)
        runs = house.rows("runs")
        watered = [run for run in runs if run["started"] is not None]
        assert {run["id"] for run in watered} == {f"{run['id'].rpartition(':')[0]}:0" for run in watered}
        reopened = len(house.spans("plot-1"))
        most = len(watered) * PLANNED_S + (CHECKPOINT_S + LAG_S) * reopened + 1
        assert house.on_s("plot-1") <= most, f"{house.on_s('plot-1')} s for {runs}"
        if not [what for _, what, _ in cuts if what == "cut"] and [run["id"] for run in watered] == [RUN]:
            assert the_run(house)["outcome"] == "done", "without a cut the clock is nothing to what runs"
            assert house.on_s("plot-1") >= PLANNED_S - 1


@pytest.mark.parametrize("back", ["-1d", "-10m"])
def test_the_days_after_a_clock_that_was_set_back_have_one_run_each(sites: dict[str, Site], back: str) -> None:
    """Set back a day it is the morning of the 15th, whose run never was and may still begin; then the 16th's comes due
    once more, which was watered already."""
    with field(sites["within 2h"], poll_s=600) as house:
        play(house, [(900.0, "cut", 30.0)], [(1000.0, back)])
        house.fast.advance(2.1 * DAY_S)
        runs = {run["id"]: run["outcome"] for run in house.rows("runs")}
        first = 15 if back == "-1d" else 16
        assert runs == {f"morning-water:2026-02-{day}:0": "done" for day in range(first, first + 3)}
        assert house.on_s("plot-1") == pytest.approx(3 * (PLANNED_S + LAG_S) + LAG_S, abs=CHECKPOINT_S + LEAD_S)


def test_without_a_confirmed_clock_what_was_cut_waits_for_it(sites: dict[str, Site]) -> None:
    with field(sites["within 2h"]) as house:
        house.advance(BEGINS_S + 900 - house.now)
        key = house.put("clock-untrusted")
        house.fast.reboot(60)
        house.advance(600)
        assert (house.on(), the_run(house)["ended"]) == ("", None)
        house.faults.clear(key)
        finish(house)
        assert the_run(house)["outcome"] == "done"
        delivered(house, 2)
