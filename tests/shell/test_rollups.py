"""Roll-ups and what is read of them: right whatever order rows come in, where they are cut off, and when others go."""

from __future__ import annotations

import datetime as dt
import random
import statistics
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from card import HANOI, Card, moment
from hypothesis import given, settings
from hypothesis import strategies as st
from villages import CATALOGUE, village

from edge.core.energy import Terms
from edge.core.questions import EnergyQuestion, HistoryQuestion, Period
from edge.core.tariffs import Cost, read_tariff
from edge.core.values import Reading
from edge.shell.energy_reader import EnergyReader, PeriodEnergy, Series
from edge.shell.history_rows import layouts, rows_between, still, unmarked

METER = "meter/cabinet"
LIGHTS = {METER: Terms(rated_kw=5, step=0.01)}
TABLES = "energy", "rollups", "stale"
PRICES = read_tariff({
    "name": "Giá", "currency": "VND", "prices": [{"since": "2026-01-01", "price": 2000}, {"since": "2026-11-16", "price": 3000}],
    "vat": [{"since": "2026-01-01", "percent": 10}],
})[0]  # fmt: skip


def at(text: str) -> float:
    return dt.datetime.fromisoformat(text).replace(tzinfo=HANOI).timestamp()


START = at("2026-11-14T20:00")


@pytest.fixture
def card(tmp_path: Path) -> Iterator[Card]:
    found = Card(tmp_path, LIGHTS)
    yield found
    found.close()


def meter(**more: object) -> EnergyReader:
    wired = {"name": "Tủ", "model": "sdm630", "port": "bus", "address": 1, "rated_kw": 5, "tariff": "price", **more}
    assert PRICES is not None
    return EnergyReader(village(meters={"cabinet": wired}), CATALOGUE, {"price": PRICES})


def evening(minutes: int = 600, watts: float = 1440.0, start: float = START, counter: float = 100.0) -> list[Reading]:
    """A reading a minute under a steady load; voltages wobble."""
    draw = random.Random(minutes)
    return [
        Reading(METER, {"power_w": watts, "energy_kwh": round(counter + watts * n / 60_000, 2), "voltage_v": round(draw.uniform(225, 235), 1)}, start + 60 * n)
        for n in range(minutes + 1)
    ]


def ask(card: Card, period: Period, start: float, end: float, now: float, reader: EnergyReader | None = None) -> list[PeriodEnergy]:
    db = card.reader()
    try:
        return (reader or meter()).periods(db, EnergyQuestion(METER, period, start, end), moment(now))
    finally:
        db.close()


def look(card: Card, quantity: str, start: float, end: float, step: float) -> Series:
    db = card.reader()
    try:
        return meter().series(db, HistoryQuestion(METER, quantity, start, end, step))
    finally:
        db.close()


def figures(found: list[PeriodEnergy]) -> list[tuple[float, float, float]]:
    return [(round(p.kwh, 6), round(p.interpolated_kwh, 6), round(p.unmeasured_s, 3)) for p in found]


def test_figures_are_the_same_before_and_after_they_are_rolled_up(card: Card) -> None:
    card.write(evening())
    now = START + 36_060
    before = [ask(card, period, START, now, now) for period in ("hour", "day", "month")]
    curve = [look(card, "voltage_v", START, now, step) for step in (60, 600, 3600, 7200, 86400)]
    card.roll(now)
    assert not unmarked(card.reader())
    assert [ask(card, period, START, now, now) for period in ("hour", "day", "month")] == before
    assert [look(card, "voltage_v", START, now, step) for step in (60, 600, 3600, 7200, 86400)] == curve
    card.roll(now + 60 * 86400)
    assert card.dump("stale") == {"stale": []}
    assert [ask(card, period, START, now, now) for period in ("hour", "day", "month")] == before
    assert [look(card, "voltage_v", START, now, step) for step in (60, 600, 3600, 7200, 86400)] == curve
    hours, days, _ = before
    assert [round(hour.kwh, 2) for hour in hours] == [1.44] * 10 + [0.0]
    assert figures(days) == [(5.76, 0, 72000.0), (8.64, 0, 0)]


def test_what_a_period_costs(card: Card) -> None:
    card.write([*evening(60), *evening(60, start=at("2026-11-15T23:30"), counter=110)])
    now = at("2026-11-16T01:00")
    first, second, third = ask(card, "day", START, now, now)
    assert first.cost == Cost(round(first.kwh * 2200), round(first.kwh * 200), 10, "VND", "price")
    assert second.cost == Cost(int(second.kwh * 2200 + 0.5), int(second.kwh * 200 + 0.5), 10, "VND", "price")
    assert third.cost == Cost(round(third.kwh * 3300), round(third.kwh * 300), 10, "VND", "price")
    assert round(third.kwh, 6) == 0.72
    (month,) = ask(card, "month", START, now, now)
    assert month.cost is not None
    assert month.cost.amount == int(2200 * (first.kwh + second.kwh) + 3300 * third.kwh + 0.5)
    assert ask(card, "month", START, now, now, meter(tariff=None))[0].cost is None
    assert ask(card, "month", START, now, now, meter(tariff="gone"))[0].cost is None


