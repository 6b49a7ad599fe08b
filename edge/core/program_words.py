"""Programs written back in the words of the configuration: `plain`, read again, gives an equal program."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from edge.core.site import (
    ClimateProgram,
    IrrigationProgram,
    LightProgram,
    Program,
    Rule,
    SkipWhen,
    Step,
    When,
    Window,
    Zone,
)
from edge.core.site_nights import WEEKDAYS
from edge.core.site_terms import At, hhmm, span


def spoken(at: At) -> str:
    """A time of day: "22:30", "sunset - 10m", "sunset, not before 17:45, not after 18:30"."""
    if at.anchor == "clock":
        return hhmm(at.offset_s)
    words = at.anchor if not at.offset_s else f"{at.anchor} {'+' if at.offset_s > 0 else '-'} {span(abs(at.offset_s))}"
    if at.not_before_s is not None:
        words += f", not before {hhmm(at.not_before_s)}"
    if at.not_after_s is not None:
        words += f", not after {hhmm(at.not_after_s)}"
    return words


def which_nights(rule: Rule) -> str:
    """What a calendar rule is for: "days sat,sun", "date 2026-11-28", "lunar 1-1..1-3", "lunar_day 15"."""
    return " ".join(map(str, *_matcher(rule).items()))


def plain(program: Program) -> dict[str, object]:
    """The program as plain data (dictionaries with texts as keys, lists, texts and numbers) in the file's words,
    defaults left out."""
    if isinstance(program, IrrigationProgram):
        return _irrigation(program)
    return _light(program) if isinstance(program, LightProgram) else _climate(program)


def _light(program: LightProgram) -> dict[str, object]:
    written: dict[str, object] = {"kind": program.kind, "steps": _steps(program.steps)}
    if program.calendar:
        written["calendar"] = [
            {**_matcher(rule), **({} if rule.note is None else {"note": rule.note}), "steps": _steps(rule.steps)}
            for rule in program.calendar
        ]
    if program.photocell is not None:
        written["photocell"] = {"within": span(program.photocell.within)}
    return written


def _irrigation(program: IrrigationProgram) -> dict[str, object]:
    dates = [str(dates) for dates in program.dates]
    return {"kind": program.kind} | _given({
        "days": None if program.days is None else _weekdays(program.days),
        "month_days": None if program.month_days is None else ",".join(map(str, sorted(program.month_days))),
        "every": _span(program.every),
        "starting": None if program.starting is None else str(program.starting),
        "dates": dates[0] if len(dates) == 1 else dates or None,
        "start": None if program.start is None else spoken(program.start),
        "finish_before": None if program.finish_before is None else spoken(program.finish_before),
        "window": _window(program.window),
        "start_when": _numbers(program.start_when, "soil_below", "soil_above"),
        "zones": [{zone.valve: _amount(zone)} for zone in program.zones],
        "cycle": _span(program.cycle),
        "soak": _span(program.soak),
        "season": {str(month): percent for month, percent in program.season.items()} or None,
        "skip_when": _skip(program.skip_when) or None,
        "resume": f"within {span(program.resume)}" if program.resume else None,
    })  # fmt: skip


def _climate(program: ClimateProgram) -> dict[str, object]:
    when = [_condition(one) for one in program.when]
    return {"kind": program.kind} | _given({
        "target": program.target,
        "when": when[0] if len(when) == 1 else when,
        "match": program.match if program.match != "all" else None,
        "window": _window(program.window),
        "if_stale": program.if_stale if program.if_stale != "off" else None,
    })  # fmt: skip


def _given(written: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in written.items() if value is not None}


def _condition(when: When) -> dict[str, object]:
    thresholds = _numbers(when, "on_above", "off_below", "on_below", "off_above")
    return {"sensor": when.sensor, "quantity": when.quantity} | (thresholds or {})


def _skip(skip: SkipWhen) -> dict[str, object]:
    thresholds = _numbers(skip, "soil_above", "soil_below")
    delay = span(skip.rain_delay) if skip.rain_delay else None
    return _given({"rain": skip.rain or None, "rain_delay": delay}) | (thresholds or {})


def _numbers(block: object, *keys: str) -> dict[str, object] | None:
    """Those of the keys that are given; whole numbers as they are written."""
    if block is None:
        return None
    found = {key: getattr(block, key) for key in keys}
    return {key: int(n) if n == int(n) else n for key, n in found.items() if n is not None}


def _amount(zone: Zone) -> str:
    if zone.for_s is not None:
        return span(zone.for_s)
    litres = f"{Decimal(repr(zone.volume_l)):f}"
    return f"{litres.rstrip('0').rstrip('.') if '.' in litres else litres}l"


def _span(seconds: float | None) -> str | None:
    return None if seconds is None else span(seconds)


def _window(window: Window | None) -> str | None:
    return None if window is None else f"{hhmm(window.start_s)}..{hhmm(window.end_s)}"


def _weekdays(days: frozenset[int]) -> str:
    return ",".join(WEEKDAYS[day] for day in sorted(days))


def _steps(steps: Sequence[Step]) -> list[dict[str, object]]:
    return [{"at": spoken(step.at), "level": step.level} for step in steps]


def _matcher(rule: Rule) -> dict[str, object]:
    if rule.days is not None:
        return {"days": _weekdays(rule.days)}
    for key in ("date", "lunar"):
        if (found := getattr(rule, key)) is not None:
            return {key: str(found)}
    return {"lunar_day": rule.lunar_day}
