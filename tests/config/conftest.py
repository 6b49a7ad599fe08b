from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edge.core.values import ModelInfo
from edge.shell.site_file import ConfigError, Problem, parse_site

EXAMPLE = Path(__file__).parents[2] / "config" / "nguyen-ly.yaml"

VILLAGE = """\
site: {id: tan-binh, name: Tân Bình, latitude: 21.35, longitude: 107.6, timezone: Asia/Ho_Chi_Minh, language: vi}
ports:
  bus: {device: /dev/ttyUSB0, baudrate: 9600, parity: none}
meters:
  m1: {name: Tủ điện, model: sdm120, port: bus, address: 1, poll: 10s, record: 60s}
lights:
  road:
    name: Đường
    meter: m1
    program: night
    circuits:
      a: {output: {gpio: 17, active: low}, lamps: 8, lamp_w: 60}
      b: {output: {board: box, coil: 0}, lamps: 8, lamp_w: 60, feedback: {gpio: 5}}
boards:
  box: {model: relays-8, port: bus, address: 10}
inputs:
  hand: {gpio: 6, role: hand, of: [road]}
  flow: {gpio: 16, role: flow, pulses_per_l: 7.5}
  tank: {gpio: 21, role: level, low_is: empty}
pumps:
  p1: {name: Bơm, output: {gpio: 24}, max_on: 2h, daily_max: 6h, stop_when: {tank: empty}}
valves:
  v1: {name: Thửa, output: {gpio: 25}, pump: p1, flow: flow, soil: s1, max_on: 60m, daily_max: 2h, default: 20m}
switches:
  fan: {name: Quạt, output: {gpio: 12}, max_on: 4h, program: cool}
sensors:
  s1: {name: Đất, model: soil, port: bus, address: 21, poll: 60s, record: 10m, stale: 30m}
programs:
  night:
    kind: light
    steps: [{at: sunset - 10m, level: 100}, {at: "22:30", level: 33}, {at: sunrise, level: 0}]
    calendar: [{days: "sat,sun", steps: [{at: sunset, level: 100}]}]
  water: {kind: irrigation, days: "mon,wed", finish_before: sunrise + 1h, zones: [{v1: 20m}], season: {1: 60}}
  cool: {kind: climate, target: fan, when: {sensor: s1, quantity: soil, on_above: 33, off_below: 30}}
"""

_COMMON = (2400, 4800, 9600)
_MODELS = (
    ModelInfo("sdm630", "meter", True, (*_COMMON, 19200, 38400), ("none", "even", "odd")),
    ModelInfo("sdm120", "meter", True, _COMMON, ("none", "even", "odd")),
    ModelInfo("pzem016", "meter", False, (9600,), ("none",)),
    ModelInfo("relays-8", "board", False, (*_COMMON, 19200), ("none", "even", "odd"), coils=8, timed_on=True),
    ModelInfo("relays-4", "board", False, (*_COMMON, 19200), ("none",), coils=4),
    ModelInfo("fast-only", "meter", False, (19200,), ("none",)),
    ModelInfo("soil", "sensor", False, _COMMON, ("none",)),
    ModelInfo("air", "sensor", False, _COMMON, ("none",), quantities={"temperature_c": "°C", "humidity_pct": "%"}),
)


@pytest.fixture(scope="session")
def catalogue() -> dict[str, ModelInfo]:
    return {info.name: info for info in _MODELS}


@pytest.fixture(scope="session")
def village() -> str:
    return VILLAGE


@pytest.fixture(scope="session")
def example() -> Path:
    return EXAMPLE


@pytest.fixture
def problems(catalogue: dict[str, ModelInfo]) -> Callable[[str], list[Problem]]:
    """What is wrong with a text: every problem, none for a good one."""

    def find(text: str) -> list[Problem]:
        try:
            parse_site(text, "village.yaml", catalogue)
        except ConfigError as error:
            return error.problems
        return []

    return find