def test_tiers_of_days_and_hours_are_their_share_of_the_billing_period(card: Card) -> None:
    tiers, _ = read_tariff({"name": "G", "currency": "VND", "vat": [{"since": "2026-01-01", "percent": 0}],
                            "prices": [{"since": "2026-01-01", "tiers": [{"up_to": 31, "price": 1000}, {"price": 2000}]}]})  # fmt: skip
    assert tiers is not None
    wired = {"name": "Tủ", "model": "sdm630", "port": "bus", "address": 1, "rated_kw": 5, "tariff": "t", "billing_day": 15}
    reader = EnergyReader(village(meters={"cabinet": wired}), CATALOGUE, {"t": tiers})
    card.write(evening(239))
    now = at("2026-11-15T00:00")
    (bill,) = ask(card, "billing", START, now, now, reader)
    assert (bill.start, bill.end) == (at("2026-10-15T00:00"), at("2026-11-15T00:00"))
    assert bill.cost is not None
    assert bill.cost.amount == round(bill.kwh * 1000)
    (day,) = ask(card, "day", START, now, now, reader)
    assert day.cost is not None
    assert day.cost.amount == round(1000 + (day.kwh - 1) * 2000), "a day of a billing period of 31 has 1 of its 31 kWh"


def test_a_meter_that_is_not_there_and_one_that_was_never_read(card: Card) -> None:
    assert figures(ask(card, "day", START, START + 1, START)) == [(0, 0, 72000)]
    with pytest.raises(KeyError):
        meter().periods(card.reader(), EnergyQuestion("meter/gone", "day", START, START + 1), moment(START))
    assert look(card, "power_w", START, START + 3600, 60) == Series(60, [])


def test_a_month_holds_a_lost_week_and_says_which_part_of_a_day_is_interpolated(card: Card) -> None:
    card.write([*evening(60), *evening(60, start=START + 7 * 86400, counter=301.44)])
    now = START + 7 * 86400 + 3600
    card.roll(now)
    (month,) = ask(card, "month", START, now, now)
    assert (round(month.kwh, 6), month.interpolated_kwh) == (202.88, 0)
    days = ask(card, "day", START, now, now)
    assert sum(day.kwh for day in days) == pytest.approx(202.88)
    gap = 200 / (7 * 24 - 1)
    assert [round(day.interpolated_kwh, 6) for day in days] == [round(n * gap, 6) for n in (3, 24, 24, 24, 24, 24, 24, 20)]


def test_a_reset_in_the_night_is_estimated_and_said(card: Card) -> None:
    first = evening(10)
    second = [replace(r, life=2) for r in evening(10, start=START + 620, counter=0.0)]
    card.write([*first, *second])
    (hour,) = ask(card, "hour", START, START + 1, START + 1300)
    assert figures([hour]) == [(round(0.24 + 0.24 + 1440 * 20 / 3.6e6, 6), 0.008, 0)]


def test_rows_that_nobody_vouches_for_do_not_count_until_they_are_released(card: Card) -> None:
    early, late = evening(60), evening(60, start=START + 3660, counter=101.5)
    card.write(early, trusted=False)
    card.write(late)
    now = START + 8 * 3600
    card.roll(now)
    assert figures(ask(card, "day", START, START + 1, now)) == [(1.44, 0, 75660 + 7140)]
    card.release()
    (day,) = ask(card, "day", START, START + 1, now)
    assert (round(day.kwh, 6), day.unmeasured_s) == (2.94, 72000 + 7140)
    card.roll(now + 90_000)
    assert ask(card, "day", START, START + 1, now) == [day]
    fresh = layouts(card.reader(), METER)
    with still(db := card.reader()):
        assert [raw.at for raw in rows_between(db, START, now, fresh)] == [round(r.at * 1000) for r in (*early, *late)]


