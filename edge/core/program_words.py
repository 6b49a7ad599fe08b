"""Light programs written back in the words of the configuration: `plain`, read again, gives an equal program."""

from __future__ import annotations

from collections.abc import Sequence

from edge.core.site import LightProgram, Rule, Step
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


def plain(program: LightProgram) -> dict[str, object]:
    """The program as plain data (dictionaries, lists, texts and numbers) in the file's words, defaults left out."""
    written: dict[str, object] = {"kind": program.kind, "steps": _steps(program.steps)}
    if program.calendar:
        written["calendar"] = [
            {**_matcher(rule), **({} if rule.note is None else {"note": rule.note}), "steps": _steps(rule.steps)}
            for rule in program.calendar
        ]
    if program.photocell is not None:
        written["photocell"] = {"within": span(program.photocell.within)}
    return written


def _steps(steps: Sequence[Step]) -> list[dict[str, object]]:
    return [{"at": spoken(step.at), "level": step.level} for step in steps]


def _matcher(rule: Rule) -> dict[str, object]:
    if rule.days is not None:
        return {"days": ",".join(WEEKDAYS[day] for day in sorted(rule.days))}
    for key in ("date", "lunar"):
        if (found := getattr(rule, key)) is not None:
            return {key: str(found)}
    return {"lunar_day": rule.lunar_day}
