"""What the journal kept over a restart; and whether it can be written now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from edge.core.values import Deadline, Override, Row

Rows = Mapping[str, Row]


@dataclass(frozen=True, slots=True)
class WaterMemory:
    """Of irrigation: rows by table and id (edge/shell/migrations/006.sql).

    `runs` and `zones` are those that are not over; `decided` the ids of all programs' runs that ever were; `operated`
    for how long (s) the controller has run under a confirmed clock.
    """

    runs: Rows = field(default_factory=dict)
    zones: Rows = field(default_factory=dict)
    decided: frozenset[str] = frozenset()
    budgets: Rows = field(default_factory=dict)
    operated: float = 0.0
    blocks: Rows = field(default_factory=dict)
    flows: Rows = field(default_factory=dict)
    facts: Rows = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Memory:
    """Rows by table and id."""

    overrides: Mapping[str, Override] = field(default_factory=dict)
    outputs: Rows = field(default_factory=dict)
    meters: Rows = field(default_factory=dict)
    commands: Mapping[str, Deadline] = field(default_factory=dict)
    alarms: Rows = field(default_factory=dict)
    known_wall: float = 0.0
    lockouts: Rows = field(default_factory=dict)
    hours: Rows = field(default_factory=dict)
    programs: Rows = field(default_factory=dict)
    inputs: Rows = field(default_factory=dict)
    pulses: Rows = field(default_factory=dict)
    seen: Mapping[str, int] = field(default_factory=dict)
    bills: Rows = field(default_factory=dict)
    reserved: Mapping[str, int] = field(default_factory=dict)  # numbers that may be used up; see shell/restored.py
    water: WaterMemory = field(default_factory=WaterMemory)


@dataclass(slots=True)
class JournalHealth:
    """Whether the journal cannot be written: then nothing may be opened whose charge it would have to know."""

    failing: bool = False
