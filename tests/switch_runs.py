"""A switch that follows a sensor, for tests."""

from __future__ import annotations

from switch_bench import SwitchBench

HEAT = {"when": {"sensor": "air", "quantity": "temperature_c", "on_above": 33, "off_below": 30}}
DAY = {**HEAT, "window": "08:00..18:00"}
FAN = {"max_on": "4h"}


def running(switch: dict[str, object] | None = None, program: dict[str, object] | None = None) -> SwitchBench:
    """A fan that its program has turned on, after the rest that follows a start."""
    bench = SwitchBench(FAN if switch is None else switch, program or DAY)
    stays_hot(bench, max(100.0, bench.switch.min_off))
    assert bench.line.on
    return bench


def stays_hot(bench: SwitchBench, *waits_s: float) -> None:
    """Time passes, and after each wait the sensor is as hot as before."""
    for wait_s in waits_s:
        bench.advance(wait_s)
        bench.measure(34)


def moves(bench: SwitchBench) -> list[bool]:
    return [on for _, on in bench.line.history]
