"""A program written back in the file's words is the same program when it is read again."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.program_words import plain, spoken, which_nights
from edge.core.site import ClimateProgram, IrrigationProgram, LightProgram
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


# --- irrigation and climate ---

some = st.one_of
durations = st.sampled_from(["1m", "10m", "90.5s", "1.5h", "1d", "75m"])
windows = st.tuples(clocks, clocks).filter(lambda ends: ends[0] != ends[1]).map("..".join)
anchors = some(clocks, st.builds("{} {} {}m".format, st.sampled_from(["sunset", "sunrise"]), st.sampled_from("+-"), st.integers(1, 360)))
percents = some(st.integers(0, 100), st.floats(0, 100))


def maybe(values: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return some(st.just({}), values)


def ordered(low: str, high: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    pairs = st.tuples(values, values).filter(lambda pair: pair[0] != pair[1]).map(sorted)
    return pairs.map(lambda pair: {low: pair[0], high: pair[1]})


timed = some(
    anchors.map(lambda at: {"start": at}), anchors.map(lambda at: {"finish_before": at}),
    st.builds(lambda window, soil: {"window": window, "start_when": soil}, windows, ordered("soil_below", "soil_above", percents)),
)  # fmt: skip
which = some(
    st.just({}),
    st.lists(st.integers(1, 31), min_size=1, unique=True).map(lambda days: {"month_days": ",".join(map(str, days))}),
    st.builds(lambda n, since: {"every": f"{n}d", "starting": f"{since}"}, st.integers(1, 366), dates),
    matchers.filter(lambda matcher: "days" in matcher),
)
within = maybe(st.lists(some(dates.map(str), dates.map("{:%m-%d}".format)), max_size=3).map(lambda found: {"dates": found}))
amount = some(durations, st.builds("{}l".format, some(st.integers(1, 100_000), st.decimals(1, 999, places=3))))
zones = st.lists(st.builds(lambda valve, much: {valve: much}, st.sampled_from(["plot-1", "plot-2"]), amount), min_size=1, max_size=4)
pieces = maybe(st.builds(lambda c, s: {"cycle": c, "soak": s}, durations, durations))
seasons = maybe(st.dictionaries(st.integers(1, 12), st.integers(0, 300), min_size=1).map(lambda found: {"season": found}))
skips = some(
    st.just({}), st.just({"rain": True}), st.builds(lambda d: {"rain": True, "rain_delay": d}, durations),
    percents.map(lambda n: {"soil_above": n}), ordered("soil_below", "soil_above", percents),
).map(lambda found: {"skip_when": found} if found else {})  # fmt: skip
resumes = some(st.just({}), st.just({"resume": "never"}), durations.map(lambda d: {"resume": f"within {d}"}))
waters = st.builds(
    lambda found, *more: {"kind": "irrigation", "zones": found} | {k: v for part in more for k, v in part.items()},
    zones, timed, which, within, pieces, seasons, skips, resumes,
)  # fmt: skip

degrees = some(st.integers(-1000, 1000), st.floats(-1e6, 1e6))
conditions = st.builds(
    lambda quantity, pair: {"sensor": "air-1", "quantity": quantity} | pair, st.sampled_from(["temperature_c", "lux"]),
    some(ordered("off_below", "on_above", degrees), ordered("on_below", "off_above", degrees)),
)  # fmt: skip
climates = st.builds(
    lambda when, *more: {"kind": "climate", "target": "fan", "when": when} | {k: v for part in more for k, v in part.items()},
    some(conditions, st.lists(conditions, min_size=1, max_size=4)), maybe(windows.map(lambda w: {"window": w})),
    maybe(st.sampled_from(["all", "any"]).map(lambda m: {"match": m})),
    maybe(st.sampled_from(["on", "off"]).map(lambda m: {"if_stale": m})),
)  # fmt: skip


@given(waters)
def test_water_written_back_is_equal_when_read_again(data: dict[str, Any]) -> None:
    program = IrrigationProgram.model_validate(data)
    written = json.loads(json.dumps(plain(program)))
    again = IrrigationProgram.model_validate(written)
    assert again == program
    assert plain(again) == written, "and is written the same"


@given(climates)
def test_climate_written_back_is_equal_when_read_again(data: dict[str, Any]) -> None:
    program = ClimateProgram.model_validate(data)
    written = json.loads(json.dumps(plain(program)))
    again = ClimateProgram.model_validate(written)
    assert again == program
    assert plain(again) == written, "and is written the same"


@pytest.mark.parametrize(
    "data",
    [
        {"kind": "irrigation", "days": "mon,fri", "start": "05:00", "zones": [{"plot-1": "20m"}, {"plot-2": "90s"}, {"plot-1": "1.5l"}]},
        {
            "kind": "irrigation", "every": "3d", "starting": "2026-11-28", "dates": ["11-01..04-30", "2026-05-03"],
            "window": "05:00..08:30", "start_when": {"soil_below": 22.5, "soil_above": 30}, "zones": [{"plot-1": "200l"}],
            "cycle": "10m", "soak": "15m", "season": {"1": 60, "12": 0},
            "skip_when": {"rain": True, "rain_delay": "6h", "soil_above": 35, "soil_below": 30}, "resume": "within 2h",
        },
        {"kind": "climate", "target": "fan", "when": {"sensor": "air", "quantity": "lux", "on_below": -3, "off_above": 0.5}},
        {
            "kind": "climate", "target": "fan", "when": [
                {"sensor": "air", "quantity": "temperature_c", "on_above": 33, "off_below": 30},
                {"sensor": "air", "quantity": "humidity_pct", "on_above": 90, "off_below": 85},
            ], "match": "any", "window": "08:00..18:00", "if_stale": "on",
        },
    ],
)  # fmt: skip
def test_what_is_written_as_the_file_has_it_comes_back_word_for_word(data: dict[str, Any]) -> None:
    form = IrrigationProgram if data["kind"] == "irrigation" else ClimateProgram
    assert plain(form.model_validate(data)) == data


# --- lights ---


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
