"""A run that is to be over by a time is over within the minute before it, in the village's own pipes and never later."""

from __future__ import annotations

from typing import Any

import pytest
from villages import village, when

from edge.shell.app import catalogue
from simulator.fast import Fast

pytestmark = pytest.mark.slow
START, END = when("2026-03-01T02:30:00+07:00"), when("2026-03-01T06:00:00+07:00")
LINES = (25, 12, 4, 18)
VALVE = {"max_on": "1h", "daily_max": "4h", "default": "20m", "pump": "p"}
FOUR = [{"v1": "20m"}, {"v2": "20m"}, {"v3": "15m"}, {"v4": "7m"}]
CYCLES = {"cycle": "10m", "soak": "15m"}


def last_closed(program: dict[str, Any], pump: dict[str, Any]) -> float:
    """When (Unix s) the last valve closed, with every zone done."""
    whole = {"kind": "irrigation", "finish_before": "06:00", **program}
    one = {"name": "Bơm", "output": {"gpio": 24}, "lead": "5s", "lag": "3s", "max_on": "4h", "daily_max": "12h", **pump}
    valves = {f"v{n}": {"name": "Thửa", "output": {"gpio": pin}, "normal_l_min": 12, **VALVE} for n, pin in enumerate(LINES, 1)}
    for valve in valves.values():
        valve["flow"] = "flow"
    flow = {"flow": {"gpio": 16, "role": "flow", "pulses_per_l": 60}}
    fast = Fast(
        village(lights={}, meters={}, programs={"w": whole}, pumps={"p": one}, valves=valves, inputs=flow),
        catalogue(), START, 1, poll_s=0 if any("l" in share for zone in whole["zones"] for share in zone.values()) else 3600,
    )  # fmt: skip
    fast.advance(END + 600 - START)
    water = [change for change in fast.changes if change.pin in LINES]
    pumped = [change for change in fast.changes if change.pin == 24]
    got = [fast.village.hydraulics.delivered_l(name, fast.time.mono()) for name in valves]
    fast.close()
    asked = [litres(zone) for zone in whole["zones"]]
    assert [sum(got)] == pytest.approx([sum(asked)], rel=0.04)
    assert water[-1].level == 0
    assert pumped[-1].level == 0
    return START + water[-1].at


def litres(zone: dict[str, str]) -> float:
    [share] = zone.values()
    return float(share[:-1]) * (1 if share.endswith("l") else 12)


@pytest.mark.parametrize(
    ("program", "pump"),
    [
        ({"zones": FOUR}, {"rest": "60s", "zones_at_once": 1}),
        ({"zones": FOUR}, {"rest": "0s", "zones_at_once": 1}),
        ({"zones": FOUR}, {"rest": "60s", "zones_at_once": 2}),
        ({"zones": FOUR, **CYCLES}, {"rest": "60s", "zones_at_once": 1}),
        ({"zones": FOUR, **CYCLES}, {"rest": "2m", "zones_at_once": 2}),
        ({"zones": FOUR, **CYCLES}, {"rest": "10m", "lead": "20s", "lag": "30s", "zones_at_once": 1}),
        ({"zones": FOUR[:1], **CYCLES}, {"rest": "60s", "zones_at_once": 3}),
        ({"zones": FOUR}, {"rest": "60s", "zones_at_once": 1, "max_on": "12m"}),
        ({"zones": FOUR}, {"rest": "60s", "zones_at_once": 2, "max_on": "25m"}),
        ({"zones": [{"v1": "120l"}, {"v2": "60l"}, {"v3": "10m"}]}, {"rest": "60s", "zones_at_once": 1}),
        ({"zones": [{"v1": "120l"}, {"v2": "200l"}], **CYCLES}, {"rest": "60s", "zones_at_once": 1}),
    ],
)
def test_a_run_is_over_within_the_minute_before_its_time(program: dict[str, Any], pump: dict[str, Any]) -> None:
    assert END - 60 < last_closed(program, pump) <= END