def test_rows_that_retention_took_stay_in_what_was_rolled_up(card: Card) -> None:
    card.write(evening())
    now = START + 36_060
    card.roll(now + 40 * 86400)
    before = card.dump(*TABLES), ask(card, "hour", START, now, now), look(card, "power_w", START, now, 3600)
    card.drop_before(START + 4 * 3600 + 1200)
    card.roll(now + 40 * 86400)
    assert (card.dump(*TABLES), ask(card, "hour", START, now, now), look(card, "power_w", START, now, 3600)) == before
    assert look(card, "power_w", START, now, 60).step_s == 3600, "minutes are there of the rows alone"
    assert look(card, "power_w", START + 6 * 3600, now, 60).step_s == 60
    late = Reading(METER, {"power_w": 1440.0, "energy_kwh": 101.0, "voltage_v": 230.0}, START + 2500)
    card.write([late])
    card.roll(now + 40 * 86400)
    assert card.dump("energy", "rollups") == {name: before[0][name] for name in ("energy", "rollups")}


def test_rows_that_are_read_from_a_damaged_file_come_below_and_between_others(card: Card) -> None:
    readings = evening()
    card.write(readings)
    now = START + 40 * 86400
    lost = [*range(1, 200), *range(300, 330), 450]
    card.take_out(lost)
    card.roll(now)
    half = figures(ask(card, "hour", START, START + 36_000, now))
    card.put_back(lost)
    (day, *_) = ask(card, "day", START, START + 36_000, now)
    card.roll(now)
    whole = figures(ask(card, "hour", START, START + 36_000, now))
    assert (half[1][0], whole[1]) == (0, (1.44, 0, 0))
    assert ask(card, "day", START, START + 36_000, now)[0] == day
    assert len(look(card, "power_w", START, START + 36_000, 60).points) == 600


