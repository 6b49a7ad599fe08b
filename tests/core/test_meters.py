"""Which readings are believed, what is told of them, and when a meter is silent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from villages import Bench

from edge.core.counter import Counter
from edge.core.events import ReadingsTaken
from edge.core.values import Reading


def read(b: Bench, energy: float, power: float = 480.0) -> dict[str, Any]:
    at = b.clock.now().wall
    b.put(ReadingsTaken("meter/cabinet", Reading("meter/cabinet", {"power_w": power, "energy_kwh": energy}, at)))
    return json.loads(b.radio.retained["village/thon/meter/cabinet/reading"])


def value(b: Bench, quantity: str) -> bytes:
    return b.radio.retained[f"village/thon/meter/cabinet/value/{quantity}"]


def test_a_reading_is_told_with_its_own_time_and_each_value_plain() -> None:
    b = Bench()
    assert read(b, 5188.85) == {
        "at": "2026-11-21T09:00:00.000Z", "quality": "good", "life": 1, "values": {"power_w": 480.0, "energy_kwh": 5188.85}
    }
    assert (value(b, "power_w"), value(b, "energy_kwh")) == (b"480.0", b"5188.85")


def test_one_bogus_zero_is_not_told() -> None:
    b = Bench()
    read(b, 5188.85)
    b.advance(10)
    assert read(b, 0.0)["values"]["energy_kwh"] == 5188.85
    b.advance(10)
    assert read(b, 5188.86)["life"] == 1
    assert value(b, "energy_kwh") == b"5188.86"


def test_a_reset_or_a_replacement_is_a_new_life_once_a_second_reading_agrees() -> None:
    for first in (0.01, 90000.0):
        b = Bench()
        read(b, 5188.85)
        b.advance(10)
        read(b, first)
        b.advance(10)
        told = read(b, first + 0.001)
        assert (told["life"], told["values"]["energy_kwh"]) == (2, first + 0.001)


def test_a_power_beyond_what_is_wired_is_suspect() -> None:
    assert read(Bench(), 1.0, power=9000.0)["quality"] == "suspect"


def test_a_meter_that_says_nothing_is_unknown_and_known_again() -> None:
    b = Bench()
    read(b, 1.0)
    b.put(ReadingsTaken("meter/cabinet", None, "no answer"))
    b.advance(29.9)
    assert value(b, "power_w") == b"480.0"
    b.advance(0.1)
    assert value(b, "power_w") == b"unknown"
    read(b, 1.001)
    assert value(b, "power_w") == b"480.0"


def test_a_meter_that_never_spoke_is_unknown_too() -> None:
    b = Bench()
    b.advance(30)
    assert value(b, "energy_kwh") == b"unknown"


def test_a_life_outlasts_a_restart(tmp_path: Path) -> None:
    b = Bench(journal=tmp_path / "journal.db")
    for energy in (100.0, 5.0, 5.001):
        read(b, energy)
        b.advance(10)
    b.store.close(b.clock.now())
    again = Bench(journal=tmp_path / "journal.db", clock=b.clock)
    assert read(again, 5.002)["life"] == 2
    again.advance(10)
    read(again, 4.0)
    again.advance(10)
    assert read(again, 4.001)["life"] == 3


@given(st.lists(st.tuples(st.floats(0, 1e4), st.floats(0.1, 1e5)), max_size=30), st.sampled_from([None, 5.0]))
def test_within_a_life_what_is_told_never_falls(readings: list[tuple[float, float]], rated_kw: float | None) -> None:
    counter, at = Counter(rated_kw), 0.0
    told: dict[int, float] = {}
    for energy, seconds in readings:
        at += seconds
        reading = counter.judge(Reading("meter/m", {"energy_kwh": energy}, at))
        if reading is not None:
            assert reading.quantities["energy_kwh"] >= told.get(reading.life, 0.0)
            assert reading.life >= max(told, default=1)
            told[reading.life] = reading.quantities["energy_kwh"]


def test_a_new_life_after_a_restore_goes_beyond_those_that_may_have_been() -> None:
    counter = Counter(None, life=3, energy_kwh=100.0, used=5000)
    assert counter.judge(Reading("m", {"energy_kwh": 101.0}, 1.0)).life == 3  # type: ignore[union-attr]
    assert counter.judge(Reading("m", {"energy_kwh": 2.0}, 2.0)) is None
    assert counter.judge(Reading("m", {"energy_kwh": 2.1}, 3.0)).life == 5001  # type: ignore[union-attr]
