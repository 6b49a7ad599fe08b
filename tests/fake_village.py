"""A made-up village for the page: an evening of Thôn Nguyên Lý, told by hand over a real broker, and any other picture."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from e2e_house import CONFIG
from fake_controller import FakeController

from edge.core import assembly
from edge.core.programs import Programs
from edge.shell.app import catalogue
from edge.shell.site_file import load

EVENING = dt.datetime(2026, 11, 21, 12, 30, tzinfo=dt.UTC)  # half past seven in the village's evening, a rằm to come
Picture = dict[str, Any]  # what is retained: leaf below the root -> payload
Request = Mapping[str, Any]


class HasUrl(Protocol):
    """The page's server."""

    @property
    def url(self) -> str: ...


@cache
def _described(config: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    models = catalogue()
    site = load(config, models, any_tariff=True)
    programs = Programs(site, models, {})
    return json.loads(json.dumps(assembly.about(site, models, "0.1.0", programs))), json.loads(json.dumps(programs.listed()))


def about(config: Path = CONFIG) -> dict[str, Any]:
    """What the real controller says there is, for a configuration."""
    return json.loads(json.dumps(_described(config)[0]))


def rfc3339(at: dt.datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def light(level: int, levels: list[int], at: str, until: str | None = None, **more: Any) -> dict[str, Any]:
    """The state of a light that is seen as it was told."""
    names = "abcdefgh"[: len(levels) - 1]
    lit = levels.index(level)
    word = "ON" if level else "OFF"
    return {
        "state": word, "level": level, "levels": levels, "observed": word, "observed_level": level,
        "circuits": [{"id": name, "on": n < lit, "observed": n < lit, "hours": 120 + 31 * n} for n, name in enumerate(names)],
        "reason": "program", "until": until, "by": None, "command": None, "program": "street", "next": None, "since": at, **more,
    }  # fmt: skip


def valve(observed: str, at: str, **more: Any) -> dict[str, Any]:
    """The state of a valve that is seen as it was told."""
    return {
        "state": observed, "observed": observed, "reason": "default", "until": None, "by": None, "command": None,
        "program": None, "run": None, "next": None, "since": at, **more,
    }


def reading(at: str, **values: float) -> dict[str, Any]:
    return {"at": at, "quality": "good", "life": 1, "values": values}


def alarm(kind: str, device: str, severity: str, vi: str, en: str, at: str, **more: Any) -> dict[str, Any]:
    return {
        "state": "raised", "severity": severity, "kind": kind, "device": device, "text": {"vi": vi, "en": en}, "data": {},
        "at": at, "cleared_at": None, "acknowledged_by": None, **more,
    }


def evening(now: dt.datetime = EVENING) -> Picture:
    """The main road by its program, the culture house by its head, one plot watered and one waiting, two alarms."""

    def at(minutes: float) -> str:
        return rfc3339(now + dt.timedelta(minutes=minutes))

    next_water = {"at": at(11 * 60 + 3), "program": "morning-water"}
    run = {"id": "head:2026-11-21:c-1", "zone": 1, "zones": 1, "planned_s": 1200.0, "done_s": 430, "planned_l": None, "litres": 84.5, "phase": "watering"}
    waits = {"id": "head:2026-11-21:c-2", "zone": 1, "zones": 1, "planned_s": None, "done_s": 0, "planned_l": 200.0, "litres": None, "phase": "queued"}
    phases = {f"voltage_l{n}_v": 228.1 + n for n in (1, 2, 3)}
    dead = ("device-silent:sensor:soil-2", "sensor/soil-2")
    return {
        "time": {"now": at(0), "trusted": True, "source": "ntp"},
        "light/main-road/state": light(100, [0, 33, 67, 100], at(-170), at(180), next={"at": at(180), "level": 33, "reason": "program"}),
        "light/lanes/state": light(100, [0, 100], at(-160), at(210), program="lanes", next={"at": at(210), "level": 0, "reason": "program"}),
        "light/culture-house/state": light(100, [0, 100], at(-30), at(150), reason="override", by="head", command="c-0", program="evening-off"),
        "valve/plot-1/state": valve("OPEN", at(-7.2), reason="override", by="head", command="c-1", run=run, until=at(12.8), next=next_water),
        "valve/plot-2/state": valve("CLOSED", at(-7), reason="queue", by="head", command="c-2", run=waits, next=next_water, detail="another valve has the pump"),
        "valve/plot-3/state": valve("CLOSED", at(-600), next=next_water),
        "valve/plot-4/state": valve("unknown", at(-600), state="CLOSED", next=next_water),
        "pump/pump-1/state": {"state": "ON", "observed": "ON", "reason": "override", "until": None, "by": "head", "command": "c-1", "since": at(-7), "valves": ["plot-1"]},
        "switch/greenhouse-fan/state": {"state": "OFF", "observed": "OFF", "reason": "default", "until": None, "by": None, "command": None, "program": "cool", "next": None, "since": at(-90)},
        "meter/cabinet-1/reading": reading(at(-0.1), power_w=2160.0, energy_kwh=4708.9, power_factor=0.95, frequency_hz=50.01, **phases),
        "meter/culture-house/reading": reading(at(-0.1), voltage_v=229.4, current_a=0.82, power_w=180.0, energy_kwh=2606.9, power_factor=0.95, frequency_hz=50.01),
        "meter/pump-house/reading": reading(at(-0.1), voltage_v=228.8, current_a=3.3, power_w=742.0, energy_kwh=311.4, power_factor=0.97, frequency_hz=50.01),
        "sensor/soil-1/reading": reading(at(-0.5), moisture_pct=27.4, temperature_c=22.6),
        "sensor/soil-2/reading": reading(at(-44), moisture_pct=31.0, temperature_c=22.4),
        "sensor/air-1/reading": reading(at(-0.4), temperature_c=24.8, humidity_pct=78.2),
        "sensor/light-1/reading": reading(at(-0.4), illuminance_lux=3.0),
        "sensor/main-flow/reading": reading(at(-0.1), volume_l=51234.5, flow_l_min=11.8),
        "alarm/flow-high:valve:plot-3": alarm("flow-high", "valve/plot-3", "critical", "Thửa 3 chảy quá mạnh: 36 l/phút, thường 12: có thể vỡ ống",
            "Thửa 3 flows far too fast: 36 l/min, normally 12: perhaps a burst pipe", at(-65), data={"flow": "input/main-flow", "l_min": 36.0, "normal_l_min": 12.0}),
        f"alarm/{dead[0]}": alarm("device-silent", dead[1], "warning", "Đất thửa 3–4 không trả lời", "Đất thửa 3–4 does not answer", at(-12)),
        "alarm/door-open:input:cabinet-door": alarm("door-open", "input/cabinet-door", "warning", "Cửa tủ đang mở (cabinet-door)",
            "The cabinet's door is open (cabinet-door)", at(-300), state="cleared", cleared_at=at(-280)),
    }  # fmt: skip


class Answers:
    """What the evening's controller answers to each request, from made-up but steady figures."""

    def __init__(self, now: dt.datetime) -> None:
        self._now = now

    def __call__(self, name: str, asked: Request) -> dict[str, Any]:
        answer = getattr(self, "_" + name.replace("-", "_"), None)
        return answer(asked) if answer else {}

    def _at(self, hours: float) -> str:
        return rfc3339(self._now + dt.timedelta(hours=hours))

    def _programs(self, _asked: Request) -> dict[str, Any]:
        return {"programs": _described(CONFIG)[1]}

    def _program_put(self, asked: Request) -> dict[str, Any]:
        return {"program": asked["program"], "rev": asked["rev"] + 1, "stored": True}

    def _alarms(self, _asked: Request) -> dict[str, Any]:
        return {"alarms": []}

    _alarm_ack = _alarms

    def _plan(self, asked: Request) -> dict[str, Any]:
        def change(hours: float, device: str, level: int, program: str, step: str, circuits: list[str]) -> dict[str, Any]:
            return {"at": self._at(hours), "device": f"light/{device}", "level": level, "circuits": circuits, "reason": "program",
                    "program": program, "step": step, "rule": "", "within_s": 0.0}  # fmt: skip

        street = [(3.0, 33, "22:30", ["c"]), (10.93, 0, "sunrise + 10m", []), (21.77, 100, "sunset - 10m", ["a", "b", "c"]), (27.0, 33, "22:30", ["a"]), (34.94, 0, "sunrise + 10m", [])]
        lanes = [(3.5, 0, "23:00", []), (9.0, 100, "04:30", ["a"]), (10.77, 0, "sunrise", []), (21.93, 100, "sunset", ["a"]), (27.5, 0, "23:00", [])]
        changes = [change(h, "main-road", level, "street", step, on) for h, level, step, on in street]
        changes += [change(h, "lanes", level, "lanes", step, on) for h, level, step, on in lanes]
        changes += [change(2.5, "culture-house", 0, "evening-off", "22:00", [])]
        zones = [{"device": "valve/plot-1", "for_s": 840.0, "volume_l": None}, {"device": "valve/plot-2", "for_s": 840.0, "volume_l": None},
                 {"device": "valve/plot-3", "for_s": None, "volume_l": 140.0}, {"device": "valve/plot-4", "for_s": None, "volume_l": 140.0}]  # fmt: skip
        run = {"at": self._at(35.05), "until": self._at(37.05), "latest_end": self._at(37.7), "run": "morning-water:2026-11-23:0",
               "program": "morning-water", "by_soil": False, "zones": zones}  # fmt: skip
        wanted = asked.get("device", "all")
        runs = [run | {"zones": [z for z in zones if wanted in ("all", z["device"])]}]
        return {
            "trusted": True, "held": [], "changes": sorted((c for c in changes if wanted in ("all", c["device"])), key=lambda c: c["at"]),
            "runs": [r for r in runs if r["zones"] and not wanted.startswith("light/")],
        }  # fmt: skip

    def _runs(self, asked: Request) -> dict[str, Any]:
        def zone(plot: int, begin: float, minutes: float, litres: float, outcome: str = "done", why: tuple[str, str] | None = None) -> dict[str, Any]:
            return {"valve": f"valve/plot-{plot}", "planned_s": 840.0, "planned_l": None, "done_s": 60 * minutes, "litres": litres if minutes else None,
                    "started": self._at(begin) if minutes else None, "ended": self._at(begin + minutes / 60), "outcome": outcome,
                    "why": why and why[1], "why_vi": why and why[0]}  # fmt: skip

        def run(begin: float, outcome: str, zones: list[dict[str, Any]], why: tuple[str, str] | None = None, user: str | None = None) -> dict[str, Any]:
            started = self._at(begin) if outcome != "skipped" else None
            return {"id": f"{user or 'morning-water'}:{begin}", "program": None if user else "morning-water", "user": user,
                    "cause": "person" if user else "program", "slot": self._at(begin), "started": started, "ended": zones[-1]["ended"],
                    "outcome": outcome, "why": why and why[1], "why_vi": why and why[0], "zones": zones}  # fmt: skip

        rain = ("trời mưa", "it rains")
        ended = ("có người dừng", "somebody ended it")
        found = [
            run(-26.4, "cancelled", [zone(2, -26.4, 6.0, 66.0, "cancelled", ended)], ended, user="head"),
            run(-36.95, "done", [zone(n, -36.95 + 0.3 * n, 14.0, 151.0 + 7 * n) for n in (1, 2, 3, 4)]),
            run(-84.95, "skipped", [zone(n, -84.95, 0, 0, "skipped", rain) for n in (1, 2, 3, 4)], rain),
            run(-132.95, "done", [zone(n, -132.95 + 0.3 * n, 14.0, 149.0 + 6 * n) for n in (1, 2, 3, 4)]),
        ]
        wanted = asked.get("device")
        for one in found:
            one["zones"] = [z for z in one["zones"] if wanted in (None, z["valve"])]
        return {"runs": [one for one in found if one["zones"]]}

    def _energy(self, asked: Request) -> dict[str, Any]:
        begin, end = (dt.datetime.fromisoformat(asked[k]).astimezone(dt.UTC) for k in ("from", "to"))
        daily = {"cabinet-1": 16.2, "culture-house": 1.1, "pump-house": 3.4}.get(asked["meter"].removeprefix("meter/"), 2.0)
        periods = []
        at = _period_start(begin, asked["period"])
        while at < end:
            after = _period_end(at, asked["period"])
            kwh = round(daily * self._days(at, min(after, self._now)), 3) if at < self._now else None
            amount = None if kwh is None else round(kwh * 2404)
            bill = {"kwh": round(kwh * 1.03), "amount": round(amount * 1.03)} if kwh and amount and after <= self._now and asked["period"] in ("month", "billing") else None
            periods.append({
                "from": rfc3339(at), "to": rfc3339(after), "kwh": kwh, "interpolated_kwh": 0.0, "measured": 1.0, "unmeasured_s": 0, "amount": amount,
                "vat": None if amount is None else round(amount * 8 / 108), "vat_percent": 8.0, "complete": after <= self._now, "bill": bill,
                "difference": bill and {"kwh": round(bill["kwh"] - kwh, 3), "amount": bill["amount"] - amount},
            })  # fmt: skip
            at = after
        return {"tariff": "public-lighting", "currency": "VND", "periods": periods}

    @staticmethod
    def _days(begin: dt.datetime, end: dt.datetime) -> float:
        """How many days that is, some of which count for a little more than others."""
        first, last = begin.timestamp() / 86400, end.timestamp() / 86400
        return last - first + 0.15 * (math.cos(first) - math.cos(last))

    def _history(self, asked: Request) -> dict[str, Any]:
        begin, end = (dt.datetime.fromisoformat(asked[k]).timestamp() for k in ("from", "to"))
        end = min(end, self._now.timestamp())
        step = max((end - begin) / 400, 60.0) if asked.get("step", "auto") == "auto" else float(asked["step"])
        middle, wave = MEASURED.get(asked["quantity"], (25.0, 6.0))
        points = []
        for n in range(int((end - begin) / step)):
            at = begin + n * step
            mean = middle + wave * math.sin(at / 86400 * 2 * math.pi)
            points.append([round(at * 1000), round(mean - abs(wave) / 12, 2), round(mean, 2), round(mean + abs(wave) / 12, 2)])
        unit = {"power_w": "W", "energy_kwh": "kWh", "moisture_pct": "%", "temperature_c": "°C", "humidity_pct": "%"}.get(asked["quantity"], "")
        return {"device": asked["device"], "quantity": asked["quantity"], "unit": unit, "step_s": step, "points": points}

    def _audit(self, _asked: Request) -> dict[str, Any]:
        def entry(hours: float, user: str, device: str | None, outcome: str = "accepted", **more: Any) -> dict[str, Any]:
            return {"at": self._at(hours), "user": user, "device": device, "id": f"c{hours}", "outcome": outcome, **more}

        return {"entries": [
            entry(-0.117, "head", "valve/plot-2", action="open", state="CLOSED", reason="queue", until=None, was={"state": "CLOSED", "reason": "default"}),
            entry(-0.12, "head", "valve/plot-1", action="open", state="OPEN", reason="override", until=None, was={"state": "CLOSED", "reason": "default"}),
            entry(-0.5, "head", "light/culture-house", action="on", level=100, reason="override", until=self._at(2.5), was={"level": 0, "reason": "program"}),
            entry(-2.1, "bac-tu", "light/main-road", "rejected", error={"code": "locked", "message": "tech has locked it (thay bóng): it must be released first"}),
            entry(-5, "tech", "light/main-road", action="lock", level=0, reason="lockout", until=None, was={"level": 0, "reason": "program"}, note="thay bóng"),
            entry(-26, "head", None, request="rain-delay", until=self._at(-2)),
            entry(-30, "head", None, request="program-put", program="evening-off", rev=2, was={"rev": 1}, changed={"steps[0].at": ["22:00", "21:30"]}),
            entry(-31, "head", None, request="alarm-ack"),
        ]}  # fmt: skip

    def _bus(self, _asked: Request) -> dict[str, Any]:
        def device(name: str, address: int, good: int, no_answer: int = 0, checksum: int = 0) -> dict[str, Any]:
            counted = {"exchanges": good + no_answer + checksum, "good": good, "no_answer": no_answer, "checksum": checksum, "other": 0, "mean_ms": 61.0, "slowest_ms": 140.0}
            return {"device": name, "address": address, **counted, "hour": counted}

        devices = [device("meter/cabinet-1", 1, 8123), device("meter/culture-house", 2, 8120, 3), device("sensor/soil-2", 22, 1180, 160, 12), device("board/cabinet-board", 10, 41200, 2)]
        return {"since": self._at(-22.6), "hour": {"from": self._at(-1.5), "to": self._at(-0.5)}, "ports": [{"port": "rs485", "gone": False, "devices": devices}]}

    def _rain_delay(self, asked: Request) -> dict[str, Any]:
        return {"until": self._at(asked["for_s"] / 3600) if "for_s" in asked else asked.get("until")}

    def _stop_water(self, _asked: Request) -> dict[str, Any]:
        return {"cancelled": ["head:2026-11-21:c-1"]}

    def _bill_put(self, asked: Request) -> dict[str, Any]:
        return {"meter": asked["meter"], "from": asked["from"], "bill": {"kwh": asked.get("kwh"), "amount": asked.get("amount")}, "was": None, "stored": True}


MEASURED = {"power_w": (420.0, 380.0), "humidity_pct": (74.0, -9.0), "flow_l_min": (6.0, 5.8), "illuminance_lux": (9000.0, 8990.0)}
VILLAGE = dt.timezone(dt.timedelta(hours=7))


def _period_start(at: dt.datetime, period: str) -> dt.datetime:
    local = at.astimezone(VILLAGE)
    if period == "hour":
        local = local.replace(minute=0, second=0, microsecond=0)
    else:
        local = local.replace(hour=0, minute=0, second=0, microsecond=0)
        local = local if period == "day" else local.replace(day=1)
    return local.astimezone(dt.UTC)


def _period_end(at: dt.datetime, period: str) -> dt.datetime:
    local = at.astimezone(VILLAGE)
    if period in ("hour", "day"):
        return (local + dt.timedelta(**{f"{period}s": 1})).astimezone(dt.UTC)
    return (local.replace(day=28) + dt.timedelta(days=4)).replace(day=1).astimezone(dt.UTC)


class FakeVillage(FakeController):
    """Says what a test gives it, and answers requests; commands are only received unless `carry_out` is set."""

    def __init__(self, port: int, web: HasUrl, site: str = "nguyen-ly") -> None:
        super().__init__(port, site)
        self.web = web
        self.port = port
        self.site = site
        self.answers: Callable[[str, Request], dict[str, Any]] = Answers(dt.datetime.now(dt.UTC))
        self.carry_out = False
        self._shown: set[str] = {"about", "status"}
        self._by_script: dict[str, dict[str, Any]] = {}
        self.answer = self._answered

    def show(self, picture: Picture, about_: Mapping[str, Any] | None = None, now: dt.datetime | None = None) -> None:
        """What is retained becomes this, and nothing else: `about` is that of the example unless another is given."""
        self.answers = Answers(now or dt.datetime.now(dt.UTC))
        self.received.clear()
        self.carry_out = False
        told = {"about": about_ if about_ is not None else about(), **picture, "status": picture.get("status", "online")}
        for leaf in self._shown - told.keys():
            self.say(leaf, "", retain=True)
        self._by_script = {leaf: payload for leaf, payload in told.items() if isinstance(payload, dict)}
        self.say_all(told)
        self._shown = set(told)

    def say_all(self, told: Mapping[str, object], retain: bool = True) -> None:
        """Many messages, and return once the broker has them all."""
        last = None
        for leaf, message in told.items():
            payload = message if isinstance(message, str | bytes) else json.dumps(message)
            last = self._mqtt.publish(f"{self.root}/{leaf}", payload, 1, retain)
        if last is not None:
            last.wait_for_publish(30)

    def say_at(self, topic: str, message: object) -> None:
        """Retained, on any topic; "" takes it away."""
        payload = message if isinstance(message, str | bytes) else json.dumps(message)
        self._mqtt.publish(topic, payload, 1, True).wait_for_publish(5)

    def commands(self) -> list[tuple[str, dict[str, Any]]]:
        """What was asked of devices, in order: (topic below the root, command)."""
        return [(topic, command) for topic, command in self.received if "/set/" in topic]

    def _answered(self, _self: FakeController, topic: str, asked: dict[str, Any]) -> None:
        if topic.startswith("ask/"):
            _, user, name = topic.split("/")
            to = str(asked.get("reply_to", f"{self.root}/reply/{user}/{name}")).removeprefix(f"{self.root}/")
            self.say_later(to, {"id": asked.get("id"), "ok": True, **self.answers(name, asked)})
        elif self.carry_out and "/set/" in topic:
            device, user = topic.split("/set/")
            self._carry_out(device, user, asked)

    def _carry_out(self, device: str, user: str, asked: dict[str, Any]) -> None:
        before = self._by_script.get(f"{device}/state", {})
        on = asked["action"] in ("on", "open")
        word = ("OPEN" if on else "CLOSED") if device.startswith("valve/") else ("ON" if on else "OFF")
        level = {"level": asked.get("level", 100) if on else 0, "observed_level": asked.get("level", 100) if on else 0} if "level" in before else {}
        state = {**before, **level, "state": word, "observed": word, "reason": "override", "by": user, "command": asked["id"]}
        self._by_script[f"{device}/state"] = state
        self.say_later(f"{device}/state", state, retain=True)
        self.say_later(f"{device}/result", {"id": asked["id"], "user": user, "outcome": "done", "state": word, "took_ms": 1})
