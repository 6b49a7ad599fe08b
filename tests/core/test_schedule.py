"""Programs against times worked out by hand and by another route."""

from __future__ import annotations

import datetime as dt
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
