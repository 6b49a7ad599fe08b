"""What a pulse of an output and a switch of a circuit came to, judged from what was seen of it. Pure.

A pulse is OFF, ON for a moment, OFF, as the configuration has it, and then the line is let go; a person says what
moved. Matching is reading every meter while a circuit is off, on, and off again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from edge.core.diagnosis import Finding

# BCM numbers -> pins of the 40-pin header, as on every Raspberry Pi since the B+.
HEADER = {
    0: 27, 1: 28, 2: 3, 3: 5, 4: 7, 5: 29, 6: 31, 7: 26, 8: 24, 9: 21, 10: 19, 11: 23, 12: 32, 13: 33, 14: 8, 15: 10,
    16: 36, 17: 11, 18: 12, 19: 35, 20: 38, 21: 40, 22: 15, 23: 16, 24: 18, 25: 22, 26: 37, 27: 13,
}  # fmt: skip
Verdict = Literal["right", "inverted", "nothing", "other", "skipped", "locked", "failed", "unseen"]
LEAST_W = 10.0  # what lamps next door and the meters' own steps come to
SHARE = 0.25  # of the rated power: less than that is not this circuit
NEAR = 0.3  # lamps draw their rated power within this; a motor what its load asks for
NOISY = 2.0  # times what a meter wanders by itself


@dataclass(frozen=True, slots=True)
class Place:
    """Where an output is wired to: a line of the Pi, with the level it is on at, or a coil of a relay board."""

    gpio: int | None = None
    active: str = ""
    board: str = ""
    coil: int = 0

    def __str__(self) -> str:
        """GPIO 17 (pin 11), active low; or cabinet-board coil 0: the same in every language."""
        if self.gpio is None:
            return f"{self.board} coil {self.coil}"
        return f"GPIO {self.gpio} (pin {HEADER[self.gpio]}), active {self.active}"


@dataclass(frozen=True, slots=True)
class Pulse:
    """What came of one output's pulse. `key`, `line`: where the configuration says how it is wired.

    `other`: what moved in its place, as the person said it. `error`: why it failed, or was not tried. `feedback`: what
    its contact said before, during and after the pulse.
    """

    output: str
    place: Place
    verdict: Verdict
    key: str
    line: int
    other: str = ""
    error: str = ""
    feedback: tuple[bool | None, bool | None, bool | None] | None = None


@dataclass(frozen=True, slots=True)
class Watts:
    """What a meter read (W) while a circuit was off, on, and off again."""

    before: Sequence[float]
    during: Sequence[float]
    after: Sequence[float]

    @property
    def moved(self) -> float:
        """By how much it rose (W), below 0 where it fell."""
        return _mean(self.during) - (_mean(self.before) + _mean(self.after)) / 2

    @property
    def wanders(self) -> float:
        """By how much it changed (W) while nothing was switched, and between before and after."""
        spread = max(max(run) - min(run) for run in (self.before, self.during, self.after))
        return max(spread, abs(_mean(self.before) - _mean(self.after)))


@dataclass(frozen=True, slots=True)
class Match:
    """What the meters did at one circuit. `meter`: the configured one. `unread`: meters that could not be read."""

    output: str
    meter: str | None
    rated_w: float | None
    key: str
    line: int
    watts: Mapping[str, Watts] = field(default_factory=dict)
    unread: Sequence[str] = ()
    error: str = ""
    motor: bool = False
    left: str = ""  # why it was not switched: `skipped` or `locked`

    @property
    def movers(self) -> dict[str, float]:
        """The meters that moved with the circuit, by how much (W), the most first."""
        least = max(LEAST_W, SHARE * (self.rated_w or 0.0))
        found = {
            name: w.moved
            for name, w in self.watts.items()
            if abs(w.moved) >= least and abs(w.moved) > NOISY * w.wanders
        }
        return dict(sorted(found.items(), key=lambda each: -abs(each[1])))


def pulse_findings(pulse: Pulse) -> list[Finding]:
    """What there is to say of an output."""
    gpio = pulse.place.gpio is not None
    facts: dict[str, object] = {
        "place": str(pulse.place), "key": pulse.key, "line": pulse.line, "other": pulse.other or "?",
        "error": pulse.error, "active": "low" if pulse.place.active == "high" else "high",
    }  # fmt: skip
    match pulse.verdict:
        case "right":
            found = [Finding(pulse.output, "pulse-right", "right", facts)]
        case "inverted":
            found = [Finding(pulse.output, "pulse-inverted" if gpio else "coil-inverted", "wrong", facts)]
        case "nothing" | "other" | "failed":
            found = [Finding(pulse.output, f"pulse-{pulse.verdict}", "wrong", facts)]
        case _:
            found = [Finding(pulse.output, f"pulse-{pulse.verdict}", "doubt", facts)]
    return found + _feedback(pulse, facts)


def _feedback(pulse: Pulse, facts: Mapping[str, object]) -> list[Finding]:
    if pulse.feedback is None or pulse.verdict not in ("right", "unseen"):
        return []
    match pulse.feedback:
        case (False, True, False):
            return [Finding(pulse.output, "feedback-right", "right", facts)]
        case (True, False, True):
            return [Finding(pulse.output, "feedback-inverted", "wrong", facts)]
        case _:
            return [Finding(pulse.output, "feedback-dead", "wrong", facts)]


def match_findings(match: Match) -> list[Finding]:
    """What there is to say of a circuit and its meter."""
    movers = match.movers
    others = {name: watts for name, watts in movers.items() if name != match.meter}
    facts: dict[str, object] = {
        "meter": match.meter or "-", "key": match.key, "line": match.line, "error": match.error,
        "rated_w": "?" if match.rated_w is None else f"{match.rated_w:g}",
        "moved_w": f"{movers.get(match.meter or '', 0.0):+.0f}",
        "others": ", ".join(f"{name} {watts:+.0f} W" for name, watts in others.items()),
        "other": next(iter(others), "-"), "meters": ", ".join(match.watts) or "-", "unread": ", ".join(match.unread),
    }  # fmt: skip
    if match.left or match.error:
        severity: Literal["wrong", "doubt"] = "wrong" if match.error and not match.left else "doubt"
        return [Finding(match.output, f"match-{match.left or 'failed'}", severity, facts)]
    if match.meter is None:
        code = "match-unnamed" if others else "match-none-expected"
        return [Finding(match.output, code, "doubt" if others else "right", facts)]
    if match.meter in match.unread:
        return [Finding(match.output, "match-unread", "wrong", facts)]
    if match.meter not in movers:
        return [Finding(match.output, "match-other" if others else "match-none", "wrong", facts)]
    return [_own(match, movers[match.meter], facts), *_also(match, others, facts)]


def _own(match: Match, moved: float, facts: Mapping[str, object]) -> Finding:
    """The configured meter moved: by as much as it should?"""
    if moved < 0:
        return Finding(match.output, "match-reversed", "wrong", facts)
    near = match.rated_w is None or match.motor or abs(moved - match.rated_w) <= NEAR * match.rated_w
    return Finding(match.output, "match-right" if near else "match-power", "right" if near else "doubt", facts)


def _also(match: Match, others: Mapping[str, float], facts: Mapping[str, object]) -> list[Finding]:
    return [Finding(match.output, "match-also", "doubt", facts)] if others else []


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
