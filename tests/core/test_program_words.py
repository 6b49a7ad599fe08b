"""A program written back in the file's words is the same program when it is read again."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.program_words import plain, spoken, which_nights
from edge.core.site import LightProgram
from edge.core.site_terms import read_step_at

clocks = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
evenings = st.builds("{}:{:02}".format, st.integers(12, 17), st.integers(0, 59))
nights = st.builds("{}:{:02}".format, st.integers(18, 23), st.integers(0, 59))
amounts = st.one_of(st.builds("{}m".format, st.integers(0, 360)), st.builds("{}s".format, st.decimals(0, 21600, places=3)), st.just("1.50001h"))


@st.composite
def times(draw: st.DrawFn) -> str:
    if draw(st.booleans()):
        return draw(clocks)
    event = draw(st.sampled_from(["sunset", "sunrise"]))
    words = event + draw(st.one_of(st.just(""), st.builds(" {} {}".format, st.sampled_from("+-"), amounts)))
    if event == "sunset":
        words += draw(st.one_of(st.just(""), st.builds(", not before {}".format, evenings)))
        words += draw(st.one_of(st.just(""), st.builds(", not after {}".format, nights)))
    return words


steps = st.lists(st.builds(dict, at=times(), level=st.integers(0, 100)), min_size=1, max_size=6, unique_by=lambda step: read_step_at(step["at"]))
dates = st.dates(dt.date(1900, 1, 1), dt.date(2100, 12, 31))
lunar_days = st.builds("{}-{}".format, st.integers(1, 12), st.integers(1, 30))
matchers = st.one_of(
    st.builds(lambda days: {"days": ",".join(days)}, st.lists(st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]), min_size=1, unique=True)),
    st.builds(lambda date: {"date": f"{date}"}, dates),
    st.builds(lambda date: {"date": f"{date:%m-%d}"}, dates),
    st.builds(lambda ends: {"date": "..".join(f"{end}" for end in sorted(ends))}, st.tuples(dates, dates)),
    st.builds(lambda ends: {"date": "..".join(f"{end:%m-%d}" for end in ends)}, st.tuples(dates, dates)),
    st.builds(lambda day: {"lunar": day}, lunar_days),
    st.builds(lambda ends: {"lunar": "..".join(ends)}, st.tuples(lunar_days, lunar_days)),
    st.builds(lambda day: {"lunar_day": day}, st.integers(1, 30)),
)
notes = st.one_of(st.just({}), st.builds(lambda note: {"note": note}, st.text("ab Đêm 0", min_size=1, max_size=80).filter(str.strip)))
rules = st.builds(lambda matcher, note, listed: matcher | note | {"steps": listed}, matchers, notes, steps)
photocells = st.one_of(st.just({}), st.builds(lambda within: {"photocell": {"within": within}}, st.sampled_from(["1m", "45m", "90.5s", "2h", "1.001h"])))
programs = st.builds(
    lambda listed, calendar, photocell: {"kind": "light", "steps": listed, "calendar": calendar} | photocell,
    steps, st.lists(rules, max_size=4), photocells,
)  # fmt: skip


@given(programs)
def test_what_is_written_back_is_equal_when_read_again(data: dict[str, Any]) -> None:
    program = LightProgram.model_validate(data)
    written = json.loads(json.dumps(plain(program)))
    again = LightProgram.model_validate(written)
    assert again == program
    assert plain(again) == written, "and is written the same"


@pytest.mark.parametrize(
    "text",
    [
        "22:30", "00:00", "sunset", "sunset - 10m", "sunrise + 1h", "sunset - 90s", "sunset, not before 17:45",
        "sunrise + 10m, not after 06:15", "sunset - 10m, not before 17:45, not after 18:30",
    ],
)  # fmt: skip
def test_a_time_is_spoken_in_the_words_it_was_written_in(text: str) -> None:
    assert spoken(read_step_at(text)) == text


@pytest.mark.parametrize(
    ("matcher", "words"),
    [
        ({"days": "sun, sat"}, "days sat,sun"),
        ({"date": "2026-11-28"}, "date 2026-11-28"),
        ({"date": "12-24..01-02"}, "date 12-24..01-02"),
        ({"lunar": "1-1..1-3"}, "lunar 1-1..1-3"),
        ({"lunar_day": 15}, "lunar_day 15"),
    ],
)
def test_a_rule_is_named_by_the_nights_it_is_for(matcher: dict[str, Any], words: str) -> None:
    data = {"kind": "light", "steps": [{"at": "18:00", "level": 1}], "calendar": [matcher | {"steps": [{"at": "18:00", "level": 1}]}]}
    assert which_nights(LightProgram.model_validate(data).calendar[0]) == words


def test_defaults_are_left_out() -> None:
    data = {"kind": "light", "steps": [{"at": "sunset - 10m", "level": 100}, {"at": "22:30", "level": 33}]}
    assert plain(LightProgram.model_validate(data)) == data
