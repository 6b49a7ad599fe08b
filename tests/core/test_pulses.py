"""Pulses become a total that outlasts restarts and never falls within a life, and a rate that is known or absent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from villages import Bench, village

from edge.core.events import Effect, Persist, Publish, PulsesCounted
from edge.core.pulse_unit import KEEP_S, PulseUnit, counting
from edge.core.site import FlowInput, S0Input
from edge.core.topics import Topics
from edge.core.values import Moment, Row

INPUTS = {
    "water": {"gpio": 16, "role": "flow", "area": "field", "pulses_per_l": 7.5},
    "shop": {"gpio": 20, "role": "s0", "name": "Quán", "pulses_per_kwh": 1000, "rated_kw": 5},
}


class Counted(Bench):
    """A village that counts water and energy; `count` says how many pulses this process has seen, the last one now."""

    def __init__(self, **more: Any) -> None:
        super().__init__(village(lights={}, inputs=INPUTS), **more)

    def count(self, name: str, count: int, ago_s: float = 0.0) -> None:
        now = self.clock.mono()
        self.put(PulsesCounted(f"input/{name}", count, now, now - ago_s if count else None))

    def told(self, device: str, leaf: str = "reading") -> Any:
        raw = self.radio.retained.get(f"{self.root}/{device}/{leaf}", b"null")
        return json.loads(raw) if leaf == "reading" else raw.decode()


def test_pulses_are_told_as_energy_and_power_and_as_volume_and_flow() -> None:
    b = Counted()
    for i in range(4):
        b.count("shop", 4 * i)  # every 10 s: 400 pulses a 1000 s, 1440 W
        b.count("water", 15 * i)  # 2 l in 10 s: 12 l/min
        b.advance(10)
    assert b.told("meter/shop") == {
        "at": "2026-11-21T09:00:30.000Z", "quality": "good", "life": 1, "values": {"energy_kwh": 0.012, "power_w": 1440.0}
    }
    assert b.told("sensor/water")["values"] == {"volume_l": 6.0, "flow_l_min": 12.0}
    assert (b.told("meter/shop", "value/power_w"), b.told("sensor/water", "value/volume_l")) == ("1440.0", "6.0")


def test_about_tells_of_what_is_counted() -> None:
    devices = json.loads(Counted().radio.retained["village/thon/about"])["devices"]
    assert [d for d in devices if d["id"] in ("water", "shop")] == [
        {
            "id": "water", "kind": "sensor", "name": "water", "model": "flow", "area": "field",
            "quantities": [{"name": "volume_l", "unit": "l"}, {"name": "flow_l_min", "unit": "l/min"}],
        },
        {
            "id": "shop", "kind": "meter", "name": "Quán", "model": "s0", "tariff": None, "billing_day": None,
            "quantities": [{"name": "energy_kwh", "unit": "kWh"}, {"name": "power_w", "unit": "W"}],
        },
    ]


def test_between_pulses_the_power_is_what_it_can_be_at_most_and_then_absent_never_zero() -> None:
    b = Counted()
    b.count("shop", 1)
    b.advance(10)
    b.count("shop", 2)  # 10 s a pulse: 360 W
    seen = []
    for _ in range(62):
        b.advance(10)
        b.count("shop", 2, ago_s=b.clock.mono() - 10)
        seen.append(b.told("meter/shop")["values"].get("power_w"))
    assert seen[:3] == [360.0, 180.0, 120.0]
    assert (seen[59], seen[60], seen[61]) == (6.0, None, None)
    assert b.told("meter/shop", "value/power_w") == "unknown"
    assert b.told("meter/shop", "value/energy_kwh") == "0.002"
    assert b.alarm("device-silent:meter:shop") is None


def test_the_first_pulse_after_a_long_pause_says_nothing_of_the_power() -> None:
    b = Counted()
    b.count("shop", 1)
    b.advance(700)
    b.count("shop", 2)
    assert "power_w" not in b.told("meter/shop")["values"]
    b.advance(10)
    b.count("shop", 3)
    assert b.told("meter/shop")["values"]["power_w"] == 360.0


def test_more_power_than_can_flow_is_suspect() -> None:
    b = Counted()
    b.count("shop", 0)
    b.count("shop", 1)
    b.advance(10)
    b.count("shop", 101)
    told = b.told("meter/shop")
    assert (told["quality"], told["suspect"], told["values"]["power_w"]) == ("suspect", ["power_w"], 36000.0)


def test_an_input_that_nobody_looks_at_is_silent() -> None:
    b = Counted()
    b.count("shop", 5)
    b.advance(60)
    assert b.told("meter/shop", "value/energy_kwh") == "unknown"
    assert b.alarm("device-silent:meter:shop") is not None


def test_the_total_goes_on_after_a_stop_in_good_order(tmp_path: Path) -> None:
    b = Counted(journal=tmp_path / "journal.db")
    b.count("water", 30)
    b.count("water", 45)
    b.stop()
    again = Counted(journal=tmp_path / "journal.db", clock=b.clock)
    again.count("water", 0)
    assert again.told("sensor/water")["values"] == {"volume_l": 6.0}
    again.advance(10)
    again.count("water", 15)
    assert (again.told("sensor/water")["life"], again.told("sensor/water")["values"]["volume_l"]) == (1, 8.0)


def test_a_kill_loses_at_most_what_came_since_the_total_was_last_kept_and_begins_a_life(tmp_path: Path) -> None:
    b = Counted(journal=tmp_path / "journal.db")
    for i in range(100):  # 1000 s
        b.count("water", 15 * i)
        b.advance(10)
    assert b.told("sensor/water")["values"]["volume_l"] == 198.0
    again = Counted(journal=tmp_path / "journal.db", clock=b.clock)
    again.count("water", 0)
    told = again.told("sensor/water")
    assert told["life"] == 2
    assert 198.0 - KEEP_S / 10 * 2 - 2 <= told["values"]["volume_l"] <= 198.0


def test_a_kill_while_nothing_is_counted_begins_no_life(tmp_path: Path) -> None:
    b = Counted(journal=tmp_path / "journal.db")
    b.count("water", 75)
    for _ in range(70):
        b.advance(10)
        b.count("water", 75, ago_s=600)
    again = Counted(journal=tmp_path / "journal.db", clock=b.clock)
    for count in (0, 15, 15):
        again.count("water", count)
        again.advance(10)
    told = again.told("sensor/water")
    assert (told["life"], told["values"]["volume_l"]) == (1, 12.0)


def test_with_another_figure_for_the_pulses_it_is_another_meter(tmp_path: Path) -> None:
    b = Counted(journal=tmp_path / "journal.db")
    b.count("water", 75)
    b.stop()
    other = village(lights={}, inputs={"water": INPUTS["water"] | {"pulses_per_l": 450}})
    again = Bench(other, journal=tmp_path / "journal.db", clock=b.clock)
    again.put(PulsesCounted("input/water", 45, again.clock.mono(), again.clock.mono()))
    told = json.loads(again.radio.retained["village/thon/sensor/water/reading"])
    assert (told["life"], told["values"]["volume_l"]) == (2, 0.1)


class Card:
    """A journal that has what was committed to it, and the process that counts: what it told, and what really came."""

    def __init__(self, flow: bool) -> None:
        found = {"gpio": 16, "role": "flow", "pulses_per_l": 10} if flow else INPUTS["shop"] | {"pulses_per_kwh": 10}
        self.means = counting("x", FlowInput.model_validate(found) if flow else S0Input.model_validate(found))
        self.row: Row | None = None
        self.waiting: list[Persist] = []
        self.mono = 0.0
        self.true = 0
        self.told: dict[int, float] = {}
        self.start()

    def moment(self) -> Moment:
        return Moment(1.8e9 + self.mono, self.mono, "boot", trusted=True)

    def start(self) -> None:
        self.waiting = []
        self.seen = 0
        self.unit = PulseUnit("input/x", self.means, self.row, Topics("thon"))
        self.take(self.unit.start(self.moment()))

    def commit(self) -> None:
        """Everything that waits is on the card."""
        waiting, self.waiting = self.waiting, []
        for persist in waiting:
            self.row = persist.row
            if persist.tell:
                self.unit.stored()

    def pulses(self, new: int) -> None:
        self.true += new
        self.seen += new
        self.take(self.unit.count(PulsesCounted("input/x", self.seen, self.mono, self.mono if self.seen else None), self.moment()))

    def stop(self) -> None:
        self.take(self.unit.stop(self.moment()))
        self.commit()

    def take(self, effects: list[Effect]) -> None:
        self.waiting += [e for e in effects if isinstance(e, Persist)]
        for effect in effects:
            if isinstance(effect, Publish) and effect.topic.endswith("/reading"):
                reading = json.loads(effect.payload)
                total, life = reading["values"][self.means.total], reading["life"]
                assert life >= max(self.told, default=1)
                assert self.told.get(life, 0.0) <= total <= self.true / 10
                assert reading["values"].get(self.means.rate, 1.0) > 0
                self.told[life] = total


happenings = st.lists(
    st.one_of(
        st.tuples(st.just("pulses"), st.integers(0, 500)), st.tuples(st.sampled_from(["commit", "kill", "stop"]), st.just(0)),
        st.tuples(st.just("wait"), st.integers(1, 700)),
    ),
    max_size=60,
)  # fmt: skip


@given(happenings, st.booleans())
def test_whatever_ends_a_process_no_total_falls_within_a_life_and_none_is_invented(
    happened: list[tuple[str, int]], flow: bool
) -> None:
    card = Card(flow)
    for what, much in happened:
        card.mono += much if what == "wait" else 10
        if what == "pulses":
            card.pulses(much)
        elif what == "commit":
            card.commit()
        elif what == "kill":
            card.start()
        elif what == "stop":
            card.stop()
            card.start()


@given(st.lists(st.one_of(st.integers(0, 500), st.just("stop")), max_size=40))
def test_stops_in_good_order_lose_nothing_and_begin_no_life(happened: list[int | str]) -> None:
    card = Card(flow=True)
    for what in happened:
        card.mono += 10
        if isinstance(what, int):
            card.commit()
            card.pulses(what)
        else:
            card.stop()
            card.start()
    card.mono += 10
    card.commit()
    card.pulses(0)
    assert card.told == {1: pytest.approx(card.true / 10)}


def test_a_card_that_cannot_be_written_holds_the_total_but_not_the_rate() -> None:
    card = Card(flow=True)
    for _ in range(5):
        card.mono += 10
        card.pulses(20)
    assert card.told == {1: 0.0}
    card.commit()
    card.mono += 10
    card.pulses(20)
    assert card.told == {1: 12.0}
