"""A pump and its valves on a bench: in which order they move, and what keeps them from it."""

from __future__ import annotations

import pytest
from station_bench import NEVER, Bench


def test_the_valve_opens_first_and_closes_last() -> None:
    bench = Bench()
    bench.want("valve/a", 120)
    bench.advance(300)
    assert bench.log() == ["0 a on", "5 p on", "120 p off", "123 a off"]
    assert bench.station.waits("valve/a") is None


def test_it_is_awake_for_each_deadline() -> None:
    bench = Bench(of_pump={"lead": "5.25s", "lag": "3.25s", "rest": "60.5s"})
    bench.want("valve/a", 120.125)
    bench.want("valve/b", 250)
    bench.advance(300)
    assert bench.log() == [
        "0 a on", "5.25 p on", "120.125 p off", "123.375 a off", "180.625 b on", "185.875 p on", "250 p off", "253.25 b off",
    ]  # fmt: skip


def test_what_shows_late_that_it_is_on_is_switched_once_however_little_is_left() -> None:
    bench = Bench(of_pump={"lead": "0s", "lag": "0s"})
    bench.relays["valve/a"].mode = "unknown"  # its board has not been read since
    for n in range(30):  # 0.2 s of water are wanted, and none has come
        if n == 20:
            bench.relays["valve/a"].mode = "obeys"
            bench.look()
        bench.want("valve/a", 0.2)
        bench.advance(0.1)
    assert bench.log() == ["0 a on", "2 p on"]


def test_a_valve_without_a_pump_opens_and_closes_at_once() -> None:
    bench = Bench(1, pump=False)
    bench.want("valve/a", 120)
    assert bench.station.flowing("valve/a")
    bench.advance(300)
    assert bench.log() == ["0 a on", "120 a off"]


def test_a_want_that_is_gone_stops_the_pump_at_once() -> None:
    bench = Bench(of_pump={"lag": "3.25s"})
    bench.want("valve/a", 120)
    bench.advance(20)
    bench.drop("valve/a")
    bench.advance(60)
    assert bench.log() == ["0 a on", "5 p on", "20 p off", "23.25 a off"]


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
    bench.advance(300)  # its charge has the 10 s that an output may take to show that it is on
    assert bench.log() == ["0 a on", "5 p on", "110 p off", "113 a off"]
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
    assert bench.log()[:4] == ["0 a on", "5 p on", "64 p off", "64 a off"]
    assert bench.log()[4:] == ["142 a on", "147 p on"]
    assert not bench.alarms()


def test_the_leases_of_valves_outlast_that_of_their_pump() -> None:
    bench = Bench(of_pump={"lead": "2s"})
    bench.want("valve/a", 400)
    bench.advance(3)
    bench.hung = True
    bench.advance(30)
    assert bench.log() == ["0 a on", "2 p on", "16 p off", "16 a off"]


def test_more_time_is_not_used_before_the_journal_has_it() -> None:
    bench = Bench()
    bench.want("valve/a", 100)
    bench.advance(50)
    bench.journal(NEVER)
    bench.want("valve/a", 400)
    bench.advance(100)
    assert bench.log() == ["0 a on", "5 p on", "110 p off", "113 a off"]


def held(bench: Bench) -> tuple[str, str]:
    waits = bench.station.waits("valve/a")
    assert waits is not None
    assert not waits.final
    return waits.reason, waits.code


@pytest.mark.parametrize("target", ["pump/p", "valve/a"])
@pytest.mark.parametrize("what", ["hand", "locked"])
def test_what_people_hold_stands_until_they_let_go(what: str, target: str) -> None:
    bench = Bench()
    bench.want("valve/a", 600)
    bench.advance(20)
    bench.told[what][target] = "tech"
    bench.advance(10)
    assert bench.log() == ["0 a on", "5 p on", "21 p off", "24 a off"]
    assert held(bench) == ({"hand": "hand", "locked": "lockout"}[what], what)
    bench.told[what].clear()
    bench.advance(100)
    assert bench.on() == "pa"


@pytest.mark.parametrize("target", ["pump/p", "valve/a"])
def test_a_block_outlasts_a_restart_and_ends_with_a_person(target: str) -> None:
    bench = Bench()
    bench.want("valve/a", 600)
    bench.advance(20)
    bench.run(bench.station.block(target, "leak", {"l_min": 2.0}, bench.moment()))
    bench.advance(10)
    assert bench.log() == ["0 a on", "5 p on", "20 p off", "23 a off"]
    bench.kill(1, drop=False)
    bench.want("valve/a", 600)
    bench.advance(100)
    assert bench.on() == ""
    assert held(bench) == ("safety", "leak")
    assert bench.station.blocked(target) == "leak"
    bench.run(bench.station.unblock(target))
    bench.advance(10)
    assert bench.on() == "pa"
    assert ("blocks", target) not in bench.disk


