"""When irrigation is due: worked-out examples, and properties over programs, places, seasons and changes of the clocks."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from villages import village, when

from edge.core.occurrences import QUEUE_S, START_LATE_S, Occurrence, WaterCalendar
from edge.core.site import IrrigationProgram, Site
from edge.core.sun import sun_time

DAY_S = 86400.0
WATER: dict[str, Any] = {"kind": "irrigation", "start": "05:00", "zones": [{"v1": "20m"}]}


def field(zone: str = "Asia/Ho_Chi_Minh", pump: dict[str, Any] | None = None, **programs: dict[str, Any]) -> Site:
    """Three valves behind a pump and one, v0, without, in a village that may lie in another zone."""
    limits = {"max_on": "1d", "daily_max": "1d"}
    valves = {
        f"v{n}": {"name": "Thửa", "output": {"gpio": 4 + n}, "default": "20m", **limits, **({"pump": "p"} if n else {})}
        for n in range(4)
    }
    one = {"name": "Bơm", "output": {"gpio": 24}, "lead": "5s", "lag": "3s", "rest": "60s", **limits, **(pump or {})}
    site = village(programs=programs, pumps={"p": one}, valves=valves)
    return site.model_copy(update={"site": site.site.model_copy(update={"timezone": zone})})


def of(site: Site) -> WaterCalendar:
    programs = {name: p for name, p in site.programs.items() if isinstance(p, IrrigationProgram)}
    return WaterCalendar(site.site, programs, site)


def calendar(zone: str = "Asia/Ho_Chi_Minh", pump: dict[str, Any] | None = None, **program: Any) -> WaterCalendar:
    timed = {} if program.keys() & {"finish_before", "window"} else {"start": "05:00"}
    whole = {"kind": "irrigation", "zones": [{"v1": "20m"}], **timed, **program}
    return of(field(zone, pump, w=whole))


def local(wall: float, zone: str = "Asia/Ho_Chi_Minh") -> str:
    return f"{dt.datetime.fromtimestamp(wall, ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}"


def dates(c: WaterCalendar, first: str, days: int) -> list[str]:
    """The dates, month-day, in the ids of what is due within so many days from local midnight of `first`."""
    start = when(f"{first}T00:00:00+07:00") - 1
    return [found.id.split(":")[1][5:] for found in c.coming(start, start + days * DAY_S)]


def length(c: WaterCalendar, first: str = "2026-11-21") -> float:
    start = when(f"{first}T00:00:00+07:00")
    [found] = c.coming(start, start + DAY_S)
    [program] = c._programs.values()
    return c.length_s(program, found.shares)


# --- the days ---


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ({}, ["11-26", "11-27", "11-28", "11-29", "11-30", "12-01", "12-02", "12-03"]),
        ({"days": "mon,wed"}, ["11-30", "12-02"]),
        ({"month_days": "1,28,31"}, ["11-28", "12-01"]),
        ({"every": "3d", "starting": "2026-11-24"}, ["11-27", "11-30", "12-03"]),
        ({"every": "2d", "starting": "2026-12-01"}, ["12-01", "12-03"]),
        ({"dates": "11-30..12-01"}, ["11-30", "12-01"]),
        ({"dates": ["2026-11-27..2026-11-28", "12-03", "2025-12-01"]}, ["11-27", "11-28", "12-03"]),
        ({"dates": "12-01..02-01", "days": "wed"}, ["12-02"]),
        ({"season": {12: 0}}, ["11-26", "11-27", "11-28", "11-29", "11-30"]),
    ],
)
def test_the_dates_are_those_that_the_program_names(days: dict[str, Any], expected: list[str]) -> None:
    assert dates(calendar(**days), "2026-11-26", 8) == expected


def test_the_date_is_that_of_the_time_named_wherever_the_run_begins() -> None:
    early = calendar(finish_before="00:10", days="fri")
    [found] = early.coming(when("2026-11-26T00:00:00+07:00"), when("2026-11-28T00:00:00+07:00"))
    assert (found.id, local(found.due)) == ("w:2026-11-27:0", "2026-11-26 23:49:56")
    late = calendar(start="sunset + 6h", days="fri")
    [found] = late.coming(when("2026-11-27T00:00:00+07:00"), when("2026-11-28T12:00:00+07:00"))
    sunset = sun_time("sunset", 19.87, 105.68, dt.date(2026, 11, 27), "Asia/Ho_Chi_Minh")
    assert (found.id, found.due) == ("w:2026-11-27:0", sunset + 6 * 3600)


# --- an occurrence ---


def test_it_may_start_for_a_minute_and_waits_two_hours_in_a_queue() -> None:
    c = calendar()
    due = when("2026-11-27T05:00:00+07:00")
    [found] = c.around(due)
    assert (found.due, found.until, found.latest_end) == (due, due + START_LATE_S, due + 1204 + QUEUE_S)
    assert not found.by_soil
    assert (c.around(due - 0.001), c.around(due + START_LATE_S + 0.001)) == ([], [])


def test_with_resume_it_may_begin_and_end_so_much_later() -> None:
    due = when("2026-11-27T05:00:00+07:00")
    [found] = calendar(resume="within 30m").around(due)
    assert (found.until, found.latest_end) == (due + 1800, due + 1204 + 1800)
    [found] = calendar(resume="within 10s").around(due)
    assert found.until == due + START_LATE_S


def test_by_the_soil_it_may_start_through_the_window_also_past_midnight() -> None:
    c = calendar(window="22:00..05:00", start_when={"soil_below": 20, "soil_above": 30}, days="fri")
    [found] = c.around(when("2026-11-28T04:59:00+07:00"))
    assert (found.id, found.by_soil) == ("w:2026-11-27:0", True)
    assert (local(found.due), local(found.until)) == ("2026-11-27 22:00:00", "2026-11-28 05:00:00")
    assert found.latest_end == found.until + 1204 + QUEUE_S
    assert c.around(when("2026-11-27T04:59:00+07:00")) == []


def test_the_shares_follow_the_season_of_the_date() -> None:
    c = calendar(zones=[{"v1": "20m"}, {"v2": "200l"}], season={11: 60, 12: 150})
    [november] = c.around(when("2026-11-30T05:00:00+07:00"))
    [december] = c.around(when("2026-12-01T05:00:00+07:00"))
    assert [(s.valve, s.for_s, s.volume_l) for s in november.shares] == [("valve/v1", 720.0, None), ("valve/v2", None, 120.0)]
    assert [(s.valve, s.for_s, s.volume_l) for s in december.shares] == [("valve/v1", 1800.0, None), ("valve/v2", None, 300.0)]


def test_of_two_at_one_time_the_one_that_stands_first_comes_first() -> None:
    site = field(b=WATER, a=WATER, c=WATER | {"start": "04:59"})
    assert [found.program for found in of(site).around(when("2026-11-27T05:00:00+07:00"))] == ["c", "b", "a"]


def test_a_program_that_is_put_counts_from_then_on() -> None:
    site = field(w=WATER)
    programs = {"w": site.programs["w"]}
    c = WaterCalendar(site.site, programs, site)  # type: ignore[arg-type]
    at = when("2026-11-27T05:00:30+07:00")
    assert ([f.due for f in c.around(at)], c.next_due(at)) == ([at - 30], at - 30 + DAY_S)
    programs["w"] = IrrigationProgram.model_validate(WATER | {"start": "05:01"})
    assert (c.around(at), c.next_due(at)) == ([], at + 30)
    programs["x"] = IrrigationProgram.model_validate(WATER)
    assert [f.id for f in c.around(at)] == ["x:2026-11-27:0"]


def test_what_never_comes_is_never_due() -> None:
    never = calendar(dates="2025-01-01")
    assert never.next_due(when("2026-11-27T00:00:00+07:00")) == math.inf
    assert calendar(season=dict.fromkeys(range(1, 13), 0)).next_due(when("2026-11-27T00:00:00+07:00")) == math.inf
    assert local(calendar(dates="2027-11-20").next_due(when("2026-11-27T00:00:00+07:00"))) == "2027-11-20 05:00:00"
    assert calendar(dates="2027-12-20").next_due(when("2026-11-27T00:00:00+07:00")) == math.inf


# --- how long a run takes ---

TWO = {"zones": [{"v1": "10m"}, {"v2": "20m"}]}


@pytest.mark.parametrize(
    ("program", "pump", "expected"),
    [
        (TWO, {}, 1 + 600 + 60 + 1 + 1200 + 3),  # a second to open; the pump stops in between, and rests
        (TWO, {"rest": "0s"}, 1 + 600 + 3 + 1 + 1200 + 3),  # and the valve closes behind it
        (TWO, {"zones_at_once": 2}, 1 + 1200 + 3),
        ({"zones": [{"v1": "10m"}, {"v2": "20m"}, {"v3": "15m"}]}, {"zones_at_once": 2}, 1 + 600 + 900 + 3),  # it runs on
        ({"zones": [{"v1": "10m"}, {"v1": "20m"}]}, {"zones_at_once": 2}, 1865),  # a valve has one zone at a time
        ({"zones": [{"v0": "1h"}, {"v1": "20m"}]}, {}, 1 + 3600),  # v0 needs no pump
        ({"zones": [{"v1": "200l"}]}, {}, 1 + 5 + 1200 + 3),  # 10 l/min
        # v1 0-10, v2 11-21, v1 soaks until 25, v2 until 36
        ({"zones": [{"v1": "20m"}, {"v2": "20m"}], "cycle": "10m", "soak": "15m"}, {}, 1 + 600 + 900 + 1 + 600 + 60 + 1 + 600 + 3),
        ({"zones": [{"v1": "20m"}], "cycle": "10m", "soak": "1m"}, {"rest": "5m"}, 1 + 600 + 300 + 1 + 600 + 3),
        ({"zones": [{"v1": "20m"}], "cycle": "10m", "soak": "30m"}, {"rest": "5m"}, 1 + 600 + 1800 + 1 + 600 + 3),
        ({"zones": [{"v1": "40m"}, {"v2": "40m"}]}, {"max_on": "1h"}, 1 + 2400 + 60 + 1 + 2400 + 3),
        # the pump must stop 30 min after its start, 5 s after the valve opened
        ({"zones": [{"v1": "40m"}]}, {"max_on": "30m"}, 1 + 1805 + 60 + 1 + 595 + 3),
        ({"zones": [{"v1": "40m"}, {"v2": "40m"}]}, {"lag": "0s", "rest": "0s"}, 1 + 2400 + 1 + 2400),
    ],
)
def test_the_length_of_a_run_is_what_pump_and_soil_make_of_it(
    program: dict[str, Any], pump: dict[str, Any], expected: float
) -> None:
    assert length(calendar(pump=pump, **program)) == pytest.approx(expected)


# --- changes of the clocks ---


@pytest.mark.parametrize(
    ("zone", "day", "time", "due"),
    [
        ("Europe/Berlin", "2026-03-29", "02:30", "03:30:00"),  # there is none; an hour is left out
        ("Europe/Berlin", "2026-10-25", "02:30", "02:30:00"),  # there are two
        ("America/Sao_Paulo", "2018-11-04", "00:00", "01:00:00"),
        ("America/Havana", "2026-11-01", "00:30", "00:30:00"),
    ],
)
def test_a_time_that_the_clocks_skip_or_repeat_comes_once(zone: str, day: str, time: str, due: str) -> None:
    c = calendar(zone, start=time)
    noon = dt.datetime.combine(dt.date.fromisoformat(day), dt.time(12), ZoneInfo(zone)).timestamp()
    found = c.coming(noon - 1.5 * DAY_S, noon + 1.5 * DAY_S)
    assert [one.id for one in found] == sorted({one.id for one in found})
    [one] = [one for one in found if one.id == f"w:{day}:0"]
    assert local(one.due, zone) == f"{day} {due}"
    assert one in c.around(one.due)


def test_a_date_that_a_zone_left_out_has_none() -> None:
    zone = "Pacific/Apia"
    noon = dt.datetime(2011, 12, 29, 12, tzinfo=ZoneInfo(zone)).timestamp()
    found = calendar(zone).coming(noon - DAY_S, noon + 2 * DAY_S)
    assert [one.id for one in found] == ["w:2011-12-29:0", "w:2011-12-31:0", "w:2012-01-01:0"]


def test_a_window_that_is_skipped_is_as_long_as_by_the_clock() -> None:
    c = calendar("Europe/Berlin", window="02:15..03:00", start_when={"soil_below": 20, "soil_above": 30})
    noon = dt.datetime(2026, 3, 29, 12, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
    [found] = c.coming(noon - DAY_S / 2, noon)
    assert (local(found.due, "Europe/Berlin"), found.until - found.due) == ("2026-03-29 03:15:00", 2700)


# --- properties ---

ZONES = ("Asia/Ho_Chi_Minh", "Europe/Berlin", "America/Havana", "Australia/Lord_Howe", "Pacific/Chatham")
clocks = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
times = st.one_of(clocks, st.builds("{} {} {}m".format, st.sampled_from(("sunrise", "sunset")), st.sampled_from("+-"), st.integers(0, 360)))
day = st.dates(dt.date(2026, 1, 1), dt.date(2027, 12, 31))
which = st.one_of(
    st.just({}),
    st.builds(lambda days: {"days": ",".join(days)}, st.lists(st.sampled_from(["mon", "wed", "sat"]), min_size=1, unique=True)),
    st.builds(lambda days: {"month_days": ",".join(map(str, days))}, st.lists(st.integers(1, 31), min_size=1, max_size=4, unique=True)),
    st.builds(lambda n, since: {"every": f"{n}d", "starting": f"{since}"}, st.integers(1, 9), day),
)
within = st.one_of(st.just({}), st.builds(lambda a, b: {"dates": f"{a:%m-%d}..{b:%m-%d}"}, day, day))
amounts = st.one_of(st.builds("{}m".format, st.integers(1, 90)), st.builds("{}l".format, st.integers(1, 900)))
zones = st.lists(st.builds(lambda valve, amount: {valve: amount}, st.sampled_from(["v0", "v1", "v2", "v3"]), amounts), min_size=1, max_size=5)
pieces = st.one_of(st.just({}), st.builds(lambda c, s: {"cycle": f"{c}m", "soak": f"{s}m"}, st.integers(3, 30), st.integers(1, 40)))
season = st.one_of(st.just({}), st.builds(lambda s: {"season": s}, st.dictionaries(st.integers(1, 12), st.integers(0, 300), min_size=1)))
resume = st.one_of(st.just({}), st.builds(lambda m: {"resume": f"within {m}m"}, st.integers(1, 1440)))
SOIL = {"start_when": {"soil_below": 20, "soil_above": 30}}
timed = st.one_of(
    st.builds(lambda at: {"start": at}, times),
    st.builds(lambda at: {"finish_before": at}, times),
    st.builds(lambda a, b: {"window": f"{a}..{b}", **SOIL}, clocks, clocks).filter(lambda w: w["window"][:5] != w["window"][7:]),
)
programs = st.builds(lambda *parts: dict(kind="irrigation", **{k: v for part in parts for k, v in part.items()}),
                     st.builds(lambda z: {"zones": z}, zones), timed, which, within, pieces, season, resume)  # fmt: skip
calendars = st.builds(lambda zone, found: of(field(zone, {"zones_at_once": 2}, **{f"p{i}": p for i, p in enumerate(found)})),
                      st.sampled_from(ZONES), st.lists(programs, min_size=1, max_size=3))  # fmt: skip
walls = st.floats(1767225600, 1830297600)
several = settings(max_examples=35, deadline=None)


@several
@given(calendars, walls)
def test_ids_are_one_a_date_and_program_and_a_function_of_nothing_else(c: WaterCalendar, wall: float) -> None:
    found = c.coming(wall, wall + 20 * DAY_S)
    assert len({one.id for one in found}) == len(found)
    for one in found:
        program, date, slot = one.id.split(":")
        assert (program, slot) == (one.program, "0")
        assert abs(dt.datetime.fromisoformat(f"{date}T12:00Z").timestamp() - one.due) < 3.5 * DAY_S
    other = WaterCalendar(c._place, c._programs, c._site)
    assert other.coming(wall + 5 * DAY_S, wall + 9 * DAY_S) == [one for one in found if wall + 5 * DAY_S < one.due <= wall + 9 * DAY_S]


@several
@given(calendars, walls, st.data())
def test_it_is_around_from_when_it_is_due_until_it_is_too_late(c: WaterCalendar, wall: float, data: st.DataObject) -> None:
    found = c.coming(wall, wall + 20 * DAY_S)
    assume(found)
    one = data.draw(st.sampled_from(found))
    assert one.due <= one.until <= one.latest_end
    at = data.draw(st.one_of(st.sampled_from([one.due, one.until]), st.floats(one.due, one.until)))
    assert one in c.around(at)
    assert one in WaterCalendar(c._place, c._programs, c._site).around(at), "also by one that was never asked before"
    assert one not in c.around(math.nextafter(one.due, 0))
    assert one not in c.around(math.nextafter(one.until, math.inf))
    around = c.around(at)
    assert around == sorted(around, key=lambda each: (each.due, list(c._programs).index(each.program)))


@several
@given(calendars, walls)
def test_what_is_to_finish_before_a_time_takes_until_that_time(c: WaterCalendar, wall: float) -> None:
    for one in c.coming(wall, wall + 10 * DAY_S):
        program = c._programs[one.program]
        if program.finish_before is None:
            continue
        named = program.finish_before
        date = dt.date.fromisoformat(one.id.split(":")[1])
        if named.anchor == "clock":
            clock = dt.time(int(named.offset_s) // 3600, int(named.offset_s) % 3600 // 60)
            end = dt.datetime.combine(date, clock, ZoneInfo(c._place.timezone)).timestamp()
        else:
            place = c._place
            end = sun_time(named.anchor, place.latitude, place.longitude, date, place.timezone) + named.offset_s
        assert one.due + c.length_s(program, one.shares) == pytest.approx(end, abs=0.001)


def stepped(c: WaterCalendar, start: float, end: float) -> list[Occurrence]:
    """What somebody finds who looks again and again, and at the latest when something is next due."""
    seen: dict[str, Occurrence] = {}
    at = start
    while at <= end:
        for one in c.around(at):
            if one.due > start:
                seen.setdefault(one.id, one)
        at = min(c.next_due(at), at + 7 * 3600)
    return list(seen.values())


@several
@given(calendars, walls)
def test_what_is_coming_is_what_comes(c: WaterCalendar, wall: float) -> None:
    assert c.coming(wall, wall + 12 * DAY_S) == stepped(c, wall, wall + 12 * DAY_S)


@several
@given(calendars, walls)
def test_the_next_due_is_the_first_of_those_that_are_coming(c: WaterCalendar, wall: float) -> None:
    found = c.coming(wall, wall + 40 * DAY_S)
    due = c.next_due(wall)
    assert due > wall
    assert (due == found[0].due) if found else (due > wall + 40 * DAY_S)
    assert WaterCalendar(c._place, c._programs, c._site).next_due(wall) == due
