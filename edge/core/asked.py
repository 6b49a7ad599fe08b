"""Requests that the shell answers, from its files or of its ports: their fields, read and checked, as questions."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from edge.core.questions import (
    AuditQuestion,
    BusQuestion,
    EnergyQuestion,
    HistoryQuestion,
    Period,
    Question,
    ReplayQuestion,
    RunsQuestion,
)
from edge.core.topics import BadError, only, rfc3339, wall_time
from edge.core.values import Request

MOST_POINTS = 1000  # of one history
MOST_AUTO_POINTS = 400  # what a phone's screen can show
MOST_ROWS = 1_000_000  # of one replay
DAY_S = 86400.0
LONGEST_S = 20 * 366 * DAY_S
LONGEST_PERIODS: Mapping[Period, float] = {"hour": 14.0, "day": 400.0, "month": 7320.0, "billing": 7320.0}  # days
EARLIEST, LATEST = 946684800.0, 7258118400.0  # Unix s: the years 2000 to 2199
STEPS = (
    60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 10800.0, 21600.0, 43200.0, DAY_S, 7 * DAY_S, 30 * DAY_S,
)  # fmt: skip
LONGEST_NAME = 64  # of what is compared with the names that there are
_COMMON = frozenset({"id", "reply_to"})


@dataclass(frozen=True, slots=True)
class Known:
    """What can be asked about: the quantities (and their units) of each device that measures, and the names of all
    devices that the audit may tell of, `<kind>/<id>` both."""

    quantities: Mapping[str, Mapping[str, str]]
    devices: Collection[str]

    @property
    def valves(self) -> list[str]:
        """The valves, as `valve/<id>`."""
        return [name for name in self.devices if name.startswith("valve/")]

    @property
    def meters(self) -> list[str]:
        """The ids of the devices that count energy."""
        return [
            name.removeprefix("meter/")
            for name, quantities in self.quantities.items()
            if name.startswith("meter/") and "energy_kwh" in quantities
        ]


def question(request: Request, known: Known) -> Question:
    """What the request asks, which must be one of NAMES. Raises BadError with a code of topics.CODES."""
    return NAMES[request.name](request.fields, known)


def meter_of(fields: Mapping[str, Any], known: Known) -> str:
    """The id of the meter that the field `meter` names, as `cabinet-1` or as `meter/cabinet-1`. Raises BadError."""
    name = fields.get("meter")
    if isinstance(name, str):
        name = name.removeprefix("meter/")
    return _one_of(name, known.meters, "meter", "unknown-device")


def _history(fields: Mapping[str, Any], known: Known) -> HistoryQuestion:
    only(fields, _COMMON | {"device", "quantity", "from", "to", "step"}, "history")
    device = _one_of(fields.get("device"), known.quantities, "device", "unknown-device")
    quantity = _one_of(fields.get("quantity"), known.quantities[device], "quantity", "bad-value")
    start, end = _span(fields, LONGEST_S)
    return HistoryQuestion(device, quantity, start, end, _step(fields.get("step", "auto"), end - start))


def _energy(fields: Mapping[str, Any], known: Known) -> EnergyQuestion:
    only(fields, _COMMON | {"meter", "period", "from", "to"}, "energy")
    meter = meter_of(fields, known)
    found = _one_of(fields.get("period"), LONGEST_PERIODS, "period", "bad-value")
    period: Period = next(name for name in LONGEST_PERIODS if name == found)
    start, end = _span(fields, LONGEST_PERIODS[period] * DAY_S)
    return EnergyQuestion(f"meter/{meter}", period, start, end)


def _audit(fields: Mapping[str, Any], known: Known) -> AuditQuestion:
    only(fields, _COMMON | {"from", "to", "device"}, "audit")
    device = fields.get("device")
    if device is not None:
        device = _one_of(device, known.devices, "device", "unknown-device")
    return AuditQuestion(*_span(fields, LONGEST_S), device)


def _runs(fields: Mapping[str, Any], known: Known) -> RunsQuestion:
    only(fields, _COMMON | {"from", "to", "device"}, "runs")
    valve = fields.get("device")
    if valve is not None:
        valve = _one_of(valve, known.valves, "device", "unknown-device")
    if "from" not in fields and "to" not in fields:
        return RunsQuestion(None, None, valve)
    return RunsQuestion(*_span(fields, LONGEST_S), valve)


def _replay(fields: Mapping[str, Any], _known: Known) -> ReplayQuestion:
    only(fields, _COMMON | {"from", "to"}, "replay")
    first, last = (_sequence(fields, name) for name in ("from", "to"))
    if last < first:
        raise BadError("bad-value", "from must not lie behind to: both are sequences, and both are sent")
    if last - first >= MOST_ROWS:
        text = f"at most {MOST_ROWS} sequences at once: ask for the rest from {first + MOST_ROWS} on"
        raise BadError("bad-value", text)
    return ReplayQuestion(first, last)


def _bus(fields: Mapping[str, Any], _known: Known) -> BusQuestion:
    only(fields, _COMMON, "bus")
    return BusQuestion()


NAMES: Mapping[str, Callable[[Mapping[str, Any], Known], Question]] = {
    "history": _history, "energy": _energy, "audit": _audit, "runs": _runs, "replay": _replay, "bus": _bus,
}


def _one_of(value: object, names: Collection[str], field: str, code: str) -> str:
    """`value`, which must be one of `names`; else the nearest is told, or the first few of them."""
    if isinstance(value, str) and value in names:
        return value
    listed = ", ".join(list(names)[:20]) + (", …" if len(names) > 20 else "")
    remedy = f"{field} must be one of {listed or '(none)'}"
    if not isinstance(value, str):
        raise BadError("bad-value", remedy)
    if not value or len(value) > LONGEST_NAME:
        raise BadError(code, remedy)
    near = difflib.get_close_matches(value, names, 1, 0.6)
    raise BadError(code, f"{value!a} is not known; {f'did you mean {near[0]}?' if near else remedy}")


def _span(fields: Mapping[str, Any], longest_s: float) -> tuple[float, float]:
    start, end = (wall_time(fields, name) for name in ("from", "to"))
    if start is None or end is None:
        raise BadError("bad-value", "give from and to, times such as 2026-11-21T00:00:00+07:00")
    if start >= end:
        raise BadError("bad-value", "from must lie before to; what lies at to itself is not told")
    if start < EARLIEST or end > LATEST:
        raise BadError("bad-value", "from and to must lie in the years 2000 to 2199")
    if end - start > longest_s:
        last, days = rfc3339(start + longest_s), longest_s / DAY_S
        raise BadError("bad-value", f"this is told of {days:g} days at most: give a to of {last} or before")
    return start, end


def _step(step: object, span_s: float) -> float:
    if step == "auto":
        return next((s for s in STEPS if span_s / s <= MOST_AUTO_POINTS), STEPS[-1])
    if type(step) not in (int, float) or not 1 <= step <= LONGEST_S:  # type: ignore[operator]  # neither true nor NaN
        raise BadError("bad-value", 'step must be "auto", or a number of seconds from 1 up')
    assert isinstance(step, int | float)
    if span_s / step > MOST_POINTS:
        least = math.ceil(span_s / MOST_POINTS)
        raise BadError("bad-value", f"at most {MOST_POINTS} points: give a step of {least} or more, or a shorter time")
    return float(step)


def _sequence(fields: Mapping[str, Any], name: str) -> int:
    value = fields.get(name)
    if type(value) is not int or not 1 <= value < 1 << 53:
        raise BadError("bad-value", f"{name} must be the sequence of a row: a whole number from 1 up")
    return value
