"""The words that pick nights, and the bounds of times by the sun: good and bad, one by one and in a file."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from edge.core.site import Rule
from edge.core.site_nights import DateRange, DateTerm, DaysTerm, LunarRange, LunarTerm
from edge.core.site_terms import At, StepAtTerm, Wrong, read_at, read_step_at
from edge.shell.site_file import Problem

TERMS: dict[str, TypeAdapter[Any]] = {
    "at": TypeAdapter(StepAtTerm), "date": TypeAdapter(DateTerm), "lunar": TypeAdapter(LunarTerm), "days": TypeAdapter(DaysTerm),
}


def schema_takes(term: str, text: str) -> bool:
    return bool(re.search(TERMS[term].json_schema()["pattern"], text))


GOOD: list[tuple[str, str, object]] = [
    ("at", "sunset - 10m, not before 17:45", At("sunset", -600, 17.75 * 3600)),
    ("at", "sunset, not after 18:30", At("sunset", 0, None, 18.5 * 3600)),
    ("at", "sunset+5m,not before 17:45 , not after 18:30", At("sunset", 300, 17.75 * 3600, 18.5 * 3600)),
    ("at", "sunrise, not after 6:15, not before 05:00", At("sunrise", 0, 5 * 3600, 6.25 * 3600)),
    ("at", "sunset + 6h, not before 23:30, not after 00:30", At("sunset", 21600, 23.5 * 3600, 1800)),
    ("at", "sunset, not before 12:00, not after 06:00", At("sunset", 0, 43200, 21600)),
    ("at", "sunrise, not before 18:00, not after 11:00", At("sunrise", 0, 64800, 39600)),
    ("at", "sunset, not before 18:00, not after 18:00", At("sunset", 0, 64800, 64800)),
    ("at", "22:30", At("clock", 81000)),
    ("date", "2026-11-28", DateRange((2026, 11, 28), (2026, 11, 28))),
    ("date", "2026-12-24..2027-01-02", DateRange((2026, 12, 24), (2027, 1, 2))),
    ("date", "09-02", DateRange((9, 2), (9, 2))),
    ("date", " 12-24..01-02 ", DateRange((12, 24), (1, 2))),
    ("date", "02-29", DateRange((2, 29), (2, 29))),
    ("date", "2028-02-29", DateRange((2028, 2, 29), (2028, 2, 29))),
    ("lunar", "1-1..1-3", LunarRange((1, 1), (1, 3))),
    ("lunar", "12-30..1-3", LunarRange((12, 30), (1, 3))),
    ("lunar", "8-15", LunarRange((8, 15), (8, 15))),
    ("days", "sat, sun", frozenset({5, 6})),
]  # fmt: skip

BAD: list[tuple[str, object, str]] = [
    ("at", "22:30, not before 22:00", "a time by the clock needs no bounds; remove them, or write sunset or sunrise in its place"),
    ("at", "sunset, not before 18:30, not after 17:45", "not before 18:30 is later than not after 17:45; exchange the two, or remove one"),
    ("at", "sunset, not before 00:30, not after 23:30", "not before 00:30 is later than not after 23:30; exchange the two, or remove one"),
    ("at", "sunset, not before 17:45, not before 18:00", "not before stands twice; write bounds such as sunset - 10m, not before 17:45"),
    ("at", "sunset, before 17:45", '"before 17:45" cannot be read; write bounds such as sunset - 10m, not before 17:45, not after 18:30'),
    ("at", "sunset, not before 25:00", '"not before 25:00" cannot be read; write bounds'),
    ("at", "sunset,", '"" cannot be read; write bounds'),
    ("at", "sunset, not before 11:00", "not before 11:00 is far from any sunset; write a time from 12:00 to 06:00"),
    ("at", "sunrise, not after 13:00", "not after 13:00 is far from any sunrise; write a time from 18:00 to 11:00"),
    ("at", "dusk, not before 17:45", '"dusk" cannot be read; write a time such as "22:30", or sunset - 10m, sunrise, sunrise + 1h'),
    ("at", "sunset - 7h, not before 17:45", "is more than 6h from the sunset"),
    ("date", "2026-02-30", "there is no 2026-02-30; write a day from 01 to 28"),
    ("date", "2027-02-29", "there is no 2027-02-29; write a day from 01 to 28"),
    ("date", "02-30", "there is no 02-30; write a day from 01 to 29"),
    ("date", "2026-13-01", "there is no 2026-13-01; write a date such as 2026-11-28, 09-02 for every year"),
    ("date", "0000-01-01", "there is no 0000-01-01; write a date such as"),
    ("date", "2027-01-02..2026-12-24", '"2027-01-02..2026-12-24" ends before it begins; write the earlier date first'),
    ("date", "2026-12-24..01-02", '"2026-12-24..01-02" has a year at one end only; write it at both ends, or at neither'),
    ("date", "28/11/2026", '"28/11/2026" cannot be read; write a date such as 2026-11-28, 09-02 for every year, or a range'),
    ("date", "9-2", '"9-2" cannot be read; write a date such as 2026-11-28, 09-02 for every year'),
    ("date", "2026-11-28.. 2026-11-29", "cannot be read; write a date such as"),
    ("date", 20261128, "20261128 cannot be read; write a date such as"),
    ("date", None, "nothing cannot be read; write a date such as"),
    ("lunar", "13-1", "13-1 is no lunar date; write lunar month-day"),
    ("lunar", "1-31", "1-31 is no lunar date; write lunar month-day"),
    ("lunar", "1-1..", '"1-1.." cannot be read; write lunar month-day'),
    ("days", "sat;sun", '"sat;sun" is no weekday; write weekdays with commas between'),
]  # fmt: skip


@pytest.mark.parametrize(("term", "text", "value"), GOOD)
def test_what_can_be_read(term: str, text: str, value: object) -> None:
    assert TERMS[term].validate_python(text) == value
    assert schema_takes(term, text)


@pytest.mark.parametrize(("term", "text", "error"), BAD)
def test_what_cannot_be_read_is_told_with_a_remedy(term: str, text: object, error: str) -> None:
    with pytest.raises(ValidationError) as raised:
        TERMS[term].validate_python(text)
    assert error in str(raised.value)


@pytest.mark.parametrize("text", ["9-2", "28/11/2026", "2026-12-24..01-02", "2026-11-28.. 2026-11-29"])
def test_the_schema_refuses_the_form_of_a_wrong_date(text: str) -> None:
    assert not schema_takes("date", text)


def test_only_steps_take_bounds() -> None:
    assert read_step_at("sunset, not before 17:45").not_before_s == 63900
    with pytest.raises(Wrong, match="cannot be read"):
        read_at("sunset, not before 17:45")


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("2026-11-28", ["2026-11-28"], ["2026-11-27", "2026-11-29", "2027-11-28"]),
        ("2026-12-24..2027-01-02", ["2026-12-24", "2026-12-31", "2027-01-02"], ["2026-12-23", "2027-01-03", "2027-12-24"]),
        ("09-02", ["2026-09-02", "2031-09-02"], ["2026-09-01", "2026-02-09"]),
        ("12-24..01-02", ["2026-12-24", "2027-01-02", "2030-01-01"], ["2026-12-23", "2027-01-03", "2027-07-01"]),
        ("02-29", ["2028-02-29"], ["2027-02-28", "2027-03-01", "2028-02-28"]),
        ("02-28..03-01", ["2027-02-28", "2028-02-29", "2027-03-01"], ["2027-02-27", "2027-03-02"]),
    ],
)
def test_the_dates_of_a_range(text: str, inside: list[str], outside: list[str]) -> None:
    found = TERMS["date"].validate_python(text)
    assert [found.holds(dt.date.fromisoformat(date)) for date in inside + outside] == [True] * len(inside) + [False] * len(outside)


@pytest.mark.parametrize("date", ["2026-11-28", "'2026-11-28'", "09-02", "12-24..01-02", '"2026-12-24..2027-01-02"'])
def test_a_date_in_the_file_needs_no_quotes(village: str, problems: Callable[[str], list[Problem]], date: str) -> None:
    assert problems(village.replace('days: "sat,sun"', f"date: {date}, note: Đám cưới nhà ông Ba")) == []


@pytest.mark.parametrize(
    ("right", "wrong", "error"),
    [
        ('days: "sat,sun"', "date: 2026-11-31", "32:23 programs.night.calendar[0].date: there is no 2026-11-31; write a day from 01 to 30"),
        (
            'days: "sat,sun"', "date: 2026-11-28, lunar_day: 15",
            "32:16 programs.night.calendar[0]: a rule is for one kind of night; write exactly one of days, date, lunar, lunar_day",
        ),
        (
            'days: "sat,sun"', f'days: sat, note: "{"x" * 81}"',
            f'32:34 programs.night.calendar[0].note: "{"x" * 37}..." is not a line of text; write 1 to 80 characters on one line',
        ),
        (
            "at: sunset - 10m", "at: sunset - 10m, not before 17:45",
            '31:32 programs.night.steps[0].not before 17:45: "not before 17:45" stands as a key of its own; put the whole time in quotes: "sunset - 10m, not before 17:45"',
        ),
        (
            "at: sunset - 10m", 'at: "sunset - 10m, not before 18:00, not after 17:00"',
            "31:18 programs.night.steps[0].at: not before 18:00 is later than not after 17:00; exchange the two, or remove one",
        ),
    ],
)  # fmt: skip
def test_mistakes_in_a_file(village: str, problems: Callable[[str], list[Problem]], right: str, wrong: str, error: str) -> None:
    text = village.replace(right, wrong, 1)
    assert [f"{p.line}:{p.column} {p.path}: {p.message}" for p in problems(text)] == [error]


def test_the_schema_of_the_file_knows_the_words(example: Path) -> None:
    defs = json.loads((example.parent / "site.schema.json").read_text("utf-8"))["$defs"]
    assert defs["Rule"]["properties"].keys() == {"days", "date", "lunar", "lunar_day", "note", "steps"}
    assert re.search(defs["Step"]["properties"]["at"]["pattern"], "sunset - 10m, not before 17:45, not after 18:30")


@pytest.mark.parametrize("language", ["en", "vi"])
def test_the_calendar_in_the_documents_is_one_that_can_be_read(
    example: Path, village: str, problems: Callable[[str], list[Problem]], language: str
) -> None:
    page = (example.parents[1] / "docs" / language / "lighting.md").read_text("utf-8")
    block = re.search(r"```yaml\n(calendar:\n.*?)```", page, re.DOTALL)
    assert block
    indented = "".join(f"    {line}\n" for line in block[1].splitlines())
    text, count = re.subn(r"    calendar: .*\n", lambda _: indented, village)
    assert count == 1
    assert problems(text) == []


@pytest.mark.parametrize("language", ["en", "vi"])
def test_every_example_of_a_time_and_a_rule_in_the_documents_can_be_read(example: Path, language: str) -> None:
    page = (example.parents[1] / "docs" / language / "lighting.md").read_text("utf-8")
    times = re.findall(r'^\| (?:`"?([^`"]+)"?`(?:, `([^`]+)`)?) \| ', page, re.MULTILINE)
    read = [read_step_at(text) for pair in times for text in pair if text.startswith(("2", "sun"))]
    assert len(read) == 7
    rules = re.findall(r'^\| `(days|date|lunar|lunar_day): "?([^`"]+)"?` \| ', page, re.MULTILINE)
    assert len(rules) == 11
    for key, value in rules:
        Rule.model_validate({key: int(value) if key == "lunar_day" else value, "steps": [{"at": "18:00", "level": 1}]})
