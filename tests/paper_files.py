"""Files that say the same of every meter: what the core's questions about energy are answered with, in commands' tests."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from fake_controller import FakeController
from villages import Bench

from edge.core.events import Answered, Ask, Publish
from edge.core.questions import EnergyQuestion
from edge.core.topics import rfc3339

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
KwhOfDay = Callable[[str, dt.date], tuple[float, float, float] | None]
"""Meter and day -> kWh, of it interpolated, seconds not measured; None: nothing was."""
PRICE = 2226 * 1.08


def midnight(day: dt.date) -> float:
    return dt.datetime.combine(day, dt.time(), ZONE).timestamp()


def next_first(day: dt.date) -> dt.date:
    return (day.replace(day=28) + dt.timedelta(days=7)).replace(day=day.day)


def payload(question: EnergyQuestion, kwh_of: KwhOfDay, billing_day: int, now: float) -> dict[str, Any]:
    """The answer's payload, as the answers worker makes it."""
    day = dt.datetime.fromtimestamp(question.start, ZONE).date()
    first = {"day": day.day, "month": 1, "billing": billing_day}[question.period]
    if first > day.day:
        day = (day.replace(day=1) - dt.timedelta(days=1))
    day = day.replace(day=first)
    periods = []
    while midnight(day) < question.end:
        after = day + dt.timedelta(days=1) if question.period == "day" else next_first(day)
        days = [day + dt.timedelta(days=n) for n in range((after - day).days)]
        found = [kwh_of(question.meter, each) for each in days if midnight(each) < now]
        known = [each for each in found if each is not None]
        unmeasured = sum(each[2] for each in known) + 86400 * (len(found) - len(known))
        kwh = sum(each[0] for each in known)
        periods.append({
            "from": rfc3339(midnight(day)), "to": rfc3339(midnight(after)), "kwh": round(kwh, 3) if known else None,
            "interpolated_kwh": round(sum(each[1] for each in known), 3),
            "measured": round(1 - unmeasured / (86400 * len(found)), 4) if found else 0.0, "unmeasured_s": unmeasured,
            "amount": round(kwh * PRICE) if known else None, "vat": round(kwh * PRICE * 8 / 108) if known else None,
            "vat_percent": 8 if known else None,
            "complete": midnight(after) <= now,
        })  # fmt: skip
        day = after
    return {"ok": True, "meter": question.meter.removeprefix("meter/"), "period": question.period, "currency": "VND", "periods": periods}


def serve(controller: FakeController, bench: Bench, kwh_of: KwhOfDay, now: float) -> None:
    """Have the fake controller answer as the core of `bench` does, with these files behind it."""
    named = bench.site.meters

    def answer(_: FakeController, topic: str, request: dict[str, Any]) -> None:
        _, user, name = topic.split("/")
        to = request.pop("reply_to").removeprefix(f"{bench.root}/")
        if name != "energy":
            controller.say_later(to, bench.ask(name, user, **request))
            return
        effects = bench.controller.handle(bench.request(name, user, **request), bench.clock.now())
        question = next((e for e in effects if isinstance(e, Ask)), None)
        if question is None:
            refused = next(e for e in effects if isinstance(e, Publish))
            controller.say_later(to, json.loads(refused.payload))
            return
        assert isinstance(question.question, EnergyQuestion)
        begins = named[question.question.meter.removeprefix("meter/")].billing_day or 1
        said = Answered(question.request, payload(question.question, kwh_of, begins, now))
        (reply,) = [e for e in bench.controller.handle(said, bench.clock.now()) if isinstance(e, Publish)]
        controller.say_later(to, json.loads(reply.payload))

    controller.answer = answer
    controller.say("about", json.loads(bench.radio.retained[f"{bench.root}/about"]), retain=True)
