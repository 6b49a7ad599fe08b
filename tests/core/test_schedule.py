"""Programs against times worked out by hand and by another route."""

from __future__ import annotations

import datetime as dt
from typing import Literal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from villages import STREET, village, when

from edge.core.assembly import coming, light_calendar
from edge.core.schedule import Calendar
from edge.core.sun import sun_time


def calendar(steps: object, **more: object) -> Calendar:
    return light_calendar(village(programs={"p": {"kind": "light", "steps": steps, **more}}))


def level(c: Calendar, text: str) -> int:
    standing = c.standing("p", when(text))
    assert standing is not None
    return standing.level


def test_the_day_asked_for_is_the_local_day_wherever_the_village_lies() -> None:
    for zone, longitude in (("Pacific/Auckland", 174.8), ("Pacific/Honolulu", -157.9), ("Asia/Ho_Chi_Minh", 105.7)):
        for event in ("sunrise", "sunset"):
            found = dt.datetime.fromtimestamp(sun_time(event, 20, longitude, dt.date(2026, 3, 5), zone), ZoneInfo(zone))
            assert found.date() == dt.date(2026, 3, 5)


def test_the_day_on_which_sunrise_crosses_midnight_utc_has_one_too() -> None:
    days = [dt.date(2027, 3, 31) + dt.timedelta(days=n) for n in range(3)]
    before, on, after = (sun_time("sunrise", 22.57, 88.36, day, "Asia/Kolkata") for day in days)
    assert on - before == pytest.approx(86400 - 57, abs=10)
    assert after - on == pytest.approx(86400 - 57, abs=10)


def test_a_night_keeps_the_last_step_until_its_first() -> None:
    c = calendar([{"at": "18:00", "level": 100}, {"at": "22:30", "level": 33}, {"at": "05:30", "level": 0}])
    assert level(c, "2026-11-21T17:59:59+07:00") == 0
    assert level(c, "2026-11-21T18:00:00+07:00") == 100
    assert level(c, "2026-11-21T22:30:00+07:00") == 33
    assert level(c, "2026-11-22T05:29:59+07:00") == 33
    assert level(c, "2026-11-22T05:30:00+07:00") == 0
    assert level(c, "2026-11-22T12:00:00+07:00") == 0


def test_a_weekday_is_that_of_the_evening_it_began() -> None:
    saturday = {"days": "sat", "steps": [{"at": "18:00", "level": 100}, {"at": "01:00", "level": 0}]}
    c = calendar([{"at": "18:00", "level": 33}, {"at": "22:00", "level": 0}], calendar=[saturday])
    assert level(c, "2026-11-20T23:00:00+07:00") == 0  # Friday
    assert level(c, "2026-11-22T00:59:59+07:00") == 100  # early Sunday is Saturday's night
    assert level(c, "2026-11-22T01:00:00+07:00") == 0
    assert level(c, "2026-11-22T18:00:00+07:00") == 33


def test_the_first_rule_that_matches_wins() -> None:
    rules = [
        {"days": "sat,sun", "steps": [{"at": "18:00", "level": 67}]}, {"days": "sat", "steps": [{"at": "18:00", "level": 100}]}
    ]
    c = calendar([{"at": "18:00", "level": 33}], calendar=rules)
    assert level(c, "2026-11-21T19:00:00+07:00") == 67


def test_the_next_step_is_told_also_when_it_changes_nothing() -> None:
    c = calendar([{"at": "18:00", "level": 100}, {"at": "20:00", "level": 100}, {"at": "05:00", "level": 0}])
    standing = c.standing("p", when("2026-11-21T18:30:00+07:00"))
    assert standing is not None
    assert standing.next_step == when("2026-11-21T20:00:00+07:00")
    assert standing.since == when("2026-11-21T18:00:00+07:00")


