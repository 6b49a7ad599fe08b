"""Random villages with fields: pumps, valves, switches, sensors and their programs, as a file would give them."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

PINS = (17, 27, 22, 23, 24, 25, 5, 6, 12, 13, 4, 18)
TANK, RAIN, HAND, FLOW = 16, 20, 21, 26
ZONE = "Asia/Ho_Chi_Minh"


@dataclass(frozen=True, slots=True)
class Fields:
    """One random village: its configuration, when it begins, how seldom it is polled."""

    config: dict[str, Any]
    start: float
    poll_s: float


def fields(draw: random.Random, *, by_clock: bool = True, single: bool = False) -> Fields:
    """A village that `draw` decides on; without `by_clock` nothing in it goes by the time of day; if
    `single`, nothing but one program, which begins a few minutes later and then not for a week."""
    pins = list(PINS)
    draw.shuffle(pins)
    coils = list(range(8))
    pumps = {name: _pump(draw, pins, coils) for name in ("p1", "p2")[: draw.choice([1, 1, 1, 2])]}
    valves = {f"v{n}": _valve(draw, pins, coils, [*pumps, *pumps, None]) for n in range(1, draw.randint(3, 6))}
    valves["v1"]["pump"] = "p1"
    switches = {"fan": _switch(draw, pins, coils)} if draw.random() < 0.7 else {}
    inputs: dict[str, Any] = {"flow": {"gpio": FLOW, "role": "flow", "pulses_per_l": draw.choice([1.0, 7.5, 50.0])}}
    if draw.random() < 0.6:
        inputs["tank"] = {"gpio": TANK, "role": "level", "low_is": "empty"}
        pumps["p1"]["stop_when"] = {"tank": "empty"}
    if draw.random() < 0.6:
        inputs["rain"] = {"gpio": RAIN, "role": "rain"}
    if draw.random() < 0.5:
        ruled = draw.sample([*(f"pump/{p}" for p in pumps), *(f"valve/{v}" for v in valves)], 2)
        inputs["hand"] = {"gpio": HAND, "role": "hand", "of": ruled}
    programs: dict[str, Any] = {}
    if by_clock:
        programs = {f"w{n}": _program(draw, valves, rain="rain" in inputs) for n in range(draw.randint(2, 5))}
    day = dt.datetime(2026, 1, 2, tzinfo=dt.UTC) + dt.timedelta(days=draw.randrange(700), seconds=draw.randrange(86400))
    if single:
        programs = {"w0": _program(draw, valves, rain=False)}
        for other in ("finish_before", "window", "start_when"):
            programs["w0"].pop(other, None)
        soon = (day + dt.timedelta(minutes=5)).astimezone(ZoneInfo(ZONE))
        programs["w0"] |= {"start": f"{soon:%H:%M}", "days": f"{soon:%a}".lower()}
    elif by_clock and switches:
        programs["cool"] = _climate(draw)
        switches["fan"]["program"] = "cool"
    config = {
        "site": {"id": "thon", "name": "Thôn", "latitude": 19.87, "longitude": 105.68, "timezone": ZONE, "language": "vi"},
        "mqtt": {"host": "127.0.0.1", "port": 1883, "protocol": draw.choice([5, 5, 5, "3.1.1"])},
        "limits": {"switching": {"burst": draw.choice([0, 20, 20, 60]), "per": "60s"}},
        "ports": {"bus": {"device": "/dev/ttyUSB0", "baudrate": 9600, "parity": "none"}},
        "boards": {"board": {"model": "waveshare-relay-8", "port": "bus", "address": 10}},
        "sensors": {
            "soil": {
                "name": "Đất", "model": "rs485-soil-moisture-temperature", "port": "bus", "address": 21, "poll": "60s",
                "record": "10m", "stale": "30m",
            },
            "air": {
                "name": "Khí", "model": "xy-md02", "port": "bus", "address": 23, "poll": "60s", "record": "10m", "stale": "10m",
            },
        },
        "inputs": inputs, "pumps": pumps, "valves": valves, "switches": switches, "programs": programs,
    }  # fmt: skip
    return Fields(config, day.timestamp(), draw.choice([60.0, 300.0, 590.0]))


def _output(draw: random.Random, pins: list[int], coils: list[int]) -> dict[str, Any]:
    if draw.random() < 0.3:
        return {"board": "board", "coil": coils.pop()}
    return {"gpio": pins.pop(), "active": draw.choice(["low", "high"])}


def _pump(draw: random.Random, pins: list[int], coils: list[int]) -> dict[str, Any]:
    return {
        "name": "Bơm", "output": _output(draw, pins, coils), "rated_w": 750, "lead": draw.choice(["0s", "5s", "20s"]),
        "lag": draw.choice(["0s", "3s", "20s"]), "max_on": draw.choice(["10m", "1h", "2h"]),
        "daily_max": draw.choice(["2h", "6h"]), "rest": draw.choice(["0s", "60s", "10m"]),
        "zones_at_once": draw.choice([1, 1, 2, 3]),
    }  # fmt: skip


def _valve(draw: random.Random, pins: list[int], coils: list[int], pumps: list[str | None]) -> dict[str, Any]:
    pump, max_on = draw.choice(pumps), draw.choice(["5m", "20m", "60m"])
    valve: dict[str, Any] = {
        "name": "Thửa", "output": _output(draw, pins, coils), "max_on": max_on,
        "daily_max": draw.choice(["1h", "2h"]), "default": "5m", "soil": "soil",
    }  # fmt: skip
    if pump is not None:
        valve["pump"] = pump
    if draw.random() < 0.6:
        valve |= {"flow": "flow", "normal_l_min": 12}
    return valve


def _switch(draw: random.Random, pins: list[int], coils: list[int]) -> dict[str, Any]:
    return {
        "name": "Quạt", "output": _output(draw, pins, coils), "max_on": draw.choice(["10m", "1h"]),
        "daily_max": draw.choice(["2h", "4h"]), "default": "10m", "min_on": draw.choice(["0s", "60s"]),
        "min_off": draw.choice(["0s", "60s"]),
    }  # fmt: skip


def _program(draw: random.Random, valves: dict[str, Any], *, rain: bool) -> dict[str, Any]:
    chosen = draw.sample(list(valves), draw.randint(1, len(valves)))
    zones = [
        {name: "30l" if "flow" in valves[name] and draw.random() < 0.3 else draw.choice(["1m", "3m", "4m"])} for name in chosen
    ]
    program: dict[str, Any] = {"kind": "irrigation", "zones": zones, "resume": draw.choice(["never", "within 1h", "within 3h"])}
    when = draw.random()
    hour, minute = draw.randrange(24), draw.choice([0, 30, 59])
    if when < 0.5:
        program["start"] = f"{hour:02}:{minute:02}"
    elif when < 0.7:
        program["start"] = draw.choice(["sunrise", "sunset - 1h"])
    elif when < 0.85:
        program["finish_before"] = draw.choice([f"{hour:02}:{minute:02}", "sunrise + 1h"])
    else:
        program |= {"window": f"{hour:02}:00..{(hour + 3) % 24:02}:00", "start_when": {"soil_below": 60, "soil_above": 80}}
    if draw.random() < 0.3:
        program["days"] = ",".join(draw.sample(["mon", "tue", "wed", "thu", "fri", "sat", "sun"], 5))
    if draw.random() < 0.4:
        program |= {"cycle": "1m", "soak": draw.choice(["1m", "10m"])}
    if rain and draw.random() < 0.6:
        program["skip_when"] = {"rain": True}
    return program


def _climate(draw: random.Random) -> dict[str, Any]:
    program: dict[str, Any] = {
        "kind": "climate", "target": "fan", "if_stale": draw.choice(["on", "off"]),
        "when": {"sensor": "air", "quantity": "temperature_c", "on_above": 24, "off_below": 22},
    }  # fmt: skip
    if draw.random() < 0.5:
        program["window"] = draw.choice(["08:00..18:00", "20:00..04:00"])
    return program
