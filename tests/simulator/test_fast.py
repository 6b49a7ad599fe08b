"""The whole village in virtual time: lit when the calendar says, counted as the world counts, the same every time."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from villages import street, village, when

from edge.core.assembly import coming
from edge.core.site import Site
from edge.shell.app import catalogue
from edge.shell.site_file import load
from simulator.fast import Fast
from simulator.fault_bus import Trouble

CONFIG = Path(__file__).parents[2] / "config" / "nguyen-ly.yaml"
NOON = when("2026-11-21T12:00:00+07:00")
DAY_S = 86400.0
Make = Callable[..., Fast]


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[Fast] = []

    def fast(site: Site | None = None, at: float = NOON, seed: int = 1, **more: Any) -> Fast:
        made.append(Fast(site or village(), catalogue(), at, seed, **{"poll_s": 60.0, **more}))
        return made[-1]

    yield fast
    for each in made:
        each.close()


def lit(fast: Fast) -> str:
    """The circuits of the road whose relays are closed."""
    return "".join(c for c in "abc" if fast.village.world.is_on(f"road/{c}"))


def said(fast: Fast, leaf: str) -> dict[str, Any]:
    """A retained message of the controller."""
    return json.loads(fast.broker.retained[f"{fast.root}/{leaf}"].payload)


def command(fast: Fast, payload: str | dict[str, Any]) -> None:
    fast.send(f"{fast.root}/light/road/set/head", payload)
    fast.advance(0)


@pytest.mark.slow
def test_levels_change_when_the_calendar_says(make: Make) -> None:
    whole = load(CONFIG, catalogue())
    inputs = {name: found for name, found in whole.inputs.items() if found.role != "photocell"}  # it moves dusk and dawn
    fast = make(whole.model_copy(update={"inputs": inputs}), poll_s=600.0)
    end = NOON + 3 * DAY_S
    fast.advance(3 * DAY_S)
    expected = [(c.at, c.level) for c in coming(fast.site, NOON, end) if c.device == "light/main-road"]
    assert len(expected) == 9
    pins = {pin: relay.load for pin, relay in fast.village.relays.items() if relay.load.startswith("main-road/")}
    first: dict[float, float] = {}  # the changes of one step are up to 10 s apart: its first is the step's
    for change in fast.changes:
        if change.pin in pins:
            step = min(expected, key=lambda e: abs(e[0] - NOON - change.at))[0]
            first.setdefault(step, NOON + change.at)
    assert first == pytest.approx({at: at for at, _ in expected}, abs=0.001)
    assert said(fast, "light/main-road/state")["level"] == expected[-1][1]


def test_the_last_readings_have_the_energy_that_the_world_counted(make: Make) -> None:
    fast = make(poll_s=300.0)
    before = fast.village.world.quantities("cabinet", 0.0)["energy_kwh"]
    fast.advance(DAY_S)
    reading = said(fast, "meter/cabinet/reading")
    at = when(reading["at"]) - NOON
    there = fast.village.world.quantities("cabinet", at)["energy_kwh"]
    assert reading["values"]["energy_kwh"] == pytest.approx(there, abs=0.001)
    watt_hours, on, since = 0.0, 0, 0.0
    for change in [*fast.changes, None]:
        now = change.at if change else at
        watt_hours += on * 480 * (now - since) / 3600
        since = now
        on += 0 if change is None else 1 if change.level == 0 else -1
    assert reading["values"]["energy_kwh"] - before == pytest.approx(watt_hours / 1000, abs=0.001)
    assert watt_hours > 5000


def test_nothing_is_asked_more_often_than_poll_says(make: Make) -> None:
    trace = io.StringIO()
    make(poll_s=60.0, trace=trace).advance(3600)
    events = [json.loads(line) for line in trace.getvalue().splitlines()]
    reads = [e["mono"] for e in events if e.get("in") == "ReadingsTaken"]
    looks = [e["mono"] for e in events if e.get("in") == "OutputObserved" and e["is"]["output"].endswith("/a")]
    assert 58 <= len(reads) <= 61
    assert len(looks) <= 62


def test_a_phone_commands_and_hears_the_outcome(make: Make) -> None:
    fast = make()
    command(fast, {"action": "on", "level": 33, "for_s": 600, "id": "c-1"})
    assert lit(fast) == "a"
    results = [json.loads(p) for _, topic, p in fast.heard if topic.endswith("/result")]
    assert [(r["id"], r["outcome"], r["user"]) for r in results] == [("c-1", "done", "head")]
    fast.advance(601)
    assert lit(fast) == ""


@pytest.mark.parametrize("kill", [True, False])
def test_a_restart_keeps_the_override_and_the_lamps(make: Make, kill: bool) -> None:
    fast = make()
    command(fast, {"action": "on", "for_s": 7200, "id": "c-1"})
    fast.advance(60)
    before = len(fast.changes)
    fast.restart(kill=kill, down_s=30)
    fast.advance(29)
    assert fast.shell is None
    assert fast.broker.retained[f"{fast.root}/status"].payload == b"offline"
    assert lit(fast) == "abc"
    fast.advance(2)
    assert fast.broker.retained[f"{fast.root}/status"].payload == b"online"
    assert (said(fast, "light/road/state")["command"], lit(fast)) == ("c-1", "abc")
    assert len(fast.changes) == before
    fast.advance(7200 - 91 - 1)
    assert lit(fast) == "abc"
    fast.advance(2)
    assert lit(fast) == ""


def test_lines_that_do_not_persist_fall_when_the_process_ends(make: Make) -> None:
    fast = make(persist=False)
    command(fast, "ON")
    fast.advance(60)
    fast.restart(kill=True, down_s=5)
    assert lit(fast) == ""
    fast.advance(30)
    assert lit(fast) == "abc"


def test_what_is_to_be_safe_off_is_off_while_nobody_is_there(make: Make) -> None:
    fast = make(village({"road": street(safe="off")}))
    command(fast, "ON")
    fast.advance(60)
    fast.restart(kill=True, down_s=5)
    assert lit(fast) == ""
    fast.advance(30)
    assert lit(fast) == "abc"


def test_a_reboot_drops_the_lines_and_keeps_the_override_on_the_wall_clock(make: Make) -> None:
    fast = make()
    command(fast, {"action": "on", "for_s": 3600, "id": "c-1"})
    fast.advance(600)
    fast.reboot(down_s=300)
    assert lit(fast) == ""
    fast.advance(299)
    assert (lit(fast), fast.shell) == ("", None)
    fast.advance(31)
    moment = fast.clock.now()
    assert (moment.boot, moment.mono, moment.wall) == ("boot-2", pytest.approx(30), pytest.approx(NOON + 930))
    assert fast.time.mono() == pytest.approx(930)
    assert lit(fast) == "abc"
    fast.advance(3600 - 930 - 1)
    assert lit(fast) == "abc"
    fast.advance(2)
    assert lit(fast) == ""
    fast.advance(3600)  # the bus and the world go on
    assert said(fast, "meter/cabinet/reading")["quality"] == "good"
    assert when(said(fast, "meter/cabinet/reading")["at"]) > NOON + 7000


def test_what_is_planned_happens_in_order_at_its_time(make: Make) -> None:
    fast = make()
    done: list[tuple[str, float]] = []
    fast.at(20, lambda: done.append(("later", fast.time.mono())))
    fast.at(10, lambda: fast.at(15, lambda: done.append(("between", fast.time.mono()))))
    fast.at(10, lambda: done.append(("first", fast.time.mono())))
    fast.at(12, lambda: fast.restart(kill=True, down_s=1))
    fast.advance(30)
    assert done == [("first", pytest.approx(10)), ("between", pytest.approx(15)), ("later", pytest.approx(20))]
    assert fast.shell is not None


def test_a_process_that_stands_still_does_nothing_and_catches_up(make: Make) -> None:
    fast = make(at=when("2026-11-21T16:50:00+07:00"))  # sunset is at 17:16, and the program begins 10 minutes before
    fast.advance(60)
    fast.hold()
    command(fast, {"action": "on", "level": 33, "for_s": 7200})
    fast.advance(3600)
    assert lit(fast) == ""
    assert fast.broker.retained[f"{fast.root}/status"].payload == b"offline"
    fast.go_on()
    fast.advance(5)
    assert fast.broker.retained[f"{fast.root}/status"].payload == b"online"
    assert lit(fast) == "a"  # the command lay in its machine's buffers


def test_a_core_that_stands_still_decides_nothing(make: Make) -> None:
    fast = make()
    fast.hold("core")
    command(fast, "ON")
    fast.advance(60)
    assert lit(fast) == ""
    fast.go_on()
    fast.advance(30)
    assert lit(fast) == "abc"


def test_a_dead_slave_costs_the_line_its_time_and_nobody_else(make: Make) -> None:
    fast = make(poll_s=10.0)
    fast.advance(60)
    fast.village.wires["bus"].trouble = Trouble(dead=frozenset({1}))
    fast.advance(600)
    assert fast.broker.retained[f"{fast.root}/meter/cabinet/value/power_w"].payload == b"unknown"
    fast.village.wires["bus"].trouble = Trouble()
    fast.advance(120)
    assert fast.broker.retained[f"{fast.root}/meter/cabinet/value/power_w"].payload == b"0.0"
    assert fast.time.mono() == 780.0


def test_the_broker_may_go_and_come(make: Make) -> None:
    fast = make()
    fast.advance(10)
    fast.broker.stop()
    fast.advance(10)
    assert fast.shell is not None
    assert not fast.shell.link.up
    fast.broker.start()
    fast.advance(3)
    assert fast.shell.link.up
    assert said(fast, "light/road/state")["state"] == "OFF"


@pytest.mark.parametrize("fault", ["refuse", "mute", "slow"])
def test_a_broker_that_is_not_well(make: Make, fault: str) -> None:
    fast = make()
    fast.advance(10)
    if fault == "refuse":
        fast.broker.refuse(135)
        fast.broker.drop()
    elif fault == "mute":
        fast.broker.mute()
    else:
        fast.broker.slow(3.0)
    heard = len(fast.heard)
    command(fast, "ON")
    fast.advance(2)
    assert lit(fast) == ""
    assert len(fast.heard) == heard
    fast.advance(60)
    assert lit(fast) == ("abc" if fault == "slow" else "")
    fast.broker.refuse(None)
    fast.broker.mute(False)
    fast.broker.slow(0)
    fast.advance(60)
    assert fast.shell is not None
    assert fast.shell.link.up