def test_a_tank_stops_the_pump_and_says_so() -> None:
    bench = Bench()
    bench.want("valve/a", 600)
    bench.advance(20)
    bench.told["level"] = "tank-empty"
    bench.advance(10)
    assert bench.log() == ["0 a on", "5 p on", "21 p off", "24 a off"]
    assert held(bench) == ("safety", "level-stop")
    assert bench.alarms() == {("level-stop", "pump/p")}
    data = next(data for kind, _, _, data in bench.station.conditions() if kind == "level-stop")
    assert data == {"why": "the tank is empty", "why_vi": "bể cạn"}


def test_a_pump_waits_for_room_and_runs_on_without_it() -> None:
    bench = Bench(of_pump={"rated_w": 750})
    bench.told["room"] = "the lights need it"
    bench.want("valve/a", 600)
    bench.advance(10)
    assert bench.on() == ""
    assert held(bench) == ("queue", "power")
    bench.told["room"] = None
    bench.advance(10)
    assert bench.on() == "pa"
    bench.told["room"] = "the lights need it"
    bench.advance(10)
    assert bench.on() == "pa"


def test_a_valve_that_does_not_close_keeps_its_place() -> None:
    bench = Bench(of_pump={"rest": "0s"})
    bench.want("valve/a", 30)
    bench.want("valve/b", 300)
    bench.advance(20)
    bench.relays["valve/a"].mode = "sticks"
    bench.advance(60)
    assert bench.on() == "a"
    assert bench.alarms() == {("not-closing", "valve/a")}
    bench.relays["valve/a"].mode = "obeys"
    bench.advance(10)
    assert bench.on() == "pb"
    assert not bench.alarms()


def test_a_place_is_free_once_its_valve_is_closed() -> None:
    bench = Bench(of_pump={"rest": "0s"})
    bench.want("valve/a", 30)
    bench.want("valve/b", 300)
    bench.advance(60)
    assert bench.log() == ["0 a on", "5 p on", "30 p off", "33 a off", "33 b on", "38 p on"]


def test_a_valve_that_does_not_open_lets_the_next_go_first() -> None:
    bench = Bench()
    bench.relays["valve/a"].mode = "sticks"
    bench.want("valve/a", 600)
    bench.want("valve/b", 100)
    bench.advance(12)
    assert bench.alarms() == {("not-opening", "valve/a")}
    assert bench.on() == "b"


@pytest.mark.parametrize("mode", ["fails", "unknown"])
def test_a_valve_that_says_nothing_is_taken_for_neither_open_nor_closed(mode: str) -> None:
    bench = Bench()
    bench.want("valve/b", 600)
    bench.want("valve/a", 600)
    bench.advance(20)
    bench.relays["valve/b"].mode = mode
    bench.advance(1)
    assert not bench.relays["pump/p"].on
    bench.advance(100)
    assert bench.alarms() == {("not-closing", "valve/b")}
    assert not bench.relays["valve/a"].on


def test_a_pump_that_cannot_be_stopped_is_told_of_and_its_valve_closes() -> None:
    bench = Bench()
    bench.want("valve/a", 30)
    bench.advance(20)
    bench.relays["pump/p"].mode = "sticks"
    bench.advance(20)
    assert bench.log() == ["0 a on", "5 p on", "33 a off"]
    assert bench.alarms() == {("not-closing", "pump/p")}


def test_an_output_that_somebody_else_switched_on_is_switched_off_at_once() -> None:
    bench = Bench()
    bench._force(bench.relays["pump/p"], True)
    bench.look()
    assert bench.on() == ""


def test_a_day_that_is_used_up_ends_the_want() -> None:
    bench = Bench(of_valve={"max_on": "5m", "daily_max": "5m"})
    bench.want("valve/a", 250)
    bench.advance(400)
    bench.want("valve/a", 200, "next")
    bench.advance(200)
    assert bench.log()[2:] == ["250 p off", "253 a off", "400 a on", "405 p on", "444 p off", "447 a off"]
    bench.want("valve/a", 200, "third")
    waits = bench.station.waits("valve/a")
    assert waits is not None
    assert (waits.code, waits.final) == ("budget-exhausted", True)
    assert bench.alarms() == {("budget-exhausted", "valve/a")}


def test_a_clean_end_leaves_nothing_on() -> None:
    bench = Bench()
    bench.want("valve/a", 250)
    bench.advance(20)
    bench.run(bench.station.stop(bench.moment()))
    assert bench.log()[2:] == ["20 p off", "20 a off"]
