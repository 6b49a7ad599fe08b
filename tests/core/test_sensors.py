"""A sensor's readings as they are told, and when it is no longer relied on."""

from __future__ import annotations

import json
import math
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from villages import Bench, village

from edge.core.events import ReadingsTaken
from edge.core.values import ModelInfo, Reading

AIR = {"name": "Nhà lưới", "area": "greenhouse", "model": "xy-md02", "port": "bus", "address": 23, "poll": "30s", "stale": "10m"}


class Greenhouse(Bench):
    """A village of one sensor."""

    def __init__(self, **more: Any) -> None:
        super().__init__(village(lights={}, sensors={"air-1": AIR}, **more))

    def read(self, **quantities: float) -> None:
        self.put(ReadingsTaken("sensor/air-1", Reading("sensor/air-1", quantities, self.clock.now().wall)))

    def told(self, leaf: str) -> bytes | None:
        return self.radio.retained.get(f"{self.root}/sensor/air-1/{leaf}")


def test_a_sensors_reading_is_told_as_a_meters_is() -> None:
    b = Greenhouse()
    b.read(temperature_c=31.4, humidity_pct=78.2)
    assert json.loads(b.told("reading") or b"") == {
        "at": "2026-11-21T09:00:00.000Z", "quality": "good", "life": 1, "values": {"temperature_c": 31.4, "humidity_pct": 78.2}
    }
    assert (b.told("value/temperature_c"), b.told("value/humidity_pct")) == (b"31.4", b"78.2")


def test_about_tells_of_a_sensor_where_it_is_and_what_it_measures() -> None:
    devices = json.loads(Greenhouse().radio.retained["village/thon/about"])["devices"]
    assert [d for d in devices if d["kind"] == "sensor"] == [
        {
            "id": "air-1", "kind": "sensor", "name": "Nhà lưới", "model": "xy-md02", "area": "greenhouse",
            "quantities": [{"name": "temperature_c", "unit": "°C"}, {"name": "humidity_pct", "unit": "%"}],
        }
    ]


def test_a_sensor_is_unknown_after_the_time_its_configuration_gives_and_an_alarm_follows() -> None:
    b = Greenhouse()
    b.read(temperature_c=31.4, humidity_pct=78.2)
    b.put(ReadingsTaken("sensor/air-1", None, "no answer"))
    b.advance(599)
    assert b.told("value/temperature_c") == b"31.4"
    b.advance(1)
    assert (b.told("value/temperature_c"), b.told("value/humidity_pct")) == (b"unknown", b"unknown")
    b.advance(30)
    alarm = b.alarm("device-silent:sensor:air-1") or {}
    assert alarm["text"]["en"] == "Nhà lưới does not answer"
    b.read(temperature_c=30.0, humidity_pct=78.2)
    b.advance(30)
    assert (b.alarm("device-silent:sensor:air-1") or {})["state"] == "cleared"


def test_still_air_is_no_fault() -> None:
    b = Greenhouse()
    for _ in range(100):
        b.read(temperature_c=25.0, humidity_pct=60.0)
        b.advance(30)
    assert json.loads(b.told("reading") or b"")["quality"] == "good"
    assert not [topic for topic, payload in b.radio.retained.items() if "sensor" in topic and "/alarm/" in topic and payload]


def test_a_sensor_takes_no_commands() -> None:
    assert Greenhouse().send("ON", to="sensor/air-1")["error"]["code"] == "unknown-device"


def test_a_sensor_without_registers_is_named_and_nowhere_else() -> None:
    site = village(sensors={"air-1": AIR})
    planned = {"xy-md02": ModelInfo("xy-md02", "sensor", False, (9600,), ("none",))}
    why = "xy-md02 is not driven yet; nothing reads this sensor"
    assert ("sensors.air-1", why) in site.not_driven(planned)
    driven = {"xy-md02": ModelInfo("xy-md02", "sensor", True, (9600,), ("none",))}
    assert not [path for path, _ in site.not_driven(driven) if path == "sensors.air-1"]


figure = st.one_of(st.floats(-40, 120), st.sampled_from([math.nan, math.inf, -math.inf]))


polls = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from(["temperature_c", "humidity_pct"]), figure),
        st.sampled_from([1.0, 30.0, 599.0, 700.0]),
    ),
    max_size=12,
)


@settings(max_examples=50)
@given(polls)
def test_what_is_told_is_what_was_last_read_or_unknown(polls: list[tuple[dict[str, float], float]]) -> None:
    b = Greenhouse()
    heard, expected = b.clock.mono(), None
    for figures, seconds in polls:
        b.read(**figures)
        sound = {n: v for n, v in figures.items() if math.isfinite(v)}
        if sound:
            heard, expected = b.clock.mono(), sound
        b.advance(seconds)
        stale = b.clock.mono() >= heard + 600
        for name in ("temperature_c", "humidity_pct"):
            told = b.told(f"value/{name}")
            if stale:
                assert told == b"unknown"
            elif expected is None:
                assert told is None
            elif name in expected:
                assert told is not None
                assert float(told) == expected[name]
            else:
                assert told == b"unknown"
