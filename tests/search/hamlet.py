"""Random villages: lights, circuits, limits and programs, as a configuration file would give them."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from typing import Any

from search.almanac import WEEKDAYS, Almanac

PLACES = (  # latitude, longitude, zone, its hours from UTC: none of them has summer time
    (19.87, 105.68, "Asia/Ho_Chi_Minh", 7.0),
    (22.57, 88.36, "Asia/Kolkata", 5.5),
    (4.61, -74.08, "America/Bogota", -5.0),
)
PINS = (17, 27, 22, 23, 24, 25, 5, 6, 12, 13)
SWITCH, DOOR, PHOTOCELL, MAINS = 16, 20, 21, 26  # lines of contacts
FEEDBACKS = (4, 18, 19)


@dataclass(frozen=True, slots=True)
class Hamlet:
    """One random village: its configuration, what its programs ask for, when it begins, how seldom it is polled."""

    config: dict[str, Any]
    almanac: Almanac
    start: float
    poll_s: float


def hamlet(draw: random.Random) -> Hamlet:
    """A village that `draw` decides on."""
    latitude, longitude, zone, hours = draw.choice(PLACES)
    day = dt.datetime(2026, 1, 2, tzinfo=dt.UTC) + dt.timedelta(days=draw.randrange(700), seconds=draw.randrange(86400))
    programs = {name: _program(draw, day) for name in ("p1", "p2", "p3")[: draw.randint(1, 3)]}
    pins = list(PINS)
    draw.shuffle(pins)
    lights = {name: _light(draw, name, pins, list(programs)) for name in ("road", "lanes", "hall")[: draw.randint(1, 3)]}
    inputs = _cabinet(draw, list(lights))
    _feedbacks(draw, lights)
    used = {light["program"] for light in lights.values() if "program" in light}
    programs = {name: program for name, program in programs.items() if name in used}
    config = {
        "site": {
            "id": "thon", "name": "Thôn", "latitude": latitude, "longitude": longitude, "timezone": zone, "language": "vi",
        },
        "mqtt": {"host": "127.0.0.1", "port": 1883, "protocol": draw.choice([5, 5, 5, "3.1.1"])},
        "limits": {"switching": {"burst": draw.choice([0, 2, 3, 4, 6, 20]), "per": draw.choice(["60s", "10m"])}},
        "ports": {"bus": {"device": "/dev/ttyUSB0", "baudrate": 9600, "parity": "none"}},
        "meters": {
            "cabinet": _meter("sdm630", 1, draw.choice([5, 25, None])),
            "house": _meter("sdm120", 2, draw.choice([5, None])),
        },
        "lights": lights,
        "inputs": inputs,
        "programs": programs,
    }
    almanac = Almanac(latitude, longitude, int(hours * 3600), programs)
    return Hamlet(config, almanac, day.timestamp(), draw.choice([300.0, 590.0, 1800.0, 3600.0, 3600.0, 3600.0]))


def _meter(model: str, address: int, rated_kw: float | None) -> dict[str, Any]:
    rated = {} if rated_kw is None else {"rated_kw": rated_kw}
    return {"name": f"M{address}", "model": model, "port": "bus", "address": address, "poll": "10s", "record": "60s", **rated}


def _light(draw: random.Random, name: str, pins: list[int], programs: list[str]) -> dict[str, Any]:
    size = draw.choices(([8], [8, 8, 16], range(1, 21)), (45, 40, 15))[0]
    watts = draw.choice([40, 60, 100])
    circuits = {
        key: {
            "output": {"gpio": pins.pop(), "active": draw.choice(["low", "high"])},
            "lamps": draw.choice(size), "lamp_w": watts,
        }
        for key in "abcd"[: draw.choice([1, 2, 3, 3, 4] if len(pins) > 7 else [1, 2, 3])]
    }
    light: dict[str, Any] = {
        "name": name, "circuits": circuits, "restrike": draw.choice(["0s", "0s", "30s", "60s", "5m"]),
        "rotate": draw.random() < 0.6,
    }
    if draw.random() < 0.85:
        light["meter"] = draw.choice(["cabinet", "cabinet", "house"])
    if draw.random() < 0.85:
        light["program"] = draw.choice(programs)
    return light


def _cabinet(draw: random.Random, lights: list[str]) -> dict[str, Any]:
    """Contacts: the switch stands above some of the lights, the others above none."""
    inputs: dict[str, Any] = {
        "door": {"gpio": DOOR, "role": "door"}, "cell": {"gpio": PHOTOCELL, "role": "photocell", "active": "low"},
    }
    if draw.random() < 0.75:
        of = draw.sample(lights, draw.randint(1, len(lights)))
        inputs["switch"] = {"gpio": SWITCH, "role": "hand", "of": of, "active": draw.choice(["low", "high"])}
    if draw.random() < 0.5:
        inputs["mains"] = {"gpio": MAINS, "role": "mains"}
    return inputs


def _feedbacks(draw: random.Random, lights: dict[str, Any]) -> None:
    """In some villages the contactors of the first circuits say whether they closed."""
    if draw.random() < 0.7:
        wired = lights[draw.choice(["road", "road", "road", *lights])]["circuits"]
        for pin, circuit in list(zip(FEEDBACKS, wired.values(), strict=False))[: draw.randint(1, 3)]:
            circuit["feedback"] = {"gpio": pin, "active": draw.choice(["low", "high"])}


def _program(draw: random.Random, start: dt.datetime) -> dict[str, Any]:
    calendar = [_nights(draw, start) | {"steps": _steps(draw)} for _ in range(draw.randint(0, 3))]
    return {"kind": "light", "steps": _steps(draw), **({"calendar": calendar} if calendar else {})}


def _nights(draw: random.Random, start: dt.datetime) -> dict[str, Any]:
    """Which nights a rule is for: weekdays, a day of the moon, or dates about `start`."""
    kind = draw.random()
    if kind < 0.5:
        return {"days": ",".join(draw.sample(WEEKDAYS, draw.randint(1, 4)))}
    if kind < 0.65:
        return {"lunar_day": draw.randint(1, 30)}
    first = start.date() + dt.timedelta(days=draw.randint(-2, 3))
    last = first + dt.timedelta(days=draw.choice([0, 0, 1, 2, 300]))
    form = draw.choice(["%Y-%m-%d", "%m-%d"])
    return {"date": "..".join(dict.fromkeys(f"{date:{form}}" for date in (first, last)))}


def _steps(draw: random.Random) -> list[dict[str, Any]]:
    """Steps of one night, some of them close together, about noon, midnight and the sun's edges."""
    times: list[str] = []
    hours, minutes = draw.randrange(24), draw.randrange(60)
    for _ in range(draw.randint(1, 6)):
        kind = draw.random()
        if kind < 0.4:
            minutes += draw.randint(1, 4)  # a cluster
            times.append(f"{(hours + minutes // 60) % 24:02}:{minutes % 60:02}")
        elif kind < 0.55:
            times.append(draw.choice(["11:59", "12:00", "12:01", "23:59", "00:00", "00:01"]))
        elif kind < 0.65:
            hours, minutes = draw.randrange(24), draw.randrange(60)
            times.append(f"{hours:02}:{minutes:02}")
        else:
            event = draw.choice(["sunset", "sunrise"])
            time = draw.choice([event, f"{event} {draw.choice('+-')} {draw.choice(['10m', '45m', '2h', '6h'])}"])
            bounds = ["17:45", "18:15", "06:00"] if event == "sunset" else ["18:00", "05:45", "06:15"]
            earliest, latest = sorted(draw.sample(range(3), 2))
            time += draw.choice(["", "", f", not before {bounds[earliest]}"]) + draw.choice(["", "", f", not after {bounds[latest]}"])
            times.append(time)
    if draw.random() < 0.7:
        times += ["sunset - 10m", "sunrise + 10m"]
    levels = [draw.choice([0, 1, 25, 33, 50, 67, 75, 100]) for _ in times]
    if draw.random() < 0.05:
        levels = [0] * len(times)
    return [{"at": at, "level": level} for at, level in dict(zip(times, levels, strict=True)).items()]