def test_where_much_is_not_rolled_up_a_question_reads_what_is_near(card: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.shell.history_series.MUCH", 100)
    for n in range(9):
        card.write(evening(60, start=START + 86400 * n, counter=100 + 1.44 * n))
    now = START + 9 * 86400
    asked = ask(card, "day", START + 4 * 86400, START + 4 * 86400 + 1, now), look(card, "power_w", START + 4 * 86400, START + 5 * 86400, 3600)
    assert round(asked[0][0].kwh, 6) == 1.44
    card.roll(now)
    assert (ask(card, "day", START + 4 * 86400, START + 4 * 86400 + 1, now), look(card, "power_w", START + 4 * 86400, START + 5 * 86400, 3600)) == asked


def test_what_is_told_is_the_same_after_every_piece_of_upkeep(card: Card) -> None:
    card.write(evening(60))
    now = START + 60 * 86400
    card.roll(now)
    card.write(evening(60, start=START + 86400, watts=720, counter=110))
    steps = 60, 3600, 86400, 604_800, 2_592_000
    told = [look(card, "power_w", START, now, step) for step in steps], ask(card, "hour", START, START + 90_000, now)
    assert told[0][-1].points == [(at("2026-11-01T00:00"), 720, 1080, 1440)]
    pieces = 0
    while card.roll(now, 1):
        pieces += 1
        assert ([look(card, "power_w", START, now, step) for step in steps], ask(card, "hour", START, START + 90_000, now)) == told
    assert pieces == 4, "marks, hours, days, months"


def test_damage_costs_what_is_damaged_and_stops_nothing(card: Card) -> None:
    card.write(evening(180))
    now = START + 60 * 86400
    card.damage("UPDATE rows SET body = x'ff' WHERE sequence IN (10, 70)")
    card.roll(now)
    assert [round(p.kwh, 6) for p in ask(card, "hour", START, START + 10_800, now)] == [1.44] * 3
    assert len(look(card, "power_w", START, START + 10_800, 3600).points) == 3
    with pytest.raises(ValueError, match="a row of the history"):
        look(card, "power_w", START, START + 10_800, 60)
    card.damage("UPDATE energy SET parts = '[[1' WHERE hour = (SELECT min(hour) FROM energy)", "UPDATE rollups SET body = x'05'")
    assert [round(p.kwh, 6) for p in ask(card, "hour", START, START + 10_800, now)] == [0, 1.44, 1.44]
    assert look(card, "power_w", START, START + 10_800, 3600).points == []
    card.write(evening(60, start=START + 14_400, counter=106))
    card.damage("INSERT INTO stale VALUES (1, 0, 99), (2, 0, 99)")
    card.roll(now)
    assert card.dump("stale") == {"stale": []}
    assert sum(p.kwh for p in ask(card, "day", START, START + 90_000, now)) == pytest.approx(7.44 - 1.42, abs=0.05)


def test_another_layout_of_the_same_meter_is_the_same_meter(card: Card) -> None:
    """A model that was changed in the configuration shows other values."""
    first, second = evening(30), evening(60)[31:]
    card.write(first)
    card.write([replace(r, quantities={"energy_kwh": r.quantities["energy_kwh"], "power_w": 1440.0}) for r in second])
    now = START + 7300
    figures_before = figures(ask(card, "hour", START, now, now)), look(card, "power_w", START, now, 3600)
    assert figures_before[0] == [(1.44, 0, 0), (0, 0, 3600), (0, 0, 100)]
    assert [point[1:] for point in figures_before[1].points] == [(1440, 1440, 1440)] * 2
    card.roll(now)
    assert (figures(ask(card, "hour", START, now, now)), look(card, "power_w", START, now, 3600)) == figures_before


def test_the_points_of_a_series_are_the_rows(card: Card) -> None:
    readings = evening(180)
    card.write(readings)
    for roll in (False, True):
        if roll:
            card.roll(START + 90_000)
        for step in (60, 900, 3600):
            found = look(card, "voltage_v", START, START + 10_800, step)
            assert found.step_s == step
            for start, least, mean, most in found.points:
                here = [r.quantities["voltage_v"] for r in readings if start <= r.at < start + step]
                assert (least, most) == (min(here), max(here))
                assert mean == pytest.approx(statistics.fmean(here), abs=1e-6)
            assert len(found.points) == 10_800 / step


def test_a_series_is_never_more_than_a_thousand_points(card: Card) -> None:
    for day in range(12):
        card.write(evening(1439, start=START + 86400 * day, counter=100 + 40 * day))
    card.roll(START + 12 * 86400)
    found = look(card, "energy_kwh", 0, START * 2, 60)
    assert (found.step_s, len(found.points)) == (1200, 12 * 72), "it is widened only for the time of which there is something"
    assert look(card, "energy_kwh", 0, START * 2, 50_000).step_s == 86400


def test_a_village_at_half_past_the_hour_rolls_up_its_own_hours(tmp_path: Path) -> None:
    from zoneinfo import ZoneInfo

    card = Card(tmp_path, LIGHTS, ZoneInfo("Asia/Kathmandu"))
    card.write(evening(180))
    card.roll(START + 90_000)
    (hours,) = zip(*card.reader().execute("SELECT DISTINCT hour FROM energy"), strict=True)
    assert {hour % 3600 for hour in hours} == {900}
    assert sum(p.kwh for p in ask(card, "hour", START, START + 11_000, START + 11_000)) == pytest.approx(4.32)
    card.close()


# --- whatever order, wherever it is cut ---


@st.composite
def runs(draw: st.DrawFn) -> list[Reading]:
    """Readings of a day: gaps, lives, values that are not always there."""
    when, life, energy, found = START, 1, 5000, []
    for _ in range(draw(st.integers(1, 40))):
        when += draw(st.sampled_from([10, 60, 60, 600, 3600, 9000]))
        if found and draw(st.integers(0, 9)) == 0:
            life, energy = life + 1, draw(st.sampled_from([0, 1, 300_000]))
        energy += draw(st.integers(0, 40))
        values = {"power_w": float(draw(st.integers(0, 3000))), "energy_kwh": energy / 100}
        if draw(st.integers(0, 5)) == 0:
            del values[draw(st.sampled_from(["power_w", "energy_kwh"]))]
        found.append(Reading(METER, values, when, life=life))
    return found


@pytest.mark.slow
@settings(max_examples=40)
@given(runs(), st.data())
def test_splitting_shuffling_and_killing_change_nothing(readings: list[Reading], data: st.DataObject) -> None:
    """One card is written in one go and rolled up to the end. Another gets its rows in any order and in pieces, and
    between them a piece of upkeep, now and then one that is cut off; and is asked all the while."""
    end = readings[-1].at + 40 * 86400
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        whole, pieces = Card(Path(one), LIGHTS), Card(Path(other), LIGHTS)
        whole.write(readings)
        whole.roll(end)
        left = data.draw(st.permutations(readings)) if data.draw(st.booleans()) else list(readings)
        while left:
            n = data.draw(st.integers(1, len(left)))
            pieces.write(left[:n])
            left = left[n:]
            pieces.roll(data.draw(st.sampled_from([readings[0].at, readings[-1].at + 7200, end])), data.draw(st.integers(0, 4)))
            pieces.cut_off(end)
        reader = meter()
        asked = [ask(c, "hour", readings[0].at, readings[-1].at + 1, end, reader) for c in (whole, pieces)]
        assert asked[0] == asked[1]
        assert [look(whole, "power_w", START, end, step) for step in (60, 3600, 86400, 2_592_000)] == [look(pieces, "power_w", START, end, step) for step in (60, 3600, 86400, 2_592_000)]
        pieces.roll(end)
        energy = [c.dump("energy") for c in (whole, pieces)]
        assert energy[0] == energy[1]
        assert [look(whole, "power_w", START, end, step) for step in (3600, 86400, 2_592_000)] == [look(pieces, "power_w", START, end, step) for step in (3600, 86400, 2_592_000)]
        assert min((p.kwh for p in asked[0]), default=0) >= 0
        whole.close()
        pieces.close()
