"""The words of the configuration, one by one."""

from __future__ import annotations

import pytest

from edge.core.site_terms import At, Wrong, Zone, duration, read_at, read_id, read_zone, span


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10s", 10), ("90 s", 90), ("60m", 3600), ("1.5h", 5400), ("1d", 86400), (" 2h ", 7200), ("0s", 0)],
)
def test_durations_are_seconds(text: str, seconds: float) -> None:
    assert duration("0s", "1d").read(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "10", "-5s", "10S", "10 sec", "1h30m", "٣s", "1e3s", 10, 1.5, True, None, []])
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(Wrong, match="write a duration with its unit from 0s to 1d"):
        duration("0s", "1d").read(text)


@pytest.mark.parametrize(("text", "fits"), [("999m", True), ("1d", True), ("25h", False), ("59s", False), ("1m", True)])
def test_the_bounds_of_a_duration_belong_to_it(text: str, fits: bool) -> None:
    term = duration("1m", "1d")
    if fits:
        assert 60 <= float(str(term.read(text))) <= 86400
    else:
        with pytest.raises(Wrong, match="out of range"):
            term.read(text)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("22:30", At("clock", 81_000)),
        ("0:00", At("clock", 0)),
        ("23:59", At("clock", 86_340)),
        ("sunset", At("sunset", 0)),
        ("sunset - 10m", At("sunset", -600)),
        ("sunrise+1h", At("sunrise", 3600)),
        ("sunrise - 6h", At("sunrise", -21_600)),
    ],
)
def test_times_of_day(text: str, at: At) -> None:
    assert read_at(text) == at


@pytest.mark.parametrize("text", ["24:00", "22:60", "2:5", "sunset 10m", "noon", "sunset - 361m", "sunset - 10", 1080, None])
def test_what_is_no_time_of_day_is_refused(text: object) -> None:
    with pytest.raises(Wrong, match="; write "):
        read_at(text)


def test_a_zone_is_time_or_water() -> None:
    assert read_zone({"plot-1": "20m"}) == Zone("plot-1", 1200.0, None)
    assert read_zone({"plot-1": "200l"}) == Zone("plot-1", None, 200.0)


@pytest.mark.parametrize("zone", [{}, {"a": "20m", "b": "20m"}, {"a": 20}, {"A b": "20m"}, {"a": "2d"}, "a", None])
def test_what_is_no_zone_is_refused(zone: object) -> None:
    with pytest.raises(Wrong, match="; write "):
        read_zone(zone)


@pytest.mark.parametrize("text", ["a", "main-road", "9", "a" * 32])
def test_ids(text: str) -> None:
    assert read_id(text) == text


@pytest.mark.parametrize("text", ["", "-a", "A", "a_b", "a b", "đường", "a" * 33, "a\n", "a/b", "+", "#", 5, None])
def test_what_is_no_id_is_refused(text: object) -> None:
    with pytest.raises(Wrong, match="id; "):
        read_id(text)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (10, "10s"), (90, "90s"), (60, "1m"), (5400, "90m"), (7200, "2h"), (86400, "1d")]
)
def test_a_duration_is_spelled_as_it_is_written(seconds: float, text: str) -> None:
    assert span(seconds) == text
    assert duration("0s", "1d").read(text) == seconds
