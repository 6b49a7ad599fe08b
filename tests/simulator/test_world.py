"""The physics: power from relays, energy from power and time, all of it the same for the same seed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.registers import load_model, models
from simulator.world import POWER_FACTOR, Harm, Load, World

LOADS = [Load("road/a", "cabinet", 480), Load("road/b", "cabinet", 480), Load("road/c", "cabinet", 240)]
HALL = Load("hall/a", "hall", 180)


def world(seed: int = 1) -> World:
    return World([*LOADS, HALL, Load("shed/a", None, 100)], {"cabinet": 3, "hall": 1}, seed, 100.0)


def test_energy_is_power_times_time_exactly() -> None:
    w = world()
    before = w.quantities("cabinet", 100.0)["energy_kwh"]
    w.switch("road/a", True, 100.0)
    w.switch("road/c", True, 1900.0)
    w.switch("road/a", False, 3700.0)
    grown = w.quantities("cabinet", 7300.0)["energy_kwh"] - before
    assert grown == pytest.approx((480 * 3600 + 240 * 5400) / 3.6e6, abs=1e-9)


@given(reads=st.lists(st.floats(0, 3600), max_size=20))
def test_reading_a_meter_changes_nothing(reads: list[float]) -> None:
    read, unread = world(), world()
    for w in (read, unread):
        w.switch("hall/a", True, 100.0)
    for after in sorted(reads):
        read.quantities("hall", 100.0 + after)
    assert read.quantities("hall", 3700.0) == unread.quantities("hall", 3700.0)


def test_circuits_are_spread_over_the_phases_and_add_up() -> None:
    w = world()
    for load in LOADS[:2]:
        w.switch(load.name, True, 100.0)
    shown = w.quantities("cabinet", 160.0)
    assert [shown[f"power_l{n}_w"] for n in (1, 2, 3)] == [480, 480, 0]
    assert shown["power_w"] == 960
    for n in (1, 2, 3):
        volts, amperes = shown[f"voltage_l{n}_v"], shown[f"current_l{n}_a"]
        assert 225 < volts < 235
        assert volts * amperes * POWER_FACTOR == pytest.approx(shown[f"power_l{n}_w"])


def test_a_meter_of_one_phase_is_consistent() -> None:
    w = world()
    w.switch("hall/a", True, 100.0)
    shown = w.quantities("hall", 200.0)
    assert shown["voltage_v"] * shown["current_a"] * shown["power_factor"] == pytest.approx(shown["power_w"])
    assert shown["total_kwh"] == shown["energy_kwh"] + shown["export_kwh"]
    assert 49.9 < shown["frequency_hz"] < 50.1


def test_nothing_on_draws_nothing() -> None:
    shown = world().quantities("cabinet", 3700.0)
    assert (shown["power_w"], shown["current_a"], shown["power_factor"]) == (0, 0, 1)
    assert shown["energy_kwh"] == world().quantities("cabinet", 100.0)["energy_kwh"] > 0


def test_switching_to_what_it_is_already_changes_nothing() -> None:
    w = world()
    w.switch("road/a", True, 100.0)
    w.switch("road/a", True, 200.0)
    w.switch("road/b", False, 200.0)
    assert w.quantities("cabinet", 300.0)["power_w"] == 480
    assert (w.is_on("road/a"), w.is_on("road/b")) == (True, False)


def test_contactors_move_with_their_relays_the_switch_and_the_mains_and_tell_once() -> None:
    w, told = world(), list[tuple[str, bool]]()
    w.moves = lambda load, closed: told.append((load, closed))
    w.switch("road/a", True, 100.0)
    w.suffer(Harm(tripped=frozenset({"cabinet"}), burnt={"road/a": 1}), 110.0)  # its lamps, not its contactor
    w.suffer(Harm(stuck={"road/b": True, "road/a": False}), 120.0)
    w.suffer(Harm(stuck={"road/b": True, "road/a": False}, by_hand=frozenset({"road/a"})), 130.0)
    w.suffer(Harm(stuck={"road/b": True}, by_hand=frozenset({"road/a"}), cut=True), 140.0)
    w.suffer(Harm(), 150.0)
    w.switch("road/a", False, 160.0)
    assert told == [
        ("road/a", True), ("road/a", False), ("road/b", True), ("road/a", True), ("road/a", False), ("road/b", False),
        ("road/a", True), ("road/a", False),
    ]  # fmt: skip


def test_lamps_by_hand_are_counted_like_any() -> None:
    w = world()
    before = w.quantities("cabinet", 100.0)["energy_kwh"]
    w.suffer(Harm(by_hand=frozenset({"road/a", "shed/a"})), 100.0)
    assert (w.watts("road/a"), w.watts("shed/a"), w.is_on("road/a")) == (480, 100, False)
    assert w.quantities("cabinet", 3700.0)["energy_kwh"] - before == pytest.approx(0.48)
    with pytest.raises(KeyError, match="road/z"):
        w.suffer(Harm(by_hand=frozenset({"road/z"})), 3700.0)


def test_a_load_without_a_meter_is_counted_by_none() -> None:
    w = world()
    w.switch("shed/a", True, 100.0)
    assert w.is_on("shed/a")
    assert [w.quantities(name, 200.0)["power_w"] for name in ("cabinet", "hall")] == [0, 0]


def test_the_seed_decides_everything() -> None:
    same = [world(7).quantities("cabinet", 500.0) for _ in range(2)]
    other = world(8).quantities("cabinet", 500.0)
    assert same[0] == same[1]
    assert same[0]["energy_kwh"] != other["energy_kwh"]
    assert same[0]["voltage_l1_v"] != other["voltage_l1_v"]


def test_time_does_not_run_backwards() -> None:
    w = world()
    w.switch("hall/a", True, 200.0)
    with pytest.raises(ValueError, match="backwards"):
        w.quantities("hall", 199.0)


@pytest.mark.parametrize("name", [name for name in models() if load_model(name).kind == "meter"])
def test_the_world_knows_every_quantity_of_every_meter_and_the_model_can_say_it(name: str) -> None:
    model = load_model(name)
    shown = world().quantities("cabinet", 200.0)
    assert set(model.quantities) <= set(shown)
    words = model.encode({quantity: shown[quantity] for quantity in model.quantities})
    assert all(0 <= word <= 0xFFFF for word in words.values())
