"""What a meter counted in each hour, as it is kept; and how it is worked out from the rows of the hour."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping

from edge.core.counter import COUNTER
from edge.core.energy import Stand, Stretch, Terms, extended, stretches
from edge.shell.history_rows import Layout, Raw

POWER = "power_w"
BESIDE = 3  # hours with readings before and after a time: a counter that was misread is known by what came around it
_COLUMNS = "readings, life, first_at, first_kwh, first_w, last_at, last_kwh, last_w"
_SELECT = f"SELECT hour, {_COLUMNS} FROM energy WHERE device = ? AND hour"  # noqa: S608 - constants
_INSERT = f"INSERT INTO energy (device, hour, part, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
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
    """Keep it in place of what was kept of that hour."""
    db.execute("DELETE FROM energy WHERE device = ? AND hour = ?", (device, hour))
    for n, part in enumerate(found):
        a, b = part.first, part.last
        figures = a.life, round(a.at * 1000), a.kwh, a.watts, round(b.at * 1000), b.kwh, b.watts
        db.execute(_INSERT, (device, hour, n, part.readings, *figures))


def kept_from(db: sqlite3.Connection, device: str, start: float, end: float) -> Hours:
    """What is kept of the meter's hours that begin from `start` up to before `end` (Unix s), by when they begin."""
    return _hours(db.execute(f"{_SELECT} >= ? AND hour < ? ORDER BY hour, part", (device, start, end)))


def kept_beside(db: sqlite3.Connection, device: str, start: float, end: float) -> Hours:
    """Likewise of the last hours that begin before `start` and of the first from `end` on."""
    which = "SELECT DISTINCT hour FROM energy WHERE device = ? AND hour"
    before = db.execute(f"{which} < ? ORDER BY hour DESC LIMIT ?", (device, start, BESIDE)).fetchall()
    after = db.execute(f"{which} >= ? ORDER BY hour LIMIT ?", (device, end, BESIDE)).fetchall()
    found: Hours = {}
    for (hour,) in before + after:
        found |= kept_from(db, device, hour, hour + 1)
    return found


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


def _hours(rows: Iterable[tuple[float, ...]]) -> Hours:
    found: Hours = {}
    for hour, n, life, a_at, a_kwh, a_w, b_at, b_kwh, b_w in rows:
        first, last = Stand(a_at / 1000, int(life), a_kwh, a_w), Stand(b_at / 1000, int(life), b_kwh, b_w)
        found.setdefault(int(hour), []).append(Stretch(first, last, int(n)))
    return found
