"""What a meter counted in each hour, as it is kept; and how it is worked out from the rows of the hour."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import suppress

import orjson

from edge.core.counter import COUNTER
from edge.core.energy import Stand, Stretch, Terms, extended, stretches
from edge.shell.history_rows import Layout, Raw

POWER = "power_w"
BESIDE = 3  # hours with readings before and after a time: a counter that was misread is known by what came around it
_SELECT = "SELECT hour, parts FROM energy WHERE device = ? AND hour"
Hours = dict[int, list[Stretch]]


def worked_out(
    db: sqlite3.Connection, device: str, hour: int, rows: Iterable[Raw], of: Mapping[int, Layout], terms: Terms
) -> list[Stretch]:
    """What the rows of an hour come to; `of`: the layouts of the meter.

    Where fewer are there than what is kept was worked out from, those that left the history still count.
    """
    kept = kept_from(db, device, hour, hour + 1).get(hour, [])
    stands = _stands(rows, of)
    if len(stands) < sum(part.readings for part in kept):
        return extended(kept, stands, terms)
    return stretches(stands, terms)


def keep(db: sqlite3.Connection, device: str, hour: int, found: Iterable[Stretch]) -> None:
    """Keep it in place of what was kept of that hour; nothing, if nothing was found."""
    parts = [[part.readings, part.first.life, *_shown(part.first), *_shown(part.last)] for part in found]
    if parts:
        row = device, hour, orjson.dumps(parts).decode()
        db.execute("INSERT OR REPLACE INTO energy (device, hour, parts) VALUES (?, ?, ?)", row)


def kept_from(db: sqlite3.Connection, device: str, start: float, end: float) -> Hours:
    """What is kept of the meter's hours that begin from `start` up to before `end` (Unix s), by when they begin."""
    return _hours(db.execute(f"{_SELECT} >= ? AND hour < ? ORDER BY hour", (device, start, end)))


def kept_beside(db: sqlite3.Connection, device: str, start: float, end: float) -> Hours:
    """Likewise of the last hours that begin before `start` and of the first from `end` on."""
    before = db.execute(f"{_SELECT} < ? ORDER BY hour DESC LIMIT ?", (device, start, BESIDE)).fetchall()
    after = db.execute(f"{_SELECT} >= ? ORDER BY hour LIMIT ?", (device, end, BESIDE)).fetchall()
    return _hours(before + after)


def _stands(rows: Iterable[Raw], of: Mapping[int, Layout]) -> list[Stand]:
    where = {i: (layout.place(COUNTER), layout.place(POWER)) for i, layout in of.items()}
    found = []
    for raw in rows:
        counter, power = where[raw.layout]
        if counter is None:
            continue
        values = raw.values(of[raw.layout])
        if (kwh := values[counter]) is not None:
            found.append(Stand(raw.at / 1000, raw.life, kwh, None if power is None else values[power]))
    return found


def _hours(rows: Iterable[tuple[int, str]]) -> Hours:
    found: Hours = {}
    for hour, parts in rows:
        with suppress(ValueError, TypeError):  # one that is damaged is as good as none
            found[hour] = [_part(*part) for part in orjson.loads(parts)]
    return found


def _part(
    readings: int, life: int, a_ms: int, a_kwh: float, a_w: float | None, b_ms: int, b_kwh: float, b_w: float | None
) -> Stretch:
    return Stretch(Stand(a_ms / 1000, life, a_kwh, a_w), Stand(b_ms / 1000, life, b_kwh, b_w), readings)


def _shown(stand: Stand) -> tuple[int, float, float | None]:
    return round(stand.at * 1000), stand.kwh, stand.watts
