"""A pump and its valves on a bench: in which order they move, and what keeps them from it."""

from __future__ import annotations

from station_bench import NEVER, Bench


def test_the_valve_opens_first_and_closes_last() -> None:
    bench = Bench()
    bench.want("valve/a", 120)
    bench.advance(300)
    assert bench.log() == ["0 a on", "5 p on", "120 p off", "123 a off"]
    assert bench.station.waits("valve/a") is None


def test_a_valve_without_a_pump_opens_and_closes_at_once() -> None:
    bench = Bench(1, pump=False)
    bench.want("valve/a", 120)
    assert bench.station.flowing("valve/a")
    bench.advance(300)
    assert bench.log() == ["0 a on", "120 a off"]


def test_a_want_that_is_gone_stops_the_pump_at_once() -> None:
    bench = Bench()
    bench.want("valve/a", 120)
    bench.advance(20)
    bench.drop("valve/a")
    bench.advance(60)
    assert bench.log() == ["0 a on", "5 p on", "20 p off", "23 a off"]


def test_one_after_the_other_where_the_pump_feeds_one() -> None:
    bench = Bench()
    bench.want("valve/a", 60)
    bench.want("valve/b", 300)
    waits = bench.station.waits("valve/b")
    assert waits is not None
    assert waits.code == "queue"
    bench.advance(400)
    assert bench.log() == [
        "0 a on", "5 p on", "60 p off", "63 a off", "120 b on", "125 p on", "300 p off", "303 b off",
    ]  # fmt: skip


def test_a_pump_that_feeds_several_runs_on_while_they_take_turns() -> None:
    bench = Bench(3, of_pump={"zones_at_once": 2})
    bench.want("valve/a", 60)
    bench.want("valve/b", 100)
    bench.want("valve/c", 200)
    bench.advance(300)
    assert bench.log() == [
        "0 a on", "0 b on", "5 p on", "60 a off", "60 c on", "100 b off", "200 p off", "203 c off",
    ]  # fmt: skip


def test_who_comes_first_takes_the_place() -> None:
    bench = Bench()
    bench.want("valve/b", 300)
    bench.advance(30)
    bench.wants = {"valve/a": (bench.mono + 100, "person"), **bench.wants}
    bench.step()
    bench.advance(300)
    assert bench.log() == [
        "0 b on", "5 p on", "30 p off", "33 b off", "90 a on", "95 p on", "130 p off", "133 a off", "190 b on",
        "195 p on", "300 p off", "303 b off",
    ]  # fmt: skip


def test_nothing_opens_before_the_journal_has_its_charge() -> None:
    bench = Bench()
    bench.journal(4)
    bench.want("valve/a", 120)
    bench.advance(3)
    assert bench.on() == ""
    bench.advance(1)
    assert bench.on() == "a"
    row = bench.disk["budgets", "valve/a"]
    assert row["on_mono"] == 1000


def test_a_want_that_is_gone_before_the_journal_answers_opens_nothing() -> None:
    bench = Bench()
    bench.journal(4)
    bench.want("valve/a", 120)
    bench.advance(2)
    bench.drop("valve/a")
    bench.advance(60)
    assert bench.log() == []


def test_a_journal_that_does_not_answer_opens_nothing_later() -> None:
    bench = Bench()
    bench.journal(NEVER)
    bench.want("valve/a", 120)
    bench.advance(10.5)
    assert bench.station.told("valve/a") is False
    bench.drop("valve/a")
    bench.journal(0)
    bench.advance(60)
    assert bench.log() == []
    bench.want("valve/a", 120)
    bench.advance(1)
    assert bench.on() == "a"


def test_what_is_open_finishes_its_charge_when_the_journal_fails() -> None:
    bench = Bench()
    bench.want("valve/a", 100)
    bench.advance(50)
    bench.journal(NEVER, failing=True)
    bench.want("valve/a", 400)
    bench.advance(300)
    assert bench.log() == ["0 a on", "5 p on", "100 p off", "103 a off"]
    waits = bench.station.waits("valve/a")
    assert waits is not None
    assert waits.code == "journal-failing"


def test_a_longer_want_is_charged_anew() -> None:
    bench = Bench()
    bench.want("valve/a", 100)
    bench.advance(50)
    bench.want("valve/a", 400)
    bench.advance(500)
    assert bench.log() == ["0 a on", "5 p on", "450 p off", "453 a off"]


def test_max_on_counts_the_lag_too_and_ends_the_want() -> None:
    bench = Bench()
    bench.want("valve/a", 2000)
    bench.advance(1500)
    assert bench.log() == ["0 a on", "5 p on", "597 p off", "600 a off"]
    waits = bench.station.waits("valve/a")
    assert waits is not None
    assert (waits.code, waits.final) == ("max-on", True)


def test_a_lease_that_ran_out_is_sequenced_anew() -> None:
    bench = Bench()
    bench.want("valve/a", 400)
    bench.advance(52)
    bench.hung = True
    bench.advance(30)
    assert bench.on() == ""
    bench.hung = False
    bench.advance(200)
    assert bench.log()[:4] == ["0 a on", "5 p on", "65 p off", "65 a off"]
    assert bench.log()[4:] == ["142 a on", "147 p on"]
    assert not bench.alarms()
