"""A light program as plain data, in the words of the configuration file."""

from __future__ import annotations

from edge.core.schedule import spoken
from edge.core.site import LightProgram, LunarRange, Rule, Step
from edge.core.site_terms import WEEKDAYS, span


def plain(program: LightProgram) -> dict[str, object]:
    """`program` as a configuration file would have it, with the keys in the order of the form."""
    found: dict[str, object] = {"kind": program.kind, "steps": _steps(program.steps)}
    if program.calendar:
        found["calendar"] = [_rule(rule) for rule in program.calendar]
    if program.photocell is not None:
        found["photocell"] = {"within": span(program.photocell.within)}
    return found


def _rule(rule: Rule) -> dict[str, object]:
    found: dict[str, object] = {}
    if rule.days is not None:
        found["days"] = ",".join(WEEKDAYS[day] for day in sorted(rule.days))
    if rule.lunar is not None:
        found["lunar"] = _lunar(rule.lunar)
    if rule.lunar_day is not None:
        found["lunar_day"] = rule.lunar_day
    return {**found, "steps": _steps(rule.steps)}


def _lunar(days: LunarRange) -> str:
    first, last = ("-".join(map(str, day)) for day in (days.first, days.last))
    return first if first == last else f"{first}..{last}"


def _steps(steps: list[Step]) -> list[dict[str, object]]:
    return [{"at": spoken(step.at), "level": step.level} for step in steps]
