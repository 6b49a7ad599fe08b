"""A run's life by itself: what counts, what ends, what comes of it; and the order in which zones get their valves."""

from __future__ import annotations

import pytest

from edge.core import run_queue, run_rows
from edge.core.events import Persist
from edge.core.irrigation import Run, Zone
from edge.core.memory import WaterMemory
from edge.core.run_words import WHY, words
from edge.core.site import IrrigationProgram
from edge.core.values import Deadline, Moment

NOW = Moment(1_795_212_000.0, 100.0, "boot-1", True)


def run(name: str = "p:2026-11-21:0", *zones: Zone, due: float = 0.0, **more: object) -> Run:
    """A program's run of these zones."""
    kept: dict[str, object] = {"program": "p"} | more
    return Run(name, due, Deadline(NOW.wall + 7200, 7300.0, "boot-1"), list(zones), **kept)  # type: ignore[arg-type]


def person(command: str, *zones: Zone, due: float = 0.0) -> Run:
    return run(f"head:2026-11-21:{command}", *zones, due=due, program=None, user="head", cause="person")


# --- what counts ---


def test_nothing_counts_until_water_flows_then_all_from_the_opening() -> None:
    zone = Zone("valve/a", 60.0)
    zone.take(None, 100.0)
    zone.look(100.0, False, None, 104.0, 5.0)
    assert (zone.done_s, zone.counts()) == (0.0, False)
    zone.look(100.0, True, None, 105.0, 5.0)
    assert (zone.done_s, zone.counts()) == (5.0, True)
    zone.look(100.0, True, None, 160.0, 5.0)
    assert zone.over()


def test_a_zone_that_is_over_before_the_pump_starts_is_over_all_the_same() -> None:
    zone = Zone("valve/a", 3.0)
    zone.take(None, 100.0)
    zone.look(100.0, False, None, 103.0, 5.0)
    assert zone.over()


def test_a_pump_that_stands_while_the_valve_stays_open_gives_nothing() -> None:
    zone = Zone("valve/a", 600.0)
    zone.take(None, 100.0)
    for flowing, mono in ((True, 150.0), (False, 160.0), (True, 200.0), (True, 210.0)):
        zone.look(100.0, flowing, None, mono)
    assert zone.done_s == 60.0  # 100 to 150, and 200 to 210: what came in the doubtful 10 s is not counted


def test_what_a_valve_gave_to_another_zone_is_not_this_zones() -> None:
    zone = Zone("valve/a", 600.0)
    zone.take(50.0, 300.0)
    zone.look(100.0, True, 60.0, 310.0)
    assert (zone.done_s, zone.litres) == (10.0, 10.0)
    zone.release()
    zone.look(100.0, True, 90.0, 400.0)
    assert (zone.done_s, zone.litres) == (10.0, 10.0)


def test_litres_end_a_zone_and_time_does_where_they_do_not_come() -> None:
    zone = Zone("valve/a", None, 100.0)
    zone.take(0.0, 0.0)
    zone.look(0.0, True, 40.0, 50.0)
    assert zone.left_s(10.0) == float("inf")
    zone.look(0.0, True, 40.0, 110.0)
    assert zone.left_s(10.0) == pytest.approx(1.5 * 600 - 110)  # 100 l at 10 l/min, half as long again
    zone.look(0.0, True, 99.0, 120.0)
    assert not zone.over(10.0)
    zone.look(0.0, True, 100.0, 121.0)
    assert zone.over(10.0)


def test_a_soaked_piece_begins_anew() -> None:
    zone = Zone("valve/a", 600.0)
    zone.take(None, 0.0)
    zone.look(0.0, True, None, 120.0)
    assert zone.change_in(120.0, None) == 0.0
    zone.soak(120.0, 300.0)
    assert (zone.done_s, zone.piece_s, zone.soaks_until, zone.counts()) == (120.0, 0.0, 420.0, False)


# --- what comes of it ---


@pytest.mark.parametrize(("outcomes", "expected"), [
    (("done", "done"), ("done", "")),
    (("done", "skipped"), ("done", "")),
    (("skipped", "skipped"), ("skipped", "person")),
    (("done", "cut_short"), ("cut_short", "person")),
    (("done", "missed"), ("missed", "person")),
])
def test_a_run_is_what_its_zones_were(outcomes: tuple[str, ...], expected: tuple[str, str]) -> None:
    found = run("p:2026-11-21:0", *(Zone(f"valve/{n}", 60.0) for n in range(2)))
    assert not found.settle(NOW)
    for zone, outcome in zip(found.zones, outcomes, strict=True):
        zone.end(outcome, "" if outcome == "done" else "person", NOW.wall)  # type: ignore[arg-type]
    assert found.settle(NOW)
    assert (found.outcome, found.why) == expected
    assert not found.settle(NOW)


def test_what_is_broken_off_was_cut_short_or_missed() -> None:
    found = run("p:2026-11-21:0", Zone("valve/a", 60.0, done_s=30.0), Zone("valve/b", 60.0))
    found.break_off("late", NOW)
    assert [zone.outcome for zone in found.zones] == ["cut_short", "missed"]
    assert (found.outcome, found.why, found.ended) == ("cut_short", "late", NOW.wall)
    other = run("p:2026-11-21:0", Zone("valve/a", 60.0))
    other.break_off("away", NOW)
    assert other.outcome == "missed"


