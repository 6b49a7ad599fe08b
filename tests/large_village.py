"""A village of 200 devices as the page sees it, its days of messages, and what the page holds of them."""

from __future__ import annotations

import datetime as dt
from typing import Any

from fake_village import FakeVillage, about, light, reading, rfc3339, valve
from page_house import Phone
from playwright.sync_api import CDPSession, expect

LIGHTS, VALVES, METERS, SENSORS = 120, 40, 30, 10
TURN = METERS + SENSORS + 1  # messages every 10 s: a reading of each, and a light's state
DAY = 8640 * TURN
AT = dt.datetime.now(dt.UTC)
METER = ("voltage_v", "current_a", "power_w", "power_factor", "frequency_hz", "energy_kwh")


def large() -> tuple[dict[str, Any], dict[str, Any]]:
    """What there is, and what is retained, in a village of 200 devices."""
    told = about()
    at = rfc3339(AT)
    plain = {"area": None, "program": None, "meter": None}
    devices: list[dict[str, Any]] = []
    picture: dict[str, Any] = {}
    for n in range(LIGHTS):
        devices.append({"id": f"l-{n}", "kind": "light", "name": f"Đèn {n}", "levels": [0, 33, 67, 100], "circuits": 3, "lamps": 24, "rated_w": 1440.0, **plain})
        picture[f"light/l-{n}/state"] = light(0, [0, 33, 67, 100], at)
    for n in range(VALVES):
        devices.append({"id": f"v-{n}", "kind": "valve", "name": f"Thửa {n}", "pump": None, "flow": None, "soil": None, "max_on_s": 3600.0, "default_s": 1200.0, **plain})
        picture[f"valve/v-{n}/state"] = valve("CLOSED", at)
    for n in range(METERS):
        devices.append({"id": f"m-{n}", "kind": "meter", "name": f"Công tơ {n}", "model": "sdm120", "quantities": [{"name": q, "unit": "W"} for q in METER], "tariff": None, "billing_day": None})
        picture[f"meter/m-{n}/reading"] = reading(at, **dict.fromkeys(METER, 1.0))
    for n in range(SENSORS):
        devices.append({"id": f"s-{n}", "kind": "sensor", "name": f"Cảm biến {n}", "model": "xy-md02", "quantities": [{"name": "temperature_c", "unit": "°C"}], "area": None})
        picture[f"sensor/s-{n}/reading"] = reading(at, temperature_c=20.0)
    return {**told, "devices": devices, "programs": [], "tariff": None}, picture


def moments(fake: FakeVillage, first: int, count: int, step_s: float = 10.0) -> None:
    """So many messages as a day has them: every 10 s a reading of each meter and sensor, and now and then a state."""
    told: dict[str, Any] = {}
    for n in range(first, first + count):
        turn, which = divmod(n, TURN)
        at = rfc3339(AT + dt.timedelta(seconds=step_s * turn))
        if which < METERS:
            told[f"meter/m-{which}/reading"] = reading(at, **dict.fromkeys(METER, 100.0 + (turn * 7 + which) % 50))
        elif which < METERS + SENSORS:
            told[f"sensor/s-{which - METERS}/reading"] = reading(at, temperature_c=20.0 + turn % 10)
        else:
            told[f"light/l-{turn % LIGHTS}/state"] = light(33 * (turn // LIGHTS % 2), [0, 33, 67, 100], at)
        if which == METERS + SENSORS:
            fake.say_all(told)
            told = {}
    fake.say_all(told)


class Memory:
    """What the page's script holds, counted after everything that nobody holds has been taken away."""

    def __init__(self, phone: Phone) -> None:
        self._phone = phone
        self._cdp: CDPSession = phone.context.new_cdp_session(phone.page)
        self._cdp.send("HeapProfiler.enable")
        self._cdp.send("Performance.enable")

    def heap(self) -> float:
        """Bytes."""
        self._cdp.send("HeapProfiler.collectGarbage")
        return float(self._cdp.send("Runtime.getHeapUsage")["usedSize"])

    def nodes(self) -> float:
        """DOM nodes that are held."""
        self._cdp.send("HeapProfiler.collectGarbage")
        return float(next(m["value"] for m in self._cdp.send("Performance.getMetrics")["metrics"] if m["name"] == "Nodes"))


def caught_up(fake: FakeVillage, phone: Phone, mark: int) -> None:
    """The page has drawn everything that was said before this."""
    fake.say("sensor/s-0/reading", reading(rfc3339(AT), temperature_c=float(mark)), retain=True)
    expect(phone.page.locator('a[href="#/crops/s-0"]').first).to_contain_text(f"{mark} °C", timeout=60_000)