def test_steps_follow_the_sun_of_their_own_evening_and_morning() -> None:
    c = light_calendar(village())
    found = [(x.at, x.level) for x in c.changes("street", when("2026-11-21T12:00:00+07:00"), when("2026-11-22T12:00:00+07:00"))]
    sunset = sun_time("sunset", 19.87, 105.68, dt.date(2026, 11, 21), "Asia/Ho_Chi_Minh")
    sunrise = sun_time("sunrise", 19.87, 105.68, dt.date(2026, 11, 22), "Asia/Ho_Chi_Minh")
    assert found == [(sunset - 600, 100), (when("2026-11-21T22:30:00+07:00"), 33), (sunrise + 600, 0)]


def test_a_fixed_time_that_a_change_of_the_clocks_skips_or_repeats_happens_once() -> None:
    site = village(programs={"p": {"kind": "light", "steps": [{"at": "02:30", "level": 100}, {"at": "06:00", "level": 0}]}})
    berlin = site.model_copy(update={"site": site.site.model_copy(update={"timezone": "Europe/Berlin"})})
    for spring_or_autumn in ("2026-03-28", "2026-10-24"):
        noon = dt.datetime.fromisoformat(f"{spring_or_autumn}T12:00").replace(tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
        found = list(light_calendar(berlin).changes("p", noon, noon + 25 * 3600 - 1))
        assert [x.level for x in found] == [100, 0]


@given(st.floats(1767200000, 1830300000))
def test_standing_is_the_last_change_before_whatever_the_time(wall: float) -> None:
    c = light_calendar(village())
    standing = c.standing("street", wall)
    before = list(c.changes("street", wall - 2 * 86400, wall))
    after = list(c.changes("street", wall, wall + 2 * 86400))
    assert standing is not None
    assert (standing.level, standing.since) == (before[-1].level, before[-1].at)
    assert standing.next_step == after[0].at


def test_coming_lists_changes_of_level_only_in_order() -> None:
    site = village(programs={"street": STREET | {"steps": [*STREET["steps"], {"at": "23:00", "level": 33}]}})
    found = coming(site, when("2026-11-21T12:00:00+07:00"), when("2026-11-23T12:00:00+07:00"))
    assert [c.level for c in found] == [100, 33, 0, 100, 33, 0]
    assert [c.step for c in found[:3]] == ["sunset - 10m", "22:30", "sunrise + 10m"]
    assert found == sorted(found, key=lambda c: c.at)


EVENING = [{"at": "18:00", "level": 100}, {"at": "22:00", "level": 0}]


def nights_with(rule: dict[str, object], first: str, count: int) -> list[str]:
    """The dates (month-day), of so many from `first` on, whose night the rule gives the steps of."""
    c = calendar(EVENING, calendar=[rule | {"steps": [{"at": "18:00", "level": 33}]}])
    dates = [dt.date.fromisoformat(first) + dt.timedelta(days=n) for n in range(count)]
    found = [date for date in dates if level(c, f"{date}T20:00:00+07:00") == 33]
    assert found == [date for date in dates if c.rule_of("p", date) is not None]
    return [f"{date:%m-%d}" for date in found]


@pytest.mark.parametrize(
    ("rule", "first", "expected"),
    [
        ({"lunar": "1-1..1-3"}, "2026-02-01", ["02-17", "02-18", "02-19"]),
        ({"lunar": "12-29..1-1"}, "2026-02-01", ["02-16", "02-17"]),  # the year ends with 12-29
        ({"lunar": "12-30..1-1"}, "2026-02-01", ["02-17"]),
        ({"lunar": "12-30..1-1"}, "2024-02-01", ["02-09", "02-10"]),  # and this one with 12-30
        ({"lunar_day": 15}, "2026-11-01", ["11-23"]),
        ({"lunar_day": 30}, "2026-02-01", []),  # the month ends with 12-29
        ({"lunar": "6-1..6-2"}, "2025-06-20", ["06-25", "06-26"]),
        ({"lunar": "6-1..6-2"}, "2025-07-20", []),  # the leap month 6 of 2025 begins on 07-25
        ({"lunar_day": 1}, "2025-07-20", ["07-25"]),
        ({"date": "2026-11-28"}, "2026-11-20", ["11-28"]),
        ({"date": "2025-11-28"}, "2026-11-20", []),
        ({"date": "2026-12-30..2027-01-02"}, "2026-12-20", ["12-30", "12-31", "01-01", "01-02"]),
        ({"date": "09-02"}, "2027-08-20", ["09-02"]),
        ({"date": "12-31..01-01"}, "2029-12-20", ["12-31", "01-01"]),
        ({"date": "02-29"}, "2027-02-20", []),
        ({"date": "02-29"}, "2028-02-20", ["02-29"]),
    ],
)
def test_the_nights_that_a_rule_is_for(rule: dict[str, object], first: str, expected: list[str]) -> None:
    assert nights_with(rule, first, 26) == expected


def test_a_night_of_the_calendar_lasts_until_noon() -> None:
    wedding = {"date": "2026-11-28", "steps": [{"at": "18:00", "level": 100}, {"at": "01:00", "level": 0}], "note": "Đám cưới"}
    c = calendar(EVENING, calendar=[wedding])
    assert level(c, "2026-11-28T23:00:00+07:00") == 100
    assert level(c, "2026-11-29T00:59:59+07:00") == 100
    assert level(c, "2026-11-29T01:00:00+07:00") == 0
    assert level(c, "2026-11-29T23:00:00+07:00") == 0


def test_a_date_that_is_put_first_wins_over_every_other_rule() -> None:
    rules = [{"date": "2026-11-23", "steps": [{"at": "18:00", "level": 67}]}, {"lunar_day": 15, "steps": [{"at": "18:00", "level": 33}]}]
    assert level(calendar(EVENING, calendar=rules), "2026-11-23T19:00:00+07:00") == 67
    assert level(calendar(EVENING, calendar=rules[::-1]), "2026-11-23T19:00:00+07:00") == 33


def test_beyond_the_lunar_calendars_years_no_lunar_rule_matches() -> None:
    rules = [{"lunar_day": day, "steps": [{"at": "18:00", "level": 1}]} for day in range(1, 31)]
    c = calendar(EVENING, calendar=rules)
    for year, expected in ((1970, 1), (2100, 1), (2101, 100), (9000, 100)):
        assert level(c, f"{year}-06-01T19:00:00+07:00") == expected


@pytest.mark.parametrize(
    ("at", "day", "expected"),
    [  # sunset is at 17:16 on 21 November and at 18:39 on 21 June, sunrise at 6:09 and 5:19 on the mornings after
        ("sunset - 10m, not before 17:45", "2026-11-21", "2026-11-21T17:45:00"),
        ("sunset, not after 18:30", "2026-06-21", "2026-06-21T18:30:00"),
        ("sunset, not before 17:45, not after 18:30", "2026-06-21", "2026-06-21T18:30:00"),
        ("sunset, not before 17:45, not after 18:30", "2026-11-21", "2026-11-21T17:45:00"),
        ("sunset + 6h, not after 00:30", "2026-06-21", "2026-06-22T00:30:00"),
        ("sunset + 6h, not before 00:30", "2026-11-21", "2026-11-22T00:30:00"),
        ("sunrise, not before 05:30", "2026-06-21", "2026-06-22T05:30:00"),
        ("sunrise, not after 06:00", "2026-11-21", "2026-11-22T06:00:00"),
        ("sunrise - 6h, not after 23:30", "2026-11-21", "2026-11-21T23:30:00"),
    ],
)
def test_bounds_hold_what_the_sun_gives(at: str, day: str, expected: str) -> None:
    c = calendar([{"at": at, "level": 100}])
    noon = when(f"{day}T12:00:00+07:00")
    [change] = [x for x in c.changes("p", noon, noon + 86400) if x.rule == at]
    assert dt.datetime.fromtimestamp(change.at, ZoneInfo("Asia/Ho_Chi_Minh")).isoformat() == f"{expected}+07:00"
    free = next(calendar([{"at": at.split(",", maxsplit=1)[0], "level": 100}]).changes("p", noon, noon + 86400))
    assert free.at != change.at
    assert change.event == free.event


def test_bounds_that_are_not_reached_change_nothing() -> None:
    bounded = calendar([{"at": "sunset - 10m, not before 16:00, not after 20:00", "level": 100}])
    free = calendar([{"at": "sunset - 10m", "level": 100}])
    start = when("2026-01-01T12:00:00+07:00")
    days = start, start + 365 * 86400
    assert [x.at for x in bounded.changes("p", *days)] == [x.at for x in free.changes("p", *days)]


def test_steps_whose_order_the_bounds_turn_round_stand_by_their_times() -> None:
    steps = [{"at": "sunset, not before 19:00", "level": 100}, {"at": "18:30", "level": 33}, {"at": "05:00", "level": 0}]
    c = calendar(steps)
    assert [level(c, f"2026-11-21T{t}:00+07:00") for t in ("18:29", "18:30", "18:59", "19:00")] == [0, 33, 33, 100]


@pytest.mark.parametrize("last", [0, 1])
def test_of_steps_at_one_time_the_one_listed_later_stands(last: int) -> None:
    steps = [{"at": "sunset, not before 18:30", "level": 100}, {"at": "18:30", "level": 33}]
    c = calendar([*(steps if last else steps[::-1]), {"at": "05:00", "level": 0}])
    noon = when("2026-11-21T12:00:00+07:00")
    assert level(c, "2026-11-21T18:30:00+07:00") == (33 if last else 100)
    assert [x.level for x in c.changes("p", noon, noon + 86399)] == [33 if last else 100, 0], "the other one never is"


def test_a_change_tells_its_rule_and_what_it_is_reckoned_from() -> None:
    rules = [{"days": "sun,sat", "steps": [{"at": "23:00", "level": 67}]}, {"date": "2026-11-23", "steps": [{"at": "sunrise", "level": 1}]}]
    c = calendar([{"at": "sunset", "level": 100}], calendar=rules)
    found = list(c.changes("p", when("2026-11-20T12:00:00+07:00"), when("2026-11-24T12:00:00+07:00")))
    assert [(x.level, x.why, x.anchor) for x in found] == [
        (100, "", "sunset"), (67, "days sat,sun", "clock"), (67, "days sat,sun", "clock"), (1, "date 2026-11-23", "sunrise")
    ]
    assert [x.event for x in found] == [found[0].at, None, None, found[3].at]


def test_a_program_that_is_put_in_place_of_another_counts_at_once() -> None:
    c, site = calendar(EVENING), village(programs={"p": {"kind": "light", "steps": [{"at": "18:00", "level": 67}]}})
    assert level(c, "2026-11-21T19:00:00+07:00") == 100
    new = site.programs["p"]
    assert new.kind == "light"
    c.replace("p", new)
    assert level(c, "2026-11-21T19:00:00+07:00") == 67
    assert site.programs["p"] is new, "the configuration is as it was"


@pytest.mark.parametrize(("latitude", "day"), [(19.87, "2026-11-21"), (65.7, "2026-06-21"), (65.7, "2026-12-21"), (65.7, "2026-03-21")])
@pytest.mark.parametrize("margin_s", [-7200.0, 0.0, 3600.0, 7200.0])
def test_dark_is_between_the_suns_edges_and_tells_when_that_changes(latitude: float, day: str, margin_s: float) -> None:
    place = village().site.model_copy(update={"latitude": latitude})
    c = Calendar(place, {})
    noon = dt.date.fromisoformat(day)
    nights = [noon + dt.timedelta(days=n) for n in range(-3, 6)]

    def edge(event: Literal["sunset", "sunrise"], date: dt.date) -> float:
        return sun_time(event, latitude, place.longitude, date, place.timezone)

    spans = [(edge("sunset", n) - margin_s, edge("sunrise", n + dt.timedelta(days=1)) + margin_s) for n in nights]
    start = when(f"{day}T12:00:00+07:00")
    for at in (start + 600 * n for n in range(144)):
        dark, until = c.dark(at, margin_s)
        assert dark == any(dusk <= at < dawn for dusk, dawn in spans)
        assert until > at
        between = [at + (until - at) * k / 50 for k in range(50)]
        assert all(any(dusk <= t < dawn for dusk, dawn in spans) == dark for t in between)