def test_every_why_has_words_in_both_languages() -> None:
    for code in WHY:
        told = words(code)
        assert told["why"]
        assert told["why_vi"]


# --- whose turn it is ---


def valves(*runs: Run, mono: float = 100.0) -> list[tuple[str, str]]:
    return [(p.run.id.split(":")[0] + p.run.id[-1], p.zone.valve[-1]) for p in run_queue.places(runs, mono)]


def test_persons_come_first_then_what_waters_then_by_due_time_and_order() -> None:
    first, second = run("p:d:0", Zone("valve/a", 9.0), Zone("valve/b", 9.0), due=1.0), run("q:d:1", Zone("valve/c", 9.0), due=2.0)
    assert valves(second, first) == [("p0", "a"), ("p0", "b"), ("q1", "c")]
    second.zones[0].take(None, 0.0)
    second.zones[0].look(0.0, True, None, 1.0)
    assert valves(first, second)[0] == ("q1", "c")
    assert valves(first, second, person("c-7", Zone("valve/d", 9.0), due=9.0))[0] == ("head7", "d")


def test_a_valve_is_one_zones_and_who_soaks_or_is_paused_lets_others_go() -> None:
    first, mine = run("p:d:0", Zone("valve/a", 9.0), Zone("valve/b", 9.0)), person("c-7", Zone("valve/a", 9.0))
    assert valves(first, mine) == [("head7", "a"), ("p0", "b")]
    first.zones[1].soaks_until = 101.0
    assert valves(first, mine) == [("head7", "a")]
    assert valves(first, mine, mono=101.0) == [("head7", "a"), ("p0", "b")]
    mine.paused = True
    assert valves(first, mine) == [("p0", "a")]


# --- the journal ---


def memory(*runs: Run) -> WaterMemory:
    rows = [effect for each in runs for effect in run_rows.keep(each, NOW) if isinstance(effect, Persist)]
    of = {t: {e.key[1]: e.row for e in rows if e.key[0] == t and e.row is not None} for t in ("runs", "zones")}
    return WaterMemory(of["runs"], of["zones"])


def program(resume: str) -> IrrigationProgram:
    return IrrigationProgram.model_validate(
        {"kind": "irrigation", "start": "05:00", "zones": [{"a": "10m"}, {"b": "10m"}], "resume": resume}
    )


def test_what_is_kept_comes_back_as_it_was_in_the_order_of_its_zones() -> None:
    kept = run("p:2026-11-21:0", *(Zone(f"valve/{n}", 60.0 + n, done_s=n, litres=None) for n in range(12)), due=5.0)
    kept.paused = True
    going, ended = run_rows.recalled(memory(kept), {"p": program("never")}, {f"valve/{n}" for n in range(12)}, NOW)
    assert ended == []
    assert [zone.planned_s for zone in going[0].zones] == [60.0 + n for n in range(12)]
    assert (going[0].id, going[0].due, going[0].latest, going[0].paused) == (kept.id, 5.0, kept.latest, True)


@pytest.mark.parametrize(("resume", "boot", "goes_on"), [
    ("never", "boot-1", True), ("never", "boot-2", False), ("within 2h", "boot-2", True),
])
def test_a_programs_run_goes_on_in_its_boot_and_else_as_resume_has_it(resume: str, boot: str, goes_on: bool) -> None:
    kept = run("p:2026-11-21:0", Zone("valve/a", 60.0, done_s=10.0), due=NOW.wall)
    later = Moment(NOW.wall + 60, 5.0, boot, True)
    going, ended = run_rows.recalled(memory(kept), {"p": program(resume)}, {"valve/a"}, later)
    assert bool(going) == goes_on
    if ended:
        assert (ended[0].outcome, ended[0].why) == ("cut_short", "power-cut")
    elif boot != "boot-1":
        assert going[0].unconfirmed
        run_rows.confirm(going[0], later)
        assert going[0].latest == Deadline(kept.latest.wall, 5.0 + 7140, "boot-2")


def test_a_persons_run_never_goes_on_in_another_boot() -> None:
    kept = person("c-1", Zone("valve/a", 60.0))
    same, _ = run_rows.recalled(memory(kept), {}, {"valve/a"}, NOW)
    assert same[0].command == "c-1"
    _, ended = run_rows.recalled(memory(kept), {}, {"valve/a"}, Moment(NOW.wall, 1.0, "boot-2", True))
    assert ended[0].outcome == "missed"


def test_a_valve_that_is_gone_takes_its_zone_with_it() -> None:
    kept = run("p:2026-11-21:0", Zone("valve/a", 60.0), Zone("valve/b", 60.0))
    going, _ = run_rows.recalled(memory(kept), {"p": program("never")}, {"valve/b"}, NOW)
    assert [(zone.outcome, zone.why) for zone in going[0].zones] == [("missed", "removed"), (None, "")]
