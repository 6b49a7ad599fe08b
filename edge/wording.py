"""What the MQTT contract's messages say, in words that a person reads at a glance."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

UNITS = {
    "kwh": "kWh", "kvarh": "kvarh", "kvah": "kVAh", "w": "W", "kw": "kW", "va": "VA", "var": "var", "v": "V", "a": "A",
    "hz": "Hz", "c": "°C", "pct": "%", "lux": "lx", "l": "l",
}
FIRST = ("power_w", "energy_kwh")
SHORT_S = 100.0  # what is shorter is told in seconds
Zone = dt.tzinfo | None  # None: this machine's own


def zone_of(about: Mapping[str, Any]) -> Zone:
    """The village's zone, as its `about` names it; this machine's if that is unknown here."""
    try:
        return ZoneInfo(about["site"]["timezone"])
    except (KeyError, TypeError, ValueError, OSError):
        return None


def clock_time(wall: float, zone: Zone) -> str:
    """Hours, minutes and seconds at Unix time `wall`."""
    return dt.datetime.fromtimestamp(wall, dt.UTC).astimezone(zone).strftime("%H:%M:%S")


def end_time(stamp: str, now: float, zone: Zone) -> str:
    """An RFC 3339 time as a person would say it: without the day if it is within the next 24 hours."""
    try:
        then = dt.datetime.fromisoformat(stamp).astimezone(zone)
    except ValueError:
        return stamp
    near = 0 <= then.timestamp() - now < 86400
    return then.strftime("%H:%M" if near else "%Y-%m-%d %H:%M")


def parse(payload: bytes) -> dict[str, Any] | None:
    """A payload as the JSON object it is, or None."""
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def state(message: Mapping[str, Any], now: float, zone: Zone) -> str:
    """ON, level 33 until 20:15 (override), circuit a locked; OPEN (program morning-water), zone 1 of 4, 10.5 of 20 min.
    """
    words = [str(message.get("state", "?"))]
    by = message.get("by")
    if message.get("state") == "ON" and message.get("level") is not None:
        words.append(f", level {_figure(message['level'])}")
    if isinstance(message.get("until"), str):
        words.append(f" until {end_time(message['until'], now, zone)}")
    if message.get("reason"):
        reason = str(message["reason"])
        if reason == "program" and "run" in message and message.get("program"):
            reason += f" {message['program']}"
        words.append(f" ({reason}{f' by {by}' if by else ''}{_detail(message)})")
    if isinstance(message.get("run"), dict):
        words.append(f", {_progress(message['run'])}")
    if isinstance(message.get("valves"), list) and message["valves"]:
        words.append(f", for {', '.join(map(str, message['valves']))}")
    if message.get("observed") not in (None, message.get("state")):
        words.append(f", observed {message['observed']}")
    if message.get("reason") != "lockout":
        words += [f", circuit {name} locked" for name in _locked(message)]
    if message.get("locked") is True and message.get("reason") != "lockout":
        words.append(", locked")
    return "".join(words)


def lasting(seconds: float, of: float | None = None) -> str:
    """20 min, 10.5 of 20 min, 45 of 60 s: seconds in whichever unit reads well."""
    scale, unit = (60, "min") if max(seconds, of or 0.0) >= SHORT_S else (1, "s")
    told = f"{round(seconds / scale, 1):g}"
    return f"{told} {unit}" if of is None else f"{told} of {round(of / scale, 1):g} {unit}"


def _detail(message: Mapping[str, Any]) -> str:
    return f": {message['detail']}" if isinstance(message.get("detail"), str) and message["detail"] else ""


def _progress(run: Mapping[str, Any]) -> str:
    """watering zone 1 of 4, 10.5 of 20 min, 105 l"""
    words = str(run.get("phase") or "run")
    if run.get("zone") is not None and run.get("zones") is not None:
        words += f" zone {run['zone']} of {run['zones']}"
    done, planned = run.get("done_s"), run.get("planned_s")
    if isinstance(done, int | float):
        words += f", {lasting(done, planned if isinstance(planned, int | float) else None)}"
    litres, wanted = run.get("litres"), run.get("planned_l")
    if isinstance(litres, int | float) or isinstance(wanted, int | float):
        words += f", {_figure(round(litres, 1)) if isinstance(litres, int | float) else '?'}"
        words += f" of {_figure(wanted)} l" if isinstance(wanted, int | float) else " l"
    return words


def _locked(message: Mapping[str, Any]) -> list[str]:
    circuits = message.get("circuits")
    found = circuits if isinstance(circuits, list) else []
    return [str(c.get("id")) for c in found if isinstance(c, dict) and c.get("locked") is True]


def reading(message: Mapping[str, Any]) -> str:
    """power 1432.5 W, energy 5188.85 kWh: what most look for comes first, which of them is suspect at the end."""
    values = message.get("values")
    if not isinstance(values, dict):
        values = {}
    ranked = sorted(values, key=lambda name: name not in FIRST)
    words = ", ".join(quantity(name, values[name]) for name in ranked)
    doubt = "" if message.get("quality") == "good" else str(message.get("quality", "of unknown quality"))
    named = message.get("suspect")
    if doubt and isinstance(named, list) and named:
        doubt += f": {', '.join(_without_unit(str(name)) for name in named)}"
    return (words or "no values") + (f" ({doubt})" if doubt else "")


def quantity(name: str, value: object) -> str:
    """`power_w` and 1432.5 as `power 1432.5 W`."""
    figure = _figure(value)
    if name.endswith("_l_min"):
        return f"{_plain(name.removesuffix('_l_min'))} {figure} l/min"
    what, _, unit = name.rpartition("_")
    if what and unit in UNITS:
        return f"{_plain(what)} {figure} {UNITS[unit]}"
    return f"{_plain(name)} {figure}"


def result(message: Mapping[str, Any]) -> str:
    """done in 7 ms, rejected (expired): …; without the device."""
    outcome = str(message.get("outcome", "?"))
    if message.get("took_ms") is not None:
        outcome += f" in {_figure(message['took_ms'])} ms"
    fault = message.get("error")
    if isinstance(fault, dict):
        outcome += f" ({fault.get('code')}): {fault.get('message')}"
    return outcome


def alarm(message: Mapping[str, Any]) -> str:
    """warning raised: light/main-road: …"""
    return f"{message.get('severity')} {message.get('state')}: {message.get('device')}: {alarm_text(message)}"


def alarm_text(message: Mapping[str, Any]) -> str:
    """What an alarm says to a person; its kind, where it says nothing."""
    text = message.get("text")
    return str(((text.get("en") or text.get("vi")) if isinstance(text, dict) else None) or message.get("kind"))


def fields(message: Mapping[str, Any]) -> str:
    """Every field that says something, in the order sent."""
    return ", ".join(
        f"{_plain(key)} {value if isinstance(value, str | int | float) else json.dumps(value, ensure_ascii=False)}"
        for key, value in message.items()
        if value is not None and key != "at"
    )


def _figure(value: object) -> str:
    return f"{value:.7g}" if isinstance(value, int | float) else str(value)


def _without_unit(name: str) -> str:
    what, _, unit = name.rpartition("_")
    return _plain(what if what and unit in UNITS else name)


def _plain(name: str) -> str:
    return name.replace("_", " ")
