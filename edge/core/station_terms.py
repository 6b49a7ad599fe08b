"""What a station is asked, what it answers, and what it asks those around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from edge.core.budgets import Operated
from edge.core.limits import Switching
from edge.core.values import Reason


@dataclass(frozen=True, slots=True)
class Want:
    """Somebody wants `valve` (`valve/<id>`) open for `left_s` more from now on; `by_person`: not a program. `run` tells
    one want of a valve from the next."""

    valve: str
    left_s: float
    by_person: bool = False
    run: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why a wanted valve does not open, or cannot stay open: `code` for a program, `detail` for a person. `final`: no
    waiting helps this want."""

    reason: Reason
    detail: str
    code: str
    final: bool = False


@dataclass(frozen=True, slots=True)
class Around:
    """What stations share, and what they ask of others; targets are `<kind>/<id>`.

    `hand`: since when (Unix s) the cabinet's switch has it on hand. `locked`: who locked it. `level_stop`: why a level
    keeps the pump off, a code of run_words.WHY. `room`: why there is no room for so many W under the contracted power.
    None: nothing of that. While something is wanted or on, a station asks them every `look_every_s`; whoever hands them
    in has it stepped at once when one of them changes its mind, or has it ask often.
    """

    operated: Operated
    switching: Switching
    hand: Callable[[str], float | None] = field(default=lambda _target: None)
    locked: Callable[[str], str | None] = field(default=lambda _target: None)
    level_stop: Callable[[str], str | None] = field(default=lambda _pump: None)
    room: Callable[[float], str | None] = field(default=lambda _watts: None)
    journal_failing: Callable[[], bool] = field(default=lambda: False)
    look_every_s: float = 1.0
