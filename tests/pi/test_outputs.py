"""The controller's outputs on the real kernel driver of a Pi's lines, each change of a line seen."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pi_house import PERSISTS, RELEASES, STATE, TOLD_NOT_TO, Behaviour, PiHouse
from pi_lines import Lines
from support import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
STREET_LOW, STREET_HIGH, HALL_LOW, HALL_HIGH = 17, 5, 27, 6
WELL, PLOT_LOW, PLOT_HIGH, FAN = 24, 25, 12, 16
STREET = {STREET_LOW, STREET_HIGH}
LIGHTS = STREET | {HALL_LOW, HALL_HIGH}
HARMFUL = {WELL, PLOT_LOW, PLOT_HIGH, FAN}
EVERYTHING = LIGHTS | HARMFUL
LIGHT_NAMES = {"light/street-low", "light/street-high", "light/hall-low", "light/hall-high"}
SEEN_ON = {
    **dict.fromkeys(sorted(LIGHT_NAMES), "ON"),
    **dict.fromkeys(("valve/plot-low", "valve/plot-high"), "OPEN"), "pump/well": "ON", "switch/fan": "ON",
}  # fmt: skip
Build = Callable[[Behaviour], PiHouse]
kernels = pytest.mark.parametrize("behaviour", [RELEASES, PERSISTS], ids=lambda b: b.name)
all_kernels = pytest.mark.parametrize("behaviour", [RELEASES, TOLD_NOT_TO, PERSISTS], ids=lambda b: b.name)
STOCK = (
    "import os, gpiozero; from gpiozero.pins.lgpio import LGPIOFactory; "
    "relay = gpiozero.OutputDevice({}, active_high=False, initial_value=False, pin_factory=LGPIOFactory()); os._exit(0)"
)


def lines_of(house: PiHouse) -> Lines:
    assert house.lines is not None
    return house.lines


def last_at(lines: Lines) -> float:
    return max(each.at for each in lines.story)


def all_on(house: PiHouse) -> None:
    """People switch on all that the program has left off."""
    for light in ("hall-low", "hall-high"):
        house.command(f"light/{light}", "ON")
    house.command("switch/fan", "ON")
    for valve in ("plot-low", "plot-high"):
        house.command(f"valve/{valve}", "OPEN")
    house.lit(EVERYTHING)


@kernels
def test_each_line_is_claimed_once_at_the_level_it_should_have(house: Build, behaviour: Behaviour) -> None:
    village = house(behaviour)
    lines = lines_of(village)
    with village.powered():
        village.start()
        assert lines.lit() == STREET
        assert sorted(lines.switched()) == [(line, True) for line in sorted(STREET)]
        assert {line for line in EVERYTHING if lines.function(line) == "output"} == EVERYTHING
        claims = [each.line for each in lines.changes() if each.function == "output"]
        assert sorted(claims) == sorted(EVERYTHING)


def test_the_log_shows_the_pulse_of_a_claim_that_takes_detours(house: Build) -> None:
    village = house(RELEASES)
    lines = lines_of(village)
    with village.powered() as pi:
        village.note("gpiozero's own OutputDevice(27, active_high=False, initial_value=False)")
        pi.run(f'cd /tmp && /opt/village-edge/current/bin/python -c "{STOCK.format(HALL_LOW)}"')
        assert lines.switched() == [(HALL_LOW, True), (HALL_LOW, False)]


@kernels
def test_each_relay_follows_whatever_its_polarity(house: Build, behaviour: Behaviour) -> None:
    village = house(behaviour)
    lines = lines_of(village)
    with village.powered():
        village.start()
        all_on(village)
        assert {line: lines.level(line) for line in EVERYTHING} == dict(lines.active)
        for device, seen in SEEN_ON.items():
            village.observed(device, seen)
        ons = [line for line, _ in lines.switched()]
        assert ons.index(WELL) > min(ons.index(PLOT_LOW), ons.index(PLOT_HIGH)), "a valve opens before its pump runs"
        since = last_at(lines)
        for light in ("hall-low", "hall-high", "street-low", "street-high"):
            village.command(f"light/{light}", "OFF")
        village.command("switch/fan", "OFF")
        for valve in ("plot-low", "plot-high"):
            village.command(f"valve/{valve}", "CLOSE")
        village.lit(set())
        assert {line: lines.level(line) for line in EVERYTHING} == {line: 1 - on for line, on in lines.active.items()}
        for device, seen in SEEN_ON.items():
            village.observed(device, {"ON": "OFF", "OPEN": "CLOSED"}[seen])
        offs = [line for line, _ in lines.switched(since)]
        assert sorted(offs) == sorted(EVERYTHING)
        assert offs.index(WELL) < offs.index(PLOT_HIGH), "the pump stops before its last valve closes"


@kernels
def test_a_clean_end_leaves_lights_to_the_kernel_and_all_else_off(house: Build, behaviour: Behaviour) -> None:
    village = house(behaviour)
    lines = lines_of(village)
    with village.powered():
        village.start()
        all_on(village)
        since = last_at(lines)
        assert village.end("TERM") == 0
        assert village.heard("status") == "offline"
        offs = [line for line, on in lines.switched(since) if not on]
        assert offs[0] == WELL
        assert set(offs[:4]) == HARMFUL
        assert lines.lit() == (LIGHTS if behaviour.persists else set())
        assert {lines.function(line) for line in EVERYTHING} == {"output" if behaviour.persists else "input"}


@all_kernels
def test_killed_made_safe_and_started_again(house: Build, behaviour: Behaviour) -> None:
    village = house(behaviour)
    lines = lines_of(village)
    with village.powered():
        village.start()
        all_on(village)
        assert village.end("KILL") == 137
        assert lines.lit() == (EVERYTHING if behaviour.persists else set())
        said = village.safe()
        assert {line.partition(":")[0] for line in said.splitlines() if ": off" in line} == SEEN_ON.keys() - LIGHT_NAMES
        assert lines.lit() == (LIGHTS if behaviour.persists else set())
        since = last_at(lines)
        village.start()
        assert lines.lit() - {FAN} == LIGHTS
        restarted = [each for each in lines.switched(since) if each[0] != FAN]
        if behaviour.persists:
            assert restarted == []
            assert not [each for each in lines.changes(since) if each.line in LIGHTS], "a line that is right shows no edge"
        else:
            assert sorted(restarted) == [(line, True) for line in sorted(LIGHTS)]


@kernels
def test_killed_and_started_again_without_anybody_who_makes_it_safe(house: Build, behaviour: Behaviour) -> None:
    village = house(behaviour)
    lines = lines_of(village)
    with village.powered():
        village.start()
        all_on(village)
        assert village.end("KILL") == 137
        since = last_at(lines)
        village.start()
        assert lines.lit() - {FAN} == LIGHTS
        switched = [each for each in lines.switched(since) if each[0] in HARMFUL - {FAN}]
        if behaviour.persists:
            assert switched[0] == (WELL, False)
            assert sorted(switched) == [(line, False) for line in sorted(HARMFUL - {FAN})]
        else:
            assert switched == []


@kernels
def test_right_after_each_power_cut(house: Build, behaviour: Behaviour) -> None:
    village = house(behaviour)
    lines = lines_of(village)
    with village.powered():
        village.start()
        all_on(village)
        village.cut()
    assert lines.lit() == set()
    with village.powered():
        village.begin()
        until(lambda: lines.function(PLOT_LOW) == "output", 120, "the first claims")
        village.cut()
    since = last_at(lines)
    with village.powered() as pi:
        village.start()
        assert lines.lit() == LIGHTS, "overrides go on; what can do harm does not"
        assert sorted(lines.switched(since)) == [(line, True) for line in sorted(LIGHTS)]
        assert pi.run(f"ls {STATE} | grep corrupt || true") == ""
        check = "import sqlite3; print(*(sqlite3.connect('{}/' + n + '.db').execute('PRAGMA integrity_check').fetchone()[0] for n in ('journal', 'history')))"
        assert pi.run(f'python3 -c "{check.format(STATE)}"').split() == ["ok", "ok"]
