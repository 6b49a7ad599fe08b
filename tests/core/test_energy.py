"""Consumption from counters: differences, gaps, rollovers, resets, and what is said to be estimated or unknown."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.energy import Share, Stand, Stretch, Terms, between, extended, spread, stretches

LIGHTS = Terms(rated_kw=5, step=0.01)
PUMP = Terms(rated_kw=1.5, step=0.001, wraps_at=9999.99)
UNKNOWN = Terms()


def of(*figures: tuple[float, int, float] | tuple[float, int, float, float | None]) -> list[Stand]:
    return [Stand(*figure) for figure in figures]


def kwh(terms: Terms, *figures: tuple[float, ...]) -> tuple[float, float, float]:
    a, b = of(*figures)  # type: ignore[arg-type]
    span = between(a, b, terms)
    return round(span.kwh, 6), round(span.interpolated_kwh, 6), span.unmeasured_s


def test_within_a_life_the_difference_counts_however_long_it_took() -> None:
    assert kwh(LIGHTS, (0, 1, 100.0), (60, 1, 100.02)) == (0.02, 0, 0)
    assert kwh(UNKNOWN, (0, 1, 100.0), (700_000, 1, 160.5)) == (60.5, 0, 0)


def test_a_rollover_counts_exactly() -> None:
    assert kwh(PUMP, (0, 1, 9999.985), (120, 2, 0.02)) == (0.025, 0, 0)
    assert kwh(PUMP, (0, 1, 9990.0), (7 * 86400, 2, 35.01)) == (45.0, 0, 0), "also when nobody looked for a week"


def test_a_fall_that_no_rollover_explains_is_a_reset() -> None:
    assert kwh(PUMP, (0, 1, 9000.0, 750), (120, 2, 0.02, 750)) == (0.025, 0.005, 0), "from 9000 it cannot have rolled over"
    assert kwh(PUMP, (0, 1, 9999.985, 750), (120, 3, 0.02, 750)) == (0.025, 0.005, 0), "a life between was not heard of"


def test_around_a_reset_what_flowed_is_estimated_and_that_is_said() -> None:
    assert kwh(LIGHTS, (0, 1, 5188.85, 1440), (100, 2, 0.0, 1440)) == (0.04, 0.04, 0)
    assert kwh(LIGHTS, (0, 1, 5188.85, 1440), (100, 2, 0.03, 1440)) == (0.04, 0.01, 0), "what the new one shows is measured"
    assert kwh(LIGHTS, (0, 1, 5188.85, 1440), (100, 2, 0.05, 1440)) == (0.05, 0, 0)
    assert kwh(LIGHTS, (0, 1, 5188.85, 0), (100, 2, 0.0, 1440)) == (0.02, 0.02, 0), "half the time, for all anyone knows"
    assert kwh(LIGHTS, (0, 1, 5188.85), (100, 2, 0.0, 1440)) == (0.04, 0.04, 0)
    assert kwh(LIGHTS, (0, 1, 5188.85, 900_000), (36, 2, 0.0, 900_000)) == (0.075, 0.075, 0), "never more than can flow"


def test_a_replaced_meter_brings_nothing_of_its_own() -> None:
    assert kwh(LIGHTS, (0, 1, 5188.85, 1440), (100, 2, 2204.1, 1440)) == (0.04, 0.04, 0)
    assert kwh(LIGHTS, (0, 1, 5188.85, 1440), (100, 2, 90000.0, 1440)) == (0.04, 0.04, 0)
    assert kwh(LIGHTS, (0, 1, 5188.85, 1440), (100, 2, 0.9, 1440)) == (0.04, 0.04, 0), "it was tested in the factory"


def test_what_cannot_be_known_is_time_and_no_energy() -> None:
    assert kwh(LIGHTS, (0, 1, 5188.85, 1440), (7200, 2, 1.4, 1440)) == (0, 0, 7200)
    assert kwh(LIGHTS, (0, 1, 5188.85), (100, 2, 0.03)) == (0, 0, 100), "without a power there is no estimate"
    assert kwh(LIGHTS, (0, 2, 5188.85, 1440), (100, 1, 5188.0, 1440)) == (0, 0, 100)


def test_pulses_counted_on_after_a_kill_count_from_where_they_were_kept() -> None:
    assert kwh(Terms(step=0.001), (0, 1, 50.1, 600), (60, 2, 50.108, 600)) == (0.01, 0.002, 0)
    assert kwh(Terms(step=0.001), (0, 1, 50.1, 600), (60, 2, 50.09, 600)) == (0.01, 0.01, 0)


def shares(stands: list[Stand], borders: list[float], terms: Terms = LIGHTS, now: float = 1e12) -> list[Share]:
    return spread(stretches(stands, terms), borders, terms, now)


def whole(stands: list[Stand], terms: Terms = LIGHTS) -> tuple[float, float, float]:
    (found,) = shares(stands, [stands[0].at, stands[-1].at + 1], terms, stands[-1].at)
    return round(found.kwh, 6), round(found.interpolated_kwh, 6), found.unmeasured_s


def test_a_life_in_which_the_counter_was_only_misread_is_passed_over() -> None:
    misread = of((0, 1, 5188.85, 1440), (60, 2, 0.0, 0), (70, 2, 0.0, 0), (120, 3, 5188.9, 1440), (180, 3, 5188.92, 1440))
    assert whole(misread) == (0.07, 0, 0)
    same_life = of((0, 1, 0.57, 4), (60, 2, 0.0, 0), (70, 2, 0.0, 0), (120, 2, 0.57, 4), (180, 2, 0.57, 4))
    assert whole(same_life) == (0, 0, 0)


def test_a_reset_of_a_counter_that_stood_low_is_none() -> None:
    reset = of((0, 1, 0.02, 1440), (60, 2, 0.0, 1440), (120, 2, 0.02, 1440), (180, 2, 0.05, 1440))
    assert whole(reset) == (0.074, 0.024, 0)


def hourly(stands: list[Stand], terms: Terms) -> list[Stretch]:
    hours = sorted({s.at // 3600 for s in stands})
    return [part for hour in hours for part in stretches([s for s in stands if s.at // 3600 == hour], terms)]


def test_readings_that_stand_close_are_measured_on_both_sides_of_a_border() -> None:
    hours = spread(hourly(of((3570.0, 1, 1.0), (3630.0, 1, 1.04)), LIGHTS), [0, 3600, 7200], LIGHTS, 3630)
    assert [(round(hour.kwh, 9), hour.interpolated_kwh) for hour in hours] == [(0.02, 0), (0.02, 0)]


def test_a_gap_is_measured_for_what_holds_it_and_shared_by_time_where_a_border_cuts_it() -> None:
    known = [*stretches(of((1800.0, 1, 10.0)), LIGHTS), *stretches(of((9000.0, 1, 18.0)), LIGHTS)]
    hours = spread(known, [0, 3600, 7200, 10800], LIGHTS, 9000)
    assert [(round(h.kwh, 9), round(h.interpolated_kwh, 9)) for h in hours] == [(2, 2), (4, 4), (2, 2)]
    (found,) = spread(known, [0, 10800], LIGHTS, 9000)
    assert (found.kwh, found.interpolated_kwh) == (8, 0)


def test_time_before_the_first_reading_and_since_a_last_one_long_ago_was_not_measured() -> None:
    found = shares(of((5400, 1, 1.0), (5460, 1, 1.0)), [0, 3600, 7200, 10800], now=9000)
    assert [share.unmeasured_s for share in found] == [3600, 1800 + 1740, 1800]
    found = shares(of((5400, 1, 1.0), (5460, 1, 1.0)), [0, 3600, 7200, 10800], now=5700)
    assert [share.unmeasured_s for share in found] == [3600, 1800, 0], "the next reading may still come"
    assert [share.unmeasured_s for share in shares([], [0, 3600, 7200], now=4000)] == [3600, 400]


def test_a_clock_that_was_set_back_makes_nothing_flow_twice() -> None:
    """An hour is lived twice: what was counted in it is counted once."""
    twice = [Stand(t, 1, 10 + 0.001 * t) for t in range(0, 5400, 60)]
    twice += [Stand(t - 3600, 1, 10 + 0.001 * t) for t in range(5400, 10800, 60)]
    total = sum(share.kwh for share in spread(hourly(twice, LIGHTS), [0, 3600, 7200, 10800], LIGHTS, 10800))
    assert total == pytest.approx(0.001 * 10740)


# --- whatever comes ---

STEP = 0.01


@st.composite
def lives(draw: st.DrawFn) -> list[Stand]:
    """Readings of a day or two: gaps of any length, now and then a new life that begins anywhere."""
    at, life, energy = 0.0, 1, float(draw(st.integers(0, 500)))
    found = []
    for _ in range(draw(st.integers(1, 60))):
        at += draw(st.sampled_from([1, 10, 60, 60, 60, 299, 301, 1800, 3600, 20_000, 90_000]))
        if found and draw(st.integers(0, 12)) == 0:
            life, energy = life + 1, draw(st.sampled_from([0.0, 0.01, 0.5, 300.0, 9999.98, energy]))
        energy += STEP * draw(st.integers(0, 3000))
        found.append(Stand(at, life, round(energy, 2), draw(st.sampled_from([None, 0.0, 500.0, 1440.0, 1e6]))))
    return found


terms_ = st.sampled_from([LIGHTS, PUMP, UNKNOWN, Terms(rated_kw=None, wraps_at=600.0)])


@given(lives(), terms_)
def test_hours_days_and_the_whole_agree_and_nothing_is_negative(stands: list[Stand], terms: Terms) -> None:
    parts = hourly(stands, terms)
    end = 86400.0 * (stands[-1].at // 86400 + 1)
    hours = spread(parts, [h * 3600.0 for h in range(int(end // 3600) + 1)], terms, end)
    days = spread(parts, [d * 86400.0 for d in range(int(end // 86400) + 1)], terms, end)
    (whole,) = spread(parts, [0.0, end], terms, end)
    for n, day in enumerate(days):
        within = hours[n * 24 : n * 24 + 24]
        assert sum(h.kwh for h in within) == pytest.approx(day.kwh, abs=1e-9)
        assert sum(h.unmeasured_s for h in within) == pytest.approx(day.unmeasured_s, abs=1e-6)
        assert sum(h.interpolated_kwh for h in within) >= day.interpolated_kwh - 1e-9
    assert sum(day.kwh for day in days) == pytest.approx(whole.kwh, abs=1e-9)
    for share in (*hours, *days, whole):
        assert 0 <= share.interpolated_kwh <= share.kwh + 1e-9
        assert share.unmeasured_s >= 0
    assert whole.unmeasured_s <= end + 1e-6


@given(lives())
def test_in_one_life_the_whole_is_the_counter_s_difference_whatever_the_gaps(stands: list[Stand]) -> None:
    first = [s for s in stands if s.life == 1]
    end = 3600.0 * (first[-1].at // 3600 + 1)
    hours = spread(hourly(first, LIGHTS), [h * 3600.0 for h in range(int(end // 3600) + 1)], LIGHTS, end)
    assert sum(h.kwh for h in hours) == pytest.approx(first[-1].kwh - first[0].kwh, abs=1e-9)
    (whole,) = spread(hourly(first, LIGHTS), [0.0, end], LIGHTS, end)
    assert whole.interpolated_kwh == 0


@given(lives(), terms_)
def test_of_a_new_life_no_more_is_counted_than_can_have_flowed(stands: list[Stand], terms: Terms) -> None:
    for a, b in pairwise(stands):
        span = between(a, b, terms)
        if a.life != b.life and terms.rated_kw is not None:
            most = terms.rated_kw * 1.5 * (b.at - a.at + 60) / 3600 + 0.02
            assert span.kwh <= most
        assert span.kwh == 0 or span.unmeasured_s == 0


@given(lives(), terms_, st.integers(0, 60), st.integers(0, 60))
def test_readings_that_come_when_the_others_are_gone_only_widen_what_is_known(
    stands: list[Stand], terms: Terms, low: int, high: int
) -> None:
    known = stretches(stands[min(low, high) : max(low, high) + 1], terms)
    if not known:
        return
    wider = extended(known, stands, terms)
    assert [part for part in wider if known[0].first.at <= part.first.at <= known[-1].first.at] == known
    assert (wider[0].first.at, wider[-1].last.at) == (stands[0].at, stands[-1].at)
    assert sum(part.readings for part in wider) == len(stands)
    assert extended(wider, stands, terms) == wider
