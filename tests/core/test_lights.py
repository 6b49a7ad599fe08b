"""A street as the core runs it: levels, overrides, spacing, restrike, outcomes. On a manual clock."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from villages import Bench, street, village

from edge.core.lighting import ladder


def test_three_equal_circuits_give_four_levels() -> None:
    assert ladder([480, 480, 480]).levels == (0, 33, 67, 100)


@given(st.lists(st.floats(1, 5000), min_size=1, max_size=8))
def test_levels_grow_strictly_from_0_to_100(watts: list[float]) -> None:
    levels = ladder(watts).levels
    assert levels[0] == 0
    assert levels[-1] == 100
    assert all(a < b for a, b in pairwise(levels))


@pytest.mark.parametrize(("asked", "given_"), [(0, 0), (1, 33), (33, 33), (50, 67), (49.9, 33), (83.5, 100), (84, 100)])
def test_a_level_goes_to_the_nearest_the_higher_when_equal_and_never_to_0(asked: float, given_: int) -> None:
    assert ladder([1, 1, 1]).nearest(asked) == given_


def test_an_override_says_why_by_whom_and_until_when() -> None:
    b = Bench()
    assert b.send({"action": "on", "level": 33, "for_s": 7200, "id": "c-81"}) == {
        "id": "c-81", "user": "head", "outcome": "done", "state": "ON", "took_ms": 0
    }
    state = b.state()
    assert (state["state"], state["level"], state["levels"]) == ("ON", 33, [0, 33, 67, 100])
    assert (state["observed"], state["observed_level"]) == ("ON", 33)
    assert state["circuits"][0] == {"id": "a", "on": True, "observed": True, "hours": 0}
    assert state["circuits"][1] == {"id": "b", "on": False, "observed": False, "hours": 0}
    assert (state["reason"], state["until"], state["by"], state["command"]) == (
        "override", "2026-11-21T11:00:00.000Z", "head", "c-81"
    )
    # The program asks for 100 % by then: that is the next change as it will happen.
    assert state["next"] == {"at": "2026-11-21T11:00:00.000Z", "level": 100, "reason": "program"}
    assert b.radio.retained["village/thon/light/road/value"] == b"ON"
    assert b.radio.retained["village/thon/light/road/value/level"] == b"33"


def test_an_override_ends_by_itself_and_the_program_goes_on() -> None:
    b = Bench()
    b.send({"action": "on", "for_s": 600})
    b.advance(599.5)
    assert b.on() == "abc"
    b.advance(0.5)
    assert b.on() == ""
    assert b.state()["reason"] == "program"
    assert b.state()["by"] is None


def test_without_a_bound_it_ends_at_the_next_step_though_that_changes_nothing() -> None:
    b = Bench(at="2026-11-21T19:00:00+07:00")
    b.advance(30)
    b.send("33")
    assert b.state()["until"] == "2026-11-21T15:30:00.000Z"
    b.advance_to("2026-11-21T22:30:00+07:00")
    assert b.state()["reason"] == "program"
    assert b.on() == "a"


def test_a_duration_is_monotonic_and_a_time_of_day_follows_the_wall() -> None:
    b = Bench()
    b.send({"action": "on", "level": 33, "for_s": 3600})
    b.runner.set_wall(b.clock.now().wall + 86400 * 3)
    assert b.state()["reason"] == "override"
    assert b.state()["until"] == "2026-11-24T10:00:00.000Z"
    b.advance(3600)
    assert b.state()["reason"] == "program"
    b.send({"action": "on", "level": 33, "until": "2026-11-24T20:00:00+07:00"})
    b.runner.set_wall(b.clock.now().wall + 86400)
    assert b.state()["reason"] == "program"


def test_auto_gives_the_street_back_to_its_program() -> None:
    b = Bench()
    b.send("ON")
    assert b.send("AUTO")["outcome"] == "done"
    assert b.on() == ""
    assert b.state()["reason"] == "program"
    assert b.send({"action": "on", "level": 67, "for_s": 60})["outcome"] == "accepted"


def test_circuits_on_one_meter_come_on_ten_seconds_apart_and_go_off_at_once() -> None:
    b = Bench()
    assert b.send("ON")["outcome"] == "accepted"
    assert b.on() == "a"
    assert b.state()["observed"] == "partial"
    assert "apart" in b.state()["detail"]
    b.advance(9.9)
    assert b.on() == "a"
    b.advance(0.1)
    assert b.on() == "ab"
    b.advance(10)
    assert b.on() == "abc"
    assert b.results()[-1]["outcome"] == "done"
    assert b.results()[-1]["took_ms"] == 20000
    assert b.send("OFF")["outcome"] == "done"
    assert b.on() == ""


def test_two_lights_on_one_meter_share_its_spacing() -> None:
    lights = {"road": street(circuits=1), "lane": street(circuits=1)}
    lights["lane"]["circuits"]["a"]["output"]["gpio"] = 25
    b = Bench(village(lights))
    assert b.send("ON")["outcome"] == "done"
    assert b.send("ON", to="light/lane")["outcome"] == "accepted"
    b.advance(10)
    assert b.on("lane") == "a"


def test_lamps_cool_before_they_strike_again() -> None:
    b = Bench(village({"road": street("60s", 1)}))
    b.send("ON")
    b.advance(5)
    b.send("OFF")
    assert b.send("ON")["outcome"] == "accepted"
    assert "cool" in b.state()["detail"]
    b.advance(59.9)
    assert b.on() == ""
    b.advance(0.1)
    assert b.on() == "a"
    assert b.results()[-1]["outcome"] == "done"


def test_a_burst_is_capped_the_rest_superseded_and_off_never_waits() -> None:
    b = Bench(village({"road": street(circuits=1)}, limits={"switching": {"burst": 4, "per": "60s"}}))
    for _ in range(10):
        b.send("ON")
        b.send("OFF")
    line = b.lines["light/road/a"]
    assert len(line.writes) == 1 + 4
    outcomes = [r["outcome"] for r in b.results()]
    assert outcomes.count("superseded") == 8
    b.send("ON")
    assert b.on() == ""
    b.advance(60)
    assert b.on() == "a"
    assert b.send("OFF")["outcome"] == "done"


def test_after_a_restart_the_cap_counts_from_the_same_switching(tmp_path: Path) -> None:
    site = village({"road": street(circuits=1)}, limits={"switching": {"burst": 3, "per": "10m"}})
    before = Bench(site, journal=tmp_path / "journal.db")
    for wait_s, action in ((0, "ON"), (15, "OFF"), (60, "ON")):
        before.advance(wait_s)
        before.send(action)
    before.store.close(before.clock.now())
    b = Bench(site, journal=tmp_path / "journal.db", clock=before.clock, lines=before.lines)
    b.advance(30)
    b.send("OFF")
    b.send("ON")  # the OFF of 90 s ago is the first of the three that count
    b.advance(509)
    assert b.on() == ""
    b.advance(2)
    assert b.on() == "a"


def test_an_output_that_does_not_follow_is_told_again_and_its_command_fails() -> None:
    b = Bench(village({"road": street(circuits=1)}))
    line = b.lines["light/road/a"]
    line.stuck = False
    assert b.send("ON") == {}
    b.advance(3)
    assert b.results()[-1]["outcome"] == "failed"
    assert b.results()[-1]["error"]["code"] == "output-failed"
    assert b.state()["observed"] == "OFF"
    line.stuck = None
    b.advance(2)
    assert b.state()["observed"] == "ON"


def test_a_line_that_cannot_be_read_for_a_moment_does_not_fail_a_command() -> None:
    b = Bench(village({"road": street(circuits=1)}))
    b.advance(60)
    line = b.lines["light/road/a"]
    line.broken = "the line is busy"
    b.advance(1)
    assert b.state()["observed"] == "unknown"
    assert b.send("OFF") == {}
    line.broken = None
    b.advance(2)
    assert [r["outcome"] for r in b.results()] == ["done"]


def test_what_cannot_be_known_is_unknown_and_says_why() -> None:
    b = Bench(village({"road": street(circuits=1)}))
    b.lines["light/road/a"].broken = "GPIO 17 is held by another process"
    b.send("ON")
    b.advance(3)
    assert b.state()["observed"] == "unknown"
    assert b.state()["observed_level"] is None
    assert "held by another" in b.state()["detail"]
    assert b.radio.retained["village/thon/light/road/value/level"] == b"unknown"
    assert b.results()[-1]["outcome"] == "failed"


def test_a_line_that_changes_behind_our_back_is_seen_within_two_seconds() -> None:
    b = Bench(village({"road": street(circuits=1)}))
    b.lines["light/road/a"].stuck = True
    b.advance(1.5)
    assert b.state()["observed"] == "ON"
    assert b.state()["state"] == "OFF"


def test_a_restart_takes_up_the_override_without_an_edge(tmp_path: Path) -> None:
    first = Bench(journal=tmp_path / "journal.db")
    first.send({"action": "on", "for_s": 3600, "id": "c-1"})
    first.advance(60)
    lines = first.lines
    before = {n: line.writes[-1][1] for n, line in lines.items()}
    first.store.close(first.clock.now())
    for line in lines.values():
        line.writes.clear()
    second = Bench(journal=tmp_path / "journal.db", clock=first.clock, lines=lines)
    assert {n: [on for _, on in line.writes] for n, line in lines.items()} == {n: [on] for n, on in before.items()}
    assert (second.state()["reason"], second.state()["command"]) == ("override", "c-1")
    second.advance(3540)
    assert second.state()["reason"] == "program"


def test_a_power_cut_lights_the_street_again_circuit_by_circuit(tmp_path: Path) -> None:
    first = Bench(journal=tmp_path / "journal.db", at="2026-11-21T19:00:00+07:00")
    first.advance(30)
    assert first.on() == "abc"
    first.store.close(first.clock.now())
    first.clock.reboot("boot-2", 120)
    second = Bench(journal=tmp_path / "journal.db", clock=first.clock)
    assert second.on() == "a"
    second.advance(20)
    assert second.on() == "abc"


def test_after_a_restart_the_first_light_heeds_what_the_second_was_switched_on_before(tmp_path: Path) -> None:
    lights = {"road": street(), "square": street(circuits=1)}
    lights["square"]["circuits"]["a"]["output"]["gpio"] = 5
    first = Bench(village(lights), journal=tmp_path / "journal.db", at="2026-11-21T12:00:00+07:00")
    first.send("ON", "light/square")
    assert first.send("ON", "light/road")["outcome"] == "accepted"  # it waits for its neighbour
    first.store.close(first.clock.now())
    first.clock.advance(2)
    second = Bench(first.site, journal=tmp_path / "journal.db", clock=first.clock, lines=first.lines)
    assert (second.on(), second.on("square")) == ("", "a")
    second.advance(7.9)
    assert second.on() == ""
    second.advance(0.1)
    assert second.on() == "a"


def test_a_duration_goes_on_by_the_wall_after_a_reboot(tmp_path: Path) -> None:
    first = Bench(journal=tmp_path / "journal.db")
    first.send({"action": "on", "level": 33, "for_s": 600})
    first.store.close(first.clock.now())
    first.clock.reboot("boot-2", 300)
    second = Bench(journal=tmp_path / "journal.db", clock=first.clock)
    assert second.on() == "a"
    second.advance(300)
    assert second.on() == ""


def test_everything_retained_is_told_again_when_the_broker_is_back() -> None:
    b = Bench()
    b.send("ON")
    told = dict(b.radio.retained)
    b.radio.retained.clear()
    from edge.core.events import LinkChanged

    b.put(LinkChanged(up=False))
    b.put(LinkChanged(up=True))
    assert b.radio.retained.keys() == told.keys()
    assert b.radio.messages[-1].payload == b"online"
    about = json.loads(b.radio.retained["village/thon/about"])
    assert about["devices"][0]["levels"] == [0, 33, 67, 100]
    assert about["devices"][0]["rated_w"] == 1440


def test_what_was_read_before_a_switching_is_not_told_after_it() -> None:
    b = Bench(at="2026-11-21T12:00:00+07:00", look_every_s=60.0)
    b.send({"action": "on", "for_s": 120})
    b.advance(121)
    told = [json.loads(m.payload)["observed"] for m in b.radio.messages if m.topic.endswith("road/state")]
    assert told[-1] == "OFF"
    assert told[told.index("ON") :] == ["ON", "OFF"]


def test_a_line_that_cannot_be_written_while_its_light_waits_keeps_nobody_awake() -> None:
    b = Bench(village({"road": street("60s", 1)}), at="2026-11-21T12:00:00+07:00", look_every_s=3600.0)
    line = b.lines["light/road/a"]
    b.send("ON")
    b.advance(5)
    line.broken = "held by another process"
    b.send("OFF")
    b.send("ON")  # it may not strike again for a minute
    b.advance(3)
    assert b.controller.wakeup() > b.clock.mono()
    line.broken = None
    b.advance(2)
    assert (b.on(), b.state()["observed"]) == ("", "OFF")
    b.advance(60)
    assert b.on() == "a"
